import Primitives

@testable import Arbitration

/// What one node tells another beside the arbiter, as far as it concerns a lease.
struct SimulatedHello: Hashable, Sendable {
    var from: HolderName
    var life: UInt64
    var sequence: UInt64
    var epoch: Epoch
    /// It asks for a promise.
    var wanted: Duration?
    /// It promises something to `life`, which asked with its hello `sequence`.
    var promise: Promise?

    struct Promise: Hashable, Sendable {
        var life: UInt64
        var sequence: UInt64
        var duration: Duration
    }
}

/// What one process knows of the others by their greetings. A crash takes it away.
struct SimulatedCompany {
    var sequence: UInt64 = 0
    /// When it said what, by its own clock.
    var said: [UInt64: Instant] = [:]
    /// When each was heard last, in true time.
    var heard: [Int: Int64] = [:]
    var asks = false
}

/// Greetings between nodes: lost, late, doubled, cut off in one direction or both, as what goes to the arbiter.
extension LeaseSimulation {
    mutating func beginGreeting(_ actor: Int, at now: Nanoseconds) {
        actors[actor].company = SimulatedCompany()
        if peers { schedule(.greet, actor, at: now) }
    }

    /// One node that no other hears for a part of the run, or for all of it: it is no member then.
    mutating func muteOne() {
        guard actors.count == 3, chance(60) else { return }
        let end = calm - Int64.random(in: 0...(2 * longest), using: &random)
        for other in [0, 1] { actors[2].muteUntil[other] = end }
    }

    /// A hello to each of the others, and when the next one is due.
    mutating func greet(_ actor: Int, at now: Nanoseconds) {
        for other in actors.indices where other != actor { say(to: other, nil, actor, at: now) }
        let wanted = actors[actor].machine.promiseWanted
        schedule(.greet, actor, at: now + max(longest / 20, (wanted?.nanoseconds ?? longest) / 4))
    }

    /// Who begins to ask does so at once.
    mutating func askIfNew(_ actor: Int, at now: Nanoseconds) {
        let asks = actors[actor].machine.promiseWanted != nil
        defer { actors[actor].company.asks = asks }
        guard asks, !actors[actor].company.asks else { return }
        for other in actors.indices where other != actor { say(to: other, nil, actor, at: now) }
    }

    private mutating func say(
        to other: Int, _ promise: SimulatedHello.Promise?, _ actor: Int, at now: Nanoseconds
    ) {
        let machine = actors[actor].machine
        actors[actor].company.sequence += 1
        let sequence = actors[actor].company.sequence
        actors[actor].company.said[sequence] = actors[actor].local(now)
        let hello = SimulatedHello(
            from: machine.holder, life: machine.incarnation.rawValue, sequence: sequence,
            epoch: machine.sight?.record?.epoch ?? .none, wanted: machine.promiseWanted, promise: promise)
        for _ in 0..<(now < calm && chance(5) ? 2 : 1) {
            let isDeaf = now < calm && actors[actor].deaf[other]?.contains(now) == true
            guard !isDeaf, now >= actors[actor].muteUntil[other] ?? 0, let delay = wireDelay(at: now) else {
                continue
            }
            schedule(.hello(hello, from: actor), other, life: 0, at: now + delay)
        }
    }

    private mutating func wireDelay(at now: Nanoseconds) -> Nanoseconds? {
        guard now < calm else { return Int64.random(in: 0...(longest / 100), using: &random) }
        switch Int.random(in: 0..<100, using: &random) {
        case ..<5: return nil
        case ..<25: return Int64.random(in: (longest / 4)...longest, using: &random)
        case ..<40: return Int64.random(in: 0...(longest / 2), using: &random)
        default: return Int64.random(in: 0...(longest / 50), using: &random)
        }
    }

    mutating func hear(_ hello: SimulatedHello, from other: Int, _ actor: Int, at now: Nanoseconds) {
        actors[actor].company.heard[other] = now
        let around = actors[actor].company.heard.filter { now - $0.value < longest }.map {
            MemberTag(actors[$0.key].name)
        }
        actors[actor].machine.update(around: Set(around))
        if let wanted = hello.wanted {
            var isPromised = false
            input(actor, at: now) {
                isPromised = $0.promise(wanted, to: hello.from, epoch: hello.epoch, at: $1, into: &$2)
            }
            if isPromised {
                promises += 1
                let promise = SimulatedHello.Promise(life: hello.life, sequence: hello.sequence, duration: wanted)
                say(to: other, promise, actor, at: actors[actor].readyAt)
            }
        }
        guard let promise = hello.promise, promise.life == actors[actor].machine.incarnation.rawValue,
            let since = actors[actor].company.said[promise.sequence]
        else { return }
        input(actor, at: max(now, actors[actor].readyAt)) {
            $0.receive(promiseOf: hello.from, since: since, duration: promise.duration, at: $1, into: &$2)
        }
    }

    /// While faults are on: the holder is cut off from the arbiter for long, while the others, or some, do not hear it for a while.
    mutating func disturbGreetings(_ actor: Int, at now: Nanoseconds) {
        let holder = actors.indices.first { actors[$0].serves(at: now) } ?? actor
        // What cuts off everybody tells nothing of whom the holder does not ask.
        if chance(70), !actors.contains(where: { $0.cutUntil > now }) {
            actors[holder].cutUntil = min(now + Int64.random(in: 0...(8 * longest), using: &random), calm)
        }
        guard chance(60) else { return }
        let from = chance(70) ? holder : actor
        for other in actors.indices where other != from && chance(60) {
            // Soon, so that a promise may have been asked for before.
            let begin = now + Int64.random(in: 0...(2 * longest), using: &random)
            let end = begin + Int64.random(in: 0...(3 * longest), using: &random)
            actors[from].deaf[other] = begin...end
            if chance(30) { actors[other].deaf[from] = begin...end }
        }
    }
}
