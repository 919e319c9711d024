/// The pages of docs/reference, made from the schema.
public enum ReferencePages {
    /// A file's name and its text.
    public struct Page: Hashable, Sendable {
        public let name: String
        public let text: String
    }

    /// `README.md` first, then one page a block of the top.
    public static var all: [Page] {
        let entries = Schema.entries
        let tops = entries.filter { $0.block.isEmpty }
        let withPages = tops.filter { top in entries.contains { $0.block == top.name || isWithin($0.block, top.name) } }
        return [Page(name: "README.md", text: overview(tops, Set(withPages.map(\.name)), entries))]
            + withPages.map { Page(name: $0.name + ".md", text: page($0, entries)) }
    }

    private static func isWithin(_ path: String, _ block: String) -> Bool { path.hasPrefix(block + "/") }

    private static let notice =
        "Made by `aloft reference` from the keywords that the program knows; not to be edited.\n"

    // MARK: Pages

    private static func overview(_ tops: [KeywordEntry], _ pages: Set<String>, _ entries: [KeywordEntry]) -> String {
        var text = """
            # Keywords

            \(notice)
            What a configuration may hold, block by block. [configuration.md](../configuration.md) has the rules of the text and
            what happens to mistakes. `aloft support` prints the same as a table.

            | state | what becomes of it | keywords and options |
            | --- | --- | --- |

            """
        let legend: [(String, String, (KeywordEntry.Support) -> Bool)] = [
            ("works", "It does what it says.", { $0 == .works }),
            (
                "without effect", "Read and checked. What it asks for is always or never so.", { $0 == .withoutEffect }
            ),
            ("not yet", "Read and checked, and nothing happens: a warning.", { $0 == .notYet }),
            (
                "refused",
                "Read and checked. It would change who holds what, so a configuration with it is not run for now.",
                { $0 == .refused }
            ),
            (
                "old name", "Another keyword's old name, which says the same.",
                { if case .oldName = $0 { true } else { false } }
            ),
        ]
        for (state, meaning, belongs) in legend {
            text += "| \(state) | \(meaning) | \(entries.count { belongs($0.support) }) |\n"
        }
        text += "\n## At the top of a configuration\n\n"
        text += header
        for top in tops {
            text += row(top, link: pages.contains(top.name) ? top.name + ".md" : nil)
        }
        return text
    }

    private static func page(_ top: KeywordEntry, _ entries: [KeywordEntry]) -> String {
        var text = "# `\(top.name)`\n\n\(notice)\n\(top.documentation)\n"
        if top.support != .works { text += "\nState: \(top.support.text).\n" }
        var blocks: [String] = []
        for entry in entries where entry.block == top.name || isWithin(entry.block, top.name) {
            if !blocks.contains(entry.block) { blocks.append(entry.block) }
        }
        for block in blocks {
            let rows = entries.filter { $0.block == block }
            let name = block.split(separator: "/").joined(separator: " / ")
            let what = rows.first?.isOption == true ? "Options of an entry or a keyword, in any order." : ""
            text += "\n## \(name)\n\n"
            if let opener = entries.first(where: { block == ($0.block.isEmpty ? "" : $0.block + "/") + $0.name }) {
                text += "`\(opener.name)\(opener.arguments.isEmpty ? "" : " " + opener.arguments)`"
                text += what.isEmpty ? "\n\n" : ". \(what)\n\n"
            } else if !what.isEmpty {
                text += what + "\n\n"
            }
            text += header
            for entry in rows { text += row(entry, link: nil) }
        }
        return text
    }

    // MARK: Tables

    private static let header = """
        | keyword | arguments | values | default | state | meaning |
        | --- | --- | --- | --- | --- | --- |

        """

    private static func row(_ entry: KeywordEntry, link: String?) -> String {
        let name = link.map { "[`\(entry.name)`](\($0))" } ?? "`\(entry.name)`"
        let arguments = entry.arguments.isEmpty ? "" : "`\(cell(entry.arguments))`"
        let cells = [
            name, arguments, entry.range, cell(entry.defaultText), entry.support.text, cell(entry.documentation),
        ]
        return "|" + cells.map { $0.isEmpty ? " |" : " \($0) |" }.joined() + "\n"
    }

    /// A bar would end the cell.
    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
