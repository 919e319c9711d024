import Arbitration
import CCorosync
import LinuxWorld
import Primitives

/// The arbiter `corosync`, for one node: joins the cluster's process group, and drives the node's part in its register
/// (``CorosyncRegister``, which has the rules and why they hold).
///
///     try client.watch(by: poller, token: 7)
///     loop: wait until client.nextDeadline; client.turn(at: now); for report in client.takeReports() { … }
///
/// For one thread. Nothing waits: Corosync is connected to, and left, on other threads, because both wait for a corosync that
/// may be stopped; messages that it does not take now are kept, in order, and tried again. Only a new ``RegisterMemory`` waits for the
/// disk, which a process does once or twice in its life.
///
/// Who may take part is Corosync's business: its network is closed by `crypto_hash` and its key, its sockets are for
/// root and who stands in `uidgid.d`. Everybody in the group is trusted.
public final class CorosyncClient {
    public let settings: CorosyncSettings
    /// What the log is to have: taken by whoever drives this.
    public private(set) var notes: [String] = []

    private var register: CorosyncRegister
    private var me: RegisterMember?
    private let lock: LockFile
    private var poller: Poller
    private let wake: FileDescriptor

    private var attempt: CorosyncConnection?
    private var attemptSince: Instant = .zero
    private var connection: CorosyncConnection?
    private var descriptors: Descriptors?
    private var survey: CorosyncConnection?
    private var connectAt: Instant = .zero
    private var pause = CorosyncClient.shortestPause
    private var trouble: (why: String, since: Instant)?

    private var outbox: [[UInt8]] = []
    private var outboxBytes = 0
    /// Lengths of what was sent and has not come back. A corosync that is stopped takes some hundred messages, and then makes the
    /// sender wait (measured: 277 and until it goes on): so no more than a few are under way.
    private var underWay: [Int] = []
    private var underWayBytes = 0
    private var heardAt: Instant = .zero
    private var sendAt: Instant?
    private var unsaved: RegisterMemory?
    private var saveAt: Instant?
    private var reports: [LeaseReport] = []
    private var askedAt: [LeaseName: (request: UInt64, at: Instant)] = [:]
    private var roundTrip: Duration?
    private var strangers: Set<RegisterMember> = []

    private struct Descriptors: ~Copyable {
        var group: FileDescriptor
        var quorum: FileDescriptor
    }

    private static let shortestPause: Duration = .milliseconds(250)
    private static let longestPause: Duration = .seconds(2)
    /// After which a connection that does not come about is called down; it is waited for all the same.
    private static let patience: Duration = .seconds(3)
    /// Reports of one turn, so that a flood does not keep the loop; the rest comes with the next.
    private static let mostReports: UInt32 = 512
    private static let mostOutbox = 4 << 20
    private static let mostUnderWay = 64
    private static let mostUnderWayBytes = 256 << 10
    /// A window that stays shut for so long is the end of a connection.
    private static let silence: Duration = .seconds(5)

    /// Loads Corosync's libraries, and locks and reads the memory. It fails when Corosync is not installed, when another process
    /// of this node has the lock, or when the memory cannot be read: what it said is not to be forgotten.
    public init(_ settings: CorosyncSettings) throws(SystemError) {
        self.settings = settings
        try CorosyncLibraries.load()
        guard let lock = try LockFile.acquire(settings.memoryPath + ".lock") else {
            throw SystemError(.file, .busy, "take part in the register twice on one node, by", settings.memoryPath)
        }
        self.lock = lock
        // The time is taken under the lock: whoever had it acknowledges nothing any more.
        register = CorosyncRegister(memory: try Self.load(settings.memoryPath), at: BootClock.now())
        poller = try Poller(capacity: 8)
        wake = FileDescriptor(owning: try Self.makeWake())
        try poller.add(wake, token: 0)
    }

    // MARK: - What drives it

    /// Readable when `turn(at:)` has something to do. `token` is the caller's.
    public func watch(by outer: borrowing Poller, token: UInt64) throws(SystemError) {
        try outer.add(poller.epoll, token: token)
    }

    /// When `turn(at:)` has something to do even if nothing is readable.
    public var nextDeadline: Deadline? {
        var deadline = [register.nextDeadline, sendAt, saveAt].compactMap { $0 }.min()
        if attempt != nil {
            deadline = min(deadline ?? .distantFuture, attemptSince + Self.patience)
        } else if connection == nil {
            deadline = min(deadline ?? .distantFuture, connectAt)
        }
        return deadline
    }

    public func ask(_ questions: [LeaseQuestion], at now: Instant) {
        for question in questions where askedAt[question.lease] != nil || askedAt.count < CorosyncRegister.mostLeases {
            askedAt[question.lease] = (question.request, now)
        }
        var effects: [RegisterEffect] = []
        register.ask(questions, at: now, into: &effects)
        perform(effects, at: now)
        deliver(at: now)
    }

    /// Does whatever is due: as often as one likes.
    public func turn(at now: Instant) {
        _ = try? poller.wait(until: .zero)
        Self.drain(wake)
        connect(at: now)
        readFacts(at: now)
        hear(at: now)
        var effects: [RegisterEffect] = []
        register.advance(to: now, into: &effects)
        register.flush(at: now, into: &effects)
        perform(effects, at: now)
        save(at: now)
        deliver(at: now)
    }

    public func takeReports() -> [LeaseReport] {
        defer { reports = [] }
        return reports
    }

    public func takeNotes() -> [String] {
        defer { notes = [] }
        return notes
    }

    /// For people.
    public var standing: ArbiterStanding {
        if let trouble { return .down(trouble.why, since: trouble.since) }
        switch register.standing {
        case .disconnected: return .connecting
        case .joining: return .settling("joining the group \(settings.group)", until: nil)
        case .notQuorate: return .settling("Corosync has no quorum here", until: nil)
        case .gathering(let voters):
            let nodes = voters.isEmpty ? "none" : voters.map(String.init).joined(separator: ", ")
            return .settling("waiting for aloft on a majority of nodes; heard of: \(nodes)", until: nil)
        case .recovering(let until):
            return .settling("restarted: what it granted before may be held until then", until: until)
        case .ready: return roundTrip.map { .answering(roundTrip: $0) } ?? .settling("ready", until: nil)
        }
    }
}

// MARK: - The connection

extension CorosyncClient {
    private func connect(at now: Instant) {
        guard connection == nil else { return }
        if attempt == nil {
            guard now >= connectAt else { return }
            attemptSince = now
            do throws(SystemError) {
                attempt = try CorosyncConnection(joining: settings.group, waking: wake.rawValue)
            } catch {
                fail("\(error)", at: now)
            }
            return
        }
        switch attempt?.state {
        case .connecting, nil:
            if now >= attemptSince + Self.patience {
                note(trouble: "Corosync does not answer: it hangs, or starts; waiting for it", at: now)
                attemptSince = now
            }
        case .failed(let error, let stage): fail("\(stage): \(error)", at: now)
        case .connected:
            let facts = attempt?.facts ?? CorosyncFacts()
            if let refusal = facts.refusal {
                fail(refusal, at: now)
                connectAt = now + .seconds(10)
                return
            }
            do throws(SystemError) { try begin(facts, at: now) } catch { fail("\(error)", at: now) }
        }
    }

    private func begin(_ facts: CorosyncFacts, at now: Instant) throws(SystemError) {
        guard let made = attempt.take() else { return }
        let fresh = Descriptors(
            group: try made.descriptor(of: .group), quorum: try made.descriptor(of: .quorum))
        try poller.add(fresh.group, token: 1)
        try poller.add(fresh.quorum, token: 2)
        descriptors = consume fresh
        connection = consume made
        (pause, trouble) = (Self.shortestPause, nil)
        strangers = []
        let me = RegisterMember(node: facts.node, process: UInt32(bitPattern: ThisProcess.pid))
        (self.me, heardAt) = (me, now)
        register.connect(as: me, facts.electorate, at: now)
    }

    /// No connection; again after a pause.
    private func fail(_ why: String, at now: Instant) {
        attempt = nil
        note(trouble: why, at: now)
        connectAt = now + pause
        pause = min(pause * 2, Self.longestPause)
    }

    private func note(trouble why: String, at now: Instant) {
        if trouble?.why != why { write("The arbiter Corosync is not to be had: \(why) No lease is renewed meanwhile.") }
        trouble = (why, trouble?.since ?? now)
    }

    private func lose(_ why: String, at now: Instant) {
        // A duplicate of a descriptor keeps its place in the poller: taken out first.
        if let gone = descriptors.take() {
            try? poller.remove(gone.group)
            try? poller.remove(gone.quorum)
        }
        connection = nil
        survey = nil
        (outbox, outboxBytes, sendAt, underWay, underWayBytes) = ([], 0, nil, [], 0)
        var effects: [RegisterEffect] = []
        register.disconnect(at: now, into: &effects)
        fail(why, at: now)
        perform(effects, at: now)
    }

    /// Others count votes otherwise: what is counted here is read again.
    private func readFacts(at now: Instant) {
        switch survey?.state {
        case .connecting, nil: return
        case .failed: survey = nil
        case .connected:
            let facts = survey?.facts ?? CorosyncFacts()
            survey = nil
            var effects: [RegisterEffect] = []
            register.update(facts.electorate, at: now, into: &effects)
            perform(effects, at: now)
        }
    }

    private func hear(at now: Instant) {
        var heard: [CorosyncConnection.Report] = []
        do throws(CorosyncError) {
            for service in CorosyncConnection.Service.allCases {
                try connection?.dispatch(service, most: Self.mostReports, into: &heard)
            }
        } catch {
            // What came before the end is worth nothing without the rest.
            return lose("\(error)", at: now)
        }
        var effects: [RegisterEffect] = []
        for report in heard {
            switch report {
            case .message(let bytes, let member):
                if member == me, let length = underWay.first {
                    underWay.removeFirst()
                    underWayBytes -= length
                    heardAt = now
                }
                register.receive(bytes, from: member, at: now, into: &effects)
            case .members(let members): register.update(members: members, at: now, into: &effects)
            case .ring(let ring): register.update(ring: ring, at: now, into: &effects)
            case .quorum(let isQuorate, let ring):
                register.update(quorate: isQuorate, ring, at: now, into: &effects)
            }
        }
        perform(effects, at: now)
    }

    private func perform(_ effects: [RegisterEffect], at now: Instant) {
        for effect in effects {
            switch effect {
            case .multicast(let bytes):
                outbox.append(bytes)
                outboxBytes += bytes.count
            case .report(let report): take(report, at: now)
            case .remember(let memory): (unsaved, saveAt) = (memory, now)
            case .readElectorate:
                if survey == nil { survey = try? CorosyncConnection(joining: nil, waking: wake.rawValue) }
            case .unreadable(let member):
                guard strangers.count < 256, strangers.insert(member).inserted else { continue }
                write(
                    "The group \(settings.group) has messages of \(member) that this version does not read; they are "
                        + "left out. Is another version of aloft running there, or another program in this group?")
            }
        }
    }

    private func take(_ report: LeaseReport, at now: Instant) {
        reports.append(report)
        guard case .answer(let request, let answer) = report.kind, let asked = askedAt[report.lease],
            asked.request == request
        else { return }
        askedAt[report.lease] = nil
        if answer != .ambiguous { roundTrip = now - asked.at }
    }

    /// Sends what Corosync takes.
    private func deliver(at now: Instant) {
        guard connection != nil, !outbox.isEmpty else { return }
        sendAt = nil
        var sent = 0
        defer { outbox.removeFirst(min(sent, outbox.count)) }
        while sent < outbox.count {
            let length = outbox[sent].count
            guard underWay.count < Self.mostUnderWay, underWayBytes + length <= Self.mostUnderWayBytes else {
                sendAt = max(now, heardAt + Self.silence)
                if now >= heardAt + Self.silence { lose("Corosync carries no messages; it hangs", at: now) }
                return
            }
            do throws(CorosyncError) {
                if underWay.isEmpty { heardAt = now }
                try connection?.send(outbox[sent])
                outboxBytes -= length
                underWay.append(length)
                underWayBytes += length
                sent += 1
            } catch  where error == .tryAgain {
                sendAt = now + .milliseconds(10)
                break
            } catch {
                return lose("\(error)", at: now)
            }
        }
        if outboxBytes > Self.mostOutbox { lose("Corosync takes no more messages", at: now) }
    }

    /// The memory to disk; what waits for it goes on.
    private func save(at now: Instant) {
        guard let memory = unsaved, now >= saveAt ?? now else { return }
        do throws(SystemError) {
            try Self.store(memory, settings.memoryPath)
            (unsaved, saveAt) = (nil, nil)
            register.remembered(memory)
            var effects: [RegisterEffect] = []
            register.flush(at: now, into: &effects)
            perform(effects, at: now)
        } catch {
            if saveAt == now { write("No lease is acknowledged until \(settings.memoryPath) can be written: \(error)") }
            saveAt = now + .seconds(1)
        }
    }

    private func write(_ note: String) {
        if notes.count < 64 { notes.append(note) }
    }
}
