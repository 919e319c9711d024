import ConfigLanguage

/// Paths by pattern, for `include`: `*`, `?`, `[a-z]`, `[!…]` within a component, and `{a,b}` anywhere (glob(7)).
/// A leading dot must be written. Backslash takes the next character as it is.
public enum Glob {
    /// Every existing path that fits, each once, in byte order; at most `limit`. Unreadable directories hold nothing.
    /// A pattern without wildcards gives itself if it exists.
    public static func paths(matching pattern: String, limit: Int = 4096) -> [String] {
        var found: [String] = []
        for alternative in GlobPattern(pattern).alternatives {
            walk(alternative.isAbsolute ? "/" : "", alternative.parts[...], limit, &found)
        }
        var seen: Set<String> = []
        return found.filter { seen.insert($0).inserted }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    static func walk(_ base: String, _ components: ArraySlice<[UInt8]>, _ limit: Int, _ found: inout [String]) {
        guard found.count < limit else { return }
        guard let component = components.first else {
            if !base.isEmpty, exists(base) { found.append(base) }
            return
        }
        let prefix = base.isEmpty || base == "/" ? base : base + "/"
        let rest = components.dropFirst()
        guard GlobPattern.hasWildcard(component) else {
            walk(prefix + String(decoding: GlobPattern.unescaped(component), as: UTF8.self), rest, limit, &found)
            return
        }
        let names: [String]
        do { names = try Files.list(base.isEmpty ? "." : base) } catch { names = [] }
        for name in names where GlobPattern.matches(Array(name.utf8), component) {
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
}
