import Configuration
import Foundation
import Health
import LinuxWorld
import Primitives
import Probes
import Testing

/// A cluster of PostgreSQL with users of every kind of password, and TLS.
final class PostgresCluster {
    let port: UInt16
    let scratch: Scratch
    private var server: TestServer?
    private let programs: String

    /// postgres does not run as root.
    private static let user: ProcessIdentity? = {
        guard geteuid() == 0, let entry = getpwnam("postgres") else { return nil }
        return ProcessIdentity(uid: entry.pointee.pw_uid, gid: entry.pointee.pw_gid, groups: [])
    }()

    private init(_ programs: String) throws {
        self.programs = programs
        scratch = try Scratch("postgres")
        port = try TestServer.freePort()
        if let user = Self.user { chown(scratch.path, user.uid, user.gid) }
    }

    private static func programs() throws -> String {
        let versions = try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql").sorted()
        return "/usr/lib/postgresql/\(try #require(versions.last))/bin"
    }

    static func primary() throws -> PostgresCluster {
        let cluster = try PostgresCluster(programs())
        let path = cluster.scratch.path
        try cluster.scratch.run(
            """
            set -e
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -subj /CN=x -days 3
            """)
        try cluster.asUser("\(cluster.programs)/initdb -N -A trust -U postgres \(path)/data")
        _ = try cluster.scratch.write(
            "data/pg_hba.conf",
            """
            host all scram all scram-sha-256
            host all hashed all md5
            host all plain all password
            hostssl all secure all scram-sha-256
            hostssl all plainsecure all password
            host all postgres all trust
            host replication postgres all trust
            """)
        try cluster.scratch.run("cp key.pem cert.pem data; chmod 600 data/key.pem; chown --reference=data data/*")
        try cluster.start("-c ssl=on -c ssl_cert_file=cert.pem -c ssl_key_file=key.pem")
        try cluster.asUser(
            """
            \(cluster.programs)/psql -h 127.0.0.1 -p \(cluster.port) -U postgres -v ON_ERROR_STOP=1 \
            -c "create role scram login password 'secret'; create role secure login password 'secret';" \
            -c "create role plain login password 'secret'; create role plainsecure login password 'secret';" \
            -c "set password_encryption=md5; create role hashed login password 'secret';"
            """)
        return cluster
    }

    /// A standby that follows `other`.
    static func standby(of other: PostgresCluster) throws -> PostgresCluster {
        let cluster = try PostgresCluster(other.programs)
        try cluster.asUser(
            "\(cluster.programs)/pg_basebackup -h 127.0.0.1 -p \(other.port) -U postgres -R -c fast -D \(cluster.scratch.path)/data"
        )
        try cluster.start("-c hot_standby=on")
        return cluster
    }

    private func asUser(_ command: String) throws {
        let file = try scratch.write("command.sh", "cd /tmp\n" + command + "\n")
        let prefix = Self.user.map { "setpriv --reuid \($0.uid) --regid \($0.gid) --clear-groups " } ?? ""
        try scratch.run("\(prefix)sh \(file)")
    }

    private func start(_ options: String) throws {
        let arguments = ["-D", "\(scratch.path)/data", "-p", "\(port)", "-h", "127.0.0.1", "-k", scratch.path, "-F"]
        server = try TestServer(
            "\(programs)/postgres", port: port, arguments + options.split(separator: " ").map(String.init),
            as: Self.user)
    }

    func probe(_ user: String, _ password: String? = "secret", _ configure: (inout PostgresProbe) -> Void = { _ in })
        -> HealthCheck.Probe
    {
        var probe = PostgresProbe(loopback(port))
        probe.username = user
        probe.password = password.map { Secret(Array($0.utf8)) }
        configure(&probe)
        return .postgres(probe)
    }

    func waitUntilReady() {
        let limit = BootClock.now() + .seconds(30)
        while ask(probe("postgres", nil)) != .success, BootClock.now() < limit { usleep(50_000) }
    }
}

@Suite struct PostgresTests {
    @Test("Logins by every kind of password, in clear text only inside TLS, and the role and lag of a standby")
    func all()
        throws
    {
        let primary = try PostgresCluster.primary()
        primary.waitUntilReady()
        for user in ["scram", "hashed"] {
            #expect(ask(primary.probe(user) { $0.database = "postgres" }) == .success)
            let wrong = try #require(reason(ask(primary.probe(user, "guess"))))
            #expect(wrong == "FATAL 28P01: password authentication failed for user \"\(user)\"")
            #expect(
                reason(ask(primary.probe(user, nil))) == "the server wants a password, and none is configured")
        }
        #expect(
            reason(ask(primary.probe("plain")))
                == "the server wants the password in clear text, which is sent only inside TLS")
        for user in ["plain", "secure", "plainsecure", "hashed"] {
            #expect(ask(primary.probe(user) { $0.tls = true }) == .success, "\(user)")
        }
        #expect(
            reason(ask(primary.probe("nobody")))?.hasPrefix("FATAL 28000: no pg_hba.conf entry for host \"127.0.0.1\"")
                == true)
        #expect(
            reason(ask(primary.probe("scram") { $0.database = "nothing" }))
                == "FATAL 3D000: database \"nothing\" does not exist")
        #expect(ask(primary.probe("scram") { $0.role = .primary }) == .success)
        #expect(
            reason(ask(primary.probe("scram") { $0.role = .replica }))
                == "the server is not in recovery, wanted a replica")

        let standby = try PostgresCluster.standby(of: primary)
        standby.waitUntilReady()
        let following = standby.probe("postgres", nil) {
            $0.role = .replica
            $0.maximumLag = .seconds(30)
        }
        #expect(ask(following) == .success)
        #expect(
            reason(ask(standby.probe("postgres", nil) { $0.role = .primary }))
                == "the server is in recovery, wanted a primary")
        #expect(reason(ask(standby.probe("postgres", nil) { $0.tls = true })) == "the server does not offer TLS")
    }
}
