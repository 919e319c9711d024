import Primitives

/// The health worker's part of the supervisor: when it runs, and what it says.
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
        health.begin(at: now)
        effects.append(.startHelper(.health, health.wasReady ? .adopt : .start))
        // A successor waits for it, so it comes even when it is empty.
        if health.wasReady { effects.append(.sendHelper(.health, .recall(healthMemory))) }
        tellHealthOfRole(of: settings.followedInstance, into: &effects)
    }

    /// The role of the instance that the health worker follows, where `name` is that; before its first transition there is none.
    func tellHealthOfRole(of name: String, into effects: inout [SupervisorEffect]) {
        guard health.isRunning, !name.isEmpty, name == settings.followedInstance,
            let state = history.records(of: name).last?.to
        else { return }
        effects.append(.sendHelper(.health, .role(instance: name, state: state)))
    }

    /// The health worker is gone, and everything it had sent was received.
    mutating func healthEnded(_ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]) {
        guard health.isRunning else { return }
        withHealthChecks(into: &effects) { $0.cancelAll(into: &$1) }
        for index in queries.indices { queries[index].health = Part(isAwaited: false) }
        finishQueries(at: now, into: &effects)
        let isWanted = phase == .running && settings.needsHealth
        guard let line = health.end(status, isWanted: isWanted, at: now) else {
            return finishIfIdle(at: now, into: &effects)
        }
        effects.append(.log(.error, SupervisionRule.healthRestart, line))
    }

    /// Its stop, or the daemon's: it takes its services out of the kernel.
    mutating func stopHealth(at now: Instant, into effects: inout [SupervisorEffect]) {
        health.restartAt = nil
        guard health.isRunning else { return }
        health.stopLimit = now + settings.stopLimit
        effects.append(.sendHelper(.health, .stop))
    }

    mutating func advanceHealth(to now: Instant, into effects: inout [SupervisorEffect]) {
        while let due = health.due(at: now) {
            switch due {
            case .restart:
                health.restartAt = nil
                if phase == .running { startHealth(at: now, into: &effects) }
            case .kill(let text): killHealth(text, into: &effects)
            }
        }
    }

    private mutating func killHealth(_ text: String, into effects: inout [SupervisorEffect]) {
        health.process?.isKilled = true
        effects.append(.log(.error, SupervisionRule.healthHung, "the health worker \(text), and is killed"))
        effects.append(.signalHelper(.health, .kill))
    }

    // MARK: - What it says

    mutating func receiveFromHealth(
        _ message: WorkerMessage, at now: Instant, wallClock: Int64, into effects: inout [SupervisorEffect]
    ) {
        health.process?.lastBeat = now
        switch message {
        case .ready(let summary):
            health.process?.isReady = true
            health.wasReady = true
            for line in Self.lines(summary.text) { effects.append(.log(.notice, nil, line)) }
        case .log(let level, let text):
            for line in Self.lines(text) { effects.append(.logHelper(.health, level, line)) }
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
        case .remember(let bytes): healthMemory = bytes
        case .mail(let mail): order(mail, at: now, into: &effects)
        // What only the others say.
        case .configure, .reloadFinished, .dump, .mailsSettled, .guards, .fenceStands, .released, .taken: break
        case .beat, .stopped: break
        }
    }

    /// The bytes on its socket are no messages.
    mutating func receiveGarbageFromHealth(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard health.process?.isKilled == false else { return }
        killHealth("sends what is no message", into: &effects)
    }
}
