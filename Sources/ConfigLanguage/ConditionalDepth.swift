/// Which nodes a line is for.
enum LineCondition: Hashable {
    case everyone
    /// `@id`.
    case only(ArraySlice<UInt8>)
    /// `@^id`.
    case except(ArraySlice<UInt8>)
}

/// How many blocks are open, for each of the nodes that a file tells apart.
///
///     @one  vrrp_instance A {
///     @two  vrrp_instance B {
///         state BACKUP
///     }
///
/// is one block to each node, and two braces open and one closed to whoever only counts them. Every node has its count:
/// `common`, and what its own lines made of it. A line for everyone stands as deep as the node with most blocks open has
/// it, since a node that the file does not name may not exist.
struct ConditionalDepth {
    /// Of a node that no condition names.
    private var common = 0
    private var offsets: [ArraySlice<UInt8>: Int] = [:]
    /// How many nodes have each offset, for the largest.
    private var counts: [Int: Int] = [:]
    private var largest = 0

    /// The depth of a line for everyone.
    var consensus: Int { max(0, common + max(0, largest)) }

    subscript(_ condition: LineCondition) -> Int {
        switch condition {
        case .everyone: consensus
        case .only(let id): max(0, common + (offsets[id] ?? 0))
        case .except: max(0, common)
        }
    }

    mutating func add(_ change: Int, _ condition: LineCondition) {
        switch condition {
        case .everyone: common += change
        case .only(let id): move(id, by: change)
        case .except(let id):
            common += change
            move(id, by: -change)
        }
    }

    private mutating func move(_ id: ArraySlice<UInt8>, by change: Int) {
        let before = offsets[id]
        let after = (before ?? 0) + change
        offsets[id] = after
        if let before { counts[before, default: 1] -= 1 }
        counts[after, default: 0] += 1
        largest = max(largest, after)
        // Each step down was a step up before.
        while largest > 0, counts[largest, default: 0] == 0 { largest -= 1 }
    }
}
