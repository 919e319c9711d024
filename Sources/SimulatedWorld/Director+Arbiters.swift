import Arbitration
import Configuration
import Primitives
import RouterEngine

/// What goes wrong with the arbiter, and with those who ask it.
extension Director {
    enum LeaseCheck: CaseIterable {
        case cutHolder, cutOneWay, dark, restartArbiter, terms, stallBetween, workerTwice, rename, dropArbiter,
            killAfterReload
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
            host.leases.stopsMachine = draw.chance(300)
            host.leases.stallDuration = draw.flip() ? draw.within(millisecond...second) : judge.settleBound + second
            disturb(extra: host.leases.stallDuration + 7 * second)
        case .workerTwice:
            // A successor that does not live either.
            let delay = min(draw.within(3 * millisecond...10 * millisecond), judge.shortestIntervalOfAll / 4)
            host.restartDelay = delay
            simulation.endWorker(host, successorAfter: delay)
            later(.kill(holder), in: delay + draw.within(0...4 * millisecond))
            observe(allowing: 2 * delay + 10 * millisecond)
        case .rename:
            // One node after the other asks for a lease of another name.
            guard hosts.allSatisfy(\.isRunning) else { return scheduleStep(in: second) }
            let span = draw.within(0...2 * second)
            leasesAreRenamed.toggle()
            judge.nodesDisagree(for: span)
            disturb(extra: span + second)
            for other in hosts { later(.renameLease(other.index), in: draw.within(0...span)) }
        case .dropArbiter:
            // One node's file lost the arbiter for a while.
            let other = draw.flip() ? host : draw.pick(hosts.filter(\.isRunning))
            let span = draw.within(0...3 * second)
            judge.nodesDisagree(for: span)
            disturb(extra: 2 * span + judge.settleBound)
            setArbiter(other, false)
            later(.arbiter(other.index, true), in: span)
        case .killAfterReload:
            // An address more, and the daemon is killed before its supervisor has put the fence before it.
            expectTakeover(from: holder, isReleased: false)
            var model = host.model
            for router in model.instances.indices {
                guard let plan = scenario.routers.first(where: { $0.id == model.instances[router].virtualRouterID })
                else {
                    continue
                }
                let spare = VirtualAddress(plan.spare)
                if !model.instances[router].virtualAddresses.contains(spare) {
                    model.instances[router].virtualAddresses.append(spare)
                }
            }
            simulation.learn(model, of: host)
            simulation.reload(host, touching: Array(scenario.routers.indices))
            later(.killDaemon(holder), in: draw.within(0...4 * millisecond))
            disturb(extra: 100 * millisecond)
            followUps = [.start(holder)]
        }
    }

    /// What the node's file says when nothing is edited in it but the names of leases, on all nodes alike.
    func baseModel(_ host: Host) -> Model { renamed(scenario.hosts[host.index].model) }

    private func renamed(_ model: Model) -> Model {
        var model = model
        for index in model.instances.indices {
            guard model.instances[index].leaseName != nil,
                let plan = scenario.routers.first(where: { $0.id == model.instances[index].virtualRouterID })
            else { continue }
            model.instances[index].leaseName = leasesAreRenamed ? plan.name + "_new" : plan.name
        }
        for index in model.syncGroups.indices where leasesAreRenamed {
            model.syncGroups[index].leaseName = "VG_new"
        }
        return model
    }

    func renameLease(_ host: Host) {
        var model = host.model
        if !leasesAreRenamed {
            for index in model.syncGroups.indices { model.syncGroups[index].leaseName = nil }
        }
        model = renamed(model)
        simulation.learn(model, of: host)
        simulation.reload(host, touching: Array(scenario.routers.indices))
    }

    func setArbiter(_ host: Host, _ isThere: Bool) {
        var model = host.model
        let original = scenario.hosts[host.index].model
        for index in model.instances.indices {
            let same = original.instances.first { $0.virtualRouterID == model.instances[index].virtualRouterID }
            model.instances[index].arbiter = isThere ? same?.arbiter : nil
        }
        for index in model.syncGroups.indices { model.syncGroups[index].arbiter = isThere ? Scenario.arbiterName : nil }
        if isThere { judge.nodesDisagree(for: 0) }
        simulation.learn(model, of: host)
        simulation.reload(host, touching: Array(scenario.routers.indices))
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
        let lengths: [Int64] = [400, 600, 1000, 2000, 3000, 5000, 10000, 20000]
        let allowed = lengths.filter { plan.shortest <= $0 * millisecond && $0 * millisecond <= plan.longest }
        model.arbiters[0].leaseDuration = .milliseconds(draw.pick(allowed))
        let wrong = UInt16(clamping: (scenario.hosts[host.index].driftPPM.magnitude + 999) / 1000)
        model.arbiters[0].drift = UInt16(
            draw.within(Int(max(wrong, 1))...Int(max(wrong, UInt16(clamping: plan.drift)))))
        simulation.tell(
            host.index, "reload: lease of \(model.arbiters[0].leaseDuration), drift \(model.arbiters[0].drift)")
        simulation.learn(model, of: host)
        // Whoever has a lease of it may step down a little earlier, or later.
        simulation.reload(host, touching: scenario.routers.indices.filter { simulation.isLeased($0) })
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
            crashWitness(
                draw.pick(SimulatedWitness.Loss.allCases), for: draw.flip() ? draw.within(0...50 * millisecond) : long)
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
            host.leases.stopsMachine = draw.chance(300)
            host.leases.stallDuration = draw.flip() ? draw.within(0...400 * millisecond) : long
        case .release:
            guard host.process == .running else { return }
            host.leases.releasesOnly = true
            simulation.endWorker(host, successorAfter: draw.within(3 * millisecond...50 * millisecond))
            later(.start(host.index), in: long)
        }
    }
}
