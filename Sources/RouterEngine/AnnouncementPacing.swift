import Configuration
import Primitives
import VRRP

/// Announcements that wait, where `vrrp_garp_interval` or `vrrp_gna_interval` sets a pace. Bounded: an
/// address waits once, with the larger of its counts.
struct AnnouncementPacing: Sendable {
    struct Waiting: Sendable {
        var address: AddressID
        var count: Int
    }

    /// The pace is kept for each interface and family.
    struct Lane: Hashable, Sendable {
        var device: String
        var family: AddressFamily
    }

    var waiting: [Waiting] = []
    /// When a lane may send again.
    var next: [Lane: Instant] = [:]
}

extension Engine {
    /// Announces every address of a router, at once or at the configured pace.
    /// - Parameter elsewhere: only those on other interfaces than its own.
    mutating func announce(
        _ id: RouterID, count: Int, elsewhere: Bool = false, at now: Instant, into effects: inout [Effect]
    ) {
        guard let slot = slots[id.index], count > 0 else { return }
        for address in slot.addresses where !elsewhere || addresses[address]?.interface != slot.interface {
            announce(address, count: count, at: now, into: &effects)
        }
    }

    mutating func announce(_ address: AddressID, count: Int, at now: Instant, into effects: inout [Effect]) {
        guard let family = addresses[address]?.key.prefix.address.family else { return }
        guard interval(family) > .zero else {
            effects.append(.announce(address, count: count))
            return
        }
        if let index = pacing.waiting.firstIndex(where: { $0.address == address }) {
            pacing.waiting[index].count = max(pacing.waiting[index].count, count)
        } else {
            pacing.waiting.append(.init(address: address, count: count))
        }
        pace(at: now, into: &effects)
    }

    /// Sends what the pace allows now and sets the deadline of the next. What waits for an address that was given
    /// up meanwhile is dropped: announcing it would draw its clients away from the new master.
    mutating func pace(at now: Instant, into effects: inout [Effect]) {
        pacing.waiting.removeAll { addresses[$0.address]?.isWanted != true }
        var next: Instant?
        var position = 0
        while position < pacing.waiting.count {
            let waiting = pacing.waiting[position]
            guard let key = addresses[waiting.address]?.key else { break }
            let lane = AnnouncementPacing.Lane(device: key.device, family: key.prefix.address.family)
            let due = pacing.next[lane] ?? now
            if due <= now {
                effects.append(.announce(waiting.address, count: 1))
                pacing.next[lane] = now + interval(lane.family)
                pacing.waiting.remove(at: position)
                // Behind the others: a burst goes round the addresses.
                if waiting.count > 1 {
                    pacing.waiting.append(.init(address: waiting.address, count: waiting.count - 1))
                }
            } else {
                next = next.map { min($0, due) } ?? due
                position += 1
            }
        }
        deadlines.set(.init(.pacing, 0), next)
    }

    private func interval(_ family: AddressFamily) -> Duration {
        let settings = model.global.announcements
        return family == .ipv4 ? settings.garpInterval : settings.gnaInterval
    }
}
