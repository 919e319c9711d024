import Configuration
import Primitives
import VRRP

/// Links and host addresses: what a router's environment is made of.
extension Engine {
    mutating func receiveDump(
        _ dumpedLinks: [Link], _ dumpedAddresses: [KernelAddress], at now: Instant, into effects: inout [Effect]
    ) {
        let before = sockets
        links = [:]
        linkNames = [:]
        kernelAddresses = [:]
        for link in dumpedLinks {
            links[link.index] = link
            linkNames[link.name] = link.index
        }
        for address in dumpedAddresses { kernelAddresses[address.interface, default: []].append(address) }
        for id in addresses.ids { bindDevice(of: id) }
        var present: [AddressID: KernelAddress] = [:]
        for address in dumpedAddresses {
            if let id = managed(address) { present[id] = address }
        }
        for id in addresses.ids {
            guard let entry = addresses[id] else { continue }
            addresses[id]?.expectedDeletions = 0
            addresses[id]?.isPresent = present[id] != nil
            addresses[id]?.isMarked = present[id].map { $0.isMarked || entry.isMarked } ?? false
            if phase == .running {
                if entry.isWanted, entry.isPresent, present[id] == nil {
                    repair(id, at: now, into: &effects)
                } else {
                    settle(id, at: now, into: &effects)
                }
            }
        }
        for id in routerIDs { environmentChanged(id, at: now, into: &effects) }
        if phase != .waiting { settleGuards(into: &effects) }
        if phase != .waiting, sockets != before { effects.append(.socketsChanged) }
    }

    mutating func receive(_ link: Link, at now: Instant, into effects: inout [Effect]) {
        let before = links[link.index]
        guard before != link else { return }
        // A name can move from one index to another: forget both sides of it first.
        if let before, before.name != link.name, linkNames[before.name] == link.index { linkNames[before.name] = nil }
        links[link.index] = link
        linkNames[link.name] = link.index
        let names = [link.name] + (before.map { $0.name == link.name ? [] : [$0.name] } ?? [])
        rebind(names, at: now, into: &effects)
    }

    mutating func receiveGone(_ index: InterfaceIndex, at now: Instant, into effects: inout [Effect]) {
        guard let link = links.removeValue(forKey: index) else { return }
        if linkNames[link.name] == index { linkNames[link.name] = nil }
        kernelAddresses[index] = nil
        rebind([link.name], at: now, into: &effects)
    }

    /// Interfaces of these names came, went, were renamed or changed state.
    private mutating func rebind(_ names: [String], at now: Instant, into effects: inout [Effect]) {
        for id in addresses.ids {
            guard let entry = addresses[id], names.contains(entry.key.device) else { continue }
            bindDevice(of: id)
            if phase == .running { settle(id, at: now, into: &effects) }
        }
        for name in names {
            for id in watchers[name] ?? [] { environmentChanged(id, at: now, into: &effects) }
        }
        roam(at: now, into: &effects)
        if phase != .waiting { settleGuards(into: &effects) }
    }

    /// Points an address at the interface that has its device's name now.
    mutating func bindDevice(of id: AddressID) {
        guard let entry = addresses[id] else { return }
        let index = linkNames[entry.key.device]
        guard index != entry.interface else { return }
        // Renamed, the interface still carries the address: it stays bound until it is withdrawn there.
        // The same where that was asked for in this very input, and has not been done yet.
        if index == nil, let old = entry.interface, links[old] != nil,
            entry.isPresent || kernelAddresses[old]?.contains(where: { $0.prefix == entry.key.prefix }) == true
        {
            return
        }
        addresses[id]?.interface = index
        addresses[id]?.isPresent =
            kernelAddresses[index ?? InterfaceIndex(0)]?
            .contains { $0.prefix == entry.key.prefix } ?? false
        addresses[id]?.expectedDeletions = 0
        addresses[id]?.nextRefresh = nil
    }

    mutating func interfaceChanged(_ index: InterfaceIndex, at now: Instant, into effects: inout [Effect]) {
        guard let name = links[index]?.name else { return }
        for id in watchers[name] ?? [] { environmentChanged(id, at: now, into: &effects) }
        roam(at: now, into: &effects)
    }

    /// Routers without an interface of their own look for their source address again.
    private mutating func roam(at now: Instant, into effects: inout [Effect]) {
        for id in roaming { environmentChanged(id, at: now, into: &effects) }
    }

    /// Sockets could not be opened, or could after all.
    mutating func receiveMissing(_ keys: [SocketKey], at now: Instant, into effects: inout [Effect]) {
        guard keys != missingSockets else { return }
        missingSockets = keys
        for id in routerIDs { environmentChanged(id, at: now, into: &effects) }
    }

    private func isDeaf(_ slot: RouterSlot) -> Bool {
        guard !missingSockets.isEmpty, let interface = slot.listensOn else { return false }
        return missingSockets.contains { $0.interface == interface && $0.family == slot.definition.family }
    }

    // MARK: - The environment of a router

    mutating func environmentChanged(_ id: RouterID, at now: Instant, into effects: inout [Effect]) {
        let before = slots[id.index]?.ownFaults
        let interface = slots[id.index]?.interface
        refreshEnvironment(of: id)
        if slots[id.index]?.interface != interface, phase != .waiting { effects.append(.socketsChanged) }
        guard phase == .running, let slot = slots[id.index] else { return }
        var concerned = [id]
        // A fault is the whole group's.
        if let group = slot.group, slot.ownFaults != before { concerned = groups[group].members }
        for member in concerned {
            guard let environment = environment(of: member) else { continue }
            run(member, at: now, into: &effects) { $0.update(environment, at: now, into: &$1) }
        }
    }

    /// What surrounds a router now, its group's faults included.
    func environment(of id: RouterID) -> VirtualRouter.Environment? {
        guard let slot = slots[id.index] else { return nil }
        var environment = VirtualRouter.Environment(
            faults: slot.ownFaults, priorityDelta: priorityDelta(of: slot), source: source(of: slot))
        guard let group = slot.group else { return environment }
        for member in groups[group].members where member != id {
            guard let other = slots[member.index], let fault = other.ownFaults.first else { continue }
            // A member that only waits for a script makes the others wait, not fail.
            environment.faults.append(
                other.ownFaults.allSatisfy(\.isPending)
                    ? fault : .syncGroup(group: groups[group].definition.name, member: other.definition.name))
        }
        return environment
    }

    /// Recomputes what the kernel and the trackers say of one router: its interface and its own faults.
    mutating func refreshEnvironment(of id: RouterID) {
        guard var slot = slots[id.index] else { return }
        let definition = slot.definition
        let index = definition.interface.map { linkNames[$0] } ?? interfaceCarrying(definition.unicastSource)
        if index != slot.interface {
            removeFromDemux(id)
            slot.interface = index
            slots[id.index] = slot
            addToDemux(id)
            slot = slots[id.index] ?? slot
        }
        var faults: [FaultReason] = []
        if let name = definition.interface {
            if let index {
                if links[index]?.isUp != true, !definition.dontTrackPrimary { faults.append(.interfaceDown(name)) }
            } else {
                faults.append(.noInterface(name))
            }
        }
        let isNowhere = definition.interface == nil && index == nil
        if isNowhere || index != nil && source(of: slot) == nil { faults.append(.noSourceAddress) }
        if isDeaf(slot) { faults.append(.cannotHear(definition.interface ?? "any interface")) }
        for address in slot.addresses {
            guard let entry = addresses[address], !entry.definition.noTrack else { continue }
            if entry.key.device != definition.interface, !isUp(entry.key.device) {
                let reason = FaultReason.trackedInterface(entry.key.device)
                if !faults.contains(reason) { faults.append(reason) }
            }
            if entry.foughtUntil != nil { faults.append(.addressFought(entry.key.prefix)) }
        }
        for tracker in slot.trackers { if let fault = fault(of: tracker) { faults.append(fault) } }
        slots[id.index]?.ownFaults = faults
        let source = source(of: slot)
        if slot.packet == nil || slot.packet?.source != source {
            slots[id.index]?.router.prepare(source: source)
            rebuildPacket(of: id)
        }
    }

    func isUp(_ name: String) -> Bool { linkNames[name].flatMap { links[$0]?.isUp } ?? false }

    /// What a router sends from: as configured, else the interface's first address that is not virtual
    /// (IPv4) or its link-local one (IPv6; RFC 9568 §5.1.2.1).
    func source(of slot: RouterSlot) -> IPAddress? {
        let definition = slot.definition
        if let configured = definition.isUnicast ? definition.unicastSource : definition.multicastSource {
            guard definition.trackSourceAddress else { return configured }
            return interfaceCarrying(configured) == nil ? nil : configured
        }
        guard let interface = slot.interface, let list = kernelAddresses[interface] else { return nil }
        var owners: IPAddress?
        // A peer beyond the link cannot be reached from a link-local address.
        let wantsLinkLocal = !definition.isUnicast || definition.unicastPeers.contains { $0.address.isLinkLocal }
        for candidate in list where candidate.prefix.address.family == definition.family && !candidate.isTentative {
            let address = candidate.prefix.address
            if definition.family == .ipv6, address.isLinkLocal != wantsLinkLocal { continue }
            if !addresses.isVirtual(address), !candidate.isMarked { return address }
            if definition.isOwner, !candidate.isMarked, owners == nil { owners = address }
        }
        return owners
    }

    private func interfaceCarrying(_ address: IPAddress?) -> InterfaceIndex? {
        guard let address else { return nil }
        return links.keys.sorted().first { index in
            kernelAddresses[index]?.contains { $0.prefix.address == address && !$0.isTentative } == true
        }
    }

    // MARK: - Whom a packet is for

    private mutating func addToDemux(_ id: RouterID) {
        guard let slot = slots[id.index], let interface = slot.listensOn else { return }
        let key = DemuxKey(interface: interface, family: slot.definition.family, id: slot.router.settings.id)
        slots[id.index]?.sameKey = demux[key]
        if demux[key] != nil { sharesKeys = true }
        demux[key] = id
    }

    mutating func removeFromDemux(_ id: RouterID) {
        guard let slot = slots[id.index], let interface = slot.listensOn else { return }
        let key = DemuxKey(interface: interface, family: slot.definition.family, id: slot.router.settings.id)
        guard var at = demux[key] else { return }
        if at == id {
            demux[key] = slot.sameKey
        } else {
            while let next = slots[at.index]?.sameKey {
                if next == id {
                    slots[at.index]?.sameKey = slot.sameKey
                    break
                }
                at = next
            }
        }
        slots[id.index]?.sameKey = nil
    }
}
