import Primitives
import Testing

@testable import Arbitration

/// Members of one register on a bus that delivers everything to all of a ring, in one order.
struct RegisterBench {
    var registers: [CorosyncRegister]
    var reports: [[LeaseReport]]
    var memories: [RegisterMemory]
    var bus: [(bytes: [UInt8], from: Int)] = []
    var connected: [Int] = []
    var sequence: UInt64 = 0
    var electorate: Electorate
    var doubts = 0
    /// Whether disks take what they are given.
    var disksWork = true
    var now = Instant(nanoseconds: 1_000_000_000)
    var processes: [UInt32]

    static let lease = LeaseName("cluster/group")

    init(_ count: Int, memory: RegisterMemory = RegisterMemory()) {
        registers = (0..<count).map { _ in CorosyncRegister(memory: memory, at: Instant(nanoseconds: 1_000_000_000)) }
        reports = Array(repeating: [], count: count)
        memories = Array(repeating: memory, count: count)
        processes = (0..<count).map { UInt32(100 + $0) }
        electorate = Electorate((0..<count).map { Electorate.Voter(node: UInt32($0 + 1), votes: 1) })
    }

    func member(_ index: Int) -> RegisterMember {
        RegisterMember(node: UInt32(index + 1), process: processes[index])
    }

    mutating func connect(_ index: Int) { registers[index].connect(as: member(index), electorate, at: now) }

    /// These form a ring; what was under way is lost. Quorate: by default, when they are a majority.
    mutating func ring(_ members: [Int], quorate: Bool? = nil) {
        sequence += 4
        bus = []
        connected = members
        let id = RingID(sequence: sequence, node: UInt32(members[0] + 1))
        var effects: [RegisterEffect] = []
        for index in members {
            registers[index].update(members: members.map(member), at: now, into: &effects)
            registers[index].update(ring: id, at: now, into: &effects)
            registers[index].update(
                quorate: quorate ?? (members.count > registers.count / 2), id, at: now, into: &effects)
            perform(&effects, index)
        }
        run()
    }

    mutating func perform(_ effects: inout [RegisterEffect], _ index: Int) {
        for effect in effects {
            switch effect {
            case .multicast(let bytes): bus.append((bytes, index))
            case .report(let report): reports[index].append(report)
            case .remember(let memory):
                guard disksWork else { continue }
                memories[index] = memory
                registers[index].remembered(memory)
            case .readElectorate: doubts += 1
            case .unreadable: doubts += 1000
            }
        }
        effects = []
    }

    /// Delivers until nothing moves, or `most` messages.
    mutating func run(most: Int = 1000) {
        var left = most
        repeat {
            var effects: [RegisterEffect] = []
            for index in connected {
                registers[index].flush(at: now, into: &effects)
                perform(&effects, index)
            }
            guard left > 0, !bus.isEmpty else { return }
            left -= 1
            let (bytes, from) = bus.removeFirst()
            for index in connected {
                registers[index].receive(bytes, from: member(from), at: now, into: &effects)
                perform(&effects, index)
            }
        } while true
    }

    mutating func ask(_ index: Int, _ kind: LeaseQuestion.Kind, request: UInt64 = 1, lease: LeaseName? = Self.lease) {
        guard let lease else { return }
        var effects: [RegisterEffect] = []
        registers[index].ask([LeaseQuestion(lease: lease, request: request, kind: kind)], at: now, into: &effects)
        perform(&effects, index)
    }

    mutating func answer(_ index: Int) -> LeaseAnswer? {
        defer { reports[index] = [] }
        for report in reports[index] {
            if case .answer(_, let answer) = report.kind { return answer }
        }
        return nil
    }

    static func started(_ count: Int, memory: RegisterMemory = RegisterMemory()) -> RegisterBench {
        var bench = RegisterBench(count, memory: memory)
        for index in 0..<count { bench.connect(index) }
        bench.ring(Array(0..<count))
        return bench
    }

    /// What a free lease that nobody wrote looks like.
    mutating func unwritten() throws -> LeaseRecord {
        ask(0, .read)
        run()
        guard case .found(let record) = answer(0) else { throw Missing() }
        return try #require(record)
    }
    struct Missing: Error {}
}

@Suite struct CorosyncRegisterTests {
    @Test("A write stands when a majority has carried it out, and not when it comes back") func majority() throws {
        var bench = RegisterBench.started(3)
        let free = try bench.unwritten()
        let mine = try Bench.record("a", version: 1)
        bench.ask(0, .write(mine, replacing: free))
        bench.connected = [0]
        bench.run()
        #expect(bench.answer(0) == nil, "its own delivery, and its own acknowledgement")
        bench = RegisterBench.started(3)
        bench.ask(0, .write(mine, replacing: try bench.unwritten()))
        bench.connected = [0, 1]
        bench.run()
        #expect(bench.answer(0) == .granted)
        #expect(bench.reports[1].map(\.kind) == [.news(mine)])
    }

    @Test("What was not read is not replaced, and what stands is said") func compares() throws {
        var bench = RegisterBench.started(3)
        let free = try bench.unwritten()
        #expect(free.isFree && free.epoch == .none && free.version == 0)
        let mine = try Bench.record("a", version: 1)
        bench.ask(0, .write(mine, replacing: free))
        bench.run()
        #expect(bench.answer(0) == .granted)
        for wrong in [nil, free] {
            bench.ask(1, .write(try Bench.record("b", version: 2), replacing: wrong))
            bench.run()
            bench.reports[1].removeAll { if case .news = $0.kind { true } else { false } }
            #expect(bench.answer(1) == .refused(standing: mine))
        }
        bench.ask(1, .write(try Bench.record("b", version: 1), replacing: mine))
        bench.run()
        #expect(bench.answer(1) == .refused(standing: mine), "a version again")
    }

    @Test("What is not answered when the view changes may stand or not; what stood goes on standing") func changes()
        throws
    {
        var bench = RegisterBench.started(3)
        let free = try bench.unwritten()
        let mine = try Bench.record("a", version: 1)
        bench.ask(0, .write(mine, replacing: free))
        bench.run(most: 1)
        bench.ring([1, 2])
        #expect(bench.answer(0) == nil)
        var effects: [RegisterEffect] = []
        bench.registers[0].update(ring: RingID(sequence: 99, node: 1), at: bench.now, into: &effects)
        bench.perform(&effects, 0)
        #expect(bench.answer(0) == .ambiguous)
        bench.reports[1] = []
        bench.ask(1, .read)
        bench.run()
        #expect(bench.answer(1) == .found(mine), "two had delivered it")
    }

    @Test("Without quorum nothing is asked and nothing acknowledged, whatever the ring") func quorum() throws {
        var bench = RegisterBench.started(3)
        bench.ring([0, 1, 2], quorate: false)
        bench.ask(0, .read)
        #expect(bench.answer(0) == .ambiguous)
        #expect(bench.registers[0].standing == .notQuorate)
        bench.ring([0])
        #expect(bench.registers[0].standing == .notQuorate)
        bench.ring([0], quorate: true)
        #expect(bench.registers[0].standing == .gathering(voters: [1]), "quorate as with two_node: no majority")
        bench.ask(0, .read)
        #expect(bench.answer(0) == .ambiguous)
        bench.ring([0, 2])
        #expect(bench.registers[0].standing == .ready)
    }

    @Test("Of tables the one from the latest primary counts, not the one with higher versions") func unites() throws {
        for bug in [nil, RegisterBug.newestVersionWins] {
            var bench = RegisterBench.started(3)
            for index in 0..<3 { bench.registers[index].bug = bug }
            let free = try bench.unwritten()
            let base = try Bench.record("a", version: 1)
            bench.ask(0, .write(base, replacing: free))
            bench.run()
            // The first node goes on in the old ring alone; nobody grants that.
            let stale = try Bench.record("a", request: 2, version: 2)
            bench.connected = [0]
            bench.ask(0, .write(stale, replacing: base), request: 2)
            bench.run()
            // The others: a taker.
            bench.ring([1, 2])
            let taken = try Bench.record("b", epoch: 2, version: 2)
            bench.reports = [[], [], []]
            bench.ask(1, .write(taken, replacing: base))
            bench.run()
            #expect(bench.answer(1) == .granted)
            bench.ring([0, 1])
            bench.reports = [[], [], []]
            bench.ask(1, .read)
            bench.run()
            #expect(bench.answer(1) == .found(bug == nil ? taken : stale))
        }
    }

    @Test("An acknowledgement waits for the disk") func disk() throws {
        var bench = RegisterBench.started(3)
        bench.disksWork = false
        let free = try bench.unwritten()
        let mine = try Bench.record("a", version: 1)
        bench.ask(0, .write(mine, replacing: free))
        bench.run()
        #expect(bench.answer(0) == nil)
        let needed = RegisterMemory(bound: 1 + (1 << 32), wait: mine.terms.waitingTime)
        for index in 0..<3 { bench.registers[index].remembered(needed) }
        bench.run()
        #expect(bench.answer(0) == .granted)
    }

    @Test(
        "All restarted: nothing for the longest wait that was acknowledged, and then numbers above all that were used")
    func restarts() throws {
        let memory = RegisterMemory(bound: 7 << 32, wait: .milliseconds(1100))
        var bench = RegisterBench.started(3, memory: memory)
        let until = bench.now + .milliseconds(1100)
        #expect(bench.registers[0].standing == .recovering(until: until))
        #expect(bench.registers[0].nextDeadline == until)
        bench.ask(0, .read)
        #expect(bench.answer(0) == .ambiguous)
        bench.now = until
        bench.run()
        let free = try bench.unwritten()
        #expect(free.epoch == Epoch(7 << 32) && free.version == 7 << 32 && free.isFree)
    }

    @Test("Who is restarted alone counts again as soon as the others' table is its own") func rejoins() throws {
        var bench = RegisterBench.started(3)
        let free = try bench.unwritten()
        let mine = try Bench.record("a", version: 1)
        bench.ask(0, .write(mine, replacing: free))
        bench.run()
        bench.processes[2] += 1
        bench.registers[2] = CorosyncRegister(memory: bench.memories[2], at: bench.now)
        bench.connect(2)
        bench.ring([0, 1, 2])
        #expect(bench.registers[2].standing == .ready)
        bench.ring([1, 2])
        bench.reports = [[], [], []]
        bench.ask(2, .read)
        bench.run()
        #expect(bench.answer(2) == .found(mine))

        // With one that knows and one that forgot there is no majority of those who remember.
        bench.processes[2] += 1
        bench.registers[2] = CorosyncRegister(memory: bench.memories[2], at: bench.now)
        bench.connect(2)
        bench.ring([1, 2])
        #expect(bench.registers[1].standing == .gathering(voters: [2]))
        // When nobody can hold by what was forgotten it counts, and numbers are lifted.
        bench.now = bench.now + .milliseconds(1100)
        bench.run()
        bench.reports = [[], [], []]
        bench.ask(1, .read)
        bench.run()
        guard case .found(let found?) = bench.answer(1) else { throw RegisterBench.Missing() }
        #expect(found.holder == mine.holder && found.epoch >= Epoch(1 << 32) && found.version >= 1 << 32)
    }

    @Test("A table of any size goes over in parts") func large() throws {
        var bench = RegisterBench.started(3)
        let free = try bench.unwritten()
        for number in 0..<700 {
            let name = LeaseName("cluster/" + String(repeating: "g", count: 140) + "\(number)")
            bench.ask(
                0, .write(try Bench.record("a", version: 1), replacing: free),
                request: UInt64(number), lease: name)
            bench.run()
        }
        #expect(bench.registers[2].leaseCount == 700)
        bench.registers[2] = CorosyncRegister(memory: RegisterMemory(), at: bench.now)
        bench.processes[2] += 1
        bench.connect(2)
        bench.ring([0, 1, 2])
        #expect(bench.registers[2].leaseCount == 700)
    }

    @Test("Members that count votes differently read them again, and decide nothing together") func electorates() {
        var bench = RegisterBench(3)
        bench.connect(0)
        bench.connect(1)
        bench.electorate = Electorate((1...5).map { Electorate.Voter(node: $0, votes: 1) })
        bench.connect(2)
        bench.ring([0, 2])
        #expect(bench.doubts == 2)
        #expect(bench.registers[0].standing == .gathering(voters: [1]))
        var effects: [RegisterEffect] = []
        bench.registers[2].update(
            Electorate((1...3).map { Electorate.Voter(node: $0, votes: 1) }), at: bench.now, into: &effects)
        bench.perform(&effects, 2)
        bench.run()
        #expect(bench.registers[0].standing == .ready && bench.registers[2].standing == .ready, "in the same ring")
        #expect(bench.registers[0].primaryView == bench.registers[2].primaryView)
    }

    @Test("Two processes of one node take no part: each would remember half of what the node acknowledged") func twins()
    {
        var bench = RegisterBench.started(3)
        var effects: [RegisterEffect] = []
        let twin = RegisterMember(node: 2, process: 999)
        bench.registers[0].update(members: [0, 1, 2].map(bench.member) + [twin], at: bench.now, into: &effects)
        #expect(bench.registers[0].standing == .joining)
    }

    @Test("A view that does not come to work is begun anew") func begunAnew() {
        var bench = RegisterBench(3)
        for index in 0..<3 { bench.connect(index) }
        bench.ring([0, 1, 2])
        // One of three lost the others' states, however that came.
        bench.registers[2].primaryView = nil
        bench.run()
        #expect(bench.registers[2].standing == .gathering(voters: []))
        bench.now = bench.now + .seconds(5)
        bench.run()
        #expect(Set(bench.registers.map(\.primaryView)).count == 1 && bench.registers[2].standing == .ready)
    }

    @Test("Messages are read back as they were written; cut off, changed or foreign they are no message, and no trap")
    func codec() throws {
        let view = ViewTag(ring: RingID(sequence: 8, node: 1), digest: 77)
        let lease = try #require(RegisterBench.lease)
        let record = try Bench.record("a")
        let state = RegisterMessage.State(
            serial: 3, part: 0, parts: 1, isVoter: true,
            primary: PrimaryID(ring: RingID(sequence: 4, node: 2), ordinal: 9), floor: 5,
            leases: [RegisterMessage.Lease(name: lease, record: record)])
        let items = [
            RegisterMessage.Item(name: lease, write: nil),
            RegisterMessage.Item(name: lease, write: RegisterMessage.Write(record: record, replacing: nil)),
            RegisterMessage.Item(name: lease, write: RegisterMessage.Write(record: record, replacing: record)),
        ]
        let kinds: [RegisterMessage.Kind] = [
            .state(state), .request(number: 6, items), .acknowledgement(count: 7), .gather,
        ]
        for kind in kinds {
            let message = RegisterMessage(view: view, kind: kind)
            #expect(try RegisterMessage(decoding: message.encoded) == message)
            for length in 0..<message.encoded.count {
                #expect(throws: RegisterMessage.Unreadable.self) {
                    try RegisterMessage(decoding: Array(message.encoded[..<length]))
                }
            }
            #expect(throws: RegisterMessage.Unreadable.self) { try RegisterMessage(decoding: message.encoded + [0]) }
        }
        #expect(throws: RegisterMessage.Unreadable.notOurs) { try RegisterMessage(decoding: Array("hello".utf8)) }
        let memory = RegisterMemory(bound: 3 << 32, wait: .seconds(11))
        #expect(RegisterMemory(decoding: memory.encoded) == memory)
        #expect(RegisterMemory(decoding: Array(memory.encoded.dropLast())) == nil)
        var bench = RegisterBench.started(3)
        bench.bus.append((Array("hello".utf8), 0))
        bench.run()
        #expect(bench.doubts == 3000)
    }
}
