import Primitives

/// A `virtual_server`: what clients address, and the real servers that answer in its place.
public struct VirtualServer: Hashable, Sendable {
    /// What clients address.
    public enum Service: Hashable, Sendable {
        /// `IP [PORT]`. Port 0 is every port, and then the service is persistent.
        case address(IPAddress, port: UInt16)
        /// `fwmark N`: packets that the firewall marked; never 0.
        case firewallMark(UInt32)
        /// `group NAME`: the name of a `VirtualServerGroup` of the model.
        case group(String)
    }

    /// What the service speaks. The value is the number in the IP header.
    public enum TransportProtocol: UInt8, Hashable, Sendable, CaseIterable {
        case tcp = 6
        case udp = 17
        case sctp = 132
    }

    /// How a connection finds its real server; the value is the name that the kernel knows.
    public enum Scheduler: String, Hashable, Sendable, CaseIterable {
        case roundRobin = "rr"
        case weightedRoundRobin = "wrr"
        case leastConnections = "lc"
        case weightedLeastConnections = "wlc"
        case localityLeastConnections = "lblc"
        case sourceHash = "sh"
        case maglevHash = "mh"
        case destinationHash = "dh"
        case weightedFailover = "fo"
        case weightedOverflow = "ovf"
        case localityLeastConnectionsReplicated = "lblcr"
        case shortestExpectedDelay = "sed"
        case neverQueue = "nq"
        case powerOfTwo = "twos"
    }

    /// Flags of the scheduler, as the kernel numbers them.
    public struct SchedulerFlags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// `flag-1`; `sh-fallback` and `mh-fallback` are the same.
        public static let first = SchedulerFlags(rawValue: 1)
        /// `flag-2`; `sh-port` and `mh-port` are the same.
        public static let second = SchedulerFlags(rawValue: 2)
        /// `flag-3`.
        public static let third = SchedulerFlags(rawValue: 4)
    }

    /// Which clients are one client to persistence.
    public enum Granularity: Hashable, Sendable {
        /// IPv4: those that are equal under this mask. 255.255.255.255 unless written.
        case mask(IPv4Address)
        /// IPv6: those that share so many bits, 1…128. 128 unless written.
        case prefixLength(UInt8)
    }

    /// A client stays with its real server.
    public struct Persistence: Hashable, Sendable {
        /// `persistence_timeout`, 1…2678400 s; 360 where the keyword stands alone, or only `persistence_granularity`.
        public var timeout: Duration
        public var granularity: Granularity

        public init(timeout: Duration = .seconds(360), granularity: Granularity) {
            self.timeout = timeout
            self.granularity = granularity
        }
    }

    public var service: Service
    /// Of the addresses; of a firewall mark `ip_family`, or what its servers and its granularity show, or IPv4.
    public var family: AddressFamily
    /// `protocol`, UDP unless written; nil where firewall marks alone decide.
    public var transport: TransportProtocol?
    /// `lvs_sched` or `lb_algo`.
    public var scheduler: Scheduler = .weightedLeastConnections
    public var schedulerFlags: SchedulerFlags = []
    /// `ops`: each packet of UDP is scheduled on its own.
    public var onePacket: Bool = false
    /// `lvs_method` or `lb_kind`. Real servers and the sorry server have it too, unless they say otherwise.
    public var forwarding: ForwardingMethod = .nat
    /// `persistence_timeout` and `persistence_granularity`; nil is none.
    public var persistence: Persistence?
    /// `persistence_engine`, such as `sip`.
    public var persistenceEngine: String?
    /// `ha_suspend`: no checks while the service's address is not on this node.
    public var suspendsChecks: Bool = false
    /// `smtp_alert`, or the global defaults, or false.
    public var smtpAlert: Bool = false
    /// `virtualhost`: the Host header of checks that have none of their own.
    public var virtualHost: String?
    /// `snmp_name`.
    public var snmpName: String?
    /// `omega`: a stop runs `quorum_down` and `notify_down`.
    public var omega: Bool = false
    /// `inhibit_on_failure`, which is where real servers have theirs from.
    public var inhibitOnFailure: Bool = false
    /// `drain_timeout`, which is where real servers have theirs from.
    public var drainTimeout: Duration?
    /// `slow_start`, which is where real servers have theirs from.
    public var slowStart: Duration?
    /// What real servers inherit.
    public var timing = CheckTiming()
    /// `quorum`: the least weight of living servers; 1…4294967295.
    public var quorum: UInt32 = 1
    /// `hysteresis`: how far the weight must pass the quorum either way; below `quorum`.
    public var hysteresis: UInt32 = 0
    /// `quorum_up`.
    public var quorumUp: HookCommand?
    /// `quorum_down`.
    public var quorumDown: HookCommand?
    /// `sorry_server`: serves while the quorum is lost.
    public var sorryServer: SorryServer?
    /// `real_server` blocks: at least one, each address and port once.
    public var realServers: [RealServer] = []

    public init(_ service: Service, family: AddressFamily = .ipv4, transport: TransportProtocol? = .tcp) {
        self.service = service
        self.family = family
        self.transport = transport
    }
}

/// How a packet travels from this node to a real server.
public enum ForwardingMethod: Hashable, Sendable {
    /// `NAT`: addresses are rewritten, and answers come back through this node.
    case nat
    /// `DR`: to the server's MAC address; the server holds the service's address too.
    case directRouting
    /// `TUN`: wrapped into another packet; the server unwraps it, and holds the service's address too.
    case tunnel(Tunnel)

    /// The server gets the packet as the client sent it: its port is that of the service.
    public var keepsPort: Bool { self != .nat }
    /// The server's address may be of another family than the service's.
    public var mixesFamilies: Bool { if case .tunnel = self { true } else { false } }
}

/// The options of `TUN`.
public struct Tunnel: Hashable, Sendable {
    public enum Encapsulation: Hashable, Sendable {
        /// `type ipip`, and where none is written.
        case ipip
        /// `type gue port N`, 1…65535.
        case gue(port: UInt16)
        /// `type gre`.
        case gre
    }

    public enum Checksum: UInt8, Hashable, Sendable {
        /// `nocsum`.
        case none
        /// `csum`; not with ipip.
        case full
        /// `remcsum`: remote checksum offload, gue only.
        case remote
    }

    public var encapsulation: Encapsulation
    public var checksum: Checksum

    public init(_ encapsulation: Encapsulation = .ipip, checksum: Checksum = .none) {
        self.encapsulation = encapsulation
        self.checksum = checksum
    }
}

/// `SSL`: what this node shows to servers that `SSL_GET` asks.
public struct TLSMaterial: Hashable, Sendable {
    /// `password` of the private key.
    public var password: Secret?
    /// `ca`: a file.
    public var authority: String?
    /// `certificate`: a file.
    public var certificate: String?
    /// `key`: a file.
    public var key: String?

    public init(
        password: Secret? = nil, authority: String? = nil, certificate: String? = nil, key: String? = nil
    ) {
        self.password = password
        self.authority = authority
        self.certificate = certificate
        self.key = key
    }
}
