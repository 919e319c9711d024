import Primitives

/// What the shell tells of helpers, whichever it is.
extension Supervisor {
    public mutating func started(_ helper: Helper, pid: Int32) {
        switch helper {
        case .health: health.process?.pid = pid
        case .mail: mail.process?.pid = pid
        case .arbiter: arbiter.process?.pid = pid
        case .fence: fence.process?.pid = pid
        }
    }

    /// It could not even be started: as if it had ended at once.
    public mutating func failedToStart(
        _ helper: Helper, _ text: String, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        effects.append(.log(.error, nil, "cannot start the \(helper.name): \(text)"))
        ended(helper, .exited(ExitCode.fatal), at: now, into: &effects)
    }

    /// It is gone, and everything it had sent was received.
    public mutating func ended(
        _ helper: Helper, _ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        switch helper {
        case .health: healthEnded(status, at: now, into: &effects)
        case .mail: mailEnded(status, at: now, into: &effects)
        case .arbiter: arbiterEnded(status, at: now, into: &effects)
        case .fence: fenceEnded(status, at: now, into: &effects)
        }
    }

    /// A message of it. `wallClock`: nanoseconds since 1970 at `now`.
    public mutating func receive(
        _ message: WorkerMessage, from helper: Helper, at now: Instant, wallClock: Int64,
        into effects: inout [SupervisorEffect]
    ) {
        switch helper {
        case .health: receiveFromHealth(message, at: now, wallClock: wallClock, into: &effects)
        case .mail: receiveFromMail(message, at: now, into: &effects)
        case .arbiter: receiveFromArbiter(message, at: now, into: &effects)
        case .fence: receiveFromFence(message, at: now, into: &effects)
        }
    }

    /// The bytes on its socket are no messages.
    public mutating func receiveGarbage(
        from helper: Helper, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        switch helper {
        case .health: receiveGarbageFromHealth(at: now, into: &effects)
        case .mail: receiveGarbageFromMail(at: now, into: &effects)
        case .arbiter: killArbiter("sends what is no message", into: &effects)
        case .fence: killFence("sends what is no message", into: &effects)
        }
    }
}

extension Helper {
    /// For the log.
    public var name: String {
        switch self {
        case .health: "health worker"
        case .mail: "mail process"
        case .arbiter: "arbiter worker"
        case .fence: "fence process"
        }
    }
}
