import Primitives

/// One mail on its way to one server: bytes in, bytes out, and an outcome. Pure: it knows neither sockets nor time.
///
/// HELO, MAIL, RCPT for each recipient, DATA, QUIT, each after the answer to the one before (RFC 5321 §3). No TLS and no password, as with
/// keepalived: the server is one's own relay. A recipient that the server refuses does not keep the mail from the others.
public struct SMTPDelivery: Sendable {
    /// What is waited for.
    public enum Stage: Hashable, Sendable {
        case greeting
        case hello
        case sender
        /// The recipient of this number, from 0.
        case recipient(Int)
        case permission
        case acceptance
        /// The mail is delivered or not: only the farewell is left.
        case farewell
        case over
    }

    /// What the connection is to do next.
    public enum Step: Hashable, Sendable {
        case wait
        case send([UInt8])
        /// Close; `farewell` is sent before, if the connection still takes it.
        case finish(Outcome, farewell: [UInt8])
    }

    public enum Outcome: Hashable, Sendable {
        /// The server has it. `refused`: those that it would not take it for, with its words.
        case delivered(refused: [Refusal])
        /// `isPermanent`: the server says that it will say the same again.
        case failed(String, isPermanent: Bool)
    }

    public struct Refusal: Hashable, Sendable {
        public var recipient: String
        public var text: String

        public init(recipient: String, text: String) {
            self.recipient = recipient
            self.text = text
        }
    }

    public private(set) var stage: Stage = .greeting
    private var reader = SMTPReplyReader()
    private let heloName: String
    private let sender: String
    private let recipients: [String]
    private let content: [UInt8]
    private var refused: [Refusal] = []
    private var isRefusedForGood = true
    private var outcome: Outcome?

    /// - Parameter heloName: `smtp_helo_name`, or the host's.
    public init(_ message: MailMessage, heloName: String) {
        let name = heloName.utf8.filter { $0 > 0x20 && $0 < 0x7F }.prefix(255)
        self.heloName = name.isEmpty ? "localhost" : String(decoding: name, as: UTF8.self)
        // The empty path is for whom there is no answer to (RFC 5321 §4.5.5).
        sender = Mailbox(message.sender)?.address ?? ""
        recipients = message.mailboxes.map(\.address)
        content = message.bytes
    }

    /// The connection stands.
    public mutating func begin() -> Step {
        guard recipients.isEmpty else { return .wait }
        return fail("no recipient is an address", isPermanent: true)
    }

    /// Bytes came. It matters nothing in which pieces.
    public mutating func receive(_ bytes: [UInt8]) -> Step {
        var out: [UInt8] = []
        for byte in bytes where stage != .over {
            switch reader.take(byte) {
            case .more: continue
            case .fault(let text):
                return outcome.map { finish($0, after: out) } ?? fail(text, isPermanent: false, after: out)
            case .reply(let reply):
                switch answer(reply) {
                case .wait: continue
                case .send(let command): out += command
                case .finish(let outcome, let farewell):
                    return .finish(outcome, farewell: out + farewell)
                }
            }
        }
        return out.isEmpty ? .wait : .send(out)
    }

    /// The server closed its side.
    public mutating func end() -> Step { stop("the server closed the connection") }

    /// The server let its time for an answer pass.
    public mutating func expire() -> Step { stop("the server does not answer \(stage.question)") }

    private mutating func stop(_ text: String) -> Step {
        outcome.map { finish($0, after: []) } ?? fail(text, isPermanent: false, farewell: [])
    }

    private mutating func finish(_ outcome: Outcome, after out: [UInt8]) -> Step {
        stage = .over
        return .finish(outcome, farewell: out)
    }

    private mutating func fail(
        _ text: String, isPermanent: Bool, after out: [UInt8] = [], farewell: [UInt8] = Array("QUIT\r\n".utf8)
    ) -> Step {
        stage = .over
        return .finish(.failed(text, isPermanent: isPermanent), farewell: out + farewell)
    }

    private mutating func answer(_ reply: SMTPReply) -> Step {
        let question = stage.question
        switch (stage, reply.code / 100) {
        case (.farewell, _), (.over, _):
            return finish(outcome ?? .failed(reply.text, isPermanent: false), after: [])
        case (_, _) where reply.code == 421:
            // RFC 5321 §3.8: the server is about to close, whatever it was asked.
            return fail("the server gives up: \(reply.text)", isPermanent: false)
        case (.greeting, 2): return proceed(.hello, "HELO \(heloName)")
        case (.hello, 2): return proceed(.sender, "MAIL FROM:<\(sender)>")
        case (.sender, 2): return proceed(.recipient(0), "RCPT TO:<\(recipients.first ?? "")>")
        case (.recipient(let number), let kind):
            if kind != 2, number < recipients.count {
                refused.append(Refusal(recipient: recipients[number], text: reply.text))
                if kind != 5 { isRefusedForGood = false }
            }
            if number + 1 < recipients.count {
                return proceed(.recipient(number + 1), "RCPT TO:<\(recipients[number + 1])>")
            }
            guard refused.count < recipients.count else {
                return fail("the server refuses every recipient: \(reply.text)", isPermanent: isRefusedForGood)
            }
            return proceed(.permission, "DATA")
        case (.permission, 3):
            stage = .acceptance
            return .send(content)
        case (.acceptance, 2):
            outcome = .delivered(refused: refused)
            return proceed(.farewell, "QUIT")
        default: return fail("the server refuses \(question): \(reply.text)", isPermanent: reply.code / 100 == 5)
        }
    }

    private mutating func proceed(_ next: Stage, _ command: String) -> Step {
        stage = next
        return .send(Array((command + "\r\n").utf8))
    }
}

extension SMTPDelivery.Stage {
    /// What the server is answering.
    var question: String {
        switch self {
        case .greeting: "the connection"
        case .hello: "HELO"
        case .sender: "MAIL"
        case .recipient: "RCPT"
        case .permission: "DATA"
        case .acceptance: "the mail"
        case .farewell, .over: "QUIT"
        }
    }
}
