import Alerts
import LinuxWorld
import Primitives

/// Carries what an ``AlertQueue`` wants to a mail server: the connection, and the bytes in both directions. One thread, one poller; nothing waits
/// but the resolver.
public final class MailCarrier {
    public private(set) var queue: AlertQueue
    /// Lines for the log, since they were last taken.
    public var said: [(rule: RuleID, text: String)] = []

    private var connection: Connection?
    /// Of the attempt that runs: what else may be tried.
    private var addresses: [IPAddress] = []
    private var route: MailRoute
    /// It did not answer in time: the others first.
    private var slow: IPAddress?
    private var lastToken: UInt64 = 0

    private final class Connection {
        let socket: ClientSocket
        let attempt: UInt64
        let token: UInt64
        let address: IPAddress
        var isConnected = false
        var unsent: [UInt8] = []
        var waitsToWrite = false

        init(_ socket: consuming ClientSocket, attempt: UInt64, token: UInt64, address: IPAddress) {
            self.socket = socket
            self.attempt = attempt
            self.token = token
            self.address = address
        }
    }

    /// Tokens of the poller from here on are the carrier's.
    public static let firstToken: UInt64 = 1 << 32

    public init(_ route: MailRoute) {
        self.route = route
        queue = AlertQueue(route)
    }

    public var nextDeadline: Deadline? { queue.nextDeadline }

    /// A mail, and how it is to leave.
    public func carry(_ mail: MailMessage, _ route: MailRoute, by poller: borrowing Poller) {
        var effects: [AlertQueue.Effect] = []
        queue.use(route, at: BootClock.now(), into: &effects)
        queue.add(mail, at: BootClock.now(), into: &effects)
        follow(effects, poller)
    }

    /// Something happened to the connection, or time passed.
    public func advance(by poller: borrowing Poller) {
        var effects: [AlertQueue.Effect] = []
        queue.advance(to: BootClock.now(), into: &effects)
        follow(effects, poller)
    }

    public func handle(_ event: Poller.Event, by poller: borrowing Poller) {
        // An event may be older than the connection that it is about.
        guard let current = connection, event.token == current.token else { return }
        var effects: [AlertQueue.Effect] = []
        if !current.isConnected {
            if let error = current.socket.takeError() {
                connection = nil
                return follow(connect(current.attempt, "\(current.address): \(error)", poller), poller)
            }
            guard event.isWritable else { return }
            current.isConnected = true
            try? poller.modify(current.socket.descriptor, token: current.token, interest: .read)
            queue.connected(attempt: current.attempt, at: BootClock.now(), into: &effects)
            follow(effects, poller)
        } else {
            if event.isWritable { flush(current, poller) }
            receive(current, poller)
        }
    }

    private func receive(_ current: Connection, _ poller: borrowing Poller) {
        var effects: [AlertQueue.Effect] = []
        do throws(SystemError) {
            guard let bytes = try current.socket.receive(capacity: 4096) else { return }
            if !bytes.isEmpty {
                queue.received(bytes, attempt: current.attempt, at: BootClock.now(), into: &effects)
            } else {
                connection = nil
                queue.closed(attempt: current.attempt, reason: nil, at: BootClock.now(), into: &effects)
            }
        } catch {
            connection = nil
            queue.closed(attempt: current.attempt, reason: "\(error)", at: BootClock.now(), into: &effects)
        }
        follow(effects, poller)
    }

    // MARK: - Effects

    private func follow(_ wanted: [AlertQueue.Effect], _ poller: borrowing Poller) {
        var effects = wanted
        var next = 0
        while next < effects.count {
            switch effects[next] {
            case .connect(let attempt, let route): effects += begin(attempt, route, poller)
            case .send(let bytes, let attempt):
                guard let connection, connection.attempt == attempt else { break }
                connection.unsent += bytes
                flush(connection, poller)
            case .close(let attempt):
                guard let old = connection, old.attempt == attempt else { break }
                if !old.isConnected { slow = old.address }
                connection = nil
            case .say(let rule, let text): said.append((rule, text))
            }
            next += 1
        }
    }

    private func begin(_ attempt: UInt64, _ route: MailRoute, _ poller: borrowing Poller) -> [AlertQueue.Effect] {
        self.route = route
        do throws(HostNames.Failure) { addresses = try HostNames.addresses(of: route.host) } catch {
            addresses = []
            return closed(attempt, "cannot find \(error.text)")
        }
        if let slow, addresses.count > 1, addresses.contains(slow) {
            addresses.removeAll { $0 == slow }
            addresses.append(slow)
        }
        return connect(attempt, "", poller)
    }

    /// To the next address; without one the attempt has failed, for the last `reason`.
    private func connect(_ attempt: UInt64, _ reason: String, _ poller: borrowing Poller) -> [AlertQueue.Effect] {
        var reason = reason
        while !addresses.isEmpty {
            let address = addresses.removeFirst()
            do throws(SystemError) {
                let socket = try ClientSocket(.stream, to: ClientSocket.Destination(address, port: route.port))
                lastToken &+= 1
                let token = Self.firstToken &+ lastToken
                try poller.add(socket.descriptor, token: token, interest: .write)
                connection = Connection(socket, attempt: attempt, token: token, address: address)
                return []
            } catch {
                reason = "\(address): \(error.errno)"
            }
        }
        return closed(attempt, "cannot connect to \(route.host) port \(route.port): \(reason)")
    }

    private func closed(_ attempt: UInt64, _ reason: String) -> [AlertQueue.Effect] {
        var effects: [AlertQueue.Effect] = []
        queue.closed(attempt: attempt, reason: reason, at: BootClock.now(), into: &effects)
        return effects
    }

    /// What the socket does not take is sent when the poller says so; that it is gone, receiving tells.
    private func flush(_ current: Connection, _ poller: borrowing Poller) {
        while !current.unsent.isEmpty {
            guard let count = try? current.socket.send(current.unsent.span.bytes), count > 0 else { break }
            current.unsent.removeFirst(count)
        }
        let waits = !current.unsent.isEmpty
        guard waits != current.waitsToWrite else { return }
        current.waitsToWrite = waits
        try? poller.modify(
            current.socket.descriptor, token: current.token, interest: waits ? [.read, .write] : .read)
    }
}
