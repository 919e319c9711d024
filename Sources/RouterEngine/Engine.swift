import Arbitration
import Configuration
import Greeting
import Primitives
import VRRP

/// One node as one machine: virtual routers, sync groups, trackers, addresses and their deadlines. Pure.
///
/// Both worlds run it: `LinuxWorld` carries its effects out on a kernel, `SimulatedWorld` on a seeded event
/// queue, and nothing here knows which. Time comes in as `now`; what is due is asked with `nextDeadline`.
///
/// Reading order: `Input`, `Effect`, this file, then one file per stimulus: `Engine+Packets`,
/// `Engine+Kernel`, `Engine+Addresses`, `Engine+Trackers`, `Engine+Groups`, `Engine+Split`, `Engine+Reload`.
public struct Engine: Sendable {
    public internal(set) var model: Model
    var slots: [RouterSlot?] = []
    var groups: [GroupSlot] = []
    var scripts: [ScriptSlot] = []
    var nextScript: UInt32 = 0
    var addresses = AddressTable()
    var links: [InterfaceIndex: Link] = [:]
    var linkNames: [String: InterfaceIndex] = [:]
    var kernelAddresses: [InterfaceIndex: [KernelAddress]] = [:]
    /// Which routers a change of the named interface concerns.
    var watchers: [String: [RouterID]] = [:]
    /// Routers without an interface of their own: every address may concern them.
    var roaming: [RouterID] = []
    /// Sockets that the world could not open: who would hear through one is in fault.
    var missingSockets: [SocketKey] = []
    var demux: [DemuxKey: RouterID] = [:]
    /// Virtual routers of others that were noted once; membership only, at most 256.
    var unknown: Set<DemuxKey> = []
    /// Whether several unicast routers share a key of `demux`.
    var sharesKeys = false
    var pacing = AnnouncementPacing()
    var deadlines = DeadlineHeap<EngineDeadline>()
    var phase: Phase = .waiting
    /// Reused for the effects of one router, so that an advertisement allocates nothing.
    var scratch: [RouterEffect] = []
    var dirtyGroups: [Int] = []
    var greetings: [GreetingSlot?] = []
    var greetingsBegun: UInt64 = 0
    var dirtyGreetings: [Int] = []
    var isDeparting = false
    var leases: [LeaseSlot?] = []
    var leaseIndex: [LeaseName: Int] = [:]
    var dirtyLeases: [Int] = []
    /// The addresses of their members.
    var leasedAddresses: Set<AddressID> = []
    let identity: NodeIdentity
    /// What stops this node when it stands still.
    public internal(set) var fence = FenceStanding.pending
    /// What the world was last told to guard.
    var guardsInForce: [GuardedAddress] = []
    var arbiterStandings: [String: ArbiterStanding] = [:]
    /// The first of the moments at which a lease that is held is left.
    var earliestStepDown: Instant = .distantFuture
    /// Everything is withdrawn, and leases may still be on their way back.
    var hasReleased = false
    /// Removed by a reload, still needed by the effects it left behind; forgotten at the next input.
    var retired: [RouterID] = []
    var retiredAddresses: [AddressID] = []
    let bug: PlantedBug

    enum Phase: Hashable, Sendable {
        /// Not started, or held back by `vrrp_startup_delay`.
        case waiting
        case delayed(until: Instant)
        case running
        case stopped
    }

    struct DemuxKey: Hashable, Sendable {
        var interface: InterfaceIndex
        var family: AddressFamily
        var id: VirtualRouterID
    }

    public init(_ model: Model, as identity: NodeIdentity = NodeIdentity(), bug: PlantedBug = PlantedBug()) {
        self.model = model
        self.identity = identity
        self.bug = bug
        scratch.reserveCapacity(16)
        build(model)
    }

    // MARK: - Inputs

    /// When there is something to do without any input; nil for never.
    public var nextDeadline: Deadline? { deadlines.earliest }

    public mutating func handle(_ input: Input, at now: Instant, into effects: inout [Effect]) {
        forgetRetired()
        // After a pause the clock comes first: what was held may not be any more.
        if now >= earliestStepDown, !bug.isPlanted(.clockNotFirst) { expireLeases(at: now, into: &effects) }
        switch input {
        case .start(let routers, let scripts, let held):
            start(adopting: routers, scripts, held, at: now, into: &effects)
        case .timer: break
        case .kernelDump(let links, let addresses): receiveDump(links, addresses, at: now, into: &effects)
        case .link(let link): receive(link, at: now, into: &effects)
        case .linkGone(let index): receiveGone(index, at: now, into: &effects)
        case .address(let address): receive(address, at: now, into: &effects)
        case .addressGone(let address): receiveGone(address, at: now, into: &effects)
        case .operationFailed(let id, let operation, let errno):
            receiveFailure(id, operation, errno, at: now, into: &effects)
        case .socketsMissing(let keys): receiveMissing(keys, at: now, into: &effects)
        case .scriptFinished(let id, let outcome): receive(outcome, of: id, at: now, into: &effects)
        case .reload(let model): reload(model, at: now, into: &effects)
        case .leases(let arbiter, let reports): receive(reports, from: arbiter, at: now, into: &effects)
        case .fence(let standing): receive(standing, at: now, into: &effects)
        case .arbiter(let name, let standing): receive(standing, of: name)
        case .hello(let hello): receive(hello, at: now, into: &effects)
        case .claimed(let claim, let interface): receive(claim, on: interface, at: now, into: &effects)
        case .stop: stop(at: now, into: &effects)
        case .release(let records): release(records, at: now, into: &effects)
        }
        advance(to: now, into: &effects)
    }

    /// Does everything that is due.
    public mutating func advance(to now: Instant, into effects: inout [Effect]) {
        while let key = deadlines.popDue(at: now) {
            switch key.of {
            case .engine:
                if phase == .stopped { finishStop(into: &effects) } else { beginRunning(at: now, into: &effects) }
            case .router: run(RouterID(key.index), at: now, into: &effects) { $0.advance(to: now, into: &$1) }
            case .script: scriptIsDue(key.index, at: now, into: &effects)
            case .address: addressIsDue(AddressID(key.index), at: now, into: &effects)
            case .pacing: pace(at: now, into: &effects)
            case .lease: leaseIsDue(LeaseID(key.index), at: now, into: &effects)
            case .greeting:
                greet(RouterID(key.index), at: now, into: &effects) { $0.advance(to: now, into: &$1) }
            case .split: splitIsDue(RouterID(key.index), at: now, into: &effects)
            }
        }
        settleGroups(at: now, into: &effects)
        settleGreetings(at: now, into: &effects)
    }

    // MARK: - Start and stop

    private mutating func start(
        adopting records: [RouterRecord], _ scriptRecords: [ScriptRecord], _ held: [HeldLease], at now: Instant,
        into effects: inout [Effect]
    ) {
        guard phase == .waiting else { return }
        adopt(scriptRecords)
        adopt(held)
        var delay = model.global.startupDelay
        let sinceBoot = Instant.zero + model.global.delayAfterBoot
        if sinceBoot > now + delay { delay = sinceBoot - now }
        let adoptsNothing = records.allSatisfy { $0.role == .initialize }
        phase = .running
        for id in routerIDs { refreshEnvironment(of: id) }
        for id in routerIDs {
            guard let record = records.first(where: { $0.key == slots[id.index]?.recordKey }) else { continue }
            adopt(record, as: id, at: now, into: &effects)
        }
        if !adoptsNothing { adoptGroups(records, into: &effects) }
        settleGuards(into: &effects)
        startLeases(held, at: now, into: &effects)
        takeStrays()
        if adoptsNothing, delay > .zero {
            phase = .delayed(until: now + delay)
            deadlines.set(.init(.engine, 0), now + delay)
            for id in addresses.ids { settle(id, at: now, into: &effects) }
        } else {
            beginRunning(at: now, into: &effects)
        }
        // Every router has a record from here on: a successor reads them in one row.
        for id in routerIDs { effects.append(.record(id)) }
        for script in scripts where script.isKnown { effects.append(.recordScript(script.id)) }
        effects.append(.socketsChanged)
    }

    private mutating func beginRunning(at now: Instant, into effects: inout [Effect]) {
        guard phase != .stopped else { return }
        phase = .running
        startScripts(at: now)
        // A reload may have come while they were held back.
        for id in routerIDs { refreshEnvironment(of: id) }
        for id in routerIDs { startRouter(id, at: now, into: &effects) }
        for id in addresses.ids { settle(id, at: now, into: &effects) }
    }

    mutating func startRouter(_ id: RouterID, at now: Instant, into effects: inout [Effect]) {
        guard let environment = environment(of: id) else { return }
        run(id, at: now, into: &effects) {
            $0.update(environment, at: now, into: &$1)
            $0.start(at: now, into: &$1)
        }
    }

    /// Goes on where the predecessor stopped, while its peers cannot have noticed (design: a successor
    /// adopts MASTER only within three intervals of the last advertisement).
    private mutating func adopt(
        _ record: RouterRecord, as id: RouterID, at now: Instant, into effects: inout [Effect]
    ) {
        guard let slot = slots[id.index] else { return }
        slots[id.index]?.adoptedRole = record.role
        slots[id.index]?.since = record.since
        slots[id.index]?.lastAdvert = record.lastAdvert
        if record.role == .backup, let learnt = record.masterInterval {
            slots[id.index]?.router.prepare(masterInterval: learnt)
        }
        guard record.role == .master else { return }
        let silence = now - record.lastAdvert
        let interval = slot.router.settings.interval.duration
        guard silence < interval * 3 || bug.isPlanted(.adoptsTooLate) else {
            slots[id.index]?.adoptedRole = nil
            effects.append(.note(.tooLateToAdopt(id, since: silence)))
            return
        }
        run(id, at: now, into: &effects) { $0.adoptMaster(lastAdvert: record.lastAdvert, at: now, into: &$1) }
    }

    /// Priority 0 for what was held until a moment ago, and no address left, whoever held it when.
    private mutating func release(_ records: [RouterRecord], at now: Instant, into effects: inout [Effect]) {
        guard phase == .waiting else { return }
        phase = .running
        for id in routerIDs { refreshEnvironment(of: id) }
        for id in routerIDs {
            guard let record = records.first(where: { $0.key == slots[id.index]?.recordKey }) else { continue }
            adopt(record, as: id, at: now, into: &effects)
        }
        takeStrays()
        for id in addresses.ids { settle(id, at: now, into: &effects) }
        for index in leases.indices { effects.append(.fence(LeaseID(index), until: nil)) }
        stop(at: now, into: &effects)
    }

    private mutating func stop(at now: Instant, into effects: inout [Effect]) {
        guard phase != .stopped else { return }
        sayFarewell(at: now, into: &effects)
        phase = .stopped
        for index in scripts.indices { cancelScript(index, into: &effects) }
        for id in routerIDs { run(id, at: now, into: &effects) { $0.stop(at: now, into: &$1) } }
        for index in groups.indices { noteGroupRole(index, into: &effects) }
        // Also what a killed predecessor left, and no router of this one held.
        for id in addresses.ids { settle(id, at: now, into: &effects) }
        stopLeases(at: now, into: &effects)
        hasReleased = true
        if hasGivenBack {
            finishStop(into: &effects)
        } else {
            // What was held is given back, so that nobody has to wait for it to run out.
            deadlines.set(.init(.engine, 0), now + Self.farewell)
        }
    }

    /// How long a stop waits for an arbiter.
    static let farewell: Duration = .milliseconds(500)

    mutating func finishStop(into effects: inout [Effect]) {
        guard hasReleased else { return }
        hasReleased = false
        deadlines.set(.init(.engine, 0), nil)
        effects.append(.stopped)
    }

    // MARK: - Running one router

    /// Lets one router handle something, and turns its effects into the node's.
    mutating func run(
        _ id: RouterID, at now: Instant, into effects: inout [Effect],
        _ body: (inout VirtualRouter, inout [RouterEffect]) -> Void
    ) {
        scratch.removeAll(keepingCapacity: true)
        guard let outcome = slots[id.index]?.run(into: &scratch, body) else { return }
        if !scratch.isEmpty { carryOut(scratch, of: id, at: now, into: &effects) }
        deadlines.set(.init(.router, id.index), outcome.deadline)
        // Groups and leases look at nothing of their members but their roles.
        guard outcome.isDirty else { return }
        greetingChanged(id)
        if let group = slots[id.index]?.group, !dirtyGroups.contains(group) { dirtyGroups.append(group) }
        if let lease = slots[id.index]?.lease { markDirty(lease) }
    }

    private mutating func carryOut(
        _ routerEffects: [RouterEffect], of id: RouterID, at now: Instant, into effects: inout [Effect]
    ) {
        var entered: Transition?
        var rival: IPAddress?
        for effect in routerEffects {
            // Releasing is recorded before it happens, also before the peers hear of it.
            if case .transition(let transition) = effect, transition.from == .master, !bug.isPlanted(.recordedLate) {
                effects.append(.record(id))
            }
        }
        for effect in routerEffects {
            switch effect {
            case .advertise(let priority):
                slots[id.index]?.counters.sent &+= 1
                slots[id.index]?.lastAdvert = now
                if priority == .releasing { slots[id.index]?.counters.released &+= 1 }
                effects.append(.advertise(id, priority))
            case .announce(let count): announce(id, count: count, at: now, into: &effects)
            case .announceElsewhere: announce(id, count: 1, elsewhere: true, at: now, into: &effects)
            case .transition(let transition):
                entered = transition
                enter(transition, id, at: now, into: &effects)
            case .intervalLearnt: effects.append(.record(id))
            case .wantsMaster: break  // the group is settled after every input
            case .heardLowerPriority(let priority, let from):
                // In a split each advert would say the same.
                if slots[id.index]?.splits.current?.source != from {
                    effects.append(.note(.heardLowerPriority(id, priority, from: from)))
                }
                rival = from
                effects.append(.hook(.router(id), .masterReceivedLowerPriority))
                announceGroup(of: id, at: now, into: &effects)
            case .priorityChanged(let from, let to):
                effects.append(.note(.priorityChanged(id, from: from, to: to)))
                if slots[id.index]?.definition.notifyPriorityChanges == true {
                    effects.append(.hook(.router(id), .priorityChanged))
                }
            }
        }
        if let entered, entered.from == .master {
            splitEnded(id, slots[id.index]?.splits.leftMaster(at: now), at: now, into: &effects)
        }
        if let entered { report(entered, id, into: &effects) }
        if let rival { heardRival(id, rival, at: now, into: &effects) }
    }

    /// What a role implies for the kernel and the record, in the order that `Effect` promises.
    private mutating func enter(_ transition: Transition, _ id: RouterID, at now: Instant, into effects: inout [Effect])
    {
        guard let slot = slots[id.index] else { return }
        let adopted = transition.cause.rule == .adopted
        if !adopted { slots[id.index]?.since = now }
        slots[id.index]?.lastTransition = transition
        slots[id.index]?.loggedRejections = 0
        if transition.to == .master {
            slots[id.index]?.counters.becameMaster &+= 1
            slots[id.index]?.splits.becameMaster(at: adopted ? slot.since : now)
        }
        if transition.from == .master { slots[id.index]?.counters.leftMaster &+= 1 }
        let change = (transition.to == .master ? 1 : 0) - (transition.from == .master ? 1 : 0)
        if change != 0 {
            for address in slot.addresses { want(address, by: change, at: now, into: &effects) }
        }
        if transition.from != .master || bug.isPlanted(.recordedLate) { effects.append(.record(id)) }
    }

    private mutating func report(_ transition: Transition, _ id: RouterID, into effects: inout [Effect]) {
        effects.append(.transition(id, transition))
        let adoptedRole = slots[id.index]?.adoptedRole
        slots[id.index]?.adoptedRole = nil
        let hook = Self.hook(of: transition.to) ?? .stop
        // The predecessor ran the hooks of a role that simply goes on, if it lived long enough.
        effects.append(adoptedRole == transition.to ? .ensureHook(.router(id), hook) : .hook(.router(id), hook))
    }
}
