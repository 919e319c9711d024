import CLinux
import Glibc
import Primitives
import Testing

@testable import LinuxWorld

/// A server of the tests' own on loopback.
struct LoopbackServer: ~Copyable {
    let listener: Int32
    let port: UInt16

    init(_ family: AddressFamily) throws {
        listener = socket(family == .ipv4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
        port = family == .ipv4 ? try Self.listenIPv4(listener) : try Self.listenIPv6(listener)
    }

    private static func listenIPv4(_ listener: Int32) throws -> UInt16 {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try withUnsafeMutableBytes(of: &name) { try Self.listen(listener, $0) }
        return UInt16(bigEndian: name.sin_port)
    }

    private static func listenIPv6(_ listener: Int32) throws -> UInt16 {
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_addr = in6addr_loopback
        try withUnsafeMutableBytes(of: &name) { try Self.listen(listener, $0) }
        return UInt16(bigEndian: name.sin6_port)
    }

    /// Binds to `name`, and puts the port that it got into it.
    private static func listen(_ listener: Int32, _ name: UnsafeMutableRawBufferPointer) throws {
        let address = try #require(name.baseAddress).assumingMemoryBound(to: sockaddr.self)
        var length = socklen_t(name.count)
        try #require(bind(listener, address, length) == 0)
        try #require(Glibc.listen(listener, 8) == 0)
        try #require(getsockname(listener, address, &length) == 0)
    }

    /// Waits for a connection.
    func accept() -> FileDescriptor { FileDescriptor(owning: Glibc.accept(listener, nil, nil)) }

    deinit { close(listener) }
}

@Suite struct TCPClientTests {
    /// Waits until the connection stands or has failed.
    private func connect(_ client: borrowing TCPClient) throws {
        var poller = try Poller()
        try poller.add(client.descriptor, token: 1, interest: .write)
        let deadline = BootClock.now() + .seconds(5)
        while try !client.finishConnecting() {
            try #require(BootClock.now() < deadline)
            _ = try poller.wait(until: deadline)
        }
    }

    @Test("Bytes go both ways, and the end of the other side is seen", arguments: [AddressFamily.ipv4, .ipv6])
    func conversation(_ family: AddressFamily) throws {
        let server = try LoopbackServer(family)
        let address = try #require(IPAddress(family == .ipv4 ? "127.0.0.1" : "::1"))
        let client = try TCPClient(connectingTo: address, port: server.port)
        try connect(client)
        var bytes: [UInt8] = []
        #expect(try client.receive(into: &bytes, limit: 100) == .wouldBlock)
        let wire = server.accept()
        let closing = Array("hello".utf8)
        #expect(try client.send(closing.span.bytes) == .bytes(5))
        #expect(try wire.read(into: &bytes, limit: 100) == .bytes(5))
        #expect(bytes == closing)
        #expect(try wire.write(closing.span.bytes) == .bytes(5))
        var back: [UInt8] = []
        try eventually("the answer") { try client.receive(into: &back, limit: 3) == .bytes(3) }
        #expect(back == Array("hel".utf8))
        #expect(try client.receive(into: &back, limit: 100) == .bytes(2))
        _ = consume wire
        try eventually("the end") { try client.receive(into: &back, limit: 100) == .closed }
    }

    @Test("A port where nobody listens is refused, with its address in the words") func refused() throws {
        let port = try LoopbackServer(.ipv4).port
        do {
            try connect(try TCPClient(connectingTo: .v4(IPv4Address(127, 0, 0, 1)), port: port))
            Issue.record("connected to nobody")
        } catch let error as SystemError {
            #expect(error.errno == .connectionRefused)
            #expect(error.description.contains("127.0.0.1:\(port)"))
        }
    }

    @Test("A client closes its own descriptor and no other") func descriptors() throws {
        let server = try LoopbackServer(.ipv4)
        let before = try Files.status("/proc/self/fd/0")?.inode
        do { _ = try TCPClient(connectingTo: .v4(IPv4Address(127, 0, 0, 1)), port: server.port) }
        #expect(before != nil)
        #expect(try Files.status("/proc/self/fd/0")?.inode == before)
    }

    @Test("A server that takes no bytes blocks nobody") func full() throws {
        let server = try LoopbackServer(.ipv4)
        let client = try TCPClient(connectingTo: .v4(IPv4Address(127, 0, 0, 1)), port: server.port)
        try connect(client)
        let chunk = [UInt8](repeating: 0, count: 1 << 16)
        var sent = 0
        while sent < 64 << 20, case .bytes(let count) = try client.send(chunk.span.bytes) { sent += count }
        #expect(sent < 64 << 20)
        #expect(try client.send(chunk.span.bytes) == .wouldBlock)
    }
}
