import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

/// A plan against what the engine then does with the same two models.
@Suite("A plan says what a reload does") struct PlanTests {
    /// What somebody outside would see of a reload.
    enum Fact: Hashable, CustomStringConvertible {
        case install(HeldAddress)
        case withdraw(HeldAddress)
        case announce(HeldAddress)
        /// Priority 0.
        case release(String)
        case transition(String)
        case hook(String, HookKind)
        case priority(String)

        var description: String {
            switch self {
            case .install(let address): "install \(address)"
            case .withdraw(let address): "withdraw \(address)"
            case .announce(let address): "announce \(address)"
            case .release(let name): "\(name) releases"
            case .transition(let name): "\(name) changes its role"
            case .hook(let name, let kind): "\(name) runs \(kind)"
            case .priority(let name): "\(name) has another priority"
            }
        }
    }

    // MARK: The models

    static var base: Model {
        var first = Bench.instance("VI_1", id: 51, addresses: ["10.0.0.9/24", "10.0.0.10/24"])
        first.notify.reportsDeleted = true
        var second = Bench.instance("VI_2", id: 52, addresses: ["10.0.0.20/24"])
        second.notifyPriorityChanges = true
        var third = Bench.instance("VI_3", id: 53, addresses: ["10.1.0.30/24"], interface: "e1")
        third.trackInterfaces = [TrackedInterface(name: "e0")]
        third.trackScripts = [TrackedScript(name: "check")]
        let fourth = Bench.instance("VI_4", id: 54, addresses: ["10.0.0.40/24"])
        let fifth = Bench.instance("VI_5", id: 55, addresses: ["10.0.0.50/24"])
        var script = TrackScript(name: "check", command: .run(["/bin/true"]))
        script.weight = -20
        return Model(
            scripts: [script], syncGroups: [SyncGroupDefinition(name: "G", members: ["VI_4", "VI_5"])],
            instances: [first, second, third, fourth, fifth])
    }

    static func prefix(_ text: String) -> IPPrefix { IPPrefix(text)! }

    struct Row: Sendable {
        var name: String
        /// `INSTANCE fate: consequences`, of those that do not stay as they are; `!` for one that disturbs.
        var expected: [String]
        var mutate: @Sendable (inout Model) -> Void
    }

    static let rows: [Row] = [
        Row(name: "nothing", expected: []) { _ in },
        Row(name: "another order", expected: []) { $0.instances.reverse() },
        Row(name: "what matters later only", expected: ["VI_1 changed:"]) {
            $0.instances[0].preempt = false
            $0.instances[0].downTimerAdverts = 5
            $0.instances[0].announcements.masterRepeat = 2
            $0.instances[0].notify.master = HookCommand(argv: ["/bin/true"])
            $0.instances[0].checkUnicastSource = true
        },
        Row(name: "an address more", expected: ["VI_1 changed: installs announces advertises_other_addresses"]) {
            $0.instances[0].virtualAddresses.append(VirtualAddress(prefix("10.0.0.11/24")))
        },
        Row(name: "one that is not advertised", expected: ["VI_1 changed: installs announces"]) {
            $0.instances[0].excludedAddresses.append(VirtualAddress(prefix("10.0.0.12/24")))
        },
        Row(name: "an address less", expected: ["VI_1 changed: withdraws! advertises_other_addresses"]) {
            $0.instances[0].virtualAddresses.removeFirst()
        },
        Row(name: "an address that is no longer advertised", expected: ["VI_1 changed: advertises_other_addresses"]) {
            $0.instances[0].excludedAddresses.append($0.instances[0].virtualAddresses.removeLast())
        },
        Row(
            name: "another length of its network",
            expected: ["VI_2 changed: installs withdraws! announces"]
        ) { $0.instances[1].virtualAddresses = [VirtualAddress(prefix("10.0.0.20/25"))] },
        Row(name: "options of an address", expected: ["VI_2 changed: rewrites"]) {
            $0.instances[1].virtualAddresses[0].label = "e0:1"
        },
        Row(name: "a lifetime", expected: ["VI_1 changed: rewrites rewrites"]) {
            $0.instances[0].addressLifetime = .seconds(30)
        },
        Row(
            name: "an address on another device",
            expected: ["VI_2 changed: installs withdraws! announces may_fault!"]
        ) { $0.instances[1].virtualAddresses[0].device = "e1" },
        Row(
            name: "an address that moves to another instance",
            expected: [
                "VI_1 changed: withdraws! advertises_other_addresses",
                "VI_2 changed: installs announces advertises_other_addresses",
            ]
        ) { $0.instances[1].virtualAddresses.append($0.instances[0].virtualAddresses.removeLast()) },
        Row(name: "a priority", expected: ["VI_1 changed: priority!", "VI_2 changed: priority!"]) {
            $0.instances[0].basePriority = 150
            $0.instances[1].basePriority = 50
        },
        Row(name: "an interval of version 2", expected: ["VI_1 changed: peers_must_follow!"]) {
            $0.instances[0].advertInterval = .seconds(2)
        },
        Row(name: "version 3, where intervals are learnt", expected: ["VI_1 changed: peers_must_follow!"]) {
            $0.instances[0].version = .v3
            $0.instances[0].advertInterval = .milliseconds(500)
        },
        Row(name: "a password", expected: ["VI_2 changed: peers_must_follow!"]) {
            $0.instances[1].authentication = .pass(Secret(Array("geheim".utf8)))
        },
        Row(name: "a multicast group", expected: ["VI_2 changed: peers_must_follow!"]) {
            $0.instances[1].multicastGroup = IPAddress("224.0.0.19")!
        },
        Row(name: "a name", expected: ["VI_renamed changed:"]) { $0.instances[0].name = "VI_renamed" },
        Row(
            name: "a number", expected: ["VI_1 restarted: stops! withdraws! withdraws! starts peers_must_follow!"]
        ) { $0.instances[0].virtualRouterID = 61 },
        Row(name: "an interface", expected: ["VI_2 restarted: stops! withdraws! starts"]) {
            $0.instances[1].interface = "e1"
        },
        Row(name: "unicast", expected: ["VI_2 restarted: stops! withdraws! starts peers_must_follow!"]) {
            $0.instances[1].unicastPeers = [UnicastPeer(address: IPAddress("10.0.0.2")!)]
            $0.instances[1].unicastSource = IPAddress("10.0.0.1")!
        },
        Row(name: "an instance less", expected: ["VI_1 removed: stops! withdraws! withdraws!"]) {
            $0.instances.removeFirst()
        },
        Row(name: "an instance more", expected: ["VI_6 added: starts"]) {
            $0.instances.append(Bench.instance("VI_6", id: 56, addresses: ["10.0.0.60/24"]))
        },
        Row(name: "an owner more", expected: ["VI_6 added: starts!"]) {
            $0.instances.append(Bench.instance("VI_6", id: 56, priority: 255, addresses: ["10.0.0.60/24"]))
        },
        Row(
            name: "an instance that takes another's addresses",
            expected: ["VI_6 added: starts", "VI_2 removed: stops! withdraws!"]
        ) {
            $0.instances.remove(at: 1)
            $0.instances.append(Bench.instance("VI_6", id: 56, addresses: ["10.0.0.20/24"]))
        },
        Row(
            name: "an instance whose addresses another one takes",
            expected: [
                "VI_1 changed: installs announces advertises_other_addresses", "VI_2 removed: stops! withdraws!",
            ]
        ) { $0.instances[0].virtualAddresses += $0.instances.remove(at: 1).virtualAddresses },
        Row(name: "a tracked interface", expected: ["VI_1 changed: may_fault!"]) {
            $0.instances[0].trackInterfaces = [TrackedInterface(name: "e1")]
        },
        Row(name: "an interface that is tracked no more", expected: ["VI_3 changed: may_recover"]) {
            $0.instances[2].trackInterfaces = []
        },
        Row(name: "settings of a script", expected: []) { $0.scripts[0].interval = .seconds(5) },
        Row(name: "a reading of a script", expected: ["VI_3 unchanged: may_change_priority!"]) {
            $0.scripts[0].command = .run(["/bin/false"])
        },
        Row(name: "a weight", expected: ["VI_3 unchanged: may_change_priority!"]) { $0.scripts[0].weight = -30 },
        Row(name: "hooks of a group", expected: []) {
            $0.syncGroups[0].notify.master = HookCommand(argv: ["/bin/true"])
        },
        Row(name: "globals", expected: []) {
            $0.global.niceness = -5
            $0.global.logUnknownVRIDs = true
        },
    ]

    /// Groups decide together: what happens is not each member's own.
    static let groupRows: [Row] = [
        Row(name: "a group of another name", expected: []) { $0.syncGroups[0].name = "H" },
        Row(name: "a group less", expected: ["VI_4 unchanged: group_loses", "VI_5 unchanged: group_loses"]) {
            $0.syncGroups = []
        },
        Row(
            name: "a member less",
            expected: ["VI_4 unchanged: group_loses", "VI_5 removed: stops! withdraws!"]
        ) {
            $0.syncGroups[0].members = ["VI_4"]
            $0.instances.removeLast()
        },
        Row(
            name: "a member more",
            expected: ["VI_4 unchanged: group_gains!", "VI_5 unchanged: group_gains!", "VI_6 added: starts"]
        ) {
            $0.syncGroups[0].members.append("VI_6")
            $0.instances.append(Bench.instance("VI_6", id: 56, addresses: ["10.0.0.60/24"]))
        },
        Row(
            name: "a member that is renamed", expected: ["VI_renamed changed:"]
        ) {
            $0.syncGroups[0].members = ["VI_4", "VI_renamed"]
            $0.instances[4].name = "VI_renamed"
        },
        Row(
            name: "a member that begins again",
            expected: [
                "VI_4 unchanged: group_gains! group_loses",
                "VI_5 restarted: stops! withdraws! starts peers_must_follow!",
            ]
        ) { $0.instances[4].virtualRouterID = 75 },
        Row(
            name: "what a group tracks",
            expected: ["VI_4 unchanged: may_fault! may_fault!", "VI_5 unchanged: may_fault! may_fault!"]
        ) { $0.syncGroups[0].trackInterfaces = [TrackedInterface(name: "e1")] },
    ]

    // MARK: What the plan says, and what the engine does

    static func summary(_ plan: Plan) -> [String] {
        plan.instances.filter { $0.fate != .unchanged || !$0.consequences.isEmpty }.map { instance in
            let names = instance.consequences.map { " " + $0.name + ($0.disturbs ? "!" : "") }.joined()
            return "\(instance.name) \(instance.fate.rawValue):\(names)"
        }
    }

    /// What the plan claims, when every instance has this role.
    static func claims(_ plan: Plan, _ new: Model, isMaster: Bool, heldBefore: Set<HeldAddress>) -> Set<Fact> {
        var facts: Set<Fact> = []
        for part in plan.instances {
            let definition = new.instances.first { $0.name == part.name }
            let held = definition.map { Self.held($0, new) } ?? []
            for consequence in part.consequences {
                switch consequence {
                case .installs(let address) where isMaster && !heldBefore.contains(address):
                    facts.insert(.install(address))
                case .rewrites(let address) where isMaster: facts.insert(.install(address))
                case .withdraws(let address, nil) where isMaster: facts.insert(.withdraw(address))
                case .announces where isMaster: facts.formUnion(held.map(Fact.announce))
                case .priority:
                    facts.insert(.priority(part.name))
                    if definition?.notifyPriorityChanges == true { facts.insert(.hook(part.name, .priorityChanged)) }
                case .stops(let reportsDeleted):
                    facts.formUnion([.transition(part.name), .hook(part.name, reportsDeleted ? .deleted : .fault)])
                    if isMaster { facts.insert(.release(part.name)) }
                case .starts(let asOwner):
                    facts.formUnion([.transition(part.name), .hook(part.name, asOwner ? .master : .backup)])
                    if asOwner { facts.formUnion(held.flatMap { [.install($0), .announce($0)] }) }
                default: break
                }
            }
        }
        return facts
    }

    /// What the plan leaves open: a weight may count at once.
    static func open(_ plan: Plan) -> Set<Fact> {
        let names = plan.instances.filter { $0.consequences.contains { $0.name == "may_change_priority" } }.map(\.name)
        return Set(names.flatMap { [.priority($0), .hook($0, .priorityChanged)] })
    }

    static func held(_ instance: InstanceDefinition, _ model: Model) -> [HeldAddress] {
        (instance.virtualAddresses + instance.excludedAddresses).map {
            HeldAddress(prefix: $0.prefix, device: $0.device ?? instance.interface ?? model.global.defaultInterface)
        }
    }

    static func facts(_ effects: [Effect], _ engine: Engine) -> Set<Fact> {
        func name(_ id: RouterID) -> String { engine.definition(of: id)?.name ?? "?" }
        func held(_ id: AddressID) -> HeldAddress? {
            engine.address(id).map { HeldAddress(prefix: $0.key.prefix, device: $0.key.device) }
        }
        return Set(
            effects.compactMap { effect -> Fact? in
                switch effect {
                case .install(let id): held(id).map(Fact.install)
                case .withdraw(let id): held(id).map(Fact.withdraw)
                case .announce(let id, _): held(id).map(Fact.announce)
                case .advertise(let id, .releasing): .release(name(id))
                case .transition(let id, _): .transition(name(id))
                case .hook(.router(let id), let kind): .hook(name(id), kind)
                case .note(.priorityChanged(let id, _, _)): .priority(name(id))
                default: nil
                }
            })
    }

    /// An engine in which every instance is backup, or master, and the script has succeeded.
    static func bench(_ model: Model, isMaster: Bool) -> Bench {
        var bench = Bench(model.instances, scripts: model.scripts, groups: model.syncGroups)
        bench.start()
        let started = bench.effects.compactMap { if case .startScript(let id) = $0 { id } else { nil } }
        bench.pass(isMaster ? .seconds(10) : .milliseconds(10))
        for case .startScript(let id) in started.map(Effect.startScript) + bench.effects {
            bench.handle(.scriptFinished(id, .exited(0)))
        }
        return bench
    }

    static func reloaded(_ old: Model, _ new: Model, isMaster: Bool) -> Set<Fact> {
        var bench = bench(old, isMaster: isMaster)
        let roles = Set(bench.engine.statuses.map(\.role))
        #expect(roles == [isMaster ? .master : .backup])
        bench.handle(.reload(new))
        return facts(bench.effects, bench.engine)
    }

    @Test("Each change has the consequences of the table", arguments: (rows + groupRows).indices)
    func consequences(_ index: Int) {
        let row = (Self.rows + Self.groupRows)[index]
        var model = Self.base
        row.mutate(&model)
        let plan = Plan(from: Self.base, to: model)
        #expect(Self.summary(plan) == row.expected, "\(row.name)")
        #expect(plan.disturbs == row.expected.contains { $0.contains("!") }, "\(row.name)")
        #expect(
            plan.isEmpty
                == (model.instances == Self.base.instances && row.name == "nothing" || row.name == "another order"))
    }

    @Test("The engine does what the plan says and no more", arguments: rows.indices)
    func agreement(_ index: Int) {
        let row = Self.rows[index]
        var model = Self.base
        row.mutate(&model)
        let plan = Plan(from: Self.base, to: model)
        let heldBefore = Set(Self.base.instances.flatMap { Self.held($0, Self.base) })
        for isMaster in [false, true] {
            let claims = Self.claims(plan, model, isMaster: isMaster, heldBefore: heldBefore)
            let facts = Self.reloaded(Self.base, model, isMaster: isMaster)
            #expect(
                facts.subtracting(Self.open(plan)) == claims.subtracting(Self.open(plan)),
                "\(row.name), \(isMaster ? "master" : "backup")")
        }
    }

    @Test("An instance that the plan leaves alone has no effect in a group either", arguments: groupRows.indices)
    func groups(_ index: Int) {
        let row = Self.groupRows[index]
        var model = Self.base
        row.mutate(&model)
        let plan = Plan(from: Self.base, to: model)
        let affected = Set(plan.instances.filter { $0.fate != .unchanged || $0.disturbs }.map(\.name))
        for isMaster in [false, true] {
            for fact in Self.reloaded(Self.base, model, isMaster: isMaster) {
                switch fact {
                case .release(let name), .transition(let name), .hook(let name, _), .priority(let name):
                    #expect(affected.contains(name), "\(row.name): \(fact)")
                case .install(let address), .withdraw(let address), .announce(let address):
                    let holders = (Self.base.instances + model.instances).filter {
                        Self.held($0, model).contains(address)
                    }
                    #expect(holders.contains { affected.contains($0.name) }, "\(row.name): \(fact)")
                }
            }
        }
    }

    @Test("A script without a result counts as failed at first, which the plan fears")
    func fresh() {
        var model = Self.base
        model.scripts[0].command = .run(["/bin/false"])
        #expect(Self.reloaded(Self.base, model, isMaster: true) == [.priority("VI_3")])
        let expected: [Consequence] = [.mayChangePriority(["script check (without a result at first)"])]
        #expect(Plan(from: Self.base, to: model).instances[2].consequences == expected)
    }

    @Test("A master steps down when its group gains a member, as the plan says")
    func gained() {
        var model = Self.base
        Self.groupRows[3].mutate(&model)
        let facts = Self.reloaded(Self.base, model, isMaster: true)
        #expect(facts.contains(.withdraw(HeldAddress(prefix: Self.prefix("10.0.0.40/24"), device: "e0"))))
        #expect(facts.contains(.transition("VI_4")))
    }

    @Test("What a plan fears of an interface happens when it is down")
    func fears() {
        var model = Self.base
        model.instances[0].trackInterfaces = [TrackedInterface(name: "e1")]
        var bench = Self.bench(Self.base, isMaster: true)
        bench.handle(.link(Link(index: Bench.e1, name: "e1", isUp: false)))
        bench.handle(.reload(model))
        #expect(bench.role("VI_1") == .fault)
        #expect(Plan(from: Self.base, to: model).instances[0].consequences == [.mayFault(["interface e1"])])
    }

    @Test("Several changes at once do what each of them does", arguments: 0..<400)
    func combinations(_ seed: Int) {
        var random = SplitMix64(seed: UInt64(seed))
        var model = Self.base
        var names: [String] = []
        for _ in 0..<3 {
            let row = Self.rows[Int(random.next() % UInt64(Self.rows.count))]
            // Rows name instances by their positions.
            guard model.instances.count >= 5, model.instances[0].virtualRouterID % 10 == 1,
                model.instances[0].virtualAddresses.count > 1
            else { break }
            row.mutate(&model)
            names.append(row.name)
        }
        guard Set(model.instances.map(\.name)).count == model.instances.count,
            Set(model.instances.map { "\($0.virtualRouterID) \($0.interface ?? "")" }).count == model.instances.count,
            !names.contains("unicast")
        else { return }
        let plan = Plan(from: Self.base, to: model)
        let heldBefore = Set(Self.base.instances.flatMap { Self.held($0, Self.base) })
        for isMaster in [false, true] {
            let claims = Self.claims(plan, model, isMaster: isMaster, heldBefore: heldBefore)
            #expect(
                Self.reloaded(Self.base, model, isMaster: isMaster).subtracting(Self.open(plan))
                    == claims.subtracting(Self.open(plan)),
                "\(names), \(isMaster ? "master" : "backup")")
        }
    }
}
