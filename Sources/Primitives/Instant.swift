/// A point on a clock that never steps: nanoseconds since an arbitrary origin.
///
/// In production the origin is the boot of the machine (`CLOCK_BOOTTIME`, which counts suspend); in
/// simulation it is the start of the run. Cores never ask for the time: `now` is a parameter.
/// Arithmetic saturates, so that no configured or received interval can trap.
public struct Instant: Hashable, Comparable, Sendable {
    public var nanoseconds: Int64

    @inlinable public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let zero = Instant(nanoseconds: 0)
    /// Later than anything that will happen. A deadline that is not set.
    public static let distantFuture = Instant(nanoseconds: .max)

    @inlinable public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    @inlinable public static func + (instant: Instant, duration: Duration) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(duration.nanoseconds)
        return Instant(nanoseconds: overflow ? (duration.nanoseconds < 0 ? .min : .max) : sum)
    }

    @inlinable public static func - (instant: Instant, duration: Duration) -> Instant {
        let (difference, overflow) = instant.nanoseconds.subtractingReportingOverflow(duration.nanoseconds)
        return Instant(nanoseconds: overflow ? (duration.nanoseconds < 0 ? .max : .min) : difference)
    }

    /// The time that passed from `earlier` to this instant; negative when it lies before.
    @inlinable public static func - (later: Instant, earlier: Instant) -> Duration {
        let (difference, overflow) = later.nanoseconds.subtractingReportingOverflow(earlier.nanoseconds)
        return .nanoseconds(overflow ? (later.nanoseconds < 0 ? .min : .max) : difference)
    }
}

/// An instant at which something is due. The machine that owns it re-checks it on expiry, so a stale
/// timer cannot exist.
public typealias Deadline = Instant

extension Instant: CustomStringConvertible {
    /// Seconds with microseconds, such as `12.345678`.
    public var description: String {
        self == .distantFuture ? "never" : decimalSeconds(nanoseconds, digits: 6)
    }
}

extension Duration {
    /// The whole nanoseconds of this duration, saturating at the bounds of `Int64` (292 years).
    @inlinable public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflow2) = scaled.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflow2 ? (seconds < 0 ? .min : .max) : sum
    }

    /// Seconds with at most `digits` decimals (0…9) and no trailing zeros, such as `3.609`.
    public func formattedSeconds(digits: Int = 3) -> String {
        var text = decimalSeconds(nanoseconds, digits: digits)
        guard text.utf8.contains(UInt8(ascii: ".")) else { return text }
        while text.utf8.last == UInt8(ascii: "0") { text.removeLast() }
        if text.utf8.last == UInt8(ascii: ".") { text.removeLast() }
        return text
    }
}

/// `nanoseconds` as seconds with exactly `digits` decimals, truncated.
func decimalSeconds(_ nanoseconds: Int64, digits: Int) -> String {
    let digits = min(max(digits, 0), 9)
    let magnitude = nanoseconds.magnitude
    var fraction = String(magnitude % 1_000_000_000)
    while fraction.utf8.count < 9 { fraction = "0" + fraction }
    let sign = nanoseconds < 0 ? "-" : ""
    let whole = sign + String(magnitude / 1_000_000_000)
    return digits == 0 ? whole : whole + "." + String(fraction.prefix(digits))
}
