import CLinux
import Primitives

/// A connection to a server: a stream, or a socket for datagrams or echoes that hears only this server. Never blocks.
public struct ClientSocket: ~Copyable {
    public enum Kind: Int32, Hashable, Sendable {
        case stream = 1
        case datagram = 2
        /// ICMP echo without a raw socket (icmp(7)); net.ipv4.ping_group_range says who may.
        case ping = 3
    }

    /// Where to, and where from.
    public struct Destination: Hashable, Sendable {
        public var address: IPAddress
        public var port: UInt16
        /// Of the family of `address`.
        public var source: IPAddress?
        public var sourcePort: UInt16?
        /// SO_BINDTODEVICE.
        public var interface: String?
        /// SO_MARK; 0 is none.
        public var mark: UInt32 = 0

        public init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    public let descriptor: FileDescriptor

    /// Begins to connect: the descriptor is writable, or in error, when that has ended.
    public init(_ kind: Kind, to destination: Destination) throws(SystemError) {
        var client = aloft_client()
        client.family = Int32(destination.address.family.rawValue)
        client.kind = kind.rawValue
        client.port = kind == .ping ? 0 : destination.port
        client.source_port = kind == .ping ? 0 : destination.sourcePort ?? 0
        client.mark = destination.mark
        ClientSocket.fill(&client.address, destination.address)
        if let source = destination.source, source.family == destination.address.family {
            client.has_source = 1
            ClientSocket.fill(&client.source, source)
        }
        let result: Int32
        if let interface = destination.interface {
            result = interface.withCString {
                client.interface = $0
                return aloft_client_open(&client)
            }
        } else {
            result = aloft_client_open(&client)
        }
        guard result < 0 else {
            descriptor = FileDescriptor(owning: result)
            return
        }
        let (action, subject) = ClientSocket.stage(client.stage, kind, destination)
        throw SystemError(.socket, Errno(0 &- result), action, subject)
    }

    private static func stage(_ stage: Int32, _ kind: Kind, _ destination: Destination) -> (String, String) {
        switch stage {
        case 0: (kind == .ping ? "open a ping socket" : "open a socket", "")
        case 1: ("use the interface", destination.interface ?? "")
        case 2: ("set the mark", "\(destination.mark)")
        case 3: ("use the source", sourceText(destination))
        default: ("connect", "")
        }
    }

    private static func sourceText(_ destination: Destination) -> String {
        let port = destination.sourcePort.map { "port \($0)" }
        return [destination.source?.description, port].compactMap { $0 }.joined(separator: " ")
    }

    private static func fill<Bytes>(_ target: inout Bytes, _ address: IPAddress) {
        var bytes: [UInt8] = []
        address.append(to: &bytes)
        withUnsafeMutableBytes(of: &target) { $0.copyBytes(from: bytes) }
    }

    /// What connecting came to, or what an ICMP message said (SO_ERROR); nil when nothing is wrong.
    public borrowing func takeError() -> Errno? {
        let error = aloft_socket_error(descriptor.rawValue)
        return error == 0 ? nil : Errno(abs(error))
    }

    /// One send(2).
    public borrowing func send(_ bytes: RawSpan) throws(SystemError) -> Int? {
        let count = bytes.withUnsafeBytes { aloft_send(descriptor.rawValue, address($0), UInt64($0.count)) }
        if count == -Int64(Errno.again.rawValue) { return nil }
        return Int(try check(count, .send, "send"))
    }

    /// One recv(2) of at most `capacity` bytes: 0 bytes are the end of a stream, or an empty datagram. nil: there is nothing now.
    public borrowing func receive(capacity: Int) throws(SystemError) -> [UInt8]? {
        var result: Int64 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: min(max(capacity, 1), 1 << 20)) { buffer, count in
            result = aloft_receive(descriptor.rawValue, buffer.baseAddress, UInt64(buffer.count))
            count = max(0, Int(result))
        }
        if result == -Int64(Errno.again.rawValue) { return nil }
        _ = try check(result, .receive, "receive")
        return bytes
    }

    /// Says that nothing more comes from here (FIN).
    public borrowing func endWriting() { _ = aloft_shutdown_write(descriptor.rawValue) }
}
