import ConfigLanguage
import Primitives

/// A value with the place that it was written at.
struct Written<Value: Sendable>: Sendable {
    var value: Value
    var range: SourceRange
}

/// Whether a keyword does something.
public enum KeywordStatus: Hashable, Sendable {
    case supported
    /// What it asks for is always or never so: read, checked, and nothing changes.
    case withoutEffect
    /// Does what another does, whose name follows.
    case deprecated(String)
    /// Known, but without effect for now. Where that could change who holds an address, the configuration is refused.
    case notYet(decidesHolder: Bool)
}

/// One keyword of one block, declared once: its name, arguments, default, what it does, and where its value goes.
struct Keyword<Target>: Sendable {
    let name: String
    let argument: ArgumentShape
    let defaultText: String
    let documentation: String
    fileprivate(set) var status: KeywordStatus
    /// No renderer may show its arguments.
    var isSecret = false
    /// Reads the arguments of the statement at hand into the target.
    let apply: @Sendable (inout Target, inout StatementReader) -> Void

    init(
        _ name: String, _ argument: ArgumentShape, default defaultText: String = "", _ documentation: String,
        status: KeywordStatus = .supported, apply: @escaping @Sendable (inout Target, inout StatementReader) -> Void
    ) {
        self.name = name
        self.argument = argument
        self.defaultText = defaultText
        self.documentation = documentation
        self.status = status
        self.apply = apply
    }
}

typealias Slot<Target, Value: Sendable> = WritableKeyPath<Target, Written<Value>?> & Sendable

// One function a kind, each taking a literal key path: the optimiser dissolves them.
extension Keyword {
    /// A keyword whose presence is the value.
    static func flag(
        _ name: String, _ slot: Slot<Target, Bool>, value: Bool = true, status: KeywordStatus = .supported,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .none, default: value ? "off" : "on", documentation, status: status) { target, reader in
            if let before = target[keyPath: slot], before.value != value { reader.warnOfContradiction(before.range) }
            reader.assign(&target[keyPath: slot], value, repeatable: true)
        }
    }

    static func boolean(
        _ name: String, _ slot: Slot<Target, Bool>, default text: String = "off", _ documentation: String
    )
        -> Keyword
    {
        Keyword(name, .boolean, default: text, documentation) { target, reader in
            if let value = reader.boolean() { reader.assign(&target[keyPath: slot], value) }
        }
    }

    /// A whole number. What is out of range is reported under `rule`, and then `fallback` counts if there is one.
    static func integer(
        _ name: String, _ slot: Slot<Target, Int>, _ range: ClosedRange<Int>, unit: String = "",
        default text: String = "", rule: Rule = .range, fallback: Int? = nil, _ documentation: String
    ) -> Keyword {
        Keyword(name, .integer(range, unit: unit), default: text, documentation) { target, reader in
            if let value = reader.integer(range, unit: unit, rule: rule) ?? fallback {
                reader.assign(&target[keyPath: slot], value)
            }
        }
    }

    /// Seconds with decimals; `range` is in microseconds.
    static func seconds(
        _ name: String, _ slot: Slot<Target, Duration>, _ range: ClosedRange<Int>, default text: String = "0",
        rule: Rule = .range, _ documentation: String
    ) -> Keyword {
        Keyword(name, .seconds(range), default: text, documentation) { target, reader in
            if let value = reader.seconds(range, rule: rule) { reader.assign(&target[keyPath: slot], value) }
        }
    }

    /// Whole seconds.
    static func wholeSeconds(
        _ name: String, _ slot: Slot<Target, Duration>, _ range: ClosedRange<Int>, default text: String = "0",
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .integer(range, unit: "s"), default: text, documentation) { target, reader in
            if let value = reader.integer(range, unit: "s") { reader.assign(&target[keyPath: slot], .seconds(value)) }
        }
    }

    static func word(
        _ name: String, _ slot: Slot<Target, String>, _ what: String, default text: String = "", _ documentation: String
    ) -> Keyword {
        Keyword(name, .word(what), default: text, documentation) { target, reader in
            if let value = reader.word(what) { reader.assign(&target[keyPath: slot], value) }
        }
    }

    static func interface(
        _ name: String, _ slot: Slot<Target, String>, default text: String = "", _ documentation: String
    )
        -> Keyword
    {
        Keyword(name, .interface, default: text, documentation) { target, reader in
            if let value = reader.interface() { reader.assign(&target[keyPath: slot], value) }
        }
    }

    static func address(
        _ name: String, _ slot: Slot<Target, IPAddress>, default text: String = "", _ documentation: String
    )
        -> Keyword
    {
        Keyword(name, .address, default: text, documentation) { target, reader in
            if let value = reader.address() { reader.assign(&target[keyPath: slot], value) }
        }
    }

    static func command(_ name: String, _ slot: Slot<Target, HookCommand>, _ documentation: String) -> Keyword {
        Keyword(name, .command, default: "none", documentation) { target, reader in
            if let value = reader.hook() { reader.assign(&target[keyPath: slot], value) }
        }
    }

    static func user(_ name: String, _ slot: Slot<Target, ScriptUser>, default text: String, _ documentation: String)
        -> Keyword
    {
        Keyword(name, .user, default: text, documentation) { target, reader in
            if let value = reader.user() { reader.assign(&target[keyPath: slot], value) }
        }
    }

    /// One of a few words.
    static func choice<Value: Sendable>(
        _ name: String, _ slot: Slot<Target, Value>, _ choices: [(String, Value)], default text: String,
        rule: Rule = .choice, isCaseSensitive: Bool = true, otherwise: String? = nil, _ documentation: String
    ) -> Keyword {
        Keyword(name, .choice(choices.map(\.0)), default: text, documentation) { target, reader in
            let what = choices.map(\.0).joined(separator: "|")
            if let value = reader.choice(
                what, of: choices, isCaseSensitive: isCaseSensitive, rule: rule, otherwise: otherwise)
            {
                reader.assign(&target[keyPath: slot], value)
            }
        }
    }

    /// Keywords of a part of the target: declared once, they stand in every block that has that part.
    static func lifted<Part>(
        _ keywords: [Keyword<Part>], _ access: @escaping @Sendable (inout Target, (inout Part) -> Void) -> Void
    ) -> [Keyword] {
        keywords.map { keyword in
            let apply = keyword.apply
            var lifted = Keyword(
                keyword.name, keyword.argument, default: keyword.defaultText, keyword.documentation,
                status: keyword.status
            ) { target, reader in
                access(&target) { apply(&$0, &reader) }
            }
            lifted.isSecret = keyword.isSecret
            return lifted
        }
    }

    /// A block without a name whose entries are read one by one.
    static func entries(
        _ name: String, _ what: String, _ documentation: String,
        _ entry: @escaping @Sendable (inout Target, inout StatementReader) -> Void
    ) -> Keyword {
        Keyword(name, .list(what), documentation) { target, reader in
            reader.forEachEntry { reader in entry(&target, &reader) }
        }
    }

    /// A keyword whose arguments are checked, and go nowhere.
    static func checked(
        _ name: String, _ argument: ArgumentShape, default text: String = "", _ documentation: String
    ) -> Keyword {
        Keyword(name, argument, default: text, documentation) { _, reader in
            if !reader.check(argument) { reader.skipRest() }
        }
    }

    // MARK: Status

    /// The same, read and checked, and without effect for now.
    func later() -> Keyword { with(.notYet(decidesHolder: false)) }

    /// Keywords that are read and checked, and without effect for now.
    static func later(_ keywords: [Keyword]) -> [Keyword] { keywords.map { $0.later() } }

    /// The same, read, checked and refused: to run without it would change who holds what.
    func refused() -> Keyword { with(.notYet(decidesHolder: true)) }

    static func refused(_ keywords: [Keyword]) -> [Keyword] { keywords.map { $0.refused() } }

    /// The same, and nothing changes, because what it asks for is always or never so.
    func withoutEffect() -> Keyword { with(.withoutEffect) }

    /// The same under an old name.
    func old(_ better: String) -> Keyword { with(.deprecated(better)) }

    private func with(_ status: KeywordStatus) -> Keyword {
        var keyword = self
        keyword.status = status
        return keyword
    }
}

/// What declares keywords: a block, or an entry with options.
protocol KeywordBlock {
    var path: String { get }
    var description: BlockDescription { get }
    /// Calls with the name, the arguments, and whether they are secret.
    func forEachKeyword(_ body: (String, ArgumentShape, Bool) -> Void)
}

/// The keywords of one block.
struct Block<Target>: KeywordBlock, Sendable {
    /// As in `vrrp_instance/authentication`; the top is empty.
    let path: String
    let keywords: [Keyword<Target>]
    let table: KeywordTable

    init(_ path: String, _ keywords: [Keyword<Target>]) {
        self.path = path
        self.keywords = keywords
        table = KeywordTable(keywords.map(\.name))
    }

    /// A block whose keywords are declared in parts.
    init(_ path: String, parts: [[Keyword<Target>]]) { self.init(path, parts.flatMap { $0 }) }

    var name: String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(path[path.index(after: slash)...])
    }

    func forEachKeyword(_ body: (String, ArgumentShape, Bool) -> Void) {
        for keyword in keywords { body(keyword.name, keyword.argument, keyword.isSecret) }
    }

    var description: BlockDescription {
        BlockDescription(
            path: path, isEntry: false,
            keywords: keywords.map {
                KeywordDescription(
                    name: $0.name, argument: $0.argument, defaultText: $0.defaultText, documentation: $0.documentation,
                    status: $0.status, isSecret: $0.isSecret)
            })
    }
}

/// A keyword without its effect: for documentation, completion and tests.
public struct KeywordDescription: Hashable, Sendable {
    public let name: String
    public let argument: ArgumentShape
    /// The value without the keyword; empty where there is none or another keyword decides.
    public let defaultText: String
    /// One line.
    public let documentation: String
    public let status: KeywordStatus
    public let isSecret: Bool
}

/// A block with its keywords, in the order of declaration.
public struct BlockDescription: Hashable, Sendable {
    /// As in `vrrp_instance/authentication`; the top is empty.
    public let path: String
    /// Not a block, but an entry or a keyword with options.
    public let isEntry: Bool
    public let keywords: [KeywordDescription]
}
