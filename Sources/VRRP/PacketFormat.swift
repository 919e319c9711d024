import Primitives

/// What the packets of one virtual router look like: the part of its settings that encoder and decoder
/// share.
public struct PacketFormat: Hashable, Sendable {
    public var version: Version
    public var family: AddressFamily
    public var isUnicast: Bool
    /// The configured interval. VRRPv2 demands that the peer's is equal.
    public var interval: Centiseconds
    /// The eight bytes of VRRPv2's simple password (RFC 2338 §5.3.6), zero-padded; nil without one.
    public var password: UInt64?
    /// Leaves the pseudo-header out of VRRPv3's IPv4 checksum, as RFC 9568 §5.2.8 words it;
    /// keepalived, and so Aloft, includes it unless told (`v3_checksum_as_v2`).
    public var checksumWithoutPseudoHeader: Bool
    public var bug: PlantedBug

    public init(
        version: Version, family: AddressFamily, isUnicast: Bool, interval: Centiseconds, password: Secret? = nil,
        checksumWithoutPseudoHeader: Bool = false, bug: PlantedBug = PlantedBug()
    ) {
        self.version = version
        self.family = family
        self.isUnicast = isUnicast
        self.interval = interval
        self.password = version == .v2 ? password.map(Self.paddedPassword) : nil
        self.checksumWithoutPseudoHeader = checksumWithoutPseudoHeader
        self.bug = bug
    }

    /// The first eight bytes, zero-padded, as a big-endian word.
    private static func paddedPassword(_ secret: Secret) -> UInt64 {
        (0..<8).reduce(0) { $0 << 8 | ($1 < secret.revealed.count ? UInt64(secret.revealed[$1]) : 0) }
    }

    /// 0 none, 1 simple password (RFC 2338 §5.3.6).
    var authenticationType: UInt8 { password == nil ? 0 : 1 }

    /// Bytes behind the addresses: VRRPv2 over IPv4 always carries authentication data.
    var trailerLength: Int { version == .v2 && family == .ipv4 ? 8 : 0 }

    /// The part of the checksum that is not in the packet (RFC 5798 §5.2.8).
    func pseudoHeader(source: IPAddress, destination: IPAddress, length: Int) -> InternetChecksum {
        var sum = InternetChecksum()
        guard version == .v3, family == .ipv6 || !checksumWithoutPseudoHeader else { return sum }
        sum.add(source)
        sum.add(destination)
        sum.add(112)
        sum.add(UInt16(truncatingIfNeeded: length))
        return sum
    }
}
