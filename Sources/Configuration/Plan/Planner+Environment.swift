import Primitives

/// What an instance depends on: interfaces, scripts, its group.
extension Planner {
    /// A tracker as it counts for one instance.
    private struct Tracker: Hashable {
        /// For people.
        var name: String
        var script: String?
        var weight: Int
        var reverse: Bool
    }

    private func trackers(
        of definition: InstanceDefinition, _ group: SyncGroupDefinition?, _ scripts: [String: TrackScript]
    ) -> [Tracker] {
        var trackers: [Tracker] = []
        func add(_ interfaces: [TrackedInterface], _ tracked: [TrackedScript], weighted: Bool) {
            for interface in interfaces where weighted || interface.weight == 0 {
                trackers.append(
                    Tracker(
                        name: "interface \(interface.name)", weight: interface.weight, reverse: interface.reverse))
            }
            for entry in tracked {
                guard let script = scripts[entry.name] else { continue }
                let weight = entry.weight ?? script.weight
                guard weighted || weight == 0 else { continue }
                trackers.append(
                    Tracker(
                        name: "script \(script.name)", script: script.name, weight: weight,
                        reverse: entry.reverse ?? script.reverse))
            }
        }
        // Members of a group keep one priority, unless it says otherwise.
        add(definition.trackInterfaces, definition.trackScripts, weighted: group?.trackingWeight ?? true)
        if let group { add(group.trackInterfaces, group.trackScripts, weighted: true) }
        return trackers
    }

    /// Devices that addresses stand on, besides the instance's own.
    private func devices(of definition: InstanceDefinition, in model: Model) -> [Tracker] {
        Self.addresses(of: definition, in: model).filter { !$0.1.noTrack && $0.0.device != definition.interface }
            .map { Tracker(name: "interface \($0.0.device)", weight: 0, reverse: false) }
    }

    func environmentConsequences(_ before: InstanceDefinition, _ after: InstanceDefinition) -> [Consequence] {
        let had = trackers(of: before, oldGroups[before.name], oldScripts) + devices(of: before, in: old)
        let has = trackers(of: after, newGroups[after.name], newScripts) + devices(of: after, in: new)
        let (hadSet, hasSet) = (Set(had), Set(has))
        var faults = has.filter { $0.weight == 0 && (!hadSet.contains($0) || isFresh($0)) }.map(described)
        var recoveries = had.filter { $0.weight == 0 && !hasSet.contains($0) }.map(\.name)
        var weights = has.filter { $0.weight != 0 && (!hadSet.contains($0) || isFresh($0)) }.map(described)
        weights += had.filter { $0.weight != 0 && !hasSet.contains($0) }.map(\.name)
        if after.isOwner { weights = [] }
        if before.dontTrackPrimary != after.dontTrackPrimary, let own = after.interface {
            if after.dontTrackPrimary {
                recoveries.append("interface \(own)")
            } else {
                faults.append("interface \(own)")
            }
        }
        faults += sourceFaults(before, after)
        var consequences: [Consequence] = []
        if !faults.isEmpty { consequences.append(.mayFault(unique(faults))) }
        if !recoveries.isEmpty { consequences.append(.mayRecover(unique(recoveries))) }
        if !weights.isEmpty { consequences.append(.mayChangePriority(unique(weights))) }
        return consequences
    }

    private func isFresh(_ tracker: Tracker) -> Bool { tracker.script.map(freshScripts.contains) ?? false }

    private func described(_ tracker: Tracker) -> String {
        tracker.name + (isFresh(tracker) ? " (without a result at first)" : "")
    }

    /// A source address that must be there, or that is looked for where one was given.
    private func sourceFaults(_ before: InstanceDefinition, _ after: InstanceDefinition) -> [String] {
        let had = before.isUnicast ? before.unicastSource : before.multicastSource
        let has = after.isUnicast ? after.unicastSource : after.multicastSource
        guard let has else { return had == nil ? [] : ["a source address"] }
        let isWatched = after.trackSourceAddress && (!before.trackSourceAddress || had != has)
        return isWatched ? ["the source address \(has)"] : []
    }

    private func unique(_ names: [String]) -> [String] {
        var seen: Set<String> = []
        return names.filter { seen.insert($0).inserted }
    }

    // MARK: Groups

    func groupConsequences(_ before: InstanceDefinition, _ after: InstanceDefinition) -> [Consequence] {
        groupMoves[GroupMove(former: oldGroups[before.name], now: newGroups[after.name])] ?? []
    }

    /// From which group to which the instances go on, and what that means for each of them. There are few such moves, and
    /// each is looked at once: groups may be large.
    static func groupMoves(
        _ old: Model, _ new: Model, _ succession: Succession, _ oldGroups: [String: SyncGroupDefinition],
        _ newGroups: [String: SyncGroupDefinition]
    ) -> [GroupMove: [Consequence]] {
        // The old names of the instances that go on.
        var formerNames: [String: String] = [:]
        for (index, definition) in new.instances.enumerated() {
            guard let predecessor = succession.predecessors[index] else { continue }
            formerNames[definition.name] = old.instances[predecessor].name
        }
        var moves: [GroupMove: [Consequence]] = [:]
        for definition in new.instances {
            guard let formerName = formerNames[definition.name] else { continue }
            let (former, now) = (oldGroups[formerName], newGroups[definition.name])
            let move = GroupMove(former: former, now: now)
            guard moves[move] == nil else { continue }
            var consequences: [Consequence] = []
            if let now {
                let mates = Set(former?.members ?? [])
                let gained =
                    former == nil
                    ? now.members : now.members.filter { formerNames[$0].map { !mates.contains($0) } ?? true }
                if !gained.isEmpty { consequences.append(.groupGains(now.name, members: gained)) }
            }
            if let former {
                let stay = Set((now?.members ?? []).compactMap { formerNames[$0] })
                if !former.members.allSatisfy(stay.contains) { consequences.append(.groupLoses(former.name)) }
            }
            moves[move] = consequences
        }
        return moves
    }

    /// The fault of a member is its whole group's.
    func shareFaults(_ plans: inout [InstancePlan]) {
        var reasons: [String: [String]] = [:]
        for plan in plans {
            guard let group = newGroups[plan.name], mayFault(plan) else { continue }
            reasons[group.name, default: []].append(plan.name)
        }
        for index in plans.indices where plans[index].fate != .removed {
            guard let group = newGroups[plans[index].name], let members = reasons[group.name] else { continue }
            let others = members.count > 8 ? members : members.filter { $0 != plans[index].name }
            guard !others.isEmpty else { continue }
            let named = others.prefix(3).map { "\($0) of group \(group.name)" }
            let more = others.count > 3 ? ["\(others.count - 3) more of it"] : []
            plans[index].consequences.append(.mayFault(named + more))
        }
    }

    private func mayFault(_ plan: InstancePlan) -> Bool {
        plan.consequences.contains { if case .mayFault = $0 { true } else { false } }
    }
}

/// An instance that was a member of one group and is one of another; nil is none.
struct GroupMove: Hashable {
    private let former: String?
    private let current: String?

    init(former: SyncGroupDefinition?, now: SyncGroupDefinition?) {
        self.former = former?.name
        current = now?.name
    }
}
