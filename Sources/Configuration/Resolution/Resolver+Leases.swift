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

    // MARK: - What needs arbiters, instances and groups

    /// Whoever has a lease of its own: a group, or an instance that is in none.
    private struct Holder {
        var arbiter: Int
        /// `the group \`G\``.
        var what: String
        /// Where `arbiter` is written, and the block's name.
        var place: SourceRange
        var block: Written<String>
        var lease: LeaseDraft
        /// Of the instances.
        var members: [Int]
    }

    mutating func checkLeases(
        _ instances: [InstanceDefinition], _ drafts: [Boxed<InstanceDraft>], _ groups: [SyncGroupDefinition],
        _ groupDrafts: [GroupDraft]
    ) {
        for (group, draft) in zip(groups, groupDrafts) { reportUnnamed(draft.lease, "the group `\(group.name)`") }
        guard !arbiters.places.isEmpty else { return }
        let holders = holders(instances, drafts, groups, groupDrafts)
        checkLeaseNames(holders)
        var saidSilent = false
        for holder in holders {
            let members = holder.members.map { (instances[$0], drafts[$0].value) }
            checkOwners(holder, members)
            checkGuarded(holder, members)
            warnOfSilence(holder, members, &saidSilent)
            noteForwarding(holder, members.map(\.0))
        }
        for (arbiter, draft) in zip(arbiters.definitions, arbiters.drafts) { suspect(arbiter, draft.value) }
    }

    private func holders(
        _ instances: [InstanceDefinition], _ drafts: [Boxed<InstanceDraft>], _ groups: [SyncGroupDefinition],
        _ groupDrafts: [GroupDraft]
    ) -> [Holder] {
        let index = Dictionary(instances.enumerated().map { ($1.name, $0) }) { first, _ in first }
        var holders: [Holder] = []
        var grouped: Set<Int> = []
        for (group, draft) in zip(groups, groupDrafts) {
            let members = group.members.compactMap { index[$0] }
            grouped.formUnion(members)
            guard let arbiter = group.arbiter.flatMap({ arbiters.index[$0] }) else { continue }
            holders.append(
                Holder(
                    arbiter: arbiter, what: "the group `\(group.name)`",
                    place: draft.lease.arbiter?.range ?? draft.name.range, block: draft.name, lease: draft.lease,
                    members: members))
        }
        for (number, instance) in instances.enumerated() where !grouped.contains(number) {
            guard let arbiter = instance.arbiter.flatMap({ arbiters.index[$0] }) else { continue }
            let draft = drafts[number].value
            holders.append(
                Holder(
                    arbiter: arbiter, what: "the instance `\(instance.name)`",
                    place: draft.lease.arbiter?.range ?? draft.name.range, block: draft.name, lease: draft.lease,
                    members: [number]))
        }
        return holders
    }

    private struct LeaseKey: Hashable {
        var kind: ArbiterDefinition.Kind
        var cluster: String
        var name: String
    }

    private mutating func checkLeaseNames(_ holders: [Holder]) {
        var first: [LeaseKey: Holder] = [:]
        for holder in holders {
            let arbiter = arbiters.definitions[holder.arbiter]
            let name = holder.lease.name ?? holder.block
            let longest = LeaseDefinition.longestName - arbiter.cluster.utf8.count - 1
            if holder.lease.name == nil,
                let fault = StatementReader.fault(ofName: name.value, longest: longest, allowsSlash: true)
            {
                report(
                    .arbiterName, at: name.range,
                    "the lease of \(holder.what) cannot be called so at an arbiter: \(fault)",
                    reason: StatementReader.nameReason(longest: longest, allowsSlash: true),
                    fix: "add `lease_name NAME`, the same on every node")
            }
            let key = LeaseKey(kind: arbiter.kind, cluster: arbiter.cluster, name: name.value)
            guard let before = first[key] else {
                first[key] = holder
                continue
            }
            report(
                .leaseTwice, at: name.range,
                "\(holder.what) and \(before.what) have the same lease, `\(arbiter.cluster)/\(name.value)`",
                reason: "each would take it for its own, and the two could be on one node only, or on none",
                fix: "add `lease_name NAME` to one of them, the same on every node",
                related: [Diagnostic.Related((before.lease.name ?? before.block).range, "the other one")])
        }
    }

    private mutating func checkOwners(_ holder: Holder, _ members: [(InstanceDefinition, InstanceDraft)]) {
        guard let (owner, draft) = members.first(where: { $0.0.isOwner }) else { return }
        report(
            .arbiterOwner, at: holder.place,
            "`\(owner.name)` has priority 255, and needs a lease from `\(arbiters.definitions[holder.arbiter].name)`",
            reason:
                "its addresses are this node's own: while it has no lease they are cut off, and with them its own way "
                + "to the arbiter",
            fix: "write a priority up to 254 and addresses that no host has for its own, or remove `arbiter`",
            related: [Diagnostic.Related(draft.priority?.range ?? draft.name.range, "the priority")])
    }

    /// An arbiter behind what it guards is only reached by who already holds.
    private mutating func checkGuarded(_ holder: Holder, _ members: [(InstanceDefinition, InstanceDraft)]) {
        let draft = arbiters.drafts[holder.arbiter].value
        var ways: [(IPAddress, SourceRange, String)] = []
        switch arbiters.definitions[holder.arbiter].kind {
        case .witness(let witness):
            ways.append((witness.address, draft.address?.range ?? draft.name.range, "the witness"))
            if let source = draft.source { ways.append((source.value, source.range, "the source")) }
        case .etcd:
            ways = draft.endpoints.map { ($0.value.address, $0.range, "an endpoint") }
        case .corosync: return
        }
        for (address, place, what) in ways {
            for (member, draft) in members {
                let entries = draft.virtualAddresses + draft.excludedAddresses
                guard let entry = entries.first(where: { $0.address.prefix.address == address }) else { continue }
                report(
                    .arbiterGuarded, at: place,
                    "\(what) has the address \(address), which `\(member.name)` guards by it",
                    reason: "only who holds it can reach the arbiter, so that nobody ever comes to hold it",
                    fix: "write an address of the arbiter's own",
                    related: [Diagnostic.Related(entry.range, "the virtual address")])
            }
        }
    }

    /// Said once where it is said for all.
    private mutating func warnOfSilence(
        _ holder: Holder, _ members: [(InstanceDefinition, InstanceDraft)], _ saidSilent: inout Bool
    ) {
        for (member, draft) in members where !member.hello {
            if draft.hello == nil {
                guard !saidSilent else { continue }
                saidSilent = true
            }
            report(
                .arbiterSilent, at: draft.hello?.range ?? globalDraft.hello?.range ?? holder.place,
                "`\(member.name)` has a lease, and does not greet the other nodes",
                reason:
                    "nodes that know nothing of each other cannot promise not to take while the arbiter is down, nor "
                    + "hand a lease to a higher priority",
                fix: "write `hello on`", related: [Diagnostic.Related(holder.place, "the arbiter")])
        }
    }

    /// What goes through a node has other addresses than the virtual ones, and the fence does not know it.
    private mutating func noteForwarding(_ holder: Holder, _ members: [InstanceDefinition]) {
        let bare = members.filter { $0.virtualInterface == nil }
        let forwards = bare.contains { !$0.virtualRoutes.isEmpty } || Set(bare.compactMap(\.interface)).count > 1
        guard forwards else { return }
        report(
            .arbiterForwarding, at: holder.place,
            "\(holder.what) looks like a router: a lease covers its addresses, and not what is forwarded through them",
            reason:
                "packets on their way elsewhere carry none of the virtual addresses; only a virtual MAC tells whom they "
                + "were sent to",
            fix:
                "nothing, if clients talk to the addresses themselves; else a node that lost its lease may forward until its "
                + "neighbours learn the new one")
    }

    // MARK: Arbiters by themselves

    private mutating func suspect(_ arbiter: ArbiterDefinition, _ draft: ArbiterDraft) {
        if !arbiters.used.contains(arbiter.name) {
            report(
                .unusedArbiter, at: draft.name.range, "nobody has a lease from the arbiter `\(arbiter.name)`",
                reason: "two nodes that lose sight of each other both hold their addresses",
                fix: "write `arbiter \(arbiter.name)` in an instance or a group, or remove it")
        }
        if let lease = draft.lease {
            if case .etcd = arbiter.kind, lease.value < .seconds(3) {
                report(
                    .leaseBelowElection, at: lease.range,
                    "a lease of \(lease.value.formattedSeconds(digits: 6)) s is short for etcd",
                    reason:
                        "when its leader is lost nothing is committed for 1.5 to 2.7 s, and every holder would let go",
                    fix: "write 3 or more; 5 is the default")
            } else if lease.value < .milliseconds(300) {
                report(
                    .leaseShort, at: lease.range,
                    "a lease of \(lease.value.formattedSeconds(digits: 6)) s needs an arbiter that is near",
                    reason: "it must be three round trips; the daemon refuses when it measures less",
                    fix: "nothing, if the arbiter answers within "
                        + "\((lease.value / 3).formattedSeconds(digits: 3)) s; else write 0.3 or more")
            }
        }
        if arbiter.whenDown == .keep, let place = draft.whenDown?.range {
            report(
                .arbiterKeep, at: place, "with `arbiter_down keep` there can be two masters again",
                reason: "a holder that is cut off from the arbiter goes on, and the arbiter gives the lease to another",
                fix: "write `arbiter_down peers`, which keeps while all peers promise not to take")
        }
    }
}
