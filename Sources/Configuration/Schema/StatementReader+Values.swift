import ConfigLanguage
import Primitives

/// The kinds of values. Each takes the next words of the statement at hand; nil means that a fault was reported.
extension StatementReader {
    /// The next word; its lack is reported.
    mutating func required(_ what: String) -> (text: String, range: SourceRange)? {
        if let word = next() { return word }
        report(
            .missingValue, at: statementRange, "`\(keywordText)` lacks its value: \(what)",
            reason: "the line is skipped", fix: "write `\(keywordText) <\(what)>`")
        return nil
    }

    mutating func word(_ what: String) -> String? {
        guard let word = required(what) else { return nil }
        guard !word.text.isEmpty else {
            report(.missingValue, at: word.range, "\(what) is empty", fix: "write a value")
            return nil
        }
        return word.text
    }

    /// The name of a network interface: at most 15 bytes.
    mutating func interface() -> String? {
        guard let word = required("interface") else { return nil }
        return checkedInterface(word.text, word.range)
    }

    mutating func checkedInterface(_ name: String, _ range: SourceRange) -> String? {
        guard !name.isEmpty, name.utf8.count <= 15,
            !name.utf8.contains(where: { $0 == 0x2F || $0 == 0x3A || $0 <= 0x20 })
        else {
            let colon = name.utf8.firstIndex(of: 0x3A).map { String(name[..<$0]) }
            report(
                .nameLength, at: range, "`\(name)` cannot be the name of an interface",
                reason: colon == nil
                    ? "Linux allows 1 to 15 bytes without blank space, slashes and colons"
                    : "what stands behind a colon is the label of an address, and no interface",
                fix: colon.map { "write `\($0)`, and `label \(name)` behind the address" }
                    ?? "check the name with `ip link`",
                fixIt: colon.map { Diagnostic.FixIt(range, $0) })
            return nil
        }
        warnOfSuffix(name, range)
        return name
    }

    mutating func boolean() -> Bool? {
        guard let word = next() else { return true }
        switch word.text {
        case "on", "true", "yes": return true
        case "off", "false", "no": return false
        default:
            let meant = Self.meantBoolean(word.text)
            report(
                .boolean, at: word.range, "`\(word.text)` is neither on nor off", reason: "the line is skipped",
                fix: meant.map { "write `\($0)`" } ?? "write on or off",
                fixIt: meant.map { Diagnostic.FixIt(word.range, $0, isSafe: true) })
            return nil
        }
    }

    mutating func integer(_ range: ClosedRange<Int>, unit: String = "", rule: Rule = .range) -> Int? {
        let fast = plain { bytes -> Int? in
            guard let value = Self.digits(bytes), range.contains(value) else { return nil }
            return value
        }
        if let fast { return fast }
        guard let word = required(unit == "s" ? "seconds" : "number") else { return nil }
        let value = checkedInteger(word.text, word.range, range, unit: unit, rule: rule)
        // What is wrong with the rest has been said by what is wrong with this.
        if value == nil, parseInteger(word.text) == nil { skipRest() }
        return value
    }

    mutating func checkedInteger(
        _ text: String, _ place: SourceRange, _ range: ClosedRange<Int>, unit: String = "", rule: Rule = .range
    ) -> Int? {
        switch parseInteger(text) {
        case .none:
            let fixIt = punctuationRemoved(text, place)
            report(
                .number, at: place, "`\(text)` is not a whole number", reason: "the line is skipped",
                fix: fixIt.map { "write `\($0.replacement)`" }
                    ?? "write a number from \(range.lowerBound) to \(range.upperBound)", fixIt: fixIt)
            return nil
        case .some(let value) where value.map(range.contains) != true:
            let unit = unit.isEmpty ? "" : " \(unit)"
            report(
                rule, at: place, "\(text) is out of range",
                reason: "`\(keywordText)` takes \(range.lowerBound) to \(range.upperBound)\(unit)",
                fix: "write a number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        case .some(let value):
            return value
        }
    }

    /// The number that up to 12 digits are; nil for anything else.
    private static func digits(_ bytes: ArraySlice<UInt8>) -> Int? {
        guard !bytes.isEmpty, bytes.count <= 12 else { return nil }
        var value = 0
        for byte in bytes {
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }

    /// nil: not a number. `.some(nil)`: one that does not fit an `Int`.
    func parseInteger(_ text: String) -> Int?? {
        var digits = text.utf8[...]
        let negative = digits.first == UInt8(ascii: "-")
        if negative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        guard !digits.isEmpty, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        var value = 0
        for digit in digits {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow2) = scaled.addingReportingOverflow(Int(digit - 0x30))
            if overflow || overflow2 { return .some(nil) }
            value = sum
        }
        return .some(negative ? -value : value)
    }

    /// Seconds with decimals; what is finer than a microsecond is rounded.
    mutating func seconds(_ range: ClosedRange<Int>, rule: Rule = .range) -> Duration? {
        let fast = plain { bytes -> Int? in
            guard let value = Self.digits(bytes), range.contains(value * 1_000_000) else { return nil }
            return value
        }
        if let fast { return .seconds(fast) }
        guard let word = required("seconds") else { return nil }
        guard let micros = parseMicroseconds(word.text) else {
            let fixIt = punctuationRemoved(word.text, word.range)
            report(
                .number, at: word.range, "`\(word.text)` is not a time in seconds", reason: "the line is skipped",
                fix: fixIt.map { "write `\($0.replacement)`" } ?? "write seconds, such as 1 or 0.25", fixIt: fixIt)
            skipRest()
            return nil
        }
        guard let micros, range.contains(micros) else {
            let low = Duration.microseconds(range.lowerBound).formattedSeconds(digits: 6)
            let high = Duration.microseconds(range.upperBound).formattedSeconds(digits: 6)
            report(
                rule, at: word.range, "\(word.text) is out of range",
                reason: "`\(keywordText)` takes \(low) to \(high) s",
                fix: "write a time from \(low) to \(high)")
            return nil
        }
        return .microseconds(micros)
    }

    /// nil: not a number. `.some(nil)`: one that does not fit.
    func parseMicroseconds(_ text: String) -> Int?? {
        var whole = 0
        var fraction = 0
        var scale = 1_000_000
        var digits = 0
        var seenPoint = false
        var negative = false
        for (index, byte) in text.utf8.enumerated() {
            if index == 0, byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+") {
                negative = byte == UInt8(ascii: "-")
                continue
            }
            if byte == UInt8(ascii: "."), !seenPoint {
                seenPoint = true
                continue
            }
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            digits += 1
            let digit = Int(byte - 0x30)
            if !seenPoint {
                guard whole < 1 << 50 else { return .some(nil) }
                whole = whole * 10 + digit
            } else if scale > 1 {
                scale /= 10
                fraction += digit * scale
            } else if scale == 1 {
                // The seventh decimal rounds; the rest does not count.
                if digit >= 5 { fraction += 1 }
                scale = 0
            }
        }
        guard digits > 0 else { return nil }
        let (micros, overflow) = whole.multipliedReportingOverflow(by: 1_000_000)
        let (sum, overflow2) = micros.addingReportingOverflow(fraction)
        return overflow || overflow2 ? .some(nil) : .some(negative ? -sum : sum)
    }

    mutating func address() -> IPAddress? {
        if let fast = plain({ IPAddress(utf8: $0) }) { return fast }
        guard let word = required("address") else { return nil }
        return checkedAddress(word.text, word.range)
    }

    mutating func checkedAddress(_ text: String, _ range: SourceRange) -> IPAddress? {
        if let address = IPAddress(text) { return address }
        report(
            .address, at: range, "`\(text)` is not an IP address", reason: "the line is skipped",
            fix: "write an address such as 192.0.2.1 or 2001:db8::1")
        return nil
    }

    // MARK: Commands

    /// `SCRIPT [USER [[:]GROUP]]`.
    mutating func hook() -> HookCommand? {
        let first = nextRange
        guard let argv = command() else { return nil }
        guard hasMore else { return HookCommand(argv: argv) }
        if let first { warnOfUser(behind: first) }
        guard let user = user() else { return nil }
        return HookCommand(argv: argv, user: user)
    }

    /// One word, which holds the program and its arguments.
    mutating func command() -> [String]? {
        guard let (bytes, range) = nextBytes() else {
            _ = required("command")
            return nil
        }
        switch ShellWords.split(bytes[...]) {
        case .success(let words) where words.first?.isEmpty == false:
            warnOfShellSyntax(words, bytes, range)
            return words.map { String(decoding: $0, as: UTF8.self) }
        case .success:
            report(.missingValue, at: range, "the command is empty", fix: "write the path of a program")
        case .failure(.unterminated(let quote, _)):
            report(
                .commandQuote, at: range,
                "a \(quote == UInt8(ascii: "'") ? "single" : "double") quote within the command does not end",
                reason: "the command is split into words as by a shell", fix: "close the quote, or escape it with \\")
        case .failure(.badEscape):
            report(
                .commandQuote, at: range, "an escape within the command is not complete",
                reason: "a backslash begins \\n, \\x41, \\101 or \\ with any character",
                fix: "write \\\\ for a backslash")
        }
        return nil
    }

    /// A command that nothing may follow: one word again.
    mutating func wholeCommand() -> [String]? {
        guard let argv = command() else {
            skipRest()
            return nil
        }
        if let rest = unreadRange {
            let fixIt = quoted(through: rest)
            skipRest()
            report(
                .commandQuote, at: rest, "only the first word is the command; this is dropped",
                reason: "the program would run without its arguments", fix: "put the whole command in double quotes",
                fixIt: fixIt)
        }
        return argv
    }

    /// `USER [[:]GROUP]`; `:` asks for the user's supplementary groups.
    mutating func user() -> ScriptUser? {
        guard let name = word("user") else { return nil }
        var user = ScriptUser(user: name)
        if let group = next()?.text {
            user.supplementary = group.utf8.first == UInt8(ascii: ":")
            let name = user.supplementary ? String(group.dropFirst()) : group
            user.group = name.isEmpty ? nil : name
        }
        return user
    }
}
