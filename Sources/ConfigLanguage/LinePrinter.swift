/// A line as it is going to be written.
struct PrintedLine {
    var indent: Int
    var ending: LineEnding
    var text: [UInt8] = []
    /// Behind the text, with nothing between them where they touched.
    var comment: [UInt8] = []
    var commentTouches = false
    /// A `{` that follows on the next line belongs behind it.
    var isKeyword = false
    /// No empty line behind it.
    var opensBlock = false
    /// No empty line before it.
    var closesBlock = false
    private var endsWithReference = false

    init(indent: Int, ending: LineEnding) {
        self.indent = indent
        self.ending = ending
    }

    /// Adds pieces with one space between them. Words that touched go on doing so: what reads them may not agree
    /// that they are two.
    mutating func append(_ pieces: some Sequence<LinePiece>, from source: [UInt8]) {
        for piece in pieces {
            // A space behind a reference without braces would make one of it that it was not.
            let isFixed = piece.touches && (piece.kind == .word || endsWithReference)
            if !text.isEmpty, !isFixed { text.append(0x20) }
            endsWithReference = piece.hasReference && source[Int(piece.end) - 1] != UInt8(ascii: "}")
            text.append(contentsOf: source[Int(piece.start)..<Int(piece.end)])
        }
    }

    mutating func take(comment piece: LinePiece?, from source: [UInt8]) {
        guard let piece, piece.kind == .comment else { return }
        comment = Array(source[Int(piece.start)..<Int(piece.end)])
        commentTouches = piece.touches
    }

    /// Columns up to the comment.
    var width: Int { indent * SourceFormatter.step + text.count { $0 & 0xC0 != 0x80 } }
}

/// Writes lines one behind the other. The last one waits, in case a `{` follows; lines whose comments share a column wait
/// for the end of their neighbourhood.
struct LinePrinter {
    var output: [UInt8] = []
    private var last: PrintedLine?
    private var neighbours: [PrintedLine] = []
    private var column = 0
    /// An empty line waits to be written.
    private var isBlankDue = false
    private var hasWritten = false
    private var usual = LineEnding.newline

    init(capacity: Int) { output.reserveCapacity(capacity) }

    mutating func blank() { isBlankDue = true }

    /// The line before, when a `{` may go behind it; empty lines between the two are dropped.
    mutating func takeKeyword() -> PrintedLine? {
        guard let keyword = last, keyword.isKeyword else { return nil }
        last = nil
        isBlankDue = false
        return keyword
    }

    mutating func write(_ line: PrintedLine) {
        let before = last
        if let before { settle(before) }
        if isBlankDue {
            isBlankDue = false
            if before.map({ !$0.opensBlock }) ?? hasWritten, !line.closesBlock {
                writeNeighbours()
                append(before?.ending ?? usual)
            }
        }
        last = line
    }

    mutating func finish() {
        if let last { settle(last) }
        last = nil
        writeNeighbours()
    }

    /// Nothing can change the line any more.
    private mutating func settle(_ line: PrintedLine) {
        hasWritten = true
        let width = line.comment.isEmpty || line.commentTouches ? Int.max : line.width
        guard width <= SourceFormatter.commentColumn else {
            writeNeighbours()
            return write(line, commentAt: 0)
        }
        if let first = neighbours.first, first.indent != line.indent { writeNeighbours() }
        neighbours.append(line)
        column = max(column, width + 1)
    }

    private mutating func writeNeighbours() {
        for line in neighbours { write(line, commentAt: column) }
        neighbours.removeAll()
        column = 0
    }

    private mutating func write(_ line: PrintedLine, commentAt column: Int) {
        let spaces = min(line.indent, SourceFormatter.deepest) * SourceFormatter.step
        output.append(contentsOf: repeatElement(0x20, count: spaces))
        // What was a word would be the mark of the byte order at the beginning of a file.
        if output.isEmpty, line.text.starts(with: [0xEF, 0xBB, 0xBF]) { output.append(0x20) }
        output.append(contentsOf: line.text)
        if !line.comment.isEmpty {
            let gap = column == 0 ? (line.commentTouches ? 0 : 1) : column - line.width
            output.append(contentsOf: repeatElement(0x20, count: gap))
            output.append(contentsOf: line.comment)
        }
        append(line.ending)
    }

    private mutating func append(_ ending: LineEnding) {
        if ending != .none { usual = ending }
        if usual == .carriageReturn { output.append(0x0D) }
        output.append(0x0A)
    }
}
