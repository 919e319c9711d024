import Configuration
import Foundation
import Health
import LinuxWorld
import Primitives
import Probes
import Testing

@Suite struct MariaDBTests {
    @Test("Greeting, login, role and lag, in clear text and over TLS") func all() throws {
        let scratch = try Scratch("mariadb")
        let path = scratch.path
        let owner = geteuid() == 0 ? " --user=root" : ""
        try scratch.run(
            """
            set -e
            openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -subj /CN=x -days 3
            mariadb-install-db --no-defaults\(owner) --datadir=\(path)/data --skip-test-db \
                --auth-root-authentication-method=normal
            """)
        let users = try scratch.write(
            "users.sql",
            """
            CREATE USER checker@'%' IDENTIFIED BY 'secret';
            CREATE USER empty@'%';
            GRANT REPLICA MONITOR ON *.* TO checker@'%';
            """)
        let port = try TestServer.freePort()
        let server = try TestServer(
            "/usr/sbin/mariadbd", port: port,
            [
                "--no-defaults", "--datadir=\(path)/data", "--port=\(port)", "--bind-address=127.0.0.1",
                "--socket=\(path)/socket", "--pid-file=\(path)/pid", "--init-file=\(users)",
                "--ssl-cert=\(path)/cert.pem",
                "--ssl-key=\(path)/key.pem", "--skip-name-resolve", "--skip-log-bin",
            ] + (geteuid() == 0 ? ["--user=root"] : []))
        func probe(_ user: String?, _ password: String? = "secret", _ configure: (inout MySQLProbe) -> Void = { _ in })
            -> HealthCheck.Probe
        {
            var probe = MySQLProbe(loopback(server.port))
            probe.username = user
            probe.password = password.map { Secret(Array($0.utf8)) }
            configure(&probe)
            return .mysql(probe)
        }
        #expect(ask(probe(nil)) == .success)
        #expect(ask(probe("checker")) == .success)
        #expect(ask(probe("empty", nil)) == .success)
        #expect(
            reason(ask(probe("checker", "guess")))?.hasPrefix(
                "the login failed: 1045: Access denied for user 'checker'@")
                == true)
        #expect(ask(probe("checker") { $0.role = .primary }) == .success)
        #expect(reason(ask(probe("checker") { $0.role = .replica })) == "read_only is `0`, wanted a replica")
        #expect(ask(probe("checker") { $0.maximumLag = .seconds(5) }) == .success, "a primary is never behind")
        #expect(
            reason(ask(probe("empty", nil) { $0.maximumLag = .seconds(5) }))?.hasPrefix(
                "a query was refused: 1227: Access denied")
                == true)
        #expect(
            ask(
                probe("checker") {
                    $0.tls = true
                    $0.role = .primary
                }) == .success)
    }
}
