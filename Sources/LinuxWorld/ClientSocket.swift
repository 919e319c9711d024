import CLinux
import Primitives

/// The client's end of a connection, or of an exchange of datagrams. Nothing waits: connecting, reading and writing come to an end
/// when the poller says so.
public struct ClientSocket: ~Copyable {
    public enum Kind: Int32, Sendable {
        case stream = 1
        case datagram = 2
        /// ICMP echoes (icmp(7)); the group of this process must be within net.ipv4.ping_group_range.
        case echo = 3
    }

    /// Where to, and from where.
    public struct Route: Hashable, Sendable {
        public var address: IPAddress
        public var port: UInt16
        public var source: IPAddress?
        public var sourcePort: UInt16?
        public var interface: String?
        /// SO_MARK; 0 is none.
        public var mark: UInt32

        public init(
            _ address: IPAddress, port: UInt16, source: IPAddress? = nil, sourcePort: UInt16? = nil,
            interface: String? = nil, mark: UInt32 = 0
        ) {
            self.address = address
            self.port = port
            self.source = source
            self.sourcePort = sourcePort
            self.interface = interface
            self.mark = mark
        }
    }

    public let descriptor: FileDescriptor

    /// Begins to connect. What fails at once (no route, no such interface) is thrown.
    public init(_ kind: Kind, to route: Route) throws(SystemError) {
        var remote: [UInt8] = []
        route.address.append(to: &remote)
        var local: [UInt8] = []
        if let source = route.source { source.append(to: &local) }
        let family: Int32 = route.address.family == .ipv4 ? 4 : 6
        let result = remote.withUnsafeBufferPointer { remote in
            local.withUnsafeBufferPointer { local in
                (route.interface ?? "").withCString { interface in
                    var request = aloft_client()
                    request.kind = kind.rawValue
                    request.family = family
                    request.remote = remote.baseAddress
                    request.remote_port = route.port
                    request.local = local.isEmpty ? nil : local.baseAddress
                    request.local_port = route.sourcePort ?? 0
                    request.interface = route.interface == nil ? nil : interface
                    request.mark = route.mark
                    return aloft_client_socket(&request)
                }
            }
        }
        descriptor = FileDescriptor(owning: try check(result, .socket, "connect to", "\(route.address)"))
    }

    /// How connecting ended, or what has happened to the connection since: `.ok` while all is well.
    public var error: Errno { Errno(aloft_socket_error(descriptor.rawValue)) }

    /// `.bytes` says how many were taken.
    public func send(_ bytes: RawSpan) throws(SystemError) -> Transfer {
        let count = bytes.withUnsafeBytes { aloft_send(descriptor.rawValue, LinuxWorld.address($0), UInt64($0.count)) }
        return try Transfer(count, .send, "send")
    }

    /// One receive of at most `limit` bytes, appended to `bytes`. A datagram that is empty reads as `.closed`.
    public func receive(into bytes: inout [UInt8], limit: Int) throws(SystemError) -> Transfer {
        try appendReceived(&bytes, limit: limit, code: .receive, action: "receive") {
            aloft_receive(descriptor.rawValue, $0, $1)
        }
    }
}
