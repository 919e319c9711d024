import Configuration
import Primitives

/// When one checker asks, and what its answers come to: patience before a server counts as failed, and before it
/// counts as recovered.
///
/// Its life: ``Phase/suspended`` until `start`; then ``Phase/waiting(until:)`` and ``Phase/running(since:)`` in turn. Two checks of one
/// schedule never overlap. The time between two checks is measured from start to start, so that a rate is what was configured,
/// however long the answers take; one that takes longer than the interval is followed by the next at once.
public struct CheckSchedule: Hashable, Sendable {
    public enum Phase: Hashable, Sendable {
        case suspended
        case waiting(until: Deadline)
        case running(since: Instant)
    }

    /// What an answer changed.
    public enum Turn: Hashable, Sendable {
        case unchanged
        /// A failure that is forgiven: so many more in a row, and the check has failed.
        case forgiven(left: UInt32)
        case failed
        case recovered
        /// This host could not ask; what is known of the server stays.
        case unasked
    }

    public struct Failure: Hashable, Sendable {
        public var reason: String
        public var at: Instant
    }

    public private(set) var phase: Phase = .suspended
    /// Whether the server passes as far as this check can tell.
    public private(set) var isPassing: Bool
    /// Whether any answer has come since `start`.
    public private(set) var hasAnswered = false
    /// What the server last said it can take (``Verdict/weight(_:)``).
    public private(set) var weight: Int?
    public private(set) var lastFailure: Failure?
    public private(set) var lastSuccess: Instant?
    /// Failures in a row while it passes, successes in a row while it does not.
    public private(set) var row: UInt32 = 0
    /// When the running check was due, or when the last one was.
    private var due: Instant = .zero

    private let interval: Duration
    private let retryDelay: Duration
    private let retries: UInt32
    private let rise: UInt32
    private let warmup: Duration

    /// `isPassing` is what holds until the first answers: of a new checker the opposite of `alpha`.
    public init(_ check: HealthCheck, isPassing: Bool) {
        self.isPassing = isPassing
        // Without a pause a server would be asked without end.
        interval = max(check.delayLoop, .milliseconds(1))
        retryDelay = max(check.delayBeforeRetry, .milliseconds(1))
        retries = check.retry
        rise = max(check.rise, 1)
        warmup = max(check.warmup, .zero)
    }

    /// When ``advance(to:)`` is due; nil while a check runs, or none is wanted.
    public var nextDeadline: Deadline? {
        if case .waiting(let until) = phase { until } else { nil }
    }

    /// Begins with a check after a part of the warm-up, `share` of 2³² of it, so that many checkers spread out.
    public mutating func start(at now: Instant, share: UInt32) {
        let nanoseconds = warmup.nanoseconds.multipliedFullWidth(by: Int64(share))
        let part = nanoseconds.high << 32 | Int64(truncatingIfNeeded: nanoseconds.low >> 32)
        phase = .waiting(until: now + .nanoseconds(part))
    }

    /// Asks at `time`, if not earlier.
    public mutating func hurry(at time: Instant) {
        if case .waiting(let until) = phase { phase = .waiting(until: min(until, time)) }
    }

    /// No more checks; what is known stays.
    public mutating func suspend() { phase = .suspended }

    /// True when a check is to be run now.
    public mutating func advance(to now: Instant) -> Bool {
        guard case .waiting(let until) = phase, now >= until else { return false }
        // The rhythm is kept when this comes a little late, and begins anew when it comes very late.
        due = now - until < interval / 2 ? until : now
        phase = .running(since: now)
        return true
    }

    /// The running check ended.
    public mutating func finish(_ verdict: Verdict, at now: Instant) -> Turn {
        guard case .running = phase else { return .unchanged }
        switch verdict {
        case .success: return succeed(weight: nil, at: now)
        case .weight(let weight): return succeed(weight: weight, at: now)
        case .failure(let reason): return fail(reason, at: now)
        case .inconclusive:
            phase = .waiting(until: max(due + interval, now))
            return .unasked
        }
    }

    private mutating func succeed(weight: Int?, at now: Instant) -> Turn {
        hasAnswered = true
        self.weight = weight ?? self.weight
        lastSuccess = now
        phase = .waiting(until: max(due + interval, now))
        guard !isPassing else {
            row = 0
            return .unchanged
        }
        row += 1
        guard row >= rise else { return .unchanged }
        row = 0
        isPassing = true
        return .recovered
    }

    private mutating func fail(_ reason: String, at now: Instant) -> Turn {
        hasAnswered = true
        lastFailure = Failure(reason: reason, at: now)
        guard isPassing else {
            row = 0
            phase = .waiting(until: max(due + interval, now))
            return .unchanged
        }
        guard row < retries else {
            row = 0
            isPassing = false
            phase = .waiting(until: max(due + interval, now))
            return .failed
        }
        row += 1
        phase = .waiting(until: now + retryDelay)
        return .forgiven(left: retries - row + 1)
    }

    /// Goes on with what a schedule of the same check knew: after a reload.
    public mutating func adopt(_ old: CheckSchedule) {
        isPassing = old.isPassing
        hasAnswered = old.hasAnswered
        weight = old.weight
        lastFailure = old.lastFailure
        lastSuccess = old.lastSuccess
        row = old.row
    }

    /// What something other than a probe says: a file, a BFD session. Nothing is forgiven.
    public mutating func note(_ verdict: Verdict, at now: Instant) -> Turn {
        switch verdict {
        case .success, .weight:
            hasAnswered = true
            if case .weight(let weight) = verdict { self.weight = weight }
            lastSuccess = now
            guard !isPassing else { return .unchanged }
            isPassing = true
            return .recovered
        case .failure(let reason):
            hasAnswered = true
            lastFailure = Failure(reason: reason, at: now)
            guard isPassing else { return .unchanged }
            isPassing = false
            return .failed
        case .inconclusive: return .unchanged
        }
    }
}
