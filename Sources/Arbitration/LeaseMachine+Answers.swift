import Primitives

/// What an answer changes.
extension LeaseMachine {
    mutating func settle(_ asked: Asked, _ answer: LeaseAnswer, at now: Instant, into effects: inout [LeaseEffect]) {
        self.asked = nil
        switch (asked.kind, answer) {
        case (.read, .found(let record)): learn(record, seenAfter: asked.sent, at: now, into: &effects)
        case (.write(let record, _), .granted):
            if bug == .holderCountsFromReceipt, let last = unsettled.indices.last { unsettled[last].sent = now }
            learn(record, seenAfter: asked.sent, at: now, into: &effects)
        case (.write(let record, let replaced), .refused(let standing)):
            // An arbiter that grants nothing for a while, because it was restarted, or only what it need not store.
            if standing == replaced {
                notBefore = now + terms.pause
                if record.members != replaced?.members { company.changesFrom = now + terms.duration * 10 }
            }
            learn(standing, seenAfter: asked.sent, at: now, into: &effects)
        case (_, .unreadable): distrust(.unreadable, at: now, into: &effects)
        case (.read, _): notBefore = now + terms.pause
        case (.write, _):
            // It may stand, and it may yet come to stand. Nothing is written before that is known.
            mustReadBack = bug != .blindPut
            notBefore = bug == .blindPut ? now + terms.pause : now
        }
    }

    /// What stands at the arbiter.
    /// - Parameter asked: when it was asked for; it stood at some time between that and now.
    mutating func learn(
        _ record: LeaseRecord?, seenAfter asked: Instant, at now: Instant, into effects: inout [LeaseEffect]
    ) {
        // Both only grow while an arbiter remembers.
        guard record?.epoch ?? .none >= highestEpoch, record?.version ?? 0 >= highestVersion else {
            return distrust(.olderRecord, at: now, into: &effects)
        }
        mustReadBack = false
        nextLook = now + (now < hurriesUntil ? terms.glance(after: now - (hurriesUntil - terms.look)) : terms.look)
        if sight == nil || sight?.record != record {
            sight = Sight(record: record, since: bug == .takerCountsFromSend ? asked : now)
        }
        guard let record else { return leave(.nothingThere, into: &effects) }
        highestEpoch = record.epoch
        highestVersion = record.version
        if isMine(record) {
            if !record.isFree, let sent = unsettled.first(where: { $0.record.request == record.request }) {
                credit(record, sent, at: now, into: &effects)
            }
        } else if !isPredecessors(record) {
            leave(.heldByAnother(record.holder), into: &effects)
        }
        // Each compares with a version that is past: what has not been carried out never will be.
        unsettled.removeAll { $0.record.version <= record.version }
    }

    /// This node's record stands by a request that was sent at a known time.
    private mutating func credit(
        _ record: LeaseRecord, _ request: Sent, at now: Instant, into effects: inout [LeaseEffect]
    ) {
        // A reload may have changed the terms since: the shorter count.
        let until = request.sent + min(terms.holdingTime, record.terms.holdingTime)
        guard wants, now < until - lead else { return }
        if case .holding(let old, record.epoch, let taking) = state {
            company.grantedAt = max(company.grantedAt, request.sent)
            renewAt = max(renewAt, request.sent + min(terms.renewal, record.terms.renewal))
            // Promises may reach further.
            guard until > old else { return }
            state = .holding(until: until, epoch: record.epoch, taking)
            company.keeping = nil
        } else {
            // What was lost is taken anew, under a new epoch: someone may have heard that the old one ended.
            guard record.epoch > heldEpoch else { return }
            heldEpoch = record.epoch
            isClosed = false
            state = .holding(until: until, epoch: record.epoch, request.taking)
            company.beginHolding(since: request.sent)
            renewAt = request.sent + min(terms.renewal, record.terms.renewal)
        }
        effects.append(.mayHold(until: until, epoch: record.epoch))
    }

    /// Nothing that the arbiter shows is built upon; it is asked again later.
    private mutating func distrust(_ loss: LeaseLoss, at now: Instant, into effects: inout [LeaseEffect]) {
        sight = nil
        mustReadBack = false
        notBefore = now + terms.look
        leave(loss, into: &effects)
    }

    /// Not holding, or no longer.
    mutating func leave(_ loss: LeaseLoss, into effects: inout [LeaseEffect]) {
        state = .apart(loss)
        company.keeping = nil
        guard !isClosed else { return }
        isClosed = true
        effects.append(.mustNotHold(loss))
    }

    /// Written by this machine, whether it holds or gives back.
    func isMine(_ record: LeaseRecord) -> Bool {
        record.incarnation == incarnation && (record.holder == holder || record.isFree)
    }

    /// Nobody but this node may hold by it.
    func isOwn(_ record: LeaseRecord) -> Bool { isMine(record) || isPredecessors(record) }

    /// Written by a process of this node that is gone.
    func isPredecessors(_ record: LeaseRecord) -> Bool {
        guard record.holder == holder else { return false }
        return record.incarnation == predecessor || bug == .trustsItsName
    }
}
