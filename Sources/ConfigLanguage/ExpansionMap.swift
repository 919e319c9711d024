/// Where text comes from that stands in no file as it is: what variables, conditions and loops were expanded to.
///
/// Every byte of it belongs to a *context*, which says how it got there: as a part of a line of a file, of a variable's
/// value, or of one pass of a loop. A place in it is told as a place in the files: within one value as a place in the
/// definition; otherwise as the place where the values were put together.
struct ExpansionMap: Sendable {
    enum Kind: UInt8, Sendable {
        /// A line of a file.
        case line
        /// What a reference was replaced by.
        case value
        /// One pass of a loop. Its text stands where the loop's does.
        case pass
    }

    struct Context: Sendable {
        var kind: Kind
        /// The context of `reference`.
        var parent: UInt32
        /// What brought the text there: a `$NAME`, or the head of a loop. A place in the files.
        var reference: SourceRange
        /// Of a pass: its number, from 1.
        var number: UInt32 = 0
        /// Of a pass: a place in `passValues`.
        var value: UInt32 = 0
    }

    /// What a loop's variable is in a pass.
    struct PassValue: Sendable {
        var name: SourceRange
        /// A number; nil where `item` is a value of a list.
        var number: Int64?
        var item = SourceRange(start: 0, end: 0)
    }

    /// The file's own lines.
    static let line: UInt32 = 0

    private(set) var contexts = [Context(kind: .line, parent: 0, reference: SourceRange(start: 0, end: 0))]
    private(set) var passValues: [PassValue] = []
    /// Which of the set's bytes are no file's; ascending.
    private var stretches: [SourceRange] = []
    /// Of all stretches; ascending.
    private var pieces: [TextPiece] = []

    mutating func add(_ context: Context) -> UInt32 {
        contexts.append(context)
        return UInt32(contexts.count - 1)
    }

    mutating func add(_ value: PassValue) -> UInt32 {
        passValues.append(value)
        return UInt32(passValues.count - 1)
    }

    mutating func add(_ text: MappedText, at start: UInt32) {
        stretches.append(SourceRange(start: start, end: start + UInt32(text.bytes.count)))
        for var piece in text.pieces {
            piece.start += start
            pieces.append(piece)
        }
    }

    // MARK: Places

    /// A stretch of a file, and the context that it is of.
    struct Place {
        var range: SourceRange
        var context: UInt32
    }

    /// The stretch that holds `offset`; nil where a file does.
    private func stretch(at offset: UInt32) -> SourceRange? {
        let behind = stretches.partitioningIndex { $0.start > offset }
        guard behind > 0, offset < stretches[behind - 1].end else { return nil }
        return stretches[behind - 1]
    }

    /// The place in the files of a range of the set; nil where that is one already.
    func place(of range: SourceRange) -> Place? {
        guard let stretch = stretch(at: range.start) else { return nil }
        let last = max(range.start, min(range.end, stretch.end) - (range.end > range.start ? 1 : 0))
        var place = join(piece(at: range.start), piece(at: last))
        if range.end <= range.start { place.range.end = place.range.start }
        return place
    }

    /// The place of the text from one byte to another.
    func join(_ first: TextPiece, _ last: TextPiece) -> Place {
        var start = place(of: first)
        var end = place(of: last)
        // A context is always younger than its parent.
        while start.context != end.context {
            if start.context > end.context { climb(&start) } else { climb(&end) }
        }
        return Place(
            range: SourceRange(start: start.range.start, end: max(start.range.end, end.range.end)),
            context: start.context)
    }

    private func piece(at offset: UInt32) -> TextPiece {
        var piece = pieces[pieceNumber(at: offset)]
        if piece.origin != TextPiece.made { piece.origin += offset - piece.start }
        return piece
    }

    private func pieceNumber(at offset: UInt32) -> Int {
        max(0, pieces.partitioningIndex { $0.start > offset } - 1)
    }

    private func place(of byte: TextPiece) -> Place {
        var place = Place(
            range: SourceRange(start: byte.origin, end: byte.origin == TextPiece.made ? byte.origin : byte.origin + 1),
            context: byte.context)
        if byte.origin == TextPiece.made { climb(&place) }
        return place
    }

    /// To where the text of a context was put in.
    private func climb(_ place: inout Place) {
        let context = contexts[Int(place.context)]
        if context.kind != .pass || place.range.start == TextPiece.made { place.range = context.reference }
        place.context = context.parent
    }

    /// The parts of files that the bytes of a range come from.
    func origins(of range: SourceRange) -> [SourceRange] {
        guard let stretch = stretch(at: range.start) else { return [] }
        var found: [SourceRange] = []
        var offset = range.start
        var number = pieceNumber(at: offset)
        let last = min(range.end, stretch.end)
        while offset < last {
            let next = number + 1 < pieces.count ? min(pieces[number + 1].start, last) : last
            let piece = pieces[number]
            if piece.origin != TextPiece.made {
                let start = piece.origin + (offset - piece.start)
                found.append(SourceRange(start: start, end: start + (next - offset)))
            }
            offset = next
            number += 1
        }
        return found
    }

    /// The first variable in a range whose value is only a part of it: where it is defined.
    func substitution(in range: SourceRange, of context: UInt32) -> Place? {
        guard let stretch = stretch(at: range.start) else { return nil }
        let last = min(range.end, stretch.end)
        var number = pieceNumber(at: range.start)
        while number < pieces.count, pieces[number].start < last {
            let piece = pieces[number]
            if piece.context != context, piece.origin != TextPiece.made {
                let start = max(piece.start, range.start)
                let end = number + 1 < pieces.count ? min(pieces[number + 1].start, last) : last
                let origin = piece.origin + (start - piece.start)
                return Place(range: SourceRange(start: origin, end: origin + (end - start)), context: piece.context)
            }
            number += 1
        }
        return nil
    }
}
