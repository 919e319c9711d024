import Primitives

/// The state file of a witness: a head, and behind it an entry for each write, the last about a lease counting.
///
/// The head: `ALOFTWIT`, format (4), longest lease in ns (8), the floor's epoch (8) and version (8), and 8 bytes of SHA-256 over these. An
/// entry: the length of its contents (2) and its complement (2), the contents, and 8 bytes of SHA-256 over all of them. The contents: the
/// lengths of the names (1, 1), the reserved version (8), both names, the record.
///
/// A crash can leave the last writes torn: what is cut off at the end is dropped. What was torn had no answer. Everything else that does
/// not read is damage, and then nothing of the file is believed but its heights.
public enum WitnessLog {
    static let mark = Array("ALOFTWIT".utf8)
    static let format: UInt32 = 1
    static let sumLength = 8
    public static let headLength = 8 + 4 + 8 + 8 + 8 + sumLength
    /// More is not written, and not read.
    public static let largest = 64 << 20

    /// What a file says.
    public struct Reading: Hashable, Sendable {
        /// Nil: nothing that can be believed.
        public var state: WitnessState?
        /// Nothing that may be used again is below it.
        public var floor: LeaseHeight
        /// How many bytes are good.
        public var length: Int
        /// How many bytes at the end were torn off, and are dropped.
        public var torn: Int
        /// Where it is damaged, and how.
        public var damage: Damage?
    }

    public struct Damage: Error, Hashable, Sendable, CustomStringConvertible {
        public var offset: Int
        public var reason: String
        public var description: String { "byte \(offset): \(reason)" }
    }

    // MARK: - Writing

    public static func head(of state: WitnessState) -> [UInt8] {
        var bytes = mark
        bytes.append(bigEndian: format)
        bytes.append(bigEndian: UInt64(clamping: state.longest.nanoseconds))
        bytes.append(bigEndian: state.floor.epoch.rawValue)
        bytes.append(bigEndian: state.floor.version)
        return bytes + sum(bytes[...])
    }

    public static func append(_ entry: WitnessState.Entry, to file: inout [UInt8]) {
        var bytes: [UInt8] = []
        let (cluster, lease) = (entry.cluster.description.utf8, entry.lease.description.utf8)
        let record = entry.record.encoded
        let length = UInt16(truncatingIfNeeded: 2 + 8 + cluster.count + lease.count + record.count)
        bytes.append(bigEndian: length)
        bytes.append(bigEndian: ~length)
        bytes.append(UInt8(truncatingIfNeeded: cluster.count))
        bytes.append(UInt8(truncatingIfNeeded: lease.count))
        bytes.append(bigEndian: entry.reserved)
        bytes.append(contentsOf: cluster)
        bytes.append(contentsOf: lease)
        bytes.append(contentsOf: record)
        file.append(contentsOf: bytes)
        file.append(contentsOf: sum(bytes[...]))
    }

    public static func file(of state: WitnessState) -> [UInt8] {
        var bytes = head(of: state)
        for entry in state.entries { append(entry, to: &bytes) }
        return bytes
    }

    static func sum(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> { SHA256.hash(Array(bytes))[..<sumLength] }

    // MARK: - Reading

    /// Reads any bytes.
    public static func read(_ bytes: [UInt8]) -> Reading {
        var reading = Reading(state: nil, floor: LeaseHeight(), length: 0, torn: 0, damage: nil)
        guard var state = head(bytes) else {
            reading.damage = Damage(offset: 0, reason: "this is no state of a witness that this version reads")
            return reading
        }
        reading.floor = state.floor
        reading.length = headLength
        while reading.length < bytes.count {
            switch entry(bytes, at: reading.length) {
            case .good(let entry, let next):
                reading.floor.rise(to: LeaseHeight(epoch: entry.record.epoch, version: entry.reserved))
                state.entries.append(entry)
                reading.length = next
            case .torn:
                reading.torn = bytes.count - reading.length
                reading.state = state
                return reading
            case .damaged(let reason):
                reading.damage = Damage(offset: reading.length, reason: reason)
                return reading
            }
        }
        reading.state = state
        return reading
    }

    private static func head(_ bytes: [UInt8]) -> WitnessState? {
        let span = bytes.span.bytes
        guard bytes.count >= headLength, bytes.starts(with: mark), span.uint32(at: 8) == format,
            let longest = span.uint64(at: 12), let epoch = span.uint64(at: 20), let version = span.uint64(at: 28),
            sum(bytes[..<(headLength - sumLength)]) == bytes[(headLength - sumLength)..<headLength],
            longest <= UInt64(LeaseTerms.longest.nanoseconds)
        else { return nil }
        return WitnessState(
            floor: LeaseHeight(epoch: Epoch(epoch), version: version), longest: .nanoseconds(Int64(longest)))
    }

    private enum Found {
        case good(WitnessState.Entry, next: Int)
        case torn
        case damaged(String)
    }

    private static func entry(_ bytes: [UInt8], at start: Int) -> Found {
        let span = bytes.span.bytes
        // A file system may give a file its new length before its new contents.
        let isEmpty = bytes[start...].allSatisfy { $0 == 0 }
        guard !isEmpty, let length = span.uint16(at: start), let complement = span.uint16(at: start + 2) else {
            return .torn
        }
        guard length == ~complement else { return .damaged("the length of an entry is not what was written") }
        let end = start + 4 + Int(length)
        guard end + sumLength <= bytes.count else { return .torn }
        guard sum(bytes[start..<end]) == bytes[end..<(end + sumLength)] else {
            return end + sumLength == bytes.count ? .torn : .damaged("an entry is not what was written")
        }
        var reader = EntryReader(bytes: bytes, offset: start + 4, end: end)
        guard let contents = reader.stored() else { return .damaged("an entry says nothing that this version knows") }
        return .good(contents, next: end + sumLength)
    }
}

extension EntryReader {
    mutating func stored() -> WitnessState.Entry? {
        guard let first = uint8(), let second = uint8(), let reserved = uint64(),
            let cluster = text(Int(first)).flatMap(ClusterName.init),
            let lease = text(Int(second)).flatMap(LeaseName.init),
            let rest = text(bytes: end - offset), let record = try? LeaseRecord(decoding: rest)
        else { return nil }
        return WitnessState.Entry(cluster: cluster, lease: lease, record: record, reserved: reserved)
    }

    private mutating func text(_ length: Int) -> String? {
        text(bytes: length).map { String(decoding: $0, as: UTF8.self) }
    }

    private mutating func text(bytes length: Int) -> [UInt8]? {
        guard length >= 0, end - offset >= length else { return nil }
        defer { offset += length }
        return Array(bytes[offset..<(offset + length)])
    }
}
