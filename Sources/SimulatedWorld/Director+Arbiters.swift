import Arbitration
import Configuration
import Primitives
import RouterEngine

/// What goes wrong with the arbiter, and with those who ask it.
extension Director {
    enum LeaseCheck: CaseIterable {
        case cutHolder, cutOneWay, dark, restartArbiter, terms, stallBetween, workerTwice
    }

    var arbiters: ArbiterWorld? { simulation.arbiters }

    /// One thing to a settled core.
    func checkLease(_ holder: Int) {
        guard let arbiters else { return }
        let check = draw.pick(LeaseCheck.allCases)
        simulation.tell(nil, "check: \(check), holder is node \(holder)")
        let host = hosts[holder]
        switch check {
        case .cutHolder, .cutOneWay:
            if check == .cutHolder || draw.flip() { arbiters.ways[holder].cutTo = true }
            if check == .cutHolder || !arbiters.ways[holder].cutTo { arbiters.ways[holder].cutFrom = true }
            disturb()
            followUps = [.reconnect]
        case .dark:
            for index in arbiters.ways.indices { arbiters.ways[index].cutFrom = true }
            disturb()
            followUps = [.reconnect]
        case .restartArbiter:
            if arbiters.plan.kind == .witness {
                let delay = draw.within(millisecond...3 * second)
                crashWitness(.nothing, for: delay)
                disturb(extra: delay + judge.quietTime)
            } else {
                let outage = draw.within(1500 * millisecond...2700 * millisecond)
                arbiters.downUntil = now + outage
                disturb(extra: outage)
            }
        case .terms:
            changeTerms(host)
            observe()
        case .stallBetween:
            host.leases.stallsAfterEffects = draw.below(3)
            host.leases.stallDuration = draw.flip() ? draw.within(millisecond...second) : judge.settleBound + second
            disturb(extra: host.leases.stallDuration + 7 * second)
        case .workerTwice:
            // A successor that does not live either.
            let delay = min(draw.within(3 * millisecond...10 * millisecond), judge.shortestIntervalOfAll / 4)
            host.restartDelay = delay
            simulation.endWorker(host, successorAfter: delay)
            later(.kill(holder), in: delay + draw.within(0...4 * millisecond))
            observe(allowing: 2 * delay + 10 * millisecond)
        }
    }

    func reconnect() {
        guard let arbiters else { return }
        for index in arbiters.ways.indices { arbiters.ways[index] = ArbiterWorld.Way() }
        disturb()
    }

    func crashWitness(_ loss: SimulatedWitness.Loss, for delay: Int64) {
        guard let arbiters else { return }
        simulation.tell(nil, "witness: killed for \(seconds(delay)) s, \(loss)")
        arbiters.witness.mutate { $0.crash(loss, until: now + delay, at: now, &arbiters.draw) }
        later(.startWitness, in: delay)
    }

    /// L and Φ of one node; Φ stays above what its clock is wrong by.
    func changeTerms(_ host: Host) {
        guard host.isRunning, let plan = scenario.arbiter, !host.model.arbiters.isEmpty else { return }
        var model = host.model
        let lengths: [Int64] = [400, 600, 1000, 2000, 5000]
        let allowed = lengths.filter { plan.shortest <= $0 * millisecond && $0 * millisecond <= plan.longest }
        model.arbiters[0].leaseDuration = .milliseconds(draw.pick(allowed))
        let wrong = UInt16(clamping: (scenario.hosts[host.index].driftPPM.magnitude + 999) / 1000)
        model.arbiters[0].drift = UInt16(draw.within(Int(max(wrong, 1))...Int(max(wrong, UInt16(clamping: plan.drift)))))
        simulation.tell(host.index, "reload: lease of \(model.arbiters[0].leaseDuration), drift \(model.arbiters[0].drift)")
        simulation.learn(model, of: host)
        simulation.reload(host, touching: [])
    }

    /// In chaos: faults of the arbiter overlap with all others.
    func arbiterChaos() {
        guard isChaos, let plan = scenario.arbiter else { return }
        let enabled = Scenario.ArbiterPlan.FaultClass.allCases.filter { plan.has($0) }
        if !enabled.isEmpty { breakArbiter(draw.pick(enabled)) }
        later(.arbiterChaos, in: draw.within(10 * millisecond...(draw.flip() ? second : 8 * second)))
    }

    private func breakArbiter(_ fault: Scenario.ArbiterPlan.FaultClass) {
        guard let arbiters else { return }
        let host = draw.pick(hosts)
        let long = draw.within(50 * millisecond...12 * second)
        simulation.tell(host.index, "chaos: arbiter \(fault)")
        switch fault {
        case .loss:
            arbiters.ways[host.index].loss = draw.pick([50, 200, 600])
            later(.mendWay(host.index), in: long)
        case .duplication:
            arbiters.ways[host.index].duplication = draw.pick([100, 500])
            later(.mendWay(host.index), in: long)
        case .slowness:
            arbiters.ways[host.index].slowness = draw.pick([100, 500, 900])
            later(.mendWay(host.index), in: long)
        case .cut:
            let which = draw.below(3)
            let all = draw.chance(200)
            for other in hosts where all || other.index == host.index {
                arbiters.ways[other.index].cutTo = which != 0
                arbiters.ways[other.index].cutFrom = which != 1
                later(.mendWay(other.index), in: long)
            }
        case .outage:
            if arbiters.plan.kind == .register {
                arbiters.downUntil = now + draw.within(1500 * millisecond...2700 * millisecond)
            } else {
                crashWitness(.nothing, for: draw.within(0...2 * second))
            }
        case .restart:
            guard arbiters.plan.kind == .witness else { return }
            crashWitness(draw.pick(SimulatedWitness.Loss.allCases), for: draw.flip() ? draw.within(0...50 * millisecond) : long)
        case .disk:
            arbiters.witness.mutate { $0.fillDisk(true) }
            later(.emptyDisk, in: long)
        case .snapshot:
            if draw.flip() {
                arbiters.witness.mutate { $0.takeSnapshot(at: now) }
            } else {
                arbiters.witness.mutate { $0.restore(at: now) }
            }
        case .worker: arbiters.forgetSession(host)
        case .terms: changeTerms(host)
        case .midEffects:
            host.leases.stallsAfterEffects = draw.below(8)
            host.leases.stallDuration = draw.flip() ? draw.within(0...400 * millisecond) : long
        case .release:
            guard host.process == .running else { return }
            host.leases.releasesOnly = true
            simulation.endWorker(host, successorAfter: draw.within(3 * millisecond...50 * millisecond))
            later(.start(host.index), in: long)
        }
    }
}
