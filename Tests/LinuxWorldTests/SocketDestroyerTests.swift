import CLinux
import Netlink
import Primitives
import Testing

@testable import LinuxWorld

#if canImport(Glibc)
    import Glibc
#endif

@Suite(.enabled(if: isRoot, rootNeeded)) struct SocketDestroyerTests {
    /// A socket of IPv4, or of IPv6 that also takes IPv4.
    func open(_ type: __socket_type, _ family: Int32 = AF_INET) throws -> FileDescriptor {
        let number = socket(family, Int32(type.rawValue), 0)
        guard number >= 0 else { throw CommandFailed(description: "socket: \(errno)") }
        return FileDescriptor(owning: number)
    }

    func with<Result>(_ address: IPAddress, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result)
        -> Result
    {
        var bytes: [UInt8] = []
        address.append(to: &bytes)
        var storage = [UInt8](repeating: 0, count: 28)
        storage[0] = UInt8(address.family == .ipv4 ? AF_INET : AF_INET6)
        storage[2] = UInt8(port >> 8)
        storage[3] = UInt8(port & 255)
        storage.replaceSubrange(
            (address.family == .ipv4 ? 4 : 8)..<((address.family == .ipv4 ? 4 : 8) + bytes.count), with: bytes)
        return storage.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: sockaddr.self) { buffer in
                body(buffer.baseAddress!, address.family == .ipv4 ? 16 : 28)
            }
        }
    }

    /// A connection from `from` to a listener of IPv6 that takes all.
    func connect(
        _ listener: borrowing FileDescriptor, _ to: IPAddress, _ port: UInt16, in namespace: borrowing NetworkNamespace
    )
        throws -> (client: Kept, server: Kept)
    {
        let client = try namespace.run { () throws(SystemError) in
            FileDescriptor(owning: socket(to.family == .ipv4 ? AF_INET : AF_INET6, Int32(SOCK_STREAM.rawValue), 0))
        }
        let result = with(to, port) { Glibc.connect(client.rawValue, $0, $1) }
        guard result == 0 else { throw CommandFailed(description: "connect to \(to): \(errno)") }
        let server = accept(listener.rawValue, nil, nil)
        guard server >= 0 else { throw CommandFailed(description: "accept: \(errno)") }
        return (Kept(client), Kept(FileDescriptor(owning: server)))
    }

    func pending(_ descriptor: Int32) -> Int32 {
        var value: Int32 = 0
        var length = socklen_t(4)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &value, &length)
        return value
    }

    func finish(_ destroyer: inout SocketDestroyer) throws -> SocketDestroyer.Outcome {
        let deadline = BootClock.now() + .seconds(5)
        while BootClock.now() < deadline {
            if let outcome = try destroyer.advance() { return outcome }
            if !destroyer.isReady { _ = aloft_poll_one(destroyer.descriptor, 0, 100) }
        }
        throw CommandFailed(description: "the destroyer did not come to an end")
    }

    @Test("connections of released addresses end, others and listeners stay")
    func released() throws {
        let network = try TestNetwork("sd")
        try ip("-n \(network.left) address add 10.77.0.60/32 dev eth0")
        try ip("-n \(network.left) address add fd77::60/128 dev eth0 nodad")
        try ip("-n \(network.right) address add fd77::2/64 dev eth0 nodad")
        let left = try NetworkNamespace(named: network.left)
        let right = try NetworkNamespace(named: network.right)
        let own = try #require(IPAddress("10.77.0.1"))
        let vip = try #require(IPAddress("10.77.0.60"))
        let vip6 = try #require(IPAddress("fd77::60"))
        let any6 = try #require(IPAddress("::"))
        try ip("-n \(network.left) address add fd77::1/64 dev eth0 nodad")
        let listener = try left.run { () throws(SystemError) in
            FileDescriptor(owning: socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0))
        }
        #expect(with(any6, 4000) { bind(listener.rawValue, $0, $1) } == 0)
        #expect(listen(listener.rawValue, 64) == 0)
        let kept = try connect(listener, own, 4000, in: right)
        let four = try connect(listener, vip, 4000, in: right)
        let six = try connect(listener, vip6, 4000, in: right)
        // A client with the address as its own, of UDP: connected, and one that is only bound.
        func datagrams() throws(SystemError) -> FileDescriptor {
            FileDescriptor(owning: socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0))
        }
        let connected = try left.run { () throws(SystemError) in try datagrams() }
        let bound = try left.run { () throws(SystemError) in try datagrams() }
        #expect(with(vip, 5000) { bind(connected.rawValue, $0, $1) } == 0)
        #expect(with(try #require(IPAddress("10.77.0.2")), 5000) { Glibc.connect(connected.rawValue, $0, $1) } == 0)
        #expect(with(vip, 5001) { bind(bound.rawValue, $0, $1) } == 0)

        var destroyer = try left.run { () throws(SystemError) in try SocketDestroyer() }
        destroyer.release([vip6, vip])
        let isIdle = destroyer.isIdle
        #expect(!isIdle)
        let outcome = try finish(&destroyer)
        #expect(outcome.refused == 0, "\(outcome.errno)")
        #expect(outcome.destroyed == 3)
        let isIdleAgain = destroyer.isIdle
        #expect(isIdleAgain)
        #expect(pending(four.server.number) == ECONNABORTED)
        #expect(pending(six.server.number) == ECONNABORTED)
        #expect(pending(connected.rawValue) == ECONNABORTED)
        #expect(pending(kept.server.number) == 0 && pending(bound.rawValue) == 0)
        var byte: UInt8 = 7
        #expect(send(kept.server.number, &byte, 1, 0) == 1)
        let again = try connect(listener, vip, 4000, in: right)
        #expect(pending(again.server.number) == 0)

        // More than one round holds, and by hundreds of addresses.
        var many: [Kept] = []
        for _ in 0..<300 {
            let one = try connect(listener, vip, 4000, in: right)
            many.append(one.client)
            many.append(one.server)
        }
        destroyer.release([vip] + (0..<1000).map { .v4(IPv4Address(bits: 10 << 24 | 78 << 16 | UInt32($0))) })
        let start = BootClock.now()
        let all = try finish(&destroyer)
        print(
            "301 connections of one of 1,001 addresses ended in \((BootClock.now() - start).formattedSeconds(digits: 6)) s"
        )
        #expect(all.destroyed == 301 && all.refused == 0)
        withExtendedLifetime(many) {}
    }

    @Test("the condition jumps to its end from every address, and out of it behind the last")
    func condition() throws {
        let addresses = try ["10.0.0.1", "fd00::1", "10.0.0.2"].map { try #require(IPAddress($0)) }
        let code = SocketDiagnosisRequest.condition(addresses)
        // Comparisons of 16, 28 and 16 bytes, with two jumps of 4.
        #expect(code.count == 16 + 4 + 28 + 4 + 16)
        #expect(Array(code[0..<4]) == [7, 16, 20, 0])
        #expect(Array(code[16..<20]) == [1, 4, UInt8(4 + 28 + 4 + 16), 0])
        #expect(Array(code[20..<24]) == [7, 28, 32, 0])
        #expect(Array(code[48..<52]) == [1, 4, 20, 0])
        #expect(Array(code[52..<56]) == [7, 16, 20, 0])
    }
}

/// A descriptor that many hold.
final class Kept {
    let descriptor: FileDescriptor
    var number: Int32 { descriptor.rawValue }
    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }
}
