import Configuration
import Foundation
import Health
import LinuxWorld
import Primitives
import Probes
import Testing

@Suite struct RedisTests {
    private static func server(_ options: [String]) throws -> TestServer {
        let port = try TestServer.freePort()
        return try TestServer(
            "/usr/bin/redis-server", port: port,
            ["--port", "\(port)", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "/tmp"] + options)
    }

    private func probe(_ port: UInt16, _ configure: (inout RedisProbe) -> Void = { _ in }) -> HealthCheck.Probe {
        var probe = RedisProbe(loopback(port))
        configure(&probe)
        return .redis(probe)
    }

    @Test("Ready, its role, its link and its lag") func replication() throws {
        let primary = try Self.server([])
        let replica = try Self.server(["--replicaof", "127.0.0.1 \(primary.port)", "--repl-diskless-sync-delay", "0"])
        #expect(ask(probe(primary.port)) == .success)
        #expect(ask(probe(primary.port) { $0.role = .primary }) == .success)
        #expect(
            reason(ask(probe(primary.port) { $0.role = .replica })) == "the server is a primary, wanted a replica")
        #expect(
            reason(ask(probe(replica.port) { $0.role = .primary })) == "the server is a replica, wanted a primary")
        let whole = probe(replica.port) {
            $0.role = .replica
            $0.requiresLink = true
            $0.maximumLag = .seconds(20)
        }
        let limit = BootClock.now() + .seconds(30)
        while ask(whole) != .success, BootClock.now() < limit { usleep(50_000) }
        #expect(ask(whole) == .success)
        primary.stop()
        let broken = try #require(reason(ask(whole)))
        #expect(broken.hasPrefix("the link to the primary is down"))
    }

    @Test("A password, and a user with one") func passwords() throws {
        let server = try Self.server(["--requirepass", "secret word", "--user", "checker", "on", ">its own", "+ping"])
        #expect(ask(probe(server.port) { $0.password = Secret(Array("secret word".utf8)) }) == .success)
        #expect(reason(ask(probe(server.port)))?.hasPrefix("the server wants a password (") == true)
        #expect(
            reason(ask(probe(server.port) { $0.password = Secret(Array("guess".utf8)) }))?
                .hasPrefix("the password is wrong (the answer to AUTH: `WRONGPASS") == true)
        let user = probe(server.port) {
            $0.username = "checker"
            $0.password = Secret(Array("its own".utf8))
        }
        #expect(ask(user) == .success)
        let more = probe(server.port) {
            $0.username = "checker"
            $0.password = Secret(Array("its own".utf8))
            $0.role = .primary
        }
        #expect(reason(ask(more))?.hasPrefix("this user may not ask (") == true)
    }
}
