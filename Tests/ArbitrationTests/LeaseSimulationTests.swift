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

    @Test("SAFE-2 and LIVE-1 where holders go on by promises of the others", arguments: 0..<4 as Range<UInt64>)
    func peers(_ part: UInt64) throws {
        var (promises, keepings, exclusions) = (0, 0, 0)
        for seed in (part * Self.seeds / 4)..<((part + 1) * Self.seeds / 4) {
            var simulation = try LeaseSimulation(seed: seed, bug: nil, peers: true)
            if let violation = try simulation.run() { Issue.record("seed \(seed): \(violation)") }
            promises += simulation.promises
            keepings += simulation.keepings
            exclusions += simulation.exclusions
        }
        // What never happened was not tested.
        #expect(promises > 1000 && keepings > 500 && exclusions > 15, "\(promises) \(keepings) \(exclusions)")
    }

    @Test("SAFE-2 and LIVE-1 of promises at a witness that restarts and forgets", arguments: 0..<2 as Range<UInt64>)
    func peersAtWitness(_ part: UInt64) throws {
        for seed in (part * Self.seeds / 8)..<((part + 1) * Self.seeds / 8) {
            var simulation = try LeaseSimulation(seed: seed, bug: nil, witness: .some(nil), peers: true)
            if let violation = try simulation.run() { Issue.record("seed \(seed): \(violation)") }
        }
    }

    static let ofPromises: [LeaseBug] = [.joinerTakes, .forgetsPromise, .countsPromiseFromReceipt]

    @Test("Each planted bug of promises is found by the same seeds", arguments: ofPromises)
    func bugsOfPromises(_ bug: LeaseBug) throws {
        for seed in 0..<Self.seeds {
            var simulation = try LeaseSimulation(seed: seed, bug: bug, peers: true)
            if let violation = try simulation.run(), violation.hasPrefix("SAFE-2") { return }
        }
        Issue.record("no seed finds \(bug)")
    }

    /// One bug needs a rarer order of events than these seeds hold: about one in ten thousand finds it. It has a row below.
    static let rare = LeaseBug.takerCountsFromSend
    /// These have rows in `LeasePromiseTests`.
    static let byHand: [LeaseBug] = [.shortensNothing, .forgetsItsWrites]

    @Test(
        "Each planted bug is found by the same seeds",
        arguments: LeaseBug.allCases.filter { $0 != rare && !ofPromises.contains($0) && !byHand.contains($0) })
    func bugs(_ bug: LeaseBug) throws {
        for seed in 0..<Self.seeds {
            var simulation = try LeaseSimulation(seed: seed, bug: bug)
            if try simulation.run() != nil { return }
        }
        Issue.record("no seed finds \(bug)")
    }

    @Test("A taker that counts from its asking takes too early") func countsFromSend() throws {
        for bug in [nil, Self.rare] {
            var bench = try Bench()
            bench.machine.bug = bug
            _ = bench.start()
            let record = try Bench.record("b")
            // Asked at 0, answered at 100: the holder may have renewed between.
            _ = bench.answer(.found(record), to: 1, at: 100)
            _ = bench.advance(to: 1050)
            _ = bench.answer(.found(record), to: 2, at: 1060)
            let effects = bench.advance(to: 1100)
            let writes = effects.contains { if case .write = $0 { true } else { false } }
            #expect(writes == (bug != nil))
        }
    }
}
