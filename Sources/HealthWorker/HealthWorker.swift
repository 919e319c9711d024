import Balancing
import Configuration
import DataPlanes
import Health
import LinuxWorld
import Netlink
import Primitives
import Probes
import Supervision
import Workers

/// The health worker: one balancer between servers that are asked and a kernel that forwards. One thread, one loop.
///
/// It holds no address and no connection: when it dies, what the kernel forwards goes on, and its successor reads it there.
///
/// The order of a round: what came from probes, the kernel and the supervisor; what is due; then the steps for the kernel, all at once.
final class HealthWorker {
    let options: WorkerOptions
    var balancer: Balancer
    var scripts: ScriptIdentities
    let plane: ActivePlane
    let prober: Prober
    /// Where the configuration lies that was accepted last.
    let memory: SharedMemory
    var poller: Poller
    var channel: SupervisorChannel
    /// With room for the status of very many services.
    var outgoing = OutgoingFrames(limit: ControlRequest.answerLimit / 2 + (4 << 20))
    var monitor: RouteSocket?
    var files: TrackedFiles
    /// What was asked last, by slot.
    var probes: [Prober.Handle?] = []
    var meter = RateMeter()
    /// `net.ipv4.ping_group_range` as it was, where it had to be changed.
    private var formerPingRange: String?
    /// Programs that run, by slot.
    var programs: [UInt32: (id: CheckID, probe: CommandProbe)] = [:]
    /// Steps for the kernel, until the end of the round.
    var pending: [TableChange] = []
    var hasStopped = false
    /// The plane could not be asked; said once.
    var planeFailure = ""
    /// The sync daemon could not be started or stopped; said once.
    var daemonFailure = ""
    /// The state of the instance that the sync daemon follows; empty before it is known.
    var followedState = ""
    /// So many checks are due that they are looked at every 5 ms, and not one by one.
    private var isBusy = false
    private var nextLook = Instant.zero
    private var nextBeat = Instant.zero

    enum Token {
        static let channel: UInt64 = 1
        static let signals: UInt64 = 2
        static let monitor: UInt64 = 3
        static let prober: UInt64 = 4
    }

    /// How often it is looked whether someone else changed the table.
    static let lookInterval: Duration = .milliseconds(100)
    static let grid: Int64 = 5_000_000
    static let busyRate = 500.0
    static let beatInterval: Duration = .seconds(1)

    init(
        _ options: WorkerOptions, model: Model, scripts: ScriptIdentities, plane: ActivePlane,
        channel: consuming SupervisorChannel, memory: consuming SharedMemory, seed: UInt64
    ) throws(SystemError) {
        self.options = options
        self.plane = plane
        self.scripts = scripts
        self.channel = channel
        self.memory = memory
        balancer = Balancer(model, seed: seed)
        poller = try Poller(capacity: 256)
        prober = try Prober()
        files = TrackedFiles(model)
    }

    /// Runs until the supervisor says stop, or is gone. Returns the exit code.
    func run(signals: consuming SignalSource, adopting: Bool) throws(SystemError) -> Int32 {
        try poller.add(signals.descriptor, token: Token.signals)
        try channel.watch(&poller, token: Token.channel)
        try prober.watch(by: poller, token: Token.prober)
        let drained = adopting ? awaitMemory() : []
        try begin(adopting: adopting, drained: drained)
        while !hasStopped {
            flush()
            _ = try poller.wait(until: nextWake())
            round(signals)
        }
        send(.stopped)
        channel.write(&outgoing)
        return 0
    }

    /// After each configuration: what servers are asked with, and how the loop is to turn.
    func prepareProbes() {
        prober.material = balancer.tls
        if balancer.pings {
            do throws(SystemError) {
                if let former = try PingPermission.allow() { formerPingRange = former }
            } catch {
                log(
                    .warning,
                    "PING_CHECK may find no socket: net.ipv4.ping_group_range cannot be widened (\(error)); set it to include this daemon's group"
                )
            }
        }
        let isBusy = balancer.checksPerSecond >= Self.busyRate
        guard isBusy != self.isBusy else { return }
        self.isBusy = isBusy
        try? prober.setWatched(!isBusy, by: poller, token: Token.prober)
    }

    /// What the configuration asks for and this version does not do, so that nobody relies on it.
    func warnOfGaps(in model: Model) {
        let checks = model.virtualServers.lazy.flatMap(\.realServers).flatMap(\.checks)
        if checks.contains(where: { if case .bfd = $0.probe { true } else { false } }) {
            log(
                .warning,
                "BFD_CHECK is not asked by this version: servers count as well as far as it goes; use another checker beside it"
            )
        }
        let turns = model.virtualServers.count { $0.takesTurnsOnNFTables }
        if turns > 0, plane.name == "nftables" {
            log(
                .info,
                "nftables counts no connections when it picks a server: by turns, whatever the scheduler, for \(turns) virtual servers"
            )
        }
        let hashed = model.virtualServers.count { $0.isHashedByNFTables }
        if hashed > 0, plane.name == "nftables" {
            log(
                .info, "DR picks servers by a hash of the client, whatever the scheduler, for \(hashed) virtual servers"
            )
        }
        if model.global.forwarding.syncDaemon != nil, !plane.hasDaemons {
            log(.warning, "lvs_sync_daemon is without effect: \(plane.name) has none")
        }
    }

    private func begin(adopting: Bool, drained: [DrainOrder]) throws(SystemError) {
        warnOfGaps(in: balancer.model)
        try watchAddresses()
        for (name, value) in files.readAll() { give(.trackedFile(name, value: value)) }
        prepareKernel(adopting: adopting)
        let kernel: ForwardingTable
        do { kernel = try plane.read() } catch {
            log(.error, "cannot read what the kernel forwards: \(error); starting as if it forwarded nothing")
            kernel = ForwardingTable()
        }
        give(.start(kernel: kernel, adopting: adopting, drained: drained))
        prepareProbes()
        applyPending()
        let count = balancer.desired.services.count
        let servers = balancer.desired.services.reduce(0) { $0 + $1.destinations.count }
        var text = "\(count) services with \(servers) servers in the table, forwarded by \(plane.name)"
        if !plane.reason.isEmpty { text += " (\(plane.reason))" }
        send(.ready(WorkerSummary(instances: UInt32(clamping: count), groups: 0, adopted: adopting, text: text)))
    }

    /// A successor gets what its predecessor wanted to be remembered as the first message.
    private func awaitMemory() -> [DrainOrder] {
        let limit = BootClock.now() + .seconds(1)
        while BootClock.now() < limit {
            var recalled: [DrainOrder]?
            for message in channel.read() {
                switch message {
                case .recall(let bytes): recalled = DrainMemory.decode(bytes)
                // It comes right behind.
                case .role(_, let state): followedState = state
                default: break
                }
            }
            if let recalled { return recalled }
            if channel.isClosed { break }
            _ = try? poller.wait(until: limit)
        }
        return []
    }

    /// Many checks share wake-ups: at 5,000 a second that is a third of the work.
    private func nextWake() -> Instant {
        if isBusy {
            let now = BootClock.now().nanoseconds
            return Instant(nanoseconds: (now / Self.grid + 1) * Self.grid)
        }
        var wake = min(nextLook, nextBeat)
        if let due = balancer.nextDeadline { wake = min(wake, due) }
        return min(wake, prober.nextDeadline)
    }

    private func round(_ signals: borrowing SignalSource) {
        _ = try? prober.run(at: BootClock.now())
        readMonitor()
        readChannel()
        while let received = try? signals.receive() {
            // TERM: the supervisor is gone (PR_SET_PDEATHSIG), or somebody wants this worker to stop.
            if received.signal == Signal.terminate || received.signal == Signal.interrupt { stop() }
        }
        let now = BootClock.now()
        if let due = balancer.nextDeadline, due <= now { give(.timer) }
        if now >= nextLook { look(at: now) }
        if now >= nextBeat {
            nextBeat = now + Self.beatInterval
            if !daemonFailure.isEmpty { updateDaemons() }
            send(.beat)
            sampleRates(at: now)
        }
        applyPending()
    }

    func stop() {
        guard !hasStopped else { return }
        give(.stop(keeping: options.keepsAddresses))
        if let range = formerPingRange { PingPermission.restore(range) }
        hasStopped = true
        if options.keepsAddresses { applyPending() } else { leaveKernel() }
        try? plane.settle(isLast: true)
    }

    // MARK: - The balancer

    func give(_ input: BalancerInput) {
        var effects: [BalancerEffect] = []
        balancer.handle(input, at: BootClock.now(), into: &effects)
        for effect in effects { perform(effect) }
    }

    func finished(_ id: CheckID, _ verdict: Verdict) { give(.checkFinished(id, verdict)) }

    // MARK: - The kernel

    /// Carries out what has gathered. What is refused comes back to the balancer.
    func applyPending() {
        guard !pending.isEmpty else { return }
        let changes = pending
        pending.removeAll(keepingCapacity: changes.count < 1024)
        do {
            let refused = try plane.apply(changes)
            planeFailure = ""
            guard !refused.isEmpty else { return }
            give(.refused(refused.map(\.change), reasons: refused.map(\.reason)))
        } catch {
            notePlane(error)
        }
    }

    /// The difference is found again at the next look.
    private func notePlane(_ error: SystemError) {
        let text = "\(error)"
        guard text != planeFailure else { return }
        planeFailure = text
        log(
            .error,
            "\(plane.name) cannot be changed or read: \(text); it is tried again every \(Self.lookInterval.formattedSeconds()) s"
        )
    }

    private func look(at now: Instant) {
        nextLook = now + Self.lookInterval
        for (name, value) in files.changes(at: now) { give(.trackedFile(name, value: value)) }
        defer { for notice in plane.takeNotices() { log(.warning, notice) } }
        do throws(SystemError) {
            try plane.settle(isLast: false)
            let mayHaveChanged = try plane.mayHaveChanged()
            guard mayHaveChanged || !planeFailure.isEmpty else { return }
            let table = try plane.read()
            planeFailure = ""
            give(.tableRead(table))
        } catch {
            notePlane(error)
        }
    }

    // MARK: - Addresses

    /// Only `ha_suspend` wants to know of them.
    func watchAddresses() throws(SystemError) {
        guard balancer.suspendsByAddress else {
            monitor = nil
            return
        }
        if monitor == nil {
            let socket = try RouteSocket.monitor()
            try poller.add(socket.descriptor, token: Token.monitor)
            monitor = consume socket
        }
        try readAddresses()
    }

    private func readAddresses() throws(SystemError) {
        var socket = try RouteSocket.command()
        for _ in 0..<8 {
            var found: Set<IPAddress> = []
            let answer = try socket.exchange(.dumpAddresses(nil)) { message in
                if case .address(let record) = message { found.insert(record.prefix.address) }
            }
            guard !answer.isInterrupted else { continue }
            give(.localAddresses(found))
            return
        }
    }

    private func readMonitor() {
        guard monitor != nil else { return }
        var changed = false
        try? monitor?.drain { message in
            switch message {
            case .address, .addressGone, .overrun: changed = true
            default: break
            }
        }
        if changed { try? readAddresses() }
    }

    // MARK: - The supervisor

    func send(_ message: WorkerMessage) { outgoing.append(message.frame, isEssential: message.isEssential) }
    func log(_ level: LogLevel, _ text: String) { send(.log(level, text)) }
    private func flush() { channel.write(&outgoing, &poller, token: Token.channel) }
}
