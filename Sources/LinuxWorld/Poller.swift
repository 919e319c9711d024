import CLinux
import Primitives

/// Waits for descriptors and one deadline: epoll(7) and a timer on CLOCK_BOOTTIME.
///
/// The timer is absolute, so nothing is lost between reading the clock and waiting; it counts suspend;
/// and unlike a timeout of epoll_wait it has no timer slack (50 µs for an ordinary process). It is set
/// again only when the deadline changed. A wait allocates nothing.
public struct Poller: ~Copyable {
    /// Readable when `wait` has something to report: one poller can watch another.
    public let epoll: FileDescriptor
    let timer: FileDescriptor
    let buffer: UnsafeMutableBufferPointer<aloft_event>
    var count = 0
    var armed: Instant = .distantFuture

    /// The token that the poller keeps for its timer.
    public static let reservedToken = UInt64.max

    public struct Interest: OptionSet, Sendable {
        public var rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        public static let read = Interest(rawValue: 0x001)
        public static let write = Interest(rawValue: 0x004)
        /// EPOLLRDHUP: the other side has ended its stream.
        public static let peerClosed = Interest(rawValue: 0x2000)
        /// Report once, then only after `modify`.
        public static let once = Interest(rawValue: 1 << 30)
        /// Report changes rather than states.
        public static let edge = Interest(rawValue: 1 << 31)
    }

    public struct Event: Hashable, Sendable {
        public var token: UInt64
        var events: UInt32
        public var isReadable: Bool { events & 0x001 != 0 }
        public var isWritable: Bool { events & 0x004 != 0 }
        /// EPOLLHUP or EPOLLRDHUP: the other side is gone; what it sent may still be there to read.
        public var isHangUp: Bool { events & 0x2010 != 0 }
        /// EPOLLERR: the next call on the descriptor says which.
        public var isError: Bool { events & 0x008 != 0 }
    }

    /// `capacity`: how many events one wait reports at most (1…256). The rest comes with the next.
    public init(capacity: Int = 64) throws(SystemError) {
        let epoll = FileDescriptor(owning: try check(aloft_epoll_create(), .poll, "create an epoll instance"))
        let timer = FileDescriptor(owning: try check(aloft_timer_create(), .poll, "create a boot-time timer"))
        let result = aloft_epoll_add(epoll.rawValue, timer.rawValue, Interest.read.rawValue, Poller.reservedToken)
        _ = try check(result, .poll, "watch the timer")
        self.epoll = epoll
        self.timer = timer
        buffer = .allocate(capacity: min(max(capacity, 1), 256))
        buffer.initialize(repeating: aloft_event())
    }

    deinit { buffer.deallocate() }

    /// Watches a descriptor. `token` is what events carry; not `reservedToken`.
    public borrowing func add(
        _ descriptor: borrowing FileDescriptor, token: UInt64, interest: Interest = .read
    ) throws(SystemError) {
        precondition(token != Poller.reservedToken, "token \(token) is the timer's")
        let result = aloft_epoll_add(epoll.rawValue, descriptor.rawValue, interest.rawValue, token)
        _ = try check(result, .poll, "watch a descriptor")
    }

    public borrowing func modify(
        _ descriptor: borrowing FileDescriptor, token: UInt64, interest: Interest
    ) throws(SystemError) {
        let result = aloft_epoll_modify(epoll.rawValue, descriptor.rawValue, interest.rawValue, token)
        _ = try check(result, .poll, "watch a descriptor")
    }

    /// Closing a descriptor removes it as well, unless a duplicate of it is open.
    public borrowing func remove(_ descriptor: borrowing FileDescriptor) throws(SystemError) {
        _ = try check(aloft_epoll_remove(epoll.rawValue, descriptor.rawValue), .poll, "unwatch a descriptor")
    }

    /// Waits until something is ready or `deadline` has come; a deadline in the past only looks.
    /// Returns the number of events, which `event(_:)` then gives. A signal may end it early, with none.
    public mutating func wait(until deadline: Instant) throws(SystemError) -> Int {
        count = 0
        var milliseconds: Int32 = -1
        if deadline != .distantFuture && deadline <= BootClock.now() {
            milliseconds = 0
        } else if deadline != armed {
            let when = deadline == .distantFuture ? 0 : max(deadline.nanoseconds, 1)
            _ = try check(aloft_timer_set(timer.rawValue, when), .poll, "set the timer")
            armed = deadline
        }
        let capacity = Int32(buffer.count)
        let found = try check(
            aloft_epoll_wait(epoll.rawValue, buffer.baseAddress, capacity, milliseconds), .poll, "wait for events")
        for index in 0..<Int(found) {
            if buffer[index].token == Poller.reservedToken {
                disarm()
            } else {
                buffer[count] = buffer[index]
                count += 1
            }
        }
        return count
    }

    /// The timer stays readable after it fired; setting it makes it unreadable.
    mutating func disarm() {
        _ = aloft_timer_set(timer.rawValue, 0)
        armed = .distantFuture
    }

    /// Event `index` of the last wait, 0 ..< what it returned.
    public borrowing func event(_ index: Int) -> Event {
        precondition(index >= 0 && index < count, "event \(index) of \(count)")
        return Event(token: buffer[index].token, events: buffer[index].events)
    }
}
