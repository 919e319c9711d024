import Primitives

/// What an Ethernet frame says of where an address lives: ARP for IPv4 (RFC 826, RFC 5227), a neighbour advertisement for
/// IPv6 (RFC 4861 §4.4).
public struct AddressClaim: Hashable, Sendable {
    public var address: IPAddress
    /// Whoever says that it has the address.
    public var mac: MACAddress
    /// Who sent the frame, if not the same.
    public var sender: MACAddress

    public init(address: IPAddress, mac: MACAddress, sender: MACAddress? = nil) {
        self.address = address
        self.mac = mac
        self.sender = sender ?? mac
    }

    /// Reads a frame with its Ethernet header, untagged. Total: nil for whatever claims nothing, such as a probe for an
    /// address that nobody may have (sender 0.0.0.0, RFC 5227 §1.1), and for any bytes that are no such frame.
    public static func decode(_ frame: RawSpan) -> AddressClaim? {
        guard let sender = mac(frame, at: 6), let type = frame.uint16(at: 12), sender.isOneHost else { return nil }
        switch type {
        case 0x0806: return arp(frame, sender)
        case 0x86DD: return neighbourAdvertisement(frame, sender)
        default: return nil
        }
    }

    /// Requests and replies alike say where their sender is: RFC 5227 §2.4 calls either a conflict.
    private static func arp(_ frame: RawSpan, _ sender: MACAddress) -> AddressClaim? {
        guard frame.uint32(at: 14) == 0x0001_0800, frame.uint16(at: 18) == 0x0604,
            let operation = frame.uint16(at: 20), operation == 1 || operation == 2,
            let mac = mac(frame, at: 22), mac.isOneHost,
            case .v4(let address)? = frame.address(.ipv4, at: 28), address.bits != 0, frame.byteCount >= 42
        else { return nil }
        return AddressClaim(address: .v4(address), mac: mac, sender: sender)
    }

    /// ICMPv6 without extension headers before it, as hosts send it. The kernel has not verified the checksum yet: a damaged
    /// frame can claim something once, and nothing follows from once.
    private static func neighbourAdvertisement(_ frame: RawSpan, _ sender: MACAddress) -> AddressClaim? {
        // RFC 4861 §7.1.2: hop limit 255, code 0, at least 24 bytes.
        guard let length = frame.uint16(at: 18), length >= 24, frame.uint8(at: 14).map({ $0 >> 4 }) == 6,
            frame.uint16(at: 20) == 0x3AFF, frame.uint16(at: 54) == 0x8800,
            let target = frame.address(.ipv6, at: 62), !target.isMulticast
        else { return nil }
        let end = min(frame.byteCount, 54 + Int(length))
        guard end >= 78 else { return nil }
        var offset = 78
        var mac = sender
        while offset + 2 <= end {
            guard let kind = frame.uint8(at: offset), let units = frame.uint8(at: offset + 1), units > 0 else {
                return nil
            }
            // The target's link-layer address; without it, the frame's sender answers.
            if kind == 2, units == 1, offset + 8 <= end, let named = Self.mac(frame, at: offset + 2) { mac = named }
            offset += Int(units) * 8
        }
        guard mac.isOneHost else { return nil }
        return AddressClaim(address: target, mac: mac, sender: sender)
    }

    private static func mac(_ frame: RawSpan, at offset: Int) -> MACAddress? {
        guard let high = frame.uint16(at: offset), let low = frame.uint32(at: offset + 2) else { return nil }
        return MACAddress(bits: UInt64(high) << 32 | UInt64(low))
    }
}

extension MACAddress {
    /// Neither a group's nor none.
    var isOneHost: Bool { bits != 0 && bits >> 40 & 1 == 0 }

    /// A virtual router's own (RFC 9568 §7.3): 00-00-5E-00-01 or -02, and its id.
    public var isVirtualRouters: Bool { bits >> 16 == 0x5E00 && [0x01, 0x02].contains(bits >> 8 & 0xFF) }
}
