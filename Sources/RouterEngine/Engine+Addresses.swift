import Configuration
import Primitives
import VRRP

/// Kernel state is level-triggered: `settle` compares what an address should be with what it is, and asks
/// for the difference. Nothing else installs or withdraws.
extension Engine {
    /// Repairs within `repairWindow` after which somebody is taken to fight for the address.
    static let repairLimit = 10
    static let repairWindow = Duration.seconds(10)
    /// How long an instance that lost such a fight stays in fault.
    static let foughtPause = Duration.seconds(30)
    static let retryDelay = Duration.seconds(1)

    /// One master more or less wants the address.
    mutating func want(_ id: AddressID, by masters: Int, at now: Instant, into effects: inout [Effect]) {
        guard let entry = addresses[id] else { return }
        addresses[id]?.masters = max(0, entry.masters + masters)
        settle(id, at: now, into: &effects)
    }

    mutating func settle(_ id: AddressID, at now: Instant, into effects: inout [Effect]) {
        guard phase != .waiting, var entry = addresses[id] else { return }
        let device = entry.interface
        if entry.isWanted, device != nil {
            if entry.isPresent { entry.retryAt = nil }
            if !entry.isPresent {
                if let retryAt = entry.retryAt, now < retryAt { return schedule(id) }
                effects.append(.install(id))
                (entry.isPresent, entry.isMarked, entry.retryAt) = (true, true, nil)
                entry.heldSince = entry.heldSince ?? now
                entry.nextRefresh = firstRefresh(entry, id, at: now)
            } else if entry.nextRefresh == nil, entry.lifetime > .zero, entry.isMarked || !entry.isOwners {
                // Found in place: adopted from a predecessor. Its lifetime may be about to end.
                effects.append(.refresh(id))
                entry.isMarked = true
                entry.heldSince = entry.heldSince ?? now
                entry.nextRefresh = firstRefresh(entry, id, at: now)
            }
        } else if entry.isPresent, device != nil, entry.isMarked || !entry.isOwners {
            if let retryAt = entry.retryAt, now < retryAt { return schedule(id) }
            if bug.isPlanted(.addressLeft) { return }
            effects.append(.withdraw(id))
            entry.isPresent = false
            entry.heldSince = nil
            entry.expectedDeletions = now < entry.deletionsExpectedUntil ? entry.expectedDeletions + 1 : 1
            entry.deletionsExpectedUntil = now + Self.retryDelay
            (entry.nextRefresh, entry.retryAt) = (nil, nil)
        } else {
            (entry.nextRefresh, entry.retryAt) = (nil, nil)
        }
        addresses[id] = entry
        schedule(id)
        if entry.users == 0, !retiredAddresses.contains(id) { retiredAddresses.append(id) }
    }

    /// Addresses with the mark that this configuration does not name: a predecessor was killed, and the file
    /// edited before the start. They become entries that nobody uses, which `settle` withdraws.
    mutating func takeStrays() {
        for interface in kernelAddresses.keys.sorted() {
            guard let name = links[interface]?.name else { continue }
            // What has a lifetime goes by itself, and may be another daemon's on this machine; unless this configuration has it too: then
            // its interface was renamed while nobody looked.
            for address in kernelAddresses[interface] ?? []
            where address.isMarked && managed(address) == nil
                && (address.isPermanent || addresses.isVirtual(address.prefix.address))
            {
                let id = addresses.add(VirtualAddress(address.prefix), device: name, lifetime: .zero)
                _ = addresses.drop(id)
                bindDevice(of: id)
                addresses[id]?.isPresent = true
                addresses[id]?.isMarked = true
            }
        }
    }

    private mutating func schedule(_ id: AddressID) {
        let entry = addresses[id]
        let earliest = [entry?.nextRefresh, entry?.retryAt, entry?.foughtUntil].compactMap(\.self).min()
        deadlines.set(.init(.address, id.index), earliest)
    }

    /// Refreshes come at a third of the lifetime, each address at its own phase, so that a thousand of them
    /// do not come at once.
    private func firstRefresh(_ entry: ManagedAddress, _ id: AddressID, at now: Instant) -> Instant? {
        guard entry.lifetime > .zero else { return nil }
        let third = entry.lifetime.nanoseconds / 3
        return now + .nanoseconds(third / 2 + third / 2 * Int64(id.index % 64) / 64)
    }

    mutating func addressIsDue(_ id: AddressID, at now: Instant, into effects: inout [Effect]) {
        guard let entry = addresses[id] else { return }
        if let until = entry.foughtUntil, now >= until {
            addresses[id]?.foughtUntil = nil
            refreshRouters(using: id, at: now, into: &effects)
        } else if let due = entry.nextRefresh, now >= due, entry.isWanted, entry.isPresent {
            effects.append(.refresh(id))
            addresses[id]?.retryAt = nil
            let next = now + .nanoseconds(entry.lifetime.nanoseconds / 3)
            addresses[id]?.nextRefresh = next
            return schedule(id)
        }
        settle(id, at: now, into: &effects)
    }

    // MARK: - What the kernel reports

    func managed(_ address: KernelAddress) -> AddressID? {
        guard let name = links[address.interface]?.name else { return nil }
        if let id = addresses.find(.init(device: name, prefix: address.prefix)) { return id }
        guard addresses.isVirtual(address.prefix.address) else { return nil }
        // On an interface that was renamed with the address on it.
        return addresses.ids.first {
            addresses[$0]?.interface == address.interface && addresses[$0]?.key.prefix == address.prefix
        }
    }

    mutating func receive(_ address: KernelAddress, at now: Instant, into effects: inout [Effect]) {
        let isNew = remember(address)
        if let id = managed(address), let entry = addresses[id] {
            // A report of what was there before a deletion that is still under way says nothing.
            if entry.expectedDeletions > 0, now < entry.deletionsExpectedUntil, !entry.isWanted { return }
            addresses[id]?.isPresent = true
            // Kernels before 5.18 keep no mark: what was installed here stays known as such.
            addresses[id]?.isMarked = address.isMarked || entry.isMarked
            addresses[id]?.wasRefused = false
            addresses[id]?.retryAt = nil
            settle(id, at: now, into: &effects)
        } else if isNew {
            interfaceChanged(address.interface, at: now, into: &effects)
        }
    }

    mutating func receiveGone(_ address: KernelAddress, at now: Instant, into effects: inout [Effect]) {
        if bug.isPlanted(.netlinkEventLost) { return }
        kernelAddresses[address.interface]?.removeAll { $0.prefix == address.prefix }
        guard let id = managed(address), let entry = addresses[id] else {
            interfaceChanged(address.interface, at: now, into: &effects)
            return
        }
        if entry.expectedDeletions > 0, now < entry.deletionsExpectedUntil {
            addresses[id]?.expectedDeletions -= 1
            return
        }
        guard entry.isPresent else { return }
        addresses[id]?.isPresent = false
        if entry.isWanted { repair(id, at: now, into: &effects) }
    }

    /// Somebody removed an address that should be there: it is put back, and the role stays. A fight is lost
    /// on purpose: after ten repairs in ten seconds the instance goes to fault and says so.
    mutating func repair(_ id: AddressID, at now: Instant, into effects: inout [Effect]) {
        guard var entry = addresses[id] else { return }
        entry.repairs.removeAll { now - $0 > Self.repairWindow }
        entry.repairs.append(now)
        if entry.repairs.count > Self.repairLimit {
            entry.repairs = []
            entry.foughtUntil = now + Self.foughtPause
            addresses[id] = entry
            effects.append(.note(.fought(id)))
            schedule(id)
            refreshRouters(using: id, at: now, into: &effects)
            return
        }
        addresses[id] = entry
        effects.append(.note(.repaired(id)))
        settle(id, at: now, into: &effects)
        announce(id, count: 1, at: now, into: &effects)
    }

    mutating func receiveFailure(
        _ id: AddressID, _ operation: AddressOperation, _ errno: Int32, at now: Instant, into effects: inout [Effect]
    ) {
        guard let entry = addresses[id] else { return }
        let isFirst = !entry.wasRefused
        switch operation {
        case .install where errno == KernelError.exists: return
        case .install, .refresh:
            addresses[id]?.isPresent = false
            addresses[id]?.nextRefresh = nil
        case .withdraw:
            addresses[id]?.expectedDeletions = max(0, entry.expectedDeletions - 1)
            if errno == KernelError.addressNotAvailable || errno == KernelError.noDevice { return }
            addresses[id]?.isPresent = true
        }
        addresses[id]?.retryAt = now + Self.retryDelay
        addresses[id]?.wasRefused = true
        if isFirst { effects.append(.note(.operationFailed(id, operation, errno: errno))) }
        schedule(id)
    }

    /// errno values that mean something here (asm-generic/errno.h).
    enum KernelError {
        static let exists: Int32 = 17
        static let noDevice: Int32 = 19
        static let addressNotAvailable: Int32 = 99
    }

    /// Keeps the kernel's list; false when nothing a router could notice changed.
    private mutating func remember(_ address: KernelAddress) -> Bool {
        var list = kernelAddresses[address.interface, default: []]
        if let index = list.firstIndex(where: { $0.prefix == address.prefix }) {
            let changed = list[index].isTentative != address.isTentative
            list[index] = address
            kernelAddresses[address.interface] = list
            return changed
        }
        list.append(address)
        kernelAddresses[address.interface] = list
        return true
    }

    private mutating func refreshRouters(using id: AddressID, at now: Instant, into effects: inout [Effect]) {
        for router in routerIDs where slots[router.index]?.addresses.contains(id) == true {
            environmentChanged(router, at: now, into: &effects)
        }
    }
}
