import Configuration
import Primitives
import RouterEngine
import VRRP

/// Decides what goes wrong, and when. An hour is a row of stretches: chaos, in which the drawn classes of
/// faults overlap; healing, after which the judge wants one right holder in bounded time; and calm, in which
/// one thing at a time is done to a settled core, so that its effect can be judged to the millisecond.
final class Director {
    /// What is done later: the end of a fault, or one more of a row.
    enum Act {
        case chaos, endOfChaos
        case setLoss(Int, Int), setDuplication(Int, Int), setReordering(Int, Int), setCorruption(Int, Int)
        case unblock(Int)
        case start(Int)
        case carrier(Int, Int, Bool), enable(Int, Int), create(Int, Int), nameBack(Int, Int)
        case script(Int, Host.ScriptMode)
        case promptNotifications(Int)
        case delete(Int, router: Int)
        case gone(Int, router: Int, incarnation: UInt32)
        // Of an arbiter
        case renameLease(Int), killDaemon(Int), arbiter(Int, Bool), arbiterChaos, startWitness, mendWay(Int), emptyDisk,
            kill(Int)
    }

    /// What ends a calm check, once its effect has settled.
    enum FollowUp {
        case start(Int), reunite, reconnect, carrier(Int, Int), script(Int), reload(Int)
    }

    unowned let simulation: Simulation
    var draw: SplitMix64
    var isOver = false
    /// What will be done, with the stretch that asked for it: healing ends every fault before its time.
    var acts: [(act: Act, stretch: Int)] = []
    var stretch = 0
    var followUps: [FollowUp] = []
    var checksLeft = 0
    var isChaos = false
    var isLast = false
    var mayFight = false
    var stepTime: Int64 = -1
    var sideMask: UInt32 = 0
    var sidesJudged = false
    var sideHolders: [[Int]] = []
    var isReuniting = false
    var leasesAreRenamed = false

    init(_ simulation: Simulation, _ draw: SplitMix64) {
        self.simulation = simulation
        self.draw = draw
    }

    var judge: Judge { simulation.judge }
    var now: Int64 { simulation.trueTime }
    var hosts: [Host] { simulation.hosts }
    var scenario: Scenario { simulation.scenario }

    // MARK: - The row of stretches

    func begin() {
        checksLeft = scenario.checksPerCalm
        let last = scenario.hosts.map(\.startsAt).max() ?? 0
        judge.disturbed(extra: last + startupDelay + 100 * millisecond)
    }

    var startupDelay: Int64 { hosts.map(\.model.global.startupDelay.nanoseconds).max() ?? 0 }

    /// The judge has found everything in order.
    func settled() {
        if isReuniting {
            isReuniting = false
            judgeReunion()
        }
        scheduleStep(in: draw.within(50 * millisecond...3 * second))
    }

    func scheduleStep(in delay: Int64) {
        stepTime = now + delay
        simulation.queue.push(.step, at: stepTime)
    }

    func step() {
        guard now == stepTime, simulation.failure == nil else { return }
        if judge.isSteady, !judge.reaffirm() { return }
        for host in hosts { (host.diesAfterEffects, host.leases.stallsAfterEffects) = (-1, -1) }
        if isLast {
            isOver = true
            scheduleStep(in: 0)
        } else if now > scenario.duration {
            isLast = true
            followUps = []
            heal(leavingOneDown: false)
        } else if !followUps.isEmpty {
            perform(followUps.removeFirst())
        } else if checksLeft > 0 {
            checksLeft -= 1
            check()
        } else {
            beginChaos()
        }
    }

    func later(_ act: Act, in delay: Int64) {
        acts.append((act, stretch))
        simulation.queue.push(.action, at: now + delay, argument: acts.count - 1)
    }

    /// The check moved roles, or may have: the judge waits for the bound.
    func disturb(extra: Int64 = 0, holderTouched: Bool = true) {
        judge.disturbed(extra: extra, disturbsHolder: holderTouched)
    }

    /// The check must not move anything: the judge goes on watching.
    func observe(allowing allowance: Int64 = 0) {
        judge.allowance = allowance
        scheduleStep(in: judge.settleBound + allowance)
    }

    // MARK: - Calm: one thing at a time

    enum Check: CaseIterable {
        case crashWorker, restartLate, losePower, stopHolder, killDaemon, stallBriefly, stallLong, stallBackup
        case pauseHolder, deleteAddress, overrun, linkDown, failScript, reload, inject, part, backupGone, fight
    }

    func check() {
        let holderOfFirst = judge.expected[0] ?? -1
        let holder = holderOfFirst >= 0 ? holderOfFirst : judge.expected.compactMap(\.self).first { $0 >= 0 } ?? -1
        guard holder >= 0 else { return startSomebody() }
        // Whoever was left down comes back now and then.
        if let down = hosts.first(where: { $0.process == .absent }), draw.flip() {
            simulation.tell(nil, "check: node \(down.index) starts again")
            return start(down)
        }
        if scenario.hasArbiter, draw.chance(300) { return checkLease(holder) }
        let check = draw.pick(Check.allCases)
        simulation.tell(nil, "check: \(check), holder is node \(holder)")
        simulation.mix(UInt64(holder))
        let host = hosts[holder]
        switch check {
        case .crashWorker: crashWorker(draw.flip() ? host : draw.pick(hosts.filter(\.isRunning)))
        case .restartLate: restartLate(host)
        case .losePower:
            expectTakeover(from: holder, isReleased: false)
            disturb()
            powerOff(host)
            followUps = [.start(holder)]
        case .stopHolder:
            expectTakeover(from: holder, isReleased: true)
            disturb()
            simulation.handle(.stop, on: host)
            followUps = [.start(holder)]
        case .killDaemon:
            expectTakeover(from: holder, isReleased: false)
            expectGone(host)
            disturb()
            simulation.endWorker(host, successorAfter: nil)
            followUps = [.start(holder)]
        case .stallBriefly:
            let duration = draw.within(millisecond...patience(of: holder))
            simulation.stall(host, for: duration)
            observe(allowing: duration)
        case .stallLong, .pauseHolder:
            let duration = judge.settleBound * 2 + draw.within(0...20 * second)
            expectTakeover(from: holder, isReleased: false)
            disturb(extra: duration + second)
            if check == .stallLong {
                simulation.stall(host, for: duration)
            } else {
                simulation.pause(host, for: duration)
            }
        case .stallBackup:
            guard let backup = hosts.first(where: { $0.isRunning && !judge.expected.contains($0.index) }) else {
                return scheduleStep(in: second)
            }
            let duration = draw.within(millisecond...20 * second)
            simulation.stall(backup, for: duration)
            observe(allowing: 0)
            scheduleStep(in: judge.settleBound + duration)
        case .deleteAddress, .overrun:
            let router = judge.expected.firstIndex(of: holder) ?? 0
            if check == .overrun {
                host.hasOverrun = true
                host.isNotificationScheduled = true
                simulation.queue.push(.netlink, at: now + 50 * millisecond, host: holder)
            }
            deleteAddress(of: router, on: host)
            simulation.queue.push(.repaired, at: now + 200 * millisecond, host: holder, argument: router)
            observe()
        case .linkDown:
            let link = scenario.routers[judge.expected.firstIndex(of: holder) ?? 0].link
            if draw.flip() {
                followUps = [.carrier(holder, link)]
                disturb()
            } else {
                let duration = draw.within(millisecond...2 * second)
                later(.carrier(holder, link, true), in: duration)
                disturb(extra: duration)
            }
            setCarrier(host, link, false)
        case .failScript:
            guard !host.model.scripts.isEmpty else { return scheduleStep(in: second) }
            host.scriptMode = draw.pick([.fails, .hangs, .vanished])
            followUps = [.script(holder)]
            disturb()
        case .reload: reload(draw.pick(hosts.filter(\.isRunning)), isCalm: true)
        case .inject:
            for _ in 0..<draw.within(1...20) { inject() }
            observe()
        case .part: part()
        case .backupGone:
            guard let backup = hosts.first(where: { $0.isRunning && !judge.expected.contains($0.index) }) else {
                return scheduleStep(in: second)
            }
            switch draw.below(3) {
            case 0: powerOff(backup)
            case 1: simulation.endWorker(backup, successorAfter: nil)
            default: simulation.handle(.stop, on: backup)
            }
            if draw.flip() { followUps = [.start(backup.index)] }
            observe()
        case .fight:
            let router = judge.expected.firstIndex(of: holder) ?? 0
            for round in 0..<12 { later(.delete(holder, router: router), in: Int64(round) * 300 * millisecond) }
            disturb(extra: 36 * second)
        }
    }

    /// How long a holder may be silent after an advertisement that was due, and nobody minds.
    func patience(of holder: Int) -> Int64 {
        var shortest = Int64.max
        for router in judge.expected.indices where judge.expected[router] == holder {
            let adverts = hosts.compactMap { $0.definitions[router]?.downTimerAdverts }.min() ?? 3
            let interval = hosts[holder].definitions[router]?.advertInterval.nanoseconds ?? second
            shortest = min(shortest, interval * Int64(10 * adverts - 12) / 10)
        }
        if let arbiter = scenario.arbiter {
            // A fast backup waits for a slow holder.
            shortest = min(shortest * (1000 - 2 * arbiter.drift) / 1000, judge.leasePatience)
        }
        return max(shortest, millisecond)
    }

    func startSomebody() {
        if let down = hosts.first(where: { $0.process == .absent }) { return start(down) }
        scheduleStep(in: second)
    }

    func start(_ host: Host) {
        disturb(extra: startupDelay, holderTouched: !judge.hasEqualIntervals)
        boot(host)
    }

    func boot(_ host: Host) {
        guard host.process == .absent else { return }
        simulation.startWorker(host)
    }

    func perform(_ followUp: FollowUp) {
        switch followUp {
        case .start(let index):
            guard hosts[index].process == .absent else { return scheduleStep(in: 0) }
            start(hosts[index])
        case .reunite: reunite()
        case .reconnect: reconnect()
        case .carrier(let index, let link):
            disturb()
            setCarrier(hosts[index], link, true)
        case .script(let index):
            hosts[index].scriptMode = .good
            disturb()
        case .reload(let index):
            guard hosts[index].isRunning else { return scheduleStep(in: 0) }
            simulation.learn(baseModel(hosts[index]), of: hosts[index])
            disturb()
            simulation.reload(hosts[index], touching: Array(scenario.routers.indices))
        }
    }

    /// The worker of a settled node dies, between any two effects, and its successor is there in time:
    /// nothing may be noticed but an advertisement that is late.
    func crashWorker(_ host: Host) {
        let delay = min(draw.within(3 * millisecond...30 * millisecond), judge.shortestIntervalOfAll * 9 / 10)
        host.restartDelay = delay
        if judge.expected.contains(host.index), draw.flip() {
            host.diesAfterEffects = draw.below(3)
        } else {
            simulation.endWorker(host, successorAfter: delay)
        }
        observe(allowing: delay + 2 * millisecond)
    }

    /// The successor comes when others have long taken over.
    func restartLate(_ host: Host) {
        expectTakeover(from: host.index, isReleased: false)
        let delay = judge.settleBound + draw.within(0...10 * second)
        disturb(extra: delay + startupDelay + 100 * millisecond)
        simulation.endWorker(host, successorAfter: delay)
    }

    func powerOff(_ host: Host) {
        simulation.endWorker(host, successorAfter: nil)
        simulation.tell(host.index, "loses power")
        (host.isPaused, host.startsOnResume, host.scheduledExpiry) = (false, false, .max)
        host.kernel.addresses = []
        simulation.addOwnAddresses(host)
        judge.lostPower(host)
        // Another boot, another clock.
        let (reading, drift) = (draw.within(Int64(1)...60) * second, draw.within(Int64(-500)...500))
        host.clock = HostClock(
            bootedAt: now, reading: reading,
            driftPPM: scenario.hasArbiter ? scenario.hosts[host.index].driftPPM : drift)
        host.leases.fence = SimulatedFence()
        host.leases.excusedUntil = nil
    }

    func expectTakeover(from holder: Int, isReleased: Bool) {
        for router in scenario.routers.indices where judge.expected[router] == holder {
            guard let wait = judge.takeoverWait(router, without: holder, isReleased: isReleased) else { continue }
            let begin = isReleased ? now : judge.views[router][holder].lastSent
            // The token is the one that `disturb` is about to draw.
            simulation.queue.push(
                .takeover, at: begin + judge.slow(wait) + judge.leaseBound + judge.margin, argument: router,
                token: judge.currentToken &+ 1)
        }
    }

    func expectGone(_ host: Host) {
        for router in scenario.routers.indices where judge.expected[router] == host.index {
            guard let lifetime = host.definitions[router]?.addressLifetime.nanoseconds, lifetime > 0 else { continue }
            later(
                .gone(host.index, router: router, incarnation: host.incarnation + 1), in: lifetime + 500 * millisecond)
        }
    }
}
