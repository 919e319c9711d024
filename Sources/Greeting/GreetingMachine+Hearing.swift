import Arbitration
import Primitives
import VRRP

/// What is heard, and how much of it is believed.
extension GreetingMachine {
    /// One datagram.
    ///
    /// - Parameters:
    ///   - source: its source address.
    ///   - hopLimit: its TTL or hop limit on arrival.
    public mutating func receive(
        _ bytes: [UInt8], from source: IPAddress, hopLimit: UInt8, at now: Instant, into effects: inout [GreetingEffect]
    ) {
        guard isStarted else { return }
        do throws(HelloRejection) {
            try accept(bytes, from: source, hopLimit: hopLimit, at: now, into: &effects)
        } catch {
            reject(error, from: source, at: now, into: &effects)
        }
        advance(to: now, into: &effects)
    }

    private mutating func accept(
        _ bytes: [UInt8], from source: IPAddress, hopLimit: UInt8, at now: Instant, into effects: inout [GreetingEffect]
    ) throws(HelloRejection) {
        let destination: Int?
        switch settings.way {
        case .multicast:
            guard hopLimit == 255 else { throw .hopLimit }
            destination = destinations.indices.first
        case .unicast: destination = destinations.firstIndex { $0.address == source }
        }
        guard let destination else { throw .stranger }
        let hello = try Hello(decoding: bytes, seal: settings.seal)
        guard hello.router == settings.router, hello.family == settings.family else { throw .otherRouter }
        guard !isOwn(hello.incarnation) else { throw .own }
        // Silent no more, also if all of this is a recording: then some hellos more are said than need be.
        destinations[destination].answers = true
        if let index = retired.firstIndex(where: { $0.incarnation == hello.incarnation }) {
            return try hearRetired(index, hello, from: source, at: now, into: &effects)
        }
        if let index = peers.firstIndex(where: { $0.incarnation == hello.incarnation }) {
            guard hello.sequence > peers[index].sequence || bug == .noSequenceCheck else { throw .replayed }
            // Who takes another name greets as another.
            guard hello.facts.name == peers[index].facts.name else { throw .replayed }
            return hear(index, hello, from: source, at: now, into: &effects)
        }
        try hearCandidate(hello, from: source, at: now, into: &effects)
        // Nobody is asked to wait for an answer.
        hasten(destination: destination, at: now)
    }

    private mutating func reject(
        _ rejection: HelloRejection, from source: IPAddress, at now: Instant, into effects: inout [GreetingEffect]
    ) {
        rejections[Int(rejection.rawValue)] &+= 1
        // Every network has some of these; they only count.
        guard rejection != .own, rejection != .replayed, rejection != .otherRouter else { return }
        refused.removeAll { now - $0.at >= .seconds(60) }
        guard refused.count < Self.mostPeers,
            !refused.contains(where: { $0.rejection == rejection && $0.address == source })
        else { return }
        refused.append(Refused(rejection: rejection, address: source, at: now))
        effects.append(.note(.refused(rejection, from: source)))
    }

    // MARK: - Candidates

    private mutating func hearCandidate(
        _ hello: Hello, from source: IPAddress, at now: Instant, into effects: inout [GreetingEffect]
    ) throws(HelloRejection) {
        let index: Int
        if let known = candidates.firstIndex(where: { $0.incarnation == hello.incarnation }) {
            guard hello.sequence > candidates[known].sequence else { throw .replayed }
            candidates[known].address = source
            candidates[known].sequence = hello.sequence
            candidates[known].heardAt = now
            index = known
        } else {
            try makeRoom(at: now)
            candidates.append(
                GreetingCandidate(
                    incarnation: hello.incarnation, address: source, sequence: hello.sequence, heardAt: now, since: now,
                    saidBefore: bug == .staleChallenge ? 0 : sequence))
            index = candidates.count - 1
        }
        let candidate = candidates[index]
        let echo = hello.echoes.first { isOwn($0.incarnation) }
        let isProved = echo.map { $0.sequence > candidate.saidBefore && $0.sequence <= sequence } ?? false
        guard isProved || bug == .noChallenge else { return }
        if let echo, peers.contains(where: { $0.facts.name == hello.facts.name && $0.echoed >= echo.sequence }) {
            // The one of that name has answered something later: this is a late word of the process before.
            candidates[index].since = now
            candidates[index].saidBefore = sequence
            throw .replayed
        }
        candidates.remove(at: index)
        try promote(hello, from: source, at: now, into: &effects)
    }

    /// One that has waited for a second in vain gives way to a new one.
    private mutating func makeRoom(at now: Instant) throws(HelloRejection) {
        guard candidates.count >= Self.mostPeers else { return }
        guard let oldest = candidates.indices.min(by: { candidates[$0].since < candidates[$1].since }),
            now - candidates[oldest].since >= .seconds(1)
        else { throw .crowded }
        candidates.remove(at: oldest)
    }

    /// It is there now.
    private mutating func promote(
        _ hello: Hello, from source: IPAddress, isReturn: Bool = false, at now: Instant,
        into effects: inout [GreetingEffect]
    ) throws(HelloRejection) {
        let name = GreetingName(name: hello.facts.name, address: source, incarnation: hello.incarnation)
        guard hello.facts.name != facts.name else {
            retire(hello.incarnation, sequence: hello.sequence, isByReturn: false, isTold: true)
            hasNamesake = true
            effects.append(.note(.nameTwice(name)))
            return
        }
        let before = peers.firstIndex { $0.facts.name == hello.facts.name }
        guard before != nil || peers.count < Self.mostPeers else {
            hasTurnedAway = true
            throw .crowded
        }
        if let before {
            let old = peers.remove(at: before)
            retire(old.incarnation, sequence: old.sequence, isByReturn: isReturn)
        }
        // Nothing is held true of it before `hear`, which compares with this.
        var unheard = hello.facts
        unheard.isDeparting = false
        unheard.claims = false
        peers.append(
            GreetingPeer(
                incarnation: hello.incarnation, address: source, facts: unheard, sequence: hello.sequence, heardAt: now,
                hearsAsOf: now, slot: .zero, mismatches: [], echoed: 0))
        effects.append(.note(before == nil ? .joined(name) : .restarted(name)))
        hear(peers.count - 1, hello, from: source, at: now, into: &effects)
        // It may not know yet that it is heard.
        hasten(at: now)
    }

    private mutating func retire(_ incarnation: Incarnation, sequence: UInt64, isByReturn: Bool, isTold: Bool = false) {
        if retired.count == Self.mostPeers { retired.removeFirst() }
        retired.append(
            Retired(
                incarnation: incarnation, sequence: sequence, saidBefore: self.sequence, isByReturn: isByReturn,
                isTold: isTold))
    }

    /// Another took its place; if it still answers it comes back, and if the other does so too, two that live have one name.
    private mutating func hearRetired(
        _ index: Int, _ hello: Hello, from source: IPAddress, at now: Instant, into effects: inout [GreetingEffect]
    ) throws(HelloRejection) {
        guard hello.sequence > retired[index].sequence else { throw .replayed }
        retired[index].sequence = hello.sequence
        let old = retired[index]
        let lives = hello.echoes.contains {
            isOwn($0.incarnation) && $0.sequence > old.saidBefore && $0.sequence <= sequence
        }
        guard lives else { throw .replayed }
        let isTaken = peers.contains { $0.facts.name == hello.facts.name }
        if hello.facts.name == facts.name || isTaken && old.isByReturn {
            if !old.isTold {
                retired[index].isTold = true
                hasNamesake = true
                let name = GreetingName(name: hello.facts.name, address: source, incarnation: hello.incarnation)
                effects.append(.note(.nameTwice(name)))
            }
            throw .replayed
        }
        retired.remove(at: index)
        try promote(hello, from: source, isReturn: true, at: now, into: &effects)
    }

    // MARK: - Peers

    private mutating func hear(
        _ index: Int, _ hello: Hello, from source: IPAddress, at now: Instant, into effects: inout [GreetingEffect]
    ) {
        let before = peers[index].facts
        peers[index].address = source
        peers[index].sequence = hello.sequence
        peers[index].heardAt = now
        peers[index].facts = hello.facts
        peers[index].slot = min(hello.slot, Self.longestSlot)
        peers[index].successor = hello.successor
        heardTenure(index, hello, at: now)
        let name = peers[index].name
        if let echo = hello.echoes.first(where: { isOwn($0.incarnation) }) { hearEcho(index, echo, at: now) }
        if hello.facts != before { effects.append(.note(.changed(name))) }
        compare(index, into: &effects)
        if hello.facts.isDeparting, !before.isDeparting {
            effects.append(.note(.departs(name, namesThis: hello.successor.map(isOwn) ?? false)))
        }
        if hello.facts.claims, !before.claims, facts.role == .master, ranksBefore(peers[index]) {
            effects.append(.note(.claimed(by: name)))
        }
        // About a lease that both mean.
        guard let lease = facts.lease, lease.digest == hello.facts.lease?.digest else { return }
        if let duration = hello.request {
            effects.append(
                .note(
                    .promiseAsked(
                        by: name, sequence: hello.sequence, duration: duration, epoch: hello.facts.epoch)))
        }
        guard let promise = hello.promise, isOwn(promise.incarnation), promise.sequence > peers[index].promised,
            let asked = said.first(where: { $0.sequence == promise.sequence }), asked.asked
        else { return }
        peers[index].promised = promise.sequence
        effects.append(.note(.promised(by: name, since: asked.at, duration: promise.duration)))
    }

    /// By this node's clock, which may run otherwise: what is said again later is no better than what was said first.
    private mutating func heardTenure(_ index: Int, _ hello: Hello, at now: Instant) {
        guard let masterFor = hello.masterFor else { return }
        let began = now - masterFor
        let isLikeBefore =
            peers[index].masterFrom.map { before in
                before - began < .seconds(1) && began - before < max(.seconds(1), masterFor / 10)
            } ?? false
        // Who had let go and is master has become so anew, however little time lies between.
        let isSame = isLikeBefore && (peers[index].masterUntil == nil || hello.notMasterFor != nil)
        if !isSame { (peers[index].masterFrom, peers[index].masterUntil) = (began, nil) }
        let ended = hello.notMasterFor.map { now - $0 }
        if ended == nil || peers[index].masterUntil == nil { peers[index].masterUntil = ended }
    }

    private mutating func hearEcho(_ index: Int, _ echo: Hello.Echo, at now: Instant) {
        guard echo.sequence > peers[index].echoed, let heard = said.first(where: { $0.sequence == echo.sequence })
        else {
            return
        }
        peers[index].echoed = echo.sequence
        peers[index].hearsAsOf = heard.at
        peers[index].measured(now - heard.at - echo.age)
    }

    /// What goes together, and what does not: said once when it changes.
    mutating func compare(_ index: Int, into effects: inout [GreetingEffect]) {
        let (own, theirs) = (facts, peers[index].facts)
        var found: [GreetingMismatch] = []
        if own.version != theirs.version { found.append(.version(own: own.version, theirs: theirs.version)) }
        if own.interval != theirs.interval { found.append(.interval(own: own.interval, theirs: theirs.interval)) }
        if own.addresses != theirs.addresses { found.append(.addresses) }
        if own.authentication != theirs.authentication {
            found.append(.authentication(own: own.authentication.kind, theirs: theirs.authentication.kind))
        }
        if own.lease != theirs.lease { found.append(.lease(own: own.lease, theirs: theirs.lease)) }
        let before = peers[index].mismatches
        peers[index].mismatches = found
        for mismatch in found where !before.contains(mismatch) {
            effects.append(.note(.mismatch(mismatch, with: peers[index].name)))
        }
        for mismatch in before where !found.contains(where: { $0.rule == mismatch.rule }) {
            effects.append(.note(.settled(mismatch.rule, with: peers[index].name)))
        }
    }
}
