import Primitives

/// Something to say about a place in a configuration: what is wrong, why that matters, and what to write instead.
public struct Diagnostic: Hashable, Sendable {
    public enum Severity: UInt8, Hashable, Sendable, Comparable, CustomStringConvertible {
        /// Accepted; worth knowing.
        case note
        /// Accepted, but probably not what was meant.
        case warning
        /// Refused.
        case error

        public static func < (a: Severity, b: Severity) -> Bool { a.rawValue < b.rawValue }

        public var description: String {
            switch self {
            case .note: "note"
            case .warning: "warning"
            case .error: "error"
            }
        }
    }

    /// A second place that explains the first.
    public struct Related: Hashable, Sendable {
        public var range: SourceRange
        public var message: String

        public init(_ range: SourceRange, _ message: String) {
            self.range = range
            self.message = Diagnostic.clipped(message)
        }
    }

    /// An edit that mends the fault.
    public struct FixIt: Hashable, Sendable {
        public var range: SourceRange
        public var replacement: String
        /// Nobody could have meant anything else: a program may make it without asking. Without this it is a suggestion.
        public var isSafe: Bool

        public init(_ range: SourceRange, _ replacement: String, isSafe: Bool = false) {
            self.range = range
            self.replacement = replacement
            self.isSafe = isSafe
        }
    }

    public var severity: Severity
    /// Names the rule; the same in the code, the tests and docs/configuration.md.
    public var rule: RuleID
    public var range: SourceRange
    /// What is wrong, without a full stop.
    public var message: String
    /// Why that matters; may be empty.
    public var reason: String
    /// What to do about it; may be empty.
    public var fix: String
    public var fixIt: FixIt?
    public var related: [Related]

    public init(
        _ severity: Severity, _ rule: RuleID, at range: SourceRange, _ message: String, reason: String = "",
        fix: String = "", fixIt: FixIt? = nil, related: [Related] = []
    ) {
        self.severity = severity
        self.rule = rule
        self.range = range
        self.message = Self.clipped(message)
        self.reason = Self.clipped(reason)
        self.fix = Self.clipped(fix)
        self.fixIt = fixIt
        self.related = related
    }

    /// A message quotes words of the text, and a word may have millions of bytes: the middle of a long one is left out.
    static func clipped(_ text: String) -> String {
        let bytes = text.utf8
        guard bytes.count > 600 else { return text }
        func boundary(_ offset: Int) -> String.Index {
            var index = bytes.index(bytes.startIndex, offsetBy: offset)
            while index > bytes.startIndex, index.samePosition(in: text.unicodeScalars) == nil {
                index = bytes.index(before: index)
            }
            return index
        }
        return "\(text[..<boundary(400)])…\(text[boundary(bytes.count - 150)...])"
    }
}

/// What the language itself can find wrong. `Configuration` adds the rules about meaning.
public enum SyntaxRule {
    /// The main file cannot be read.
    public static let unreadable = RuleID("config.file.unreadable")
    /// A `}` that closes nothing.
    public static let extraBrace = RuleID("config.syntax.extra-brace")
    /// A `{` that was never closed.
    public static let missingBrace = RuleID("config.syntax.missing-brace")
    /// A `{` without a keyword before it.
    public static let unexpectedBrace = RuleID("config.syntax.unexpected-brace")
    /// A `{` that touches the word before it.
    public static let braceSpace = RuleID("config.syntax.brace-space")
    /// A quote that does not end on its line.
    public static let unterminatedQuote = RuleID("config.syntax.unterminated-quote")
    /// A `#` or `!` in the middle of a word.
    public static let commentInWord = RuleID("config.syntax.comment-in-word")
    /// A byte of 0.
    public static let nul = RuleID("config.syntax.nul")
    /// Blank space that is none: a no-break space, or another that Unicode has.
    public static let blank = RuleID("config.syntax.blank")
    /// A quote of typography.
    public static let typographicQuote = RuleID("config.syntax.typographic-quote")
    /// An `@` without a name.
    public static let conditionName = RuleID("config.condition.name")
    /// Two conditions on a line.
    public static let conditionTwice = RuleID("config.condition.twice")
    /// No condition of the text names this node.
    public static let conditionOther = RuleID("config.condition.other-node")
    /// A space before the `=` of a definition.
    public static let definitionSpace = RuleID("config.variable.definition-space")
    /// A definition that ends too late or too early.
    public static let definitionUnfinished = RuleID("config.variable.definition-end")
    /// A reference without a definition.
    public static let variableUndefined = RuleID("config.variable.undefined")
    /// A reference in the middle of a word, without braces.
    public static let variableBraces = RuleID("config.variable.braces")
    /// A value of several lines, not at the end of a line.
    public static let variableLines = RuleID("config.variable.lines")
    /// A value that contains itself.
    public static let variableCycle = RuleID("config.variable.cycle")
    /// Arguments of `${_RANDOM}` and its kin.
    public static let variableArgument = RuleID("config.variable.argument")
    /// A `~SEQ` or `~LST` that cannot be read.
    public static let loopSyntax = RuleID("config.loop.syntax")
    /// A sequence that does not come to its end.
    public static let loopStep = RuleID("config.loop.step")
    /// Values and variables of a list that differ in number.
    public static let loopTuple = RuleID("config.loop.tuple")
    /// A loop with too many passes.
    public static let loopLimit = RuleID("config.loop.limit")
    /// Values that make too much text.
    public static let expansionLimit = RuleID("config.variable.limit")
    /// More diagnostics than are kept.
    public static let diagnosticLimit = RuleID("config.diagnostics.limit")
    /// An `include` without a pattern.
    public static let includeEmpty = RuleID("config.include.empty")
    /// An `include` that matches no file.
    public static let includeMissing = RuleID("config.include.missing")
    /// An `include` whose file cannot be read.
    public static let includeUnreadable = RuleID("config.include.unreadable")
    /// A file that includes itself.
    public static let includeCycle = RuleID("config.include.cycle")
    /// Too deep, too many or too large.
    public static let includeLimit = RuleID("config.include.limit")
}
