import Primitives

/// A batch of nf_tables requests (linux/netfilter/nf_tables.h): all of them take effect at once, or none.
///
/// Numbers are in network order, except where a set's key or data is what the kernel computes itself (marks, slot numbers), which is in the
/// machine's own.
public struct NFTablesBatch: Sendable {
    /// NFPROTO_*.
    public enum Family: UInt8, Sendable {
        case inet = 1
        case ipv4 = 2
        case netdev = 5
        case ipv6 = 10
    }

    /// NFT_MSG_*.
    enum Request: UInt16 {
        case newTable = 0
        case getTable = 1
        case deleteTable = 2
        case newChain = 3
        case newRule = 6
        case getRule = 7
        case deleteRule = 8
        case newSet = 9
        case getSet = 10
        case newElement = 12
        case getElement = 13
        case deleteElement = 14
        case newGeneration = 15
    }

    public let family: Family
    public let table: String
    public private(set) var bytes: [UInt8] = []
    /// The requests that are in it, without the two that enclose them.
    public private(set) var count = 0
    private var sequence: UInt32
    public let firstSequence: UInt32

    static let subsystem: UInt16 = 10
    /// An attribute's length is 16 bits: elements go in portions.
    static let portion = 48_000

    /// `sequence`: of the first message; the others follow.
    public init(_ family: Family, table: String, sequence: UInt32) {
        self.family = family
        self.table = table
        self.sequence = sequence
        firstSequence = sequence
        append(type: 0x10, family: 0, resource: Self.subsystem, flags: 0x01) { _ in }  // NFNL_MSG_BATCH_BEGIN
    }

    /// The sequence number behind the last message of the finished batch.
    public var endSequence: UInt32 { sequence }

    /// The whole batch as it is sent. The last message asks for an acknowledgement.
    public mutating func finish() -> [UInt8] {
        append(type: 0x11, family: 0, resource: Self.subsystem, flags: 0x01) { _ in }  // NFNL_MSG_BATCH_END
        return bytes
    }

    private mutating func append(
        type: UInt16, family: UInt8, resource: UInt16, flags: UInt16, _ body: (inout [UInt8]) -> Void
    ) {
        let start = bytes.beginMessage(type, flags: flags, sequence: sequence)
        sequence = sequence == .max ? 1 : sequence + 1
        // struct nfgenmsg
        bytes.append(family)
        bytes.append(0)
        bytes.append(bigEndian: resource)
        body(&bytes)
        while bytes.count & 3 != 0 { bytes.append(0) }
        bytes.endMessage(at: start)
    }

    /// NLM_F_REQUEST, NLM_F_ACK and what else there is.
    private mutating func request(_ request: Request, flags: UInt16 = 0, _ body: (inout [UInt8], String) -> Void) {
        count += 1
        let name = table
        append(
            type: Self.subsystem << 8 | request.rawValue, family: family.rawValue, resource: 0, flags: 0x05 | flags
        ) {
            body(&$0, name)
        }
    }

    static let create: UInt16 = 0x400

    // MARK: - Tables, chains, rules

    /// Nothing happens where it is there.
    public mutating func addTable() {
        request(.newTable, flags: Self.create) { $0.append(attribute: 1, string: $1) }
    }

    /// With all that is in it; ENOENT where there is none.
    public mutating func deleteTable() { request(.deleteTable) { $0.append(attribute: 1, string: $1) } }

    /// Where packets enter a base chain.
    public struct Hook: Hashable, Sendable {
        /// NF_INET_*: 0 prerouting, 1 input, 2 forward, 3 output, 4 postrouting; for netdev 0 ingress.
        public var number: UInt32
        public var priority: Int32
        /// `filter`, `nat`.
        public var type: String
        /// Of a netdev chain.
        public var device: String?

        public init(_ number: UInt32, priority: Int32, type: String, device: String? = nil) {
            self.number = number
            self.priority = priority
            self.type = type
            self.device = device
        }
    }

    /// Nothing happens where it is there and has the same hook.
    public mutating func addChain(_ name: String, _ hook: Hook? = nil) {
        request(.newChain, flags: Self.create) { bytes, table in
            bytes.append(attribute: 1, string: table)
            bytes.append(attribute: 3, string: name)
            guard let hook else { return }
            let nest = bytes.beginNested(4)
            bytes.append(attribute: 1, bigEndian: hook.number)
            bytes.append(attribute: 2, bigEndian: UInt32(bitPattern: hook.priority))
            if let device = hook.device { bytes.append(attribute: 3, string: device) }
            bytes.endNested(at: nest)
            bytes.append(attribute: 7, string: hook.type)
        }
    }

    /// Removes all rules of a chain.
    public mutating func flushChain(_ name: String) {
        request(.deleteRule) { bytes, table in
            bytes.append(attribute: 1, string: table)
            bytes.append(attribute: 2, string: name)
        }
    }

    /// Behind the others of its chain.
    public mutating func addRule(_ chain: String, _ expressions: [NFTExpression], comment: String = "") {
        request(.newRule, flags: Self.create | 0x800) { bytes, table in  // NLM_F_APPEND
            bytes.append(attribute: 1, string: table)
            bytes.append(attribute: 2, string: chain)
            let list = bytes.beginNested(4)
            for expression in expressions { expression.append(to: &bytes) }
            bytes.endNested(at: list)
            guard !comment.isEmpty else { return }
            // NFTNL_UDATA_RULE_COMMENT: what nft(8) shows.
            let text = Array(comment.utf8.prefix(120)) + [0]
            bytes.append(attribute: 7, [0, UInt8(clamping: text.count)] + text)
        }
    }

    // MARK: - Sets

    /// A set or a map.
    public struct SetDefinition: Hashable, Sendable {
        public var name: String
        /// nft(8)'s number of the key's type, for its listings; concatenated types six bits each.
        public var keyType: UInt32
        /// Bytes, each field filled up to four.
        public var keyLength: UInt32
        /// Of a map.
        public var dataType: UInt32?
        public var dataLength: UInt32 = 0
        /// Elements may come from rules, and go after a time.
        public var isDynamic = false
        /// Each element counts packets and bytes.
        public var counts = false

        public init(
            _ name: String, key: UInt32, keyLength: UInt32, data: UInt32? = nil, dataLength: UInt32 = 0,
            isDynamic: Bool = false, counts: Bool = false
        ) {
            self.name = name
            keyType = key
            self.keyLength = keyLength
            dataType = data
            self.dataLength = dataLength
            self.isDynamic = isDynamic
            self.counts = counts
        }
    }

    private var lastSetID: UInt32 = 0

    /// Nothing happens where it is there and is the same.
    public mutating func addSet(_ set: SetDefinition) {
        lastSetID += 1
        let id = lastSetID
        request(.newSet, flags: Self.create) { bytes, table in
            bytes.append(attribute: 1, string: table)
            bytes.append(attribute: 2, string: set.name)
            var flags: UInt32 = set.dataType == nil ? 0 : 0x08  // NFT_SET_MAP
            if set.isDynamic { flags |= 0x10 | 0x20 }  // NFT_SET_TIMEOUT, NFT_SET_EVAL
            bytes.append(attribute: 3, bigEndian: flags)
            bytes.append(attribute: 4, bigEndian: set.keyType)
            bytes.append(attribute: 5, bigEndian: set.keyLength)
            if let type = set.dataType {
                bytes.append(attribute: 6, bigEndian: type)
                bytes.append(attribute: 7, bigEndian: set.dataLength)
            }
            if set.isDynamic {
                let description = bytes.beginNested(9)
                bytes.append(attribute: 1, bigEndian: UInt32(1 << 20))
                bytes.endNested(at: description)
            }
            bytes.append(attribute: 10, bigEndian: id)
            if set.counts {
                let nest = bytes.beginNested(17)
                bytes.append(attribute: 1, string: "counter")
                bytes.append(attribute: 2 | 0x8000, [UInt8]())
                bytes.endNested(at: nest)
            }
        }
    }

    public struct Element: Hashable, Sendable {
        public var key: [UInt8]
        public var data: [UInt8]
        /// At most 250 bytes that the kernel keeps and gives back.
        public var memo: [UInt8]

        public init(_ key: [UInt8], data: [UInt8] = [], memo: [UInt8] = []) {
            self.key = key
            self.data = data
            self.memo = memo
        }
    }

    /// EEXIST where a key is there with other data: delete it before, in the same batch.
    public mutating func addElements(_ set: String, _ elements: some Collection<Element>) {
        appendElements(.newElement, set, elements, flags: Self.create)
    }

    /// Only the keys count. ENOENT where one is not there.
    public mutating func deleteElements(_ set: String, _ elements: some Collection<Element>) {
        appendElements(.deleteElement, set, elements, flags: 0)
    }

    private mutating func appendElements(
        _ kind: Request, _ set: String, _ elements: some Collection<Element>, flags: UInt16
    ) {
        var rest = elements[...]
        while !rest.isEmpty {
            var taken = rest.startIndex
            request(kind, flags: flags) { bytes, table in
                bytes.append(attribute: 1, string: table)
                bytes.append(attribute: 2, string: set)
                let list = bytes.beginNested(3)
                while taken < rest.endIndex, bytes.count - list < Self.portion {
                    rest[taken].append(to: &bytes, withData: kind == .newElement)
                    taken = rest.index(after: taken)
                }
                bytes.endNested(at: list)
            }
            rest = rest[taken...]
        }
    }
}

extension NFTablesBatch.Element {
    func append(to bytes: inout [UInt8], withData: Bool) {
        let element = bytes.beginNested(1)
        bytes.append(data: key, as: 1)
        if withData {
            if !data.isEmpty { bytes.append(data: data, as: 2) }
            if !memo.isEmpty { bytes.append(attribute: 6, memo.prefix(250)) }
        }
        bytes.endNested(at: element)
    }
}

extension [UInt8] {
    mutating func append(attribute type: UInt16, bigEndian value: UInt32) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 4))
        append(hostOrder: type)
        append(bigEndian: value)
    }

    mutating func append(attribute type: UInt16, bigEndian value: UInt64) {
        append(hostOrder: UInt16(NetlinkAttribute.headerLength + 8))
        append(hostOrder: type)
        append(bigEndian: value)
    }

    /// NFTA_DATA_VALUE within an attribute.
    mutating func append(data: [UInt8], as type: UInt16) {
        let nest = beginNested(type)
        append(attribute: 1, data)
        endNested(at: nest)
    }
}
