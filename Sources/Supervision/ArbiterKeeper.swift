import Primitives

/// The arbiter worker's part of the supervisor. The VRRP worker and it speak to each other by a socket that the supervisor gave to both.
/// When it dies, questions without an answer are asked again by the VRRP worker itself.
extension Supervisor {
    /// The configuration was read: whether an arbiter is in it may have changed, or which.
    mutating func updateArbiter(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard phase == .running else { return }
        switch (settings.needsArbiter, arbiter.isRunning) {
        case (true, false): if arbiter.restartAt == nil { startArbiter(at: now, into: &effects) }
        case (false, true): stopArbiter(at: now, into: &effects)
        case (true, true): arbiter.stopLimit = nil
        case (false, false): arbiter.restartAt = nil
        }
    }

    private mutating func startArbiter(at now: Instant, into effects: inout [SupervisorEffect]) {
        arbiter.begin(at: now)
        effects.append(.startHelper(.arbiter, .start))
    }

    /// After the VRRP worker has said its last: what was given back is still on its way.
    mutating func stopArbiter(at now: Instant, into effects: inout [SupervisorEffect]) {
        arbiter.restartAt = nil
        guard arbiter.isRunning else { return }
        arbiter.stopLimit = now + Self.arbiterStopLimit
        effects.append(.sendHelper(.arbiter, .stop))
    }

    mutating func arbiterEnded(_ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]) {
        guard arbiter.isRunning else { return }
        let isWanted = phase == .running && settings.needsArbiter
        guard let line = arbiter.end(status, isWanted: isWanted, at: now) else {
            return finishIfIdle(at: now, into: &effects)
        }
        effects.append(.log(.error, SupervisionRule.arbiterRestart, line))
    }

    mutating func advanceArbiter(to now: Instant, into effects: inout [SupervisorEffect]) {
        while let due = arbiter.due(at: now) {
            switch due {
            case .restart:
                arbiter.restartAt = nil
                if phase == .running { startArbiter(at: now, into: &effects) }
            case .kill(let text): killArbiter(text, into: &effects)
            }
        }
    }

    mutating func killArbiter(_ text: String, into effects: inout [SupervisorEffect]) {
        guard arbiter.process?.isKilled == false else { return }
        arbiter.process?.isKilled = true
        effects.append(.log(.error, SupervisionRule.arbiterHung, "the arbiter worker \(text), and is killed"))
        effects.append(.signalHelper(.arbiter, .kill))
    }

    mutating func receiveFromArbiter(
        _ message: WorkerMessage, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        arbiter.process?.lastBeat = now
        switch message {
        case .ready(let summary):
            arbiter.process?.isReady = true
            arbiter.wasReady = true
            for line in Self.lines(summary.text) { effects.append(.log(.notice, nil, line)) }
        case .log(let level, let text):
            for line in Self.lines(text) { effects.append(.logHelper(.arbiter, level, line)) }
        // What only the others say, and signs of life.
        default: break
        }
    }
}
