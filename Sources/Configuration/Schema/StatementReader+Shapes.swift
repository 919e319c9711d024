import ConfigLanguage
import Primitives

/// Checks what is written against a shape, where no model takes it.
extension StatementReader {
    /// Reads what `shape` says, and no more. False when something was reported.
    mutating func check(_ shape: ArgumentShape) -> Bool {
        switch shape {
        case .none: return true
        case .boolean: return boolean() != nil
        case .integer(let range, let unit): return integer(range, unit: unit) != nil
        case .integers(let range, _): return integers(range) != nil
        case .seconds(let range): return seconds(range) != nil
        case .milliseconds(let range): return milliseconds(range) != nil
        case .percent(let range): return permille(range) != nil
        case .word(let what), .quoted(let what): return word(what) != nil
        case .words(let what): return words(what) != nil
        case .choice(let words):
            guard let word = required(words.joined(separator: " or ")) else { return false }
            return choice(word, words.map { ($0, true) }, rule: .choice) != nil
        case .interface: return interface() != nil
        case .address: return address() != nil
        case .prefix(let words): return prefix(or: words)
        case .path: return path() != nil
        case .command: return hook() != nil
        case .program: return wholeCommand() != nil
        case .user: return user() != nil
        case .numberOrName(let range): return numberOrName(range)
        case .interval(let range): return interval(range)
        case .masked: return masked()
        case .realms: return realms()
        case .sequence(let parts):
            for part in parts where !check(part) { return false }
            return true
        case .optional(let part): return !hasMore || check(part)
        case .other, .block, .headedBlock, .list:
            skipRest()
            return true
        }
    }

    /// Whole numbers up to the end of the line, at least one.
    mutating func integers(_ range: ClosedRange<Int>) -> [Int]? {
        var numbers: [Int] = []
        repeat {
            guard let number = integer(range) else {
                skipRest()
                return nil
            }
            numbers.append(number)
        } while hasMore
        return numbers
    }

    /// Words up to the end of the line, at least one.
    mutating func words(_ what: String) -> [String]? {
        guard let first = word(what) else { return nil }
        var words = [first]
        while let more = next() { words.append(more.text) }
        return words
    }

    /// A path that begins with a slash.
    mutating func path() -> String? {
        guard let word = required("path") else { return nil }
        guard word.text.utf8.first == UInt8(ascii: "/") else {
            report(
                .path, at: word.range, "`\(word.text)` is not a path that begins with a slash",
                reason: "the daemon's own directory is none to start from", fix: "write the whole path")
            return nil
        }
        return word.text
    }

    /// Milliseconds with decimals; `range` is in microseconds.
    mutating func milliseconds(_ range: ClosedRange<Int>) -> Duration? {
        guard let word = required("milliseconds") else { return nil }
        let low = Self.milliseconds(range.lowerBound)
        let high = Self.milliseconds(range.upperBound)
        guard let parsed = parseMicroseconds(word.text) else {
            report(
                .number, at: word.range, "`\(word.text)` is not a time in milliseconds", reason: "the line is skipped",
                fix: "write a time from \(low) to \(high)")
            return nil
        }
        // Thousandths of what is written are microseconds.
        guard let parsed, range.contains(parsed / 1_000) else {
            report(
                .range, at: word.range, "\(word.text) is out of range",
                reason: "`\(keywordText)` takes \(low) to \(high) ms",
                fix: "write a time from \(low) to \(high)")
            return nil
        }
        return .microseconds(parsed / 1_000)
    }

    private static func milliseconds(_ microseconds: Int) -> String {
        Duration.microseconds(microseconds * 1_000).formattedSeconds(digits: 6)
    }

    // MARK: Words of ip(8)

    /// `ADDRESS[/LENGTH]`, or one of a few words.
    mutating func prefix(or words: [String]) -> Bool {
        guard let word = required("address") else { return false }
        return words.contains(word.text) || checkedPrefix(word.text, word.range) != nil
    }

    /// A number, decimal or hexadecimal, or else a name.
    mutating func numberOrName(_ range: ClosedRange<Int>) -> Bool {
        guard let word = required("number or name") else { return false }
        return checkedNumberOrName(word.text[...], word.range, range)
    }

    private mutating func checkedNumberOrName(
        _ text: Substring, _ place: SourceRange, _ range: ClosedRange<Int>
    ) -> Bool {
        let first = text.utf8.first ?? UInt8(ascii: "-")
        if first >= 0x30 && first <= 0x39 || first == UInt8(ascii: "-") || first == UInt8(ascii: "+") {
            return checkedNumber(text, place, range)
        }
        return true
    }

    /// A number, decimal or hexadecimal.
    private mutating func checkedNumber(_ text: Substring, _ place: SourceRange, _ range: ClosedRange<Int>) -> Bool {
        let isHexadecimal = text.utf8.starts(with: "0x".utf8) || text.utf8.starts(with: "0X".utf8)
        guard isHexadecimal else { return checkedInteger(String(text), place, range) != nil }
        let digits = text.dropFirst(2)
        guard !digits.isEmpty, digits.utf8.allSatisfy(Self.isHexadecimalDigit) else {
            report(
                .number, at: place, "`\(text)` is not a number", reason: "the line is skipped",
                fix: "write decimal digits, or hexadecimal ones behind 0x")
            return false
        }
        guard let value = Int(digits, radix: 16), range.contains(value) else {
            report(
                .range, at: place, "\(text) is out of range",
                reason: "`\(keywordText)` takes \(range.lowerBound) to \(range.upperBound)",
                fix: "write a number from \(range.lowerBound) to \(range.upperBound)")
            return false
        }
        return true
    }

    static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
    }

    /// `A[-B]`, not descending.
    private mutating func interval(_ range: ClosedRange<Int>) -> Bool {
        guard let word = required("number") else { return false }
        let parts = word.text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
        guard let low = checkedInteger(String(parts[0]), word.range, range) else { return false }
        guard parts.count > 1 else { return true }
        guard let high = checkedInteger(String(parts[1]), word.range, range) else { return false }
        guard low <= high else {
            report(
                .range, at: word.range, "\(word.text) ends before it begins", reason: "it would match nothing",
                fix: "write \(high)-\(low)", fixIt: Diagnostic.FixIt(word.range, "\(high)-\(low)"))
            return false
        }
        return true
    }

    /// `N[/MASK]`.
    private mutating func masked() -> Bool {
        guard let word = required("number") else { return false }
        for part in word.text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        where !checkedNumber(part, word.range, 0...4_294_967_295) { return false }
        return true
    }

    /// `[FROM/]TO`.
    private mutating func realms() -> Bool {
        guard let word = required("realm") else { return false }
        for part in word.text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        where part.isEmpty || !checkedNumberOrName(part, word.range, 0...65_535) {
            if part.isEmpty {
                report(
                    .number, at: word.range, "a realm is missing in `\(word.text)`", reason: "the line is skipped",
                    fix: "write FROM/TO, or one realm alone")
            }
            return false
        }
        return true
    }
}
