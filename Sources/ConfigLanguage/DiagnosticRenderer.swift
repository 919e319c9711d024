import Primitives

/// Turns diagnostics into text for people, in the way of today's compilers, and into JSON for programs.
///
/// ```
/// keepalived.conf:4:14: error: priority 300 is out of range [config.value.range]
///   4 |     priority 300
///     |              ^~~
///     reason: …
///     fix: …
/// ```
/// Passwords in the lines shown are painted over.
public struct DiagnosticRenderer: Sendable {
    let sources: SourceSet
    /// Characters of a source line that are shown around the place.
    public var width = 120

    public init(_ sources: SourceSet) { self.sources = sources }

    /// All of them, with an empty line between two, and a last line that counts errors and warnings.
    public func render(_ diagnostics: [Diagnostic]) -> String {
        guard !diagnostics.isEmpty else { return "" }
        let errors = diagnostics.count { $0.severity == .error }
        let warnings = diagnostics.count { $0.severity == .warning }
        let texts = diagnostics.map(render).joined(separator: "\n")
        let counts = Self.counts(errors: errors, warnings: warnings)
        return counts.isEmpty ? texts : texts + "\n" + counts + "\n"
    }

    /// `2 errors, 1 warning`; empty when there are none.
    static func counts(errors: Int, warnings: Int) -> String {
        var counts: [String] = []
        if errors > 0 { counts.append(errors == 1 ? "1 error" : "\(errors) errors") }
        if warnings > 0 { counts.append(warnings == 1 ? "1 warning" : "\(warnings) warnings") }
        return counts.joined(separator: ", ")
    }

    /// One, ending with a newline.
    public func render(_ diagnostic: Diagnostic) -> String {
        var text = "\(place(diagnostic.range)): \(diagnostic.severity): \(printable(diagnostic.message))"
        text += " [\(diagnostic.rule)]\n" + excerpt(diagnostic.range)
        if !diagnostic.reason.isEmpty { text += "    reason: \(printable(diagnostic.reason))\n" }
        if !diagnostic.fix.isEmpty { text += "    fix: \(printable(diagnostic.fix))\n" }
        for related in diagnostic.related {
            // The line stands above.
            let isShown = sources.origin(of: related.range) == sources.origin(of: diagnostic.range)
            text += isShown ? "    note: \(printable(related.message))\n" : renderNote(related.range, related.message)
        }
        var include = sources.file(at: diagnostic.range.start)?.includedFrom
        while let range = include {
            text += "    included from \(place(range))\n"
            include = sources.file(at: range.start)?.includedFrom
        }
        return text
    }

    /// A place that explains another.
    func renderNote(_ range: SourceRange, _ message: String) -> String {
        "\(place(range)): note: \(printable(message))\n" + excerpt(range)
    }

    /// `file:line:column`.
    public func place(_ range: SourceRange) -> String {
        let location = sources.location(of: range)
        return "\(printable(location.file)):\(location.line):\(location.column)"
    }

    /// The line with the place marked; empty where there is no text. Of a long line only what is near is looked at.
    private func excerpt(_ range: SourceRange) -> String {
        guard !sources.bytes.isEmpty else { return "" }
        let range = sources.origin(of: range)
        let line = sources.line(of: range)
        let start = max(line.start, min(range.start, line.end))
        let end = max(start, min(range.end, line.end))
        // No character that is shown has more bytes than this on average.
        let reach = UInt32(clamping: width * 8)
        let first = boundary(start - line.start > reach ? start - reach : line.start, below: start)
        let last = boundary(line.end - end > reach ? end + reach : line.end, below: line.end)
        var before = visible(SourceRange(start: first, end: start))
        let marked = visible(
            SourceRange(start: start, end: boundary(end - start > reach ? start + reach : end, below: end)))
        var after = visible(SourceRange(start: end, end: last))
        var prefix = ""
        if first > line.start || before.count > width / 2 {
            prefix = "…"
            before.removeFirst(max(0, before.count - width / 2))
        }
        let room = max(0, width - before.count - marked.count)
        var suffix = ""
        if last < line.end || after.count > room {
            suffix = "…"
            after.removeLast(max(0, after.count - room))
        }
        let shown = marked.prefix(width)
        let number = String(sources.location(of: range).line)
        let margin = String(repeating: " ", count: max(0, 4 - number.count))
        let blank = String(repeating: " ", count: margin.count + number.count)
        let gap = prefix + String(before.map { $0 == "\t" ? "\t" : " " })
        let underline = "^" + String(repeating: "~", count: max(0, shown.count - 1))
        let pad = prefix.isEmpty ? gap : " " + gap.dropFirst()
        return "\(margin)\(number) | \(prefix)\(String(before))\(String(shown))\(String(after))\(suffix)\n"
            + "\(blank) | \(pad)\(underline)\n"
    }

    /// `offset`, or the beginning of the next scalar where it lies within one.
    private func boundary(_ offset: UInt32, below limit: UInt32) -> UInt32 {
        var offset = offset
        while offset < limit, sources.bytes[Int(offset)] & 0xC0 == 0x80 { offset += 1 }
        return offset
    }

    /// The characters of `range` that may be shown: secrets as dots, control characters as a middle dot.
    private func visible(_ range: SourceRange) -> [Character] {
        var bytes = Array(sources.bytes(in: range))
        for secret in sources.secrets(in: range) {
            let first = Int(max(secret.start, range.start) - range.start)
            let last = Int(min(secret.end, range.end) - range.start)
            for index in first..<max(first, last) { bytes[index] = UInt8(ascii: "*") }
        }
        return Array(printable(String(decoding: bytes, as: UTF8.self)))
    }

    /// No escape sequence of a file may reach a terminal.
    private func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { ($0 < 0x20 && $0 != 0x09) || $0 == 0x7F || $0 == 0xC2 }) else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            let isControl = (scalar.value < 0x20 && scalar.value != 9) || (0x7F..<0xA0).contains(scalar.value)
            result.unicodeScalars.append(isControl ? "·" : scalar)
        }
        return result
    }
}

extension DiagnosticRenderer {
    /// An array of objects with `file`, `line`, `column`, `endLine`, `endColumn`, `severity`, `rule`, `message`, and
    /// where there are any `reason`, `fix`, `fixIt` and `related`.
    public func renderJSON(_ diagnostics: [Diagnostic]) -> String {
        var writer = JSONWriter()
        writer.array { json in
            for diagnostic in diagnostics { write(diagnostic, to: &json) }
        }
        return writer.text
    }

    /// Writes one as an object. `page` is where its rule is explained; `elsewhere` are places in other texts.
    public func write(
        _ diagnostic: Diagnostic, to json: inout JSONWriter, page: String = "",
        elsewhere: [(DiagnosticRenderer, SourceRange, String)] = []
    ) {
        json.object { json in
            write(diagnostic.range, to: &json)
            json.member("severity", diagnostic.severity.description)
            json.member("rule", diagnostic.rule.description)
            if !page.isEmpty { json.member("helpUri", page) }
            json.member("message", diagnostic.message)
            if !diagnostic.reason.isEmpty {
                json.member("reason", diagnostic.reason)
            }
            if !diagnostic.fix.isEmpty {
                json.member("fix", diagnostic.fix)
            }
            if let fixIt = diagnostic.fixIt {
                json.memberObject("fixIt") { json in
                    write(fixIt.range, to: &json)
                    json.member("replacement", fixIt.replacement)
                    json.member("safe", fixIt.isSafe)
                }
            }
            let places = diagnostic.related.map { (self, $0.range, $0.message) } + elsewhere
            guard !places.isEmpty else { return }
            json.memberArray("related") { json in
                for (renderer, range, message) in places {
                    json.object { json in
                        renderer.write(range, to: &json)
                        json.member("message", message)
                    }
                }
            }
        }
    }

    private func write(_ range: SourceRange, to json: inout JSONWriter) {
        let start = sources.location(of: range)
        let end = sources.endLocation(of: range)
        json.member("file", start.file)
        for (name, value) in [
            ("line", start.line), ("column", start.column), ("endLine", end.line), ("endColumn", end.column),
        ] {
            json.member(name, value)
        }
    }
}
