import Primitives

/// A fencing token: it only grows, with each taking. Who sees a lower one than before hears of a holder that was.
public struct Epoch: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Before the first taking.
    public static let none = Epoch(0)

    /// The one after this; nil at the end, which only a damaged record can name: nothing is granted from there.
    public var next: Epoch? { rawValue == .max ? nil : Epoch(rawValue + 1) }

    public static func < (a: Epoch, b: Epoch) -> Bool { a.rawValue < b.rawValue }
    public var description: String { String(rawValue) }
}

/// Which node holds: its name, 1…64 printable ASCII characters without space. Different nodes have different ones.
public struct HolderName: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public static let longest = 64

    public init?(_ name: String) {
        // ASCII only: two texts that are equal must be equal bytes too, or one node could pass for another.
        guard (1...Self.longest).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        description = name
    }

    /// The nearest name to any text: what it must not have becomes a dash, what is too long is cut, nothing is `node`.
    public init(fitting text: String) {
        let fitting = text.utf8.prefix(Self.longest).map { (0x21...0x7e).contains($0) ? $0 : UInt8(ascii: "-") }
        description = fitting.isEmpty ? "node" : String(decoding: fitting, as: UTF8.self)
    }
}

/// One life of a node's lease machine, never used twice: two processes of one node are told apart by it.
public struct Incarnation: Hashable, Sendable {
    public let rawValue: UInt64
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }
}

/// What lies at an arbiter about one lease.
///
/// No two writes are equal: each carries who wrote it (node and incarnation), its request and the next version. So an arbiter
/// may compare versions or whole values, and a writer that got no answer knows its own record when it reads it back.
public struct LeaseRecord: Hashable, Sendable {
    /// Nil: free, given back by its last holder, which no longer serves.
    public var holder: HolderName?
    /// Who wrote this.
    public var incarnation: Incarnation
    /// The writer's number of the request that brought this.
    public var request: UInt64
    /// The holder's, or the last holder's; it stays when the lease is given back.
    public var epoch: Epoch
    /// What the writer counts by.
    public var terms: LeaseTerms
    /// One more with each write.
    public var version: UInt64
    /// Who may take it next.
    public var members: LeaseMembers

    public init(
        holder: HolderName?, incarnation: Incarnation, request: UInt64, epoch: Epoch, terms: LeaseTerms,
        version: UInt64, members: LeaseMembers = .anybody
    ) {
        self.holder = holder
        self.incarnation = incarnation
        self.request = request
        self.epoch = epoch
        self.terms = terms
        self.version = version
        self.members = members
    }

    public var isFree: Bool { holder == nil }
}

/// The bytes of a record, in network order: `ALSE`, format (1), length of the name, drift (2), duration in nanoseconds (8),
/// epoch (8), version (8), incarnation (8), request (8), name; in format 2, which has members, their number (1, 2…16) and their tags
/// (8 each, ascending). Nothing follows. Who reads format 1 only cannot read the other, and does not take.
extension LeaseRecord {
    private static let mark: UInt32 = 0x414C_5345
    /// Without members, and with.
    private static let formats: (UInt8, UInt8) = (1, 2)
    private static let fixedLength = 48
    /// The most bytes that a record takes.
    public static let longest = fixedLength + HolderName.longest + 1 + 8 * LeaseMembers.most
    /// The bytes of this one.
    public var encodedLength: Int {
        Self.fixedLength + (holder?.description.utf8.count ?? 0) + (members.isAnybody ? 0 : 1 + 8 * members.tags.count)
    }

    /// Why bytes are no record.
    public enum Unreadable: Error, Hashable, Sendable, CustomStringConvertible {
        case notARecord
        /// Written by a newer version of this program.
        case format(UInt8)
        case length
        case holder
        case members
        case terms(LeaseTerms.Refusal)

        public var description: String {
            switch self {
            case .notARecord: "this is no lease"
            case .format(let format): "this lease has format \(format), and this version reads 1 and 2"
            case .length: "this lease is cut off, or something follows it"
            case .holder: "the holder of this lease has no proper name"
            case .members: "the members of this lease are no list of 2 to 16 nodes"
            case .terms(let refusal): "the terms of this lease do not stand: \(refusal)"
            }
        }
    }

    public var encoded: [UInt8] {
        let name = Array((holder?.description ?? "").utf8)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(encodedLength)
        bytes.append(bigEndian: Self.mark)
        bytes.append(members.isAnybody ? Self.formats.0 : Self.formats.1)
        bytes.append(UInt8(truncatingIfNeeded: name.count))
        bytes.append(bigEndian: terms.drift)
        bytes.append(bigEndian: UInt64(bitPattern: terms.duration.nanoseconds))
        bytes.append(bigEndian: epoch.rawValue)
        bytes.append(bigEndian: version)
        bytes.append(bigEndian: incarnation.rawValue)
        bytes.append(bigEndian: request)
        bytes += name
        if !members.isAnybody {
            bytes.append(UInt8(truncatingIfNeeded: members.tags.count))
            for tag in members.tags { bytes.append(bigEndian: tag.rawValue) }
        }
        return bytes
    }

    /// Reads what someone wrote: any bytes.
    public init(decoding bytes: [UInt8]) throws(Unreadable) {
        let span = bytes.span.bytes
        guard let mark = span.uint32(at: 0), mark == Self.mark, let format = span.uint8(at: 4) else {
            throw .notARecord
        }
        guard format == Self.formats.0 || format == Self.formats.1 else { throw .format(format) }
        guard let length = span.uint8(at: 5), let drift = span.uint16(at: 6), let duration = span.uint64(at: 8),
            let epoch = span.uint64(at: 16), let version = span.uint64(at: 24),
            let incarnation = span.uint64(at: 32), let request = span.uint64(at: 40)
        else { throw .length }
        let end = Self.fixedLength + Int(length)
        let members = try Self.members(span, after: end, format: format)
        var holder: HolderName?
        if length > 0 {
            holder = HolderName(String(decoding: bytes[Self.fixedLength..<end], as: UTF8.self))
            guard holder != nil else { throw .holder }
        }
        let terms: LeaseTerms
        do {
            terms = try LeaseTerms(duration: .nanoseconds(Int64(clamping: duration)), drift: drift)
        } catch { throw .terms(error) }
        self.init(
            holder: holder, incarnation: Incarnation(incarnation), request: request, epoch: Epoch(epoch), terms: terms,
            version: version, members: members)
    }

    private static func members(
        _ span: RawSpan, after end: Int, format: UInt8
    ) throws(Unreadable) -> LeaseMembers {
        guard format == formats.1 else {
            guard span.byteCount == end else { throw .length }
            return .anybody
        }
        guard let count = span.uint8(at: end), span.byteCount == end + 1 + 8 * Int(count) else { throw .length }
        let tags = (0..<Int(count)).compactMap { span.uint64(at: end + 1 + 8 * $0).map { MemberTag($0) } }
        guard let members = LeaseMembers(written: tags) else { throw .members }
        return members
    }
}
