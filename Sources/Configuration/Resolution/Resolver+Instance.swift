import ConfigLanguage
import Primitives

extension Resolver {
    /// One instance resolved; nil when it lacks what it cannot be without, which is reported.
    mutating func resolve(_ draft: InstanceDraft, in group: GroupDraft?) -> InstanceDefinition? {
        let isUnicast = draft.unicastPeers?.value.isEmpty == false
        let mayLackInterface = isUnicast && draft.unicastSource != nil
        if draft.interface == nil, !mayLackInterface, !draft.failed.contains("interface") {
            report(
                .missingInterface, at: draft.name.range, "the instance `\(draft.name.value)` has no interface",
                reason: "adverts need an interface to go through", fix: "add `interface NAME`")
        }
        guard let vrid = draft.virtualRouterID else {
            guard !draft.failed.contains("virtual_router_id") else { return nil }
            report(
                .missingVRID, at: draft.name.range, "the instance `\(draft.name.value)` has no virtual_router_id",
                reason: "nodes find each other by it", fix: "add `virtual_router_id` with a number from 1 to 255")
            return nil
        }
        // 0: out of range, which is reported.
        guard vrid.value > 0 else { return nil }
        let family = family(of: draft)
        var i = InstanceDefinition(
            name: draft.name.value, interface: draft.interface?.value, virtualRouterID: UInt8(clamping: vrid.value),
            family: family)
        i.strict = draft.strict?.value ?? global.strict
        resolveRole(draft, &i)
        resolveVersion(draft, &i)
        resolveTransport(draft, &i)
        resolveAddresses(draft, &i)
        i.trackSourceAddress = draft.trackSourceAddress?.value ?? false
        if let track = draft.trackSourceAddress, i.unicastSource == nil, i.multicastSource == nil {
            report(
                .sourceToTrack, at: track.range, "there is no source address to track",
                reason: "`track_src_ip` watches the one that is configured",
                fix: "add `unicast_src_ip` or `mcast_src_ip`, or remove it")
            i.trackSourceAddress = false
        }
        i.dontTrackPrimary = draft.dontTrackPrimary?.value ?? false
        i.trackInterfaces = resolveInterfaces(draft.trackInterfaces, own: i.interface)
        i.trackScripts = resolveScripts(draft.trackScripts)
        i.tracked = resolve(draft.tracked)
        i.announcements = announcements(draft.announcements, over: global.announcements)
        i.downTimerAdverts = draft.downTimerAdverts?.value ?? global.downTimerAdverts
        i.lowerPriorityNoAdvert = draft.lowerPriorityNoAdvert?.value ?? global.lowerPriorityNoAdvert
        i.higherPrioritySendAdvert = draft.higherPrioritySendAdvert?.value ?? global.higherPrioritySendAdvert
        i.ownerIgnoreAdverts = draft.ownerIgnoreAdverts?.value ?? global.ownerIgnoreAdverts
        i.skipCheckAdvertAddresses = draft.skipCheckAdvertAddresses?.value ?? global.skipCheckAdvertAddresses
        i.notify = resolve(draft.notify)
        i.promoteSecondaries = draft.promoteSecondaries?.value ?? false
        i.addressLifetime = draft.addressLifetime?.value ?? global.addressLifetime
        i.notifyPriorityChanges =
            draft.notifyPriorityChanges?.value ?? group?.notifyPriorityChanges?.value ?? global.notifyPriorityChanges
        resolveLease(draft, &i, in: group)
        resolveRare(draft, &i)
        resolveAuthentication(draft, &i)
        resolveHMAC(draft, &i)
        if i.strict { applyStrict(draft, &i) }
        if i.isUnicast, i.authentication == .none, !i.checkUnicastSource, let peers = draft.unicastPeers {
            report(
                .openUnicast, at: peers.range, "adverts from everywhere are believed",
                reason: "anybody whose packets reach this node can make it give up its addresses",
                fix: "write `check_unicast_src`, give peers a `min_ttl`, and filter protocol 112 at the edge")
        }
        if !i.preempt, let nopreempt = draft.nopreempt, isWeighted(i) {
            report(
                .nopreemptWeights, at: nopreempt.range, "`nopreempt` and trackers with weights do not go together",
                reason: "a backup with nopreempt leaves a master in place whose weights have lowered its priority",
                fix: "track with weight 0, which faults the master")
        }
        suspect(draft, i, in: group)
        return i
    }

    private func family(of draft: InstanceDraft) -> AddressFamily {
        if let first = draft.virtualAddresses.first { return first.address.prefix.address.family }
        if let source = draft.unicastSource ?? draft.multicastSource { return source.value.family }
        if let peer = draft.unicastPeers?.value.first { return peer.peer.address.family }
        return draft.nativeIPv6 != nil ? .ipv6 : .ipv4
    }

    /// State, priority and preemption.
    private mutating func resolveRole(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        i.initialState = draft.state?.value
        let isMaster = i.initialState == .master
        if let priority = draft.priority {
            i.basePriority = UInt8(clamping: priority.value)
        } else if let state = draft.state, isMaster {
            i.basePriority = 255
            // One that is written and refused is no lack.
            if !draft.failed.contains("priority") {
                report(
                    .implicitOwner, at: state.range, "`state MASTER` without a priority makes it 255",
                    reason: "priority 255 is for the owner of the addresses, which is always master",
                    fix: "write the priority that is meant")
            }
        }
        i.preempt = draft.nopreempt?.value != true
        if let nopreempt = draft.nopreempt, nopreempt.value {
            if isMaster {
                i.preempt = true
                report(
                    .nopreemptMaster, at: nopreempt.range, "`nopreempt` has no effect with `state MASTER`",
                    reason: "an instance that begins as master takes over whoever is master",
                    fix: "write `state BACKUP` on every node",
                    related: draft.state.map { [Diagnostic.Related($0.range, "the state is written here")] } ?? [])
            } else if i.isOwner {
                i.preempt = true
                report(
                    .nopreemptOwner, at: nopreempt.range, "`nopreempt` has no effect with priority 255",
                    reason: "the owner of the addresses is always master", fix: "write a priority up to 254")
            }
        }
        i.preemptDelay = draft.preemptDelay?.value ?? .zero
        if let delay = draft.preemptDelay, delay.value > .zero, isMaster || !i.preempt {
            i.preemptDelay = .zero
            report(
                .preemptDelayIgnored, at: delay.range,
                "`preempt_delay` has no effect with `\(isMaster ? "state MASTER" : "nopreempt")`",
                fix: "remove one of them")
        }
    }

    /// The version and what hangs on it: the interval.
    private mutating func resolveVersion(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        let written = version(draft.version?.value)
        i.version = written ?? (i.family == .ipv6 ? .v3 : global.version ?? .v2)
        if i.family == .ipv6, let place = draft.version, written == .v2 {
            i.version = .v3
            report(
                .versionOfFamily, at: place.range, "VRRP version 2 has no IPv6: version 3 is spoken",
                reason: "RFC 3768 is IPv4 only, and a keepalived that speaks version 2 would not be understood",
                fix: "write version 3, or remove the line")
        }
        guard let interval = draft.advertInterval else { return }
        let micros = interval.value.nanoseconds / 1000
        // Only what is reported is worth a text.
        var text: String { interval.value.formattedSeconds(digits: 6) }
        switch i.version {
        case .v2:
            let rounded = max(1, (micros + 500_000) / 1_000_000)
            i.advertInterval = .seconds(rounded)
            if rounded * 1_000_000 != micros {
                report(
                    .intervalRounded, at: interval.range,
                    "version 2 has whole seconds only: \(text) becomes \(rounded)",
                    reason: "all nodes must have the same interval", fix: "write a whole number, or `version 3`")
            }
        case .v3:
            guard micros <= 40_955_000 else {
                i.advertInterval = .milliseconds(40_950)
                report(
                    .intervalRange, at: interval.range, "version 3 has at most 40.95 s: \(text) does not fit",
                    reason: "the field has 12 bits of hundredths of a second", fix: "write a time from 0.01 to 40.95")
                return
            }
            let rounded = min(4095, max(1, (micros + 5_000) / 10_000))
            i.advertInterval = .milliseconds(rounded * 10)
            if rounded * 10_000 != micros {
                report(
                    .intervalRounded, at: interval.range,
                    "version 3 has hundredths of a second: \(text) becomes \(i.advertInterval.formattedSeconds())",
                    reason: "all nodes should have the same interval", fix: "write at most two decimals")
            }
        }
    }

    /// Multicast or unicast, and between whom.
    private mutating func resolveTransport(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        i.unicastSource = source(draft.unicastSource, i.family)
        i.multicastSource = source(draft.multicastSource, i.family)
        i.multicastGroup =
            group(draft.multicastGroup, i.family)
            ?? (i.family == .ipv4 ? global.multicastGroup4 : global.multicastGroup6)
        i.unicastTTL = draft.unicastTTL.map { UInt8(clamping: $0.value) }
        i.checksumAsV2 = draft.checksumAsV2?.value ?? global.checksumAsV2
        i.oldUnicastChecksum = draft.oldUnicastChecksum?.value ?? .automatic
        i.checkUnicastSource = draft.checkUnicastSource?.value ?? global.checkUnicastSource
        guard let peers = draft.unicastPeers else {
            if let source = draft.unicastSource {
                report(
                    .unusedSource, at: source.range, "`unicast_src_ip` has no effect without peers",
                    reason: "adverts go to the multicast group", fix: "add `unicast_peer`, or write `mcast_src_ip`")
            }
            return
        }
        var seen: Set<IPAddress> = []
        for peer in peers.value {
            let address = peer.peer.address
            if address.family != i.family {
                report(
                    .mixedFamilies, at: peer.range, "the peer \(address) is not of the instance's family",
                    reason: "the instance speaks IPv\(i.family.rawValue)", fix: "write the peer's other address")
            } else if address == i.unicastSource {
                report(
                    .ownSourceAsPeer, at: peer.range, "\(address) is this node itself",
                    reason: "it is the instance's source, and not a peer", fix: "remove it from the peers",
                    related: draft.unicastSource.map { [Diagnostic.Related($0.range, "the source")] } ?? [])
            } else if !seen.insert(address).inserted {
                report(
                    .duplicatePeer, at: peer.range, "the peer \(address) is written twice",
                    reason: "each advert would be sent to it twice", fix: "remove one of them")
            } else {
                if peer.peer.minTTL != nil || peer.peer.maxTTL != nil { i.checkUnicastSource = true }
                i.unicastPeers.append(peer.peer)
            }
        }
        // Peers that were refused have been told of.
        let hasRefused = leniency == .strict && !peers.value.isEmpty
        if i.unicastPeers.isEmpty, !hasRefused, !draft.failed.contains("unicast_peer") {
            report(
                .noPeers, at: peers.range, "`unicast_peer` of `\(draft.name.value)` names no peer",
                reason: "falling back to multicast would be another configuration than was written",
                fix: "name a peer, or remove the block")
        }
    }

    private mutating func source(_ written: Written<IPAddress>?, _ family: AddressFamily) -> IPAddress? {
        guard let written else { return nil }
        guard written.value.family == family, !written.value.isMulticast else {
            report(
                .sourceFamily, at: written.range,
                "\(written.value) cannot be the source of IPv\(family.rawValue) adverts",
                reason: "the instance's addresses are IPv\(family.rawValue)", fix: "write an address of this node")
            return nil
        }
        return written.value
    }
}
