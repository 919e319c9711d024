import ConfigLanguage
import Primitives

/// The configurations of several nodes against each other: what each of them cannot see alone.
///
/// Nodes whose files share no virtual router are no cluster, and nothing is said about them. Else each virtual router is
/// compared across its nodes, and for each there is an `Election`: who will be master, and what moves it.
///
/// A value that differs is reported where it is in the minority; between equals the first node is right.
public struct ClusterCheck: Sendable {
    public let nodes: [ClusterNode]
    /// In the order of the first node that has them.
    public let routers: [ClusterRouter]
    /// `source` of each is the number of the node.
    public internal(set) var findings: [Report.Finding] = []
    /// Of the routers that have several members, in their order.
    public private(set) var elections: [Election] = []

    /// The rule of a note that asks for this check: it need not be said after it.
    public static let answers = Rule.weightReach.id

    /// Some virtual router stands in more than one file.
    public var isCluster: Bool { routers.contains { $0.members.count > 1 } }

    public init(_ nodes: [ClusterNode]) {
        self.nodes = nodes
        routers = ClusterMatcher(nodes).routers
        guard isCluster else { return }
        for router in routers where router.members.count > 1 {
            checkWire(router)
            checkAddresses(router)
            checkPeers(router)
            checkRoles(router)
            let election = Election(router, nodes)
            checkWeights(election)
            elections.append(election)
        }
        checkLeases()
        checkPresence()
        checkGroups()
        findings = findings.enumerated().sorted { a, b in
            (a.element.source, a.element.diagnostic.range.start, a.offset)
                < (b.element.source, b.element.diagnostic.range.start, b.offset)
        }.map(\.element)
    }

    // MARK: - What the checks share

    typealias Member = ClusterRouter.Member

    func instance(_ member: Member) -> InstanceDefinition { nodes[member.node].model.instances[member.instance] }
    func places(_ member: Member) -> InstancePlaces {
        nodes[member.node].definitions.instancePlaces[member.instance]
    }
    func name(_ member: Member) -> String { nodes[member.node].name }

    mutating func report(
        _ rule: Rule, _ severity: Diagnostic.Severity? = nil, at member: Member, _ range: SourceRange?,
        _ message: String,
        reason: String, fix: String, elsewhere: [Report.Place] = []
    ) {
        let range = range ?? places(member).name
        findings.append(
            Report.Finding(
                member.node,
                Diagnostic(severity ?? rule.strict, rule.id, at: range, message, reason: reason, fix: fix),
                elsewhere: elsewhere))
    }

    /// A place on another node.
    func place(_ member: Member, _ range: SourceRange?, _ message: String) -> Report.Place {
        Report.Place(member.node, range ?? places(member).name, message)
    }

    /// The members whose value is not that of most, and one that has it. Of equally many the first counts.
    func odd<Value: Equatable>(
        _ members: [Member], _ value: (InstanceDefinition) -> Value
    ) -> (usual: Member, odd: [Member])? {
        let values = members.map { value(instance($0)) }
        var best = (index: 0, count: 0)
        for (index, candidate) in values.enumerated() {
            let count = values.count { $0 == candidate }
            if count > best.count { best = (index, count) }
        }
        guard best.count < members.count else { return nil }
        let odd = members.indices.filter { values[$0] != values[best.index] }.map { members[$0] }
        return (members[best.index], odd)
    }
}

extension Report {
    /// Puts the findings of a check of its first texts among them.
    public mutating func add(_ check: ClusterCheck) {
        for finding in check.findings { add(finding) }
    }
}
