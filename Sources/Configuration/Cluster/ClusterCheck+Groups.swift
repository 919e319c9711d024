import ConfigLanguage
import Primitives

/// What stands on some nodes only.
extension ClusterCheck {
    mutating func checkPresence() {
        var alone: [Int] = []
        for (number, router) in routers.enumerated() where router.members.count < nodes.count {
            if router.members.count == 1 { alone.append(number) } else { reportAbsent(router, .note) }
        }
        var explained: Set<Int> = []
        // The same address under another number: both nodes would be master of it.
        var holders: [IPAddress: Int] = [:]
        for number in alone {
            let member = routers[number].members[0]
            for address in instance(member).virtualAddresses.map(\.prefix.address) {
                guard let other = holders[address] else {
                    holders[address] = number
                    continue
                }
                let first = routers[other].members[0]
                guard first.node != member.node, explained.insert(number).inserted else { continue }
                explained.insert(other)
                report(
                    .clusterRouterID, at: member, places(member).virtualRouterID,
                    "\(address) belongs to virtual router \(routers[number].id) here, "
                        + "and to \(routers[other].id) on \(name(first))",
                    reason: "nodes find each other by the number: both would be master",
                    fix: "write the same `virtual_router_id` on every node",
                    elsewhere: [place(first, places(first).virtualRouterID, "the other number")])
            }
        }
        for number in alone where !explained.contains(number) { reportAbsent(routers[number], nil) }
    }

    private mutating func reportAbsent(_ router: ClusterRouter, _ severity: Diagnostic.Severity?) {
        let member = router.members[0]
        let missing = nodes.indices.filter { router.member(on: $0) == nil }.map { nodes[$0].name }
        report(
            .clusterAbsent, severity, at: member, nil,
            "`\(instance(member).name)` (virtual router \(router.id)) is not on \(missing.joined(separator: ", "))",
            reason: router.members.count == 1 ? "nobody takes over when this node fails" : "it takes no part there",
            fix: "add the instance there, if it was meant to be")
    }

    // MARK: - Sync groups

    /// A virtual router keeps step with others on one node, and with others, or none, on the next.
    mutating func checkGroups() {
        var numberOf: [Member: Int] = [:]
        for (number, router) in routers.enumerated() {
            for member in router.members { numberOf[member] = number }
        }
        // The routers of each group, and the group of each router, node by node.
        let groups = nodes.indices.map { node in
            nodes[node].membersOfGroup.map { members in
                members.compactMap { numberOf[Member(node: node, instance: $0)] }
            }
        }
        let groupOf = groups.map { groups in
            var groupOf: [Int: Int] = [:]
            for (group, members) in groups.enumerated() { for router in members { groupOf[router] = group } }
            return groupOf
        }
        for node in nodes.indices {
            for (number, members) in groups[node].enumerated() {
                for other in nodes.indices where other != node {
                    // Routers that the other node does not have are said to be missing there.
                    let shared = members.filter { routers[$0].member(on: other) != nil }
                    guard shared.count > 1 else { continue }
                    let there = shared.compactMap { groupOf[other][$0] }.first
                    guard let apart = shared.first(where: { groupOf[other][$0] == nil || groupOf[other][$0] != there })
                    else { continue }
                    // Said once: by the first node, or by the one that has more together.
                    if let there, other < node, !Set(groups[other][there]).isSubset(of: Set(shared)) { continue }
                    reportGroup(number, node, apart, other)
                }
            }
        }
    }

    private mutating func reportGroup(_ number: Int, _ node: Int, _ apart: Int, _ other: Int) {
        guard let member = routers[apart].member(on: node), let twin = routers[apart].member(on: other) else { return }
        let group = nodes[node].model.syncGroups[number]
        findings.append(
            Report.Finding(
                node,
                Diagnostic(
                    Rule.clusterGroupMembers.strict, Rule.clusterGroupMembers.id,
                    at: nodes[node].definitions.groupPlaces[number].name,
                    "`\(instance(member).name)` keeps step with the group `\(group.name)` here, and not on "
                        + nodes[other].name,
                    reason: "when one of them moves, the nodes disagree about which move with it",
                    fix: "write the same `vrrp_sync_group` on every node"),
                elsewhere: [place(twin, nil, "the instance there")]))
    }
}
