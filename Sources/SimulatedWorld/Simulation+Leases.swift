import Arbitration
import Configuration
import Primitives
import RouterEngine
import VRRP

/// The fence on the simulated kernel, and what of the leases is seen at the seam.
extension Simulation {
    static let leaseRules: [RuleID] = [
        .leaseStarting, .leaseNothingThere, .leaseHeldByAnother, .leaseExpired, .leaseReleased, .leaseOlderRecord,
        .leaseUnreadable,
    ]

    func identity(of host: Host) -> NodeIdentity {
        NodeIdentity(
            incarnation: Incarnation(UInt64(host.index + 1) << 32 | host.leases.life), hostName: "node\(host.index)",
            firstRequest: UInt64(bitPattern: host.clock.reading(at: now).nanoseconds))
    }

    func isLeased(_ router: Int) -> Bool { scenario.arbiter?.leased[router] ?? false }

    // MARK: - Effects

    func setFence(_ id: LeaseID, until: Deadline?, _ engine: borrowing Engine, at told: Instant, on host: Host) {
        var until = until
        if bug.isPlanted(.relativeDeadline), let absolute = until {
            // A timeout counts from when the kernel hears of it.
            until = host.clock.reading(at: now) + (absolute - told)
        }
        let reading = host.clock.reading(at: now)
        let wasOpen = host.leases.fence.deadline(id.index).map { reading < $0 } ?? false
        host.leases.fence.set(id.index, until: until)
        if let held = engine.held(id) {
            host.leases.write(held)
            if until != nil, held.epoch != .none, let name = leaseName(id, engine, host) {
                judge.sawEpoch(held.epoch, of: name, on: host)
            }
        }
        if until != nil, !wasOpen { judge.checkServing(host) }
    }

    private func leaseName(_ id: LeaseID, _ engine: borrowing Engine, _ host: Host) -> LeaseName? {
        learnSlots(engine, of: host)
        return host.leases.slotOfLease.first { $0.value == id.index }?.key
    }

    func learnSlots(_ engine: borrowing Engine, of host: Host) {
        guard host.leases.slots == nil else { return }
        var slots: [Int] = []
        host.leases.slotOfLease = [:]
        for id in engine.leaseIDs {
            guard let lease = engine.lease(id) else { continue }
            if let name = LeaseName(lease.definition.name) { host.leases.slotOfLease[name] = id.index }
            for member in lease.definition.members {
                guard let router = engine.router(named: member) else { continue }
                while slots.count <= router.index { slots.append(-1) }
                slots[router.index] = id.index
            }
        }
        host.leases.slots = slots
    }

    /// A router's lease is open by the clock that the engine saw.
    private func isOpen(_ id: RouterID, _ engine: borrowing Engine, _ told: Instant, _ host: Host) -> Bool {
        learnSlots(engine, of: host)
        guard let slots = host.leases.slots, id.index < slots.count, slots[id.index] >= 0 else { return true }
        return host.leases.fence.deadline(slots[id.index]).map { told < $0 } ?? false
    }

    /// Nothing that serves is asked for without an open lease, and what lets others serve comes after it is closed.
    func checkOrder(_ effect: Effect, _ engine: borrowing Engine, at told: Instant, of host: Host) {
        switch effect {
        case .advertise(let id, let priority) where priority != .releasing:
            guard !isOpen(id, engine, told, host) else { return }
            fail(
                "SAFE-2", expected: "node \(host.index) advertises \(id) only while its lease is open",
                seen: "it does, and the fence is closed")
        case .transition(let id, let transition):
            host.leases.roles[id] = transition.to == .master
            guard transition.from == .master, Self.leaseRules.contains(transition.cause.rule),
                isOpen(id, engine, told, host), let slots = host.leases.slots, id.index < slots.count,
                slots[id.index] >= 0
            else { return }
            fail(
                "SAFE-2", expected: "node \(host.index) closes the fence before anything else when it loses its lease",
                seen: "it left \(id) because of \(transition.cause.rule), and the fence is open")
        case .ask(_, let question):
            guard case .write(let record, _) = question.kind, record.isFree else { return }
            learnSlots(engine, of: host)
            guard let slot = host.leases.slotOfLease[question.lease], let until = host.leases.fence.deadline(slot),
                told < until
            else { return }
            fail(
                "SAFE-2", expected: "node \(host.index) gives \(question.lease) back after it closed the fence",
                seen: "it is open")
        default: break
        }
    }

    /// After all effects of one input: members of one lease are master together.
    func checkMembers(_ engine: borrowing Engine, of host: Host) {
        guard host.leases.slots != nil, scenario.routers.contains(where: { $0.isGrouped }) else { return }
        for id in engine.leaseIDs {
            guard let lease = engine.lease(id) else { continue }
            let roles = lease.definition.members.compactMap { engine.router(named: $0) }.map {
                host.leases.roles[$0] ?? false
            }
            if Set(roles).count > 1 {
                fail(
                    "SYNC-1",
                    expected: "the members of \(lease.definition.name) on node \(host.index) are master together",
                    seen: "\(roles)")
            }
        }
    }

    // MARK: - The supervisor's part

    func guardsChanged(_ engine: borrowing Engine, on host: Host) {
        guards.append((host.leases.life, engine.guards))
        // One after the other: what the supervisor is told by a pipe keeps its order.
        host.leases.guardsDue = max(host.leases.guardsDue, now + host.draw.within(200_000...5 * millisecond))
        queue.push(
            .guards, at: host.leases.guardsDue, host: host.index, argument: guards.count - 1, token: host.incarnation)
    }

    func applyGuards(_ index: Int, _ token: UInt32, on host: Host) {
        guard host.leases.life == guards[index].life, host.process != .absent else { return }
        guard !host.isPaused else {
            queue.push(.guards, at: host.stalledUntil + millisecond, host: host.index, argument: index, token: token)
            return
        }
        let list = guards[index].guards
        host.leases.fence.guardAddresses(list)
        guards[index].guards = []
        judge.checkServing(host)
        guard token == host.incarnation else { return }
        host.leases.acknowledged = list
        installWaiting(host)
        handle(.fence(.kernel), on: host)
    }

    /// An address that a worker does not know to be guarded is not installed yet.
    func mustWait(_ entry: ManagedAddress, isLeased: Bool, on host: Host) -> Bool {
        guard isLeased, let interface = entry.interface else { return false }
        return !host.leases.acknowledged.contains {
            $0.interface == interface && $0.address == entry.key.prefix.address
        }
    }

    func installWaiting(_ host: Host) {
        guard !host.leases.waiting.isEmpty, host.isRunning else { return }
        let waiting = host.leases.waiting
        host.leases.waiting = []
        for id in waiting {
            guard let entry = host.node?.engine.address(id), entry.isWanted else { continue }
            if mustWait(entry, isLeased: true, on: host) {
                host.leases.waiting.append(id)
            } else {
                install(entry, id, isRefresh: false, on: host)
            }
        }
    }

    // MARK: - Who serves

    /// The first address of a router that clients are served on by a host, now.
    func served(_ router: Int, by host: Host) -> IPPrefix? {
        guard !host.isPaused else { return nil }
        let plan = scenario.routers[router]
        guard let position = host.kernel.interface(onLink: plan.link) else { return nil }
        let interface = host.kernel.interfaces[position].index
        let reading = host.clock.reading(at: now)
        for prefix in plan.addresses + [plan.spare] where host.kernel.find(prefix, on: interface) != nil {
            if host.leases.fence.isOpen(prefix.address, on: interface, at: reading) { return prefix }
        }
        return nil
    }

    /// A machine stood still, and so did its clock.
    func excuse(_ host: Host) {
        guard let plan = scenario.arbiter else { return }
        let reading = host.clock.reading(at: now)
        let until = reading + .nanoseconds(plan.longest)
        host.leases.excusedUntil = until
        judge.checkServing(host)
        queue.push(.excuse, at: host.clock.time(of: until) + 1, host: host.index)
    }

    // MARK: - Standing still between two effects

    /// Whether the effects from here on wait.
    func standsStill(_ host: Host) -> Bool {
        if host.leases.stallsAfterEffects == 0 {
            host.leases.stallsAfterEffects = -1
            if host.leases.stopsMachine {
                pause(host, for: host.leases.stallDuration)
            } else {
                stall(host, for: host.leases.stallDuration)
            }
            return true
        }
        if host.leases.stallsAfterEffects > 0 { host.leases.stallsAfterEffects -= 1 }
        return false
    }

    /// The process goes on, in the middle of what it was doing.
    func carryOn(_ host: Host) {
        guard !host.leases.pending.isEmpty, host.node != nil else { return }
        let effects = host.leases.pending
        host.leases.pending = []
        tell(host.index, "goes on with \(effects.count) effects")
        host.node?.carryOn(effects, toldAt: host.leases.pendingAt)
        judge.wentOn(host)
    }
}

extension Node where Outside == Seam {
    mutating func carryOn(_ effects: [Effect], toldAt told: Instant) {
        world.perform(effects, for: &engine, at: told)
    }
}
