import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

/// A client, a director, and three servers behind it. TCP is spoken by the test itself, on sockets that it opens in the namespaces. Where they
/// stand, and how packets come back, is the subclasses' (`BalancedScene`, `DirectScene`).
class ForwardingScene {
    let lab: Lab
    let client: Node
    let director: Node
    let servers: [Node]
    /// Of IPv4: what clients ask where nothing else is said.
    private let service: IPAddress
    private var listeners: [Int32] = []
    private(set) var lastErrno: Int32 = 0

    init(_ lab: Lab, client: Node, director: Node, servers: [Node], service: IPAddress) throws {
        self.lab = lab
        self.client = client
        self.director = director
        self.servers = servers
        self.service = service
        for server in servers { listeners.append(try inside(server) { Self.listen(80) }) }
        #expect(listeners.allSatisfy { $0 >= 0 })
    }

    func close() {
        for listener in listeners { Glibc.close(listener) }
        lab.close()
    }

    /// Sockets that `body` opens are the node's.
    func inside<Value: ~Copyable>(
        _ node: Node, _ body: () throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        try NetworkNamespace(named: node.namespace).run(body)
    }

    /// A connection, and the number of the server that has it.
    struct Connection {
        let client: Int32
        let server: Int32
        let number: Int

        func close() {
            Glibc.close(client)
            Glibc.close(server)
        }

        var clientPort: UInt16 {
            var name = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            _ = withUnsafeMutablePointer(to: &name) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(client, $0, &length) }
            }
            return UInt16(bigEndian: name.sin_port)
        }

        /// Whether what the client says reaches the server, and the answer the client.
        func works() -> Bool {
            for (from, to) in [(client, server), (server, client)] {
                var byte: UInt8 = 7
                guard send(from, &byte, 1, Int32(MSG_NOSIGNAL)) == 1, ForwardingScene.waitFor(to, POLLIN),
                    recv(to, &byte, 1, 0) == 1
                else { return false }
            }
            return true
        }
    }

    /// Connects; nil where nobody accepts within a second, or the connection is refused (`lastErrno`).
    func connect(
        to address: IPAddress? = nil, port: UInt16 = 80, from node: Node? = nil, source: IPAddress? = nil,
        sourcePort: UInt16 = 0
    ) throws -> Connection? {
        let socket = try inside(node ?? client) {
            Self.connect(to: address ?? service, port: port, source: source, sourcePort: sourcePort)
        }
        if socket < 0 {
            lastErrno = -socket
            return nil
        }
        for (number, listener) in listeners.enumerated() {
            let accepted = accept(listener, nil, nil)
            if accepted >= 0 { return Connection(client: socket, server: accepted, number: number) }
        }
        Glibc.close(socket)
        return nil
    }

    /// Connections that stay open.
    func connections(_ count: Int, to address: IPAddress? = nil) throws -> [Connection] {
        try (0..<count).map { _ in try #require(try connect(to: address)) }
    }

    /// How many of `count` connections each server got.
    func spread(
        _ count: Int, to address: IPAddress? = nil, port: UInt16 = 80, source: IPAddress? = nil
    ) throws -> [Int] {
        var counts = [0, 0, 0]
        for _ in 0..<count {
            guard let connection = try connect(to: address, port: port, source: source) else { continue }
            counts[connection.number] += 1
            connection.close()
        }
        return counts
    }

    static func listen(_ port: UInt16) -> Int32 {
        let listener = socket(AF_INET6, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var off: Int32 = 0
        setsockopt(listener, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &off, 4)
        guard withAddress(IPAddress("::")!, port, { bind(listener, $0, $1) }) == 0, Glibc.listen(listener, 512) == 0
        else { return -errno }
        return listener
    }

    static func connect(to address: IPAddress, port: UInt16, source: IPAddress?, sourcePort: UInt16 = 0) -> Int32 {
        let family = address.family == .ipv4 ? AF_INET : AF_INET6
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        if let source {
            guard withAddress(source, sourcePort, { bind(descriptor, $0, $1) }) == 0 else { return -errno }
        }
        let result = withAddress(address, port) { Glibc.connect(descriptor, $0, $1) }
        if result == 0 { return descriptor }
        var failure: Int32 = errno
        if failure == EINPROGRESS {
            var length = socklen_t(4)
            let isDone = waitFor(descriptor, POLLOUT)
            // On virtual links an ICMP error arrives before connect(2) returns. The socket is busy then: the kernel notes the error
            // and goes on trying.
            getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &failure, &length)
            if failure == 0, !isDone { failure = ETIMEDOUT }
        }
        if failure == 0 { return descriptor }
        Glibc.close(descriptor)
        return -failure
    }

    static func waitFor(_ descriptor: Int32, _ events: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        return poll(&entry, 1, 1000) == 1
    }

    private static func withAddress<Value>(
        _ address: IPAddress, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Value
    ) -> Value {
        var bytes: [UInt8] = []
        let family = UInt16(address.family == .ipv4 ? AF_INET : AF_INET6)
        withUnsafeBytes(of: family) { bytes += $0 }
        bytes += [UInt8(port >> 8), UInt8(port & 255)]
        if address.family == .ipv6 { bytes += [0, 0, 0, 0] }
        address.append(to: &bytes)
        bytes += [UInt8](repeating: 0, count: 8)
        let length = socklen_t(address.family == .ipv4 ? 16 : 28)
        return bytes.withUnsafeBytes { buffer in
            body(buffer.baseAddress!.assumingMemoryBound(to: sockaddr.self), length)  // not empty
        }
    }
}
