import Arbitration
import Primitives
import VRRP

/// Who follows whom, and how long each waits.
///
/// The skew time of VRRP lets backups take turns without knowing of each other. Those that greet know: the one that the departing
/// master named answers at once, the others a slot later each, by rank. A slot is as long as the first one's advert needs to
/// reach the next: max(5 ms, 2D + E). Nodes measure different ways, so each says its slot, and all go by the longest that any of them said.
extension GreetingMachine {
    /// This node's own slot: max(5 ms, 2D + E), 2D being the longest way there and back to any peer.
    public var ownSlot: Duration {
        let there = peers.lazy.compactMap(\.roundTrip).max() ?? .zero
        return min(max(Self.shortestSlot, there + settings.effectTime), Self.longestSlot)
    }

    /// The slot that all take turns by.
    public var slot: Duration { max(ownSlot, peers.lazy.map(\.slot).max() ?? .zero) }

    /// Whether the peer has heard what this node said within the last three intervals.
    public func hears(_ peer: GreetingPeer, at now: Instant) -> Bool { now < peer.hearsAsOf + patience }

    /// Those who may be master now, the first first, this node among them: by priority, then by address, as VRRP has it.
    /// Only peers count with which both ways work.
    public func ranking(at now: Instant) -> [Incarnation] {
        var all = peers.filter { $0.facts.isEligible && hears($0, at: now) }.map {
            (priority: $0.facts.priority, address: $0.address, incarnation: $0.incarnation)
        }
        if facts.isEligible { all.append((facts.priority, settings.address, settings.incarnation)) }
        return all.sorted { ($0.priority, $0.address) > ($1.priority, $1.address) }.map(\.incarnation)
    }

    /// Who should be master next, besides this node; nil where nobody can.
    public func successor(at now: Instant) -> GreetingPeer? {
        let first = ranking(at: now).first { !isOwn($0) }
        return peers.first { $0.incarnation == first }
    }

    /// Whether each configured peer has proved to greet, and hears this node. Never so where hellos go to a group.
    public func includesAll(at now: Instant) -> Bool {
        guard case .unicast = settings.way else { return false }
        return !destinations.isEmpty
            && destinations.allSatisfy { there in
                peers.contains { $0.address == there.address && hears($0, at: now) }
            }
    }

    /// The one router besides this that can be master, where it is proved that there is one and that it greets.
    public func soleRival(at now: Instant) -> GreetingPeer? {
        peers.count == 1 && destinations.count == 1 && includesAll(at: now) ? peers[0] : nil
    }

    /// How long `incarnation` waits after `departing` gave up; nil for who is not in the ranking.
    public func slot(
        of incarnation: Incarnation, after departing: Incarnation, at now: Instant
    ) -> (rank: Int, delay: Duration)? {
        var order = ranking(at: now).filter { $0 != departing }
        let named = peers.first { $0.incarnation == departing }?.successor
        if let named, let index = order.firstIndex(of: named) { order.insert(order.remove(at: index), at: 0) }
        guard let rank = order.firstIndex(of: incarnation) else { return nil }
        return (rank, .nanoseconds(slot.nanoseconds * Int64(rank)))
    }

    /// When this node takes over from a peer that gives up now: its advert of priority 0 came from `address`, or its hello said so.
    /// Nil where VRRP's own timers are to be waited for: the peer does not greet, or this node is no backup that may be master.
    public func handOver(from address: IPAddress, at now: Instant) -> HandOver? {
        guard facts.role == .backup, let peer = peers.first(where: { $0.address == address }), hears(peer, at: now),
            let turn = slot(of: settings.incarnation, after: peer.incarnation, at: now)
        else { return nil }
        return HandOver(
            from: peer.name, rank: turn.rank, delay: turn.delay, isNamed: peer.successor.map(isOwn) ?? false,
            includesAll: includesAll(at: now))
    }

    func ranksBefore(_ peer: GreetingPeer) -> Bool {
        peer.facts.isEligible && (peer.facts.priority, peer.address) > (facts.priority, settings.address)
    }
}
