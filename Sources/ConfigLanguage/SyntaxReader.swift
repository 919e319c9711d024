import Primitives

extension SyntaxTree {
    /// Reads the file `main` and all that it includes. Never fails: what is wrong is in `diagnostics`.
    public init(
        main: String, files: some FileProvider, rules: LexicalRules = LexicalRules(),
        environment: TextEnvironment = TextEnvironment(), limits: IncludeLimits = IncludeLimits()
    ) {
        var reader = SyntaxReader(rules: rules, limits: limits, expansion: Expansion(environment: environment))
        do {
            let file = try files.read(main)
            if file.bytes.count <= limits.bytes {
                reader.push(file, includedFrom: nil)
            } else {
                _ = reader.tree.sources.add(file.path, [])
                reader.report(
                    .error, SyntaxRule.includeLimit, at: SourceRange(start: 0, end: 0),
                    "\(file.path) has \(file.bytes.count) bytes: at most \(limits.bytes) are read")
            }
        } catch {
            _ = reader.tree.sources.add(main, [])
            reader.report(
                .error, SyntaxRule.unreadable, at: SourceRange(start: 0, end: 0),
                "cannot read \(error.path): \(error.reason)")
        }
        reader.read(from: files)
        self = reader.tree
    }

    init() { sources = SourceSet() }
}

/// Goes through the text once, byte by byte, and builds the tree. Files and blocks are on stacks of their own:
/// nothing is recursive, and 10,000 nested blocks cost what 10,000 statements cost.
struct SyntaxReader {
    var tree = SyntaxTree()
    let rules: LexicalRules
    let limits: IncludeLimits

    /// A file being read, or the text that a line of it was expanded to: where the reader is in it, and where it ends.
    struct Frame {
        var path: String
        var position: Int
        let end: Int
        /// It is expanded text: nothing in it is to be expanded, and nothing is a comment.
        var isMade = false
        /// There is a `$` in it.
        var hasReferences = false
    }
    var frames: [Frame] = []
    /// Statements whose blocks are open.
    var blocks: [UInt32] = []
    /// The words of the statement at hand.
    var firstToken = 0
    var traits: LexicalRules.Traits = []
    var isBroken = false
    /// A block whose `}` stands further to the left than the block does, and that `}`: if one is missing, it is likely this
    /// block's.
    var suspect: (block: UInt32, close: UInt32)?
    /// The last statement can still take a `{`, on this line or a later one.
    var canOpen = false

    /// Conditions, variables and loops.
    var expansion: Expansion
    /// Up to here nothing of the file at hand is to be expanded.
    var plainUntil = 0
    /// Words of the expanded text at hand whose fault has been told; descending.
    var faults: [Expansion.Fault] = []
    /// A word of the statement at hand is such a reference.
    var isUnresolved = false
    /// The frame at hand is expanded text.
    var isMade = false
    /// The word at hand has bytes that are not ASCII, or a 0.
    var isOdd = false

    init(rules: LexicalRules, limits: IncludeLimits, expansion: Expansion) {
        self.rules = rules
        self.limits = limits
        self.expansion = expansion
    }

    mutating func push(_ file: ProvidedFile, includedFrom: SourceRange?) {
        let number = tree.sources.add(file.path, file.bytes, includedFrom: includedFrom)
        let added = tree.sources.files[number]
        var position = Int(added.start)
        if tree.sources.hasByteOrderMark(added) { position += 3 }
        let hasReferences = tree.sources.bytes[position..<Int(added.end)].contains(UInt8(ascii: "$"))
        frames.append(
            Frame(path: file.path, position: position, end: Int(added.end), hasReferences: hasReferences))
    }

    mutating func report(
        _ severity: Diagnostic.Severity, _ rule: RuleID, at range: SourceRange, _ message: String, reason: String = "",
        fix: String = "", fixIt: Diagnostic.FixIt? = nil, related: [Diagnostic.Related] = []
    ) {
        tree.found.append(
            Diagnostic(
                severity, rule, at: range, message, reason: reason, fix: fix, fixIt: fixIt, related: related))
    }

    mutating func read(from files: some FileProvider) {
        while let frame = frames.last {
            var position = frame.position
            var wentDown = false
            isMade = frame.isMade
            plainUntil = 0
            while position < frame.end {
                guard let next = step(position, frame.end, files) else {
                    // An include has put its files on top; this file goes on behind its line.
                    wentDown = true
                    break
                }
                position = next
            }
            if wentDown { continue }
            finishStatement()
            // A `{` may follow the statement of an expanded line, as that of any other.
            if !frame.isMade { canOpen = false }
            frames.removeLast()
        }
        closeAtEnd()
        noteOtherNode()
        tree.sources.sortSecrets()
    }

    /// Reads what stands at `position` and gives the position behind it; nil when it has moved frames itself.
    private mutating func step(_ position: Int, _ end: Int, _ files: some FileProvider) -> Int? {
        let byte = tree.sources.bytes[position]
        switch byte {
        case UInt8(ascii: "\n"):
            finishStatement()
            return position + 1
        case 0x20, 0x09, 0x0D, 0x0B, 0x0C:
            return position + 1
        case UInt8(ascii: "#") where !isMade, UInt8(ascii: "!") where !isMade:
            warnOfCommentInWord(position)
            return endOfLine(position, end)
        case UInt8(ascii: "{"):
            open(at: position)
            return position + 1
        case UInt8(ascii: "}"):
            finishStatement()
            close(at: position)
            return position + 1
        default:
            break
        }
        if tree.tokens.count == firstToken {
            if let next = readDirective(position, end, files) { return next.position }
        }
        let stop = traits.contains(.shell) ? shellWord(position, end) : word(position, end)
        let token = Token(start: UInt32(position), end: UInt32(stop))
        tree.tokens.append(token)
        if tree.tokens.count == firstToken + 1 {
            beginStatement(token)
        } else if traits.contains(.secret) {
            tree.sources.addSecret(token.range)
        }
        if isOdd { reportOddBytes(position, stop) }
        if let first = faults.last, isMade, first.offset < stop { resolve(upTo: stop, from: position) }
        return stop
    }

    func endOfLine(_ position: Int, _ end: Int) -> Int {
        var index = position
        while index < end, tree.sources.bytes[index] != UInt8(ascii: "\n") { index += 1 }
        return index
    }

    // MARK: Words

    /// The end of an ordinary word: a quoted string, or all up to blank space, a brace, a quote or a comment.
    private mutating func word(_ start: Int, _ end: Int) -> Int {
        var index = start
        if tree.sources.bytes[start] == UInt8(ascii: "\"") {
            index += 1
            while index < end, tree.sources.bytes[index] != UInt8(ascii: "\n") {
                if tree.sources.bytes[index] == UInt8(ascii: "\"") { return index + 1 }
                if tree.sources.bytes[index] == 0 { isOdd = true }
                index += 1
            }
            while index > start + 1, isBlank(tree.sources.bytes[index - 1]) { index -= 1 }
            unterminated(quoteAt: start, to: index)
            return index
        }
        while index < end {
            let byte = tree.sources.bytes[index]
            switch byte {
            case UInt8(ascii: "\n"), 0x20, 0x09, 0x0D, 0x0B, 0x0C, UInt8(ascii: "{"), UInt8(ascii: "}"),
                UInt8(ascii: "\""):
                return index
            case UInt8(ascii: "#") where !isMade, UInt8(ascii: "!") where !isMade:
                return index
            case UInt8(ascii: "\\"):
                let escaped = index + 1 < end ? tree.sources.bytes[index + 1] : 0
                index += escaped == UInt8(ascii: "#") || escaped == UInt8(ascii: "!") ? 2 : 1
            case UInt8(ascii: "$"):
                index = variable(index, end) ?? index + 1
            case 0, 0x80...0xFF:
                isOdd = true
                index += 1
            default:
                index += 1
            }
        }
        return index
    }

    /// The end of `${…}` when one begins at `start`; its braces are none of ours.
    private func variable(_ start: Int, _ end: Int) -> Int? {
        guard start + 1 < end, tree.sources.bytes[start + 1] == UInt8(ascii: "{") else { return nil }
        var index = start + 2
        while index < end, tree.sources.bytes[index] != UInt8(ascii: "\n") {
            if tree.sources.bytes[index] == UInt8(ascii: "}") {
                return index + 1
            }
            index += 1
        }
        return nil
    }

    /// The end of a word with the shell's quoting.
    private mutating func shellWord(_ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end {
            let byte = tree.sources.bytes[index]
            switch byte {
            case UInt8(ascii: "\n"), 0x20, 0x09, 0x0D, 0x0B, 0x0C, UInt8(ascii: "{"), UInt8(ascii: "}"):
                return index
            case UInt8(ascii: "#") where !isMade, UInt8(ascii: "!") where !isMade:
                return index
            case UInt8(ascii: "\\"):
                let newline = index + 1 >= end || tree.sources.bytes[index + 1] == UInt8(ascii: "\n")
                index += newline ? 1 : 2
            case UInt8(ascii: "$"):
                index = variable(index, end) ?? index + 1
            case 0, 0x80...0xFF:
                isOdd = true
                index += 1
            case UInt8(ascii: "\""), UInt8(ascii: "'"):
                let quote = index
                index += 1
                while index < end, tree.sources.bytes[index] != byte, tree.sources.bytes[index] != UInt8(ascii: "\n") {
                    if tree.sources.bytes[index] == 0 { isOdd = true }
                    let escapes = byte == UInt8(ascii: "\"") && tree.sources.bytes[index] == UInt8(ascii: "\\")
                    index += escapes && index + 1 < end && tree.sources.bytes[index + 1] != UInt8(ascii: "\n") ? 2 : 1
                }
                guard index < end, tree.sources.bytes[index] == byte else {
                    while index > quote + 1, isBlank(tree.sources.bytes[index - 1]) { index -= 1 }
                    unterminated(quoteAt: quote, to: index)
                    return index
                }
                index += 1
            default:
                index += 1
            }
        }
        return min(index, end)
    }

    private mutating func unterminated(quoteAt start: Int, to end: Int) {
        isBroken = true
        report(
            .error, SyntaxRule.unterminatedQuote, at: SourceRange(start: UInt32(start), end: UInt32(end)),
            "this quote does not end on its line", reason: "text in quotes cannot run over the end of a line",
            fix: "add the closing quote")
    }

    private mutating func warnOfCommentInWord(_ position: Int) {
        guard let last = tree.tokens.last, tree.tokens.count > firstToken, Int(last.end) == position,
            tree.sources.bytes[position - 1] != UInt8(ascii: "\"")
        else { return }
        reportCommentInWord(position)
    }

    mutating func reportCommentInWord(_ position: Int) {
        let mark = tree.sources.bytes[position] == UInt8(ascii: "#") ? "#" : "!"
        report(
            .warning, SyntaxRule.commentInWord, at: SourceRange(start: UInt32(position), end: UInt32(position + 1)),
            "a comment begins here, in the middle of a word",
            reason: "`\(mark)` starts a comment wherever it stands outside of double quotes",
            fix: "write \"…\" around the word or `\\\(mark)`, or put a space before the comment")
    }

    // MARK: Statements

    private mutating func beginStatement(_ keyword: Token) {
        canOpen = false
        traits = rules.traits(of: tree.sources.bytes(in: keyword.range))
    }

    /// A block that stands only at the top was opened within another one: that one was never closed.
    private mutating func closeBefore(_ index: Int) {
        let keyword = tree.keyword(of: index)
        guard tree.statements[index].tokenCount > 0, let outer = blocks.first,
            rules.traits(of: tree.sources.bytes(in: keyword)).contains(.top)
        else { return }
        let name = tree.sources.text(in: keyword)
        let related = blocks.prefix(4).map { block in
            Diagnostic.Related(tree.keyword(of: Int(block)), "this block is still open")
        }
        report(
            .error, SyntaxRule.missingBrace, at: keyword,
            "a `}` is missing before `\(name)`: the block of `\(heading(outer))` is still open",
            reason: "`\(name)` stands only at the top of a configuration",
            fix: "close the block before this line", related: suspicion() + related)
        suspect = nil
        while let block = blocks.popLast() { tree.statements[Int(block)].end = UInt32(index) }
        tree.statements[index].parent = nil
    }

    /// The first words of a statement, without a password.
    func heading(_ statement: UInt32) -> String {
        let words = tree.statements[Int(statement)]
        let first = Int(words.firstToken)
        let isSecret = rules.traits(of: tree.sources.bytes(in: tree.keyword(of: Int(statement)))).contains(.secret)
        return tree.tokens[first..<min(first + Int(words.tokenCount), first + (isSecret ? 1 : 2))]
            .map { tree.sources.text(in: $0.range) }.joined(separator: " ")
    }

    mutating func finishStatement() {
        guard tree.tokens.count > firstToken else { return }
        append(tokenCount: tree.tokens.count - firstToken)
        canOpen = true
    }

    private mutating func append(tokenCount: Int) {
        let index = UInt32(tree.statements.count)
        tree.statements.append(
            Statement(
                firstToken: UInt32(firstToken), tokenCount: UInt32(tokenCount), end: index + 1, parent: blocks.last,
                open: nil, isShellQuoted: traits.contains(.shell), isBroken: isBroken || isUnresolved))
        firstToken = tree.tokens.count
        traits = []
        isBroken = false
        isUnresolved = false
    }

    private mutating func open(at position: Int) {
        let here = SourceRange(start: UInt32(position), end: UInt32(position + 1))
        if let last = tree.tokens.last, tree.tokens.count > firstToken {
            if Int(last.end) == position {
                let isSecret = traits.contains(.secret) && tree.tokens.count > firstToken + 1
                // Behind a reference without braces a space makes one of it that it was not.
                let isSafe = !tree.sources.bytes(in: last.range).contains(UInt8(ascii: "$"))
                let word = isSecret ? "" : "; read as `\(tree.sources.text(in: last.range)) {`"
                report(
                    .note, SyntaxRule.braceSpace, at: here, "no space before `{`" + word,
                    reason: "older releases of keepalived take the brace for a part of the word",
                    fix: "put a space before `{`",
                    fixIt: Diagnostic.FixIt(SourceRange(start: here.start, end: here.start), " ", isSafe: isSafe))
            }
            let isRead = isUnresolved && !isBroken
            finishStatement()
            // What stands in a block is read whatever its name came to.
            if isRead { tree.statements[tree.statements.count - 1].isBroken = false }
        } else if !canOpen {
            let isWithin = blocks.last.map { tree.statements[Int($0)].tokenCount == 0 } ?? false
            append(tokenCount: 0)
            // One in the block of another is no second fault.
            if !isWithin {
                report(
                    .error, SyntaxRule.unexpectedBrace, at: here, "this `{` belongs to no keyword",
                    reason: "its block is skipped", fix: "write the keyword of the block before it, or remove it")
            }
        }
        canOpen = false
        let index = tree.statements.count - 1
        tree.statements[index].open = UInt32(position)
        closeBefore(index)
        blocks.append(UInt32(index))
    }

    private mutating func close(at position: Int) {
        canOpen = false
        guard let block = blocks.popLast() else {
            report(
                .error, SyntaxRule.extraBrace, at: SourceRange(start: UInt32(position), end: UInt32(position + 1)),
                "this `}` closes nothing", reason: "every block before it is closed already",
                fix: "remove it, or look for a block above that was closed too early")
            return
        }
        tree.statements[Int(block)].end = UInt32(tree.statements.count)
        if blocks.isEmpty {
            suspect = nil
        } else if suspect == nil, !isMade, let own = indentation(of: UInt32(position)),
            let opened = indentation(of: tree.keyword(of: Int(block)).start), own < opened
        {
            suspect = (block, UInt32(position))
        }
    }

    /// How far to the right a word stands that begins its line; nil where it does not begin one, or far to the right.
    private func indentation(of offset: UInt32) -> Int? {
        var index = Int(offset)
        var width = 0
        while index > 0, width < 256 {
            switch tree.sources.bytes[index - 1] {
            case UInt8(ascii: " "): width += 1
            case UInt8(ascii: "\t"): width += 8
            case UInt8(ascii: "\n"): return width
            default: return nil
            }
            index -= 1
        }
        return index == 0 ? width : nil
    }

    /// What the `}` of the suspect says about where one is missing.
    private func suspicion() -> [Diagnostic.Related] {
        guard let suspect else { return [] }
        let close = SourceRange(start: suspect.close, end: suspect.close + 1)
        return [
            .init(
                close, "this `}` closes `\(heading(suspect.block))`, and stands where that of a block around it would")
        ]
    }

    private mutating func closeAtEnd() {
        guard let outer = blocks.first else { return }
        var opens: [SourceRange] = []
        while let block = blocks.popLast() {
            tree.statements[Int(block)].end = UInt32(tree.statements.count)
            let open = tree.statements[Int(block)].open ?? 0
            opens.append(SourceRange(start: open, end: open + 1))
        }
        if let suspect, let open = tree.statements[Int(suspect.block)].open {
            report(
                .error, SyntaxRule.missingBrace, at: SourceRange(start: open, end: open + 1),
                "the block of `\(heading(suspect.block))` is not closed",
                reason: "the `}` behind it is taken for its own, and the text ends before that of `\(heading(outer))`",
                fix: "add the missing `}`", related: suspicion())
            return
        }
        let related = opens.dropLast().prefix(4).map { Diagnostic.Related($0, "and this one") }
        report(
            .error, SyntaxRule.missingBrace, at: opens[opens.count - 1],
            "the block of `\(heading(outer))` is not closed: the text ends before its `}`",
            reason: "what follows a missing `}` is taken for a part of the block", fix: "add the missing `}`",
            related: Array(related))
    }

    /// A fault of a reference has been told: the statement that it stands in is not read.
    private mutating func resolve(upTo end: Int, from start: Int) {
        while let first = faults.last, first.offset < end {
            if first.offset >= start { isUnresolved = true }
            if first.offset >= start, first.isSkipped { isBroken = true }
            faults.removeLast()
        }
    }

    /// Lines are for other nodes, and none for this one.
    private mutating func noteOtherNode() {
        let own = Array(expansion.environment.id.utf8)
        guard let first = expansion.firstCondition, expansion.conditions[own] == nil,
            expansion.conditions.values.contains(where: { $0.only && !$0.except })
        else { return }
        let names = expansion.conditions.keys.map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(8)
        report(
            .note, SyntaxRule.conditionOther, at: first, "no line is for `\(expansion.environment.id)` alone",
            reason:
                "lines are for \(names.map { "`\($0)`" }.joined(separator: ", ")); this node reads only those for all others",
            fix: "start with the option `-i NAME` where the host's name is another")
    }
}
