import ConfigLanguage
import Testing

@Suite struct IncludeTests {
    func tree(_ files: [(String, String)], limits: IncludeLimits = IncludeLimits()) -> SyntaxTree {
        let provided = files.map { ProvidedFile(path: $0.0, bytes: Array($0.1.utf8)) }
        return SyntaxTree(main: files[0].0, files: MemoryFiles(provided), limits: limits)
    }

    @Test("Files are spliced in where they are included, in the order of their paths, relative to the including file")
    func order() {
        let tree = tree([
            ("/etc/k/k.conf", "a\ninclude conf.d/*.conf # all\nz\n"),
            ("/etc/k/conf.d/2.conf", "two {\n include sub/x\n}"),
            ("/etc/k/conf.d/1.conf", "one"),
            ("/etc/k/conf.d/3.txt", "no"),
            ("/etc/k/conf.d/sub/x", "deep"),
        ])
        #expect(outline(tree) == "a\none\ntwo {\n  deep\nz")
        #expect(tree.diagnostics.isEmpty)
    }

    @Test("A place in an included file is a place in that file, and says who included it")
    func positions() throws {
        let tree = tree([("/k", "include \"/x\"\n"), ("/x", "a\n  }\n")])
        #expect(faults(tree) == ["/x:2:3 error config.syntax.extra-brace"])
        let text = DiagnosticRenderer(tree.sources).render(try #require(tree.diagnostics.first))
        #expect(text.contains("included from /k:1:9"))
    }

    @Test("A block may begin in one file and end in another")
    func acrossFiles() {
        let tree = tree([("/k", "a {\ninclude /x\nb\n}\nc"), ("/x", "x")])
        #expect(outline(tree) == "a {\n  x\n  b\nc")
    }

    @Test("Files that include each other in a circle are refused at the place that closes it")
    func cycle() {
        let tree = tree([("/a", "include /b\n"), ("/b", "x\ninclude /a\n")])
        #expect(faults(tree) == ["/b:2:9 error config.include.cycle"])
        #expect(outline(tree) == "x")
    }

    @Test("Depth, number and size of included files are bounded, and said once")
    func bounds() {
        var files = (0..<40).map { ("/\($0)", "include /\($0 + 1)\ninclude /\($0 + 1)\n") }
        files.append(("/40", "x\n"))
        var limits = IncludeLimits()
        limits.files = 500
        let deep = tree(files, limits: limits)
        #expect(faults(deep) == ["/32:1:9 error config.include.limit"])
        #expect(deep.sources.files.count <= 500)
        limits.bytes = 64
        let large = tree([("/a", "include /b\n"), ("/b", String(repeating: "x", count: 64))], limits: limits)
        #expect(faults(large) == ["/a:1:9 error config.include.limit"])
    }

    @Test("A main file that cannot be read is a diagnostic")
    func unreadable() {
        let tree = SyntaxTree(main: "/nowhere", files: MemoryFiles())
        #expect(faults(tree) == ["/nowhere:1:1 error config.file.unreadable"])
        #expect(
            DiagnosticRenderer(tree.sources).render(tree.diagnostics)
                == "/nowhere:1:1: error: cannot read /nowhere: no such file [config.file.unreadable]\n\n1 error\n")
    }

    struct LockedFiles: FileProvider {
        func read(_ path: String) throws(FileFault) -> ProvidedFile {
            ProvidedFile(path: path, bytes: Array("a\ninclude /b\nc\n".utf8))
        }
        func resolve(_ pattern: String, relativeTo directory: String) throws(FileFault) -> [ProvidedFile] {
            throw FileFault(path: pattern, reason: "permission denied")
        }
    }

    @Test("An included file that cannot be read is an error at the include, and reading goes on")
    func locked() {
        let tree = SyntaxTree(main: "/a", files: LockedFiles())
        #expect(faults(tree) == ["/a:2:9 error config.include.unreadable"])
        #expect(tree.diagnostics.first?.message == "cannot read /b: permission denied")
        #expect(outline(tree) == "a\nc")
    }

    @Test(
        "Patterns match as a shell's",
        arguments: [
            ("/a/*.conf", "/a/b.conf", true), ("/a/*.conf", "/a/b/c.conf", false), ("/a/?", "/a/b", true),
            ("/a/[a-c]", "/a/b", true), ("/a/[!a-c]", "/a/b", false), ("/a/{b,c}.x", "/a/c.x", true),
            ("/a/{b,{c,d}}", "/a/d", true), ("/a/{b,c", "/a/{b,c", true), ("*", "", false), ("/a/[b", "/a/[b", true),
            ("/a*b*c", "/axxbyyc", true), ("/a*b*c", "/axxbyyd", false), ("/a/[]x]", "/a/]", true),
            ("/a/*", "/a/.b", false), ("/a/.*", "/a/.b", true), ("/a//b", "/a/b", true), ("a", "/a", false),
            ("/a/\\*", "/a/*", true), ("/a/\\*", "/a/b", false), ("/*/b", "/a/b", true), ("/a/?", "/a/.", false),
        ])
    func globs(_ pattern: String, _ path: String, _ expected: Bool) {
        #expect(GlobPattern(pattern).matches(path) == expected)
    }

    @Test("Patterns made to take for ever do not")
    func hostilePatterns() {
        let stars = String(repeating: "*a", count: 200) + "b"
        #expect(!GlobPattern(stars).matches(String(repeating: "a", count: 2_000)))
        #expect(!GlobPattern(String(repeating: "{a,b}", count: 40)).matches("x"))
    }
}
