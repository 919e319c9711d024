import ConfigLanguage
import Primitives

/// What an instance may say, and probably does not mean.
extension Resolver {
    mutating func suspect(_ draft: InstanceDraft, _ i: InstanceDefinition, in group: GroupDraft?) {
        suspectSettings(draft, i)
        suspectAddresses(draft)
        suspectEnds(draft, i)
        suspectWeights(draft, i, in: group)
    }

    /// Statements that this instance takes nothing from.
    private mutating func suspectSettings(_ draft: InstanceDraft, _ i: InstanceDefinition) {
        func unused<Value>(_ self: inout Resolver, _ written: Written<Value>?, _ why: String, _ fix: String) {
            guard let written else { return }
            self.report(
                .unusedSetting, at: written.range, "this has no effect in the instance `\(i.name)`", reason: why,
                fix: fix)
        }
        if draft.unicastPeers == nil {
            let why = "it concerns unicast, and there is no `unicast_peer`"
            unused(&self, draft.unicastTTL, why, "remove it, or add the peers")
            unused(&self, draft.checkUnicastSource, why, "remove it, or add the peers")
        } else {
            let why = "adverts go to the peers of `unicast_peer` alone"
            unused(&self, draft.multicastGroup, why, "remove it, or the peers")
            unused(&self, draft.multicastSource, why, "write `unicast_src_ip`")
        }
        if draft.checksumAsV2?.value == true, i.version == .v2 || i.family == .ipv6 {
            unused(&self, draft.checksumAsV2, "only IPv4 in version 3 has both checksums", "remove it")
        }
        if draft.ownerIgnoreAdverts?.value == true, !i.isOwner {
            unused(&self, draft.ownerIgnoreAdverts, "it is for priority 255", "remove it")
        }
        if let delay = draft.announcements.lowerPriorityDelay, delay.value > .zero,
            i.announcements.lowerPriorityRepeat == 0
        {
            unused(&self, delay, "`garp_lower_prio_repeat 0` announces nothing that could be repeated", "remove it")
        }
        if i.announcements.masterRefresh == .zero {
            unused(
                &self, draft.announcements.refreshRepeat, "there is no `garp_master_refresh`",
                "add `garp_master_refresh SECONDS`, or remove it")
        }
        if let no = draft.noVirtualAddress, no.value, let first = draft.virtualAddresses.first {
            report(
                .contradiction, at: no.range, "`no_virtual_ipaddress` stands beside virtual addresses",
                reason: "it says that there are none", fix: "remove one of them",
                related: [Diagnostic.Related(first.range, "an address")])
        }
        if let state = draft.state, state.value == .backup, i.isOwner, !i.strict {
            report(
                .ownerState, at: state.range, "`state BACKUP` has no effect with priority 255",
                reason: "the owner of the addresses begins as master", fix: "write a priority up to 254")
        }
        if let interface = draft.interface, interface.value == "lo" {
            report(
                .loopbackInterface, at: interface.range, "adverts on `lo` reach nobody",
                reason: "every node would be master; keepalived refuses such an instance as well",
                fix: "write the interface that leads to the other nodes, and `dev lo` behind the address")
        }
    }

    // MARK: Addresses

    private mutating func suspectAddresses(_ draft: InstanceDraft) {
        var saidDeprecated = false
        for entry in draft.virtualAddresses { suspect(entry, &saidDeprecated) }
        for entry in draft.excludedAddresses { suspect(entry, &saidDeprecated) }
    }

    private mutating func suspect(_ entry: AddressDraft, _ saidDeprecated: inout Bool) {
        let prefix = entry.address.prefix
        if prefix.address.isUnusable {
            report(
                .unusableAddress, at: entry.range, "\(prefix.address) cannot be held by an interface",
                reason: "it is no address of a single host", fix: "write an address of the network")
            return
        }
        if let what = Self.specialMeaning(of: prefix) {
            report(
                .networkAddress, at: entry.range, "\(prefix.address) is the \(what) of \(prefix)",
                reason: "hosts of the network do not talk to it as to one of them",
                fix: "write an address between them, or another length")
        }
        if !saidDeprecated, prefix.address.family == .ipv6, prefix.length == 128, !prefix.address.isLinkLocal,
            entry.address.preferredLifetime == .seconds(0)
        {
            saidDeprecated = true
            report(
                .deprecatedHost, at: entry.range, "\(prefix.address) is a host address (/128), and so deprecated",
                reason: "it answers, but this node does not choose it as a source",
                fix: "write its length, or `preferred_lft forever`")
        }
    }

    /// The first and the last address of an IPv4 network mean all of it.
    private static func specialMeaning(of prefix: IPPrefix) -> String? {
        guard case .v4(let address) = prefix.address, (1...30).contains(prefix.length) else { return nil }
        let hostBits = UInt32.max >> UInt32(prefix.length)
        switch address.bits & hostBits {
        case 0: return "network address"
        case hostBits: return "broadcast address"
        default: return nil
        }
    }

    /// Sources and peers that cannot be those of this node and of others.
    private mutating func suspectEnds(_ draft: InstanceDraft, _ i: InstanceDefinition) {
        guard draft.unicastPeers != nil || draft.unicastSource != nil || draft.multicastSource != nil else { return }
        let held = Set((i.virtualAddresses + i.excludedAddresses).map(\.prefix.address))
        let sources = [(draft.unicastSource, i.unicastSource), (draft.multicastSource, i.multicastSource)]
        for (written, source) in sources where !i.isOwner {
            guard let written, let source, held.contains(source) else { continue }
            report(
                .sourceIsAddress, at: written.range, "\(source) is one of the virtual addresses",
                reason: "a backup does not have it, and could not send from it",
                fix: "write the node's own address")
        }
        for peer in draft.unicastPeers?.value ?? [] {
            let address = peer.peer.address
            if address.isUnusable {
                report(
                    .peerUnusable, at: peer.range, "\(address) is the address of no peer",
                    reason: "adverts to it reach no other node, or more than one", fix: "write the peer's own address")
            } else if held.contains(address) {
                report(
                    .peerIsAddress, at: peer.range, "the peer \(address) is one of the virtual addresses",
                    reason: "the master would send its adverts to itself", fix: "write the peer's own address")
            }
        }
    }

    // MARK: Weights

    private mutating func suspectWeights(_ draft: InstanceDraft, _ i: InstanceDefinition, in group: GroupDraft?) {
        guard let first = firstWeighted(draft) else { return }
        if i.isOwner {
            report(
                .ownerWeights, at: first, "weights have no effect with priority 255",
                reason: "the owner of the addresses keeps its priority, whatever fails",
                fix: "write a priority up to 254, or track with weight 0")
            return
        }
        // Of members only what their group lets count.
        guard group == nil || group?.trackingWeight?.value == true else { return }
        // With `nopreempt` they decide nothing, which has been said.
        guard i.preempt else { return }
        let reach = PriorityRange(of: i, scripts: { name in scriptIndex[name].map { scripts[$0] } })
        // Said once for all that are alike.
        guard reach.lowest < reach.highest, reaches.insert(reach).inserted else { return }
        report(
            .weightReach, at: first,
            "the weights of `\(i.name)` move its priority between \(reach.lowest) and \(reach.highest)",
            reason: "they decide against peers whose priority lies between, and against no others",
            fix: "check the nodes' files together: `aloft check A B`")
    }

    /// The first tracker with a weight.
    private func firstWeighted(_ draft: InstanceDraft) -> SourceRange? {
        for tracked in draft.trackScripts {
            let own = scriptIndex[tracked.name].map { scripts[$0].weight } ?? 0
            if (tracked.weight?.value ?? own) != 0 { return tracked.range }
        }
        return draft.trackInterfaces.first { ($0.weight?.value ?? 0) != 0 }?.range
    }

    // MARK: Groups

    /// Members that change state together, and that something pulls apart.
    mutating func suspect(_ group: SyncGroupDefinition, _ draft: GroupDraft, _ members: [InstanceDefinition]) {
        guard let first = members.first else { return }
        func differ<Value: Equatable>(_ value: (InstanceDefinition) -> Value) -> InstanceDefinition? {
            members.first { value($0) != value(first) }
        }
        if let other = differ(\.basePriority), !members.contains(where: \.isOwner) {
            report(
                .mixedPriorities, at: draft.name.range,
                "`\(first.name)` has priority \(first.basePriority) and `\(other.name)` \(other.basePriority)",
                reason: "where another node is between, each would win one of them, and the group settles nowhere",
                fix: "give all members one priority")
        }
        let interval = differ(\.advertInterval)
        if let other = interval ?? differ(\.downTimerAdverts) {
            report(
                .mixedTiming, at: draft.name.range,
                "`\(first.name)` and `\(other.name)` wait for their masters for different times",
                reason: "the group takes over when the slowest does",
                fix: "give all members one `\(interval == nil ? "down_timer_adverts" : "advert_int")`")
        }
        if let other = differ(\.preempt) ?? differ(\.preemptDelay) {
            report(
                .mixedPreemption, at: draft.name.range,
                "`\(first.name)` and `\(other.name)` do not preempt alike",
                reason: "a group takes over when all of its members do",
                fix: "write the same `nopreempt` and `preempt_delay` in all members")
        }
        if let other = differ({ $0.isOwner || $0.initialState == .master }), !members.contains(where: \.isOwner) {
            report(
                .mixedStates, at: draft.name.range, "`\(first.name)` and `\(other.name)` begin in different states",
                reason: "the group is master when all of its members are", fix: "write one state in all members")
        }
        let counted = group.trackingWeight ? members.map(weights) : []
        if let index = counted.indices.first(where: { counted[$0] != counted[0] }) {
            let other = members[index]
            report(
                .unevenWeights, at: draft.name.range,
                "`\(first.name)` and `\(other.name)` count different weights",
                reason: "one failing check lowers one of them only, and the group settles nowhere",
                fix: "track with weights in the group's own `track_script` and `track_interface`")
        }
        suspectTrackers(draft, members)
    }

    /// What counts for an instance: name, weight, and whether it is turned round.
    private func weights(of instance: InstanceDefinition) -> [TrackedScript] {
        let interfaces = instance.trackInterfaces.map {
            TrackedScript(name: "/" + $0.name, weight: $0.weight, reverse: $0.reverse)
        }
        let tracked = instance.trackScripts.map { tracked in
            let own = scriptIndex[tracked.name].map { scripts[$0] }
            return TrackedScript(
                name: tracked.name, weight: tracked.weight ?? own?.weight ?? 0,
                reverse: tracked.reverse ?? own?.reverse ?? false)
        }
        return (interfaces + tracked).filter { $0.weight != 0 }.sorted { $0.name < $1.name }
    }

    private mutating func suspectTrackers(_ draft: GroupDraft, _ members: [InstanceDefinition]) {
        func report(_ self: inout Resolver, _ tracked: TrackedDraft, _ member: InstanceDefinition) {
            self.report(
                .duplicateGroupTracker, at: tracked.range,
                "`\(tracked.name)` is tracked by the group and by its member `\(member.name)`",
                reason: "what the group tracks counts for every member, and here twice", fix: "remove one of them")
        }
        var scripts: [String: Int] = [:]
        var interfaces: [String: Int] = [:]
        guard !draft.trackScripts.isEmpty || !draft.trackInterfaces.isEmpty else { return }
        for (index, member) in members.enumerated() {
            for tracked in member.trackScripts where scripts[tracked.name] == nil { scripts[tracked.name] = index }
            for tracked in member.trackInterfaces where interfaces[tracked.name] == nil {
                interfaces[tracked.name] = index
            }
        }
        for tracked in draft.trackScripts {
            if let index = scripts[tracked.name] { report(&self, tracked, members[index]) }
        }
        for tracked in draft.trackInterfaces {
            if let index = interfaces[tracked.name] { report(&self, tracked, members[index]) }
        }
    }

    // MARK: The node

    /// `enable_script_security` runs nothing as root by omission.
    mutating func suspectScriptUser(_ instances: [InstanceDefinition], _ groups: [SyncGroupDefinition]) {
        guard let security = globalDraft.enableScriptSecurity, global.scriptUser == nil else { return }
        let hooks = instances.flatMap(\.notify.all) + groups.flatMap(\.notify.all)
        guard scripts.contains(where: { $0.user == nil && $0.isProcess }) || hooks.contains(where: { $0.user == nil })
        else { return }
        report(
            .noScriptUser, at: security.range, "nobody says whom the scripts run as",
            reason: "without `script_user` they run as keepalived_script; where that user is missing, not at all",
            fix: "add `script_user NAME`")
    }
}

extension TrackScript {
    /// A process is started for it.
    var isProcess: Bool {
        if case .run = command { return true }
        return false
    }
}

extension NotifyScripts {
    /// All that are written, in a fixed order.
    public var all: [HookCommand] {
        [master, backup, fault, stop, deleted, any, masterReceivedLowerPriority, split].compactMap(\.self)
    }
}

extension IPAddress {
    /// Not the address of one host: unspecified, loopback, broadcast, or a group.
    var isUnusable: Bool {
        switch self {
        case .v4(let address): address.bits >> 24 == 0 || address.bits >> 24 == 127 || address.bits >> 28 >= 0xE
        case .v6(let address): address.isMulticast || (address.high == 0 && address.low <= 1)
        }
    }
}
