import Primitives
import Testing

@testable import Arbitration

/// SAFE-2 and LIVE-1 of one lease at a witness that crashes, forgets, goes back in time and is sent old datagrams, over seeds.
@Suite struct WitnessSimulationTests {
    static let seeds: UInt64 = 1200

    @Test(
        "SAFE-2 and LIVE-1 with a witness: never two holders, no epoch twice, and a holder soon after faults end",
        arguments: 0..<4 as Range<UInt64>)
    func promises(_ part: UInt64) throws {
        var takings: Set<RuleID> = []
        var (starts, renewed, refused) = (0, 0, 0)
        for seed in (part * Self.seeds / 4)..<((part + 1) * Self.seeds / 4) {
            var simulation = try LeaseSimulation(seed: seed, bug: nil, witness: .some(nil))
            if let violation = try simulation.run() { Issue.record("seed \(seed): \(violation)") }
            takings.formUnion(simulation.takings)
            starts += simulation.witness?.starts ?? 0
            renewed += simulation.witness?.renewedInQuiet ?? 0
            refused += simulation.witness?.refusedByLife ?? 0
        }
        // What never happened was not tested. Nothing is ever absent at a witness.
        #expect(takings.count == 3, "taken only by \(takings.map(\.description).sorted())")
        #expect(
            starts > 300 && renewed > 100 && refused > 100,
            "\(starts) starts, \(renewed) renewals, \(refused) old lives")
    }

    @Test("Each planted bug of a witness is found by the same seeds", arguments: WitnessBug.allCases)
    func bugs(_ bug: WitnessBug) throws {
        for seed in 0..<Self.seeds {
            var simulation = try LeaseSimulation(seed: seed, bug: nil, witness: bug)
            if let violation = try simulation.run() {
                print("\(bug): seed \(seed): \(violation)")
                return
            }
        }
        Issue.record("no seed finds \(bug)")
    }
}
