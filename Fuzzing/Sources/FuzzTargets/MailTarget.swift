import Alerts
import Primitives

/// What a mail server answers. The first byte of an input is the size of the portions that the answers arrive in, the second and the third say how
/// long a subject and a text are cut from its end; the rest is the server's.
enum MailTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard input.count >= 3 else { return 0 }
        let answers = Array(input[3...])
        let subject = String(decoding: answers.suffix(Int(input[1])), as: UTF8.self)
        let text = String(decoding: answers.suffix(Int(input[2]) * 8), as: UTF8.self)
        let mail = MailMessage(
            sender: subject, recipients: [text, "ops@example.com", subject + "<a@b>"], subject: subject, text: text,
            date: Int64(answers.count) << Int64(input[1] & 63))
        try checkMessage(mail)

        let whole = run(mail, subject, answers, portion: answers.count + 1)
        let cut = run(mail, subject, answers, portion: Int(input[0]) + 1)
        try require(whole.sent == cut.sent && whole.outcome == cut.outcome, "it depends on how the answers are cut")
        try require(whole.isOver == (whole.outcome != nil), "over without an outcome, or the other way round")
        // Each command answers one of the server's lines, and the mail goes once.
        try require(whole.sent.count <= mail.bytes.count + 2000, "\(whole.sent.count) bytes for a mail")
        var digest = Digest()
        digest.add(whole.sent)
        digest.add("\(String(describing: whole.outcome))")
        return digest.value
    }

    private struct End {
        var sent: [UInt8] = []
        var outcome: SMTPDelivery.Outcome?
        var isOver = false
    }

    private static func run(_ mail: MailMessage, _ name: String, _ answers: [UInt8], portion: Int) -> End {
        var delivery = SMTPDelivery(mail, heloName: name)
        var end = End()
        var start = 0
        var step = delivery.begin()
        while true {
            switch step {
            case .wait: break
            case .send(let bytes): end.sent += bytes
            case .finish(let outcome, let farewell):
                end.sent += farewell
                end.outcome = outcome
                end.isOver = delivery.stage == .over
                return end
            }
            guard start < answers.count else { break }
            let next = min(start + portion, answers.count)
            step = delivery.receive(Array(answers[start..<next]))
            start = next
        }
        if case .finish(let outcome, let farewell) = delivery.end() {
            end.sent += farewell
            end.outcome = outcome
        }
        end.isOver = delivery.stage == .over
        return end
    }

    /// Headers of its own and no others, lines that SMTP carries, and one end.
    private static func checkMessage(_ mail: MailMessage) throws(Violation) {
        let bytes = mail.bytes
        let plain = bytes.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        try require(plain, "a mail has bytes that are not text")
        let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false).dropLast()
        try require(lines.allSatisfy { $0.last == 0x0D && $0.count <= 1000 }, "a line is too long, or has no end")
        let isEnd = { (line: ArraySlice<UInt8>) in line.elementsEqual(".\r".utf8) }
        try require(lines.last.map(isEnd) == true && lines.dropLast().allSatisfy { !isEnd($0) }, "more than one end")
        let header = lines.prefix { $0.count > 1 }
        let names = header.compactMap { line in
            line.first == 0x20 ? nil : String(decoding: line.prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
        }
        let own = ["Date", "From", "Subject", "X-Mailer", "To"]
        let encoding = ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"]
        try require(names == own || names == own + encoding, "the fields of the mail are \(names)")
    }
}
