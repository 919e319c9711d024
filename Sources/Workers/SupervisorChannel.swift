import LinuxWorld
import Primitives
import Supervision

/// The worker's end of the socket to the supervisor. Never blocks: what the supervisor does not read waits,
/// bounded, in `OutgoingFrames`.
public struct SupervisorChannel: ~Copyable {
    private let descriptor: FileDescriptor
    private var incoming = MessageBuffer()
    public private(set) var isClosed = false
    private var waitsToWrite = false

    public init(_ descriptor: consuming FileDescriptor) throws(SystemError) {
        try descriptor.setNonBlocking()
        self.descriptor = descriptor
    }

    public borrowing func watch(_ poller: inout Poller, token: UInt64) throws(SystemError) {
        try poller.add(descriptor, token: token)
    }

    /// Of a channel that is closed, which would be readable for ever.
    public borrowing func unwatch(_ poller: borrowing Poller) { try? poller.remove(descriptor) }

    public mutating func write(_ frames: inout OutgoingFrames, _ poller: inout Poller, token: UInt64) {
        while !frames.isEmpty, !isClosed {
            guard let result = try? descriptor.write(frames.pending.span.bytes) else {
                isClosed = true
                return
            }
            switch result {
            case .bytes(let count): frames.consume(count)
            case .closed: isClosed = true
            case .wouldBlock:
                if !waitsToWrite { try? poller.modify(descriptor, token: token, interest: [.read, .write]) }
                waitsToWrite = true
                return
            }
        }
        if waitsToWrite { try? poller.modify(descriptor, token: token, interest: .read) }
        waitsToWrite = false
    }

    /// What fits, before the loop runs.
    public mutating func write(_ frames: inout OutgoingFrames) {
        if case .bytes(let count)? = try? descriptor.write(frames.pending.span.bytes) { frames.consume(count) }
    }

    /// The messages that have arrived; at most 64 KB of them a round.
    public mutating func read() -> [SupervisorMessage] {
        guard !isClosed else { return [] }
        var bytes: [UInt8] = []
        switch try? descriptor.read(into: &bytes, limit: 1 << 14) {
        case .bytes: incoming.append(bytes)
        case .wouldBlock: break
        case .closed, nil: isClosed = true
        }
        var messages: [SupervisorMessage] = []
        while let frame = incoming.next() {
            if let message = SupervisorMessage(payload: frame) { messages.append(message) }
        }
        if incoming.isBroken { isClosed = true }
        return messages
    }
}
