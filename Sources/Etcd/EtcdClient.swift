import Arbitration
import EtcdGateway
import LinuxWorld
import Primitives

/// Leases at an etcd cluster (3.4 or later), through its JSON gateway: questions in, reports out. One thread, nothing blocks.
///
/// The record of a lease is the value of the key `PREFIX/CLUSTER/GROUP`. A write is a compare-and-swap of that value in a
/// transaction, a read is linearizable; etcd's own leases are not used, because their time runs by etcd's clock. Questions that are asked
/// together, or while an answer is under way, go in one request.
///
/// **Members.** It stays with one that answers, and keeps a second connection, to another member where there is one. When an
/// answer takes half of the patience, the second becomes the first, and reads are asked there again; when it takes all of it, the
/// question's report is `ambiguous`, and the member is left alone for a while. So a member that hangs costs a lease one sixth of
/// its duration at most, and the read-back of an ambiguous write goes elsewhere.
///
/// **What certainly was not carried out** is asked again by itself: what could not be sent, and what etcd refused for want of a
/// valid token. All else that has no clear answer is `ambiguous`.
///
/// **Another etcd**, or one that was restored from a snapshot, is not believed (``EtcdIdentity``): each report is `unreadable`, and `standing` says why.
/// Restarting Aloft on all nodes accepts it.
///
/// A driver watches it (`watch(by:token:)`), calls `turn` when it is readable or `nextDeadline` has come, and takes the reports.
public final class EtcdClient {
    /// One question that has no report yet.
    struct Pending {
        var question: LeaseQuestion
        var asked: Instant
        /// How often it was sent.
        var attempts = 0
    }

    /// A request that has no answer yet.
    struct Flight {
        enum Kind {
            case ask([Pending])
            case authenticate
            case ping
        }
        var kind: Kind
        var sent: Instant
        /// The revision that an answer has at least.
        var floor: UInt64
    }

    /// A connection for questions.
    final class Line {
        let connection: EtcdConnection
        var flight: Flight?
        var lastUse: Instant
        var hasAnswered = false

        init(_ connection: EtcdConnection, at now: Instant) {
            self.connection = connection
            lastUse = now
        }

        var isOpen: Bool { connection.phase == .open }
    }

    public let settings: EtcdSettings
    var poller: Poller
    var tls: EtcdTLS
    var identity: EtcdIdentity
    var members: EtcdMembers
    /// What questions go to.
    var primary: Line?
    /// What they would go to.
    var standby: Line?
    /// Each with an answer that is late.
    var leaving: [Line] = []
    var watcher: EtcdWatcher
    /// Not sent yet; of a lease there is one.
    var queue: [Pending] = []
    var login: EtcdLogin
    /// Until when requests have one question each: an answer was too long.
    var singlyUntil = Instant.zero
    var reports: [LeaseReport] = []
    public internal(set) var standing = ArbiterStanding.connecting
    private var tokens: UInt64 = 0

    /// More questions than this are answered `ambiguous` at once.
    static let longestQueue = 4096
    /// How often the second connection is tried.
    static let pingPause: Duration = .seconds(10)

    var patience: Duration { settings.patience }

    /// - Parameter settings: with one endpoint at least.
    public init(_ settings: EtcdSettings) throws(SystemError) {
        precondition(!settings.endpoints.isEmpty, "an etcd without an endpoint")
        self.settings = settings
        poller = try Poller(capacity: 32)
        tls = EtcdTLS(settings.tls)
        identity = EtcdIdentity(pinned: settings.clusterID)
        members = EtcdMembers(count: settings.endpoints.count, longestPause: max(settings.patience, .milliseconds(500)))
        watcher = EtcdWatcher(prefix: settings.prefix)
        login = EtcdLogin(settings.user.map { ($0, settings.password ?? Secret([])) })
    }

    // MARK: - The driver's

    /// Has `token` come when `turn` has something to do.
    public func watch(by outer: borrowing Poller, token: UInt64) throws(SystemError) {
        try outer.add(poller.epoll, token: token)
    }

    /// Questions of one moment. A question takes the place of an earlier one about the same lease that has not left yet.
    public func ask(_ questions: [LeaseQuestion], at now: Instant) {
        for question in questions {
            watcher.cover(question.lease)
            enqueue(Pending(question: question, asked: now))
        }
        pump(at: now)
    }

    /// Handles what is ready, and what is due.
    public func turn(at now: Instant) {
        // What is ready may be more than one look shows; not without end.
        for _ in 0..<8 {
            let count: Int
            do throws(SystemError) {
                count = try poller.wait(until: .zero)
            } catch {
                trouble("\(error)", at: now)
                break
            }
            for index in 0..<count { handle(poller.event(index), at: now) }
            if count == 0 { break }
        }
        pump(at: now)
    }

    /// When `turn` has something to do even if nothing is readable; nil: never.
    public var nextDeadline: Deadline? {
        if !reports.isEmpty { return .zero }
        var next = Deadline.distantFuture
        for pending in queue { next = min(next, pending.asked + patience) }
        for line in leaving + [primary, standby].compactMap({ $0 }) {
            if !line.isOpen { next = min(next, line.connection.began + patience) }
            if let flight = line.flight { next = min(next, flight.sent + patience) }
        }
        if let flight = primary?.flight, canYield { next = min(next, flight.sent + patience / 2) }
        if primary == nil { next = min(next, members.nextChance(besides: standby?.connection.member)) }
        if wantsStandby, standby == nil { next = min(next, members.nextChance(besides: primary?.connection.member)) }
        if let standby, standby.isOpen, standby.flight == nil { next = min(next, standby.lastUse + Self.pingPause) }
        if let primary, primary.isOpen, primary.flight == nil, login.isWanted { next = min(next, login.notBefore) }
        next = min(next, watcher.nextDeadline(canOpen: canWatch))
        return next == .distantFuture ? nil : next
    }

    public func takeReports() -> [LeaseReport] {
        defer { reports = [] }
        return reports
    }

    // MARK: - Questions

    func enqueue(_ pending: Pending) {
        if let index = queue.firstIndex(where: { $0.question.lease == pending.question.lease }) {
            // Whoever asks anew waits for the old answer no more.
            guard pending.asked >= queue[index].asked else { return }
            report(queue[index], .ambiguous)
            queue[index] = pending
        } else if queue.count < Self.longestQueue {
            queue.append(pending)
        } else {
            report(pending, .ambiguous)
        }
    }

    func report(_ pending: Pending, _ answer: LeaseAnswer) {
        let kind = LeaseReport.Kind.answer(request: pending.question.request, answer)
        reports.append(LeaseReport(lease: pending.question.lease, kind: kind))
    }

    /// All that is due.
    func pump(at now: Instant) {
        expire(at: now)
        yield(at: now)
        keepConnections(at: now)
        send(at: now)
        keepWatching(at: now)
    }

    private func send(at now: Instant) {
        if let primary, primary.isOpen, primary.flight == nil {
            if login.isWanted {
                if let request = login.request, now >= login.notBefore {
                    launch(.authenticate, request, on: primary, at: now)
                }
            } else if !queue.isEmpty {
                let count = min(queue.count, now < singlyUntil ? 1 : EtcdRequest.questionsAtOnce)
                var questions = Array(queue[..<count])
                queue.removeFirst(count)
                for index in questions.indices { questions[index].attempts += 1 }
                let request = EtcdRequest.ask(questions.map(\.question), prefix: settings.prefix)
                launch(.ask(questions), request, on: primary, at: now)
            }
        }
        if let standby, standby.isOpen, standby.flight == nil, now >= standby.lastUse + Self.pingPause {
            launch(.ping, .ping, on: standby, at: now)
        }
    }

    private func launch(_ kind: Flight.Kind, _ request: EtcdRequest, on line: Line, at now: Instant) {
        line.flight = Flight(kind: kind, sent: now, floor: identity.revision)
        line.lastUse = now
        let bytes = request.bytes(to: line.connection.endpoint, token: kind.isAuthentication ? nil : login.token)
        for event in line.connection.send(bytes, poller) { take(event, of: line, at: now) }
    }

    func newToken() -> UInt64 {
        tokens &+= 1
        return tokens
    }
}

extension EtcdClient.Flight.Kind {
    var isAuthentication: Bool { if case .authenticate = self { true } else { false } }
}

/// The token that requests of a user carry.
struct EtcdLogin {
    private let user: (name: String, password: Secret)?
    private(set) var token: [UInt8]?
    /// No attempt before this.
    private(set) var notBefore = Instant.zero
    private var failures = 0

    init(_ user: (name: String, password: Secret)?) { self.user = user }

    /// Whether there must be a token, and is none.
    var isWanted: Bool { user != nil && token == nil }
    var request: EtcdRequest? { user.map { EtcdRequest.authenticate(user: $0.name, password: $0.password) } }

    mutating func succeeded(_ token: [UInt8]) {
        self.token = token
        failures = 0
    }

    /// Each attempt costs etcd a tenth of a second (bcrypt).
    mutating func failed(at now: Instant) {
        notBefore = now + min(.milliseconds(100) * Double(1 << min(failures, 10)), .seconds(5))
        failures += 1
    }

    mutating func drop() { token = nil }
}
