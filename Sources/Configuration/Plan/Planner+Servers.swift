import Primitives

/// Virtual servers. The same one is that of the same service and protocol, the same real server that of the same address and port: what
/// goes takes its connections with it, unless it is drained.
extension Planner {
    func servers() -> [PartPlan] {
        let before = Dictionary(old.virtualServers.map { ($0.title, $0) }) { first, _ in first }
        let after = Set(new.virtualServers.map(\.title))
        var plans: [PartPlan] = []
        for server in new.virtualServers {
            guard let known = before[server.title] else {
                plans.append(PartPlan(name: server.title, fate: .added))
                continue
            }
            guard known != server else { continue }
            let changes = Change.between(known.wordings, server.wordings) + realServers(known, server)
            var plan = PartPlan(name: server.title, fate: .changed, changes: changes)
            let kept = Set(server.realServers.map(\.title))
            let cut = known.realServers.filter { !kept.contains($0.title) && $0.drainTimeout == nil }
            if let first = cut.first {
                plan.disturbs = true
                plan.remark =
                    "connections to \(first.title)" + (cut.count > 1 ? " and \(cut.count - 1) more" : "")
                    + " end at once, without a `drain_timeout`"
            }
            plans.append(plan)
        }
        return plans
            + old.virtualServers.filter { !after.contains($0.title) }.map {
                PartPlan(name: $0.title, fate: .removed, remark: "its clients are served no more", disturbs: true)
            }
    }

    private func realServers(_ before: VirtualServer, _ after: VirtualServer) -> [Change] {
        let known = Dictionary(before.realServers.map { ($0.title, $0) }) { first, _ in first }
        let lists = [before, after].map { Wording("real_server", $0.realServers.map(\.title)) }
        var changes = Change.between([lists[0]], [lists[1]])
        for real in after.realServers {
            guard let former = known[real.title], former != real else { continue }
            let checks = [former, real].map { server in
                Wording(
                    "checks",
                    server.checks.map { check in
                        let words = check.wordings.flatMap { word in word.values.map { "\(word.keyword) \($0)" } }
                        return "\(check.keyword) { \(words.joined(separator: ", ")) }"
                    }, secret: Secret(server.checks.flatMap(\.secrets)))
            }
            let words = Change.between(former.wordings + [checks[0]], real.wordings + [checks[1]])
            changes += words.map { $0.within("real_server \(real.title)") }
        }
        return changes
    }

    /// Blocks with names, compared by them.
    func parts<Part: Equatable>(
        _ old: [Part], _ new: [Part], _ name: (Part) -> String, _ words: (Part) -> [Wording]
    ) -> [PartPlan] {
        let before = Dictionary(old.map { (name($0), $0) }) { first, _ in first }
        let after = Set(new.map(name))
        var plans: [PartPlan] = []
        for part in new {
            guard let known = before[name(part)] else {
                plans.append(PartPlan(name: name(part), fate: .added))
                continue
            }
            guard known != part else { continue }
            plans.append(PartPlan(name: name(part), fate: .changed, changes: Change.between(words(known), words(part))))
        }
        return plans + old.filter { !after.contains(name($0)) }.map { PartPlan(name: name($0), fate: .removed) }
    }
}
