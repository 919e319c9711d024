import ConfigLanguage
import Primitives

/// The values of checkers: status codes, hexadecimal strings, and options of regular expressions.
extension StatementReader {
    /// `CODE|LOW-HIGH …`, each from 100 to 999. In keepalived's leniency those that are wrong are left out.
    mutating func statusCodes() -> [ClosedRange<UInt16>]? {
        guard hasMore else {
            _ = required("status code")
            return nil
        }
        var codes: [ClosedRange<UInt16>] = []
        while let word = next() {
            let parts = word.text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
            let numbers = parts.compactMap { part in
                part.count == 3 && part.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } ? UInt16(Substring(part)) : nil
            }
            guard parts.count <= 2, numbers.count == parts.count, let low = numbers.first, let high = numbers.last,
                low >= 100, low <= high
            else {
                report(
                    .range, at: word.range, "`\(word.text)` is neither a status code nor a range of them",
                    reason: "it would be left out", fix: "write codes from 100 to 999, such as 200 or 200-299")
                continue
            }
            codes.append(low...high)
        }
        return codes.isEmpty ? nil : codes
    }

    /// The 16 bytes of an MD5.
    mutating func digest() -> [UInt8]? {
        guard let word = required("MD5") else { return nil }
        let digits = word.text.utf8.compactMap(hexadecimalDigit)
        guard digits.count == 32, word.text.utf8.count == 32 else {
            report(
                .hexadecimal, at: word.range, "`\(word.text)` is not an MD5 in hexadecimal digits",
                reason: "there must be 32 of them, and there are \(word.text.utf8.count) characters",
                fix: "write what `genhash` prints")
            return nil
        }
        return stride(from: 0, to: 32, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }

    /// Bytes in hexadecimal: each word is read in pairs, and a digit that is left over is a byte. `X` is any digit.
    mutating func hexadecimal(wildcards: Bool) -> UDPProbe.Pattern? {
        guard hasMore else {
            _ = required("hexadecimal digits")
            return nil
        }
        var pattern = UDPProbe.Pattern(bytes: [], mask: [])
        while let word = next() {
            for part in word.text.utf8.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 }) {
                var index = part.startIndex
                while index < part.endIndex {
                    var (byte, mask): (UInt8, UInt8) = (0, 0)
                    for _ in 0..<2 where index < part.endIndex {
                        let isAny = wildcards && (part[index] == UInt8(ascii: "X") || part[index] == UInt8(ascii: "x"))
                        guard let digit = isAny ? 0 : hexadecimalDigit(part[index]) else {
                            report(
                                .hexadecimal, at: word.range, "`\(word.text)` is not hexadecimal",
                                reason: "the line is skipped",
                                fix: wildcards
                                    ? "write digits 0 to 9, a to f, or X for any" : "write digits 0 to 9, a to f")
                            skipRest()
                            return nil
                        }
                        (byte, mask) = (byte << 4 | digit, mask << 4 | (isAny ? 0 : 15))
                        index = part.index(after: index)
                    }
                    pattern.bytes.append(byte)
                    pattern.mask.append(mask)
                }
            }
        }
        return pattern
    }

    private func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    private static let pcreOptions = [
        "allow_empty_class", "alt_bsux", "alt_circumflex", "alt_verbnames", "anchored", "auto_callout", "caseless",
        "dollar_endonly", "dotall", "dupnames", "endanchored", "extended", "extended_more", "firstline", "literal",
        "match_unset_backref", "multiline", "never_backslash_c", "never_ucp", "never_utf", "no_auto_capture",
        "no_auto_possess", "no_dotstar_anchor", "no_start_optimize", "no_utf_check", "ucp", "ungreedy",
        "use_offset_limit", "utf",
    ]

    /// Options of PCRE2, each once.
    mutating func regexOptions() -> [String]? {
        guard hasMore else {
            _ = required("option")
            return nil
        }
        let known = Self.pcreOptions.map { ($0, $0) }
        var options: [String] = []
        while let word = next() {
            guard let option = choice(word, known, rule: .choice) else { continue }
            if !options.contains(option) { options.append(option) }
        }
        return options
    }
}
