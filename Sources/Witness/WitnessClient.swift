import Arbitration
import LinuxWorld
import Primitives

/// A node's connection to a witness: a socket around a `WitnessSession`. One thread, never blocks.
///
///     let client = try WitnessClient(settings)
///     try client.watch(by: poller, token: 7)
///     client.ask(questions, at: now)           // what the lease machines ask
///     client.turn(at: now)                     // when it is readable, and at `nextDeadline`
///     for report in client.takeReports() { … } // for the lease machines
public final class WitnessClient {
    public struct Settings: Sendable {
        public var address: IPAddress
        public var port: UInt16
        /// Where from; of the family of `address`.
        public var source: IPAddress?
        /// SO_BINDTODEVICE; a link-local address needs one.
        public var interface: String?
        public var cluster: ClusterName
        public var key: Secret
        /// How long the lease machines wait for an answer: a sixth of the shortest lease.
        public var patience: Duration

        public init(
            address: IPAddress, port: UInt16 = WitnessServer.Settings.defaultPort, cluster: ClusterName, key: Secret,
            patience: Duration
        ) {
            self.address = address
            self.port = port
            self.cluster = cluster
            self.key = key
            self.patience = patience
        }
    }

    public let settings: Settings
    private let key: HMAC
    private let socket: ClientSocket
    private var session: WitnessSession
    /// Datagrams of one turn; what comes faster than that waits in the kernel.
    private static let mostPerTurn = 256

    public init(_ settings: Settings) throws(SystemError) {
        self.settings = settings
        key = HMAC(key: settings.key.revealed)
        var destination = ClientSocket.Destination(settings.address, port: settings.port)
        destination.source = settings.source
        destination.interface = settings.interface
        socket = try ClientSocket(.datagram, to: destination)
        session = WitnessSession(
            WitnessSession.Settings(cluster: settings.cluster, patience: settings.patience),
            asker: try KernelRandom.uint64())
    }

    /// Lets `poller` wake when there is something for `turn`.
    public func watch(by poller: borrowing Poller, token: UInt64) throws(SystemError) {
        try poller.add(socket.descriptor, token: token)
    }

    /// Asks all of them in one datagram, or as many as they need. Each is answered by a report, or by none: whoever asks has its own patience.
    public func ask(_ questions: [LeaseQuestion], at now: Instant) {
        var datagrams: [WitnessDatagram] = []
        session.ask(questions, at: now, into: &datagrams)
        send(datagrams, at: now)
    }

    /// Reads what came, and does what is due.
    public func turn(at now: Instant) {
        var datagrams: [WitnessDatagram] = []
        if let error = socket.takeErrors() { fail(error, at: now) }
        for _ in 0..<Self.mostPerTurn {
            do throws(SystemError) {
                guard let bytes = try socket.receive(capacity: WitnessDatagram.largest + 1) else { break }
                guard let datagram = try? WitnessDatagram(decoding: bytes, key: key) else { continue }
                session.receive(datagram, at: now, into: &datagrams)
            } catch { fail(error.errno, at: now) }
        }
        session.advance(to: now, into: &datagrams)
        send(datagrams, at: now)
    }

    public var nextDeadline: Deadline? { session.nextDeadline }
    public func takeReports() -> [LeaseReport] { session.takeReports() }
    public var standing: ArbiterStanding { session.standing }

    private func send(_ datagrams: [WitnessDatagram], at now: Instant) {
        for datagram in datagrams {
            let bytes = datagram.encoded(with: key)
            do throws(SystemError) {
                // An error that ICMP left for the last datagram is not this one's: it goes once more.
                do throws(SystemError) { _ = try socket.send(bytes.span.bytes) } catch {
                    fail(error.errno, at: now)
                    _ = try socket.send(bytes.span.bytes)
                }
            } catch { fail(error.errno, at: now) }
        }
    }

    private func fail(_ errno: Errno, at now: Instant) {
        let place = settings.address.family == .ipv4 ? "\(settings.address)" : "[\(settings.address)]"
        let advice = errno == .connectionRefused ? ": no witness runs there" : ""
        session.fail("\(place):\(settings.port): \(errno)\(advice)", at: now)
    }
}
