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
    fileprivate(set) var expected: [Int?]
    /// Who held last when all was settled, and nothing has touched it since.
    private var undisturbed: [Int?]
    private var token: UInt32 = 0
    private(set) var steadySince: Int64 = 0
    /// How much later than its interval the holder's next advertisement may come.
    var allowance: Int64 = 0
    /// When the segments were last healed.
    var healedAt: Int64 = 0
    /// Per node: when its machine, links or process were last interfered with.
    var touchedAt: [Int64]
    private var eventsAtLastTick = 0

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

    private func name(_ router: Int) -> String { simulation.scenario.routers[router].name }

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
            bound = max(bound, (simulation.scenario.routers[router].isGrouped ? 2 * down : down) + delay + pace)
        }
        let script =
            simulation.hosts.flatMap(\.model.scripts).map {
                ($0.interval.nanoseconds) * Int64(max($0.rise, $0.fall) + 1)
                    + max($0.effectiveTimeout.nanoseconds, second)
            }.max() ?? 0
        return bound + bound / 1000 + script + margin
    }

    /// Two delays, a wake-up, a notification: 2D + E.
    var margin: Int64 { 2 * simulation.scenario.delay.upperBound + 12 * millisecond }

    func longestInterval(_ router: Int) -> Int64 {
        simulation.hosts.compactMap { $0.definitions[router]?.advertInterval.nanoseconds }.max() ?? second
    }

    private func shortestInterval(_ router: Int) -> Int64 {
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
            if record?.role == .master, silence < 3 * definition.advertInterval.nanoseconds { continue }
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

    private func isSpare(_ prefix: IPPrefix, _ router: Int) -> Bool {
        simulation.scenario.routers[router].spare == prefix
    }

    private func who(_ holder: Int) -> String { holder < 0 ? "nobody" : "node \(holder)" }

    /// What this node should hold while it is master of a router.
    private func addresses(_ router: Int, _ host: Host) -> [IPPrefix] {
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

    // MARK: - The wire

    func sawAdvert(_ host: Host, _ link: Int, _ bytes: [UInt8], _ offset: Int) {
        guard bytes.count >= offset + 8, let router = router(link, bytes[offset + 1]),
            let definition = host.definitions[router]
        else { return }
        let priority = bytes[offset + 2]
        let view = views[router][host.index]
        guard priority > 0 else {
            views[router][host.index].isMaster = false
            views[router][host.index].lastSent = -1
            if let holder = expected[router], holder == host.index {
                simulation.fail(
                    "SAFE-1", expected: "\(who(holder)) stays master of \(name(router))", seen: "it releases")
            }
            return
        }
        if !view.isMaster { checkWait(host, router, definition, priority) }
        views[router][host.index].isMaster = true
        views[router][host.index].lastSent = now
        views[router][host.index].lastPriority = priority
        guard let holder = expected[router] else { return }
        if holder != host.index {
            simulation.fail(
                "SAFE-1", expected: "only \(who(holder)) advertises \(name(router))",
                seen: "node \(host.index) does, with priority \(priority)")
        } else if view.lastSent > steadySince {
            let limit = definition.advertInterval.nanoseconds / 1000 * 1002 + 3 * millisecond + allowance
            if now - view.lastSent > limit {
                simulation.fail(
                    "ADVERT-1", expected: "\(name(router)) is advertised within \(seconds(limit)) s of the last",
                    seen: "after \(seconds(now - view.lastSent)) s")
            }
        }
    }

    func router(_ link: Int, _ id: UInt8) -> Int? {
        simulation.scenario.routers.firstIndex { $0.link == link && $0.id == id }
    }

    /// The highest priority a node may show.
    private func highestPriority(_ host: Host, _ router: Int, _ definition: InstanceDefinition) -> Int {
        if definition.isOwner { return 255 }
        var sum = Int(definition.basePriority)
        for tracker in trackers(host, router, definition) where tracker.weight > 0 { sum += tracker.weight }
        return min(sum, 254)
    }

    private func lowestPriority(_ host: Host, _ router: Int, _ definition: InstanceDefinition) -> Int {
        var sum = Int(definition.basePriority)
        for tracker in trackers(host, router, definition) where tracker.weight < 0 { sum += tracker.weight }
        return sum
    }

    func delivered(_ delivery: Delivery, to host: Host) {
        guard delivery.isSound, delivery.sender != nil else { return }
        let (bytes, offset) = (delivery.bytes, delivery.offset)
        guard bytes.count >= offset + 8, let router = router(delivery.link, bytes[offset + 1]),
            let definition = host.definitions[router]
        else { return }
        let priority = Int(bytes[offset + 2])
        let interval =
            definition.version == .v2
            ? definition.advertInterval.nanoseconds
            : Int64(UInt16(bytes[offset + 4]) << 8 & 0x0F00 | UInt16(bytes[offset + 5])) * 10 * millisecond
        if priority == 0 {
            // A member of a group may have waited out its own time long ago.
            let isGrouped = simulation.scenario.routers[router].isGrouped
            if !views[router][host.index].isMaster {
                views[router][host.index].wait = isGrouped ? .unknown : .released(now)
            }
        } else if !definition.preempt || priority >= highestPriority(host, router, definition) {
            views[router][host.index].wait = .since(now, interval: interval)
        } else if definition.preemptDelay > .zero || priority >= lowestPriority(host, router, definition) {
            // Accepted or not, depending on what only the node knows.
            views[router][host.index].wait = .unknown
        }
    }

    /// A backup waits as long as its master told it to, whatever else happens.
    private func checkWait(_ host: Host, _ router: Int, _ definition: InstanceDefinition, _ priority: UInt8) {
        guard !definition.isOwner else { return }
        let highest = highestPriority(host, router, definition)
        let span: Int64
        let begin: Int64
        switch views[router][host.index].wait {
        case .unknown: return
        case .since(let time, let interval):
            (begin, span) = (time, downTime(router, definition, interval: interval, priority: highest))
        case .released(let time):
            let isSoleRival = definition.unicastPeers.count == 1
            (begin, span) = (
                time, isSoleRival ? 0 : skew(definition, interval: shortestInterval(router), priority: highest)
            )
        }
        let tolerance = span / 1500 + millisecond
        if now < begin + span - tolerance {
            simulation.fail(
                "WAIT-1",
                expected:
                    "node \(host.index) waits \(seconds(span)) s from \(seconds(begin)) s before it takes \(name(router))",
                seen: "it takes over with priority \(priority) after \(seconds(now - begin)) s")
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

    // MARK: - What should be

    struct Term {
        var weight: Int
        var isUp: Bool
    }

    /// The trackers of a router on a node: as configured, and as they truly are.
    private func trackers(_ host: Host, _ router: Int, _ definition: InstanceDefinition) -> [Term] {
        let group = host.model.syncGroups.first { $0.members.contains(definition.name) }
        let counts = group?.trackingWeight ?? true
        var terms: [Term] = []
        for tracked in definition.trackInterfaces {
            let isUp = host.kernel.interface(named: tracked.name).map { host.kernel.interfaces[$0].isUp } ?? false
            terms.append(Term(weight: counts ? tracked.weight : 0, isUp: isUp))
        }
        for tracked in definition.trackScripts {
            guard let script = host.model.scripts.first(where: { $0.name == tracked.name }) else { continue }
            terms.append(Term(weight: counts ? tracked.weight ?? script.weight : 0, isUp: host.scriptMode == .good))
        }
        return terms
    }

    /// The priority that a node should show, nil when it cannot serve.
    func standing(_ host: Host, _ router: Int) -> Int? {
        guard host.isRunning, let definition = host.definitions[router] else { return nil }
        let members = simulation.scenario.routers[router].isGrouped ? Array(views.indices) : [router]
        for member in members {
            guard let definition = host.definitions[member] else { continue }
            let plan = simulation.scenario.routers[member]
            guard let position = host.kernel.interface(onLink: plan.link), host.kernel.interfaces[position].isUp,
                host.kernel.interfaces[position].name == definition.interface
            else { return nil }
            for term in trackers(host, member, definition) where term.weight == 0 && !term.isUp { return nil }
        }
        if definition.isOwner { return 255 }
        var sum = Int(definition.basePriority)
        for term in trackers(host, router, definition) {
            if term.weight > 0, term.isUp { sum += term.weight }
            if term.weight < 0, !term.isUp { sum += term.weight }
        }
        return min(max(sum, 1), 254)
    }

    func preempts(_ host: Host, _ router: Int) -> Bool {
        let members = simulation.scenario.routers[router].isGrouped ? Array(views.indices) : [router]
        return members.allSatisfy { host.definitions[$0]?.preempt ?? true }
    }

    func judgeAll() {
        steadySince = now
        allowance = 0
        for router in views.indices where simulation.failure == nil { judge(router) }
        guard simulation.failure == nil else { return }
        var groupHolder: Int?
        for router in views.indices where simulation.scenario.routers[router].isGrouped {
            if let first = groupHolder, first != expected[router] {
                simulation.fail(
                    "SYNC-1", expected: "one node is master of the whole group",
                    seen: "\(who(first)) and \(who(expected[router] ?? -1))")
            }
            groupHolder = expected[router]
        }
    }

    private func judge(_ router: Int) {
        let hosts = simulation.hosts
        let holders = hosts.filter { $0.isRunning && views[router][$0.index].holds }.map(\.index)
        let standings = hosts.map { standing($0, router) }
        let eligible = hosts.indices.filter { standings[$0] != nil }
        guard let holder = holders.first else {
            if !eligible.isEmpty {
                simulation.fail(
                    "LIVE-1", expected: "one of nodes \(eligible) holds \(name(router))", seen: "nobody does")
            }
            expected[router] = -1
            return
        }
        guard holders.count == 1, let priority = standings[holder] else {
            simulation.fail(
                "SAFE-1", expected: "exactly one of nodes \(eligible) holds \(name(router))",
                seen: "nodes \(holders) do")
            return
        }
        for other in eligible where other != holder {
            if let better = standings[other], better > priority, preempts(hosts[other], router) {
                simulation.fail(
                    "RIGHT-1", expected: "node \(other) (priority \(better)) holds \(name(router))",
                    seen: "node \(holder) (priority \(priority)) does")
            }
        }
        if let before = undisturbed[router], before != holder, let former = standings[before] {
            let challengers = eligible.filter { (standings[$0] ?? 0) > former && preempts(hosts[$0], router) }
            if challengers.isEmpty {
                simulation.fail(
                    "STAY-1", expected: "node \(before) keeps \(name(router)): nobody may pre-empt it",
                    seen: "node \(holder) holds it")
            }
        }
        expected[router] = holder
        undisturbed[router] = nil
        judgeHolder(router, holder, priority)
        for host in hosts where host.isRunning && host.index != holder {
            let plan = simulation.scenario.routers[router]
            for prefix in plan.addresses + [plan.spare] where host.kernel.holds(prefix, onLink: plan.link) {
                simulation.fail(
                    "KERN-1", expected: "node \(host.index) holds nothing of \(name(router))", seen: "\(prefix)")
            }
            if let hook = host.lastHook[router], hook != (standings[host.index] == nil ? .fault : .backup),
                host.definitions[router] != nil
            {
                simulation.fail(
                    "NOTIFY-1", expected: "the last hook of \(name(router)) on node \(host.index) tells what it is",
                    seen: "\(hook)")
            }
        }
    }

    private func judgeHolder(_ router: Int, _ holder: Int, _ priority: Int) {
        let host = simulation.hosts[holder]
        let plan = simulation.scenario.routers[router]
        guard let definition = host.definitions[router] else { return }
        for prefix in addresses(router, host) where !host.kernel.holds(prefix, onLink: plan.link) {
            simulation.fail("KERN-1", expected: "node \(holder) holds \(prefix)", seen: "it is missing")
        }
        if !addresses(router, host).contains(plan.spare), host.kernel.holds(plan.spare, onLink: plan.link) {
            simulation.fail("KERN-1", expected: "node \(holder) gave \(plan.spare) back", seen: "it is there")
        }
        let view = views[router][holder]
        if now - view.lastSent > definition.advertInterval.nanoseconds / 1000 * 1002 + 3 * millisecond {
            simulation.fail(
                "ADVERT-1", expected: "node \(holder) advertises \(name(router))",
                seen: "its last is \(seconds(now - view.lastSent)) s old")
        }
        if Int(view.lastPriority) != priority {
            simulation.fail(
                "PRIO-1", expected: "node \(holder) shows priority \(priority) for \(name(router))",
                seen: "\(view.lastPriority)")
        }
        if let hook = host.lastHook[router], hook != .master {
            simulation.fail(
                "NOTIFY-1", expected: "the last hook of \(name(router)) on node \(holder) is master", seen: "\(hook)")
        }
        judgeClients(router, host, definition, plan)
    }

    /// After a clean takeover on whole links every client reaches the holder.
    private func judgeClients(
        _ router: Int, _ host: Host, _ definition: InstanceDefinition, _ plan: Scenario.RouterPlan
    ) {
        let view = views[router][host.index]
        let isClean =
            view.takenAt > healedAt
            && !simulation.hosts.contains {
                $0.index != host.index
                    && (views[router][$0.index].holds || views[router][$0.index].releasedAt >= view.takenAt)
            }
        guard let position = host.kernel.interface(onLink: plan.link) else { return }
        let mac = host.kernel.interfaces[position].mac
        for client in simulation.segments[plan.link].clients.indices {
            for prefix in addresses(router, host) {
                let entry = simulation.segments[plan.link].clients[client].cache.first { $0.address == prefix.address }
                if isClean, entry?.mac != mac {
                    simulation.fail(
                        "CLIENT-1", expected: "clients reach \(prefix) on node \(host.index) after its takeover",
                        seen: "they send to \(entry.map { "\($0.mac)" } ?? "nobody")")
                }
                // An old entry is asked again before long, and whoever holds the address answers.
                simulation.segments[plan.link].learn(prefix.address, mac, client: client)
            }
        }
    }

    // MARK: - Partitions

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
