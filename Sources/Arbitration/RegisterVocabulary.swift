import Primitives

/// A process in a closed process group: Corosync's node id, and the process id there.
public struct RegisterMember: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var node: UInt32
    public var process: UInt32

    public init(node: UInt32, process: UInt32) {
        self.node = node
        self.process = process
    }

    public static func < (a: RegisterMember, b: RegisterMember) -> Bool {
        (a.node, a.process) < (b.node, b.process)
    }
    public var description: String { "node \(node), process \(process)" }
}

/// One membership of Totem. The sequence only grows along what one node lives through, also over restarts: Corosync keeps it
/// on disk and begins each new ring above all that its members have seen.
public struct RingID: Hashable, Comparable, Sendable {
    public var sequence: UInt64
    public var node: UInt32

    public init(sequence: UInt64, node: UInt32) {
        self.sequence = sequence
        self.node = node
    }

    public static func < (a: RingID, b: RingID) -> Bool { (a.sequence, a.node) < (b.sequence, b.node) }
}

/// Whose votes count: all nodes of the cluster's node list, present or not. All members must have the same one.
public struct Electorate: Hashable, Sendable {
    public struct Voter: Hashable, Sendable {
        public var node: UInt32
        public var votes: UInt32

        public init(node: UInt32, votes: UInt32) {
            self.node = node
            self.votes = votes
        }
    }

    /// By node, each once.
    public let voters: [Voter]
    public let total: UInt64

    public init(_ voters: [Voter]) {
        var seen: Set<UInt32> = []
        self.voters = voters.sorted { $0.node < $1.node }.filter { seen.insert($0.node).inserted }
        total = self.voters.reduce(0) { $0 &+ UInt64($1.votes) }
    }

    /// Whether `nodes` have more than half of all votes: any two such sets have a node in common.
    public func isMajority(of nodes: Set<UInt32>) -> Bool {
        voters.reduce(0 as UInt64) { nodes.contains($1.node) ? $0 &+ UInt64($1.votes) : $0 } > total / 2
    }
}

/// Where a message belongs: it means something only to those who see the same ring, the same processes in the group and the
/// same electorate when it arrives.
public struct ViewTag: Hashable, Sendable {
    public var ring: RingID
    /// FNV-1a over members and electorate.
    public var digest: UInt64

    public init(ring: RingID, digest: UInt64) {
        self.ring = ring
        self.digest = digest
    }

    init(ring: RingID, members: [RegisterMember], electorate: Electorate) {
        var bytes: [UInt8] = []
        for member in members {
            bytes.append(bigEndian: member.node)
            bytes.append(bigEndian: member.process)
        }
        bytes.append(bigEndian: UInt64.max)
        for voter in electorate.voters {
            bytes.append(bigEndian: voter.node)
            bytes.append(bigEndian: voter.votes)
        }
        self.ring = ring
        digest = bytes.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }
}

/// The last view with a majority that a member was part of. Of two, the later in true time is the greater one.
public struct PrimaryID: Hashable, Comparable, Sendable {
    public var ring: RingID
    /// Among those of one ring.
    public var ordinal: UInt64

    public init(ring: RingID, ordinal: UInt64) {
        self.ring = ring
        self.ordinal = ordinal
    }

    public static let none = PrimaryID(ring: RingID(sequence: 0, node: 0), ordinal: 0)

    public static func < (a: PrimaryID, b: PrimaryID) -> Bool {
        a.ring != b.ring ? a.ring < b.ring : a.ordinal < b.ordinal
    }
}

/// What a node must not forget, whatever happens to it: it is on disk before an acknowledgement leaves that needs it.
/// 24 bytes: `ALRM`, format (4), bound (8), wait in nanoseconds (8), in network order.
public struct RegisterMemory: Hashable, Sendable {
    /// Above every epoch and version that this node ever acknowledged.
    public var bound: UInt64
    /// The longest that anyone waits for a record that this node ever acknowledged.
    public var wait: Duration

    public init(bound: UInt64 = 0, wait: Duration = .zero) {
        self.bound = bound
        self.wait = wait
    }

    private static let mark: UInt64 = 0x414C_524D_0000_0001
    static let step: UInt64 = 1 << 32

    public var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: Self.mark)
        bytes.append(bigEndian: bound)
        bytes.append(bigEndian: UInt64(bitPattern: wait.nanoseconds))
        return bytes
    }

    /// Nil for anything else, also for a wait beyond that of the longest lease.
    public init?(decoding bytes: [UInt8]) {
        let span = bytes.span.bytes
        guard bytes.count == 24, span.uint64(at: 0) == Self.mark, let bound = span.uint64(at: 8),
            let wait = span.uint64(at: 16), wait <= UInt64(2 * LeaseTerms.longest.nanoseconds)
        else { return nil }
        self.init(bound: bound, wait: .nanoseconds(Int64(wait)))
    }

    /// The memory that is enough to acknowledge `record`: this one, when it is.
    func covering(_ record: LeaseRecord) -> RegisterMemory {
        let number = max(record.epoch.rawValue, record.version)
        var memory = self
        // In steps that last a process's life, so that a disk is hardly ever waited for.
        if number >= bound { memory.bound = number > .max - Self.step ? .max : number + Self.step }
        memory.wait = max(wait, record.terms.waitingTime)
        return memory
    }
}
