import ConfigLanguage
import Primitives

/// A draft whose values are the model's own, with its defaults. It remembers which keyword was written where.
protocol PlacedDraft: Sendable {
    var places: [String: SourceRange] { get set }
}

/// What a keyword may set.
protocol Settable: Sendable {}

extension Bool: Settable {}
extension Int: Settable {}
extension String: Settable {}
extension Duration: Settable {}

/// A value of the model, or an optional of one.
protocol Holding<Held>: Sendable {
    associatedtype Held
    init(holding: Held)
}

extension Bool: Holding { init(holding value: Bool) { self = value } }
extension Int: Holding { init(holding value: Int) { self = value } }
extension String: Holding { init(holding value: String) { self = value } }
extension Duration: Holding { init(holding value: Duration) { self = value } }
extension Optional: Holding where Wrapped: Settable { init(holding value: Wrapped) { self = value } }

typealias Place<Target, Value> = WritableKeyPath<Target, Value> & Sendable

// Keywords whose values need no resolver: they go straight into a part of the model.
extension Keyword where Target: PlacedDraft {
    /// A keyword whose presence is the value.
    static func setFlag(_ name: String, _ place: Place<Target, Bool>, _ documentation: String) -> Keyword {
        Keyword(name, .none, default: "off", documentation) { target, reader in
            target[keyPath: place] = true
            target.places[name] = reader.statementRange
        }
    }

    static func setBoolean<Value: Holding<Bool>>(
        _ name: String, _ place: Place<Target, Value>, default text: String = "off", _ documentation: String
    ) -> Keyword {
        Keyword(name, .boolean, default: text, documentation) { target, reader in
            guard let value = reader.boolean() else { return }
            target[keyPath: place] = Value(holding: value)
            reader.remember(name, in: &target)
        }
    }

    static func setInteger<Value: Holding<Int>>(
        _ name: String, _ place: Place<Target, Value>, _ range: ClosedRange<Int>, unit: String = "",
        default text: String, _ documentation: String
    ) -> Keyword {
        Keyword(name, .integer(range, unit: unit), default: text, documentation) { target, reader in
            guard let value = reader.integer(range, unit: unit) else { return }
            target[keyPath: place] = Value(holding: value)
            reader.remember(name, in: &target)
        }
    }

    /// Seconds with decimals; `range` is in microseconds.
    static func setSeconds<Value: Holding<Duration>>(
        _ name: String, _ place: Place<Target, Value>, _ range: ClosedRange<Int>, default text: String,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .seconds(range), default: text, documentation) { target, reader in
            guard let value = reader.seconds(range) else { return }
            target[keyPath: place] = Value(holding: value)
            reader.remember(name, in: &target)
        }
    }

    /// Whole seconds.
    static func setWholeSeconds<Value: Holding<Duration>>(
        _ name: String, _ place: Place<Target, Value>, _ range: ClosedRange<Int>, default text: String,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .integer(range, unit: "s"), default: text, documentation) { target, reader in
            guard let value = reader.integer(range, unit: "s") else { return }
            target[keyPath: place] = Value(holding: .seconds(value))
            reader.remember(name, in: &target)
        }
    }

    /// Whole microseconds.
    static func setMicroseconds<Value: Holding<Duration>>(
        _ name: String, _ place: Place<Target, Value>, _ range: ClosedRange<Int>, default text: String,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .integer(range, unit: "µs"), default: text, documentation) { target, reader in
            guard let value = reader.integer(range, unit: "µs") else { return }
            target[keyPath: place] = Value(holding: .microseconds(value))
            reader.remember(name, in: &target)
        }
    }

    /// Milliseconds with decimals; `range` is in microseconds.
    static func setMilliseconds<Value: Holding<Duration>>(
        _ name: String, _ place: Place<Target, Value>, _ range: ClosedRange<Int>, default text: String,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .milliseconds(range), default: text, documentation) { target, reader in
            guard let value = reader.milliseconds(range) else { return }
            target[keyPath: place] = Value(holding: value)
            reader.remember(name, in: &target)
        }
    }

    static func setWord<Value: Holding<String>>(
        _ name: String, _ place: Place<Target, Value>, _ what: String, default text: String, _ documentation: String
    ) -> Keyword {
        Keyword(name, .word(what), default: text, documentation) { target, reader in
            guard let value = reader.word(what) else { return }
            target[keyPath: place] = Value(holding: value)
            reader.remember(name, in: &target)
        }
    }

    /// A path that begins with a slash.
    static func setPath<Value: Holding<String>>(
        _ name: String, _ place: Place<Target, Value>, default text: String, _ documentation: String
    ) -> Keyword {
        Keyword(name, .path, default: text, documentation) { target, reader in
            guard let value = reader.path() else { return }
            target[keyPath: place] = Value(holding: value)
            reader.remember(name, in: &target)
        }
    }

    /// Processors, ascending.
    static func setProcessors(_ name: String, _ place: Place<Target, [Int]>, _ documentation: String) -> Keyword {
        Keyword(name, .integers(0...4095, "CPU"), default: "all", documentation) { target, reader in
            guard let numbers = reader.integers(0...4095) else { return }
            target[keyPath: place] = Array(Set(numbers)).sorted()
            reader.remember(name, in: &target)
        }
    }

    /// What only a function can read; nil is a fault that was reported.
    static func set<Value>(
        _ name: String, _ place: Place<Target, Value>, _ argument: ArgumentShape, default text: String,
        _ documentation: String, _ read: @escaping @Sendable (inout StatementReader) -> Value?
    ) -> Keyword {
        Keyword(name, argument, default: text, documentation) { target, reader in
            guard let value = read(&reader) else { return reader.skipRest() }
            target[keyPath: place] = value
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
