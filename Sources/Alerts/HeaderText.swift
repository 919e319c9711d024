/// Text for headers: one line of printable ASCII, whatever it was (RFC 5322 §2.2, RFC 2047).
enum HeaderText {
    /// Of one field; lines may be 998 bytes long (RFC 5322 §2.1.1).
    static let maximum = 800
    /// An encoded word may be 75 characters long, 12 of which are `=?utf-8?B?` and `?=`: 45 bytes become 60 characters.
    private static let bytesOfWord = 45

    /// Without control characters, cut at ``maximum`` bytes; in encoded words where it is not ASCII.
    static func encoded(_ text: String) -> String {
        var bytes: [UInt8] = []
        var isASCII = true
        for scalar in text.unicodeScalars {
            // C0, C1 and the line separators of Unicode.
            let isControl =
                scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value) || [0x2028, 0x2029].contains(scalar.value)
            let piece = Array(String(isControl ? " " : Character(scalar)).utf8)
            guard bytes.count + piece.count <= maximum else { break }
            bytes += piece
            if scalar.value > 0x7E && !isControl { isASCII = false }
        }
        return isASCII ? String(decoding: bytes, as: UTF8.self) : words(bytes)
    }

    /// Cut between scalars: each word must be decodable by itself. Folded, so that each line has one word.
    private static func words(_ bytes: [UInt8]) -> String {
        var lines: [String] = []
        var start = 0
        while start < bytes.count {
            var end = min(start + bytesOfWord, bytes.count)
            while end < bytes.count, end > start + 1, bytes[end] & 0xC0 == 0x80 { end -= 1 }
            lines.append("=?utf-8?B?" + Base64.encode(bytes[start..<end]) + "?=")
            start = end
        }
        return lines.joined(separator: "\r\n ")
    }
}

/// RFC 4648 §4.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            let rest = bytes[index..<min(index + 3, bytes.endIndex)]
            var bits: UInt32 = 0
            for offset in 0..<3 {
                bits = bits << 8 | (offset < rest.count ? UInt32(rest[rest.startIndex + offset]) : 0)
            }
            for digit in 0..<4 {
                text.append(
                    digit <= rest.count ? alphabet[Int(bits >> UInt32(18 - digit * 6) & 63)] : UInt8(ascii: "="))
            }
            index += 3
        }
        return String(decoding: text, as: UTF8.self)
    }
}
