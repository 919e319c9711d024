import Glibc
import LinuxWorld
import Primitives
import Supervision

/// Where the daemon's lines go: stderr, a file, syslog. Nothing here ever waits; a line that cannot be
/// written now is lost and counted.
struct SupervisorLog: ~Copyable {
    private let toConsole: Bool
    private var file: FileDescriptor?
    private let toSyslog: Bool
    private var syslog: UnixConnection?
    private var nextConnect = Instant.zero
    private let facility: UInt8
    private let isKeepalived: Bool
    private let pid: Int32
    private var rate: LogRate
    /// Lines that no receiver took.
    private(set) var lost: UInt64 = 0

    init(_ options: SupervisorOptions, pid: Int32, at now: Instant) {
        toConsole = options.logsToConsole || (!options.isKeepalived && options.isForeground)
        toSyslog = options.logsToSyslog && (options.isKeepalived || !options.isForeground)
        facility = options.logFacility
        isKeepalived = options.isKeepalived
        self.pid = pid
        rate = LogRate(at: now)
        if let path = options.logFile { file = try? SupervisorFile.append(to: path) }
    }

    /// The supervisor's line; `rule` is named at its end.
    mutating func write(_ level: LogLevel, _ rule: RuleID?, _ text: String, at now: Instant) {
        let tag = isKeepalived ? "Keepalived" : "aloftd"
        put(level, rule.map { "\(text) [\($0)]" } ?? text, tag: tag, pid: pid, at: now)
    }

    /// The worker's line.
    mutating func writeWorker(_ level: LogLevel, _ text: String, pid: Int32, at now: Instant) {
        put(level, text, tag: isKeepalived ? "Keepalived_vrrp" : "aloftd-vrrp", pid: pid, at: now)
    }

    private mutating func put(_ level: LogLevel, _ text: String, tag: String, pid: Int32, at now: Instant) {
        let (isAdmitted, suppressed) = rate.admit(at: now)
        guard isAdmitted else { return }
        if suppressed > 0 {
            deliver(.warning, "\(suppressed) lines were suppressed", tag: tag, pid: pid, at: now)
        }
        deliver(level, text, tag: tag, pid: pid, at: now)
    }

    private mutating func deliver(_ level: LogLevel, _ text: String, tag: String, pid: Int32, at now: Instant) {
        if toConsole || file != nil {
            let line = LogLine.console(level, text, wallClock: BootClock.wallClockNanoseconds())
            // A pipe or terminal that is ready takes a page without waiting.
            if toConsole {
                if isWritable(2) { write(2, line.prefix(4096)) } else { lost &+= 1 }
            }
            if let descriptor = file?.rawValue { write(descriptor, line[...]) }
        }
        guard toSyslog else { return }
        if syslog == nil, now >= nextConnect {
            nextConnect = now + .seconds(1)
            syslog = try? UnixConnection(connectingTo: "/dev/log", kind: .datagram)
        }
        let datagram = LogLine.syslog(level, text, facility: facility, tag: tag, pid: pid)
        guard let result = try? syslog?.send(datagram.span.bytes) else {
            // A syslog that was restarted needs a new connection.
            syslog = nil
            return lost &+= 1
        }
        if result == .wouldBlock { lost &+= 1 }
    }

    private func isWritable(_ descriptor: Int32) -> Bool {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&wanted, 1, 0) > 0
    }

    private func write(_ descriptor: Int32, _ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { _ = Glibc.write(descriptor, $0.baseAddress, $0.count) }
    }
}
