import Alerts
import LinuxWorld
import Primitives
import Supervision
import Workers

/// The mail process: takes orders from the supervisor and sees them delivered. It knows no configuration, and nothing waits for it, so it may
/// wait for name servers and mail servers.
final class MailWorker {
    private var poller: Poller
    private var channel: SupervisorChannel
    private var outgoing = OutgoingFrames()
    private var carrier: MailCarrier?
    private let hostName: String
    private var hasStopped = false
    /// As the supervisor was told last.
    private var counters = AlertQueue.Counters()
    private var nextBeat = Instant.zero

    private enum Token {
        static let channel: UInt64 = 1
        static let signals: UInt64 = 2
    }

    private static let beatInterval: Duration = .seconds(10)

    init(_ channel: consuming SupervisorChannel, hostName: String) throws(SystemError) {
        self.channel = channel
        self.hostName = hostName
        poller = try Poller()
    }

    /// Runs until the supervisor says stop, or is gone.
    func run(_ signals: borrowing SignalSource) throws(SystemError) {
        try poller.add(signals.descriptor, token: Token.signals)
        try channel.watch(&poller, token: Token.channel)
        while !hasStopped {
            channel.write(&outgoing, &poller, token: Token.channel)
            let count = try poller.wait(until: min(nextBeat, carrier?.nextDeadline ?? .distantFuture))
            for index in 0..<count { carrier?.handle(poller.event(index), by: poller) }
            readChannel()
            carrier?.advance(by: poller)
            report()
            while let received = try? signals.receive() {
                if received.signal == Signal.terminate || received.signal == Signal.interrupt { hasStopped = true }
            }
        }
    }

    private func readChannel() {
        for message in channel.read() {
            switch message {
            case .mail(let order): carry(order)
            case .stop: hasStopped = true
            default: break
            }
        }
        if channel.isClosed { hasStopped = true }
    }

    private func carry(_ order: MailOrder) {
        let route = MailRoute(
            host: order.host, port: UInt16(clamping: order.port),
            heloName: order.heloName.isEmpty ? hostName : order.heloName, timeout: order.timeout)
        let router = order.routerID.isEmpty ? hostName : order.routerID
        let mail = MailMessage(
            sender: order.sender.isEmpty ? "root@" + hostName : order.sender, recipients: order.recipients,
            subject: "[\(router)] \(order.title)", text: order.text, date: order.date)
        let carrier = self.carrier ?? MailCarrier(route)
        self.carrier = carrier
        carrier.carry(mail, route, by: poller)
    }

    /// What became of the mails, and that this process still turns.
    private func report() {
        if BootClock.now() >= nextBeat {
            nextBeat = BootClock.now() + Self.beatInterval
            send(.beat)
        }
        guard let carrier else { return }
        for line in carrier.said { send(.log(.warning, "\(line.text) [\(line.rule)]")) }
        carrier.said = []
        let now = carrier.queue.counters
        let delivered = now.delivered &- counters.delivered
        let lost = (now.dropped &+ now.failed) &- (counters.dropped &+ counters.failed)
        counters = now
        guard delivered > 0 || lost > 0 else { return }
        send(.mailsSettled(delivered: UInt32(clamping: delivered), lost: UInt32(clamping: lost)))
    }

    private func send(_ message: WorkerMessage) { outgoing.append(message.frame, isEssential: message.isEssential) }
}
