import Configuration
import Primitives
import RouterEngine
import VRRP

/// One run of one seed: N machines with the production node on each, links between them, a director that
/// breaks things, and a judge who sees only kernels, the wire and the clients.
///
/// Deterministic: one thread, one queue ordered by (true time, sequence), one generator forked per part.
public final class Simulation {
    public let scenario: Scenario
    let bug: PlantedBug
    /// True time, nanoseconds since the run began; no node can read it.
    var trueTime: Int64 { now }
    var now: Int64 = 0
    var queue = EventQueue()
    var hosts: [Host] = []
    var segments: [Segment] = []
    var judge: Judge! = nil  // set at the end of init, before anything runs
    var director: Director! = nil  // likewise
    public internal(set) var failure: Failure?
    /// Changes with every event and effect: two runs of one seed must agree.
    public internal(set) var traceHash: UInt64 = 0xCBF2_9CE4_8422_2325
    public internal(set) var eventCount = 0
    /// How often a node said that another holds as well.
    var splitsTold = 0
    /// Whether a node stood still, by whatever cause: another takes over then, and there are two when it goes on.
    var hasStalled = false
    var story: Story?
    var networkDraw: SplitMix64
    var deliveries: [Delivery?] = []
    /// When the last packet of each path (link, sender, receiver) arrives.
    var lastArrivals: [Int64] = []
    var freeDeliveries: [Int] = []
    var announcements: [(Announcement, link: Int, host: Int, count: Int)] = []
    /// While a reload is being handled: the routers that its effects touched.
    var touched: [Int]?
    var arbiters: ArbiterWorld?
    /// What workers told their supervisors to guard.
    var guards: [(life: UInt64, guards: [GuardedAddress])] = []
    /// How often a machine that had stood still served beside another, within the rest of its lease.
    public internal(set) var excusedOverlaps = 0

    /// - Parameter tellsStory: keeps one line for each event of the last seconds (slow).
    public init(_ scenario: Scenario, bug: PlantedBug = PlantedBug(), tellsStory: Bool = false) {
        self.scenario = scenario
        self.bug = bug
        var root = SplitMix64(seed: scenario.seed ^ 0xA10F_7000_0000_0000)
        networkDraw = root.fork()
        let count = scenario.hosts.count
        for _ in 0..<scenario.linkCount {
            segments.append(
                Segment(
                    delay: scenario.delay, blocked: Array(repeating: 0, count: count),
                    clients: [Segment.Client(), Segment.Client()]))
        }
        if tellsStory { story = Story() }
        for (index, plan) in scenario.hosts.enumerated() {
            var interfaces: [Kernel.Interface] = []
            for link in 0..<scenario.linkCount {
                interfaces.append(
                    .init(
                        index: UInt32(2 + link), name: "eth\(link)", link: link, mac: Self.mac(link: link, host: index))
                )
            }
            let host = Host(
                index, model: plan.model,
                clock: HostClock(bootedAt: 0, reading: plan.clockStart, driftPPM: plan.driftPPM),
                kernel: Kernel(interfaces), draw: root.fork(), routers: scenario.routers.count)
            hosts.append(host)
            addOwnAddresses(host)
            learnDefinitions(of: host)
        }
        lastArrivals = Array(repeating: 0, count: scenario.linkCount * count * count)
        judge = Judge(self)
        director = Director(self, root.fork())
        if let plan = scenario.arbiter { arbiters = ArbiterWorld(self, plan, root.fork()) }
    }

    static func mac(link: Int, host: Int) -> MACAddress {
        MACAddress(bits: 0x0200_0000_0000 | UInt64(link) << 8 | UInt64(host + 1))
    }

    // MARK: - Running

    /// Runs to the end, or to the first failure.
    @discardableResult public func run() -> Failure? {
        for (index, plan) in scenario.hosts.enumerated() {
            queue.push(.start, at: plan.startsAt, host: index, token: 0)
        }
        director.begin()
        queue.push(.tick, at: second)
        while failure == nil, let event = queue.pop() {
            now = event.time
            eventCount += 1
            mix(UInt64(bitPattern: event.time) &+ UInt64(event.kind.rawValue) << 56 &+ UInt64(event.host))
            if event.kind == .step, director.isOver { break }
            handle(event)
        }
        return failure
    }

    func mix(_ value: UInt64) { traceHash = (traceHash ^ value) &* 0x0000_0100_0000_01B3 &+ (traceHash >> 29) }

    func handle(_ event: Event) {
        let host = hosts[Int(event.host)]
        let argument = Int(event.argument)
        switch event.kind {
        case .timer: timer(host, event)
        case .delivery: arrive(argument, at: host)
        case .netlink: deliverNotifications(to: host)
        case .expiry: expireAddresses(of: host, event)
        case .scriptDone: finishScript(host, token: event.token, number: argument)
        case .start: if event.token == host.incarnation { startWorker(host) }
        case .resume: resume(host)
        case .announcement: deliverAnnouncement(argument, client: Int(event.token))
        case .step: director.step()
        case .action: director.perform(argument)
        case .tick:
            judge.tick()
            queue.push(.tick, at: now + second)
        case .settled: judge.settled(event.token)
        case .takeover: judge.checkTakeover(argument, event.token)
        case .repaired: judge.checkRepair(host, argument)
        case .sides: judge.checkSides(event.token)
        case .arbiterMessage: arbiters?.arrive(argument, at: host, life: event.token)
        case .session: arbiters?.sessionIsDue(host)
        case .guards: applyGuards(argument, event.token, on: host)
        case .excuse: judge.checkServing(host)
        }
    }

    func fail(_ invariant: String, expected: String, seen: String) {
        guard failure == nil else { return }
        failure = Failure(
            seed: scenario.seed, time: now, invariant: invariant, expected: expected, seen: seen,
            story: story?.lines ?? [])
    }

    func tell(_ host: Int?, _ line: @autoclosure () -> String) {
        guard story != nil else { return }
        story?.add(now, host, line())
    }

    // MARK: - Processes

    func startWorker(_ host: Host) {
        guard host.process != .running else { return }
        guard !host.isPaused else {
            host.startsOnResume = true
            return
        }
        host.incarnation += 1
        host.process = .running
        host.isStalled = false
        (host.isDying, host.isStopping, host.diesAfterEffects) = (false, false, -1)
        host.recordSlots = []
        host.leases.workerEnded()
        (host.leases.written, host.leases.isPublished) = ([:], false)
        host.startedAt = now
        host.scheduledTimer = .max
        let adopted = host.adoptable
        host.node = Node(
            Engine(host.snapshot, as: identity(of: host), bug: bug), in: Seam(simulation: self, host: host), logging: 8)
        tell(host.index, "worker \(host.incarnation) starts, adopting \(adopted.map { "\($0.role)" })")
        judge.started(host, adopted)
        handle(.kernelDump(host.kernel.links, host.kernel.reported), on: host)
        guard host.process == .running else { return }
        if host.leases.releasesOnly {
            host.leases.releasesOnly = false
            return handle(.release(adopted), on: host)
        }
        let incarnation = host.incarnation
        (host.diesAfterEffects, host.leases.diesInStart) = (host.leases.diesInStart, -1)
        handle(.start(adopting: adopted, scripts: host.scriptRecords, leases: host.leases.adoptable), on: host)
        guard host.incarnation == incarnation else { return }
        host.leases.publish()
        host.diesAfterEffects = -1
        // It died before the reload was in force: its supervisor sends it again.
        if host.process == .running, host.snapshot != host.model { handle(.reload(host.model), on: host) }
    }

    /// The worker is gone. With a supervisor a successor follows; without, its memory is gone as well.
    func endWorker(_ host: Host, successorAfter delay: Int64?) {
        guard host.process != .absent else { return }
        host.node = nil
        host.incarnation += 1
        for delivery in host.inbox { release(delivery) }
        (host.inbox, host.waiting, host.notifications, host.sockets, host.scriptRuns) = ([], [], [], [], [])
        (host.isDying, host.isStopping, host.isStalled, host.hasOverrun) = (false, false, false, false)
        host.isDraining = false
        host.diesAfterEffects = -1
        host.leases.workerEnded()
        if let delay {
            host.process = .restarting
            queue.push(.start, at: now + delay, host: host.index, token: host.incarnation)
        } else {
            host.process = .absent
            host.forgetSharedMemory()
            host.leases.daemonEnded()
            host.leases.releasesOnly = false
            arbiters?.forgetSession(host)
            host.snapshot = host.model
            for router in host.lastHook.indices { host.lastHook[router] = nil }
        }
        tell(host.index, delay.map { "worker gone, successor in \(seconds($0)) s" } ?? "daemon gone")
        judge.ended(host, isRestarting: delay != nil)
    }

    func handle(_ input: Input, on host: Host) {
        guard host.node != nil else { return }
        guard host.isRunning else {
            if host.waiting.count < 500 { host.waiting.append(input) }
            return
        }
        tell(host.index, Story.describe(input))
        host.node?.handle(input, at: host.clock.reading(at: now))
        finish(host)
    }

    /// After every input: what the seam left to do, and the next timer.
    func finish(_ host: Host) {
        if host.isDying {
            endWorker(host, successorAfter: host.restartDelay)
            return
        }
        if host.isStopping {
            judge.stopped(host)
            endWorker(host, successorAfter: nil)
            // An orderly end takes the fence off, but for what could not be taken off before.
            host.leases.fence.daemonStopped { guarded in
                host.kernel.addresses.contains {
                    $0.interface == guarded.interface.rawValue && $0.prefix.address == guarded.address
                }
            }
            judge.checkServing(host)
            return
        }
        while !host.waiting.isEmpty, host.isRunning, !host.isDraining {
            let input = host.waiting.removeFirst()
            tell(host.index, Story.describe(input))
            host.node?.handle(input, at: host.clock.reading(at: now))
            if host.isDying || host.isStopping { return finish(host) }
        }
        scheduleTimer(host)
    }

    func scheduleTimer(_ host: Host) {
        guard let deadline = host.node?.nextDeadline else { return }
        let due = host.clock.time(of: deadline)
        guard due < .max else { return }
        // A worker wakes up to a millisecond late, never early.
        let time = max(due, now) + Int64(host.draw.next() % UInt64(millisecond))
        guard host.scheduledTimer == .max || time < host.scheduledTimer else { return }
        host.scheduledTimer = time
        queue.push(.timer, at: time, host: host.index, token: host.incarnation)
    }

    func timer(_ host: Host, _ event: Event) {
        guard event.token == host.incarnation, event.time == host.scheduledTimer else { return }
        host.scheduledTimer = .max
        guard host.isRunning, let deadline = host.node?.nextDeadline else { return }
        let reading = host.clock.reading(at: now)
        if deadline <= reading {
            host.node?.handle(.timer, at: reading)
            finish(host)
        } else {
            scheduleTimer(host)
        }
    }

    // MARK: - Stalls and pauses

    func stall(_ host: Host, for duration: Int64) {
        guard host.isRunning else { return }
        (host.isStalled, hasStalled) = (true, true)
        host.stalledUntil = now + duration
        tell(host.index, "process stalls for \(seconds(duration)) s")
        queue.push(.resume, at: host.stalledUntil, host: host.index)
    }

    func pause(_ host: Host, for duration: Int64) {
        guard !host.isPaused, !host.isStalled else { return }
        (host.isPaused, hasStalled) = (true, true)
        host.pausedAt = now
        host.stalledUntil = now + duration
        tell(host.index, "machine is paused for \(seconds(duration)) s")
        queue.push(.resume, at: host.stalledUntil, host: host.index)
    }

    func resume(_ host: Host) {
        guard now >= host.stalledUntil, host.isStalled || host.isPaused else { return }
        if host.isPaused {
            host.isPaused = false
            host.clock.pause(for: now - host.pausedAt)
            excuse(host)
            for index in host.kernel.addresses.indices where host.kernel.addresses[index].expires < .max {
                host.kernel.addresses[index].expires += now - host.pausedAt
            }
        }
        host.isStalled = false
        tell(host.index, "resumes")
        if host.startsOnResume {
            host.startsOnResume = false
            queue.push(.start, at: now, host: host.index, token: host.incarnation)
        }
        judge.resumed(host)
        host.scheduledExpiry = .max
        expireAddresses(of: host, nil)
        scheduleExpiry(host)
        host.scheduledTimer = .max
        carryOn(host)
        installWaiting(host)
        guard host.isRunning, !host.isDying, !host.isStopping else {
            if host.node != nil, host.isRunning { finish(host) }
            return
        }
        // The driver reads packets before it looks at the clock, or a backup that slept would not know who lives.
        let inbox = host.inbox
        host.inbox = []
        host.isDraining = true
        for delivery in inbox {
            if host.isRunning { receive(delivery, at: host) } else { release(delivery) }
        }
        host.isDraining = false
        deliverNotifications(to: host)
        if host.node != nil, host.isRunning { finish(host) }
    }

    // MARK: - Scripts

    func startScript(_ id: ScriptID, _ script: TrackScript, on host: Host) {
        host.scriptToken += 1
        host.scriptRuns.append((id, host.scriptToken))
        var delay = host.draw.within(3 * millisecond...150 * millisecond)
        switch host.scriptMode {
        case .hangs: delay = script.effectiveTimeout.nanoseconds
        case .vanished: delay = 0
        default: delay = min(delay, script.effectiveTimeout.nanoseconds)
        }
        queue.push(.scriptDone, at: now + delay, host: host.index, argument: Int(id.number), token: host.scriptToken)
    }

    func finishScript(_ host: Host, token: UInt32, number: Int) {
        guard let position = host.scriptRuns.firstIndex(where: { $0.token == token }) else { return }
        let id = host.scriptRuns.remove(at: position).id
        let outcome: ScriptOutcome =
            switch host.scriptMode {
            case .good: .exited(0)
            case .fails: .exited(1)
            case .hangs: .timedOut
            case .vanished: .failedToStart(2)
            case .flaps: host.draw.flip() ? .exited(0) : .signalled(9)
            }
        handle(.scriptFinished(id, outcome), on: host)
    }

    // MARK: - Reloads, seen from outside

    /// The file was edited; what the node should do follows it from now on.
    func learn(_ model: Model, of host: Host) {
        host.model = model
        if host.process == .absent { host.snapshot = model }
        learnDefinitions(of: host)
    }

    func reload(_ host: Host, touching allowed: [Int]) {
        let model = host.model
        host.recordSlots = []
        judge.reloaded(host)
        guard host.isRunning else {
            // A stalled worker reads it later; who may be touched is judged only where it is seen at once.
            handle(.reload(model), on: host)
            return
        }
        handle(.timer, on: host)  // what is due anyway is not the reload's doing
        touched = []
        handle(.reload(model), on: host)
        host.recordSlots = []
        for router in touched ?? [] where !allowed.contains(router) {
            fail(
                "RELOAD-1",
                expected: "a reload that changes routers \(allowed) leaves \(scenario.routers[router].name) alone",
                seen: "node \(host.index) acted on it")
        }
        touched = nil
    }

    func learnDefinitions(of host: Host) {
        host.definitions = scenario.routers.map { plan in
            host.model.instances.first { $0.virtualRouterID == plan.id && $0.interface == "eth\(plan.link)" }
        }
    }

    /// Which router of the scenario an engine's handle stands for.
    func router(_ id: RouterID, _ engine: Engine) -> Int? {
        guard let definition = engine.status(of: id)?.definition else { return nil }
        return scenario.routers.firstIndex {
            $0.id == definition.virtualRouterID && "eth\($0.link)" == definition.interface
        }
    }

    func router(_ id: AddressID, _ engine: Engine) -> Int? {
        guard let prefix = engine.address(id)?.key.prefix else { return nil }
        return router(of: prefix)
    }

    func router(of prefix: IPPrefix) -> Int? {
        for index in scenario.routers.indices
        where scenario.routers[index].addresses.contains(prefix) || scenario.routers[index].spare == prefix {
            return index
        }
        return nil
    }

    /// Everything a node asks for passes here.
    func note(_ effect: Effect, of host: Host) {
        if case .note(.split) = effect { splitsTold += 1 }
        let code: UInt64 =
            switch effect {
            case .advertise(let id, let priority): 1 << 32 | UInt64(id.index) << 8 | UInt64(priority.rawValue)
            case .announce(let id, let count): 2 << 32 | UInt64(id.index) << 8 | UInt64(count)
            case .install(let id): 3 << 32 | UInt64(id.index)
            case .withdraw(let id): 4 << 32 | UInt64(id.index)
            case .refresh(let id): 5 << 32 | UInt64(id.index)
            case .socketsChanged: 6 << 32
            case .record(let id): 7 << 32 | UInt64(id.index)
            case .recordScript: 8 << 32
            case .startScript: 9 << 32
            case .cancelScript: 10 << 32
            case .transition(let id, let transition):
                11 << 32 | UInt64(id.index) << 8 | UInt64(transition.to.rawValue)
            case .groupTransition: 12 << 32
            case .hook(_, let kind): 13 << 32 | UInt64(kind.rawValue)
            case .ensureHook(_, let kind): 17 << 32 | UInt64(kind.rawValue)
            case .note: 14 << 32
            case .reloaded: 15 << 32
            case .stopped: 16 << 32
            case .fence(let id, _): 18 << 32 | UInt64(id.index)
            case .guardsChanged: 19 << 32
            case .ask: 20 << 32
            case .greet: 21 << 32
            }
        mix(code &+ UInt64(host.index) << 40)
    }

    /// Whether anybody wants to know more of an effect than its hash.
    var isWatched: Bool { story != nil || touched != nil }

    func watch(_ effect: Effect, of host: Host, _ engine: Engine) {
        tell(host.index, "  → \(Story.describe(effect, engine))")
        guard touched != nil else { return }
        switch effect {
        case .advertise(let id, _), .record(let id), .transition(let id, _), .hook(.router(let id), _):
            if let router = router(id, engine) { touched?.append(router) }
        case .announce(let id, _), .install(let id), .withdraw(let id), .refresh(let id):
            if let router = router(id, engine) { touched?.append(router) }
        default: break
        }
    }
}
