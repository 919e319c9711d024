import CLinux

/// A call the kernel refused: which, why, and what was being done to what.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The area of the call, for whoever decides what to do about it.
    public enum Code: String, Hashable, Sendable {
        case poll, socket, send, receive, netlink, process, memory, signal, schedule, file, namespace, limit,
            fence
    }

    public var code: Code
    public var errno: Errno
    /// What was being done: a verb and its object, such as `bind the unix socket`.
    public var action: String
    /// What it was done to, such as a path or an interface; may be empty.
    public var subject: String

    public init(_ code: Code, _ errno: Errno, _ action: String, _ subject: String = "") {
        self.code = code
        self.errno = errno
        self.action = action
        self.subject = subject
    }

    public var description: String {
        "cannot \(action)\(subject.isEmpty ? "" : " \(subject)"): \(errno)"
    }
}

/// An errno(3).
public struct Errno: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    public var rawValue: Int32
    public init(rawValue: Int32) { self.rawValue = rawValue }
    public init(_ rawValue: Int32) { self.rawValue = rawValue }

    public static let ok = Errno(0)
    public static let notPermitted = Errno(1)
    public static let notFound = Errno(2)
    public static let noProcess = Errno(3)
    public static let again = Errno(11)
    public static let noMemory = Errno(12)
    public static let accessDenied = Errno(13)
    public static let busy = Errno(16)
    public static let exists = Errno(17)
    public static let noDevice = Errno(19)
    public static let notDirectory = Errno(20)
    public static let invalid = Errno(22)
    public static let tooManyFilesInSystem = Errno(23)
    public static let tooManyFiles = Errno(24)
    public static let tooLarge = Errno(27)
    public static let brokenPipe = Errno(32)
    public static let nameTooLong = Errno(36)
    public static let messageSize = Errno(90)
    public static let addressInUse = Errno(98)
    public static let addressNotAvailable = Errno(99)
    public static let networkDown = Errno(100)
    public static let networkUnreachable = Errno(101)
    public static let connectionReset = Errno(104)
    public static let noBuffers = Errno(105)
    public static let connectionRefused = Errno(111)
    public static let hostUnreachable = Errno(113)

    /// What a link that goes down and comes back says meanwhile: count it, send again next time.
    /// (IPv6 answers EADDRNOTAVAIL until duplicate address detection of the source has ended.)
    public var isWeather: Bool {
        switch self {
        case .networkDown, .networkUnreachable, .addressNotAvailable, .noBuffers, .hostUnreachable, .again,
            .noDevice, Errno(6):
            true
        default: false
        }
    }

    public var description: String {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 128) { buffer in
            let count = Int(aloft_error_text(rawValue, buffer.baseAddress, 128))
            return String(decoding: UnsafeBufferPointer(rebasing: buffer[0..<max(0, count)]), as: UTF8.self)
        }
    }
}

/// The result of a shim: what it returned, or the errno it returned negated.
func check<Value: SignedInteger & FixedWidthInteger>(
    _ result: Value, _ code: SystemError.Code, _ action: @autoclosure () -> String,
    _ subject: @autoclosure () -> String = ""
) throws(SystemError) -> Value {
    guard result < 0 else { return result }
    throw SystemError(code, Errno(Int32(truncatingIfNeeded: 0 - result)), action(), subject())
}
