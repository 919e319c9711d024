import ConfigLanguage
import Primitives

/// Names, choices, and the entries of lists.
extension StatementReader {
    /// The name behind the keyword of a block.
    mutating func blockName(atMost limit: Int = .max) -> Written<String>? {
        guard let word = next(), !word.text.isEmpty else {
            report(
                .unnamedBlock, at: statementRange, "this `\(keywordText)` has no name",
                reason: "others refer to it by name",
                fix: "write `\(keywordText) NAME {`")
            return nil
        }
        expectNoMore()
        if word.text.utf8.count > limit {
            report(
                .nameLength, at: word.range, "the name `\(word.text)` has \(word.text.utf8.count) bytes",
                reason: "this kind of name has at most \(limit)", fix: "shorten it")
        }
        return Written(value: word.text, range: word.range)
    }

    /// From the next word to the last; nil at the end.
    var unreadRange: SourceRange? {
        var copy = self
        guard let first = copy.next() else { return nil }
        return first.range.through(statementRange)
    }

    /// One of a few words.
    mutating func choice<Value>(
        _ word: (text: String, range: SourceRange), _ choices: [(String, Value)], rule: Rule, otherwise: String? = nil
    ) -> Value? {
        for (name, value) in choices where name == word.text { return value }
        let names = choices.map(\.0)
        let meant = Spelling.nearest(to: word.text, among: names)
        report(
            rule, at: word.range, "`\(word.text)` is not a value of `\(keywordText)`",
            reason: otherwise.map { "keepalived takes it for \($0)" } ?? "it would be dropped",
            fix: meant.map { "did you mean `\($0)`?" } ?? "write " + names.joined(separator: " or "),
            fixIt: meant.map {
                // Another case of the same word can mean nothing else.
                let isSafe = $0.utf8.elementsEqual(word.text.utf8, by: { ($0 | 0x20) == ($1 | 0x20) })
                return Diagnostic.FixIt(word.range, $0, isSafe: isSafe)
            })
        return nil
    }

    /// One of a few words, from the next word; `what` describes them.
    mutating func choice<Value>(
        _ what: String, of choices: [(String, Value)], isCaseSensitive: Bool = true, rule: Rule = .choice,
        otherwise: String? = nil
    ) -> Value? {
        let fast = plain { bytes -> Value? in
            for (name, value) in choices where name.utf8.elementsEqual(bytes) { return value }
            guard !isCaseSensitive else { return nil }
            for (name, value) in choices
            where name.utf8.count == bytes.count && zip(name.utf8, bytes).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) {
                return value
            }
            return nil
        }
        if let fast { return fast }
        guard let word = required(what) else { return nil }
        return choice(word, choices, rule: rule, otherwise: otherwise)
    }

    mutating func assignSecret(_ slot: inout Written<Secret>?, _ secret: Secret, _ range: SourceRange) {
        assign(&slot, secret)
        slot?.range = range
    }

    // MARK: Trackers

    /// `N [reverse|noreverse]`; -254 and 254 are read as ±253.
    mutating func weight() -> Weight? {
        guard var weight = weight(-254...254) else { return nil }
        weight.value = min(max(weight.value, -253), 253)
        return weight
    }

    /// `N [reverse|noreverse]`.
    mutating func weight(_ range: ClosedRange<Int>) -> Weight? {
        guard let value = integer(range) else { return nil }
        var weight = Weight(value: value, reverse: nil)
        if let word = next() {
            weight.reverse = choice(word, [("reverse", true), ("noreverse", false)], rule: .choice)
        }
        return weight
    }

    /// `NAME [weight N [reverse|noreverse]]`. Weights of files and processes reach from -254 to 254.
    mutating func tracked(isWide: Bool = false) -> TrackedDraft? {
        guard let name = next() else { return nil }
        var tracked = TrackedDraft(name: name.text, weight: nil, range: name.range)
        if let option = next() {
            if choice(option, [("weight", true)], rule: .choice) != nil {
                tracked.weight = isWide ? weight(-254...254) : weight()
            }
            // What is wrong with the rest has been said by what is wrong with this.
            if tracked.weight == nil { skipRest() }
        }
        return tracked
    }

    mutating func trackedInterface() -> TrackedDraft? {
        guard let tracked = tracked(), checkedInterface(tracked.name, tracked.range) != nil else { return nil }
        return tracked
    }

    // MARK: Peers

    /// `IPADDR [min_ttl N] [max_ttl N]`.
    mutating func peer() -> PeerDraft? {
        guard let word = next() else { return nil }
        guard let address = checkedAddress(word.text, word.range) else {
            skipRest()
            return nil
        }
        var peer = PeerDraft(peer: UnicastPeer(address: address), range: word.range)
        _ = readOptions(Schema.peer, into: &peer)
        return peer
    }
}
