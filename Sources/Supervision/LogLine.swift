import Primitives

/// How a line of the log looks on the console, in a file and to syslog.
public enum LogLine {
    /// `2026-11-23T12:40:00.123Z warning text`, with a newline. Control characters are replaced, so that
    /// what came from a file or the network cannot forge a line.
    public static func console(_ level: LogLevel, _ text: String, wallClock: Int64) -> [UInt8] {
        var bytes = Array(timestamp(wallClock).utf8)
        bytes.append(UInt8(ascii: " "))
        bytes.append(contentsOf: level.name.utf8)
        bytes.append(UInt8(ascii: " "))
        append(text, to: &bytes)
        bytes.append(UInt8(ascii: "\n"))
        return bytes
    }

    /// `<30>aloftd[7]: text`, as a datagram for /dev/log (RFC 3164 without its time, which the receiver
    /// adds: a local time needs the zone's file).
    public static func syslog(
        _ level: LogLevel, _ text: String, facility: UInt8, tag: String, pid: Int32
    ) -> [UInt8] {
        var bytes = Array("<\(Int(facility) * 8 + Int(level.rawValue))>\(tag)[\(pid)]: ".utf8)
        append(text, to: &bytes)
        return bytes
    }

    /// The longest text of a line, in bytes; the rest is cut off.
    public static let limit = 8192

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8.prefix(limit) { bytes.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: " ") : byte) }
    }

    /// UTC with milliseconds, from nanoseconds since 1970.
    public static func timestamp(_ nanoseconds: Int64) -> String {
        let milliseconds = floorDivide(nanoseconds, 1_000_000)
        let days = floorDivide(milliseconds, 86_400_000)
        let inDay = milliseconds - days * 86_400_000
        // Howard Hinnant's civil_from_days: years begin in March, so that the leap day is the last.
        let shifted = days + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let march = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * march + 2) / 5 + 1
        let month = march < 10 ? march + 3 : march - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return pad(year, 4) + "-" + pad(month, 2) + "-" + pad(day, 2) + "T" + pad(inDay / 3_600_000, 2) + ":"
            + pad(inDay / 60_000 % 60, 2) + ":" + pad(inDay / 1000 % 60, 2) + "." + pad(inDay % 1000, 3) + "Z"
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        let quotient = a / b
        return a % b < 0 ? quotient - 1 : quotient
    }

    private static func pad(_ number: Int64, _ digits: Int) -> String {
        var text = String(number)
        while text.utf8.count < digits { text = "0" + text }
        return text
    }
}

/// Bounds how much is logged (BOUND-1): a burst, and then so many lines a second. What was left out is
/// counted and said with the next line.
public struct LogRate: Sendable {
    public let burst: Int64
    public let perSecond: Int64
    private var tokens: Int64
    private var refilledAt: Instant
    private var left: UInt64 = 0

    public init(burst: Int64 = 2000, perSecond: Int64 = 200, at now: Instant) {
        self.burst = burst
        self.perSecond = perSecond
        tokens = burst
        refilledAt = now
    }

    /// Whether a line may be written now; and if so, how many before it could not.
    public mutating func admit(at now: Instant) -> (isAdmitted: Bool, suppressed: UInt64) {
        let period = 1_000_000_000 / max(perSecond, 1)
        let gained = max((now - refilledAt).nanoseconds, 0) / period
        if gained > 0 {
            tokens = min(burst, tokens.addingReportingOverflow(gained).overflow ? burst : tokens + gained)
            refilledAt = tokens == burst ? now : refilledAt + .nanoseconds(gained * period)
        }
        guard tokens > 0 else {
            left &+= 1
            return (false, 0)
        }
        tokens -= 1
        defer { left = 0 }
        return (true, left)
    }
}
