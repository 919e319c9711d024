import Primitives

/// Many seeds, one after the other: what `aloft simulate` and the tests run.
public struct Campaign: Sendable {
    public struct Result: Sendable {
        public var seed: UInt64
        public var failure: Failure?
        public var events: Int
        public var traceHash: UInt64
    }

    public var canary: Canary?
    /// Simulated seconds of each seed.
    public var duration: Int

    public init(canary: Canary? = nil, duration: Int = 3600) {
        self.canary = canary
        self.duration = duration
    }

    public func run(seed: UInt64, tellsStory: Bool = false) -> Result {
        let simulation = Simulation(
            Scenario(seed: seed, duration: duration), bug: PlantedBug(canary), tellsStory: tellsStory)
        let failure = simulation.run()
        let services = ServiceSimulation(
            seed: seed, duration: duration, bug: PlantedBug(canary), tellsStory: tellsStory)
        let failureOfServices = services.run()
        return Result(
            seed: seed, failure: failure ?? failureOfServices, events: simulation.eventCount + services.eventCount,
            traceHash: simulation.traceHash ^ services.traceHash)
    }
}
