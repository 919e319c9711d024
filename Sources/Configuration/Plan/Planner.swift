import Primitives

extension Plan {
    /// The plan of a reload that finds `new` while `old` is in force.
    public init(from old: Model, to new: Model) {
        let planner = Planner(old, new)
        globals = Change.between(old.global.wordings, new.global.wordings).map {
            GlobalPlan(change: $0, waitsForStart: GlobalDefinitions.keywordsOfStart.contains($0.keyword))
        }
        scripts = planner.scripts()
        groups = planner.groups()
        servers = planner.servers()
        serverGroups = planner.parts(old.virtualServerGroups, new.virtualServerGroups, \.name, \.wordings)
        files = planner.parts(old.trackFiles, new.trackFiles, \.name, \.wordings)
        processes = planner.parts(old.trackProcesses, new.trackProcesses, \.name, \.wordings)
        sessions = planner.parts(old.bfdInstances, new.bfdInstances, \.name, \.wordings)
        arbiters = planner.parts(old.arbiters, new.arbiters, \.name, \.wordings)
        statics = Change.between(old.statics.wordings, new.statics.wordings)
        interfaces = Change.between(old.interfaces.wordings, new.interfaces.wordings)
        tls = Change.between((old.tls ?? TLSMaterial()).wordings, (new.tls ?? TLSMaterial()).wordings)
        instances = planner.instances()
    }
}

/// Compares two models.
struct Planner {
    let old: Model
    let new: Model
    let succession: Succession
    /// By the name of an instance.
    let oldGroups: [String: SyncGroupDefinition]
    let newGroups: [String: SyncGroupDefinition]
    let groupMoves: [GroupMove: [Consequence]]
    let oldScripts: [String: TrackScript]
    let newScripts: [String: TrackScript]
    /// Scripts of the new model without a result to go on with.
    let freshScripts: Set<String>
    /// Positions of the new model's instances.
    let newIndex: [String: Int]
    /// Who has an address in the new model.
    let newHolders: [HeldAddress: String]
    /// What instances hold by.
    let oldLeases: [String: PlannedLease]
    let newLeases: [String: PlannedLease]

    init(_ old: Model, _ new: Model) {
        self.old = old
        self.new = new
        succession = Succession(from: old, to: new)
        oldGroups = Self.groups(of: old)
        newGroups = Self.groups(of: new)
        groupMoves = Self.groupMoves(old, new, succession, oldGroups, newGroups)
        oldScripts = Dictionary(old.scripts.map { ($0.name, $0) }) { first, _ in first }
        newScripts = Dictionary(new.scripts.map { ($0.name, $0) }) { first, _ in first }
        // A script that nobody tracks does not run.
        let tracked = Set((old.instances.flatMap(\.trackScripts) + old.syncGroups.flatMap(\.trackScripts)).map(\.name))
        freshScripts = Set(
            new.scripts.filter { script in
                !old.scripts.contains {
                    $0.name == script.name && $0.command == script.command && tracked.contains($0.name)
                }
            }.map(\.name))
        newIndex = Dictionary(new.instances.enumerated().map { ($1.name, $0) }) { first, _ in first }
        newHolders = Self.holders(in: new)
        oldLeases = PlannedLease.all(of: old)
        newLeases = PlannedLease.all(of: new)
    }

    private static func groups(of model: Model) -> [String: SyncGroupDefinition] {
        var groups: [String: SyncGroupDefinition] = [:]
        for group in model.syncGroups {
            for member in group.members where groups[member] == nil { groups[member] = group }
        }
        return groups
    }

    private static func holders(in model: Model) -> [HeldAddress: String] {
        var holders: [HeldAddress: String] = [:]
        for instance in model.instances {
            for (held, _) in addresses(of: instance, in: model) where holders[held] == nil {
                holders[held] = instance.name
            }
        }
        return holders
    }

    /// What an instance holds as master, in its order, each with its device resolved.
    static func addresses(of instance: InstanceDefinition, in model: Model) -> [(HeldAddress, VirtualAddress)] {
        (instance.virtualAddresses + instance.excludedAddresses).map { address in
            let device = address.device ?? instance.interface ?? model.global.defaultInterface
            return (HeldAddress(prefix: address.prefix, device: device), address)
        }
    }

    // MARK: Scripts and groups

    func scripts() -> [PartPlan] {
        var plans: [PartPlan] = []
        for script in new.scripts {
            guard let before = oldScripts[script.name] else {
                plans.append(PartPlan(name: script.name, fate: .added))
                continue
            }
            guard before != script else { continue }
            let remark =
                freshScripts.contains(script.name) ? "runs anew: it has no result at first" : "its result is kept"
            let changes = Change.between(before.wordings, script.wordings)
            plans.append(PartPlan(name: script.name, fate: .changed, changes: changes, remark: remark))
        }
        return plans + old.scripts.filter { newScripts[$0.name] == nil }.map { PartPlan(name: $0.name, fate: .removed) }
    }

    func groups() -> [PartPlan] {
        let before = Dictionary(old.syncGroups.map { ($0.name, $0) }) { first, _ in first }
        let after = Set(new.syncGroups.map(\.name))
        var plans: [PartPlan] = []
        for group in new.syncGroups {
            guard let known = before[group.name] else {
                plans.append(
                    PartPlan(name: group.name, fate: .added, remark: "its notify scripts run for the role it has"))
                continue
            }
            guard known != group else { continue }
            let changes = Change.between(known.wordings, group.wordings)
            plans.append(PartPlan(name: group.name, fate: .changed, changes: changes))
        }
        return plans
            + old.syncGroups.filter { !after.contains($0.name) }.map { PartPlan(name: $0.name, fate: .removed) }
    }

    // MARK: Instances

    func instances() -> [InstancePlan] {
        var plans: [InstancePlan] = []
        let ended = succession.ended.map { old.instances[$0] }
        let endedByName = Dictionary(ended.map { ($0.name, $0) }) { first, _ in first }
        var restarted: Set<String> = []
        for (index, definition) in new.instances.enumerated() {
            if let predecessor = succession.predecessors[index] {
                plans.append(plan(old.instances[predecessor], definition))
            } else if let before = endedByName[definition.name] {
                restarted.insert(definition.name)
                plans.append(restart(before, definition))
            } else {
                plans.append(
                    InstancePlan(
                        name: definition.name, fate: .added, consequences: [.starts(asOwner: definition.isOwner)]))
            }
        }
        for definition in ended where !restarted.contains(definition.name) {
            plans.append(InstancePlan(name: definition.name, fate: .removed, consequences: end(of: definition)))
        }
        shareFaults(&plans)
        return plans
    }

    private func restart(_ before: InstanceDefinition, _ after: InstanceDefinition) -> InstancePlan {
        InstancePlan(
            name: after.name, fate: .restarted, changes: Change.between(before.wordings, after.wordings),
            consequences: end(of: before) + [.starts(asOwner: after.isOwner)] + wireConsequences(before, after))
    }

    private func end(of definition: InstanceDefinition) -> [Consequence] {
        [.stops(reportsDeleted: definition.notify.reportsDeleted)]
            + Self.addresses(of: definition, in: old).map {
                .withdraws($0.0, keptBy: keeper(of: $0.0, besides: definition.name))
            }
    }

    /// Who has it in the new model and goes on: one that begins is not master yet.
    private func keeper(of address: HeldAddress, besides name: String) -> String? {
        guard let holder = newHolders[address], holder != name,
            let index = newIndex[holder], succession.predecessors[index] != nil
        else { return nil }
        return holder
    }

    private func plan(_ before: InstanceDefinition, _ after: InstanceDefinition) -> InstancePlan {
        var plan = InstancePlan(name: after.name, fate: .unchanged)
        if before.name != after.name { plan.formerName = before.name }
        // `default_interface` moves the addresses of an instance that has no interface of its own.
        let isMoved = after.interface == nil && old.global.defaultInterface != new.global.defaultInterface
        if before != after || isMoved {
            plan.fate = .changed
            plan.changes = Change.between(before.wordings, after.wordings)
            plan.consequences += addressConsequences(before, after)
            if before.basePriority != after.basePriority {
                plan.consequences.append(.priority(from: before.basePriority, to: after.basePriority))
            }
            plan.consequences += wireConsequences(before, after)
        }
        plan.consequences += environmentConsequences(before, after)
        plan.consequences += groupConsequences(before, after)
        plan.consequences += leaseConsequences(before, after)
        return plan
    }

    private func addressConsequences(_ before: InstanceDefinition, _ after: InstanceDefinition) -> [Consequence] {
        let had = Self.addresses(of: before, in: old)
        let has = Self.addresses(of: after, in: new)
        let known = Dictionary(had) { first, _ in first }
        let wanted = Set(has.map(\.0))
        var consequences: [Consequence] = []
        var gains = false
        for (held, address) in has {
            if let former = known[held] {
                if former != address || before.addressLifetime != after.addressLifetime {
                    consequences.append(.rewrites(held))
                }
            } else {
                gains = true
                consequences.append(.installs(held))
            }
        }
        for (held, _) in had where !wanted.contains(held) {
            consequences.append(.withdraws(held, keptBy: keeper(of: held, besides: after.name)))
        }
        if gains { consequences.append(.announces(count: after.announcements.masterRepeat)) }
        return consequences
    }

    private func wireConsequences(_ before: InstanceDefinition, _ after: InstanceDefinition) -> [Consequence] {
        var words: [String] = []
        if before.virtualRouterID != after.virtualRouterID { words.append("virtual_router_id") }
        if before.version != after.version { words.append("version") }
        // Version 3 learns the master's interval.
        if before.advertInterval != after.advertInterval, after.version == .v2 { words.append("advert_int") }
        if before.authentication != after.authentication { words.append("authentication") }
        if Set(before.unicastPeers.map(\.address)) != Set(after.unicastPeers.map(\.address)) {
            words.append("unicast_peer")
        }
        if !after.isUnicast, before.multicastGroup != after.multicastGroup { words.append("mcast_dst_ip") }
        let hasPseudoHeader = after.version == .v3 && after.family == .ipv4
        if hasPseudoHeader, before.checksumAsV2 != after.checksumAsV2 { words.append("v3_checksum_as_v2") }
        var consequences: [Consequence] = words.isEmpty ? [] : [.peersMustFollow(words)]
        let lists = [before, after].map { Set($0.virtualAddresses.map(\.prefix.address)) }
        if lists[0] != lists[1] { consequences.append(.advertisesOtherAddresses) }
        return consequences
    }
}
