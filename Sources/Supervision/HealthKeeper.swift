import Primitives

/// Keeps the health worker alive while it is wanted. It holds no address, so its end costs nothing but checks: it is started again, at once
/// the first time and later with growing pauses, for ever; the daemon never ends because of it.
struct HealthKeeper: Sendable {
    struct Process: Sendable {
        var pid: Int32 = 0
        var startedAt: Instant
        var isReady = false
        var isKilled = false
        var lastBeat: Instant
    }

    var process: Process?
    var restartAt: Deadline?
    /// What the last worker asked to remember, for its successor.
    var memory: [UInt8] = []
    /// One of this run was ready, so that a table may stand in the kernel.
    var wasReady = false
    var restarts: UInt64 = 0
    var delay: Duration = .zero
    /// After a stop was asked for.
    var stopLimit: Deadline?

    /// A worker that says nothing for so long hangs.
    static let beatLimit: Duration = .seconds(10)
    static let longestDelay: Duration = .seconds(30)

    var isRunning: Bool { process != nil }
    var isReady: Bool { process?.isReady == true && process?.isKilled == false }
    var pid: Int32 { process?.pid ?? 0 }

    var nextDeadline: Deadline? {
        var next = [restartAt, stopLimit].compactMap { $0 }
        if let process, !process.isKilled { next.append(process.lastBeat + Self.beatLimit) }
        return next.min()
    }
}

extension Supervisor {
    /// The configuration was read: whether virtual servers are in it may have changed.
    mutating func updateHealth(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard phase == .running else { return }
        switch (settings.needsHealth, health.isRunning) {
        case (true, false): if health.restartAt == nil { startHealth(at: now, into: &effects) }
        case (false, true): stopHealth(at: now, into: &effects)
        case (true, true): health.stopLimit = nil
        case (false, false): health.restartAt = nil
        }
    }

    private mutating func startHealth(at now: Instant, into effects: inout [SupervisorEffect]) {
        health.restartAt = nil
        health.stopLimit = nil
        health.process = HealthKeeper.Process(startedAt: now, lastBeat: now)
        effects.append(.startHealth(health.wasReady ? .adopt : .start))
        // A successor waits for it, so it comes even when it is empty.
        if health.wasReady { effects.append(.sendHealth(.recall(health.memory))) }
        tellHealthOfRole(of: settings.followedInstance, into: &effects)
    }

    /// The role of the instance that the health worker follows, where `name` is that; before its first transition there is none.
    func tellHealthOfRole(of name: String, into effects: inout [SupervisorEffect]) {
        guard health.isRunning, !name.isEmpty, name == settings.followedInstance,
            let state = history.records(of: name).last?.to
        else { return }
        effects.append(.sendHealth(.role(instance: name, state: state)))
    }

    public mutating func healthStarted(pid: Int32) { health.process?.pid = pid }

    /// It could not even be started: as if it had ended at once.
    public mutating func healthFailedToStart(
        _ text: String, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        effects.append(.log(.error, nil, "cannot start the health worker: \(text)"))
        healthEnded(.exited(ExitCode.fatal), at: now, into: &effects)
    }

    /// The health worker is gone, and everything it had sent was received.
    public mutating func healthEnded(_ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]) {
        guard let ended = health.process else { return }
        let wasAsked = health.stopLimit != nil
        health.process = nil
        health.stopLimit = nil
        withHealthChecks(into: &effects) { $0.cancelAll(into: &$1) }
        for index in queries.indices { queries[index].health = Part(isAwaited: false) }
        finishQueries(at: now, into: &effects)
        if wasAsked { health.wasReady = false }
        guard phase == .running, settings.needsHealth else { return finishIfIdle(at: now, into: &effects) }
        if now - ended.startedAt > .seconds(60) { health.delay = .zero }
        health.restarts &+= 1
        health.restartAt = now + health.delay
        let when = health.delay == .zero ? "at once" : "in \(health.delay.formattedSeconds()) s"
        effects.append(
            .log(
                .error, SupervisionRule.healthRestart,
                "the health worker \(status.text) and is replaced \(when); what it forwards goes on"))
        health.delay = min(max(health.delay * 2, .seconds(1)), HealthKeeper.longestDelay)
    }

    /// Its stop, or the daemon's: it takes its services out of the kernel.
    mutating func stopHealth(at now: Instant, into effects: inout [SupervisorEffect]) {
        health.restartAt = nil
        guard health.isRunning else { return }
        health.stopLimit = now + settings.stopLimit
        effects.append(.sendHealth(.stop))
    }

    mutating func advanceHealth(to now: Instant, into effects: inout [SupervisorEffect]) {
        if let due = health.restartAt, now >= due, phase == .running { startHealth(at: now, into: &effects) }
        if let limit = health.stopLimit, now >= limit {
            health.stopLimit = .distantFuture
            killHealth("did not stop in time", into: &effects)
        }
        if let process = health.process, !process.isKilled, now >= process.lastBeat + HealthKeeper.beatLimit {
            // A look that itself comes late proves nothing.
            guard now - process.lastBeat < HealthKeeper.beatLimit + .seconds(1) else {
                health.process?.lastBeat = now
                return
            }
            killHealth("says nothing any more", into: &effects)
        }
    }

    private mutating func killHealth(_ text: String, into effects: inout [SupervisorEffect]) {
        health.process?.isKilled = true
        effects.append(.log(.error, SupervisionRule.healthHung, "the health worker \(text), and is killed"))
        effects.append(.signalHealth(.kill))
    }

    // MARK: - What it says

    public mutating func receiveFromHealth(
        _ message: WorkerMessage, at now: Instant, wallClock: Int64, into effects: inout [SupervisorEffect]
    ) {
        health.process?.lastBeat = now
        switch message {
        case .ready(let summary):
            health.process?.isReady = true
            health.wasReady = true
            for line in Self.lines(summary.text) { effects.append(.log(.notice, nil, line)) }
        case .log(let level, let text): for line in Self.lines(text) { effects.append(.logHealth(level, line)) }
        case .transition(var record):
            let (wall, overflow) = wallClock.subtractingReportingOverflow((now - record.at).nanoseconds)
            record.wallClock = overflow ? wallClock : wall
            history.append(record)
        case .startCheck(let request):
            guard phase == .running else { return }
            withHealthChecks(into: &effects) { $0.start(request, at: now, into: &$1) }
        case .cancelCheck(let id): withHealthChecks(into: &effects) { $0.cancel(id, at: now, into: &$1) }
        case .hook(let request): withHooks(into: &effects) { $0.enqueue(request, at: now, into: &$1) }
        case .fifo(let target, let line): effects.append(.writeFIFO(target, line))
        case .answer(let number, let bytes, let isLast):
            receiveAnswer(number, \.health, bytes, isLast: isLast, at: now, into: &effects)
        case .remember(let bytes): health.memory = bytes
        case .mail(let mail): order(mail, at: now, into: &effects)
        // What only the others say.
        case .configure, .reloadFinished, .dump, .mailsSettled: break
        case .beat, .stopped: break
        }
    }

    /// The bytes on its socket are no messages.
    public mutating func receiveGarbageFromHealth(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard health.process?.isKilled == false else { return }
        killHealth("sends what is no message", into: &effects)
    }
}
