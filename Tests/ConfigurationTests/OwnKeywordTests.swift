import ConfigLanguage
import Primitives
import Testing

@testable import Configuration

/// Keywords of servers that keepalived has not.
@Suite struct OwnKeywordTests {
    let rip = IPAddress.v4(IPv4Address(10, 0, 0, 5))

    func servers(_ text: String) throws -> [VirtualServer] {
        let loaded = Configuration.load(text: text + instance())
        return try #require(loaded.model, "\(loaded.renderedDiagnostics())").virtualServers
    }

    func check(_ text: String, outside: String = "") throws -> HealthCheck {
        try #require(try servers(realServer(text) + outside)[0].realServers[0].checks.first)
    }

    @Test("The checks of databases have every keyword's value, and either word for a role")
    func databases() throws {
        let connection = HealthCheck.Connection(rip, port: 80)
        var redis = RedisProbe(connection)
        #expect(try check("REDIS_CHECK {\n}").probe == .redis(redis))
        redis.tls = true
        redis.username = "probe"
        redis.password = Secret(Array("a word".utf8))
        redis.role = .replica
        redis.requiresLink = true
        redis.maximumLag = .milliseconds(12_500)
        for role in ["replica", "slave"] {
            let text =
                "REDIS_CHECK {\ntls\nusername probe\npassword \"a word\"\nrole \(role)\nrequire_link\nmax_lag 12.5\n}"
            #expect(try check(text).probe == .redis(redis))
        }

        var mysql = MySQLProbe(connection)
        #expect(try check("MYSQL_CHECK {\n}").probe == .mysql(mysql))
        mysql.tls = true
        mysql.username = "probe"
        mysql.password = Secret(Array("p".utf8))
        mysql.role = .primary
        for role in ["primary", "master"] {
            let text = "MYSQL_CHECK {\ntls on\nusername probe\npassword p\nrole \(role)\n}"
            #expect(try check(text).probe == .mysql(mysql))
        }
        mysql.role = nil
        mysql.maximumLag = .zero
        #expect(
            try check("MYSQL_CHECK {\ntls\nusername probe\npassword p\nmax_lag 0\n}").probe == .mysql(mysql))

        var postgres = PostgresProbe(connection)
        #expect(postgres.username == "postgres" && postgres.database == "postgres")
        #expect(try check("PGSQL_CHECK {\n}").probe == .postgres(postgres))
        postgres.tls = true
        postgres.username = "probe"
        postgres.password = Secret(Array("p".utf8))
        postgres.database = "app"
        postgres.role = .replica
        postgres.maximumLag = .seconds(3)
        #expect(
            try check("PGSQL_CHECK {\ntls\nusername probe\npassword p\ndatabase app\nrole replica\nmax_lag 3\n}").probe
                == .postgres(postgres))

        var grpc = GRPCProbe(connection)
        #expect(try check("GRPC_CHECK {\n}").probe == .grpc(grpc))
        grpc.authority = "rs.example.org"
        #expect(try check("GRPC_CHECK {\n}\nvirtualhost rs.example.org").probe == .grpc(grpc))
        grpc.tls = true
        grpc.service = "shop.Cart"
        grpc.authority = "cart.example.org"
        #expect(
            try check("GRPC_CHECK {\ntls\nservice shop.Cart\nvirtualhost cart.example.org\n}\nvirtualhost x").probe
                == .grpc(grpc))
    }

    @Test(
        "They are asked where and when other checks are, and the real server's port is their default",
        arguments: ["REDIS_CHECK", "MYSQL_CHECK", "PGSQL_CHECK", "GRPC_CHECK"])
    func asking(_ kind: String) throws {
        let check = try check(
            "\(kind) {\nconnect_ip 10.9.0.5\nconnect_port 7000\nbindto 10.9.0.1\nbind_if eth9\nfwmark 7\nconnect_timeout 2\n"
                + "retry 4\nrise 2\ndelay_before_retry 0.5\nwarmup 1\ndelay_loop 3\nalpha\nlog_all_failures\n}")
        var connection = HealthCheck.Connection(.v4(IPv4Address(10, 9, 0, 5)), port: 7000)
        connection.source = .v4(IPv4Address(10, 9, 0, 1))
        connection.interface = "eth9"
        connection.mark = 7
        connection.timeout = .seconds(2)
        switch check.probe {
        case .redis(let probe): #expect(probe.connection == connection)
        case .mysql(let probe): #expect(probe.connection == connection)
        case .postgres(let probe): #expect(probe.connection == connection)
        case .grpc(let probe): #expect(probe.connection == connection)
        default: Issue.record("\(check.probe)")
        }
        #expect(check.retry == 4 && check.rise == 2 && check.delayBeforeRetry == .milliseconds(500))
        #expect(check.warmup == .seconds(1) && check.delayLoop == .seconds(3) && check.alpha && check.logAllFailures)
        let bare = try self.check("\(kind) {\n}")
        #expect(bare.retry == 1 && bare.rise == 1 && bare.delayBeforeRetry == .seconds(1) && bare.keyword == kind)
        // Neither the real server nor a mark has a port.
        let portless = "virtual_server fwmark 5 {\nreal_server 10.0.0.5 {\n\(kind) {\n}\n}\n}\n"
        #expect(serverFaults(portless) == ["3:1 error config.server.check-port"])
        #expect(
            serverFaults(realServer("\(kind) {\n}", speaks: "protocol UDP")) == [
                "4:1 note config.server.check-protocol"
            ])
    }

    @Test("An HTTP check has its method, headers, body and what the certificate must be")
    func requests() throws {
        let text = """
            SSL_GET {
            method PURGE
            body '{"a": "b # c"}'
            tls_verify
            tls_min_days 14
            sni_name example.org
            header "Authorization: Bearer x"
            url {
            path /
            json status
            json checks.0.state 'all good'
            json empty ""
            }
            }
            """
        guard case .https(let http) = try check(text, outside: "SSL {\nca /etc/ca.pem\n}\n").probe else {
            Issue.record("not SSL_GET")
            return
        }
        #expect(http.method == "PURGE" && http.body == #"{"a": "b # c"}"#)
        #expect(http.verification.chain && http.verification.minimumDays == 14)
        #expect(http.headers == [HTTPProbe.Header(name: "Authorization", value: "Bearer x")])
        #expect(
            http.urls[0].json == [
                .init(path: "status"), .init(path: "checks.0.state", value: "all good"),
                .init(path: "empty", value: ""),
            ])
        guard case .http(let bare) = try check("HTTP_GET {\nurl {\npath /\njson a\n}\n}").probe else { return }
        #expect(bare.method == "GET" && bare.headers.isEmpty && bare.body == nil && !bare.verification.chain)
    }

    @Test(
        "A header is a name and a value, with or without a colon, in one word or several",
        arguments: [
            ("\"Authorization: Bearer x\"", "Authorization", "Bearer x"), ("Accept text/plain", "Accept", "text/plain"),
            ("Authorization: Bearer x", "Authorization", "Bearer x"),
            ("Authorization Bearer x", "Authorization", "Bearer x"),
            ("Authorization \"Bearer x\"", "Authorization", "Bearer x"), ("X-Time \"12:30\"", "X-Time", "12:30"),
            ("X-Time: 12:30", "X-Time", "12:30"), ("X-Empty:", "X-Empty", ""), ("X-Empty \"\"", "X-Empty", ""),
            ("\"X-A:b\"", "X-A", "b"), ("X-A : b", "X-A", "b"), ("If-None-Match '\"abc\"'", "If-None-Match", "\"abc\""),
        ])
    func headers(_ text: String, _ name: String, _ value: String) throws {
        let probe = try check("HTTP_GET {\nheader \(text)\nheader X-Last y\nurl {\npath /\njson a\n}\n}").probe
        guard case .http(let http) = probe else {
            Issue.record("\(probe)")
            return
        }
        #expect(http.headers == [.init(name: name, value: value), .init(name: "X-Last", value: "y")])
    }

    @Test("rise, drain_timeout and slow_start are inherited, and 0 undoes what is inherited")
    func inheritance() throws {
        let server = try servers(
            """
            virtual_server 10.0.0.1 80 {
                protocol TCP
                rise 3
                drain_timeout 60
                slow_start 30.5
                weight 10
                real_server 10.0.0.5 80 {
                    TCP_CHECK {
                    }
                    PING_CHECK {
                        rise 7
                    }
                }
                real_server 10.0.0.6 80 {
                    rise 5
                    drain_timeout 0
                    slow_start 0
                    TCP_CHECK {
                    }
                }
                real_server 10.0.0.7 80 {
                    drain_timeout 0.25
                    slow_start 1
                    MISC_CHECK {
                        misc_path /bin/true
                    }
                }
            }

            """)[0]
        #expect(server.drainTimeout == .seconds(60) && server.slowStart == .milliseconds(30_500))
        #expect(server.realServers.map(\.drainTimeout) == [.seconds(60), nil, .milliseconds(250)])
        #expect(server.realServers.map(\.slowStart) == [.milliseconds(30_500), nil, .seconds(1)])
        #expect(server.realServers.flatMap { $0.checks.map(\.rise) } == [3, 7, 5, 3])
        #expect(server.timing.rise == 3 && server.realServers.map(\.timing.rise) == [3, 5, 3])
        let plain = try servers(virtualServer())[0]
        #expect(plain.drainTimeout == nil && plain.realServers[0].slowStart == nil && plain.timing.rise == nil)
    }

    @Test("The data plane is the one that is written, or chosen where it runs")
    func plane() throws {
        func plane(_ line: String) throws -> ForwardingSettings.Plane {
            let loaded = Configuration.load(text: "global_defs {\n\(line)\n}\n" + instance())
            return try #require(loaded.model).global.forwarding.plane
        }
        #expect(try plane("") == .automatic && plane("data_plane auto") == .automatic)
        #expect(try plane("data_plane ipvs") == .ipvs && plane("data_plane nftables") == .nftables)
    }

    // MARK: What is shown

    @Test("Passwords and headers are in no diagnostic and no listing; what they are called is")
    func secrets() throws {
        let faulty = OwnKeywordFaultTests.http("header Authorization: rosebud\nheader X-A")
        let rendered = Configuration.load(text: faulty + realServer("REDIS_CHECK {\npassword rosebud x\n}"))
            .renderedDiagnostics()
        #expect(rendered.contains("config.value.missing") && rendered.contains("config.value.extra"))
        #expect(!rendered.contains("rosebud"))
        let names = ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "proxy-authorization", "X_SECRET"]
        let headers = names.map { "header \($0) rosebud" }.joined(separator: "\n")
        let databases = ["REDIS", "MYSQL", "PGSQL"].map { "\($0)_CHECK {\ntls\nusername a\npassword rosebud\n}\n" }
        let text =
            OwnKeywordFaultTests.http(headers + "\nheader Accept text/plain")
            + realServer(databases.joined()).replacing80
        let model = try #require(Configuration.load(text: text + instance()).model)
        let dump = ConfigurationDump(model)
        var json = JSONWriter()
        dump.write(to: &json)
        for listing in [dump.text, json.text] {
            #expect(!listing.contains("rosebud"))
            #expect(listing.contains("X-Api-Key: •••") && listing.contains("Accept: text/plain"))
        }
        #expect(dump.text.contains("password = •••") && json.text.contains(#""password":"•••""#))
    }

    @Test("What keepalived has not is listed behind the rest, and leaves the rest as it was")
    func listing() throws {
        func dump(_ globals: String, _ server: String, _ check: String, _ url: String) throws -> String {
            let text =
                "global_defs {\n\(globals)\n}\n"
                + OwnKeywordFaultTests.http(check, url).replacing("protocol TCP", with: "protocol TCP\n\(server)")
            return ConfigurationDump(try #require(Configuration.load(text: text + instance()).model)).text
        }
        let plain = try dump("", "weight 9", "", "status_code 200")
        #expect(!plain.contains("Beyond"))
        let own = try dump(
            "data_plane nftables", "weight 9\ndrain_timeout 30\nslow_start 5\nrise 2", "method POST\nbody x",
            "status_code 200\njson a b")
        let expected = """
            ------< Beyond keepalived >------
             data_plane = nftables
             [10.0.0.1]:tcp:80
               drain_timeout = 30
               slow_start = 5
               rise = 2
             [10.0.0.1]:tcp:80 -> [10.0.0.5]:tcp:80
               drain_timeout = 30
               slow_start = 5
               rise = 2
             [10.0.0.1]:tcp:80 -> [10.0.0.5]:tcp:80 HTTP_GET
               rise = 2
               method = POST
               body = x
               json of / = a b

            """
        #expect(own == plain + expected)
    }
}

extension String {
    /// Another service than the first.
    fileprivate var replacing80: String { replacing("10.0.0.1 80", with: "10.0.0.1 81") }
}
