import Primitives

/// A frame of interest on the switch, decoded by the lab's own hand: the judge does not share the code of
/// the judged. One line of text each, `TIME KIND key=value …`, so that a capture can be read by people.
public struct Frame: Equatable, Sendable {
    public enum Kind: String, Sendable {
        case vrrp, arp, neighbourSolicitation = "ns", neighbourAdvertisement = "na"
    }

    public var time: Instant
    public var kind: Kind
    /// In the order they stand in the frame.
    public var fields: [Field]

    public struct Field: Equatable, Sendable {
        public var key: String
        public var value: String
    }

    public subscript(key: String) -> String? { fields.first { $0.key == key }?.value }

    public var line: String {
        ([String(time.nanoseconds), kind.rawValue] + fields.map { $0.key + "=" + $0.value }).joined(separator: " ")
    }

    public init?(line: String) {
        let words = line.split(separator: " ")
        guard words.count >= 2, let time = Int64(words[0]), let kind = Kind(rawValue: String(words[1])) else {
            return nil
        }
        self.time = Instant(nanoseconds: time)
        self.kind = kind
        fields = words.dropFirst(2).compactMap { word in
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return parts.count == 2 ? Field(key: String(parts[0]), value: String(parts[1])) : nil
        }
    }
}

/// A VRRP advertisement as captured.
public struct CapturedAdvert: Sendable {
    public var time: Instant
    public var source: IPAddress
    public var destination: IPAddress
    public var version: Int
    public var virtualRouterID: Int
    public var priority: Int
    /// The VRRP message in hexadecimal.
    public var message: String

    public init?(_ frame: Frame) {
        guard frame.kind == .vrrp, let source = frame["source"].flatMap({ IPAddress($0) }),
            let destination = frame["destination"].flatMap({ IPAddress($0) }),
            let version = frame["version"].flatMap({ Int($0) }), let id = frame["vrid"].flatMap({ Int($0) }),
            let priority = frame["priority"].flatMap({ Int($0) }), let message = frame["message"]
        else { return nil }
        time = frame.time
        self.source = source
        self.destination = destination
        self.version = version
        virtualRouterID = id
        self.priority = priority
        self.message = message
    }
}

// MARK: - Decoding

extension Frame {
    private static let etherTypeOffset = 12
    private static let protocolVRRP: UInt8 = 112
    private static let protocolICMPv6: UInt8 = 58

    /// Nil for a frame that is of no interest or cut short. Ethernet II, no VLAN tags, no IPv6 extensions.
    public init?(ethernet bytes: [UInt8], at time: Instant) {
        let span = bytes.span.bytes
        guard let etherType = span.uint16(at: Frame.etherTypeOffset), let mac = Frame.mac(span, at: 6) else {
            return nil
        }
        let found: (Kind, [Field])?
        switch etherType {
        case 0x0800: found = Frame.ipv4(span)
        case 0x0806: found = Frame.arp(span)
        case 0x86DD: found = Frame.ipv6(span)
        default: found = nil
        }
        guard let (kind, fields) = found else { return nil }
        self.time = time
        self.kind = kind
        self.fields = [Field(key: "mac", value: mac)] + fields
    }

    private static func ipv4(_ span: RawSpan) -> (Kind, [Field])? {
        guard let first = span.uint8(at: 14), span.uint8(at: 23) == protocolVRRP, let total = span.uint16(at: 16),
            let ttl = span.uint8(at: 22), let source = span.address(.ipv4, at: 26),
            let destination = span.address(.ipv4, at: 30)
        else { return nil }
        let start = 14 + Int(first & 15) * 4
        return vrrp(span, from: start, to: 14 + Int(total), source, destination, ttl)
    }

    private static func ipv6(_ span: RawSpan) -> (Kind, [Field])? {
        guard let length = span.uint16(at: 18), let next = span.uint8(at: 20), let hops = span.uint8(at: 21),
            let source = span.address(.ipv6, at: 22), let destination = span.address(.ipv6, at: 38)
        else { return nil }
        if next == protocolVRRP { return vrrp(span, from: 54, to: 54 + Int(length), source, destination, hops) }
        // RFC 4861 §4.3, §4.4: both carry flags (or zeros) and then the target.
        guard next == protocolICMPv6, let type = span.uint8(at: 54), let flags = span.uint8(at: 58),
            let target = span.address(.ipv6, at: 62), type == 135 || type == 136
        else { return nil }
        return (
            type == 135 ? .neighbourSolicitation : .neighbourAdvertisement,
            fields(("source", source), ("destination", destination), ("target", target), ("flags", flags))
        )
    }

    private static func vrrp(
        _ span: RawSpan, from start: Int, to end: Int, _ source: IPAddress, _ destination: IPAddress, _ ttl: UInt8
    ) -> (Kind, [Field])? {
        guard end <= span.byteCount, let first = span.uint8(at: start), let id = span.uint8(at: start + 1),
            let priority = span.uint8(at: start + 2), let count = span.uint8(at: start + 3), start < end
        else { return nil }
        var message = ""
        for offset in start..<end { message += hexadecimal(span.uint8(at: offset) ?? 0) }
        return (
            .vrrp,
            fields(
                ("source", source), ("destination", destination), ("ttl", ttl), ("version", first >> 4), ("vrid", id),
                ("priority", priority), ("addresses", count), ("message", message))
        )
    }

    /// RFC 826, Ethernet and IPv4 only.
    private static func arp(_ span: RawSpan) -> (Kind, [Field])? {
        guard let operation = span.uint16(at: 20), let hardware = mac(span, at: 22),
            let sender = span.address(.ipv4, at: 28), let target = span.address(.ipv4, at: 38)
        else { return nil }
        return (.arp, fields(("operation", operation), ("hardware", hardware), ("sender", sender), ("target", target)))
    }

    private static func fields(_ pairs: (String, any CustomStringConvertible)...) -> [Field] {
        pairs.map { Field(key: $0.0, value: $0.1.description) }
    }

    private static func mac(_ span: RawSpan, at offset: Int) -> String? {
        guard let high = span.uint16(at: offset), let low = span.uint32(at: offset + 2) else { return nil }
        return MACAddress(bits: UInt64(high) << 32 | UInt64(low)).description
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }
}
