import ConfigLanguage
import Primitives

extension Resolver {
    /// The addresses of an instance: those of its family, each once, at most 255 of them in adverts.
    mutating func resolveAddresses(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        var seen: Set<AddressOnDevice> = []
        var advertised: [VirtualAddress] = []
        for entry in draft.virtualAddresses {
            guard entry.address.prefix.address.family == i.family else {
                report(
                    .mixedFamilies, at: entry.range,
                    "\(entry.address.prefix.address) is not of the family of the addresses before it",
                    reason: "an advert carries addresses of one family",
                    fix: "move it to `virtual_ipaddress_excluded`, or to an instance of its own")
                continue
            }
            if isNew(entry, &seen) { advertised.append(entry.address) }
        }
        var excluded: [VirtualAddress] = []
        for entry in draft.excludedAddresses where isNew(entry, &seen) { excluded.append(entry.address) }
        if advertised.count > 255, let first = draft.virtualAddresses.first {
            report(
                .tooManyAddresses, at: first.range, "\(advertised.count) addresses do not fit into an advert",
                reason: "it has room for 255; the rest is held in silence",
                fix: "move some to `virtual_ipaddress_excluded`")
            excluded = Array(advertised[255...]) + excluded
            advertised = Array(advertised[..<255])
        }
        i.virtualAddresses = advertised
        i.excludedAddresses = excluded
        if advertised.isEmpty, draft.noVirtualAddress?.value != true, !draft.failed.contains("virtual_ipaddress") {
            report(
                i.version == .v3 ? .noAddressesV3 : .noAddresses, at: draft.name.range,
                "the instance `\(draft.name.value)` has no virtual addresses",
                reason: "there is nothing for its master to hold",
                fix: "add `virtual_ipaddress { … }`, or `no_virtual_ipaddress` if that is meant")
        }
    }

    private mutating func isNew(_ entry: AddressDraft, _ seen: inout Set<AddressOnDevice>) -> Bool {
        let key = AddressOnDevice(address: entry.address.prefix.address, device: entry.address.device)
        if seen.insert(key).inserted { return true }
        report(
            .duplicateAddress, at: entry.range, "\(key.address) is written twice in this instance",
            reason: "an address is held once", fix: "remove one of them")
        return false
    }

    // MARK: Authentication

    mutating func resolveAuthentication(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        guard let block = draft.authentication else { return }
        let place = block.value.type?.range ?? block.range
        switch block.value.type?.value {
        case "AH":
            report(
                .refusedKeyword, at: place, "`auth_type AH` is not supported yet",
                reason: "its peers sign every advert, and would believe none of ours",
                fix: "write `auth_type PASS` on every node, or remove the block")
            return
        case "PASS": break
        case let other:
            guard !block.value.failed.contains("auth_type") else { return }
            report(
                .authenticationType, at: place,
                other.map { "`\($0)` is not a type of authentication" } ?? "the type of authentication is missing",
                reason: "without a type the password is not used", fix: "write `auth_type PASS`")
            return
        }
        guard let password = block.value.password, !password.value.revealed.isEmpty else {
            // One that follows on the line of another keyword was said to be too much there.
            guard !block.value.failed.contains("auth_pass"), !block.value.failed.contains("auth_type") else { return }
            report(
                .passwordMissing, at: place, "there is no password", reason: "the block would have no effect",
                fix: "add `auth_pass`, or remove the block")
            return
        }
        guard i.version == .v2 else {
            report(
                .passwordVersion, at: place, "version 3 has no authentication",
                reason: "RFC 5798 removed it: adverts are sent without, and believed without",
                fix: "remove the block, or write `version 2`")
            return
        }
        var bytes = password.value.revealed
        if bytes.count > 8 {
            bytes = Array(bytes[..<8])
            report(
                .passwordLength, at: password.range, "the password has more than 8 bytes",
                reason: "the protocol carries 8; keepalived cuts the rest off without a word on the wire",
                fix: "shorten it to 8 bytes on every node: they are the ones that count today")
        }
        i.authentication = .pass(Secret(bytes))
    }

    // MARK: Strict mode

    /// RFC rules that `vrrp_strict` and `strict_mode` ask for. Each is an error, or is enforced as keepalived does it.
    mutating func applyStrict(_ draft: InstanceDraft, _ i: inout InstanceDefinition) {
        let name = draft.name.range
        func violated(_ self: inout Resolver, _ range: SourceRange?, _ what: String, _ fix: String) {
            self.report(
                .strictRule, at: range ?? name, "strict mode: \(what)", reason: "the RFC does not allow it",
                fix: fix + ", or turn strict mode off")
        }
        if i.isUnicast {
            report(
                .strictUnicast, at: draft.unicastPeers?.range ?? name, "strict mode: unicast is not in the RFC",
                reason: "adverts go to the multicast group", fix: "remove the peers, or turn strict mode off")
        }
        if i.authentication != .none {
            violated(&self, draft.authentication?.range, "authentication is not in the RFC", "remove the block")
            i.authentication = .none
        }
        if i.preemptDelay > .zero {
            violated(&self, draft.preemptDelay?.range, "preempt_delay is not in the RFC", "remove it")
            i.preemptDelay = .zero
        }
        if let state = draft.state, (state.value == .master) != i.isOwner {
            violated(&self, state.range, "MASTER is for priority 255, and only for it", "remove the state")
            i.initialState = i.isOwner ? .master : .backup
        }
        if i.downTimerAdverts != 3 {
            violated(
                &self, draft.downTimerAdverts?.range, "the factor of missed adverts is 3", "remove down_timer_adverts")
            i.downTimerAdverts = 3
        }
        if draft.noVirtualAddress?.value == true {
            violated(&self, draft.noVirtualAddress?.range, "an instance must have addresses", "add addresses")
        }
        if let delay = draft.announcements.lowerPriorityDelay ?? globalDraft.announcements.lowerPriorityDelay,
            delay.value > .zero
        {
            violated(&self, delay.range, "no announcements after an advert of lower priority", "remove it")
        }
        if let count = draft.announcements.lowerPriorityRepeat ?? globalDraft.announcements.lowerPriorityRepeat,
            count.value > 0
        {
            violated(&self, count.range, "no announcements after an advert of lower priority", "remove it")
        }
        i.announcements.lowerPriorityDelay = .zero
        i.announcements.lowerPriorityRepeat = 0
        if let advert = draft.lowerPriorityNoAdvert ?? globalDraft.lowerPriorityNoAdvert, !advert.value {
            violated(&self, advert.range, "an advert of lower priority is not answered", "remove it")
        }
        i.lowerPriorityNoAdvert = true
        if i.higherPrioritySendAdvert {
            let place = draft.higherPrioritySendAdvert ?? globalDraft.higherPrioritySendAdvert
            violated(&self, place?.range, "no advert is sent before yielding", "remove higher_prio_send_advert")
            i.higherPrioritySendAdvert = false
        }
        if i.isOwner { i.ownerIgnoreAdverts = true }
        if !i.isOwner, draft.accept == nil {
            report(
                .strictAccept, at: draft.strict?.range ?? globalDraft.strict?.range ?? name,
                "strict mode: packets to the addresses of `\(i.name)` are answered nevertheless",
                reason: "keepalived would drop them, and the addresses could not be pinged; that is not supported yet",
                fix: "write `accept` in the instance if they should be answered")
        }
    }

    // MARK: Between instances

    private struct RouterKey: Hashable {
        var interface: String
        var family: AddressFamily
        var vrid: UInt8
        var peer: IPAddress?
    }

    struct AddressOnDevice: Hashable {
        var address: IPAddress
        var device: String?
    }

    /// What only shows between instances: virtual router numbers and addresses that are used twice.
    mutating func checkTogether(_ instances: [InstanceDefinition], _ drafts: [Boxed<InstanceDraft>]) {
        var routers: [RouterKey: Int] = [:]
        var holders: [AddressOnDevice: Int] = [:]
        for (index, instance) in instances.enumerated() {
            // Unicast instances may share a number when they share no peer.
            let peers: [IPAddress?] = instance.isUnicast ? instance.unicastPeers.map(\.address) : [nil]
            var reported = false
            for peer in peers {
                let key = RouterKey(
                    interface: instance.interface ?? "", family: instance.family, vrid: instance.virtualRouterID,
                    peer: peer)
                guard let other = routers[key] else {
                    routers[key] = index
                    continue
                }
                guard !reported, other != index else { continue }
                reported = true
                let place = drafts[index].value.virtualRouterID?.range ?? drafts[index].value.name.range
                let before = drafts[other].value.virtualRouterID?.range ?? drafts[other].value.name.range
                report(
                    .duplicateVRID, at: place,
                    "virtual router \(instance.virtualRouterID) is `\(instances[other].name)` already",
                    reason: "two virtual routers of one number and family on one link cannot be told apart",
                    fix: "write another virtual_router_id", related: [Diagnostic.Related(before, "used here before")])
            }
            let draft = drafts[index]
            let advertised = draft.value.virtualAddresses.count
            for number in 0..<advertised + draft.value.excludedAddresses.count {
                let entry =
                    number < advertised
                    ? draft.value.virtualAddresses[number] : draft.value.excludedAddresses[number - advertised]
                let address = entry.address.prefix.address
                // A link-local address is another one on another link.
                let device = address.isLinkLocal ? entry.address.device ?? instance.interface : nil
                let key = AddressOnDevice(address: address, device: device)
                guard let other = holders[key] else {
                    holders[key] = index
                    continue
                }
                guard other != index else { continue }
                report(
                    .sharedAddress, at: entry.range,
                    "\(address) belongs to the instance `\(instances[other].name)` as well",
                    reason: "when one of them lets go of it, it is gone for both", fix: "leave it in one of them",
                    related: [Diagnostic.Related(drafts[other].value.name.range, "the other instance")])
            }
        }
    }
}
