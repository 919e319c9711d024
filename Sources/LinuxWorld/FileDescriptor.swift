import CLinux

/// An open file, socket or anything else with a number. It has one owner, and closes when that goes.
public struct FileDescriptor: ~Copyable {
    public let rawValue: Int32

    /// Takes over a descriptor that nobody else will close.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { _ = aloft_close(rawValue) }

    /// Gives the number away: the caller closes it.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// Another number for the same open file, closed on exec.
    public borrowing func duplicate() throws(SystemError) -> FileDescriptor {
        FileDescriptor(owning: try check(aloft_duplicate(rawValue), .file, "duplicate a descriptor"))
    }

    public borrowing func setNonBlocking() throws(SystemError) {
        _ = try check(aloft_set_nonblocking(rawValue), .file, "make a descriptor non-blocking")
    }

    /// How many bytes a socket may have on the way (SO_SNDBUF); what is not permitted is cut to net.core.wmem_max, without a word.
    public borrowing func setSendBuffer(_ bytes: Int32) throws(SystemError) {
        _ = try check(aloft_set_send_buffer(rawValue, bytes), .socket, "set a send buffer")
    }

    /// Closed on exec (pipe2(2)).
    public static func pipe() throws(SystemError) -> Pipe {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try check(aloft_pipe(&ends.0, &ends.1), .file, "create a pipe")
        return Pipe(reading: FileDescriptor(owning: ends.0), writing: FileDescriptor(owning: ends.1))
    }

    /// One read(2) of at most `limit` bytes, appended to `bytes`.
    public borrowing func read(into bytes: inout [UInt8], limit: Int) throws(SystemError) -> Transfer {
        try appendReceived(&bytes, limit: limit, code: .file, action: "read") { aloft_read(rawValue, $0, $1) }
    }

    /// One write(2). `.bytes` says how many were taken.
    public borrowing func write(_ bytes: RawSpan) throws(SystemError) -> Transfer {
        let count = bytes.withUnsafeBytes { aloft_write(rawValue, address($0), UInt64($0.count)) }
        return try Transfer(count, .file, "write")
    }
}

/// The two ends of a pipe(7).
public struct Pipe: ~Copyable {
    public var reading: FileDescriptor
    public var writing: FileDescriptor

    /// Gives both ends away.
    public consuming func ends() -> (reading: Int32, writing: Int32) {
        (reading.release(), writing.release())
    }
}

/// What a non-blocking read or write came to.
public enum Transfer: Hashable, Sendable {
    case bytes(Int)
    /// Nothing to be had, or no room, now.
    case wouldBlock
    /// The other side is gone: end of file, a broken pipe or a reset.
    case closed

    init(_ result: Int64, _ code: SystemError.Code, _ action: String) throws(SystemError) {
        if result >= 0 {
            self = .bytes(Int(result))
            return
        }
        switch Errno(Int32(truncatingIfNeeded: -result)) {
        case .again: self = .wouldBlock
        case .brokenPipe, .connectionReset: self = .closed
        case let errno: throw SystemError(code, errno, action)
        }
    }
}

/// Grows `bytes` by what `receive` delivers, at most `limit` bytes. Zero bytes mean the end.
func appendReceived(
    _ bytes: inout [UInt8], limit: Int, code: SystemError.Code, action: String,
    _ receive: (UnsafeMutablePointer<UInt8>?, UInt64) -> Int64
) throws(SystemError) -> Transfer {
    let limit = min(max(limit, 0), 1 << 20)
    guard limit > 0 else { return .bytes(0) }
    // Not zeroed first: that is 20 ms of an unoptimized build for 64 KB, and a message of the daemon's processes makes several hops.
    var result: Int64 = 0
    let received = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        result = receive(buffer.baseAddress, UInt64(limit))
        count = min(limit, Int(max(0, result)))
    }
    bytes.append(contentsOf: received)
    if result == 0 { return .closed }
    return try Transfer(result, code, action)
}

/// The start of a buffer as bytes; nil when it is empty.
func address(_ buffer: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
    buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
}
