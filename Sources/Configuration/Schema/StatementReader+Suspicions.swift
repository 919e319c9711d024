import ConfigLanguage
import Primitives

/// What is allowed, and probably not what was meant; and the edits that say what was.
extension StatementReader {
    /// A flag that undoes another one.
    mutating func warnOfContradiction(_ before: SourceRange) {
        report(
            .contradiction, at: statementRange, "`\(keywordText)` undoes what stands above it",
            reason: "the last one counts", fix: "remove one of them",
            related: [Diagnostic.Related(before, "undone here")])
    }

    // MARK: Values

    /// What `ip link` shows behind an `@` is where the interface hangs, and no part of its name.
    mutating func warnOfSuffix(_ name: String, _ range: SourceRange) {
        guard let at = name.utf8.firstIndex(of: UInt8(ascii: "@")), at != name.utf8.startIndex else { return }
        let bare = String(name[..<at])
        report(
            .interfaceSuffix, at: range, "`\(name)` is an interface as `ip link` shows it",
            reason: "what follows the @ is not a part of its name", fix: "write `\(bare)`",
            fixIt: Diagnostic.FixIt(range, bare))
    }

    /// Words of other languages for on and off.
    static func meantBoolean(_ text: String) -> String? {
        switch text.lowercased() {
        case "on", "true", "yes", "1", "enable", "enabled", "y", "t": "on"
        case "off", "false", "no", "0", "disable", "disabled", "n", "f": "off"
        default: nil
        }
    }

    /// A number that ends as in another language.
    func punctuationRemoved(_ text: String, _ range: SourceRange) -> Diagnostic.FixIt? {
        guard let last = text.utf8.last, last == UInt8(ascii: ";") || last == UInt8(ascii: ",") else { return nil }
        let rest = text.utf8.dropLast()
        guard !rest.isEmpty, rest.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else { return nil }
        return Diagnostic.FixIt(range, String(decoding: Array(rest), as: UTF8.self), isSafe: true)
    }

    // MARK: Commands

    /// The words from the statement's second to its last in one pair of quotes; nil where they hold quotes already.
    func quoted(through rest: SourceRange) -> Diagnostic.FixIt? {
        let words = SourceRange(start: keywordRange.end, end: rest.end)
        let bytes = tree.sources.bytes(in: words)
        guard let first = bytes.firstIndex(where: { $0 != 0x20 && $0 != 0x09 }) else { return nil }
        return quoted(SourceRange(start: UInt32(first), end: rest.end), isSafe: true)
    }

    private func quoted(_ range: SourceRange, isSafe: Bool) -> Diagnostic.FixIt? {
        let text = tree.sources.bytes(in: range)
        guard !text.contains(where: { $0 == 0x22 || $0 == 0x5C || $0 == 0x0A || $0 == 0x0D }) else { return nil }
        return Diagnostic.FixIt(range, "\"\(tree.sources.text(in: range))\"", isSafe: isSafe)
    }

    /// The word behind a notify command is a user. Arguments without quotes end up there.
    mutating func warnOfUser(behind command: SourceRange) {
        var copy = self
        guard let word = copy.next(), Self.isArgument(word.text) else { return }
        report(
            .commandUser, at: word.range, "`\(word.text)` is taken for a user, whom the command would run as",
            reason: "only the first word is the command; a user and a group follow it",
            fix: "put the command and its arguments in double quotes",
            fixIt: quoted(command.through(statementRange), isSafe: false))
    }

    /// No user is called so.
    private static func isArgument(_ word: String) -> Bool {
        switch word {
        case "MASTER", "BACKUP", "FAULT", "STOP", "INSTANCE", "GROUP", "master", "fault", "stop": true
        default:
            word.utf8.first == UInt8(ascii: "-") || word.utf8.contains { "/=:,$".utf8.contains($0) }
        }
    }

    /// Pipes, redirections and `&&` in a command that no shell will read.
    mutating func warnOfShellSyntax(_ words: [[UInt8]], _ command: [UInt8], _ range: SourceRange) {
        // Nobody writes by hand what is longer.
        guard command.count <= 4096, let found = Self.shellSyntax(words, command) else { return }
        let text = String(decoding: command, as: UTF8.self)
        let canWrap = !command.contains { $0 == 0x27 || $0 == 0x22 || $0 == 0x5C }
        report(
            .shellSyntax, at: range, "`\(found)` means something to a shell, and none runs this command",
            reason: words.count > 1
                ? "the program gets it as an argument" : "there is no program of this name",
            fix: "write \"/bin/sh -c '…'\", or a script of its own",
            fixIt: canWrap ? Diagnostic.FixIt(range, "\"/bin/sh -c '\(text)'\"") : nil)
    }

    private static let builtins = ["exit", "if", "for", "while", "source", ".", "cd", "export", "eval", "[[", "return"]
    private static let operators = ["|", "||", "&&", ";", "&", ">", ">>", "<", "<<", "2>", "2>&1", "&>", "1>&2", ">&2"]

    private static func shellSyntax(_ words: [[UInt8]], _ command: [UInt8]) -> String? {
        for (index, word) in words.enumerated() {
            guard let first = word.first, word.count <= 64 else { continue }
            let text = String(decoding: word, as: UTF8.self)
            let endsCommand = word.last == UInt8(ascii: ";") && word.count > 1
            if index == 0 {
                if builtins.contains(text) || (endsCommand && words.count > 1) { return text }
                continue
            }
            let isOperator =
                operators.contains(text) || first == UInt8(ascii: ">") || text.utf8.starts(with: "2>".utf8)
                || first == UInt8(ascii: "`") || text.utf8.starts(with: "$(".utf8) || endsCommand
            // In quotes of its own it was meant as an argument.
            if isOperator, !isQuoted(word, in: command) { return text }
        }
        return nil
    }

    private static func isQuoted(_ word: [UInt8], in command: [UInt8]) -> Bool {
        for quote in [UInt8(ascii: "'"), UInt8(ascii: "\"")] where command.contains(quote) {
            let wanted = [quote] + word + [quote]
            var index = 0
            while index + wanted.count <= command.count {
                if command[index..<index + wanted.count].elementsEqual(wanted) { return true }
                index += 1
            }
        }
        return false
    }
}
