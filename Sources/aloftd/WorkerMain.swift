import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP

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
    let memory = try SharedMemory(adopting: FileDescriptor(owning: WorkerOptions.stateDescriptor))
    var state = SharedState(memory)
    let channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))

    let loader = ConfigurationLoader(options)
    var loaded: ConfigurationLoader.Loaded?
    if options.mode != .start, let snapshot = state.readSnapshot() { loaded = loader.from(snapshot: snapshot) }
    let configuration = loaded ?? loader.fromDisk()
    if !configuration.report.isEmpty, loaded == nil { printError(configuration.report) }
    guard let model = configuration.model else { return WorkerExit.configuration }

    let predecessor = state.readRecords()
    state.clearBank()
    if loaded == nil { _ = state.writeSnapshot(configuration.snapshot) }

    let monitor = try RouteSocket.monitor()
    let scripts = ScriptIdentities(model.global)
    var world = try KernelWorld(state, scripts: scripts, logsDetail: options.logsDetail)
    let complaints = Schedule.apply(model.global)
    for complaint in complaints { world.log(.warning, complaint) }
    for user in scripts.unknownUsers(of: model) {
        world.log(.error, "there is no user \(user) here; scripts that should run as it run as nobody [config.script.unknown-user]")
    }

    var worker = Worker(
        options: options, node: Node(Engine(model), in: world), poller: try Poller(), monitor: monitor,
        channel: channel, started: BootClock.now())
    try worker.begin(predecessor.routers, predecessor.scripts, model)
    ProgramCode.releasePages()
    // Not fatal to lack: a container may not allow it.
    try? ProgramCode.lockPages()
    Rehearsal.run(model)
    return worker.run(signals: signals)
}

extension Worker {
    /// Reads the kernel, starts or adopts, and says that it is ready.
    mutating func begin(_ routers: [RouterRecord], _ scripts: [ScriptRecord], _ model: Model) throws(SystemError) {
        let (links, addresses) = try dump.read()
        node.handle(.kernelDump(links, addresses), at: BootClock.now())
        let adopted = options.mode == .adopt ? routers : []
        // A release goes on as the predecessor did and stops at once: priority 0, addresses off.
        let records = options.mode == .release ? routers : adopted
        node.handle(.start(adopting: records, scripts: records.isEmpty ? [] : scripts), at: BootClock.now())
        node.world.state.publish()
        if options.mode == .release { node.handle(.stop, at: BootClock.now()) }
        node.world.send(.configure(node.world.scripts.settings(of: model, shortest: node.engine.shortestInterval)))
        let text = "\(model.instances.count) instances, \(model.syncGroups.count) sync groups"
        node.world.send(
            .ready(
                WorkerSummary(
                    instances: UInt32(clamping: model.instances.count), groups: UInt32(clamping: model.syncGroups.count),
                    adopted: !adopted.isEmpty, text: text)))
    }
}

/// How the worker asks the kernel to treat it. None of it is fatal to lack.
enum Schedule {
    /// Returns what could not be had.
    static func apply(_ global: GlobalDefinitions) -> [String] {
        var complaints: [String] = []
        func attempt(_ body: () throws(SystemError) -> Void) {
            do { try body() } catch { complaints.append("\(error); going on without it") }
        }
        if let niceness = global.niceness { attempt { () throws(SystemError) in try Scheduling.niceness(Int32(niceness)) } }
        if let priority = global.realtimePriority {
            attempt { () throws(SystemError) in try Scheduling.realtime(priority: Int32(priority)) }
            if let limit = global.rlimitRealtime {
                // The soft limit only signals; the hard one, ten times as far, ends a loop that never sleeps.
                attempt { () throws(SystemError) in try Scheduling.limitRealtime(soft: limit * 10, hard: limit * 100) }
            }
        }
        if !global.cpuAffinity.isEmpty {
            attempt { () throws(SystemError) in try Scheduling.affinity(global.cpuAffinity.map { UInt32(clamping: $0) }) }
        }
        if global.noSwap { attempt { () throws(SystemError) in try Scheduling.lockMemory() } }
        return complaints
    }
}
