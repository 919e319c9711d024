import Glibc
import LinuxWorld
import Primitives
import Supervision

/// Joins the machine `Supervisor` to the kernel: one thread, one poller, no waiting anywhere else.
///
/// A turn: wait for descriptors or the next deadline, put what came into the machine, look at the worker's
/// promise when that is due, then do the effects in order. Doing one may bring the next input (a script that
/// does not start), whose effects queue behind.
final class SupervisorShell {
    let options: SupervisorOptions
    var machine: Supervisor
    var poller: Poller
    var log: SupervisorLog
    let signals: SignalSource
    let lock: SupervisorLock
    let memory: SharedMemory
    let arbiterLine: MessageLineEnds
    let fenceLine: MessageLineEnds
    let pid: Int32
    var effects: [SupervisorEffect] = []
    var worker: WorkerProcess?
    var helpers: [Helper: WorkerProcess] = [:]
    var children: [UInt64: ScriptProcess] = [:]
    var lastChild: UInt64 = 0
    var fifos: [SupervisorFIFO] = []
    var listener: UnixListener
    var clients: [UInt32: ControlClient] = [:]
    var lastClient: UInt32 = 0
    var exitCode: Int32?
    var notifier: SystemdNotifier
    var fence: SupervisorFence
    var fenceLosses = FenceLossLog()
    var closer = ConnectionCloser()
    var environment: [String]?
    /// What scripts get back; the daemon's own is raised.
    let descriptorLimit: DescriptorLimit?

    /// For the sockets of many instances: one each, and one more for each group of multicast.
    private static let descriptors: UInt64 = 65536

    /// What an event's token stands for: the kind in the top byte, a number below it.
    enum Token {
        static let signals: UInt64 = 1 << 56
        static let listener: UInt64 = 2 << 56
        static let workerSocket: UInt64 = 3 << 56
        static let workerEnd: UInt64 = 4 << 56
        static let child: UInt64 = 5 << 56
        static let client: UInt64 = 6 << 56
        static let helperSocket: UInt64 = 7 << 56
        static let helperEnd: UInt64 = 8 << 56
        static let closer: UInt64 = 9 << 56
        static func helperSocket(_ helper: Helper) -> UInt64 { helperSocket | UInt64(helper.rawValue) }
        static func helperEnd(_ helper: Helper) -> UInt64 { helperEnd | UInt64(helper.rawValue) }
        static func kind(_ token: UInt64) -> UInt64 { (token >> 56) << 56 }
        static func helper(_ token: UInt64) -> Helper? { Helper(rawValue: UInt8(truncatingIfNeeded: token)) }
        static func number(_ token: UInt64) -> UInt64 { token & ((1 << 56) - 1) }
    }

    init(_ options: SupervisorOptions, lock: consuming SupervisorLock) throws(SystemError) {
        let now = BootClock.now()
        self.options = options
        self.lock = lock
        descriptorLimit = try? DescriptorLimit.raise(to: Self.descriptors)
        pid = ThisProcess.pid
        machine = Supervisor(options: options, pid: pid, at: now)
        log = SupervisorLog(options, pid: pid, at: now)
        fence = try SupervisorFence(stateDirectory: options.stateDirectory)
        signals = try SignalSource(Self.signalNumbers(options))
        memory = try SharedMemory(name: "aloft-state", size: StatePage.memorySize)
        arbiterLine = try MessageLineEnds()
        fenceLine = try MessageLineEnds()
        // A socket that is named but not there is no reason not to run.
        do { notifier = try SystemdNotifier() } catch { notifier = try SystemdNotifier(environment: nil) }
        // The lock is ours, so a socket that is there is a dead daemon's.
        let socketPath = options.stateDirectory + "/control.sock"
        unlink(socketPath)
        // The umask would cut the group's right to write, which connecting takes.
        let mask = umask(0)
        defer { umask(mask) }
        listener = try UnixListener(path: socketPath, mode: 0o660)
        poller = try Poller()
        try poller.add(signals.descriptor, token: Token.signals)
        try poller.add(listener.descriptor, token: Token.listener)
        memory.store(StatePage.magic, at: StatePage.magicOffset)
        memory.store(0, at: StatePage.promiseOffset)
        memory.store(UInt64.random(in: 1...UInt64.max), at: StatePage.incarnationOffset)
    }

    /// Runs until everything is released; the code to end with.
    func run() -> Int32 {
        let started = BootClock.now()
        machine.start(at: started, into: &effects)
        perform()
        if !options.ineffective.isEmpty {
            log.write(
                .warning, nil, "without effect so far: \(options.ineffective.joined(separator: " "))", at: started)
        }
        while exitCode == nil {
            let deadline = min(
                machine.nextDeadline ?? .distantFuture, machine.nextWatchdogDeadline ?? .distantFuture,
                fence.nextLook ?? .distantFuture, closer.isReady ? .zero : .distantFuture)
            let count = (try? poller.wait(until: deadline)) ?? 0
            for index in 0..<count { handle(poller.event(index)) }
            let now = BootClock.now()
            watch(at: now)
            lookAtFence(at: now)
            closeConnections()
            machine.advance(to: now, into: &effects)
            perform()
            flush(worker, Token.workerSocket)
            for helper in Helper.allCases { flush(helpers[helper], Token.helperSocket(helper)) }
        }
        return exitCode ?? ExitCode.fatal
    }

    private func handle(_ event: Poller.Event) {
        switch Token.kind(event.token) {
        case Token.signals: receiveSignals()
        case Token.listener: acceptClients()
        case Token.workerSocket: exchangeWithWorker(event)
        case Token.workerEnd: workerEnded()
        case Token.helperSocket: if let helper = Token.helper(event.token) { exchange(with: helper, event) }
        case Token.helperEnd: if let helper = Token.helper(event.token) { ended(helper) }
        case Token.child: childEnded(Token.number(event.token))
        case Token.client: exchangeWithClient(UInt32(truncatingIfNeeded: event.token), event)
        default: break
        }
        // What an event asks for is done before the next is looked at.
        perform()
    }

    // MARK: - Signals

    /// keepalived's: TERM and INT stop, HUP reloads, the others dump.
    private static func signalNumbers(_ options: SupervisorOptions) -> [Int32] {
        (options.ignoresInterrupt ? [] : [2]) + [15, 1, 10, 12, 36, 63, 64]
    }

    private func receiveSignals() {
        let now = BootClock.now()
        while let received = try? signals.receive() {
            switch received.signal {
            case 15, 2:
                log.write(.notice, nil, "stopping (signal \(received.signal))", at: now)
                machine.receive(.stop, at: now, into: &effects)
            case 1:
                log.write(.notice, nil, "reloading (SIGHUP)", at: now)
                machine.receive(.reload, at: now, into: &effects)
            case 10: machine.receive(.dump(.state), at: now, into: &effects)
            case 12: machine.receive(.dump(.statistics), at: now, into: &effects)
            case 36: machine.receive(.dump(.json), at: now, into: &effects)
            case 63: machine.receive(.dump(.statisticsClear), at: now, into: &effects)
            default: break
            }
        }
    }

    // MARK: - Effects

    /// Does the effects in order, and those that doing them brings about.
    func perform() {
        var next = 0
        while next < effects.count {
            let effect = effects[next]
            next += 1
            perform(effect, at: BootClock.now())
        }
        effects.removeAll(keepingCapacity: effects.capacity < 1024)
    }

    private func perform(_ effect: SupervisorEffect, at now: Instant) {
        switch effect {
        case .startWorker(let mode): startWorker(mode, at: now)
        case .signalWorker(let signal): worker?.signal(signal)
        case .send(let message): worker?.outgoing.append(message.frame)
        case .startHelper(let helper, let mode): start(helper, mode, at: now)
        case .signalHelper(let helper, let signal): helpers[helper]?.signal(signal)
        case .sendHelper(let helper, let message): helpers[helper]?.outgoing.append(message.frame)
        case .guardAddresses(let guards): guardAddresses(guards, at: now)
        case .clearFence: fence.clear()
        case .removeFencePrograms: fence.removePrograms()
        case .removeFenceTable: removeFenceTable(at: now)
        case .endConnections(let addresses): endConnections(of: addresses, at: now)
        case .keepConnections(let addresses): closer.keep(addresses)
        case .start(let owner, let command, let environment):
            start(owner, command, environment: environment, at: now)
        case .signal(let owner, let signal):
            for child in children.values where child.owner == owner { child.signal(signal) }
        case .log(let level, let rule, let text): log.write(level, rule, text, at: now)
        case .logWorker(let level, let text): log.writeWorker(level, text, pid: worker?.pid ?? 0, at: now)
        case .logHelper(let helper, let level, let text):
            log.writeWorker(level, text, pid: helpers[helper]?.pid ?? 0, at: now)
        case .openFIFOs(let wanted): openFIFOs(wanted, at: now)
        case .writeFIFO(let target, let line): writeFIFO(target, line)
        case .writeFile(let path, let bytes):
            do { try SupervisorFile.replace(path, with: bytes, mode: options.isKeepalived ? 0o644 : 0o640) } catch {
                log.write(.warning, nil, "\(error)", at: now)
            }
        case .becomeKnown(let name, let mask):
            try? ThisProcess.setName(name.isEmpty ? options.processName : name)
            if options.umask == nil { umask(mode_t(mask ?? SupervisorOptions.usualUmask)) }
        case .answer(let client, let bytes):
            clients[client]?.outgoing.append(framed(bytes))
            flush(client: client)
        case .answerConfiguration(let client): answerConfiguration(client: client)
        case .notify(let state): notify(state)
        case .becomeReady: becomeReady(code: 0)
        case .exit(let code): exitCode = code
        }
    }

    private func notify(_ state: ServiceState) {
        switch state {
        case .ready(let status):
            notifier.notify("READY=1\nSTATUS=\(status)")
            // From here on it does little, and needs little of its code.
            ProgramCode.releasePages()
        // systemd wants the monotonic clock's time with it (sd_notify(3), Type=notify-reload).
        case .reloading: notifier.notify("RELOADING=1\nMONOTONIC_USEC=\(monotonicMicroseconds())")
        case .stopping: notifier.notify("STOPPING=1")
        }
    }

    private func monotonicMicroseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000
    }

    /// Tells the process that detached this one how the start went; only the first call does.
    private var hasReported = false
    func becomeReady(code: UInt8) {
        guard !hasReported, let descriptor = options.readinessDescriptor else { return }
        hasReported = true
        var byte = code
        _ = write(descriptor, &byte, 1)
        close(descriptor)
    }

    // MARK: - Named pipes

    private func openFIFOs(_ wanted: [SupervisorSettings.FIFO], at now: Instant) {
        for fifo in fifos where !wanted.contains(fifo.settings) { fifo.remove() }
        let open = fifos
        fifos = []
        for settings in wanted {
            if let same = open.first(where: { $0.settings == settings }) {
                fifos.append(same)
                continue
            }
            do { fifos.append(try SupervisorFIFO(settings)) } catch {
                log.write(.error, nil, "\(error)", at: now)
            }
        }
    }

    /// The worker names the pipe; a line for two pipes comes twice.
    private func writeFIFO(_ target: FIFOTarget, _ line: String) {
        for fifo in fifos where fifo.settings.target == target {
            if fifo.write(line) { machine.lineLost(path: fifo.settings.path, into: &effects) }
        }
    }

    // MARK: - Scripts

    private func start(
        _ owner: ProcessOwner, _ command: ScriptCommand, environment added: [String], at now: Instant
    ) {
        do throws(SystemError) {
            let process = try ScriptProcess(
                owner, command, environment: scriptEnvironment() + added,
                umask: options.umask ?? machine.settings.umask,
                descriptorLimit: descriptorLimit)
            lastChild += 1
            try process.watch(poller, token: Token.child | lastChild)
            children[lastChild] = process
        } catch {
            machine.processFailed(owner, errno: error.errno.rawValue, "\(error)", at: now, into: &effects)
        }
    }

    private func childEnded(_ number: UInt64) {
        guard let child = children[number], let status = child.reap() else { return }
        children[number] = nil
        machine.processEnded(child.owner, status: status, at: BootClock.now(), into: &effects)
    }

    /// The daemon's environment without what would let it change a script's meaning, or let a script speak to
    /// systemd in the daemon's name.
    private func scriptEnvironment() -> [String] {
        if let environment { return environment }
        let unwanted = ["IFS=", "LD_PRELOAD=", "LD_LIBRARY_PATH=", "NOTIFY_SOCKET=", "WATCHDOG_", "LISTEN_"]
        let clean = Self.ownEnvironment().filter { line in !unwanted.contains { line.hasPrefix($0) } }
        environment = clean
        return clean
    }

    /// As the daemon got it.
    static func ownEnvironment() -> [String] {
        let bytes = SupervisorFile.read("/proc/self/environ", limit: 1 << 17) ?? []
        return bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    }

    // MARK: - The end

    /// Removes what others would take for a running daemon.
    func removeTraces() {
        finishClosing()
        let left = fence.remove()
        if !left.isEmpty { log.write(.error, nil, left.leftBehind, at: BootClock.now()) }
        for fifo in fifos { fifo.remove() }
        unlink(options.stateDirectory + "/control.sock")
        for path in [options.pidFile, options.vrrpPIDFile] {
            if let path { unlink(path) }
        }
    }
}
