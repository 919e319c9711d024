import Primitives
import Testing

@testable import VRRP

@Suite("Who claims an address") struct AddressClaimTests {
    static let mac = MACAddress(bits: 0x0200_0000_0002)
    static let other = MACAddress(bits: 0x0200_0000_0003)
    static let ipv4 = IPAddress("10.0.0.9")!
    static let ipv6 = IPAddress("fd00::9")!

    static func decode(_ frame: [UInt8]) -> AddressClaim? { AddressClaim.decode(frame.span.bytes) }

    static func frame(_ address: IPAddress) -> [UInt8] {
        AnnouncementFrame.bytes(for: address, from: mac, isRouter: false)
    }

    static func arp(_ operation: UInt8, sender: [UInt8], target: [UInt8] = [10, 0, 0, 1]) -> [UInt8] {
        [255, 255, 255, 255, 255, 255] + mac.octets + [8, 6, 0, 1, 8, 0, 6, 4, 0, operation] + other.octets + sender
            + [0, 0, 0, 0, 0, 0] + target
    }

    @Test("What this program announces is a claim, padded or not", arguments: [ipv4, ipv6])
    func announced(_ address: IPAddress) {
        let frame = Self.frame(address)
        let claim = AddressClaim(address: address, mac: Self.mac)
        #expect(Self.decode(frame) == claim)
        #expect(Self.decode(frame + [UInt8](repeating: 0, count: 18)) == claim)
    }

    @Test("Requests and replies say where their sender is") func arp() {
        for operation in [UInt8(1), 2] {
            #expect(
                Self.decode(Self.arp(operation, sender: [10, 0, 0, 9]))
                    == AddressClaim(address: Self.ipv4, mac: Self.other, sender: Self.mac))
        }
    }

    @Test("An advertisement without the option is its sender's") func withoutOption() {
        var frame = Array(Self.frame(Self.ipv6).dropLast(8))
        frame[19] = 24
        #expect(Self.decode(frame) == AddressClaim(address: Self.ipv6, mac: Self.mac))
    }

    /// A byte of an announcement, and what it is set to.
    static let malformed: [(what: String, IPAddress, offset: Int, byte: UInt8)] = [
        ("another Ethernet type", ipv4, 13, 5), ("hardware that is not Ethernet", ipv4, 15, 6),
        ("another protocol", ipv4, 17, 1), ("hardware addresses of five bytes", ipv4, 18, 5),
        ("protocol addresses of 16", ipv4, 19, 16), ("operation 3", ipv4, 21, 3), ("operation 257", ipv4, 20, 1),
        ("a group's MAC address", ipv4, 22, 0x03), ("a frame from a group", ipv4, 6, 0x03),
        ("another Ethernet type", ipv6, 12, 0x81), ("IPv5", ipv6, 14, 0x50), ("UDP", ipv6, 20, 17),
        ("from behind a router", ipv6, 21, 254), ("a solicitation", ipv6, 54, 135), ("a code", ipv6, 55, 1),
        ("a group's address", ipv6, 62, 0xFF), ("too short by its length", ipv6, 19, 16),
        ("an option of no length", ipv6, 79, 0), ("a group's MAC address", ipv6, 80, 0x03),
    ]

    @Test("What is no such frame claims nothing", arguments: malformed)
    func refused(_ what: String, _ address: IPAddress, offset: Int, byte: UInt8) {
        var frame = Self.frame(address)
        frame[offset] = byte
        #expect(Self.decode(frame) == nil, "\(what)")
    }

    @Test("A probe for an address claims nothing (RFC 5227 §1.1)") func probe() {
        #expect(Self.decode(Self.arp(1, sender: [0, 0, 0, 0], target: [10, 0, 0, 9])) == nil)
    }

    @Test("Whatever bytes come, nothing traps, and what is cut off claims nothing") func anything() {
        for address in [Self.ipv4, Self.ipv6] {
            let frame = Self.frame(address)
            let needed = address.family == .ipv4 ? 42 : 78
            for length in 0..<needed { #expect(Self.decode(Array(frame[..<length])) == nil) }
            for length in needed..<frame.count { _ = Self.decode(Array(frame[..<length])) }
            var random = SplitMix64(seed: 7)
            for _ in 0..<20_000 {
                var changed = frame
                for _ in 0..<1 + Int(random.next() % 4) {
                    changed[Int(random.next() % UInt64(frame.count))] = UInt8(truncatingIfNeeded: random.next())
                }
                changed.removeLast(Int(random.next() % UInt64(frame.count)) / 3)
                _ = Self.decode(changed)
            }
        }
    }

    @Test("A virtual router's own MAC address is known (RFC 9568 §7.3)") func virtualMAC() {
        #expect(MACAddress(bits: 0x5E00_0133).isVirtualRouters && MACAddress(bits: 0x5E00_0233).isVirtualRouters)
        #expect(!MACAddress(bits: 0x5E00_0333).isVirtualRouters && !Self.mac.isVirtualRouters)
    }
}
