import Primitives

/// The mails that wait for their server, and the one that is on its way. Pure: the driver opens the connection, carries bytes and tells the time.
///
/// One delivery at a time, in order, each step within ``timeout``. A delivery that the server did not refuse for good is tried once more after
/// ``retryDelay``; everything waits meanwhile. What finds the queue full takes the place of the oldest that waits. So a server that hangs, or is
/// gone, costs its own mails and nothing else: nobody waits for a mail, and memory is bounded.
///
/// What goes wrong is said once, until a mail gets through again. A route that changed holds for all that wait.
public struct AlertQueue: Sendable {
    /// What the driver is to do, in the order given.
    public enum Effect: Hashable, Sendable {
        /// Open a connection to the mail server. Later calls name this attempt.
        case connect(attempt: UInt64, MailRoute)
        case send([UInt8], attempt: UInt64)
        /// Close it, after what was to be sent; nothing more is heard of it.
        case close(attempt: UInt64)
        /// A line of the log.
        case say(RuleID, String)
    }

    /// What has become of the mails since the start.
    public struct Counters: Hashable, Sendable {
        public var delivered: UInt64 = 0
        /// For want of room.
        public var dropped: UInt64 = 0
        /// Tried in vain.
        public var failed: UInt64 = 0
        /// Recipients that the server would not take, of mails that were delivered to others.
        public var refusedRecipients: UInt64 = 0

        public init() {}
    }

    /// Mails that wait, the one on its way not counted.
    public static let defaultLimit = 256
    public static let retryDelay: Duration = .seconds(30)
    /// keepalived allows 0, which no server can meet.
    static let minimumTimeout: Duration = .seconds(1)

    public private(set) var counters = Counters()
    public let limit: Int
    private var route: MailRoute
    private var timeout: Duration { max(route.timeout, Self.minimumTimeout) }

    private struct Entry: Sendable {
        var message: MailMessage
        var isRepeated = false
    }

    private struct Attempt: Sendable {
        var number: UInt64
        var entry: Entry
        var delivery: SMTPDelivery
        var isConnected = false
        var deadline: Deadline
    }

    private var waiting: [Entry] = []
    private var current: Attempt?
    private var lastAttempt: UInt64 = 0
    private var pausedUntil: Deadline?
    private var isFailing = false
    private var isDropping = false
    /// Since a mail last got through.
    private var lost: UInt64 = 0

    /// - Parameter limit: how many wait at most; at least 1.
    public init(_ route: MailRoute, limit: Int = AlertQueue.defaultLimit) {
        self.route = route
        self.limit = max(limit, 1)
    }

    /// Mails that wait, and the one on its way.
    public var count: Int { waiting.count + (current == nil ? 0 : 1) }

    /// When ``advance(to:into:)`` has something to do.
    public var nextDeadline: Deadline? { current?.deadline ?? pausedUntil }

    // MARK: Inputs

    /// How mails are to leave from now on.
    public mutating func use(_ route: MailRoute, at now: Instant, into effects: inout [Effect]) {
        guard route != self.route else { return }
        self.route = route
        // What is known of another server says nothing about this one.
        pausedUntil = nil
        start(at: now, into: &effects)
    }

    public mutating func add(_ message: MailMessage, at now: Instant, into effects: inout [Effect]) {
        if waiting.count >= limit {
            waiting.removeFirst()
            counters.dropped &+= 1
            lost &+= 1
            if !isDropping {
                isDropping = true
                effects.append(
                    .say(AlertRule.full, "\(limit) alert mails wait for their server: the oldest are dropped"))
            }
        }
        waiting.append(Entry(message: message))
        start(at: now, into: &effects)
    }

    /// The connection stands.
    public mutating func connected(attempt: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard var attempt = take(attempt) else { return }
        attempt.isConnected = true
        attempt.deadline = now + timeout
        let step = attempt.delivery.begin()
        follow(step, attempt, at: now, into: &effects)
    }

    /// Bytes came from the server.
    public mutating func received(_ bytes: [UInt8], attempt: UInt64, at now: Instant, into effects: inout [Effect]) {
        guard var attempt = take(attempt) else { return }
        let stage = attempt.delivery.stage
        let step = attempt.delivery.receive(bytes)
        // Only an answer is worth more time: a byte now and then is not.
        if attempt.delivery.stage != stage { attempt.deadline = now + timeout }
        follow(step, attempt, at: now, into: &effects)
    }

    /// The connection is gone, or never came about; `reason` nil: the server closed it.
    public mutating func closed(attempt: UInt64, reason: String?, at now: Instant, into effects: inout [Effect]) {
        guard var attempt = take(attempt) else { return }
        guard let reason, attempt.delivery.stage != .farewell else {
            let step = attempt.delivery.end()
            return follow(step, attempt, at: now, into: &effects)
        }
        finish(.failed(reason, isPermanent: false), attempt, at: now, into: &effects)
    }

    /// Time has passed. Deadlines are checked again.
    public mutating func advance(to now: Instant, into effects: inout [Effect]) {
        if let attempt = current, attempt.deadline <= now, var expired = take(attempt.number) {
            if expired.isConnected {
                let step = expired.delivery.expire()
                follow(step, expired, at: now, into: &effects)
            } else {
                effects.append(.close(attempt: expired.number))
                finish(
                    .failed("no connection within \(timeout.formattedSeconds()) s", isPermanent: false), expired,
                    at: now, into: &effects)
            }
        }
        if let until = pausedUntil, until <= now {
            pausedUntil = nil
            start(at: now, into: &effects)
        }
    }

    // MARK: Deliveries

    private mutating func take(_ number: UInt64) -> Attempt? {
        guard let attempt = current, attempt.number == number else { return nil }
        current = nil
        return attempt
    }

    private mutating func start(at now: Instant, into effects: inout [Effect]) {
        guard current == nil, pausedUntil == nil, !waiting.isEmpty else { return }
        let entry = waiting.removeFirst()
        lastAttempt &+= 1
        current = Attempt(
            number: lastAttempt, entry: entry, delivery: SMTPDelivery(entry.message, heloName: route.heloName),
            deadline: now + timeout)
        effects.append(.connect(attempt: lastAttempt, route))
    }

    private mutating func follow(
        _ step: SMTPDelivery.Step, _ attempt: Attempt, at now: Instant, into effects: inout [Effect]
    ) {
        switch step {
        case .wait: current = attempt
        case .send(let bytes):
            effects.append(.send(bytes, attempt: attempt.number))
            current = attempt
        case .finish(let outcome, let farewell):
            if !farewell.isEmpty { effects.append(.send(farewell, attempt: attempt.number)) }
            effects.append(.close(attempt: attempt.number))
            finish(outcome, attempt, at: now, into: &effects)
        }
    }

    private mutating func finish(
        _ outcome: SMTPDelivery.Outcome, _ attempt: Attempt, at now: Instant, into effects: inout [Effect]
    ) {
        switch outcome {
        case .delivered(let refused):
            counters.delivered &+= 1
            counters.refusedRecipients &+= UInt64(refused.count)
            for refusal in refused.prefix(1) {
                let others = refused.count > 1 ? ", and \(refused.count - 1) more" : ""
                effects.append(
                    .say(AlertRule.refused, "the mail server refuses \(refusal.recipient): \(refusal.text)\(others)"))
            }
            if isFailing || isDropping {
                effects.append(.say(AlertRule.recovered, "alert mails are delivered again; \(lost) were lost"))
            }
            (isFailing, isDropping, lost) = (false, false, 0)
        case .failed(let reason, let isPermanent):
            if isPermanent || attempt.entry.isRepeated {
                counters.failed &+= 1
                lost &+= 1
            } else {
                waiting.insert(Entry(message: attempt.entry.message, isRepeated: true), at: 0)
            }
            // A server that says no at once can be asked about the next mail at once.
            if !isPermanent { pausedUntil = now + Self.retryDelay }
            if !isFailing {
                isFailing = true
                effects.append(.say(AlertRule.failed, "an alert mail was not delivered: \(reason)"))
            }
        }
        start(at: now, into: &effects)
    }
}

/// Why something is said of alert mails.
public enum AlertRule {
    /// The queue is full.
    public static let full = RuleID("alerts.queue.full")
    /// A delivery failed; said once, until one succeeds.
    public static let failed = RuleID("alerts.delivery.failed")
    /// A recipient was refused, others were not.
    public static let refused = RuleID("alerts.delivery.recipient-refused")
    /// The first that got through after that.
    public static let recovered = RuleID("alerts.delivery.recovered")
}
