import Configuration
import Health
import Primitives

/// The servers behind virtual services: which of them are well, what each weighs, and so what the kernel should forward. Pure: the same inputs
/// give the same effects.
///
/// A server **serves** while all its checkers pass, nobody drains it and it weighs something. What the kernel should forward is a value
/// (``desired``), computed for a service whenever one of its servers changes; the kernel is brought there by the steps that differ
/// (``BalancerEffect/change(_:)``). Start, adoption of what a predecessor left, reload and repair are that same comparison.
///
/// Effects of one input come in this order: what the kernel is to do, then who is told of it.
public struct Balancer: Sendable {
    enum Phase: Hashable, Sendable { case idle, running, stopped }

    var phase: Phase = .idle
    /// The configuration that is in force.
    public internal(set) var model: Model
    var services: [ServiceState] = []
    var checks: [CheckSlot?] = []
    var freeSlots: [Int] = []
    var deadlines = DeadlineHeap<BalancerDeadline>()
    var random: SplitMix64
    var lastRun: UInt64 = 0
    /// What the kernel should forward.
    public internal(set) var desired = ForwardingTable()
    /// Steps that the kernel refused, by service: they are not tried again until something changes.
    var refusals: [ServiceKey: String] = [:]
    var localAddresses: Set<IPAddress>?
    var trackedFiles: [String: Int] = [:]
    /// What operators had drained, also of servers that are not there now: a reload may bring them back.
    public internal(set) var drainOrders: [DrainOrder] = []
    /// How often the table was put right.
    public internal(set) var repairs: UInt64 = 0
    /// Connections are counted again at this time at the latest.
    var nextCount: Deadline?
    let bug: PlantedBug

    /// How often connections of servers that drain are counted.
    static let countInterval: Duration = .seconds(1)
    /// Steps of a slow start.
    static let slowStartSteps: Int64 = 20

    /// - Parameter seed: of the parts of warm-ups.
    public init(_ model: Model, seed: UInt64, bug: PlantedBug = PlantedBug()) {
        self.model = model
        self.bug = bug
        random = SplitMix64(seed: seed)
    }

    public var nextDeadline: Deadline? { deadlines.earliest }

    public mutating func handle(_ input: BalancerInput, at now: Instant, into effects: inout [BalancerEffect]) {
        switch (phase, input) {
        case (.idle, .start(let kernel, let adopting, let drained)):
            start(kernel, adopting: adopting, drained: drained, at: now, into: &effects)
        case (.idle, .localAddresses(let addresses)): localAddresses = addresses
        case (.idle, .trackedFile(let name, let value)): trackedFiles[name] = value
        case (.running, .timer): advance(to: now, into: &effects)
        case (.running, .checkFinished(let id, let verdict)): finish(id, verdict, at: now, into: &effects)
        case (.running, .localAddresses(let addresses)):
            localAddresses = addresses
            for index in services.indices { updateSuspension(of: index, at: now, into: &effects) }
        case (.running, .trackedFile(let name, let value)):
            trackedFiles[name] = value
            noteFile(name, value: value, at: now, into: &effects)
        case (.running, .session(let name, let isUp)): noteSession(name, isUp: isUp, at: now, into: &effects)
        case (.running, .tableRead(let table)): repair(table, into: &effects)
        case (.running, .refused(let changes, let reasons)): noteRefusals(changes, reasons, into: &effects)
        case (.running, .connections(let counts)): noteConnections(counts, at: now, into: &effects)
        case (.running, .drain(let order)): drain(order, at: now, into: &effects)
        case (.running, .undrain(let servers)): undrain(servers, at: now, into: &effects)
        case (.running, .reload(let model)): reload(model, at: now, into: &effects)
        case (.running, .stop(let keeping)): stop(keeping: keeping, at: now, into: &effects)
        default: break
        }
    }

    // MARK: - Beginning and end

    private mutating func start(
        _ kernel: ForwardingTable, adopting: Bool, drained: [DrainOrder], at now: Instant,
        into effects: inout [BalancerEffect]
    ) {
        phase = .running
        drainOrders = bug.isPlanted(.drainForgotten) ? [] : drained
        services = model.virtualServers.map {
            ServiceState($0, groups: model.virtualServerGroups, at: now)
        }
        for service in services.indices {
            for settings in services[service].settings.realServers {
                add(settings, to: service, adopting: adopting ? kernel : nil, at: now)
            }
        }
        for order in drainOrders { markDrained(order, at: now) }
        for service in services.indices {
            services[service].hasQuorum = services[service].quorumStands(was: true)
            services[service].isSuspended = wantsSuspension(services[service])
        }
        rebuildTable(from: kernel.keeping(Set(services.lazy.flatMap(\.keys))), at: now, into: &effects)
        for service in services.indices { startChecks(of: service, at: now, into: &effects) }
        scheduleCount(at: now)
        notifyAtStart(into: &effects)
        guard !adopting else { return }
        for service in services { alertQuorum(of: service, isUp: service.hasQuorum, isStart: true, into: &effects) }
    }

    /// `rs_init_notifies`.
    private func notifyAtStart(into effects: inout [BalancerEffect]) {
        guard model.global.forwarding.notifiesAtStart else { return }
        for service in services {
            for server in service.servers where server.isUp {
                notify(server, of: service, isUp: true, into: &effects)
            }
        }
    }

    /// `omega`: whoever was told that a service is up is told that it goes down.
    private mutating func stop(keeping: Bool, at now: Instant, into effects: inout [BalancerEffect]) {
        phase = .stopped
        for slot in checks.indices { remove(slot: slot, into: &effects) }
        if !keeping {
            change(to: ForwardingTable(), into: &effects)
        }
        for service in services where service.settings.omega {
            for server in service.servers where server.isUp {
                notify(server, of: service, isUp: false, into: &effects)
                alert(server, of: service, isUp: false, "Shutting down", into: &effects)
            }
            if service.hasQuorum { notifyQuorum(of: service, isUp: false, into: &effects) }
        }
    }

    // MARK: - Time

    private mutating func advance(to now: Instant, into effects: inout [BalancerEffect]) {
        while let key = deadlines.popDue(at: now) {
            switch key {
            case .check(let slot): runCheck(slot, at: now, into: &effects)
            case .service(let service): advance(service: service, to: now, into: &effects)
            case .count:
                effects.append(.countConnections)
                nextCount = now + Self.countInterval
                deadlines.set(.count, nextCount)
            }
        }
    }
}

/// What a deadline of the balancer belongs to.
enum BalancerDeadline: DeadlineKey, Hashable {
    /// A checker is due.
    case check(Int)
    /// A step of a slow start, or the end of a drain, of any of its servers.
    case service(Int)
    /// Connections are to be counted.
    case count

    static var kinds: Int { 3 }
    var kind: Int {
        switch self {
        case .check: 0
        case .service: 1
        case .count: 2
        }
    }
    var index: Int {
        switch self {
        case .check(let index), .service(let index): index
        case .count: 0
        }
    }
    static func < (a: Self, b: Self) -> Bool { a.kind != b.kind ? a.kind < b.kind : a.index < b.index }
}
