import Primitives

/// What supervisor and worker say to each other: one frame (``MessageBuffer``) holding the version, the
/// kind and the fields. Both ends are the same executable (`/proc/self/exe`), so the version only guards
/// against a stray process; decoding is total all the same, because a worker may be corrupted.
public protocol ProcessMessage: Equatable, Sendable {
    /// Nil when the bytes are not exactly one message of this version.
    init?(payload: ArraySlice<UInt8>)
    /// The message without its length.
    var payload: [UInt8] { get }
}

extension ProcessMessage {
    /// The message as it goes into the socket: length and payload.
    public var frame: [UInt8] { framed(payload) }
}

/// The version in each frame's first byte.
let processMessageVersion: UInt8 = 1

/// How important a log line is; the numbers are syslog's severities.
public enum LogLevel: UInt8, Sendable, Equatable, Comparable, CaseIterable {
    case error = 3
    case warning = 4
    case notice = 5
    case info = 6
    case debug = 7

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rawValue < b.rawValue }
    /// The word in a log line.
    public var name: String {
        switch self {
        case .error: "error"
        case .warning: "warning"
        case .notice: "notice"
        case .info: "info"
        case .debug: "debug"
        }
    }
}

/// A program with its arguments and whose rights it gets. The worker resolves names to numbers and makes
/// the security checks when it reads the configuration; the supervisor only starts it.
public struct ScriptCommand: Equatable, Sendable {
    /// The program's path and its arguments.
    public var arguments: [String]
    /// The numeric user and group; nil keeps the supervisor's.
    public var user: UInt32?
    public var group: UInt32?
    public var supplementaryGroups: [UInt32]

    public init(arguments: [String], user: UInt32? = nil, group: UInt32? = nil, supplementaryGroups: [UInt32] = []) {
        self.arguments = arguments
        self.user = user
        self.group = group
        self.supplementaryGroups = supplementaryGroups
    }

    init(from reader: inout WireReader) {
        arguments = reader.list { $0.string() }
        user = reader.optionalUInt32()
        group = reader.optionalUInt32()
        supplementaryGroups = reader.list { $0.uint32() }
    }

    func write(to writer: inout WireWriter) {
        writer.put(arguments) { $0.put($1) }
        writer.put(user)
        writer.put(group)
        writer.put(supplementaryGroups) { $0.put($1) }
    }

    /// The command as a person would type it, for log lines.
    public var text: String { arguments.joined(separator: " ") }
}

/// The files a signal asks the supervisor to write.
public enum DumpKind: UInt8, Sendable, Equatable, CaseIterable {
    /// SIGUSR1: `keepalived.data`.
    case state = 0
    /// SIGUSR2: `keepalived.stats`.
    case statistics = 1
    /// SIGRTMAX-1: as above, and the counters start again at zero.
    case statisticsClear = 2
    /// SIGRTMIN+2: `keepalived.json`.
    case json = 3
}

/// The three named pipes of keepalived's `notify_fifo` family.
public enum FIFOTarget: UInt8, Sendable, Equatable, CaseIterable {
    case all = 0
    case vrrp = 1
    case lvs = 2
}

/// How a tracked script ended.
public enum CheckOutcome: Equatable, Sendable {
    case exited(Int32)
    case signalled(Int32)
    /// Its timeout passed; the process group was terminated.
    case timedOut
    /// It was asked for again before it had ended; this round is skipped.
    case stillRunning
    /// It never ran: the errno of the failed call, and what was being done.
    case failedToStart(errno: Int32, String)

    init(from reader: inout WireReader) {
        switch reader.uint8() {
        case 0: self = .exited(reader.int32())
        case 1: self = .signalled(reader.int32())
        case 2: self = .timedOut
        case 3: self = .stillRunning
        case 4: self = .failedToStart(errno: reader.int32(), reader.string())
        default:
            reader.fail()
            self = .timedOut
        }
    }

    func write(to writer: inout WireWriter) {
        switch self {
        case .exited(let code):
            writer.put(UInt8(0))
            writer.put(code)
        case .signalled(let signal):
            writer.put(UInt8(1))
            writer.put(signal)
        case .timedOut: writer.put(UInt8(2))
        case .stillRunning: writer.put(UInt8(3))
        case .failedToStart(let errno, let text):
            writer.put(UInt8(4))
            writer.put(errno)
            writer.put(text)
        }
    }
}
