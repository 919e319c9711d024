import Primitives

/// The last transitions of each instance, group, service and server, kept by the supervisor so that they outlive a worker.
///
/// Bounded twice: `depth` records a key, and `limit` records in all, so that a thousand instances share
/// what a hundred may have each. The oldest of a key goes first.
public struct History: Sendable {
    private struct Ring {
        var records: [TransitionRecord] = []
        /// Where the oldest record stands once the ring is full.
        var oldest = 0
        var total: UInt64 = 0

        mutating func append(_ record: TransitionRecord, depth: Int) {
            total &+= 1
            if records.count > depth {
                records = Array(inOrder.suffix(depth))
                oldest = 0
            }
            if records.count < depth {
                // A ring that grows again after it was cut, or has never been full, begins at its start.
                if oldest != 0 {
                    records = inOrder
                    oldest = 0
                }
                records.append(record)
            } else {
                records[oldest] = record
                oldest = (oldest + 1) % records.count
            }
        }

        var inOrder: [TransitionRecord] { Array(records[oldest...] + records[..<oldest]) }
    }

    public let depth: Int
    public let limit: Int
    /// All transitions of this run, kept or not.
    public private(set) var total: UInt64 = 0
    private var rings: [String: Ring] = [:]
    /// The keys in the order of their first transition.
    private var keys: [String] = []

    public init(depth: Int = 32, limit: Int = 8192) {
        self.depth = max(depth, 1)
        self.limit = max(limit, 1)
    }

    private var presentDepth: Int { min(depth, max(limit / max(keys.count, 1), 1)) }

    public mutating func append(_ record: TransitionRecord) {
        total &+= 1
        let key = record.key
        if rings[key] == nil {
            // A key beyond the limit replaces the one that came first.
            if keys.count >= limit { rings[keys.removeFirst()] = nil }
            keys.append(key)
        }
        rings[key, default: Ring()].append(record, depth: presentDepth)
        if keys.count * depth > limit { trim() }
    }

    /// Cuts every ring to the present depth.
    private mutating func trim() {
        let depth = presentDepth
        for key in keys {
            guard var ring = rings[key], ring.records.count > depth else { continue }
            ring.records = Array(ring.inOrder.suffix(depth))
            ring.oldest = 0
            rings[key] = ring
        }
    }

    /// The records of one name, oldest first.
    public func records(of name: String, _ subject: TransitionRecord.Subject = .instance) -> [TransitionRecord] {
        rings[subject.word + " " + name]?.inOrder ?? []
    }

    /// How often it changed state in this run.
    public func total(of name: String, _ subject: TransitionRecord.Subject = .instance) -> UInt64 {
        rings[subject.word + " " + name]?.total ?? 0
    }

    /// Everything that is kept, by time.
    public var all: [TransitionRecord] {
        keys.flatMap { rings[$0]?.inOrder ?? [] }.sorted { $0.at < $1.at }
    }

    /// The transitions as a JSON array, oldest first: of one name (instances, groups and services), or all.
    public func write(of name: String?, to json: inout JSONWriter) {
        let records =
            name.map { name in TransitionRecord.Subject.allCases.flatMap { self.records(of: name, $0) } } ?? all
        json.array { for record in records { record.write(to: &$0) } }
    }
}

extension TransitionRecord {
    /// One line for a person, such as
    /// `VI_1: BACKUP to MASTER (priority 100) 12.3 s ago, vrrp.backup.master-down: no advert for 3.609 s`.
    public func text(at now: Instant) -> String {
        let age = (now - at).formattedSeconds(digits: 1)
        let priority = subject != .instance ? "" : " (priority \(self.priority))"
        return "\(name): \(from) to \(to)\(priority) \(age) s ago, \(rule): \(reason)"
    }
}
