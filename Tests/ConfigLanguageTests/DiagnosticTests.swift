import ConfigLanguage
import Primitives
import Testing

@Suite struct DiagnosticTests {
    static let rule = RuleID("config.test.rule")

    func sources(_ text: String) -> SourceSet {
        var sources = SourceSet()
        _ = sources.add("k.conf", Array(text.utf8))
        return sources
    }

    @Test("A diagnostic shows file, line, column, rule, the line with the place marked, the reason and the fix")
    func golden() {
        let sources = sources("vrrp_instance A {\n\tpriority 300 # x\n}\n")
        let diagnostic = Diagnostic(
            .error, Self.rule, at: SourceRange(start: 28, end: 31), "300 is out of range", reason: "1 to 255",
            fix: "write less", related: [Diagnostic.Related(SourceRange(start: 14, end: 15), "in this block")])
        #expect(
            DiagnosticRenderer(sources).render([diagnostic]) == """
                k.conf:2:11: error: 300 is out of range [config.test.rule]
                   2 | \tpriority 300 # x
                     | \t         ^~~
                    reason: 1 to 255
                    fix: write less
                k.conf:1:15: note: in this block
                   1 | vrrp_instance A {
                     |               ^

                1 error

                """)
    }

    @Test("JSON carries places, texts and edits")
    func json() {
        let sources = sources("state master\n")
        let range = SourceRange(start: 6, end: 12)
        let diagnostic = Diagnostic(
            .warning, Self.rule, at: range, "\"q\"\n", fix: "f", fixIt: Diagnostic.FixIt(range, "MASTER"))
        let place = #""file":"k.conf","line":1,"column":7,"endLine":1,"endColumn":13"#
        #expect(
            DiagnosticRenderer(sources).renderJSON([diagnostic])
                == #"[{\#(place),"severity":"warning","rule":"config.test.rule","message":"\"q\"\n","fix":"f","#
                + #""fixIt":{\#(place),"replacement":"MASTER","safe":false}}]"#)
        #expect(DiagnosticRenderer(sources).renderJSON([]) == "[]")
    }

    @Test("Long lines are cut around the place")
    func longLine() {
        let sources = sources(String(repeating: "a", count: 500) + "X" + String(repeating: "b", count: 500))
        let text = DiagnosticRenderer(sources).render(
            Diagnostic(.error, Self.rule, at: SourceRange(start: 500, end: 501), "m"))
        let lines = text.split(separator: "\n")
        #expect(lines[1].count < 140)
        let caret = lines[2].firstIndex(of: "^").map { lines[2].distance(from: lines[2].startIndex, to: $0) }
        let mark = lines[1].firstIndex(of: "X").map { lines[1].distance(from: lines[1].startIndex, to: $0) }
        #expect(caret == mark)
    }

    @Test("Nothing in a file reaches the terminal as a control sequence")
    func controlCharacters() {
        let sources = sources("a\u{1B}[31mb\u{9B}c\u{0}")
        let text = DiagnosticRenderer(sources).render(
            Diagnostic(.error, Self.rule, at: SourceRange(start: 0, end: 1), "x\u{1B}y"))
        #expect(text.contains("a·[31mb·c·"))
        #expect(text.contains("x·y"))
    }

    @Test("Passwords are painted over in the line shown")
    func secrets() {
        let rules = LexicalRules(secret: ["auth_pass"])
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", "auth_pass \"hunter2\" } }\n"), rules: rules)
        let text = DiagnosticRenderer(tree.sources).render(tree.diagnostics)
        #expect(text.contains("auth_pass ********* } }"))
        #expect(!text.contains("hunter2"))
    }

    @Test(
        "The nearest word is found, and a far one is not",
        arguments: [
            ("prioriti", "priority"), ("priorty", "priority"), ("PRIORITY", "priority"), ("interfcae", "interface"),
            ("virtual_ipadress", "virtual_ipaddress"), ("x", nil), ("zzzzzz", nil), ("", nil),
        ] as [(String, String?)])
    func spelling(_ word: String, _ expected: String?) {
        #expect(Spelling.nearest(to: word, among: ["interface", "priority", "virtual_ipaddress"]) == expected)
    }

    @Test(
        "A command is split as by a shell",
        arguments: [
            ("a b  c", ["a", "b", "c"]), ("a 'b c' \"d e\"", ["a", "b c", "d e"]), ("a'b'\"c\"d", ["abcd"]),
            ("''", [""]), ("", []), (#"\x41 \101 \n \\ \z"#, ["A", "A", "\n", "\\", "z"]), (#"'\n'"#, [#"\n"#]),
        ] as [(String, [String])])
    func words(_ text: String, _ expected: [String]) throws {
        let words = try ShellWords.split(Array(text.utf8)[...]).get().map { String(decoding: $0, as: UTF8.self) }
        #expect(words == expected)
    }

    @Test("A command that cannot be split says where")
    func badWords() {
        #expect(ShellWords.split(Array("a 'b".utf8)[...]) == .failure(.unterminated(quote: 0x27, at: 2)))
        #expect(ShellWords.split(Array("a \\".utf8)[...]) == .failure(.badEscape(at: 2)))
        #expect(ShellWords.split(Array("\\xg".utf8)[...]) == .failure(.badEscape(at: 0)))
    }
}
