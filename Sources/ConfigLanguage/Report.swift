import Primitives

/// What there is to say about several configurations, each with its own text.
public struct Report: Sendable {
    public private(set) var sources: [SourceSet]
    public private(set) var findings: [Finding] = []

    /// A diagnostic of one of the texts, with places in others that explain it.
    public struct Finding: Hashable, Sendable {
        /// The number of the text.
        public var source: Int
        public var diagnostic: Diagnostic
        public var elsewhere: [Place]

        public init(_ source: Int, _ diagnostic: Diagnostic, elsewhere: [Place] = []) {
            self.source = source
            self.diagnostic = diagnostic
            self.elsewhere = elsewhere
        }
    }

    /// A place in the text of some number, and what is there.
    public struct Place: Hashable, Sendable {
        public var source: Int
        public var range: SourceRange
        public var message: String

        public init(_ source: Int, _ range: SourceRange, _ message: String) {
            self.source = source
            self.range = range
            self.message = message
        }
    }

    public init(_ sources: [SourceSet] = []) { self.sources = sources }

    /// Adds a text, and gives its number.
    public mutating func add(_ text: SourceSet) -> Int {
        sources.append(text)
        return sources.count - 1
    }

    /// - Precondition: its texts have been added.
    public mutating func add(_ finding: Finding) {
        precondition(
            sources.indices.contains(finding.source), "a finding in text \(finding.source), which is not there")
        var finding = finding
        finding.diagnostic = sources[finding.source].placed(finding.diagnostic)
        for index in finding.elsewhere.indices {
            let place = finding.elsewhere[index]
            finding.elsewhere[index].range = sources[place.source].origin(of: place.range)
        }
        findings.append(finding)
    }

    /// By text, and in the order of the text.
    public mutating func sort() {
        findings = findings.enumerated().sorted { a, b in
            (a.element.source, a.element.diagnostic.range.start, a.offset)
                < (b.element.source, b.element.diagnostic.range.start, b.offset)
        }.map(\.element)
    }

    public func count(_ severity: Diagnostic.Severity) -> Int {
        findings.count { $0.diagnostic.severity == severity }
    }

    // MARK: For people

    /// All of them with an empty line between two, and a last line that counts errors and warnings. Empty when there are none.
    public func text() -> String {
        guard !findings.isEmpty else { return "" }
        let renderers = sources.map(DiagnosticRenderer.init)
        let texts = findings.map { finding in
            finding.elsewhere.reduce(renderers[finding.source].render(finding.diagnostic)) { text, place in
                text + renderers[place.source].renderNote(place.range, place.message)
            }
        }
        let counts = DiagnosticRenderer.counts(errors: count(.error), warnings: count(.warning))
        return texts.joined(separator: "\n") + (counts.isEmpty ? "" : "\n" + counts + "\n")
    }

    // MARK: For programs

    /// The findings as values of an array; `page` gives where a rule is explained.
    public func write(to json: inout JSONWriter, page: (RuleID) -> String) {
        let renderers = sources.map(DiagnosticRenderer.init)
        for finding in findings {
            let elsewhere = finding.elsewhere.map { (renderers[$0.source], $0.range, $0.message) }
            renderers[finding.source].write(
                finding.diagnostic, to: &json, page: page(finding.diagnostic.rule), elsewhere: elsewhere)
        }
    }
}
