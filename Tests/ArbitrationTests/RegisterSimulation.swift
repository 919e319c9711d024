import Primitives

@testable import Arbitration

/// Nodes with a Corosync, a register and a lease machine each, on a seeded event queue in true time.
///
/// Totem as far as it matters: a ring has one order of messages; when it breaks, each member has got some beginning of them, and
/// those that go on together bring each other level before they hear of the new ring. One of a broken ring may still have its
/// token: until its own timers run, which after a pause is some time after it goes on, it takes messages from its clients and
/// delivers them to itself, in the old ring, quorate as ever.
///
/// While faults are on: nodes are cut off, alone or in groups; Corosyncs stop, go on, crash and start; registers stop, crash between any
/// two effects and start from what is on disk; lease machines crash or outlive their register; disks are slow; the two services
/// of Corosync are heard in any order. Clocks run at the limits of Φ. After that all is well, and everybody wants to hold.
struct RegisterSimulation {
    typealias Nanoseconds = Int64
    static let millisecond: Nanoseconds = 1_000_000
    static let lease: Nanoseconds = 1_000 * millisecond

    enum Entry {
        case data([UInt8], from: RegisterMember)
        case join(RegisterMember)
        case leave(RegisterMember)
    }

    struct Ring {
        var id: RingID
        var nodes: [Int]
        var log: [Entry] = []
        /// What only the last holder of the token has.
        var fork: [Entry] = []
        var isBroken = false
        var holder: Int?
        var received: [Int: Int] = [:]

        func entry(_ index: Int) -> Entry { index < log.count ? log[index] : fork[index - log.count] }
    }

    enum Callback {
        case data([UInt8], from: RegisterMember)
        case ring(RingID)
        case members([RegisterMember])
        case quorum(Bool, RingID)
        case lost
    }

    struct Node {
        var id: UInt32
        var offset: Nanoseconds
        var rate: Nanoseconds
        // Corosync
        var isUp = true
        var isStopped = false
        var stops = 0
        var ring: Int?
        var read = 0
        var sequence: UInt64 = 0
        var outbox: [Entry] = []
        var group: [RegisterMember] = []
        var joined: RegisterMember?
        var side = 0
        var quorumAt: Nanoseconds = 0
        // Register
        var life: UInt32 = 0
        var isAlive = true
        var isConnected = false
        var register: CorosyncRegister
        var disk = RegisterMemory()
        var inbox: [Callback] = []
        var readyAt: Nanoseconds = 0
        // Lease machine
        var machine: LeaseMachine
        var fence: (until: Instant, epoch: Epoch)?
        var tenure: Epoch?

        func local(_ time: Nanoseconds) -> Instant { Instant(nanoseconds: offset + time * rate / 1000) }
        func trueTime(_ instant: Instant) -> Nanoseconds {
            let span = instant.nanoseconds - offset
            return span <= 0 ? 0 : (span * 1000 + rate - 1) / rate
        }
        func serves(at time: Nanoseconds) -> Bool { fence.map { local(time) < $0.until } ?? false }
        var member: RegisterMember { RegisterMember(node: id, process: life) }
    }

    enum Event {
        case form
        case detect(Int, stops: Int)
        case goOn(Int)
        case arrive(ring: Int, Int, count: Int)
        case enqueue(Int, Entry, life: UInt32)
        case pump(Int)
        case hear(Int, Callback, life: UInt32)
        case turn(Int)
        case disk(Int, RegisterMemory, life: UInt32)
        case wake(Int)
        case disturb(Int)
        case startCorosync(Int)
        case startRegister(Int)
        case connect(Int, life: UInt32)
        case heal
    }

    var random: SplitMix64
    let bug: RegisterBug?
    var nodes: [Node] = []
    var rings: [Ring] = []
    var queue: [(time: Nanoseconds, event: Event)] = []
    var lives: UInt64 = 0
    var violation: String?
    var highestEpoch = Epoch.none
    var takings: Set<RuleID> = []
    var grants = 0
    /// Things that the seeds together must have met.
    var met: Set<String> = []

    let calm: Nanoseconds = 7 * lease
    var settled: Nanoseconds { calm + 5 * Self.lease }
    var end: Nanoseconds { settled + 2 * Self.lease }
    let between: Nanoseconds
    var electorate: Electorate { Electorate(nodes.map { Electorate.Voter(node: $0.id, votes: 1) }) }

    init(seed: UInt64, bug: RegisterBug?) throws {
        random = SplitMix64(seed: seed)
        self.bug = bug
        between = Self.lease * Int64.random(in: 1...5, using: &random)
        let count = [3, 3, 3, 5, 4][Int.random(in: 0..<5, using: &random)]
        for index in 0..<count {
            // One slow clock among fast ones, mostly.
            let rate: Int64 =
                1000 + (chance(70) ? (index == 0 ? 100 : -100) : Int64.random(in: -100...100, using: &random))
            let offset = Int64.random(in: 0...(1000 * Self.lease), using: &random)
            let machine = try makeMachine(index, predecessor: nil)
            var node = Node(
                id: UInt32(index + 1), offset: offset, rate: rate,
                register: CorosyncRegister(memory: RegisterMemory(), at: .zero), machine: machine)
            node.register = CorosyncRegister(memory: node.disk, at: node.local(0))
            node.register.bug = bug
            nodes.append(node)
        }
        for index in nodes.indices {
            schedule(.startRegister(index), at: Int64.random(in: 0...(Self.lease / 2), using: &random))
            nodes[index].isAlive = false
            schedule(.disturb(index), at: Int64.random(in: 0...between, using: &random))
        }
        schedule(.form, at: 0)
        schedule(.heal, at: calm)
    }

    mutating func makeMachine(_ index: Int, predecessor: Incarnation?) throws -> LeaseMachine {
        lives += 1
        let duration: Int64 = chance(80) ? 1000 : 600
        guard let name = HolderName("n\(index + 1)") else { throw LeaseTerms.Refusal.notPositive }
        return LeaseMachine(
            holder: name, incarnation: Incarnation(lives),
            terms: try LeaseTerms(duration: .milliseconds(duration)), predecessor: predecessor)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func span(_ milliseconds: Int64) -> Nanoseconds {
        Int64.random(in: 0...(milliseconds * Self.millisecond), using: &random)
    }

    mutating func schedule(_ event: Event, at time: Nanoseconds) {
        var (low, high) = (0, queue.count)
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].time <= time { high = middle } else { low = middle + 1 }
        }
        queue.insert((time, event), at: low)
    }

    /// Runs to the end; what was broken, if anything.
    mutating func run() throws -> String? {
        while violation == nil, let (time, event) = queue.popLast() {
            guard time <= end else { break }
            try handle(event, at: time)
        }
        if violation == nil, nodes.indices.count(where: { nodes[$0].serves(at: end) }) != 1 {
            violation = "LIVE-1: nobody holds at the end"
        }
        return violation
    }

    private mutating func handle(_ event: Event, at now: Nanoseconds) throws {
        switch event {
        case .form: form(at: now)
        case .detect(let index, let stops):
            guard nodes[index].isStopped, nodes[index].stops == stops else { return }
            met.insert("stopped for longer than the token")
            breakRing(of: index, holder: index)
            schedule(.form, at: now + span(60))
        case .goOn(let index): goOn(index, at: now)
        case .arrive(let ring, let index, let count):
            guard nodes[index].ring == ring, !rings[ring].isBroken else { return }
            rings[ring].received[index] = max(rings[ring].received[index] ?? 0, count)
            deliver(index, at: now)
        case .enqueue(let index, let entry, let life):
            guard nodes[index].isUp, nodes[index].life == life, nodes[index].isConnected else { return }
            nodes[index].outbox.append(entry)
            pump(index, at: now)
        case .pump(let index): pump(index, at: now)
        case .hear(let index, let callback, let life):
            guard nodes[index].life == life, nodes[index].isAlive, nodes[index].isConnected else { return }
            nodes[index].inbox.append(callback)
            turn(index, at: now)
        case .turn(let index): turn(index, at: now)
        case .disk(let index, let memory, let life):
            guard nodes[index].life == life, nodes[index].isAlive else { return }
            nodes[index].disk = memory
            nodes[index].register.remembered(memory)
            turn(index, at: now)
        case .wake(let index): wake(index, at: now)
        case .disturb(let index): try disturb(index, at: now)
        case .startCorosync(let index):
            guard !nodes[index].isUp else { return }
            nodes[index].isUp = true
            schedule(.form, at: now + span(100))
        case .startRegister(let index): try startRegister(index, at: now)
        case .connect(let index, let life):
            guard nodes[index].life == life, nodes[index].isAlive, !nodes[index].isConnected else { return }
            connect(index, at: now)
        case .heal:
            for index in nodes.indices {
                nodes[index].side = 0
                nodes[index].isUp = true
                if nodes[index].isStopped { goOn(index, at: now) }
                nodes[index].readyAt = min(nodes[index].readyAt, now)
                try startRegister(index, at: now)
                machine(index, at: now) { $0.update(wants: true, at: $1, into: &$2) }
            }
            schedule(.form, at: now + span(100))
        }
    }
}
