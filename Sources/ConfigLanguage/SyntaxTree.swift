/// A word: its offsets in `SourceSet.bytes`, quotes included. The first byte tells its kind.
public struct Token: Hashable, Sendable {
    public var start: UInt32
    public var end: UInt32

    public var range: SourceRange { SourceRange(start: start, end: end) }
}

/// A keyword with its arguments, or an entry of a list; and perhaps a block.
public struct Statement: Hashable, Sendable {
    /// Of `SyntaxTree.tokens`.
    public var firstToken: UInt32
    /// 0 only for a block without a keyword, which is an error already reported.
    public var tokenCount: UInt32
    /// The index behind the last descendant: skipping a block costs nothing.
    public var end: UInt32
    /// The statement whose block this stands in; nil at the top.
    public var parent: UInt32?
    /// Where its `{` is; nil without a block.
    public var open: UInt32?
    /// Words follow the shell's quoting.
    public var isShellQuoted: Bool
    /// A quote did not end: the words are not to be trusted.
    public var isBroken: Bool
}

/// A configuration as it was written: words and statements with their places, nothing dropped that has a meaning,
/// every file spliced in where it was included. Comments and blank space are what lies between the words.
public struct SyntaxTree: Sendable {
    public internal(set) var sources: SourceSet
    public internal(set) var tokens: [Token] = []
    /// In the order of the text; the children of a statement follow it.
    public internal(set) var statements: [Statement] = []
    /// What the language found wrong, in the order of reading.
    public var diagnostics: [Diagnostic] { found.all }
    public internal(set) var found = DiagnosticList()

    /// The keyword or entry: its first word. Empty for a block without one.
    public func keyword(of statement: Int) -> SourceRange {
        let s = statements[statement]
        guard s.tokenCount > 0 else {
            let open = s.open ?? 0
            return SourceRange(start: open, end: open + 1)
        }
        return tokens[Int(s.firstToken)].range
    }

    /// From the first word to the last, without the block.
    public func range(of statement: Int) -> SourceRange {
        let s = statements[statement]
        guard s.tokenCount > 0 else { return keyword(of: statement) }
        return tokens[Int(s.firstToken)].range.through(tokens[Int(s.firstToken + s.tokenCount) - 1].range)
    }

    /// What a word says: without its quotes, and with its escapes resolved.
    public func value(of token: Token, shellQuoted: Bool = false) -> [UInt8] {
        let bytes = sources.bytes(in: token.range)
        if shellQuoted {
            // A word that does not decode has been reported when it was read.
            guard case .success(let words) = ShellWords.split(bytes) else { return Array(bytes) }
            return words.first ?? []
        }
        if bytes.first == UInt8(ascii: "\"") {
            let inner = bytes.dropFirst()
            return Array(inner.last == UInt8(ascii: "\"") ? inner.dropLast() : inner)
        }
        guard bytes.contains(UInt8(ascii: "\\")) else { return Array(bytes) }
        // `\#` and `\!` are the only escapes of an ordinary word.
        var value: [UInt8] = []
        var index = bytes.startIndex
        while index < bytes.endIndex {
            if bytes[index] == UInt8(ascii: "\\"), index + 1 < bytes.endIndex,
                bytes[index + 1] == UInt8(ascii: "#") || bytes[index + 1] == UInt8(ascii: "!")
            {
                index += 1
            }
            value.append(bytes[index])
            index += 1
        }
        return value
    }
}
