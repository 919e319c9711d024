import Alerts
import Primitives
import Testing

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

private let service = "[10.9.0.100]:tcp:80"
private let server = "[127.0.0.1]:tcp:8001"

@Suite struct AlertTests {
    /// Recorded from keepalived 2.2.7 by a server that wrote down what it was sent, but for `X-Mailer`.
    @Test("A mail is byte for byte keepalived's") func whole() {
        let alert = Alert.instance("VI_6", .master)
        let mail = MailMessage(
            sender: "director@example.com",
            recipients: ["ops@example.com", "On Call <oncall@example.com>", "bad@example.com"],
            subject: "[LVS_ONE] " + alert.title, text: alert.text, date: 1_795_807_184)
        #expect(
            text(mail.bytes)
                == """
                Date: Fri, 27 Nov 2026 19:19:44 +0000\r
                From: director@example.com\r
                Subject: [LVS_ONE] VRRP Instance VI_6 - Entering MASTER state\r
                X-Mailer: Aloft\r
                To: ops@example.com, On Call <oncall@example.com>, bad@example.com\r
                \r
                => VRRP Instance is now owning VRRP VIPs <=\r
                .\r

                """)
    }

    static let recorded: [(Alert, String, String)] = [
        (
            .instance("VI_1", .backup), "VRRP Instance VI_1 - Entering BACKUP state",
            "VRRP Instance is no longer owning VRRP VIPs"
        ),
        (
            .instance("VI_1", .fault), "VRRP Instance VI_1 - Entering FAULT state",
            "VRRP Instance is no longer owning VRRP VIPs"
        ),
        (.deletedInstance("C"), "VRRP Instance C - Deleted", "VRRP Deleted at reload"),
        (
            .group("VG1", .master), "VRRP Group VG1 - Entering MASTER state",
            "All VRRP group instances are now in MASTER state"
        ),
        (
            .group("VG1", .backup), "VRRP Group VG1 - Entering BACKUP state",
            "All VRRP group instances are now in BACKUP state"
        ),
        (
            .group("VG1", .fault), "VRRP Group VG1 - Entering FAULT state",
            "All VRRP group instances are now in FAULT state"
        ),
        (
            .realServer(
                server, of: service, isUp: false,
                reason: Alert.sentence(ofChecker: "TCP_CHECK", isUp: false, reason: "refused")),
            "Realserver [127.0.0.1]:tcp:8001 of virtual server [10.9.0.100]:tcp:80 - DOWN",
            "TCP CHECK failed on service"
        ),
        (
            .realServer(server, of: service, isUp: true, reason: "TCP CHECK succeed on service"),
            "Realserver [127.0.0.1]:tcp:8001 of virtual server [10.9.0.100]:tcp:80 - UP", "TCP CHECK succeed on service"
        ),
        (
            .realServer(
                "[127.0.0.1]:none:8001", of: "FWM 7", isUp: false,
                reason: Alert.sentence(ofChecker: "MISC_CHECK", isUp: false, reason: "exited with 1")),
            "Realserver [127.0.0.1]:none:8001 of virtual server FWM 7 - DOWN", "MISC CHECK failed on service"
        ),
        (
            .realServer(
                server, of: "[G]:0", isUp: true,
                reason: Alert.sentence(ofChecker: "HTTP_GET", isUp: true, reason: "200")),
            "Realserver [127.0.0.1]:tcp:8001 of virtual server [G]:0 - UP", "CHECK succeed on service"
        ),
        (
            .quorum(
                "[fd00:9::100]:udp:443", .begun, quorum: 1,
                hysteresis: 0, weight: 1),
            "Virtualserver [fd00:9::100]:udp:443 - UP", "Starting with quorum up 1+0=1 <= 1"
        ),
        (
            .quorum("[G]:0", .gained, quorum: 2, hysteresis: 1, weight: 3),
            "Virtualserver [G]:0 - UP", "Gained quorum 2+1=3 <= 3"
        ),
        // keepalived's log has it so; its mail says `2+1=1 <= 0`.
        (
            .quorum("[G]:0", .lost, quorum: 2, hysteresis: 1, weight: 0),
            "Virtualserver [G]:0 - DOWN", "Lost quorum 2-1=1 > 0"
        ),
    ]

    @Test("Every alert has keepalived's subject and text", arguments: recorded)
    func texts(_ alert: Alert, _ subject: String, _ sentence: String) {
        #expect(alert.title == subject)
        #expect(alert.text == "=> \(sentence) <=\n")
    }
}

@Suite struct MailMessageTests {
    private func mail(
        sender: String = "a@b", to recipients: [String] = ["c@d"], subject: String = "s", text: String = "t\n",
        date: Int64 = 0
    ) -> MailMessage {
        MailMessage(sender: sender, recipients: recipients, subject: subject, text: text, date: date)
    }

    /// Fields and body, as a mail program takes them apart.
    private func parsed(_ mail: MailMessage) -> (fields: [String], body: [String]) {
        var lines = text(mail.bytes).split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        #expect(lines.removeLast() == "" && lines.removeLast() == ".")
        let end = lines.firstIndex(of: "") ?? lines.count
        var fields: [String] = []
        for line in lines[..<end] {
            if line.hasPrefix(" ") { fields[fields.count - 1] += line.dropFirst() } else { fields.append(line) }
        }
        return (fields, Array(lines[(end + 1)...]))
    }

    static let injections = [
        "x\r\nBcc: thief@example.com", "x\nBcc: thief@example.com", "x\rBcc: y", "x\r\n\r\nbody",
        "x\r\n.\r\nMAIL FROM:<a@b>",
        "\u{0}\u{1}\u{7F}", "x\u{85}Bcc: y", "x\u{2028}Bcc: y", "\r\n", "ä\r\nBcc: thief@example.com",
        String(repeating: "x", count: 100_000), String(repeating: "ä", count: 10000),
    ]

    @Test("Whatever stands in a field, the mail has its own fields and no others", arguments: injections)
    func injection(_ evil: String) {
        for mail in [
            mail(sender: evil), mail(subject: evil), mail(to: [evil, "a@b"]), mail(to: [evil + "<a@b>", "c@d"]),
            mail(to: ["a@b" + evil, "c@d"]), mail(to: ["<a@b\(evil)>"]), mail(to: ["<a@b>\(evil)"]),
            mail(sender: "\(evil) <a@b>"), mail(text: evil),
        ] {
            let (fields, _) = parsed(mail)
            let names = fields.map { String($0.prefix { $0 != ":" }) }
            #expect(Array(names.prefix(5)) == ["Date", "From", "Subject", "X-Mailer", "To"])
            let rest = Array(names.dropFirst(5))
            #expect(rest.isEmpty || rest == ["MIME-Version", "Content-Type", "Content-Transfer-Encoding"])
            let bytes = mail.bytes
            #expect(bytes.allSatisfy { $0 >= 0x20 && $0 < 0x7F || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 })
            #expect(bytes.split(separator: 0x0A).allSatisfy { $0.count <= 1000 && $0.last == 0x0D })
            #expect(!bytes.dropLast(3).contains(sequence: Array("\r\n.\r\n".utf8)))
        }
    }

    @Test("A dot at the beginning of a line is doubled, and only there")
    func dots() {
        let (_, body) = parsed(mail(text: ".\n..\na.b\n.x\n\nlast"))
        #expect(body == ["..", "...", "a.b", "..x", "", "last"])
    }

    @Test("What is not ASCII is encoded, in words that stand alone")
    func encoded() {
        let (fields, body) = parsed(mail(subject: "Störung " + String(repeating: "é", count: 60), text: "größer\n"))
        let subject = String(fields[2].dropFirst("Subject: ".count))
        // Joined at the folds: an encoded word begins where the one before ends.
        let words = subject.split(separator: "?=").map { $0.split(separator: "?").last.map(String.init) ?? "" }
        #expect(words.count > 2)
        #expect(words.map { text(decoded($0)) }.joined() == "Störung " + String(repeating: "é", count: 60))
        #expect(words.allSatisfy { String(validating: decoded($0), as: UTF8.self) != nil })
        #expect(body.map { text(decoded($0)) } == ["größer\n"])
    }

    private func decoded(_ base64: String) -> [UInt8] {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var (bits, count, bytes): (UInt32, Int, [UInt8]) = (0, 0, [])
        for digit in base64.compactMap({ alphabet.firstIndex(of: $0) }) {
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
                bits &= 1 << UInt32(count) - 1
            }
        }
        return bytes
    }

    @Test("Many recipients stand in lines that are short enough, each once")
    func recipients() {
        let all = (0..<120).map { "someone-with-a-long-name-\($0)@example.com" }
        let (fields, _) = parsed(mail(to: all + all))
        #expect(fields[4] == "To: " + all.prefix(MailMessage.maximumRecipients).joined(separator: ", "))
    }

    @Test(
        "Dates of every kind of year are right",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 +0000"), (951_782_399, "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 +0000"), (1_709_251_199, "Thu, 29 Feb 2024 23:59:59 +0000"),
            (1_795_807_183, "Fri, 27 Nov 2026 19:19:43 +0000"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 +0000"),
            (-1, "Wed, 31 Dec 1969 23:59:59 +0000"), (Int64.max, "Fri, 31 Dec 9999 23:59:59 +0000"),
            (Int64.min, "Mon, 01 Jan 1900 00:00:00 +0000"),
        ] as [(Int64, String)])
    func dates(_ seconds: Int64, _ expected: String) {
        #expect(parsed(mail(date: seconds)).fields[0] == "Date: " + expected)
    }

    @Test(
        "An address is what a server can take",
        arguments: [
            ("a@b", "a@b"), (" a@b\t", "a@b"), ("A B <a@b>", "a@b"), ("<a@b> ", "a@b"), ("<a@b", nil), ("", nil),
            ("<>", nil),
            ("a b@c", nil), ("a@b <", nil), ("x <a@b> y", nil), ("ä@b", nil), ("a\r\n@b", nil), ("<<a@b>", nil),
            ("a@b>\r\nRCPT TO:<c@d>", nil),
            (String(repeating: "a", count: 255), nil),
        ] as [(String, String?)])
    func mailboxes(_ text: String, _ address: String?) { #expect(Mailbox(text)?.address == address) }
}

extension Array where Element == UInt8 {
    func contains(sequence: [UInt8]) -> Bool {
        guard count >= sequence.count else { return false }
        return (0...(count - sequence.count)).contains { self[$0..<($0 + sequence.count)].elementsEqual(sequence) }
    }
}
