import Primitives
import VRRP

/// Who spoke to a virtual router: the other routers of its id, and whoever was turned away. For people: no
/// decision is taken from it. Bounded: of more than sixteen sources the one that was silent longest is forgotten.
public struct Neighbours: Hashable, Sendable {
    /// One source of packets.
    public struct Neighbour: Hashable, Sendable {
        public var address: IPAddress
        public var lastHeard: Instant
        /// What it said last, when it was accepted; nil when it never was.
        public var advert: Advert?
        public var accepted: UInt64 = 0
        public var rejected: UInt64 = 0
        public var lastRejection: Rejection?
    }

    public struct Advert: Hashable, Sendable {
        public var priority: Priority
        public var interval: Centiseconds
        public var at: Instant
    }

    static let limit = 16

    /// In the order in which they were first heard.
    public private(set) var all: [Neighbour] = []

    mutating func accepted(_ advert: Advertisement, from address: IPAddress, at now: Instant) {
        let index = self.index(of: address, at: now)
        all[index].accepted &+= 1
        all[index].advert = Advert(priority: advert.priority, interval: advert.interval, at: now)
    }

    mutating func rejected(_ rejection: Rejection, from address: IPAddress, at now: Instant) {
        let index = self.index(of: address, at: now)
        all[index].rejected &+= 1
        all[index].lastRejection = rejection
    }

    /// Its place, made if it has none.
    private mutating func index(of address: IPAddress, at now: Instant) -> Int {
        if let known = all.firstIndex(where: { $0.address == address }) {
            all[known].lastHeard = now
            return known
        }
        if all.count == Self.limit {
            var oldest = 0
            // One that was believed is worth more than any that was not: a flood of forgeries must not hide it.
            func rank(_ neighbour: Neighbour) -> (Int, Instant) {
                (neighbour.advert == nil ? 0 : 1, neighbour.lastHeard)
            }
            for index in all.indices where rank(all[index]) < rank(all[oldest]) { oldest = index }
            all.remove(at: oldest)
        }
        all.append(Neighbour(address: address, lastHeard: now))
        return all.count - 1
    }
}
