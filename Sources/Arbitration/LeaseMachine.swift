import Primitives

/// One node's part in one lease: whether it may hold, and until when. Pure: equal inputs give equal outputs.
///
/// The lease is a record at an arbiter, changed only by compare-and-swap on what was read. What makes two holders impossible:
/// - the holder counts L(1−Φ) from the moment it **sent** the request that was granted, and hands that deadline out absolute;
/// - a taker waits L(1+Φ) from the last change it **saw**, by the larger L and Φ of its own and the record's; its write stands
///   only where nothing has changed since. The holder's record was written between the two moments, so that the first span,
///   at most L of true time, ends before the second, at least L;
/// - an answer that did not come is no answer: the record is read back, and when it is the request's own, counts from the
///   sending of *that* request;
/// - the epoch grows with each taking, also with one's own after a loss, and what an arbiter shows with less than it once
///   showed is not believed.
///
/// What the holder does whom the arbiter does not answer is in `LeaseMachine+Promises.swift`.
///
/// Every node watches, also one that does not want to hold, so that its waiting has begun when it does. All instants are of
/// one clock of this node that counts suspend and never steps (`CLOCK_BOOTTIME`).
///
/// A lease says who may, not who should: that remains VRRP's election.
public struct LeaseMachine: Hashable, Sendable {
    public enum State: Hashable, Sendable {
        /// Not started. Becomes apart.
        case stopped
        /// Does not hold, and why. Becomes holding when it wants to and a taking is granted.
        case apart(LeaseLoss)
        /// May serve until the deadline. Becomes apart before it, unless a renewal is granted.
        case holding(until: Deadline, epoch: Epoch, LeaseTaking)
    }

    public let holder: HolderName
    public let incarnation: Incarnation
    public private(set) var terms: LeaseTerms
    /// What it does as a holder whom the arbiter does not answer.
    public private(set) var policy: LeasePolicy
    /// The process of this node before this one, known to be gone.
    public let predecessor: Incarnation?
    private let roundTrip: Duration
    /// When an answer counts as lost.
    var patience: Duration { max(roundTrip, terms.patience) }
    var bug: LeaseBug?

    public internal(set) var state: State = .stopped
    public internal(set) var wants = false
    /// What the arbiter was last seen to have.
    public internal(set) var sight: Sight?
    /// The request without an answer. There is one at a time, so that none overtakes another.
    var asked: Asked?
    var requests: UInt64 = 0
    /// Writes that may have been carried out, or may yet be.
    var unsettled: [Sent] = []
    /// A write had no answer: nothing is written before a read.
    var mustReadBack = false
    /// No request before this.
    var notBefore: Instant = .zero
    var nextLook: Instant = .zero
    /// Until then it looks again and again: the lease is about to be given back.
    var hurriesUntil: Instant = .zero
    var renewAt: Instant = .zero
    /// The highest ever seen; a record below either is an old one.
    var highestEpoch = Epoch.none
    var highestVersion: UInt64 = 0
    /// The last epoch held: done with when it is lost.
    var heldEpoch = Epoch.none
    /// Whether the world knows that nothing is to be served.
    var isClosed = false
    /// Members and promises.
    var company: LeaseCompany

    /// A record (nil: none), and when it was first seen so.
    public struct Sight: Hashable, Sendable {
        public var record: LeaseRecord?
        public var since: Instant
    }

    struct Asked: Hashable, Sendable {
        enum Kind: Hashable, Sendable {
            case read
            case write(LeaseRecord, replacing: LeaseRecord?)
        }
        var kind: Kind
        var request: UInt64
        var sent: Instant
    }

    struct Sent: Hashable, Sendable {
        var record: LeaseRecord
        var sent: Instant
        var taking: LeaseTaking
    }

    /// - Parameters:
    ///   - incarnation: never used before by any process of any node, such as 64 random bits.
    ///   - roundTrip: what an answer may take before it counts as lost, if that is more than a sixth of the lease.
    ///   - predecessor: the process of this node whose end is certain, and whose record may be taken up at once. A record of
    ///     this node's by any other is waited out like another node's: it might be a copy of this machine.
    ///   - lastRequest: requests are numbered from here. Processes of one node that follow each other under one incarnation
    ///     must not use a number twice: the boot clock's nanoseconds at their starts do.
    public init(
        holder: HolderName, incarnation: Incarnation, terms: LeaseTerms, policy: LeasePolicy = .drop,
        roundTrip: Duration = .zero, predecessor: Incarnation? = nil, lastRequest: UInt64 = 0
    ) {
        self.holder = holder
        self.incarnation = incarnation
        self.terms = terms
        self.predecessor = predecessor
        self.roundTrip = roundTrip
        self.policy = policy
        requests = lastRequest
        company = LeaseCompany(tag: MemberTag(holder), before: lastRequest)
    }

    // MARK: - What others see

    /// Until when it may serve; nil when it must not.
    public var holdsUntil: Deadline? {
        if case .holding(let until, _, _) = state { until } else { nil }
    }

    /// Why it does not hold; nil while it does, and before it is started.
    public var loss: LeaseLoss? {
        if case .apart(let loss) = state { loss } else { nil }
    }

    /// Whether it neither holds nor has anything at the arbiter to give back: a process may end without making others wait.
    public var isSettled: Bool {
        switch state {
        case .stopped: true
        case .holding: false
        case .apart: unsettled.isEmpty && sight?.record.map { !isOwn($0) || $0.isFree } ?? true
        }
    }

    /// When `advance(to:)` has something to do; nil before it is started.
    public var nextDeadline: Deadline? {
        if case .stopped = state { return nil }
        let due = min(stepsDownAt ?? .distantFuture, asked.map { $0.sent + patience } ?? nextRequest)
        return min(due, nextTrouble ?? .distantFuture)
    }

    /// When it stops serving, unless a renewal is granted before; nil where it does not serve.
    public var stepsDownAt: Deadline? { holdsUntil.map { $0 - lead } }

    /// Before the end, never after it.
    var lead: Duration { bug == .stepsDownLate ? .zero - terms.lead : terms.lead }

    // MARK: - Inputs

    /// Begins to watch. Who succeeds a process that held says before that it wants to hold, and nothing is interrupted.
    public mutating func start(at now: Instant, into effects: inout [LeaseEffect]) {
        if holdsUntil != nil, asked == nil {
            company.startedAt = now
            return proceed(at: now, into: &effects)
        }
        guard case .stopped = state else { return }
        state = .apart(.starting)
        notBefore = now
        company.startedAt = now
        // The deadline of a predecessor that held stands until this machine knows better.
        if predecessor == nil || !wants { leave(.starting, into: &effects) }
        proceed(at: now, into: &effects)
    }

    /// Goes on with what a process of this node, which is gone and had the same incarnation, held when it ended: its deadline
    /// stands in the kernel. To be called before `start`; it wants to hold then.
    public mutating func resume(until: Deadline, epoch: Epoch, at now: Instant) {
        guard case .stopped = state, now < until - lead else { return }
        wants = true
        state = .holding(until: until, epoch: epoch, .own)
        heldEpoch = epoch
        highestEpoch = epoch
        renewAt = now
        notBefore = now
        company.grantedAt = now
    }

    /// Other terms, from the next write on, which says them to others: so what is held ends by the new ones too, if they are shorter.
    /// Members are gathered anew.
    public mutating func reconfigure(
        _ terms: LeaseTerms, policy: LeasePolicy? = nil, at now: Instant, into effects: inout [LeaseEffect]
    ) {
        expire(at: now, into: &effects)
        self.terms = terms
        self.policy = policy ?? self.policy
        gatherAnew()
        if case .holding(let until, let epoch, let taking) = state {
            renewAt = min(renewAt, now)
            if until > now + terms.holdingTime, bug != .shortensNothing {
                state = .holding(until: now + terms.holdingTime, epoch: epoch, taking)
                effects.append(.mayHold(until: now + terms.holdingTime, epoch: epoch))
            }
        }
        proceed(at: now, into: &effects)
    }

    /// Whether this node wants to hold. Wanting no more ends serving first, and gives the lease back after that.
    public mutating func update(wants: Bool, at now: Instant, into effects: inout [LeaseEffect]) {
        expire(at: now, into: &effects)
        self.wants = wants
        if !wants, !isClosed, state != .stopped { leave(.released, into: &effects) }
        proceed(at: now, into: &effects)
    }

    /// Something says that the holder is gone or going, such as an advert of priority 0: it looks at once, and often for a while. The
    /// holder says so before its lease is given back.
    public mutating func hurry(at now: Instant, into effects: inout [LeaseEffect]) {
        expire(at: now, into: &effects)
        hurriesUntil = now + terms.look
        nextLook = min(nextLook, now)
        proceed(at: now, into: &effects)
    }

    /// - Parameter early: renewals and looks that are due within this time leave now, so that those of many leases share a
    ///   request. Nothing is ever taken early.
    public mutating func advance(to now: Instant, early: Duration = .zero, into effects: inout [LeaseEffect]) {
        expire(at: now, into: &effects)
        if let asked, now >= asked.sent + patience { settle(asked, .ambiguous, at: now, into: &effects) }
        proceed(at: now, early: early, into: &effects)
    }

    /// What stands at the arbiter, unasked. It may be late or come twice: only a newer record than was seen counts.
    public mutating func observe(_ record: LeaseRecord?, at now: Instant, into effects: inout [LeaseEffect]) {
        expire(at: now, into: &effects)
        if state != .stopped, let record, record.version > highestVersion, record.epoch >= highestEpoch, sight != nil {
            learn(record, seenAfter: now, at: now, into: &effects)
        }
        proceed(at: now, into: &effects)
    }

    /// An answer. One to a request that is no longer waited for is news all the same: on a way that takes longer than the patience, each
    /// is late, and nobody would ever hold.
    public mutating func receive(
        _ answer: LeaseAnswer, to request: UInt64, at now: Instant, into effects: inout [LeaseEffect]
    ) {
        // After a pause the clock comes first: a grant that lay waiting may be worth nothing any more.
        expire(at: now, into: &effects)
        if let asked, asked.request == request { return conclude(asked, answer, at: now, into: &effects) }
        switch answer {
        case .granted:
            if let sent = unsettled.first(where: { $0.record.request == request }) {
                observe(sent.record, at: now, into: &effects)
            }
        case .found(let record), .refused(let record): observe(record, at: now, into: &effects)
        case .unreadable, .ambiguous: break
        }
    }

    private mutating func conclude(
        _ asked: Asked, _ answer: LeaseAnswer, at now: Instant, into effects: inout [LeaseEffect]
    ) {
        settle(asked, answer, at: now, into: &effects)
        proceed(at: now, into: &effects)
    }

    mutating func expire(at now: Instant, into effects: inout [LeaseEffect]) {
        if let until = holdsUntil, now >= until - lead { leave(.expired, into: &effects) }
    }
}
