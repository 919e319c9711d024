import Primitives

/// A mail of text (RFC 5322). Whatever its parts hold, it has the headers that are written here and no others: control characters become
/// blanks, what is not ASCII is encoded, and lines are short enough.
public struct MailMessage: Hashable, Sendable {
    /// `From`, such as `director@example.com`, also with a name.
    public var sender: String
    /// `To`.
    public var recipients: [String]
    public var subject: String
    /// Lines, ended by newlines.
    public var text: String
    /// Seconds since 1970.
    public var date: Int64

    /// Of ``text``; the rest is cut off.
    public static let maximumText = 1 << 16
    /// Of ``recipients``; RFC 5321 §4.5.3.1.8 lets a server refuse more.
    public static let maximumRecipients = 100

    public init(sender: String, recipients: [String], subject: String, text: String, date: Int64) {
        self.sender = sender
        self.recipients = recipients
        self.subject = subject
        self.text = text
        self.date = date
    }

    /// Those of the recipients that can be one, each address once.
    var mailboxes: [Mailbox] {
        var seen: Set<String> = []
        var found: [Mailbox] = []
        for recipient in recipients where found.count < Self.maximumRecipients {
            if let mailbox = Mailbox(recipient), seen.insert(mailbox.address).inserted { found.append(mailbox) }
        }
        return found
    }

    /// What follows DATA: headers, text, and the dot that ends it (RFC 5321 §4.5.2).
    public var bytes: [UInt8] {
        let body = Array(text.utf8.prefix(Self.maximumText))
        let isPlain = Self.isPlain(body)
        var lines = [
            "Date: " + Self.dateText(date),
            "From: " + (Mailbox(sender)?.header ?? HeaderText.encoded(sender)),
            "Subject: " + HeaderText.encoded(subject),
            "X-Mailer: Aloft",
        ]
        lines += Self.recipientLines(mailboxes.map(\.header))
        if !isPlain {
            lines += [
                "MIME-Version: 1.0", "Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: base64",
            ]
        }
        lines.append("")
        var bytes: [UInt8] = []
        for line in lines { bytes += Array(line.utf8) + [0x0D, 0x0A] }
        if isPlain { Self.append(body, to: &bytes) } else { Self.appendEncoded(body, to: &bytes) }
        bytes += Array(".\r\n".utf8)
        return bytes
    }

    /// Joined as keepalived does, in as many lines as it needs.
    private static func recipientLines(_ recipients: [String]) -> [String] {
        var lines: [String] = []
        var line = "To: "
        for (index, recipient) in recipients.enumerated() {
            let piece = recipient + (index + 1 < recipients.count ? ", " : "")
            if line.utf8.count + piece.utf8.count > HeaderText.maximum, index > 0 {
                lines.append(line)
                line = " "
            }
            line += piece
        }
        return lines + [line]
    }

    /// Printable ASCII in lines that SMTP carries (RFC 5321 §4.5.3.1.6).
    private static func isPlain(_ body: [UInt8]) -> Bool {
        body.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x0A || $0 == 0x09 }
            && body.split(separator: 0x0A).allSatisfy { $0.count <= 990 }
    }

    /// Each line ended by CRLF; a dot at its beginning is doubled.
    private static func append(_ body: [UInt8], to bytes: inout [UInt8]) {
        var lines = body.split(separator: 0x0A, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        for line in lines {
            if line.first == UInt8(ascii: ".") { bytes.append(UInt8(ascii: ".")) }
            bytes += line
            bytes += [0x0D, 0x0A]
        }
    }

    private static func appendEncoded(_ body: [UInt8], to bytes: inout [UInt8]) {
        // 57 bytes become 76 characters (RFC 2045 §6.8).
        for start in stride(from: 0, to: body.count, by: 57) {
            bytes += Array(Base64.encode(body[start..<min(start + 57, body.count)]).utf8) + [0x0D, 0x0A]
        }
    }

    /// `Fri, 27 Nov 2026 19:19:43 +0000` (RFC 5322 §3.3), in UTC; what lies outside the years 1900 to 9999 is set to their bounds.
    static func dateText(_ seconds: Int64) -> String {
        let seconds = min(max(seconds, -2_208_988_800), 253_402_300_799)
        let days = (seconds - (seconds % 86400 + 86400) % 86400) / 86400
        let rest = Int(seconds - days * 86400)
        let weekday = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"][Int((days % 7 + 7) % 7)]
        // Days of the proleptic Gregorian calendar, in eras of 400 years that begin on the first of March.
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = Int(dayOfYear - (153 * month + 2) / 5 + 1)
        let name = ["Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "Jan", "Feb"][Int(month)]
        let year = yearOfEra + era * 400 + (month >= 10 ? 1 : 0)
        return
            "\(weekday), \(twoDigits(day)) \(name) \(year) \(twoDigits(rest / 3600)):\(twoDigits(rest / 60 % 60)):\(twoDigits(rest % 60)) +0000"
    }

    private static func twoDigits(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
}
