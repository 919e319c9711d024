import Primitives

/// What comes with text that was pasted from a web page or a word processor, and a byte that no text has.
extension SyntaxReader {
    /// Looks at a word with bytes that are not ASCII, or a 0. One fault a statement: the others are its companions.
    mutating func reportOddBytes(_ start: Int, _ end: Int) {
        isOdd = false
        guard !isBroken else { return }
        let isQuoted = tree.sources.bytes[start] == UInt8(ascii: "\"")
        var index = start
        while index < end {
            switch OddText(tree.sources.bytes[index..<end]) {
            case .nul: return report(nulAt: index)
            case .blank(let length) where !isQuoted: return report(blankAt: index, length)
            case .quote(_, let length) where !isQuoted: return report(quoteAt: index, length)
            default: index += 1
            }
        }
    }

    private mutating func report(nulAt index: Int) {
        isBroken = true
        report(
            .error, SyntaxRule.nul, at: SourceRange(start: UInt32(index), end: UInt32(index + 1)),
            "a byte of 0 in the text", reason: "keepalived takes it for the end of the line, or of a word",
            fix: "remove it; a file that has many is no text in UTF-8")
    }

    private mutating func report(blankAt index: Int, _ length: Int) {
        isBroken = true
        let range = SourceRange(start: UInt32(index), end: UInt32(index + length))
        report(
            .error, SyntaxRule.blank, at: range, "a blank that is no space in the middle of a word",
            reason: "only the space and the tab separate words; text of web pages has others that look the same",
            fix: "write a space", fixIt: Diagnostic.FixIt(range, " ", isSafe: true))
    }

    private mutating func report(quoteAt index: Int, _ length: Int) {
        isBroken = true
        // All of the line, or an edit would leave a quote without its other end.
        var replacement = ""
        var last = index
        var position = index
        var pending: [UInt8] = []
        let stop = endOfLine(index, frames[frames.count - 1].end)
        while position < stop {
            switch OddText(tree.sources.bytes[position..<stop]) {
            case .quote(let ascii, let length):
                replacement += String(decoding: pending, as: UTF8.self) + ascii
                pending = []
                position += length
                last = position
            default:
                pending.append(tree.sources.bytes[position])
                position += 1
            }
        }
        report(
            .error, SyntaxRule.typographicQuote, at: SourceRange(start: UInt32(index), end: UInt32(index + length)),
            "a quote of typography", reason: "it is a letter like any other, and quotes nothing",
            fix: "write `\"`",
            fixIt: Diagnostic.FixIt(SourceRange(start: UInt32(index), end: UInt32(last)), replacement, isSafe: true))
    }
}

/// A character that is not what it seems.
private enum OddText {
    case nul
    case blank(Int)
    case quote(String, Int)

    /// What a text begins with; nil for any other character.
    init?(_ text: ArraySlice<UInt8>) {
        if text.first == 0 {
            self = .nul
            return
        }
        let head = Array(text.prefix(3))
        if head.starts(with: [0xC2, 0xA0]) {
            self = .blank(2)
        } else if head == [0xE3, 0x80, 0x80] || head == [0xEF, 0xBB, 0xBF] {
            self = .blank(3)
        } else if head.count == 3, head[0] == 0xE2, head[1] == 0x80 {
            switch head[2] {
            // U+2000 to U+200B, and U+202F.
            case 0x80...0x8B, 0xAF: self = .blank(3)
            // U+201C to U+201F.
            case 0x9C...0x9F: self = .quote("\"", 3)
            // U+2018 to U+201B.
            case 0x98...0x9B: self = .quote("'", 3)
            default: return nil
            }
        } else {
            return nil
        }
    }
}
