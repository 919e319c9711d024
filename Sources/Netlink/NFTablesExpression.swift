import Primitives

/// A register of the virtual machine that runs rules (NFT_REG_*): the verdict, or one of sixteen words of 4 bytes. A value that
/// is longer than 4 bytes fills the words that follow. No rule sees what another left in them.
public struct NFTablesRegister: Hashable, Sendable {
    public let rawValue: UInt32

    /// NFT_REG_VERDICT.
    public static let verdict = NFTablesRegister(rawValue: 0)
    /// NFT_REG32_00 + `index`; 0…15.
    public static func word(_ index: UInt32) -> NFTablesRegister { NFTablesRegister(rawValue: 8 &+ min(index, 15)) }
}

/// What a rule, or an element of a verdict map, decides (enum nft_verdicts, and NF_DROP, NF_ACCEPT).
public enum NFTablesVerdict: Hashable, Sendable {
    case drop
    case accept
    case jump(String)
    case goto(String)
    case `return`
}

/// One step of a rule (linux/netfilter/nf_tables.h): those that balancing needs.
public enum NFTablesExpression: Hashable, Sendable {
    public enum PayloadBase: UInt32, Sendable { case link = 0, network, transport }
    /// NFT_META_*.
    public enum MetaKey: UInt32, Sendable { case networkProtocol = 1, mark = 3, layer4Protocol = 16, packetType = 19 }
    /// NFT_CT_*.
    public enum ConnectionKey: UInt32, Sendable { case direction = 1, mark = 3 }
    /// NFT_CMP_*.
    public enum Comparison: UInt32, Sendable { case equal = 0, notEqual, less }
    /// NFT_NG_*.
    public enum NumberKind: UInt32, Sendable { case incremental = 0, random }

    /// `length` bytes at `offset` of a header.
    case payload(PayloadBase, offset: UInt32, length: UInt32, into: NFTablesRegister)
    case loadMeta(MetaKey, into: NFTablesRegister)
    case setMark(from: NFTablesRegister)
    case loadConnection(ConnectionKey, into: NFTablesRegister)
    case setConnectionMark(from: NFTablesRegister)
    /// Ends the rule unless it holds.
    case compare(NFTablesRegister, Comparison, [UInt8])
    case immediate([UInt8], into: NFTablesRegister)
    case verdict(NFTablesVerdict)
    /// `register & mask`, in place.
    case mask(NFTablesRegister, [UInt8])
    /// Ends the rule unless the key is in the set; of a map the value goes to `into`, of a verdict map to the verdict.
    case lookup(NFTablesRegister, set: String, into: NFTablesRegister?)
    /// 0 ..< modulus.
    case number(NumberKind, modulus: UInt32, into: NFTablesRegister)
    /// Jenkins' hash of `length` bytes: 0 ..< modulus. The kernel wants a modulus above 1.
    case hash(NFTablesRegister, length: UInt32, modulus: UInt32, seed: UInt32, into: NFTablesRegister)
    /// Puts an element into a dynamic map, or gives the one that is there a new lease, not another value. Milliseconds.
    case update(set: String, key: NFTablesRegister, data: NFTablesRegister, timeout: UInt64)
    /// Takes an element out of a dynamic map. Of a map the kernel wants a register for the value too; it does not read it.
    case remove(set: String, key: NFTablesRegister, data: NFTablesRegister)
    /// The destination becomes this address, and this port; ends the walk.
    case destinationNAT(NFTablesFamily, address: NFTablesRegister, port: NFTablesRegister?)
    /// Sends the packet to a neighbour, whose MAC address the kernel finds and follows as it does for packets that it routes; the TTL goes
    /// down by one, without a look whether there is one left. Only in the family `netdev`; ends the walk.
    case forward(NFTablesFamily, neighbour: NFTablesRegister, interface: NFTablesRegister)
    /// Answers with ICMP or ICMPv6 "destination unreachable" of this code.
    case reject(code: UInt8)
    case counter

    /// Appends NFTA_LIST_ELEM with the expression in it.
    func append(to bytes: inout [UInt8]) {
        let element = bytes.beginNested(1)
        bytes.append(attribute: 1, string: name)
        let data = bytes.beginNested(2)
        appendData(to: &bytes)
        bytes.endNested(at: data)
        bytes.endNested(at: element)
    }

    var name: String {
        switch self {
        case .payload: "payload"
        case .loadMeta, .setMark: "meta"
        case .loadConnection, .setConnectionMark: "ct"
        case .compare: "cmp"
        case .immediate, .verdict: "immediate"
        case .mask: "bitwise"
        case .lookup: "lookup"
        case .number: "numgen"
        case .hash: "hash"
        case .update, .remove: "dynset"
        case .destinationNAT: "nat"
        case .forward: "fwd"
        case .reject: "reject"
        case .counter: "counter"
        }
    }

    private func appendData(to bytes: inout [UInt8]) {
        switch self {
        case .payload(let base, let offset, let length, let into):
            bytes.append(attribute: 1, into)
            bytes.append(attribute: 2, bigEndian: base.rawValue)
            bytes.append(attribute: 3, bigEndian: offset)
            bytes.append(attribute: 4, bigEndian: length)
        case .loadMeta(let key, let into):
            bytes.append(attribute: 1, into)
            bytes.append(attribute: 2, bigEndian: key.rawValue)
        case .setMark(let from):
            bytes.append(attribute: 2, bigEndian: MetaKey.mark.rawValue)
            bytes.append(attribute: 3, from)
        case .loadConnection(let key, let into):
            bytes.append(attribute: 1, into)
            bytes.append(attribute: 2, bigEndian: key.rawValue)
        case .setConnectionMark(let from):
            bytes.append(attribute: 2, bigEndian: ConnectionKey.mark.rawValue)
            bytes.append(attribute: 4, from)
        case .compare(let register, let comparison, let value):
            bytes.append(attribute: 1, register)
            bytes.append(attribute: 2, bigEndian: comparison.rawValue)
            bytes.append(attribute: 3, value: value)
        case .immediate(let value, let into):
            bytes.append(attribute: 1, into)
            bytes.append(attribute: 2, value: value)
        case .verdict(let verdict):
            bytes.append(attribute: 1, .verdict)
            bytes.append(attribute: 2, verdict)
        case .mask(let register, let mask):
            bytes.append(attribute: 1, register)
            bytes.append(attribute: 2, register)
            bytes.append(attribute: 3, bigEndian: UInt32(truncatingIfNeeded: mask.count))
            bytes.append(attribute: 4, value: mask)
            bytes.append(attribute: 5, value: [UInt8](repeating: 0, count: mask.count))
        case .lookup(let register, let set, let into):
            bytes.append(attribute: 1, string: set)
            bytes.append(attribute: 2, register)
            if let into { bytes.append(attribute: 3, into) }
        case .counter: break
        case .number, .hash, .update, .remove, .destinationNAT, .forward, .reject: appendActionData(to: &bytes)
        }
    }

    private func appendActionData(to bytes: inout [UInt8]) {
        switch self {
        case .number(let kind, let modulus, let into):
            bytes.append(attribute: 1, into)
            bytes.append(attribute: 2, bigEndian: modulus)
            bytes.append(attribute: 3, bigEndian: kind.rawValue)
        case .hash(let register, let length, let modulus, let seed, let into):
            bytes.append(attribute: 1, register)
            bytes.append(attribute: 2, into)
            bytes.append(attribute: 3, bigEndian: length)
            bytes.append(attribute: 4, bigEndian: modulus)
            bytes.append(attribute: 5, bigEndian: seed)
            bytes.append(attribute: 7, bigEndian: UInt32(0))  // NFT_HASH_JENKINS
        case .update(let set, let key, let data, let timeout):
            bytes.append(attribute: 1, string: set)
            bytes.append(attribute: 3, bigEndian: UInt32(1))  // NFT_DYNSET_OP_UPDATE
            bytes.append(attribute: 4, key)
            bytes.append(attribute: 5, data)
            bytes.append(attribute: 6, bigEndian: timeout)
        case .remove(let set, let key, let data):
            bytes.append(attribute: 1, string: set)
            bytes.append(attribute: 3, bigEndian: UInt32(2))  // NFT_DYNSET_OP_DELETE
            bytes.append(attribute: 4, key)
            bytes.append(attribute: 5, data)
        case .destinationNAT(let family, let address, let port):
            bytes.append(attribute: 1, bigEndian: UInt32(1))  // NFT_NAT_DNAT
            bytes.append(attribute: 2, bigEndian: UInt32(family.rawValue))
            bytes.append(attribute: 3, address)
            if let port { bytes.append(attribute: 5, port) }
        case .forward(let family, let neighbour, let interface):
            bytes.append(attribute: 1, interface)
            bytes.append(attribute: 2, neighbour)
            bytes.append(attribute: 3, bigEndian: UInt32(family.rawValue))
        case .reject(let code):
            bytes.append(attribute: 1, bigEndian: UInt32(0))  // NFT_REJECT_ICMP_UNREACH
            bytes.append(attribute: 2, CollectionOfOne(code))
        default: break
        }
    }
}

extension [UInt8] {
    fileprivate mutating func append(attribute type: UInt16, _ register: NFTablesRegister) {
        append(attribute: type, bigEndian: register.rawValue)
    }

    /// NFTA_DATA_VALUE in an attribute.
    mutating func append(attribute type: UInt16, value: some Collection<UInt8>) {
        let start = beginNested(type)
        append(attribute: 1, value)
        endNested(at: start)
    }

    /// NFTA_DATA_VERDICT in an attribute.
    mutating func append(attribute type: UInt16, _ verdict: NFTablesVerdict) {
        let start = beginNested(type)
        let nested = beginNested(2)
        let (code, chain): (Int32, String?) =
            switch verdict {
            case .drop: (0, nil)
            case .accept: (1, nil)
            case .jump(let chain): (-3, chain)
            case .goto(let chain): (-4, chain)
            case .return: (-5, nil)
            }
        append(attribute: 1, bigEndian: UInt32(bitPattern: code))
        if let chain { append(attribute: 2, string: chain) }
        endNested(at: nested)
        endNested(at: start)
    }
}

extension NFTablesExpression {
    /// A name for a rule of these steps: whoever wrote it as its comment sees later whether the rule is still the one it would write
    /// now. (What the kernel gives back has other bytes, and says less than what was asked for.) FNV-1a, 8 hexadecimal digits.
    public static func fingerprint(of rule: [NFTablesExpression]) -> String {
        var bytes: [UInt8] = []
        for expression in rule { expression.append(to: &bytes) }
        var hash: UInt32 = 0x811C_9DC5
        for byte in bytes { hash = (hash ^ UInt32(byte)) &* 0x0100_0193 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}
