import Primitives

/// A stream of bytes cut into frames: a 32-bit length in network order, then that many bytes.
///
/// Both the socket between supervisor and worker and the control socket speak it. A length above `limit`
/// cannot be skipped safely, so it breaks the stream for good: the owner closes the socket.
public struct MessageBuffer: Sendable {
    /// The largest frame between supervisor and worker: 1 MiB.
    public static let processLimit = 1 << 20

    /// The largest frame that is accepted, in bytes.
    public let limit: Int
    /// A frame announced more than `limit` bytes. Nothing that follows is read.
    public private(set) var isBroken = false
    private var bytes: [UInt8] = []
    private var start = 0

    public init(limit: Int = MessageBuffer.processLimit) { self.limit = limit }

    /// Bytes that are held and belong to no finished frame yet.
    public var count: Int { bytes.count - start }

    /// Adds what was read from the socket, in any portions. Take the frames out with ``next()`` before
    /// adding more: the owner reads at most one chunk between the two, which bounds what is held.
    public mutating func append(_ chunk: some Collection<UInt8>) {
        guard !isBroken else { return }
        bytes.append(contentsOf: chunk)
    }

    /// The next whole frame without its length, or nil when more bytes are needed (or ``isBroken``).
    public mutating func next() -> ArraySlice<UInt8>? {
        guard !isBroken else { return nil }
        guard let length = bytes.span.bytes.uint32(at: start) else {
            compact()
            return nil
        }
        guard length <= limit else {
            isBroken = true
            bytes = []
            start = 0
            return nil
        }
        let end = start + 4 + Int(length)
        guard end <= bytes.count else {
            compact()
            return nil
        }
        defer { start = end }
        return bytes[(start + 4)..<end]
    }

    private mutating func compact() {
        guard start > 0 else { return }
        bytes.removeFirst(start)
        start = 0
        // A rare large frame must not cost its memory for ever.
        if bytes.isEmpty, bytes.capacity > 1 << 16 { bytes = [] }
    }
}

/// What waits to be written to a stream socket that may be full, bounded in bytes.
///
/// The worker must not wait for a supervisor that was stopped for five seconds, and the supervisor not
/// for a worker that hangs. What does not fit is dropped whole and counted; the bytes of `reserve` are
/// kept for the frames that may not be lost (transitions, hooks, releases), so that a flood of log lines
/// cannot push them out.
public struct OutgoingFrames: Sendable {
    public let limit: Int
    public let reserve: Int
    /// Frames that were dropped because the other side did not read.
    public private(set) var dropped: UInt64 = 0
    private var bytes: [UInt8] = []
    private var start = 0

    public init(limit: Int = 4 << 20, reserve: Int = 2 << 20) {
        self.limit = limit
        self.reserve = reserve
    }

    public var isEmpty: Bool { start == bytes.count }
    public var count: Int { bytes.count - start }
    /// What to hand to `write(2)` next.
    public var pending: ArraySlice<UInt8> { bytes[start...] }

    /// Queues one frame (already with its length). False when it had to be dropped.
    @discardableResult
    public mutating func append(_ frame: [UInt8], isEssential: Bool = true) -> Bool {
        guard count + frame.count <= (isEssential ? limit : limit - reserve) else {
            dropped &+= 1
            return false
        }
        bytes.append(contentsOf: frame)
        return true
    }

    /// Queues the parts of one message: all of them, or none when they do not all fit.
    @discardableResult
    public mutating func append(parts: [[UInt8]]) -> Bool {
        guard count + parts.reduce(0, { $0 + $1.count }) <= limit - reserve else {
            dropped &+= 1
            return false
        }
        for part in parts { bytes.append(contentsOf: part) }
        return true
    }

    /// `written` bytes of ``pending`` have left.
    public mutating func consume(_ written: Int) {
        start = min(start + max(written, 0), bytes.count)
        if start == bytes.count {
            if bytes.capacity > 1 << 16 { bytes = [] } else { bytes.removeAll(keepingCapacity: true) }
            start = 0
        } else if start > 1 << 16 {
            bytes.removeFirst(start)
            start = 0
        }
    }
}

/// `payload` with its 32-bit length before it.
public func framed(_ payload: some Collection<UInt8>) -> [UInt8] {
    var frame: [UInt8] = []
    frame.reserveCapacity(payload.count + 4)
    frame.append(bigEndian: UInt32(clamping: payload.count))
    frame.append(contentsOf: payload)
    return frame
}
