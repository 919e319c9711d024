import Primitives

/// `PING_CHECK`: an echo (RFC 792, RFC 4443 §4.1) over an ICMP socket of the kernel's, which fills in identifier and checksum and hands over
/// only answers to its own.
public struct ICMPEcho: DatagramExchange {
    private let family: AddressFamily
    private let sequence: UInt16

    public init(_ family: AddressFamily, sequence: UInt16) {
        self.family = family
        self.sequence = sequence
    }

    public var isEcho: Bool { true }

    public mutating func request() -> [UInt8] {
        // Type, code, checksum, identifier, sequence number.
        var bytes: [UInt8] = [family == .ipv4 ? 8 : 128, 0, 0, 0, 0, 0]
        bytes.append(bigEndian: sequence)
        return bytes + Array("aloft is asking.".utf8)
    }

    public mutating func receive(_ datagram: [UInt8]) -> Verdict? {
        let span = datagram.span.bytes
        guard span.uint8(at: 0) == (family == .ipv4 ? 0 : 129), span.uint16(at: 6) == sequence else { return nil }
        return .success
    }
}
