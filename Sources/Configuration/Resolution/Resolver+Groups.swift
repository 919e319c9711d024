import ConfigLanguage
import Primitives

extension Resolver {
    /// The groups with the members that exist, their drafts, and the group of each instance (by its index).
    mutating func resolveGroups(
        _ drafts: [GroupDraft], _ instances: [String: Int]
    ) -> ([SyncGroupDefinition], [GroupDraft], [Int: Int]) {
        var groups: [SyncGroupDefinition] = []
        var kept: [GroupDraft] = []
        var groupOfInstance: [Int: Int] = [:]
        var names: [String: SourceRange] = [:]
        for draft in drafts {
            if let before = names[draft.name.value] {
                report(
                    .duplicateGroup, at: draft.name.range, "there are two groups `\(draft.name.value)`",
                    reason: "only the first is used", fix: "give it a name of its own",
                    related: [Diagnostic.Related(before, "defined here before")])
                continue
            }
            names[draft.name.value] = draft.name.range
            let (members, hadFaults) = members(of: draft, number: groups.count, instances, groups, &groupOfInstance)
            guard !members.isEmpty else {
                // Where each member had a fault of its own, that is said.
                if draft.failed.isEmpty, !hadFaults || leniency == .keepalived {
                    report(
                        .emptyGroup, at: draft.name.range, "the group `\(draft.name.value)` has no members",
                        reason: "it is removed", fix: "name instances in its `group` block")
                }
                continue
            }
            if members.count == 1 {
                report(
                    .singleMember, at: draft.name.range, "the group `\(draft.name.value)` has one member only",
                    reason: "there is nothing to keep in step with", fix: "add the others, or remove the group")
            }
            var group = SyncGroupDefinition(name: draft.name.value, members: members)
            group.trackInterfaces = resolveInterfaces(draft.trackInterfaces, own: nil)
            group.trackScripts = resolveScripts(draft.trackScripts)
            group.tracked = resolve(draft.tracked)
            group.smtpAlert = draft.smtpAlert?.value ?? alertsOfInstances
            group.arbiter = resolve(arbiter: draft.lease.arbiter)
            group.leaseName = draft.lease.name?.value
            group.notify = resolve(draft.notify)
            group.trackingWeight = draft.trackingWeight?.value ?? false
            group.notifyPriorityChanges = draft.notifyPriorityChanges?.value ?? global.notifyPriorityChanges
            groups.append(group)
            kept.append(draft)
        }
        return (groups, kept, groupOfInstance)
    }

    /// Takes instances that are refused themselves out of their groups, and groups without members away.
    func dropFallen(
        _ groups: inout [SyncGroupDefinition], _ drafts: inout [GroupDraft], _ instances: [InstanceDefinition]
    ) {
        let standing = Set(instances.map(\.name))
        for number in groups.indices.reversed() {
            groups[number].members.removeAll { !standing.contains($0) }
            guard groups[number].members.isEmpty else { continue }
            groups.remove(at: number)
            drafts.remove(at: number)
        }
    }

    private mutating func members(
        of draft: GroupDraft, number: Int, _ instances: [String: Int], _ groups: [SyncGroupDefinition],
        _ groupOfInstance: inout [Int: Int]
    ) -> ([String], hadFaults: Bool) {
        var members: [String] = []
        var faults = false
        for member in draft.members {
            guard let index = instances[member.value] else {
                let meant = meant(by: member.value) { instances.keys.sorted() }
                report(
                    .undefinedMember, at: member.range, "there is no instance `\(member.value)`",
                    reason: "the group would run without it",
                    fix: meant.map { "did you mean `\($0)`?" } ?? "define it, or remove it from the group",
                    fixIt: meant.map { Diagnostic.FixIt(member.range, $0) })
                faults = true
                continue
            }
            if let other = groupOfInstance[index] {
                let where_ = other == number ? "twice in this group" : "in the group `\(groups[other].name)` already"
                report(
                    .duplicateMember, at: member.range, "`\(member.value)` is \(where_)",
                    reason: "an instance keeps step with one group", fix: "remove it from one of them")
                faults = true
                continue
            }
            groupOfInstance[index] = number
            members.append(member.value)
        }
        return (members, faults)
    }

    /// What needs both groups and instances.
    mutating func checkGroups(
        _ groups: [SyncGroupDefinition], _ drafts: [GroupDraft], _ instances: [InstanceDefinition]
    ) {
        let index = Dictionary(instances.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { a, _ in a })
        for (group, draft) in zip(groups, drafts) {
            let members = group.members.compactMap { name in index[name].map { instances[$0] } }
            let owners = members.filter(\.isOwner).count
            if owners > 0, owners < members.count {
                report(
                    .mixedOwners, at: draft.name.range,
                    "some members of `\(group.name)` have priority 255 and others have not",
                    reason: "an owner is always master: the group could never be backup together",
                    fix: "give all of them 255, or none")
            }
            suspect(group, draft, members)
            guard !group.trackingWeight else { continue }
            for member in members where isWeighted(member) {
                report(
                    .groupWeights, at: draft.name.range,
                    "`\(member.name)` tracks with a weight, which does not count in the group `\(group.name)`",
                    reason: "members of a group keep one priority, unless `sync_group_tracking_weight` is written",
                    fix: "add `sync_group_tracking_weight` to the group, or remove the weight")
            }
        }
    }

    func isWeighted(_ instance: InstanceDefinition) -> Bool {
        instance.trackInterfaces.contains { $0.weight != 0 }
            || instance.trackScripts.contains { tracked in
                let own = scriptIndex[tracked.name].map { scripts[$0].weight } ?? 0
                return (tracked.weight ?? own) != 0
            } || isWeighted(instance.tracked)
    }
}
