/// How a line ends.
enum LineEnding: UInt8 {
    case none, newline, carriageReturn
}

/// A word, a brace or a comment of one line: offsets into the text.
struct LinePiece {
    enum Kind: UInt8 { case word, open, close, comment }

    var start: UInt32
    var end: UInt32
    var kind: Kind
    /// No blank space before it, and a word there.
    var touches: Bool
    /// A word with a `$` in it.
    var hasReference: Bool

    var range: SourceRange { SourceRange(start: start, end: end) }
}

/// A line in pieces: of the file, and with the lines that continue it where it is a definition.
struct ScannedLine {
    var pieces: [LinePiece] = []
    /// From its first byte that is not blank to the last.
    var start = 0
    var end = 0
    var ending = LineEnding.none
    /// Its words are to be left alone: a condition, a definition, a loop, an include.
    var isOpaque = false
    var condition = LineCondition.everyone
    /// The first words of the line before, for a `{` that stands alone.
    var statementBefore: SourceRange?
    var unterminated: [SourceRange] = []
    var secrets: [SourceRange] = []

    /// The `}` of a block that stays on its line: one that holds no other.
    func inlineClose(of open: Int) -> Int? {
        var index = open + 1
        while index < pieces.count, pieces[index].kind == .word { index += 1 }
        return index < pieces.count && pieces[index].kind == .close ? index : nil
    }

    /// A `}` would leave a reference alone at the end of its line, where it can mean more than it did.
    var mustStayWhole: Bool {
        var index = 0
        while index < pieces.count {
            if pieces[index].kind == .open, let close = inlineClose(of: index) { index = close + 1 }
            guard index + 1 < pieces.count else { return false }
            if pieces[index].hasReference, pieces[index + 1].kind == .close { return true }
            index += 1
        }
        return false
    }
}

/// Cuts one text into lines and pieces, with the rules of `SyntaxReader` and without its expansions.
struct LineScanner {
    let text: [UInt8]
    let rules: LexicalRules
    /// Where the next line begins; at first behind a byte order mark.
    private(set) var position: Int
    private var lastStatement: SourceRange?

    init(_ text: [UInt8], _ rules: LexicalRules) {
        self.text = text
        self.rules = rules
        position = text.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    mutating func next() -> ScannedLine? {
        guard position < text.count else { return nil }
        var line = ScannedLine()
        line.statementBefore = lastStatement
        var index = skipBlank(position)
        line.start = index
        var traits: LexicalRules.Traits = []
        // At the beginning of a statement a word may be a directive.
        var atStart = true
        while index < text.count, text[index] != newline {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "#"), UInt8(ascii: "!"):
                let end = endOfLine(index)
                add(.comment, index, trimmed(index, end), to: &line)
                index = end
            case UInt8(ascii: "{"), UInt8(ascii: "}"):
                add(byte == UInt8(ascii: "{") ? .open : .close, index, index + 1, to: &line)
                (index, atStart, traits) = (index + 1, true, [])
            default:
                if atStart, let next = directive(index, &line) {
                    index = next
                } else {
                    let end =
                        traits.contains(.shell) ? shellWord(index, &line) : word(index, &line)
                    add(.word, index, end, to: &line)
                    if atStart {
                        traits = rules.traits(of: text[index..<end])
                    } else if traits.contains(.secret) {
                        line.secrets.append(SourceRange(start: UInt32(index), end: UInt32(end)))
                    }
                    (index, atStart) = (end, false)
                }
            }
            index = skipBlank(index)
        }
        finish(&line, at: index)
        return line
    }

    private mutating func finish(_ line: inout ScannedLine, at end: Int) {
        // A definition may have gone over the end of the text's last line.
        let end = min(end, text.count)
        // A word of a command may end with blank space, behind a backslash.
        let last = line.pieces.last.map { Int($0.end) } ?? line.start
        line.end = max(last, trimmed(line.start, end))
        // The text ended where a definition was to go on: it must not grow by an empty line whenever it is laid out.
        while end == text.count, line.end > last, text[line.end - 1] == newline {
            line.end = max(last, trimmed(line.start, line.end - 1))
        }
        if end < text.count {
            line.ending = end > last && text[end - 1] == 0x0D ? .carriageReturn : .newline
        }
        position = min(end + 1, text.count)
        guard let final = line.pieces.lastIndex(where: { $0.kind != .comment }) else { return }
        guard line.pieces[final].kind == .word else { return lastStatement = nil }
        var first = final
        while first > 0, line.pieces[first - 1].kind == .word { first -= 1 }
        lastStatement = heading(line.pieces[first...final])
    }

    /// The first two words of a statement, or the first alone where a password follows.
    func heading(_ words: ArraySlice<LinePiece>) -> SourceRange? {
        guard let word = words.first?.range, let second = words.dropFirst().first?.range else {
            return words.first?.range
        }
        let isSecret = rules.traits(of: text[Int(word.start)..<Int(word.end)]).contains(.secret)
        return isSecret ? word : word.through(second)
    }

    private func add(_ kind: LinePiece.Kind, _ start: Int, _ end: Int, to line: inout ScannedLine) {
        let touches = line.pieces.last.map { $0.kind == .word && Int($0.end) == start } ?? false
        let hasReference = kind == .word && text[start..<end].contains(UInt8(ascii: "$"))
        line.pieces.append(
            LinePiece(
                start: UInt32(start), end: UInt32(end), kind: kind, touches: touches, hasReference: hasReference))
    }

    // MARK: Directives

    /// The end of what is left alone at `start`; nil where an ordinary word begins.
    private func directive(_ start: Int, _ line: inout ScannedLine) -> Int? {
        switch text[start] {
        case UInt8(ascii: "@"):
            var end = start + 1
            while end < text.count, !isBlank(text[end]), text[end] != newline { end += 1 }
            if case .everyone = line.condition, start == line.start {
                let isExcept = end > start + 1 && text[start + 1] == UInt8(ascii: "^")
                line.condition = isExcept ? .except(text[start + 2..<end]) : .only(text[start + 1..<end])
            }
            line.isOpaque = true
            return end
        case UInt8(ascii: "$"):
            guard isDefinition(start) else { return nil }
            line.isOpaque = true
            return endOfDefinition(start)
        case UInt8(ascii: "~"):
            guard isLoop(text[start...]) else { return nil }
            line.isOpaque = true
            return endOfLoop(start)
        case UInt8(ascii: "i"):
            var end = start
            while end < text.count, text[end] >= UInt8(ascii: "a"), text[end] <= UInt8(ascii: "z") { end += 1 }
            guard IncludeKind(text[start..<end]) != nil else { return nil }
            // One that a brace touches is a word; with a space between the brace would be its pattern.
            line.isOpaque = true
            return end == text.count || isBlank(text[end]) || text[end] == newline ? endOfLine(start) : nil
        default: return nil
        }
    }

    private func isDefinition(_ start: Int) -> Bool {
        var end = start + 1
        while end < text.count, isNameByte(text[end]) { end += 1 }
        return end > start + 1 && end < text.count && text[end] == UInt8(ascii: "=")
    }

    private func endOfDefinition(_ start: Int) -> Int {
        let head = DefinitionReach.line(text, start, text.count)
        var end = head.end
        var reach = DefinitionReach(rules, text, value: head.text)
        guard let last = text[head.text].last(where: { !isBlank($0) }), last == UInt8(ascii: "\\") else { return end }
        while end < text.count {
            let line = DefinitionReach.line(text, end + 1, text.count)
            switch reach.take(text, (line.text, line.hasComment)) {
            case .block: return end
            case .last, .empty: return line.end
            case .goesOn, .comment: end = line.end
            }
        }
        return end
    }

    /// Behind the parentheses of a loop: their braces are none of ours.
    private func endOfLoop(_ start: Int) -> Int {
        var index = start
        var depth = 0
        while index < text.count, text[index] != newline {
            if text[index] == UInt8(ascii: "(") { depth += 1 }
            if text[index] == UInt8(ascii: ")") {
                depth -= 1
                if depth <= 0 { return index + 1 }
            }
            if depth == 0, isBlank(text[index]) { return index }
            index += 1
        }
        return index
    }

    // MARK: Words

    private func word(_ start: Int, _ line: inout ScannedLine) -> Int {
        var index = start
        if text[start] == UInt8(ascii: "\"") {
            index += 1
            while index < text.count, text[index] != newline {
                if text[index] == UInt8(ascii: "\"") { return index + 1 }
                index += 1
            }
            return unterminated(start, trimmed(start + 1, index), &line)
        }
        while index < text.count {
            let byte = text[index]
            switch byte {
            case newline, 0x20, 0x09, 0x0D, 0x0B, 0x0C, UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\""),
                UInt8(ascii: "#"), UInt8(ascii: "!"):
                return index
            case UInt8(ascii: "\\"):
                let escaped = index + 1 < text.count ? text[index + 1] : 0
                index += escaped == UInt8(ascii: "#") || escaped == UInt8(ascii: "!") ? 2 : 1
            case UInt8(ascii: "$"): index = endOfReference(index)
            default: index += 1
            }
        }
        return index
    }

    /// The end of `${…}`, or the byte behind a `$` that begins none.
    private func endOfReference(_ start: Int) -> Int {
        guard start + 1 < text.count, text[start + 1] == UInt8(ascii: "{") else { return start + 1 }
        var index = start + 2
        while index < text.count, text[index] != newline {
            if text[index] == UInt8(ascii: "}") { return index + 1 }
            index += 1
        }
        return start + 1
    }

    /// A word with the shell's quoting.
    private func shellWord(_ start: Int, _ line: inout ScannedLine) -> Int {
        var index = start
        while index < text.count {
            let byte = text[index]
            switch byte {
            case newline, 0x20, 0x09, 0x0D, 0x0B, 0x0C, UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "#"),
                UInt8(ascii: "!"):
                return index
            case UInt8(ascii: "\\"):
                let endsLine = index + 1 >= text.count || text[index + 1] == newline
                index += endsLine ? 1 : 2
            case UInt8(ascii: "$"): index = endOfReference(index)
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                let quote = index
                index += 1
                while index < text.count, text[index] != byte, text[index] != newline {
                    let escapes = byte == UInt8(ascii: "\"") && text[index] == UInt8(ascii: "\\")
                    index += escapes && index + 1 < text.count && text[index + 1] != newline ? 2 : 1
                }
                guard index < text.count, text[index] == byte else {
                    return unterminated(quote, trimmed(quote + 1, min(index, text.count)), &line)
                }
                index += 1
            default: index += 1
            }
        }
        return min(index, text.count)
    }

    private func unterminated(_ quote: Int, _ end: Int, _ line: inout ScannedLine) -> Int {
        line.unterminated.append(SourceRange(start: UInt32(quote), end: UInt32(end)))
        return end
    }

    // MARK: Bytes

    private var newline: UInt8 { UInt8(ascii: "\n") }

    private func skipBlank(_ start: Int) -> Int {
        var index = start
        while index < text.count, isBlank(text[index]) { index += 1 }
        return index
    }

    private func endOfLine(_ start: Int) -> Int {
        var index = start
        while index < text.count, text[index] != newline { index += 1 }
        return index
    }

    /// `end` without the blank space before it.
    private func trimmed(_ start: Int, _ end: Int) -> Int {
        var index = end
        while index > start, isBlank(text[index - 1]) { index -= 1 }
        return index
    }
}
