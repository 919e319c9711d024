import Foundation
import Testing

/// What the documents name exists.
@Suite struct Documents {
    let repository = Repository.shared
    static let required = [
        "README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/invariants.md", "docs/differences.md",
        "docs/dependencies.md", "docs/rules.md",
    ]

    @Test("every path named in a document exists") func paths() {
        for file in repository.files where file.path.hasSuffix(".md") {
            for name in quoted(in: file.text) {
                let tops = ["Sources/", "Tests/", "docs/", "scripts/", "Examples/", ".ci/"]
                guard tops.contains(where: name.hasPrefix), !name.contains(where: { "*<… ".contains($0) }) else {
                    continue
                }
                let path = name.split(separator: ":").first.map(String.init) ?? name
                #expect(repository.exists(path), "\(file.path) names \(path)")
            }
            for target in links(in: file.text) where !target.contains("://") && !target.hasPrefix("#") {
                let path = target.split(separator: "#")[0]
                let directory = (file.path as NSString).deletingLastPathComponent
                #expect(
                    repository.exists(directory + "/" + path) || repository.exists(String(path)),
                    "\(file.path) links to \(path)")
            }
        }
        for path in Documents.required { #expect(repository.exists(path), "\(path) is missing") }
    }

    @Test("every symbol named in docs/architecture.md exists") func symbols() throws {
        let file = try #require(repository.file("docs/architecture.md"))
        var types: Set<String> = Set(House.rooms.map(\.name))
        var members: Set<String> = []
        for source in repository.sources {
            let words = source.code.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") })
            for (word, next) in zip(words, words.dropFirst()) {
                switch word {
                case "struct", "class", "enum", "protocol", "typealias", "extension", "actor":
                    types.insert(String(next))
                case "func", "var", "let", "case": members.insert(String(next))
                case "init": members.insert("init")
                default: break
                }
            }
            // `case a, b(Int)` names more than its first
            for line in source.code.split(separator: "\n") {
                let words = line.split(whereSeparator: { " ,(:".contains($0) })
                if words.first == "case" { members.formUnion(words.dropFirst().map(String.init)) }
            }
        }
        for name in quoted(in: file.text) {
            let path = name.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)[0].split(
                separator: "."
            ).map(String.init)
            guard let first = path.first, first.first?.isUppercase == true, path.allSatisfy(isIdentifier),
                first.contains(where: \.isLowercase), !name.hasSuffix(".swift"), !name.hasSuffix(".md")
            else { continue }
            #expect(types.contains(first), "docs/architecture.md names `\(name)`: no type \(first)")
            for member in path.dropFirst() {
                #expect(
                    members.contains(member) || types.contains(member),
                    "docs/architecture.md names `\(name)`: no \(member)")
            }
        }
    }

    private func isIdentifier(_ word: String) -> Bool {
        !word.isEmpty && word.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
    }

    /// What stands between single backticks, outside fenced blocks.
    private func quoted(in text: String) -> [String] {
        var found: [String] = []
        var fenced = false
        for line in text.split(separator: "\n") {
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                fenced.toggle()
            } else if !fenced {
                let parts = line.split(separator: "`", omittingEmptySubsequences: false)
                for (index, part) in parts.enumerated() where index % 2 == 1 && index < parts.count - 1 {
                    found.append(String(part))
                }
            }
        }
        return found
    }

    /// The targets of [text](target).
    private func links(in text: String) -> [String] {
        text.ranges(of: "](").compactMap { range in
            text[range.upperBound...].firstIndex(of: ")").map { String(text[range.upperBound..<$0]) }
        }
    }
}
