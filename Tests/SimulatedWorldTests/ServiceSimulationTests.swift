import SimulatedWorld
import Testing

@Suite("Simulation of services") struct ServiceSimulationTests {
    @Test("LB-1, LB-2, KERN-1, RELOAD-1: short seeds break no promise", arguments: 1...40)
    func seedHoldsItsPromises(_ seed: Int) {
        let simulation = ServiceSimulation(seed: UInt64(seed), duration: 900)
        let failure = simulation.run()
        #expect(failure == nil, "\(failure?.summary ?? "")")
        #expect(simulation.eventCount > 900)
    }
}
