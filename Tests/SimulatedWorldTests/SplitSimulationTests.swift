import Primitives
import Testing

@testable import SimulatedWorld

/// Nodes that come, go, crash, stop and take over from each other, by the hundred.
@Suite("Two masters, in the simulated world") struct SplitSimulationTests {
    /// By these, two masters are possible, or are made up.
    static let splitting: [Scenario.FaultClass] = [
        .loss, .corruption, .partition, .cut, .stall, .pause, .injection, .reload,
    ]

    static func scenarios(_ condition: (Scenario) -> Bool, count: Int) -> [(seed: UInt64, scenario: Scenario)] {
        var found: [(UInt64, Scenario)] = []
        var seed: UInt64 = 1
        while found.count < count, seed < 20_000 {
            let scenario = Scenario(seed: seed, duration: 200)
            if condition(scenario) { found.append((seed, scenario)) }
            seed += 1
        }
        return found
    }

    @Test("Where nothing that is said is lost or late, and nobody stands still, nobody tells of a split") func none() {
        var quiet = 0
        for (seed, scenario) in Self.scenarios({ scenario in !Self.splitting.contains { scenario.has($0) } }, count: 16)
        {
            let simulation = Simulation(scenario)
            #expect(simulation.run() == nil, "seed \(seed)")
            // A holder that stands still is one of the checks of any seed.
            guard !simulation.hasStalled else { continue }
            quiet += 1
            #expect(simulation.splitsTold == 0, "seed \(seed)")
        }
        #expect(quiet >= 3)
    }

    @Test("Where the network is cut, splits are told of") func some() {
        var told = 0
        for (_, scenario) in Self.scenarios({ $0.has(.partition) && $0.has(.cut) }, count: 6) {
            let simulation = Simulation(scenario)
            _ = simulation.run()
            told += simulation.splitsTold
        }
        #expect(told > 0)
    }
}
