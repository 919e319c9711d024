import LinuxWorld
import Primitives
import Testing
import VRRP

/// What the kernel lets through to a socket that hears claims.
@Suite(.serialized, .enabled(if: isRoot, rootNeeded)) struct ClaimTests {
    static let mac = MACAddress(bits: 0x0200_5E00_0133)

    /// In the namespace, with its interface.
    static func inside<Value: ~Copyable>(
        _ namespace: String, _ body: (InterfaceIndex) throws(SystemError) -> Value
    ) throws -> Value {
        try NetworkNamespace(named: namespace).run { () throws(SystemError) in
            guard let interface = Host.interface(named: "eth0") else {
                throw SystemError(.socket, .noDevice, "find eth0")
            }
            return try body(interface)
        }
    }

    static func announce(_ addresses: [IPAddress], in namespace: String, times: Int = 1) throws {
        let interface = try inside(namespace) { (interface) throws(SystemError) in interface }
        var socket = try inside(namespace) { (_) throws(SystemError) in try PacketSocket() }
        for _ in 0..<times {
            for address in addresses {
                socket.append(on: interface) { $0 += AnnouncementFrame.bytes(for: address, from: mac, isRouter: false) }
            }
            socket.flush()
        }
    }

    @Test("Of two families, addresses that are listened for are heard, others and one's own are not") func heard()
        throws
    {
        let network = try TestNetwork("cl")
        for (family, text, other) in [(AddressFamily.ipv4, "10.77.0.9", "10.77.0.8"), (.ipv6, "fd77::9", "fd77::8")] {
            let wanted = try #require(IPAddress(text))
            let unwanted = try #require(IPAddress(other))
            var socket = try Self.inside(network.left) { (interface) throws(SystemError) in
                try ClaimSocket(family, interface: interface, addresses: [wanted])
            }
            var claims: [AddressClaim] = []
            func listen() throws { while try socket.receive({ claims.append($0) }) > 0 {} }
            // What this host sends is no news.
            try Self.announce([wanted], in: network.left)
            try Self.announce([unwanted, wanted, unwanted], in: network.right)
            try eventually("the claim of \(wanted)") {
                try listen()
                return !claims.isEmpty
            }
            #expect(claims == [AddressClaim(address: wanted, mac: Self.mac)])
            // Another list, and the same socket.
            claims = []
            try socket.listen(for: [unwanted])
            try Self.announce([wanted, unwanted], in: network.right)
            try eventually("the claim of \(unwanted)") {
                try listen()
                return !claims.isEmpty
            }
            #expect(claims == [AddressClaim(address: unwanted, mac: Self.mac)])
        }
    }

    @Test("1024 addresses fit into the filter; of a flood the kernel keeps a little and drops the rest") func flood()
        throws
    {
        let network = try TestNetwork("cf")
        let many = (0..<1024).map { IPAddress.v4(IPv4Address(bits: 0x0A4D_1000 + UInt32($0))) }
        let last = try #require(many.last)
        var socket = try Self.inside(network.left) { (interface) throws(SystemError) in
            try ClaimSocket(.ipv4, interface: interface, addresses: many)
        }
        try Self.announce([last], in: network.right, times: 5000)
        var count = 0
        var calls = 0
        while try socket.receive({ _ in count += 1 }) > 0 { calls += 1 }
        #expect(count > 0 && count < 1000, "\(count) in \(calls) calls")
    }

    @Test("An interface that goes away, or never was, is an error and no trap") func gone() throws {
        let network = try TestNetwork("cg")
        #expect(throws: SystemError.self) {
            _ = try Self.inside(network.left) { (_) throws(SystemError) in
                try ClaimSocket(.ipv4, interface: InterfaceIndex(9999), addresses: [])
            }
        }
        var socket = try Self.inside(network.left) { (interface) throws(SystemError) in
            try ClaimSocket(.ipv4, interface: interface, addresses: [])
        }
        try ip("-n \(network.left) link del eth0")
        _ = try? socket.receive { _ in }
        #expect(try socket.receive { _ in } == 0)
    }
}
