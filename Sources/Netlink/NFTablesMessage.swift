import Primitives

/// Where a table, and all that is in it, lives: nf_tables keeps one world per family (linux/netfilter.h, NFPROTO_*).
public enum NFTablesFamily: UInt8, Hashable, Sendable {
    case inet = 1
    case ipv4 = 2
    case netdev = 5
    case ipv6 = 10

    public init(_ family: AddressFamily) { self = family == .ipv4 ? .ipv4 : .ipv6 }
}

/// A table: a family and a name, at most 255 bytes.
public struct NFTablesTable: Hashable, Sendable {
    public var family: NFTablesFamily
    public var name: String

    public init(_ family: NFTablesFamily, _ name: String) {
        self.family = family
        self.name = name
    }
}

/// NFT_MSG_* of linux/netfilter/nf_tables.h, behind NFNL_SUBSYS_NFTABLES (10).
enum NFTablesType {
    static let subsystem: UInt16 = 10 << 8
    static let newTable = subsystem | 0
    static let deleteTable = subsystem | 2
    static let newChain = subsystem | 3
    static let getChain = subsystem | 4
    static let deleteChain = subsystem | 5
    static let newRule = subsystem | 6
    static let getRule = subsystem | 7
    static let deleteRule = subsystem | 8
    static let newSet = subsystem | 9
    static let getSet = subsystem | 10
    static let deleteSet = subsystem | 11
    static let newElement = subsystem | 12
    static let getElement = subsystem | 13
    static let deleteElement = subsystem | 14
    static let newGeneration = subsystem | 15
    static let getGeneration = subsystem | 16

    /// NFNL_MSG_BATCH_BEGIN and _END: messages of nfnetlink itself.
    static let batchBegin: UInt16 = 0x10
    static let batchEnd: UInt16 = 0x11
}

/// NLM_F_* that requests carry (linux/netlink.h).
enum NetlinkFlag {
    static let request: UInt16 = 0x01
    static let acknowledge: UInt16 = 0x04
    static let dump: UInt16 = 0x300
    static let create: UInt16 = 0x400
    static let append: UInt16 = 0x800
}

extension [UInt8] {
    /// `struct nfgenmsg` (linux/netfilter/nfnetlink.h): 4 bytes; the resource is in network order.
    mutating func append(netfilterHeader family: UInt8, resource: UInt16 = 0) {
        append(family)
        append(0)
        append(bigEndian: resource)
    }

    /// nf_tables writes its numbers in network order, without saying so by NLA_F_NET_BYTEORDER.
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
}
