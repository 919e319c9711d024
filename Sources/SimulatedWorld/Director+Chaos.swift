import Configuration
import Primitives
import RouterEngine
import VRRP

/// Chaos: faults that overlap, and the healing that ends them.
extension Director {
    func beginChaos() {
        isChaos = true
        judge.suspend()
        simulation.tell(nil, "chaos begins")
        later(.chaos, in: 0)
        if scenario.hasArbiter { later(.arbiterChaos, in: 0) }
        later(.endOfChaos, in: draw.within(20 * second...150 * second))
    }

    func heal(leavingOneDown: Bool) {
        isChaos = false
        checksLeft = scenario.checksPerCalm
        simulation.tell(nil, "everything is healed")
        judge.suspend()
        stretch += 1
        for link in simulation.segments.indices { simulation.segments[link].heal() }
        judge.healedAt = now
        arbiters?.heal()
        let stays = leavingOneDown && draw.chance(250) ? draw.below(hosts.count) : -1
        for host in hosts {
            host.scriptMode = .good
            host.notificationDelay = 0
            host.diesAfterEffects = -1
            host.leases.stallsAfterEffects = -1
            for link in simulation.segments.indices { restore(host, link) }
            if host.isStalled || host.isPaused {
                host.stalledUntil = now
                simulation.queue.push(.resume, at: now, host: host.index)
            }
            if host.process == .absent, host.index != stays { boot(host) }
        }
        let isRestarting = hosts.contains { $0.process == .restarting }
        let extra =
            (mayFight ? 41 * second : 0) + (isRestarting ? 6 * second : 0) + startupDelay + 400 * millisecond
            + judge.quietTime
        mayFight = false
        judge.disturbed(extra: extra)
    }

    func restore(_ host: Host, _ link: Int) {
        createInterface(host, link)
        rename(host, link, to: "eth\(link)")
        setEnabled(host, link, true)
        setCarrier(host, link, true)
    }

    func chaos() {
        guard isChaos else { return }
        let enabled = Scenario.FaultClass.allCases.filter { scenario.has($0) }
        if !enabled.isEmpty { breakSomething(draw.pick(enabled)) }
        later(.chaos, in: draw.within(10 * millisecond...(draw.flip() ? second : 12 * second)))
    }

    func breakSomething(_ fault: Scenario.FaultClass) {
        let link = draw.below(simulation.segments.count)
        let host = draw.pick(hosts)
        let long = draw.within(50 * millisecond...30 * second)
        simulation.tell(host.index, "chaos: \(fault)")
        switch fault {
        case .loss:
            simulation.segments[link].loss = draw.pick([10, 100, 300, 700])
            later(.setLoss(link, 0), in: long)
        case .duplication:
            simulation.segments[link].duplication = draw.pick([50, 500])
            later(.setDuplication(link, 0), in: long)
        case .reordering:
            simulation.segments[link].reordering = draw.pick([50, 500])
            later(.setReordering(link, 0), in: long)
        case .corruption:
            simulation.segments[link].corruption = draw.pick([20, 300])
            later(.setCorruption(link, 0), in: long)
        case .partition:
            setSides(UInt32(truncatingIfNeeded: draw.next()) & (1 << UInt32(hosts.count) - 1))
            later(.unblock(-1), in: long)
        case .cut:
            simulation.segments[link].blocked[host.index] |= UInt32(truncatingIfNeeded: draw.next())
            later(.unblock(link), in: long)
        case .workerCrash:
            host.restartDelay =
                draw.flip() ? draw.within(3 * millisecond...50 * millisecond) : draw.within(0...5 * second)
            if scenario.hasArbiter, draw.chance(200) { host.leases.diesInStart = draw.below(16) }
            if draw.flip() {
                host.diesAfterEffects = draw.below(12)
            } else if host.process == .running {
                simulation.endWorker(host, successorAfter: host.restartDelay)
            }
        case .daemonKill, .powerLoss, .stop:
            guard host.process != .absent else { return }
            if fault == .daemonKill { simulation.endWorker(host, successorAfter: nil) }
            if fault == .powerLoss { powerOff(host) }
            if fault == .stop { simulation.handle(.stop, on: host) }
            later(.start(host.index), in: long)
        case .stall: simulation.stall(host, for: draw.flip() ? draw.within(0...400 * millisecond) : long)
        case .pause: simulation.pause(host, for: draw.flip() ? draw.within(0...400 * millisecond) : long)
        case .carrier:
            setCarrier(host, link, false)
            later(.carrier(host.index, link, true), in: draw.flip() ? draw.within(0...20 * millisecond) : long)
        case .removal:
            removeInterface(host, link)
            later(.create(host.index, link), in: draw.flip() ? draw.within(0...20 * millisecond) : long)
        case .renaming:
            rename(host, link, to: "lan\(link)")
            later(.nameBack(host.index, link), in: draw.flip() ? draw.within(0...20 * millisecond) : long)
        case .disabling:
            setEnabled(host, link, false)
            later(.enable(host.index, link), in: draw.flip() ? draw.within(0...20 * millisecond) : long)
        case .deletion:
            mayFight = true
            deleteAddress(of: draw.below(scenario.routers.count), on: host)
        case .netlink:
            judge.touchedAt[host.index] = now
            if draw.flip() {
                host.notificationDelay = draw.within(0...150 * millisecond)
                later(.promptNotifications(host.index), in: long)
            } else if host.process == .running {
                host.hasOverrun = true
                host.isNotificationScheduled = true
                simulation.queue.push(.netlink, at: now + draw.within(0...100 * millisecond), host: host.index)
            }
        case .scripts:
            host.scriptMode = draw.pick([.good, .fails, .hangs, .vanished, .flaps])
            later(.script(host.index, .good), in: long)
        case .reload: if host.isRunning { reload(host, isCalm: false) }
        case .injection: for _ in 0..<5 { inject() }
        }
    }

    func perform(_ index: Int) {
        guard acts[index].stretch == stretch else { return }
        switch acts[index].act {
        case .chaos: chaos()
        case .endOfChaos: if isChaos { heal(leavingOneDown: true) }
        case .setLoss(let link, let value): simulation.segments[link].loss = value
        case .setDuplication(let link, let value): simulation.segments[link].duplication = value
        case .setReordering(let link, let value): simulation.segments[link].reordering = value
        case .setCorruption(let link, let value): simulation.segments[link].corruption = value
        case .unblock(let link):
            guard isChaos else { return }
            for at in simulation.segments.indices where link < 0 || at == link {
                for host in hosts.indices { simulation.segments[at].blocked[host] = 0 }
                for client in simulation.segments[at].clients.indices {
                    simulation.segments[at].clients[client].sees = .max
                }
            }
            judge.healedAt = now
        case .start(let host): if isChaos { boot(hosts[host]) }
        case .carrier(let host, let link, let isUp): setCarrier(hosts[host], link, isUp)
        case .enable(let host, let link): setEnabled(hosts[host], link, true)
        case .create(let host, let link): createInterface(hosts[host], link)
        case .nameBack(let host, let link): rename(hosts[host], link, to: "eth\(link)")
        case .script(let host, let mode): if isChaos { hosts[host].scriptMode = mode }
        case .promptNotifications(let host): hosts[host].notificationDelay = 0
        case .arbiterChaos: arbiterChaos()
        case .startWitness: arbiters?.startWitness()
        case .killDaemon(let host): simulation.endWorker(hosts[host], successorAfter: nil)
        case .renameLease(let host): renameLease(hosts[host])
        case .arbiter(let host, let isThere): setArbiter(hosts[host], isThere)
        case .mendWay(let host): arbiters?.ways[host] = ArbiterWorld.Way()
        case .emptyDisk: arbiters?.witness.mutate { $0.fillDisk(false) }
        case .kill(let host):
            if hosts[host].process == .running {
                simulation.endWorker(hosts[host], successorAfter: hosts[host].restartDelay)
            }
        case .delete(let host, let router): deleteAddress(of: router, on: hosts[host])
        case .gone(let host, let router, let incarnation):
            let plan = scenario.routers[router]
            guard hosts[host].incarnation == incarnation, !hosts[host].isPaused else { return }
            for prefix in plan.addresses where hosts[host].kernel.holds(prefix, onLink: plan.link) {
                simulation.fail(
                    "KERN-2",
                    expected:
                        "\(prefix) is gone from node \(host), whose daemon was killed, by the end of its lifetime",
                    seen: "it is there")
            }
        }
    }
}
