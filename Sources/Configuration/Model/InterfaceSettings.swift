/// What the blocks of the top say of interfaces.
public struct InterfaceSettings: Hashable, Sendable {
    /// A `garp_group`: interfaces that share a limit of announcements.
    public struct AnnouncementGroup: Hashable, Sendable {
        /// `interface` and `interfaces`; never empty.
        public var interfaces: [String]
        /// `garp_interval`: least time between two gratuitous ARPs; microseconds.
        public var garpInterval: Duration = .zero
        /// `gna_interval`: the same for neighbour advertisements.
        public var gnaInterval: Duration = .zero

        public init(interfaces: [String]) { self.interfaces = interfaces }
    }

    /// An entry of `interface_up_down_delays`: how long a link must be down or up to count as that, 0…255 s.
    public struct Delays: Hashable, Sendable {
        public var interface: String
        public var down: Duration
        public var up: Duration

        public init(interface: String, down: Duration, up: Duration) {
            self.interface = interface
            self.down = down
            self.up = up
        }
    }

    /// An entry of `linkbeat_interfaces`: an interface whose link is polled.
    public struct LinkPolling: Hashable, Sendable {
        public enum Method: String, Hashable, Sendable, CaseIterable {
            case mii = "MII"
            case ethtool = "ETHTOOL"
            case ioctl = "IOCTL"
        }

        public var interface: String
        /// The one that is tried first; nil means MII.
        public var method: Method?

        public init(interface: String, method: Method? = nil) {
            self.interface = interface
            self.method = method
        }
    }

    public var announcementGroups: [AnnouncementGroup] = []
    public var delays: [Delays] = []
    public var polled: [LinkPolling] = []

    public init() {}
}
