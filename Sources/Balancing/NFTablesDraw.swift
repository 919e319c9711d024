import Configuration
import Primitives

/// How a connection draws one of its service's slots: by turns, or by a hash. One chain of one rule does it for all services that
/// draw alike, so the number of rules does not grow with the number of services.
///
/// `numgen` and `jhash` have their modulus in the rule: a chain belongs to one modulus. A `numgen` counts for all who use it, and two
/// services that share one and are asked by turns would each get the same servers again and again: hence the lanes. With
/// up to ``lanes`` services each has a counter of its own, and turns are exact; with more, those that share one disturb each other
/// only as far as their clients come in lockstep.
struct NFTablesDraw: Hashable, Sendable {
    enum Kind: UInt8, CaseIterable, Sendable {
        case turn = 1
        case source, sourcePort, destination

        var name: String {
            switch self {
            case .turn: "turn"
            case .source: "source"
            case .sourcePort: "source-port"
            case .destination: "destination"
            }
        }
    }

    static let lanes: UInt32 = 64
    /// What of a ``state(of:)`` says how to draw.
    static let mask: UInt32 = 0xFFFE_003F

    var kind: Kind
    var lane: UInt32
    /// The number of slots, 1…4095.
    var modulus: UInt32

    init(_ kind: Kind, service: UInt32, slots: Int) {
        self.kind = kind
        lane = Self.index(service) % Self.lanes
        modulus = UInt32(min(max(slots, 1), 4095))
    }

    /// As it stands in the kernel's map; nil of what this type never wrote.
    init?(rawValue: UInt32) {
        guard rawValue & Self.mask == rawValue, rawValue >> 31 == 1,
            let kind = Kind(rawValue: UInt8(rawValue >> 29 & 3) + 1), rawValue >> 17 & 0xFFF != 0
        else { return nil }
        self.kind = kind
        lane = rawValue & (Self.lanes - 1)
        modulus = rawValue >> 17 & 0xFFF
    }

    var rawValue: UInt32 { 1 << 31 | UInt32(kind.rawValue - 1) << 29 | modulus << 17 | lane }

    /// The mark of a connection while it draws: how, and for which service.
    func state(of service: UInt32) -> UInt32 { rawValue & ~(Self.lanes - 1) | Self.index(service) }

    /// The 17 bits in which the numbers of services differ.
    private static func index(_ service: UInt32) -> UInt32 { service >> 10 & 0x1FFFF }

    var chain: String { kind == .turn ? "turn-\(modulus)-\(lane)" : "\(kind.name)-\(modulus)" }
}

/// Which server each slot of a service is: positions in `ForwardingService.destinations`.
struct NFTablesSlots: Hashable, Sendable {
    var kind: NFTablesDraw.Kind
    var servers: [Int]

    /// The most that a draw can tell apart.
    static let most = 4093

    /// Empty where no server may get a new connection.
    ///
    /// `rr` and `lc` take servers by turns, whatever their weights; `wrr`, `wlc`, `sed`, `nq` and `twos` take as many turns as their weights
    /// say: this plane does not see connections at the moment of choice. `fo` takes the server with the highest weight. `sh` and `mh` hash
    /// the client, `dh` the address that it asked for, into slots that few leave when a server comes or goes.
    init(_ service: ForwardingService) {
        let usable = service.destinations.indices.filter { service.destinations[$0].weight > 0 }
        let weights = usable.map { UInt64(service.destinations[$0].weight) }
        switch service.scheduler {
        case .roundRobin, .leastConnections:
            kind = .turn
            servers = usable
        case .weightedFailover:
            kind = .turn
            // The first of those with the highest weight.
            let best = usable.indices.max { weights[$0] != weights[$1] ? weights[$0] < weights[$1] : $0 > $1 }
            servers = best.map { [usable[$0]] } ?? []
        case .sourceHash, .maglevHash:
            kind = service.schedulerFlags.contains(.second) ? .sourcePort : .source
            servers = Self.hashed(usable.map { service.destinations[$0].key }, weights).map { usable[$0] }
        case .destinationHash:
            kind = .destination
            servers = Self.hashed(usable.map { service.destinations[$0].key }, weights).map { usable[$0] }
        default:
            kind = .turn
            servers = Self.turns(weights).map { usable[$0] }
        }
    }

    /// Exact where the weights, divided by what they have in common, need up to 128 slots; else to within half a slot in 128, each
    /// server having one at least.
    static func turns(_ weights: [UInt64]) -> [Int] {
        let divisor = weights.reduce(0, greatestCommonDivisor)
        guard divisor > 0 else { return [] }
        let reduced = weights.map { $0 / divisor }
        let total = reduced.reduce(0, &+)
        let count = total <= 128 || total == weights.count ? Int(total) : max(128, min(weights.count * 4, most))
        return interleaved(apportioned(reduced, count))
    }

    /// `count` slots by weight, by largest remainders, each at least 1; `count` is not below the number of weights.
    static func apportioned(_ weights: [UInt64], _ count: Int) -> [Int] {
        let total = max(weights.reduce(0, &+), 1)
        var shares = weights.map { max(1, Int($0 &* UInt64(count) / total)) }
        var sum = shares.reduce(0, +)
        let byRemainder = weights.indices.sorted {
            let (a, b) = (weights[$0] &* UInt64(count) % total, weights[$1] &* UInt64(count) % total)
            return a != b ? a > b : $0 < $1
        }
        for index in byRemainder where sum < count {
            shares[index] += 1
            sum += 1
        }
        while sum > count, let largest = shares.indices.max(by: { shares[$0] < shares[$1] }), shares[largest] > 1 {
            shares[largest] -= 1
            sum -= 1
        }
        return shares
    }

    /// Each index as often as its share, as evenly spread as can be: its k-th turn stands at (2k + 1) / 2 · share.
    static func interleaved(_ shares: [Int]) -> [Int] {
        if shares.allSatisfy({ $0 == 1 }) { return Array(shares.indices) }
        var turns: [(server: Int, turn: Int)] = []
        for (server, share) in shares.enumerated() {
            for turn in 0..<max(share, 0) { turns.append((server, turn)) }
        }
        turns.sort { a, b in
            let (x, y) = ((2 * a.turn + 1) * shares[b.server], (2 * b.turn + 1) * shares[a.server])
            return x != y ? x < y : a.server < b.server
        }
        return turns.map(\.server)
    }

    /// Maglev's table (Eisenbud et al., NSDI 2016, §3.4): each server claims slots in an order of its own, by turns. Two directors with the
    /// same servers have the same table.
    static func hashed(_ keys: [DestinationKey], _ weights: [UInt64]) -> [Int] {
        if keys.isEmpty { return [] }
        let count = keys.count <= 125 ? 251 : most
        var next = keys.map { hash($0, 1) % UInt64(count) }
        let steps = keys.map { hash($0, 2) % UInt64(count - 1) + 1 }
        var slots = [Int](repeating: -1, count: count)
        for server in interleaved(apportioned(weights, count)).prefix(count) {
            // Prime count: a server's order visits every slot.
            while slots[Int(next[server])] >= 0 { next[server] = (next[server] + steps[server]) % UInt64(count) }
            slots[Int(next[server])] = server
        }
        return slots.map { max($0, 0) }
    }

    private static func hash(_ key: DestinationKey, _ salt: UInt64) -> UInt64 {
        var bytes: [UInt8] = []
        key.address.append(to: &bytes)
        bytes.append(bigEndian: key.port)
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ salt
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0100_0000_01B3 }
        // FNV's low bits are weak; SplitMix64's last step spreads them.
        hash = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        hash = (hash ^ hash >> 27) &* 0x94D0_49BB_1331_11EB
        return hash ^ hash >> 31
    }

    private static func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
