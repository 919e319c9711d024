import Primitives

/// What there is to say about places in text that variables and loops made.
extension SourceSet {
    /// Diagnostics with places in files alone, each with how its text came about. The same fault of several passes is told
    /// once.
    public func placed(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        var placed: [Diagnostic] = []
        var seen: [Key: (index: Int, more: Int)] = [:]
        for diagnostic in diagnostics {
            var diagnostic = masked(diagnostic)
            if let place = expansion.place(of: diagnostic.range) {
                let key = Key(rule: diagnostic.rule, range: place.range, severity: diagnostic.severity)
                if let known = seen[key] {
                    seen[key] = (known.index, known.more + 1)
                    continue
                }
                seen[key] = (placed.count, 0)
                diagnostic.related += reading(diagnostic.range, place) + expansionNotes(place.context)
                diagnostic.range = place.range
            }
            if let fixIt = diagnostic.fixIt { diagnostic.fixIt = self.placed(fixIt) }
            diagnostic.related = diagnostic.related.map { .init(origin(of: $0.range), $0.message) }
            placed.append(diagnostic)
        }
        for (index, more) in seen.values where more > 0 {
            let times = more == 1 ? "once more" : "\(more) times more"
            placed[index].related.append(.init(placed[index].range, "the same \(times), with other values"))
        }
        return placed
    }

    /// One, with its places in files alone.
    func placed(_ diagnostic: Diagnostic) -> Diagnostic { placed([diagnostic]).first ?? diagnostic }

    /// Without the passwords that its place has in it: a message quotes words, and one of them may have been meant as a password.
    private func masked(_ diagnostic: Diagnostic) -> Diagnostic {
        var diagnostic = diagnostic
        for secret in secrets(in: diagnostic.range).prefix(16) {
            var text = Array(bytes(in: secret))
            // A few letters are a part of other words: only as a quoted word they are meant.
            let isShort = text.count < 4
            if isShort { text = [UInt8(ascii: "`")] + text + [UInt8(ascii: "`")] }
            let stars = isShort ? "`•••`" : "•••"
            diagnostic.message = Self.replacing(text, in: diagnostic.message, with: stars)
            diagnostic.reason = Self.replacing(text, in: diagnostic.reason, with: stars)
            diagnostic.fix = Self.replacing(text, in: diagnostic.fix, with: stars)
        }
        return diagnostic
    }

    private static func replacing(_ word: [UInt8], in text: String, with other: String) -> String {
        let bytes = Array(text.utf8)
        guard let first = word.first, word.count <= bytes.count else { return text }
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == first, bytes[index...].starts(with: word) {
                result += other.utf8
                index += word.count
            } else {
                result.append(bytes[index])
                index += 1
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private struct Key: Hashable {
        var rule: RuleID
        var range: SourceRange
        var severity: Diagnostic.Severity
    }

    /// An edit of the files; nil where the text that it would change is not one stretch of them.
    private func placed(_ fixIt: Diagnostic.FixIt) -> Diagnostic.FixIt? {
        guard let place = expansion.place(of: fixIt.range) else { return fixIt }
        guard place.range.end - place.range.start == fixIt.range.end - fixIt.range.start,
            fixIt.range.start == fixIt.range.end || bytes(in: place.range) == bytes(in: fixIt.range)
        else { return nil }
        return Diagnostic.FixIt(place.range, fixIt.replacement, isSafe: fixIt.isSafe)
    }

    /// What a word came to that only a part of is in the place shown.
    private func reading(_ range: SourceRange, _ place: ExpansionMap.Place) -> [Diagnostic.Related] {
        guard bytes(in: range) != bytes(in: place.range), range.end > range.start else { return [] }
        let text = isSecret(range) ? "" : ": `\(text(in: range))`"
        if let part = expansion.substitution(in: range, of: place.context) {
            return [.init(part.range, "with this value it reads" + (text.isEmpty ? " otherwise" : text))]
        }
        return text.isEmpty ? [] : [.init(place.range, "it reads" + text)]
    }

    private func isSecret(_ range: SourceRange) -> Bool { !secrets(in: range).isEmpty }

    /// How text of a context came about, from the inside; the outermost that there is no room for are left out.
    func expansionNotes(_ context: UInt32) -> [Diagnostic.Related] {
        var notes: [Diagnostic.Related] = []
        var number = context
        while number != ExpansionMap.line, notes.count < 4 {
            let context = expansion.contexts[Int(number)]
            switch context.kind {
            case .value: notes.append(.init(context.reference, "it is put in here"))
            case .pass: notes.append(.init(context.reference, passNote(context)))
            case .line: break
            }
            number = context.parent
        }
        return notes
    }

    private func passNote(_ context: ExpansionMap.Context) -> String {
        let value = expansion.passValues[Int(context.value)]
        let name = text(in: value.name)
        var shown = ""
        if let number = value.number {
            shown = ", where \(name) is \(number)"
        } else if value.item.end > value.item.start, !isSecret(value.item) {
            shown = ", where \(name) is `\(text(in: value.item))`"
        }
        return "in pass \(context.number) of this loop" + shown
    }
}
