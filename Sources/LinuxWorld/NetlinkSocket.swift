import CLinux
import Netlink
import Primitives

/// A netlink socket of any protocol (netlink(7)) for whoever asks and waits: forwarding tables, firewall tables.
/// Requests are bytes that `Netlink` wrote; answers go to the caller as messages. (`RouteSocket` never waits.)
public struct NetlinkSocket: ~Copyable {
    /// NETLINK_* (linux/netlink.h).
    public enum NetlinkProtocol: Int32, Sendable {
        case route = 0
        case socketDiagnosis = 4
        case netfilter = 12
        case generic = 16
    }

    public let descriptor: FileDescriptor
    let buffer: UnsafeMutableRawBufferPointer
    private var lastSequence: UInt32 = 0

    static let bufferLength = 1 << 17

    /// `groups` is a mask of the first 32 multicast groups. `receiveBuffer` bytes are asked for; a user namespace gets
    /// net.core.rmem_max at most.
    public init(
        _ netlinkProtocol: NetlinkProtocol, groups: UInt32 = 0, receiveBuffer: Int32 = 4 << 20
    ) throws(SystemError) {
        let socket = aloft_netlink_socket(netlinkProtocol.rawValue, groups, receiveBuffer)
        descriptor = FileDescriptor(owning: try check(socket, .netlink, "open a netlink socket"))
        buffer = .allocate(byteCount: Self.bufferLength, alignment: 16)
    }

    deinit { buffer.deallocate() }

    /// How many bytes one `send` may have; what is not permitted is cut to net.core.wmem_max, without a word.
    public func setSendBuffer(_ bytes: Int32) throws(SystemError) {
        _ = try check(aloft_set_send_buffer(descriptor.rawValue, bytes), .netlink, "set a send buffer")
    }

    /// A sequence number for the next request; never 0.
    public mutating func nextSequence() -> UInt32 {
        lastSequence = lastSequence == .max ? 1 : lastSequence + 1
        return lastSequence
    }

    /// One sendmsg(2): the kernel takes it as one buffer. It has been executed on return.
    public func send(_ bytes: [UInt8]) throws(SystemError) {
        let result = bytes.span.bytes.withUnsafeBytes {
            aloft_netlink_send(descriptor.rawValue, address($0), UInt64($0.count))
        }
        _ = try check(result, .netlink, "send a netlink request")
    }

    /// Takes one datagram, if there is one; false when there was none. ENOBUFS is thrown: messages were lost.
    public mutating func receive(_ body: (NetlinkMessage, RawSpan) -> Void) throws(SystemError) -> Bool {
        var truncated: Int32 = 0
        let count = aloft_netlink_receive(
            descriptor.rawValue, buffer.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt64(buffer.count),
            &truncated)
        if count < 0 {
            let errno = Errno(Int32(truncatingIfNeeded: -count))
            if errno == .again { return false }
            throw SystemError(.netlink, errno, "receive from a netlink socket")
        }
        if truncated != 0 { throw SystemError(.netlink, .noBuffers, "receive a netlink datagram whole") }
        let datagram = UnsafeRawBufferPointer(rebasing: buffer[0..<min(Int(count), buffer.count)]).bytes
        var messages = NetlinkMessages()
        while let message = messages.next(in: datagram) { body(message, datagram) }
        return true
    }

    /// Waits until there is something to receive; false when `deadline` passed first.
    public func wait(until deadline: Deadline) -> Bool {
        while true {
            let left = (deadline - BootClock.now()).nanoseconds
            let milliseconds = Int32(clamping: (max(left, 0) + 999_999) / 1_000_000)
            if aloft_poll_one(descriptor.rawValue, 0, min(milliseconds, 1000)) > 0 { return true }
            if left <= 0 { return false }
        }
    }

    /// Sends one request and waits until it is answered: by an acknowledgement, an error, or the end of a dump.
    /// Other messages go to `body`, those of the answer as well as what was heard meanwhile.
    ///
    /// An answer with an errno is returned, not thrown. Throws ETIMEDOUT after `timeout`, and what receiving throws.
    public mutating func exchange(
        _ request: [UInt8], sequence: UInt32, timeout: Duration = .seconds(5),
        _ body: (NetlinkMessage, RawSpan) -> Void = { _, _ in }
    ) throws(SystemError) -> NetlinkAnswer {
        try send(request)
        let deadline = BootClock.now() + timeout
        var answer: NetlinkAnswer?
        while answer == nil {
            let any = try receive { message, datagram in
                if message.sequence == sequence, let end = message.answer(in: datagram) {
                    answer = answer ?? end
                } else {
                    body(message, datagram)
                }
            }
            if answer == nil, !any, !wait(until: deadline) {
                throw SystemError(.netlink, Errno(110), "wait for an answer on a netlink socket")
            }
        }
        return answer ?? NetlinkAnswer(errno: 0)
    }
}
