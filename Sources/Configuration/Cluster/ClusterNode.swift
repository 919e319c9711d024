import ConfigLanguage
import Primitives

/// One node of a cluster: its configuration, and what people call it.
public struct ClusterNode: Sendable {
    public let name: String
    public let model: Model
    public let definitions: Definitions
    /// The sync group of each instance that has one, and its members, as indices.
    let groupOfInstance: [Int: Int]
    let membersOfGroup: [[Int]]
    let scripts: [String: TrackScript]

    public init(name: String, model: Model, definitions: Definitions) {
        self.name = name
        self.model = model
        self.definitions = definitions
        scripts = Dictionary(model.scripts.map { ($0.name, $0) }, uniquingKeysWith: { a, _ in a })
        let index = Dictionary(model.instances.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { a, _ in a })
        membersOfGroup = model.syncGroups.map { $0.members.compactMap { index[$0] } }
        var groups: [Int: Int] = [:]
        for (group, members) in membersOfGroup.enumerated() {
            for member in members { groups[member] = group }
        }
        groupOfInstance = groups
    }

    /// Nil when the configuration was refused.
    public init?(name: String, _ loaded: LoadedConfiguration) {
        guard let model = loaded.model else { return nil }
        self.init(name: name, model: model, definitions: loaded.definitions)
    }
}

/// One virtual router with the instances that make it up: at most one a node, in the order of the nodes.
public struct ClusterRouter: Hashable, Sendable {
    public struct Member: Hashable, Sendable {
        /// Of the nodes.
        public var node: Int
        /// Of the node's instances.
        public var instance: Int
    }

    public var id: UInt8
    public var family: AddressFamily
    public var members: [Member]

    public func member(on node: Int) -> Member? { members.first { $0.node == node } }
}

/// Finds the instances of several nodes that belong together. Number and family must be equal. Where a number is used
/// for several links, the name decides, then a common address, then the interface; and what is alone on both sides belongs
/// together anyway.
struct ClusterMatcher {
    private(set) var routers: [ClusterRouter] = []
    private let nodes: [ClusterNode]

    init(_ nodes: [ClusterNode]) {
        self.nodes = nodes
        for node in nodes.indices { match(node) }
    }

    private struct Key: Hashable {
        var id: UInt8
        var family: AddressFamily
    }

    /// A number with one of the things that tell its instances apart.
    private struct Clue: Hashable {
        var key: Key
        var text: String
    }

    private func definition(_ member: ClusterRouter.Member) -> InstanceDefinition {
        nodes[member.node].model.instances[member.instance]
    }

    private mutating func match(_ node: Int) {
        let instances = nodes[node].model.instances
        var routerOf: [Int?] = Array(repeating: nil, count: instances.count)
        var taken: Set<Int> = []
        let clues: [(InstanceDefinition) -> [String]] = [
            { [$0.name] }, { $0.virtualAddresses.map(\.prefix.address.description) }, { [$0.interface ?? ""] },
            // The last resort: the number alone.
            { _ in [""] },
        ]
        for (round, clue) in clues.enumerated() {
            // What is still free on both sides, by the clue. A clue that fits twice is none.
            var free: [Clue: [Int]] = [:]
            for (number, router) in routers.enumerated() where !taken.contains(number) {
                var texts: Set<String> = []
                for member in router.members { texts.formUnion(clue(definition(member))) }
                let key = Key(id: router.id, family: router.family)
                for text in texts { free[Clue(key: key, text: text), default: []].append(number) }
            }
            var wanted: [Clue: Int] = [:]
            if round == clues.count - 1 {
                for (index, instance) in instances.enumerated() where routerOf[index] == nil {
                    let key = Key(id: instance.virtualRouterID, family: instance.family)
                    wanted[Clue(key: key, text: ""), default: 0] += 1
                }
            }
            for (index, instance) in instances.enumerated() where routerOf[index] == nil {
                let key = Key(id: instance.virtualRouterID, family: instance.family)
                for text in clue(instance) {
                    let clue = Clue(key: key, text: text)
                    guard (wanted[clue] ?? 1) == 1 else { continue }
                    let candidates = Array((free[clue] ?? []).lazy.filter { !taken.contains($0) }.prefix(2))
                    guard let first = candidates.first, candidates.count == 1 else { continue }
                    taken.insert(first)
                    routerOf[index] = first
                    break
                }
            }
        }
        for (index, instance) in instances.enumerated() {
            let member = ClusterRouter.Member(node: node, instance: index)
            if let router = routerOf[index] {
                routers[router].members.append(member)
            } else {
                routers.append(
                    ClusterRouter(id: instance.virtualRouterID, family: instance.family, members: [member]))
            }
        }
    }
}
