import Primitives

/// The layout of `aloft fmt`: the text of one file, as it was written, with other blank space.
///
/// Nothing but blank space between words ever changes, and what comes out goes in again unchanged. A file is laid out
/// as it stands: nothing is included or expanded, so that no other file and no host decides how it looks.
///
/// - A block's contents are four columns deeper; beyond ``deepest`` blocks they move no further.
/// - One space between words and before `{`. `}` has a line of its own, unless its block holds one statement at most and
///   was written on one line: then it stays there.
/// - `{` on a line of its own goes up to its keyword, unless a comment lies between.
/// - At most one empty line, none at the ends of a block or of the file.
/// - A comment alone on its line goes with its block. One behind a statement stays there, and those of neighbouring lines
///   stand in one column. Where it touches a word it goes on touching it: `config.syntax.comment-in-word` wants to say so.
/// - Lines with conditions, definitions, loops and includes get their indentation and no more; the later lines of a
///   definition not even that. No line is broken behind a `$NAME`, nor another joined to it: some are only read at a
///   line's end.
/// - Ends of lines and a byte order mark stay as they are. The last line gets an end.
///
/// Cost: linear in the text, twice its size in memory where it is a single line.
public struct SourceFormatter {
    /// Blocks that are still seen in the indentation: 100,000 of them would fill 40 GB.
    public static let deepest = 16
    static let step = 4
    /// Comments behind statements that reach further do not stand in a column with others.
    static let commentColumn = 60

    private let text: [UInt8]
    private var scanner: LineScanner
    private var depth = ConditionalDepth()
    private var printer: LinePrinter
    /// Where the block of the top that is open began, and its keyword.
    private var outermost: (brace: SourceRange, keyword: SourceRange?)?
    /// A brace was missing or one too many: what is counted from there on means nothing.
    private var isUnbalanced = false
    private var secrets: [SourceRange] = []
    private var faults = DiagnosticList()

    /// Lays `text` out. What is not closed cannot be laid out: it is refused, with its place.
    public static func format(_ text: [UInt8], name: String, rules: LexicalRules) throws(FormatRefusal) -> [UInt8] {
        let limit = IncludeLimits().bytes
        guard text.count <= limit else {
            var sources = SourceSet()
            _ = sources.add(name, [])
            let fault = Diagnostic(
                .error, SyntaxRule.includeLimit, at: SourceRange(start: 0, end: 0),
                "\(name) has \(text.count) bytes: at most \(limit) are laid out")
            throw FormatRefusal(sources: sources, diagnostics: [fault])
        }
        var formatter = SourceFormatter(text, rules)
        formatter.run()
        guard formatter.faults.all.isEmpty else {
            var sources = SourceSet()
            _ = sources.add(name, text)
            sources.secrets = formatter.secrets
            throw FormatRefusal(sources: sources, diagnostics: formatter.faults.all)
        }
        return formatter.printer.output
    }

    /// The text with a star for each byte of a password.
    public static func masked(_ text: [UInt8], rules: LexicalRules) -> [UInt8] {
        var scanner = LineScanner(text, rules)
        var masked = text
        while let line = scanner.next() {
            for secret in line.secrets {
                for index in Int(secret.start)..<Int(secret.end) { masked[index] = UInt8(ascii: "*") }
            }
        }
        return masked
    }

    private init(_ text: [UInt8], _ rules: LexicalRules) {
        self.text = text
        scanner = LineScanner(text, rules)
        printer = LinePrinter(capacity: text.count + text.count / 4)
        printer.output.append(contentsOf: text[..<scanner.position])
    }

    private mutating func run() {
        while let line = scanner.next() {
            if line.pieces.isEmpty, !line.isOpaque {
                printer.blank()
                continue
            }
            for place in line.unterminated { reportQuote(place) }
            secrets.append(contentsOf: line.secrets)
            if line.isOpaque || line.mustStayWhole {
                write(whole: line)
            } else {
                write(line)
            }
        }
        printer.finish()
        guard depth.consensus > 0, !isUnbalanced, let outermost else { return }
        var heading = ""
        if let keyword = outermost.keyword { heading = " of `\(words(in: keyword))`" }
        faults.append(
            Diagnostic(
                .error, SyntaxRule.missingBrace, at: outermost.brace,
                "the block\(heading) is not closed: the text ends before its `}`",
                reason: "what follows a missing `}` is taken for a part of the block", fix: "add the missing `}`"))
    }

    // MARK: Lines

    /// A line whose words stay as they are: only the blank space before it changes, or that between its words as well.
    private mutating func write(whole line: ScannedLine) {
        let leading = line.pieces.prefix { $0.kind == .close }.count
        let indent = max(0, depth[line.condition] - leading)
        var out = PrintedLine(indent: indent, ending: line.ending)
        if line.isOpaque {
            out.text = Array(text[line.start..<line.end])
        } else {
            out.append(line.pieces.filter { $0.kind != .comment }, from: text)
            out.take(comment: line.pieces.last, from: text)
        }
        out.opensBlock = line.pieces.last { $0.kind != .comment }?.kind == .open
        out.closesBlock = line.pieces.first?.kind == .close
        for (index, piece) in line.pieces.enumerated() { count(piece, line, keyword: keyword(before: index, line)) }
        printer.write(out)
    }

    private mutating func write(_ line: ScannedLine) {
        let pieces = line.pieces
        var out = PrintedLine(indent: depth.consensus, ending: line.ending)
        if pieces[0].kind == .open, let keyword = printer.takeKeyword() {
            out.indent = keyword.indent
            out.text = keyword.text
        }
        func flush(_ formatter: inout SourceFormatter) {
            guard !out.text.isEmpty else { return }
            formatter.printer.write(out)
            out = PrintedLine(indent: formatter.depth.consensus, ending: line.ending)
        }
        var index = 0
        while index < pieces.count {
            let piece = pieces[index]
            switch piece.kind {
            case .word:
                if out.text.isEmpty { out.indent = depth.consensus }
                out.append(pieces[index...index], from: text)
                out.isKeyword = !piece.hasReference
            case .open:
                let close = line.inlineClose(of: index)
                out.append(pieces[index...(close ?? index)], from: text)
                out.isKeyword = false
                for i in index...(close ?? index) { count(pieces[i], line, keyword: keyword(before: i, line)) }
                out.opensBlock = close == nil
                index = close ?? index
                if !isComment(pieces, index + 1) { flush(&self) }
            case .close:
                flush(&self)
                count(piece, line, keyword: nil)
                out.indent = depth.consensus
                out.append(pieces[index...index], from: text)
                out.closesBlock = true
                if !isComment(pieces, index + 1) { flush(&self) }
            case .comment:
                out.isKeyword = false
                if out.text.isEmpty {
                    out.text = Array(text[Int(piece.start)..<Int(piece.end)])
                } else {
                    out.take(comment: piece, from: text)
                }
            }
            index += 1
        }
        flush(&self)
    }

    private func isComment(_ pieces: [LinePiece], _ index: Int) -> Bool {
        index < pieces.count && pieces[index].kind == .comment
    }

    /// The first word of the statement whose `{` is at `index`.
    private func keyword(before index: Int, _ line: ScannedLine) -> SourceRange? {
        guard line.pieces[index].kind == .open else { return nil }
        var first = index
        while first > 0, line.pieces[first - 1].kind == .word { first -= 1 }
        guard first < index else { return index == 0 ? line.statementBefore : nil }
        return scanner.heading(line.pieces[first..<index])
    }

    // MARK: Blocks

    private mutating func count(_ piece: LinePiece, _ line: ScannedLine, keyword: SourceRange?) {
        switch piece.kind {
        case .open:
            if depth[line.condition] > 0, let keyword { reportTop(keyword) }
            let before = depth.consensus
            depth.add(1, line.condition)
            if before == 0, depth.consensus == 1 { outermost = (piece.range, keyword) }
        case .close:
            if depth[line.condition] == 0 { return reportExtra(piece.range) }
            depth.add(-1, line.condition)
        case .word, .comment: break
        }
    }

    private mutating func reportExtra(_ brace: SourceRange) {
        guard !isUnbalanced else { return }
        isUnbalanced = true
        faults.append(
            Diagnostic(
                .error, SyntaxRule.extraBrace, at: brace, "this `}` closes nothing",
                reason: "every block before it is closed already",
                fix: "remove it, or look for a block above that was closed too early"))
    }

    /// A block of the top within another one shows which `}` is missing better than the end of the file does.
    private mutating func reportTop(_ keyword: SourceRange) {
        let first = text[Int(keyword.start)..<Int(keyword.end)].prefix { !isBlank($0) }
        guard scanner.rules.traits(of: first).contains(.top), let outermost, !isUnbalanced else { return }
        isUnbalanced = true
        let name = String(decoding: first, as: UTF8.self)
        faults.append(
            Diagnostic(
                .error, SyntaxRule.missingBrace, at: keyword, "a `}` is missing before `\(name)`",
                reason: "`\(name)` stands only at the top of a configuration", fix: "close the block before this line",
                related: [Diagnostic.Related(outermost.brace, "this block is still open")]))
    }

    private mutating func reportQuote(_ place: SourceRange) {
        faults.append(
            Diagnostic(
                .error, SyntaxRule.unterminatedQuote, at: place, "this quote does not end on its line",
                reason: "text in quotes cannot run over the end of a line", fix: "add the closing quote"))
    }

    private func words(in range: SourceRange) -> String {
        String(decoding: text[Int(range.start)..<Int(range.end)], as: UTF8.self)
    }
}

/// Why a text was not laid out.
public struct FormatRefusal: Error, Sendable {
    /// The text, to which the diagnostics refer.
    public let sources: SourceSet
    public let diagnostics: [Diagnostic]
}
