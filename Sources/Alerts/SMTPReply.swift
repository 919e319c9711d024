/// What a mail server answers to a command (RFC 5321 §4.2): a code, and text for people.
struct SMTPReply: Hashable, Sendable {
    /// 200…599.
    var code: Int
    /// The code and the first line behind it, printable, at most ``SMTPReplyReader/maximumText`` bytes.
    var text: String
}

/// Puts answers together from bytes, in whatever pieces they come. Keeps one line at most.
struct SMTPReplyReader: Hashable, Sendable {
    /// RFC 5321 §4.5.3.1.5 says 512; some say more.
    static let maximumLine = 2048
    static let maximumLines = 128
    static let maximumText = 200

    private var line: [UInt8] = []
    private var lines = 0
    private var code = 0
    private var text = ""

    enum Event: Hashable, Sendable {
        case more
        case reply(SMTPReply)
        /// What came is not SMTP.
        case fault(String)
    }

    /// Takes one byte.
    mutating func take(_ byte: UInt8) -> Event {
        guard byte == 0x0A else {
            guard line.count < Self.maximumLine else { return .fault("the server's answer has a line without end") }
            line.append(byte)
            return .more
        }
        if line.last == 0x0D { line.removeLast() }
        defer { line.removeAll(keepingCapacity: true) }
        guard line.count >= 3, let code = Self.number(line[..<3]), line.count == 3 || line[3] == 0x20 || line[3] == 0x2D
        else { return .fault("the server does not speak SMTP: " + Self.printable(line[...])) }
        guard lines == 0 || code == self.code else {
            return .fault("the server's answer has two codes, \(self.code) and \(code)")
        }
        if lines == 0 { text = Self.printable(line.count == 3 ? line[...] : line[..<3] + [0x20] + line[4...]) }
        self.code = code
        lines += 1
        guard line.count > 3, line[3] == 0x2D else {
            lines = 0
            return .reply(SMTPReply(code: code, text: text))
        }
        return lines < Self.maximumLines ? .more : .fault("the server's answer has no end")
    }

    /// 200…599.
    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
        let number = digits.reduce(0) { $0 * 10 + Int($1 - 48) }
        return (200...599).contains(number) ? number : nil
    }

    private static func printable(_ bytes: ArraySlice<UInt8>) -> String {
        String(
            decoding: bytes.prefix(maximumText).map { $0 >= 0x20 && $0 < 0x7F ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }
}
