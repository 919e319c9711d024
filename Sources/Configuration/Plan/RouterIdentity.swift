import Primitives

/// What makes two definitions the same virtual router, whatever else changed: a reload that renames an instance or changes
/// its priority goes on with it; one that changes this ends it and begins another.
struct RouterIdentity: Hashable, Sendable {
    var virtualRouterID: UInt8
    var family: AddressFamily
    var interface: String?
    var isUnicast: Bool
    /// Of a unicast router; several may share a number on one interface.
    var source: IPAddress?

    init(_ definition: InstanceDefinition) {
        virtualRouterID = definition.virtualRouterID
        family = definition.family
        interface = definition.interface
        isUnicast = definition.isUnicast
        source = definition.isUnicast ? definition.unicastSource : nil
    }

    /// The keywords that make two of them differ.
    func keywords(against other: RouterIdentity) -> [String] {
        var words: [String] = []
        if virtualRouterID != other.virtualRouterID { words.append("virtual_router_id") }
        if family != other.family { words.append("virtual_ipaddress") }
        if interface != other.interface { words.append("interface") }
        if isUnicast != other.isUnicast { words.append("unicast_peer") }
        if isUnicast, other.isUnicast, source != other.source { words.append("unicast_src_ip") }
        return words
    }
}

/// Which instance of an old model goes on as which of a new one.
struct Succession {
    /// For each instance of the new model the one of the old that it continues.
    let predecessors: [Int?]
    /// Instances of the old model that nobody continues.
    let ended: [Int]

    init(from old: Model, to new: Model) {
        var candidates: [RouterIdentity: [Int]] = [:]
        for (index, definition) in old.instances.enumerated() {
            candidates[RouterIdentity(definition), default: []].append(index)
        }
        let claimed = Set(new.instances.map(\.name))
        var taken = Array(repeating: false, count: old.instances.count)
        predecessors = new.instances.map { definition in
            let all = candidates[RouterIdentity(definition)] ?? []
            let free = all.filter { !taken[$0] }
            var found = free.first
            if all.count > 1 {
                // A name tells several apart, else their peers; a name that another new instance has is that one's.
                let unclaimed = free.filter { !claimed.contains(old.instances[$0].name) }
                found =
                    free.first { old.instances[$0].name == definition.name }
                    ?? unclaimed.first { old.instances[$0].unicastPeers == definition.unicastPeers } ?? unclaimed.first
            }
            if let found { taken[found] = true }
            return found
        }
        ended = old.instances.indices.filter { !taken[$0] }
    }
}
