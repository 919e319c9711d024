import Primitives

/// The supervisor as one machine: it keeps a VRRP worker alive, runs the scripts, keeps the history, and
/// stops in order. Pure: the same inputs give the same effects; the shell in `aloftd` does them.
///
/// Its life: ``Phase/running`` from the start; a stop leads to ``Phase/stopping(limit:)`` (the worker
/// releases), a worker that cannot be kept alive to ``Phase/releasing(limit:code:)`` (a helper releases from
/// the state memfd), both to ``Phase/finishing(limit:code:)`` (the last hooks) and ``Phase/closing(limit:code:)``
/// (the shutdown script), and that to ``Phase/ended``.
public struct Supervisor: Sendable {
    public enum Phase: Equatable, Sendable {
        case running
        /// The worker was asked to release; after `limit` it is killed and a helper releases.
        case stopping(limit: Deadline)
        /// A release helper runs.
        case releasing(limit: Deadline, code: Int32)
        /// Everything is released; the last hooks run.
        case finishing(limit: Deadline, code: Int32)
        /// The shutdown script runs.
        case closing(limit: Deadline, code: Int32)
        case ended
    }

    struct Worker: Sendable {
        var mode: WorkerOptions.Mode
        var pid: Int32 = 0
        var startedAt: Instant
        var isReady = false
        var hasStopped = false
        /// It was killed (hung, or its limit passed); its end is awaited.
        var isKilled = false
        var watchdog: Watchdog
    }

    /// What one of the workers has to say to a query.
    struct Part: Sendable {
        /// More is to come.
        var isAwaited: Bool
        var bytes: [UInt8] = []
        /// Its JSON; nil where it does not answer.
        var json: [UInt8]? { isAwaited || bytes.isEmpty ? nil : bytes }
    }

    struct Query: Sendable {
        var number: UInt32
        var client: UInt32
        var request: ControlRequest
        var limit: Deadline
        var worker: Part
        var health: Part
        var isComplete: Bool { !worker.isAwaited && !health.isAwaited }
    }

    struct Reader: Sendable {
        var fifo: SupervisorSettings.FIFO
        var startedAt: Instant
        var isRunning: Bool
        var delay: Duration = .seconds(1)
        var restartAt: Deadline?
    }

    /// How long the worker may take to answer a query.
    public static let queryLimit: Duration = .seconds(2)
    /// Clients that may wait at a time.
    public static let clientLimit = 64
    /// How long a release helper may take.
    public static let releaseLimit: Duration = .seconds(5)
    /// How long the arbiter worker may take to give back what was held.
    static let arbiterStopLimit: Duration = .seconds(1)
    /// How long the fence process may take to take its table off, which waits for any foreign commit.
    static let fenceStopLimit: Duration = .seconds(2)
    /// How long the last hooks may take together, killing included.
    public static let finishLimit: Duration = .milliseconds(2500)

    public internal(set) var phase: Phase = .running
    public internal(set) var settings = SupervisorSettings()
    public internal(set) var history = History()
    public internal(set) var hooks = HookQueue()
    public internal(set) var checks = CheckRunner()
    /// The programs of `MISC_CHECK`.
    public internal(set) var healthChecks = CheckRunner()
    var health = HelperKeeper(name: Helper.health.name, consolation: "what it forwards goes on")
    /// What the last health worker asked to remember, for its successor.
    var healthMemory: [UInt8] = []
    var arbiter = HelperKeeper(name: Helper.arbiter.name, consolation: "leases are renewed by its successor")
    var fence = HelperKeeper(
        name: Helper.fence.name, consolation: "a lease that ends before its successor is ready closes for that long")
    /// Whether it is known that no fence of a former daemon is in the way, or that one is to be replaced.
    var isFenceCleared = false
    /// What it is to guard; nil where it is not needed.
    var fenceGuards: GuardedAddresses?
    /// Why it is needed.
    var fenceRefusal = ""
    /// What it said last.
    var fenceReport: FenceReport?
    var fenceLosses = FenceLossLog()
    var mail = MailKeeper()
    public internal(set) var policy: RestartPolicy
    var worker: Worker?
    /// Any worker of this run was ready, so that addresses may stand in the kernel.
    var wasReady = false
    let startedAt: Instant
    let pid: Int32
    let isKeepalived: Bool
    let stateDirectory: String
    var queries: [Query] = []
    var lastQuery: UInt32 = 0
    var reloadClients: [UInt32] = []
    var queuedReloadClients: [UInt32] = []
    var isReloading = false
    var isReloadQueued = false
    var dumps: [DumpKind: [UInt8]] = [:]
    var readers: [Reader] = []

    public init(options: SupervisorOptions, pid: Int32, at now: Instant) {
        policy = RestartPolicy(respawns: options.respawns)
        startedAt = now
        self.pid = pid
        isKeepalived = options.isKeepalived
        stateDirectory = options.stateDirectory
    }

    /// Begins: the first worker is started.
    public mutating func start(at now: Instant, into effects: inout [SupervisorEffect]) {
        startWorker(.start, at: now, into: &effects)
    }

    // MARK: - Time

    /// When ``advance(to:into:)`` is due next, the watchdog's look apart.
    public var nextDeadline: Deadline? {
        var deadlines = [
            hooks.nextDeadline, checks.nextDeadline, healthChecks.nextDeadline, health.nextDeadline, mail.nextDeadline,
            arbiter.nextDeadline, fence.nextDeadline,
        ]
        switch phase {
        case .running, .ended: break
        case .stopping(let limit), .releasing(let limit, _), .finishing(let limit, _), .closing(let limit, _):
            deadlines.append(limit)
        }
        deadlines += queries.map(\.limit)
        // Outside `running` nothing restarts them.
        if phase == .running { deadlines += readers.map(\.restartAt) }
        return deadlines.compactMap { $0 }.min()
    }

    /// When the worker's promise is to be looked at, or nil when nobody is watched.
    public var nextWatchdogDeadline: Deadline? {
        guard let worker, !worker.isKilled, worker.mode != .release else { return nil }
        return worker.watchdog.nextDeadline
    }

    /// True when the look needs ``Watchdog/Evidence``.
    public func needsEvidence(promise: Instant, at now: Instant) -> Bool {
        worker?.watchdog.needsEvidence(promise: promise, at: now) ?? false
    }

    /// The look at ``nextWatchdogDeadline``.
    public mutating func checkWorker(
        at now: Instant, promise: Instant, evidence: Watchdog.Evidence?, into effects: inout [SupervisorEffect]
    ) {
        guard nextWatchdogDeadline != nil,
            case .hung(let rule, let text)? = worker?.watchdog.check(at: now, promise: promise, evidence: evidence)
        else { return }
        worker?.isKilled = true
        effects.append(.log(.error, rule, "the worker is hung: \(text)"))
        effects.append(.signalWorker(.kill))
    }

    /// Everything whose time has come, the watchdog apart.
    public mutating func advance(to now: Instant, into effects: inout [SupervisorEffect]) {
        withHooks(into: &effects) { $0.advance(to: now, into: &$1) }
        withChecks(into: &effects) { $0.advance(to: now, into: &$1) }
        withHealthChecks(into: &effects) { $0.advance(to: now, into: &$1) }
        advanceHealth(to: now, into: &effects)
        advanceMail(to: now, into: &effects)
        advanceArbiter(to: now, into: &effects)
        advanceFence(to: now, into: &effects)
        expireQueries(at: now, into: &effects)
        restartReaders(at: now, into: &effects)
        switch phase {
        case .running, .ended: break
        case .stopping(let limit):
            guard now >= limit else { break }
            phase = .stopping(limit: .distantFuture)
            guard worker?.isKilled == false else { break }
            worker?.isKilled = true
            effects.append(
                .log(.error, SupervisionRule.stopTimeout, "the worker did not release in time and is killed"))
            effects.append(.signalWorker(.kill))
        case .releasing(let limit, let code):
            guard now >= limit else { break }
            effects.append(.log(.error, SupervisionRule.stopTimeout, "the release helper did not end in time"))
            effects.append(.signalWorker(.kill))
            finish(code: code, at: now, into: &effects)
        case .finishing(let limit, let code):
            guard now >= limit else { break }
            // The hooks have had their time; the services may need more of it.
            if let stop = health.stopLimit, health.isRunning, stop > now, stop != .distantFuture {
                withHooks(into: &effects) { $0.abandon(into: &$1) }
                phase = .finishing(limit: stop, code: code)
            } else if fence.isRunning, fence.stopLimit.map({ $0 > now && $0 != .distantFuture }) ?? true {
                withHooks(into: &effects) { $0.abandon(into: &$1) }
                stopFence(at: now, into: &effects)
                phase = .finishing(limit: fence.stopLimit ?? now, code: code)
            } else {
                close(code: code, at: now, into: &effects)
            }
        case .closing(let limit, let code):
            guard now >= limit else { break }
            effects.append(.signal(.shutdownScript, .terminate))
            end(code: code, into: &effects)
        }
    }

    // MARK: - The worker's life

    private mutating func startWorker(
        _ mode: WorkerOptions.Mode, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        worker = Worker(
            mode: mode, startedAt: now, watchdog: Watchdog(startedAt: now, advertInterval: settings.advertInterval))
        effects.append(.startWorker(mode))
    }

    public mutating func workerStarted(pid: Int32, at now: Instant, into effects: inout [SupervisorEffect]) {
        worker?.pid = pid
    }

    /// The worker could not even be started: as if it had ended at once.
    public mutating func workerFailedToStart(
        _ text: String, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        effects.append(.log(.error, nil, "cannot start the worker: \(text)"))
        workerEnded(.exited(ExitCode.fatal), at: now, into: &effects)
    }

    /// The worker is gone (its pidfd says so), and everything it had sent was received.
    public mutating func workerEnded(
        _ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        guard let ended = worker else { return }
        worker = nil
        withChecks(into: &effects) { $0.cancelAll(into: &$1) }
        failQueries("the worker \(status.text)", into: &effects)
        dumps = [:]
        switch phase {
        case .running: replace(ended, status, at: now, into: &effects)
        case .stopping:
            if ended.hasStopped || !wasReady {
                finish(code: ExitCode.success, at: now, into: &effects)
            } else {
                effects.append(.log(.error, nil, "the worker \(status.text) before it had released everything"))
                release(thenExit: ExitCode.success, at: now, into: &effects)
            }
        case .releasing(_, let code): finish(code: code, at: now, into: &effects)
        case .finishing, .closing, .ended: break
        }
    }

    private mutating func replace(
        _ ended: Worker, _ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        if ended.hasStopped {
            // Someone sent the worker itself a SIGTERM: it released in order, and the daemon follows.
            effects.append(.log(.notice, nil, "the worker was stopped, the daemon ends"))
            beginStop(into: &effects)
            finish(code: ExitCode.success, at: now, into: &effects)
            return
        }
        let decision = policy.workerEnded(
            status, wasReady: wasReady, advertInterval: settings.advertInterval, at: now)
        switch decision {
        case .respawn:
            let text = "the worker \(status.text) and is replaced (restart \(policy.restarts))"
            effects.append(.log(.error, SupervisionRule.workerRestart, text))
            if isReloading {
                failReload("the worker \(status.text) during the reload", into: &effects)
            }
            startWorker(wasReady ? .adopt : .start, at: now, into: &effects)
        case .release(let code, let rule):
            effects.append(.log(.error, rule, "the worker \(status.text); releasing everything and ending"))
            beginStop(into: &effects)
            release(thenExit: code, at: now, into: &effects)
        case .exit(let code, let rule):
            effects.append(.log(.error, rule, "the worker \(status.text); ending with the same code"))
            beginStop(into: &effects)
            finish(code: code, at: now, into: &effects)
        }
    }

    // MARK: - Stopping

    /// What a signal asks for.
    public mutating func receive(
        _ signal: SupervisorSignal, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        guard phase == .running else { return }
        switch signal {
        case .stop: stop(at: now, into: &effects)
        case .reload: reload(client: nil, into: &effects)
        case .dump(let kind): effects.append(.send(.dumpRequested(kind)))
        }
    }

    mutating func stop(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard phase == .running else { return }
        beginStop(into: &effects)
        hooks.beginStop(at: now)
        guard worker != nil else { return finish(code: ExitCode.success, at: now, into: &effects) }
        phase = .stopping(limit: now + settings.stopLimit)
        effects.append(.send(.stop))
    }

    private mutating func beginStop(into effects: inout [SupervisorEffect]) {
        effects.append(.notify(.stopping))
        withChecks(into: &effects) { $0.cancelAll(into: &$1) }
        withHealthChecks(into: &effects) { $0.cancelAll(into: &$1) }
        failReloads("the daemon stops", into: &effects)
        failQueries("the daemon stops", into: &effects)
    }

    /// Has a helper do what the worker no longer can.
    private mutating func release(thenExit code: Int32, at now: Instant, into effects: inout [SupervisorEffect]) {
        phase = .releasing(limit: now + Self.releaseLimit, code: code)
        startWorker(.release, at: now, into: &effects)
    }

    private mutating func finish(code: Int32, at now: Instant, into effects: inout [SupervisorEffect]) {
        hooks.beginStop(at: now)
        phase = .finishing(limit: now + Self.finishLimit, code: code)
        stopHealth(at: now, into: &effects)
        stopMail(at: now)
        stopArbiter(at: now, into: &effects)
        finishIfIdle(at: now, into: &effects)
    }

    mutating func finishIfIdle(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard case .finishing(_, let code) = phase, hooks.isIdle, !health.isRunning, !arbiter.isRunning,
            !mailsHoldUp(into: &effects)
        else { return }
        // Last, since a hook may have put an address back.
        guard !fence.isRunning else { return stopFence(at: now, into: &effects) }
        close(code: code, at: now, into: &effects)
    }

    private mutating func close(code: Int32, at now: Instant, into effects: inout [SupervisorEffect]) {
        withHooks(into: &effects) { $0.abandon(into: &$1) }
        if health.isRunning { effects.append(.signalHelper(.health, .kill)) }
        if arbiter.isRunning { effects.append(.signalHelper(.arbiter, .kill)) }
        if fence.isRunning { killFence("did not stop in time", into: &effects) }
        giveUpMails(into: &effects)
        guard let script = settings.shutdownScript else { return end(code: code, into: &effects) }
        phase = .closing(limit: now + settings.shutdownLimit, code: code)
        effects.append(.start(.shutdownScript, script, environment: []))
    }

    mutating func end(code: Int32, into effects: inout [SupervisorEffect]) {
        for reader in readers where reader.isRunning {
            effects.append(.signal(.fifoReader(reader.fifo.target), .terminate))
        }
        phase = .ended
        effects.append(.log(.notice, nil, "stopped"))
        effects.append(.exit(code))
    }
}
