import Primitives

/// A set, or a map: what its keys and values are, for the kernel (lengths) and for people who list it with `nft` (types).
public struct NFTablesSet: Hashable, Sendable {
    /// What one part of a key or a value is; the number is `nft`'s, which the kernel keeps and does not read. Each part fills
    /// whole words of 4 bytes.
    public enum Field: UInt32, Hashable, Sendable {
        case ipv4Address = 7
        case ipv6Address = 8
        case transportProtocol = 12
        case port = 13
        case icmpType = 14
        case mark = 19
        case interface = 20
        case icmpv6Type = 29

        var length: UInt32 { self == .ipv6Address ? 16 : 4 }
        /// The length where it stands alone.
        var ownLength: UInt32 {
            switch self {
            case .ipv6Address: 16
            case .ipv4Address, .mark, .interface: 4
            case .transportProtocol, .icmpType, .icmpv6Type: 1
            case .port: 2
            }
        }
        /// As `nft` writes down: 1 the machine's order, 2 network order.
        var byteOrder: UInt32 { self == .mark || self == .interface ? 1 : 2 }
    }

    public enum Value: Hashable, Sendable {
        case none
        case fields([Field])
        case verdict
    }

    public var name: String
    public var key: [Field]
    public var value: Value
    /// Each element counts the packets that found it.
    public var counts: Bool
    /// Rules put elements in, which go after a time that the rule says.
    public var isDynamic: Bool
    /// Elements may have a time after which they go (`NFTablesElement.timeout`).
    public var expires = false
    /// The most elements; 0 is no limit. Only of dynamic ones: a limit makes the kernel choose a table that cannot grow.
    public var size: UInt32

    public init(
        _ name: String, key: [Field], value: Value = .none, counts: Bool = false, isDynamic: Bool = false,
        size: UInt32 = 0
    ) {
        self.name = name
        self.key = key
        self.value = value
        self.counts = counts
        self.isDynamic = isDynamic
        self.size = size
    }

    /// `nft` packs six bits for each part of a concatenation.
    static func type(of fields: [Field]) -> UInt32 { fields.reduce(0) { $0 << 6 | $1.rawValue } }

    /// Bytes of a key or a value.
    public static func length(of fields: [Field]) -> UInt32 {
        if fields.count == 1, let only = fields.first { return only.ownLength }
        return fields.reduce(0) { $0 &+ $1.length }
    }

    static func byteOrder(of fields: [Field]) -> UInt32 { fields.count == 1 ? fields.first?.byteOrder ?? 0 : 0 }

    /// The body of NFT_MSG_NEWSET behind the table. `id` must be unique within a batch.
    func append(to bytes: inout [UInt8], id: UInt32) {
        var flags: UInt32 = 0
        if value != .none { flags |= 0x8 }  // NFT_SET_MAP
        if isDynamic { flags |= 0x10 | 0x20 }  // NFT_SET_TIMEOUT, NFT_SET_EVAL
        if expires { flags |= 0x10 }
        bytes.append(attribute: 2, string: name)
        bytes.append(attribute: 3, bigEndian: flags)
        bytes.append(attribute: 4, bigEndian: Self.type(of: key))
        bytes.append(attribute: 5, bigEndian: Self.length(of: key))
        var valueOrder: UInt32 = 0
        switch value {
        case .none: break
        case .verdict:
            bytes.append(attribute: 6, bigEndian: UInt32(0xFFFF_FF00))  // NFT_DATA_VERDICT
        case .fields(let fields):
            bytes.append(attribute: 6, bigEndian: Self.type(of: fields))
            bytes.append(attribute: 7, bigEndian: Self.length(of: fields))
            valueOrder = Self.byteOrder(of: fields)
        }
        if size > 0 {
            let description = bytes.beginNested(9)
            bytes.append(attribute: 1, bigEndian: size)
            bytes.endNested(at: description)
        }
        bytes.append(attribute: 10, bigEndian: id)
        // What `nft` needs to print numbers: its own TLVs, a byte of type and a byte of length each.
        var userData: [UInt8] = [0, 4]
        userData.append(hostOrder: Self.byteOrder(of: key))
        userData += [1, 4]
        userData.append(hostOrder: valueOrder)
        bytes.append(attribute: 13, userData)
        if counts {
            let expression = bytes.beginNested(17)  // NFTA_SET_EXPR
            bytes.append(attribute: 1, string: "counter")
            let data = bytes.beginNested(2)
            bytes.endNested(at: data)
            bytes.endNested(at: expression)
        }
    }
}

/// An element of a set or a map, to be put in or as the kernel lists it.
public struct NFTablesElement: Hashable, Sendable {
    public enum Value: Hashable, Sendable {
        case none
        case data([UInt8])
        case verdict(NFTablesVerdict)
    }

    public var key: [UInt8]
    public var value: Value
    /// What `nft` shows as a comment: at most 127 bytes.
    public var comment: String
    /// Milliseconds from the commit on after which it goes; 0 is never. Written, not read.
    public var timeout: UInt64 = 0

    public init(key: [UInt8], value: Value = .none, comment: String = "") {
        self.key = key
        self.value = value
        self.comment = comment
    }

    /// NFTA_LIST_ELEM. To remove one its key is enough.
    func append(to bytes: inout [UInt8], keyOnly: Bool) {
        let start = bytes.beginNested(1)
        bytes.append(attribute: 1, value: key)
        if !keyOnly {
            switch value {
            case .none: break
            case .data(let data): bytes.append(attribute: 2, value: data)
            case .verdict(let verdict): bytes.append(attribute: 2, verdict)
            }
            if timeout > 0 { bytes.append(attribute: 4, bigEndian: timeout) }
            if !comment.isEmpty { bytes.append(attribute: 6, NFTablesComment.encode(comment)) }
        }
        bytes.endNested(at: start)
    }
}

/// Text in user data, as `nft` keeps comments: type 0, a length, the text and a NUL.
enum NFTablesComment {
    static func encode(_ text: String) -> [UInt8] {
        let text = text.utf8.prefix(127)
        return [0, UInt8(truncatingIfNeeded: text.count + 1)] + text + [0]
    }

    /// The comment among the entries of user data; empty where there is none.
    static func decode(_ attribute: NetlinkAttribute, in datagram: RawSpan) -> String {
        var offset = attribute.offset
        let end = attribute.offset &+ attribute.count
        while offset <= end - 2, let type = datagram.uint8(at: offset), let count = datagram.uint8(at: offset + 1) {
            let value = NetlinkAttribute(type: 0, offset: offset + 2, count: Int(count))
            guard value.offset + value.count <= end else { return "" }
            if type == 0 { return datagram.text(value) ?? "" }
            offset = value.offset + value.count
        }
        return ""
    }
}
