import Primitives

/// An address on an interface: what the kernel reports and what we ask it for (linux/if_addr.h).
///
/// `prefix` is IFA_LOCAL where there is one, else IFA_ADDRESS: the address that is ours. `peer` is the
/// other end of a point-to-point address (IFA_ADDRESS when it differs), and then `prefix.length` is the
/// length of the *peer's* network, as in `ip address`.
public struct AddressRecord: Hashable, Sendable {
    public var interface: InterfaceIndex
    public var prefix: IPPrefix
    public var peer: IPAddress?
    public var scope: AddressScope
    public var broadcast: IPAddress?
    /// IPv4 only; empty when the kernel should use (or uses none but) the interface's name. At most 15 bytes.
    public var label: String
    public var flags: AddressFlags
    /// Seconds from now until the kernel removes the address; `forever` never.
    public var validLifetime: UInt32
    /// Seconds until it is deprecated; at most `validLifetime`.
    public var preferredLifetime: UInt32
    /// IFA_PROTO: who put it there. 0 says nothing (kernels before 5.18, and most tools).
    public var proto: UInt8

    /// INFINITY_LIFE_TIME.
    public static let forever: UInt32 = 0xFFFF_FFFF
    /// Marks the addresses that are ours: the number RTPROT_KEEPALIVED has for routes.
    public static let alofts: UInt8 = 18

    public init(
        interface: InterfaceIndex, prefix: IPPrefix, peer: IPAddress? = nil, scope: AddressScope = .global,
        broadcast: IPAddress? = nil, label: String = "", flags: AddressFlags = [],
        validLifetime: UInt32 = AddressRecord.forever, preferredLifetime: UInt32 = AddressRecord.forever,
        proto: UInt8 = 0
    ) {
        self.interface = interface
        self.prefix = prefix
        self.peer = peer
        self.scope = scope
        self.broadcast = broadcast
        self.label = label
        self.flags = flags
        self.validLifetime = validLifetime
        self.preferredLifetime = preferredLifetime
        self.proto = proto
    }
}

/// `enum rt_scope_t` (linux/rtnetlink.h): how far an address or a route reaches.
public struct AddressScope: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt8
    public init(rawValue: UInt8) { self.rawValue = rawValue }
    public static let global = AddressScope(rawValue: 0)
    public static let site = AddressScope(rawValue: 200)
    public static let link = AddressScope(rawValue: 253)
    public static let host = AddressScope(rawValue: 254)
    public static let nowhere = AddressScope(rawValue: 255)
}

/// IFA_F_* (linux/if_addr.h).
public struct AddressFlags: OptionSet, Hashable, Sendable {
    public var rawValue: UInt32
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// Not the first of its subnet: goes when the first goes, unless `promote_secondaries` is set. IPv6: temporary.
    public static let secondary = AddressFlags(rawValue: 0x01)
    /// Usable at once, without duplicate address detection.
    public static let noDAD = AddressFlags(rawValue: 0x02)
    public static let optimistic = AddressFlags(rawValue: 0x04)
    public static let dadFailed = AddressFlags(rawValue: 0x08)
    /// Mobile IPv6 home address.
    public static let homeAddress = AddressFlags(rawValue: 0x10)
    public static let deprecated = AddressFlags(rawValue: 0x20)
    public static let tentative = AddressFlags(rawValue: 0x40)
    /// Without a lifetime.
    public static let permanent = AddressFlags(rawValue: 0x80)
    public static let manageTemporary = AddressFlags(rawValue: 0x100)
    public static let noPrefixRoute = AddressFlags(rawValue: 0x200)
    public static let autoJoin = AddressFlags(rawValue: 0x400)
    public static let stablePrivacy = AddressFlags(rawValue: 0x800)

    /// What may be asked for; the rest is the kernel's to say.
    public static let settable: AddressFlags = [
        .noDAD, .optimistic, .homeAddress, .manageTemporary, .noPrefixRoute, .autoJoin,
    ]
}

enum AddressAttribute {
    static let address: UInt16 = 1
    static let local: UInt16 = 2
    static let label: UInt16 = 3
    static let broadcast: UInt16 = 4
    static let cacheInfo: UInt16 = 6
    static let flags: UInt16 = 8
    static let proto: UInt16 = 11
    /// The bytes of `struct ifaddrmsg`.
    static let headerLength = 8
}

/// AF_INET and AF_INET6, which the rest of the house calls 4 and 6.
extension AddressFamily {
    var kernelNumber: UInt8 { self == .ipv4 ? 2 : 10 }

    init?(kernelNumber: UInt8) {
        switch kernelNumber {
        case 2: self = .ipv4
        case 10: self = .ipv6
        default: return nil
        }
    }
}

extension AddressRecord {
    /// The record in the body of RTM_NEWADDR or RTM_DELADDR; nil when it isn't a whole one of IPv4 or IPv6.
    init?(_ message: NetlinkMessage, in datagram: RawSpan) {
        let body = message.body
        guard message.end - body >= AddressAttribute.headerLength,
            let familyNumber = datagram.uint8(at: body), let family = AddressFamily(kernelNumber: familyNumber),
            let length = datagram.uint8(at: body + 1), let shortFlags = datagram.uint8(at: body + 2),
            let scope = datagram.uint8(at: body + 3), let index = datagram.hostUInt32(at: body + 4)
        else { return nil }
        var address: IPAddress?
        var local: IPAddress?
        var broadcast: IPAddress?
        var label = ""
        var flags = UInt32(shortFlags)
        var valid = AddressRecord.forever
        var preferred = AddressRecord.forever
        var proto: UInt8 = 0
        var attributes = NetlinkAttributes(from: body + AddressAttribute.headerLength, to: message.end)
        while let attribute = attributes.next(in: datagram) {
            switch attribute.type {
            case AddressAttribute.address where attribute.count == family.addressLength:
                address = datagram.address(family, at: attribute.offset)
            case AddressAttribute.local where attribute.count == family.addressLength:
                local = datagram.address(family, at: attribute.offset)
            case AddressAttribute.broadcast where attribute.count == family.addressLength:
                broadcast = datagram.address(family, at: attribute.offset)
            case AddressAttribute.label:
                label = datagram.text(attribute) ?? ""
            case AddressAttribute.flags where attribute.count >= 4:
                flags = datagram.hostUInt32(at: attribute.offset) ?? flags
            case AddressAttribute.cacheInfo where attribute.count >= 8:
                preferred = datagram.hostUInt32(at: attribute.offset) ?? preferred
                valid = datagram.hostUInt32(at: attribute.offset + 4) ?? valid
            case AddressAttribute.proto where attribute.count >= 1:
                proto = datagram.uint8(at: attribute.offset) ?? 0
            default: break
            }
        }
        guard !attributes.isMalformed, let own = local ?? address, let prefix = IPPrefix(own, length: length) else {
            return nil
        }
        self.init(
            interface: InterfaceIndex(index), prefix: prefix, peer: address == own ? nil : address,
            scope: AddressScope(rawValue: scope), broadcast: broadcast, label: label,
            flags: AddressFlags(rawValue: flags), validLifetime: valid, preferredLifetime: preferred, proto: proto)
    }
}
