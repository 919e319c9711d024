/// A promise that was broken, and how to see it again.
public struct Failure: Sendable {
    public var seed: UInt64
    /// True time, nanoseconds since the run began.
    public var time: Int64
    /// The promise (docs/invariants.md).
    public var invariant: String
    public var expected: String
    public var seen: String
    /// What happened before, one line an event; empty unless the run was told to keep it.
    public var story: [String]

    public var summary: String {
        "seed \(seed), \(seconds(time)) s: \(invariant): expected \(expected); seen: \(seen)"
    }
}
