import Arbitration
import Configuration
import Primitives
import VRRP

/// Leases: who of these routers may be master. The election stays VRRP's; a router that would become master waits for its lease,
/// and one that loses it steps down.
///
/// Level-triggered, as groups are: after each input that concerns a lease, what its members want is compared with what it allows.
extension Engine {
    /// Slots of the fence; a configuration with more leases than that is refused.
    public static let leaseLimit = 4095

    /// Renewals and looks that are due within this part of a lease leave together.
    private static let gathering = 24

    // MARK: - Building

    /// The table for `model`: a lease that goes on keeps its slot and its machine.
    mutating func buildLeases(_ model: Model, at now: Instant, into effects: inout [Effect]) {
        for id in slots.indices { slots[id]?.lease = nil }
        var wanted: [LeaseSlot] = []
        let definitions =
            bug.isPlanted(.twoLeasesInAGroup)
            ? model.leases.flatMap { lease in
                lease.members.map {
                    LeaseDefinition(name: "\(lease.name).\($0)", arbiter: lease.arbiter, members: [$0])
                }
            } : model.leases
        for definition in definitions {
            guard let arbiter = model.arbiter(named: definition.arbiter),
                let slot = LeaseSlot(definition, arbiter, identity, at: now)
            else { continue }
            wanted.append(slot)
        }
        for index in leases.indices {
            guard let old = leases[index] else { continue }
            let goesOn = wanted.contains { $0.recordKey == old.recordKey && $0.arbiter.keepsLeases(of: old.arbiter) }
            if !goesOn { forgetLease(index, at: now, into: &effects) }
        }
        for slot in wanted {
            if let index = leases.firstIndex(where: { $0?.recordKey == slot.recordKey }) {
                keepLease(index, slot, at: now, into: &effects)
            } else if let free = leases.firstIndex(where: { $0 == nil }) {
                leases[free] = slot
            } else if leases.count < Self.leaseLimit {
                leases.append(slot)
            }
        }
        linkLeases()
        settlePolicies(at: now, into: &effects)
        dirtyLeases = Array(leases.indices)
    }

    /// The same lease under what may be other terms.
    private mutating func keepLease(_ index: Int, _ slot: LeaseSlot, at now: Instant, into effects: inout [Effect]) {
        let terms = slot.machine.terms
        leases[index]?.definition = slot.definition
        leases[index]?.arbiter = slot.arbiter
        leases[index]?.machine.gatherAnew()
        if leases[index]?.machine.terms != terms {
            drive(LeaseID(index), at: now, into: &effects) { $0.reconfigure(terms, at: now, into: &$1) }
        }
    }

    /// The configuration has it no more. What was held is given back, if that can be said at once, and else runs out.
    private mutating func forgetLease(_ index: Int, at now: Instant, into effects: inout [Effect]) {
        guard var slot = leases[index] else { return }
        effects.append(.fence(LeaseID(index), until: nil))
        var said: [LeaseEffect] = []
        slot.machine.update(wants: false, at: now, into: &said)
        for effect in said {
            if case .write(let request, let record, let replacing) = effect {
                effects.append(
                    .ask(
                        slot.arbiter.name,
                        LeaseQuestion(
                            lease: slot.name, request: request, kind: .write(record, replacing: replacing))))
            }
        }
        leases[index] = nil
        deadlines.set(.init(.lease, index), nil)
    }

    private mutating func linkLeases() {
        leaseIndex = [:]
        leasedAddresses = []
        for index in leases.indices {
            guard let definition = leases[index]?.definition else { continue }
            if let name = leases[index]?.name { leaseIndex[name] = index }
            let members = definition.members.compactMap { router(named: $0) }
            leases[index]?.members = members
            leases[index]?.group = definition.group.flatMap { name in
                groups.firstIndex { $0.definition.name == name }
            }
            for member in members {
                slots[member.index]?.lease = LeaseID(index)
                leasedAddresses.formUnion(slots[member.index]?.addresses ?? [])
            }
        }
    }

    // MARK: - Starting

    /// Puts the leases where a predecessor had them in the fence, whose deadlines go by slot.
    mutating func adopt(_ held: [HeldLease]) {
        guard !held.isEmpty else { return }
        var placed: [LeaseSlot?] = []
        var rest: [LeaseSlot] = []
        for slot in leases.compactMap(\.self) {
            if let record = held.first(where: { $0.key == slot.recordKey }), record.slot < Self.leaseLimit {
                while placed.count <= record.slot { placed.append(nil) }
                placed[record.slot] = slot
            } else {
                rest.append(slot)
            }
        }
        for slot in rest {
            // A slot that a predecessor used for something else may be open.
            if let free = placed.indices.first(where: { index in
                placed[index] == nil && !held.contains { $0.slot == index }
            }) {
                placed[free] = slot
            } else {
                placed.append(slot)
            }
        }
        leases = placed
        linkLeases()
    }

    /// - Parameter held: what a predecessor held when it ended.
    mutating func startLeases(_ held: [HeldLease], at now: Instant, into effects: inout [Effect]) {
        for index in leases.indices {
            guard let slot = leases[index], slot.machine.state == .stopped else { continue }
            let isMaster = slot.members.allSatisfy { slots[$0.index]?.router.role == .master }
            let isIgnored = bug.isPlanted(.leaseIgnoredOnAdopt)
            let record = held.first { $0.key == slot.recordKey && ($0.until > now || isIgnored) }
            if isMaster, !slot.members.isEmpty, let record {
                let deadline = isIgnored ? now + slot.machine.terms.holdingTime : record.until
                leases[index]?.machine.resume(until: deadline, epoch: record.epoch, at: now)
                let until = leases[index]?.machine.holdsUntil
                leases[index]?.fencedUntil = until
                leases[index]?.taking = .own
                leases[index]?.heldSince = now
                // Said again: the next successor reads what this worker has said, not what was said to it.
                if let until { effects.append(.fence(LeaseID(index), until: until)) }
            }
            drive(LeaseID(index), at: now, into: &effects) { $0.start(at: now, into: &$1) }
            markDirty(LeaseID(index))
        }
    }

    // MARK: - What its members want

    mutating func markDirty(_ id: LeaseID) {
        if !dirtyLeases.contains(id.index) { dirtyLeases.append(id.index) }
    }

    /// Compares a lease's members with it. True when it decided for them: nobody else is to.
    mutating func settleLease(_ id: LeaseID, at now: Instant, into effects: inout [Effect]) {
        guard let lease = leases[id.index], !lease.members.isEmpty else { return }
        let routers = lease.members.compactMap { slots[$0.index]?.router }
        let verdict = SyncGroup.verdict(of: routers)
        if verdict == .demote {
            for member in lease.members {
                run(member, at: now, into: &effects) { $0.leaveMaster(Cause(.groupLeft), at: now, into: &$1) }
            }
        }
        let isMaster = routers.allSatisfy { $0.role == .master }
        // What a predecessor held goes on behind the fence that it left; nothing is begun before a fence is known to stand.
        let isGuarded = fence != .pending || lease.machine.holdsUntil != nil
        let wants = phase == .running && isGuarded && (verdict == .promote || isMaster)
        if wants != lease.machine.wants {
            drive(id, at: now, into: &effects) { machine, said in
                machine.update(wants: wants, at: now, into: &said)
                // Something made it ready just now: whoever released may have given the lease back already.
                if wants { machine.hurry(at: now, into: &said) }
            }
        }
        guard case .holding(_, _, let taking)? = leases[id.index]?.machine.state else {
            // Master without a lease: a reload named an arbiter just now.
            stepDown(id, Cause(leases[id.index]?.machine.loss?.rule ?? .leaseStarting), at: now, into: &effects)
            return
        }
        guard verdict == .promote, wants else { return }
        for member in lease.members where slots[member.index]?.router.role == .backup {
            run(member, at: now, into: &effects) { $0.becomeMaster(Cause(taking.rule), at: now, into: &$1) }
        }
    }

    private mutating func stepDown(_ id: LeaseID, _ cause: Cause, at now: Instant, into effects: inout [Effect]) {
        for member in leases[id.index]?.members ?? [] {
            run(member, at: now, into: &effects) { $0.yieldMaster(cause, at: now, into: &$1) }
        }
    }

    // MARK: - The machines

    /// Lets one lease's machine handle something, and carries out what it asks for.
    mutating func drive(
        _ id: LeaseID, at now: Instant, into effects: inout [Effect],
        _ body: (inout LeaseMachine, inout [LeaseEffect]) -> Void
    ) {
        var said: [LeaseEffect] = []
        let before = leases[id.index]?.machine.loss
        let keeping = leases[id.index]?.machine.keeping
        leases[id.index]?.drive(&said, body)
        if leases[id.index]?.machine.loss != before {
            for member in leases[id.index]?.members ?? [] { greetingChanged(member) }
        }
        for effect in said { carryOut(effect, of: id, at: now, into: &effects) }
        settlePromises(of: id, after: keeping, at: now, into: &effects)
        deadlines.set(.init(.lease, id.index), leases[id.index]?.machine.nextDeadline)
        // It only ever comes too early: `expireLeases` looks, and sets it right.
        if let due = leases[id.index]?.machine.stepsDownAt { earliestStepDown = min(earliestStepDown, due) }
    }

    private mutating func carryOut(
        _ effect: LeaseEffect, of id: LeaseID, at now: Instant, into effects: inout [Effect]
    ) {
        guard let lease = leases[id.index] else { return }
        switch effect {
        case .mayHold(let until, _):
            if lease.heldSince == nil { leases[id.index]?.heldSince = now }
            if case .holding(_, _, let taking) = lease.machine.state { leases[id.index]?.taking = taking }
            leases[id.index]?.fencedUntil = until
            effects.append(.fence(id, until: until))
            guard lease.fencedUntil == nil else { return }
            effects.append(.note(.leaseTaken(id)))
            markDirty(id)
            for member in lease.members { greetingChanged(member) }
        case .mustNotHold(let loss):
            // First of all: what is served after this line is served by somebody else.
            if !bug.isPlanted(.fenceAfterYield) { effects.append(.fence(id, until: nil)) }
            noteServed(lease)
            let held = lease.fencedUntil != nil
            leases[id.index]?.fencedUntil = nil
            leases[id.index]?.heldSince = nil
            stepDown(id, Cause(loss.rule), at: now, into: &effects)
            if bug.isPlanted(.fenceAfterYield) { effects.append(.fence(id, until: nil)) }
            if held, loss != .released { effects.append(.note(.leaseLost(id, loss))) }
            markDirty(id)
            for member in lease.members { greetingChanged(member) }
        case .read(let request): ask(id, request, .read, into: &effects)
        case .write(let request, let record, let replacing):
            ask(id, request, .write(record, replacing: replacing), into: &effects)
        }
    }

    private func ask(
        _ id: LeaseID, _ request: UInt64, _ kind: LeaseQuestion.Kind, into effects: inout [Effect]
    ) {
        guard let lease = leases[id.index] else { return }
        effects.append(.ask(lease.arbiter.name, LeaseQuestion(lease: lease.name, request: request, kind: kind)))
    }

    /// What has run out is left, before anything else is done.
    mutating func expireLeases(at now: Instant, into effects: inout [Effect]) {
        for index in leases.indices {
            guard let due = leases[index]?.machine.stepsDownAt, now >= due else { continue }
            drive(LeaseID(index), at: now, into: &effects) { $0.advance(to: now, into: &$1) }
        }
        earliestStepDown = leases.compactMap { $0?.machine.stepsDownAt }.min() ?? .distantFuture
        settleGroups(at: now, into: &effects)
    }

    /// What is due of one lease is due, or nearly, of the others at the same arbiter: they leave in one request.
    mutating func leaseIsDue(_ id: LeaseID, at now: Instant, into effects: inout [Effect]) {
        guard let due = leases[id.index] else { return }
        let early = due.machine.terms.duration / Self.gathering
        for index in leases.indices where leases[index]?.arbiter.name == due.arbiter.name {
            guard let deadline = leases[index]?.machine.nextDeadline, deadline <= now + early else { continue }
            drive(LeaseID(index), at: now, into: &effects) { $0.advance(to: now, early: early, into: &$1) }
        }
    }

    // MARK: - Inputs

    mutating func receive(
        _ reports: [LeaseReport], from arbiter: String, at now: Instant, into effects: inout [Effect]
    ) {
        for report in reports {
            guard let index = leaseIndex[report.lease], leases[index]?.arbiter.name == arbiter else { continue }
            drive(LeaseID(index), at: now, into: &effects) { machine, said in
                switch report.kind {
                case .answer(let request, let answer): machine.receive(answer, to: request, at: now, into: &said)
                case .news(let record): machine.observe(record, at: now, into: &said)
                }
            }
        }
        if hasReleased, hasGivenBack { finishStop(into: &effects) }
    }

    /// Nothing at any arbiter says that this node holds.
    var hasGivenBack: Bool { leases.allSatisfy { $0?.machine.isSettled ?? true } }

    mutating func receive(_ standing: FenceStanding, at now: Instant, into effects: inout [Effect]) {
        guard fence != standing else { return }
        fence = standing
        for index in leases.indices where leases[index] != nil { markDirty(LeaseID(index)) }
    }

    mutating func receive(_ standing: ArbiterStanding, of arbiter: String) {
        guard model.arbiter(named: arbiter) != nil else { return }
        arbiterStandings[arbiter] = standing
    }

    /// A daemon that ends gives back what it holds, after its addresses are gone.
    mutating func stopLeases(at now: Instant, into effects: inout [Effect]) {
        for index in leases.indices where leases[index] != nil {
            drive(LeaseID(index), at: now, into: &effects) { $0.update(wants: false, at: now, into: &$1) }
        }
    }

    // MARK: - The fence

    /// What the fence should guard now: every address of every router under a lease, where its interface is there. No address of an interface is there
    /// twice: a list of two owners is refused whole.
    public var guards: [GuardedAddress] {
        var result: [GuardedAddress] = []
        var known: [GuardedAddress.Place: LeaseID] = [:]
        var owners: [IPAddress: Set<LeaseID>] = [:]
        func add(_ place: GuardedAddress.Place, _ lease: LeaseID) {
            guard known[place] == nil else { return }
            known[place] = lease
            result.append(GuardedAddress(interface: place.interface, address: place.address, lease: lease))
        }
        for index in leases.indices {
            for member in leases[index]?.members ?? [] {
                for id in slots[member.index]?.addresses ?? [] {
                    guard let entry = addresses[id] else { continue }
                    let address = entry.key.prefix.address
                    owners[address, default: []].insert(LeaseID(index))
                    guard let interface = entry.interface else { continue }
                    add(GuardedAddress.Place(interface: interface, address: address), LeaseID(index))
                }
            }
        }
        // Where one was installed under another name of its interface, until it is gone from there. The same link-local address may be under a lease on
        // each of several links: whose it was there is what was guarded there before.
        var before: [GuardedAddress.Place: LeaseID]?
        for interface in kernelAddresses.keys.sorted() {
            for address in kernelAddresses[interface] ?? [] where address.isMarked {
                let place = GuardedAddress.Place(interface: interface, address: address.prefix.address)
                guard known[place] == nil, let possible = owners[place.address] else { continue }
                let former = before ?? Dictionary(guardsInForce.map { ($0.place, $0.lease) }) { first, _ in first }
                before = former
                if let lease = former[place], possible.contains(lease) {
                    add(place, lease)
                } else if let only = possible.first, possible.count == 1 {
                    add(place, only)
                }
            }
        }
        return result
    }

    /// After links and addresses changed: tells the world when the fence is to guard something else.
    mutating func settleGuards(into effects: inout [Effect]) {
        guard !leases.isEmpty || !guardsInForce.isEmpty else { return }
        let wanted = guards
        guard wanted != guardsInForce else { return }
        guardsInForce = wanted
        effects.append(.guardsChanged)
    }

    /// What a successor needs of a lease.
    public func held(_ id: LeaseID) -> HeldLease? {
        guard id.index < leases.count, let lease = leases[id.index] else { return nil }
        var epoch = Epoch.none
        if case .holding(_, let held, _) = lease.machine.state { epoch = held }
        return HeldLease(slot: id.index, key: lease.recordKey, epoch: epoch, until: lease.fencedUntil ?? .zero)
    }
}
