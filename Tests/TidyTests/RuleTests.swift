import Foundation
import Testing

/// The same rule id stands in the code, in a test and in docs/rules.md.
@Suite struct Rules {
    struct Rule: Hashable {
        let id: String
        /// The constant, such as `masterDown`; nil for an id that has none.
        let constant: String?
        let path: String
    }

    let repository = Repository.shared

    /// Every rule that the product declares: `RuleID("…")`, and `Rule("…")` of the configuration.
    var rules: [Rule] {
        var found: [Rule] = []
        for file in repository.sources {
            for line in file.lines {
                let code = line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line
                guard code.contains("RuleID(\"") || code.contains(" Rule("),
                    let start = code.firstRange(of: "\"")?.upperBound, let end = code[start...].firstIndex(of: "\"")
                else { continue }
                let id = String(code[start..<end])
                let before = code[..<start].split(separator: " ")
                let constant = before.firstIndex(of: "let").flatMap {
                    $0 + 1 < before.count ? String(before[$0 + 1]) : nil
                }
                found.append(Rule(id: id, constant: constant, path: file.path))
            }
        }
        return found
    }

    /// Ids that have a heading, ### `id`, in docs/rules.md, or stand in docs/configuration.md.
    var documented: [String] {
        let headings = (repository.file("docs/rules.md")?.lines ?? []).filter { $0.hasPrefix("### `") }
            .map { String($0.dropFirst(5).prefix { $0 != "`" }) }
        let text = repository.file("docs/configuration.md")?.text ?? ""
        let named = text.split(separator: "`").filter { word in
            word.hasPrefix("config.") && word.allSatisfy { $0.isLetter || $0.isNumber || $0 == "." || $0 == "-" }
        }
        return headings + Set(named.map(String.init)).sorted()
    }

    @Test("an id names one rule") func unique() {
        let ids = rules.map(\.id)
        let twice = Dictionary(grouping: ids) { $0 }.filter { $1.count > 1 }.keys.sorted()
        #expect(twice.isEmpty, "declared more than once: \(twice)")
        #expect(Set(documented).count == documented.count, "docs/rules.md has a heading twice")
    }

    @Test("every rule is explained, and nothing else is") func explained() {
        let declared = Set(rules.map(\.id))
        let documented = Set(documented)
        #expect(declared.subtracting(documented).sorted() == [], "without a paragraph in docs/rules.md")
        #expect(documented.subtracting(declared).sorted() == [], "in docs/rules.md, but no longer in the code")
    }

    @Test("every rule is used, and stands in a test") func used() {
        let code = repository.sources.map(\.code).joined(separator: "\n")
        let tests = repository.tests.map(\.text).joined(separator: "\n")
        let words = Set(tests.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") }).map(String.init))
        for rule in rules {
            if let constant = rule.constant {
                let uses = code.ranges(of: "." + constant).filter { range in
                    range.upperBound == code.endIndex
                        || !(code[range.upperBound].isLetter || code[range.upperBound].isNumber)
                }
                #expect(!uses.isEmpty, "\(rule.id) (\(rule.path)) decides nothing")
            }
            let isTested = tests.contains(rule.id) || rule.constant.map { words.contains($0) } == true
            #expect(isTested, "\(rule.id) (\(rule.path)) stands in no test")
        }
    }
}
