import Primitives
import Testing

@testable import ConfigLanguage

/// A line may have any length, and as many faults as fit on it.
@Suite struct LongLineTests {
    private func tree(_ text: String) -> SyntaxTree { SyntaxTree(main: "a", files: MemoryFiles("a", text)) }

    @Test("Columns in a long line count characters, in whatever script", arguments: ["x", "é", "日", "e\u{301}", "x é"])
    func columns(_ letter: String) {
        let text = String(repeating: letter, count: 20_000)
        var sources = SourceSet()
        _ = sources.add("before", Array("one line\n".utf8))
        _ = sources.add("a", Array("\u{FEFF}short\n\(text)}\n".utf8))
        let start = sources.files[1].lineStarts[1]
        let brace = start + UInt32(text.utf8.count)
        let place = sources.location(of: SourceRange(start: brace, end: brace + 1))
        #expect(place.line == 2)
        // A character of several scalars may count twice where a mark falls into it.
        let slack = letter.unicodeScalars.count > 1 ? text.utf8.count / ColumnMarks.step : 0
        #expect(abs(place.column - (text.count + 1)) <= slack)
        let first = sources.location(of: SourceRange(start: start + 1, end: start + 1))
        #expect(first.column == 2)
    }

    @Test("The first line's columns begin behind a byte order mark, however long it is")
    func byteOrderMark() {
        var sources = SourceSet()
        _ = sources.add("a", Array("\u{FEFF}\(String(repeating: "x", count: 9_999))}".utf8))
        #expect(sources.location(of: SourceRange(start: 10_002, end: 10_003)).column == 10_000)
    }

    @Test(
        "Ten thousand faults on one line are shown in a moment", .timeLimit(.minutes(1)),
        arguments: ["}", "é}", "日{ } {} "])
    func faults(_ part: String) {
        let tree = tree(String(repeating: part, count: 60_000))
        let text = DiagnosticRenderer(tree.sources).render(tree.diagnostics)
        #expect(tree.diagnostics.count == DiagnosticList.limit)
        #expect(text.utf8.count < 10_000_000)
        #expect(DiagnosticRenderer(tree.sources).renderJSON(tree.diagnostics).utf8.count < 10_000_000)
    }

    @Test("The excerpt of a long line shows what is around the place, with the caret below it")
    func excerpt() {
        let filler = String(repeating: "日", count: 5_000)
        let tree = tree("\(filler)} \(filler)")
        let text = DiagnosticRenderer(tree.sources).render(tree.diagnostics)
        let lines = text.split(separator: "\n")
        #expect(lines[0].hasPrefix("a:1:5001: error"))
        let shown = Array(lines[1])
        #expect(shown.contains("}") && !shown.contains("\u{FFFD}") && shown.count < 140)
        #expect(shown.firstIndex(of: "}") == Array(lines[2]).firstIndex(of: "^"))
        #expect(shown.first { $0 == "…" } != nil && shown.last == "…")
    }

    @Test("A message quotes the ends of a long word, not all of it")
    func message() {
        let word = String(repeating: "é", count: 1_000_000)
        let diagnostic = Diagnostic(
            .error, SyntaxRule.extraBrace, at: SourceRange(start: 0, end: 1), "unknown keyword `\(word)` at the top")
        #expect(diagnostic.message.utf8.count < 700)
        #expect(diagnostic.message.hasPrefix("unknown keyword `éé") && diagnostic.message.hasSuffix("éé` at the top"))
        #expect(!diagnostic.message.contains("\u{FFFD}"))
    }

    @Test("A password is never shown, however many there are and wherever the line is cut")
    func passwords() {
        let rules = LexicalRules(secret: ["auth_pass"])
        let line = String(repeating: "auth_pass hunter2 } ", count: 1_000)
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", line), rules: rules)
        let text = DiagnosticRenderer(tree.sources).render(tree.diagnostics)
        #expect(tree.sources.secrets.count == 1_000)
        #expect(!text.contains("hunter2") && text.contains("*******"))
        for text in ["auth_pass hunter2{ }\n", "auth_pass hunter2 {\n", "auth_pass hunter2\n{\n"] {
            let tree = SyntaxTree(main: "a", files: MemoryFiles("a", text), rules: rules)
            #expect(!DiagnosticRenderer(tree.sources).render(tree.diagnostics).contains("hunter2"))
            do throws(FormatRefusal) {
                _ = try SourceFormatter.format(Array(text.utf8), name: "a", rules: rules)
            } catch {
                #expect(!DiagnosticRenderer(error.sources).render(error.diagnostics).contains("hunter2"))
            }
        }
    }
}
