/// Paths by pattern, for `include`: `*`, `?`, `[a-z]`, `[!…]` within a component, and `{a,b}` anywhere (glob(7)).
/// A leading dot must be written. Backslash takes the next character as it is.
public enum Glob {
    /// Every existing path that fits, each once, in byte order; at most `limit`. Unreadable directories hold nothing.
    /// A pattern without wildcards gives itself if it exists.
    public static func paths(matching pattern: String, limit: Int = 4096) -> [String] {
        var found: [String] = []
        for alternative in expandBraces(Array(pattern.utf8), limit: 256) {
            let isAbsolute = alternative.first == slash
            let components = alternative.split(separator: slash).map { Array($0) }
            walk(isAbsolute ? "/" : "", components[...], limit, &found)
        }
        var seen: Set<String> = []
        return found.filter { seen.insert($0).inserted }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    static let slash = UInt8(ascii: "/")
    static let backslash = UInt8(ascii: "\\")

    static func walk(_ base: String, _ components: ArraySlice<[UInt8]>, _ limit: Int, _ found: inout [String]) {
        guard found.count < limit else { return }
        guard let component = components.first else {
            if !base.isEmpty, exists(base) { found.append(base) }
            return
        }
        let prefix = base.isEmpty || base == "/" ? base : base + "/"
        let rest = components.dropFirst()
        guard hasWildcard(component) else {
            walk(prefix + String(decoding: unescaped(component), as: UTF8.self), rest, limit, &found)
            return
        }
        let names: [String]
        do { names = try Files.list(base.isEmpty ? "." : base) } catch { names = [] }
        for name in names where matches(Array(name.utf8), component) {
            // Only directories lead further.
            if !rest.isEmpty, !isDirectory(prefix + name) { continue }
            walk(prefix + name, rest, limit, &found)
        }
    }

    static func exists(_ path: String) -> Bool {
        do { return try Files.status(path) != nil } catch { return false }
    }

    static func isDirectory(_ path: String) -> Bool {
        do { return try Files.status(path)?.isDirectory ?? false } catch { return false }
    }

    static func hasWildcard(_ component: [UInt8]) -> Bool {
        component.contains { $0 == UInt8(ascii: "*") || $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "[") }
    }

    static func unescaped(_ component: [UInt8]) -> [UInt8] {
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
            let isNegated = index < pattern.count && (pattern[index] == UInt8(ascii: "!") || pattern[index] == UInt8(ascii: "^"))
            if isNegated { index += 1 }
            let first = index
            var isMember = false
            while index < pattern.count, pattern[index] != UInt8(ascii: "]") || index == first {
                if index + 2 < pattern.count, pattern[index + 1] == UInt8(ascii: "-"), pattern[index + 2] != UInt8(ascii: "]") {
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
    static func expandBraces(_ pattern: [UInt8], limit: Int) -> [[UInt8]] {
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
