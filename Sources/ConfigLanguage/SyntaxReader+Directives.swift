import Primitives

/// Lines that say something about the text itself: `include` and its kin.
extension SyntaxReader {
    /// Where to go on. `position` nil: files were pushed, and this one's own position is set.
    struct Continuation {
        var position: Int?
    }

    /// Handles the directive at the start of a statement; nil when there is none.
    mutating func readDirective(_ position: Int, _ end: Int, _ files: some FileProvider) -> Continuation? {
        if !frames[frames.count - 1].isMade, let made = expand(position, end) { return made }
        switch byte(position) {
        case UInt8(ascii: "i"):
            var stop = position
            while stop < end, byte(stop) >= UInt8(ascii: "a"), byte(stop) <= UInt8(ascii: "z") { stop += 1 }
            guard stop == end || isBlank(byte(stop)) || byte(stop) == UInt8(ascii: "\n"),
                let kind = IncludeKind(tree.sources.bytes[position..<stop])
            else { return nil }
            return Continuation(
                position: include(kind, SourceRange(start: UInt32(position), end: UInt32(stop)), end, files))
        default:
            return nil
        }
    }

    // Byte by byte: a copy of the array held over an include would make a second copy of all the text.
    private func byte(_ index: Int) -> UInt8 { tree.sources.bytes[index] }

    /// Takes the rest of the line as a pattern and puts the files on the stack, the first on top.
    private mutating func include(
        _ kind: IncludeKind, _ keyword: SourceRange, _ end: Int, _ files: some FileProvider
    ) -> Int? {
        let line = endOfLine(Int(keyword.end), end)
        let range = pattern(after: Int(keyword.end), to: line)
        var text = tree.sources.text(in: range)
        if text.utf8.count >= 2, text.utf8.first == UInt8(ascii: "\""), text.utf8.last == UInt8(ascii: "\"") {
            text = String(text.dropFirst().dropLast())
        }
        canOpen = false
        guard !text.isEmpty else {
            report(
                .error, SyntaxRule.includeEmpty, at: keyword, "`\(kind.rawValue)` names no file",
                fix: "write the path of a file, or a pattern such as /etc/keepalived/conf.d/*.conf")
            return line
        }
        let path = frames[frames.count - 1].path
        let slash = path.utf8.lastIndex(of: UInt8(ascii: "/"))
        let directory = slash.map { String(path[..<$0]) } ?? ""
        do {
            var found = try files.resolve(text, relativeTo: directory)
            if found.isEmpty, kind.mustMatch || !GlobPattern.hasWildcard(text) {
                let always = kind.mustMatch
                report(
                    .error, SyntaxRule.includeMissing, at: range, "no file matches \(text)",
                    reason: always
                        ? "`\(kind.rawValue)` requires a match"
                        : "a configuration that lacks a part runs with the rest",
                    fix: "create the file, correct the path, or remove the line")
            }
            found.removeAll { file in !mayInclude(file, range) }
            frames[frames.count - 1].position = line
            for file in found.reversed() { push(file, includedFrom: range) }
            return nil
        } catch {
            report(
                .error, SyntaxRule.includeUnreadable, at: range, "cannot read \(error.path): \(error.reason)",
                fix: "make the file readable, or remove the line")
            return line
        }
    }

    /// The text between the keyword and a comment, without blank space around it. Braces and quotes are its own.
    private func pattern(after start: Int, to line: Int) -> SourceRange {
        let bytes = tree.sources.bytes
        var begin = start
        while begin < line, isBlank(bytes[begin]) { begin += 1 }
        var stop = begin
        var quoted = false
        while stop < line {
            if bytes[stop] == UInt8(ascii: "\"") { quoted.toggle() }
            if !quoted, !frames[frames.count - 1].isMade,
                bytes[stop] == UInt8(ascii: "#") || bytes[stop] == UInt8(ascii: "!"),
                stop == begin || isBlank(bytes[stop - 1])
            {
                break
            }
            stop += 1
        }
        while stop > begin, isBlank(bytes[stop - 1]) { stop -= 1 }
        return SourceRange(start: UInt32(begin), end: UInt32(stop))
    }

    private mutating func mayInclude(_ file: ProvidedFile, _ range: SourceRange) -> Bool {
        if frames.contains(where: { $0.path == file.path }) {
            report(
                .error, SyntaxRule.includeCycle, at: range, "\(file.path) includes itself",
                reason: "it is being read already", fix: "remove one of the includes")
            return false
        }
        let total = tree.sources.bytes.count + file.bytes.count
        let why: String
        if frames.count(where: { !$0.isMade }) > limits.depth {
            why = "files include each other more than \(limits.depth) deep"
        } else if tree.sources.files.count >= limits.files {
            why = "more than \(limits.files) files"
        } else if total > limits.bytes {
            why = "more than \(limits.bytes) bytes"
        } else {
            return true
        }
        // One of these is enough: they come in thousands.
        if !tree.diagnostics.contains(where: { $0.rule == SyntaxRule.includeLimit }) {
            report(.error, SyntaxRule.includeLimit, at: range, "\(file.path) is not read: \(why)")
        }
        return false
    }
}

/// The keywords that splice files in. They differ in what they take for an error.
enum IncludeKind: String {
    /// A pattern may match nothing.
    case include, includer, includem
    /// Every pattern must match.
    case includew, includeb, includea

    init?(_ word: ArraySlice<UInt8>) {
        guard word.starts(with: "include".utf8) else { return nil }
        self.init(rawValue: String(decoding: word, as: UTF8.self))
    }

    var mustMatch: Bool { self == .includew || self == .includea || self == .includeb }
}
