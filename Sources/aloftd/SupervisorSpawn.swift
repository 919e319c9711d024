import LinuxWorld
import Primitives
import Supervision

/// A script that runs in its own process group.
final class ScriptProcess {
    let owner: ProcessOwner
    private var child: ChildProcess

    init(
        _ owner: ProcessOwner, _ command: ScriptCommand, environment: [String], umask: UInt32?,
        descriptorLimit: DescriptorLimit?
    ) throws(SystemError) {
        guard let name = command.arguments.first, let path = ScriptPath.find(name) else {
            throw SystemError(.process, .notFound, "find", command.arguments.first ?? "an empty command")
        }
        var request = SpawnRequest(path, Array(command.arguments.dropFirst()), environment: environment)
        request.descriptorLimit = descriptorLimit
        if let umask { request.umask = Int32(umask & 0o777) }
        if command.user != nil || command.group != nil {
            let user = command.user ?? ThisProcess.user
            request.identity = ProcessIdentity(
                uid: user, gid: command.group ?? user, groups: command.supplementaryGroups)
        }
        self.owner = owner
        child = try Spawner.spawn(request)
    }

    /// Becomes readable when it has ended.
    func watch(_ poller: borrowing Poller, token: UInt64) throws(SystemError) {
        try poller.add(child.descriptor, token: token)
    }

    /// Signals the whole group.
    func signal(_ signal: EndSignal) { _ = try? child.signalGroup(signal.number) }

    func reap() -> ProcessEnd? { child.end() }
}

/// The worker as the kernel shows it: a process, and the socket to it.
final class WorkerProcess {
    let pid: Int32
    private var child: ChildProcess
    let socket: UnixConnection
    var incoming = MessageBuffer()
    var outgoing = OutgoingFrames()
    /// Of the worker and of the supervisor; where it is not permitted, they run like others. Scripts do.
    static let niceness: Int32 = -20
    /// The poller reports when the socket takes bytes again.
    var awaitsRoom = false

    /// Spawns this very executable, with the descriptors that `WorkerOptions` names. It gets SIGTERM when
    /// the supervisor dies, and then releases by itself.
    convenience init(
        name: String, _ options: WorkerOptions, environment: [String], state: borrowing FileDescriptor,
        lock: borrowing FileDescriptor, fence: Int32?, arbiter: borrowing FileDescriptor,
        fenceLine: borrowing FileDescriptor
    ) throws(SystemError) {
        var options = options
        options.hasFence = fence != nil
        var request = SpawnRequest("/proc/self/exe", ["worker"] + options.arguments, environment: environment)
        request.arguments[0] = name
        request.descriptors = [
            (WorkerOptions.stateDescriptor, state.rawValue), (WorkerOptions.lockDescriptor, lock.rawValue),
            (WorkerOptions.arbiterDescriptor, arbiter.rawValue),
            (WorkerOptions.fenceLineDescriptor, fenceLine.rawValue),
        ]
        if let fence { request.descriptors.append((WorkerOptions.fenceDescriptor, fence)) }
        // On a machine whose processors are all taken, dying, starting and beating must not wait their turn. The
        // configuration may say otherwise (`vrrp_priority`).
        request.niceness = WorkerProcess.niceness
        try self.init(request)
    }

    /// Spawns `aloft`, which lies beside this executable, as a helper. It has no lock: while it ends, another daemon may start.
    /// This executable could not be it: without a dynamic loader it has no resolver for names.
    convenience init(
        _ helper: Helper, _ options: WorkerOptions, environment: [String], state: borrowing FileDescriptor,
        arbiter: borrowing FileDescriptor
    ) throws(SystemError) {
        let arguments: [String] =
            switch helper {
            case .health: ["worker", "health"] + options.arguments
            case .arbiter: ["worker", "arbiter"] + options.arguments
            case .mail: ["worker", "mail"] + (options.isKeepalived ? ["--compat=keepalived"] : [])
            case .fence: ["worker", "fence"] + options.arguments
            }
        var request = SpawnRequest(try Self.commandLine(), arguments, environment: environment)
        // A mail says how it is to leave, and needs no configuration.
        if helper != .mail { request.descriptors = [(WorkerOptions.stateDescriptor, state.rawValue)] }
        // Whoever renews leases must not wait for a processor longer than whoever serves.
        if helper == .arbiter {
            request.niceness = WorkerProcess.niceness
            request.descriptors.append((WorkerOptions.arbiterDescriptor, arbiter.rawValue))
        }
        try self.init(request)
    }

    /// Spawns this very executable as the fence process.
    convenience init(
        _ options: WorkerOptions, environment: [String], deadlines: Int32, fenceLine: borrowing FileDescriptor
    ) throws(SystemError) {
        var request = SpawnRequest(
            "/proc/self/exe", ["worker", "fence"] + options.arguments, environment: environment)
        request.descriptors = [
            (WorkerOptions.fenceDescriptor, deadlines), (WorkerOptions.fenceLineDescriptor, fenceLine.rawValue),
        ]
        request.niceness = WorkerProcess.niceness
        try self.init(request)
    }

    private static func commandLine() throws(SystemError) -> String {
        let own = try ThisProcess.executable()
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/") + "/aloft"
    }

    private init(_ spawned: SpawnRequest) throws(SystemError) {
        let pair = try UnixConnection.pair(.stream)
        let (own, others) = pair.ends()
        socket = UnixConnection(adopting: FileDescriptor(owning: own))
        let other = FileDescriptor(owning: others)
        var request = spawned
        request.descriptors.append((WorkerOptions.messageDescriptor, other.rawValue))
        request.deathSignal = Signal.terminate
        child = try Spawner.spawn(request)
        pid = child.pid
    }

    /// The poller reports `end` once it has ended, and `messages` when it says something.
    func watch(_ poller: borrowing Poller, end: UInt64, messages: UInt64) throws(SystemError) {
        try poller.add(child.descriptor, token: end)
        try poller.add(socket.descriptor, token: messages)
    }

    func signal(_ signal: EndSignal) { _ = try? child.signal(signal.number) }

    func reap() -> ProcessEnd? { child.end() }
}

extension EndSignal {
    var number: Int32 { self == .kill ? Signal.kill : Signal.terminate }
}

extension ChildProcess {
    /// How it ended; nil while it runs.
    mutating func end() -> ProcessEnd? {
        switch try? reap() {
        case .exited(let code): .exited(code)
        case .signalled(let signal, _): .signalled(signal)
        case nil: nil
        }
    }
}
