import CLinux
import Primitives

/// CLOCK_BOOTTIME: never steps, counts suspend. Every `Instant` of the daemon is one of its.
public enum BootClock {
    public static func now() -> Instant { Instant(nanoseconds: aloft_boottime_ns()) }

    /// Nanoseconds since 1970, for people; decisions never rest on it.
    public static func wallClockNanoseconds() -> Int64 { aloft_realtime_ns() }
}
