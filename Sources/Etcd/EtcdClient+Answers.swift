import Arbitration
import EtcdGateway
import LinuxWorld
import Primitives

/// What comes from connections.
extension EtcdClient {
    func handle(_ event: Poller.Event, at now: Instant) {
        if let connection = watcher.connection, connection.token == event.token {
            for told in connection.ready(event, poller) { watched(told, at: now) }
            return
        }
        // What was closed a moment ago is no longer listed.
        guard
            let line = (leaving + [primary, standby].compactMap { $0 }).first(where: {
                $0.connection.token == event.token
            })
        else { return }
        for told in line.connection.ready(event, poller) { take(told, of: line, at: now) }
    }

    func take(_ event: EtcdConnection.Event, of line: Line, at now: Instant) {
        switch event {
        case .opened, .part: break
        case .failed(let reason, let isTooLong): close(line, reason, isTooLong: isTooLong, at: now)
        case .response(let status, let body):
            guard let flight = line.flight else {
                return close(line, "\(line.connection.endpoint) answered what was not asked", at: now)
            }
            line.flight = nil
            line.lastUse = now
            line.hasAnswered = true
            if leaving.contains(where: { $0 === line }) {
                // It came after all: good enough for the reserve.
                leaving.removeAll { $0 === line }
                if standby == nil { standby = line } else { line.connection.close() }
            }
            answered(flight, status, body, of: line, at: now)
        }
    }

    private func answered(_ flight: Flight, _ status: Int, _ body: [UInt8], of line: Line, at now: Instant) {
        guard status == 200 else {
            return refused(flight, EtcdRefusal(status: status, body: body), of: line, at: now)
        }
        do throws(EtcdFault) {
            switch flight.kind {
            case .ping: members.succeeded(line.connection.member)
            case .authenticate: login.succeeded(try EtcdAnswer.token(in: body))
            case .ask(let questions):
                let told = try EtcdAnswer.leases(questions.map(\.question), prefix: settings.prefix, in: body)
                if let refusal = identity.admit(told.header, floor: flight.floor) {
                    for pending in questions { report(pending, .unreadable) }
                    // Where this one is another cluster's, the next may be the right one.
                    if case .anotherCluster = refusal { close(line, "", at: now) }
                    return failed(
                        line.connection.member, "\(line.connection.endpoint): \(refusal)", at: now)
                }
                for (pending, answer) in zip(questions, told.answers) { report(pending, answer) }
                members.succeeded(line.connection.member)
                standing = .answering(roundTrip: now - flight.sent)
            }
        } catch {
            line.flight = flight
            close(line, "\(line.connection.endpoint): \(error)", at: now)
        }
    }

    private func refused(_ flight: Flight, _ refusal: EtcdRefusal, of line: Line, at now: Instant) {
        let reason = "\(line.connection.endpoint): \(refusal)"
        switch (flight.kind, refusal.kind) {
        case (.ping, .unknown): close(line, reason, at: now)
        case (.ping, _): break
        case (.authenticate, let kind):
            login.failed(at: now)
            trouble(reason, at: now)
            if kind == .unknown { close(line, reason, at: now) }
        case (.ask(let questions), .token):
            login.drop()
            // It was not carried out. Once more, with a new token.
            for pending in questions {
                if pending.attempts < 3 { enqueue(pending) } else { report(pending, .ambiguous) }
            }
            if login.isWanted, questions.allSatisfy({ $0.attempts < 3 }) { return }
            trouble(reason, at: now)
        case (.ask, let kind) where kind == .unknown || refusal.code == nil:
            // Another member may do better, also where this one has no gateway.
            line.flight = flight
            close(line, reason, at: now)
        case (.ask(let questions), _):
            for pending in questions { report(pending, .ambiguous) }
            trouble(reason, at: now)
        }
    }
}
