import Primitives

/// Runs the tracked scripts that the worker asks for: each script once at a time, each with a timeout,
/// at most `parallel` at the same time.
///
/// A script that exceeds its timeout gets SIGTERM, two seconds later SIGKILL, to its process group, and
/// its result is ``CheckOutcome/timedOut`` at once: a check that hangs in a dead NFS mount must not keep
/// its verdict back. One that is asked for while it still runs is answered `stillRunning`. The scripts of a
/// worker that died are killed: its successor starts its own.
public struct CheckRunner: Sendable {
    public enum Effect: Equatable, Sendable {
        /// Answer with ``failedToStart(_:errno:_:at:into:)`` or ``ended(_:status:at:into:)``.
        case start(ProcessToken, ScriptCommand)
        case signal(ProcessToken, EndSignal)
        case report(id: UInt32, CheckOutcome)
        case log(LogLevel, RuleID, String)
    }

    private struct Running {
        var token: ProcessToken
        /// Nil once the worker gave it up.
        var id: UInt32?
        var deadline: Deadline
        var isTerminated = false
        /// The timeout was the result; the end of the process is none.
        var isReported = false
        /// Asked for again after its timeout was reported: it runs once this one is gone. One that cannot be
        /// killed times out again at the deadline.
        var again: (request: CheckRequest, deadline: Deadline)?
    }

    /// Between SIGTERM and SIGKILL.
    public static let killDelay: Duration = .seconds(2)
    /// Scripts that may wait for a place, beyond those that run.
    public static let waitingLimit = 4096

    /// How many may run at the same time; at least 1. Scripts that do not end even when killed count too.
    public let parallel: Int
    public private(set) var timeouts: UInt64 = 0
    public private(set) var overruns: UInt64 = 0

    private var running: [Running] = []
    private var waiting: [CheckRequest] = []
    private var lastToken: UInt64 = 0

    public init(parallel: Int = 128) { self.parallel = max(parallel, 1) }

    public var runningCount: Int { running.count }
    public var nextDeadline: Deadline? {
        running.map { min($0.deadline, $0.again?.deadline ?? .distantFuture) }.min()
    }

    /// The worker wants a script run.
    public mutating func start(_ request: CheckRequest, at now: Instant, into effects: inout [Effect]) {
        if let index = running.firstIndex(where: { $0.id == request.id && $0.isReported && $0.again == nil }) {
            running[index].again = (request, now + request.timeout)
            return
        }
        if running.contains(where: { $0.id == request.id }) || waiting.contains(where: { $0.id == request.id }) {
            overruns &+= 1
            let text = "\(request.command.text): still runs from the last time, this round is skipped"
            effects.append(.log(.notice, SupervisionRule.checkStillRunning, text))
            effects.append(.report(id: request.id, .stillRunning))
            return
        }
        guard waiting.count < Self.waitingLimit else {
            effects.append(.report(id: request.id, .failedToStart(errno: 11, "too many tracked scripts wait")))
            return
        }
        waiting.append(request)
        startWaiting(at: now, into: &effects)
    }

    private mutating func startWaiting(at now: Instant, into effects: inout [Effect]) {
        var taken = 0
        while running.count < parallel, taken < waiting.count {
            let request = waiting[taken]
            taken += 1
            lastToken &+= 1
            let token = ProcessToken(lastToken)
            running.append(Running(token: token, id: request.id, deadline: now + request.timeout))
            effects.append(.start(token, request.command))
        }
        waiting.removeFirst(taken)
    }

    public mutating func failedToStart(
        _ token: ProcessToken, errno: Int32, _ text: String, at now: Instant, into effects: inout [Effect]
    ) {
        finish(token, .failedToStart(errno: errno, text), at: now, into: &effects)
    }

    public mutating func ended(
        _ token: ProcessToken, status: ProcessEnd, at now: Instant, into effects: inout [Effect]
    ) {
        switch status {
        case .exited(let code): finish(token, .exited(code), at: now, into: &effects)
        case .signalled(let signal): finish(token, .signalled(signal), at: now, into: &effects)
        }
    }

    private mutating func finish(
        _ token: ProcessToken, _ outcome: CheckOutcome, at now: Instant, into effects: inout [Effect]
    ) {
        guard let index = running.firstIndex(where: { $0.token == token }) else { return }
        let entry = running.remove(at: index)
        if let id = entry.id, !entry.isReported { effects.append(.report(id: id, outcome)) }
        if let again = entry.again { waiting.append(again.request) }
        startWaiting(at: now, into: &effects)
    }

    public mutating func advance(to now: Instant, into effects: inout [Effect]) {
        for index in running.indices {
            guard let again = running[index].again, now >= again.deadline else { continue }
            running[index].again = nil
            effects.append(.report(id: again.request.id, .timedOut))
        }
        for index in running.indices where now >= running[index].deadline {
            if running[index].isTerminated {
                effects.append(.signal(running[index].token, .kill))
                running[index].deadline = .distantFuture
            } else {
                effects.append(.signal(running[index].token, .terminate))
                running[index].isTerminated = true
                running[index].deadline = now + Self.killDelay
                guard let id = running[index].id else { continue }
                timeouts &+= 1
                // The slot stays taken under the id until the process is gone, so that a script that does not
                // die is not started beside itself; only the report is made now.
                effects.append(.log(.warning, SupervisionRule.checkTimeout, "tracked script \(id) timed out"))
                effects.append(.report(id: id, .timedOut))
                running[index].isReported = true
            }
        }
    }

    /// The worker no longer wants the script: end it, report nothing.
    public mutating func cancel(_ id: UInt32, at now: Instant, into effects: inout [Effect]) {
        waiting.removeAll { $0.id == id }
        for index in running.indices where running[index].id == id {
            running[index].id = nil
            running[index].again = nil
            guard !running[index].isTerminated else { continue }
            running[index].isTerminated = true
            running[index].deadline = now + Self.killDelay
            effects.append(.signal(running[index].token, .terminate))
        }
    }

    /// The worker is gone, and with it everyone who waits for a result.
    public mutating func cancelAll(into effects: inout [Effect]) {
        waiting = []
        for index in running.indices {
            running[index].id = nil
            running[index].again = nil
            running[index].isTerminated = true
            guard running[index].deadline != .distantFuture else { continue }  // killed already
            running[index].deadline = .distantFuture
            effects.append(.signal(running[index].token, .kill))
        }
    }
}
