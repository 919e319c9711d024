import ConfigLanguage
import Primitives

// Who needs a lease, from whom, and what that cannot be.
extension Resolver {
    /// The name of an arbiter that stands; from now on it is used. Its lack is reported.
    mutating func resolve(arbiter written: Written<String>?) -> String? {
        guard let written else { return nil }
        arbiters.used.insert(written.value)
        if arbiters.index[written.value] != nil { return written.value }
        // One with a fault of its own has been reported.
        guard arbiters.places[written.value] == nil else { return nil }
        let meant = meant(by: written.value) { [arbiters] in arbiters.definitions.map(\.name) }
        report(
            .undefinedArbiter, at: written.range, "there is no arbiter `\(written.value)`",
            reason: "without a lease two nodes that lose sight of each other both hold the addresses",
            fix: meant.map { "did you mean `\($0)`?" } ?? "define it with `arbiter \(written.value) { … }`",
            fixIt: meant.map { Diagnostic.FixIt(written.range, $0) })
        return nil
    }

    /// `arbiter`, `lease_name` and `hello` of an instance. What a group says of the first two counts for its members.
    mutating func resolveLease(_ draft: InstanceDraft, _ i: inout InstanceDefinition, in group: GroupDraft?) {
        i.hello = draft.hello?.value ?? global.hello
        guard let group else {
            i.arbiter = resolve(arbiter: draft.lease.arbiter)
            i.leaseName = draft.lease.name?.value
            reportUnnamed(draft.lease, "the instance `\(i.name)`")
            return
        }
        if let name = group.lease.arbiter?.value, arbiters.index[name] != nil { i.arbiter = name }
        if let own = draft.lease.arbiter, own.value != group.lease.arbiter?.value {
            arbiters.used.insert(own.value)
            report(
                .arbiterMember, at: own.range,
                "`\(i.name)` names the arbiter `\(own.value)`, and its group `\(group.name.value)` "
                    + (group.lease.arbiter.map { "names `\($0.value)`" } ?? "names none"),
                reason: "a group changes state as one, and so it has one lease for all of its members",
                fix: "write `arbiter \(own.value)` in the group, and remove it here",
                related: [Diagnostic.Related(group.lease.arbiter?.range ?? group.name.range, "the group")])
        }
        if let name = draft.lease.name {
            report(
                .arbiterMember, at: name.range, "`lease_name` has no effect in a member of a group",
                reason: "the group `\(group.name.value)` has one lease for all of its members",
                fix: "write it in the group",
                related: [Diagnostic.Related(group.name.range, "the group")])
        }
    }

    private mutating func reportUnnamed(_ lease: LeaseDraft, _ what: String) {
        guard let name = lease.name, lease.arbiter == nil else { return }
        report(
            .leaseUnused, at: name.range, "`lease_name` has no effect: \(what) names no arbiter",
            reason: "there is no lease that could be called so", fix: "add `arbiter NAME`, or remove it")
    }

    /// What needs arbiters, instances and groups.
    mutating func checkLeases(
        _ instances: [InstanceDefinition], _ drafts: [Boxed<InstanceDraft>], _ groups: [SyncGroupDefinition],
        _ groupDrafts: [GroupDraft]
    ) {
        for (group, draft) in zip(groups, groupDrafts) { reportUnnamed(draft.lease, "the group `\(group.name)`") }
    }
}
