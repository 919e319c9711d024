import Arbitration
import Configuration
import LinuxWorld
import Primitives
import Supervision
import Workers

/// The arbiter worker: questions of the VRRP worker go to arbiters, and what these say comes back. One thread, one loop.
///
/// It decides nothing and keeps nothing: a question that it loses is asked again, and what it does not hear runs out.
final class ArbiterWorker {
    private let loader: ConfigurationLoader
    private let stateDirectory: String
    private let memory: SharedMemory
    private var poller: Poller
    private var channel: SupervisorChannel
    /// To the VRRP worker.
    private let line: MessageLine
    private var outgoing = OutgoingFrames()
    private var arbiters: [Arbiter] = []
    private var nextBeat = Instant.zero
    /// After a stop: until when what was given back may still be on its way.
    private var stopsAt: Deadline?
    private var hasStopped = false
    /// Nobody told it to stop, but its supervisor is gone, or seems to be: the VRRP worker then releases, and what it gives back is to come yet.
    private var isAlone = false

    /// A configured arbiter; without a client where it could not be made.
    private struct Arbiter {
        var definition: ArbiterDefinition
        var client: (any ArbiterClient)?
        /// What was last said of it.
        var said: ArbiterStanding?
        var awaited = 0
    }

    private enum Token {
        static let channel: UInt64 = 1
        static let signals: UInt64 = 2
        static let line: UInt64 = 3
        static let clients: UInt64 = 16
    }

    static let beatInterval: Duration = .seconds(1)
    /// How long a stop waits for answers.
    static let farewell: Duration = .milliseconds(500)

    init(
        _ loader: ConfigurationLoader, stateDirectory: String, model: Model, channel: consuming SupervisorChannel,
        line: MessageLine, memory: consuming SharedMemory
    ) throws(SystemError) {
        self.loader = loader
        self.stateDirectory = stateDirectory
        self.channel = channel
        self.line = line
        self.memory = memory
        poller = try Poller()
        configure(model)
    }

    /// Runs until the supervisor says stop, or is gone. Returns the exit code.
    func run(signals: consuming SignalSource) throws(SystemError) -> Int32 {
        try poller.add(signals.descriptor, token: Token.signals)
        try channel.watch(&poller, token: Token.channel)
        try line.watch(poller, token: Token.line)
        let names = arbiters.map { "\($0.definition.name) (\($0.definition.kind.name))" }
        send(
            .ready(
                WorkerSummary(
                    instances: 0, groups: 0, adopted: false, text: "arbiters: \(names.joined(separator: ", "))")))
        while !hasStopped {
            channel.write(&outgoing, &poller, token: Token.channel)
            _ = try poller.wait(until: nextWake())
            round(signals)
        }
        channel.write(&outgoing)
        return 0
    }

    private func nextWake() -> Instant {
        let due = arbiters.compactMap { $0.client?.nextDeadline } + [stopsAt ?? .distantFuture]
        return min(nextBeat, due.min() ?? .distantFuture)
    }

    private func round(_ signals: borrowing SignalSource) {
        for message in channel.read() { receive(message, at: BootClock.now()) }
        while let received = (try? signals.receive()) ?? nil {
            if received.signal == Signal.terminate || received.signal == Signal.interrupt {
                beAlone(at: BootClock.now())
            }
        }
        if channel.isClosed { beAlone(at: BootClock.now()) }
        // After the channel: a stop is said when the VRRP worker has said its last, which lies here then.
        for question in line.receive() { receive(question, at: BootClock.now()) }
        if line.isClosed { line.unwatch(poller) }
        let now = BootClock.now()
        for index in arbiters.indices {
            arbiters[index].client?.turn(at: now)
            report(index)
        }
        if now >= nextBeat {
            send(.beat)
            nextBeat = now + Self.beatInterval
        }
        guard let stopsAt else { return }
        let isThrough = arbiters.allSatisfy { $0.awaited == 0 } && (line.isClosed || !isAlone)
        if now >= stopsAt || isThrough { hasStopped = true }
    }

    private func receive(_ question: [UInt8], at now: Instant) {
        guard let asked = LeaseExchange.Questions(decoding: question),
            let index = arbiters.firstIndex(where: { $0.definition.name == asked.arbiter })
        else { return }
        arbiters[index].awaited += asked.questions.count
        arbiters[index].client?.ask(asked.questions, at: now)
    }

    private func receive(_ message: SupervisorMessage, at now: Instant) {
        switch message {
        case .reload:
            guard let snapshot = ConfigurationSnapshot.read(in: memory),
                let model = loader.from(snapshot: snapshot)?.model
            else { return }
            configure(model)
        case .stop: stop(at: now)
        // What only the others hear.
        case .checkFinished, .query, .dumpRequested, .recall, .mail, .role, .fence, .guarded, .guards: break
        }
    }

    private func beAlone(at now: Instant) {
        if channel.isClosed { channel.unwatch(poller) }
        isAlone = isAlone || stopsAt == nil
        stop(at: now)
    }

    private func stop(at now: Instant) {
        guard stopsAt == nil else { return }
        stopsAt = now + Self.farewell
    }

    /// Passes on what an arbiter said, and how it is reached where that changed.
    private func report(_ index: Int) {
        guard let client = arbiters[index].client else { return }
        let reports = client.takeReports()
        let standing = client.standing
        for report in reports {
            if case .answer = report.kind { arbiters[index].awaited = max(0, arbiters[index].awaited - 1) }
        }
        guard !reports.isEmpty || !Self.isAlike(standing, arbiters[index].said) else { return }
        let name = arbiters[index].definition.name
        let isSent = line.send(LeaseExchange.Reports(arbiter: name, standing: standing, reports: reports))
        // What did not arrive is said again.
        arbiters[index].said = isSent ? standing : nil
    }

    /// Round trips differ each time.
    private static func isAlike(_ a: ArbiterStanding, _ b: ArbiterStanding?) -> Bool {
        if case .answering = a, case .answering? = b { return true }
        return a == b
    }

    /// Arbiters that did not change keep their connections.
    private func configure(_ model: Model) {
        let wanted = model.arbiters.filter { arbiter in model.leases.contains { $0.arbiter == arbiter.name } }
        arbiters = wanted.map { definition in
            if let same = arbiters.first(where: { $0.definition == definition && $0.client != nil }) { return same }
            return Arbiter(definition: definition, client: client(of: definition))
        }
        for index in arbiters.indices {
            // One that is watched already stays so under its old token, which only wakes the loop.
            try? arbiters[index].client?.watch(by: poller, token: Token.clients + UInt64(index))
        }
    }

    private func client(of definition: ArbiterDefinition) -> (any ArbiterClient)? {
        do throws(SystemError) { return try Self.makeClient(definition, stateDirectory: stateDirectory) } catch {
            log(.error, "arbiter \(definition.name) cannot be asked: \(error); no lease of it is granted here")
            line.send(
                LeaseExchange.Reports(
                    arbiter: definition.name, standing: .down("\(error)", since: BootClock.now()), reports: []))
            return nil
        }
    }

    func log(_ level: LogLevel, _ text: String) { send(.log(level, text)) }

    private func send(_ message: WorkerMessage) {
        outgoing.append(message.frame, isEssential: message.isEssential)
    }
}
