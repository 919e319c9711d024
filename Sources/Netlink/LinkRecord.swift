import Primitives

/// A network interface as the kernel reports it (RTM_NEWLINK, linux/if_link.h).
public struct LinkRecord: Hashable, Sendable {
    public var index: InterfaceIndex
    public var name: String
    public var flags: LinkFlags
    public var operationalState: OperationalState
    /// IFLA_CARRIER: whether the driver sees the other end. False as well when the interface is down.
    public var hasCarrier: Bool
    /// Nil for interfaces without a 48-bit address (tunnels, InfiniBand).
    public var mac: MACAddress?
    public var mtu: UInt32
    /// ARPHRD_*: 1 Ethernet, 772 loopback.
    public var hardwareType: UInt16
    /// IFLA_INFO_KIND: `macvlan`, `bridge`, `vlan`, …; empty for a physical one.
    public var kind: String
    /// The bridge, bond or VRF it belongs to.
    public var master: InterfaceIndex?
    /// The interface below a macvlan or vlan, the other end of a veth pair. May lie in another namespace.
    public var parent: InterfaceIndex?

    public init(
        index: InterfaceIndex, name: String, flags: LinkFlags = [], operationalState: OperationalState = .unknown,
        hasCarrier: Bool = false, mac: MACAddress? = nil, mtu: UInt32 = 1500, hardwareType: UInt16 = 1,
        kind: String = "", master: InterfaceIndex? = nil, parent: InterfaceIndex? = nil
    ) {
        self.index = index
        self.name = name
        self.flags = flags
        self.operationalState = operationalState
        self.hasCarrier = hasCarrier
        self.mac = mac
        self.mtu = mtu
        self.hardwareType = hardwareType
        self.kind = kind
        self.master = master
        self.parent = parent
    }

    /// Administratively up and running: what keepalived calls up.
    public var isUp: Bool { flags.contains([.up, .running]) }
}

/// IFF_* (linux/if.h).
public struct LinkFlags: OptionSet, Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    public static let up = LinkFlags(rawValue: 0x1)
    public static let broadcast = LinkFlags(rawValue: 0x2)
    public static let loopback = LinkFlags(rawValue: 0x8)
    public static let pointToPoint = LinkFlags(rawValue: 0x10)
    /// RFC 2863 OPER_UP.
    public static let running = LinkFlags(rawValue: 0x40)
    public static let noARP = LinkFlags(rawValue: 0x80)
    public static let multicast = LinkFlags(rawValue: 0x1000)
    /// The driver signals layer 1.
    public static let lowerUp = LinkFlags(rawValue: 0x10000)
}

/// IF_OPER_* (RFC 2863, linux/if.h).
public enum OperationalState: UInt8, Hashable, Sendable {
    case unknown, notPresent, down, lowerLayerDown, testing, dormant, up
}

enum LinkAttribute {
    static let address: UInt16 = 1
    static let name: UInt16 = 3
    static let mtu: UInt16 = 4
    static let link: UInt16 = 5
    static let master: UInt16 = 10
    static let operationalState: UInt16 = 16
    static let linkInfo: UInt16 = 18
    static let extendedMask: UInt16 = 29
    static let carrier: UInt16 = 33
    static let infoKind: UInt16 = 1
    /// The bytes of `struct ifinfomsg`.
    static let headerLength = 16
}

extension LinkRecord {
    /// The record in the body of RTM_NEWLINK or RTM_DELLINK; nil when it is cut off or names no interface.
    init?(_ message: NetlinkMessage, in datagram: RawSpan) {
        let body = message.body
        // Bridge port notifications come as RTM_NEWLINK of AF_BRIDGE, and their DELLINK means the port only.
        guard message.end - body >= LinkAttribute.headerLength, datagram.uint8(at: body) == 0,
            let hardwareType = datagram.hostUInt16(at: body + 2), let index = datagram.hostUInt32(at: body + 4),
            let flags = datagram.hostUInt32(at: body + 8), index != 0
        else { return nil }
        var record = LinkRecord(
            index: InterfaceIndex(index), name: "", flags: LinkFlags(rawValue: flags), mtu: 0,
            hardwareType: hardwareType)
        record.hasCarrier = record.flags.contains(.lowerUp)
        var attributes = NetlinkAttributes(from: body + LinkAttribute.headerLength, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            switch attribute.type {
            case LinkAttribute.name:
                record.name = datagram.text(attribute) ?? ""
            case LinkAttribute.address where attribute.count == 6:
                if let high = datagram.uint16(at: attribute.offset), let low = datagram.uint32(at: attribute.offset + 2)
                {
                    record.mac = MACAddress(bits: UInt64(high) << 32 | UInt64(low))
                }
            case LinkAttribute.mtu where attribute.count >= 4:
                record.mtu = datagram.hostUInt32(at: attribute.offset) ?? 0
            case LinkAttribute.link where attribute.count >= 4:
                record.parent = interface(at: attribute.offset, in: datagram)
            case LinkAttribute.master where attribute.count >= 4:
                record.master = interface(at: attribute.offset, in: datagram)
            case LinkAttribute.operationalState where attribute.count >= 1:
                record.operationalState =
                    datagram.uint8(at: attribute.offset).flatMap(OperationalState.init) ?? .unknown
            case LinkAttribute.carrier where attribute.count >= 1:
                record.hasCarrier = datagram.uint8(at: attribute.offset) != 0
            case LinkAttribute.linkInfo:
                var inner = NetlinkAttributes(from: attribute.offset, to: attribute.offset + attribute.count)
                while let info = inner.next(in: datagram) {
                    if info.type == LinkAttribute.infoKind { record.kind = datagram.text(info) ?? "" }
                }
            default: break
            }
        }
        guard !attributes.isMalformed else { return nil }
        self = record
    }
}

private func interface(at offset: Int, in datagram: RawSpan) -> InterfaceIndex? {
    guard let index = datagram.hostUInt32(at: offset), index != 0 else { return nil }
    return InterfaceIndex(index)
}
