import Primitives

/// What the worker says.
extension Supervisor {
    /// A message of the worker. `wallClock`: nanoseconds since 1970 at `now`; `promise`: the shared word now.
    public mutating func receive(
        _ message: WorkerMessage, at now: Instant, wallClock: Int64, promise: Instant,
        into effects: inout [SupervisorEffect]
    ) {
        switch message {
        case .ready(let summary): becomeReady(summary, at: now, promise: promise, into: &effects)
        case .log(let level, let text): for line in Self.lines(text) { effects.append(.logWorker(level, line)) }
        case .transition(var record):
            let (wall, overflow) = wallClock.subtractingReportingOverflow((now - record.at).nanoseconds)
            record.wallClock = overflow ? wallClock : wall
            history.append(record)
            if record.subject == .instance { tellHealthOfRole(of: record.name, into: &effects) }
        case .configure(let settings): configure(settings, at: now, promise: promise, into: &effects)
        case .startCheck(let request):
            guard phase == .running else { return }
            withChecks(into: &effects) { $0.start(request, at: now, into: &$1) }
        case .cancelCheck(let id): withChecks(into: &effects) { $0.cancel(id, at: now, into: &$1) }
        case .hook(let request):
            withHooks(into: &effects) { $0.enqueue(request, at: now, into: &$1) }
        case .fifo(let target, let line): effects.append(.writeFIFO(target, line))
        case .answer(let number, let bytes, let isLast):
            receiveAnswer(number, \.worker, bytes, isLast: isLast, at: now, into: &effects)
        case .dump(let kind, let bytes, let isLast): receiveDump(kind, bytes, isLast: isLast, into: &effects)
        case .reloadFinished(let accepted, let text):
            reloadFinished(accepted: accepted, text, into: &effects)
        case .stopped: worker?.hasStopped = true
        case .mail(let mail): order(mail, at: now, into: &effects)
        // Its state lies in the shared memory, and so does its promise.
        case .remember, .beat, .mailsSettled, .fenceStands: break
        case .guards(let guards): effects.append(.guardAddresses(guards))
        case .released(let bytes): effects.append(.endConnections(bytes.compactMap { IPAddress(networkOrder: $0) }))
        case .taken(let bytes): effects.append(.keepConnections(bytes.compactMap { IPAddress(networkOrder: $0) }))
        }
    }

    /// The bytes on the worker's socket are no messages: it is corrupted, and is replaced.
    public mutating func receiveGarbage(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard worker?.isKilled == false else { return }
        worker?.isKilled = true
        effects.append(.log(.error, nil, "the worker sends what is no message, and is killed"))
        effects.append(.signalWorker(.kill))
    }

    private mutating func becomeReady(
        _ summary: WorkerSummary, at now: Instant, promise: Instant, into effects: inout [SupervisorEffect]
    ) {
        guard worker?.mode != .release else { return }
        worker?.isReady = true
        worker?.watchdog.noteReady(promise: promise, at: now)
        let status = Self.lines(summary.text).first ?? ""
        effects.append(.log(.notice, nil, status))
        guard phase == .running else { return }
        if !wasReady {
            wasReady = true
            effects.append(.becomeReady)
        }
        effects.append(.notify(.ready(status: status)))
        if isReloadQueued { startQueuedReload(into: &effects) }
    }

    private mutating func configure(
        _ settings: SupervisorSettings, at now: Instant, promise: Instant, into effects: inout [SupervisorEffect]
    ) {
        let old = self.settings
        self.settings = settings
        if settings.umask != old.umask || settings.processName != old.processName {
            effects.append(.becomeKnown(as: settings.processName, umask: settings.umask))
        }
        hooks.parallel = max(Int(settings.parallelHooks), 1)
        worker?.watchdog.update(advertInterval: settings.advertInterval)
        if worker?.isReady == true { worker?.watchdog.noteReady(promise: promise, at: now) }
        updateHealth(at: now, into: &effects)
        updateArbiter(at: now, into: &effects)
        if !isFenceCleared, !settings.needsArbiter { effects.append(.clearFence) }
        isFenceCleared = true
        if settings.followedInstance != old.followedInstance {
            tellHealthOfRole(of: settings.followedInstance, into: &effects)
        }
        guard settings.fifos != old.fifos else { return }
        effects.append(.openFIFOs(settings.fifos))
        for reader in readers where reader.isRunning && !settings.fifos.contains(reader.fifo) {
            effects.append(.signal(.fifoReader(reader.fifo.target), .terminate))
        }
        let kept = readers.filter { settings.fifos.contains($0.fifo) }
        readers = kept
        for fifo in settings.fifos where fifo.reader != nil && !kept.contains(where: { $0.fifo == fifo }) {
            readers.append(Reader(fifo: fifo, startedAt: now, isRunning: true))
            start(fifo, into: &effects)
        }
    }

    private func start(_ fifo: SupervisorSettings.FIFO, into effects: inout [SupervisorEffect]) {
        guard var command = fifo.reader else { return }
        command.arguments.append(fifo.path)
        effects.append(.start(.fifoReader(fifo.target), command, environment: []))
    }

    /// The first line of a row that a named pipe did not take.
    public func lineLost(path: String, into effects: inout [SupervisorEffect]) {
        let text = "\(path) is full: lines are lost until its reader goes on"
        effects.append(.log(.warning, SupervisionRule.fifoLost, text))
    }

    // MARK: - Scripts

    /// A script could not be started.
    public mutating func processFailed(
        _ owner: ProcessOwner, errno: Int32, _ text: String, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        switch owner {
        case .hook(let token):
            withHooks(into: &effects) { $0.failedToStart(token, text, at: now, into: &$1) }
            finishIfIdle(at: now, into: &effects)
        case .check(let token):
            withChecks(into: &effects) { $0.failedToStart(token, errno: errno, text, at: now, into: &$1) }
        case .healthCheck(let token):
            withHealthChecks(into: &effects) { $0.failedToStart(token, errno: errno, text, at: now, into: &$1) }
        case .fifoReader(let target): readerEnded(target, "did not start: \(text)", at: now, into: &effects)
        case .shutdownScript:
            effects.append(.log(.warning, nil, "the shutdown script did not start: \(text)"))
            shutdownEnded(into: &effects)
        }
    }

    /// A script ended.
    public mutating func processEnded(
        _ owner: ProcessOwner, status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        switch owner {
        case .hook(let token):
            withHooks(into: &effects) { $0.ended(token, status: status, at: now, into: &$1) }
            finishIfIdle(at: now, into: &effects)
        case .check(let token):
            withChecks(into: &effects) { $0.ended(token, status: status, at: now, into: &$1) }
        case .healthCheck(let token):
            withHealthChecks(into: &effects) { $0.ended(token, status: status, at: now, into: &$1) }
        case .fifoReader(let target): readerEnded(target, status.text, at: now, into: &effects)
        case .shutdownScript: shutdownEnded(into: &effects)
        }
    }

    private mutating func shutdownEnded(into effects: inout [SupervisorEffect]) {
        guard case .closing(_, let code) = phase else { return }
        end(code: code, into: &effects)
    }

    private mutating func readerEnded(
        _ target: FIFOTarget, _ text: String, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        guard let index = readers.firstIndex(where: { $0.fifo.target == target && $0.isRunning }) else { return }
        readers[index].isRunning = false
        guard phase == .running else { return }
        if now - readers[index].startedAt > .seconds(60) { readers[index].delay = .seconds(1) }
        let delay = readers[index].delay
        readers[index].restartAt = now + delay
        readers[index].delay = min(delay * 2, .seconds(60))
        let path = readers[index].fifo.path
        effects.append(
            .log(.warning, nil, "the reader of \(path) \(text); starting it again in \(delay.formattedSeconds()) s"))
    }

    mutating func restartReaders(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard phase == .running else { return }
        for index in readers.indices {
            guard let due = readers[index].restartAt, now >= due else { continue }
            readers[index].restartAt = nil
            readers[index].isRunning = true
            readers[index].startedAt = now
            start(readers[index].fifo, into: &effects)
        }
    }

    mutating func withHooks(
        into effects: inout [SupervisorEffect], _ body: (inout HookQueue, inout [HookQueue.Effect]) -> Void
    ) {
        var wanted: [HookQueue.Effect] = []
        body(&hooks, &wanted)
        for effect in wanted {
            switch effect {
            case .start(let token, let command, let environment):
                effects.append(.start(.hook(token), command, environment: environment))
            case .signal(let token, let signal): effects.append(.signal(.hook(token), signal))
            case .log(let level, let rule, let text): effects.append(.log(level, rule, text))
            }
        }
    }

    mutating func withChecks(
        into effects: inout [SupervisorEffect], _ body: (inout CheckRunner, inout [CheckRunner.Effect]) -> Void
    ) {
        var wanted: [CheckRunner.Effect] = []
        body(&checks, &wanted)
        for effect in wanted { effects.append(SupervisorEffect(effect, isOfHealth: false)) }
    }

    mutating func withHealthChecks(
        into effects: inout [SupervisorEffect], _ body: (inout CheckRunner, inout [CheckRunner.Effect]) -> Void
    ) {
        var wanted: [CheckRunner.Effect] = []
        body(&healthChecks, &wanted)
        for effect in wanted { effects.append(SupervisorEffect(effect, isOfHealth: true)) }
    }
}

extension SupervisorEffect {
    /// What a runner of scripts wants, for the worker whose scripts they are.
    init(_ effect: CheckRunner.Effect, isOfHealth: Bool) {
        func owner(_ token: ProcessToken) -> ProcessOwner { isOfHealth ? .healthCheck(token) : .check(token) }
        switch effect {
        case .start(let token, let command): self = .start(owner(token), command, environment: [])
        case .signal(let token, let signal): self = .signal(owner(token), signal)
        case .report(let id, let outcome):
            self =
                isOfHealth
                ? .sendHelper(.health, .checkFinished(id: id, outcome)) : .send(.checkFinished(id: id, outcome))
        case .log(let level, let rule, let text): self = .log(level, rule, text)
        }
    }
}
