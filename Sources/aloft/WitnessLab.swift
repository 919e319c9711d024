import ArgumentParser
import Arbitration
import LinuxWorld
import Primitives
import Witness

/// One node's lease machine against a witness, for the tests: a line for each effect, with the boot time in nanoseconds.
/// `hold UNTIL EPOCH`, `drop RULE`, `standing …`. SIGTERM gives the lease back.
struct LeaseAgent: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab-lease", abstract: "Hold a lease at a witness, for the tests.", shouldDisplay: false)

    @Argument var witness: String
    @Option var name: String
    @Option var cluster = "lab"
    @Option var secret: String
    @Option var milliseconds = 1000

    func run() throws {
        let place = try WitnessPlace(witness)
        guard let holder = HolderName(name), let cluster = ClusterName(cluster), let lease = LeaseName("lab/VI_1"),
            let key = WitnessKeys.secret(Array(secret.utf8))
        else { throw Answer.usage("aloft: a name or the secret is wrong") }
        do {
            let signals = try SignalSource([Signal.terminate])
            let terms = try LeaseTerms(duration: .milliseconds(milliseconds))
            var machine = LeaseMachine(
                holder: holder, incarnation: Incarnation(try KernelRandom.uint64()), terms: terms)
            let settings = WitnessClient.Settings(
                address: place.address, port: place.port, cluster: cluster, key: key, patience: terms.duration / 6)
            let client = try WitnessClient(settings)
            var poller = try Poller()
            try client.watch(by: poller, token: 1)
            try poller.add(signals.descriptor, token: 2)
            var effects: [LeaseEffect] = []
            machine.update(wants: true, at: BootClock.now(), into: &effects)
            machine.start(at: BootClock.now(), into: &effects)
            var standing = ""
            while true {
                perform(&effects, client, lease)
                if describe(client.standing) != standing {
                    standing = describe(client.standing)
                    Console.say("\(BootClock.now().nanoseconds) standing \(standing)")
                }
                if !machine.wants, machine.isSettled { return }
                let due = min(machine.nextDeadline ?? .distantFuture, client.nextDeadline ?? .distantFuture)
                _ = try poller.wait(until: due)
                if try signals.receive() != nil { machine.update(wants: false, at: BootClock.now(), into: &effects) }
                client.turn(at: BootClock.now())
                for report in client.takeReports() {
                    switch report.kind {
                    case .answer(let request, let answer):
                        machine.receive(answer, to: request, at: BootClock.now(), into: &effects)
                    case .news: machine.hurry(at: BootClock.now(), into: &effects)
                    }
                    perform(&effects, client, lease)
                }
                machine.advance(to: BootClock.now(), into: &effects)
            }
        } catch { throw Answer.unreachable("aloft: \(error)") }
    }

    private func perform(_ effects: inout [LeaseEffect], _ client: WitnessClient, _ lease: LeaseName) {
        for effect in effects {
            let now = BootClock.now()
            switch effect {
            case .read(let request):
                client.ask([LeaseQuestion(lease: lease, request: request, kind: .read)], at: now)
            case .write(let request, let record, let replaced):
                let kind = LeaseQuestion.Kind.write(record, replacing: replaced)
                client.ask([LeaseQuestion(lease: lease, request: request, kind: kind)], at: now)
            case .mayHold(let until, let epoch):
                Console.say("\(now.nanoseconds) hold \(until.nanoseconds) \(epoch)")
            case .mustNotHold(let loss): Console.say("\(now.nanoseconds) drop \(loss.rule)")
            }
        }
        effects = []
    }

    /// Without what changes all the time.
    private func describe(_ standing: ArbiterStanding) -> String {
        switch standing {
        case .connecting: "connecting"
        case .answering: "answering"
        case .settling(let reason, _): "settling: \(reason)"
        case .down(let reason, _): "down: \(reason)"
        }
    }
}

/// Load for a witness: each cluster of `load-0`, `load-1`, … has one lease that is renewed as often as it is told.
struct WitnessLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab-witness-load", abstract: "Renew many leases, to measure a witness.", shouldDisplay: false)

    @Argument var witness: String
    @Option var secret: String
    @Option var clusters = 1000
    @Option(help: "Writes a second, over all clusters; 0: as fast as they are answered.") var rate = 10000
    @Option(help: "How many of a hundred are takings, which the witness writes to its disk.") var takings = 0
    @Option var seconds = 10.0

    func run() throws {
        let place = try WitnessPlace(witness)
        guard let key = WitnessKeys.secret(Array(secret.utf8)), let holder = HolderName("load"),
            let lease = LeaseName("load/VI")
        else { throw Answer.usage("aloft: the secret is too short") }
        do {
            let terms = try LeaseTerms(duration: .seconds(1))
            var poller = try Poller(capacity: 256)
            var clients: [WitnessClient] = []
            for index in 0..<clusters {
                guard let cluster = ClusterName("load-\(index)") else { continue }
                let client = try WitnessClient(
                    WitnessClient.Settings(
                        address: place.address, port: place.port, cluster: cluster, key: key, patience: .seconds(2)))
                try client.watch(by: poller, token: UInt64(index))
                clients.append(client)
            }
            var standing = [LeaseRecord?](repeating: nil, count: clusters)
            var asked = [LeaseRecord?](repeating: nil, count: clusters)
            var sent = [Instant](repeating: .zero, count: clusters)
            var requests = [UInt64](repeating: 0, count: clusters)
            var (granted, refused, next) = (0, 0, 0)
            var latencies: [Int64] = []
            let start = BootClock.now()
            let end = start + .nanoseconds(Int64(seconds * 1e9))
            // Everything is read and taken first.
            var measuredFrom: Instant?
            func ask(_ index: Int, at now: Instant) {
                requests[index] += 1
                sent[index] = now
                guard let record = standing[index] else {
                    asked[index] = nil
                    return clients[index].ask(
                        [LeaseQuestion(lease: lease, request: requests[index], kind: .read)], at: now)
                }
                var new = record
                new.version += 1
                new.request = requests[index]
                let takes = record.isFree || Int(requests[index] % 100) < takings
                new.epoch = takes ? record.epoch.next ?? record.epoch : record.epoch
                (new.holder, new.incarnation, new.terms) = (holder, Incarnation(UInt64(index) + 1), terms)
                asked[index] = new
                clients[index].ask(
                    [LeaseQuestion(lease: lease, request: requests[index], kind: .write(new, replacing: record))],
                    at: now)
            }
            var now = start
            for index in 0..<clusters { ask(index, at: now) }
            var issued = 0
            var isWaiting = [Bool](repeating: true, count: clusters)
            while now < end {
                let count = try poller.wait(until: now + .milliseconds(1))
                now = BootClock.now()
                for event in 0..<count {
                    let index = Int(poller.event(event).token)
                    clients[index].turn(at: now)
                    for report in clients[index].takeReports() {
                        guard case .answer(_, let answer) = report.kind else { continue }
                        isWaiting[index] = false
                        switch answer {
                        case .granted:
                            standing[index] = asked[index]
                            if measuredFrom != nil {
                                granted += 1
                                latencies.append((now - sent[index]).nanoseconds)
                            }
                        case .refused(let record):
                            refused += 1
                            standing[index] = record
                        case .found(let record): standing[index] = record
                        case .ambiguous, .unreadable: standing[index] = nil
                        }
                    }
                }
                if measuredFrom == nil {
                    for index in 0..<clusters
                    where !isWaiting[index] && standing[index]?.isFree != false
                        && now - sent[index] > .milliseconds(100)
                    {
                        isWaiting[index] = true
                        ask(index, at: now)
                    }
                    if standing.allSatisfy({ $0?.isFree == false }) { measuredFrom = now }
                    continue
                }
                guard let from = measuredFrom else { continue }
                let due = rate == 0 ? Int.max : Int(Double((now - from).nanoseconds) / 1e9 * Double(rate))
                var looked = 0
                while issued < due, looked < clusters {
                    let index = next % clusters
                    next += 1
                    looked += 1
                    // One that has no answer for a second was lost.
                    guard !isWaiting[index] || now - sent[index] > .seconds(1) else { continue }
                    if isWaiting[index] { standing[index] = nil }
                    isWaiting[index] = true
                    issued += 1
                    ask(index, at: now)
                }
            }
            latencies.sort()
            let from = measuredFrom ?? end
            let span = Double(max(1, (end - from).nanoseconds)) / 1e9
            func percentile(_ part: Double) -> String {
                guard !latencies.isEmpty else { return "-" }
                let value = latencies[min(latencies.count - 1, Int(Double(latencies.count) * part))]
                return Duration.nanoseconds(value).formattedSeconds(digits: 6)
            }
            Console.say(
                "\(granted) granted in \(Duration.nanoseconds(Int64(span * 1e9)).formattedSeconds(digits: 1)) s: "
                    + "\(Int(Double(granted) / span)) a second, \(refused) refused, "
                    + "p50 \(percentile(0.5)) s, p99 \(percentile(0.99)) s, max \(percentile(1)) s")
        } catch { throw Answer.unreachable("aloft: \(error)") }
    }
}
