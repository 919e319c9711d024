import Primitives

/// What there is to say about places in text that variables and loops made.
extension SourceSet {
    /// Diagnostics with places in files alone, each with how its text came about. The same fault of several passes is told
    /// once.
    public func placed(_ diagnostics: [Diagnostic]) -> [Diagnostic] {
        var placed: [Diagnostic] = []
        var seen: [Key: (index: Int, more: Int)] = [:]
        for var diagnostic in diagnostics {
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

    private func isSecret(_ range: SourceRange) -> Bool {
        secrets.contains { $0.start < range.end && range.start < $0.end }
    }

    /// How text of a context came about, from the inside; the outermost that there is no room for are left out.
    func expansionNotes(_ context: UInt32) -> [Diagnostic.Related] {
        var notes: [Diagnostic.Related] = []
        var number = context
        while number != ExpansionMap.line, notes.count < 4 {
            let context = expansion.contexts[Int(number)]
            switch context.kind {
            case .variable, .value: notes.append(.init(context.reference, "it is put in here"))
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
