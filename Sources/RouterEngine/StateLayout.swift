import Primitives

/// Where a worker keeps, in the memory that its successor inherits, what must survive it.
///
/// | part | size | written |
/// | --- | --- | --- |
/// | header | 64 | its first word, the bank in force, once the successor has written all of its own |
/// | bank 0, bank 1 | routers, scripts, leases | |
/// | routers of a bank | 192 each: two slots of 64, then the time of the last advertisement | on transitions; the time with each advert |
/// | scripts of a bank | 32 each | when a script rises or falls |
/// | leases of a bank | 64 each: 32, then the deadline | when one is taken or lost; the deadline with each renewal |
/// | snapshot | the rest | at start and after each accepted reload |
///
/// There are two banks because a successor may number its routers otherwise than its predecessor: it reads
/// one, writes the other, and then changes the header; if it dies before that, the next one reads what it read.
///
/// The snapshot is the text that was accepted: a file that was edited but not reloaded is not read by a
/// successor. Its length is written last, after its bytes and their checksum.
public struct StateLayout: Sendable {
    public static let routers = 2048
    public static let scripts = 512
    public static let routerStride = 192
    public static let scriptStride = 32
    public static let leases = Engine.leaseLimit
    public static let leaseStride = 64
    static let bankSize = routers * routerStride + scripts * scriptStride + leases * leaseStride

    /// Where the worker's part begins: a multiple of 8.
    public let base: Int

    public init(base: Int) { self.base = base }

    /// The word that names the bank in force: 0 or 1.
    public var header: Int { base }

    private func bank(_ number: Int) -> Int { base + 64 + number * Self.bankSize }

    public func slot(_ router: Int, second: Bool, bank number: Int) -> Int {
        bank(number) + router * Self.routerStride + (second ? RouterRecord.encodedLength : 0)
    }

    public func lastAdvert(_ router: Int, bank number: Int) -> Int { bank(number) + router * Self.routerStride + 128 }

    public func script(_ index: Int, bank number: Int) -> Int {
        bank(number) + Self.routers * Self.routerStride + index * Self.scriptStride
    }

    public func lease(_ slot: Int, bank number: Int) -> Int {
        bank(number) + Self.routers * Self.routerStride + Self.scripts * Self.scriptStride + slot * Self.leaseStride
    }

    /// The word with a lease's deadline; 0 is closed.
    public func deadline(_ slot: Int, bank number: Int) -> Int { lease(slot, bank: number) + HeldLease.encodedLength }

    /// Header of the snapshot: two words, length and checksum; then its bytes.
    public var snapshot: Int { bank(2) }
    public var snapshotBytes: Int { snapshot + 16 }
    /// What the snapshot needs at least to hold a useful configuration, with everything before it.
    public var minimumSize: Int { snapshotBytes + 64 * 1024 }
}

extension ScriptRecord {
    public static let encodedLength = 32

    public func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: UInt64(0x414C_4F46_5453_3031))  // "ALOFTS01"
        bytes.append(bigEndian: key)
        bytes.append(bigEndian: UInt64(bitPattern: Int64(result)))
        var hash = StableHash()
        hash.add(bytes.span.bytes)
        bytes.append(bigEndian: hash.value)
        return bytes
    }

    /// Nil for anything that was not written whole by `encode`.
    public static func decode(_ bytes: RawSpan) -> ScriptRecord? {
        guard bytes.uint64(at: 0) == 0x414C_4F46_5453_3031, let key = bytes.uint64(at: 8),
            let result = bytes.uint64(at: 16), let checksum = bytes.uint64(at: 24)
        else { return nil }
        var hash = StableHash()
        for offset in 0..<24 { hash.add(bytes.uint8(at: offset) ?? 0) }
        guard hash.value == checksum else { return nil }
        return ScriptRecord(key: key, result: Int32(truncatingIfNeeded: Int64(bitPattern: result)))
    }
}
