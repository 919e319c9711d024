import Arbitration
import Primitives
import RouterEngine

/// The lease fence of one machine's kernel: which address goes by which deadline, in boot time. It outlives every process; what it guards is
/// told by the supervisor, what its deadlines are by the worker.
struct SimulatedFence {
    /// What is guarded, by the slot whose deadline counts.
    private(set) var guards: [GuardedAddress] = []
    /// The deadlines of the daemon that lives now; nil is closed.
    private(set) var deadlines: [Deadline?] = []
    /// Those of the daemon before, while its programs are still the ones that are attached.
    private var former: [Deadline?]?

    /// Whether packets of an address pass; what is not guarded always does.
    func isOpen(_ address: IPAddress, on interface: UInt32, at reading: Instant) -> Bool {
        let table = former ?? deadlines
        for item in guards where item.address == address && item.interface.rawValue == interface {
            guard item.lease.index < table.count, let until = table[item.lease.index] else { return false }
            return reading < until
        }
        return true
    }

    /// The deadline that a worker of the living daemon last told, whether anything goes by it or not.
    func deadline(_ slot: Int) -> Deadline? { slot < deadlines.count ? deadlines[slot] : nil }

    mutating func set(_ slot: Int, until: Deadline?) {
        while deadlines.count <= slot { deadlines.append(nil) }
        deadlines[slot] = until
    }

    mutating func guardAddresses(_ wanted: [GuardedAddress]) {
        guards = wanted
        former = nil
    }

    /// The daemon has ended in order.
    mutating func daemonStopped(isPresent: (GuardedAddress) -> Bool) { guards.removeAll { !isPresent($0) } }

    /// The daemon is dead. What it attached stays, until the next one attaches its own.
    mutating func daemonEnded() {
        former = former ?? deadlines
        deadlines = []
    }
}

/// What one machine knows of leases beside its engine.
struct HostLeases {
    /// One for each life of the daemon.
    var life: UInt64 = 0
    var fence = SimulatedFence()
    /// What a successor reads, and what the worker has written that none reads before it has started whole.
    var published: [Int: HeldLease] = [:]
    var written: [Int: HeldLease] = [:]
    var isPublished = false
    /// Router by slot of the engine's table: the slot of its lease, or -1. Nil: to be looked up.
    var slots: [Int]?
    var slotOfLease: [LeaseName: Int] = [:]
    /// By router of the scenario, from what the worker reports.
    var roles: [RouterID: Bool] = [:]
    /// Effects that wait because the process, or the machine, stands still between two.
    var pending: [Effect] = []
    var pendingAt: Instant = .zero
    /// The process stands still after that many more effects, for so long; negative for never.
    var stallsAfterEffects = -1
    var stallDuration: Int64 = 0
    var stopsMachine = false
    /// The next worker dies after that many effects of its start; negative for never.
    var diesInStart = -1
    /// A machine that stood still may serve until its clock shows this.
    var excusedUntil: Instant?
    /// What the worker knows to be guarded.
    var acknowledged: [GuardedAddress] = []
    /// Addresses that are installed once they are.
    var waiting: [AddressID] = []
    /// When the supervisor will have done the last thing that it was told to guard.
    var guardsDue: Int64 = 0
    /// The next worker only releases.
    var releasesOnly = false

    mutating func daemonEnded() {
        life += 1
        fence.daemonEnded()
        (published, written, isPublished) = ([:], [:], false)
        workerEnded()
    }

    mutating func workerEnded() {
        (slots, slotOfLease, roles, pending) = (nil, [:], [:], [])
        (acknowledged, waiting) = ([], [])
        stallsAfterEffects = -1
    }

    mutating func write(_ held: HeldLease) {
        written[held.slot] = held
        if isPublished { published = written }
    }

    mutating func publish() {
        isPublished = true
        published = written
    }

    var adoptable: [HeldLease] { published.values.sorted { $0.slot < $1.slot } }
}
