import Arbitration
import Configuration
import Greeting
import Primitives

/// `arbiter_down peers`: what lease machines ask of each other goes by greetings.
extension Engine {
    /// With `peers`, a lease none of whose routers greets has nobody to ask: its holder lets go, and says so.
    mutating func settlePolicies(at now: Instant, into effects: inout [Effect]) {
        for index in leases.indices {
            guard let lease = leases[index] else { continue }
            let greets =
                identity.greets
                && lease.members.contains { slots[$0.index]?.definition.hello == true }
            let policy = lease.arbiter.policy == .peers && !greets ? .drop : lease.arbiter.policy
            if policy != lease.machine.policy {
                drive(LeaseID(index), at: now, into: &effects) {
                    $0.reconfigure(lease.machine.terms, policy: policy, at: now, into: &$1)
                }
            }
            companyChanged(LeaseID(index))
        }
    }

    // MARK: - Members

    mutating func companyChanged(_ id: RouterID) {
        if let lease = slots[id.index]?.lease { companyChanged(lease) }
    }

    /// Which nodes have this lease, by their greetings. Where it is known who they should be (`unicast_peer`), none before each of them
    /// was heard: one that is not heard could not be asked, and could not take either.
    private mutating func companyChanged(_ id: LeaseID) {
        guard let lease = leases[id.index], lease.machine.policy == .peers else { return }
        let digest = GreetingFacts.Lease.digest(of: lease.name.description)
        var around: [MemberTag: HolderName] = [:]
        var isComplete = true
        for member in lease.members where slots[member.index]?.definition.hello == true {
            guard greetings.indices.contains(member.index), let slot = greetings[member.index] else {
                isComplete = false
                continue
            }
            if case .unicast(let addresses) = slot.machine.settings.way {
                let heard = Set(slot.machine.peers.map(\.address))
                isComplete = isComplete && addresses.allSatisfy(heard.contains)
            }
            // One that was turned away could not be asked either.
            isComplete = isComplete && !slot.machine.hasTurnedAway
            if slot.machine.hasNamesake { leases[id.index]?.machine.meetNamesake() }
            for peer in slot.machine.peers where peer.facts.lease?.digest == digest {
                around[MemberTag(peer.facts.name)] = peer.facts.name
            }
        }
        let present = Set(around.keys)
        // Names stay known for those who read them, as long as the record has them.
        let members = lease.machine.sight?.record?.members.tags ?? []
        for (tag, name) in lease.around where around[tag] == nil && members.contains(tag) { around[tag] = name }
        leases[id.index]?.around = around
        leases[id.index]?.machine.update(around: isComplete ? present : [])
    }

    // MARK: - Promises

    /// After each input of a lease's machine: what it wants to ask, and whether it goes on otherwise than before.
    mutating func settlePromises(
        of id: LeaseID, after before: LeaseKeeping?, at now: Instant, into effects: inout [Effect]
    ) {
        guard let lease = leases[id.index] else { return }
        if lease.machine.promiseWanted != lease.asksFor {
            leases[id.index]?.asksFor = lease.machine.promiseWanted
            for member in lease.members {
                greet(member, at: now, into: &effects) {
                    $0.ask(promiseFor: lease.machine.promiseWanted, at: now, into: &$1)
                }
            }
        }
        switch (before, lease.machine.keeping) {
        case (nil, let keeping?): effects.append(.note(.leaseKept(id, keeping)))
        case (_?, nil) where lease.machine.holdsUntil != nil: effects.append(.note(.leaseKeptNoMore(id)))
        default: break
        }
    }

    /// The holder asks; what was promised is kept by the lease's machine.
    mutating func promise(
        _ duration: Duration, _ id: RouterID, to peer: GreetingName, _ sequence: UInt64, _ epoch: Epoch,
        at now: Instant, into effects: inout [Effect]
    ) {
        guard let lease = slots[id.index]?.lease else { return }
        var isPromised = false
        drive(lease, at: now, into: &effects) {
            isPromised = $0.promise(duration, to: peer.name, epoch: epoch, at: now, into: &$1)
        }
        guard isPromised else { return }
        greet(id, at: now, into: &effects) {
            $0.promise(duration, to: peer.incarnation, sequence: sequence, at: now, into: &$1)
        }
    }

    mutating func hearPromise(
        _ id: RouterID, of peer: GreetingName, since: Instant, _ duration: Duration, at now: Instant,
        into effects: inout [Effect]
    ) {
        guard let lease = slots[id.index]?.lease else { return }
        drive(lease, at: now, into: &effects) {
            $0.receive(promiseOf: peer.name, since: since, duration: duration, at: now, into: &$1)
        }
    }

    /// Promises come several times a lease: only the first is told.
    func isWorthTelling(_ note: GreetingNote, _ id: RouterID, at now: Instant) -> Bool {
        guard let lease = slots[id.index]?.lease.flatMap({ leases[$0.index] }) else { return true }
        switch note {
        case .promiseAsked: return lease.machine.hasPromised(at: now) == nil
        case .promised: return lease.machine.keeping == nil
        default: return true
        }
    }
}
