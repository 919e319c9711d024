import Primitives

/// Changes that the kernel takes all together or not at all, as the bytes of one send.
///
/// All messages carry one sequence number. Only the last asks for an acknowledgement, so the first answer with that number is either
/// that acknowledgement or the first refusal (`NetlinkSocket.exchange`).
public struct NFTablesBatch: Sendable {
    /// NF_INET_* or NF_NETDEV_*, and what the kernel calls a chain's type.
    public struct Hook: Hashable, Sendable {
        /// Of the family `netdev` they are `ingress` and `egress`, which have the numbers of others.
        public enum Number: UInt32, Sendable {
            case preRouting = 0, localIn, forward, localOut, postRouting
            public static let ingress = Number.preRouting
            /// Of the family `netdev`, since Linux 5.16.
            public static let egress = Number.localIn
        }
        public var number: Number
        public var priority: Int32
        /// `nat`, `filter` or `route`.
        public var type: String
        /// The interface, of the family `netdev`.
        public var device: String?

        public init(_ number: Number, priority: Int32, type: String, device: String? = nil) {
            self.number = number
            self.priority = priority
            self.type = type
            self.device = device
        }
    }

    public let sequence: UInt32
    private var bytes: [UInt8] = []
    private var lastMessage = 0
    private var lastFlags: UInt16 = 0
    private var nextSetID: UInt32 = 1
    /// Messages so far, without begin and end.
    public private(set) var count = 0

    public init(sequence: UInt32) {
        self.sequence = sequence
        let start = bytes.beginMessage(NFTablesType.batchBegin, flags: NetlinkFlag.request, sequence: sequence)
        bytes.append(netfilterHeader: 0, resource: 10)
        bytes.endMessage(at: start)
    }

    public mutating func addTable(_ table: NFTablesTable) {
        message(NFTablesType.newTable, table, NetlinkFlag.create) { _ in }
    }

    /// With all that is in it.
    public mutating func deleteTable(_ table: NFTablesTable) { message(NFTablesType.deleteTable, table) { _ in } }

    /// A chain that others jump to, or with `hook` one that the kernel calls (it accepts what reaches its end).
    public mutating func addChain(_ name: String, hook: Hook? = nil, to table: NFTablesTable) {
        message(NFTablesType.newChain, table, NetlinkFlag.create) { bytes in
            bytes.append(attribute: 3, string: name)
            guard let hook else { return }
            let nested = bytes.beginNested(4)
            bytes.append(attribute: 1, bigEndian: hook.number.rawValue)
            bytes.append(attribute: 2, bigEndian: UInt32(bitPattern: hook.priority))
            if let device = hook.device { bytes.append(attribute: 3, text: device) }
            bytes.endNested(at: nested)
            bytes.append(attribute: 7, string: hook.type)
        }
    }

    public mutating func deleteChain(_ name: String, from table: NFTablesTable) {
        message(NFTablesType.deleteChain, table) { $0.append(attribute: 3, string: name) }
    }

    /// All rules of a chain.
    public mutating func deleteRules(of chain: String, from table: NFTablesTable) {
        message(NFTablesType.deleteRule, table) { $0.append(attribute: 2, string: chain) }
    }

    /// At the end of the chain. The expressions are less than 64 kB.
    public mutating func addRule(
        _ expressions: [NFTablesExpression], comment: String = "", to chain: String, of table: NFTablesTable
    ) {
        message(NFTablesType.newRule, table, NetlinkFlag.create | NetlinkFlag.append) { bytes in
            bytes.append(attribute: 2, string: chain)
            let list = bytes.beginNested(4)
            for expression in expressions { expression.append(to: &bytes) }
            bytes.endNested(at: list)
            if !comment.isEmpty { bytes.append(attribute: 7, NFTablesComment.encode(comment)) }
        }
    }

    public mutating func addSet(_ set: NFTablesSet, to table: NFTablesTable) {
        let id = nextSetID
        nextSetID &+= 1
        message(NFTablesType.newSet, table, NetlinkFlag.create) { set.append(to: &$0, id: id) }
    }

    public mutating func deleteSet(_ name: String, from table: NFTablesTable) {
        message(NFTablesType.deleteSet, table) { $0.append(attribute: 2, string: name) }
    }

    /// Adding one that is there with the same value changes nothing; with another value the kernel refuses the batch, unless the
    /// batch removes it before.
    public mutating func addElements(_ elements: [NFTablesElement], to set: String, of table: NFTablesTable) {
        self.elements(NFTablesType.newElement, NetlinkFlag.create, elements, set, table, keyOnly: false)
    }

    public mutating func deleteElements(_ elements: [NFTablesElement], from set: String, of table: NFTablesTable) {
        self.elements(NFTablesType.deleteElement, 0, elements, set, table, keyOnly: true)
    }

    /// The bytes to send, and nothing to add any more.
    public consuming func finish() -> [UInt8] {
        if count > 0 {
            bytes.write(hostOrder: lastFlags | NetlinkFlag.acknowledge, at: lastMessage + 6)
        }
        let start = bytes.beginMessage(NFTablesType.batchEnd, flags: NetlinkFlag.request, sequence: sequence)
        bytes.append(netfilterHeader: 0, resource: 10)
        bytes.endMessage(at: start)
        return bytes
    }

    private mutating func message(
        _ type: UInt16, _ table: NFTablesTable, _ flags: UInt16 = 0, _ body: (inout [UInt8]) -> Void
    ) {
        lastFlags = NetlinkFlag.request | flags
        lastMessage = bytes.beginMessage(type, flags: lastFlags, sequence: sequence)
        bytes.append(netfilterHeader: table.family.rawValue)
        // NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, NFTA_RULE_TABLE, NFTA_SET_TABLE, NFTA_SET_ELEM_LIST_TABLE: all are 1.
        bytes.append(attribute: 1, string: table.name)
        body(&bytes)
        bytes.endMessage(at: lastMessage)
        count += 1
    }

    /// A list is an attribute, and an attribute ends below 64 kB: many elements are many messages.
    private mutating func elements(
        _ type: UInt16, _ flags: UInt16, _ elements: [NFTablesElement], _ set: String, _ table: NFTablesTable,
        keyOnly: Bool
    ) {
        let limit = 60_000
        var next = elements.startIndex
        while next < elements.endIndex {
            message(type, table, flags) { bytes in
                bytes.append(attribute: 2, string: set)
                let list = bytes.beginNested(3)
                while next < elements.endIndex, bytes.count - list < limit {
                    elements[next].append(to: &bytes, keyOnly: keyOnly)
                    next += 1
                }
                bytes.endNested(at: list)
            }
        }
    }
}
