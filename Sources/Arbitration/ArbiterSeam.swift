import Primitives

/// The name of a lease at its arbiter: 1…160 printable ASCII characters without space, `CLUSTER/GROUP`. All nodes of a
/// cluster call it by the same.
public struct LeaseName: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public static let longest = 160

    public init?(_ name: String) {
        guard (1...Self.longest).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        description = name
    }
}

/// What is asked of an arbiter about one lease. Questions that leave at the same moment go in one request where the arbiter
/// has room for that.
public struct LeaseQuestion: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// What stands? The answer must see every write that was granted before the question was asked.
        case read
        /// Replace what was read (nil: nothing was there), or else change nothing: a compare-and-swap.
        case write(LeaseRecord, replacing: LeaseRecord?)
    }

    public var lease: LeaseName
    /// The asker's number: the answer carries it. It only grows within one incarnation of a lease machine.
    public var request: UInt64
    public var kind: Kind

    public init(lease: LeaseName, request: UInt64, kind: Kind) {
        self.lease = lease
        self.request = request
        self.kind = kind
    }
}

/// What comes from an arbiter about one lease.
public struct LeaseReport: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        /// What came of a question.
        case answer(request: UInt64, LeaseAnswer)
        /// Unasked: what stands at the arbiter was changed, and this was seen to stand. It saves a taker from asking all the
        /// time; none need ever come, and several may be late or come twice.
        case news(LeaseRecord?)
    }

    public var lease: LeaseName
    public var kind: Kind

    public init(lease: LeaseName, kind: Kind) {
        self.lease = lease
        self.kind = kind
    }
}

/// How an arbiter is reached at the moment, for people.
public enum ArbiterStanding: Hashable, Sendable {
    /// Nothing was heard yet.
    case connecting
    /// It answers; the round trip of the last answer.
    case answering(roundTrip: Duration)
    /// It answers and grants nothing yet: why, and until when (nil: not known).
    case settling(String, until: Deadline?)
    /// It does not answer, or not usefully: why, and since when.
    case down(String, since: Instant)
}
