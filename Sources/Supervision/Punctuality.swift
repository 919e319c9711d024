import Primitives

/// How punctual a loop is: how late it does what is due, and how long one turn takes it. Pure, and cheap enough for every turn.
public struct Punctuality: Sendable {
    /// The worst of a time.
    public struct Worst: Equatable, Sendable {
        /// From a deadline to when it was dealt with.
        public var late = Duration.zero
        /// From waking up to waiting again.
        public var turn = Duration.zero

        public init() {}

        mutating func join(_ other: Worst) {
            late = max(late, other.late)
            turn = max(turn, other.turn)
        }
    }

    /// Ten seconds, and what was worst in them.
    private struct Part: Sendable {
        var number: Int64 = -1
        var worst = Worst()
    }

    private static let parts = 6
    private static let part = Duration.seconds(10)

    public private(set) var sinceStart = Worst()
    /// How often a stall was noted.
    public private(set) var stalls: UInt64 = 0
    private var recent = [Part](repeating: Part(), count: parts)
    private var toldAt: Instant?
    private var untold: UInt64 = 0
    /// Between two lines about stalls.
    static let pause = Duration.seconds(10)

    public init() {}

    /// One turn of the loop.
    ///
    /// - Parameters:
    ///   - late: how long after its deadline something was done; nil where nothing was due.
    ///   - turn: how long the turn took.
    ///   - patience: from which duration on it is a stall.
    /// - Returns: What is worth a line: a stall, with how many there were since the last line; one line in ten seconds at most.
    public mutating func note(late: Duration?, turn: Duration, patience: Duration, at now: Instant) -> Stall? {
        var worst = Worst()
        worst.late = max(.zero, late ?? .zero)
        worst.turn = max(.zero, turn)
        sinceStart.join(worst)
        let number = now.nanoseconds / Self.part.nanoseconds
        let index = Int(number % Int64(Self.parts))
        guard recent.indices.contains(index) else { return nil }
        if recent[index].number != number { recent[index] = Part(number: number) }
        recent[index].worst.join(worst)
        guard max(worst.late, worst.turn) > patience else { return nil }
        stalls &+= 1
        untold += 1
        if let toldAt, now - toldAt < Self.pause { return nil }
        defer { (toldAt, untold) = (now, 0) }
        return Stall(late: worst.late, turn: worst.turn, count: untold)
    }

    public struct Stall: Equatable, Sendable {
        public var late: Duration
        public var turn: Duration
        /// Since the last line, this one included.
        public var count: UInt64

        public var duration: Duration { max(late, turn) }

        /// One line for the log.
        public func text(patience: Duration) -> String {
            let more = count > 1 ? "; \(count) times since it was last said" : ""
            return
                "this worker stood still: something was done \(late.formattedSeconds()) s after it was due, and one turn of its loop took \(turn.formattedSeconds()) s; more than \(patience.formattedSeconds()) s is a quarter of what others wait\(more). Give it a processor (`vrrp_rt_priority`), or longer intervals [\(SupervisionRule.workerStalled)]"
        }
    }

    /// The worst of the last minute, the present ten seconds and the five tens before.
    public func lastMinute(at now: Instant) -> Worst {
        let number = now.nanoseconds / Self.part.nanoseconds
        var worst = Worst()
        for part in recent where part.number >= 0 && number - part.number < Int64(Self.parts) { worst.join(part.worst) }
        return worst
    }
}
