import ConfigLanguage
import Primitives

/// `SyntaxTree`, and the small readers that take its words.
enum LanguageTarget {
    static let rules = LexicalRules(
        shellQuoted: ["script", "notify", "notify_master", "misc_path"], secret: ["auth_pass", "key"],
        topLevel: ["vrrp_instance", "global_defs", "virtual_server"])

    /// Small enough to be met.
    static let limits = {
        var limits = IncludeLimits()
        limits.depth = 8
        limits.files = 64
        limits.bytes = 1 << 18
        return limits
    }()

    static func check(_ input: [UInt8], _ examination: Examination) throws(Violation) -> UInt64 {
        let files = FuzzedFiles(input)
        func read() -> SyntaxTree {
            SyntaxTree(
                main: FuzzedFiles.mainName, files: files.files, rules: rules, environment: FuzzedFiles.environment,
                limits: limits)
        }
        let tree = read()
        guard examination.includes(Digest.hash(input)) else { return 0 }
        let again = read()
        try require(
            tree.statements == again.statements && tree.tokens == again.tokens && tree.diagnostics == again.diagnostics,
            "read twice, understood differently")
        var digest = Digest()
        try DiagnosticPromises(sources: tree.sources).check(tree.sources.placed(tree.diagnostics), digest: &digest)
        try checkStatements(tree)
        try checkWords(tree, files.names, &digest)
        return digest.value
    }

    /// Statements take the tokens in order, and nest.
    private static func checkStatements(_ tree: SyntaxTree) throws(Violation) {
        var nextToken: UInt32 = 0
        for (index, statement) in tree.statements.enumerated() {
            try require(statement.firstToken >= nextToken, "statement \(index) takes the words of another")
            nextToken = statement.firstToken + statement.tokenCount
            try require(Int(nextToken) <= tree.tokens.count, "statement \(index) has words that do not exist")
            try require(
                Int(statement.end) > index && Int(statement.end) <= tree.statements.count,
                "statement \(index) ends before \(statement.end)")
            if let parent = statement.parent {
                try require(
                    Int(parent) < index && tree.statements[Int(parent)].end >= statement.end
                        && tree.statements[Int(parent)].open != nil, "statement \(index) is no part of \(parent)")
            }
            if let open = statement.open {
                try require(
                    tree.sources.bytes(in: SourceRange(start: open, end: open + 1)).first == UInt8(ascii: "{"),
                    "the block of statement \(index) opens at \(open)")
            }
            _ = tree.keyword(of: index)
            _ = tree.range(of: index)
        }
    }

    private static func checkWords(_ tree: SyntaxTree, _ names: [String], _ digest: inout Digest) throws(Violation) {
        for token in tree.tokens {
            // Of a file, or made of parts of one.
            let origin = tree.sources.origin(of: token.range)
            try require(
                token.start < token.end && Int(token.end) <= tree.sources.bytes.count && origin.start < origin.end
                    && tree.sources.files.contains { $0.start <= origin.start && origin.end <= $0.end },
                "a word at \(token.start)..<\(token.end), which comes from \(origin.start)..<\(origin.end)")
            let value = tree.value(of: token)
            digest.add(value)
            digest.add(tree.value(of: token, shellQuoted: true))
            if case .success(let words) = ShellWords.split(value[...]) { for word in words { digest.add(word) } }
            guard value.count <= 64 else { continue }
            let text = String(decoding: value, as: UTF8.self)
            let glob = GlobPattern(text, relativeTo: "a/b")
            for name in names where glob.matches(name) { digest.add(name) }
            if let meant = Spelling.nearest(to: text, among: names) { digest.add(meant) }
            if let prefix = IPPrefix(text) {
                try require(IPPrefix(prefix.description) == prefix, "\(text) is \(prefix), and that is another")
            }
        }
    }
}
