import Configuration
import Primitives

/// ICMP echo (RFC 792 p. 14, RFC 4443 §4). On a ping socket (icmp(7)) the kernel fills in identifier and checksum, and checks those of answers.
public struct ICMPEcho: Hashable, Sendable {
    public var isReply: Bool
    public var sequence: UInt16
    public var payload: [UInt8]

    public init(isReply: Bool, sequence: UInt16, payload: [UInt8]) {
        self.isReply = isReply
        self.sequence = sequence
        self.payload = payload
    }

    public func encoded(_ family: AddressFamily) -> [UInt8] {
        let type: UInt8 =
            switch (family, isReply) {
            case (.ipv4, false): 8
            case (.ipv4, true): 0
            case (.ipv6, false): 128
            case (.ipv6, true): 129
            }
        var bytes: [UInt8] = [type, 0, 0, 0, 0, 0]
        bytes.append(bigEndian: sequence)
        return bytes + payload
    }

    /// nil for any other message.
    public init?(_ bytes: [UInt8], _ family: AddressFamily) {
        guard bytes.count >= 8, bytes[1] == 0, let sequence = bytes.span.bytes.uint16(at: 6) else { return nil }
        switch (family, bytes[0]) {
        case (.ipv4, 8), (.ipv6, 128): isReply = false
        case (.ipv4, 0), (.ipv6, 129): isReply = true
        default: return nil
        }
        self.sequence = sequence
        payload = Array(bytes[8...])
    }
}

/// `PING_CHECK`: an echo comes back as it was sent. What is no answer to it is passed over.
public struct PingConversation: Conversation {
    private let family: AddressFamily
    private let echo: ICMPEcho

    /// `random`: 8 bytes or so, by which this echo is known from an earlier one.
    public init(_ family: AddressFamily, random: [UInt8]) {
        self.family = family
        echo = ICMPEcho(
            isReply: false, sequence: 1, payload: random + Array("Aloft looks whether this comes back as sent.".utf8))
    }

    public var awaited: String { "the echo" }

    public mutating func begin() -> ConversationStep { .send(echo.encoded(family)) }

    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
        guard let reply = ICMPEcho(bytes, family), reply.isReply, reply.sequence == echo.sequence,
            reply.payload == echo.payload
        else { return .wait }
        return .finish(.success)
    }
}
