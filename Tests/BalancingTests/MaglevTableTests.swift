import Primitives
import Testing

@testable import Balancing

private func servers(_ count: Int) -> [DestinationKey] {
    (0..<count).map { DestinationKey(.v4(IPv4Address(10, 1, UInt8($0 >> 8), UInt8($0 & 255))), port: 80) }
}

/// How many slots each server has.
private func shares(_ table: MaglevTable, of count: Int) -> [Int] {
    var shares = [Int](repeating: 0, count: count)
    for owner in table.owners { shares[owner] += 1 }
    return shares
}

@Suite struct MaglevTableTests {
    @Test(arguments: [251, 509, 1021]) func partsFollowTheWeights(_ size: Int) {
        for weights: [UInt64] in [[1, 1, 1], [1, 2, 3], [10, 1, 1, 7, 30], Array(repeating: 5, count: 100)] {
            let table = MaglevTable(servers(weights.count), weights, size: size)
            #expect(table.owners.count == size)
            let total = Int(weights.reduce(0, +))
            for (share, weight) in zip(shares(table, of: weights.count), weights) {
                #expect(
                    abs(share * total - Int(weight) * size) <= total, "\(share) of \(size) for \(weight) of \(total)")
            }
        }
    }

    @Test func noWeightIsTooSmallForASlot() {
        let table = MaglevTable(servers(3), [1_000_000, 1, 1])
        #expect(shares(table, of: 3) == [249, 1, 1])
    }

    @Test(arguments: [(2, 0), (3, 2), (5, 5), (10, 7), (30, 11)])
    func aServerThatLeavesMovesFewSlotsOfOthers(_ count: Int, mostPercent: Int) {
        let all = servers(count)
        let before = MaglevTable(all, all.map { _ in 1 })
        for leaving in 0..<count {
            var rest = all
            rest.remove(at: leaving)
            let after = MaglevTable(rest, rest.map { _ in 1 })
            let moved = zip(before.owners, after.owners).count { $0 != leaving && all[$0] != rest[$1] }
            #expect(
                moved * 100 <= mostPercent * MaglevTable.usual + 150, "\(moved) slots when \(leaving) of \(count) left")
        }
    }

    @Test func twoDirectorsHaveOneTable() {
        // The hash of clients meets these on another machine: they must never change.
        let table = MaglevTable(servers(3), [1, 1, 1])
        #expect(table == MaglevTable(servers(3), [1, 1, 1]))
        let sum = table.owners.enumerated().reduce(0) { ($0 * 31 + $1.offset * $1.element) % 1_000_003 }
        #expect(sum == 472538)
        #expect(MaglevTable(servers(3), [2, 2, 2]) == table)
    }

    @Test func thereIsNoTableWithoutServers() { #expect(MaglevTable([], []).owners == []) }

    @Test func slotsOfManyServersAreMadeInTime() {
        let table = MaglevTable(servers(1000), Array(repeating: 1, count: 1000))
        #expect(table.owners.count == 4093 && Set(table.owners).count == 1000)
    }
}
