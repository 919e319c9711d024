import Foundation
import NetworkLab
import Primitives
import Synchronization
import Testing

/// A time that was measured, and the time it may take at most.
struct Figure {
    var what: String
    var measured: Duration
    var limit: Duration

    init(_ what: String, _ measured: Duration, atMost limit: Duration) {
        self.what = what
        self.measured = measured
        self.limit = limit
    }

    var fits: Bool { measured <= limit }
}

/// How late a thread of this process wakes that wants to wake every 5 ms: what the machine does to everybody.
final class StarvationMeter: Sendable {
    static let step = Duration.milliseconds(5)
    /// Later than this, and a figure that is missed says nothing about Aloft.
    static let bound = Duration.microseconds(1500)

    private struct State {
        var worst = Duration.zero
        var isRunning = true
    }
    private let state = Mutex(State())

    init() {
        let thread = Thread { [self] in
            var before = LabClock.now()
            while state.withLock({ $0.isRunning }) {
                usleep(UInt32(StarvationMeter.step.nanoseconds / 1000))
                let now = LabClock.now()
                let lateness = now - before - StarvationMeter.step
                state.withLock { $0.worst = max($0.worst, lateness) }
                before = now
            }
        }
        thread.start()
    }

    /// The moment that is measured from. What was late before it does not count.
    func event() -> Instant {
        state.withLock { $0.worst = .zero }
        return LabClock.now()
    }

    var worst: Duration { state.withLock { $0.worst } }
    func stop() { state.withLock { $0.isRunning = false } }
}

/// Judges the figures of `scenario` at their own limits. Milliseconds mean nothing on a machine that has no
/// time: a scenario that misses a figure while the machine was late itself is repeated, twice at most; the
/// last one gets what the machine was late on top.
func withoutStarvation(
    sourceLocation: SourceLocation = #_sourceLocation, _ scenario: (StarvationMeter) throws -> [Figure]
) throws {
    for attempt in 1...3 {
        let meter = StarvationMeter()
        defer { meter.stop() }
        let figures = try scenario(meter)
        let late = meter.worst
        let isStarved = late > StarvationMeter.bound
        let missed = figures.filter { !$0.fits }
        if missed.isEmpty { return }
        if isStarved, attempt < 3 { continue }
        for figure in missed {
            let allowance = isStarved ? late : .zero
            #expect(
                figure.measured <= figure.limit + allowance,
                "\(figure.what): \(figure.measured), at most \(figure.limit); timers here were \(late) late",
                sourceLocation: sourceLocation)
        }
        return
    }
}
