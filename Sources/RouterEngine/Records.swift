import Primitives
import VRRP

/// What a worker leaves to its successor about one virtual router. Written only on transitions; the time of
/// the last advertisement is kept beside it, in one word.
public struct RouterRecord: Hashable, Sendable {
    /// What makes it the same router: VRID, family, interface and name (`RouterRecord.key`).
    public var key: UInt64
    public var role: Role
    /// When it entered the role.
    public var since: Instant
    /// When it last advertised; `.zero` for never.
    public var lastAdvert: Instant
    /// The rule that brought it there, by its place in docs/rules.md (hash of its name).
    public var rule: UInt64
    /// The interval that a backup learnt from its master; nil for none.
    public var masterInterval: Centiseconds?

    public init(
        key: UInt64, role: Role, since: Instant, lastAdvert: Instant, rule: UInt64 = 0,
        masterInterval: Centiseconds? = nil
    ) {
        self.key = key
        self.role = role
        self.since = since
        self.lastAdvert = lastAdvert
        self.rule = rule
        self.masterInterval = masterInterval
    }
}

/// What a worker leaves to its successor about a tracked script.
public struct ScriptRecord: Hashable, Sendable {
    /// Hash of its name and command.
    public var key: UInt64
    /// The count of `TrackedScriptState.result`.
    public var result: Int32

    public init(key: UInt64, result: Int32) {
        self.key = key
        self.result = result
    }
}

/// FNV-1a over 64 bits: a stable hash, equal in every process.
public struct StableHash: Sendable {
    public private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    public init() {}

    public mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    public mutating func add(_ text: String) {
        for byte in text.utf8 { add(byte) }
        add(0)
    }

    public mutating func add(_ bytes: RawSpan) {
        for offset in 0..<bytes.byteCount { add(bytes.uint8(at: offset) ?? 0) }
    }
}

/// The bytes of a record in shared memory: 48 of content, then a checksum. A record that was being written
/// when its writer died does not decode, and the other of the two slots stands.
extension RouterRecord {
    public static let encodedLength = 64

    /// - Parameter sequence: tells the newer of two slots.
    public func encode(sequence: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.encodedLength)
        bytes.append(bigEndian: UInt64(0x414C_4F46_5452_3031))  // "ALOFTR01"
        bytes.append(bigEndian: sequence)
        bytes.append(bigEndian: key)
        bytes.append(bigEndian: UInt64(role.rawValue))
        bytes.append(bigEndian: since.nanoseconds)
        bytes.append(bigEndian: rule)
        bytes.append(bigEndian: UInt64(masterInterval?.rawValue ?? 0))
        var hash = StableHash()
        hash.add(bytes.span.bytes)
        bytes.append(bigEndian: hash.value)
        return bytes
    }

    /// Nil for anything that was not written whole by `encode`.
    public static func decode(_ bytes: RawSpan, lastAdvert: Instant) -> (record: RouterRecord, sequence: UInt64)? {
        guard bytes.byteCount >= encodedLength, bytes.uint64(at: 0) == 0x414C_4F46_5452_3031,
            let sequence = bytes.uint64(at: 8), let key = bytes.uint64(at: 16), let role = bytes.uint64(at: 24),
            let since = bytes.uint64(at: 32), let rule = bytes.uint64(at: 40), let learnt = bytes.uint64(at: 48),
            let checksum = bytes.uint64(at: 56),
            role <= 3, let role = Role(rawValue: UInt8(role))
        else { return nil }
        var hash = StableHash()
        for offset in 0..<56 { hash.add(bytes.uint8(at: offset) ?? 0) }
        guard hash.value == checksum else { return nil }
        let record = RouterRecord(
            key: key, role: role, since: Instant(nanoseconds: Int64(bitPattern: since)), lastAdvert: lastAdvert,
            rule: rule, masterInterval: learnt == 0 ? nil : Centiseconds(UInt16(truncatingIfNeeded: learnt)))
        return (record, sequence)
    }
}
