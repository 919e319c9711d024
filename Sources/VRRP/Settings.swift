import Primitives

/// What the configuration says of one virtual router, resolved: no name is looked up and no default
/// applied after this.
public struct Settings: Hashable, Sendable {
    public var id: VirtualRouterID
    public var format: PacketFormat
    public var priority: Priority
    /// How often a master advertises.
    public var interval: Centiseconds
    /// Whether a higher priority takes over from a living lower one (RFC 9568 §6.1, Preempt_Mode).
    public var preempts: Bool
    /// How long a lower master is let be before it is pre-empted.
    public var preemptDelay: Duration
    /// Advertisements missed before the master is taken for dead: 3 in the RFC.
    public var downTimerAdverts: Int
    public var answersLowerPriority: Bool
    public var advertisesBeforeYielding: Bool
    public var ownerIgnoresAdverts: Bool
    /// Sources and hop counts that unicast adverts may have. Empty: multicast.
    public var peers: [Peer]
    public var checksPeers: Bool
    /// Whether something else decides when this router may become master: its sync group, a lease, or both.
    public var needsConsent: Bool
    public var announcements: AnnouncementSchedule

    public struct Peer: Hashable, Sendable {
        public var address: IPAddress
        /// TTL or hop limit that its packets may arrive with.
        public var timeToLive: ClosedRange<UInt8>
        public init(address: IPAddress, timeToLive: ClosedRange<UInt8> = 0...255) {
            self.address = address
            self.timeToLive = timeToLive
        }
    }

    /// The defaults are keepalived's.
    public init(
        id: VirtualRouterID, format: PacketFormat, priority: Priority = Priority(100), preempts: Bool = true,
        preemptDelay: Duration = .zero, downTimerAdverts: Int = 3, answersLowerPriority: Bool = true,
        advertisesBeforeYielding: Bool = false, ownerIgnoresAdverts: Bool = false, peers: [Peer] = [],
        checksPeers: Bool = false, needsConsent: Bool = false,
        announcements: AnnouncementSchedule = AnnouncementSchedule()
    ) {
        self.id = id
        self.format = format
        self.priority = priority
        self.interval = format.interval
        self.preempts = preempts
        self.preemptDelay = preemptDelay
        self.downTimerAdverts = downTimerAdverts
        self.answersLowerPriority = answersLowerPriority
        self.advertisesBeforeYielding = advertisesBeforeYielding
        self.ownerIgnoresAdverts = ownerIgnoresAdverts
        self.peers = peers
        self.checksPeers = checksPeers
        self.needsConsent = needsConsent
        self.announcements = announcements
    }

    /// The one router besides this that can be master, where the configuration proves there is only one:
    /// its release need not be waited out, since nobody else could take over (docs/differences.md).
    var soleRival: IPAddress? { peers.count == 1 ? peers[0].address : nil }
}

/// When the new master tells the link, and how often (keepalived's `garp_*`; RFC 9568 §8.1.2, §8.2.2).
public struct AnnouncementSchedule: Hashable, Sendable {
    /// Frames per address on becoming master, and again after `masterDelay`.
    public var masterRepeat: Int
    /// Time to the second burst; zero is none.
    public var masterDelay: Duration
    /// Period of refreshing announcements; zero is never.
    public var refresh: Duration
    public var refreshRepeat: Int
    /// Frames per address on hearing a lower priority as master; 0 is none.
    public var lowerPriorityRepeat: Int
    public var lowerPriorityDelay: Duration
    /// Period of announcing the addresses on other interfaces than the router's own; zero is never.
    public var elsewhere: Duration

    public init(
        masterRepeat: Int = 5, masterDelay: Duration = .seconds(5), refresh: Duration = .zero, refreshRepeat: Int = 1,
        lowerPriorityRepeat: Int = 5, lowerPriorityDelay: Duration = .seconds(5), elsewhere: Duration = .zero
    ) {
        self.masterRepeat = masterRepeat
        self.masterDelay = masterDelay
        self.refresh = refresh
        self.refreshRepeat = refreshRepeat
        self.lowerPriorityRepeat = lowerPriorityRepeat
        self.lowerPriorityDelay = lowerPriorityDelay
        self.elsewhere = elsewhere
    }
}
