import Configuration
import Primitives
import VRRP

/// Building the tables from a model, and changing them for another one. A router whose definition did not
/// change gets no effect at all.
extension Engine {
    mutating func build(_ model: Model) {
        scripts = model.scripts.map { definition in
            defer { nextScript += 1 }
            return ScriptSlot(id: ScriptID(nextScript), definition)
        }
        buildGroups(model)
        for definition in model.instances { _ = insert(definition, model) }
        linkMembers(model)
        var none: [Effect] = []
        buildLeases(model, at: .zero, into: &none)
    }

    private mutating func buildGroups(_ model: Model) {
        groups = model.syncGroups.map { GroupSlot(definition: $0, members: []) }
    }

    private func groupIndex(of name: String, _ model: Model) -> Int? {
        model.syncGroups.firstIndex { $0.members.contains(name) }
    }

    /// A new router in a free slot, with its addresses; nothing is started.
    private mutating func insert(_ definition: InstanceDefinition, _ model: Model) -> RouterID? {
        let group = groupIndex(of: definition.name, model)
        guard
            let settings = settings(
                of: definition, needsConsent: group != nil || definition.arbiter != nil)
        else { return nil }
        var slot = RouterSlot(
            definition: definition, router: VirtualRouter(settings),
            addressDigest: Advertisement.addressDigest(of: definition.virtualAddresses.lazy.map(\.prefix.address)),
            recordKey: Self.recordKey(definition, in: model))
        slot.group = group
        slot.trackers = trackers(of: definition, group.map { model.syncGroups[$0] })
        slot.addresses = addAddresses(of: definition, model)
        let id: RouterID
        if let free = slots.firstIndex(where: { $0 == nil }), !retired.contains(RouterID(free)) {
            slots[free] = slot
            id = RouterID(free)
        } else {
            slots.append(slot)
            id = RouterID(slots.count - 1)
        }
        return id
    }

    private mutating func addAddresses(of definition: InstanceDefinition, _ model: Model) -> [AddressID] {
        var ids: [AddressID] = []
        for address in definition.virtualAddresses + definition.excludedAddresses {
            let device = address.device ?? definition.interface ?? model.global.defaultInterface
            let id = addresses.add(address, device: device, lifetime: definition.addressLifetime)
            if definition.isOwner { addresses[id]?.isOwners = true }
            if definition.promoteSecondaries { addresses[id]?.promotesSecondaries = true }
            bindDevice(of: id)
            ids.append(id)
        }
        return ids
    }

    private func trackers(of definition: InstanceDefinition, _ group: SyncGroupDefinition?) -> [Tracker] {
        var trackers: [Tracker] = []
        func add(_ interfaces: [TrackedInterface], _ tracked: [TrackedScript], weighted: Bool) {
            for interface in interfaces where weighted || interface.weight == 0 {
                trackers.append(.interface(interface.name, weight: interface.weight, reverse: interface.reverse))
            }
            for entry in tracked {
                guard let script = scripts.first(where: { $0.definition.name == entry.name }) else { continue }
                let weight = entry.weight ?? script.definition.weight
                guard weighted || weight == 0 else { continue }
                trackers.append(
                    .script(script.id, weight: weight, reverse: entry.reverse ?? script.definition.reverse))
            }
        }
        // Members that change state together cannot weigh their own trackers, unless told that they may: those
        // with a weight do not count.
        add(definition.trackInterfaces, definition.trackScripts, weighted: group?.trackingWeight ?? true)
        if let group { add(group.trackInterfaces, group.trackScripts, weighted: true) }
        return trackers
    }

    /// Tells scripts, interfaces and groups which routers they concern.
    private mutating func linkMembers(_ model: Model) {
        watchers = [:]
        roaming = []
        for index in scripts.indices { scripts[index].users = [] }
        for index in groups.indices { groups[index].members = [] }
        for id in routerIDs {
            guard let slot = slots[id.index], !retired.contains(id) else { continue }
            var names: [String] = []
            if let name = slot.definition.interface { names.append(name) }
            for address in slot.addresses {
                if let device = addresses[address]?.key.device { names.append(device) }
            }
            for tracker in slot.trackers {
                switch tracker {
                case .interface(let name, _, _): names.append(name)
                case .script(let script, _, _):
                    if let index = scriptIndex(script), !scripts[index].users.contains(id) {
                        scripts[index].users.append(id)
                    }
                }
            }
            names.sort()
            for (position, name) in names.enumerated() where position == 0 || names[position - 1] != name {
                watchers[name, default: []].append(id)
            }
            // Without an interface of its own it follows its source address, wherever that is.
            if slot.definition.interface == nil { roaming.append(id) }
            if let group = slot.group { groups[group].members.append(id) }
        }
    }

    // MARK: - Reload

    mutating func reload(_ next: Model, at now: Instant, into effects: inout [Effect]) {
        guard phase != .stopped else { return }
        let before = sockets
        var old: [UInt64: [RouterID]] = [:]
        for id in routerIDs {
            if let slot = slots[id.index] { old[Self.baseKey(slot.definition), default: []].append(id) }
        }
        let isDefaultDeviceChanged = model.global.defaultInterface != next.global.defaultInterface
        let oldIDs = routerIDs
        replaceScripts(next, into: &effects)
        let oldGroups = groups
        buildGroups(next)
        model = next

        var kept: Set<RouterID> = []
        var changed: [RouterID] = []
        var added: [RouterID] = []
        var touched: [AddressID] = []
        var announcing: [RouterID] = []
        for definition in next.instances {
            if let id = predecessor(of: definition, among: old[Self.baseKey(definition)] ?? [], next, kept) {
                kept.insert(id)
                let isMoved = definition.interface == nil && isDefaultDeviceChanged
                let isChanged = replace(
                    id, with: definition, next, isMoved: isMoved, at: now, touched: &touched, announcing: &announcing,
                    into: &effects)
                if isChanged { changed.append(id) }
            } else if let id = insert(definition, next) {
                added.append(id)
            }
        }
        for id in oldIDs where !kept.contains(id) { remove(id, at: now, touched: &touched, into: &effects) }
        linkMembers(next)
        for index in groups.indices {
            groups[index].role =
                oldGroups.first { $0.definition.name == groups[index].definition.name }?.role ?? .initialize
        }
        dirtyGroups = Array(groups.indices)
        buildLeases(next, at: now, into: &effects)
        // Once all routers have said what they want: an address that moves between two masters does not blink.
        for id in touched { settle(id, at: now, into: &effects) }
        for id in bug.isPlanted(.reloadTouchesAll) ? routerIDs : announcing {
            let count = slots[id.index]?.definition.announcements.masterRepeat ?? 0
            announce(id, count: count, at: now, into: &effects)
        }
        if case .running = phase {
            startScripts(at: now)
            for id in added { refreshEnvironment(of: id) }
            // A group's faults are its members': a reload may have brought or taken the one that has them.
            for id in oldIDs where kept.contains(id) { environmentChanged(id, at: now, into: &effects) }
            startLeases([], at: now, into: &effects)
            for id in added {
                startRouter(id, at: now, into: &effects)
                for address in slots[id.index]?.addresses ?? [] { settle(address, at: now, into: &effects) }
                effects.append(.record(id))
            }
        } else {
            for id in added { refreshEnvironment(of: id) }
        }
        if sockets != before { effects.append(.socketsChanged) }
        settleGuards(into: &effects)
        for id in routerIDs + oldIDs { greetingChanged(id) }
        effects.append(
            .reloaded(changed: changed.count, added: added.count, removed: oldIDs.count - kept.count))
    }

    /// Scripts that did not change go on with their results.
    private mutating func replaceScripts(_ next: Model, into effects: inout [Effect]) {
        var result: [ScriptSlot] = []
        for definition in next.scripts {
            if let index = scripts.firstIndex(where: { $0.definition == definition }) {
                result.append(scripts[index])
            } else {
                var slot = ScriptSlot(id: ScriptID(nextScript), definition)
                // The same command under other settings goes on with its result.
                if let before = scripts.first(where: { $0.recordKey == slot.recordKey && $0.isKnown }) {
                    slot.result = before.isUp ? definition.rise + definition.fall - 1 : 0
                    (slot.isKnown, slot.lastOutcome) = (true, before.lastOutcome)
                }
                result.append(slot)
                nextScript += 1
            }
        }
        for index in scripts.indices where !result.contains(where: { $0.id == scripts[index].id }) {
            cancelScript(index, into: &effects)
        }
        for index in scripts.indices { deadlines.set(.init(.script, index), nil) }
        scripts = result
        for index in scripts.indices { deadlines.set(.init(.script, index), scripts[index].nextRun) }
    }

    /// The router that goes on under a new definition. Several unicast routers may share what makes a router the
    /// same; their names tell them apart, or else their peers.
    private func predecessor(
        of definition: InstanceDefinition, among candidates: [RouterID], _ next: Model, _ kept: Set<RouterID>
    ) -> RouterID? {
        let free = candidates.filter { !kept.contains($0) }
        guard candidates.count > 1 else { return free.first }
        if let same = free.first(where: { slots[$0.index]?.definition.name == definition.name }) { return same }
        // A name that another new definition claims is not this one's.
        let unclaimed = free.filter { id in !next.instances.contains { $0.name == slots[id.index]?.definition.name } }
        return unclaimed.first { slots[$0.index]?.definition.unicastPeers == definition.unicastPeers }
            ?? unclaimed.first
    }

    /// Gives a router that goes on its new definition. False when nothing about it changed.
    private mutating func replace(
        _ id: RouterID, with definition: InstanceDefinition, _ next: Model, isMoved: Bool, at now: Instant,
        touched: inout [AddressID], announcing: inout [RouterID], into effects: inout [Effect]
    ) -> Bool {
        guard let slot = slots[id.index] else { return false }
        let group = groupIndex(of: definition.name, next)
        let trackers = trackers(of: definition, group.map { next.syncGroups[$0] })
        slots[id.index]?.group = group
        slots[id.index]?.trackers = trackers
        let needsConsent = group != nil || definition.arbiter != nil
        guard slot.definition != definition || slot.router.settings.needsConsent != needsConsent || isMoved else {
            return false
        }
        guard let settings = settings(of: definition, needsConsent: needsConsent) else { return false }
        slots[id.index]?.definition = definition
        slots[id.index]?.addressDigest = Advertisement.addressDigest(
            of: definition.virtualAddresses.lazy.map(\.prefix.address))
        run(id, at: now, into: &effects) { $0.reconfigure(settings, at: now, into: &$1) }
        replaceAddresses(of: id, slot, definition, next, touched: &touched, announcing: &announcing)
        rebuildPacket(of: id)
        return true
    }

    private mutating func replaceAddresses(
        of id: RouterID, _ slot: RouterSlot, _ definition: InstanceDefinition, _ next: Model,
        touched: inout [AddressID], announcing: inout [RouterID]
    ) {
        let ids = addAddresses(of: definition, next)
        let wanted = slot.router.role == .master ? 1 : 0
        var gained = false
        slots[id.index]?.addresses = ids
        for (position, address) in ids.enumerated() {
            let entry = definition.virtualAddresses + definition.excludedAddresses
            let existed = slot.addresses.contains(address)
            if addresses[address]?.definition != entry[position]
                || addresses[address]?.lifetime != definition.addressLifetime
            {
                addresses[address]?.definition = entry[position]
                addresses[address]?.lifetime = definition.addressLifetime
                // Installing replaces what is there.
                if existed { addresses[address]?.isPresent = false }
            }
            let masters = (addresses[address]?.masters ?? 0) + wanted
            addresses[address]?.masters = masters
            touched.append(address)
            if !existed { gained = true }
        }
        for address in slot.addresses {
            _ = addresses.drop(address)
            let masters = max(0, (addresses[address]?.masters ?? 0) - wanted)
            addresses[address]?.masters = masters
            touched.append(address)
        }
        if gained, wanted > 0 { announcing.append(id) }
    }

    private mutating func remove(
        _ id: RouterID, at now: Instant, touched: inout [AddressID], into effects: inout [Effect]
    ) {
        guard let slot = slots[id.index] else { return }
        removeFromDemux(id)
        slots[id.index]?.group = nil
        run(id, at: now, into: &effects) { $0.stop(at: now, into: &$1) }
        // A router that a reload removes reports FAULT, or DELETED where `notify_deleted` asks for it.
        if case .hook(.router(id), .stop)? = effects.last { effects.removeLast() }
        effects.append(.hook(.router(id), slot.definition.notify.reportsDeleted ? .deleted : .fault))
        for address in slot.addresses where addresses.drop(address) { touched.append(address) }
        deadlines.set(.init(.router, id.index), nil)
        deadlines.set(.init(.split, id.index), nil)
        slots[id.index]?.addresses = []
        slots[id.index]?.interface = nil
        retired.append(id)
    }

    /// Slots that the last input's effects still spoke of are free now.
    mutating func forgetRetired() {
        guard !retired.isEmpty || !retiredAddresses.isEmpty else { return }
        for id in retired { slots[id.index] = nil }
        retired.removeAll()
        for id in retiredAddresses { addresses.forget(id) }
        retiredAddresses.removeAll()
    }
}
