import Configuration
import Primitives

/// `DNS_CHECK`: one query over UDP; an answer to it with response code 0 is a success, whatever it contains, also when it is truncated.
///
/// A datagram with another id is not meant for us, and does not end the wait. Keeps nothing of what comes.
public struct DNSConversation: Conversation {
    private let id: UInt16
    private let name: [UInt8]?
    private let type: UInt16
    private let shownName: String

    /// `id` should not be guessable.
    public init(_ probe: DNSProbe, id: UInt16) {
        self.id = id
        name = DNSMessage.encode(name: probe.name)
        type = DNSMessage.typeCode(probe.type)
        shownName = printable(probe.name.utf8)
    }

    public var awaited: String { "the answer" }

    public mutating func begin() -> ConversationStep {
        guard let name else { return .fail("`\(shownName)` is no domain name") }
        return .send(DNSMessage.query(id: id, name: name, type: type))
    }

    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
        let span = bytes.span.bytes
        guard let id = span.uint16(at: 0), id == self.id else { return .wait }
        guard let flags = span.uint16(at: 2), let questions = span.uint16(at: 4), bytes.count >= 12 else {
            return .fail("the answer is \(bytes.count) bytes long, shorter than a DNS header")
        }
        guard flags & 0x8000 != 0, flags & 0x7800 == 0 else { return .fail("the answer is no DNS response to a query") }
        let code = UInt8(flags & 15)
        // A server that could not read the question does not repeat it.
        guard code == 0 else { return .fail("DNS \(DNSMessage.name(ofResponse: code))") }
        guard questions == 1, let (name, end) = DNSMessage.name(in: bytes, at: 12),
            let type = span.uint16(at: end), let category = span.uint16(at: end + 2)
        else { return .fail("the answer does not repeat the question") }
        guard name == self.name?.map(lowercased), type == self.type, category == 1 else {
            return .fail("the answer is to another question")
        }
        return .finish(.success)
    }
}
