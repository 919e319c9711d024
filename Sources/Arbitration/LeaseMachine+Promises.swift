import Primitives

/// What a holder does whom the arbiter does not answer.
public enum LeasePolicy: Hashable, Sendable {
    /// It lets go when its lease runs out.
    case drop
    /// It goes on while every other member has promised not to take.
    case peers
    /// It goes on in any case: two may hold.
    case keep
}

/// By what a holder holds while the arbiter does not answer.
public enum LeaseKeeping: Hashable, Sendable {
    /// Every other member has promised not to take; since when.
    case promised(since: Instant)
    /// Nobody was asked: SAFE-2 does not stand.
    case anyway(since: Instant)

    public var rule: RuleID {
        switch self {
        case .promised: .leaseKeptByPromise
        case .anyway: .leaseKeptAnyway
        }
    }

    public var since: Instant {
        switch self {
        case .promised(let since), .anyway(let since): since
        }
    }
}

/// What a lease machine knows of the others.
struct LeaseCompany: Hashable, Sendable {
    let tag: MemberTag
    /// Requests up to this one were an earlier process's, and of those it does not know what is still under way.
    let before: UInt64
    var startedAt: Instant = .zero
    /// Nodes that greet now and have this lease.
    var around: Set<MemberTag> = []
    /// Those who did so at any time since this node took the lease.
    var members: Set<MemberTag> = []
    /// Another node has the name of this one, or of a peer: whose promise would count for two.
    var hasNamesake = false
    /// Members stay as they are before this.
    var changesFrom: Instant = .zero
    /// When the latest request left that was granted.
    var grantedAt: Instant = .zero
    /// What was promised to this node, the latest of each.
    var promises: [MemberTag: Promise] = [:]
    var keeping: LeaseKeeping?
    /// What the others are asked for, and when that was last thought of.
    var wanted: Duration?
    var consideredAt: Instant = .zero
    /// What this node promised: it takes nothing before.
    var promisedUntil: Instant = .zero

    struct Promise: Hashable, Sendable {
        /// When the hello that asked for it left.
        var since: Instant
        var duration: Duration
    }

    mutating func beginHolding(since sent: Instant) {
        grantedAt = sent
        members = []
        promises = [:]
        keeping = nil
    }
}

/// `arbiter_down`: how a holder goes on without its arbiter.
///
/// With `peers` it asks every other *member* of its record for a promise not to take for L, and holds L(1−Φ) from the **sending** of
/// the question; who promises takes nothing for L(1+Φ) from its **receipt**. What makes two holders impossible as before:
/// - only members take, and only the holder makes members, in its renewals: nobody comes to be one whom it could not ask. A taker
///   leaves them as they are, so that a taking of which nobody knows changes nothing;
/// - the holder asks the members of the record that it saw **and** of each of its writes that may stand unseen. One of these without
///   members, after which anybody may take, or a write of a process before it: then it does not go on;
/// - nobody promises who holds, or whose own taking may be under way;
/// - whoever was restarted takes nothing for L(1+Φ) from its start, by the record's L at the least: it may have promised;
/// - a promise is never more than the L that the record says, nor than the L of who makes it;
/// - members are known by their names: no two nodes have the same.
///
/// All that fails lets go: a member that is away, one that has no greetings, a record without others.
extension LeaseMachine {
    // MARK: - What others see

    /// By what it holds while the arbiter does not answer; nil: by the arbiter's grant, or not at all.
    public var keeping: LeaseKeeping? { company.keeping }

    /// What the others are to be asked from now on, with every greeting: not to take for so long. Nil: nothing.
    public var promiseWanted: Duration? { company.wanted }

    /// When it last had an input.
    public var lastInput: Instant { company.consideredAt }

    /// The other members whose promises are needed to go on, and have not come; empty where none are needed.
    public func silentMembers(at now: Instant) -> [MemberTag] {
        guard promiseWanted != nil, let needed else { return [] }
        return needed.members.filter { promisedUntil(by: $0, within: needed.duration).map { now >= $0 } ?? true }
            .sorted()
    }

    /// This node may not take what stands: it is no member.
    public var isExcluded: Bool { sight?.record.map { isExcluded(by: $0) } ?? false }

    /// Until when this node takes nothing, because it promised; nil where it did not.
    public func hasPromised(at now: Instant) -> Deadline? { company.promisedUntil > now ? company.promisedUntil : nil }

    // MARK: - Inputs

    /// Which other nodes greet and have this lease. The holder makes them members with its next renewal.
    public mutating func update(around: Set<MemberTag>) { company.around = around }

    /// Whoever is not there any more need not be a member any longer: as after a taking.
    public mutating func gatherAnew() {
        company.members = []
    }

    /// Somebody has the name of this node, or two have one: there are no members from here on, and so no promises, until this process ends.
    public mutating func meetNamesake() { company.hasNamesake = true }

    /// Another node, which holds, asks this one not to take for `duration`.
    ///
    /// Nothing is promised for longer than this node's own L, and nothing without `peers` of its own: so long a restarted process waits
    /// (``mayTakeFrom(_:)``), also where the arbiter has forgotten the record. Nodes of other terms drop.
    ///
    /// - Parameters:
    ///   - asker: who says that it holds.
    ///   - epoch: the asker's.
    /// - Returns: whether it is promised.
    public mutating func promise(
        _ duration: Duration, to asker: HolderName, epoch: Epoch, at now: Instant, into effects: inout [LeaseEffect]
    ) -> Bool {
        expire(at: now, into: &effects)
        guard state != .stopped, holdsUntil == nil, policy == .peers, duration <= terms.duration,
            epoch >= highestEpoch, mayHold(asker, epoch),
            let span = try? LeaseTerms(
                duration: duration, drift: sight?.record.map { max($0.terms.drift, terms.drift) } ?? terms.drift)
        else { return false }
        // A taking that was sent may be carried out at any time. (It waited for all that it promised before, so that who asks now holds no
        // more when it is; still nobody says what may turn out not to be so.)
        guard !unsettled.contains(where: { !$0.record.isFree }) else { return false }
        if bug != .forgetsPromise { company.promisedUntil = max(company.promisedUntil, now + span.waitingTime) }
        proceed(at: now, into: &effects)
        return true
    }

    /// Nothing that was seen says that `asker` does not hold by `epoch`: no release of it, and no other holder.
    private func mayHold(_ asker: HolderName, _ epoch: Epoch) -> Bool {
        guard let record = sight?.record, record.epoch >= epoch else { return true }
        return record.holder == asker
    }

    /// Another node has promised not to take.
    ///
    /// - Parameters:
    ///   - since: when the question left, by this node's clock.
    ///   - duration: what was promised.
    public mutating func receive(
        promiseOf name: HolderName, since: Instant, duration: Duration, at now: Instant,
        into effects: inout [LeaseEffect]
    ) {
        expire(at: now, into: &effects)
        let tag = MemberTag(name)
        guard holdsUntil != nil, since <= now, needed?.members.contains(tag) == true,
            company.promises[tag].map({ since > $0.since }) ?? true
        else { return proceed(at: now, into: &effects) }
        let counted = bug == .countsPromiseFromReceipt ? now : since
        company.promises[tag] = LeaseCompany.Promise(since: counted, duration: duration)
        keepByPromises(at: now, into: &effects)
        proceed(at: now, into: &effects)
    }

    // MARK: - The holder

    /// A renewal and its reading back are overdue.
    private var asksFrom: Instant { company.grantedAt + terms.duration / 2 }

    /// What a holder without its arbiter has to do next, and when; nil: nothing.
    var nextTrouble: Deadline? {
        guard let until = holdsUntil else { return nil }
        switch policy {
        case .drop: return nil
        // Once they are asked, answers come by themselves.
        case .peers: return company.consideredAt < asksFrom ? asksFrom : nil
        case .keep: return until - terms.lead - terms.duration / 6
        }
    }

    /// Whose promises let it go on, and for how long at the most; nil: nobody's.
    private var needed: (members: Set<MemberTag>, duration: Duration)? {
        guard let record = sight?.record, isMine(record), !record.isFree, record.request > company.before,
            !record.members.isAnybody, !company.hasNamesake, unsettled.count < 16
        else { return nil }
        var members = Set(record.members.tags)
        var duration = min(terms.duration, record.terms.duration)
        for write in unsettled where bug != .forgetsItsWrites {
            // It may stand, and anybody may take what it says.
            guard !write.record.members.isAnybody, !write.record.isFree else { return nil }
            members.formUnion(write.record.members.tags)
            duration = min(duration, write.record.terms.duration)
        }
        members.remove(company.tag)
        return members.isEmpty ? nil : (members, duration)
    }

    private func promisedUntil(by member: MemberTag, within duration: Duration) -> Deadline? {
        guard let promise = company.promises[member],
            let span = try? LeaseTerms(duration: min(promise.duration, duration), drift: terms.drift)
        else { return nil }
        return promise.since + span.holdingTime
    }

    mutating func considerPromises(at now: Instant) {
        company.consideredAt = now
        let isTrouble = policy == .peers && holdsUntil != nil && now >= asksFrom
        company.wanted = isTrouble ? needed?.duration : nil
    }

    private mutating func keepByPromises(at now: Instant, into effects: inout [LeaseEffect]) {
        guard policy == .peers, wants, let needed else { return }
        var end = Deadline.distantFuture
        for member in needed.members {
            guard let until = promisedUntil(by: member, within: needed.duration) else { return }
            end = min(end, until)
        }
        extend(until: end, .promised(since: now), at: now, into: &effects)
    }

    /// `keep`: before its end comes, the lease goes on.
    mutating func keepAnyway(at now: Instant, into effects: inout [LeaseEffect]) {
        guard policy == .keep, wants, holdsUntil != nil, let due = nextTrouble, now >= due else { return }
        extend(until: now + terms.holdingTime, .anyway(since: now), at: now, into: &effects)
    }

    private mutating func extend(
        until: Deadline, _ keeping: LeaseKeeping, at now: Instant, into effects: inout [LeaseEffect]
    ) {
        guard case .holding(let old, let epoch, let taking) = state, until > old, now < until - lead else { return }
        state = .holding(until: until, epoch: epoch, taking)
        switch (company.keeping, keeping) {
        case (.promised, .promised), (.anyway, .anyway): break
        default: company.keeping = keeping
        }
        effects.append(.mayHold(until: until, epoch: epoch))
    }

    /// The members of a renewal: all who were there since this node took the lease.
    mutating func membersToWrite(after record: LeaseRecord?, sent now: Instant) -> LeaseMembers {
        let standing = record?.members ?? .anybody
        guard policy == .peers, !company.hasNamesake else { return .anybody }
        // With more than a record has room for there are no members, whoever they are.
        if company.members.count <= LeaseMembers.most { company.members.formUnion(company.around) }
        guard now >= company.changesFrom else { return standing }
        return LeaseMembers(company.members.union([company.tag]))
    }

    // MARK: - The taker

    func isExcluded(by record: LeaseRecord) -> Bool {
        bug != .joinerTakes && !record.members.allows(company.tag)
    }

    /// Before this it takes nothing, whatever stands: it promised, or may have promised before it was restarted.
    func mayTakeFrom(_ record: LeaseRecord?) -> Instant {
        let members = record?.members ?? .anybody
        guard policy == .peers || !members.isAnybody, bug != .forgetsPromise else { return company.promisedUntil }
        let wait = (record.map { terms.widened(by: $0.terms) } ?? terms).waitingTime
        return max(company.promisedUntil, company.startedAt + wait)
    }
}
