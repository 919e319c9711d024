import ConfigLanguage
import Primitives

/// A draft whose values are the model's own, with its defaults. It remembers which keyword was written where.
protocol PlacedDraft: Sendable {
    var places: [String: SourceRange] { get set }
}

// Keywords whose values need no resolver: they go straight into a part of the model. They are set by closures, not by key
// paths: what is made at every start for each keyword costs time and memory, and a key path costs the most.
extension Keyword where Target: PlacedDraft {
    /// Stores a value of the target.
    typealias Setter<Value> = @Sendable (inout Target, Value) -> Void

    /// A keyword whose presence is the value.
    static func setFlag(
        _ name: String, _ documentation: String, _ set: @escaping @Sendable (inout Target) -> Void
    ) -> Keyword {
        Keyword(name, .none, default: "off", documentation) { target, reader in
            set(&target)
            target.places[name] = reader.statementRange
        }
    }

    static func setBoolean(
        _ name: String, default text: String = "off", _ documentation: String, _ set: @escaping Setter<Bool>
    ) -> Keyword {
        Keyword(name, .boolean, default: text, documentation) { target, reader in
            guard let value = reader.boolean() else { return }
            set(&target, value)
            reader.remember(name, in: &target)
        }
    }

    static func setInteger(
        _ name: String, _ range: ClosedRange<Int>, unit: String = "", default text: String, _ documentation: String,
        _ set: @escaping Setter<Int>
    ) -> Keyword {
        Keyword(name, .integer(range, unit: unit), default: text, documentation) { target, reader in
            guard let value = reader.integer(range, unit: unit) else { return }
            set(&target, value)
            reader.remember(name, in: &target)
        }
    }

    /// Seconds with decimals; `range` is in microseconds.
    static func setSeconds(
        _ name: String, _ range: ClosedRange<Int>, default text: String, _ documentation: String,
        _ set: @escaping Setter<Duration>
    ) -> Keyword {
        Keyword(name, .seconds(range), default: text, documentation) { target, reader in
            guard let value = reader.seconds(range) else { return }
            set(&target, value)
            reader.remember(name, in: &target)
        }
    }

    /// Whole seconds.
    static func setWholeSeconds(
        _ name: String, _ range: ClosedRange<Int>, default text: String, _ documentation: String,
        _ set: @escaping Setter<Duration>
    ) -> Keyword {
        setInteger(name, range, unit: "s", default: text, documentation) { set(&$0, .seconds($1)) }
    }

    /// Whole microseconds.
    static func setMicroseconds(
        _ name: String, _ range: ClosedRange<Int>, default text: String, _ documentation: String,
        _ set: @escaping Setter<Duration>
    ) -> Keyword {
        setInteger(name, range, unit: "µs", default: text, documentation) { set(&$0, .microseconds($1)) }
    }

    static func setWord(
        _ name: String, _ what: String, default text: String, _ documentation: String, _ set: @escaping Setter<String>
    ) -> Keyword {
        Keyword(name, .word(what), default: text, documentation) { target, reader in
            guard let value = reader.word(what) else { return }
            set(&target, value)
            reader.remember(name, in: &target)
        }
    }

    /// A path that begins with a slash.
    static func setPath(
        _ name: String, default text: String, _ documentation: String, _ set: @escaping Setter<String>
    ) -> Keyword {
        Keyword(name, .path, default: text, documentation) { target, reader in
            guard let value = reader.path() else { return }
            set(&target, value)
            reader.remember(name, in: &target)
        }
    }

    /// Processors, ascending.
    static func setProcessors(_ name: String, _ documentation: String, _ set: @escaping Setter<[Int]>) -> Keyword {
        Keyword(name, .integers(0...4095, "CPU"), default: "all", documentation) { target, reader in
            guard let numbers = reader.integers(0...4095) else { return }
            set(&target, Array(Set(numbers)).sorted())
            reader.remember(name, in: &target)
        }
    }

    /// What only a function can read; nil is a fault that was reported.
    static func set<Value: Sendable>(
        _ name: String, _ argument: ArgumentShape, default text: String, _ documentation: String,
        set: @escaping Setter<Value>, _ read: @escaping @Sendable (inout StatementReader) -> Value?
    ) -> Keyword {
        Keyword(name, argument, default: text, documentation) { target, reader in
            guard let value = read(&reader) else { return reader.skipRest() }
            set(&target, value)
            reader.remember(name, in: &target)
        }
    }
}

extension StatementReader {
    /// Notes where a keyword is written, and says when it was written before.
    mutating func remember<Target: PlacedDraft>(_ name: String, in target: inout Target) {
        if let before = target.places[name] {
            report(
                .repeatedKeyword, at: statementRange, "`\(name)` is written twice", reason: "the last one counts",
                fix: "remove one of them", related: [Diagnostic.Related(before, "written here before")])
        }
        target.places[name] = statementRange
    }
}
