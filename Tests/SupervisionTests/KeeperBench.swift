import Primitives
import Supervision

/// A supervisor with one of its helpers, driven by hand: what the benches of all of them can do.
protocol KeeperBench {
    var supervisor: Supervisor { get set }
    var now: Instant { get set }
    var effects: [SupervisorEffect] { get set }
}

extension KeeperBench {
    /// Of the VRRP worker, which goes on living.
    mutating func say(_ message: WorkerMessage) {
        var said: [SupervisorEffect] = []
        supervisor.receive(message, at: now, wallClock: 0, promise: now + .seconds(1), into: &said)
        effects += said
    }
    /// In steps, as the supervisor wakes up.
    mutating func wait(_ duration: Duration) {
        let end = now + duration
        while now < end {
            now = min(now + .milliseconds(500), end)
            var said: [SupervisorEffect] = []
            supervisor.advance(to: now, into: &said)
            effects += said
        }
    }
    /// What happened since the last call, without what is only logged.
    mutating func take() -> [SupervisorEffect] {
        defer { effects = [] }
        return effects.filter {
            switch $0 {
            case .log, .logHelper: false
            default: true
            }
        }
    }
}
