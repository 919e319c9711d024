import ConfigLanguage
import Testing

/// The statements of `text`, indented by depth, a block marked with `{`.
func outline(_ text: String, rules: LexicalRules = LexicalRules(shellQuoted: ["script"], topLevel: ["vrrp_instance"]))
    -> String
{
    let tree = SyntaxTree(main: "a.conf", files: MemoryFiles("a.conf", text), rules: rules)
    return outline(tree)
}

func outline(_ tree: SyntaxTree) -> String {
    var lines: [String] = []
    for index in tree.statements.indices {
        let s = tree.statements[index]
        var depth = 0
        var parent = s.parent
        while let p = parent {
            depth += 1
            parent = tree.statements[Int(p)].parent
        }
        let words = tree.tokens[Int(s.firstToken)..<Int(s.firstToken + s.tokenCount)].map {
            String(decoding: tree.value(of: $0, shellQuoted: s.isShellQuoted), as: UTF8.self)
        }
        lines.append(
            String(repeating: "  ", count: depth) + words.joined(separator: "|") + (s.open == nil ? "" : " {"))
    }
    return lines.joined(separator: "\n")
}

/// `line:column severity rule` of each diagnostic.
func faults(_ tree: SyntaxTree) -> [String] {
    tree.diagnostics.map {
        let place = tree.sources.location(of: $0.range)
        return "\(place.file):\(place.line):\(place.column) \($0.severity) \($0.rule)"
    }
}

@Suite struct SyntaxTreeTests {
    @Test("Braces may stand on the line, on the next one, and around one line")
    func braces() {
        let expected = "vrrp_instance|A {\n  state|MASTER\n  track_script {\n    s1\nb|c {\n  d"
        #expect(outline("vrrp_instance A {\n state MASTER\n track_script {\n s1\n }\n}\nb c {\nd\n}\n") == expected)
        #expect(outline("vrrp_instance A\n\n{\nstate MASTER\ntrack_script { s1 }}\nb c\n{ d }") == expected)
        #expect(outline("vrrp_instance A { state MASTER\r\ntrack_script\r\n{ s1 } } b c { d }\r\n") == expected)
    }

    @Test("A brace without a space before it is read as one, with a note and an edit")
    func braceSpace() {
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", "vrrp_instance VI_1{\n}\n"))
        #expect(outline(tree) == "vrrp_instance|VI_1 {")
        #expect(faults(tree) == ["a:1:19 note config.syntax.brace-space"])
        #expect(tree.diagnostics.first?.fixIt?.replacement == " ")
    }

    @Test("Comments begin with # or ! outside of double quotes, and can be escaped")
    func comments() {
        #expect(outline("# a\n! b\nx 1 # c\ny \"a # b ! c\" ! d\nz a\\#b \\!c") == "x|1\ny|a # b ! c\nz|a#b|!c")
    }

    @Test("A comment in the middle of a word is warned about: it may be a password")
    func commentInWord() {
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", "auth_pass abc!def\n"))
        #expect(outline(tree) == "auth_pass|abc")
        #expect(faults(tree) == ["a:1:14 warning config.syntax.comment-in-word"])
    }

    @Test("A quoted word has no escapes, and a quote ends the word before it")
    func quotes() {
        #expect(outline("a \"b c\\n\" d\"e\"f \"\" \"{\"") == "a|b c\\n|d|e|f||{")
    }

    @Test("Commands have the shell's quoting")
    func shellQuoting() {
        #expect(outline("script \"/bin/sh -c 'exit 0'\"") == "script|/bin/sh -c 'exit 0'")
        #expect(outline(#"script a\ b'c d'"e \"f\"" '# {' x"#) == #"script|a bc de "f"|# {|x"#)
        #expect(outline(#"script \x41\102\tz \cA"#) == "script|AB\tz|\u{1}")
    }

    @Test("Text may begin with a byte order mark, and columns do not count it")
    func byteOrderMark() {
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", "\u{FEFF}a }\n"))
        #expect(outline(tree) == "a")
        #expect(faults(tree) == ["a:1:3 error config.syntax.extra-brace"])
    }

    @Test("Columns count characters")
    func columns() {
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", "x \"äöü€\" é }\n"))
        #expect(faults(tree) == ["a:1:12 error config.syntax.extra-brace"])
    }

    @Test("Lines beyond keepalived's 1023 bytes are read whole")
    func longLines() {
        let long = String(repeating: "w ", count: 100_000)
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", "x " + long + "\ny"))
        #expect(tree.statements.count == 2)
        #expect(tree.statements[0].tokenCount == 100_001)
    }

    @Test("Ten thousand nested blocks are read and closed")
    func nesting() {
        let depth = 10_000
        let text = String(repeating: "a {\n", count: depth) + String(repeating: "}\n", count: depth)
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", text))
        #expect(tree.diagnostics.isEmpty)
        #expect(tree.statements.count == depth)
        #expect(tree.statements[0].end == UInt32(depth))
    }

    @Test(
        "Faults are located",
        arguments: [
            ("}\n", ["a:1:1 error config.syntax.extra-brace"]),
            ("a {\n}\n}\n", ["a:3:1 error config.syntax.extra-brace"]),
            ("a b {\n c\n", ["a:1:5 error config.syntax.missing-brace"]),
            ("{\n b\n}\n", ["a:1:1 error config.syntax.unexpected-brace"]),
            ("a {\n { b }\n}\n", ["a:2:2 error config.syntax.unexpected-brace"]),
            ("a \"b\nc\n", ["a:1:3 error config.syntax.unterminated-quote"]),
            ("script x 'b\nc\n", ["a:1:10 error config.syntax.unterminated-quote"]),
            ("vrrp_instance A {\n x\nvrrp_instance B {\n}\n", ["a:3:1 error config.syntax.missing-brace"]),
            ("include\n", ["a:1:1 error config.include.empty"]),
            ("include b.conf\n", ["a:1:9 error config.include.missing"]),
            ("include b.*\n", []),
            ("includew b.*\n", ["a:1:10 error config.include.missing"]),
            ("include a\n", ["a:1:9 error config.include.cycle"]),
        ] as [(String, [String])])
    func faultTable(_ text: String, _ expected: [String]) {
        let rules = LexicalRules(shellQuoted: ["script"], topLevel: ["vrrp_instance"])
        let tree = SyntaxTree(main: "a", files: MemoryFiles("a", text), rules: rules)
        #expect(faults(tree) == expected)
    }

    @Test("After a missing brace the next block at the top is read as one")
    func recovery() {
        let text = "vrrp_instance A {\n x {\n y\nvrrp_instance B {\n z\n}\n"
        #expect(outline(text) == "vrrp_instance|A {\n  x {\n    y\nvrrp_instance|B {\n  z")
        // A word in a list is no block, whatever it is called.
        #expect(outline("a {\n vrrp_instance\n b\n}\nc") == "a {\n  vrrp_instance\n  b\nc")
    }
}
