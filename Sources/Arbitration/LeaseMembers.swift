import Primitives

/// A node's name in a record: the first 64 bits of a SHA-256 of it, which is no secret.
public struct MemberTag: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    public init(_ name: HolderName) {
        let hash = SHA256.hash(Array("aloft member: \(name)".utf8))
        self.init(hash.span.bytes.uint64(at: 0) ?? 0)
    }

    public static func < (a: MemberTag, b: MemberTag) -> Bool { a.rawValue < b.rawValue }

    /// 16 hexadecimal digits.
    public var description: String {
        let digits = String(rawValue, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}

/// Who may take a lease after its holder: anybody, or these nodes only, the holder among them.
///
/// Where there are members, the holder may go on without its arbiter as long as each of the others has promised not to take: so
/// nobody else may take, who has promised nothing. Only a holder changes them.
public struct LeaseMembers: Hashable, Sendable {
    public static let most = 16
    public static let anybody = LeaseMembers(ascending: [])

    /// None (anybody), or 2…16, ascending.
    public let tags: [MemberTag]

    private init(ascending tags: [MemberTag]) { self.tags = tags }

    /// One alone has nobody who could promise, and of more than 16 some would be forgotten: in both cases anybody may take.
    public init(_ tags: Set<MemberTag>) {
        self.init(ascending: (2...Self.most).contains(tags.count) ? tags.sorted() : [])
    }

    /// As they stand in a record; nil for what no holder writes.
    init?(written tags: [MemberTag]) {
        guard (2...Self.most).contains(tags.count), zip(tags, tags.dropFirst()).allSatisfy(<) else { return nil }
        self.init(ascending: tags)
    }

    public var isAnybody: Bool { tags.isEmpty }

    public func allows(_ tag: MemberTag) -> Bool { isAnybody || tags.contains(tag) }
}
