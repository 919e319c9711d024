import Arbitration
import EtcdGateway
import LinuxWorld
import NIOSSL
import Primitives

/// Which connections there are: one for questions, one in reserve, and those that still owe an answer.
extension EtcdClient {
    var wantsStandby: Bool { settings.endpoints.count > 1 || primary?.isOpen == true }
    /// Whether questions could go elsewhere.
    var canYield: Bool { standby?.isOpen == true && standby?.flight == nil && leaving.count < 2 }

    /// Gives up what takes too long.
    func expire(at now: Instant) {
        let due = queue.filter { now >= $0.asked + patience }
        if !due.isEmpty {
            queue.removeAll { now >= $0.asked + patience }
            for pending in due { report(pending, .ambiguous) }
        }
        for line in leaving + [primary, standby].compactMap({ $0 }) {
            let endpoint = line.connection.endpoint
            if let flight = line.flight, now >= flight.sent + patience {
                let text = "\(endpoint) did not answer within \(patience.formattedSeconds()) s"
                close(line, text, at: now)
            } else if !line.isOpen, now >= line.connection.began + patience {
                let doing = line.connection.phase == .connecting ? "connected" : "secured with TLS"
                close(line, "\(endpoint) could not be \(doing) within \(patience.formattedSeconds()) s", at: now)
            }
        }
    }

    /// An answer is late: the other connection comes first, and what only reads is asked there, too.
    func yield(at now: Instant) {
        guard let late = primary, let flight = late.flight, now >= flight.sent + patience / 2, canYield else { return }
        leaving.append(late)
        primary = standby
        standby = nil
        guard case .ask(let questions) = flight.kind else { return }
        for pending in questions where pending.question.kind == .read {
            if !queue.contains(where: { $0.question.lease == pending.question.lease }) { queue.append(pending) }
        }
    }

    func keepConnections(at now: Instant) {
        if primary == nil || (primary?.isOpen == false && standby?.isOpen == true && standby?.flight == nil) {
            swap(&primary, &standby)
        }
        if primary == nil { primary = connect(besides: nil, at: now) }
        if wantsStandby, standby == nil { standby = connect(besides: primary?.connection.member, at: now) }
    }

    private func connect(besides other: Int?, at now: Instant) -> Line? {
        let late = leaving.map(\.connection.member)
        guard let member = members.best(besides: other, late: late, at: now),
            let connection = makeConnection(to: member, streams: false, at: now)
        else { return nil }
        return Line(connection, at: now)
    }

    func makeConnection(to member: Int, streams: Bool, at now: Instant) -> EtcdConnection? {
        let endpoint = settings.endpoints[member]
        do {
            let context = endpoint.isSecure ? try tls.context(at: now) : nil
            let connection = try EtcdConnection(
                to: endpoint, member: member, context, name: settings.tls.name, streams: streams, token: newToken(),
                at: now)
            try connection.watch(poller)
            return connection
        } catch let error as EtcdTLS.Unusable {
            failed(member, error.reason, at: now)
        } catch let error as SystemError {
            failed(member, "\(endpoint): \(EtcdConnection.text(error.errno))", at: now)
        } catch {
            failed(member, "\(endpoint): \(error)", at: now)
        }
        return nil
    }

    /// Nothing more is expected of it.
    func close(_ line: Line, _ reason: String, isTooLong: Bool = false, at now: Instant) {
        var matters = line === primary || primary?.isOpen != true
        if case .ask? = line.flight?.kind { matters = true }
        let isIdle = line.isOpen && line.flight == nil && line.hasAnswered
        line.connection.close()
        if line === primary { primary = nil }
        if line === standby { standby = nil }
        leaving.removeAll { $0 === line }
        if let flight = line.flight {
            line.flight = nil
            settle(flight, isTooLong: isTooLong, at: now)
        }
        // A connection that the server closes while nothing is asked is no failure of its; one that never answered is.
        if !isIdle { failed(line.connection.member, reason, at: now, matters: matters) }
    }

    /// A request has no answer that could be read.
    private func settle(_ flight: Flight, isTooLong: Bool, at now: Instant) {
        switch flight.kind {
        case .ping: break
        case .authenticate: login.failed(at: now)
        case .ask(let questions):
            // What makes an answer too long is a value that is no lease; one by one they show which it is. What was put shows no value.
            if isTooLong { singlyUntil = now + .seconds(60) }
            for pending in questions { report(pending, isTooLong && questions.count == 1 ? .unreadable : .ambiguous) }
        }
    }

    /// A member is left alone for a while.
    func failed(_ member: Int, _ reason: String, at now: Instant, matters: Bool = true) {
        members.failed(member, at: now)
        if watcher.member == member { watcher.close(at: now) }
        if matters { trouble(reason, at: now) }
    }

    func trouble(_ reason: String, at now: Instant) {
        if case .down(_, let since) = standing {
            standing = .down(reason, since: since)
        } else {
            standing = .down(reason, since: now)
        }
    }
}
