import Primitives

/// A node's boot-time clock: it never steps, but it begins anywhere, runs up to 500 ppm wrong, and stands
/// still while the machine is paused.
struct HostClock {
    /// True time that reads as `start`.
    private var base: Int64 = 0
    private let start: Int64
    private let driftPPM: Int64

    init(bootedAt base: Int64, reading start: Int64, driftPPM: Int64) {
        (self.base, self.start, self.driftPPM) = (base, start, driftPPM)
    }

    func reading(at time: Int64) -> Instant {
        let elapsed = time - base
        return Instant(nanoseconds: start + elapsed + elapsed * driftPPM / 1_000_000)
    }

    /// The first true time at which the clock reads `instant` or more; `.max` for what lies beyond any run.
    func time(of instant: Instant) -> Int64 {
        let elapsed = instant.nanoseconds - start
        guard elapsed < 8_000 * second, elapsed > -8_000 * second else { return elapsed < 0 ? base : .max }
        var time = base + elapsed * 1_000_000 / (1_000_000 + driftPPM)
        while reading(at: time) < instant { time += 1 }
        return time
    }

    /// The machine stood still for `duration`.
    mutating func pause(for duration: Int64) { base += duration }
}
