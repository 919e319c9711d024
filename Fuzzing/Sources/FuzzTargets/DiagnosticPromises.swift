import ConfigLanguage
import Primitives

/// What holds for the diagnostics of any configuration whatever.
public struct DiagnosticPromises {
    let sources: SourceSet

    init(sources: SourceSet) { self.sources = sources }

    public static func check(_ diagnostics: [Diagnostic], _ sources: SourceSet) throws(Violation) {
        var digest = Digest()
        try DiagnosticPromises(sources: sources).check(diagnostics, digest: &digest)
    }

    /// Each has words and a place within one file; all of them can be shown, to people and to programs; no password is.
    func check(_ diagnostics: [Diagnostic], digest: inout Digest) throws(Violation) {
        for diagnostic in diagnostics {
            let rule = diagnostic.rule.description
            try require(!rule.isEmpty && !diagnostic.message.isEmpty, "a diagnostic without words: \(diagnostic)")
            try checkPlace(diagnostic.range, of: rule)
            if let fixIt = diagnostic.fixIt { try checkPlace(fixIt.range, of: "the edit of " + rule) }
            for related in diagnostic.related {
                try require(!related.message.isEmpty, "a place without words beside \(rule)")
                try checkPlace(related.range, of: "a place beside " + rule)
            }
        }
        let renderer = DiagnosticRenderer(sources)
        let text = renderer.render(diagnostics)
        try require(
            text.isEmpty == diagnostics.isEmpty,
            "\(diagnostics.count) diagnostics, rendered as \(text.utf8.count) bytes")
        try require(
            !text.utf8.contains { ($0 < 0x20 && $0 != 0x0A && $0 != 0x09) || $0 == 0x7F },
            "a control character reaches the terminal")
        let json = renderer.renderJSON(diagnostics)
        digest.add(text)
        digest.add(json)
        // One in eight, for the time it takes.
        if digest.value % 8 == 0 {
            let count = JSONValue(json.utf8)?.array?.count
            try require(count == diagnostics.count, "the diagnostics are not JSON: \(json.prefix(2000))")
        }
        try checkSecrets(text, json)
    }

    private func checkPlace(_ range: SourceRange, of what: String) throws(Violation) {
        let file = sources.files.first { $0.start <= range.start && range.end <= $0.end }
        try require(
            file != nil && range.start <= range.end,
            "\(what) lies at \(range.start)..<\(range.end), which is in no file: \(sources.files.map { ($0.start, $0.end) })"
        )
        let place = sources.location(of: range)
        let end = sources.endLocation(of: range)
        try require(
            place.line >= 1 && place.column >= 1 && (end.line, end.column) >= (place.line, place.column),
            "\(what) goes from \(place) to \(end)")
    }

    /// A password that stands nowhere else in the text does not stand in what is shown either.
    private func checkSecrets(_ text: String, _ json: String) throws(Violation) {
        for secret in sources.secrets.prefix(4) {
            let bytes = Array(sources.bytes(in: secret))
            // Short ones are found by chance, and so are words: `authenti` in a hint at `authentication`.
            guard bytes.count >= 8, bytes.count <= 64, Set(bytes).count >= 5, bytes.contains(where: isDigit),
                bytes.contains(where: isLetter),
                bytes.allSatisfy({ isDigit($0) || isLetter($0) || $0 == UInt8(ascii: "-") }),
                occurrences(of: bytes, in: sources.bytes) == 1
            else { continue }
            try require(occurrences(of: bytes, in: Array(text.utf8)) == 0, "a password is shown:\n\(text)")
            try require(occurrences(of: bytes, in: Array(json.utf8)) == 0, "a password is shown:\n\(json)")
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
    private func isLetter(_ byte: UInt8) -> Bool { byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A }

    /// Counts to 2 at most.
    private func occurrences(of word: [UInt8], in text: [UInt8]) -> Int {
        var found = 0
        var index = 0
        while index + word.count <= text.count, found < 2 {
            if text[index] == word[0], text[index..<(index + word.count)].elementsEqual(word) { found += 1 }
            index += 1
        }
        return found
    }
}
