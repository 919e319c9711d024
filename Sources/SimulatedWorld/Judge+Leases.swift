import Arbitration
import Configuration
import Primitives
import RouterEngine

/// SAFE-2, and how leases change what else is promised.
extension Judge {
    struct HeldEpoch: Hashable {
        var lease: LeaseName
        var epoch: Epoch
    }

    var arbiter: Scenario.ArbiterPlan? { simulation.scenario.arbiter }

    /// Under leases clocks run as wrong as Φ allows; otherwise 500 ppm.
    func slow(_ time: Int64) -> Int64 {
        guard let arbiter else { return time + time / 1000 }
        return time * 1000 / (1000 - arbiter.drift) + millisecond
    }

    /// How much later than its interval an advertisement may come.
    func advertLimit(_ interval: Int64) -> Int64 {
        guard arbiter != nil else { return interval / 1000 * 1002 + 3 * millisecond }
        return slow(interval) + 3 * millisecond
    }

    /// How much earlier than by true time a wait may end.
    func waitTolerance(_ span: Int64) -> Int64 {
        guard let arbiter else { return span / 1500 + millisecond }
        return span * arbiter.drift / (1000 + arbiter.drift) + 2 * millisecond
    }

    /// What leases add to LIVE-1: a record that nobody renews is seen at the next look, waited out by the larger terms, and replaced; a write
    /// that was answered by nobody is read back before.
    var leaseBound: Int64 {
        guard let arbiter else { return 0 }
        let longest = arbiter.longest
        // A look, two answers that were given up, and the pause after a refusal.
        let asking = longest / 6 + 2 * longest / 6 + longest / 12
        let waiting = longest * (1000 + arbiter.drift) / 1000
        let trips = 8 * arbiter.delay.upperBound + 20 * millisecond
        // A daemon that stops waits that long to give its lease back.
        return slow(asking + waiting + 500 * millisecond) + trips
    }

    /// A witness that was started grants nothing for this time.
    var quietTime: Int64 {
        guard let arbiter, arbiter.kind == .witness else { return 0 }
        return arbiter.longest * 1300 / min(arbiter.witnessRate, 1000)
    }

    /// How long a holder's process may stand still without its lease running out.
    var leasePatience: Int64 {
        guard let arbiter else { return .max }
        // L(1−Φ), a twentieth before its end; renewed every third, with an answer that takes its time.
        let left = arbiter.shortest * (1000 - arbiter.drift - 50 - 334 - 60) / 1000
        return max(0, left * 1000 / (1000 + arbiter.drift) - 6 * arbiter.delay.upperBound - 3 * millisecond)
    }

    func sawEpoch(_ epoch: Epoch, of lease: LeaseName, on host: Host) {
        let key = HeldEpoch(lease: lease, epoch: epoch)
        let holder = UInt64(host.index) << 32 | host.leases.life
        if let known = epochs[key] {
            if known != holder {
                simulation.fail(
                    "SAFE-2", expected: "epoch \(epoch) of \(lease) has one holder",
                    seen: "node \(host.index) holds by it after node \(known >> 32)")
            }
        } else {
            epochs[key] = holder
        }
    }

    /// A host may serve from this moment on: nobody else does.
    func checkServing(_ host: Host) {
        guard arbiter != nil, simulation.failure == nil, now >= disagreedUntil else { return }
        for router in views.indices where simulation.isLeased(router) {
            guard let prefix = simulation.served(router, by: host) else { continue }
            for other in simulation.hosts where other.index != host.index {
                guard simulation.served(router, by: other) != nil else { continue }
                guard !isExcused(host), !isExcused(other) else {
                    simulation.excusedOverlaps += 1
                    continue
                }
                simulation.fail(
                    "SAFE-2", expected: "one node serves the addresses of \(name(router))",
                    seen: "node \(host.index) serves \(prefix), and node \(other.index) does too")
            }
        }
    }

    /// From the first reload that makes nodes ask for different leases until the last has done it, and what was held has run out.
    func nodesDisagree(for duration: Int64) {
        guard let arbiter else { return }
        let end = now + duration + slow(arbiter.longest * (1000 + arbiter.drift) / 1000) + 100 * millisecond
        disagreedUntil = max(disagreedUntil, end)
        for host in simulation.hosts { simulation.queue.push(.excuse, at: end, host: host.index) }
    }

    /// A machine that stood still, clock and all, may serve at most the rest of one lease after it goes on (design §4, SAFE-2).
    func isExcused(_ host: Host) -> Bool {
        guard let until = host.leases.excusedUntil else { return false }
        return host.clock.reading(at: now) < until
    }

    /// What can be reached of the arbiter decides who is eligible.
    func canRenew(_ host: Host, _ router: Int) -> Bool {
        guard simulation.isLeased(router) else { return true }
        return simulation.arbiters?.isReachable(host) ?? true
    }
}
