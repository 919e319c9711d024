import Primitives

/// What the worker tells the supervisor.
public enum WorkerMessage: ProcessMessage {
    /// The configuration is read and the instances run. The first `ready` ends the start-up.
    case ready(WorkerSummary)
    /// One line for the log.
    case log(LogLevel, String)
    case transition(TransitionRecord)
    /// What the configuration asks of the supervisor; replaces what was sent before.
    case configure(SupervisorSettings)
    /// Run a tracked script once.
    case startCheck(CheckRequest)
    /// Forget a tracked script; if it runs, end it. Nothing is reported back.
    case cancelCheck(id: UInt32)
    case hook(HookRequest)
    /// A line for one named pipe, with its newline.
    case fifo(FIFOTarget, String)
    /// The JSON answer to a query, in parts when it is larger than a frame.
    case answer(request: UInt32, [UInt8], isLast: Bool)
    /// The text of a dump file, in parts when it is larger than a frame.
    case dump(DumpKind, [UInt8], isLast: Bool)
    case reloadFinished(accepted: Bool, String)
    /// Priority 0 is sent and everything is withdrawn; the worker ends now.
    case stopped
    /// Bytes that mean something to the worker: a successor gets them in ``SupervisorMessage/recall(_:)``. Each replaces what was sent before.
    case remember([UInt8])
    /// Still there: what has no promise in the shared memory says so once a second.
    case beat
    /// There is something to tell.
    case mail(MailOrder)
    /// So many mails are delivered, and so many never will be (mail process).
    case mailsSettled(delivered: UInt32, lost: UInt32)
    /// What the fence is to guard from now on; answered by ``SupervisorMessage/fence(_:_:)`` and ``SupervisorMessage/guarded(_:)``.
    case guards(GuardedAddresses)
    /// These addresses, 4 or 16 bytes each in network order, were served under a lease, and their fence is closed and they are off now: their connections are to end.
    case released([[UInt8]])
    /// These are about to be served under a lease: their connections are to stay from now on.
    case taken([[UInt8]])
    /// How the last list with this number is guarded, and where that is less than could be, why (fence process).
    case fenceStands(FenceReport, String, guards: UInt32)

    public init?(payload: ArraySlice<UInt8>) {
        var reader = WireReader(payload)
        guard reader.uint8() == processMessageVersion, !reader.failed else { return nil }
        switch reader.uint8() {
        case 1: self = .ready(WorkerSummary(from: &reader))
        case 2: self = .log(reader.enumeration(.info), reader.string())
        case 3: self = .transition(TransitionRecord(from: &reader))
        case 4: self = .configure(SupervisorSettings(from: &reader))
        case 5: self = .startCheck(CheckRequest(from: &reader))
        case 6: self = .cancelCheck(id: reader.uint32())
        case 7: self = .hook(HookRequest(from: &reader))
        case 8: self = .fifo(reader.enumeration(.all), reader.string())
        case 9: self = .answer(request: reader.uint32(), reader.data(), isLast: reader.bool())
        case 10: self = .dump(reader.enumeration(.state), reader.data(), isLast: reader.bool())
        case 11: self = .reloadFinished(accepted: reader.bool(), reader.string())
        case 12: self = .stopped
        case 13: self = .remember(reader.data())
        case 14: self = .beat
        case 15: self = .mail(MailOrder(from: &reader))
        case 16: self = .mailsSettled(delivered: reader.uint32(), lost: reader.uint32())
        case 17: self = .guards(GuardedAddresses(from: &reader))
        case 18: self = .fenceStands(reader.enumeration(.lifetimes), reader.string(), guards: reader.uint32())
        case 19: self = .released(reader.list { $0.data() })
        case 20: self = .taken(reader.list { $0.data() })
        default: return nil
        }
        guard reader.isComplete else { return nil }
    }

    public var payload: [UInt8] {
        var writer = WireWriter()
        writer.put(processMessageVersion)
        switch self {
        case .ready(let summary):
            writer.put(UInt8(1))
            summary.write(to: &writer)
        case .log(let level, let text):
            writer.put(UInt8(2))
            writer.put(level.rawValue)
            writer.put(text)
        case .transition(let record):
            writer.put(UInt8(3))
            record.write(to: &writer)
        case .configure(let settings):
            writer.put(UInt8(4))
            settings.write(to: &writer)
        case .startCheck(let request):
            writer.put(UInt8(5))
            request.write(to: &writer)
        case .cancelCheck(let id):
            writer.put(UInt8(6))
            writer.put(id)
        case .hook(let request):
            writer.put(UInt8(7))
            request.write(to: &writer)
        case .fifo(let target, let line):
            writer.put(UInt8(8))
            writer.put(target.rawValue)
            writer.put(line)
        case .answer(let request, let bytes, let isLast):
            writer.put(UInt8(9))
            writer.put(request)
            writer.put(bytes)
            writer.put(isLast)
        case .dump(let kind, let bytes, let isLast):
            writer.put(UInt8(10))
            writer.put(kind.rawValue)
            writer.put(bytes)
            writer.put(isLast)
        case .reloadFinished(let accepted, let text):
            writer.put(UInt8(11))
            writer.put(accepted)
            writer.put(text)
        case .stopped: writer.put(UInt8(12))
        case .remember(let bytes):
            writer.put(UInt8(13))
            writer.put(bytes)
        case .beat: writer.put(UInt8(14))
        case .mail(let order):
            writer.put(UInt8(15))
            order.write(to: &writer)
        case .mailsSettled(let delivered, let lost):
            writer.put(UInt8(16))
            writer.put(delivered)
            writer.put(lost)
        case .guards(let guards):
            writer.put(UInt8(17))
            guards.write(to: &writer)
        case .fenceStands(let report, let text, let number):
            writer.put(UInt8(18))
            writer.put(report.rawValue)
            writer.put(text)
            writer.put(number)
        case .released(let addresses):
            writer.put(UInt8(19))
            writer.put(addresses) { $0.put($1) }
        case .taken(let addresses):
            writer.put(UInt8(20))
            writer.put(addresses) { $0.put($1) }
        }
        return writer.bytes
    }

    /// False for what may be dropped when the supervisor does not read (see ``OutgoingFrames``).
    public var isEssential: Bool {
        switch self {
        case .log, .answer, .dump, .fifo, .beat: false
        default: true
        }
    }

    /// A long answer as messages that each fit into a frame.
    public static func answers(request: UInt32, _ bytes: [UInt8]) -> [WorkerMessage] {
        parts(of: bytes) { .answer(request: request, $0, isLast: $1) }
    }

    /// A long dump as messages that each fit into a frame.
    public static func dumps(_ kind: DumpKind, _ bytes: [UInt8]) -> [WorkerMessage] {
        parts(of: bytes) { .dump(kind, $0, isLast: $1) }
    }

    private static func parts(of bytes: [UInt8], _ each: ([UInt8], Bool) -> WorkerMessage) -> [WorkerMessage] {
        let size = 1 << 18
        var messages: [WorkerMessage] = []
        var start = 0
        repeat {
            let end = min(start + size, bytes.count)
            messages.append(each(Array(bytes[start..<end]), end == bytes.count))
            start = end
        } while start < bytes.count
        return messages
    }
}

/// What the supervisor tells the worker.
public enum SupervisorMessage: ProcessMessage {
    case checkFinished(id: UInt32, CheckOutcome)
    /// Read the configuration again; answered by `reloadFinished`.
    case reload
    /// Release everything in order, then say `stopped` and end.
    case stop
    /// A control request as JSON; answered by `answer` with the same number.
    case query(request: UInt32, [UInt8])
    /// Answered by `dump`.
    case dumpRequested(DumpKind)
    /// What a predecessor asked to remember; the first message to a worker that has one.
    case recall([UInt8])
    /// Deliver this (mail process); counted in `mailsSettled` once it is done with.
    case mail(MailOrder)
    /// The state (`MASTER`, `BACKUP`, …) of the instance that the health worker follows: as it is at its start, and as it becomes.
    case role(instance: String, state: String)
    /// How the addresses of the last ``WorkerMessage/guards(_:)`` are guarded, and where that is less than could be, why (VRRP worker).
    case fence(FenceReport, String)
    /// The list with this number has been dealt with: what of it can be guarded is (VRRP worker).
    case guarded(UInt32)
    /// What the fence is to guard from now on (fence process); answered by ``WorkerMessage/fenceStands(_:_:guards:)``.
    case guards(GuardedAddresses)

    public init?(payload: ArraySlice<UInt8>) {
        var reader = WireReader(payload)
        guard reader.uint8() == processMessageVersion, !reader.failed else { return nil }
        switch reader.uint8() {
        case 1: self = .checkFinished(id: reader.uint32(), CheckOutcome(from: &reader))
        case 2: self = .reload
        case 3: self = .stop
        case 4: self = .query(request: reader.uint32(), reader.data())
        case 5: self = .dumpRequested(reader.enumeration(.state))
        case 6: self = .recall(reader.data())
        case 7: self = .mail(MailOrder(from: &reader))
        case 8: self = .role(instance: reader.string(), state: reader.string())
        case 9: self = .fence(reader.enumeration(.lifetimes), reader.string())
        case 10: self = .guarded(reader.uint32())
        case 11: self = .guards(GuardedAddresses(from: &reader))
        default: return nil
        }
        guard reader.isComplete else { return nil }
    }

    public var payload: [UInt8] {
        var writer = WireWriter()
        writer.put(processMessageVersion)
        switch self {
        case .checkFinished(let id, let outcome):
            writer.put(UInt8(1))
            writer.put(id)
            outcome.write(to: &writer)
        case .reload: writer.put(UInt8(2))
        case .stop: writer.put(UInt8(3))
        case .query(let request, let bytes):
            writer.put(UInt8(4))
            writer.put(request)
            writer.put(bytes)
        case .dumpRequested(let kind):
            writer.put(UInt8(5))
            writer.put(kind.rawValue)
        case .recall(let bytes):
            writer.put(UInt8(6))
            writer.put(bytes)
        case .mail(let order):
            writer.put(UInt8(7))
            order.write(to: &writer)
        case .role(let instance, let state):
            writer.put(UInt8(8))
            writer.put(instance)
            writer.put(state)
        case .fence(let report, let text):
            writer.put(UInt8(9))
            writer.put(report.rawValue)
            writer.put(text)
        case .guarded(let number):
            writer.put(UInt8(10))
            writer.put(number)
        case .guards(let guards):
            writer.put(UInt8(11))
            guards.write(to: &writer)
        }
        return writer.bytes
    }
}

/// What the worker found when it started.
public struct WorkerSummary: Equatable, Sendable {
    public var instances: UInt32
    public var groups: UInt32
    /// True when it took over from a worker that died.
    public var adopted: Bool
    /// One line for the log and for systemd's status.
    public var text: String

    public init(instances: UInt32, groups: UInt32, adopted: Bool, text: String) {
        self.instances = instances
        self.groups = groups
        self.adopted = adopted
        self.text = text
    }

    init(from reader: inout WireReader) {
        instances = reader.uint32()
        groups = reader.uint32()
        adopted = reader.bool()
        text = reader.string()
    }

    func write(to writer: inout WireWriter) {
        writer.put(instances)
        writer.put(groups)
        writer.put(adopted)
        writer.put(text)
    }
}

/// One run of a tracked script.
public struct CheckRequest: Equatable, Sendable {
    /// The worker's number of the script.
    public var id: UInt32
    public var command: ScriptCommand
    /// From the start of the process; then SIGTERM to its group, and SIGKILL two seconds later.
    public var timeout: Duration

    public init(id: UInt32, command: ScriptCommand, timeout: Duration) {
        self.id = id
        self.command = command
        self.timeout = timeout
    }

    init(from reader: inout WireReader) {
        id = reader.uint32()
        command = ScriptCommand(from: &reader)
        timeout = reader.duration()
    }

    func write(to writer: inout WireWriter) {
        writer.put(id)
        command.write(to: &writer)
        writer.put(timeout)
    }
}

/// The hooks of one transition of one instance or group, to be run one after the other: the specific
/// script (`notify_master`), then the general one (`notify`), each after the other has *ended*.
public struct HookRequest: Equatable, Sendable {
    /// Whose transition: ``TransitionRecord/key``. Hooks of one key never overlap.
    public var key: String
    /// The state that was entered: `MASTER`, `BACKUP`, `FAULT`, `STOP`, `DELETED`.
    public var state: String
    public var commands: [ScriptCommand]
    /// How long each command may take.
    public var limit: Duration
    /// `NAME=value`, on top of the supervisor's cleaned environment.
    public var environment: [String]
    /// Only if this state is not the last that was asked for under this key: what a successor sends for a role
    /// that goes on, in case its predecessor died before it could.
    public var unlessRun: Bool

    /// The limit of a hook that the configuration does not set.
    public static let defaultLimit: Duration = .seconds(30)

    public init(
        key: String, state: String, commands: [ScriptCommand], limit: Duration = HookRequest.defaultLimit,
        environment: [String] = [], unlessRun: Bool = false
    ) {
        self.key = key
        self.state = state
        self.commands = commands
        self.limit = limit
        self.environment = environment
        self.unlessRun = unlessRun
    }

    init(from reader: inout WireReader) {
        key = reader.string()
        state = reader.string()
        commands = reader.list { ScriptCommand(from: &$0) }
        limit = reader.duration()
        environment = reader.list { $0.string() }
        unlessRun = reader.bool()
    }

    func write(to writer: inout WireWriter) {
        writer.put(key)
        writer.put(state)
        writer.put(commands) { $1.write(to: &$0) }
        writer.put(limit)
        writer.put(environment) { $0.put($1) }
        writer.put(unlessRun)
    }
}
