import Primitives

/// Many seeds, one after the other: what `aloft simulate` and the tests run.
public struct Campaign: Sendable {
    public struct Result: Sendable {
        public var seed: UInt64
        public var failure: Failure?
        public var events: Int
        public var traceHash: UInt64
        /// Whether leases were asked for.
        public var hadArbiter = false
        /// How often a machine that had stood still served beside another within the rest of its lease, which SAFE-2 allows.
        public var excusedOverlaps = 0
    }

    public var canary: Canary?
    /// Simulated seconds of each seed.
    public var duration: Int
    public var arbiters: Scenario.Arbiters

    /// - Parameter arbiters: with `always` leases are all that is looked at, and no balancer runs beside them.
    public init(canary: Canary? = nil, duration: Int = 3600, arbiters: Scenario.Arbiters = .drawn) {
        self.canary = canary
        self.duration = duration
        self.arbiters = arbiters
    }

    public func run(seed: UInt64, tellsStory: Bool = false) -> Result {
        let simulation = Simulation(
            Scenario(seed: seed, duration: duration, arbiters: arbiters), bug: PlantedBug(canary),
            tellsStory: tellsStory)
        let failure = simulation.run()
        var result = Result(
            seed: seed, failure: failure, events: simulation.eventCount, traceHash: simulation.traceHash,
            hadArbiter: simulation.scenario.hasArbiter, excusedOverlaps: simulation.excusedOverlaps)
        guard arbiters == .drawn else { return result }
        let services = ServiceSimulation(
            seed: seed, duration: duration, bug: PlantedBug(canary), tellsStory: tellsStory)
        let failureOfServices = services.run()
        result.failure = failure ?? failureOfServices
        result.events += services.eventCount
        result.traceHash ^= services.traceHash
        return result
    }
}
