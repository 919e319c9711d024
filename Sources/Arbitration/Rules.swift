import Primitives

/// The rules of this room. docs/rules.md says of each what happened and what to do.
extension RuleID {
    // Taking
    public static let leaseTakenFree = RuleID("lease.take.free")
    public static let leaseTakenAbsent = RuleID("lease.take.absent")
    public static let leaseTakenRunOut = RuleID("lease.take.run-out")
    public static let leaseTakenOwn = RuleID("lease.take.own")
    // Holding without the arbiter
    public static let leaseKeptByPromise = RuleID("lease.keep.promised")
    public static let leaseKeptAnyway = RuleID("lease.keep.anyway")
    public static let leaseKeptNoMore = RuleID("lease.keep.over")
    // Not holding
    public static let leaseStarting = RuleID("lease.apart.starting")
    public static let leaseNothingThere = RuleID("lease.apart.nothing-there")
    public static let leaseHeldByAnother = RuleID("lease.apart.held-by-another")
    public static let leaseExpired = RuleID("lease.apart.expired")
    public static let leaseReleased = RuleID("lease.apart.released")
    public static let leaseOlderRecord = RuleID("lease.apart.older-record")
    public static let leaseUnreadable = RuleID("lease.apart.unreadable")
}

/// Why a node came to hold a lease.
public enum LeaseTaking: Hashable, Sendable {
    /// Its last holder had given it back.
    case free
    /// The arbiter knew nothing of it, for as long as a holder could have held.
    case absent
    /// Its holder had not renewed it in time.
    case runOut(HolderName)
    /// Its own record, or that of the process it succeeds, still stood.
    case own

    public var rule: RuleID {
        switch self {
        case .free: .leaseTakenFree
        case .absent: .leaseTakenAbsent
        case .runOut: .leaseTakenRunOut
        case .own: .leaseTakenOwn
        }
    }
}

/// Why a node must not hold.
public enum LeaseLoss: Hashable, Sendable {
    /// It knows nothing yet.
    case starting
    /// The arbiter has no record; it is taken when a holder nobody remembers would have run out.
    case nothingThere
    /// Who holds; nil: someone else held it last and gave it back.
    case heldByAnother(HolderName?)
    /// No renewal was granted in time.
    case expired
    /// It wanted no more.
    case released
    /// The arbiter shows less than it did before: it was restored, or is another one.
    case olderRecord
    /// What lies at the arbiter is no record.
    case unreadable

    public var rule: RuleID {
        switch self {
        case .starting: .leaseStarting
        case .nothingThere: .leaseNothingThere
        case .heldByAnother: .leaseHeldByAnother
        case .expired: .leaseExpired
        case .released: .leaseReleased
        case .olderRecord: .leaseOlderRecord
        case .unreadable: .leaseUnreadable
        }
    }
}
