import Primitives
import Testing

@testable import Arbitration

/// SAFE-2 and LIVE-1 of one lease at a witness that crashes, forgets, goes back in time and is sent old datagrams, over seeds.
@Suite struct WitnessSimulationTests {
    static let seeds: UInt64 = 1000

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
        let counts = "\(starts) starts, \(renewed) requests with renewals in quiet times, \(refused) of old lives"
        #expect(starts > 300 && renewed > 30 && refused > 30, "\(counts)")
    }

    /// Only an old file and a wall clock that went back, with the right delay between, make a difference here: versions jump with
    /// each life. It has a row below.
    static let rare = WitnessBug.lifeIgnored

    @Test(
        "Each planted bug of a witness is found by the same seeds", arguments: WitnessBug.allCases.filter { $0 != rare }
    )
    func bugs(_ bug: WitnessBug) throws {
        for seed in 0..<Self.seeds {
            var simulation = try LeaseSimulation(seed: seed, bug: nil, witness: bug)
            if try simulation.run() != nil { return }
        }
        Issue.record("no seed finds \(bug)")
    }

    @Test("A write of a life that is over would stand, where file and wall clock went back and nobody looked at lives")
    func oldLife() throws {
        let (first, _) = try WitnessBench.held()
        for bug in [nil, Self.rare] {
            var second = try first.restarted(wallClock: 0)
            let shown = try second.read(at: WitnessBench.start)
            let late = try WitnessBench.next(shown, "a")
            // Sent in the second life. Before it arrives, that one has let another take, and is followed by a third with the file of before.
            var third = try WitnessBench(state: first.file(), life: 3, wallClock: 0)
            third.machine.bug = bug
            third.send(.write(late, replacing: LeaseStamp(shown)), life: second.life, at: WitnessBench.start)
            #expect(third.sent.first?.datagram.body == (bug == nil ? .otherLife : .answers([WitnessAnswer(.granted)])))
        }
    }
}
