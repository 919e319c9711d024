import ConfigLanguage
import Testing

/// Conditions, variables and loops. What keepalived 2.2.7 makes of the same text is in the first column of the tables where no
/// comment says otherwise: seen in the keywords that it reports as unknown.
@Suite struct ExpansionTests {
    static let environment = TextEnvironment(id: "main", directory: "/tmp") { $0 == "HOME" ? "/root" : nil }
    static let rules = LexicalRules(
        shellQuoted: ["script"], secret: ["auth_pass"], topLevel: ["vrrp_instance", "virtual_server"])

    private func tree(_ text: String) -> SyntaxTree {
        SyntaxTree(
            main: "a", files: MemoryFiles("a", text), rules: Self.rules, environment: Self.environment)
    }

    /// The statements in one line, and the faults.
    private func read(_ text: String) -> (String, [String]) {
        let tree = tree(text)
        return (
            outline(tree).split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }.joined(separator: ";"),
            faults(tree)
        )
    }

    @Test(
        "What a text comes to",
        arguments: [
            // Conditions.
            ("@main aa\n@other bb\n@^main cc\n@^other dd\n  @main gg\n@mainx hh\n", "aa;dd;gg"),
            ("xx { @main aa\n@other bb }\n}\n", "xx {;aa"),
            ("@main $A=1\n@other $A=2\nx $A\n", "x|1"),
            // Documented, and not done by keepalived 2.2.7.
            ("$IF=@main\n$NOT=@^main\n$IF aa\n$NOT bb\n", "aa"),
            // References.
            ("$A=foo # c\nx1 $A\n$A\n${A}bar\n$A,x\n($A)\n\"y $A z\"\n", "x1|foo;foo;foobar;foo,x;(foo);y foo z"),
            ("$A= foo  \nx${A}y\n$B=\"q r\"\n${B}\n$C=\nx${C}y\n$_U=5\n$_U\n $D=6\n$D\n", "xfooy;q r;xy;5;6"),
            ("$A=10.2.${B}\n$B=0\n${A}.100/32\n$B=10\n${A}.100/32\n", "10.2.0.100/32;10.2.10.100/32"),
            ("$A=x{y}z\n$A\n", "x {;y;z"),
            ("$A={\nx $A\ny\n}\n", "x {;y"),
            ("xx { $Q=5\nyy$Q\n}\n", "xx {;yy5"),
            // Lines.
            ("$M=\\\nline1 \\\nline2 \\\nline3\n$M\npre $M\n", "line1;line2;line3;pre|line1;line2;line3"),
            ("$M=first \\\nline2\n$M\n", "first;line2"),
            ("$M=\\\nline1 \\\n# comment \\\nline3\nnext\n$M\n", "next;line1;line3"),
            ("$M=\\\nline1 \\ # comment\nline2\nnext\n$M\n", "next;line1;line2"),
            ("@main $A=\\\nl1 \\\nl2\nx\n$A\n", "x;l1;l2"),
            // keepalived reads the rest of a definition that is another node's as lines of this one.
            ("@other $A=\\\nl1 \\\nl2\nx\n", "x"),
            ("$M=\\\nb { \\\n@main c \\\n@other d \\\n}\n$M\n", "b {;c"),
            // Loops.
            ("~SEQ(n,3) a$n\n~SEQ(n,2,4) b${n}x\n~SEQ(n,-2) c$n\n", "a1;a2;a3;b2x;b3x;b4x;c-1;c-2"),
            ("~SEQ(n,1,2,6) d$n\n~SEQ(n,3,-1,1) f$n\n", "d1;d3;d5;f3;f2;f1"),
            ("~SEQx(n,9,12) e$n\n~SEQx(n, 0x90, 0x10, 0xc0) f$n\n", "e9;ea;eb;ec;f90;fa0;fb0;fc0"),
            (" ~SEQ (n,2) k$n\n~SEQ( n , 2 ) l$n\n~SEQ(n,010,010) m$n\n", "k1;k2;l1;l2;m8"),
            ("~LST(v,a,b) x$v\n~LST({v,w},{1,2},{3,4}) y${v}-$w\n~LST(v,) s$v\n", "xa;xb;y1-2;y3-4;s"),
            ("~SEQ(a,2) ~LST(b,p,q) ${a}$b\n", "1p;1q;2p;2q"),
            ("$S=~SEQ(n,2) c$n\n$S\n$T=~SEQ(n,2)\n$T d$n\n", "c1;c2;d1;d2"),
            ("$M=2\n~SEQ(x,1,$M) y$x\n", "y1;y2"),
            // keepalived takes the comma for a part of the value.
            ("$L=a, b\n~LST(v,$L) z$v\n", "za;zb"),
            // A variable of a loop hides another of its name, and is gone behind it; keepalived keeps the last value.
            ("$n=7\n~SEQ(n,2) a$n\nb$n\n", "a1;a2;b7"),
            ("x ~SEQ(n,2) w\n", "x|~SEQ(n,2)|w"),
            // What is predefined. keepalived ends the line of 2.2.7 at the last two.
            (
                "${_PWD}/x\n$_PWD\n${_INSTANCE}x\n${_ENV HOME}/x\na${_HASH}b\na${_BANG}b c\n",
                "/tmp/x;/tmp;mainx;/root/x;a#b;a!b|c"
            ),
            // A block may begin on the line below.
            ("$N=a\nb $N\n{\nc\n}\n", "b|a {;c"),
            // Escaped comments stay words.
            ("$N=a\nb \\#$N \\!c # d $N\n", "b|#a|!c"),
        ])
    func expansions(_ text: String, _ expected: String) {
        let (outline, faults) = read(text)
        #expect(outline == expected)
        #expect(faults.filter { !$0.contains(" note ") } == [])
    }

    @Test(
        "Faults are told where they are written",
        arguments: [
            ("@ aa\n", "1:1 error config.condition.name"),
            ("@main @other ff\n", "1:7 error config.condition.twice"),
            ("x $UNDEF\n", "1:3 error config.variable.undefined"),
            ("x ${UNDEF}y\n", "1:3 error config.variable.undefined"),
            ("x ${_HOST}\n", "1:3 error config.variable.undefined"),
            ("$A=foo\nx $A.b\n", "2:3 error config.variable.braces"),
            ("$A=foo\nx \"$A\"\n", "2:4 warning config.variable.braces"),
            ("$A =foo\n", "1:3 error config.variable.definition-space"),
            ("$A=$A\nx $A\n", "1:4 error config.variable.cycle"),
            ("$A=$B\n$B=$C\n$C=$B\nx $A\n", "2:4 error config.variable.cycle"),
            ("$M=a \\\nb\nx { $M }\n", "3:5 error config.variable.lines"),
            ("x ${_RANDOM 5 3}\n", "1:3 error config.variable.argument"),
            ("x ${_PWD y}\n", "1:3 error config.variable.argument"),
            ("$M=a \\\n", "1:6 error config.variable.definition-end"),
            ("$M=a \\\n\nb\n", "1:6 warning config.variable.definition-end"),
            ("$M=a \\\nb \\\nvrrp_instance A {\n}\n", "2:3 error config.variable.definition-end"),
            ("~SEQ(n,1,0,9) a$n\n", "1:1 error config.loop.step"),
            ("~SEQ(n,1,-1,9) a$n\n", "1:1 error config.loop.step"),
            ("~SEQ(n,1,9 a$n\n", "1:1 error config.loop.syntax"),
            ("~SEQ() a$n\n", "1:1 error config.loop.syntax"),
            ("~SEQ(n, b) a$n\n", "1:9 error config.loop.syntax"),
            ("~SEQ(n, 99999999999999999999) a$n\n", "1:9 error config.loop.syntax"),
            ("~SEQ(1n, 2) a$n\n", "1:1 error config.loop.syntax"),
            ("~SEQ(n, 2)\n", "1:1 error config.loop.syntax"),
            ("~LST(n) a\n", "1:1 error config.loop.syntax"),
            ("~LST({a,b}, {1,2,3}) a\n", "1:13 error config.loop.tuple"),
            ("~LST({a,b}, {1}) ${a}$b\n", "1:13 warning config.loop.tuple"),
            ("~LST({a,b}, 1) a\n", "1:13 error config.loop.syntax"),
            ("~SEQ(n, 1000000) a$n\n", "1:1 error config.loop.limit"),
            ("~SEQ(n, -9000000000, 9000000000) a$n\n", "1:1 error config.loop.limit"),
            ("~SEQ(n, 1000) ~SEQ(m, 1000) a$n\n", "1:15 error config.loop.limit"),
            ("a\0b\n", "1:2 error config.syntax.nul"),
            ("x \"a\0b\"\n", "1:5 error config.syntax.nul"),
            ("a\u{A0}b\n", "1:2 error config.syntax.blank"),
            ("a \u{201C}b c\u{201D}\n", "1:3 error config.syntax.typographic-quote"),
        ])
    func faultTable(_ text: String, _ expected: String) {
        #expect(faults(tree(text)) == ["a:" + expected])
    }

    @Test("What a shell or a password has of its own stays as it is, and is no fault")
    func leftAlone() {
        let text = "$NAME=x\nscript \"/bin/sh -c 'echo $HOME ${HOME} $1'\"\nauth_pass $ecret\nx \"$HOME y\"\n"
        let (outline, faults) = read(text)
        #expect(outline == "script|/bin/sh -c 'echo $HOME ${HOME} $1';auth_pass|$ecret;x|$HOME y")
        #expect(faults.isEmpty)
        // Unless it is nearly the name of a variable.
        #expect(read("$NAME=x\nscript \"echo $NAM \"\n").1 == ["a:2:14 warning config.variable.undefined"])
    }

    @Test("A place in a value is told as a place in the definition, of a whole as where it is put together")
    func places() {
        let tree = tree("$A=12\n$B=${A}34\nx $A ${B} y${A}z\n~LST(v, 5, 67) p $v q$v\n")
        let places = tree.tokens.map { token -> String in
            let start = tree.sources.location(of: token.range)
            let end = tree.sources.endLocation(of: token.range)
            return "\(tree.sources.text(in: token.range)) \(start.line):\(start.column)-\(end.column)"
        }
        #expect(
            places == [
                "x 3:1-2", "12 1:4-6", "1234 2:4-10", "y12z 3:11-17", "p 4:16-17", "5 4:9-10", "q5 4:21-24",
                "p 4:16-17",
                "67 4:12-14", "q67 4:21-24",
            ])
    }

    @Test("A diagnostic says how its text came about, once for all passes of a loop")
    func notes() {
        let tree = tree("$P=1 }\n$Q=$P\n~SEQ(n, 7, 9) $Q\n")
        let placed = tree.sources.placed(tree.diagnostics)
        #expect(placed.map { "\($0.rule)" } == ["config.syntax.extra-brace"])
        let text = DiagnosticRenderer(tree.sources).render(placed)
        #expect(text.contains("a:1:6: error"))
        #expect(text.contains("a:2:4: note: it is put in here"))
        #expect(text.contains("a:3:15: note: it is put in here"))
        #expect(text.contains("a:3:1: note: in pass 1 of this loop, where n is 7"))
        #expect(text.contains("the same 2 times more"))
    }

    @Test("A password that comes from a variable or a list is shown nowhere")
    func secrets() {
        let text = "$PASS=hunter2 }\n~LST(v, hunter3 }, b) auth_pass $v\nauth_pass $PASS\n}\n"
        let tree = tree(text)
        let shown = DiagnosticRenderer(tree.sources).render(tree.sources.placed(tree.diagnostics))
        #expect(!tree.diagnostics.isEmpty)
        #expect(!shown.contains("hunter"), "\(shown)")
    }

    @Test("An edit is made where the text is written, or not at all")
    func edits() {
        let tree = tree("$A=a{\n$B=1\n$A\n}\nb${B}{\n}\n")
        let placed = tree.sources.placed(tree.diagnostics)
        #expect(placed.map { "\($0.rule)" } == ["config.syntax.brace-space", "config.syntax.brace-space"])
        let places = placed.map { diagnostic in diagnostic.fixIt.map { tree.sources.location(of: $0.range) } }
        #expect(places.map { $0?.line } == [1, 5])
        #expect(places.map { $0?.column } == [5, 6])
    }

    @Test("The same text on the same node gives the same random numbers, on another node others")
    func random() {
        let text = "a ${_RANDOM}\nb ${_RANDOM 5 9}\nc ${_RANDOM 7 7}\n"
        let first = outline(tree(text))
        #expect(first == outline(tree(text)))
        let other = SyntaxTree(
            main: "a", files: MemoryFiles("a", text), rules: Self.rules, environment: TextEnvironment(id: "other"))
        #expect(first != outline(other))
        #expect(first.hasSuffix("c|7"))
    }

    @Test("A file that names other nodes only says so to a node that it does not name")
    func otherNode() {
        #expect(faults(tree("@left a\n@right b\nc\n")) == ["a:1:1 note config.condition.other-node"])
        #expect(faults(tree("@main a\n@right b\n")) == [])
        #expect(faults(tree("@left a\n@^left b\n")) == [])
    }

    @Test("An included file has a directory of its own, and an include may be a value")
    func includes() {
        let files = MemoryFiles([
            ProvidedFile(path: "a", bytes: Array("$I=include d/b\n$I\n@main include d/b\n@other include none\n".utf8)),
            ProvidedFile(path: "d/b", bytes: Array("x ${_PWD}\n".utf8)),
        ])
        let tree = SyntaxTree(main: "a", files: files, rules: Self.rules, environment: Self.environment)
        #expect(outline(tree) == "x|/tmp/d\nx|/tmp/d")
        #expect(tree.diagnostics.isEmpty)
    }

    @Test("A thousand million laughs are one fault, soon found", arguments: ["a", ""])
    func laughs(_ innermost: String) {
        var text = "$V0=\(innermost)\n"
        for number in 1...30 {
            text += "$V\(number)=" + String(repeating: "${V\(number - 1)}", count: 10) + "\n"
        }
        let tree = tree(text + "x ${V30}\n")
        #expect(tree.diagnostics.filter { $0.severity == .error }.map { "\($0.rule)" } == ["config.variable.limit"])
        #expect(tree.sources.bytes.count < 80 << 20)
    }

    @Test("Loops without end on one line are one fault")
    func deepLoops() {
        let text = String(repeating: "~SEQ(n,1) ", count: 10_000) + "a\n"
        #expect(faults(tree(text)).map { $0.suffix(27) } == [" error config.variable.limit"].map { $0.suffix(27) })
    }
}
