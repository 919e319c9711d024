import Primitives
import Testing

@testable import Arbitration

/// SAFE-2 and LIVE-1 of one lease, over seeds.
@Suite struct LeaseSimulationTests {
    static let seeds: UInt64 = 2000

    @Test("SAFE-2 and LIVE-1: never two holders, and one soon after faults end", arguments: 0..<4 as Range<UInt64>)
    func promises(_ part: UInt64) throws {
        var takings: Set<RuleID> = []
        var losses: Set<RuleID> = []
        for seed in (part * Self.seeds / 4)..<((part + 1) * Self.seeds / 4) {
            var simulation = try LeaseSimulation(seed: seed, bug: nil)
            if let violation = try simulation.run() { Issue.record("seed \(seed): \(violation)") }
            takings.formUnion(simulation.takings)
            losses.formUnion(simulation.losses)
        }
        // What never happened was not tested.
        #expect(takings.count == 4, "taken only by \(takings.map(\.description).sorted())")
        #expect(losses.isSuperset(of: [.leaseStarting, .leaseExpired, .leaseHeldByAnother, .leaseReleased]))
    }

    @Test("Each planted bug is found by the same seeds", arguments: LeaseBug.allCases)
    func bugs(_ bug: LeaseBug) throws {
        for seed in 0..<Self.seeds {
            var simulation = try LeaseSimulation(seed: seed, bug: bug)
            if try simulation.run() != nil { return }
        }
        Issue.record("no seed finds \(bug)")
    }
}
