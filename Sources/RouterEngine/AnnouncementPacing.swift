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

    var waiting: [Waiting] = []
    /// When the last one was sent, by family: 4 and 6.
    var next: [AddressFamily: Instant] = [:]
}

extension Engine {
    /// Announces every address of a router, at once or at the configured pace.
    mutating func announce(_ id: RouterID, count: Int, at now: Instant, into effects: inout [Effect]) {
        guard let slot = slots[id.index], count > 0 else { return }
        for address in slot.addresses { announce(address, count: count, at: now, into: &effects) }
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

    /// Sends what the pace allows now and sets the deadline of the next.
    mutating func pace(at now: Instant, into effects: inout [Effect]) {
        var next: Instant?
        for family in [AddressFamily.ipv4, .ipv6] {
            guard
                let index = pacing.waiting.firstIndex(where: {
                    addresses[$0.address]?.key.prefix.address.family == family
                })
            else { continue }
            let due = pacing.next[family] ?? now
            if due <= now {
                var first = pacing.waiting.remove(at: index)
                effects.append(.announce(first.address, count: 1))
                first.count -= 1
                if first.count > 0 { pacing.waiting.append(first) }
                pacing.next[family] = now + interval(family)
            }
            let after = pacing.next[family] ?? now
            next = next.map { min($0, after) } ?? after
        }
        pacing.waiting.removeAll { addresses[$0.address] == nil }
        deadlines.set(.init(kind: .pacing, index: 0), pacing.waiting.isEmpty ? nil : next)
    }

    private func interval(_ family: AddressFamily) -> Duration {
        let settings = model.global.announcements
        return family == .ipv4 ? settings.garpInterval : settings.gnaInterval
    }
}
