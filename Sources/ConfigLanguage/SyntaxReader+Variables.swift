import Primitives

/// Definitions, and what references to them come to.
extension SyntaxReader {
    /// A `$NAME` or `${NAME …}` of a text.
    struct Reference {
        var name: Range<Int>
        /// Behind it.
        var end: Int
        var isBraced: Bool
        /// What follows lets it end there: keepalived replaces no other. Always with braces.
        var isComplete: Bool
    }

    /// The reference that begins at a `$`; nil where none does.
    func reference(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Reference? {
        var index = start + 1
        let isBraced = index < end && bytes[index] == UInt8(ascii: "{")
        if isBraced { index += 1 }
        let first = index
        while index < end, isNameByte(bytes[index]) { index += 1 }
        guard index > first, !isDigit(bytes[first]) else { return nil }
        let name = first..<index
        guard isBraced else {
            let next = index < end ? bytes[index] : UInt8(ascii: " ")
            let isComplete = isBlank(next) || next == UInt8(ascii: ",") || next == UInt8(ascii: ")")
            return Reference(name: name, end: index, isBraced: false, isComplete: isComplete)
        }
        // Arguments of what is predefined.
        while index < end, bytes[index] != UInt8(ascii: "}") {
            guard bytes[name.lowerBound] == UInt8(ascii: "_"), bytes[index] != UInt8(ascii: "$") else { return nil }
            index += 1
        }
        guard index < end else { return nil }
        return Reference(name: name, end: index + 1, isBraced: true, isComplete: true)
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

    // MARK: Definitions

    /// The name in `$NAME=` at the beginning of a part.
    func definition(_ bytes: [UInt8], _ part: Range<Int>) -> Range<Int>? {
        guard bytes[part].first == UInt8(ascii: "$") else { return nil }
        var index = part.lowerBound + 1
        while index < part.upperBound, isNameByte(bytes[index]) { index += 1 }
        guard index > part.lowerBound + 1, !isDigit(bytes[part.lowerBound + 1]), index < part.upperBound,
            bytes[index] == UInt8(ascii: "=")
        else { return nil }
        return part.lowerBound + 1..<index
    }

    /// Takes the lines that continue a definition, without their backslashes; gives where the text goes on.
    mutating func definitionGoesOn(_ lines: inout [MappedText], _ next: Int, _ end: Int) -> Int {
        guard let name = beginsDefinition(lines[0]) else { return next }
        let place = place(lines[0], name.lowerBound - 1..<name.upperBound + 1)
        let shown = "$" + String(decoding: lines[0].bytes[name], as: UTF8.self)
        var next = next
        var reach = DefinitionReach(rules, lines[0].bytes, value: name.upperBound..<lines[0].bytes.count)
        while let last = lines.last, let mark = last.finalBackslash {
            let backslash = self.place(last, mark..<mark + 1)
            // Blank space is no text to go on in.
            guard hasText(next, end) else {
                lines[lines.count - 1] = last.slice(last.trimmed(0..<mark))
                report(
                    .error, SyntaxRule.definitionUnfinished, at: backslash,
                    "the definition of `\(shown)` goes on behind the end of the text",
                    reason: "a `\\` at the end of a line continues it on the next", fix: "remove the `\\`")
                break
            }
            let found = DefinitionReach.line(tree.sources.bytes, next + 1, end)
            let kind = reach.take(tree.sources.bytes, (found.text, found.hasComment))
            if kind == .comment {
                next = found.end
                continue
            }
            lines[lines.count - 1] = last.slice(last.trimmed(0..<mark))
            switch kind {
            case .block:
                report(
                    .error, SyntaxRule.definitionUnfinished, at: backslash,
                    "the definition of `\(shown)` goes on over the block below",
                    reason: "a `\\` at the end of a line continues it on the next", fix: "remove the `\\`",
                    related: [Diagnostic.Related(place.range, "it begins here")])
                return next
            case .empty:
                report(
                    .warning, SyntaxRule.definitionUnfinished, at: backslash,
                    "the definition of `\(shown)` ends at the empty line below",
                    reason: "a `\\` continues it, but an empty line ends it; what follows is no part of it",
                    fix: "remove the `\\` or the empty line")
                return found.end
            case .goesOn, .last, .comment:
                let (line, behind) = uncommented(next + 1, end)
                lines.append(line.slice(line.trimmed(0..<line.bytes.count)))
                next = behind
            }
        }
        return next
    }

    /// The name that the line defines, behind a condition if there is one.
    private func beginsDefinition(_ line: MappedText) -> Range<Int>? {
        var index = 0
        if line.bytes.first == UInt8(ascii: "@") {
            while index < line.bytes.count, !isBlank(line.bytes[index]) { index += 1 }
        }
        return definition(line.bytes, line.trimmed(index..<line.bytes.count))
    }

    private func hasText(_ start: Int, _ end: Int) -> Bool {
        var index = start
        while index < end, isBlank(tree.sources.bytes[index]) || tree.sources.bytes[index] == UInt8(ascii: "\n") {
            index += 1
        }
        return index < end
    }

    mutating func define(
        _ line: MappedText, _ name: Range<Int>, _ part: Range<Int>, _ further: ArraySlice<MappedText>
    ) {
        let value = line.slice(line.trimmed(name.upperBound + 1..<part.upperBound))
        var lines = [value] + further
        // `$NAME=\`: the first line is the one below.
        if value.isEmpty, lines.count > 1 { lines.removeFirst() }
        expansion.variables[Array(line.bytes[name])] = Expansion.Variable(
            lines: lines, name: place(line, name.lowerBound - 1..<name.upperBound).range)
    }

    // MARK: References

    /// Puts out a part of a line with its references replaced.
    mutating func substitute(_ line: MappedText, _ part: Range<Int>) {
        var traits = keywordTraits(line.bytes, part)
        var quote: UInt8?
        var copied = part.lowerBound
        var index = part.lowerBound
        while index < part.upperBound, !expansion.isExhausted {
            switch line.bytes[index] {
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                guard line.bytes[index] == UInt8(ascii: "\"") || traits.contains(.shell) else { break }
                if quote == nil {
                    quote = line.bytes[index]
                } else if quote == line.bytes[index] {
                    quote = nil
                }
            // What follows is another statement.
            case UInt8(ascii: "{") where quote == nil, UInt8(ascii: "}") where quote == nil:
                traits = keywordTraits(line.bytes, line.trimmed(index + 1..<part.upperBound))
            default: break
            }
            guard line.bytes[index] == UInt8(ascii: "$"), let reference = reference(line.bytes, index, part.upperBound)
            else {
                index += 1
                continue
            }
            let whole = index..<reference.end
            expansion.made.append(line, copied..<index)
            copied = index
            index = reference.end
            let name = Array(line.bytes[reference.name])
            let isLenient = quote != nil || traits.contains(.shell) || traits.contains(.secret)
            if isPredefined(name), reference.isComplete {
                if predefined(line, reference, whole) { copied = index }
            } else if let variable = expansion.variables[name] {
                guard reference.isComplete else {
                    reportNoBraces(line, whole, isLenient)
                    continue
                }
                if put(variable, name, line, whole, part) { copied = index }
            } else if reference.isComplete {
                reportUndefined(line, reference, whole, isLenient, isStart: copied == part.lowerBound)
            }
        }
        expansion.made.append(line, copied..<part.upperBound)
    }

    private func keywordTraits(_ bytes: [UInt8], _ part: Range<Int>) -> LexicalRules.Traits {
        var end = part.lowerBound
        while end < part.upperBound, !isBlank(bytes[end]), bytes[end] != UInt8(ascii: "{") { end += 1 }
        return rules.traits(of: bytes[part.lowerBound..<end])
    }

    /// Puts a value in the place of a reference; false when it stays.
    private mutating func put(
        _ variable: Expansion.Variable, _ name: [UInt8], _ line: MappedText, _ whole: Range<Int>, _ part: Range<Int>,
    ) -> Bool {
        let place = place(line, whole)
        if let first = expansion.active.firstIndex(where: { $0.name == name }) {
            // The reference that the first of the circle's values is left by.
            let reference = first + 1 < expansion.active.count ? expansion.active[first + 1].reference : place.range
            reportCycle(name, reference, place)
            return false
        }
        expansion.references += 1
        guard expansion.references <= expansion.limits.references, expansion.active.count < expansion.limits.depth
        else {
            let why =
                expansion.active.count < expansion.limits.depth
                ? "more than \(expansion.limits.references) references to variables"
                : "values within values, more than \(expansion.limits.depth) deep"
            exhaust(place, why)
            return true
        }
        let isLast = line.trimmed(whole.upperBound..<part.upperBound).isEmpty
        guard variable.lines.count == 1 || isLast else {
            report(
                .error, SyntaxRule.variableLines, at: place,
                "`\(String(decoding: name, as: UTF8.self))` has several lines, and something follows it here",
                reason: "only at the end of a line a value of several lines is put in; the reference stays as it is",
                fix: "put what follows on a line of its own",
                related: [Diagnostic.Related(variable.name, "defined here")])
            markUnresolved()
            return false
        }
        expansion.active.append((name, place.range))
        defer { expansion.active.removeLast() }
        let inner = tree.sources.expansion.add(
            .init(kind: .value, parent: place.context, reference: place.range))
        for (number, value) in variable.lines.enumerated() {
            var text = MappedText()
            text.append(value, 0..<value.bytes.count, as: inner)
            if number > 0 || (variable.lines.count > 1 && isAtLineStart()) {
                endLine()
                process([text], 0..<text.bytes.count)
            } else {
                substitute(text, 0..<text.bytes.count)
            }
        }
        return true
    }

    private mutating func reportCycle(_ name: [UInt8], _ reference: SourceRange, _ place: ExpansionMap.Place) {
        let shown = String(decoding: name, as: UTF8.self)
        markUnresolved()
        report(
            .error, SyntaxRule.variableCycle,
            at: ExpansionMap.Place(range: reference, context: ExpansionMap.line),
            "the value of `$\(shown)` contains itself",
            reason: "it has no end", fix: "define one of the variables without the other",
            related: reference == place.range ? [] : [Diagnostic.Related(place.range, "and here it comes back")])
    }

    /// The statement of the reference that is about to be put out is not to be read: its fault has been told.
    private mutating func markUnresolved() {
        expansion.faults.append(.init(offset: expansion.made.bytes.count, isSkipped: false))
    }

    private mutating func reportUndefined(
        _ line: MappedText, _ reference: Reference, _ whole: Range<Int>, _ isLenient: Bool, isStart: Bool
    ) {
        let name = String(decoding: line.bytes[reference.name], as: UTF8.self)
        let isReserved = name.hasPrefix("_")
        let known =
            isReserved
            ? Self.predefinedNames
            : expansion.variables.keys.map { String(decoding: $0, as: UTF8.self) }.sorted()
        let meant = Spelling.nearest(to: name, among: known)
        // A shell has variables of its own, and a password any characters.
        guard !isLenient || meant != nil else { return }
        let place = place(line, whole)
        let shown = String(decoding: line.bytes[whole], as: UTF8.self)
        var fixIt: Diagnostic.FixIt?
        if let meant, !isLenient {
            let written = self.place(line, reference.name).range
            fixIt = Diagnostic.FixIt(written, meant, isSafe: Spelling.isObvious(meant, for: name, among: known))
        }
        var follows = whole.upperBound
        while follows < line.bytes.count, isBlank(line.bytes[follows]) { follows += 1 }
        let isDefinition =
            isStart && !reference.isBraced && follows < line.bytes.count && line.bytes[follows] == UInt8(ascii: "=")
        if isDefinition {
            report(
                .error, SyntaxRule.definitionSpace, at: self.place(line, whole.upperBound..<follows + 1),
                "this defines nothing: there is a space before the `=`",
                reason: "a definition is `$NAME=VALUE`", fix: "write `\(shown)=`",
                fixIt: Diagnostic.FixIt(self.place(line, whole.upperBound..<follows + 1).range, "=", isSafe: true))
        } else {
            report(
                isLenient ? .warning : .error, SyntaxRule.variableUndefined, at: place, "`\(shown)` is not defined",
                reason: isLenient
                    ? "it stays as it is" : "it would stay as it is, and mean something else than its value",
                fix: meant.map { "did you mean `\(reference.isBraced ? "${\($0)}" : "$\($0)")`?" }
                    ?? (isReserved
                        ? "predefined are \(Self.predefinedNames.joined(separator: ", "))"
                        : "define it above: `$\(name)=VALUE`"),
                fixIt: fixIt)
        }
        if !isLenient { markUnresolved() }
    }

    private mutating func reportNoBraces(_ line: MappedText, _ whole: Range<Int>, _ isLenient: Bool) {
        let shown = String(decoding: line.bytes[whole], as: UTF8.self)
        let braced = "${\(shown.dropFirst())}"
        let place = place(line, whole)
        report(
            isLenient ? .warning : .error, SyntaxRule.variableBraces, at: place, "`\(shown)` is not replaced here",
            reason: "without braces only what blank space, `,` or `)` follows is a reference", fix: "write `\(braced)`",
            fixIt: Diagnostic.FixIt(place.range, braced, isSafe: !isLenient))
        if !isLenient { markUnresolved() }
    }

    // MARK: What is predefined

    static let predefinedNames = ["_BANG", "_ENV", "_HASH", "_INSTANCE", "_PWD", "_RANDOM"]

    private func isPredefined(_ name: [UInt8]) -> Bool {
        name.first == UInt8(ascii: "_") && Self.predefinedNames.contains { name.elementsEqual($0.utf8) }
    }

    /// Puts in what is predefined; false when it stays.
    private mutating func predefined(
        _ line: MappedText, _ reference: Reference, _ whole: Range<Int>
    ) -> Bool {
        let place = place(line, whole)
        let inside = reference.name.upperBound..<max(reference.name.upperBound, reference.end - 1)
        let arguments =
            reference.isBraced
            ? line.bytes[inside].split(whereSeparator: isBlank).map { String(decoding: $0, as: UTF8.self) } : []
        let value: String
        switch String(decoding: line.bytes[reference.name], as: UTF8.self) {
        case "_BANG" where arguments.isEmpty: value = "!"
        case "_HASH" where arguments.isEmpty: value = "#"
        case "_INSTANCE" where arguments.isEmpty: value = expansion.environment.id
        case "_PWD" where arguments.isEmpty: value = directory()
        case "_ENV" where arguments.count == 1: value = expansion.environment.variable(arguments[0]) ?? ""
        case "_RANDOM":
            guard let number = random(arguments) else { fallthrough }
            value = String(number)
        default:
            report(
                .error, SyntaxRule.variableArgument, at: place, "these are no arguments of what is predefined",
                reason: "`${_RANDOM [MIN [MAX]]}` and `${_ENV NAME}` take some, the others none",
                fix: "correct or remove what follows the name")
            markUnresolved()
            return false
        }
        let inner = tree.sources.expansion.add(.init(kind: .value, parent: place.context, reference: place.range))
        expansion.references += 1
        if expansion.references > expansion.limits.references {
            exhaust(place, "more than \(expansion.limits.references) references to variables")
        }
        // A name of a directory or a variable of the environment is no text of the configuration.
        expansion.made.append(
            made: value.utf8.map { $0 == UInt8(ascii: "\n") ? UInt8(ascii: " ") : $0 }, context: inner)
        return true
    }

    /// That of the file at hand.
    private func directory() -> String {
        let path = frames[frames.count - 1].path
        let own = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[..<$0]) }
        let base = expansion.environment.directory
        guard let own else { return base.isEmpty ? "." : base }
        return path.hasPrefix("/") || base.isEmpty ? own : "\(base)/\(own)"
    }

    /// The same for the same references in the same order on the same node: neither a reload nor a new layout changes a
    /// number. keepalived draws them anew each time, and in each of its processes.
    private mutating func random(_ arguments: [String]) -> Int? {
        guard arguments.count <= 2 else { return nil }
        let bounds = arguments.map { Int($0) ?? -1 }
        let low = bounds.first ?? 0
        let high = bounds.count > 1 ? bounds[1] : 32_767
        guard low >= 0, high >= low, high < Int(UInt32.max) else { return nil }
        var generator = expansion.random ?? seeded()
        let drawn = generator.next()
        expansion.random = generator
        return low + Int(drawn % UInt64(high - low + 1))
    }

    private func seeded() -> SplitMix64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in expansion.environment.id.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        return SplitMix64(seed: hash)
    }
}
