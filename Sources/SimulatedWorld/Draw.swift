import Primitives

/// What a seed decides. Reproducible everywhere: nothing of the standard library's own drawing is used.
extension SplitMix64 {
    /// 0 ..< bound; 0 for a bound below 1.
    mutating func below(_ bound: Int) -> Int { bound < 1 ? 0 : Int(next() % UInt64(bound)) }

    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    mutating func within(_ range: ClosedRange<Int64>) -> Int64 {
        range.lowerBound + Int64(next() % UInt64(range.upperBound - range.lowerBound + 1))
    }

    /// True `permille` times in a thousand.
    mutating func chance(_ permille: Int) -> Bool { permille > 0 && below(1000) < permille }

    mutating func flip() -> Bool { next() & 1 == 1 }

    /// One of `choices`, which must not be empty.
    mutating func pick<Choice>(_ choices: [Choice]) -> Choice { choices[below(choices.count)] }

    /// Like `pick`, by weight.
    mutating func pick<Choice>(weighted choices: [(Choice, Int)]) -> Choice {
        var rest = below(choices.reduce(0) { $0 + $1.1 })
        for (choice, weight) in choices {
            if rest < weight { return choice }
            rest -= weight
        }
        return choices[0].0
    }
}

/// Nanoseconds, as the simulator counts true time.
let millisecond: Int64 = 1_000_000
let second: Int64 = 1_000_000_000

func seconds(_ nanoseconds: Int64) -> String { Instant(nanoseconds: nanoseconds).description }
