import Primitives

/// What is asked of the arbiter, and when.
extension LeaseMachine {
    /// The end of each input.
    mutating func proceed(at now: Instant, early: Duration = .zero, into effects: inout [LeaseEffect]) {
        keepAnyway(at: now, into: &effects)
        ask(at: now, early: early, into: &effects)
        considerPromises(at: now)
    }

    /// Asks what is due, when nothing is being asked.
    private mutating func ask(at now: Instant, early: Duration, into effects: inout [LeaseEffect]) {
        guard state != .stopped, asked == nil, now + early >= nextRequest, now >= notBefore else { return }
        requests += 1
        guard let sight, !mustReadBack, let due = writeDue(sight),
            now + (holdsUntil == nil ? .zero : early) >= due
        else {
            asked = Asked(kind: .read, request: requests, sent: now)
            effects.append(.read(request: requests))
            return
        }
        let (record, taking) = successor(of: sight.record, sent: now)
        // More than a few can only be when none is ever answered; the oldest are the least worth.
        if unsettled.count >= 16 { unsettled.removeFirst() }
        unsettled.append(Sent(record: record, sent: now, taking: taking))
        asked = Asked(kind: .write(record, replacing: sight.record), request: requests, sent: now)
        effects.append(.write(request: requests, record, replacing: sight.record))
    }

    /// When the next request may leave, while none is waited for.
    var nextRequest: Deadline {
        guard let sight, !mustReadBack else { return notBefore }
        let due = writeDue(sight) ?? .distantFuture
        // The holder's renewals tell it what stands.
        let look = holdsUntil == nil || due == .distantFuture ? nextLook : .distantFuture
        return max(notBefore, min(look, due))
    }

    /// When what stands is to be replaced: renewed, taken or given back; nil when it is not.
    func writeDue(_ sight: Sight) -> Deadline? {
        // The end of all numbers: only a damaged record names it, and nobody takes from there.
        guard sight.record.map({ $0.version < .max && $0.epoch.next != nil }) ?? true else { return nil }
        if holdsUntil != nil { return renewAt }
        guard let record = sight.record else {
            // An arbiter that lost everything may have had a holder.
            return wants ? max(sight.since + terms.waitingTime, mayTakeFrom(nil)) : nil
        }
        guard wants else { return isOwn(record) && !record.isFree ? sight.since : nil }
        guard !isExcluded(by: record) else { return nil }
        if record.isFree || isOwn(record) { return max(sight.since, mayTakeFrom(record)) }
        let wait = (bug == .takerWaitsItsOwn ? terms : terms.widened(by: record.terms)).waitingTime
        return max(sight.since + wait, mayTakeFrom(record))
    }

    /// When another's record, or none, will have stood for long enough to be replaced, if nothing changes.
    public var takesAt: Deadline? {
        guard holdsUntil == nil, wants, let sight else { return nil }
        return writeDue(sight)
    }

    /// The record that comes after `record`: the next version; the next epoch, unless it only renews or gives back.
    private mutating func successor(of record: LeaseRecord?, sent: Instant) -> (LeaseRecord, LeaseTaking) {
        let epoch = record?.epoch ?? highestEpoch
        var next = LeaseRecord(
            holder: holder, incarnation: incarnation, request: requests, epoch: epoch, terms: terms,
            version: (record?.version ?? 0) + 1, members: record?.members ?? .anybody)
        if holdsUntil != nil {
            next.members = membersToWrite(after: record, sent: sent)
            return (next, .own)
        }
        guard wants else {
            next.holder = nil
            // It serves nothing any more, whatever was promised.
            next.members = .anybody
            return (next, .own)
        }
        let isOwn = record.map(isOwn) == true
        if bug != .epochReused || isOwn { next.epoch = epoch.next ?? epoch }
        // A predecessor's deadline, by longer terms, may still stand in this node's kernel until `mayHold` takes its place:
        // others must go on waiting for that.
        if !isClosed, let record { next.terms = terms.widened(by: record.terms) }
        guard let record else { return (next, .absent) }
        if isOwn { return (next, record.isFree ? .free : .own) }
        return (next, record.holder.map(LeaseTaking.runOut) ?? .free)
    }
}
