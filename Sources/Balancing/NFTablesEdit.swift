import Netlink

/// Elements to take out and to put in, map by map.
struct NFTablesEdit {
    var removed: [String: [NFTablesElement]] = [:]
    var added: [String: [NFTablesElement]] = [:]

    mutating func remove(_ placements: [NFTablesPlacement]) {
        for placement in placements { removed[placement.map, default: []].append(placement.element) }
    }

    /// An element with another value is removed and added: the kernel keeps nothing else under its key.
    mutating func replace(_ old: [NFTablesPlacement], by new: [NFTablesPlacement]) {
        if old.isEmpty {
            for placement in new { added[placement.map, default: []].append(placement.element) }
            return
        }
        var left: [NFTablesPlacement: Bool] = [:]
        for placement in old { left[placement] = true }
        for placement in new where left.removeValue(forKey: placement) == nil {
            added[placement.map, default: []].append(placement.element)
        }
        for placement in old where left[placement] != nil {
            removed[placement.map, default: []].append(placement.element)
        }
    }

    func append(to batch: inout NFTablesBatch, _ table: NFTablesTable) {
        for map in removed.keys.sorted() { batch.deleteElements(removed[map] ?? [], from: map, of: table) }
        for map in added.keys.sorted() { batch.addElements(added[map] ?? [], to: map, of: table) }
    }
}
