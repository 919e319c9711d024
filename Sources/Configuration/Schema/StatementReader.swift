import ConfigLanguage
import Primitives

/// Walks the tree along the schema: finds each statement's keyword, hands it the statement, and reports what does not
/// fit. Its depth is that of the schema, not that of the text: unknown blocks are skipped whole.
struct StatementReader {
    let tree: SyntaxTree
    let leniency: Leniency
    var diagnostics = DiagnosticList()
    /// The statement at hand, and what of its words has not been read.
    private(set) var statement = 0
    private var cursor = 0
    private var end = 0
    private var isShellQuoted = false
    /// The option of the statement at hand whose value is being read: messages are about it.
    var option: SourceRange?
    private var errorCount = 0
    /// Keywords of the block at hand that are there, but with an error: their lack is no second one.
    private var failed: Set<String> = []

    init(tree: SyntaxTree, leniency: Leniency) {
        self.tree = tree
        self.leniency = leniency
        for diagnostic in tree.diagnostics {
            var diagnostic = diagnostic
            if leniency == .keepalived, Rule.lenientSyntax.contains(diagnostic.rule) { diagnostic.severity = .warning }
            diagnostics.append(diagnostic)
        }
        diagnostics.drop(tree.found.dropped)
    }

    mutating func report(
        _ rule: Rule, at range: SourceRange, _ message: String, reason: String = "", fix: String = "",
        fixIt: Diagnostic.FixIt? = nil, related: [Diagnostic.Related] = []
    ) {
        if rule.severity(under: leniency) == .error { errorCount += 1 }
        diagnostics.append(
            Diagnostic(
                rule.severity(under: leniency), rule.id, at: range, message, reason: reason, fix: fix, fixIt: fixIt,
                related: related))
    }

    // MARK: Statements

    /// Makes a statement the one at hand, with its keyword still to be read.
    private mutating func enter(_ index: Int) {
        let s = tree.statements[index]
        statement = index
        cursor = Int(s.firstToken)
        end = cursor + Int(s.tokenCount)
        isShellQuoted = s.isShellQuoted
    }

    /// Goes back to a statement that was left for later: behind its keyword.
    mutating func resume(at index: Int) {
        enter(index)
        cursor += 1
    }

    /// A keyword of the block at hand stands above with an error.
    func hasFailed(_ keyword: String) -> Bool { failed.contains(keyword) }

    /// The keyword and its arguments, or the option whose value is being read.
    var statementRange: SourceRange { option ?? tree.range(of: statement) }
    var keywordRange: SourceRange { option ?? tree.keyword(of: statement) }
    var keywordText: String { tree.sources.text(in: keywordRange) }
    var hasMore: Bool { cursor < end }
    private var hasBlock: Bool { tree.statements[statement].open != nil }

    /// Reads the statements of the top.
    mutating func readTop<Target>(_ block: Block<Target>, into target: inout Target) {
        read(block, from: 0, to: tree.statements.count, into: &target)
    }

    /// Reads the block of the statement at hand, and gives the keywords that stand in it with an error.
    @discardableResult
    mutating func readBlock<Target>(_ block: Block<Target>, into target: inout Target) -> Set<String> {
        let outer = (statement, cursor, end, isShellQuoted, failed)
        failed = []
        read(block, from: statement + 1, to: Int(tree.statements[statement].end), into: &target)
        let inner = failed
        (statement, cursor, end, isShellQuoted, failed) = outer
        return inner
    }

    private mutating func read<Target>(_ block: Block<Target>, from first: Int, to last: Int, into target: inout Target)
    {
        var child = first
        while child < last {
            enter(child)
            let s = tree.statements[child]
            // A statement without words or with a broken quote has been reported.
            if s.isBroken {
                if leniency == .strict {
                    failed.insert(keywordText)
                    // Where what should be blank space is a letter.
                    failed.insert(String(keywordText.prefix { $0.isASCII }))
                    errorCount += 1
                }
            } else if s.tokenCount > 0 {
                let before = errorCount
                readKeyword(block, into: &target)
                if errorCount > before { failed.insert(tree.sources.text(in: tree.keyword(of: child))) }
            }
            child = Int(s.end)
        }
    }

    private mutating func readKeyword<Target>(_ block: Block<Target>, into target: inout Target) {
        let range = keywordRange
        guard let number = block.table[tree.sources.bytes(in: range)] else { return reportUnknown(block) }
        let keyword = block.keywords[number]
        cursor += 1
        var status = keyword.status
        if case .deprecated(let better) = status {
            report(
                .deprecatedKeyword, at: range, "`\(keyword.name)` is an old name of `\(better)`",
                fix: "write `\(better)`", fixIt: Diagnostic.FixIt(range, better, isSafe: true))
            let number = block.table[ArraySlice(better.utf8)]
            status = number.map { block.keywords[$0].status } ?? .supported
        }
        let wantsBlock = keyword.argument.wantsBlock
        if wantsBlock, !hasBlock {
            report(
                .missingBlock, at: statementRange, "`\(keyword.name)` needs a block",
                reason: "without `{ … }` there is nothing to read", fix: "write `\(keyword.name) … {`, entries, and `}`"
            )
        } else {
            if !wantsBlock, hasBlock {
                report(
                    .unexpectedBlock, at: range, "`\(keyword.name)` takes no block",
                    reason: "what stands in it is skipped", fix: "remove the block")
            }
            if !wantsBlock { skipEqualsSign() }
            keyword.apply(&target, &self)
            if !wantsBlock { expectNoMore() }
        }
        if case .notYet(let decidesHolder) = status { reportNotYet(keyword.name, decidesHolder) }
    }

    /// Reads each entry of the block of the statement at hand, with its first word still to be read.
    mutating func forEachEntry(_ body: (inout StatementReader) -> Void) {
        expectNoMore()
        let outer = (statement, cursor, end, isShellQuoted)
        let last = Int(tree.statements[statement].end)
        var child = statement + 1
        while child < last {
            enter(child)
            let s = tree.statements[child]
            if s.open != nil, s.tokenCount > 0 {
                report(
                    .unexpectedBlock, at: keywordRange, "an entry takes no block: `\(keywordText)`",
                    reason: "the entry and its block are skipped", fix: "close the list before it")
            } else if s.isBroken || s.tokenCount == 0 {
                if leniency == .strict { errorCount += 1 }
            } else {
                body(&self)
                expectNoMore()
            }
            child = Int(s.end)
        }
        (statement, cursor, end, isShellQuoted) = outer
    }

    // MARK: Words

    /// The next word, or nil at the end of the statement.
    mutating func next() -> (text: String, range: SourceRange)? {
        guard cursor < end else { return nil }
        let token = tree.tokens[cursor]
        cursor += 1
        return (String(decoding: tree.value(of: token, shellQuoted: isShellQuoted), as: UTF8.self), token.range)
    }

    /// The bytes of the next word.
    mutating func nextBytes() -> (bytes: [UInt8], range: SourceRange)? {
        guard cursor < end else { return nil }
        let token = tree.tokens[cursor]
        cursor += 1
        return (tree.value(of: token, shellQuoted: isShellQuoted), token.range)
    }

    /// The place of the next word; nil at the end of the statement.
    var nextRange: SourceRange? { cursor < end ? tree.tokens[cursor].range : nil }

    /// Hands the next word to `body` as it is written, and takes it when that gives a value. The fast way for values that
    /// have neither quotes nor escapes: no copy is made.
    mutating func plain<Value>(_ body: (ArraySlice<UInt8>) -> Value?) -> Value? {
        guard cursor < end, let value = body(tree.sources.bytes(in: tree.tokens[cursor].range)) else { return nil }
        cursor += 1
        return value
    }

    /// The next word without taking it.
    func peek() -> String? {
        guard cursor < end else { return nil }
        return String(decoding: tree.value(of: tree.tokens[cursor], shellQuoted: isShellQuoted), as: UTF8.self)
    }

    /// Takes the next word unread.
    mutating func skipWord() { cursor = min(cursor + 1, end) }

    /// Leaves the rest of the statement unread.
    mutating func skipRest() { cursor = end }

    /// The number of the next word in a table, without taking it; nil when it is not in there.
    func numberOfNext(in table: KeywordTable) -> Int? {
        guard cursor < end else { return nil }
        let bytes = tree.sources.bytes(in: tree.tokens[cursor].range)
        guard bytes.first != UInt8(ascii: "\"") else {
            return table[ArraySlice(tree.value(of: tree.tokens[cursor], shellQuoted: isShellQuoted))]
        }
        return table[bytes]
    }

    /// Every word of the statement at hand.
    var entryWords: [String] {
        let s = tree.statements[statement]
        let first = Int(s.firstToken)
        return tree.tokens[first..<first + Int(s.tokenCount)].map {
            String(decoding: tree.value(of: $0, shellQuoted: s.isShellQuoted), as: UTF8.self)
        }
    }

    mutating func expectNoMore() {
        guard cursor < end else { return }
        let rest = tree.tokens[cursor].range.through(tree.tokens[end - 1].range)
        cursor = end
        report(
            .extraValue, at: rest, "nothing may follow here on the line",
            reason: "what follows has no meaning and would be dropped", fix: "remove it, or put it on a line of its own"
        )
    }

    /// `priority = 100`, as other languages have it. keepalived takes the sign for the value.
    private mutating func skipEqualsSign() {
        guard leniency == .strict, cursor + 1 < end else { return }
        let sign = tree.tokens[cursor].range
        guard tree.sources.bytes(in: sign).elementsEqual("=".utf8) else { return }
        cursor += 1
        let gap = SourceRange(start: sign.start, end: tree.tokens[cursor].start)
        report(
            .extraValue, at: sign, "`=` stands where the value of `\(keywordText)` belongs",
            reason: "a value follows its keyword behind blank space", fix: "remove the `=`",
            fixIt: Diagnostic.FixIt(gap, "", isSafe: true))
    }

    /// Stores a value; a keyword that is written twice counts as written last.
    mutating func assign<Value>(_ slot: inout Written<Value>?, _ value: Value, repeatable: Bool = false) {
        if let before = slot, !repeatable {
            report(
                .repeatedKeyword, at: statementRange, "`\(keywordText)` is written twice",
                reason: "the last one counts", fix: "remove one of them",
                related: [Diagnostic.Related(before.range, "written here before")])
        }
        slot = Written(value: value, range: statementRange)
    }

    // MARK: What is not in the schema, or not yet

    private mutating func reportUnknown<Target>(_ block: Block<Target>) {
        guard !diagnostics.isFull(for: Rule.unknownKeyword.severity(under: leniency)) else { return diagnostics.drop() }
        let word = keywordText
        let here = block.path.isEmpty ? "at the top" : "in `\(block.name)`"
        var fix = "remove it"
        var fixIt: Diagnostic.FixIt?
        let homes = Schema.homes(of: word)
        let names = block.keywords.map(\.name)
        if let better = Schema.nameHere(of: word, in: block.path) {
            fix = "here it is called `\(better)`"
            fixIt = Diagnostic.FixIt(keywordRange, better)
        } else if let meant = Spelling.nearest(to: word, among: names) {
            fix = "did you mean `\(meant)`?"
            if leniency == .strict { failed.insert(meant) }
            let isSafe = Spelling.isObvious(meant, for: word, among: names)
            fixIt = Diagnostic.FixIt(keywordRange, meant, isSafe: isSafe)
        } else if let home = homes.first {
            fix = home.isEmpty ? "it belongs at the top: is a `}` missing before it?" : "it belongs in `\(home)`"
            if homes.contains(parentPath(of: block.path)), !block.path.isEmpty {
                fix = "it belongs in the block around: is a `}` missing before it?"
            }
        }
        report(
            .unknownKeyword, at: keywordRange, "unknown keyword `\(word)` \(here)",
            reason: hasBlock ? "it and its block are skipped" : "its line is skipped", fix: fix, fixIt: fixIt)
    }

    private func parentPath(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
        return String(path[..<slash])
    }

    mutating func reportNotYet(_ name: String, _ decidesHolder: Bool) {
        if decidesHolder {
            report(
                .refusedKeyword, at: statementRange, "`\(name)` is not supported yet",
                reason: "without it this node would hold or answer for something else than was written",
                fix: "remove it, or keep this node on keepalived for now")
        } else {
            report(
                .notSupportedYet, at: statementRange, "`\(name)` is not supported yet",
                reason: hasBlock ? "it and its block have no effect" : "it has no effect",
                fix: "remove it if it is not needed")
        }
    }
}
