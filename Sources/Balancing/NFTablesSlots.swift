import Primitives

/// Shares as slots: a server gets as many of a service's slots as its weight is of all weights.
///
/// What had a slot keeps it as long as its share allows, so that a server that comes or goes moves as few clients as can be (consistent for
/// hashes; connections that stand are tracked, and never move).
enum NFTablesSlots {
    /// How many slots a service may have: enough for the usual numbers of servers and weights to come out exactly.
    static let sizes: [UInt32] = [12, 60, 840]

    /// The fewest slots by which the weights come out exactly, or the most that there are.
    static func size(for weights: [UInt32], atLeast least: UInt32 = 0) -> UInt32 {
        let living = weights.filter { $0 > 0 }
        guard let first = living.first else { return max(sizes[0], least) }
        let divisor = living.reduce(first) { greatestDivisor($0, $1) }
        let sum = living.reduce(UInt64(0)) { $0 + UInt64($1 / divisor) }
        for size in sizes where size >= least && sum <= UInt64(size) && UInt64(size) % sum == 0 { return size }
        return sizes[sizes.count - 1]
    }

    private static func greatestDivisor(_ a: UInt32, _ b: UInt32) -> UInt32 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return max(a, 1)
    }

    /// - Parameters:
    ///   - shares: marks and weights; in the order of the destinations.
    ///   - old: what stood in the slots; of another size it does not count.
    ///   - seed: of the order in which servers take turns, so that services that are asked in step do not go in step.
    /// - Returns: the mark in each slot; empty when nobody has weight.
    static func assign(
        _ shares: [(mark: UInt32, weight: UInt32)], size: UInt32, old: [UInt32], seed: UInt64
    ) -> [UInt32] {
        let wanted = counts(shares.map(\.weight), size: size)
        guard wanted.contains(where: { $0 > 0 }) else { return [] }
        var left: [UInt32: Int] = [:]
        for (share, count) in zip(shares, wanted) { left[share.mark] = count }
        var slots = [UInt32](repeating: 0, count: Int(size))
        if old.count == slots.count {
            for index in slots.indices {
                guard let count = left[old[index]], count > 0 else { continue }
                slots[index] = old[index]
                left[old[index]] = count - 1
            }
        }
        // What is left takes turns: each round a new order.
        var random = SplitMix64(seed: seed)
        var queue: [UInt32] = []
        for index in slots.indices where slots[index] == 0 {
            if queue.isEmpty { queue = round(shares, &left, &random) }
            slots[index] = queue.removeLast()
        }
        return slots
    }

    /// Each server that has slots to come, once, in a drawn order.
    private static func round(
        _ shares: [(mark: UInt32, weight: UInt32)], _ left: inout [UInt32: Int], _ random: inout SplitMix64
    ) -> [UInt32] {
        var marks: [UInt32] = []
        for share in shares where left[share.mark, default: 0] > 0 {
            left[share.mark, default: 0] -= 1
            marks.append(share.mark)
        }
        var index = marks.count - 1
        while index > 0 {
            marks.swapAt(index, Int(random.next() % UInt64(index + 1)))
            index -= 1
        }
        return marks
    }

    /// Whole slots by the largest remainders; each that weighs something has one, while there are as many.
    static func counts(_ weights: [UInt32], size: UInt32) -> [Int] {
        let sum = weights.reduce(UInt64(0)) { $0 + UInt64($1) }
        guard sum > 0 else { return weights.map { _ in 0 } }
        var counts = weights.map { Int(UInt64($0) * UInt64(size) / sum) }
        let remainders = weights.map { UInt64($0) * UInt64(size) % sum }
        var left = Int(size) - counts.reduce(0, +)
        for index in weights.indices.sorted(by: {
            remainders[$0] != remainders[$1] ? remainders[$0] > remainders[$1] : $0 < $1
        })
        where left > 0 {
            counts[index] += 1
            left -= 1
        }
        // One that weighs little still gets something: from whoever has most.
        for index in weights.indices where weights[index] > 0 && counts[index] == 0 {
            guard let richest = counts.indices.max(by: { counts[$0] < counts[$1] }), counts[richest] > 1 else { break }
            counts[richest] -= 1
            counts[index] = 1
        }
        return counts
    }
}
