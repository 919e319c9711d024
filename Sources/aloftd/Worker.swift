import Arbitration
import ConfigLanguage
import Configuration
import LinuxWorld
import Netlink
import Primitives
import RouterEngine
import Supervision
import VRRP
import Workers

/// The VRRP worker: one thread, one loop, one node. Adverts are read before timers are looked at, so that a
/// worker that slept too long hears who took over before it claims anything.
///
/// The order of a round: packets, greetings, foreign claims, links and addresses, the kernel's answers, the supervisor, what is due.
struct Worker: ~Copyable {
    let options: WorkerOptions
    var node: Node<KernelWorld>
    var poller: Poller
    var monitor: RouteSocket
    var channel: SupervisorChannel
    var dump = KernelDump()
    /// When sockets that could not be opened are tried again.
    var nextSocketAttempt = Instant.zero
    /// What of them the engine knows.
    var reportedMissing: [Engine.SocketKey] = []
    /// How punctual this loop is.
    var punctuality = Punctuality()
    /// What is longer than that is a stall: others count on a quarter of the shortest of their waits.
    var patience = Duration.seconds(1)
    /// How late something was done in this turn.
    var late: Duration?
    /// How `startup_script` ended.
    var startupOutcome: CheckOutcome?
    /// The number under which it runs; scripts that are tracked count from zero.
    static let startupScript = UInt32.max

    enum Token {
        static let monitor: UInt64 = 1
        static let commands: UInt64 = 2
        static let channel: UInt64 = 3
        static let signals: UInt64 = 4
        static let arbiters: UInt64 = 5
        static let fence: UInt64 = 6
        static let hellos: UInt64 = 8
        static let receivers: UInt64 = 16
        static let claims: UInt64 = 1 << 32
    }

    /// The longest sleep: the promise to the watchdog is renewed at least this often.
    static let longestSleep = Duration.seconds(5)
    /// Many routers share wake-ups on a grid of a millisecond: ten thousand adverts a second cost five times
    /// less than at their exact instants.
    static let grid: Int64 = 1_000_000
    static let gridFrom = 24

    /// Runs until the supervisor says stop, or is gone. Returns the exit code.
    mutating func run(signals: consuming SignalSource) -> Int32 {
        do {
            try poller.add(signals.descriptor, token: Token.signals)
            watchReceivers()
            watchHelloPorts()
            measurePatience()
            var woke = BootClock.now()
            while !node.world.hasStopped {
                let wake = wakeTime()
                node.world.state.promise(wake)
                flushChannel()
                noteTurn(since: woke)
                let found = try poller.wait(until: wake)
                woke = BootClock.now()
                try round(signals, dueAt: wake, ready(found))
            }
            node.world.send(.stopped)
            flushChannel()
            return 0
        } catch {
            node.world.log(.error, "the worker cannot go on: \(error)")
            flushChannel()
            return 1
        }
    }

    /// From a turn's events to the next wait. The clock is read in user space.
    private mutating func noteTurn(since woke: Instant) {
        let now = BootClock.now()
        let stall = punctuality.note(late: late, turn: now - woke, patience: patience, at: now)
        late = nil
        guard let stall else { return }
        node.world.log(.warning, stall.text(patience: patience))
        flushChannel()
    }

    mutating func measurePatience() { patience = (node.engine.shortestWait ?? .seconds(4)) / 4 }

    /// What of the events of the last wait is rarely among them, and costs something to look for. What did not fit into them comes with the next.
    private struct Ready {
        var claims: [UInt64] = []
        var arbiters = false
        var fence = false
    }

    private func ready(_ found: Int) -> Ready {
        var ready = Ready()
        for index in 0..<found {
            switch poller.event(index).token {
            case Token.arbiters: ready.arbiters = true
            case Token.fence: ready.fence = true
            case let token where token >= Token.claims: ready.claims.append(token)
            default: break
            }
        }
        return ready
    }

    mutating func watch() throws(SystemError) {
        try poller.add(monitor.descriptor, token: Token.monitor)
        try channel.watch(&poller, token: Token.channel)
        try node.world.watchCommands(&poller, token: Token.commands)
        try node.world.arbiterLine?.watch(poller, token: Token.arbiters)
        try node.world.fenceWaits.line?.watch(poller, token: Token.fence)
    }

    private func wakeTime() -> Instant {
        let now = BootClock.now()
        var longest =
            node.world.missingReceivers.isEmpty
            ? now + Self.longestSleep : min(now + Self.longestSleep, nextSocketAttempt)
        if let resume = claimsResumeAt { longest = min(longest, resume) }
        let due = min(node.nextDeadline ?? .distantFuture, node.world.fenceWaits.nextDeadline)
        guard due < longest else { return longest }
        guard node.engine.routerCount >= Self.gridFrom else { return due }
        return Instant(nanoseconds: (due.nanoseconds / Self.grid + 1) * Self.grid)
    }

    private mutating func round(
        _ signals: borrowing SignalSource, dueAt wake: Instant, _ ready: Ready
    ) throws(SystemError) {
        // After a stall everything that was heard meanwhile counts before any timer does.
        let hasStalled = BootClock.now() - wake > .milliseconds(20)
        readPackets(batches: hasStalled ? 4096 : 8)
        readGreetings()
        if !ready.claims.isEmpty { readClaims(ready.claims) }
        try readMonitor()
        try node.world.readAnswers()
        if node.world.answersLost {
            node.world.answersLost = false
            node.world.log(.warning, "answers of the kernel were lost (netlink overrun); everything is read again")
            try readEverything()
        }
        deliverFailures()
        if ready.arbiters { readArbiters() }
        readChannel()
        if ready.fence { node.world.readFenceLine() }
        node.world.performWaiting(node.engine, at: BootClock.now())
        while let received = try signals.receive() {
            // TERM: the supervisor is gone (PR_SET_PDEATHSIG), or somebody wants this worker to release.
            let isStop = received.signal == Signal.terminate || received.signal == Signal.interrupt
            if isStop { node.handle(.stop, at: BootClock.now()) }
        }
        let now = BootClock.now()
        if let due = node.nextDeadline, due <= now {
            late = now - due
            node.handle(.timer, at: now)
        }
        resumeClaims(at: now)
        openMissingSockets(at: now)
        reportMissingSockets()
        if node.world.receiversChanged { watchReceivers() }
        if node.world.helloPortsChanged { watchHelloPorts() }
        settleClaims()
    }

    /// Once a second as long as one is missing: an interface or a limit may have been in the way.
    private mutating func openMissingSockets(at now: Instant) {
        guard !node.world.missingReceivers.isEmpty, now >= nextSocketAttempt else { return }
        if nextSocketAttempt != .zero { node.world.openSockets(node.engine) }
        nextSocketAttempt = node.world.missingReceivers.isEmpty ? .zero : now + .seconds(1)
    }

    /// A router that nobody can be heard through is in fault, until they can.
    private mutating func reportMissingSockets() {
        guard node.world.missingReceivers != reportedMissing else { return }
        reportedMissing = node.world.missingReceivers
        node.handle(.socketsMissing(reportedMissing), at: BootClock.now())
    }

    // MARK: - Packets

    private mutating func watchReceivers() {
        node.world.receiversChanged = false
        for (index, receiver) in node.world.receivers.enumerated() {
            let token = Token.receivers + UInt64(index)
            // Those that were watched already say so, and go on.
            try? poller.add(receiver.socket.descriptor, token: token)
        }
    }

    /// - Parameter batches: a flood may hold the loop for as many, then everything else has its turn.
    private mutating func readPackets(batches: Int) {
        for receiver in node.world.receivers {
            for _ in 0..<batches {
                let count =
                    (try? receiver.socket.receive { bytes, origin in
                        node.receive(bytes, from: origin, at: BootClock.now())
                    }) ?? 0
                if count < VRRPReceiver.batch { break }
            }
        }
    }

    private mutating func watchHelloPorts() {
        node.world.helloPortsChanged = false
        for (index, port) in node.world.helloPorts.enumerated() {
            try? poller.add(port.socket.descriptor, token: Token.hellos + UInt64(index))
        }
    }

    /// A flood of them holds nobody up: the rest has its turn in the next round.
    private mutating func readGreetings() {
        for port in node.world.helloPorts {
            // Read first: an answer leaves by the same socket.
            var heard: [HelloDatagram] = []
            _ = try? port.socket.receive { bytes, source, interface, hopLimit in
                heard.append(
                    HelloDatagram(bytes: bytes, source: source, interface: interface, hopLimit: hopLimit))
            }
            for hello in heard { node.handle(.hello(hello), at: BootClock.now()) }
        }
    }

    // MARK: - The kernel

    private mutating func readMonitor() throws(SystemError) {
        var inputs: [Input] = []
        var overrun = false
        try monitor.drain { message in
            switch message {
            case .overrun: overrun = true
            default: if let input = Input(message) { inputs.append(input) }
            }
        }
        for input in inputs { node.handle(input, at: BootClock.now()) }
        if overrun {
            node.world.log(.warning, "events of the kernel were lost (netlink overrun); everything is read again")
            try readEverything()
        }
    }

    private mutating func readEverything() throws(SystemError) {
        // What still waits is older than the dump will be: it must not be applied over it.
        var left = 1 << 20
        while left > 0, try monitor.receive({ _ in }) { left -= 1 }
        let (links, addresses) = try dump.read()
        node.handle(.kernelDump(links, addresses), at: BootClock.now())
    }

    private mutating func deliverFailures() {
        guard !node.world.failures.isEmpty else { return }
        let failures = node.world.failures
        node.world.failures.removeAll(keepingCapacity: true)
        for failure in failures {
            node.handle(
                .operationFailed(failure.address, failure.operation, errno: failure.errno), at: BootClock.now())
        }
    }

    // MARK: - The supervisor

    mutating func flushChannel() { channel.write(&node.world.outgoing, &poller, token: Token.channel) }

    mutating func readChannel() {
        for message in channel.read() {
            let now = BootClock.now()
            switch message {
            case .checkFinished(Self.startupScript, let outcome):
                startupOutcome = outcome
            case .checkFinished(let id, let outcome):
                if let outcome = ScriptOutcome(outcome) { node.handle(.scriptFinished(ScriptID(id), outcome), at: now) }
            case .reload: reload()
            case .stop: node.handle(.stop, at: now)
            case .query(let request, let payload):
                node.world.send(parts: WorkerMessage.answers(request: request, answer(payload, at: now)))
            case .dumpRequested(let kind):
                node.world.send(parts: WorkerMessage.dumps(kind, dumpText(kind, at: now)))
                if kind == .statisticsClear { node.engine.clearCounters() }
            // What it must not forget lies in the shared memory.
            case .recall, .mail, .role, .guards: break
            case .guarded(let number): node.world.fenceWaits.learn(number: number)
            case .fence(let report, let text): node.handle(.fence(FenceStanding(report, text)), at: now)
            }
        }
        // A supervisor that is gone can start no successor either: release, as PDEATHSIG would have us.
        if channel.isClosed, !node.world.hasStopped {
            channel.unwatch(poller)
            node.handle(.stop, at: BootClock.now())
        }
    }

    /// What arbiters say. What is no report is dropped: the questions are asked again.
    private mutating func readArbiters() {
        for bytes in node.world.arbiterLine?.receive() ?? [] {
            guard let said = LeaseExchange.Reports(decoding: bytes) else { continue }
            let now = BootClock.now()
            node.handle(.arbiter(said.arbiter, said.standing), at: now)
            if !said.reports.isEmpty { node.handle(.leases(arbiter: said.arbiter, said.reports), at: now) }
        }
        // Supervisor and arbiter worker are both gone: nobody answers any more.
        if node.world.arbiterLine?.isClosed == true {
            node.world.arbiterLine?.unwatch(poller)
            node.world.arbiterLine = nil
        }
    }

    /// Plan, check, apply: a file with a fault changes nothing.
    private mutating func reload() {
        let loader = ConfigurationLoader(options)
        // Reading and checking may take longer than the watchdog's patience for a promise.
        node.world.state.promise(BootClock.now() + .seconds(30))
        let loaded = loader.fromDisk()
        guard let loadedModel = loaded.model else {
            node.world.send(.reloadFinished(accepted: false, loaded.report))
            return
        }
        if !node.world.state.writeSnapshot(loaded.snapshot) {
            node.world.log(
                .warning, "the configuration is too large to be kept for a successor; one would read the files")
        }
        let later = node.engine.model.global.changesForNextStart(to: loadedModel.global)
        if !later.isEmpty {
            node.world.log(.notice, "changed, and applied by the next start only: \(later.joined(separator: ", "))")
        }
        if let name = loadedModel.global.workerName { try? ThisProcess.setName(name) }
        for line in SharedState.shortcomings(of: loadedModel) { node.world.log(.warning, line) }
        node.world.scripts = ScriptIdentities(loadedModel.global)
        let (model, refused) = ScriptSecurity.secured(loadedModel, node.world.scripts)
        for line in refused { node.world.log(.error, line) }
        node.handle(.reload(model), at: BootClock.now())
        measurePatience()
        node.world.send(.configure(node.world.scripts.settings(of: model, shortest: node.engine.shortestInterval)))
        let text = loaded.report.isEmpty ? node.world.reloadSummary : node.world.reloadSummary + "\n" + loaded.report
        node.world.send(.reloadFinished(accepted: true, text))
    }
}

extension FenceStanding {
    init(_ report: FenceReport, _ text: String) {
        switch report {
        case .kernel: self = .kernel
        case .timeouts: self = .timeouts(text)
        case .lifetimes: self = .lifetimes(text)
        case .lost: self = .lost(text)
        }
    }
}

extension ScriptOutcome {
    /// Nil for what is no result.
    init?(_ outcome: CheckOutcome) {
        switch outcome {
        case .exited(let code): self = .exited(code)
        case .signalled(let signal): self = .signalled(signal)
        case .timedOut: self = .timedOut
        case .failedToStart(let errno, _): self = .failedToStart(errno)
        case .stillRunning: return nil
        }
    }
}

extension Input {
    /// What a netlink message tells the engine; nil for what it need not know.
    init?(_ message: RouteMessage) {
        switch message {
        case .link(let record): self = .link(Link(record))
        case .linkGone(let index): self = .linkGone(index)
        case .address(let record): self = .address(KernelAddress(record))
        case .addressGone(let record): self = .addressGone(KernelAddress(record))
        default: return nil
        }
    }
}

extension Link {
    init(_ record: LinkRecord) {
        self.init(
            index: record.index, name: record.name, isUp: record.isUp, mac: record.mac ?? .zero, mtu: record.mtu,
            isWithoutARP: record.flags.contains(.noARP) || record.mac == nil)
    }
}

extension KernelAddress {
    init(_ record: AddressRecord) {
        self.init(
            interface: record.interface, prefix: record.prefix, isMarked: record.proto == AddressRecord.alofts,
            isTentative: record.flags.contains(.tentative) || record.flags.contains(.dadFailed),
            isPermanent: record.validLifetime == AddressRecord.forever)
    }
}
