import Arbitration
import LinuxWorld
import Primitives

/// One end of a socket between two processes of the daemon that the supervisor does not stand between: so nothing that it does delays
/// what they say, and what is said after it has gone still arrives.
///
/// Messages, not bytes: who is started again begins with a whole one. Nothing waits here. What the socket does not take is lost,
/// and whoever sends must be able to bear that.
public final class MessageLine {
    private let connection: UnixConnection
    /// The other end is closed, of whoever had it.
    public private(set) var isClosed = false

    /// The most bytes of a message: who has more to say divides it.
    static let limit = 1 << 16
    /// The most messages of a round.
    static let batch = 32

    /// - Parameter descriptor: one end of a pair of ``UnixSocketKind/seqPacket``.
    public init(_ descriptor: consuming FileDescriptor) throws(SystemError) {
        try descriptor.setNonBlocking()
        connection = UnixConnection(adopting: descriptor)
    }

    public func watch(_ poller: borrowing Poller, token: UInt64) throws(SystemError) {
        try poller.add(connection.descriptor, token: token)
    }

    public func unwatch(_ poller: borrowing Poller) { try? poller.remove(connection.descriptor) }

    /// False when it was lost.
    @discardableResult
    public func send(_ bytes: [UInt8]) -> Bool {
        guard !isClosed, case .bytes? = try? connection.send(bytes.span.bytes) else { return false }
        return true
    }

    /// What has come, at most ``batch`` messages.
    public func receive() -> [[UInt8]] {
        var messages: [[UInt8]] = []
        while !isClosed, messages.count < Self.batch {
            var bytes: [UInt8] = []
            switch try? connection.receive(into: &bytes, limit: Self.limit) {
            case .bytes: messages.append(bytes)
            case .wouldBlock: return messages
            case .closed, nil: isClosed = true
            }
        }
        return messages
    }
}

/// Between the VRRP worker and the arbiter worker: questions go one way, reports the other. What is lost is asked again by the lease machines.
extension MessageLine {
    /// False when some of it was lost.
    @discardableResult
    public func send(_ questions: LeaseExchange.Questions) -> Bool {
        send(questions.questions[...]) { LeaseExchange.Questions(arbiter: questions.arbiter, questions: $0).encoded }
    }

    /// False when some of it was lost.
    @discardableResult
    public func send(_ reports: LeaseExchange.Reports) -> Bool {
        send(reports.reports[...]) {
            LeaseExchange.Reports(arbiter: reports.arbiter, standing: reports.standing, reports: $0).encoded
        }
    }

    /// In halves, where it is too much for one message.
    private func send<Item>(_ items: ArraySlice<Item>, _ encode: ([Item]) -> [UInt8]) -> Bool {
        let bytes = encode(Array(items))
        guard bytes.count > Self.limit, items.count > 1 else { return send(bytes) }
        let middle = items.startIndex + items.count / 2
        return [items[..<middle], items[middle...]].reduce(true) { send($1, encode) && $0 }
    }
}

/// Between the VRRP worker and the fence process: *look at the deadlines* goes one way, *this is open until then* the other.
extension MessageLine {
    private static let openings = limit / 12

    /// The deadlines have changed.
    public func poke() { send([0]) }

    /// What the kernel has been told. One that is lost only delays an announcement.
    public func send(opened: [(slot: FenceSlot, until: Instant)]) {
        var bytes: [UInt8] = []
        for (count, one) in opened.enumerated() {
            bytes.append(bigEndian: one.slot.rawValue)
            bytes.append(bigEndian: UInt64(bitPattern: one.until.nanoseconds))
            if count % Self.openings == Self.openings - 1 || count == opened.count - 1 {
                send(bytes)
                bytes.removeAll(keepingCapacity: true)
            }
        }
    }

    /// A message of ``send(opened:)``, as far as it can be read.
    public static func opened(_ message: [UInt8]) -> [(slot: FenceSlot, until: Instant)] {
        let bytes = message.span.bytes
        var opened: [(slot: FenceSlot, until: Instant)] = []
        var offset = 0
        while let slot = bytes.uint32(at: offset), let until = bytes.uint64(at: offset + 4) {
            if let slot = FenceSlot(Int(slot)) { opened.append((slot, Instant(nanoseconds: Int64(bitPattern: until)))) }
            offset += 12
        }
        return opened
    }
}
