import CLinux

/// Signals as something to read (signalfd(2)). They are blocked for the calling thread and those it starts later,
/// and stay blocked: create it first thing.
public struct SignalSource: ~Copyable {
    public let descriptor: FileDescriptor

    public struct Received: Hashable, Sendable {
        public var signal: Int32
        public var senderPID: Int32
        public var senderUID: UInt32
    }

    public init(_ signals: [Int32]) throws(SystemError) {
        var mask: UInt64 = 0
        for signal in signals where (1...64).contains(signal) { mask |= 1 << UInt64(signal - 1) }
        descriptor = FileDescriptor(owning: try check(aloft_signalfd(mask), .signal, "receive signals"))
    }

    /// The next pending signal, or nil.
    public borrowing func receive() throws(SystemError) -> Received? {
        var info = aloft_signal()
        guard try check(aloft_signalfd_read(descriptor.rawValue, &info), .signal, "read a signal") == 1 else {
            return nil
        }
        return Received(
            signal: Int32(bitPattern: info.signal), senderPID: Int32(bitPattern: info.pid), senderUID: info.uid)
    }

    /// SIGPIPE and the like.
    public static func ignore(_ signal: Int32) throws(SystemError) {
        _ = try check(aloft_signal_ignore(signal), .signal, "ignore signal", "\(signal)")
    }
}

/// Numbers of signal(7) on every architecture of Linux but MIPS, SPARC, Alpha and PA-RISC.
public enum Signal {
    public static let hangUp: Int32 = 1
    public static let interrupt: Int32 = 2
    public static let quit: Int32 = 3
    public static let kill: Int32 = 9
    public static let user1: Int32 = 10
    public static let user2: Int32 = 12
    public static let pipe: Int32 = 13
    public static let terminate: Int32 = 15
    public static let child: Int32 = 17
    public static let resume: Int32 = 18
    public static let stop: Int32 = 19
    /// SIGXCPU.
    public static let processorLimit: Int32 = 24
    public static let realtimeMinimum: Int32 = 34
}
