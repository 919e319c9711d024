/// What the fence process says and does after a try to put its table up. Whoever hears ``FenceReport/lifetimes`` takes it that nothing closes an
/// address but its lifetime; so no table that nobody can change is left standing behind that word.
public struct FenceTableTries: Sendable {
    public enum Step: Equatable, Sendable {
        case say(FenceReport)
        /// Take off what stands, and say ``FenceReport/lifetimes`` where that was done, ``FenceReport/lost`` where not.
        case remove
    }

    private var failures = 0

    public init() {}

    public mutating func succeeded() -> Step {
        failures = 0
        return .say(.timeouts)
    }

    /// - Parameter stands: an older table is there, of this process or of one before it. It goes on closing, and is renewed.
    public mutating func failed(stands: Bool) -> Step {
        failures = min(failures + 1, 2)
        guard stands else { return .say(.lifetimes) }
        return failures == 1 ? .say(.lost) : .remove
    }
}
