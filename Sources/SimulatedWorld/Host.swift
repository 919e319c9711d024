import Configuration
import Primitives
import RouterEngine

/// One simulated machine: clock, kernel, the memory that outlives a worker, and the worker itself, which is
/// the node that runs in production.
final class Host {
    enum Process: Equatable {
        /// No supervisor: never started, stopped in order, killed, or without power.
        case absent
        /// The worker died; its supervisor starts a successor.
        case restarting
        case running
    }

    /// What a script of this machine would answer now.
    enum ScriptMode: Equatable {
        case good, fails, hangs, vanished, flaps
    }

    /// A record as shared memory holds it, and which router of the scenario it is about.
    struct Record {
        var key: UInt64
        var bytes: [UInt8]
        var lastAdvert: Instant
        var router: Int?
    }

    let index: Int
    var clock: HostClock
    var kernel: Kernel
    var node: Node<Seam>?
    var process: Process = .absent
    /// Counts processes: what was meant for a predecessor is not for its successor.
    var incarnation: UInt32 = 0
    /// What the file says.
    var model: Model
    /// What is in force: the configuration that a successor finds in shared memory.
    var snapshot: Model
    var draw: SplitMix64

    // What waits
    var isStalled = false
    /// Reading what came in while it was stalled; nothing else is looked at before.
    var isDraining = false
    var stalledUntil: Int64 = 0
    /// The machine itself stands still: kernel, clock, everything.
    var isPaused = false
    var pausedAt: Int64 = 0
    /// Its first process, or a successor, was due while the machine stood still.
    var startsOnResume = false
    var inbox: [Int] = []
    var waiting: [Input] = []
    var scheduledTimer: Int64 = .max
    var scheduledExpiry: Int64 = .max
    var notifications: [Input] = []
    var isNotificationScheduled = false
    var hasOverrun = false
    var notificationDelay: Int64 = 0

    /// The worker dies after that many more effects; negative for never.
    var diesAfterEffects = -1
    var restartDelay: Int64 = 0
    /// It died in the middle of `perform`; the node goes when the call has returned.
    var isDying = false
    var isStopping = false

    // Shared memory, as the supervisor holds it
    var records: [Record] = []
    var scriptRecords: [ScriptRecord] = []
    private var sequence: UInt64 = 0
    var recordSlots: [Int] = []

    // The world's view of the process
    var sockets: [Engine.SocketKey] = []
    var scriptMode: ScriptMode = .good
    var scriptRuns: [(id: ScriptID, token: UInt32)] = []
    var scriptToken: UInt32 = 0
    /// The last hook of a role, by the router's number in the scenario; nil before any.
    var lastHook: [HookKind?]
    var startedAt: Int64 = 0
    var leases = HostLeases()
    /// Definition of each router of the scenario on this node.
    var definitions: [InstanceDefinition?] = []

    init(_ index: Int, model: Model, clock: HostClock, kernel: Kernel, draw: SplitMix64, routers: Int) {
        self.index = index
        self.model = model
        snapshot = model
        self.clock = clock
        self.kernel = kernel
        self.draw = draw
        lastHook = Array(repeating: nil, count: routers)
    }

    var isRunning: Bool { process == .running && !isStalled && !isPaused }

    // MARK: - Shared memory

    /// Two slots, a sequence and checksums become: the last whole record of each key.
    func store(_ record: RouterRecord, of router: Int?) {
        sequence += 1
        let bytes = record.encode(sequence: sequence)
        if let position = records.firstIndex(where: { $0.key == record.key }) {
            records[position].bytes = bytes
            records[position].router = router
        } else {
            records.append(Record(key: record.key, bytes: bytes, lastAdvert: .zero, router: router))
        }
    }

    func store(_ record: ScriptRecord) {
        if let position = scriptRecords.firstIndex(where: { $0.key == record.key }) {
            scriptRecords[position] = record
        } else {
            scriptRecords.append(record)
        }
    }

    func noteAdvert(of key: UInt64, at now: Instant) {
        if let position = records.firstIndex(where: { $0.key == key }) {
            records[position].lastAdvert = now
        } else {
            records.append(Record(key: key, bytes: [], lastAdvert: now, router: nil))
        }
    }

    var adoptable: [RouterRecord] { records.compactMap(decode) }

    func adoptable(_ router: Int) -> RouterRecord? { records.first { $0.router == router }.flatMap(decode) }

    private func decode(_ record: Record) -> RouterRecord? {
        RouterRecord.decode(record.bytes.span.bytes, lastAdvert: record.lastAdvert)?.record
    }

    func forgetSharedMemory() {
        records = []
        scriptRecords = []
    }
}
