import Configuration
import Foundation
import Health
import LinuxWorld
import Primitives
import Probes
import Testing

@Suite struct PlainProbeTests {
    @Test("TCP: a port that listens, one that does not, an address without a host") func tcp() throws {
        let server = try TestServer("silent")
        #expect(ask(.tcp(loopback(server.port))) == .success)
        let port = server.port
        server.stop()
        #expect(reason(ask(.tcp(loopback(port)))) == "connection refused")
    }

    @Test("A check that gets no answer to its SYN fails at its time, and says so") func connectTimeout() throws {
        // A listener whose queue is full answers no SYN.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(listener, pointer, size) == 0 && listen(listener, 0) == 0
                    && getsockname(listener, pointer, &size) == 0
            }
        }
        try #require(bound)
        let connection = loopback(UInt16(bigEndian: address.sin_port), timeout: .milliseconds(200))
        let verdicts = (0..<4).map { _ in ask(.tcp(connection)) }
        #expect(verdicts.last == .failure("timed out after 0.2 s while connecting"))
    }

    @Test("SMTP, DNS and UDP against servers that speak them") func protocols() throws {
        let smtp = try TestServer("smtp")
        #expect(ask(.smtp(SMTPProbe(hosts: [loopback(smtp.port)]))) == .success)
        let refusing = try TestServer("smtp", "502 no")
        #expect(
            reason(ask(.smtp(SMTPProbe(hosts: [loopback(smtp.port), loopback(refusing.port)]))))
                == "127.0.0.1: SMTP HELO was answered `502 no`, wanted 250")
        let dns = try TestServer("dns")
        #expect(ask(.dns(DNSProbe(loopback(dns.port)))) == .success)
        let failing = try TestServer("dns", "2")
        #expect(reason(ask(.dns(DNSProbe(loopback(failing.port))))) == "DNS SERVFAIL")
    }

    @Test("UDP: a reply, a wrong one, silence, and a port that nobody listens on") func udp() throws {
        var probe = UDPProbe(loopback(try TestServer.freePort(), timeout: .milliseconds(300)))
        #expect(reason(ask(.udp(probe))) == "connection refused")
        let mute = try TestServer("mute")
        probe.connection.port = mute.port
        #expect(ask(.udp(probe)) == .success)
        probe.requiresReply = true
        #expect(reason(ask(.udp(probe))) == "timed out after 0.3 s while waiting for a reply")
        let echo = try TestServer("udp")
        probe.connection.port = echo.port
        #expect(ask(.udp(probe)) == .success)
        probe.reply = .init(bytes: [1], mask: [0xFF])
        probe.payload = [1, 2]
        #expect(ask(.udp(probe)) == .success)
        probe.payload = [2]
        #expect(reason(ask(.udp(probe))) == "byte 0 of the reply is 0x02, wanted 0x01")
    }

    @Test("A source address and port are used, and one that this host does not have is named") func source() throws {
        let server = try TestServer("silent")
        var connection = loopback(server.port)
        connection.source = .v4(IPv4Address(127, 0, 0, 9))
        #expect(ask(.tcp(connection)) == .success)
        connection.source = .v4(IPv4Address(192, 0, 2, 200))
        #expect(
            obstacle(ask(.tcp(connection)))?.hasPrefix("this host cannot ask: cannot use the source 192.0.2.200: ")
                == true)
        connection.source = nil
        connection.interface = "nothere0"
        #expect(
            obstacle(ask(.tcp(connection)))?.hasPrefix("this host cannot ask: cannot use the interface nothere0: ")
                == true)
        connection.interface = "lo"
        #expect(ask(.tcp(connection)) == .success)
    }

    @Test("A TCP check ends its connection in good order, not with a reset") func goodOrder() throws {
        let server = try TestServer("count")
        #expect(ask(.tcp(loopback(server.port))) == .success)
        #expect(try server.nextLine() == "end")
    }

    @Test("A cancelled check says nothing, and its connection is closed") func cancel() throws {
        let server = try TestServer("count")
        let prober = try Prober()
        var verdict: Verdict?
        let probe = HealthCheck.Probe.http(http(server.port))
        let handle = try #require(prober.start(probe, at: BootClock.now()) { verdict = $0 })
        try prober.wait(until: BootClock.now() + .milliseconds(200))
        prober.cancel(handle)
        prober.cancel(handle)
        #expect(prober.count == 0)
        #expect(try server.nextLine() == "end")
        try prober.run(at: BootClock.now() + .seconds(100))
        #expect(verdict == nil)
        // The handle is used up: whoever has the slot now is not cancelled by it.
        prober.start(probe, at: BootClock.now()) { verdict = $0 }
        prober.cancel(handle)
        #expect(prober.count == 1)
    }

    @Test("Hundreds of checks at a time each get their own verdict") func many() throws {
        let good = try TestServer("smtp")
        let bad = try TestServer("smtp", "554 no")
        let prober = try Prober()
        var verdicts: [Int: Bool] = [:]
        for index in 0..<400 {
            let probe = SMTPProbe(hosts: [loopback(index % 3 == 0 ? bad.port : good.port)])
            prober.start(.smtp(probe), at: BootClock.now()) { verdicts[index] = $0 == .success }
        }
        let limit = BootClock.now() + .seconds(30)
        while prober.count > 0, BootClock.now() < limit { try prober.wait(until: limit) }
        #expect(verdicts.count == 400 && verdicts.allSatisfy { $0.value == ($0.key % 3 != 0) })
    }
}

@Suite struct HostileServerTests {
    /// Every one of these costs one failed check, within its time.
    @Test(
        "A hostile server costs one failed check",
        arguments: [
            ("headers", "the headers are longer than 65536 bytes"), ("body", "the body is longer than 64 MB"),
            ("drip", "timed out after 0.5 s while waiting for the end of the headers"),
            ("silent", "timed out after 0.5 s while waiting for the status line"),
            ("reset", "the server reset the connection"),
            ("count", "timed out after 0.5 s while waiting for the status line"),
        ]) func http(_ kind: String, _ expected: String) throws
    {
        let server = try TestServer(kind)
        let before = BootClock.now()
        let probe = ProbesTests.http(server.port, timeout: .milliseconds(kind == "body" ? 20000 : 500))
        #expect(reason(ask(.http(probe))) == expected)
        if kind != "body" { #expect(BootClock.now() - before < .seconds(5)) }
    }

    @Test("A compressed bomb is never decompressed") func bomb() throws {
        let server = try TestServer("bomb")
        let probe = ProbesTests.http(server.port, timeout: .seconds(20)) { $0.json = [.init(path: "a")] }
        #expect(reason(ask(.http(probe)))?.hasPrefix("the body is no JSON") == true)
    }

    @Test(
        "Half a TLS record, another protocol, a closed door",
        arguments: [
            ("half_record", "", "timed out after 0.5 s within the TLS handshake"),
            ("plain", "HTTP/1.0 400 Bad\\r\\n\\r\\n", "TLS: the server does not speak TLS"),
            ("plain", "", "TLS: the server closed the connection within the handshake"),
            ("reset", "", "timed out after 0.5 s within the TLS handshake"),
            ("plain", "\\x15\\x03\\x03\\x00\\x02\\x02\\x28", "TLS: sslv3 alert handshake failure"),
        ]) func tls(_ kind: String, _ argument: String, _ expected: String) throws
    {
        let server = try TestServer(kind, argument)
        #expect(reason(ask(.https(ProbesTests.http(server.port, timeout: .milliseconds(500))))) == expected)
    }
}
