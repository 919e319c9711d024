import Arbitration
import Configuration
import Primitives

extension Scenario {
    /// Which scenarios have an arbiter.
    public enum Arbiters: Hashable, Sendable {
        /// One in twelve.
        case drawn
        /// Every one. Advertisements are then a second or more apart, because what is judged is the leases.
        case always
        /// The same at a tenth of the pace and of the cost: long leases, advertisements and checks five seconds apart or more.
        case sparse
    }

    /// The third party that grants leases, and how it is reached.
    struct ArbiterPlan: Sendable {
        enum Kind: Sendable {
            /// One register for each lease, that compares and swaps and forgets nothing: what an etcd cluster is to its clients.
            case register
            /// A `WitnessMachine`.
            case witness
        }

        /// Each class is off with p = ½.
        enum FaultClass: Int, CaseIterable {
            case loss, duplication, slowness, cut, outage, restart, disk, snapshot, worker, terms, midEffects, release
        }

        let kind: Kind
        let delay: ClosedRange<Int64>
        /// Nanoseconds: the longest and the shortest lease of any node.
        let longest: Int64
        let shortest: Int64
        /// Parts per thousand: the largest Φ of any node, and how wrong its clock is.
        let drift: Int64
        /// Of a witness, in parts per thousand of true time.
        let witnessRate: Int64
        let faults: [Bool]
        /// Which routers have a lease.
        let leased: [Bool]

        func has(_ fault: FaultClass) -> Bool { faults[fault.rawValue] }
    }

    /// Nothing comes more often, and of an address only so often that it is there.
    private static func slowDown(_ model: inout Model, _ shortest: Duration) {
        for index in model.instances.indices {
            model.instances[index].advertInterval = max(model.instances[index].advertInterval, shortest)
            if shortest > .seconds(1), model.instances[index].addressLifetime > .zero {
                model.instances[index].addressLifetime = max(model.instances[index].addressLifetime, .seconds(60))
            }
        }
        for index in model.scripts.indices where shortest > .seconds(1) {
            model.scripts[index].interval = max(model.scripts[index].interval, shortest)
        }
    }

    static let arbiterName = "arb"
    static let arbiterCluster = "c"

    /// Puts an arbiter into the models of a scenario: all nodes ask the same, each under terms of its own.
    static func addArbiter(
        _ models: inout [Model], _ drifts: inout [Int64], _ routers: [RouterPlan], _ which: Arbiters,
        _ draw: inout SplitMix64
    ) -> ArbiterPlan {
        let kind: ArbiterPlan.Kind = draw.flip() ? .register : .witness
        let lengths: [Int64] =
            which == .sparse ? [3000, 5000, 10000, 10000, 20000] : [400, 600, 1000, 1000, 2000, 5000]
        let length = draw.pick(lengths)
        let differ = draw.chance(250)
        let isGrouped = routers.contains { $0.isGrouped }
        let onlyFirst = !isGrouped && routers.count > 1 && draw.chance(200)
        let leased = routers.indices.map { !onlyFirst || $0 == 0 }
        let drift = draw.pick([100, 100, 100, 50, 150])
        var (longest, shortest, largestDrift) = (Int64(0), Int64.max, Int64(0))
        let slowFirst = draw.flip()
        for host in models.indices {
            let own = differ ? draw.pick(lengths) : length
            let phi = differ ? draw.pick([50, 100, 150]) : drift
            let endpoint = EtcdSettings.Endpoint(usesTLS: false, address: .v4(IPv4Address(10, 9, 9, 9)), port: 2379)
            var arbiter = ArbiterDefinition(
                name: arbiterName, kind: .etcd(EtcdSettings(endpoints: [endpoint])),
                leaseDuration: .milliseconds(own))
            arbiter.drift = UInt16(phi)
            arbiter.cluster = arbiterCluster
            models[host].arbiters = [arbiter]
            longest = max(longest, own * millisecond)
            shortest = min(shortest, own * millisecond)
            largestDrift = max(largestDrift, Int64(phi))
            // Where a holder's clock is slow and a taker's fast, nothing is left between the end of one and the beginning of the other.
            let bound = Int64(phi) * 1000
            let limit = (host % 2 == 0) == slowFirst ? -bound : bound
            drifts[host] = draw.chance(700) ? limit : draw.within(-bound...bound)
            for index in models[host].instances.indices {
                // An owner has no lease (config.arbiter.owner).
                if models[host].instances[index].isOwner { models[host].instances[index].basePriority = 254 }
                guard !isGrouped, leased[index] else { continue }
                models[host].instances[index].arbiter = arbiterName
                models[host].instances[index].leaseName = models[host].instances[index].name
            }
            for index in models[host].syncGroups.indices { models[host].syncGroups[index].arbiter = arbiterName }
            if which != .drawn { slowDown(&models[host], which == .sparse ? .seconds(5) : .seconds(1)) }
        }
        let base = draw.pick([100_000, 500_000, 2_000_000] as [Int64])
        let width = min(draw.pick([50_000, 1_000_000, 4_000_000] as [Int64]), shortest / 100)
        return ArbiterPlan(
            kind: kind, delay: base...(base + width), longest: longest, shortest: shortest, drift: largestDrift,
            witnessRate: draw.pick([1000, 1000, 1150, 850]),
            faults: ArbiterPlan.FaultClass.allCases.map { _ in draw.flip() },
            leased: leased)
    }
}
