import CLinux
import Netlink
import Primitives

/// An rtnetlink socket (rtnetlink(7)), either to watch or to command.
///
/// Requests are pipelined: each has a sequence number, and its answer comes back as
/// `RouteMessage.error(sequence:errno:text:)`, errno 0 for success. Losses are said, not hidden: `.overrun` means
/// that messages were dropped (ENOBUFS) and everything must be dumped again.
public struct RouteSocket: ~Copyable {
    public let descriptor: FileDescriptor
    var decoder = RouteDecoder()
    var outgoing: [UInt8] = []
    var nextSequence: UInt32 = 1
    let buffer: UnsafeMutableRawBufferPointer

    /// RTMGRP_* (linux/rtnetlink.h).
    public struct Groups: OptionSet, Sendable {
        public var rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let links = Groups(rawValue: 0x1)
        public static let ipv4Addresses = Groups(rawValue: 0x10)
        public static let ipv4Routes = Groups(rawValue: 0x40)
        public static let ipv6Addresses = Groups(rawValue: 0x100)
        public static let ipv6Routes = Groups(rawValue: 0x400)
        public static let all: Groups = [.links, .ipv4Addresses, .ipv6Addresses]
        public static let routes: Groups = [.ipv4Routes, .ipv6Routes]
    }

    /// A part of a dump is at most 32 KB.
    static let bufferLength = 65536
    /// The kernel takes a send as one buffer; a bigger one is cut into several at message borders.
    static let sendLength = 65536

    /// `receiveBuffer` is asked for with SO_RCVBUFFORCE; a user namespace gets net.core.rmem_max at most.
    /// An acknowledgement takes about 800 bytes of it, a link event 3 KB.
    public init(groups: Groups = [], receiveBuffer: Int32 = 4 << 20) throws(SystemError) {
        let socket = aloft_netlink_socket(0, groups.rawValue, receiveBuffer)
        descriptor = FileDescriptor(owning: try check(socket, .netlink, "open a route socket"))
        buffer = .allocate(byteCount: Self.bufferLength, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// Watches interfaces and addresses of both families.
    public static func monitor() throws(SystemError) -> RouteSocket { try RouteSocket(groups: .all) }
    /// Hears only the answers to its own requests.
    public static func command() throws(SystemError) -> RouteSocket { try RouteSocket() }

    /// What the kernel granted, in bytes (SO_RCVBUF, which counts its overhead).
    public var receiveBuffer: Int { Int(max(0, aloft_receive_buffer_size(descriptor.rawValue))) }

    /// Adds a request to what `flush` sends. Returns its sequence number.
    @discardableResult
    public mutating func append(_ request: RouteRequest) -> UInt32 {
        let sequence = nextSequence
        nextSequence = nextSequence == .max ? 1 : nextSequence + 1
        request.append(to: &outgoing, sequence: sequence)
        return sequence
    }

    /// Sends what was appended, in as few calls as possible; the kernel has executed it all on return, in order.
    /// An error means that the rest was not sent; it is dropped.
    public mutating func flush() throws(SystemError) {
        defer { outgoing.removeAll(keepingCapacity: true) }
        var start = 0
        while start < outgoing.count {
            let end = endOfPart(from: start)
            let result = outgoing.span.bytes.extracting(start..<end).withUnsafeBytes {
                aloft_netlink_send(descriptor.rawValue, address($0), UInt64($0.count))
            }
            _ = try check(result, .netlink, "send route requests")
            start = end
        }
    }

    /// The end of as many whole messages as one send takes; at least one.
    func endOfPart(from start: Int) -> Int {
        guard outgoing.count - start > Self.sendLength else { return outgoing.count }
        var end = start
        while end < outgoing.count {
            let length = Int(outgoing.span.bytes.hostUInt32(at: end) ?? 0)
            let next = min(end + max((length + 3) & ~3, NetlinkMessage.headerLength), outgoing.count)
            if next - start > Self.sendLength && end > start { break }
            end = next
        }
        return end
    }

    /// Appends and flushes one request.
    @discardableResult
    public mutating func send(_ request: RouteRequest) throws(SystemError) -> UInt32 {
        let sequence = append(request)
        try flush()
        return sequence
    }

    /// Takes one datagram, if there is one, and hands over its messages. False when there was none.
    @discardableResult
    public mutating func receive(_ body: (RouteMessage) -> Void) throws(SystemError) -> Bool {
        var truncated: Int32 = 0
        let count = aloft_netlink_receive(
            descriptor.rawValue, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(buffer.count),
            &truncated)
        if count < 0 {
            switch Errno(Int32(truncatingIfNeeded: -count)) {
            case .again: return false
            case .noBuffers: body(.overrun)
            case let errno: throw SystemError(.netlink, errno, "receive from the route socket")
            }
        } else if truncated != 0 {
            body(.overrun)  // a datagram longer than any the kernel sends: treat as lost
        } else {
            let datagram = UnsafeRawBufferPointer(rebasing: buffer[0..<min(Int(count), buffer.count)])
            decoder.forEach(in: datagram.bytes, body)
        }
        return true
    }

    /// Takes everything that is there. `limit` datagrams at most, so that a flood cannot hold the loop.
    public mutating func drain(limit: Int = 1024, _ body: (RouteMessage) -> Void) throws(SystemError) {
        var left = limit
        while left > 0, try receive(body) { left -= 1 }
    }

    /// Sends one request and waits for its answer: for start-up, tools and tests, not for a loop with deadlines.
    /// Everything heard meanwhile goes to `body`, but not the answer. ETIMEDOUT after `timeout`.
    public mutating func exchange(
        _ request: RouteRequest, timeout: Duration = .seconds(5), _ body: (RouteMessage) -> Void = { _ in }
    ) throws(SystemError) -> RouteAnswer {
        let wanted = try send(request)
        let deadline = BootClock.now() + timeout
        var answer: RouteAnswer?
        var lost = false
        while true {
            let any = try receive { message in
                switch message {
                case .error(let sequence, let errno, let text) where sequence == wanted:
                    answer = RouteAnswer(errno: Errno(errno), text: text, isInterrupted: lost)
                case .done(let sequence, let errno, let interrupted) where sequence == wanted:
                    answer = RouteAnswer(errno: Errno(errno), text: "", isInterrupted: interrupted || lost)
                case .overrun:
                    lost = true
                    body(message)
                default: body(message)
                }
            }
            if let answer { return answer }
            if any { continue }
            let left = (deadline - BootClock.now()).nanoseconds / 1_000_000
            guard left > 0 else { throw SystemError(.netlink, Errno(110), "wait for the route socket's answer") }
            _ = aloft_poll_one(descriptor.rawValue, 0, Int32(min(left, 1000)))
        }
    }
}

/// How a request ended.
public struct RouteAnswer: Hashable, Sendable {
    public var errno: Errno
    /// The kernel's explanation, or empty.
    public var text: String
    /// A dump that must be repeated: the table changed under it, or parts were lost.
    public var isInterrupted: Bool
    public var isSuccess: Bool { errno == .ok }
}
