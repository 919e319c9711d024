/// How far a definition goes: the lines that continue it, which a `\` at the end of the one before asks for.
///
/// A comment line does not end it. An empty line does, and is eaten. A line that opens a block of the top and leaves it open is
/// none of it: the `\` before it was not meant.
struct DefinitionReach {
    enum Line {
        /// A part of it, and another follows.
        case goesOn
        /// Its last.
        case last
        case comment
        case empty
        /// The block below.
        case block
    }

    private let rules: LexicalRules
    /// Blocks that its lines leave open.
    private var depth: Int
    private var lines = 0

    /// `value` is what stands behind the `=`.
    init(_ rules: LexicalRules, _ bytes: [UInt8], value: Range<Int>) {
        self.rules = rules
        depth = Self.balance(bytes, value)
    }

    /// Takes the next line: its text without a comment.
    mutating func take(_ bytes: [UInt8], _ line: (text: Range<Int>, hasComment: Bool)) -> Line {
        var text = line.text
        while let first = bytes[text].first, isBlank(first) { text.removeFirst() }
        while let last = bytes[text].last, isBlank(last) { text.removeLast() }
        guard let last = bytes[text].last else { return line.hasComment ? .comment : .empty }
        let balance = Self.balance(bytes, text)
        if last != UInt8(ascii: "\\"), lines > 0, depth == 0, balance > 0, isTop(bytes[text]) { return .block }
        lines += 1
        depth += balance
        return last == UInt8(ascii: "\\") ? .goesOn : .last
    }

    private func isTop(_ text: ArraySlice<UInt8>) -> Bool {
        rules.traits(of: text.prefix { !isBlank($0) && $0 != UInt8(ascii: "{") }).contains(.top)
    }

    /// How many more blocks a text opens than it closes.
    static func balance(_ bytes: [UInt8], _ range: Range<Int>) -> Int {
        var depth = 0
        var index = range.lowerBound
        while index < range.upperBound {
            switch bytes[index] {
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "$") where index + 1 < range.upperBound && bytes[index + 1] == UInt8(ascii: "{"):
                // The braces of a reference are none of ours.
                index = bytes[index..<range.upperBound].firstIndex(of: UInt8(ascii: "}")) ?? index
            default: break
            }
            index += 1
        }
        return depth
    }

    /// The text from `start` up to the comment or the end of the line, and where the line ends.
    static func line(_ bytes: [UInt8], _ start: Int, _ end: Int) -> (text: Range<Int>, hasComment: Bool, end: Int) {
        var index = start
        var isQuoted = false
        while index < end, bytes[index] != UInt8(ascii: "\n") {
            switch bytes[index] {
            case UInt8(ascii: "\""): isQuoted.toggle()
            case UInt8(ascii: "\\") where index + 1 < end:
                if bytes[index + 1] == UInt8(ascii: "#") || bytes[index + 1] == UInt8(ascii: "!") { index += 1 }
            case UInt8(ascii: "#") where !isQuoted, UInt8(ascii: "!") where !isQuoted:
                let rest = bytes[index..<end].firstIndex(of: UInt8(ascii: "\n")) ?? end
                return (start..<index, true, rest)
            default: break
            }
            index += 1
        }
        return (start..<min(index, end), false, min(index, end))
    }
}
