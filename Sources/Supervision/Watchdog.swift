import Primitives

/// What the kernel says about the worker's one thread, from `/proc/PID/stat`.
public enum RunState: Sendable, Equatable {
    /// R: on a processor or waiting for one.
    case running
    /// S: asleep, and nothing woke it.
    case sleeping
    /// D: in a system call that cannot be interrupted.
    case blocked
    /// T or t: stopped by a signal or a debugger.
    case stopped
    /// Z, X or gone: its pidfd reports the end.
    case ended

    /// From the letter in `/proc/PID/stat`.
    public init(letter: UInt8) {
        switch letter {
        case UInt8(ascii: "R"): self = .running
        case UInt8(ascii: "D"): self = .blocked
        case UInt8(ascii: "T"), UInt8(ascii: "t"): self = .stopped
        case UInt8(ascii: "Z"), UInt8(ascii: "X"), UInt8(ascii: "x"): self = .ended
        default: self = .sleeping
        }
    }
}

/// Decides whether the worker still beats, without costing it a wake-up.
///
/// Before each sleep the worker writes into a shared word the instant by which it will have woken (the
/// deadline it hands to the kernel anyway). Before anything long it promises more. The supervisor looks
/// only when a promise and a grace have passed, reads **first** the run state and **then** the word, and:
///
/// - stopped, or asleep although its deadline passed: hung;
/// - used as much processor time as the whole grace without coming back: spinning;
/// - runnable without a processor, or in an uninterruptible call: starved or blocked, which a replacement
///   would be as well; it gets three advertisement intervals.
///
/// A watchdog that causes outages is worse than none: a check that itself came late does not count, and
/// the grace starts again (the machine was paused, or the supervisor stopped; the worker too deserves its
/// grace after that). So that lasting load cannot put the watchdog out of action, each late check in a row
/// doubles what counts as late, up to three intervals.
public struct Watchdog: Sendable {
    /// Nothing is promised yet: the worker is starting.
    public static let noPromise = Instant.zero

    /// How a look at the worker came out.
    public enum Verdict: Equatable, Sendable {
        case healthy
        /// Overdue, but not yet or not clearly hung.
        case suspicious
        case hung(RuleID, String)
    }

    /// What the shell reads when the promise is overdue.
    public struct Evidence: Equatable, Sendable {
        public var runState: RunState
        /// User and system time together.
        public var processorTime: Duration
        public init(runState: RunState, processorTime: Duration) {
            self.runState = runState
            self.processorTime = processorTime
        }
    }

    /// The smallest advertisement interval, A.
    public private(set) var advertInterval: Duration = .seconds(1)
    /// When to look next.
    public private(set) var nextDeadline: Deadline
    /// The worker must have promised something by then.
    private let startLimit: Deadline
    private var isReady = false
    /// When the present worker's overdue time began to count.
    private var patienceFrom: Instant
    /// The broken promise that is being watched, with the processor time at the first look at it.
    private var broken: (promise: Instant, processorTime: Duration, since: Instant)?
    private var tolerance: Duration = Watchdog.baseTolerance

    static let baseTolerance: Duration = .milliseconds(10)
    /// How long a worker may take from its start to its first promise.
    public static let startAllowance: Duration = .seconds(10)

    /// A worker was started at `now`.
    public init(startedAt now: Instant, advertInterval: Duration = .seconds(1)) {
        startLimit = now + Self.startAllowance
        patienceFrom = now
        nextDeadline = startLimit
        update(advertInterval: advertInterval)
    }

    /// The configuration's smallest interval; 10 ms to 255 s.
    public mutating func update(advertInterval: Duration) {
        self.advertInterval = min(max(advertInterval, .milliseconds(10)), .seconds(255))
    }

    /// What a promise may be late: 0.3 A, between 20 ms and 1 s.
    public var grace: Duration { min(max(advertInterval * 3 / 10, .milliseconds(20)), .seconds(1)) }

    /// The worker is ready, and has promised or will within moments: look when that is due.
    /// Afterwards ``check(at:promise:evidence:)`` keeps the deadline.
    public mutating func noteReady(promise: Instant, at now: Instant) {
        isReady = true
        schedule(max(promise, now) + grace, at: now)
    }

    /// True when `promise` is overdue, so that a verdict needs evidence.
    public func needsEvidence(promise: Instant, at now: Instant) -> Bool {
        promise != Self.noPromise && now >= promise + grace
    }

    /// The look at ``nextDeadline`` (or later). `evidence` is nil when ``needsEvidence(promise:at:)`` said
    /// no; `promise` was read after it.
    public mutating func check(at now: Instant, promise: Instant, evidence: Evidence?) -> Verdict {
        guard now >= nextDeadline else { return .healthy }
        let isLate = now - nextDeadline > tolerance
        if isLate {
            patienceFrom = now
            broken = nil
            tolerance = min(tolerance * 2, max(advertInterval * 3, Self.baseTolerance))
        } else {
            tolerance = Self.baseTolerance
        }
        guard promise != Self.noPromise else { return checkStart(at: now, isLate: isLate) }
        let due = max(promise, patienceFrom) + grace
        guard now >= due, let evidence else {
            if now < promise + grace { broken = nil }
            schedule(due, at: now)
            return .healthy
        }
        return judge(evidence, promise: promise, at: now)
    }

    private mutating func checkStart(at now: Instant, isLate: Bool) -> Verdict {
        if !isLate, now >= startLimit, now >= patienceFrom + grace {
            return .hung(
                SupervisionRule.workerStartTimeout,
                "it promised nothing for \(Self.startAllowance.formattedSeconds()) s after its start")
        }
        schedule(isReady ? now + grace : max(startLimit, now + grace), at: now)
        return .healthy
    }

    private mutating func judge(_ evidence: Evidence, promise: Instant, at now: Instant) -> Verdict {
        let overdue = "\((now - promise).formattedSeconds()) s after it should have woken it"
        let first = broken?.promise == promise ? broken : nil
        let watched = first ?? (promise, evidence.processorTime, max(promise, patienceFrom))
        broken = watched
        let isOutOfPatience = now >= watched.since + max(advertInterval * 3, grace)
        switch evidence.runState {
        case .ended:
            // The pidfd says the same, and the restart policy decides.
            schedule(now + grace, at: now)
            return .suspicious
        case .stopped:
            return .hung(SupervisionRule.workerStopped, "\(overdue) is stopped")
        case .sleeping:
            return .hung(SupervisionRule.workerHung, "\(overdue) sleeps and nothing wakes it")
        case .running:
            let used = evidence.processorTime - watched.processorTime
            if used >= grace {
                return .hung(
                    SupervisionRule.workerSpinning,
                    "\(overdue) has used \(used.formattedSeconds()) s of processor time and is not back")
            }
            if isOutOfPatience { return .hung(SupervisionRule.workerStarved, "\(overdue) still waits for a processor") }
        case .blocked:
            if isOutOfPatience {
                return .hung(SupervisionRule.workerBlocked, "\(overdue) is blocked in a system call")
            }
        }
        schedule(now + grace, at: now)
        return .suspicious
    }

    private mutating func schedule(_ deadline: Instant, at now: Instant) {
        // At least every ten seconds: the worker may replace a far promise by a near one at any time.
        nextDeadline = min(max(deadline, now + .milliseconds(5)), now + .seconds(10))
    }
}
