import Configuration
import Primitives
import VRRP

/// What `aloft status` and `aloft explain` show of a virtual router: facts, without words.
public struct RouterStatus: Sendable {
    public var name: String
    public var role: Role
    public var since: Instant
    public var lastTransition: Transition?
    public var faults: [FaultReason]
    public var settings: Settings
    public var interface: String?
    public var source: IPAddress?
    /// What others see: base and trackers.
    public var priority: Priority
    public var terms: [PriorityTerm]
    public var masterInterval: Centiseconds
    public var masterDownInterval: Duration
    public var nextDeadline: Deadline?
    public var wantsMaster: Bool
    public var lastHeard: VirtualRouter.Heard?
    public var lastAdvert: Instant
    public var addresses: [ManagedAddress]
    public var group: String?
    /// The lease that it holds by; nil where it needs none.
    public var lease: LeaseStatus?
    public var counters: RouterCounters
    public var neighbours: [Neighbours.Neighbour]
    /// The present split, or the last.
    public var split: Split?
    public var definition: InstanceDefinition
}

/// One tracker's part in a priority, or in a fault.
public struct PriorityTerm: Sendable {
    public var name: String
    public var isScript: Bool
    public var weight: Int
    public var reverse: Bool
    /// Nil while a script has not reported.
    public var isUp: Bool?
    /// What it adds now.
    public var delta: Int
}

/// A tracked script and what it said.
public struct ScriptStatus: Sendable {
    public var definition: TrackScript
    /// Successes counted up to `rise + fall - 1`, failures down to 0.
    public var result: Int
    /// Nil while it has not reported.
    public var isUp: Bool?
    public var isRunning: Bool
    /// The instances that track it.
    public var users: [String]
}

public struct GroupStatus: Sendable {
    public var name: String
    public var role: Role
    public var members: [String]
    public var notify: NotifyScripts
}

extension Engine {
    public var statuses: [RouterStatus] { routerIDs.compactMap { status(of: $0) } }

    /// What the configuration says of a router.
    public func definition(of id: RouterID) -> InstanceDefinition? {
        id.index < slots.count ? slots[id.index]?.definition : nil
    }

    /// The priority that others see.
    public func priority(of id: RouterID) -> Priority? {
        id.index < slots.count ? slots[id.index]?.router.priority : nil
    }

    public func link(named name: String) -> Link? { linkNames[name].flatMap { links[$0] } }
    public func link(_ index: InterfaceIndex) -> Link? { links[index] }

    public func router(named name: String) -> RouterID? {
        routerIDs.first { slots[$0.index]?.definition.name == name }
    }

    public func status(of id: RouterID) -> RouterStatus? {
        guard id.index < slots.count, let slot = slots[id.index] else { return nil }
        let router = slot.router
        return RouterStatus(
            name: slot.definition.name, role: router.role, since: slot.since, lastTransition: slot.lastTransition,
            faults: router.environment.faults, settings: router.settings, interface: slot.definition.interface,
            source: router.environment.source, priority: router.priority, terms: slot.trackers.map(term),
            masterInterval: router.masterInterval, masterDownInterval: router.masterDownInterval,
            nextDeadline: router.nextDeadline, wantsMaster: router.wantsMaster, lastHeard: router.lastHeard,
            lastAdvert: slot.lastAdvert, addresses: slot.addresses.compactMap { addresses[$0] },
            group: slot.group.map { groups[$0].definition.name }, lease: slot.lease.flatMap { lease($0) },
            counters: slot.counters,
            neighbours: slot.neighbours.all, split: slot.splits.current ?? slot.splits.last, definition: slot.definition
        )
    }

    private func term(_ tracker: Tracker) -> PriorityTerm {
        switch tracker {
        case .interface(let name, let weight, let reverse):
            let up = isUp(name)
            return PriorityTerm(
                name: name, isScript: false, weight: weight, reverse: reverse, isUp: up,
                delta: weight == 0 ? 0 : PriorityRange.delta(weight, reverse: reverse, isUp: up))
        case .script(let id, let weight, let reverse):
            let script = scriptIndex(id).map { scripts[$0] }
            let up = script.flatMap { $0.isKnown ? $0.isUp : nil }
            return PriorityTerm(
                name: script?.definition.name ?? "?", isScript: true, weight: weight, reverse: reverse, isUp: up,
                delta: weight == 0 ? 0 : PriorityRange.delta(weight, reverse: reverse, isUp: script?.isUp ?? false))
        }
    }

    public func group(_ id: GroupID) -> GroupStatus? {
        guard id.index < groups.count else { return nil }
        let group = groups[id.index]
        return GroupStatus(
            name: group.definition.name, role: group.role, members: group.definition.members,
            notify: group.definition.notify)
    }

    public var scriptStatuses: [ScriptStatus] {
        scripts.map { script in
            ScriptStatus(
                definition: script.definition, result: script.result, isUp: script.isKnown ? script.isUp : nil,
                isRunning: script.isRunning, users: script.users.compactMap { definition(of: $0)?.name })
        }
    }

    /// Every interface of the host, by index.
    public var allLinks: [Link] { links.values.sorted { $0.index < $1.index } }

    /// What the kernel has on an interface, as far as was reported.
    public func kernelAddresses(on index: InterfaceIndex) -> [KernelAddress] { kernelAddresses[index] ?? [] }

    /// This node, for people.
    public var nodeName: String { model.global.routerID ?? identity.hostName }

    public var routerCount: Int { slots.count }

    public var groupIDs: [GroupID] { groups.indices.map { GroupID($0) } }

    /// What a successor needs of a router.
    public func record(of id: RouterID) -> RouterRecord? {
        guard id.index < slots.count, let slot = slots[id.index] else { return nil }
        var rule: UInt64 = 0
        if let transition = slot.lastTransition {
            var hash = StableHash()
            hash.add(transition.cause.rule.description)
            rule = hash.value
        }
        return RouterRecord(
            key: slot.recordKey, role: slot.router.role, since: slot.since, lastAdvert: slot.lastAdvert, rule: rule,
            masterInterval: slot.router.role == .backup ? slot.router.masterInterval : nil)
    }

    /// Begins the counters of all routers anew.
    public mutating func clearCounters() {
        for id in routerIDs { slots[id.index]?.counters = RouterCounters() }
    }

    /// The shortest time by which others judge this node: an advertisement interval or a lease; nil without routers.
    public var shortestWait: Duration? {
        let leased = leases.compactMap { $0?.machine.terms.duration }.min()
        guard let interval = shortestInterval else { return leased }
        return leased.map { min($0, interval) } ?? interval
    }

    /// The smallest advertisement interval of this node; nil without routers.
    public var shortestInterval: Duration? {
        slots.compactMap { $0?.router.settings.interval.duration }.min()
    }
}
