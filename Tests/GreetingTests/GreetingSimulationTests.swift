import Primitives
import Testing

@testable import Greeting

@Suite struct GreetingSimulationTests {
    static let seeds: UInt64 = 40

    @Test(
        "Within two intervals after faults end all know the truth; recordings and forgeries change nothing",
        arguments: 0..<4 as Range<UInt64>)
    func promises(_ part: UInt64) {
        var rules: Set<RuleID> = []
        for seed in (part * Self.seeds / 4)..<((part + 1) * Self.seeds / 4) {
            var simulation = GreetingSimulation(seed: seed, bug: nil)
            if let violation = simulation.run() { Issue.record("seed \(seed): \(violation)") }
            #expect(simulation.replays > 100)
            rules.formUnion(simulation.rules)
        }
        // What never happened was not tested.
        #expect(
            rules.isSuperset(of: [
                .helloJoined, .helloRestarted, .helloLost, .helloChanged, .helloOtherInterval, .helloDeparts,
                .helloNamed,
                .helloSeal,
            ]), "\(rules.map(\.description).sorted())")
    }

    @Test("Each planted bug is found by the same seeds", arguments: GreetingBug.allCases)
    func bugs(_ bug: GreetingBug) {
        for seed in 0..<Self.seeds {
            var simulation = GreetingSimulation(seed: seed, bug: bug)
            if simulation.run() != nil { return }
        }
        Issue.record("no seed finds \(bug)")
    }
}
