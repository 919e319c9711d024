import Primitives

/// What a server sent and nobody has looked at yet. Bounded twice: what may lie here unread, and what may ever have come.
struct InputBuffer: Sendable {
    private var bytes: [UInt8] = []
    private var start = 0
    private var total = 0
    let limit: Int
    let totalLimit: Int

    /// In bytes. `totalLimit` is what a whole conversation may hear.
    init(limit: Int = 1 << 16, totalLimit: Int = 1 << 20) {
        self.limit = limit
        self.totalLimit = totalLimit
    }

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }
    var unread: ArraySlice<UInt8> { bytes[start...] }

    subscript(offset: Int) -> UInt8? { offset >= 0 && offset < count ? bytes[start + offset] : nil }

    /// False when there is more than the bounds allow; nothing is added then.
    mutating func append(_ more: [UInt8]) -> Bool {
        guard more.count <= limit - count, more.count <= totalLimit - total else { return false }
        total += more.count
        if start > 0 {
            bytes.removeFirst(start)
            start = 0
        }
        bytes.append(contentsOf: more)
        return true
    }

    /// The next `count` bytes, which are read then; nil when there are fewer.
    mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard count >= 0, count <= self.count else { return nil }
        defer { start += count }
        return bytes[start..<(start + count)]
    }

    /// The next line without its LF or CR LF; nil when it is not whole.
    mutating func takeLine() -> ArraySlice<UInt8>? {
        guard let end = bytes[start...].firstIndex(of: 0x0A) else { return nil }
        let line = bytes[start..<end]
        start = end + 1
        return line.last == 0x0D ? line.dropLast() : line
    }
}

/// A conversation that reads whole messages one after another.
protocol MessageConversation: Conversation {
    var input: InputBuffer { get set }
    /// Reads one message of `input` and says what follows from it; `.wait` when there is no whole one. Each call reads something or moves on, so
    /// that calling it again and again comes to an end.
    mutating func advance() -> ConversationStep
}

extension MessageConversation {
    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
        guard input.append(bytes) else {
            return .fail(
                "the server sent too much: more than \(input.limit) bytes in one message, or \(input.totalLimit) in all"
            )
        }
        return proceed()
    }

    /// Reads all there is. A server may speak ahead: what is to be sent is collected meanwhile.
    mutating func proceed() -> ConversationStep {
        var outgoing: [UInt8] = []
        while true {
            switch advance() {
            case .wait: return outgoing.isEmpty ? .wait : .send(outgoing)
            case .send(let bytes): outgoing += bytes
            case .startTLS(let bytes):
                // Whatever was sent in clear text behind the agreement on TLS could be anybody's (CVE-2021-23222 and its kin).
                guard input.isEmpty else {
                    return .fail("the server sent \(input.count) bytes ahead of the TLS handshake")
                }
                return .startTLS(sending: outgoing + bytes)
            case .match(let body): return .match(body)
            case .finish(let verdict, let farewell): return .finish(verdict, farewell: outgoing + farewell)
            }
        }
    }
}
