import Configuration
import Primitives
import RouterEngine
import VRRP

/// Who should hold a router, from the configuration and from what was broken; and whether it does.
extension Judge {
    struct Term {
        var weight: Int
        var isUp: Bool
    }

    /// The trackers of a router on a node: as configured, and as they truly are.
    func trackers(_ host: Host, _ router: Int, _ definition: InstanceDefinition) -> [Term] {
        let group = host.model.syncGroups.first { $0.members.contains(definition.name) }
        let counts = group?.trackingWeight ?? true
        var terms: [Term] = []
        for tracked in definition.trackInterfaces {
            let isUp = host.kernel.interface(named: tracked.name).map { host.kernel.interfaces[$0].isUp } ?? false
            if counts || tracked.weight == 0 { terms.append(Term(weight: tracked.weight, isUp: isUp)) }
        }
        for tracked in definition.trackScripts {
            guard let script = host.model.scripts.first(where: { $0.name == tracked.name }) else { continue }
            let weight = tracked.weight ?? script.weight
            if counts || weight == 0 { terms.append(Term(weight: weight, isUp: host.scriptMode == .good)) }
        }
        return terms
    }

    /// The priority that a node should show, nil when it cannot serve.
    func standing(_ host: Host, _ router: Int) -> Int? {
        canRenew(host, router) ? health(host, router) : nil
    }

    /// The same, whatever its arbiter says.
    func health(_ host: Host, _ router: Int) -> Int? {
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

    func judge(_ router: Int) {
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
        // Under a lease nobody asks a lower holder to make way.
        for other in eligible where other != holder && !simulation.isLeased(router) {
            if let better = standings[other], better > priority, preempts(hosts[other], router) {
                simulation.fail(
                    "RIGHT-1", expected: "node \(other) (priority \(better)) holds \(name(router))",
                    seen: "node \(holder) (priority \(priority)) does")
            }
        }
        if let before = undisturbed[router], before != holder, let former = standings[before] {
            let challengers = eligible.filter { (standings[$0] ?? 0) > former && preempts(hosts[$0], router) }
            if challengers.isEmpty || simulation.isLeased(router) {
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
            if let hook = host.lastHook[router], hook != (health(host, router) == nil ? .fault : .backup),
                host.definitions[router] != nil
            {
                simulation.fail(
                    "NOTIFY-1", expected: "the last hook of \(name(router)) on node \(host.index) tells what it is",
                    seen: "\(hook)")
            }
        }
    }

    func judgeHolder(_ router: Int, _ holder: Int, _ priority: Int) {
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
        if now - view.lastSent > advertLimit(definition.advertInterval.nanoseconds) {
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
    func judgeClients(
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
}
