import Primitives

/// Where the kernel would send a packet for an address: the answer to `RouteRequest.route(to:)` (RTM_GETROUTE, linux/rtnetlink.h).
public struct RouteRecord: Hashable, Sendable {
    /// RTN_*.
    public enum Kind: UInt8, Hashable, Sendable {
        case unicast = 1, local, broadcast, anycast, multicast, blackhole, unreachable, prohibit
    }

    public var destination: IPAddress?
    public var kind: Kind
    public var interface: InterfaceIndex?
    /// A router stands between: RTA_GATEWAY, or RTA_VIA where it is of another family.
    public var hasGateway: Bool

    public init(
        to destination: IPAddress?, kind: Kind = .unicast, interface: InterfaceIndex?, hasGateway: Bool = false
    ) {
        self.destination = destination
        self.kind = kind
        self.interface = interface
        self.hasGateway = hasGateway
    }
}

enum RouteAttribute {
    static let destination: UInt16 = 1
    static let outgoing: UInt16 = 4
    static let gateway: UInt16 = 5
    static let via: UInt16 = 18
    /// The bytes of `struct rtmsg`.
    static let headerLength = 12
}

extension RouteRecord {
    /// The record in the body of RTM_NEWROUTE or RTM_DELROUTE; nil where it is cut off, or is neither IPv4's nor IPv6's.
    init?(_ message: NetlinkMessage, in datagram: RawSpan) {
        let body = message.body
        guard message.end - body >= RouteAttribute.headerLength,
            let family = datagram.uint8(at: body).flatMap({ AddressFamily(kernelNumber: $0) }),
            let kind = datagram.uint8(at: body + 7).flatMap({ Kind(rawValue: $0) })
        else { return nil }
        var record = RouteRecord(to: nil, kind: kind, interface: nil)
        var attributes = NetlinkAttributes(from: body + RouteAttribute.headerLength, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            switch attribute.type {
            case RouteAttribute.destination where attribute.count == family.addressLength:
                record.destination = datagram.address(family, at: attribute.offset)
            case RouteAttribute.outgoing where attribute.count >= 4:
                record.interface = datagram.hostUInt32(at: attribute.offset).flatMap {
                    $0 == 0 ? nil : InterfaceIndex($0)
                }
            case RouteAttribute.gateway, RouteAttribute.via: record.hasGateway = true
            default: break
            }
        }
        guard !attributes.isMalformed else { return nil }
        self = record
    }

    /// The body of RTM_GETROUTE.
    static func append(requestFor address: IPAddress, to bytes: inout [UInt8]) {
        bytes.append(address.family.kernelNumber)
        bytes.append(UInt8(truncatingIfNeeded: address.family.addressLength * 8))
        bytes.append(contentsOf: repeatElement(0, count: RouteAttribute.headerLength - 2))
        bytes.append(attribute: RouteAttribute.destination, address)
    }
}
