import Primitives

/// Makes faulty configurations of good ones, as people do it: a statement is lost, doubled or misplaced, a word is another,
/// a brace or a quote is missing, a block stands in a block, a piece comes from another file.
///
/// It works on lines and words, not on the reader's tree: what the reader gets wrong must not be out of its reach.
public struct ConfigurationMutator {
    /// The most bytes of a result.
    let limit: Int
    private var random: SplitMix64

    public init(seed: UInt64, limit: Int) {
        self.limit = limit
        random = SplitMix64(seed: seed)
    }

    /// One to four faults.
    public mutating func mutate(_ text: [UInt8]) -> [UInt8] {
        var text = text
        for _ in 0..<(1 + pick(4)) { text = spoil(text) }
        return bounded(text)
    }

    /// `text` with statements of `other` in it.
    public mutating func splice(_ text: [UInt8], _ other: [UInt8]) -> [UInt8] {
        var text = text
        for _ in 0..<(1 + pick(3)) {
            let piece = Array(other[statement(in: other)])
            if pick(2) == 0 { text.removeSubrange(statement(in: text)) }
            text.insert(contentsOf: piece, at: lineStart(in: text))
        }
        return bounded(text)
    }

    // MARK: Faults

    private mutating func spoil(_ text: [UInt8]) -> [UInt8] {
        var text = text
        switch pick(14) {
        case 0: text.removeSubrange(statement(in: text))
        case 1:
            let piece = Array(text[statement(in: text)])
            let times = pick(8) == 0 ? 1 + pick(40) : 1
            let place = lineStart(in: text)
            for _ in 0..<times where text.count < limit { text.insert(contentsOf: piece, at: place) }
        case 2:
            let range = statement(in: text)
            let piece = Array(text[range])
            text.removeSubrange(range)
            text.insert(contentsOf: piece, at: lineStart(in: text))
        case 3, 4, 5: text.replaceSubrange(word(in: text), with: choose(from: Vocabulary.all))
        case 6: text.replaceSubrange(word(in: text), with: choose(from: Vocabulary.marks))
        case 7: text.insert(contentsOf: choose(from: Vocabulary.marks), at: pick(text.count + 1))
        case 8:
            // A word of the text itself in another place: names that were defined, or were not.
            let name = Array(text[word(in: text)])
            text.replaceSubrange(word(in: text), with: name)
        case 9: text = nested(text)
        case 10:
            text.insert(contentsOf: choose(from: Vocabulary.directives) + [UInt8(ascii: "\n")], at: lineStart(in: text))
        case 11:
            text.insert(contentsOf: choose(from: Vocabulary.all) + [UInt8(ascii: " ")], at: word(in: text).lowerBound)
        case 12: text.removeSubrange(word(in: text))
        default: joinOrBreakLine(&text)
        }
        return text
    }

    /// A statement within blocks of some keyword.
    private mutating func nested(_ text: [UInt8]) -> [UInt8] {
        var text = text
        let range = statement(in: text)
        let keyword = choose(from: Vocabulary.keywords)
        let depth = pick(8) == 0 ? 1 + pick(60) : 1
        let open = Array(repeating: keyword + Array(" x {\n".utf8), count: depth).joined()
        let close = Array(repeating: Array("}\n".utf8), count: pick(8) == 0 ? depth - 1 : depth).joined()
        let piece = Array(open) + text[range] + Array(close)
        text.replaceSubrange(range, with: piece)
        return text
    }

    private mutating func joinOrBreakLine(_ text: inout [UInt8]) {
        let newline = UInt8(ascii: "\n")
        if pick(2) == 0, let end = text[lineStart(in: text)...].firstIndex(of: newline) {
            text.remove(at: end)
        } else {
            text.insert(newline, at: word(in: text).upperBound)
        }
    }

    // MARK: Places

    /// Where some line starts.
    private mutating func lineStart(in text: [UInt8]) -> Int {
        let from = pick(text.count + 1)
        return text[..<from].lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    }

    /// A line, and the block that it opens.
    private mutating func statement(in text: [UInt8]) -> Range<Int> {
        let start = lineStart(in: text)
        var depth = 0
        var index = start
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "\n") where depth <= 0: return start..<(index + 1)
            default: break
            }
            index += 1
        }
        return start..<text.count
    }

    /// Some word; an empty range at the end of a text that has none there.
    private mutating func word(in text: [UInt8]) -> Range<Int> {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }
        func isBrace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: "{") || byte == UInt8(ascii: "}") }
        var start = pick(text.count + 1)
        while start < text.count, isBlank(text[start]) { start += 1 }
        guard start < text.count else { return start..<start }
        if isBrace(text[start]) { return start..<(start + 1) }
        var end = start
        while end < text.count, !isBlank(text[end]), !isBrace(text[end]) { end += 1 }
        while start > 0, !isBlank(text[start - 1]), !isBrace(text[start - 1]) { start -= 1 }
        return start..<end
    }

    private func bounded(_ text: [UInt8]) -> [UInt8] { text.count > limit ? Array(text[..<limit]) : text }

    /// 0 up to, but without, `count`.
    private mutating func pick(_ count: Int) -> Int { Int(random.next() % UInt64(count)) }

    private mutating func choose(from list: [[UInt8]]) -> [UInt8] { list[pick(list.count)] }
}
