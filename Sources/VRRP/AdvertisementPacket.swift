import Primitives

/// The packets a virtual router sends, encoded once and patched for each advertisement.
///
/// IPv4 packets carry their IP header (IP_HDRINCL); the kernel fills in its checksum. IPv6 packets are
/// the VRRP part alone: the kernel adds header and checksum.
public struct AdvertisementPacket: Hashable, Sendable {
    /// One destination's bytes.
    public struct Copy: Hashable, Sendable {
        public var destination: IPAddress
        public var bytes: [UInt8]
    }

    public private(set) var copies: [Copy]
    public let source: IPAddress
    private let headerLength: Int
    private var identification: UInt16 = 0

    /// - Parameters:
    ///   - destinations: the group, or each unicast peer; all of `format.family`.
    ///   - addresses: the advertised addresses in configuration order, at most 255.
    ///   - timeToLive: of the IPv4 header; IPv6 takes it from the socket.
    public init(
        format: PacketFormat, id: VirtualRouterID, priority: Priority, source: IPAddress, destinations: [IPAddress],
        addresses: [IPAddress], timeToLive: UInt8 = 255
    ) {
        self.source = source
        headerLength = format.family == .ipv4 ? 20 : 0
        let addresses = addresses.prefix(255)
        var body: [UInt8] = [
            format.version.rawValue << 4 | 1, id.rawValue, priority.rawValue, UInt8(addresses.count),
        ]
        switch format.version {
        case .v2: body += [format.authenticationType, UInt8(min(format.interval.rawValue / 100, 255))]
        case .v3: body.append(bigEndian: format.interval.rawValue & 0x0FFF)
        }
        body.append(bigEndian: UInt16(0))
        for address in addresses { address.append(to: &body) }
        if format.trailerLength > 0 { body.append(bigEndian: format.password ?? 0) }
        copies = []
        for destination in destinations {
            var bytes: [UInt8] = []
            if case .v4(let from) = source, case .v4(let to) = destination {
                bytes = Self.ipv4Header(from: from, to: to, timeToLive: timeToLive, payload: body.count)
            }
            var packet = body
            if format.family == .ipv4 {
                var sum = format.pseudoHeader(source: source, destination: destination, length: body.count)
                sum.add(body.span.bytes)
                packet.write(bigEndian: sum.value, at: 6)
            }
            copies.append(Copy(destination: destination, bytes: bytes + packet))
        }
    }

    /// RFC 791: no options, TOS 0xc0 (internetwork control), protocol 112, checksum left to the kernel.
    private static func ipv4Header(
        from: IPv4Address, to: IPv4Address, timeToLive: UInt8, payload: Int
    ) -> [UInt8] {
        var header: [UInt8] = [0x45, 0xC0]
        header.append(bigEndian: UInt16(truncatingIfNeeded: 20 + payload))
        header += [0, 0, 0, 0, timeToLive, 112, 0, 0]
        header.append(bigEndian: from.bits)
        header.append(bigEndian: to.bits)
        return header
    }

    /// Makes every copy carry `priority`, and a new IPv4 identification (never 0; one for all copies).
    public mutating func prepare(priority: Priority) {
        identification = identification == .max ? 1 : identification + 1
        for index in copies.indices {
            let offset = headerLength + 2
            let old = copies[index].bytes[offset]
            copies[index].bytes[offset] = priority.rawValue
            guard headerLength > 0 else { continue }
            copies[index].bytes.write(bigEndian: identification, at: 4)
            guard old != priority.rawValue else { continue }
            // RFC 1624 [eq. 3]: the priority is the high byte of its word.
            let at = headerLength + 6
            let checksum = UInt16(copies[index].bytes[at]) << 8 | UInt16(copies[index].bytes[at + 1])
            let low = UInt16(copies[index].bytes[offset + 1])
            var sum = UInt32(~checksum) + UInt32(~(UInt16(old) << 8 | low))
            sum += UInt32(UInt16(priority.rawValue) << 8 | low)
            while sum >> 16 != 0 { sum = (sum & 0xFFFF) + (sum >> 16) }
            copies[index].bytes.write(bigEndian: ~UInt16(truncatingIfNeeded: sum), at: at)
        }
    }
}
