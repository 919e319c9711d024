import Primitives

/// One expression of a rule (`nft_*.c` of the kernel evaluates them in turn; one that does not match ends the rule).
///
/// Registers are those of four bytes, 0…15 (NFT_REG32_00 and on). What is wider goes into several, one behind the other.
public enum NFTExpression: Hashable, Sendable {
    public enum Base: UInt32, Sendable {
        case link = 0
        case network = 1
        case transport = 2
    }

    /// NFT_META_*.
    public enum Meta: UInt32, Sendable {
        case mark = 3
        case familyOfPacket = 15
        case transportProtocol = 16
    }

    /// NFT_CT_*.
    public enum Conntrack: UInt32, Sendable {
        case direction = 1
        case mark = 3
    }

    case payload(Base, offset: UInt32, length: UInt32, to: UInt32)
    case meta(Meta, to: UInt32)
    case setMeta(Meta, from: UInt32)
    case conntrack(Conntrack, to: UInt32)
    case setConntrackMark(from: UInt32)
    case isEqual(UInt32, [UInt8])
    case isDifferent(UInt32, [UInt8])
    case mask(UInt32, to: UInt32, [UInt8])
    case immediate([UInt8], to: UInt32)
    /// Ends the rule where the key is not there. With `to` the map's data goes there.
    case lookup(String, key: UInt32, to: UInt32? = nil)
    /// Counting up, or random: 0 ..< modulus.
    case numberGenerator(isRandom: Bool, modulus: UInt32, to: UInt32)
    /// Jenkins' hash of `length` bytes.
    case hash(UInt32, length: UInt32, modulus: UInt32, seed: UInt32, to: UInt32)
    /// Destination NAT; without a port the packet's own stays.
    case destinationNAT(AddressFamily, address: UInt32, port: UInt32?)
    /// Sets an element of a dynamic map, and lets its time begin anew.
    case update(String, key: UInt32, data: UInt32, milliseconds: UInt64)
    /// Takes an element out of a dynamic map; goes on where there is none. (`update` leaves the data of one that is there as it is.)
    case forget(String, key: UInt32, data: UInt32)
    case jump(String)
    case goTo(String)
    case drop
    /// ICMP port unreachable, of either family.
    case rejectPort
    case counter

    private static func register(_ number: UInt32) -> UInt32 { 8 + min(number, 15) }

    func append(to bytes: inout [UInt8]) {
        let element = bytes.beginNested(1)
        bytes.append(attribute: 1, string: name)
        let data = bytes.beginNested(2)
        appendData(to: &bytes)
        bytes.endNested(at: data)
        bytes.endNested(at: element)
    }

    private var name: String {
        switch self {
        case .payload: "payload"
        case .meta, .setMeta: "meta"
        case .conntrack, .setConntrackMark: "ct"
        case .isEqual, .isDifferent: "cmp"
        case .mask: "bitwise"
        case .immediate, .jump, .goTo, .drop: "immediate"
        case .lookup: "lookup"
        case .numberGenerator: "numgen"
        case .hash: "hash"
        case .destinationNAT: "nat"
        case .update, .forget: "dynset"
        case .rejectPort: "reject"
        case .counter: "counter"
        }
    }

    private func appendData(to bytes: inout [UInt8]) {
        func put(_ type: UInt16, _ value: UInt32) { bytes.append(attribute: type, bigEndian: value) }
        switch self {
        case .payload(let base, let offset, let length, let to):
            put(1, Self.register(to))
            put(2, base.rawValue)
            put(3, offset)
            put(4, length)
        case .meta(let key, let to):
            put(1, Self.register(to))
            put(2, key.rawValue)
        case .setMeta(let key, let from):
            put(2, key.rawValue)
            put(3, Self.register(from))
        case .conntrack(let key, let to):
            put(1, Self.register(to))
            put(2, key.rawValue)
        case .setConntrackMark(let from):
            put(2, Conntrack.mark.rawValue)
            put(4, Self.register(from))
        case .isEqual(let from, let value), .isDifferent(let from, let value):
            put(1, Self.register(from))
            if case .isEqual = self { put(2, 0) } else { put(2, 1) }
            bytes.append(data: value, as: 3)
        case .mask(let from, let to, let mask):
            put(1, Self.register(from))
            put(2, Self.register(to))
            put(3, UInt32(clamping: mask.count))
            bytes.append(data: mask, as: 4)
            bytes.append(data: [UInt8](repeating: 0, count: mask.count), as: 5)
        case .immediate(let value, let to):
            put(1, Self.register(to))
            bytes.append(data: value, as: 2)
        case .jump(let chain): appendVerdict(-3, chain, to: &bytes)
        case .goTo(let chain): appendVerdict(-4, chain, to: &bytes)
        case .drop: appendVerdict(0, nil, to: &bytes)
        case .lookup(let set, let key, let to):
            bytes.append(attribute: 1, string: set)
            put(2, Self.register(key))
            if let to { put(3, Self.register(to)) }
        case .numberGenerator(let isRandom, let modulus, let to):
            put(1, Self.register(to))
            put(2, modulus)
            put(3, isRandom ? 1 : 0)
        case .hash(let from, let length, let modulus, let seed, let to):
            put(1, Self.register(from))
            put(2, Self.register(to))
            put(3, length)
            put(4, modulus)
            put(5, seed)
        case .destinationNAT(let family, let address, let port):
            put(1, 1)
            put(2, family == .ipv4 ? 2 : 10)
            put(3, Self.register(address))
            if let port { put(5, Self.register(port)) }
        case .update(let set, let key, let data, let milliseconds):
            bytes.append(attribute: 1, string: set)
            put(3, 1)
            put(4, Self.register(key))
            put(5, Self.register(data))
            bytes.append(attribute: 6, bigEndian: milliseconds)
        case .forget(let set, let key, let data):
            bytes.append(attribute: 1, string: set)
            put(3, 2)
            put(4, Self.register(key))
            put(5, Self.register(data))
        case .rejectPort:
            put(1, 2)  // NFT_REJECT_ICMPX_UNREACH
            bytes.append(attribute: 2, CollectionOfOne(1))  // NFT_REJECT_ICMPX_PORT_UNREACH
        case .counter: break
        }
    }

    private func appendVerdict(_ code: Int32, _ chain: String?, to bytes: inout [UInt8]) {
        bytes.append(attribute: 1, bigEndian: UInt32(0))  // NFT_REG_VERDICT
        let data = bytes.beginNested(2)
        let verdict = bytes.beginNested(2)
        bytes.append(attribute: 1, bigEndian: UInt32(bitPattern: code))
        if let chain { bytes.append(attribute: 2, string: chain) }
        bytes.endNested(at: verdict)
        bytes.endNested(at: data)
    }
}
