import Arbitration
import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

/// One engine on a kernel that does what it is told, and an arbiter that answers after a round trip, or not at all.
struct LeaseBench {
    var bench: Bench
    /// What lies at the arbiter.
    var records: [LeaseName: LeaseRecord] = [:]
    var isSilent = false
    var roundTrip: Duration = .milliseconds(10)
    /// Every question, in order, with when it left.
    var questions: [(at: Instant, question: LeaseQuestion)] = []
    private var answers: [(due: Instant, report: LeaseReport)] = []

    static let arbiter = ArbiterDefinition(
        name: "third",
        kind: .witness(WitnessSettings(address: IPAddress("198.51.100.5")!, key: .file("/etc/key"))))
    static let lease = LeaseName("aloft/VI_1")!
    /// L(1−Φ) and L(1+Φ) of a second and 10 %, and how long before its end a lease is left.
    static let holding: Duration = .milliseconds(900)
    static let waiting: Duration = .milliseconds(1100)
    static let lead: Duration = .milliseconds(50)

    init(_ model: Model) {
        bench = Bench([])
        bench.engine = Engine(model, as: NodeIdentity(incarnation: Incarnation(77), hostName: "left"))
        bench.now = .zero + .seconds(100)
    }

    static func model(
        _ instances: [InstanceDefinition] = [instance()], groups: [SyncGroupDefinition] = []
    ) -> Model {
        var model = Model(syncGroups: groups, instances: instances)
        model.arbiters = [arbiter]
        return model
    }

    static func instance(_ name: String = "VI_1", id: UInt8 = 51, addresses: [String] = ["10.0.0.9/24"])
        -> InstanceDefinition
    {
        var instance = Bench.instance(name, id: id, addresses: addresses)
        instance.arbiter = "third"
        return instance
    }

    /// Started, and the fence stands.
    static func started(_ model: Model = model(), fence: FenceStanding? = .kernel) -> LeaseBench {
        var bench = LeaseBench(model)
        bench.start()
        if let fence { bench.handle(.fence(fence)) }
        return bench
    }

    /// Master for a while, by a lease that was free.
    static func master(_ model: Model = model()) throws -> LeaseBench {
        var bench = LeaseBench(model)
        for lease in model.leases {
            let name = try #require(LeaseName(lease.name))
            bench.records[name] = try bench.record(nil)
        }
        bench.start()
        bench.handle(.fence(.kernel))
        bench.pass(.seconds(5))
        for instance in model.instances { try #require(bench.bench.role(instance.name) == .master) }
        return bench
    }

    func record(_ holder: String?, version: UInt64 = 5, epoch: UInt64 = 3) throws -> LeaseRecord {
        LeaseRecord(
            holder: try holder.map { try #require(HolderName($0)) }, incarnation: Incarnation(5), request: version,
            epoch: Epoch(epoch), terms: try LeaseTerms(duration: .seconds(1)), version: version)
    }

    mutating func start(adopting routers: [RouterRecord] = [], leases: [HeldLease] = [], extra: [KernelAddress] = []) {
        handle(.kernelDump(Bench.links, Bench.hosts + extra))
        handle(.start(adopting: routers, scripts: [], leases: leases))
    }

    var now: Instant { bench.now }
    var effects: [Effect] { bench.effects }
    func role(_ name: String = "VI_1") -> Role? { bench.role(name) }
    func until(_ id: LeaseID = LeaseID(0)) -> Deadline? { bench.engine.lease(id)?.fencedUntil }
    var writes: [LeaseRecord] {
        questions.compactMap { if case .write(let record, _) = $0.question.kind { record } else { nil } }
    }

    /// The arbiter hears what was asked of it.
    mutating func handle(_ input: Input) {
        bench.handle(input)
        for case .ask(let arbiter, let question) in bench.effects where arbiter == Self.arbiter.name {
            questions.append((now, question))
            guard !isSilent else { continue }
            let answer: LeaseAnswer
            let standing = records[question.lease]
            switch question.kind {
            case .read: answer = .found(standing)
            case .write(let record, let replacing) where replacing == standing:
                records[question.lease] = record
                answer = .granted
            case .write: answer = .refused(standing: standing)
            }
            let report = LeaseReport(lease: question.lease, kind: .answer(request: question.request, answer))
            answers.append((now + roundTrip, report))
        }
    }

    /// Lets time pass, deadline by deadline and answer by answer, and keeps all effects of it.
    mutating func pass(_ duration: Duration) {
        let end = now + duration
        var all: [Effect] = []
        while true {
            let deadline = bench.engine.nextDeadline ?? .distantFuture
            let answer = answers.first?.due ?? .distantFuture
            guard min(deadline, answer) <= end else { break }
            bench.now = max(now, min(deadline, answer))
            if answer <= deadline {
                handle(.leases(arbiter: Self.arbiter.name, [answers.removeFirst().report]))
            } else {
                handle(.timer)
            }
            all += effects
        }
        bench.now = end
        bench.effects = all
    }

    /// Lets time pass until something holds, in small steps; keeps the effects of the last step.
    mutating func pass(atMost limit: Duration, until condition: (LeaseBench) -> Bool) -> Bool {
        let end = now + limit
        while now < end {
            pass(.milliseconds(1))
            if condition(self) { return true }
        }
        return false
    }

    /// The cause of the last transition of a router in the effects.
    func cause(_ name: String = "VI_1") -> RuleID? {
        let id = bench.engine.router(named: name)
        return effects.compactMap { effect -> RuleID? in
            guard case .transition(let router, let transition) = effect, router == id else { return nil }
            return transition.cause.rule
        }.last
    }

    /// Where the first effect of a kind stands among the effects.
    func place(_ isIt: (Effect) -> Bool) throws -> Int {
        let index = effects.firstIndex(where: isIt)
        return try #require(index, "\(effects)")
    }
}

extension Effect {
    var isAdvert: Bool { if case .advertise = self { true } else { false } }
    var isRelease: Bool { if case .advertise(_, .releasing) = self { true } else { false } }
    var isInstall: Bool { if case .install = self { true } else { false } }
    var isWithdrawal: Bool { if case .withdraw = self { true } else { false } }
    var isAnnouncement: Bool { if case .announce = self { true } else { false } }
    var closesFence: Bool { if case .fence(_, nil) = self { true } else { false } }
    var opensFence: Bool { if case .fence(_, .some) = self { true } else { false } }
    var isQuestion: Bool { if case .ask = self { true } else { false } }
}
