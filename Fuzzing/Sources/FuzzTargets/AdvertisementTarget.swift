import Primitives
import VRRP

/// `Advertisement.decode`. The first two bytes of an input say how the receiver is set up, the rest is the packet.
enum AdvertisementTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard input.count >= 2 else { return 0 }
        let choice = input[0]
        let version: Version = choice & 1 == 0 ? .v3 : .v2
        let family: AddressFamily = choice & 2 == 0 ? .ipv4 : .ipv6
        let format = PacketFormat(
            version: version, family: family, isUnicast: choice & 4 != 0, interval: Centiseconds(100),
            password: choice & 8 != 0 ? Secret(Array("rosebud".utf8)) : nil,
            checksumWithoutPseudoHeader: choice & 16 != 0)
        let origin = origin(family, isUnicast: choice & 32 != 0, timeToLive: choice & 64 != 0 ? input[1] : 255)
        var packet = Array(input[2...])
        // A checksum is right by chance once in 65,536 inputs: behind it there is more to read.
        if choice & 128 != 0 { packet = withChecksum(packet, origin, format) }

        let name = Advertisement.routerID(of: packet.span.bytes)
        let answer = decode(packet, origin, format)
        try require(decode(packet, origin, format) == answer, "decoded twice, judged differently")
        switch answer {
        case .failure(let rejection): return UInt64(rejection.rawValue)
        case .success(let advert):
            try require(advert.id == name, "accepted as \(advert.id), but it names \(String(describing: name))")
            let addresses = (0..<Int(advert.addressCount)).compactMap {
                packet.span.bytes.address(family, at: 8 + $0 * family.addressLength)
            }
            try require(
                addresses.count == Int(advert.addressCount)
                    && Advertisement.addressDigest(of: addresses) == advert.addressDigest, "not the packet's addresses")
            try checkRoundTrip(advert, addresses, origin, format)
            return advert.addressDigest &+ UInt64(advert.priority.rawValue)
        }
    }

    private static func origin(_ family: AddressFamily, isUnicast: Bool, timeToLive: UInt8) -> PacketOrigin {
        let source: IPAddress
        let destination: IPAddress
        switch family {
        case .ipv4:
            source = .v4(IPv4Address(10, 0, 0, 1))
            destination = .v4(isUnicast ? IPv4Address(10, 0, 0, 2) : IPv4Address(224, 0, 0, 18))
        case .ipv6:
            source = .v6(IPv6Address(high: 0xFE80_0000_0000_0000, low: 1))
            destination = .v6(IPv6Address(high: isUnicast ? 0xFE80_0000_0000_0000 : 0xFF02_0000_0000_0000, low: 0x12))
        }
        return PacketOrigin(
            interface: InterfaceIndex(1), source: source, destination: destination, timeToLive: timeToLive)
    }

    private static func withChecksum(_ packet: [UInt8], _ origin: PacketOrigin, _ format: PacketFormat) -> [UInt8] {
        guard packet.count >= 8 else { return packet }
        var packet = packet
        packet.write(bigEndian: 0, at: 6)
        var sum = InternetChecksum()
        if format.version == .v3, !format.checksumWithoutPseudoHeader {
            sum.add(origin.source)
            sum.add(origin.destination)
            sum.add(112)
            sum.add(UInt16(truncatingIfNeeded: packet.count))
        }
        sum.add(packet.span.bytes)
        packet.write(bigEndian: sum.value, at: 6)
        return packet
    }

    private static func decode(
        _ packet: [UInt8], _ origin: PacketOrigin, _ format: PacketFormat
    ) -> Result<Advertisement, Rejection> {
        do throws(Rejection) {
            return .success(try Advertisement.decode(packet.span.bytes, from: origin, for: format))
        } catch { return .failure(error) }
    }

    /// What was understood, sent again, is understood in the same way.
    private static func checkRoundTrip(
        _ advert: Advertisement, _ addresses: [IPAddress], _ origin: PacketOrigin, _ format: PacketFormat
    ) throws(Violation) {
        var format = format
        format.interval = advert.interval
        let packet = AdvertisementPacket(
            format: format, id: advert.id, priority: advert.priority, source: origin.source,
            destinations: [origin.destination], addresses: addresses)
        let body = Array(packet.copies[0].bytes.dropFirst(format.family == .ipv4 ? 20 : 0))
        try require(decode(body, origin, format) == .success(advert), "\(advert) is not what its own packet says")
    }
}
