import LinuxWorld
import Primitives
import Supervision

/// Ends the connections of addresses that were released under a lease. Otherwise they would speak again, with old data, when the address comes back, and
/// until then their owners on this host wait for answers that go to somebody else.
///
/// It is the supervisor's because the VRRP worker has no time for it, and in pieces because the supervisor has little. The worker has closed the fence and
/// taken the addresses off before it says so.
struct ConnectionCloser: ~Copyable {
    private var destroyer: SocketDestroyer?
    private var sum = SocketDestroyer.Outcome()
    private var hasFailed = false

    /// How long the end of the daemon waits for it.
    static let farewell = Duration.milliseconds(500)

    /// Whether `advance` has something to do although nothing was received.
    var isReady: Bool {
        switch destroyer {
        case .some(let destroyer): destroyer.isReady
        case .none: false
        }
    }

    var isIdle: Bool {
        switch destroyer {
        case .some(let destroyer): destroyer.isIdle
        case .none: true
        }
    }

    mutating func end(_ addresses: [IPAddress], _ poller: borrowing Poller, token: UInt64) throws(SystemError) {
        if destroyer == nil {
            let made = try SocketDestroyer()
            try made.watch(poller, token: token)
            destroyer = consume made
        }
        destroyer?.release(addresses)
    }

    mutating func keep(_ addresses: [IPAddress]) { destroyer?.keep(addresses) }

    /// A piece. Returns a line for the log when it has come to an end.
    mutating func advance() -> (LogLevel, String)? {
        guard !isIdle else { return nil }
        do throws(SystemError) {
            guard let outcome = try destroyer?.advance() else { return nil }
            sum.destroyed += outcome.destroyed
            sum.refused += outcome.refused
            if outcome.refused > 0 { sum.errno = outcome.errno }
        } catch {
            destroyer = nil
            return failure("\(error)")
        }
        guard isIdle else { return nil }
        defer { sum = SocketDestroyer.Outcome() }
        if sum.refused > 0 { return failure("\(sum.refused) are left, errno \(sum.errno.rawValue)") }
        if sum.destroyed == 0 { return nil }
        return (.info, "\(sum.destroyed) connections of released addresses are ended")
    }

    /// Once is enough.
    private mutating func failure(_ text: String) -> (LogLevel, String)? {
        defer { hasFailed = true }
        if hasFailed { return nil }
        return (
            .warning,
            "connections of released addresses cannot be ended: \(text); they may speak again when the address comes back"
        )
    }
}

extension SupervisorShell {
    func endConnections(of addresses: [IPAddress], at now: Instant) {
        do throws(SystemError) { try closer.end(addresses, poller, token: Token.closer) } catch {
            log.write(.warning, nil, "connections of released addresses cannot be ended: \(error)", at: now)
        }
    }

    func closeConnections() {
        if let (level, text) = closer.advance() { log.write(level, nil, text, at: BootClock.now()) }
    }

    /// At the end of the daemon: what is left of it, for a moment.
    func finishClosing() {
        let limit = BootClock.now() + ConnectionCloser.farewell
        while !closer.isIdle, BootClock.now() < limit {
            if !closer.isReady { _ = try? poller.wait(until: min(limit, BootClock.now() + .milliseconds(10))) }
            closeConnections()
        }
    }
}
