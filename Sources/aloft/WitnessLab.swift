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
