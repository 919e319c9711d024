import Primitives

@testable import Arbitration

/// Two nodes, sometimes a copy of the first, and one register that compares and swaps, on a seeded event queue in true time.
///
/// While faults are on: requests and answers are lost, late, cut off or reported lost though they arrive; processes pause between
/// any two effects, crash between any two, and come back as a known or an unknown successor, with other terms now and then; the
/// register is down for a while, or grants nothing. Clocks run at any rate within Φ, mostly at its limits. After that all is
/// well, and everybody wants to hold.
///
/// With `peers`, three nodes or two, of which most go on by promises of the others: see `LeaseSimulation+Peers.swift`.
///
/// A node serves from `mayHold` until its deadline by its own clock, as the fence does, whether its process lives or not.
struct LeaseSimulation {
    typealias Nanoseconds = Int64

    enum Event {
        case wake
        case perform(LeaseEffect, isBlind: Bool)
        case answer(LeaseAnswer, to: UInt64)
        case arrive(request: UInt64, LeaseRecord?, replacing: LeaseRecord?, isBlind: Bool)
        case disturb
        case restart
        case settle
        /// Of nodes among themselves.
        case greet
        case hello(SimulatedHello, from: Int)
        /// Between a node's session and a `WitnessMachine`, where there is one.
        case toWitness(WitnessDatagram)
        case toNode(WitnessDatagram)
        case sessionWake
        case witness(WitnessFault)
    }

    struct Entry {
        var time: Nanoseconds
        var actor: Int
        var life: UInt64
        var event: Event
    }

    struct Actor {
        var name: HolderName
        var offset: Nanoseconds
        /// Thousandths of true time.
        var rate: Nanoseconds
        var machine: LeaseMachine
        var isAlive = true
        var fence: (until: Instant, epoch: Epoch)?
        /// The epoch under which it has served without a stop.
        var tenure: Epoch?
        var readyAt: Nanoseconds = 0
        var wakeAt: Nanoseconds = 0
        var cutUntil: Nanoseconds = 0
        /// Whether half of its messages are late.
        var isSlow: Bool
        var session: WitnessSession?
        var policy = LeasePolicy.drop
        var company = SimulatedCompany()
        /// Whom its greetings do not reach, and when.
        var deaf: [Int: ClosedRange<Nanoseconds>] = [:]
        var muteUntil: [Int: Nanoseconds] = [:]

        func local(_ time: Nanoseconds) -> Instant { Instant(nanoseconds: offset + time * rate / 1000) }
        /// The first true time at which the clock shows `instant`.
        func trueTime(_ instant: Instant) -> Nanoseconds {
            let span = instant.nanoseconds - offset
            return span <= 0 ? 0 : (span * 1000 + rate - 1) / rate
        }
        func serves(at time: Nanoseconds) -> Bool { fence.map { local(time) < $0.until } ?? false }
    }

    static let second: Nanoseconds = 1_000_000_000

    var random: SplitMix64
    let bug: LeaseBug?
    var actors: [Actor] = []
    var queue: [Entry] = []
    var lives: UInt64 = 0
    var register: LeaseRecord?
    /// What stands in the place of the register; nil: nothing does.
    var witness: SimulatedWitness?
    var registerIsDown: ClosedRange<Nanoseconds>
    var registerIsQuiet: ClosedRange<Nanoseconds>
    var highestEpoch = Epoch.none
    var violation: String?
    var takings: Set<RuleID> = []
    var losses: Set<RuleID> = []
    let peers: Bool
    /// How often something was promised, a holder went on by promises, and a node was no member.
    var promises = 0
    var keepings = 0
    var exclusions = 0

    /// The longest lease of the run, in true time; faults end after four.
    let longest: Nanoseconds
    var calm: Nanoseconds { (peers ? 12 : 4) * longest }
    var settled: Nanoseconds { calm + (witness == nil ? 3 : 8) * longest }
    var end: Nanoseconds { settled + longest / 2 }

    /// Between two disturbances of one actor, at most. Few of them let a rare order of events run its course.
    let between: Nanoseconds

    init(seed: UInt64, bug: LeaseBug?, witness witnessBug: WitnessBug?? = nil, peers: Bool = false) throws {
        var random = SplitMix64(seed: seed)
        self.bug = bug
        self.peers = peers
        longest = Self.second
        between = Self.second * Int64.random(in: 1...4, using: &random)
        // Where it is down for all, nobody takes; where promises are at work, one is cut off from it.
        let start = peers ? 20 * longest : Int64.random(in: 0...(4 * longest), using: &random)
        registerIsDown = start...(start + max(0, Int64.random(in: (-2 * longest)...(2 * longest), using: &random)))
        let quiet = Int64.random(in: 0...(4 * longest), using: &random)
        registerIsQuiet = quiet...(quiet + max(0, Int64.random(in: (-3 * longest)...longest, using: &random)))
        self.random = random
        let names = Int.random(in: 0..<4, using: &self.random) == 0 ? ["a", "b", "a"] : ["a", "b"]
        if let witnessBug { addWitness(bug: witnessBug) }
        guard peers else {
            for name in names { try add(name) }
            return
        }
        // A witness may forget who the members are; where there are two nodes, the holder asks all there are.
        for name in witness == nil && chance(60) ? ["a", "b", "c"] : ["a", "b"] { try add(name) }
        muteOne()
    }

    private mutating func add(_ name: String) throws {
        let drift: UInt16 = pick([100, 100, 100, 100, 50, 150])
        let bound = Int64(drift)
        // Where the first clock is slow and the second fast, nothing is left between a holder's end and a taker's beginning.
        let limit = actors.count == (chance(80) ? 1 : 0) ? bound : -bound
        let rate = 1000 + (chance(70) ? limit : Int64.random(in: -bound...bound, using: &random))
        let holder = HolderName(name) ?? actors[0].name
        let offset = Int64.random(in: 0...(1000 * Self.second), using: &random)
        let policy: LeasePolicy = peers && chance(95) ? .peers : .drop
        let machine = try makeMachine(holder, drift: drift, policy: policy, predecessor: nil)
        actors.append(Actor(name: holder, offset: offset, rate: rate, machine: machine, isSlow: chance(50)))
        let actor = actors.count - 1
        actors[actor].policy = policy
        if witness != nil { addSession(actor) }
        start(actor, at: Int64.random(in: 0...longest, using: &random))
        schedule(.disturb, actor, at: Int64.random(in: 0...longest, using: &random))
        schedule(.settle, actor, at: calm)
    }

    private mutating func makeMachine(
        _ holder: HolderName, drift: UInt16, policy: LeasePolicy, predecessor: Incarnation?
    ) throws -> LeaseMachine {
        lives += 1
        let duration: Int64 = pick(
            // Whoever has a shorter one than the holder promises nothing.
            peers ? [1000, 1000, 1000, 1000, 1000, 1000, 1000, 600] : [1000, 1000, 1000, 1000, 600, 400])
        let terms = try LeaseTerms(duration: .milliseconds(duration), drift: drift)
        var machine = LeaseMachine(
            holder: holder, incarnation: Incarnation(lives), terms: terms, policy: policy,
            roundTrip: chance(60) ? terms.duration / 3 : .zero, predecessor: predecessor)
        machine.bug = bug
        return machine
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }

    mutating func schedule(_ event: Event, _ actor: Int, life: UInt64? = nil, at time: Nanoseconds) {
        let life = life ?? actors[actor].machine.incarnation.rawValue
        // The earliest stands last; of equal times, the first that was scheduled.
        var (low, high) = (0, queue.count)
        while low < high {
            let middle = (low + high) / 2
            if queue[middle].time <= time { high = middle } else { low = middle + 1 }
        }
        queue.insert(Entry(time: time, actor: actor, life: life, event: event), at: low)
    }

    /// Runs to the end; what was broken, if anything.
    mutating func run() throws -> String? {
        while violation == nil, let entry = queue.popLast() {
            guard entry.time <= end else { break }
            try handle(entry)
        }
        if violation == nil, actors.indices.count(where: { actors[$0].serves(at: end) }) != 1 {
            violation = "LIVE-1: nobody holds at the end"
        }
        return violation
    }

    private mutating func handle(_ entry: Entry) throws {
        let (actor, now) = (entry.actor, entry.time)
        // What is under way goes on whether its sender lives or not.
        if case .arrive(let request, let record, let replaced, let isBlind) = entry.event {
            return arrive(entry, request, record, replaced, isBlind: isBlind)
        }
        if case .toWitness(let datagram) = entry.event { return witnessReceives(datagram, from: actor, at: now) }
        if case .witness(let fault) = entry.event { return try suffer(fault, at: now) }
        if case .restart = entry.event { return try restart(actor, at: now) }
        if case .disturb = entry.event { return try disturb(actor, at: now) }
        if case .hello(let hello, let other) = entry.event {
            guard actors[actor].isAlive, actors[actor].machine.state != .stopped else { return }
            guard now >= actors[actor].readyAt else {
                return schedule(entry.event, actor, life: 0, at: actors[actor].readyAt)
            }
            return hear(hello, from: other, actor, at: now)
        }
        let isCurrent = entry.life == actors[actor].machine.incarnation.rawValue && actors[actor].isAlive
        if case .perform(let effect, let isBlind) = entry.event {
            if isCurrent { perform(effect, isBlind: isBlind, actor, at: now) }
            return
        }
        if case .settle = entry.event {
            if !actors[actor].isAlive { try restart(actor, at: now) }
        } else if !isCurrent {
            return
        }
        // One thread: the next input waits until the effects of the last are carried out.
        guard now >= actors[actor].readyAt else {
            return schedule(entry.event, actor, at: actors[actor].readyAt)
        }
        switch entry.event {
        case .wake:
            guard now >= actors[actor].wakeAt else { return }
            let until = actors[actor].fence?.until
            let isLate = now > actors[actor].wakeAt
            input(actor, at: now) { machine, now, effects in
                machine.advance(to: now, into: &effects)
            } check: { effects, now in
                guard !isLate, effects.contains(.mustNotHold(.expired)), let until, now >= until else { return nil }
                return "stepped down after the deadline"
            }
        case .answer(let answer, let request):
            input(actor, at: now) { $0.receive(answer, to: request, at: $1, into: &$2) }
        case .settle: input(actor, at: now) { $0.update(wants: true, at: $1, into: &$2) }
        case .greet: greet(actor, at: now)
        case .toNode(let datagram): sessionReceives(datagram, actor, at: now)
        case .sessionWake: sessionAdvances(actor, at: now)
        case .perform, .arrive, .disturb, .restart, .toWitness, .witness, .hello: break
        }
    }
}

/// Processes.
extension LeaseSimulation {
    private mutating func start(_ actor: Int, at now: Nanoseconds) {
        let wants = now >= calm || chance(85)
        input(actor, at: now) { machine, now, effects in
            machine.update(wants: wants, at: now, into: &effects)
            machine.start(at: now, into: &effects)
        }
        beginGreeting(actor, at: now)
    }

    private mutating func restart(_ actor: Int, at now: Nanoseconds) throws {
        guard !actors[actor].isAlive else { return }
        let old = actors[actor].machine
        let predecessor = chance(50) ? old.incarnation : nil
        actors[actor].machine = try makeMachine(
            old.holder, drift: old.terms.drift, policy: actors[actor].policy, predecessor: predecessor)
        if witness != nil { addSession(actor) }
        actors[actor].isAlive = true
        actors[actor].readyAt = now
        start(actor, at: now)
    }

    private mutating func disturb(_ actor: Int, at now: Nanoseconds) throws {
        guard now < calm else { return }
        schedule(.disturb, actor, at: now + Int64.random(in: 0...between, using: &random))
        guard actors[actor].isAlive else { return }
        switch Int.random(in: 0..<100, using: &random) {
        case ..<20 where !peers || chance(60):
            actors[actor].isAlive = false
            // A reboot clears the kernel; a crash of the process does not.
            if chance(20) { close(actor) }
            schedule(
                .restart, actor,
                at: now + Int64.random(in: 0...(chance(50) ? longest / 20 : 2 * longest), using: &random))
        case ..<40: actors[actor].cutUntil = now + Int64.random(in: 0...(2 * longest), using: &random)
        case ..<55: actors[actor].readyAt = paused(max(actors[actor].readyAt, now))
        case ..<70 where now >= actors[actor].readyAt:
            let wants = !actors[actor].machine.wants
            input(actor, at: now) { $0.update(wants: wants, at: $1, into: &$2) }
        case ..<80 where now >= actors[actor].readyAt:
            input(actor, at: now) { $0.hurry(at: $1, into: &$2) }
        case 80..<97 where peers: disturbGreetings(actor, at: now)
        case 97... where peers && now >= actors[actor].readyAt: try reload(actor, at: now)
        default: break
        }
    }

    /// Other terms.
    private mutating func reload(_ actor: Int, at now: Nanoseconds) throws {
        let duration: Int64 = pick([1000, 600, 400])
        let terms = try LeaseTerms(duration: .milliseconds(duration), drift: actors[actor].machine.terms.drift)
        input(actor, at: now) { $0.reconfigure(terms, at: $1, into: &$2) }
    }

    /// After a pause that begins at `time`; every pause is over one lease after the faults are.
    private mutating func paused(_ time: Nanoseconds) -> Nanoseconds {
        max(time, min(time + Int64.random(in: 0...(longest * 3 / 2), using: &random), calm + longest))
    }

    private mutating func close(_ actor: Int) {
        actors[actor].fence = nil
        actors[actor].tenure = nil
    }

    /// One input, and its effects one after the other, with pauses between them while faults are on.
    mutating func input(
        _ actor: Int, at now: Nanoseconds, _ body: (inout LeaseMachine, Instant, inout [LeaseEffect]) -> Void,
        check: ([LeaseEffect], Instant) -> String? = { _, _ in nil }
    ) {
        var effects: [LeaseEffect] = []
        let local = actors[actor].local(now)
        body(&actors[actor].machine, local, &effects)
        if let broken = check(effects, local) { violation = broken }
        // The planted bug's write is one that compares nothing.
        let isBlind = bug == .blindPut && actors[actor].machine.unsettled.count > 1
        var time = now
        for effect in effects {
            if now < calm, chance(4) { time = paused(time) }
            if time == now {
                perform(effect, isBlind: isBlind, actor, at: now)
            } else {
                schedule(.perform(effect, isBlind: isBlind), actor, at: time)
            }
        }
        actors[actor].readyAt = time
        if peers { askIfNew(actor, at: time) }
        guard let deadline = actors[actor].machine.nextDeadline, deadline != .distantFuture else { return }
        actors[actor].wakeAt = max(actors[actor].trueTime(deadline), now)
        schedule(.wake, actor, at: actors[actor].wakeAt)
    }

    private mutating func perform(_ effect: LeaseEffect, isBlind: Bool, _ actor: Int, at now: Nanoseconds) {
        switch effect {
        case .read(let request) where witness != nil: ask(.read, request, actor, at: now)
        case .write(let request, let record, let replaced) where witness != nil:
            ask(.write(record, replacing: replaced), request, actor, at: now)
        case .read(let request):
            send(.arrive(request: request, nil, replacing: nil, isBlind: false), request, actor, at: now)
        case .write(let request, let record, let replaced):
            send(.arrive(request: request, record, replacing: replaced, isBlind: isBlind), request, actor, at: now)
        case .mustNotHold(let loss):
            close(actor)
            losses.insert(loss.rule)
            if actors[actor].machine.isExcluded { exclusions += 1 }
            if now > settled { violation = "LIVE-1: lost without a fault (\(loss.rule))" }
        case .mayHold(let until, let epoch):
            actors[actor].fence = (until, epoch)
            if case .promised = actors[actor].machine.keeping { keepings += 1 }
            guard actors[actor].serves(at: now) else { return }
            for other in actors.indices where other != actor && actors[other].serves(at: now) {
                violation = "SAFE-2: actors \(actor) and \(other) serve at \(now)"
            }
            if actors[actor].tenure != epoch, epoch <= highestEpoch, witness?.forgets != true {
                violation = violation ?? "epoch \(epoch) again, after \(highestEpoch)"
            }
            highestEpoch = max(highestEpoch, epoch)
            actors[actor].tenure = epoch
            if case .holding(_, _, let taking) = actors[actor].machine.state { takings.insert(taking.rule) }
        }
    }
}

/// The way to the register, and the register.
extension LeaseSimulation {
    /// Nil: lost.
    mutating func delay(_ actor: Int, at now: Nanoseconds) -> Nanoseconds? {
        let usual = longest / 50
        guard now < calm else { return Int64.random(in: 0...(usual / 2), using: &random) }
        guard now >= actors[actor].cutUntil else { return nil }
        switch Int.random(in: 0..<100, using: &random) {
        case ..<5: return nil
        case ..<8: return Int64.random(in: 0...longest, using: &random)
        case ..<50 where actors[actor].isSlow: return Int64.random(in: 0...(longest / 3), using: &random)
        default: return Int64.random(in: 0...usual, using: &random)
        }
    }

    private mutating func send(_ event: Event, _ request: UInt64, _ actor: Int, at now: Nanoseconds) {
        if let delay = delay(actor, at: now) { schedule(event, actor, at: now + delay) }
        // A connection that is lost at once, though what was sent may yet arrive.
        if now < calm, chance(4) { schedule(.answer(.ambiguous, to: request), actor, at: now) }
    }

    private mutating func arrive(
        _ entry: Entry, _ request: UInt64, _ record: LeaseRecord?, _ replaced: LeaseRecord?, isBlind: Bool
    ) {
        let now = entry.time
        guard now >= calm || !registerIsDown.contains(now) else { return }
        let answer: LeaseAnswer
        if let record {
            let isQuiet = now < calm && registerIsQuiet.contains(now)
            if !isQuiet, register == replaced || isBlind {
                register = record
                answer = .granted
            } else {
                answer = .refused(standing: register)
            }
        } else {
            answer = .found(register)
        }
        if let delay = delay(entry.actor, at: now) {
            schedule(.answer(answer, to: request), entry.actor, life: entry.life, at: now + delay)
        }
    }
}
