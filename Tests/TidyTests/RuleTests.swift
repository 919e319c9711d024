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

    @Test("every rule decides something") func used() {
        // `.name` wherever it stands outside comments, interpolations included. A declaration has no dot before it.
        var mentioned: Set<Substring> = []
        for file in repository.sources {
            for line in file.lines where !line.drop(while: { $0 == " " }).hasPrefix("//") {
                for part in line.split(separator: ".").dropFirst() { mentioned.insert(part.prefix(while: isWord)) }
            }
        }
        let idle = rules.filter { $0.constant.map { !mentioned.contains(Substring($0)) } == true }
        #expect(idle.map(\.id).sorted() == [])
    }

    @Test("every rule stands in a test, by its id or its constant") func tested() {
        // The corpus's files carry what is expected of them; those that wait for something are not held to it.
        let corpus = repository.files.filter {
            $0.path.hasPrefix("Tests/Corpus/") && !$0.path.hasPrefix("Tests/Corpus/pending/")
        }
        let tests = (repository.tests + corpus).map(\.text).joined(separator: "\n")
        let words = Set(tests.split(whereSeparator: { !isWord($0) }))
        let untested = rules.filter { rule in
            !(rule.constant.map { words.contains(Substring($0)) } ?? false) && !tests.contains(rule.id)
        }
        #expect(untested.map(\.id).sorted() == [])
    }

    private func isWord(_ character: Character) -> Bool {
        character.isLetter || character.isNumber || character == "_"
    }
}
