/// A run of bytes that come from one place.
struct TextPiece: Sendable {
    /// Where it begins in the text that it is a part of.
    var start: UInt32
    /// Where its first byte stands in the files; `made` where no file has these bytes.
    var origin: UInt32
    /// Of `ExpansionMap.contexts`.
    var context: UInt32

    static let made = UInt32.max
}

/// Text put together from parts of files and from bytes that no file has, each part with where it comes from.
struct MappedText: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Ascending; each goes up to the next one's start.
    private(set) var pieces: [TextPiece] = []

    var isEmpty: Bool { bytes.isEmpty }

    /// Bytes that stand in a file at `origin`.
    mutating func append(_ part: ArraySlice<UInt8>, origin: UInt32, context: UInt32) {
        guard !part.isEmpty else { return }
        begin(origin: origin, context: context)
        bytes.append(contentsOf: part)
    }

    /// Bytes that no file has.
    mutating func append(made part: some Collection<UInt8>, context: UInt32) {
        guard !part.isEmpty else { return }
        begin(origin: TextPiece.made, context: context)
        bytes.append(contentsOf: part)
    }

    /// A part of another text. Its pieces of `context`, or all where that is nil, become pieces of `new`.
    mutating func append(_ text: MappedText, _ range: Range<Int>, of context: UInt32? = nil, as new: UInt32? = nil) {
        var position = range.lowerBound
        var number = text.pieceNumber(at: position)
        while position < range.upperBound {
            let piece = text.pieces[number]
            let next = number + 1 < text.pieces.count ? Int(text.pieces[number + 1].start) : text.bytes.count
            let end = min(next, range.upperBound)
            var owner = piece.context
            if let new, context == nil || context == owner { owner = new }
            let origin =
                piece.origin == TextPiece.made
                ? TextPiece.made : piece.origin + (UInt32(position) - piece.start)
            begin(origin: origin, context: owner)
            bytes.append(contentsOf: text.bytes[position..<end])
            position = end
            number += 1
        }
    }

    /// The number of the piece that holds a byte; 0 where there is none.
    func pieceNumber(at position: Int) -> Int {
        max(0, pieces.partitioningIndex { Int($0.start) > position } - 1)
    }

    /// The byte at `position` as a piece of its own.
    func byte(_ position: Int) -> TextPiece {
        var piece = pieces[pieceNumber(at: position)]
        if piece.origin != TextPiece.made { piece.origin += UInt32(position) - piece.start }
        piece.start = UInt32(position)
        return piece
    }

    /// `range` without the blank space at both ends. A word of a command may end with one, behind a backslash.
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, isBlank(bytes[start]) { start += 1 }
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        if end > start, end < range.upperBound, bytes[end - 1] == UInt8(ascii: "\\") { end += 1 }
        return start..<end
    }

    /// Where the backslash is that ends the text, but for blank space.
    var finalBackslash: Int? {
        guard let last = bytes.lastIndex(where: { !isBlank($0) }) else { return nil }
        return bytes[last] == UInt8(ascii: "\\") ? last : nil
    }

    func slice(_ range: Range<Int>) -> MappedText {
        var part = MappedText()
        part.append(self, range)
        return part
    }

    private mutating func begin(origin: UInt32, context: UInt32) {
        if let last = pieces.last, last.context == context {
            if last.origin == TextPiece.made, origin == TextPiece.made { return }
            if last.origin != TextPiece.made, origin != TextPiece.made,
                last.origin + (UInt32(bytes.count) - last.start) == origin
            {
                return
            }
        }
        pieces.append(TextPiece(start: UInt32(bytes.count), origin: origin, context: context))
    }
}
