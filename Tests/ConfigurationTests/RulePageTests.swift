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
        #expect(rows.count > 120)
        var found: [String: String] = [:]
        // A rule's id comes from the code: every file of the corpus gives some.
        for file in CorpusTests.faulty.main {
            let loaded = Configuration.load(main: file.path, files: CorpusTests.faulty.files)
            for diagnostic in loaded.diagnostics {
                found[diagnostic.rule.description] = RulePage.address(of: diagnostic.rule)
            }
        }
        for cluster in ClusterCase.all {
            for finding in try cluster.check().findings {
                found[finding.diagnostic.rule.description] = RulePage.address(of: finding.diagnostic.rule)
            }
        }
        #expect(found.count > 90)
        for (rule, anchor) in rows {
            guard let page = found[rule] else { continue }
            #expect(page == "docs/configuration.md#\(anchor)", "\(rule)")
        }
        for rule in found.keys.sorted() where !rows.contains(where: { $0.rule == rule }) {
            Issue.record("\(rule) has no row")
        }
    }
}
