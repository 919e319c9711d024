import Configuration
import Foundation
import Health
import LinuxWorld
import Primitives
import Probes
import Testing

@Suite(.enabled(if: geteuid() == 0, "needs root: it creates a network namespace")) struct PingTests {
    /// Runs `body` on this thread in a namespace of its own, whose loopback is up.
    private func inNamespace(_ body: () throws -> Void) throws {
        let before = try NetworkNamespace.current()
        try NetworkNamespace.unshare()
        defer {
            do { try before.enter() } catch { Issue.record(error) }
        }
        let scratch = try Scratch("ping")
        try scratch.run(
            "ip link set lo up && ip link add dummy type veth peer name other && ip addr add 192.0.2.1/24 dev dummy && ip link set dummy up && ip link set other up"
        )
        try body()
    }

    private func ping(_ address: String, timeout: Duration = .seconds(5)) throws -> Verdict? {
        var connection = HealthCheck.Connection(try #require(IPAddress(address)), port: 0)
        connection.timeout = timeout
        return ask(.ping(connection))
    }

    @Test("Echoes of both families, once this group may ask; a host that is not there") func echo() throws {
        try inNamespace { () throws in
            #expect(
                try obstacle(ping("127.0.0.1"))
                    == "this host cannot ask: cannot open a ping socket: this group is not in net.ipv4.ping_group_range"
            )
            let former = try #require(try PingPermission.allow())
            #expect(try PingPermission.allow() == nil, "nothing is left to do")
            #expect(try ping("127.0.0.1") == .success)
            #expect(try ping("::1") == .success)
            #expect(
                try reason(ping("192.0.2.9", timeout: .milliseconds(300)))
                    == "timed out after 0.3 s while waiting for the echo")
            #expect(try reason(ping("198.51.100.1")) == "the network is unreachable")
            PingPermission.restore(former)
            #expect(try obstacle(ping("127.0.0.1")) != nil, "as it was before")
        }
    }

    @Test("The right is taken from no group that has it") func grows() throws {
        try inNamespace { () throws in
            try Sysctl.write("net/ipv4/ping_group_range", "7 9")
            #expect(try PingPermission.allow() == "7\t9")
            #expect(try Sysctl.read("net/ipv4/ping_group_range") == "\(min(getegid(), 7))\t\(max(getegid(), 9))")
        }
    }

    @Test("The mark is on the packets of a check: a rule by it decides their way") func mark() throws {
        try inNamespace { () throws in
            try PingPermission.allow()
            try Scratch("rule").run("ip rule add fwmark 7 unreachable")
            var connection = HealthCheck.Connection(try #require(IPAddress("192.0.2.1")), port: 0)
            connection.address = try #require(IPAddress("192.0.2.77"))
            connection.timeout = .milliseconds(200)
            #expect(reason(ask(.ping(connection))) == "timed out after 0.2 s while waiting for the echo")
            connection.mark = 7
            #expect(reason(ask(.ping(connection))) == "the network is unreachable")
        }
    }
}
