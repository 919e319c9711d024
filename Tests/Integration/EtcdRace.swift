import Arbitration
import Etcd
import EtcdGateway
import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

extension OnTheKernel.EtcdLeases {
    @Test(
        "two nodes race for one lease for ten seconds while members and nodes are killed and stopped: never two holders"
    )
    func race() throws {
        let scene = try EtcdScene(members: 3, more: ["--heartbeat-interval", "50", "--election-timeout", "300"])
        defer { scene.close() }
        let race = try Race(scene)
        try race.run(for: .seconds(10), seed: UInt64(BootClock.now().nanoseconds))
        print("measured: \(race.grants) grants, \(race.takings) takings in 10 s: \(race.log.joined(separator: ", "))")
        #expect(race.violations.isEmpty, "seed \(race.seed): \(race.violations), after \(race.log)")
        #expect(race.grants >= 6 && race.takings >= 2, "seed \(race.seed): \(race.log)")
    }
}

/// Two lease machines with a client each, and someone who disturbs them.
final class Race {
    private final class Racer {
        let name: HolderName
        var client: EtcdClient
        var machine: LeaseMachine
        /// Until when it, or a life of it before, may serve.
        var until = Instant.zero

        init(_ name: HolderName, _ client: EtcdClient, _ machine: LeaseMachine) {
            self.name = name
            self.client = client
            self.machine = machine
        }
    }

    private let scene: EtcdScene
    private let lease = LeaseName("c/race")!
    private let settings: EtcdSettings
    private var racers: [Racer] = []
    private var poller: Poller
    private var lives: UInt64 = 0
    private(set) var seed: UInt64 = 0
    private(set) var grants = 0
    private(set) var takings = 0
    private(set) var violations: [String] = []
    private(set) var log: [String] = []

    init(_ scene: EtcdScene) throws {
        self.scene = scene
        let terms = try LeaseTerms(duration: .seconds(1))
        settings = try scene.settings(patience: terms.duration / 6)
        poller = try Poller()
        for name in ["left", "right"] {
            let name = try #require(HolderName(name))
            let client = try EtcdClient(settings)
            try client.watch(by: poller, token: UInt64(racers.count))
            racers.append(Racer(name, client, try machine(name)))
        }
    }

    private func machine(_ name: HolderName) throws -> LeaseMachine {
        lives += 1
        return LeaseMachine(
            holder: name, incarnation: Incarnation(lives), terms: try LeaseTerms(duration: .seconds(1)))
    }

    func run(for duration: Duration, seed: UInt64) throws {
        self.seed = seed
        var random = SplitMix64(seed: seed)
        let end = BootClock.now() + duration
        var disturbance = BootClock.now() + .milliseconds(1500)
        var repairs: [(at: Instant, () throws -> Void)] = []
        for racer in racers {
            try input(racer) { machine, now, effects in
                machine.start(at: now, into: &effects)
                machine.update(wants: true, at: now, into: &effects)
            }
        }
        while BootClock.now() < end {
            try turn(until: min(end, min(disturbance, repairs.map(\.at).min() ?? end)))
            let now = BootClock.now()
            for index in repairs.indices.reversed() where repairs[index].at <= now { try repairs.remove(at: index).1() }
            guard now >= disturbance else { continue }
            // Each is over before the next begins, so that there mostly is a quorum.
            disturbance = now + .milliseconds(1100)
            if let repair = try disturb(&random) { repairs.append((now + .milliseconds(600), repair)) }
        }
        for repair in repairs { try repair.1() }
    }

    /// Breaks something; what puts it right again.
    private func disturb(_ random: inout SplitMix64) throws -> (() throws -> Void)? {
        let member = scene.members[Int(random.next() % UInt64(scene.members.count))]
        var racer = racers[Int(random.next() % 2)]
        var kind = random.next() % 5
        // Whatever else comes, the lease changes hands: its holder gives it back, and later crashes.
        if log.count < 2 {
            racer = racers.first { $0.until > BootClock.now() } ?? racer
            kind = log.isEmpty ? 3 : 2
        }
        switch kind {
        case 0:
            log.append("etcd \(member.number) killed")
            scene.kill(member)
            return { try self.scene.start(member) }
        case 1:
            log.append("etcd \(member.number) stopped")
            member.child?.signalAll(SIGSTOP)
            return { member.child?.signalAll(SIGCONT) }
        case 2:
            log.append("\(racer.name) crashed")
            racer.machine = try machine(racer.name)
            racer.client = try EtcdClient(settings)
            try racer.client.watch(by: poller, token: racer.name == racers[0].name ? 0 : 1)
            try input(racer) { machine, now, effects in
                machine.start(at: now, into: &effects)
                machine.update(wants: true, at: now, into: &effects)
            }
            return nil
        case 3:
            log.append("\(racer.name) gives back")
            try input(racer) { $0.update(wants: false, at: $1, into: &$2) }
            return { try self.input(racer) { $0.update(wants: true, at: $1, into: &$2) } }
        default:
            log.append("everything here stalled")
            usleep(700_000)
            return nil
        }
    }

    private func turn(until limit: Instant) throws {
        var next = limit
        for racer in racers {
            next = min(next, racer.client.nextDeadline ?? .distantFuture, racer.machine.nextDeadline ?? .distantFuture)
        }
        try NetworkNamespace(named: scene.client.namespace).run { () throws(SystemError) in
            _ = try poller.wait(until: next)
            for racer in racers { racer.client.turn(at: BootClock.now()) }
        }
        for racer in racers {
            for report in racer.client.takeReports() {
                try input(racer) { machine, now, effects in
                    switch report.kind {
                    case .answer(let request, let answer): machine.receive(answer, to: request, at: now, into: &effects)
                    case .news: machine.hurry(at: now, into: &effects)
                    }
                }
            }
            try input(racer) { $0.advance(to: $1, into: &$2) }
        }
    }

    private func input(_ racer: Racer, _ give: (inout LeaseMachine, Instant, inout [LeaseEffect]) -> Void) throws {
        var effects: [LeaseEffect] = []
        give(&racer.machine, BootClock.now(), &effects)
        var questions: [LeaseQuestion] = []
        for effect in effects {
            switch effect {
            case .read(let request): questions.append(LeaseQuestion(lease: lease, request: request, kind: .read))
            case .write(let request, let record, let old):
                questions.append(LeaseQuestion(lease: lease, request: request, kind: .write(record, replacing: old)))
            case .mustNotHold: racer.until = .zero
            case .mayHold(let until, let epoch):
                let now = BootClock.now()
                grants += 1
                if racer.until == .zero { takings += 1 }
                racer.until = until
                for other in racers where other.name != racer.name && other.until > now {
                    violations.append(
                        "\(racer.name) holds with epoch \(epoch) at \(now), and \(other.name) until \(other.until)")
                }
            }
        }
        if !questions.isEmpty {
            try NetworkNamespace(named: scene.client.namespace).run { () throws(SystemError) in
                racer.client.ask(questions, at: BootClock.now())
            }
        }
    }
}
