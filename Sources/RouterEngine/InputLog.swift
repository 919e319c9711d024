import Primitives
import VRRP

/// The last inputs of a node, with how many effects each had: bounded, for replay and for the question
/// "what did that reload touch?". Packets are kept as bytes in a ring of their own.
public struct InputLog: Sendable {
    public struct Entry: Sendable {
        public var at: Instant
        /// Nil for a packet.
        public var input: Input?
        public var origin: PacketOrigin?
        /// Where the packet's bytes start, counted since the log began.
        var start: UInt64 = 0
        public var length = 0
        public var effects = 0
    }

    private var entries: [Entry] = []
    private var next = 0
    private let capacity: Int
    private var bytes: [UInt8]
    private var written: UInt64 = 0

    /// - Parameter capacity: entries kept, at least 1.
    public init(capacity: Int) {
        self.capacity = max(1, capacity)
        bytes = Array(repeating: 0, count: self.capacity * 64)
        entries.reserveCapacity(self.capacity)
    }

    mutating func append(_ input: Input, at now: Instant) -> Int { store(Entry(at: now, input: input)) }

    mutating func append(_ packet: RawSpan, from origin: PacketOrigin, at now: Instant) -> Int {
        var entry = Entry(at: now, origin: origin)
        entry.start = written
        entry.length = min(packet.byteCount, bytes.count)
        for offset in 0..<entry.length {
            bytes[Int(written % UInt64(bytes.count))] = packet.uint8(at: offset) ?? 0
            written += 1
        }
        return store(entry)
    }

    private mutating func store(_ entry: Entry) -> Int {
        let position = next
        if entries.count < capacity { entries.append(entry) } else { entries[position] = entry }
        next = (position + 1) % capacity
        return position
    }

    mutating func note(effects: Int, of position: Int) { entries[position].effects = effects }

    /// Oldest first.
    public var all: [Entry] {
        entries.count < capacity ? entries : Array(entries[next...] + entries[..<next])
    }

    /// The bytes of a packet; nil when newer ones have overwritten them.
    public func packet(of entry: Entry) -> [UInt8]? {
        guard entry.input == nil, written - entry.start <= UInt64(bytes.count) else { return nil }
        return (0..<entry.length).map { bytes[Int((entry.start + UInt64($0)) % UInt64(bytes.count))] }
    }
}
