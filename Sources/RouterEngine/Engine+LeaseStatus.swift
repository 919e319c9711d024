import Arbitration
import Configuration
import Primitives

/// What `aloft status` and `aloft explain` show of a lease.
public struct LeaseStatus: Sendable {
    public var definition: LeaseDefinition
    public var arbiter: ArbiterDefinition
    /// How the arbiter is reached; nil before it was said.
    public var standing: ArbiterStanding?
    /// What this node is called at the arbiter.
    public var holder: HolderName
    public var terms: LeaseTerms
    public var state: LeaseMachine.State
    public var wants: Bool
    /// What the arbiter was last seen to have.
    public var sight: LeaseMachine.Sight?
    /// Until when the fence lets it be served; nil is closed.
    public var fencedUntil: Deadline?
    public var heldSince: Instant?
    /// When this node may take it, if nothing changes; nil where it does not wait for that.
    public var takesAt: Deadline?
    /// By what it is held while the arbiter does not answer; nil: by a grant, or not at all.
    public var keeping: LeaseKeeping?
    /// This node may not take it, since the holder never heard it.
    public var isExcluded = false
    /// This node takes nothing before, since it promised; nil where it did not.
    public var promisedUntil: Deadline?
    /// Who may take it, by name where that is known; empty: anybody.
    public var members: [String] = []
    /// Of these, who has not promised although asked.
    public var silent: [String] = []
}

extension Engine {
    public var leaseIDs: [LeaseID] { leases.indices.filter { leases[$0] != nil }.map { LeaseID($0) } }

    public func lease(_ id: LeaseID) -> LeaseStatus? {
        guard id.index < leases.count, let slot = leases[id.index] else { return nil }
        let now = slot.machine.lastInput
        func words(_ tag: MemberTag) -> String {
            if tag == MemberTag(slot.machine.holder) { return slot.machine.holder.description }
            return slot.around[tag]?.description ?? "a node that has not greeted (\(tag))"
        }
        return LeaseStatus(
            definition: slot.definition, arbiter: slot.arbiter, standing: arbiterStandings[slot.arbiter.name],
            holder: slot.machine.holder, terms: slot.machine.terms, state: slot.machine.state,
            wants: slot.machine.wants, sight: slot.machine.sight, fencedUntil: slot.fencedUntil,
            heldSince: slot.heldSince, takesAt: slot.machine.takesAt, keeping: slot.machine.keeping,
            isExcluded: slot.machine.isExcluded, promisedUntil: slot.machine.hasPromised(at: now),
            members: slot.machine.sight?.record?.members.tags.map(words) ?? [],
            silent: slot.machine.silentMembers(at: now).map(words))
    }

    /// Whether an address may only be served under a lease.
    public func isLeased(_ id: AddressID) -> Bool { leasedAddresses.contains(id) }

    /// The lease that a router holds by.
    public func lease(of id: RouterID) -> LeaseStatus? {
        guard id.index < slots.count else { return nil }
        return slots[id.index]?.lease.flatMap { lease($0) }
    }
}
