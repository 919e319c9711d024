import Primitives

/// A received advertisement, with what a decision needs of it. Trivial: decoding allocates nothing.
public struct Advertisement: Hashable, Sendable {
    public var version: Version
    public var id: VirtualRouterID
    public var priority: Priority
    /// The sender's interval; VRRPv2 carries whole seconds.
    public var interval: Centiseconds
    /// How many addresses it lists.
    public var addressCount: UInt8
    /// An order-independent digest of the addresses it lists (`addressDigest(of:)`).
    public var addressDigest: UInt64

    public init(
        version: Version, id: VirtualRouterID, priority: Priority, interval: Centiseconds,
        addressCount: UInt8 = 0, addressDigest: UInt64 = 0
    ) {
        self.version = version
        self.id = id
        self.priority = priority
        self.interval = interval
        self.addressCount = addressCount
        self.addressDigest = addressDigest
    }
}

/// Why an advertisement was dropped, in the order of the checks. The raw value is the index of its
/// counter in `Rejections`.
public enum Rejection: UInt8, Hashable, Sendable, CaseIterable, Error {
    case truncated, length, timeToLive, version, authenticationType, authentication
    case interval, type, checksum, destination, ownAddress, owner, notAPeer, peerTimeToLive

    /// The rule that dropped it.
    public var rule: RuleID {
        switch self {
        case .truncated: .receiveTruncated
        case .length: .receiveLength
        case .timeToLive: .receiveTimeToLive
        case .version: .receiveVersion
        case .authenticationType: .receiveAuthenticationType
        case .authentication: .receiveAuthentication
        case .interval: .receiveInterval
        case .type: .receiveType
        case .checksum: .receiveChecksum
        case .destination: .receiveDestination
        case .ownAddress: .receiveOwnAddress
        case .owner: .receiveOwner
        case .notAPeer: .receiveNotAPeer
        case .peerTimeToLive: .receivePeerTimeToLive
        }
    }
}

/// Where a packet came from, as the kernel tells it.
public struct PacketOrigin: Hashable, Sendable {
    public var interface: InterfaceIndex
    public var source: IPAddress
    public var destination: IPAddress
    /// TTL or hop limit as received.
    public var timeToLive: UInt8

    public init(interface: InterfaceIndex, source: IPAddress, destination: IPAddress, timeToLive: UInt8) {
        self.interface = interface
        self.source = source
        self.destination = destination
        self.timeToLive = timeToLive
    }
}

extension Advertisement {
    /// The virtual router that a VRRP packet names, before anything of it is believed: byte 1, after a
    /// version of 2 or 3. Nil for what cannot be an advertisement.
    @inlinable public static func routerID(of packet: RawSpan) -> VirtualRouterID? {
        guard let first = packet.uint8(at: 0), first >> 4 == 2 || first >> 4 == 3, let id = packet.uint8(at: 1)
        else { return nil }
        return VirtualRouterID(id)
    }

    /// Decodes and judges the bytes behind the IP header, in the order of docs/architecture.md
    /// (RFC 9568 §7.1; wire facts in docs/differences.md). Throws the first reason to drop it.
    public static func decode(
        _ packet: RawSpan, from origin: PacketOrigin, for format: PacketFormat
    ) throws(Rejection) -> Advertisement {
        guard let versionAndType = packet.uint8(at: 0), let id = packet.uint8(at: 1).flatMap(VirtualRouterID.init),
            let priority = packet.uint8(at: 2), let count = packet.uint8(at: 3),
            let intervalField = packet.uint16(at: 4), packet.byteCount >= 8
        else { throw .truncated }
        let family = origin.source.family
        let addressBytes = Int(count) * family.addressLength
        // VRRPv2 over IPv4 always ends in 8 bytes of authentication data (RFC 2338 §5.3.10).
        let expected = 8 + addressBytes + format.trailerLength
        // The IP length says where the packet ends; padding of the link never gets here.
        guard packet.byteCount == expected else { throw .length }
        // RFC 9568 §7.1 (100): verify that the TTL or hop limit is 255. Unicast crosses routers.
        guard format.isUnicast || origin.timeToLive == 255 || format.bug.isPlanted(.timeToLiveIgnored)
        else { throw .timeToLive }
        guard versionAndType >> 4 == format.version.rawValue else { throw .version }
        var interval: Centiseconds
        switch format.version {
        case .v2:
            let (type, seconds) = (UInt8(intervalField >> 8), UInt16(intervalField & 0xFF))
            guard type == format.authenticationType else { throw .authenticationType }
            if let password = format.password {
                guard matches(packet, at: 8 + addressBytes, password) else { throw .authentication }
            }
            interval = Centiseconds(seconds &* 100)
            // RFC 3768 §7.1: the interval must match; it is not learnt.
            guard interval == format.interval else { throw .interval }
        case .v3:
            interval = Centiseconds(intervalField & 0x0FFF)
            guard interval.rawValue > 0 else { throw .interval }
        }
        if format.bug.isPlanted(.centisecondsAsSeconds), format.version == .v3 {
            interval = Centiseconds(min(interval.rawValue &* 100, 4095))
        }
        guard versionAndType & 0x0F == 1 else { throw .type }
        // IPv6 checksums are the kernel's (IPV6_CHECKSUM).
        if family == .ipv4 {
            let pseudo = format.pseudoHeader(source: origin.source, destination: origin.destination, length: expected)
            var sum = pseudo
            sum.add(packet)
            guard sum.value == 0 || format.bug.isPlanted(.checksumIgnored) else { throw .checksum }
        }
        guard origin.destination.isMulticast != format.isUnicast else { throw .destination }
        return Advertisement(
            version: format.version, id: id, priority: Priority(priority), interval: interval, addressCount: count,
            addressDigest: addressDigest(in: packet, family: family, count: Int(count)))
    }

    /// Compares eight bytes without leaving early.
    private static func matches(_ packet: RawSpan, at offset: Int, _ password: UInt64) -> Bool {
        guard let bytes = packet.uint64(at: offset) else { return false }
        return bytes ^ password == 0
    }

    /// A digest that does not depend on the order of the addresses: equal lists have equal digests.
    public static func addressDigest(of addresses: some Sequence<IPAddress>) -> UInt64 {
        addresses.reduce(0) { $0 &+ digest($1) }
    }

    private static func addressDigest(in packet: RawSpan, family: AddressFamily, count: Int) -> UInt64 {
        var sum: UInt64 = 0
        var offset = 8
        for _ in 0..<count {
            guard let address = packet.address(family, at: offset) else { break }
            sum &+= digest(address)
            offset += family.addressLength
        }
        return sum
    }

    private static func digest(_ address: IPAddress) -> UInt64 {
        let (high, low): (UInt64, UInt64) =
            switch address {
            case .v4(let a): (4, UInt64(a.bits))
            case .v6(let a): (a.high, a.low)
            }
        var z = high &* 0x9E37_79B9_7F4A_7C15 ^ low
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
