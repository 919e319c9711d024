import Primitives

/// One lease that this node takes part in: what one instance holds by, or all instances of a sync group together.
public struct LeaseDefinition: Hashable, Sendable {
    /// `CLUSTER/NAME`, of 1…160 printable ASCII characters without space: the same on all nodes.
    public var name: String
    /// The name of the `arbiter` block.
    public var arbiter: String
    /// The sync group that it is for; nil where it is for one instance.
    public var group: String?
    /// The instances that hold by it, in the group's order; never empty.
    public var members: [String]

    /// What an arbiter takes.
    public static let longestName = 160

    public init(name: String, arbiter: String, group: String? = nil, members: [String]) {
        self.name = name
        self.arbiter = arbiter
        self.group = group
        self.members = members
    }
}

extension Model {
    /// The `arbiter` of this name.
    public func arbiter(named name: String) -> ArbiterDefinition? { arbiters.first { $0.name == name } }

    /// One for each sync group with an arbiter, in their order, and behind them one for each instance with an arbiter that is in no
    /// group. A member of a group has no lease of its own: a group has one role, and could not have two answers.
    public var leases: [LeaseDefinition] {
        let clusters = Dictionary(arbiters.map { ($0.name, $0.cluster) }) { first, _ in first }
        var leases: [LeaseDefinition] = []
        var grouped: Set<String> = []
        for group in syncGroups {
            grouped.formUnion(group.members)
            guard let arbiter = group.arbiter, let cluster = clusters[arbiter] else { continue }
            leases.append(
                LeaseDefinition(
                    name: "\(cluster)/\(group.leaseName ?? group.name)", arbiter: arbiter, group: group.name,
                    members: group.members))
        }
        for instance in instances where !grouped.contains(instance.name) {
            guard let arbiter = instance.arbiter, let cluster = clusters[arbiter] else { continue }
            leases.append(
                LeaseDefinition(
                    name: "\(cluster)/\(instance.leaseName ?? instance.name)", arbiter: arbiter,
                    members: [instance.name]))
        }
        return leases
    }
}
