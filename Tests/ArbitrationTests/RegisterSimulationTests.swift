import Primitives
import Testing

@testable import Arbitration

/// SAFE-2 and LIVE-1 of a lease whose arbiter is a Corosync cluster, over seeds.
@Suite struct RegisterSimulationTests {
    static let seeds: UInt64 = 240

    @Test(
        "SAFE-2 and LIVE-1 by Corosync: never two holders, and one soon after faults end",
        arguments: 0..<4 as Range<UInt64>)
    func promises(_ part: UInt64) throws {
        var takings: Set<RuleID> = []
        var met: Set<String> = []
        var grants = 0
        for seed in (part * Self.seeds / 4)..<((part + 1) * Self.seeds / 4) {
            var simulation = try RegisterSimulation(seed: seed, bug: nil)
            if let violation = try simulation.run() { Issue.record("seed \(seed): \(violation)") }
            takings.formUnion(simulation.takings)
            met.formUnion(simulation.met)
            grants += simulation.grants
        }
        #expect(takings.isSuperset(of: [.leaseTakenFree, .leaseTakenRunOut, .leaseTakenOwn]))
        #expect(met.isSuperset(of: ["sent in a ring that was broken", "stopped for longer than the token"]))
        #expect(grants > Int(Self.seeds))
    }

    /// One bug needs a rarer order of events than these seeds hold: one seed in a thousand finds it. `CorosyncRegisterTests` has it.
    static let rare = RegisterBug.newestVersionWins

    @Test(
        "Each planted bug of the register is found by the same seeds",
        arguments: RegisterBug.allCases.filter { $0 != rare })
    func bugs(_ bug: RegisterBug) throws {
        for seed in 0..<Self.seeds {
            var simulation = try RegisterSimulation(seed: seed, bug: bug)
            if let violation = try simulation.run(), !violation.hasPrefix("LIVE") { return }
        }
        Issue.record("no seed finds \(bug)")
    }
}
