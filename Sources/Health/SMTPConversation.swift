import Configuration
import Primitives

/// `SMTP_CHECK` (RFC 5321): the banner is 220, HELO is answered with 250, and QUIT is said. Keeps one line.
///
/// The verdict stands with the 250; the answer to QUIT is waited for only so that the connection ends in good order, and may be anything.
public struct SMTPConversation: MessageConversation {
    private enum State: Sendable { case banner, helo, quit }

    private let heloName: [UInt8]
    private var state = State.banner
    var input = InputBuffer(limit: 8192, totalLimit: 1 << 16)

    public init(_ probe: SMTPProbe) { heloName = oneLine(probe.heloName) }

    public var awaited: String {
        switch state {
        case .banner: "the banner"
        case .helo: "the answer to HELO"
        case .quit: "the answer to QUIT"
        }
    }

    public mutating func begin() -> ConversationStep { .wait }

    mutating func advance() -> ConversationStep {
        while let line = input.takeLine() {
            if case .quit = state { return .finish(.success) }
            guard line.count >= 3, let code = decimal(line.prefix(3)) else {
                return .fail("no SMTP: `\(printable(line))`")
            }
            // "250-first", "250-second", "250 last" (RFC 5321 §4.2.1).
            if line.dropFirst(3).first != UInt8(ascii: "-") { return answer(code, line) }
        }
        return .wait
    }

    private mutating func answer(_ code: Int, _ line: ArraySlice<UInt8>) -> ConversationStep {
        switch state {
        case .banner:
            guard code == 220 else { return .fail("SMTP banner `\(printable(line))`, wanted 220") }
            state = .helo
            return .send(Array("HELO ".utf8) + heloName + Array("\r\n".utf8))
        case .helo:
            guard code == 250 else { return .fail("SMTP HELO was answered `\(printable(line))`, wanted 250") }
            state = .quit
            return .send(Array("QUIT\r\n".utf8))
        case .quit: return .finish(.success)
        }
    }

    public mutating func end() -> ConversationStep {
        if case .quit = state { return .finish(.success) }
        return .fail("the server closed the connection before \(awaited)")
    }

    public func silence() -> Verdict? {
        if case .quit = state { return .success }
        return nil
    }
}
