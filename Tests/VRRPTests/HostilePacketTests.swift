import Primitives
import Testing

@testable import VRRP

@Suite("Every field of a packet is hostile")
struct HostilePacketTests {
    static let origin = PacketOrigin(
        interface: InterfaceIndex(1), source: .v4(IPv4Address(10, 5, 0, 1)),
        destination: .v4(IPv4Address(224, 0, 0, 18)), timeToLive: 255)
    static let v2 = GoldenVectorTests.format(.v2, centiseconds: 100, password: "abc")
    static let v3 = GoldenVectorTests.format(.v3, centiseconds: 50)
    static let v2Packet = GoldenVectorTests.bytes("213364010101ab590a0500096162630000000000")
    static let v3Packet = GoldenVectorTests.bytes("31346401003275f40a05000a")

    static func decode(_ bytes: [UInt8], _ origin: PacketOrigin = origin, _ format: PacketFormat) -> Rejection? {
        do {
            _ = try Advertisement.decode(bytes.span.bytes, from: origin, for: format)
            return nil
        } catch { return error }
    }

    static func changed(_ packet: [UInt8], _ offset: Int, _ value: UInt8, fixChecksum: Bool = true) -> [UInt8] {
        var packet = packet
        packet[offset] = value
        guard fixChecksum else { return packet }
        packet.write(bigEndian: 0, at: 6)
        var sum = InternetChecksum()
        if packet[0] >> 4 == 3 {
            sum.add(origin.source)
            sum.add(origin.destination)
            sum.add(112)
            sum.add(UInt16(packet.count))
        }
        sum.add(packet.span.bytes)
        packet.write(bigEndian: sum.value, at: 6)
        return packet
    }

    @Test("The packets that the rows below spoil are good")
    func good() {
        #expect(Self.decode(Self.v2Packet, Self.origin, Self.v2) == nil)
        #expect(Self.decode(Self.v3Packet, Self.origin, Self.v3) == nil)
    }

    @Test("Each spoilt field of VRRPv2 has its rejection: vrrp.receive.*")
    func fieldsOfV2() {
        let p = Self.v2Packet
        let rows: [([UInt8], Rejection)] = [
            (Self.changed(p, 0, 0x31), .version), (Self.changed(p, 0, 0x11), .version),
            (Self.changed(p, 0, 0xF1), .version), (Self.changed(p, 0, 0x20), .type), (Self.changed(p, 0, 0x22), .type),
            (Self.changed(p, 1, 0), .truncated), (Self.changed(p, 3, 0), .length), (Self.changed(p, 3, 2), .length),
            (Self.changed(p, 3, 255), .length), (Self.changed(p, 4, 0), .authenticationType),
            (Self.changed(p, 4, 2), .authenticationType), (Self.changed(p, 5, 0), .interval),
            (Self.changed(p, 5, 2), .interval), (Self.changed(p, 5, 255), .interval),
            (Self.changed(p, 6, 0, fixChecksum: false), .checksum),
            (Self.changed(p, 8, 99, fixChecksum: false), .checksum),
            (Self.changed(p, 12, 0x62), .authentication), (Self.changed(p, 19, 1), .authentication),
            (p + [0], .length), (p + [0, 0], .length), (Array(p.dropLast()), .length), (Array(p.prefix(8)), .length),
            (Array(p.prefix(7)), .truncated), (Array(p.prefix(1)), .truncated), ([], .truncated),
        ]
        for (index, row) in rows.enumerated() {
            #expect(Self.decode(row.0, Self.origin, Self.v2) == row.1, "row \(index)")
        }
    }

    @Test("Each spoilt field of VRRPv3 has its rejection: vrrp.receive.*")
    func fieldsOfV3() {
        let p = Self.v3Packet
        let rows: [([UInt8], Rejection?)] = [
            (Self.changed(p, 0, 0x21), .version), (Self.changed(p, 0, 0x30), .type), (Self.changed(p, 3, 0), .length),
            (Self.changed(p, 4, 0xF0), nil), (Self.changed(Self.changed(p, 4, 0), 5, 0), .interval),
            (Self.changed(p, 7, 0, fixChecksum: false), .checksum), (p + [1, 2, 3, 4], .length),
        ]
        for (index, row) in rows.enumerated() {
            #expect(Self.decode(row.0, Self.origin, Self.v3) == row.1, "row \(index)")
        }
    }

    @Test("A hop count below 255 never crosses into a multicast group, and unicast has its own bounds")
    func hopCounts() {
        var origin = Self.origin
        for hops in UInt8(0)...254 {
            origin.timeToLive = hops
            #expect(Self.decode(Self.v3Packet, origin, Self.v3) == .timeToLive)
        }
        var router = VirtualRouter(
            Settings(
                id: VirtualRouterID(1)!, format: GoldenVectorTests.format(.v3, unicast: true, centiseconds: 100),
                peers: [.init(address: Self.origin.source, timeToLive: 10...20)], checksPeers: true))
        router.prepare(source: .v4(IPv4Address(10, 5, 0, 2)))
        origin.timeToLive = 9
        #expect(router.admits(origin) == .peerTimeToLive)
        origin.timeToLive = 10
        #expect(router.admits(origin) == nil)
        origin.source = .v4(IPv4Address(10, 5, 0, 3))
        #expect(router.admits(origin) == .notAPeer)
        origin.source = .v4(IPv4Address(10, 5, 0, 2))
        #expect(router.admits(origin) == .ownAddress)
    }

    @Test("An owner that ignores adverts drops them: vrrp.receive.owner-ignores")
    func owner() {
        let router = VirtualRouter(
            Settings(
                id: VirtualRouterID(1)!, format: Self.v3, priority: .owner, ownerIgnoresAdverts: true))
        #expect(router.admits(Self.origin) == .owner)
    }

    @Test("Unicast where multicast is expected, and the reverse: vrrp.receive.destination")
    func destination() {
        var origin = Self.origin
        origin.destination = .v4(IPv4Address(10, 5, 0, 2))
        let packet = AdvertisementPacket(
            format: Self.v3, id: VirtualRouterID(52)!, priority: Priority(100), source: origin.source,
            destinations: [origin.destination], addresses: [])
        #expect(Self.decode(Array(packet.copies[0].bytes[20...]), origin, Self.v3) == .destination)
    }

    @Test("A million random changes of good packets neither trap nor pass with a changed byte unnoticed")
    func randomBytes() {
        var random = SplitMix64(seed: 0xA10F)
        var accepted = 0
        for _ in 0..<200_000 {
            var packet = Bool.random(using: &random) ? Self.v2Packet : Self.v3Packet
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let position = Int.random(in: 0..<packet.count, using: &random)
                packet[position] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { packet.removeLast(Int.random(in: 0...packet.count, using: &random)) }
            if Self.decode(packet, Self.origin, Self.v2) == nil { accepted += 1 }
            if Self.decode(packet, Self.origin, Self.v3) == nil { accepted += 1 }
            _ = Advertisement.routerID(of: packet.span.bytes)
        }
        // One's complement sums miss swapped words and 0000 for ffff; hardly ever more.
        #expect(accepted < 400)
    }
}
