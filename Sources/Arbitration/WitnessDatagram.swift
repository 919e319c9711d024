import Primitives

/// What nodes and a witness say to each other: one UDP datagram.
///
/// In network order: `ALWT`, format (1), kind (1), length of the cluster's name (1), number of entries (1), the asker (8) and the count
/// (8) of the nonce, life (16), quiet time left in ms (4), longest lease in ms (4); the cluster's name; the entries; zeros; and 32 bytes of
/// HMAC-SHA-256 over all that by the cluster's key. The kind says who speaks, so that nothing can be sent back as an answer to itself.
///
/// A request is filled up with zeros to what its answer can take: an answer is never longer than its request, and a witness that is
/// sent someone's old requests under a forged source amplifies nothing.
public struct WitnessDatagram: Hashable, Sendable {
    public enum Body: Hashable, Sendable {
        /// A node's.
        case questions([WitnessQuestion])
        /// To the questions of a request, in their order.
        case answers([WitnessAnswer])
        /// The request named another life than this one; nothing was done.
        case otherLife
        /// Unasked: what was changed. The nonce is that of the request which subscribed.
        case news([WitnessNews])
        /// A person's: the leases of the cluster whose names come after this one.
        case statusQuestion(after: LeaseName?)
        case status(WitnessStatus)
    }

    public var cluster: ClusterName
    public var nonce: WitnessNonce
    public var life: WitnessLife
    /// Of a witness: how long it grants nothing yet.
    public var quiet: Duration
    /// Of a witness: the longest lease that it grants.
    public var longest: Duration
    public var body: Body

    public init(
        cluster: ClusterName, nonce: WitnessNonce, life: WitnessLife, quiet: Duration = .zero,
        longest: Duration = .zero,
        body: Body
    ) {
        self.cluster = cluster
        self.nonce = nonce
        self.life = life
        self.quiet = quiet
        self.longest = longest
        self.body = body
    }

    /// Fits into what IPv6 carries everywhere (RFC 8200 §5), with headers and a tunnel.
    public static let largest = 1200
    static let headerLength = 48
    static let codeLength = 32
    static let mark: UInt32 = 0x414C_5754
    static let format: UInt8 = 1

    var kind: UInt8 {
        switch body {
        case .questions: 1
        case .answers: 2
        case .otherLife: 3
        case .news: 4
        case .statusQuestion: 5
        case .status: 6
        }
    }

    /// Why bytes are not listened to.
    public enum Unreadable: Error, Hashable, Sendable {
        /// No datagram of this protocol, or of another format.
        case foreign
        /// The code is not that of the cluster's key.
        case code
        /// The code is right, and what it covers is not what this version says.
        case malformed
    }
}

public struct WitnessQuestion: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
        case read
        /// Nil: nothing was there.
        case write(LeaseRecord, replacing: LeaseStamp?)
    }

    public var lease: LeaseName
    /// What the asker has seen of the lease, from whomever.
    public var known: LeaseHeight
    /// How long it wants to be told of changes: up to 65 s; zero: not.
    public var subscription: Duration
    public var kind: Kind

    public init(lease: LeaseName, known: LeaseHeight = LeaseHeight(), subscription: Duration = .zero, kind: Kind) {
        self.lease = lease
        self.known = known
        self.subscription = subscription
        self.kind = kind
    }
}

public struct WitnessAnswer: Hashable, Sendable {
    public enum Outcome: UInt8, Hashable, Sendable, CaseIterable {
        /// To a read: what stands.
        case found = 0
        /// The write stands.
        case granted = 1
        /// The write does not stand, and will not; what stands is in the answer, with these as with the next.
        case refused = 2
        /// Nothing is taken yet.
        case settling = 3
        /// The lease would be longer than this witness waits after its starts.
        case tooLong = 4
        /// It could not be written down.
        case notStored = 5
        /// There are too many leases.
        case full = 6
        /// A write that no version of this program makes.
        case improper = 7
    }

    public var outcome: Outcome
    public var standing: LeaseRecord?

    public init(_ outcome: Outcome, standing: LeaseRecord? = nil) {
        self.outcome = outcome
        self.standing = standing
    }
}

public struct WitnessNews: Hashable, Sendable {
    public var lease: LeaseName
    public var standing: LeaseRecord

    public init(lease: LeaseName, standing: LeaseRecord) {
        self.lease = lease
        self.standing = standing
    }
}

/// What a witness says of itself and of one cluster, for people.
public struct WitnessStatus: Hashable, Sendable {
    public struct Lease: Hashable, Sendable {
        public var name: LeaseName
        public var standing: LeaseRecord
        /// Since when it stands so; nil: since before this life.
        public var age: Duration?

        public init(name: LeaseName, standing: LeaseRecord, age: Duration?) {
            self.name = name
            self.standing = standing
            self.age = age
        }
    }

    public var counters = WitnessCounters()
    /// Since the life began.
    public var age: Duration = .zero
    /// Leases of the cluster.
    public var total: UInt32 = 0
    /// Why takings cannot be written down; nil: they can. An errno.
    public var storageError: UInt32?
    public var leases: [Lease] = []

    public init() {}
}

/// Since the life began. The first five are one cluster's, the rest is the whole witness's.
public struct WitnessCounters: Hashable, Sendable {
    public var reads: UInt64 = 0
    public var renewals: UInt64 = 0
    public var takings: UInt64 = 0
    public var releases: UInt64 = 0
    public var refusals: UInt64 = 0
    /// Datagrams of a cluster that is not in the key file.
    public var strangers: UInt64 = 0
    /// Datagrams with a wrong code.
    public var forgeries: UInt64 = 0
    /// Datagrams that are none of this protocol.
    public var malformed: UInt64 = 0

    public init() {}

    static let count = 8
    var all: [UInt64] { [reads, renewals, takings, releases, refusals, strangers, forgeries, malformed] }

    init(_ all: [UInt64]) {
        self.init()
        guard all.count == Self.count else { return }
        (reads, renewals, takings, releases) = (all[0], all[1], all[2], all[3])
        (refusals, strangers, forgeries, malformed) = (all[4], all[5], all[6], all[7])
    }
}
