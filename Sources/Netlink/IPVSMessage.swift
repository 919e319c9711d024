import Primitives

// What can be said to the kernel's ip_vs. Numbers and layouts are those of linux/ip_vs.h (`IPVS_CMD_*`, `IPVS_*_ATTR_*`).

/// What distinguishes a virtual service: an address with port and protocol, or a firewall mark.
public enum IPVSServiceID: Hashable, Sendable {
    /// Port 0 is every port.
    case address(IPAddress, port: UInt16, protocolNumber: UInt16)
    case mark(UInt32, AddressFamily)

    public var family: AddressFamily {
        switch self {
        case .address(let address, _, _): address.family
        case .mark(_, let family): family
        }
    }
}

/// A virtual service without its destinations.
public struct IPVSService: Hashable, Sendable {
    /// IP_VS_SVC_F_*.
    public struct Flags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let persistent = Flags(rawValue: 0x01)
        /// The kernel's own: the service is found by packets.
        public static let hashed = Flags(rawValue: 0x02)
        public static let onePacket = Flags(rawValue: 0x04)
        /// What the scheduler makes of them is its own affair; there are three.
        public static let scheduler1 = Flags(rawValue: 0x08)
        public static let scheduler2 = Flags(rawValue: 0x10)
        public static let scheduler3 = Flags(rawValue: 0x20)

        /// Those that whoever writes a service decides about.
        public static let settable: Flags = [.persistent, .onePacket, .scheduler1, .scheduler2, .scheduler3]
    }

    public var id: IPVSServiceID
    /// At most 15 bytes; the kernel loads the module `ip_vs_NAME`.
    public var scheduler: String
    public var flags: Flags
    /// Of persistence, in seconds.
    public var timeout: UInt32
    /// Which clients are one to persistence: IPv4 a mask as a number, 255.255.255.0 is 0xFFFFFF00; IPv6 the length of a prefix, 1…128.
    public var netmask: UInt32
    /// The persistence engine, or empty; at most 15 bytes.
    public var engine: String
    public var statistics = IPVSStatistics()

    public init(
        _ id: IPVSServiceID, scheduler: String, flags: Flags = [], timeout: UInt32 = 0, netmask: UInt32? = nil,
        engine: String = ""
    ) {
        self.id = id
        self.scheduler = scheduler
        self.flags = flags
        self.timeout = timeout
        self.netmask = netmask ?? (id.family == .ipv4 ? .max : 128)
        self.engine = engine
    }
}

/// A server behind a virtual service.
public struct IPVSDestination: Hashable, Sendable {
    /// IP_VS_CONN_F_FWD_MASK.
    public enum Method {
        public static let masquerade: UInt32 = 0
        public static let localNode: UInt32 = 1
        public static let tunnel: UInt32 = 2
        public static let directRouting: UInt32 = 3
        public static let bypass: UInt32 = 4
    }

    public var address: IPAddress
    public var port: UInt16
    public var method: UInt32
    /// 0…2147483647.
    public var weight: UInt32
    public var upperThreshold: UInt32
    public var lowerThreshold: UInt32
    /// IP_VS_CONN_F_TUNNEL_TYPE_*: 0 ipip, 1 gue, 2 gre.
    public var tunnelType: UInt8
    public var tunnelPort: UInt16
    /// IP_VS_TUNNEL_ENCAP_FLAG_*: 1 checksums, 2 remote checksum offload.
    public var tunnelFlags: UInt16
    public var activeConnections: UInt32 = 0
    public var inactiveConnections: UInt32 = 0
    public var persistentConnections: UInt32 = 0
    public var statistics = IPVSStatistics()

    public init(
        _ address: IPAddress, port: UInt16, method: UInt32 = Method.masquerade, weight: UInt32 = 1,
        upperThreshold: UInt32 = 0, lowerThreshold: UInt32 = 0, tunnelType: UInt8 = 0, tunnelPort: UInt16 = 0,
        tunnelFlags: UInt16 = 0
    ) {
        self.address = address
        self.port = port
        self.method = method
        self.weight = weight
        self.upperThreshold = upperThreshold
        self.lowerThreshold = lowerThreshold
        self.tunnelType = tunnelType
        self.tunnelPort = tunnelPort
        self.tunnelFlags = tunnelFlags
    }
}

/// Counters of a service or a destination, and how fast they grow: per second, a mean of the last seconds.
public struct IPVSStatistics: Hashable, Sendable {
    public var connections: UInt64 = 0
    public var packetsIn: UInt64 = 0
    public var packetsOut: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    public var connectionRate: UInt64 = 0
    public var packetRateIn: UInt64 = 0
    public var packetRateOut: UInt64 = 0
    public var byteRateIn: UInt64 = 0
    public var byteRateOut: UInt64 = 0

    public init() {}
}

/// A sync daemon: it tells connections to another director, or hears of them.
public struct IPVSDaemon: Hashable, Sendable {
    /// IP_VS_STATE_*.
    public enum State: UInt32, Hashable, Sendable {
        /// Tells.
        case master = 1
        /// Listens.
        case backup = 2
    }

    public var state: State
    /// Where it is multicast.
    public var interface: String
    /// Daemons with another number are not listened to; 0…255.
    public var syncID: UInt32
    /// Bytes of a packet; nil is the kernel's choice, as with all that follows.
    public var maximumLength: UInt16?
    public var group: IPAddress?
    public var port: UInt16?
    public var ttl: UInt8?

    public init(
        _ state: State, interface: String, syncID: UInt32, maximumLength: UInt16? = nil, group: IPAddress? = nil,
        port: UInt16? = nil, ttl: UInt8? = nil
    ) {
        self.state = state
        self.interface = interface
        self.syncID = syncID
        self.maximumLength = maximumLength
        self.group = group
        self.port = port
        self.ttl = ttl
    }
}

/// How long connections are remembered, in seconds; nil is left as it is. The kernel leaves a 0 as it is, too.
public struct IPVSTimeouts: Hashable, Sendable {
    public var tcp: UInt32?
    public var tcpFin: UInt32?
    public var udp: UInt32?

    public init(tcp: UInt32? = nil, tcpFin: UInt32? = nil, udp: UInt32? = nil) {
        self.tcp = tcp
        self.tcpFin = tcpFin
        self.udp = udp
    }
}

/// What can be asked of ip_vs. Dumps end in `isDone`; all else is acknowledged where that is asked for, and answered by an error where it fails.
public enum IPVSRequest: Hashable, Sendable {
    /// EEXIST where it is there; ENOENT where the kernel has no such scheduler or persistence engine.
    case newService(IPVSService)
    /// ESRCH where it is not there, as with all that names a service.
    case setService(IPVSService)
    case deleteService(IPVSServiceID)
    case getService(IPVSServiceID)
    case dumpServices
    /// EEXIST where it is there.
    case newDestination(IPVSServiceID, IPVSDestination)
    /// ENOENT where it is not there.
    case setDestination(IPVSServiceID, IPVSDestination)
    case deleteDestination(IPVSServiceID, IPAddress, port: UInt16)
    /// Empty where the service is not there.
    case dumpDestinations(IPVSServiceID)
    case startDaemon(IPVSDaemon)
    /// ESRCH where it does not run.
    case stopDaemon(IPVSDaemon.State)
    case dumpDaemons
    case setTimeouts(IPVSTimeouts)
    case getTimeouts
    case getInformation
    /// Counters begin again: of one service, or of all.
    case zero(IPVSServiceID?)
    /// Everything goes.
    case flush

    /// IPVS_GENL_NAME.
    public static let familyName = "IPVS"

    /// - Parameters:
    ///   - family: the number that the kernel gave to ``familyName``.
    ///   - acknowledged: whether success is answered too. Without it a row of requests is one answer: that of the last.
    public func append(to bytes: inout [UInt8], sequence: UInt32, family: UInt16, acknowledged: Bool = true) {
        var flags = NetlinkFlag.request
        if isDump { flags |= NetlinkFlag.dump } else if acknowledged { flags |= NetlinkFlag.acknowledge }
        let start = bytes.beginMessage(family, flags: flags, sequence: sequence)
        bytes.append(genericHeader: command, version: 1)
        switch self {
        case .newService(let service), .setService(let service): bytes.append(service)
        case .deleteService(let id), .getService(let id), .dumpDestinations(let id), .zero(let id?):
            bytes.append(naming: id)
        case .newDestination(let id, let destination), .setDestination(let id, let destination):
            bytes.append(naming: id)
            bytes.append(destination)
        case .deleteDestination(let id, let address, let port):
            bytes.append(naming: id)
            bytes.append(naming: address, port: port)
        case .startDaemon(let daemon): bytes.append(daemon)
        case .stopDaemon(let state):
            let nested = bytes.beginNested(IPVSAttribute.daemon)
            bytes.append(attribute: 1, hostOrder: state.rawValue)
            bytes.endNested(at: nested)
        case .setTimeouts(let timeouts):
            if let value = timeouts.tcp { bytes.append(attribute: 4, hostOrder: value) }
            if let value = timeouts.tcpFin { bytes.append(attribute: 5, hostOrder: value) }
            if let value = timeouts.udp { bytes.append(attribute: 6, hostOrder: value) }
        case .dumpServices, .dumpDaemons, .getTimeouts, .getInformation, .zero(nil), .flush: break
        }
        bytes.endMessage(at: start)
    }

    private var isDump: Bool {
        switch self {
        case .dumpServices, .dumpDestinations, .dumpDaemons: true
        default: false
        }
    }

    /// IPVS_CMD_*.
    private var command: UInt8 {
        switch self {
        case .newService: 1
        case .setService: 2
        case .deleteService: 3
        case .getService, .dumpServices: 4
        case .newDestination: 5
        case .setDestination: 6
        case .deleteDestination: 7
        case .dumpDestinations: 8
        case .startDaemon: 9
        case .stopDaemon: 10
        case .dumpDaemons: 11
        case .setTimeouts: 12
        case .getTimeouts: 13
        case .getInformation: 15
        case .zero: 16
        case .flush: 17
        }
    }
}

/// IPVS_CMD_ATTR_*.
enum IPVSAttribute {
    static let service: UInt16 = 1
    static let destination: UInt16 = 2
    static let daemon: UInt16 = 3
}

extension [UInt8] {
    /// `union nf_inet_addr`: 16 bytes, of which IPv4 has the first four.
    fileprivate mutating func append(attribute type: UInt16, inet address: IPAddress) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 16))
        append(hostOrder: type)
        address.append(to: &self)
        if address.family == .ipv4 { append(contentsOf: repeatElement(0, count: 12)) }
    }

    private mutating func append(identity id: IPVSServiceID) {
        append(attribute: 1, short: UInt16(id.family.kernelNumber))
        switch id {
        case .mark(let mark, _): append(attribute: 5, hostOrder: mark)
        case .address(let address, let port, let number):
            append(attribute: 2, short: number)
            append(attribute: 3, inet: address)
            append(attribute: 4, bigEndian: port)
        }
    }

    fileprivate mutating func append(naming id: IPVSServiceID) {
        let nested = beginNested(IPVSAttribute.service)
        append(identity: id)
        endNested(at: nested)
    }

    fileprivate mutating func append(_ service: IPVSService) {
        let nested = beginNested(IPVSAttribute.service)
        append(identity: service.id)
        append(attribute: 6, text: service.scheduler)
        if !service.engine.isEmpty { append(attribute: 11, text: service.engine) }
        // `struct ip_vs_flags`: the flags, and which of them are meant.
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 8))
        append(hostOrder: UInt16(7))
        append(hostOrder: service.flags.rawValue)
        append(hostOrder: IPVSService.Flags.settable.rawValue)
        append(attribute: 8, hostOrder: service.timeout)
        // A mask is an address, in network order; a length is a number.
        if service.id.family == .ipv4 {
            append(attribute: 9, bigEndian: service.netmask)
        } else {
            append(attribute: 9, hostOrder: service.netmask)
        }
        endNested(at: nested)
    }

    fileprivate mutating func append(naming address: IPAddress, port: UInt16) {
        let nested = beginNested(IPVSAttribute.destination)
        append(identity: address, port: port)
        endNested(at: nested)
    }

    private mutating func append(identity address: IPAddress, port: UInt16) {
        append(attribute: 1, inet: address)
        append(attribute: 2, bigEndian: port)
        append(attribute: 11, short: UInt16(address.family.kernelNumber))
    }

    fileprivate mutating func append(_ destination: IPVSDestination) {
        let nested = beginNested(IPVSAttribute.destination)
        append(identity: destination.address, port: destination.port)
        append(attribute: 3, hostOrder: destination.method)
        append(attribute: 4, hostOrder: destination.weight)
        append(attribute: 5, hostOrder: destination.upperThreshold)
        append(attribute: 6, hostOrder: destination.lowerThreshold)
        append(attribute: 13, byte: destination.tunnelType)
        append(attribute: 14, bigEndian: destination.tunnelPort)
        append(attribute: 15, short: destination.tunnelFlags)
        endNested(at: nested)
    }

    fileprivate mutating func append(_ daemon: IPVSDaemon) {
        let nested = beginNested(IPVSAttribute.daemon)
        append(attribute: 1, hostOrder: daemon.state.rawValue)
        append(attribute: 2, text: daemon.interface)
        append(attribute: 3, hostOrder: daemon.syncID)
        if let length = daemon.maximumLength { append(attribute: 4, short: length) }
        switch daemon.group {
        case .v4(let group)?: append(attribute: 5, bigEndian: group.bits)
        case .v6(let group)?: append(attribute: 6, .v6(group))
        case nil: break
        }
        if let port = daemon.port { append(attribute: 7, short: port) }
        if let ttl = daemon.ttl { append(attribute: 8, byte: ttl) }
        endNested(at: nested)
    }
}
