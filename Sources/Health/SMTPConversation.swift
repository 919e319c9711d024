import Configuration
import Primitives

/// One host of `SMTP_CHECK` (RFC 5321): greeted with 220, answers HELO with 250, and is left with QUIT.
public struct SMTPConversation: Conversation {
    private enum Phase: Sendable { case greeting, hello, quitting }

    /// Of one line; and lines of one reply.
    static let lineLimit = 1024
    static let linesLimit = 100

    private let name: String
    private var phase = Phase.greeting
    private var line: [UInt8] = []
    private var lines = 0

    public init(_ probe: SMTPProbe) { name = probe.heloName }

    public mutating func begin() -> ConversationStep { .wait }

    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
        var outgoing: [UInt8] = []
        for byte in bytes {
            guard byte == UInt8(ascii: "\n") else {
                guard line.count < Self.lineLimit else {
                    return .finish(.failure("a line of its greeting is too long"))
                }
                line.append(byte)
                continue
            }
            if line.last == UInt8(ascii: "\r") { line.removeLast() }
            let whole = line
            line.removeAll(keepingCapacity: true)
            lines += 1
            guard lines <= Self.linesLimit else { return .finish(.failure("its reply does not end")) }
            // `250-` is followed by more lines of the same reply.
            if whole.count > 3, whole[3] == UInt8(ascii: "-") { continue }
            lines = 0
            switch interpret(whole) {
            case .send(let bytes): outgoing += bytes
            case let step: if step != .wait { return step }
            }
        }
        return outgoing.isEmpty ? .wait : .send(outgoing)
    }

    private mutating func interpret(_ line: [UInt8]) -> ConversationStep {
        let code = String(decoding: line.prefix(3), as: UTF8.self)
        switch phase {
        case .greeting:
            guard code == "220" else { return .finish(.failure("greets with \(Printable.text(line)), wanted 220")) }
            phase = .hello
            return .send(Array("HELO \(name)\r\n".utf8))
        case .hello:
            guard code == "250" else {
                return .finish(.failure("answers HELO with \(Printable.text(line)), wanted 250"))
            }
            phase = .quitting
            return .finish(.success, farewell: Array("QUIT\r\n".utf8))
        case .quitting: return .wait
        }
    }
}
