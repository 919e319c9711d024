import Arbitration
import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP
import Workers

/// `aloftd worker …`: what the supervisor starts. Returns the exit code: 0 released, 1 failed, 2 the
/// configuration is faulty, 4 the kernel refuses what it needs.
func runWorker(_ arguments: [String]) -> Int32 {
    guard let options = WorkerOptions(arguments: arguments) else { return WorkerExit.usage }
    do {
        return try startWorker(options)
    } catch {
        printError("aloftd worker: \(error)")
        return error.errno == .notPermitted || error.errno == .accessDenied ? WorkerExit.permission : WorkerExit.failure
    }
}

enum WorkerExit {
    static let failure: Int32 = 1
    static let configuration: Int32 = 2
    static let usage: Int32 = 2
    static let permission: Int32 = 4
}

private func startWorker(_ options: WorkerOptions) throws(SystemError) -> Int32 {
    // First of all: PR_SET_PDEATHSIG may already have spoken.
    let signals = try SignalSource([Signal.terminate, Signal.interrupt])
    try SignalSource.ignore(Signal.pipe)
    try SignalSource.ignore(Signal.hangUp)
    // Sent at a soft limit of real-time running that somebody else may have set; its default is to end the process.
    try SignalSource.ignore(Signal.processorLimit)
    let memory = try SharedMemory(adopting: FileDescriptor(owning: WorkerOptions.stateDescriptor))
    var state: SharedState
    if options.hasFence {
        let deadlines = try FenceDeadlines(adopting: FileDescriptor(owning: WorkerOptions.fenceDescriptor))
        // What no predecessor held must not be open.
        if options.mode == .start { deadlines.closeAll() }
        state = SharedState(memory, fence: deadlines)
    } else {
        state = SharedState(memory, fence: nil)
    }
    var channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))

    var outgoing = OutgoingFrames()
    let loader = ConfigurationLoader(options)
    var loaded: ConfigurationLoader.Loaded?
    if options.mode != .start, let snapshot = state.readSnapshot() { loaded = loader.from(snapshot: snapshot) }
    let configuration = loaded ?? loader.fromDisk()
    if !configuration.report.isEmpty, loaded == nil {
        let level: LogLevel = configuration.model == nil ? .error : configuration.hasWarnings ? .warning : .notice
        outgoing.append(WorkerMessage.log(level, configuration.report).frame)
    }
    guard let loadedModel = configuration.model else {
        channel.write(&outgoing)
        return WorkerExit.configuration
    }

    let predecessor = state.readRecords()
    let held = options.mode == .adopt ? state.readHeld() : []
    let identity = NodeIdentity(
        incarnation: state.incarnation, hostName: Host.name(),
        firstRequest: UInt64(bitPattern: BootClock.now().nanoseconds), program: "aloft \(aloftVersion)", greets: true)
    state.clearBank()
    if loaded == nil { _ = state.writeSnapshot(configuration.snapshot) }

    let monitor = try RouteSocket.monitor()
    let scripts = ScriptIdentities(loadedModel.global)
    var world = try KernelWorld(state, scripts: scripts, keepsAddresses: options.keepsAddresses)
    world.outgoing = outgoing
    world.fenceWaits.line = try MessageLine(FileDescriptor(owning: WorkerOptions.fenceLineDescriptor))
    world.arbiterLine = try MessageLine(FileDescriptor(owning: WorkerOptions.arbiterDescriptor))
    if let name = loadedModel.global.workerName { try? ThisProcess.setName(name) }
    for line in SharedState.shortcomings(of: loadedModel) { world.log(.warning, line) }
    for complaint in Schedule.apply(loadedModel.global) { world.log(.warning, complaint) }
    let (model, refused) = ScriptSecurity.secured(loadedModel, scripts)
    for line in refused { world.log(.error, line) }
    for user in scripts.unknownUsers(of: model) {
        world.log(.error, "there is no user \(user) here; scripts that should run as it run as nobody")
    }

    var worker = Worker(
        options: options, node: Node(Engine(model, as: identity), in: world), poller: try Poller(), monitor: monitor,
        channel: channel)
    try worker.begin(predecessor.routers, predecessor.scripts, held, model)
    ProgramCode.releasePages()
    // Not fatal to lack: a container may not allow it.
    try? ProgramCode.lockPages()
    Rehearsal.run(model)
    // What starting needed is given up; root's own files must stay readable for a reload.
    var kept: Capabilities = [.netAdmin, .netRaw, .readAnyFile]
    // All memory to come is locked too: without this it could grow to RLIMIT_MEMLOCK and no further, its stack neither.
    if model.global.noSwap { kept.insert(.ipcLock) }
    try? Capabilities.keepOnly(kept)
    return worker.run(signals: signals)
}

extension Worker {
    /// Reads the kernel, starts or adopts, and says that it is ready.
    mutating func begin(
        _ routers: [RouterRecord], _ scripts: [ScriptRecord], _ held: [HeldLease], _ model: Model
    ) throws(SystemError) {
        // First, so that the first events find their pipes open.
        node.world.send(.configure(node.world.scripts.settings(of: model, shortest: node.engine.shortestInterval)))
        try watch()
        if options.mode == .start { try runStartupScript(model) }
        let text = "\(model.instances.count) instances, \(model.syncGroups.count) sync groups"
        let isAdopting = options.mode == .adopt && !routers.isEmpty
        node.world.send(
            .ready(
                WorkerSummary(
                    instances: UInt32(clamping: model.instances.count),
                    groups: UInt32(clamping: model.syncGroups.count),
                    adopted: isAdopting, text: text)))
        let (links, addresses) = try dump.read()
        node.handle(.kernelDump(links, addresses), at: BootClock.now())
        switch options.mode {
        case .start: node.handle(.start(adopting: [], scripts: []), at: BootClock.now())
        case .adopt: node.handle(.start(adopting: routers, scripts: scripts, leases: held), at: BootClock.now())
        case .release: node.handle(.release(routers), at: BootClock.now())
        }
        node.world.state.publish()
    }

    /// `startup_script` ends, or its time does, before any instance starts.
    private mutating func runStartupScript(_ model: Model) throws(SystemError) {
        guard let command = model.global.startupScript else { return }
        let limit = model.global.startupScriptTimeout
        node.world.send(
            .startCheck(
                CheckRequest(id: Self.startupScript, command: node.world.scripts.command(command), timeout: limit)))
        // The supervisor ends it at its limit, and kills it two seconds later.
        let deadline = BootClock.now() + limit + .seconds(4)
        while startupOutcome == nil, !node.world.hasStopped, BootClock.now() < deadline {
            flushChannel()
            node.world.state.promise(deadline)
            _ = try poller.wait(until: deadline)
            readChannel()
        }
        if startupOutcome != .exited(0) {
            node.world.log(.warning, "startup_script \(command.argv[0]) did not succeed; starting all the same")
        }
    }
}

extension GlobalDefinitions {
    /// `vrrp_process_name`, or keepalived's name for it with `process_names`; nil leaves it.
    var workerName: String? { vrrpProcessName ?? (processNames ? "keepalived_vrrp" : nil) }
}

/// How the worker asks the kernel to treat it. None of it is fatal to lack.
enum Schedule {
    /// Returns what could not be had.
    static func apply(_ global: GlobalDefinitions) -> [String] {
        var complaints: [String] = []
        func attempt(_ body: () throws(SystemError) -> Void) {
            do { try body() } catch { complaints.append("\(error); going on without it") }
        }
        if let niceness = global.niceness {
            attempt { () throws(SystemError) in try Scheduling.niceness(Int32(niceness)) }
        }
        if let priority = global.realtimePriority {
            attempt { () throws(SystemError) in try Scheduling.realtime(priority: Int32(priority)) }
            if let limit = global.rlimitRealtime {
                // Both limits at one place: a signal at the soft one would change nothing. The kernel ends a loop that
                // never sleeps at the hard one, and the supervisor starts a successor.
                let hard = max(limit * 10, .milliseconds(100))
                attempt { () throws(SystemError) in try Scheduling.limitRealtime(soft: hard, hard: hard) }
            }
        }
        if !global.cpuAffinity.isEmpty {
            attempt { () throws(SystemError) in try Scheduling.affinity(global.cpuAffinity.map { UInt32(clamping: $0) })
            }
        }
        if global.noSwap { attempt { () throws(SystemError) in try Scheduling.lockMemory() } }
        return complaints
    }
}
