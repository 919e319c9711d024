import Configuration
import Primitives
import RouterEngine
import VRRP

/// Judges promises by what kernels hold, what is on the wire, and what clients believe. It never asks an
/// engine for its state: what should be, it works out from the configuration and from what was broken.
final class Judge {
    enum Cause { case process, somebody, lifetime, outage }

    /// What is known from outside of one router on one node.
    struct View {
        /// Took the address by its own doing, and did not give it back: what the kernel and the wire tell.
        var isMaster = false
        /// The router's first address is in the kernel.
        var holds = false
        var takenAt: Int64 = 0
        var releasedAt: Int64 = 0
        var absentSince: Int64?
        /// Withdrew it, or sent priority 0.
        var gaveUpAt: Int64 = -1
        /// True time of the last advertisement with a priority above 0; negative for none in this reign.
        var lastSent: Int64 = -1
        var lastPriority: UInt8 = 0
        var wait: Wait = .unknown
    }

    /// Since when, and by whose interval, this node must wait before it may take over.
    enum Wait {
        /// Something happened that leaves no lower bound.
        case unknown
        case since(Int64, interval: Int64)
        /// Somebody gave up: only the skew time is left.
        case released(Int64)
    }

    unowned let simulation: Simulation
    var views: [[View]]
    /// Who must hold each router from now on: a node, -1 for nobody, nil while things may still settle.
    var expected: [Int?]
    /// Who held last when all was settled, and nothing has touched it since.
    var undisturbed: [Int?]
    var token: UInt32 = 0
    var steadySince: Int64 = 0
    /// How much later than its interval the holder's next advertisement may come.
    var allowance: Int64 = 0
    /// When the segments were last healed.
    var healedAt: Int64 = 0
    /// Per node: when its machine, links or process were last interfered with.
    var touchedAt: [Int64]
    var eventsAtLastTick = 0
    /// Who held by each epoch: node and life of its daemon.
    var epochs: [HeldEpoch: UInt64] = [:]
    /// Nodes are configured otherwise than each other: SAFE-2 is not promised before that is over.
    var disagreedUntil: Int64 = -1

    init(_ simulation: Simulation) {
        self.simulation = simulation
        let (routers, hosts) = (simulation.scenario.routers.count, simulation.scenario.hosts.count)
        views = Array(repeating: Array(repeating: View(), count: hosts), count: routers)
        expected = Array(repeating: nil, count: routers)
        undisturbed = expected
        touchedAt = Array(repeating: 0, count: hosts)
    }

    var now: Int64 { simulation.trueTime }
    var isSteady: Bool { !expected.contains { $0 == nil } }

    func name(_ router: Int) -> String { simulation.scenario.routers[router].name }

    // MARK: - What happens

    /// Something that may move the role. From `now + extra` plus the bound of the configuration on, one holds.
    /// - Parameter disturbsHolder: false when the holder itself is left alone, so that only pre-emption may move it.
    func disturbed(extra: Int64 = 0, disturbsHolder: Bool = true) {
        token &+= 1
        for router in expected.indices {
            if let holder = expected[router], holder >= 0 { undisturbed[router] = holder }
            if disturbsHolder { undisturbed[router] = nil }
            expected[router] = nil
        }
        simulation.queue.push(.settled, at: now + settleBound + extra, token: token)
    }

    func suspendAll() {
        token &+= 1
        for router in expected.indices {
            expected[router] = nil
            undisturbed[router] = nil
        }
    }

    func settled(_ token: UInt32) {
        guard token == self.token else { return }
        judgeAll()
        simulation.director.settled()
    }

    /// The longest a healthy core may take to agree, whatever it was doing: SAFE-1 with what is configured.
    var settleBound: Int64 {
        var bound: Int64 = 0
        for router in simulation.scenario.routers.indices {
            var down: Int64 = 0
            var delay: Int64 = 0
            var pace: Int64 = 0
            for host in simulation.hosts {
                guard let definition = host.definitions[router] else { continue }
                down = max(down, downTime(router, definition, interval: longestInterval(router), priority: 1))
                delay = max(delay, definition.preemptDelay.nanoseconds)
                if definition.announcements.garpInterval > .zero || definition.announcements.gnaInterval > .zero {
                    pace = second
                }
            }
            if delay > 0 { delay += longestInterval(router) + down }
            // A backup that last heard a faster, lower master before it yielded may try once more.
            if longestInterval(router) != shortestInterval(router) { delay += down + longestInterval(router) }
            // Members of a group wait for each other, one after the other at worst.
            if simulation.scenario.routers[router].isGrouped {
                bound += 2 * down + delay + pace
            } else {
                bound = max(bound, down + delay + pace)
            }
        }
        let script =
            simulation.hosts.flatMap(\.model.scripts).map {
                ($0.interval.nanoseconds) * Int64(max($0.rise, $0.fall) + 1)
                    + max($0.effectiveTimeout.nanoseconds, second)
            }.max() ?? 0
        if arbiter != nil { return slow(bound + script) + leaseBound + margin }
        return bound + bound / 1000 + script + margin
    }

    /// Two delays, a wake-up, a notification: 2D + E.
    var margin: Int64 { 2 * simulation.scenario.delay.upperBound + 12 * millisecond }

    func longestInterval(_ router: Int) -> Int64 {
        // Also of a node that a reload took the router from: others may have learnt its interval before.
        let id = simulation.scenario.routers[router].id
        let configured = simulation.scenario.hosts.flatMap(\.model.instances).filter { $0.virtualRouterID == id }
        return configured.map(\.advertInterval.nanoseconds).max() ?? second
    }

    func shortestInterval(_ router: Int) -> Int64 {
        simulation.hosts.compactMap { $0.definitions[router]?.advertInterval.nanoseconds }.min() ?? second
    }

    func skew(_ definition: InstanceDefinition, interval: Int64, priority: Int) -> Int64 {
        (definition.version == .v2 ? second : interval) * Int64(256 - priority) / 256
    }

    func downTime(_ router: Int, _ definition: InstanceDefinition, interval: Int64, priority: Int) -> Int64 {
        interval * Int64(definition.downTimerAdverts) + skew(definition, interval: interval, priority: priority)
    }

    func started(_ host: Host, _ adopted: [RouterRecord]) {
        touchedAt[host.index] = now
        let reading = host.clock.reading(at: now)
        for router in views.indices {
            views[router][host.index].wait = .unknown
            guard let definition = host.definitions[router] else { continue }
            let record = host.adoptable(router)
            let silence = record.map { (reading - $0.lastAdvert).nanoseconds } ?? .max
            // The successor goes on as master only within three intervals of the last advertisement.
            if record?.role == .master, silence < 3 * definition.advertInterval.nanoseconds {
                let since = record.map { host.clock.time(of: $0.since) } ?? 0
                if !views[router][host.index].isMaster, views[router][host.index].gaveUpAt >= since {
                    simulation.fail(
                        "KERN-2", expected: "the record of node \(host.index) claims no more than stands",
                        seen: "it says MASTER of \(name(router)), which was released")
                }
                continue
            }
            views[router][host.index].isMaster = false
            views[router][host.index].lastSent = -1
            views[router][host.index].wait = .since(
                now, interval: record == nil ? definition.advertInterval.nanoseconds : shortestInterval(router))
        }
    }

    func ended(_ host: Host, isRestarting: Bool) {
        touchedAt[host.index] = now
        guard !isRestarting else { return }
        for router in views.indices {
            views[router][host.index].isMaster = false
            views[router][host.index].lastSent = -1
        }
    }

    func resumed(_ host: Host) { touchedAt[host.index] = now }

    /// What it says just now it decided before it stood still: since when it waits is not known.
    func wentOn(_ host: Host) {
        for router in views.indices { views[router][host.index].wait = .unknown }
    }

    func reloaded(_ host: Host) {
        touchedAt[host.index] = now
        for router in views.indices {
            views[router][host.index].wait = .unknown
            if host.definitions[router] == nil { views[router][host.index].isMaster = false }
        }
    }

    /// A router that says it began, or recovered, waits by its own interval from now on.
    func hooked(_ host: Host, _ router: Int, _ kind: HookKind) {
        if kind == .fault { views[router][host.index].wait = .unknown }
        guard kind == .backup, host.lastHook[router] != .master, let definition = host.definitions[router] else {
            return
        }
        views[router][host.index].wait = .since(now, interval: definition.advertInterval.nanoseconds)
    }

    /// An orderly stop leaves nothing behind.
    func stopped(_ host: Host) {
        for router in views.indices {
            let plan = simulation.scenario.routers[router]
            for prefix in plan.addresses + [plan.spare] where host.kernel.holds(prefix, onLink: plan.link) {
                guard let position = host.kernel.interface(onLink: plan.link),
                    host.kernel.interfaces[position].name == "eth\(plan.link)",
                    now - touchedAt[host.index] > second
                else { continue }
                simulation.fail(
                    "KERN-2", expected: "node \(host.index) leaves nothing behind when it stops",
                    seen: "\(prefix) is there")
            }
        }
    }

    func noteEffects(_ count: Int, of host: Host) {
        guard count > 400 else { return }
        simulation.fail("BOUND-1", expected: "few effects of one input", seen: "\(count) on node \(host.index)")
    }

    // MARK: - The kernel

    func addressChanged(_ host: Host, _ link: Int, _ prefix: IPPrefix, isPresent: Bool, _ cause: Cause) {
        guard let router = simulation.router(of: prefix), simulation.scenario.routers[router].link == link else {
            return
        }
        let isFirst = prefix == simulation.scenario.routers[router].addresses[0]
        if isFirst {
            views[router][host.index].holds = isPresent
            if isPresent, cause == .process {
                if !views[router][host.index].isMaster || views[router][host.index].absentSince == nil {
                    views[router][host.index].takenAt = now
                }
                views[router][host.index].isMaster = true
                views[router][host.index].absentSince = nil
            } else if !isPresent {
                views[router][host.index].releasedAt = now
                if cause == .process {
                    views[router][host.index].gaveUpAt = now
                    views[router][host.index].isMaster = false
                    views[router][host.index].lastSent = -1
                } else {
                    views[router][host.index].absentSince = now
                }
            }
        }
        guard let holder = expected[router], host.process != .absent else { return }
        if isPresent, holder != host.index {
            simulation.fail(
                "SAFE-1", expected: "only \(who(holder)) holds \(name(router))",
                seen: "\(prefix) appears on node \(host.index)")
        }
        if !isPresent, holder == host.index, cause == .process, host.definitions[router] != nil,
            !isSpare(prefix, router)
        {
            simulation.fail(
                "SAFE-1", expected: "\(who(holder)) keeps \(name(router))", seen: "it withdraws \(prefix)")
        }
    }

    func isSpare(_ prefix: IPPrefix, _ router: Int) -> Bool { simulation.scenario.routers[router].spare == prefix }

    func who(_ holder: Int) -> String { holder < 0 ? "nobody" : "node \(holder)" }

    /// What this node should hold while it is master of a router.
    func addresses(_ router: Int, _ host: Host) -> [IPPrefix] {
        guard let definition = host.definitions[router] else { return [] }
        return (definition.virtualAddresses + definition.excludedAddresses).map(\.prefix)
    }

    /// 200 ms after somebody removed an address from the holder.
    func checkRepair(_ host: Host, _ router: Int) {
        guard expected[router] == host.index, host.isRunning else { return }
        let plan = simulation.scenario.routers[router]
        for prefix in addresses(router, host) where !host.kernel.holds(prefix, onLink: plan.link) {
            simulation.fail(
                "KERN-1", expected: "node \(host.index) puts \(prefix) back within 200 ms", seen: "it is still missing")
        }
    }

    // MARK: - Looking

    func tick() {
        let events = simulation.eventCount - eventsAtLastTick
        eventsAtLastTick = simulation.eventCount
        if events > 50_000 {
            simulation.fail("BOUND-1", expected: "a bounded number of events", seen: "\(events) in one second")
        }
        for host in simulation.hosts where host.isRunning && now - host.startedAt > 4 * second {
            for router in views.indices {
                let view = views[router][host.index]
                guard let definition = host.definitions[router] else { continue }
                let quiet = 2 * definition.advertInterval.nanoseconds + 2 * second
                guard now - touchedAt[host.index] > quiet, now - host.stalledUntil > quiet else { continue }
                let link = simulation.scenario.routers[router].link
                guard host.kernel.interface(named: "eth\(link)") != nil else { continue }
                if view.holds, !view.isMaster {
                    simulation.fail(
                        "KERN-1",
                        expected: "node \(host.index), no master of \(name(router)), holds none of its addresses",
                        seen: "it holds \(simulation.scenario.routers[router].addresses[0])")
                }
                if view.isMaster, view.holds, now - view.lastSent > quiet {
                    simulation.fail(
                        "KERN-1", expected: "node \(host.index) holds \(name(router)) only while it advertises",
                        seen: "its last advertisement is \(seconds(now - view.lastSent)) s old")
                }
                if view.isMaster, let absent = view.absentSince, now - absent > 2 * second, now - view.lastSent < second
                {
                    simulation.fail(
                        "KERN-1", expected: "node \(host.index) holds what it advertises",
                        seen: "\(name(router)) is missing since \(seconds(absent)) s")
                }
            }
        }
    }

    /// Somebody must have taken over by now.
    func checkTakeover(_ router: Int, _ token: UInt32) {
        guard token == self.token else { return }
        for host in simulation.hosts where host.isRunning && views[router][host.index].holds { return }
        simulation.fail(
            "LIVE-1", expected: "\(name(router)) was taken over by now", seen: "no running node holds it")
    }

    func expectTakeover(of router: Int, by time: Int64) {
        simulation.queue.push(.takeover, at: time, argument: router, token: token)
    }

    /// While the links are parted: each side has one holder. Checked once, when both must have settled.
    func checkSides(_ token: UInt32) { simulation.director.checkSides(token) }

    var currentToken: UInt32 { token }
}

extension Judge {
    /// Nothing is judged until the next disturbance ends.
    func suspend() { suspendAll() }

    /// Still as it was, after something that must not be noticed.
    func reaffirm() -> Bool {
        let before = expected
        judgeAll()
        guard simulation.failure == nil else { return false }
        for router in before.indices where before[router] != expected[router] {
            simulation.fail(
                "STAY-1", expected: "node \(before[router] ?? -1) keeps \(simulation.scenario.routers[router].name)",
                seen: "node \(expected[router] ?? -1) holds it")
            return false
        }
        return true
    }

    func lostPower(_ host: Host) {
        touchedAt[host.index] = now
        for router in views.indices {
            views[router][host.index] = View()
            views[router][host.index].releasedAt = now
            host.lastHook[router] = nil
        }
    }

    /// All nodes use one interval: a node that starts waits long enough to hear the master.
    var hasEqualIntervals: Bool {
        views.indices.allSatisfy { router in
            let intervals = simulation.hosts.compactMap { $0.definitions[router]?.advertInterval }
            return intervals.allSatisfy { $0 == intervals[0] }
        }
    }

    var shortestIntervalOfAll: Int64 {
        simulation.hosts.flatMap { $0.definitions.compactMap { $0?.advertInterval.nanoseconds } }.min() ?? second
    }

    func mayPreempt(_ challenger: Int, _ holder: Int, _ router: Int) -> Bool {
        guard let a = standing(simulation.hosts[challenger], router),
            let b = standing(simulation.hosts[holder], router)
        else { return false }
        return a > b && preempts(simulation.hosts[challenger], router)
    }

    /// How long the best of the others may take, counted from the last advertisement or from the release;
    /// nil when there is nobody.
    func takeoverWait(_ router: Int, without holder: Int, isReleased: Bool) -> Int64? {
        let plan = simulation.scenario.routers[router]
        var waits: [Int64] = []
        for host in simulation.hosts where host.index != holder {
            guard let priority = standing(host, router), host.definitions[router] != nil else { continue }
            var longest: Int64 = 0
            for member in plan.isGrouped ? Array(views.indices) : [router] {
                guard let definition = host.definitions[member] else { continue }
                let interval = longestInterval(member)
                let wait =
                    isReleased
                    ? definition.unicastPeers.count == 1 ? 0 : skew(definition, interval: interval, priority: priority)
                    : downTime(member, definition, interval: interval, priority: priority)
                // Members of a group wait for each other, each by its own last advertisement.
                longest = max(longest, wait + (plan.isGrouped ? interval : 0))
            }
            waits.append(longest)
        }
        return waits.min()
    }
}
