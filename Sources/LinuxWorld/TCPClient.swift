import CLinux
import Primitives

/// A connection to a server (tcp(7)). Nothing of it blocks: wait for the descriptor with a ``Poller``, for writing until it is connected.
/// It closes when it goes.
public struct TCPClient: ~Copyable {
    public let descriptor: FileDescriptor
    let target: String

    /// On its way; ``finishConnecting()`` says how it went. What fails at once (no route, no local address) is thrown.
    /// - Parameter interface: for a link-local IPv6 address.
    public init(
        connectingTo address: IPAddress, port: UInt16, interface: InterfaceIndex? = nil
    ) throws(SystemError) {
        var bytes: [UInt8] = []
        address.append(to: &bytes)
        let target = address.family == .ipv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        let socket = try check(
            aloft_tcp_connect(Int32(address.family.rawValue), bytes, port, interface?.rawValue ?? 0), .socket,
            "connect to", target)
        // Nothing of `self` before it is whole: Swift 6.3 closes a descriptor that is not yet there, number 0, where a closure reads
        // another member of a type that cannot be copied.
        self.init(descriptor: FileDescriptor(owning: socket), target: target)
    }

    private init(descriptor: consuming FileDescriptor, target: String) {
        self.descriptor = descriptor
        self.target = target
    }

    /// Whether it is connected; false: not yet. Throws what came instead, such as ECONNREFUSED.
    public borrowing func finishConnecting() throws(SystemError) -> Bool {
        try check(aloft_socket_error(descriptor.rawValue), .socket, "connect to", target) == 1
    }

    /// At most `limit` bytes, appended to `bytes`.
    public borrowing func receive(into bytes: inout [UInt8], limit: Int) throws(SystemError) -> Transfer {
        try appendReceived(&bytes, limit: limit, code: .receive, action: "receive from a server") {
            aloft_receive(descriptor.rawValue, $0, $1)
        }
    }

    /// Sends what fits; `.bytes` says how much. No SIGPIPE.
    public borrowing func send(_ bytes: RawSpan) throws(SystemError) -> Transfer {
        let count = bytes.withUnsafeBytes { aloft_send(descriptor.rawValue, LinuxWorld.address($0), UInt64($0.count)) }
        return try Transfer(count, .send, "send to a server")
    }
}
