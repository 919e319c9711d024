import Arbitration
import Primitives
import Testing
import VRRP

@testable import Greeting

/// Milliseconds.
func at(_ milliseconds: Int64) -> Instant { Instant(nanoseconds: milliseconds * 1_000_000) }

func host(_ last: UInt8) -> IPAddress { .v4(IPv4Address(10, 0, 0, last)) }

/// Machines that hear each other at once, each way taking `way`.
struct Company {
    var machines: [GreetingMachine] = []
    var notes: [[GreetingNote]] = []
    /// What was said: by whom, to whom.
    var wire: [(from: Int, to: IPAddress, bytes: [UInt8])] = []
    var way: Int64 = 1

    init(_ priorities: [UInt8], isMulticast: Bool = false, key: String? = "key") throws {
        for (index, priority) in priorities.enumerated() {
            let others = priorities.indices.filter { $0 != index }.map { host(UInt8($0 + 1)) }
            var facts = GreetingFacts(name: try #require(HolderName(["a", "b", "c", "d"][index])))
            facts.priority = Priority(priority)
            facts.role = index == 0 ? .master : .backup
            let settings = GreetingSettings(
                router: try #require(VirtualRouterID(51)), family: .ipv4, incarnation: Incarnation(UInt64(index + 0xA)),
                address: host(UInt8(index + 1)),
                way: isMulticast ? .multicast(group: .v4(IPv4Address(224, 0, 0, 18))) : .unicast(others),
                seal: key.map { HelloSeal(key: Secret(Array($0.utf8))) })
            machines.append(GreetingMachine(settings: settings, facts: facts, random: SplitMix64(seed: UInt64(index))))
            notes.append([])
        }
    }

    /// Lets one machine act at a time in milliseconds, and carries what it says, and what comes of that, to the others.
    mutating func act(
        _ index: Int, at time: Int64, _ body: (inout GreetingMachine, Instant, inout [GreetingEffect]) -> Void
    ) {
        var effects: [GreetingEffect] = []
        body(&machines[index], at(time), &effects)
        for effect in effects {
            switch effect {
            case .note(let note): notes[index].append(note)
            case .send(let bytes, let destination):
                wire.append((index, destination, bytes))
                for other in machines.indices where other != index && reaches(other, destination) {
                    act(other, at: time + way) {
                        $0.receive(bytes, from: host(UInt8(index + 1)), hopLimit: 255, at: $1, into: &$2)
                    }
                }
            }
        }
    }

    private func reaches(_ index: Int, _ destination: IPAddress) -> Bool {
        destination.isMulticast || destination == host(UInt8(index + 1))
    }

    mutating func start() {
        for index in machines.indices { act(index, at: 0) { $0.start(at: $1, into: &$2) } }
    }

    /// Runs from one time to another in steps of 10 ms, in milliseconds.
    mutating func run(_ from: Int64, _ to: Int64) {
        for time in stride(from: from, through: to, by: 10) {
            for index in machines.indices where machines[index].nextDeadline.map({ $0 <= at(time) }) ?? false {
                act(index, at: time) { $0.advance(to: $1, into: &$2) }
            }
        }
    }

    mutating func change(_ index: Int, at time: Int64, _ body: (inout GreetingFacts) -> Void) {
        var facts = machines[index].facts
        body(&facts)
        act(index, at: time) { $0.update(facts, at: $1, into: &$2) }
    }

    /// The rules of what was noted since.
    mutating func takeRules(_ index: Int) -> [RuleID] {
        defer { notes[index] = [] }
        return notes[index].map(\.rule)
    }

    /// Started, acquainted, and quiet at one second.
    static func acquainted(_ priorities: [UInt8], isMulticast: Bool = false) throws -> Company {
        var company = try Company(priorities, isMulticast: isMulticast)
        company.start()
        company.run(10, 1000)
        for index in company.machines.indices { company.notes[index] = [] }
        return company
    }
}

@Suite struct GreetingMachineTests {
    @Test(
        "hello.peer.joined: nodes know each other within half a second, and what each holds true",
        arguments: [false, true])
    func joined(isMulticast: Bool) throws {
        var company = try Company([150, 100, 50], isMulticast: isMulticast)
        company.start()
        company.run(10, 500)
        for machine in company.machines {
            #expect(machine.peers.count == 2)
            for peer in machine.peers {
                let other = try #require(company.machines.first { $0.settings.incarnation == peer.incarnation })
                #expect(peer.facts == other.facts)
                #expect(machine.hears(peer, at: at(500)))
                #expect(peer.roundTrip == .milliseconds(2))
            }
        }
        #expect(company.takeRules(0).filter { $0 == .helloJoined }.count == 2)
    }

    @Test("Where nobody answers, hellos become as rare as one a minute") func silence() throws {
        var company = try Company([150, 100])
        company.act(0, at: 0) { $0.start(at: $1, into: &$2) }
        company.run(10, 600_000)
        // 0, 3, 9, 21, 45, then each minute less a tenth, with some jitter.
        #expect((13...16).contains(company.wire.count), "\(company.wire.count)")
        #expect(company.notes[0].isEmpty)
        #expect(company.machines[0].handOver(from: host(2), at: at(600_000)) == nil)
        // The other comes at last.
        company.act(1, at: 600_010) { $0.start(at: $1, into: &$2) }
        company.run(600_010, 600_500)
        #expect(company.machines[0].peers.count == 1 && company.machines[1].peers.count == 1)
    }

    @Test("Hellos leave every three seconds, a tenth more or less, and a change at once") func pace() throws {
        var company = try Company.acquainted([150, 100])
        company.wire = []
        company.run(1000, 301_000)
        #expect((180...230).contains(company.wire.count), "\(company.wire.count)")
        company.wire = []
        company.change(1, at: 302_000) { $0.priority = Priority(99) }
        #expect(company.wire.contains { $0.from == 1 })
        #expect(company.machines[0].peers[0].facts.priority == Priority(99))
        #expect(company.takeRules(0) == [.helloChanged])
    }

    @Test("Ten hellos a second at most, whatever changes") func rate() throws {
        var company = try Company.acquainted([150, 100])
        company.run(1000, 2000)
        company.wire = []
        for time in stride(from: Int64(2000), to: 3000, by: 10) {
            company.change(1, at: time) { $0.priority = Priority(UInt8(time / 10 % 90) + 1) }
            company.run(time, time)
        }
        #expect(company.wire.filter { $0.from == 1 }.count <= 10)
        company.run(3000, 3100)
        #expect(company.machines[0].peers[0].facts == company.machines[1].facts)
    }

    @Test("hello.peer.lost: after three intervals of silence, and it is met again") func lost() throws {
        var company = try Company.acquainted([150, 100])
        let silent = company.machines[1]
        var time: Int64 = 1000
        while company.machines[0].peers.count == 1, time < 20_000 {
            time += 10
            // Its hellos are not carried.
            var effects: [GreetingEffect] = []
            company.machines[0].advance(to: at(time), into: &effects)
            for case .note(let note) in effects { company.notes[0].append(note) }
        }
        #expect((9000...11_000).contains(time))
        #expect(company.takeRules(0) == [.helloLost])
        company.machines[1] = silent
        company.run(time, time + 6600)
        #expect(company.machines[0].peers.count == 1)
        #expect(company.takeRules(0).first == .helloJoined)
    }

    @Test("hello.peer.restarted: a new process takes the place of the old, whose hellos count no more") func restarted()
        throws
    {
        var company = try Company.acquainted([150, 100])
        let old = company.machines[1]
        company.machines[1] = GreetingMachine(
            settings: renamed(old.settings, incarnation: 0xBB), facts: old.facts, random: SplitMix64(seed: 7))
        company.act(1, at: 2000) { $0.start(at: $1, into: &$2) }
        company.run(2000, 2500)
        #expect(company.machines[0].peers.map(\.incarnation) == [Incarnation(0xBB)])
        #expect(company.takeRules(0).first == .helloRestarted)
        // The old one's recordings, though they echo this very process.
        for spoken in company.wire where spoken.from == 1 {
            company.act(0, at: 2600) { $0.receive(spoken.bytes, from: host(2), hopLimit: 255, at: $1, into: &$2) }
        }
        #expect(company.machines[0].peers.map(\.incarnation) == [Incarnation(0xBB)])
        #expect(company.takeRules(0) == [])
        #expect(company.machines[0].rejections[Int(HelloRejection.replayed.rawValue)] > 0)
    }

    @Test("A late word of the process before does not shut out the one that lives") func lateWord() throws {
        var company = try Company.acquainted([150, 100])
        let old = company.machines[1]
        // The old process answers once more, and that is under way when it dies.
        company.run(1000, 4400)
        var dying = company.machines[1]
        var late: [GreetingEffect] = []
        dying.update(GreetingFacts(name: old.facts.name, priority: Priority(7)), at: at(4500), into: &late)
        guard case .send(let bytes, _)? = late.first else { preconditionFailure("a change is told") }
        // This node forgets it, as if it had been silent for long; the late word is the first that it hears again.
        company.machines[1] = GreetingMachine(
            settings: renamed(old.settings, incarnation: 0xBB), facts: old.facts, random: SplitMix64(seed: 7))
        let saidBefore = company.machines[0].sequence - 1
        company.machines[0].peers = []
        company.act(1, at: 4600) { $0.start(at: $1, into: &$2) }
        company.run(4600, 5000)
        company.machines[0].candidates = [
            GreetingCandidate(
                incarnation: old.settings.incarnation, address: host(2), sequence: 1, heardAt: at(4000),
                since: at(4000),
                saidBefore: min(saidBefore, dying.peers[0].sequence - 1))
        ]
        company.act(0, at: 5010) { $0.receive(bytes, from: host(2), hopLimit: 255, at: $1, into: &$2) }
        #expect(company.machines[0].peers.map(\.incarnation) == [Incarnation(0xBB)])
        company.run(5020, 12_000)
        #expect(company.machines[0].peers.map(\.incarnation) == [Incarnation(0xBB)])
        #expect(!company.takeRules(0).contains(.helloNameTwice))
    }

    private func renamed(_ settings: GreetingSettings, incarnation: UInt64) -> GreetingSettings {
        var settings = settings
        settings.incarnation = Incarnation(incarnation)
        return settings
    }

    @Test("hello.peer.name-twice: two living nodes of one name are told of once") func nameTwice() throws {
        var company = try Company([150, 100, 50])
        company.machines[2] = GreetingMachine(
            settings: company.machines[2].settings, facts: company.machines[1].facts, random: SplitMix64(seed: 3))
        company.start()
        company.run(10, 20_000)
        #expect(company.notes[0].count { $0.rule == .helloNameTwice } == 1)
        #expect(company.notes[1].count { $0.rule == .helloNameTwice } == 1)
        #expect(company.machines[0].peers.count == 1)
    }

    @Test("hello.mismatch: each difference is told once with both values, and once when it is gone") func mismatches()
        throws
    {
        var company = try Company.acquainted([150, 100])
        let terms = try LeaseTerms(duration: .seconds(3))
        company.change(1, at: 2000) {
            $0.version = .v2
            $0.interval = Centiseconds(200)
            $0.addresses = 7
            $0.authentication = GreetingFacts.Authentication(.password)
            $0.lease = GreetingFacts.Lease(digest: 1, terms: terms)
        }
        let all: [RuleID] = [
            .helloOtherVersion, .helloOtherInterval, .helloOtherAddresses, .helloOtherAuthentication, .helloOtherLease,
        ]
        let told = company.notes[0]
        #expect(company.takeRules(0) == [.helloChanged] + all)
        let name = try #require(company.machines[0].peers.first).name
        #expect(told.contains(.mismatch(.interval(own: Centiseconds(100), theirs: Centiseconds(200)), with: name)))
        #expect(company.takeRules(1) == all)
        company.run(2000, 30_000)
        #expect(company.takeRules(0) == [])
        company.change(1, at: 30_000) {
            $0 = GreetingFacts(name: $0.name, role: $0.role, priority: $0.priority)
        }
        #expect(company.notes[0].contains(.settled(.helloOtherLease, with: name)))
        #expect(company.machines[0].peers[0].mismatches.isEmpty)
    }

    @Test("What is not listened to counts, and is told once a minute") func rejections() throws {
        var company = try Company([150, 100], isMulticast: true)
        company.start()
        let bytes = try makeHello("x", incarnation: 9).encoded(seal: HelloSeal(key: Secret(Array("key".utf8))))
        for time in stride(from: Int64(2000), to: 130_000, by: 1000) {
            company.act(0, at: time) {
                $0.receive(bytes, from: host(9), hopLimit: 254, at: $1, into: &$2)
                $0.receive([1, 2, 3], from: host(9), hopLimit: 255, at: $1, into: &$2)
            }
        }
        #expect(company.notes[0].count { $0.rule == .helloHopLimit } == 3)
        #expect(company.notes[0].count { $0.rule == .helloMalformed } == 3)
        #expect(company.machines[0].rejections[Int(HelloRejection.hopLimit.rawValue)] == 128)

        var few = try Company([150, 100])
        few.start()
        few.act(0, at: 10) { $0.receive(bytes, from: host(9), hopLimit: 64, at: $1, into: &$2) }
        #expect(few.notes[0].contains(.refused(.stranger, from: host(9))))
    }

    @Test("Memory is bounded: 16 peers, 16 candidates, and whoever waits in vain gives way") func crowd() throws {
        var company = try Company([150, 100], isMulticast: true, key: nil)
        company.start()
        for index in UInt64(100)..<1000 {
            let bytes = try makeHello("n\(index)", incarnation: index).encoded(seal: nil)
            company.act(0, at: Int64(index)) { $0.receive(bytes, from: host(9), hopLimit: 255, at: $1, into: &$2) }
        }
        #expect(company.machines[0].candidates.count == 16)
        #expect(company.machines[0].peers.count <= 1)
        #expect(company.machines[0].rejections[Int(HelloRejection.crowded.rawValue)] > 0)
        // None of them was believed, and an honest one comes through.
        let late = try makeHello("late", incarnation: 5000).encoded(seal: nil)
        company.act(0, at: 3000) { $0.receive(late, from: host(9), hopLimit: 255, at: $1, into: &$2) }
        #expect(company.machines[0].candidates.contains { $0.incarnation == Incarnation(5000) })
    }
}

@Suite struct HandOverTests {
    @Test("hello.hand-over.named: the departing master's successor answers at once, the others a slot later each")
    func named() throws {
        var company = try Company.acquainted([150, 100, 120, 50])
        company.run(1000, 5000)
        company.change(0, at: 5010) { $0.isDeparting = true }
        let turns = (1...3).map { company.machines[$0].handOver(from: host(1), at: at(5020)) }
        #expect(turns.map { $0?.rank } == [1, 0, 2])
        #expect(turns.map { $0?.rule } == [.helloTurn, .helloNamed, .helloTurn])
        #expect(turns[1]?.delay == .zero)
        // 2D is 2 ms and E is 2 ms: the shortest slot.
        #expect(turns[0]?.delay == .milliseconds(5) && turns[2]?.delay == .milliseconds(10))
        #expect(turns.allSatisfy { $0?.includesAll == true })
        #expect(company.takeRules(2).contains(.helloNamed))
        #expect(company.takeRules(1).contains(.helloDeparts))
    }

    @Test("A slot is as long as the farthest two need, and all go by the same") func slots() throws {
        var company = try Company([150, 100, 50])
        company.way = 20
        company.start()
        company.run(10, 8000)
        for machine in company.machines { #expect(machine.slot == .milliseconds(42)) }
    }

    @Test("Whoever may not be master has no turn, and is not named") func eligible() throws {
        var company = try Company.acquainted([150, 120, 100])
        company.change(1, at: 2000) { $0.obstacle = HelloText("link down") }
        company.change(0, at: 2100) { $0.isDeparting = true }
        #expect(company.machines[1].handOver(from: host(1), at: at(2200)) == nil)
        #expect(company.machines[2].handOver(from: host(1), at: at(2200))?.isNamed == true)
    }

    @Test("A master that does not greet is waited for as VRRP has it; in a group nobody knows who is silent")
    func silent() throws {
        let alone = try Company.acquainted([150, 100])
        #expect(alone.machines[1].handOver(from: host(3), at: at(1000)) == nil)
        #expect(alone.machines[1].handOver(from: host(1), at: at(1000))?.includesAll == true)
        #expect(alone.machines[1].soleRival(at: at(1000))?.address == host(1))
        // What it last heard is too old to build on.
        #expect(alone.machines[1].handOver(from: host(1), at: at(60_000)) == nil)
        let group = try Company.acquainted([150, 100], isMulticast: true)
        #expect(group.machines[1].handOver(from: host(1), at: at(1000))?.includesAll == false)
        #expect(group.machines[1].soleRival(at: at(1000)) == nil)
    }

    @Test("Equal priorities rank by address, and every node sees the same order") func ranking() throws {
        let company = try Company.acquainted([100, 100, 100])
        for machine in company.machines {
            #expect(machine.ranking(at: at(1000)) == [0xC, 0xB, 0xA].map(Incarnation.init))
        }
    }

    @Test("hello.hand-over.claimed: a master hears once that one who ranks before it wants to be master") func claims()
        throws
    {
        var company = try Company.acquainted([100, 150, 50])
        company.change(2, at: 2000) { $0.claims = true }
        #expect(company.takeRules(0) == [.helloChanged])
        company.change(1, at: 2200) { $0.claims = true }
        company.run(2200, 10_000)
        #expect(company.takeRules(0) == [.helloChanged, .helloClaimed])
        #expect(!company.takeRules(2).contains(.helloClaimed))
    }

    @Test("hello.promise: what the holder asked is promised from the sending of its request") func promises() throws {
        var company = try Company.acquainted([150, 100])
        let lease = GreetingFacts.Lease(digest: 1, terms: try LeaseTerms(duration: .seconds(3)))
        for index in 0..<2 { company.change(index, at: 2000 + Int64(index) * 200) { $0.lease = lease } }
        company.run(2000, 3000)
        company.notes = [[], []]
        company.act(0, at: 6500) { $0.ask(promiseFor: .seconds(3), at: $1, into: &$2) }
        company.run(6500, 6600)
        guard case .promiseAsked(let asker, let sequence, let duration, _)? = company.notes[1].first else {
            Issue.record("\(company.notes[1])")
            return
        }
        #expect(company.takeRules(1).first == .helloPromiseAsked)
        #expect(duration == .seconds(3))
        company.notes[0] = []
        company.act(1, at: 7000) {
            $0.promise(duration, to: asker.incarnation, sequence: sequence, at: $1, into: &$2)
        }
        company.run(7000, 7200)
        let promised = company.notes[0].filter { $0.rule == .helloPromised }
        let peer = try #require(company.machines[0].peers.first).name
        #expect(promised.count == 1)
        if case .promised(let by, let since, let span)? = promised.first {
            #expect(by == peer && span == .seconds(3) && (at(6500)...at(6600)).contains(since))
        }
        // A promise that nobody asked for, or about another lease, is none.
        company.act(0, at: 8000) { $0.ask(promiseFor: nil, at: $1, into: &$2) }
        company.run(8000, 12_000)
        company.notes[0] = []
        let last = company.machines[0].sequence
        company.act(1, at: 12_100) { $0.promise(.seconds(9), to: asker.incarnation, sequence: last, at: $1, into: &$2) }
        company.run(12_100, 12_300)
        #expect(!company.takeRules(0).contains(.helloPromised))
    }
}
