import Primitives

/// Keeps the mail process while there are mails. It resolves names and talks to the mail server, and may hang in both: nothing else of the
/// daemon waits for it, and what it is given is counted, so that what it loses is known.
///
/// It is started for the first mail, and stopped when it has had none for a minute. It is of no use at a stop for longer than ``stopTime``.
struct MailKeeper: Sendable {
    struct Process: Sendable {
        var pid: Int32 = 0
        var startedAt: Instant
        var lastHeard: Instant
        /// It was told to stop, and is given nothing more.
        var isLeaving = false
        var isKilled = false
        /// Mails that it was given and has not done with.
        var pending = 0
        /// When it is stopped for having had nothing to do.
        var idleUntil: Deadline?
    }

    var process: Process?
    /// For the next process.
    var waiting: [MailOrder] = []
    var restartAt: Deadline?
    var delay: Duration = .zero
    /// After the daemon's stop was asked for.
    var stopLimit: Deadline?
    /// What each instance and group was last said to be.
    var told: [String: String] = [:]
    var delivered: UInt64 = 0
    var lost: UInt64 = 0
    var isLosing = false

    /// Mails on their way at most: the mail process keeps 256, the rest is for the time that it takes to read them.
    static let limit = 512
    /// Instances and groups that are remembered at most.
    static let toldLimit = 16384
    static let idleTime: Duration = .seconds(60)
    /// It says `beat` every ten seconds, unless it waits for a name, which takes the resolver half a minute at worst.
    static let beatLimit: Duration = .seconds(120)
    static let stopTime: Duration = .seconds(1)
    static let longestDelay: Duration = .seconds(30)

    var isRunning: Bool { process != nil }
    var count: Int { waiting.count + (process?.pending ?? 0) }

    var nextDeadline: Deadline? {
        var next = [stopLimit, process?.idleUntil].compactMap { $0 }
        if !waiting.isEmpty, process == nil, let restartAt { next.append(restartAt) }
        if let process, process.pending > 0, !process.isKilled { next.append(process.lastHeard + Self.beatLimit) }
        return next.min()
    }
}

extension Supervisor {
    /// A worker has something to tell.
    mutating func order(_ mail: MailOrder, at now: Instant, into effects: inout [SupervisorEffect]) {
        switch phase {
        case .closing, .ended: return
        default: break
        }
        if !mail.subject.isEmpty {
            guard self.mail.told[mail.subject] != mail.state else { return }
            if self.mail.told.count >= MailKeeper.toldLimit { self.mail.told = [:] }
            self.mail.told[mail.subject] = mail.state
        }
        guard self.mail.count < MailKeeper.limit else {
            self.mail.lost &+= 1
            guard !self.mail.isLosing else { return }
            self.mail.isLosing = true
            effects.append(
                .log(
                    .warning, SupervisionRule.mailLost,
                    "\(MailKeeper.limit) alert mails are on their way and get no further: more are lost"))
            return
        }
        if let process = self.mail.process, !process.isLeaving, !process.isKilled {
            give(mail, at: now, into: &effects)
        } else {
            self.mail.waiting.append(mail)
            startMailIfNeeded(at: now, into: &effects)
        }
    }

    private mutating func give(_ order: MailOrder, at now: Instant, into effects: inout [SupervisorEffect]) {
        if mail.process?.pending == 0 { mail.process?.lastHeard = now }
        mail.process?.pending += 1
        mail.process?.idleUntil = nil
        effects.append(.sendHelper(.mail, .mail(order)))
    }

    private mutating func startMailIfNeeded(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard mail.process == nil, !mail.waiting.isEmpty, (mail.restartAt ?? now) <= now else { return }
        mail.restartAt = nil
        mail.process = MailKeeper.Process(startedAt: now, lastHeard: now)
        effects.append(.startHelper(.mail, .start))
        let orders = mail.waiting
        mail.waiting = []
        for order in orders { give(order, at: now, into: &effects) }
    }

    /// The mail process is gone, and everything it had sent was received.
    mutating func mailEnded(_ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]) {
        guard let ended = mail.process else { return }
        mail.process = nil
        if !ended.isLeaving {
            if now - ended.startedAt > .seconds(60) { mail.delay = .zero }
            mail.restartAt = now + mail.delay
            mail.delay = min(max(mail.delay * 2, .seconds(1)), MailKeeper.longestDelay)
            loseMails(ended.pending, "the mail process \(status.text)", into: &effects)
        }
        if mail.stopLimit == nil { startMailIfNeeded(at: now, into: &effects) }
        finishIfIdle(at: now, into: &effects)
    }

    /// A number of mails will not be delivered, and nobody else says so.
    private mutating func loseMails(_ count: Int, _ text: String, into effects: inout [SupervisorEffect]) {
        mail.lost &+= UInt64(count)
        let loss = count == 0 ? "" : count == 1 ? "; an alert mail is lost" : "; \(count) alert mails are lost"
        effects.append(.log(.error, SupervisionRule.mailLost, text + loss))
    }

    mutating func advanceMail(to now: Instant, into effects: inout [SupervisorEffect]) {
        if mail.stopLimit == nil { startMailIfNeeded(at: now, into: &effects) }
        if let limit = mail.stopLimit, now >= limit {
            mail.stopLimit = .distantFuture
            giveUpMails(into: &effects)
            finishIfIdle(at: now, into: &effects)
        }
        guard let process = mail.process else { return }
        if let idle = process.idleUntil, now >= idle { leaveMail(into: &effects) }
        if process.pending > 0, !process.isKilled, now >= process.lastHeard + MailKeeper.beatLimit {
            mail.process?.isKilled = true
            effects.append(
                .log(.error, SupervisionRule.mailLost, "the mail process says nothing any more, and is killed"))
            effects.append(.signalHelper(.mail, .kill))
        }
    }

    private mutating func leaveMail(into effects: inout [SupervisorEffect]) {
        guard mail.process?.isLeaving == false else { return }
        mail.process?.isLeaving = true
        mail.process?.idleUntil = nil
        effects.append(.sendHelper(.mail, .stop))
    }

    // MARK: - The daemon's stop

    /// From here on mails have ``MailKeeper/stopTime``.
    mutating func stopMail(at now: Instant) { mail.stopLimit = now + MailKeeper.stopTime }

    /// Nothing but mails holds up the end: whether they do.
    mutating func mailsHoldUp(into effects: inout [SupervisorEffect]) -> Bool {
        guard mail.count > 0 else { return false }
        if mail.process != nil { return true }
        // What waits for a process that cannot be started has no hope.
        giveUpMails(into: &effects)
        return false
    }

    /// The mail process is of no more use, and ends.
    mutating func giveUpMails(into effects: inout [SupervisorEffect]) {
        let count = mail.count
        mail.waiting = []
        if count > 0 {
            loseMails(
                count, "the daemon stops, and the mail server did not take in time what it should", into: &effects)
        }
        guard mail.process?.isKilled == false else { return }
        mail.process?.pending = 0
        mail.process?.isLeaving = true
        mail.process?.isKilled = true
        effects.append(.signalHelper(.mail, .kill))
    }

    // MARK: - What it says

    mutating func receiveFromMail(
        _ message: WorkerMessage, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        mail.process?.lastHeard = now
        switch message {
        case .log(let level, let text): for line in Self.lines(text) { effects.append(.logHelper(.mail, level, line)) }
        case .mailsSettled(let delivered, let lost):
            mail.delivered &+= UInt64(delivered)
            mail.lost &+= UInt64(lost)
            settleMails(Int(delivered) + Int(lost), at: now, into: &effects)
        // What only the other workers say, and signs of life.
        default: break
        }
    }

    private mutating func settleMails(_ count: Int, at now: Instant, into effects: inout [SupervisorEffect]) {
        guard let process = mail.process else { return }
        let left = max(process.pending - count, 0)
        mail.process?.pending = left
        mail.isLosing = false
        guard left == 0 else { return }
        mail.process?.idleUntil = now + MailKeeper.idleTime
        finishIfIdle(at: now, into: &effects)
    }

    /// The bytes on its socket are no messages.
    mutating func receiveGarbageFromMail(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard mail.process?.isKilled == false else { return }
        mail.process?.isKilled = true
        effects.append(
            .log(.error, SupervisionRule.mailLost, "the mail process sends what is no message, and is killed"))
        effects.append(.signalHelper(.mail, .kill))
    }
}
