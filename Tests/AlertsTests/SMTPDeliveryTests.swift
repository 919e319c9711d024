import Alerts
import Primitives
import Testing

let mailForThree = MailMessage(
    sender: "Director <director@example.com>", recipients: ["ops@example.com", "On Call <oncall@example.com>", "c@d"],
    subject: "s", text: "=> t <=\n", date: 0)

extension SMTPDelivery {
    /// Feeds `answers` in pieces of `portion` bytes. What was sent, and how it ended.
    mutating func run(_ answers: String, portion: Int = .max, ends: Bool = true) -> (sent: String, outcome: Outcome?) {
        var sent: [UInt8] = []
        var outcome: Outcome?
        func follow(_ step: Step) -> Bool {
            switch step {
            case .wait: return true
            case .send(let bytes):
                sent += bytes
                return true
            case .finish(let end, let farewell):
                sent += farewell
                outcome = end
                return false
            }
        }
        guard follow(begin()) else { return (text(sent), outcome) }
        var rest = Array(answers.utf8)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(portion))
            rest = rest.dropFirst(portion)
            guard follow(receive(piece)) else { return (text(sent), outcome) }
        }
        if ends { _ = follow(end()) }
        return (text(sent), outcome)
    }
}

@Suite struct SMTPDeliveryTests {
    static let good = "220 a\r\n250 b\r\n250 c\r\n250 d\r\n251 e\r\n250 f\r\n354 g\r\n250 h\r\n221 i\r\n"

    @Test("The conversation is the one of RFC 5321, with the bare addresses")
    func whole() {
        var delivery = SMTPDelivery(mailForThree, heloName: "lb1.example.com")
        let (sent, outcome) = delivery.run(Self.good)
        #expect(
            sent
                == """
                HELO lb1.example.com\r
                MAIL FROM:<director@example.com>\r
                RCPT TO:<ops@example.com>\r
                RCPT TO:<oncall@example.com>\r
                RCPT TO:<c@d>\r
                DATA\r
                \(text(mailForThree.bytes))QUIT\r

                """)
        #expect(outcome == .delivered(refused: []))
    }

    static let answers: [(String, SMTPDelivery.Outcome)] = [
        (good, .delivered(refused: [])),
        // Several lines, a bare code, bare newlines.
        (
            "220-a\r\n220-b\r\n220 c\r\n250-x\n250 y\n250\r\n250 c\r\n250 d\r\n250 e\r\n354-more\r\n354 g\r\n250 h\r\n221 b\r\n",
            .delivered(refused: [])
        ),
        // Delivered is delivered, whatever follows.
        ("220 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n250 f\r\n354 g\r\n250 h\r\n", .delivered(refused: [])),
        (
            "220 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n250 f\r\n354 g\r\n250 h\r\nrubbish\r\n",
            .delivered(refused: [])
        ),
        ("220 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n250 f\r\n354 g\r\n250 h\r\n421 x\r\n", .delivered(refused: [])),
        // The others get it.
        (
            "220 a\r\n250 b\r\n250 c\r\n550 no such user\r\n250 e\r\n450 later\r\n354 g\r\n250 h\r\n221 i\r\n",
            .delivered(refused: [
                .init(recipient: "ops@example.com", text: "550 no such user"),
                .init(recipient: "c@d", text: "450 later"),
            ])
        ),
        (
            "220 a\r\n250 b\r\n250 c\r\n550 x\r\n550 y\r\n551 z\r\n",
            .failed("the server refuses every recipient: 551 z", isPermanent: true)
        ),
        (
            "220 a\r\n250 b\r\n250 c\r\n450 x\r\n550 y\r\n551 z\r\n",
            .failed("the server refuses every recipient: 551 z", isPermanent: false)
        ),
        ("554 no\r\n", .failed("the server refuses the connection: 554 no", isPermanent: true)),
        ("220 a\r\n502 no\r\n", .failed("the server refuses HELO: 502 no", isPermanent: true)),
        ("220 a\r\n250 b\r\n451 no\r\n", .failed("the server refuses MAIL: 451 no", isPermanent: false)),
        ("220 a\r\n250 b\r\n421 bye\r\n", .failed("the server gives up: 421 bye", isPermanent: false)),
        (
            "220 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n250 f\r\n250 g\r\n",
            .failed("the server refuses DATA: 250 g", isPermanent: false)
        ),
        (
            "220 a\r\n250 b\r\n250 c\r\n250 d\r\n250 e\r\n250 f\r\n354 g\r\n552 too big\r\n",
            .failed("the server refuses the mail: 552 too big", isPermanent: true)
        ),
        ("", .failed("the server closed the connection", isPermanent: false)),
        ("220 a\r\n25", .failed("the server closed the connection", isPermanent: false)),
        ("220 a\r\n250-b\r\n251 c\r\n", .failed("the server's answer has two codes, 250 and 251", isPermanent: false)),
        ("HTTP/1.1 400 Bad\u{1}\r\n", .failed("the server does not speak SMTP: HTTP/1.1 400 Bad?", isPermanent: false)),
        ("999 x\r\n", .failed("the server does not speak SMTP: 999 x", isPermanent: false)),
        ("22\r\n", .failed("the server does not speak SMTP: 22", isPermanent: false)),
        ("220x\r\n", .failed("the server does not speak SMTP: 220x", isPermanent: false)),
        (
            String(repeating: "2", count: 5000),
            .failed("the server's answer has a line without end", isPermanent: false)
        ),
        (
            String(repeating: "220-x\r\n", count: 1000), .failed("the server's answer has no end", isPermanent: false)
        ),
    ]

    @Test("However the server's answers are cut into pieces, what is sent and the end are the same", arguments: answers)
    func pieces(_ answers: String, _ expected: SMTPDelivery.Outcome) {
        var whole = SMTPDelivery(mailForThree, heloName: "h")
        let end = whole.run(answers)
        #expect(end.outcome == expected)
        for portion in [1, 2, 3, 5, 7, 64] {
            var delivery = SMTPDelivery(mailForThree, heloName: "h")
            #expect(delivery.run(answers, portion: portion) == end)
        }
    }

    @Test("Cut off at any byte, it is delivered exactly when the server has taken it")
    func cuts() {
        let bytes = Array(Self.good.utf8)
        let accepted = Array("221 i\r\n".utf8).count
        for end in 0...bytes.count {
            let isTaken = end >= bytes.count - accepted
            var delivery = SMTPDelivery(mailForThree, heloName: "h")
            let (sent, outcome) = delivery.run(text(Array(bytes[..<end])))
            #expect((outcome == .delivered(refused: [])) == isTaken)
            // The farewell comes once, when the mail is taken.
            #expect(sent.hasSuffix("QUIT\r\n") == isTaken)
            var silent = SMTPDelivery(mailForThree, heloName: "h")
            _ = silent.run(text(Array(bytes[..<end])), ends: false)
            guard silent.stage != .over else { continue }
            guard case .finish(let late, _) = silent.expire() else {
                Issue.record("it goes on after its time")
                continue
            }
            #expect((late == .delivered(refused: [])) == isTaken)
        }
    }

    @Test("Without a recipient that can be one nothing is asked of the server")
    func nobody() {
        let mail = MailMessage(sender: "a@b", recipients: ["", "x y"], subject: "", text: "", date: 0)
        var delivery = SMTPDelivery(mail, heloName: "h")
        #expect(delivery.run("220 a\r\n").outcome == .failed("no recipient is an address", isPermanent: true))
    }

    @Test("No name and no sender can put a command into the conversation")
    func injection() {
        let mail = MailMessage(
            sender: "a@b>\r\nRCPT TO:<x@y>", recipients: ["c@d\r\nRCPT TO:<x@y>", "e@f"], subject: "", text: "", date: 0
        )
        var delivery = SMTPDelivery(mail, heloName: "h\r\nMAIL FROM:<x@y>")
        let (sent, _) = delivery.run(Self.good)
        let commands = sent.split(separator: "\r\n").prefix(4)
        #expect(commands == ["HELO hMAILFROM:<x@y>", "MAIL FROM:<>", "RCPT TO:<e@f>", "DATA"])
        var nameless = SMTPDelivery(mail, heloName: "\u{0}ä")
        #expect(nameless.run("220 a\r\n").sent.hasPrefix("HELO localhost\r\n"))
    }
}
