/// A pattern for paths as `include` takes it: `*`, `?`, `[a-z]`, `[!a]` within a part of the path, and `{a,b}`
/// anywhere. A dot at the start of a name must be written; a backslash takes the next character as it is; several
/// slashes are one.
public struct GlobPattern: Hashable, Sendable {
    /// The pattern with its braces multiplied out, each as its parts between slashes; at most 1,024.
    let alternatives: [Alternative]

    struct Alternative: Hashable, Sendable {
        var isAbsolute: Bool
        var parts: [[UInt8]]

        init(_ text: [UInt8]) {
            isAbsolute = text.first == UInt8(ascii: "/")
            parts = text.split(separator: UInt8(ascii: "/")).map { Array($0) }
        }
    }

    /// A relative pattern is taken from `directory`.
    public init(_ pattern: String, relativeTo directory: String = "") {
        let whole = pattern.utf8.first == UInt8(ascii: "/") || directory.isEmpty ? pattern : directory + "/" + pattern
        alternatives = Self.expand(Array(whole.utf8)).map(Alternative.init)
    }

    /// Whether the text needs matching at all.
    public static func hasWildcard(_ pattern: String) -> Bool {
        pattern.utf8.contains { $0 == 0x2A || $0 == 0x3F || $0 == 0x5B || $0 == 0x7B }
    }

    public func matches(_ path: String) -> Bool {
        let path = Alternative(Array(path.utf8))
        return alternatives.contains { alternative in
            alternative.isAbsolute == path.isAbsolute && alternative.parts.count == path.parts.count
                && zip(alternative.parts, path.parts).allSatisfy { Self.match($0, $1) }
        }
    }

    static func expand(_ pattern: [UInt8]) -> [[UInt8]] {
        var done: [[UInt8]] = []
        var queue = [pattern]
        while let next = queue.popLast(), done.count + queue.count < 1024 {
            guard let (open, close) = firstBraces(next) else {
                done.append(next)
                continue
            }
            var parts: [ArraySlice<UInt8>] = []
            var depth = 0
            var start = open + 1
            for index in open + 1..<close {
                switch next[index] {
                case UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "}"): depth -= 1
                case UInt8(ascii: ",") where depth == 0:
                    parts.append(next[start..<index])
                    start = index + 1
                default: break
                }
            }
            parts.append(next[start..<close])
            // The first alternative is taken next.
            for part in parts.reversed() { queue.append(Array(next[..<open]) + part + next[(close + 1)...]) }
        }
        return done
    }

    private static func firstBraces(_ pattern: [UInt8]) -> (Int, Int)? {
        guard let open = pattern.firstIndex(of: UInt8(ascii: "{")) else { return nil }
        var depth = 0
        for index in open..<pattern.count {
            if pattern[index] == UInt8(ascii: "{") { depth += 1 }
            if pattern[index] == UInt8(ascii: "}") {
                depth -= 1
                if depth == 0 { return (open, index) }
            }
        }
        return nil
    }

    /// Backtracks to the last `*` only, so that the work is at most the product of the lengths.
    static func match(_ pattern: [UInt8], _ path: [UInt8]) -> Bool {
        if path.first == UInt8(ascii: "."), pattern.first != UInt8(ascii: ".") { return false }
        var p = 0
        var t = 0
        var star: Int?
        var mark = 0
        while t < path.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = p
                mark = t
                p += 1
                continue
            }
            if p < pattern.count, let next = matchOne(pattern, p, path[t]) {
                p = next
                t += 1
                continue
            }
            guard let star else { return false }
            mark += 1
            t = mark
            p = star + 1
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        return p == pattern.count
    }

    /// The index behind the piece of `pattern` at `p` when it matches `byte`.
    private static func matchOne(_ pattern: [UInt8], _ p: Int, _ byte: UInt8) -> Int? {
        switch pattern[p] {
        case UInt8(ascii: "?"): return p + 1
        case UInt8(ascii: "\\") where p + 1 < pattern.count: return pattern[p + 1] == byte ? p + 2 : nil
        case UInt8(ascii: "["):
            var index = p + 1
            var negated = false
            if index < pattern.count, pattern[index] == UInt8(ascii: "!") || pattern[index] == UInt8(ascii: "^") {
                negated = true
                index += 1
            }
            let first = index
            var found = false
            while index < pattern.count, pattern[index] != UInt8(ascii: "]") || index == first {
                if index + 2 < pattern.count, pattern[index + 1] == UInt8(ascii: "-"),
                    pattern[index + 2] != UInt8(ascii: "]")
                {
                    if pattern[index] <= byte, byte <= pattern[index + 2] { found = true }
                    index += 3
                } else {
                    if pattern[index] == byte { found = true }
                    index += 1
                }
            }
            guard index < pattern.count else { return byte == UInt8(ascii: "[") ? p + 1 : nil }
            return found != negated ? index + 1 : nil
        default: return pattern[p] == byte ? p + 1 : nil
        }
    }
}
