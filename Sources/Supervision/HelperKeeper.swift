import Primitives

/// Keeps a helper alive that runs for as long as the configuration needs it. It holds no address, so its end costs nothing but
/// what it does: it is started again, at once the first time and later with growing pauses, for ever; the daemon never ends
/// because of it.
struct HelperKeeper: Sendable {
    struct Process: Sendable {
        var pid: Int32 = 0
        var startedAt: Instant
        var isReady = false
        var isKilled = false
        var lastBeat: Instant
    }

    /// For the log.
    let name: String
    /// What its end leaves undisturbed, for the log.
    let consolation: String
    var process: Process?
    var restartAt: Deadline?
    /// One of this run was ready.
    var wasReady = false
    var restarts: UInt64 = 0
    private var delay: Duration = .zero
    /// After a stop was asked for.
    var stopLimit: Deadline?

    /// A helper that says nothing for so long hangs.
    static let beatLimit: Duration = .seconds(10)
    static let longestDelay: Duration = .seconds(30)

    init(name: String, consolation: String) {
        self.name = name
        self.consolation = consolation
    }

    var isRunning: Bool { process != nil }
    var isReady: Bool { process?.isReady == true && process?.isKilled == false }
    var pid: Int32 { process?.pid ?? 0 }

    var nextDeadline: Deadline? {
        var next = [restartAt, stopLimit].compactMap { $0 }
        if let process, !process.isKilled { next.append(process.lastBeat + Self.beatLimit) }
        return next.min()
    }

    mutating func begin(at now: Instant) {
        restartAt = nil
        stopLimit = nil
        process = Process(startedAt: now, lastBeat: now)
    }

    /// It is gone. Returns a line for the log where it is to be started again.
    mutating func end(_ status: ProcessEnd, isWanted: Bool, at now: Instant) -> String? {
        guard let ended = process else { return nil }
        if stopLimit != nil { wasReady = false }
        process = nil
        stopLimit = nil
        guard isWanted else { return nil }
        if now - ended.startedAt > .seconds(60) { delay = .zero }
        restarts &+= 1
        restartAt = now + delay
        let when = delay == .zero ? "at once" : "in \(delay.formattedSeconds()) s"
        delay = min(max(delay * 2, .seconds(1)), Self.longestDelay)
        return "the \(name) \(status.text) and is replaced \(when); \(consolation)"
    }

    enum Due: Hashable, Sendable {
        case restart
        /// To be killed, and why.
        case kill(String)
    }

    /// What its deadlines ask for, one at a time.
    mutating func due(at now: Instant) -> Due? {
        if let restartAt, now >= restartAt { return .restart }
        if let limit = stopLimit, now >= limit {
            stopLimit = .distantFuture
            return .kill("did not stop in time")
        }
        guard let process, !process.isKilled, now >= process.lastBeat + Self.beatLimit else { return nil }
        // A look that itself comes late proves nothing.
        guard now - process.lastBeat < Self.beatLimit + .seconds(1) else {
            self.process?.lastBeat = now
            return nil
        }
        return .kill("says nothing any more")
    }
}
