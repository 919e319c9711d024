import Primitives

/// The table that `aloft support` prints.
public enum SupportTable {
    /// Rows whose block, or name, is one of `words`; all when there are none. A word that names nothing is in the second list.
    public static func rows(matching words: [String]) -> (found: [KeywordEntry], unknown: [String]) {
        let entries = Schema.entries
        guard !words.isEmpty else { return (entries, []) }
        var unknown: [String] = []
        for word in words where !entries.contains(where: { matches($0, word) }) { unknown.append(word) }
        return (entries.filter { entry in words.contains { matches(entry, $0) } }, unknown)
    }

    /// Its name, its block, or a block around that; `top` is the top.
    private static func matches(_ entry: KeywordEntry, _ word: String) -> Bool {
        if entry.block.isEmpty { return entry.name == word || word == "top" }
        return entry.name == word || entry.block == word || entry.block.hasPrefix(word + "/")
    }

    /// For people: a line a keyword, in columns.
    public static func text(_ entries: [KeywordEntry]) -> String {
        let header = ["BLOCK", "KEYWORD", "ARGUMENTS", "DEFAULT", "STATE", "MEANING"]
        let rows =
            [header]
            + entries.map { entry in
                [
                    entry.block.isEmpty ? "(top)" : entry.block, entry.name, arguments(of: entry), entry.defaultText,
                    entry.support.text, entry.documentation,
                ]
            }
        // A few long cells do not make every line long.
        let limits = [34, 30, 32, 24, 26, 0]
        let widths = limits.indices.map { column in
            min(limits[column], rows.map { $0[column].count }.max() ?? 0)
        }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                guard column + 1 < row.count else { break }
                line += String(repeating: " ", count: max(0, widths[column] - cell.count) + 2)
            }
            return line
        }.joined(separator: "\n")
    }

    /// With the range, where it is not in the arguments.
    static func arguments(of entry: KeywordEntry) -> String {
        entry.range.isEmpty ? entry.arguments : "\(entry.arguments) (\(entry.range))"
    }

    /// An array of objects.
    public static func json(_ entries: [KeywordEntry]) -> String {
        var writer = JSONWriter()
        writer.array { json in
            for entry in entries {
                json.object { json in
                    json.member("block", entry.block)
                    json.member("keyword", entry.name)
                    json.member("option", entry.isOption)
                    json.member("arguments", entry.arguments)
                    json.member("range", entry.range)
                    json.member("default", entry.defaultText)
                    json.member("state", stateName(entry.support))
                    if case .oldName(let better) = entry.support { json.member("better", better) }
                    json.member("documentation", entry.documentation)
                }
            }
        }
        return writer.text
    }

    private static func stateName(_ support: KeywordEntry.Support) -> String {
        switch support {
        case .works: "works"
        case .withoutEffect: "without-effect"
        case .notYet: "not-yet"
        case .refused: "refused"
        case .oldName: "old-name"
        }
    }
}
