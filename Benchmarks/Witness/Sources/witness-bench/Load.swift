import Arbitration
import LinuxWorld
import Primitives
import Witness

/// Clusters with one lease each, `load-0`, `load-1`, …, and a holder of all of them.
final class Load {
    private var poller: Poller
    private var clients: [WitnessClient] = []
    private var standing: [LeaseRecord?]
    private var asked: [LeaseRecord?]
    private var sent: [Instant]
    private var isWaiting: [Bool]
    private var requests: UInt64 = 0
    private let takings: Int
    private let lease: LeaseName
    private let holder: HolderName
    private let terms: LeaseTerms

    private var granted = 0
    private var refused = 0
    private var lost = 0
    private var span = Duration.zero
    private var times: [Int64] = []

    init(_ address: IPAddress, _ key: Secret, clusters: Int, takings: Int) throws {
        guard let lease = LeaseName("load/VI"), let holder = HolderName("load") else { fatalError("names") }
        (self.lease, self.holder, self.takings) = (lease, holder, takings)
        terms = try LeaseTerms(duration: .seconds(1))
        poller = try Poller(capacity: 256)
        standing = Array(repeating: nil, count: clusters)
        asked = standing
        sent = Array(repeating: .zero, count: clusters)
        isWaiting = Array(repeating: false, count: clusters)
        for index in 0..<clusters {
            guard let cluster = ClusterName("load-\(index)") else { continue }
            let client = try WitnessClient(
                WitnessClient.Settings(address: address, cluster: cluster, key: key, patience: .seconds(5)))
            try client.watch(by: poller, token: UInt64(index))
            clients.append(client)
        }
    }

    private func ask(_ index: Int, at now: Instant) {
        requests += 1
        (sent[index], isWaiting[index], asked[index]) = (now, true, nil)
        var kind = LeaseQuestion.Kind.read
        if let record = standing[index] {
            var next = record
            next.version += 1
            next.request = requests
            if record.isFree || Int(requests % 100) < takings { next.epoch = record.epoch.next ?? record.epoch }
            (next.holder, next.incarnation, next.terms) = (holder, Incarnation(UInt64(index) + 1), terms)
            asked[index] = next
            kind = .write(next, replacing: record)
        }
        clients[index].ask([LeaseQuestion(lease: lease, request: requests, kind: kind)], at: now)
    }

    /// What came within a millisecond.
    private func hear() throws -> Instant {
        let count = try poller.wait(until: BootClock.now() + .milliseconds(1))
        let now = BootClock.now()
        for event in 0..<count {
            let index = Int(poller.event(event).token)
            clients[index].turn(at: now)
            for report in clients[index].takeReports() {
                guard case .answer(_, let answer) = report.kind else { continue }
                isWaiting[index] = false
                switch answer {
                case .granted:
                    standing[index] = asked[index]
                    granted += 1
                    times.append((now - sent[index]).nanoseconds)
                case .refused(let record):
                    refused += 1
                    standing[index] = record
                case .found(let record): standing[index] = record
                case .ambiguous, .unreadable: standing[index] = nil
                }
            }
        }
        return now
    }

    /// Takes every lease.
    func prepare() throws {
        let end = BootClock.now() + .seconds(30)
        while standing.contains(where: { $0?.isFree ?? true }) {
            let now = try hear()
            guard now < end else { fatalError("the leases cannot be taken") }
            for index in clients.indices where standing[index]?.isFree ?? true {
                if !isWaiting[index], now - sent[index] > .milliseconds(50) { ask(index, at: now) }
                if isWaiting[index], now - sent[index] > .seconds(1) { ask(index, at: now) }
            }
        }
        (granted, refused, times) = (0, 0, [])
    }

    func run(rate: Int, for duration: Duration) throws {
        let start = BootClock.now()
        var (now, next, issued) = (start, 0, 0)
        while now - start < duration {
            let due = rate == 0 ? Int.max : Int((now - start).nanoseconds / 1000 * Int64(rate) / 1_000_000)
            var looked = 0
            while issued < due, looked < clients.count {
                let index = next % clients.count
                next += 1
                looked += 1
                if isWaiting[index] {
                    guard now - sent[index] > .seconds(1) else { continue }
                    lost += 1
                    standing[index] = nil
                }
                issued += 1
                ask(index, at: now)
            }
            now = try hear()
        }
        span = now - start
        times.sort()
    }

    private func time(_ part: Double) -> String {
        guard !times.isEmpty else { return "-" }
        let value = times[min(times.count - 1, Int(Double(times.count) * part))]
        return Duration.nanoseconds(value / 1000 * 1_000_000).formattedSeconds(digits: 3)
    }

    var result: String {
        "\(granted) granted in \(span.formattedSeconds(digits: 1)) s (\(Int64(granted) * 1_000_000_000 / max(1, span.nanoseconds)) a second), "
            + "\(refused) refused, \(lost) without an answer; ms: p50 \(time(0.5)), p99 \(time(0.99)), longest \(time(1))"
    }
}
