import CLinux

/// A process of ours, held by its pidfd: its number cannot come to mean another.
///
/// `descriptor` becomes readable when it has ended: watch it, then `reap`.
public struct ChildProcess: ~Copyable {
    public let pid: Int32
    public let descriptor: FileDescriptor
    let leadsGroup: Bool
    var status: Termination?

    init(pid: Int32, pidfd: consuming FileDescriptor, leadsGroup: Bool) {
        self.pid = pid
        descriptor = pidfd
        self.leadsGroup = leadsGroup
    }

    /// How it ended, or nil while it runs. Repeats the answer.
    public mutating func reap() throws(SystemError) -> Termination? {
        if let status { return status }
        var code: Int32 = 0
        var value: Int32 = 0
        guard
            try check(aloft_pidfd_wait(descriptor.rawValue, &code, &value), .process, "wait for process", "\(pid)") == 1
        else { return nil }
        status = code == 1 ? .exited(value) : .signalled(value, dumpedCore: code == 3)
        return status
    }

    /// Sends to it alone. False when it has ended.
    @discardableResult
    public borrowing func signal(_ number: Int32) throws(SystemError) -> Bool {
        try ProcessHandle.signal(descriptor, number, pid)
    }

    /// Sends to its whole group. Do it *before* `reap`: until then the number cannot be anyone else's; afterwards
    /// it is refused (false).
    @discardableResult
    public borrowing func signalGroup(_ number: Int32) throws(SystemError) -> Bool {
        guard leadsGroup, status == nil else { return false }
        let result = aloft_kill_group(pid, number)
        if result == -Errno.noProcess.rawValue { return false }
        _ = try check(result, .process, "signal the group of process", "\(pid)")
        return true
    }
}

/// How a process ended (waitid(2)).
public enum Termination: Hashable, Sendable {
    case exited(Int32)
    case signalled(Int32, dumpedCore: Bool)
    public var isSuccess: Bool { self == .exited(0) }
}

/// Someone else's process, held by a pidfd: the worker of a former supervisor, the holder of a lock.
public struct ProcessHandle: ~Copyable {
    public let pid: Int32
    public let descriptor: FileDescriptor

    /// Throws ESRCH when there is no such process.
    public init(pid: Int32) throws(SystemError) {
        descriptor = FileDescriptor(owning: try check(aloft_pidfd_open(pid), .process, "open process", "\(pid)"))
        self.pid = pid
    }

    /// False when it has ended.
    @discardableResult
    public borrowing func signal(_ number: Int32) throws(SystemError) -> Bool {
        try Self.signal(descriptor, number, pid)
    }

    /// Whether it has ended; the descriptor is readable then.
    public borrowing func hasEnded() -> Bool { aloft_poll_one(descriptor.rawValue, 0, 0) > 0 }

    static func signal(_ pidfd: borrowing FileDescriptor, _ number: Int32, _ pid: Int32) throws(SystemError) -> Bool {
        let result = aloft_pidfd_signal(pidfd.rawValue, number)
        if result == -Errno.noProcess.rawValue { return false }
        _ = try check(result, .process, "signal process", "\(pid)")
        return true
    }
}

/// The process this code runs in.
public enum ThisProcess {
    public static var pid: Int32 { aloft_getpid() }
    public static var parent: Int32 { aloft_getppid() }

    /// What this process gets when the thread that started it ends (prctl(2)). Afterwards look whether `parent` is still the one
    /// expected: it may have ended before.
    public static func setParentDeathSignal(_ number: Int32) throws(SystemError) {
        _ = try check(aloft_parent_death_signal(number), .process, "ask for a parent-death signal")
    }

    /// The name in ps(1), at most 15 bytes.
    public static func setName(_ name: String) throws(SystemError) {
        _ = try check(aloft_set_name(name), .process, "set the process name", name)
    }

    /// An absolute path without a last slash; nil when there is none, or one of more than 4,096 bytes.
    public static var workingDirectory: String? {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 4096) { buffer in
            let count = Int(aloft_working_directory(buffer.baseAddress, 4096))
            return count > 0 ? String(decoding: UnsafeBufferPointer(rebasing: buffer[0..<count]), as: UTF8.self) : nil
        }
    }

    public static func environment(_ name: String) -> String? {
        aloft_getenv(name).map { String(cString: $0) }
    }
}
