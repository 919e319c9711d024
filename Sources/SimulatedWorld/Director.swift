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
    }

    /// What ends a calm check, once its effect has settled.
    enum FollowUp {
        case start(Int), reunite, carrier(Int, Int), script(Int), reload(Int)
    }

    unowned let simulation: Simulation
    var draw: SplitMix64
    private(set) var isOver = false
    private var acts: [Act] = []
    private var followUps: [FollowUp] = []
    private var checksLeft = 0
    private var isChaos = false
    private var isLast = false
    private var mayFight = false
    private var stepTime: Int64 = -1
    private var sideMask: UInt32 = 0
    private var sidesJudged = false
    private var sideHolders: [[Int]] = []
    private var isReuniting = false

    init(_ simulation: Simulation, _ draw: SplitMix64) {
        self.simulation = simulation
        self.draw = draw
    }

    private var judge: Judge { simulation.judge }
    private var now: Int64 { simulation.trueTime }
    private var hosts: [Host] { simulation.hosts }
    private var scenario: Scenario { simulation.scenario }

    // MARK: - The row of stretches

    func begin() {
        checksLeft = scenario.checksPerCalm
        let last = scenario.hosts.map(\.startsAt).max() ?? 0
        judge.disturbed(extra: last + startupDelay + 100 * millisecond)
    }

    private var startupDelay: Int64 { hosts.map(\.model.global.startupDelay.nanoseconds).max() ?? 0 }

    /// The judge has found everything in order.
    func settled() {
        if isReuniting {
            isReuniting = false
            judgeReunion()
        }
        scheduleStep(in: draw.within(50 * millisecond...3 * second))
    }

    private func scheduleStep(in delay: Int64) {
        stepTime = now + delay
        simulation.queue.push(.step, at: stepTime)
    }

    func step() {
        guard now == stepTime, simulation.failure == nil else { return }
        if judge.isSteady, !judge.reaffirm() { return }
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

    private func later(_ act: Act, in delay: Int64) {
        acts.append(act)
        simulation.queue.push(.action, at: now + delay, argument: acts.count - 1)
    }

    /// The check moved roles, or may have: the judge waits for the bound.
    private func disturb(extra: Int64 = 0, holderTouched: Bool = true) {
        judge.disturbed(extra: extra, disturbsHolder: holderTouched)
    }

    /// The check must not move anything: the judge goes on watching.
    private func observe(allowing allowance: Int64 = 0) {
        judge.allowance = allowance
        scheduleStep(in: judge.settleBound + allowance)
    }

    // MARK: - Calm: one thing at a time

    private enum Check: CaseIterable {
        case crashWorker, restartLate, losePower, stopHolder, killDaemon, stallBriefly, stallLong, stallBackup
        case pauseHolder, deleteAddress, overrun, linkDown, failScript, reload, inject, part, backupGone, fight
    }

    private func check() {
        let holderOfFirst = judge.expected[0] ?? -1
        let holder = holderOfFirst >= 0 ? holderOfFirst : judge.expected.compactMap(\.self).first { $0 >= 0 } ?? -1
        guard holder >= 0 else { return startSomebody() }
        // Whoever was left down comes back now and then.
        if let down = hosts.first(where: { $0.process == .absent }), draw.flip() {
            simulation.tell(nil, "check: node \(down.index) starts again")
            return start(down)
        }
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
    private func patience(of holder: Int) -> Int64 {
        var shortest = Int64.max
        for router in judge.expected.indices where judge.expected[router] == holder {
            let adverts = hosts.compactMap { $0.definitions[router]?.downTimerAdverts }.min() ?? 3
            let interval = hosts[holder].definitions[router]?.advertInterval.nanoseconds ?? second
            shortest = min(shortest, interval * Int64(10 * adverts - 12) / 10)
        }
        return max(shortest, millisecond)
    }

    private func startSomebody() {
        if let down = hosts.first(where: { $0.process == .absent }) { return start(down) }
        scheduleStep(in: second)
    }

    private func start(_ host: Host) {
        disturb(extra: startupDelay, holderTouched: !judge.hasEqualIntervals)
        boot(host)
    }

    private func boot(_ host: Host) {
        guard host.process == .absent else { return }
        simulation.startWorker(host)
    }

    private func perform(_ followUp: FollowUp) {
        switch followUp {
        case .start(let index):
            guard hosts[index].process == .absent else { return scheduleStep(in: 0) }
            start(hosts[index])
        case .reunite: reunite()
        case .carrier(let index, let link):
            disturb()
            setCarrier(hosts[index], link, true)
        case .script(let index):
            hosts[index].scriptMode = .good
            disturb()
        case .reload(let index):
            guard hosts[index].isRunning else { return scheduleStep(in: 0) }
            simulation.learn(scenario.hosts[index].model, of: hosts[index])
            disturb()
            simulation.reload(hosts[index], touching: Array(scenario.routers.indices))
        }
    }

    /// The worker of a settled node dies, between any two effects, and its successor is there in time:
    /// nothing may be noticed but an advertisement that is late.
    private func crashWorker(_ host: Host) {
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
    private func restartLate(_ host: Host) {
        expectTakeover(from: host.index, isReleased: false)
        let delay = judge.settleBound + draw.within(0...10 * second)
        disturb(extra: delay + startupDelay + 100 * millisecond)
        simulation.endWorker(host, successorAfter: delay)
    }

    private func powerOff(_ host: Host) {
        simulation.endWorker(host, successorAfter: nil)
        simulation.tell(host.index, "loses power")
        host.kernel.addresses = []
        simulation.addOwnAddresses(host)
        judge.lostPower(host)
        // Another boot, another clock.
        host.clock = HostClock(
            bootedAt: now, reading: draw.within(Int64(1)...60) * second, driftPPM: draw.within(Int64(-500)...500))
    }

    private func expectTakeover(from holder: Int, isReleased: Bool) {
        for router in scenario.routers.indices where judge.expected[router] == holder {
            guard let wait = judge.takeoverWait(router, without: holder, isReleased: isReleased) else { continue }
            let begin = isReleased ? now : judge.views[router][holder].lastSent
            // The token is the one that `disturb` is about to draw.
            simulation.queue.push(
                .takeover, at: begin + wait + wait / 1000 + judge.margin, argument: router,
                token: judge.currentToken &+ 1)
        }
    }

    private func expectGone(_ host: Host) {
        for router in scenario.routers.indices where judge.expected[router] == host.index {
            guard let lifetime = host.definitions[router]?.addressLifetime.nanoseconds, lifetime > 0 else { continue }
            later(
                .gone(host.index, router: router, incarnation: host.incarnation + 1), in: lifetime + 500 * millisecond)
        }
    }

    // MARK: - Partitions

    private func part() {
        guard hosts.count(where: \.isRunning) > 1 else { return scheduleStep(in: second) }
        sideMask = 0
        for host in hosts where draw.flip() { sideMask |= 1 << UInt32(host.index) }
        setSides(sideMask)
        judge.suspend()
        simulation.tell(nil, "links are parted: \(String(sideMask, radix: 2))")
        sidesJudged = false
        simulation.queue.push(.sides, at: now + judge.settleBound, token: judge.currentToken)
    }

    private func setSides(_ mask: UInt32) {
        for link in simulation.segments.indices {
            for host in hosts.indices {
                let isInside = mask & 1 << UInt32(host) != 0
                simulation.segments[link].blocked[host] = isInside ? ~mask : mask
            }
            simulation.segments[link].clients[0].sees = mask
            simulation.segments[link].clients[1].sees = ~mask
        }
    }

    func checkSides(_ token: UInt32) {
        guard token == judge.currentToken else { return }
        sideHolders = []
        for router in scenario.routers.indices {
            var holders: [Int] = []
            for side in [sideMask, ~sideMask] {
                let members = hosts.filter { side & 1 << UInt32($0.index) != 0 }
                let eligible = members.filter { judge.standing($0, router) != nil }.map(\.index)
                let holding = members.filter { $0.isRunning && judge.views[router][$0.index].holds }.map(\.index)
                if !eligible.isEmpty, holding.count != 1 {
                    return simulation.fail(
                        "SAFE-1",
                        expected:
                            "on its side of the cut one of nodes \(eligible) holds \(scenario.routers[router].name)",
                        seen: "nodes \(holding) do")
                }
                holders += holding
            }
            sideHolders.append(holders)
        }
        followUps = [.reunite]
        scheduleStep(in: draw.within(0...second))
    }

    private func reunite() {
        simulation.tell(nil, "links are whole again")
        for link in simulation.segments.indices { simulation.segments[link].heal() }
        judge.healedAt = now
        isReuniting = true
        disturb()
    }

    /// Of two masters that meet, the higher priority stays, and of equals the higher address.
    private func judgeReunion() {
        for router in scenario.routers.indices where sideHolders[router].count == 2 {
            let (a, b) = (sideHolders[router][0], sideHolders[router][1])
            guard let pa = judge.standing(hosts[a], router), let pb = judge.standing(hosts[b], router) else { continue }
            let aWins = pa != pb ? pa > pb : Scenario.octet(of: a) > Scenario.octet(of: b)
            let winner = aWins ? a : b
            guard let holder = judge.expected[router], holder != winner else { continue }
            if holder == (aWins ? b : a) || !judge.mayPreempt(holder, winner, router) {
                simulation.fail(
                    "RIGHT-1",
                    expected:
                        "node \(winner) stays master of \(scenario.routers[router].name) when it meets node \(aWins ? b : a)",
                    seen: "node \(holder) holds it")
            }
        }
    }

    // MARK: - Single faults

    private func setCarrier(_ host: Host, _ link: Int, _ isUp: Bool) {
        guard let position = host.kernel.interface(onLink: link), host.kernel.interfaces[position].hasCarrier != isUp
        else { return }
        host.kernel.interfaces[position].hasCarrier = isUp
        changed(host, position)
    }

    private func changed(_ host: Host, _ position: Int) {
        judge.touchedAt[host.index] = now
        let interface = host.kernel.interfaces[position]
        simulation.tell(host.index, "kernel: \(interface.name) is \(interface.isUp ? "up" : "down")")
        if interface.isPresent { simulation.notify(.link(Kernel.link(interface)), host) }
    }

    /// `ip link set down` takes IPv6 addresses away, the node's own as well.
    private func setEnabled(_ host: Host, _ link: Int, _ isEnabled: Bool) {
        guard let position = host.kernel.interface(onLink: link),
            host.kernel.interfaces[position].isEnabled != isEnabled
        else { return }
        host.kernel.interfaces[position].isEnabled = isEnabled
        changed(host, position)
        if isEnabled {
            simulation.addOwnAddress(host, host.kernel.interfaces[position], .ipv6)
        } else {
            remove(host, host.kernel.interfaces[position], where: { $0.address.family == .ipv6 })
        }
    }

    private func remove(_ host: Host, _ interface: Kernel.Interface, where matches: (IPPrefix) -> Bool) {
        while let at = host.kernel.addresses.firstIndex(where: { $0.interface == interface.index && matches($0.prefix) }
        ) {
            simulation.removeAddress(at, of: host, link: interface.link, .outage)
        }
    }

    private func removeInterface(_ host: Host, _ link: Int) {
        guard let position = host.kernel.interface(onLink: link), host.kernel.interfaces[position].isPresent else {
            return
        }
        remove(host, host.kernel.interfaces[position]) { _ in true }
        host.kernel.interfaces[position].isPresent = false
        changed(host, position)
        simulation.notify(.linkGone(InterfaceIndex(host.kernel.interfaces[position].index)), host)
    }

    private func createInterface(_ host: Host, _ link: Int) {
        guard let position = host.kernel.interface(onLink: link), !host.kernel.interfaces[position].isPresent else {
            return
        }
        host.kernel.interfaces[position].isPresent = true
        host.kernel.interfaces[position].index = host.kernel.freshIndex()
        changed(host, position)
        for family in [AddressFamily.ipv4, .ipv6] {
            simulation.addOwnAddress(host, host.kernel.interfaces[position], family)
        }
    }

    private func rename(_ host: Host, _ link: Int, to name: String) {
        guard let position = host.kernel.interface(onLink: link), host.kernel.interfaces[position].isPresent,
            host.kernel.interfaces[position].name != name
        else { return }
        host.kernel.interfaces[position].name = name
        changed(host, position)
    }

    private func deleteAddress(of router: Int, on host: Host) {
        let plan = scenario.routers[router]
        guard let position = host.kernel.interface(onLink: plan.link) else { return }
        let index = host.kernel.interfaces[position].index
        for prefix in plan.addresses where draw.flip() || prefix == plan.addresses[0] {
            if let at = host.kernel.find(prefix, on: index) {
                simulation.removeAddress(at, of: host, link: plan.link, .somebody)
            }
        }
    }

    /// Packets that nobody may believe: from too far away, from no peer, broken, or noise.
    private func inject() {
        let router = draw.below(scenario.routers.count)
        let plan = scenario.routers[router]
        guard let definition = hosts[0].definitions[router], let id = VirtualRouterID(plan.id) else { return }
        let source = Scenario.hostAddress(plan.family, link: plan.link, octet: 250)
        let format = PacketFormat(
            version: definition.version == .v2 ? .v2 : .v3, family: plan.family, isUnicast: definition.isUnicast,
            interval: Centiseconds(rounding: definition.advertInterval))
        let priority = Priority(UInt8(draw.pick([0, 1, 200, 255])))
        for host in hosts {
            let destination =
                definition.isUnicast
                ? Scenario.hostAddress(plan.family, link: plan.link, octet: Scenario.octet(of: host.index))
                : definition.multicastGroup
            let packet = AdvertisementPacket(
                format: format, id: id, priority: priority, source: source, destinations: [destination],
                addresses: definition.virtualAddresses.map(\.prefix.address))
            guard let copy = packet.copies.first else { return }
            var bytes = copy.bytes
            let offset = plan.family == .ipv4 ? 20 : 0
            var timeToLive: UInt8 = 255
            switch draw.below(4) {
            case 0:  // from behind a router
                if definition.isUnicast { continue }
                timeToLive = UInt8(draw.below(255))
            case 1:  // no peer
                guard definition.isUnicast, definition.checkUnicastSource else { continue }
            case 2:  // cut short or too long
                if draw.flip() {
                    bytes.removeLast(draw.within(1...min(8, bytes.count - offset - 1)))
                } else {
                    bytes.append(0)
                }
            default:  // noise
                for at in offset..<bytes.count { bytes[at] = UInt8(truncatingIfNeeded: draw.next()) }
                bytes[offset + 2] = priority.rawValue
                // Noise that is right by chance would be an advertisement.
                if plan.family == .ipv6 || draw.flip() { bytes[offset] = UInt8(draw.pick([0x11, 0x41, 0x22, 0x3F])) }
            }
            let origin = PacketOrigin(
                interface: InterfaceIndex(0), source: source, destination: destination, timeToLive: timeToLive)
            simulation.convey(
                Delivery(bytes: bytes, offset: offset, origin: origin, sender: nil, isSound: false, link: plan.link),
                to: host)
        }
    }

    // MARK: - Reloads

    private func reload(_ host: Host, isCalm: Bool) {
        var model = host.model
        let router = draw.below(scenario.routers.count)
        let plan = scenario.routers[router]
        guard let at = model.instances.firstIndex(where: { $0.virtualRouterID == plan.id }) else {
            // It was taken out: put it back.
            simulation.learn(scenario.hosts[host.index].model, of: host)
            if isCalm { disturb() }
            simulation.reload(host, touching: Array(scenario.routers.indices))
            return
        }
        var touching = [router]
        var moves = false
        switch draw.below(8) {
        case 0: touching = []
        case 1, 2:
            let spare = VirtualAddress(plan.spare)
            if let present = model.instances[at].virtualAddresses.firstIndex(of: spare) {
                model.instances[at].virtualAddresses.remove(at: present)
            } else {
                model.instances[at].virtualAddresses.append(spare)
            }
        case 3:
            guard !model.instances[at].isOwner else { return isCalm ? observe() : () }
            model.instances[at].basePriority = UInt8(draw.within(1...254))
            if plan.isGrouped {
                // Members of a group agree about who is better.
                for index in model.instances.indices {
                    model.instances[index].basePriority = model.instances[at].basePriority
                }
                touching = Array(scenario.routers.indices)
            }
            moves = true
        case 4:
            model.instances[at].announcements.masterRepeat = draw.within(1...5)
            model.instances[at].announcements.masterRefresh = .seconds(draw.pick([0, 10]))
        case 5:
            let old = model.instances[at].name
            let new = old == plan.name ? plan.name + "_renamed" : plan.name
            model.instances[at].name = new
            for group in model.syncGroups.indices {
                model.syncGroups[group].members = model.syncGroups[group].members.map { $0 == old ? new : $0 }
            }
        case 6:
            guard scenario.routers.count > 1, !plan.isGrouped else { return isCalm ? observe() : () }
            model.instances.remove(at: at)
            moves = true
            if isCalm { followUps = [.reload(host.index)] }
        default:
            if model.scripts.contains(where: { $0.name == "more" }) {
                model.scripts.removeAll { $0.name == "more" }
                for index in model.instances.indices {
                    model.instances[index].trackScripts.removeAll { $0.name == "more" }
                }
            } else {
                model.scripts.append(TrackScript(name: "more", command: .run(["/usr/bin/more"])))
                model.instances[at].trackScripts.append(TrackedScript(name: "more"))
            }
            touching = plan.isGrouped ? Array(scenario.routers.indices) : [router]
        }
        simulation.tell(host.index, "reload touching \(touching)\(moves ? ", moves" : "")")
        simulation.learn(model, of: host)
        if isCalm { if moves { disturb() } else { observe() } }
        simulation.reload(host, touching: touching)
    }

    // MARK: - Chaos

    private func beginChaos() {
        isChaos = true
        judge.suspend()
        simulation.tell(nil, "chaos begins")
        later(.chaos, in: 0)
        later(.endOfChaos, in: draw.within(20 * second...150 * second))
    }

    private func heal(leavingOneDown: Bool) {
        isChaos = false
        checksLeft = scenario.checksPerCalm
        simulation.tell(nil, "everything is healed")
        judge.suspend()
        for link in simulation.segments.indices { simulation.segments[link].heal() }
        judge.healedAt = now
        let stays = leavingOneDown && draw.chance(250) ? draw.below(hosts.count) : -1
        for host in hosts {
            host.scriptMode = .good
            host.notificationDelay = 0
            host.diesAfterEffects = -1
            for link in simulation.segments.indices { restore(host, link) }
            if host.isStalled || host.isPaused {
                host.stalledUntil = now
                simulation.queue.push(.resume, at: now, host: host.index)
            }
            if host.process == .absent, host.index != stays { boot(host) }
        }
        let isRestarting = hosts.contains { $0.process == .restarting }
        let extra = (mayFight ? 41 * second : 0) + (isRestarting ? 6 * second : 0) + startupDelay + 400 * millisecond
        mayFight = false
        judge.disturbed(extra: extra)
    }

    private func restore(_ host: Host, _ link: Int) {
        createInterface(host, link)
        rename(host, link, to: "eth\(link)")
        setEnabled(host, link, true)
        setCarrier(host, link, true)
    }

    private func chaos() {
        guard isChaos else { return }
        let enabled = Scenario.FaultClass.allCases.filter { scenario.has($0) }
        if !enabled.isEmpty { breakSomething(draw.pick(enabled)) }
        later(.chaos, in: draw.within(10 * millisecond...(draw.flip() ? second : 12 * second)))
    }

    private func breakSomething(_ fault: Scenario.FaultClass) {
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
        switch acts[index] {
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
