import ConfigLanguage
import Primitives

/// Reads configurations.
public enum Configuration {
    /// Reads `main` and all that it includes, checks it, and gives its meaning.
    ///
    /// Total: whatever the files hold, it returns. Cost: about 5 ms for 1,000 instances.
    /// - Parameters:
    ///   - main: the path of the main file, as `files` knows it.
    ///   - files: where files come from.
    ///   - environment: what conditions and predefined variables ask about the node.
    ///   - leniency: what to do about what keepalived only logs.
    public static func load(
        main: String, files: some FileProvider, environment: TextEnvironment = TextEnvironment(),
        leniency: Leniency = .strict
    ) -> LoadedConfiguration {
        let tree = SyntaxTree(main: main, files: files, rules: Schema.lexicalRules, environment: environment)
        var reader = StatementReader(tree: tree, leniency: leniency)
        var root = RootDraft()
        reader.readTop(Schema.root, into: &root)
        if tree.statements.isEmpty, !reader.diagnostics.hasError {
            reader.report(
                .emptyFile, at: SourceRange(start: 0, end: 0), "the file says nothing",
                reason: "a daemon that reads it would hold nothing; more often it was not written to its end",
                fix: "write the configuration, or stop the daemon instead")
        }
        var resolver = Resolver(diagnostics: reader.diagnostics, leniency: leniency)
        reader.diagnostics = DiagnosticList()
        let (model, definitions) = resolver.resolve(root, servers: &reader)
        // In the order of the text, so that the first that is shown is the first to mend.
        var diagnostics = tree.sources.placed(resolver.diagnostics.all).enumerated().sorted { a, b in
            a.element.range.start != b.element.range.start
                ? a.element.range.start < b.element.range.start : a.offset < b.offset
        }.map(\.element)
        if resolver.diagnostics.dropped > 0 {
            let last = tree.sources.files.first?.end ?? 0
            let end = SourceRange(start: last, end: last)
            diagnostics.append(
                Diagnostic(
                    .note, SyntaxRule.diagnosticLimit, at: end,
                    "\(resolver.diagnostics.dropped) more that are not shown", fix: "mend those above first"))
        }
        let isOtherwiseFaulty =
            resolver.diagnostics.dropped > 0
            || diagnostics.contains { $0.severity == .error && $0.rule != Rule.refusedKeyword.id }
        return LoadedConfiguration(
            sources: tree.sources, model: resolver.diagnostics.hasError ? nil : model,
            understood: isOtherwiseFaulty && resolver.diagnostics.hasError ? nil : model,
            definitions: definitions, diagnostics: diagnostics)
    }

    /// Reads one text that needs no other file.
    public static func load(
        text: String, name: String = "aloft.conf", environment: TextEnvironment = TextEnvironment(),
        leniency: Leniency = .strict
    ) -> LoadedConfiguration {
        load(main: name, files: MemoryFiles(name, text), environment: environment, leniency: leniency)
    }
}

/// A configuration that was read: its text, its meaning, and what there is to say about it.
public struct LoadedConfiguration: Sendable {
    /// The text, to which all ranges refer.
    public let sources: SourceSet
    /// The meaning; nil exactly when a diagnostic is an error.
    public let model: Model?
    /// The same, but also when all that is refused is what is not supported yet: to be shown, not to be run.
    public let understood: Model?
    /// Where the parts of the model are defined.
    public let definitions: Definitions
    /// In the order of the text.
    public let diagnostics: [Diagnostic]

    /// Nothing is refused.
    public var isValid: Bool { model != nil }

    /// The diagnostics for people; empty when there are none.
    public func renderedDiagnostics() -> String { DiagnosticRenderer(sources).render(diagnostics) }
}

/// Where blocks begin: each list is parallel to the model's of the same name. Kept apart, so that two models that mean
/// the same are equal wherever their text stands.
public struct Definitions: Sendable {
    public var scripts: [SourceRange] = []
    public var syncGroups: [SourceRange] = []
    public var instances: [SourceRange] = []
    /// What instances and groups say, statement by statement.
    public var instancePlaces: [InstancePlaces] = []
    public var groupPlaces: [GroupPlaces] = []
    /// The scripts' commands.
    public var commands: [SourceRange] = []
    /// All other commands.
    public var hooks: [Placed<HookCommand>] = []
    public var trackFiles: [SourceRange] = []
    public var trackProcesses: [SourceRange] = []
    public var bfdInstances: [SourceRange] = []
    public var arbiters: [SourceRange] = []
    /// What arbiters say, statement by statement.
    public var arbiterPlaces: [ArbiterPlaces] = []
    public var virtualServerGroups: [SourceRange] = []
    public var virtualServers: [SourceRange] = []
    /// The `SSL` block; nil where there is none.
    public var tls: SourceRange?

    public init() {}
}
