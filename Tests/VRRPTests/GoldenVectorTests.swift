import Primitives
import Testing

@testable import VRRP

/// Bytes captured from Debian's keepalived 2.2.7, from the IP header on.
@Suite("The wire, byte for byte as the peers have it")
struct GoldenVectorTests {
    static func bytes(_ hex: String) -> [UInt8] {
        var result: [UInt8] = []
        var high: UInt8?
        for character in hex.utf8 where character != UInt8(ascii: " ") {
            guard let digit = UInt8(String(UnicodeScalar(character)), radix: 16) else { continue }
            if let first = high {
                result.append(first << 4 | digit)
                high = nil
            } else {
                high = digit
            }
        }
        return result
    }

    static func format(
        _ version: Version, _ family: AddressFamily = .ipv4, unicast: Bool = false, centiseconds: UInt16,
        password: String? = nil
    ) -> PacketFormat {
        PacketFormat(
            version: version, family: family, isUnicast: unicast, interval: Centiseconds(centiseconds),
            password: password.map { Secret(Array($0.utf8)) })
    }

    struct Vector: Sendable, CustomTestStringConvertible {
        var name: String
        var hex: String
        var format: PacketFormat
        var id: UInt8
        var priority: UInt8
        var source: String
        var destination: String
        var addresses: [String]
        var testDescription: String { name }
    }

    static let vectors = [
        Vector(
            name: "v2 PASS", hex: "45c0002800010000ff70d08c0a050001e0000012 213364010101ab590a0500096162630000000000",
            format: format(.v2, centiseconds: 100, password: "abc"), id: 51, priority: 100, source: "10.5.0.1",
            destination: "224.0.0.18", addresses: ["10.5.0.9"]),
        Vector(
            name: "v3 multicast", hex: "45c0002000010000ff70d0940a050001e0000012 31346401003275f40a05000a",
            format: format(.v3, centiseconds: 50), id: 52, priority: 100, source: "10.5.0.1",
            destination: "224.0.0.18", addresses: ["10.5.0.10"]),
        Vector(
            name: "v3 unicast", hex: "45c0002000010000ff70a6a00a0500010a050002 313ec8010064e78f0a05003e",
            format: format(.v3, unicast: true, centiseconds: 100), id: 62, priority: 200, source: "10.5.0.1",
            destination: "10.5.0.2", addresses: ["10.5.0.62"]),
    ]

    @Test("What Aloft sends is what keepalived sends", arguments: vectors)
    func encodes(vector: Vector) throws {
        var packet = AdvertisementPacket(
            format: vector.format, id: try #require(VirtualRouterID(vector.id)), priority: Priority(1),
            source: try #require(IPAddress(vector.source)),
            destinations: [try #require(IPAddress(vector.destination))],
            addresses: vector.addresses.compactMap { IPAddress($0) })
        packet.prepare(priority: Priority(vector.priority))
        var expected = Self.bytes(vector.hex)
        (expected[10], expected[11]) = (0, 0)  // the kernel fills in the IP checksum
        #expect(packet.copies[0].bytes == expected)
        packet.prepare(priority: .releasing)
        packet.prepare(priority: Priority(vector.priority))
        var third = expected
        third[5] = 3  // only the identification differs
        #expect(packet.copies[0].bytes == third)
    }

    @Test("What keepalived sends is understood", arguments: vectors)
    func decodes(vector: Vector) throws {
        let packet = Self.bytes(vector.hex)
        let origin = PacketOrigin(
            interface: InterfaceIndex(1), source: try #require(IPAddress(vector.source)),
            destination: try #require(IPAddress(vector.destination)), timeToLive: 255)
        let advert = try Advertisement.decode(
            packet.span.bytes.extracting(20..<packet.count), from: origin, for: vector.format)
        #expect(advert.priority.rawValue == vector.priority)
        #expect(advert.id.rawValue == vector.id)
        #expect(advert.addressDigest == Advertisement.addressDigest(of: vector.addresses.compactMap { IPAddress($0) }))
    }

    @Test("Priority 0 of VRRPv2 with a password")
    func releasing() throws {
        var packet = AdvertisementPacket(
            format: Self.format(.v2, centiseconds: 100, password: "abc"), id: try #require(VirtualRouterID(51)),
            priority: Priority(100), source: try #require(IPAddress("10.5.0.1")),
            destinations: [try #require(IPAddress("224.0.0.18"))],
            addresses: [try #require(IPAddress("10.5.0.9"))])
        packet.prepare(priority: .releasing)
        #expect(Array(packet.copies[0].bytes[20...]) == Self.bytes("2133000101010f5a0a0500096162630000000000"))
    }

    @Test("VRRPv3 over IPv6 has its link-local address first and leaves the checksum to the kernel")
    func ipv6() throws {
        let packet = AdvertisementPacket(
            format: Self.format(.v3, .ipv6, centiseconds: 100), id: try #require(VirtualRouterID(63)),
            priority: Priority(200), source: try #require(IPAddress("fe80::682d:cfff:fe4f:be63")),
            destinations: [try #require(IPAddress("ff02::12"))],
            addresses: ["fe80::63", "fd00:5::63"].compactMap { IPAddress($0) })
        var expected = Self.bytes(
            "313fc802006416fefe800000000000000000000000000063fd000005000000000000000000000063")
        (expected[6], expected[7]) = (0, 0)
        #expect(packet.copies[0].bytes == expected)
    }

    @Test("Gratuitous ARP and unsolicited neighbour advertisement are keepalived's frames")
    func announcements() throws {
        let mac = MACAddress(bits: 0xEEAC_F61A_5EB0)
        #expect(
            AnnouncementFrame.bytes(for: try #require(IPAddress("10.5.0.10")), from: mac, isRouter: false)
                == Self.bytes(
                    "ffffffffffff eeacf61a5eb0 0806 0001 0800 06 04 0001 eeacf61a5eb0 0a05000a ffffffffffff 0a05000a"))
        let frame = AnnouncementFrame.bytes(for: try #require(IPAddress("fd00::1")), from: mac, isRouter: false)
        #expect(frame.count == 86)
        var sum = InternetChecksum()
        sum.add(try #require(IPAddress("fd00::1")))
        sum.add(try #require(IPAddress("ff02::1")))
        sum.add(58)
        sum.add(32)
        sum.add(frame.span.bytes.extracting(54..<86))
        #expect(sum.value == 0)
    }

    @Test("VRRPv2 carries whole seconds up to 255", arguments: [41, 60, 255])
    func longIntervals(seconds: Int) throws {
        let interval = Centiseconds(rounding: .seconds(seconds), for: .v2)
        let format = PacketFormat(version: .v2, family: .ipv4, isUnicast: false, interval: interval)
        let origin = PacketOrigin(
            interface: InterfaceIndex(1), source: try #require(IPAddress("10.5.0.1")),
            destination: try #require(IPAddress("224.0.0.18")), timeToLive: 255)
        let packet = AdvertisementPacket(
            format: format, id: try #require(VirtualRouterID(1)), priority: Priority(100), source: origin.source,
            destinations: [origin.destination], addresses: [])
        let bytes = Array(packet.copies[0].bytes[20...])
        #expect(bytes[5] == UInt8(seconds))
        #expect(try Advertisement.decode(bytes.span.bytes, from: origin, for: format).interval == interval)
        #expect(Centiseconds(rounding: .seconds(60), for: .v3).rawValue == 4095)
    }
}
