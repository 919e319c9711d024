import Glibc
import Primitives

/// The clock of the lab: boot time, which every namespace of the machine shares, so that a frame seen on
/// the switch, an answer seen by the client and an address seen on a node can be put in one order.
public enum LabClock {
    public static func now() -> Instant { read(CLOCK_BOOTTIME) }

    /// A wall-clock time stamp of the kernel (`SIOCGSTAMPNS`) on the lab's clock.
    static func fromWallClock(_ stamp: timespec) -> Instant {
        let stamp = Int64(stamp.tv_sec) * 1_000_000_000 + Int64(stamp.tv_nsec)
        // Two clocks cannot be read at once, and a process that is interrupted in between would date the
        // frame late by as much: of some readings the closest counts.
        var closest = Duration.seconds(3600)
        var offset: Int64 = 0
        for _ in 0..<5 {
            let before = now()
            let wall = read(CLOCK_REALTIME)
            let width = now() - before
            if width < closest { (closest, offset) = (width, wall.nanoseconds - before.nanoseconds) }
            if closest < .microseconds(5) { break }
        }
        return Instant(nanoseconds: stamp - offset)
    }

    private static func read(_ clock: clockid_t) -> Instant {
        var time = timespec()
        clock_gettime(clock, &time)
        return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// Looks at `condition` every few milliseconds until it yields a value; nil after `limit`.
    /// Throws when a blocked SIGINT, SIGTERM or SIGHUP has arrived (`blockSignals()`).
    public static func poll<Value>(
        upTo limit: Duration, every step: Duration = .milliseconds(5), until condition: () throws(LabError) -> Value?
    ) throws(LabError) -> Value? {
        let deadline = now() + limit
        while true {
            if let value = try condition() { return value }
            if let signal = pendingSignal() { throw LabError(.interrupted, "interrupted by signal \(signal)") }
            if now() >= deadline { return nil }
            usleep(UInt32(clamping: step.nanoseconds / 1000))
        }
    }

    /// `poll`, for what must happen: throws `late`, naming `what`, when it does not.
    @discardableResult
    public static func wait<Value>(
        upTo limit: Duration, for what: String, until condition: () throws(LabError) -> Value?
    ) throws(LabError) -> Value {
        guard let value = try poll(upTo: limit, until: condition) else {
            throw LabError(.late, "waited \(limit.formattedSeconds()) s in vain for \(what)")
        }
        return value
    }

    /// Lets `duration` pass, for what is *measured over* a time, never for a state to come about.
    public static func observe(for duration: Duration) throws(LabError) {
        _ = try poll(upTo: duration) { () throws(LabError) -> Bool? in nil }
    }

    // MARK: Signals

    private static let signals = [SIGINT, SIGTERM, SIGHUP]

    /// Keeps SIGINT, SIGTERM and SIGHUP pending instead of fatal, so that the lab is cleared away in
    /// order: every wait looks for them and throws `interrupted`. Children start with nothing blocked.
    public static func blockSignals() {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    private static func pendingSignal() -> Int32? {
        var set = sigset_t()
        sigpending(&set)
        return signals.first { sigismember(&set, $0) == 1 }
    }
}
