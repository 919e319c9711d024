import Primitives

/// Virtual servers. Nothing serves them yet, so that no change of theirs disturbs anybody. The same one is that of the same
/// service and protocol, the same real server that of the same address and port.
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
            plans.append(PartPlan(name: server.title, fate: .changed, changes: changes))
        }
        return plans
            + old.virtualServers.filter { !after.contains($0.title) }.map { PartPlan(name: $0.title, fate: .removed) }
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
                    })
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
