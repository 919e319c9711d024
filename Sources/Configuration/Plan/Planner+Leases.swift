import Primitives

/// What an instance holds by.
struct PlannedLease: Hashable {
    var name: String
    var arbiter: ArbiterDefinition

    /// By the names of the instances.
    static func all(of model: Model) -> [String: PlannedLease] {
        var leases: [String: PlannedLease] = [:]
        for lease in model.leases {
            guard let arbiter = model.arbiter(named: lease.arbiter) else { continue }
            for member in lease.members { leases[member] = PlannedLease(name: lease.name, arbiter: arbiter) }
        }
        return leases
    }

    /// It stays one lease for the arbiter, whatever the block is called here.
    func isSame(as other: PlannedLease) -> Bool {
        name == other.name && arbiter.node == other.arbiter.node && arbiter.kind.mayBe(other.arbiter.kind)
    }

    var wording: String {
        "`\(name)` of \(arbiter.kind.wording)" + (arbiter.node.map { " as `\($0)`" } ?? "")
    }
}

extension Planner {
    func leaseConsequences(_ before: InstanceDefinition, _ after: InstanceDefinition) -> [Consequence] {
        switch (oldLeases[before.name], newLeases[after.name]) {
        case (nil, let new?): [.needsLease(new.wording)]
        case (let old?, nil): [.needsNoLease(old.wording)]
        case (let old?, let new?) where !old.isSame(as: new): [.changesLease(from: old.wording, to: new.wording)]
        default: []
        }
    }
}

extension ArbiterDefinition.Kind {
    /// Nothing that is written speaks against both being one arbiter, in which both ask for the same records. An etcd cluster has
    /// several endpoints, of which not all need be written.
    func mayBe(_ other: ArbiterDefinition.Kind) -> Bool {
        switch (self, other) {
        case (.witness(let a), .witness(let b)):
            return a.address == b.address && a.port == b.port
        case (.etcd(let a), .etcd(let b)):
            guard a.prefix == b.prefix else { return false }
            if let one = a.clusterID, let another = b.clusterID { return one == another }
            return a.endpoints.contains { endpoint in
                b.endpoints.contains { $0.address == endpoint.address && $0.port == endpoint.port }
            }
        case (.corosync(let a), .corosync(let b)): return a.group == b.group
        default: return false
        }
    }

    /// Which one it is, for people.
    var wording: String {
        switch self {
        case .witness(let witness):
            witness.port == WitnessSettings.defaultPort
                ? "witness \(witness.address)" : "witness \(witness.address) port \(witness.port)"
        case .etcd(let etcd): "etcd " + etcd.endpoints.map(\.description).joined(separator: ", ")
        case .corosync(let corosync): "corosync group \(corosync.group)"
        }
    }
}
