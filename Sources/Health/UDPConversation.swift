import Configuration
import Primitives

/// `UDP_CHECK`: a datagram is sent, and no ICMP error comes back (the driver's socket sees those), or an answer of the right length and bytes does.
/// Without `require_reply` silence is a success, and any answer ends the wait.
public struct UDPConversation: Conversation {
    private let probe: UDPProbe
    private let payload: [UInt8]

    /// `random` is sent where the check has no payload of its own.
    public init(_ probe: UDPProbe, random: [UInt8]) {
        self.probe = probe
        payload = probe.payload ?? random
    }

    public var awaited: String { "a reply" }

    public mutating func begin() -> ConversationStep { .send(payload) }

    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
        guard probe.requiresReply else { return .finish(.success) }
        let lengths = probe.replyLengths
        guard lengths.contains(UInt16(clamping: bytes.count)), bytes.count <= Int(UInt16.max) else {
            return .fail("the reply has \(bytes.count) bytes, wanted \(lengths.lowerBound) to \(lengths.upperBound)")
        }
        guard let pattern = probe.reply else { return .finish(.success) }
        guard bytes.count >= pattern.bytes.count else {
            return .fail("the reply has \(bytes.count) bytes, fewer than the \(pattern.bytes.count) it must begin with")
        }
        for (offset, wanted) in pattern.bytes.enumerated() {
            let mask = offset < pattern.mask.count ? pattern.mask[offset] : 0xFF
            guard (bytes[offset] ^ wanted) & mask == 0 else {
                return .fail(
                    "byte \(offset) of the reply is 0x\([bytes[offset]].hexadecimal), wanted 0x\([wanted].hexadecimal)")
            }
        }
        return .finish(.success)
    }

    public func silence() -> Verdict? { probe.requiresReply ? nil : .success }
}
