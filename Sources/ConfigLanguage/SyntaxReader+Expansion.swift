import Primitives

/// What the reader knows of variables, and the text that it makes of a line.
struct Expansion {
    /// A variable: its value in lines, the first and mostly only one without what stands before it.
    struct Variable {
        var lines: [MappedText]
        /// Where it was defined.
        var name: SourceRange
    }

    let environment: TextEnvironment
    var limits: ExpansionLimits { environment.limits }
    var variables: [[UInt8]: Variable] = [:]
    /// Variables whose values are being put in, from the outermost.
    var active: [(name: [UInt8], reference: SourceRange)] = []
    /// What has been made of the line at hand.
    var made = MappedText()
    /// Words of `made` whose fault has been told, where they stand in it.
    var faults: [Fault] = []

    struct Fault {
        var offset: Int
        /// The statement and its block are not read. Otherwise the block is: only its name is in doubt.
        var isSkipped: Bool
    }

    /// Bytes made of all lines before, passes, and references replaced.
    var bytes = 0
    var passes = 0
    var references = 0
    /// A limit was met: nothing more is expanded, and nothing more is said about it.
    var isExhausted = false
    var random: SplitMix64?
    /// What was said about each place.
    var told: Set<Told> = []

    struct Told: Hashable {
        var rule: RuleID
        var range: SourceRange
    }

    /// The conditions of the text: each id, whether lines are for it, and whether lines are for all others.
    var conditions: [[UInt8]: (only: Bool, except: Bool)] = [:]
    var firstCondition: SourceRange?
}

/// Lines with conditions, definitions, loops and references to variables.
///
/// Such a line is not read where it stands. What it comes to is put behind all text read so far, with a map of where each byte
/// comes from, and is read from there, as the text of an included file is. Lines without any of these are never copied.
///
/// A line goes through these steps, of which each may lead back to the first:
/// 1. `@id`, `@^id`: the line is for one node, or for all others.
/// 2. `$NAME=`: a definition; its value is kept as it stands, and expanded where it is used.
/// 3. `~SEQ`, `~LST`: the rest of the line is repeated.
/// 4. `$NAME`, `${NAME}`: replaced; of a value with several lines each further line begins at step 1.
extension SyntaxReader {
    /// Handles a line from `position`, if there is anything to expand in it; nil otherwise.
    mutating func expand(_ position: Int, _ end: Int) -> Continuation? {
        guard mustExpand(position, end) else { return nil }
        let (line, next) = uncommented(position, end)
        var lines = [line]
        let rest = definitionGoesOn(&lines, next, end)
        expansion.made = MappedText()
        expansion.faults = []
        process(lines, 0..<lines[0].bytes.count)
        guard !expansion.made.isEmpty else { return Continuation(position: rest) }
        expansion.bytes += expansion.made.bytes.count
        frames[frames.count - 1].position = rest
        let start = tree.sources.add(expansion.made)
        faults = expansion.faults.map { .init(offset: start + $0.offset, isSkipped: $0.isSkipped) }
        faults.sort { $0.offset > $1.offset }
        frames.append(
            Frame(path: frames[frames.count - 1].path, position: start, end: tree.sources.bytes.count, isMade: true))
        return Continuation(position: nil)
    }

    private mutating func mustExpand(_ position: Int, _ end: Int) -> Bool {
        switch tree.sources.bytes[position] {
        case UInt8(ascii: "@"): return true
        case UInt8(ascii: "~") where isLoop(tree.sources.bytes[position..<end]): return true
        default: break
        }
        guard frames[frames.count - 1].hasReferences, position >= plainUntil else { return false }
        var index = position
        while index < end, tree.sources.bytes[index] != UInt8(ascii: "\n") {
            if tree.sources.bytes[index] == UInt8(ascii: "$") { return true }
            index += 1
        }
        plainUntil = index
        return false
    }

    /// The rest of a line without its comment, and where the line ends.
    mutating func uncommented(_ start: Int, _ end: Int) -> (MappedText, Int) {
        let (text, hasComment, lineEnd) = DefinitionReach.line(tree.sources.bytes, start, end)
        if hasComment, let before = tree.sources.bytes[text].last, !isBlank(before), before != UInt8(ascii: "\""),
            before != UInt8(ascii: "{"), before != UInt8(ascii: "}")
        {
            reportCommentInWord(text.upperBound)
        }
        var line = MappedText()
        line.append(tree.sources.bytes[text], origin: UInt32(start), context: ExpansionMap.line)
        return (line, lineEnd)
    }

    // MARK: The life of a line

    /// Expands the first of `lines`, from and up to a place in it. The others continue it where it is a definition.
    mutating func process(_ lines: [MappedText], _ part: Range<Int>) {
        guard !expansion.isExhausted else { return }
        var line = lines[0]
        var rest = line.trimmed(part)
        var hasCondition = false
        // A value may begin with any of these; 16 of them one behind the other are no configuration.
        for _ in 0..<16 {
            guard let first = line.bytes[rest].first else { return }
            if first == UInt8(ascii: "@"), !hasCondition {
                guard let behind = condition(line, rest) else { return }
                hasCondition = true
                rest = line.trimmed(behind..<rest.upperBound)
            } else if let name = definition(line.bytes, rest) {
                return define(line, name, rest, lines.dropFirst())
            } else if isLoop(line.bytes[rest]) {
                return loop(line, rest)
            } else if let replaced = leadingDirective(line, rest) {
                line = replaced
                rest = line.trimmed(0..<line.bytes.count)
            } else {
                break
            }
        }
        // What follows a brace begins a statement, and may be any of these.
        if let brace = braceBeforeDirective(line.bytes, rest) {
            process([line], rest.lowerBound..<brace + 1)
            return process([line], brace + 1..<rest.upperBound)
        }
        substitute(line, rest)
        endLine()
    }

    func isAtLineStart() -> Bool { expansion.made.bytes.last.map { $0 == UInt8(ascii: "\n") } ?? true }

    /// Ends a line of what is made, if it has begun.
    mutating func endLine() {
        guard !isAtLineStart() else { return }
        var last = expansion.made.byte(expansion.made.bytes.count - 1)
        // As if it stood behind the last word: a fault at the end of a line is found there.
        if last.origin != TextPiece.made { last.origin += 1 }
        expansion.made.append([UInt8(ascii: "\n")], origin: last.origin, context: last.context)
        guard expansion.bytes + expansion.made.bytes.count > expansion.limits.bytes else { return }
        exhaust(
            place(expansion.made, 0..<1),
            "the text that variables and loops make is longer than \(expansion.limits.bytes) bytes")
    }

    /// A brace behind which a condition, a definition or a loop begins.
    private func braceBeforeDirective(_ bytes: [UInt8], _ part: Range<Int>) -> Int? {
        var isQuoted = false
        var index = part.lowerBound
        while index < part.upperBound {
            switch bytes[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "$"):
                if let reference = reference(bytes, index, part.upperBound) { index = reference.end - 1 }
            case UInt8(ascii: "{"), UInt8(ascii: "}"):
                guard !isQuoted else { break }
                var next = index + 1
                while next < part.upperBound, isBlank(bytes[next]) { next += 1 }
                let rest = next..<part.upperBound
                guard let first = bytes[rest].first else { return nil }
                if first == UInt8(ascii: "@") || isLoop(bytes[rest]) || definition(bytes, rest) != nil { return index }
                index = next - 1
            default: break
            }
            index += 1
        }
        return nil
    }

    /// The line with the references at its beginning replaced, if that makes it a condition, a definition or a loop.
    private mutating func leadingDirective(_ line: MappedText, _ part: Range<Int>) -> MappedText? {
        guard line.bytes[part].first == UInt8(ascii: "$") else { return nil }
        var line = line.slice(part)
        for _ in 0..<16 {
            guard line.bytes.first == UInt8(ascii: "$"),
                let reference = reference(line.bytes, 0, line.bytes.count), reference.isComplete,
                let variable = expansion.variables[Array(line.bytes[reference.name])], variable.lines.count == 1
            else { return nil }
            let value = variable.lines[0]
            let place = place(line, 0..<reference.end)
            let context = tree.sources.expansion.add(
                .init(kind: .value, parent: place.context, reference: place.range))
            var replaced = MappedText()
            replaced.append(value, value.trimmed(0..<value.bytes.count), as: context)
            replaced.append(line, reference.end..<line.bytes.count)
            line = replaced
            guard let first = line.bytes.first else { return nil }
            let all = 0..<line.bytes.count
            if first == UInt8(ascii: "@") || isLoop(line.bytes[all]) || definition(line.bytes, all) != nil {
                return line
            }
        }
        return nil
    }

    // MARK: Conditions

    /// Where the text behind a condition begins; nil where the line is for another node.
    private mutating func condition(_ line: MappedText, _ part: Range<Int>) -> Int? {
        var index = part.lowerBound + 1
        let isExcept = index < part.upperBound && line.bytes[index] == UInt8(ascii: "^")
        if isExcept { index += 1 }
        let start = index
        while index < part.upperBound, !isBlank(line.bytes[index]) { index += 1 }
        let whole = place(line, part.lowerBound..<max(index, part.lowerBound + 1))
        guard index > start else {
            report(
                .error, SyntaxRule.conditionName, at: whole, "a condition without a name",
                reason: "the line is for no node: the name follows the `@` at once",
                fix: "write `@NAME` for one node, or `@^NAME` for all others")
            putFault(line, part.lowerBound..<index, behind: index)
            return nil
        }
        let name = Array(line.bytes[start..<index])
        if expansion.conditions.count < 1_000 {
            expansion.conditions[name, default: (false, false)].only =
                expansion.conditions[name]?.only == true || !isExcept
            expansion.conditions[name, default: (false, false)].except =
                expansion.conditions[name]?.except == true || isExcept
            if expansion.firstCondition == nil { expansion.firstCondition = whole.range }
        }
        let behind = line.trimmed(index..<part.upperBound)
        if line.bytes[behind].first == UInt8(ascii: "@") {
            var end = behind.lowerBound
            while end < behind.upperBound, !isBlank(line.bytes[end]) { end += 1 }
            report(
                .error, SyntaxRule.conditionTwice, at: place(line, behind.lowerBound..<end),
                "a second condition on one line", reason: "a line can be for one node, or for all but one",
                fix: "write a line for each node")
            putFault(line, part.lowerBound..<index, behind: index)
            return nil
        }
        return name.elementsEqual(expansion.environment.id.utf8) != isExcept ? index : nil
    }

    // MARK: Limits and places

    /// Puts out a word in the place of a line whose fault has been told: a statement that is not read, so that its lack is no
    /// second fault. The blocks that the line would open it opens as well.
    mutating func putFault(_ line: MappedText, _ word: Range<Int>, behind: Int) {
        endLine()
        expansion.faults.append(.init(offset: expansion.made.bytes.count, isSkipped: true))
        expansion.made.append(line, word)
        let last = line.byte(word.upperBound - 1)
        for _ in 0..<max(0, DefinitionReach.balance(line.bytes, behind..<line.bytes.count)) {
            expansion.made.append(" {".utf8.map { $0 }[...], origin: last.origin, context: last.context)
        }
        endLine()
    }

    /// The place of a part of a text that is not yet one of the set.
    func place(_ text: MappedText, _ part: Range<Int>) -> ExpansionMap.Place {
        guard !text.isEmpty else {
            return ExpansionMap.Place(range: SourceRange(start: 0, end: 0), context: ExpansionMap.line)
        }
        let first = min(part.lowerBound, text.bytes.count - 1)
        let last = min(max(first, part.upperBound - 1), text.bytes.count - 1)
        return tree.sources.expansion.join(text.byte(first), text.byte(last))
    }

    mutating func report(
        _ severity: Diagnostic.Severity, _ rule: RuleID, at place: ExpansionMap.Place, _ message: String,
        reason: String = "", fix: String = "", fixIt: Diagnostic.FixIt? = nil, related: [Diagnostic.Related] = []
    ) {
        // Once, however often a loop comes back to it.
        guard expansion.told.insert(Expansion.Told(rule: rule, range: place.range)).inserted else { return }
        report(
            severity, rule, at: place.range, message, reason: reason, fix: fix, fixIt: fixIt,
            related: related + tree.sources.expansionNotes(place.context))
    }

    /// Says once that a limit was met, and expands nothing from there on.
    mutating func exhaust(_ place: ExpansionMap.Place, _ message: String) {
        guard !expansion.isExhausted else { return }
        expansion.isExhausted = true
        // The word at hand is not whole.
        expansion.faults.append(.init(offset: max(0, expansion.made.bytes.count - 1), isSkipped: false))
        let outermost = expansion.active.first.map {
            ExpansionMap.Place(range: $0.reference, context: ExpansionMap.line)
        }
        report(
            .error, SyntaxRule.expansionLimit, at: outermost ?? place, message, reason: "what follows is not expanded",
            fix: "look for values that contain each other, or write fewer repetitions")
    }
}
