import Primitives

/// Names one process that a queue asked for; the shell maps it to a process id.
public struct ProcessToken: Hashable, Sendable, Comparable {
    public var rawValue: UInt64
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
    public static func < (a: ProcessToken, b: ProcessToken) -> Bool { a.rawValue < b.rawValue }
}

/// What a process group is sent.
public enum EndSignal: Sendable, Equatable {
    case terminate
    case kill
}

/// Runs the hooks of transitions in order (NOTIFY-1): the last hook that completed matches the final
/// state, and hooks of one instance or group never overlap or reorder.
///
/// Each key has a lane. In a lane one transition runs at a time, its commands one after the other; while
/// it runs, **one** transition waits: the newest. What it replaces is recorded as superseded, so that a
/// flapping instance costs neither memory nor an ever longer tail of stale hooks. A transition that has
/// begun is finished. Lanes run in parallel, up to a bound; those above it wait their turn.
///
/// A command that exceeds its limit gets SIGTERM, two seconds later SIGKILL, to its process group; a failed
/// command does not keep the next from running.
public struct HookQueue: Sendable {
    public enum Effect: Equatable, Sendable {
        /// Start the command; answer with ``started(_:failure:at:into:)`` when it could not be started and
        /// ``ended(_:status:at:into:)`` when it ended.
        case start(ProcessToken, ScriptCommand, environment: [String])
        case signal(ProcessToken, EndSignal)
        case log(LogLevel, RuleID, String)
    }

    private struct Running {
        var token: ProcessToken
        var key: String
        var deadline: Deadline
        var isTerminated = false
        var isKilled = false
    }

    private struct Lane {
        var current: HookRequest
        /// Commands of `current` that have been started.
        var started = 0
        var next: HookRequest?
    }

    /// Between SIGTERM and SIGKILL.
    public static let killDelay: Duration = .seconds(2)
    /// The same, and the limit of any hook, once the daemon stops.
    public static let stopKillDelay: Duration = .milliseconds(200)
    public static let stopLimit: Duration = .seconds(1)
    /// Keys that may have work at one time.
    public static let laneLimit = 8192

    /// How many commands may run at the same time; at least 1.
    public var parallel: Int
    /// Transitions whose hooks were dropped: newer state, or no room.
    public private(set) var superseded: UInt64 = 0
    public private(set) var overflowed: UInt64 = 0
    /// Commands that did not start, exited with another code than 0, or exceeded their limit.
    public private(set) var failures: UInt64 = 0
    public private(set) var completed: UInt64 = 0

    private var lanes: [String: Lane] = [:]
    private var waiting: [String] = []
    /// The last state that was asked for, by key.
    private var lastStates: [String: String] = [:]
    private var running: [Running] = []
    private var lastToken: UInt64 = 0
    private var isStopping = false

    public init(parallel: Int = 32) { self.parallel = max(parallel, 1) }

    public var isIdle: Bool { lanes.isEmpty }
    public var runningCount: Int { running.count }
    public var waitingCount: Int { waiting.count }
    /// When ``advance(to:into:)`` is due next.
    public var nextDeadline: Deadline? { running.map(\.deadline).min() }

    /// A transition's hooks. Without commands nothing happens, but a waiting older transition is still
    /// superseded: its state is not the present one.
    public mutating func enqueue(_ request: HookRequest, at now: Instant, into effects: inout [Effect]) {
        if request.unlessRun, lastStates[request.key] == request.state { return }
        if lastStates.count < Self.laneLimit || lastStates[request.key] != nil {
            lastStates[request.key] = request.state
        }
        var request = request
        if isStopping { request.limit = min(request.limit, Self.stopLimit) }
        if var lane = lanes[request.key] {
            if let old = lane.next { supersede(old, by: request, into: &effects) }
            lane.next = request.commands.isEmpty ? nil : request
            lanes[request.key] = lane
            return
        }
        guard !request.commands.isEmpty else { return }
        guard lanes.count < Self.laneLimit else {
            overflowed &+= 1
            effects.append(
                .log(.error, SupervisionRule.hookOverflow, "\(request.key) \(request.state): too many hooks wait"))
            return
        }
        lanes[request.key] = Lane(current: request)
        waiting.append(request.key)
        startWaiting(at: now, into: &effects)
    }

    private mutating func supersede(_ old: HookRequest, by new: HookRequest, into effects: inout [Effect]) {
        superseded &+= 1
        let text = "\(old.key): the hooks for \(old.state) were dropped, \(new.state) came before they could start"
        effects.append(.log(.notice, SupervisionRule.hookSuperseded, text))
    }

    /// The command of `token` could not be started.
    public mutating func failedToStart(
        _ token: ProcessToken, _ failure: String, at now: Instant, into effects: inout [Effect]
    ) {
        finish(token, problem: "did not start: \(failure)", at: now, into: &effects)
    }

    /// The command of `token` ended.
    public mutating func ended(
        _ token: ProcessToken, status: ProcessEnd, at now: Instant, into effects: inout [Effect]
    ) {
        finish(token, problem: status == .exited(0) ? nil : status.text, at: now, into: &effects)
    }

    private mutating func finish(
        _ token: ProcessToken, problem: String?, at now: Instant, into effects: inout [Effect]
    ) {
        guard let index = running.firstIndex(where: { $0.token == token }) else { return }
        let entry = running.remove(at: index)
        guard var lane = lanes[entry.key] else { return }
        if let problem {
            failures &+= 1
            let command = lane.current.commands[lane.started - 1]
            let text = "\(entry.key) \(lane.current.state): \(command.text) \(problem)"
            if !entry.isTerminated { effects.append(.log(.warning, SupervisionRule.hookFailed, text)) }
        } else {
            completed &+= 1
        }
        if lane.started < lane.current.commands.count {
            lanes[entry.key] = lane
            waiting.append(entry.key)
        } else if let next = lane.next {
            lane = Lane(current: next)
            lanes[entry.key] = lane
            waiting.append(entry.key)
        } else {
            lanes[entry.key] = nil
        }
        startWaiting(at: now, into: &effects)
    }

    private mutating func startWaiting(at now: Instant, into effects: inout [Effect]) {
        var taken = 0
        while running.count < parallel, taken < waiting.count {
            let key = waiting[taken]
            taken += 1
            guard var lane = lanes[key], lane.started < lane.current.commands.count else { continue }
            let command = lane.current.commands[lane.started]
            lane.started += 1
            lanes[key] = lane
            lastToken &+= 1
            let token = ProcessToken(lastToken)
            let limit = isStopping ? min(lane.current.limit, Self.stopLimit) : lane.current.limit
            running.append(Running(token: token, key: key, deadline: now + limit))
            effects.append(.start(token, command, environment: lane.current.environment))
        }
        waiting.removeFirst(taken)
    }

    /// Ends what exceeded its limit.
    public mutating func advance(to now: Instant, into effects: inout [Effect]) {
        for index in running.indices where now >= running[index].deadline {
            var entry = running[index]
            if entry.isTerminated {
                effects.append(.signal(entry.token, .kill))
                // Unless even that does not help (an uninterruptible call), its end is reported soon.
                entry.deadline = entry.isKilled ? .distantFuture : now + Self.killDelay
                entry.isKilled = true
            } else {
                entry.isTerminated = true
                entry.deadline = now + (isStopping ? Self.stopKillDelay : Self.killDelay)
                effects.append(.signal(entry.token, .terminate))
                let state = lanes[entry.key]?.current.state ?? ""
                let text = "\(entry.key) \(state): a hook exceeded its limit and is ended"
                effects.append(.log(.warning, SupervisionRule.hookTimeout, text))
            }
            running[index] = entry
        }
    }

    /// The daemon stops: whatever runs or comes has a second at most.
    public mutating func beginStop(at now: Instant) {
        isStopping = true
        for index in running.indices {
            let cut = running[index].isTerminated ? Self.stopKillDelay : Self.stopLimit
            running[index].deadline = min(running[index].deadline, now + cut)
        }
    }

    /// The daemon ends now: kill what still runs and forget the rest.
    public mutating func abandon(into effects: inout [Effect]) {
        for entry in running { effects.append(.signal(entry.token, .kill)) }
        running = []
        waiting = []
        lanes = [:]
    }
}
