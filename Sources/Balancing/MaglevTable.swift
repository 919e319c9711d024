import Primitives

/// Maglev's table (Eisenbud et al., NSDI 2016, §3.4): which server each of a prime number of slots belongs to. A client's hash picks the slot.
///
/// Each server claims slots in an order of its own, by turns, as many as its weight says. A server that leaves gives its slots to the others,
/// and few more change hands: of three servers about one in a hundred, of a hundred servers one in twenty. The table depends on servers and
/// weights alone: two directors that have the same have the same table.
public struct MaglevTable: Hashable, Sendable {
    /// Of each slot, the position of its server; empty where there are no servers.
    public let owners: [Int]

    /// The most slots there are: also the most that `NFTablesDraw` can tell apart.
    public static let largest = 4093
    /// What is enough for up to ``fewServers``: a server has two slots at least then.
    public static let usual = 251
    public static let fewServers = 125

    /// - Parameters:
    ///   - weights: one for each server, each above 0. A server has its part of the slots, to within one, and one at least.
    ///   - size: a prime, for up to ``fewServers``; beyond there are ``largest``.
    public init(_ servers: [DestinationKey], _ weights: [UInt64], size: Int = MaglevTable.usual) {
        if servers.isEmpty {
            owners = []
            return
        }
        let count = servers.count <= Self.fewServers ? size : Self.largest
        var next = servers.map { Self.hash($0, 1) % UInt64(count) }
        let steps = servers.map { Self.hash($0, 2) % UInt64(count - 1) + 1 }
        var slots = [Int](repeating: -1, count: count)
        for server in Self.interleaved(Self.apportioned(weights, count)).prefix(count) {
            // Prime count: a server's order visits every slot.
            while slots[Int(next[server])] >= 0 { next[server] = (next[server] + steps[server]) % UInt64(count) }
            slots[Int(next[server])] = server
        }
        owners = slots.map { max($0, 0) }
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
}
