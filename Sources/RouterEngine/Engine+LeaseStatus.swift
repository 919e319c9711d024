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
}

extension Engine {
    public var leaseIDs: [LeaseID] { leases.indices.filter { leases[$0] != nil }.map { LeaseID($0) } }

    public func lease(_ id: LeaseID) -> LeaseStatus? {
        guard id.index < leases.count, let slot = leases[id.index] else { return nil }
        return LeaseStatus(
            definition: slot.definition, arbiter: slot.arbiter, standing: arbiterStandings[slot.arbiter.name],
            holder: slot.machine.holder, terms: slot.machine.terms, state: slot.machine.state,
            wants: slot.machine.wants, sight: slot.machine.sight, fencedUntil: slot.fencedUntil,
            heldSince: slot.heldSince, takesAt: slot.machine.takesAt)
    }

    /// Whether an address may only be served under a lease.
    public func isLeased(_ id: AddressID) -> Bool { leasedAddresses.contains(id) }

    /// The lease that a router holds by.
    public func lease(of id: RouterID) -> LeaseStatus? {
        guard id.index < slots.count else { return nil }
        return slots[id.index]?.lease.flatMap { lease($0) }
    }
}
