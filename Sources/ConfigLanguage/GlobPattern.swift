/// A pattern for paths as `include` takes it (glob(7)): `*`, `?`, `[a-z]`, `[!a]` within a part of the path, and
/// `{a,b}` anywhere. A dot at the start of a name must be written; a backslash takes the next character as it is;
/// several slashes are one.
public struct GlobPattern: Hashable, Sendable {
    /// The pattern with its braces multiplied out; at most 256.
    public let alternatives: [Alternative]

    /// The parts between the slashes.
    public struct Alternative: Hashable, Sendable {
        public var isAbsolute: Bool
        public var parts: [[UInt8]]

        init(_ text: [UInt8]) {
            isAbsolute = text.first == UInt8(ascii: "/")
            parts = text.split(separator: UInt8(ascii: "/")).map { Array($0) }
        }
    }

    /// A relative pattern is taken from `directory`.
    public init(_ pattern: String, relativeTo directory: String = "") {
        let whole = pattern.utf8.first == UInt8(ascii: "/") || directory.isEmpty ? pattern : directory + "/" + pattern
        alternatives = Self.expandBraces(Array(whole.utf8), limit: 256).map(Alternative.init)
    }

    /// Whether the text needs matching at all.
    public static func hasWildcard(_ pattern: String) -> Bool {
        hasWildcard(Array(pattern.utf8)) || pattern.utf8.contains(UInt8(ascii: "{"))
    }

    public func matches(_ path: String) -> Bool {
        let path = Alternative(Array(path.utf8))
        return alternatives.contains { alternative in
            alternative.isAbsolute == path.isAbsolute && alternative.parts.count == path.parts.count
                && zip(alternative.parts, path.parts).allSatisfy { Self.matches($1, $0) }
        }
    }

    private static let backslash = UInt8(ascii: "\\")

    /// Whether a part needs matching at all.
    public static func hasWildcard(_ component: [UInt8]) -> Bool {
        component.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
    }

    /// A part without wildcards as the name that it stands for.
    public static func unescaped(_ component: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        var isEscaped = false
        for byte in component {
            if byte == backslash, !isEscaped {
                isEscaped = true
            } else {
                result.append(byte)
                isEscaped = false
            }
        }
        return result
    }

    /// Whether one name fits one component. Time is at most the product of the lengths: only the last `*` is retried.
    public static func matches(_ name: [UInt8], _ pattern: [UInt8]) -> Bool {
        if name.first == UInt8(ascii: "."), pattern.first != UInt8(ascii: ".") { return false }
        var n = 0
        var p = 0
        var retry: (name: Int, pattern: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                retry = (n, p)
                p += 1
            } else if p < pattern.count, let next = step(name[n], pattern, p) {
                n += 1
                p = next
            } else if let last = retry {
                retry = (last.name + 1, last.pattern)
                n = last.name + 1
                p = last.pattern + 1
            } else {
                return false
            }
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        return p == pattern.count
    }

    /// Where the pattern goes on when its element at `p` takes `byte`; nil when it doesn't.
    static func step(_ byte: UInt8, _ pattern: [UInt8], _ p: Int) -> Int? {
        switch pattern[p] {
        case UInt8(ascii: "?"): return p + 1
        case backslash where p + 1 < pattern.count: return pattern[p + 1] == byte ? p + 2 : nil
        case UInt8(ascii: "["):
            var index = p + 1
            let isNegated =
                index < pattern.count && (pattern[index] == UInt8(ascii: "!") || pattern[index] == UInt8(ascii: "^"))
            if isNegated { index += 1 }
            let first = index
            var isMember = false
            while index < pattern.count, pattern[index] != UInt8(ascii: "]") || index == first {
                if index + 2 < pattern.count, pattern[index + 1] == UInt8(ascii: "-"),
                    pattern[index + 2] != UInt8(ascii: "]")
                {
                    if pattern[index] <= byte && byte <= pattern[index + 2] { isMember = true }
                    index += 3
                } else {
                    if pattern[index] == byte { isMember = true }
                    index += 1
                }
            }
            guard index < pattern.count else { return byte == UInt8(ascii: "[") ? p + 1 : nil }  // never closed
            return isMember != isNegated ? index + 1 : nil
        default: return pattern[p] == byte ? p + 1 : nil
        }
    }

    /// `a{b,c}d` as `abd` and `acd`, nested ones too; at most `limit`. Without a comma or a closing brace it stands for itself.
    public static func expandBraces(_ pattern: [UInt8], limit: Int) -> [[UInt8]] {
        var done: [[UInt8]] = []
        // What still has braces, with where to look for the next.
        var open: [(text: [UInt8], from: Int)] = [(pattern, 0)]
        while let (text, from) = open.popLast(), done.count < limit {
            guard let group = firstGroup(text, from: from) else {
                done.append(text)
                continue
            }
            guard group.parts.count > 1, open.count + group.parts.count <= limit else {
                open.append((text, group.range.lowerBound + 1))
                continue
            }
            for part in group.parts.reversed() {
                let expanded = Array(text[..<group.range.lowerBound]) + text[part] + text[group.range.upperBound...]
                open.append((expanded, group.range.lowerBound))
            }
        }
        return done
    }

    /// The first `{…}` at or after `from`, and the ranges between its commas.
    static func firstGroup(_ text: [UInt8], from: Int) -> (range: Range<Int>, parts: [Range<Int>])? {
        var start = from
        while start < text.count {
            if text[start] == backslash {
                start += 2
                continue
            }
            if text[start] == UInt8(ascii: "{"), let group = closeGroup(text, start) { return group }
            start += 1
        }
        return nil
    }

    private static func closeGroup(_ text: [UInt8], _ start: Int) -> (range: Range<Int>, parts: [Range<Int>])? {
        var depth = 0
        var parts: [Range<Int>] = []
        var partStart = start + 1
        var index = start
        while index < text.count {
            switch text[index] {
            case backslash: index += 1
            case UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "}"):
                depth -= 1
                if depth == 0 {
                    parts.append(partStart..<index)
                    return (start..<index + 1, parts)
                }
            case UInt8(ascii: ",") where depth == 1:
                parts.append(partStart..<index)
                partStart = index + 1
            default: break
            }
            index += 1
        }
        return nil
    }
}
