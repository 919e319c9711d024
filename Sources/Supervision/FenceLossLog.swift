import Primitives

/// Lines about a fence that is lost and stands again. Whoever removes it as fast as it is put back would fill the log: the first loss is told at once,
/// those that follow within a second as a number.
public struct FenceLossLog: Sendable {
    public struct Line: Equatable, Sendable {
        public var level: LogLevel
        public var text: String
    }

    private var isLost = false
    /// What the last line said.
    private var hasToldLoss = false
    private var next = Instant.zero
    private var waiting: String?
    private var count = 0

    public static let interval = Duration.seconds(1)

    public init() {}

    /// - Parameter isUrgent: told now, whatever was told just before.
    public mutating func lost(_ text: String, isUrgent: Bool = false, at now: Instant) -> [Line] {
        isLost = true
        waiting = text
        count += 1
        if isUrgent { next = now }
        return advance(to: now)
    }

    public mutating func stands(at now: Instant) -> [Line] {
        isLost = false
        return advance(to: now)
    }

    /// What has waited for long enough.
    public mutating func advance(to now: Instant) -> [Line] {
        var lines: [Line] = []
        if let text = waiting, now >= next {
            lines.append(
                Line(level: .error, text: count > 1 ? "\(text) (\(count) times since it was said last)" : text))
            (waiting, count) = (nil, 0)
            hasToldLoss = true
            next = now + Self.interval
        }
        if hasToldLoss, !isLost, waiting == nil {
            lines.append(Line(level: .notice, text: "the lease fence stands again"))
            hasToldLoss = false
        }
        return lines
    }
}
