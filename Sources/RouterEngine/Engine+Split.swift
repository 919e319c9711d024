import Configuration
import Greeting
import Primitives
import VRRP

/// Two masters at once: seen, told of once, and the link told again who has the addresses. `SplitWatch` says what counts.
///
/// The loser steps down as VRRP has it, by the advert that it hears; nothing here changes who is master.
extension Engine {
    // MARK: - Signs

    /// A router that this one wins over advertises.
    mutating func heardRival(_ id: RouterID, _ source: IPAddress, at now: Instant, into effects: inout [Effect]) {
        guard let slot = slots[id.index] else { return }
        let own = slot.router.settings.interval.duration
        let theirs = slot.router.lastHeard?.interval.duration ?? own
        if slots[id.index]?.splits.heardRival(source, every: theirs, own: own, at: now) == true {
            splitBegan(id, into: &effects)
        }
        armSplit(id)
    }

    /// It sent priority 0: it lets go.
    mutating func rivalReleased(_ id: RouterID, _ source: IPAddress, at now: Instant, into effects: inout [Effect]) {
        splitEnded(id, slots[id.index]?.splits.rivalReleased(source, at: now), at: now, into: &effects)
    }

    /// A frame on `interface` says that another MAC address has an address.
    mutating func receive(
        _ claim: AddressClaim, on interface: InterfaceIndex, at now: Instant, into effects: inout [Effect]
    ) {
        // Membership only: the order of the links does not matter.
        guard phase == .running, addresses.isVirtual(claim.address),
            !links.values.contains(where: { $0.mac == claim.mac || $0.mac == claim.sender })
        else { return }
        for address in addresses.ids {
            guard let entry = addresses[address], entry.isWanted, entry.isPresent, entry.interface == interface,
                entry.key.prefix.address == claim.address
            else { continue }
            for id in routerIDs
            where slots[id.index]?.router.role == .master && slots[id.index]?.addresses.contains(address) == true {
                hear(claim, of: address, id, at: now, into: &effects)
            }
        }
    }

    private mutating func hear(
        _ claim: AddressClaim, of address: AddressID, _ id: RouterID, at now: Instant, into effects: inout [Effect]
    ) {
        let own = slots[id.index]?.router.settings.interval.duration ?? .zero
        if case .goesOn(announce: true)? = slots[id.index]?.splits.heardClaim(claim, own: own, at: now) {
            announce(address, count: 1, at: now, into: &effects)
            slots[id.index]?.splits.current?.isAnswered = true
        }
        armSplit(id)
    }

    /// What the other nodes' greetings tell of when they were master.
    mutating func compareTenures(_ id: RouterID, at now: Instant, into effects: inout [Effect]) {
        guard greetings.indices.contains(id.index), let slot = slots[id.index] else { return }
        for peer in greetings[id.index]?.machine.peers ?? [] {
            guard let began = peer.masterFrom else { continue }
            let theirs = Tenure(began: began, ended: peer.masterUntil)
            let allowance = max(slot.router.masterDownInterval, peer.facts.interval.duration * 4)
            switch slots[id.index]?.splits.compare(
                theirs, of: peer.address, peer.facts.name, heardAt: peer.heardAt, allowance: allowance, at: now)
            {
            case .begun?: splitBegan(id, into: &effects)
            case .wasOne(let split)?:
                if let split { tellBeginning(id, split, into: &effects) }
                splitEnded(id, split, at: now, into: &effects)
            case .over(let split)?: splitEnded(id, split, at: now, into: &effects)
            case .nothing?, nil: break
            }
        }
        armSplit(id)
    }

    // MARK: - Beginning and end

    private mutating func splitBegan(_ id: RouterID, into effects: inout [Effect]) {
        guard var split = slots[id.index]?.splits.current else { return }
        if split.name == nil, let source = split.source {
            split.name = greeted(id).first { $0.address == source }?.facts.name
            slots[id.index]?.splits.current?.name = split.name
        }
        tellBeginning(id, split, into: &effects)
    }

    private mutating func tellBeginning(_ id: RouterID, _ split: Split, into effects: inout [Effect]) {
        slots[id.index]?.counters.splits &+= 1
        var split = split
        split.isOver = false
        effects.append(.note(.split(id, split)))
        effects.append(.hook(.router(id), .split))
    }

    /// Nil where none was going on.
    mutating func splitEnded(_ id: RouterID, _ split: Split?, at now: Instant, into effects: inout [Effect]) {
        defer { armSplit(id) }
        guard let split, let slot = slots[id.index] else { return }
        slots[id.index]?.counters.splitTime += max(.zero, split.duration - split.counted)
        effects.append(.note(.splitOver(id, split)))
        // The link may have learnt the other meanwhile.
        guard slot.router.role == .master else { return }
        announce(id, count: slot.definition.announcements.lowerPriorityRepeat, at: now, into: &effects)
        announceGroup(of: id, at: now, into: &effects)
    }

    private mutating func armSplit(_ id: RouterID) {
        deadlines.set(.init(.split, id.index), slots[id.index]?.splits.nextDeadline)
    }

    mutating func splitIsDue(_ id: RouterID, at now: Instant, into effects: inout [Effect]) {
        if let claimed = slots[id.index]?.splits.confirmClaim(at: now) {
            let answered = (slots[id.index]?.addresses ?? []).filter { address in
                addresses[address].map { claimed.contains($0.key.prefix.address) } ?? false
            }
            slots[id.index]?.splits.current?.isAnswered = !answered.isEmpty
            splitBegan(id, into: &effects)
            for address in answered { announce(address, count: 1, at: now, into: &effects) }
        }
        if let split = slots[id.index]?.splits.current, now >= slots[id.index]?.splits.quietAt ?? now {
            // A peer that greets as master still holds.
            compareTenures(id, at: now, into: &effects)
            if slots[id.index]?.splits.current != nil, now >= slots[id.index]?.splits.quietAt ?? now {
                splitEnded(id, slots[id.index]?.splits.end(at: split.lastSeen), at: now, into: &effects)
            }
        }
        if slots[id.index]?.splits.reminds(at: now) == true, let split = slots[id.index]?.splits.current {
            effects.append(.note(.splitLasts(id, split)))
        }
        armSplit(id)
    }

    /// A lease is left: where the kernel's fence stands, nothing was served after its deadline, however late this is.
    mutating func noteServed(_ lease: LeaseSlot) {
        switch fence {
        case .kernel, .timeouts: break
        case .pending, .lifetimes, .lost: return
        }
        guard let until = lease.fencedUntil else { return }
        for member in lease.members { slots[member.index]?.splits.servedUntil = until }
    }

    // MARK: - For the world that listens

    /// The addresses that others may claim: of routers, on interfaces where somebody could. Ascending by interface.
    public var claimable: [(interface: InterfaceIndex, addresses: [IPAddress])] {
        var found: [InterfaceIndex: [IPAddress]] = [:]
        for id in addresses.ids {
            guard let entry = addresses[id], entry.users > 0, let index = entry.interface,
                let link = links[index], !link.isWithoutARP
            else { continue }
            found[index, default: []].append(entry.key.prefix.address)
        }
        return found.keys.sorted().map { ($0, found[$0, default: []].sorted()) }
    }
}
