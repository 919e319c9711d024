import Arbitration
import Configuration
import Corosync
import LinuxWorld
import Primitives

/// One question to an arbiter, asked for a person: whether it answers this host, how fast, and what stands there. It changes nothing.
///
/// It goes the way that a worker's questions go, with the same key, user and name of the lease. Corosync alone is not asked about a lease: a node takes part in
/// its register once, and a daemon may be that one.
public enum ArbiterInquiry {
    public enum Outcome: Sendable {
        /// It answered in this time; nil: no question was asked. The words say what.
        case answered(within: Duration?, String)
        /// It answered, and grants no lease.
        case refused(String)
        case silent(String)
        /// It cannot even be asked.
        case unusable(String)
    }

    /// Waits no longer than `limit`.
    public static func ask(
        _ arbiter: ArbiterDefinition, about lease: LeaseDefinition, within limit: Duration = .seconds(1)
    ) -> Outcome {
        if case .corosync = arbiter.kind { return corosync(within: limit) }
        guard let name = LeaseName(lease.name) else { return .unusable("\(lease.name) is no name of a lease") }
        do throws(SystemError) {
            let client = try ArbiterWorker.makeClient(arbiter, stateDirectory: "")
            return try ask(client, about: name, until: BootClock.now() + limit)
        } catch { return .unusable("\(error)") }
    }

    private static func ask(
        _ client: any ArbiterClient, about lease: LeaseName, until end: Deadline
    ) throws(SystemError) -> Outcome {
        var poller = try Poller()
        try client.watch(by: poller, token: 1)
        var request: UInt64 = 0
        var asked = BootClock.now()
        func ask(at now: Instant) {
            request += 1
            asked = now
            client.ask([LeaseQuestion(lease: lease, request: request, kind: .read)], at: now)
        }
        ask(at: asked)
        while true {
            client.turn(at: BootClock.now())
            for report in client.takeReports() {
                guard case .answer(request, let answer) = report.kind else { continue }
                let roundTrip = BootClock.now() - asked
                switch answer {
                case .found(let record): return .answered(within: roundTrip, words(record, client.standing))
                case .unreadable: return .refused(words(client.standing) ?? "what lies there is no lease")
                // No answer in time, or a connection that was lost: once more.
                default: ask(at: BootClock.now())
                }
            }
            let now = BootClock.now()
            guard now < end else { return .silent(words(client.standing) ?? "no answer in time") }
            _ = try poller.wait(until: min(end, client.nextDeadline ?? end, now + .milliseconds(100)))
            // A datagram may be lost, and whoever asks has the patience.
            if BootClock.now() - asked > .milliseconds(400) { ask(at: BootClock.now()) }
        }
    }

    private static func words(_ record: LeaseRecord?, _ standing: ArbiterStanding) -> String {
        let text: String
        switch record {
        case nil: text = "it knows nothing of the lease yet"
        case let record?:
            text = record.holder.map { "\($0) holds the lease, epoch \(record.epoch)" } ?? "the lease is free"
        }
        guard case .settling = standing, let why = words(standing) else { return text }
        return "\(text); \(why)"
    }

    private static func words(_ standing: ArbiterStanding) -> String? {
        switch standing {
        case .connecting, .answering: nil
        case .settling(let why, _): "it grants nothing yet: \(why)"
        case .down(let why, _): why
        }
    }

    private static func corosync(within limit: Duration) -> Outcome {
        do throws(SystemError) {
            switch try CorosyncInquiry.ask(within: limit) {
            case .fit(let words): return .answered(within: nil, words)
            case .unfit(let why): return .refused(why)
            case .silent(let why): return .silent(why)
            }
        } catch { return .unusable("\(error)") }
    }
}
