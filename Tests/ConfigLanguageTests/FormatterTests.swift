import ConfigLanguage
import Testing

private let rules = LexicalRules(
    shellQuoted: ["script", "notify_master"], secret: ["auth_pass"], topLevel: ["vrrp_instance", "global_defs"])

private func format(_ text: String) throws -> String {
    String(decoding: try SourceFormatter.format(Array(text.utf8), name: "a.conf", rules: rules), as: UTF8.self)
}

private func refusal(of text: String) -> FormatRefusal? {
    do throws(FormatRefusal) {
        _ = try SourceFormatter.format(Array(text.utf8), name: "a.conf", rules: rules)
        return nil
    } catch {
        return error
    }
}

@Suite struct FormatterTests {
    static let layouts: [(name: String, text: String, expected: String)] = [
        ("nothing", "", ""),
        ("blank space alone", " \n\t\n\n", ""),
        ("an end for the last line", "a", "a\n"),
        ("indentation and one space between words", "a  {\n\tb\t c\n}", "a {\n    b c\n}\n"),
        ("a space before the brace", "a b{\nc\n}\n", "a b {\n    c\n}\n"),
        ("the brace goes up to its keyword", "a b\n\n\n{\nc\n}\n", "a b {\n    c\n}\n"),
        ("the brace goes up with the block's first statement", "a\n{ c\n}\n", "a {\n    c\n}\n"),
        ("the brace cannot pass a comment", "a # x\n{\nb\n}\n", "a # x\n{\n    b\n}\n"),
        ("nor a comment's line", "a\n# x\n{\nb\n}\n", "a\n# x\n{\n    b\n}\n"),
        ("a block of one statement stays on its line", "a  {b   c}\n", "a { b c }\n"),
        ("an empty block too", "a{}\n", "a { }\n"),
        ("a block of more is opened", "a { b { c } }\n", "a {\n    b { c }\n}\n"),
        ("what follows a brace has its own line", "a { b { c } d } e\n", "a {\n    b { c }\n    d\n}\ne\n"),
        ("what precedes a brace has its own line", "a {\nb }\n", "a {\n    b\n}\n"),
        ("braces part", "a { b {\nc\n} }\n", "a {\n    b {\n        c\n    }\n}\n"),
        ("one empty line of many", "a\n\n\n\nb\n", "a\n\nb\n"),
        ("none within the ends of a block or a file", "\n\na {\n\nb\n\n}\n\n\n", "a {\n    b\n}\n"),
        ("a comment goes with its block", "a {\n#  x\n   b\n}\n  !y", "a {\n    #  x\n    b\n}\n!y\n"),
        ("comments behind statements share a column", "a 1 # x\nbcd 1    # y\n", "a 1   # x\nbcd 1 # y\n"),
        ("only with their neighbours", "a # x\nb\nccc # y\n\nd # z\n", "a # x\nb\nccc # y\n\nd # z\n"),
        ("only at their depth", "abc { # x\nd # y\n}\n", "abc { # x\n    d # y\n}\n"),
        ("a comment behind a brace", "a { # x\nb\n}# y\n", "a { # x\n    b\n} # y\n"),
        ("a comment stays with the last of a broken line", "a { b # x\n}\n", "a {\n    b # x\n}\n"),
        ("a comment that touches goes on touching", "a {\nauth_pass x!y\n}\n", "a {\n    auth_pass x!y\n}\n"),
        ("words that touch go on touching", "a  b\"c d\"e\n", "a b\"c d\"e\n"),
        ("quotes stay", "a  \"b  {  c\"   d\n", "a \"b  {  c\" d\n"),
        ("commands stay", "script  '/x  {y}'   \"z  \\\"\"  root\n", "script '/x  {y}' \"z  \\\"\" root\n"),
        ("escaped marks are no comments", "a  b\\#c\n", "a b\\#c\n"),
        ("references are words, blank space within them too", "a  ${_RANDOM 1  9}{\n}\n", "a ${_RANDOM 1  9} {\n}\n"),
        ("ends of lines stay", "a {\r\n b\r\n}\n", "a {\r\n    b\r\n}\n"),
        ("a mark of the byte order stays", "\u{FEFF}  a\n", "\u{FEFF}a\n"),
        ("columns are characters", "é 1 # x\nbc 1 # y\n", "é 1  # x\nbc 1 # y\n"),
    ]

    @Test("A layout is what the table says", arguments: layouts.indices)
    func layout(_ index: Int) throws {
        let row = Self.layouts[index]
        #expect(try format(row.text) == row.expected, "\(row.name)")
        #expect(try format(row.expected) == row.expected, "\(row.name), again")
    }

    static let untouched: [(name: String, text: String, expected: String)] = [
        ("a condition", "a {\n@one  b   c # x\n}\n", "a {\n    @one  b   c # x\n}\n"),
        ("a definition", "a {\n$X=1   2\n}\n", "a {\n    $X=1   2\n}\n"),
        ("a definition's body", "a {\n$X= \\\n b  { \\\n\t c\n}\n", "a {\n    $X= \\\n b  { \\\n\t c\n}\n"),
        ("an open quote in a body", "$X= \\\n  b \"\nc  d\n", "$X= \\\n  b \"\nc d\n"),
        ("a condition before a definition", "@a  $X= \\\n  b {\nc  d\n", "@a  $X= \\\n  b {\nc d\n"),
        ("a loop", "a {\n~LST({x,  y}, {1, 2})  b\n}\n", "a {\n    ~LST({x,  y}, {1, 2})  b\n}\n"),
        (
            "loops within loops", "~SEQ(a, 1)  ~SEQ(b, 2) c {\nd\n~SEQ(a, 1) }\n",
            "~SEQ(a, 1)  ~SEQ(b, 2) c {\n    d\n~SEQ(a, 1) }\n"
        ),
        ("an include", "include   /a/{b,c}/*  # x\nd  e\n", "include   /a/{b,c}/*  # x\nd e\n"),
        ("what begins like one", "included   x\n~SEC  y\n@  z\n", "included x\n~SEC y\n@  z\n"),
        ("a reference at the end of its line", "a {\nb  $X }\n", "a {\n    b $X }\n"),
        ("a reference that a brace would leave", "a $X\n{\nb\n}\n", "a $X\n{\n    b\n}\n"),
        ("a reference in a block on one line", "a {  $X  }\n", "a { $X }\n"),
        (
            "a block for each of two nodes", "@a b {\n@c d {\ne\n}\n@^a f {\n@a g {\nh\n}\n",
            "@a b {\n@c d {\n    e\n}\n@^a f {\n@a g {\n    h\n}\n"
        ),
        (
            "a block for one of them", "a {\n@b c {\n@b d\n@b }\ne\n}\n",
            "a {\n    @b c {\n        @b d\n    @b }\n    e\n}\n"
        ),
    ]

    @Test("What is expanded later keeps its words, and its blocks count", arguments: untouched.indices)
    func directives(_ index: Int) throws {
        let row = Self.untouched[index]
        #expect(try format(row.text) == row.expected, "\(row.name)")
        #expect(try format(row.expected) == row.expected, "\(row.name), again")
    }

    static let broken: [(text: String, line: Int, column: Int, rule: String)] = [
        ("a {\n b \"c\n}\n", 2, 4, "config.syntax.unterminated-quote"),
        ("script 'x\n", 1, 8, "config.syntax.unterminated-quote"),
        ("@one a \"b\n", 1, 8, "config.syntax.unterminated-quote"),
        ("a {\n b\n}\n}\n", 4, 1, "config.syntax.extra-brace"),
        ("}\n}\n}\n", 1, 1, "config.syntax.extra-brace"),
        ("a {\n b {\n}\n", 1, 3, "config.syntax.missing-brace"),
        ("vrrp_instance A {\n b {\n c\n }\nvrrp_instance B {\n}\n", 5, 1, "config.syntax.missing-brace"),
        ("vrrp_instance A {\nvrrp_instance B\n{\n}\n", 2, 1, "config.syntax.missing-brace"),
        ("@one a {\nb\n", 1, 8, "config.syntax.missing-brace"),
    ]

    @Test("What is not closed is refused at its place", arguments: broken.indices)
    func refusals(_ index: Int) throws {
        let row = Self.broken[index]
        let refused = try #require(refusal(of: row.text))
        let fault = try #require(refused.diagnostics.first)
        let place = refused.sources.location(of: fault.range)
        #expect("\(place.line):\(place.column) \(fault.rule)" == "\(row.line):\(row.column) \(row.rule)")
        #expect(refused.diagnostics.count == 1)
        #expect(fault.severity == .error)
    }

    @Test("A refusal shows no password")
    func secrets() throws {
        let refused = try #require(refusal(of: "auth_pass geheim \"x\n"))
        let text = DiagnosticRenderer(refused.sources).render(refused.diagnostics)
        #expect(text.contains("auth_pass ******"))
        #expect(!text.contains("geheim"))
    }

    @Test("What is shown of a text has stars for passwords and is else the same")
    func masked() {
        let text = "a {\n  auth_pass  geheim \"zu lang\" # x\n@one auth_pass y\n}\n"
        let masked = SourceFormatter.masked(Array(text.utf8), rules: rules)
        #expect(
            String(decoding: masked, as: UTF8.self) == "a {\n  auth_pass  ****** ********* # x\n@one auth_pass *\n}\n")
    }

    @Test("A line of 10 MB and 100,000 nested blocks are laid out in a moment", .timeLimit(.minutes(5)))
    func giants() throws {
        let quoted = "a \"" + String(repeating: "b ", count: 5_000_000) + "\"\n"
        #expect(try format(quoted) == quoted)
        let open = String(repeating: "{", count: 100_000)
        let nested = String(repeating: "a{\n", count: 100_000) + String(repeating: "}", count: 100_000)
        let result = try format(nested)
        #expect(result.utf8.count { $0 == 0x7D } == 100_000)
        #expect(result.utf8.count < 16 << 20)
        #expect(refusal(of: open)?.diagnostics.map(\.rule.description) == ["config.syntax.missing-brace"])
        let closed = String(repeating: "}", count: 100_000)
        #expect(refusal(of: closed)?.diagnostics.map(\.rule.description) == ["config.syntax.extra-brace"])
        let nodes = (0..<20_000).map { "@n\($0) a {\n" }.joined() + "}\n"
        #expect(try format(nodes) == nodes)
        let quotes = String(repeating: "a \"b\n", count: 20_000)
        #expect(refusal(of: quotes)?.diagnostics.count == 10_000)
    }

    @Test("A text beyond the limit is refused")
    func limit() throws {
        let text = [UInt8](repeating: 0x61, count: (16 << 20) + 1)
        #expect(throws: FormatRefusal.self) { try SourceFormatter.format(text, name: "a", rules: rules) }
    }
}
