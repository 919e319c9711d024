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
            var socket = try Self.inside(network.left) { (_) throws(SystemError) in
                try ClaimSocket(family, addresses: [wanted])
            }
            var claims: [AddressClaim] = []
            func listen() throws { while try socket.receive({ claim, _ in claims.append(claim) }) > 0 {} }
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
        var socket = try Self.inside(network.left) { (_) throws(SystemError) in
            try ClaimSocket(.ipv4, addresses: many)
        }
        try Self.announce([last], in: network.right, times: 5000)
        var count = 0
        var calls = 0
        while try socket.receive({ _, _ in count += 1 }) > 0 { calls += 1 }
        #expect(count > 0 && count < 1000, "\(count) in \(calls) calls")
    }

    @Test("One that goes down or away wakes nobody and is no error; the others are heard, with their name") func gone()
        throws
    {
        let network = try TestNetwork("cg")
        let wanted = try #require(IPAddress("10.77.0.9"))
        let interface = try Self.inside(network.left) { (interface) throws(SystemError) in interface }
        var socket = try Self.inside(network.left) { (_) throws(SystemError) in
            try ClaimSocket(.ipv4, addresses: [wanted])
        }
        var poller = try Poller(capacity: 4)
        try poller.add(socket.descriptor, token: 7)
        try ip("-n \(network.left) link add other type veth peer name another")
        try ip("-n \(network.left) link set other up")
        try ip("-n \(network.left) link set other down")
        #expect(try poller.wait(until: BootClock.now() + .milliseconds(50)) == 0)
        try Self.announce([wanted], in: network.right)
        var found: [InterfaceIndex] = []
        try eventually("the claim of \(wanted)") {
            _ = try socket.receive { found.append($1) }
            return !found.isEmpty
        }
        #expect(found == [interface])
        try ip("-n \(network.left) link set eth0 down")
        #expect(try poller.wait(until: BootClock.now() + .milliseconds(50)) == 0)
        try ip("-n \(network.left) link del eth0")
        #expect(try poller.wait(until: BootClock.now() + .milliseconds(50)) == 0)
        #expect(try socket.receive { _, _ in } == 0)
    }
}
