import ConfigLanguage
import Primitives

/// Leases and greetings: a lease keeps two nodes apart only where both ask the same arbiter for it by the same name.
extension ClusterCheck {
    /// What was said of a node need not be said for each of its instances.
    private struct Said {
        private var keys: Set<Key> = []

        private struct Key: Hashable {
            var rule: RuleID
            var node: Int
            var name: String
        }

        /// True the first time.
        mutating func isNew(_ rule: Rule, _ node: Int, _ name: String) -> Bool {
            keys.insert(Key(rule: rule.id, node: node, name: name)).inserted
        }
    }

    mutating func checkLeases() {
        var said = Said()
        for router in routers where router.members.count > 1 {
            checkHello(router.members, &said)
            guard let usual = router.members.first(where: { arbiter($0) != nil }) else { continue }
            for member in router.members where member != usual {
                guard arbiter(member) != nil else {
                    reportNoArbiter(member, usual, &said)
                    continue
                }
                checkArbiter(member, usual, &said)
                checkName(member, usual, &said)
            }
            checkNodeNames(router.members.filter { arbiter($0) != nil }, &said)
        }
    }

    // MARK: What a member has

    private func arbiter(_ member: Member) -> ArbiterDefinition? {
        instance(member).arbiter.flatMap { nodes[member.node].model.arbiter(named: $0) }
    }

    private func places(ofArbiter member: Member) -> ArbiterPlaces? {
        let node = nodes[member.node]
        guard let number = node.model.arbiters.firstIndex(where: { $0.name == instance(member).arbiter }),
            node.definitions.arbiterPlaces.indices.contains(number)
        else { return nil }
        return node.definitions.arbiterPlaces[number]
    }

    private func groupNumber(_ member: Member) -> Int? { nodes[member.node].groupOfInstance[member.instance] }

    /// The group that it has its lease with, or itself.
    private func holder(_ member: Member) -> String {
        groupNumber(member).map { "the group `\(nodes[member.node].model.syncGroups[$0].name)`" }
            ?? "the instance `\(instance(member).name)`"
    }

    private func leaseName(_ member: Member) -> String {
        let model = nodes[member.node].model
        let cluster = arbiter(member)?.cluster ?? ""
        guard let number = groupNumber(member) else {
            return "\(cluster)/\(instance(member).leaseName ?? instance(member).name)"
        }
        return "\(cluster)/\(model.syncGroups[number].leaseName ?? model.syncGroups[number].name)"
    }

    /// Where the lease is named: `lease_name`, else the block.
    private func namePlace(_ member: Member) -> SourceRange {
        guard let number = groupNumber(member) else { return places(member).leaseName ?? places(member).name }
        let group = nodes[member.node].definitions.groupPlaces[number]
        return group.leaseName ?? group.name
    }

    /// Where `arbiter` is written.
    private func arbiterPlace(_ member: Member) -> SourceRange? {
        groupNumber(member).flatMap { nodes[member.node].definitions.groupPlaces[$0].arbiter } ?? places(member).arbiter
    }

    // MARK: Checks

    private mutating func reportNoArbiter(_ member: Member, _ usual: Member, _ said: inout Said) {
        let holder = holder(member)
        guard said.isNew(.clusterNoArbiter, member.node, holder) else { return }
        report(
            .clusterNoArbiter, at: member,
            groupNumber(member).map { nodes[member.node].definitions.groupPlaces[$0].name },
            "\(holder) names no arbiter here, and has one on \(name(usual))",
            reason:
                "this node takes the addresses without asking anybody: that is the two masters which a lease is there "
                + "to prevent",
            fix: "name the same arbiter on every node", elsewhere: [place(usual, arbiterPlace(usual), "the arbiter")])
    }

    private mutating func checkArbiter(_ member: Member, _ usual: Member, _ said: inout Said) {
        guard let here = arbiter(member), let there = arbiter(usual) else { return }
        let (own, other) = (places(ofArbiter: member), places(ofArbiter: usual))
        guard here.kind.mayBe(there.kind) else {
            guard said.isNew(.clusterOtherArbiter, member.node, here.name) else { return }
            report(
                .clusterOtherArbiter, at: member, otherPlace(here, there, own),
                "`\(here.name)` is \(here.kind.wording) here, and \(there.kind.wording) on \(name(usual))",
                reason: "two arbiters give the lease twice: both nodes would hold the addresses",
                fix: "write the same arbiter on every node" + advice(here, there),
                elsewhere: [place(usual, otherPlace(there, here, other), "the other one")])
            return
        }
        checkKey(member, usual, &said)
        var differences: [String] = []
        if here.leaseDuration != there.leaseDuration {
            differences.append(
                "lease \(here.leaseDuration.formattedSeconds(digits: 6)) and "
                    + there.leaseDuration.formattedSeconds(digits: 6))
        }
        if here.drift != there.drift {
            differences.append(
                "drift \(StatementReader.percent(Int(here.drift))) and \(StatementReader.percent(Int(there.drift)))")
        }
        if here.whenDown != there.whenDown {
            differences.append("arbiter_down \(here.whenDown.rawValue) and \(there.whenDown.rawValue)")
        }
        guard !differences.isEmpty, said.isNew(.clusterLeaseTerms, member.node, here.name) else { return }
        report(
            .clusterLeaseTerms, at: member, own.map { $0.lease ?? $0.drift ?? $0.whenDown ?? $0.name },
            "`\(here.name)` has other terms here than on \(name(usual)): \(differences.joined(separator: "; "))",
            reason:
                "the larger times win, so it stays safe; which node holds decides how long a take-over lasts, and with arbiter_down "
                + "peers a node promises no more than its own terms allow, so that the holder lets go",
            fix: "write the same on every node",
            elsewhere: [place(usual, other.map { $0.lease ?? $0.drift ?? $0.whenDown ?? $0.name }, "the other terms")])
    }

    /// What makes it another one.
    private func otherPlace(_ a: ArbiterDefinition, _ b: ArbiterDefinition, _ places: ArbiterPlaces?) -> SourceRange? {
        guard let places else { return nil }
        switch (a.kind, b.kind) {
        case (.witness, .witness): return places.address
        case (.etcd(let one), .etcd(let another)):
            if one.prefix != another.prefix { return places.prefix ?? places.name }
            return (one.clusterID != nil && another.clusterID != nil ? places.clusterID : nil) ?? places.address
        case (.corosync, .corosync): return places.group ?? places.cluster ?? places.name
        default: return places.type
        }
    }

    private func advice(_ a: ArbiterDefinition, _ b: ArbiterDefinition) -> String {
        guard case .etcd(let one) = a.kind, case .etcd(let another) = b.kind, one.prefix == another.prefix,
            one.clusterID == nil || another.clusterID == nil
        else { return "" }
        return "; where the endpoints are of one cluster, its `cluster_id` on every node says so"
    }

    private mutating func checkKey(_ member: Member, _ usual: Member, _ said: inout Said) {
        guard let name = arbiter(member)?.name,
            case .witness(let here) = arbiter(member)?.kind, case .witness(let there) = arbiter(usual)?.kind,
            case .bytes(let own) = here.key, case .bytes(let other) = there.key, own != other,
            said.isNew(.clusterArbiterKey, member.node, name)
        else { return }
        report(
            .clusterArbiterKey, at: member, places(ofArbiter: member)?.key,
            "`\(name)` has another key here than on \(self.name(usual))",
            reason: "the witness knows one of them only: the other node never has a lease, and takes over from nobody",
            fix: "write the same key on every node and at the witness",
            elsewhere: [place(usual, places(ofArbiter: usual)?.key, "the other key")])
    }

    private mutating func checkName(_ member: Member, _ usual: Member, _ said: inout Said) {
        let (here, there) = (leaseName(member), leaseName(usual))
        guard here != there else { return }
        let isOtherCluster = arbiter(member)?.cluster != arbiter(usual)?.cluster
        let what = isOtherCluster ? arbiter(member)?.name ?? "" : holder(member)
        guard said.isNew(.clusterLeaseName, member.node, what) else { return }
        let (own, other) = (places(ofArbiter: member), places(ofArbiter: usual))
        report(
            .clusterLeaseName, at: member,
            isOtherCluster ? own.map { $0.cluster ?? $0.name } : namePlace(member),
            "the lease of \(holder(member)) is `\(here)` here, and `\(there)` on \(name(usual))",
            reason: "the arbiter takes them for two: each node has one, and both hold the addresses",
            fix: isOtherCluster
                ? "write the same `cluster` on every node"
                : "give the blocks one name on every node, or write the same `lease_name`",
            elsewhere: [
                place(
                    usual, isOtherCluster ? other.map { $0.cluster ?? $0.name } : namePlace(usual), "the other name")
            ])
    }

    /// Two nodes of one name are one node to the arbiter. Host names are not in the files.
    private mutating func checkNodeNames(_ members: [Member], _ said: inout Said) {
        var first: [String: Member] = [:]
        for member in members {
            guard let arbiter = arbiter(member), let node = arbiter.node else { continue }
            guard let before = first[node] else {
                first[node] = member
                continue
            }
            guard said.isNew(.clusterArbiterNode, member.node, arbiter.name) else { continue }
            let own = places(ofArbiter: member)
            report(
                .clusterArbiterNode, at: member, own.map { $0.node ?? $0.name },
                "this node is called `\(node)` at the arbiter `\(arbiter.name)`, and so is \(name(before))",
                reason: "the arbiter takes both for one, which has the lease: both would hold the addresses",
                fix: "write another `node`, or another `router_id`, on each node",
                elsewhere: [place(before, places(ofArbiter: before).map { $0.node ?? $0.name }, "the same name")])
        }
    }

    private mutating func checkHello(_ members: [Member], _ said: inout Said) {
        if let (usual, odd) = odd(members, \.hello) {
            for member in odd {
                report(
                    .clusterHello, at: member, places(member).hello,
                    "`\(instance(member).name)` \(instance(member).hello ? "greets" : "does not greet") the other nodes "
                        + "here, and \(instance(usual).hello ? "does" : "does not") on \(name(usual))",
                    reason: "nodes know each other when all of them greet", fix: "write the same `hello` on every node",
                    elsewhere: [place(usual, places(usual).hello, "the other node")])
            }
        }
        let greeting = members.filter { instance($0).hello }
        guard let usual = greeting.first else { return }
        let port = nodes[usual.node].model.global.helloPort
        for member in greeting.dropFirst() where nodes[member.node].model.global.helloPort != port {
            guard said.isNew(.clusterHello, member.node, "") else { continue }
            report(
                .clusterHello, at: member, nil,
                "this node greets on port \(nodes[member.node].model.global.helloPort), and \(name(usual)) on \(port)",
                reason: "neither hears the other", fix: "write the same `vrrp_hello_port` on every node",
                elsewhere: [place(usual, nil, "the other node")])
        }
    }
}
