/// Diagnostics in the order in which they were found, bounded: a file that is not a configuration at all has millions.
public struct DiagnosticList: Sendable {
    /// The most that are kept.
    public static let limit = 10_000

    public private(set) var all: [Diagnostic] = []
    /// How many were not kept. An error is dropped only when another one is kept.
    public private(set) var dropped = 0
    public private(set) var hasError = false

    public init() {}

    /// Another one of this severity would be dropped: there is no need to find words for it.
    public func isFull(for severity: Diagnostic.Severity) -> Bool {
        all.count >= Self.limit && (severity != .error || hasError)
    }

    public mutating func append(_ diagnostic: Diagnostic) {
        guard !isFull(for: diagnostic.severity) else {
            dropped += 1
            return
        }
        if diagnostic.severity == .error { hasError = true }
        all.append(diagnostic)
    }

    /// Counts some that were not even worded, or were dropped elsewhere.
    public mutating func drop(_ count: Int = 1) { dropped += count }
}
