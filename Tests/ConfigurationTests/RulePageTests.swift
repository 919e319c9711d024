import ConfigLanguage
import Configuration
import Foundation
import Primitives
import Testing

@Suite struct RulePageTests {
    /// The rules of docs/configuration.md with the anchor of the heading that they stand under.
    static func documented() throws -> [(rule: String, anchor: String)] {
        let file = Corpus.root.deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "docs/configuration.md")
        var rows: [(String, String)] = []
        var anchors: [String: Int] = [:]
        var anchor = ""
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            if line.hasPrefix("#") {
                // As code hosts make them: a second heading of the same name has a number.
                let words = line.drop { $0 == "#" || $0 == " " }.lowercased()
                let slug = words.filter { $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" }
                    .replacingOccurrences(of: " ", with: "-")
                let number = anchors[slug, default: 0]
                anchors[slug] = number + 1
                anchor = number == 0 ? slug : "\(slug)-\(number)"
            } else if line.hasPrefix("| `config.") {
                rows.append((String(line.dropFirst(3).prefix { $0 != "`" }), anchor))
            }
        }
        return rows
    }

    @Test("The page of each rule is the section of the documentation that it stands in")
    func pages() throws {
        let rows = try Self.documented()
        #expect(rows.count > 150)
        for (rule, anchor) in rows { #expect(RulePage.section(of: rule) == anchor, "\(rule)") }
        #expect(
            RulePage.address(of: RuleID("config.instance.strict")) == "docs/configuration.md#instances")
    }
}
