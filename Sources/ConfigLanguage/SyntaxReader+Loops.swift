import Primitives

/// `~SEQ(var[, start[, step]], end)`, `~SEQx(…)` with numbers in hexadecimal, and `~LST(var, value, …)` or
/// `~LST({a, b}, {1, 2}, …)`: the rest of the line once for each value.
extension SyntaxReader {
    /// The values of a loop: for each of its variables one column.
    private struct Passes {
        var names: [Range<Int>]
        var values: Values

        enum Values {
            case numbers(first: Int64, step: Int64, count: Int64, isHexadecimal: Bool)
            /// Of each pass, for each name; a missing one is empty.
            case items([[Range<Int>]])
        }

        var count: Int64 {
            switch values {
            case .numbers(_, _, let count, _): count
            case .items(let items): Int64(items.count)
            }
        }
    }

    mutating func loop(_ line: MappedText, _ part: Range<Int>) {
        var open = part.lowerBound + 4
        let isHexadecimal = open < part.upperBound && line.bytes[open] == UInt8(ascii: "x")
        let isList = line.bytes[part].starts(with: "~LST".utf8)
        if isHexadecimal, !isList { open += 1 }
        let keyword = part.lowerBound..<open
        var behind = open
        while open < part.upperBound, isBlank(line.bytes[open]) { open += 1 }
        let name = String(decoding: line.bytes[keyword], as: UTF8.self)
        let usage = isList ? "~LST(NAME, VALUE, …) TEXT" : "\(name)(NAME[, START[, STEP]], END) TEXT"
        guard open < part.upperBound, line.bytes[open] == UInt8(ascii: "("),
            let close = line.bytes[open..<part.upperBound].firstIndex(of: UInt8(ascii: ")"))
        else {
            report(
                .error, SyntaxRule.loopSyntax, at: place(line, keyword), "`\(name)` has no `( … )`",
                reason: "the line is skipped", fix: "write `\(usage)`")
            return putFault(line, keyword, behind: behind)
        }
        let head = place(line, part.lowerBound..<close + 1)
        behind = close + 1
        // What stands in the parentheses may come from variables.
        let before = expansion.made
        expansion.made = MappedText()
        substitute(line, open + 1..<close)
        let arguments = expansion.made
        expansion.made = before
        let rest = line.trimmed(close + 1..<part.upperBound)
        guard
            let passes = isList ? list(arguments, head, usage) : sequence(arguments, head, usage, isHexadecimal)
        else { return putFault(line, keyword, behind: behind) }
        guard !rest.isEmpty else {
            report(
                .error, SyntaxRule.loopSyntax, at: head, "nothing follows this `\(name)` on its line",
                reason: "what it repeats is the rest of the line", fix: "write `\(usage)`")
            return putFault(line, keyword, behind: behind)
        }
        guard expansion.active.count < expansion.limits.depth else {
            return exhaust(head, "loops and values within each other, more than \(expansion.limits.depth) deep")
        }
        guard Int64(expansion.passes) + passes.count <= Int64(expansion.limits.passes) else {
            if !expansion.isExhausted {
                report(
                    .error, SyntaxRule.loopLimit, at: head,
                    "this repeats its line \(passes.count) times: \(expansion.limits.passes) passes are the most in a configuration",
                    reason: "the loop is skipped", fix: "write fewer passes, or split the configuration")
            }
            // Within another loop it would come back with each of its passes.
            if !expansion.active.isEmpty { expansion.isExhausted = true }
            return putFault(line, keyword, behind: behind)
        }
        expansion.passes += Int(passes.count)
        run(passes, arguments, line, rest, head)
    }

    private mutating func run(
        _ passes: Passes, _ arguments: MappedText, _ line: MappedText, _ rest: Range<Int>, _ head: ExpansionMap.Place
    ) {
        let names = passes.names.map { Array(arguments.bytes[$0]) }
        let places = passes.names.map { place(arguments, $0).range }
        // That of the text which is repeated; of what it has from elsewhere the places stay.
        let context = place(line, rest).context
        let hidden = names.map { expansion.variables[$0] }
        // A loop is one level, as a value is.
        expansion.active.append(([], head.range))
        for number in 0..<passes.count where !expansion.isExhausted {
            var note = ExpansionMap.PassValue(name: places[0])
            switch passes.values {
            case .numbers(let first, let step, _, let isHexadecimal):
                let value = first + number * step
                var text = MappedText()
                text.append(made: String(value, radix: isHexadecimal ? 16 : 10).utf8, context: context)
                note.number = value
                expansion.variables[names[0]] = Expansion.Variable(lines: [text], name: places[0])
            case .items(let items):
                let values = items[Int(number)]
                if let first = values.first, !first.isEmpty { note.item = place(arguments, first).range }
                for (index, name) in names.enumerated() {
                    let text = index < values.count ? arguments.slice(values[index]) : MappedText()
                    expansion.variables[name] = Expansion.Variable(lines: [text], name: places[index])
                }
            }
            let value = tree.sources.expansion.add(note)
            let pass = tree.sources.expansion.add(
                .init(kind: .pass, parent: context, reference: head.range, number: UInt32(number) + 1, value: value))
            var text = MappedText()
            text.append(line, rest, of: context, as: pass)
            process([text], 0..<text.bytes.count)
        }
        expansion.active.removeLast()
        for (name, variable) in zip(names, hidden) { expansion.variables[name] = variable }
    }

    // MARK: Arguments

    private mutating func sequence(
        _ text: MappedText, _ head: ExpansionMap.Place, _ usage: String, _ isHexadecimal: Bool
    ) -> Passes? {
        let parts = split(text, 0..<text.bytes.count)
        guard let name = parts.first, isName(text.bytes[name]), (2...4).contains(parts.count) else {
            loopSyntax(head, "a sequence has a name and one to three numbers", usage)
            return nil
        }
        var numbers: [Int64] = []
        for part in parts.dropFirst() {
            guard let number = integer(text.bytes[part]) else {
                loopSyntax(
                    part.isEmpty ? head : place(text, part),
                    "`\(String(decoding: text.bytes[part], as: UTF8.self))` is no number of a sequence", usage)
                return nil
            }
            numbers.append(number)
        }
        let end = numbers[numbers.count - 1]
        let first = numbers.count > 1 ? numbers[0] : end > 0 ? 1 : -1
        let step = numbers.count > 2 ? numbers[1] : end >= first ? 1 : -1
        guard step != 0, end == first || (end > first) == (step > 0) else {
            report(
                .error, SyntaxRule.loopStep, at: head, "from \(first) in steps of \(step) this never comes to \(end)",
                reason: "the line is skipped", fix: "write a step towards the end: \(end >= first ? 1 : -1)")
            return nil
        }
        guard !isHexadecimal || (first >= 0 && end >= 0) else {
            loopSyntax(head, "a sequence in hexadecimal has no negative numbers", usage)
            return nil
        }
        let count = (end - first) / step + 1
        return Passes(
            names: [name], values: .numbers(first: first, step: step, count: count, isHexadecimal: isHexadecimal))
    }

    private mutating func list(_ text: MappedText, _ head: ExpansionMap.Place, _ usage: String) -> Passes? {
        let parts = split(text, 0..<text.bytes.count)
        guard let first = parts.first, parts.count > 1 else {
            loopSyntax(head, "a list has a name and at least one value", usage)
            return nil
        }
        let isTuple = text.bytes[first].first == UInt8(ascii: "{")
        guard let names = isTuple ? tuple(text, first, head, usage) : [first],
            names.allSatisfy({ isName(text.bytes[$0]) })
        else {
            if !isTuple || text.bytes[first].last == UInt8(ascii: "}") {
                loopSyntax(place(text, first), "this is no name of a variable", usage)
            }
            return nil
        }
        var items: [[Range<Int>]] = []
        for part in parts.dropFirst() {
            guard isTuple else {
                items.append([part])
                continue
            }
            guard let values = tuple(text, part, head, usage) else { return nil }
            guard values.count <= names.count else {
                report(
                    .error, SyntaxRule.loopTuple, at: place(text, part),
                    "\(values.count) values for \(names.count) variables", reason: "the line is skipped",
                    fix: "write as many values as there are names")
                return nil
            }
            if values.count < names.count {
                report(
                    .warning, SyntaxRule.loopTuple, at: place(text, part),
                    "\(values.count) values for \(names.count) variables", reason: "the others are empty",
                    fix: "write as many values as there are names")
            }
            items.append(values)
        }
        return Passes(names: names, values: .items(items))
    }

    /// The parts of `{a, b}`.
    private mutating func tuple(
        _ text: MappedText, _ part: Range<Int>, _ head: ExpansionMap.Place, _ usage: String
    ) -> [Range<Int>]? {
        guard part.count >= 2, text.bytes[part.lowerBound] == UInt8(ascii: "{"),
            text.bytes[part.upperBound - 1] == UInt8(ascii: "}")
        else {
            loopSyntax(
                part.isEmpty ? head : place(text, part), "values of several variables stand in braces",
                "~LST({NAME, NAME}, {VALUE, VALUE}, …) TEXT")
            return nil
        }
        return split(text, part.lowerBound + 1..<part.upperBound - 1)
    }

    /// The parts between commas, without blank space; braces hold theirs together. Nothing has no parts.
    private func split(_ text: MappedText, _ range: Range<Int>) -> [Range<Int>] {
        guard !text.trimmed(range).isEmpty else { return [] }
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        var isBraced = false
        for index in range {
            switch text.bytes[index] {
            case UInt8(ascii: "{"): isBraced = true
            case UInt8(ascii: "}"): isBraced = false
            case UInt8(ascii: ",") where !isBraced:
                parts.append(text.trimmed(start..<index))
                start = index + 1
            default: break
            }
        }
        parts.append(text.trimmed(start..<range.upperBound))
        return parts
    }

    private mutating func loopSyntax(_ place: ExpansionMap.Place, _ message: String, _ usage: String) {
        report(
            .error, SyntaxRule.loopSyntax, at: place, message, reason: "the line is skipped", fix: "write `\(usage)`")
    }

    private func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard let first = bytes.first, !(0x30...0x39).contains(first) else { return false }
        return bytes.allSatisfy(isNameByte)
    }

    /// A number as C writes it: decimal, or hexadecimal behind `0x`, or octal behind `0`. At most 2^40.
    private func integer(_ bytes: ArraySlice<UInt8>) -> Int64? {
        var digits = bytes
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits.removeFirst() }
        var radix = 10
        if digits.count > 1, digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            radix = 8
            if digits.first.map({ $0 | 0x20 == UInt8(ascii: "x") }) == true {
                digits.removeFirst()
                radix = 16
            }
        }
        guard let first = digits.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "+"),
            let number = Int64(String(decoding: digits, as: UTF8.self), radix: radix), number <= 1 << 40
        else { return nil }
        return isNegative ? -number : number
    }
}
