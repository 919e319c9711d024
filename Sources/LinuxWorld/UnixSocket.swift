import CLinux

/// What a unix socket carries.
public enum UnixSocketKind: Int32, Hashable, Sendable {
    /// Bytes.
    case stream = 1
    /// Messages, without a connection.
    case datagram = 2
    /// Messages in order on a connection: between supervisor and workers.
    case seqPacket = 5
}

/// Accepts connections on a path, or on an abstract name (`@name`) (unix(7)).
public struct UnixListener: ~Copyable {
    public let descriptor: FileDescriptor
    public let path: String

    /// `mode` stands from the first moment on. A file in the way is EADDRINUSE: remove it first if it is known to be
    /// stale.
    public init(
        path: String, mode: UInt32 = 0o600, kind: UnixSocketKind = .stream, backlog: Int32 = 64
    ) throws(SystemError) {
        let bytes = Array(path.utf8)
        let socket = aloft_unix_listen(bytes, UInt64(bytes.count), kind.rawValue, backlog, mode)
        descriptor = FileDescriptor(owning: try check(socket, .socket, "listen on", path))
        self.path = path
    }

    /// The next connection, or nil when none waits. Running out of descriptors is thrown: the connection stays
    /// in the queue and the listener readable.
    public borrowing func accept() throws(SystemError) -> UnixConnection? {
        let accepted = aloft_unix_accept(descriptor.rawValue)
        if accepted == -Errno.again.rawValue { return nil }
        return UnixConnection(
            adopting: FileDescriptor(owning: try check(accepted, .socket, "accept on", path)))
    }

    /// Gives the descriptor away: of a datagram socket, which receives rather than accepts, or to a successor.
    public consuming func takeDescriptor() -> FileDescriptor { descriptor }
}

/// One end of a connected unix socket. Non-blocking.
public struct UnixConnection: ~Copyable {
    public let descriptor: FileDescriptor

    public init(adopting descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    public init(connectingTo path: String, kind: UnixSocketKind = .stream) throws(SystemError) {
        let bytes = Array(path.utf8)
        let socket = aloft_unix_connect(bytes, UInt64(bytes.count), kind.rawValue)
        descriptor = FileDescriptor(owning: try check(socket, .socket, "connect to", path))
    }

    /// Two ends joined to each other (socketpair(2)), closed on exec.
    public static func pair(_ kind: UnixSocketKind = .seqPacket) throws(SystemError) -> UnixConnectionPair {
        var ends: (Int32, Int32) = (-1, -1)
        _ = try check(aloft_socketpair(kind.rawValue, &ends.0, &ends.1), .socket, "create a socket pair")
        return UnixConnectionPair(
            first: UnixConnection(adopting: FileDescriptor(owning: ends.0)),
            second: UnixConnection(adopting: FileDescriptor(owning: ends.1)))
    }

    /// Who is at the other end, as it was when it connected.
    public borrowing func peer() throws(SystemError) -> PeerCredentials {
        var peer = PeerCredentials(pid: 0, uid: 0, gid: 0)
        let result = aloft_unix_peer(descriptor.rawValue, &peer.pid, &peer.uid, &peer.gid)
        _ = try check(result, .socket, "identify a peer")
        return peer
    }

    /// Receives at most `limit` bytes (one message, on seqpacket: what is longer is cut off), appended to `bytes`.
    public borrowing func receive(into bytes: inout [UInt8], limit: Int) throws(SystemError) -> Transfer {
        try appendReceived(&bytes, limit: limit, code: .receive, action: "receive on a unix socket") {
            aloft_receive(descriptor.rawValue, $0, $1)
        }
    }

    /// Sends what fits; `.bytes` says how much. No SIGPIPE.
    public borrowing func send(_ bytes: RawSpan) throws(SystemError) -> Transfer {
        let count = bytes.withUnsafeBytes { aloft_send(descriptor.rawValue, address($0), UInt64($0.count)) }
        return try Transfer(count, .send, "send on a unix socket")
    }

    /// Gives the descriptor away.
    public consuming func takeDescriptor() -> FileDescriptor { descriptor }
}

public struct UnixConnectionPair: ~Copyable {
    public var first: UnixConnection
    public var second: UnixConnection

    /// Gives both ends away as numbers.
    public consuming func ends() -> (first: Int32, second: Int32) {
        (first.takeDescriptor().release(), second.takeDescriptor().release())
    }
}

/// SO_PEERCRED (unix(7)).
public struct PeerCredentials: Hashable, Sendable {
    public var pid: Int32
    public var uid: UInt32
    public var gid: UInt32
}

/// Tells systemd how the service is doing (sd_notify(3)), without its library.
public struct SystemdNotifier: ~Copyable {
    let connection: UnixConnection?

    /// Does nothing when NOTIFY_SOCKET isn't set, which is what it means not to run under systemd.
    public init(environment: String? = ThisProcess.environment("NOTIFY_SOCKET")) throws(SystemError) {
        guard let path = environment, path.utf8.first == UInt8(ascii: "@") || path.utf8.first == UInt8(ascii: "/")
        else {
            connection = nil
            return
        }
        connection = try UnixConnection(connectingTo: path, kind: .datagram)
    }

    public var isActive: Bool { connection != nil }

    /// Such as `READY=1`, `STATUS=…`, `WATCHDOG=1`; several are joined by newlines. False when it did not get through.
    @discardableResult
    public borrowing func notify(_ state: String) -> Bool {
        guard let number = descriptorNumber() else { return false }
        let bytes = Array(state.utf8)
        return aloft_send(number, bytes, UInt64(bytes.count)) == Int64(bytes.count)
    }

    borrowing func descriptorNumber() -> Int32? {
        switch connection {
        case .some(let connection): connection.descriptor.rawValue
        case .none: nil
        }
    }

    /// WATCHDOG_USEC: how often systemd wants to hear `WATCHDOG=1`; notify at half of it.
    public static func watchdogInterval() -> Duration? {
        guard let text = ThisProcess.environment("WATCHDOG_USEC"), let value = Int64(text), value > 0 else {
            return nil
        }
        if let pid = ThisProcess.environment("WATCHDOG_PID"), pid != "\(ThisProcess.pid)" { return nil }
        return .microseconds(value)
    }
}

/// Writes to the local syslog daemon (RFC 3164 as /dev/log takes it). Loses messages rather than wait.
public struct Syslog: ~Copyable {
    let connection: UnixConnection
    let tag: String
    let facility: UInt8

    /// `facility` 3 is daemon, 16 + n local n.
    public init(tag: String, facility: UInt8 = 3, path: String = "/dev/log") throws(SystemError) {
        connection = try UnixConnection(connectingTo: path, kind: .datagram)
        self.tag = tag
        self.facility = facility
    }

    /// `severity` 0 (emergency) … 7 (debug). False when it was lost; make a new one if the daemon was restarted.
    @discardableResult
    public borrowing func write(_ message: String, severity: UInt8) -> Bool {
        let text = "<\(Int(facility) * 8 + Int(severity & 7))>\(tag)[\(ThisProcess.pid)]: \(message)"
        let bytes = Array(text.utf8)
        return aloft_send(connection.descriptor.rawValue, bytes, UInt64(bytes.count)) == Int64(bytes.count)
    }
}
