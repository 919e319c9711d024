import Arbitration
import Primitives
import VRRP

/// What the nodes of one virtual router say to each other beside VRRP, over UDP: what VRRP alone leaves silent.
///
/// A hello says who speaks and what it holds true (``GreetingFacts``), and of each listener the last hello that was heard from it
/// (``Echo``). By its echo a listener knows that it is heard, how long the way there and back takes, and that who speaks
/// does so now: a recording cannot echo what was said after it was made.
public struct Hello: Hashable, Sendable {
    /// UDP, unless configured otherwise.
    public static let defaultPort: UInt16 = 7947
    /// Of any hello, in bytes: it fits wherever IPv6 does.
    public static let longest = 512

    public var router: VirtualRouterID
    public var family: AddressFamily
    /// One life of the speaker: 64 random bits, not 0.
    public var incarnation: Incarnation
    /// One more with each hello of this incarnation, to whomever it goes.
    public var sequence: UInt64
    public var facts: GreetingFacts
    /// One turn of a hand-over, as far as the speaker can tell; 0 to 4,294 s in microseconds.
    public var slot: Duration
    /// Who is to be master next, where the speaker departs.
    public var successor: Incarnation?
    /// The speaker, which holds the lease, asks everybody not to take it for so long from the sending of this hello, while its
    /// arbiter is down; milliseconds.
    public var request: Duration?
    public var promise: Promise?
    /// How long ago the speaker last became master; nil: it never was. Whole milliseconds, at most 49 days.
    public var masterFor: Duration?
    /// How long ago it let go; nil while it is master, or never was.
    public var notMasterFor: Duration?
    /// As many as fit; the machine takes turns where there are more.
    public var echoes: [Echo]

    /// What was heard last from one listener.
    public struct Echo: Hashable, Sendable {
        public static let length = 20

        public var incarnation: Incarnation
        public var sequence: UInt64
        /// How long ago that was when this hello left; microseconds, at most 4,294 s.
        public var age: Duration

        public init(incarnation: Incarnation, sequence: UInt64, age: Duration) {
            self.incarnation = incarnation
            self.sequence = sequence
            self.age = age
        }
    }

    /// “I do not take your lease for `duration` from the sending of your hello `sequence`.”
    public struct Promise: Hashable, Sendable {
        /// Whom it is made to.
        public var incarnation: Incarnation
        public var sequence: UInt64
        /// Milliseconds, at least one.
        public var duration: Duration

        public init(to incarnation: Incarnation, sequence: UInt64, duration: Duration) {
            self.incarnation = incarnation
            self.sequence = sequence
            self.duration = duration
        }
    }

    public init(
        router: VirtualRouterID, family: AddressFamily, incarnation: Incarnation, sequence: UInt64,
        facts: GreetingFacts,
        slot: Duration = .zero, successor: Incarnation? = nil, request: Duration? = nil, promise: Promise? = nil,
        echoes: [Echo] = []
    ) {
        self.router = router
        self.family = family
        self.incarnation = incarnation
        self.sequence = sequence
        self.facts = facts
        self.slot = slot
        self.successor = successor
        self.request = request
        self.promise = promise
        self.echoes = echoes
    }
}

/// Why a hello was not listened to.
public enum HelloRejection: UInt8, Error, Hashable, Sendable, CaseIterable {
    /// Its bytes are none, or say what cannot be.
    case malformed
    /// A later version of the program wrote it in a way that this one cannot read.
    case format
    /// It is not sealed, or with another key; or it is sealed, and this node has no key.
    case seal
    /// It was sent to the group and comes from behind a router.
    case hopLimit
    /// Its sender is no configured peer.
    case stranger
    /// It is about another virtual router.
    case otherRouter
    /// This node said it.
    case own
    /// What it says is old: it was heard before, or a later one was.
    case replayed
    /// There is no room for another peer.
    case crowded
}
