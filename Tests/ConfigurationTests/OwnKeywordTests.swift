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

    // MARK: Faults

    static func http(_ own: String, _ url: String = "status_code 200", _ kind: String = "HTTP_GET") -> String {
        realServer("\(kind) {\n\(own)\nurl {\npath /\n\(url)\n}\n}")
    }

    static let faultyChecks: [(text: String, faults: [String])] = [
        (http("method get"), ["5:8 error config.check.method"]),
        (http("method CONNECT"), ["5:8 error config.check.method"]),
        (http("method \"GET /\""), ["5:8 error config.check.method"]),
        (http("method"), ["5:1 error config.value.missing"]),
        (http("method PURGE"), []),
        (http("header"), ["5:1 error config.value.missing"]),
        (http("header X-A"), ["5:1 error config.value.missing"]),
        (http("header \": x\""), ["5:1 error config.check.header"]),
        (http("header \"X A: b\""), ["5:1 error config.check.header"]),
        (http("header \"X-A: b\\r\\nX-B: c\""), ["5:1 error config.check.header"]),
        (http("header content-length 5"), ["5:1 error config.check.header"]),
        (http("header Host other.example.org"), []),
        (http("body"), ["5:1 error config.value.missing"]),
        (http("body x"), ["5:1 warning config.check.body-method"]),
        (http("method HEAD\nbody x"), ["6:1 warning config.check.body-method"]),
        (http("method GET\nbody x"), []),
        (http("method HEAD", "json a"), ["8:1 error config.check.no-body"]),
        (http("method HEAD", "regex a"), ["8:1 error config.check.no-body"]),
        (
            http("method HEAD", "json a\njson b 1"),
            ["8:1 error config.check.no-body", "9:1 error config.check.no-body"]
        ),
        (http("method HEAD"), []),
        (http("", "json"), ["8:1 error config.value.missing"]),
        (http("", "json a b c"), ["8:10 error config.value.extra"]),
        (http("", "json a..b"), ["8:6 error config.check.json-path"]),
        (http("", "json $.a"), ["8:6 error config.check.json-path"]),
        (http("", "json a[0]"), ["8:6 error config.check.json-path"]),
        (http("tls_min_days 9"), ["5:1 error config.keyword.unknown"]),
        (http("tls_min_days -1", "status_code 200", "SSL_GET"), ["5:14 error config.value.range"]),
        (
            http("virtualhost a.example.org\ntls_verify", "status_code 200", "SSL_GET"),
            ["6:1 note config.check.tls-authority"]
        ),
        (
            "SSL {\nca /ca.pem\n}\n" + http("tls_verify", "status_code 200", "SSL_GET"),
            ["8:1 warning config.check.tls-name"]
        ),
        ("SSL {\nca /ca.pem\n}\n" + http("tls_verify\nsni_name a", "status_code 200", "SSL_GET"), []),
        (http("tls_verify off", "status_code 200", "SSL_GET"), []),
        (realServer("REDIS_CHECK {\nrole primary\nmax_lag 30\n}"), ["6:1 error config.check.lag-of-primary"]),
        (realServer("REDIS_CHECK {\nrole primary\nrequire_link\n}"), ["6:1 error config.check.lag-of-primary"]),
        (realServer("REDIS_CHECK {\nrequire_link\nmax_lag 30\n}"), []),
        (realServer("REDIS_CHECK {\nmax_lag 5\n}"), ["5:1 note config.check.redis-lag"]),
        (realServer("REDIS_CHECK {\nusername a\n}"), ["5:1 error config.check.no-user"]),
        (realServer("REDIS_CHECK {\npassword a\n}"), ["5:10 warning config.check.clear-password"]),
        (realServer("REDIS_CHECK {\npassword a\nconnect_ip 127.0.0.1\n}"), []),
        (realServer("REDIS_CHECK {\npassword a\ntls\n}"), []),
        (realServer("REDIS_CHECK {\npassword\n}"), ["5:1 error config.value.missing"]),
        (realServer("REDIS_CHECK {\ndatabase 5\n}"), ["5:1 error config.keyword.unknown"]),
        (realServer("REDIS_CHECK {\nrole leader\n}"), ["5:6 error config.value.choice"]),
        (realServer("MYSQL_CHECK {\nrole replica\nmax_lag 5\n}"), ["5:1 error config.check.no-user"]),
        (realServer("MYSQL_CHECK {\npassword p\n}"), ["5:10 error config.check.no-user"]),
        (
            realServer("MYSQL_CHECK {\nusername a\nrole primary\nmax_lag 5\n}"),
            ["7:1 error config.check.lag-of-primary"]
        ),
        (realServer("MYSQL_CHECK {\nrequire_link\n}"), ["5:1 error config.keyword.unknown"]),
        (realServer("PGSQL_CHECK {\npassword a\n}"), ["5:10 warning config.check.clear-password"]),
        (realServer("PGSQL_CHECK {\npassword a\n}", "127.0.0.9 5432"), []),
        (realServer("PGSQL_CHECK {\nmax_lag -1\n}"), ["5:9 error config.value.range"]),
        (realServer("GRPC_CHECK {\nservice\n}"), ["5:1 error config.value.missing"]),
        (realServer("TCP_CHECK {\nrise 0\n}"), ["5:6 error config.value.range"]),
        (realServer("TCP_CHECK {\nconnect_ip 10.0.0.1\n}"), ["5:1 warning config.check.own-address"]),
    ]

    @Test("Each fault of a check that is Aloft's own is told at its place", arguments: faultyChecks)
    func checkFault(_ row: (text: String, faults: [String])) {
        #expect(serverFaults(row.text) == row.faults)
        // keepalived knows none of these, and has no reading of them.
        if row.faults.contains(where: { $0.contains(" error config.check") }) {
            #expect(!Configuration.load(text: row.text + instance(), leniency: .keepalived).isValid)
        }
    }

    static let faultyServers: [(text: String, faults: [String])] = [
        (virtualServer("drain_timeout -1"), ["7:15 error config.value.range"]),
        (virtualServer("drain_timeout 2678401"), ["7:15 error config.value.range"]),
        (virtualServer("slow_start fast"), ["7:12 error config.value.number"]),
        (virtualServer("rise 0"), ["7:6 error config.value.range"]),
        (virtualServer("sorry_server 10.0.0.5 80"), ["7:1 error config.server.sorry-is-real"]),
        (virtualServer("sorry_server 10.0.0.5 81"), []),
        (virtualServer("lvs_method DR\nsorry_server 10.0.0.5"), ["8:1 error config.server.sorry-is-real"]),
        (realServer("weight 0\nTCP_CHECK {\n}"), ["1:16 warning config.server.no-weight"]),
        (realServer("weight 0\nMISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic\n}"), []),
        (virtualServer("slow_start 9\nweight 9\nlvs_sched rr"), ["7:1 warning config.server.slow-start-scheduler"]),
        (virtualServer("slow_start 9\nweight 9\nlvs_sched sh"), []),
        (virtualServer("slow_start 9\nweight 9\nlvs_sched mh\npersistence_timeout 9"), []),
        (virtualServer("slow_start 9"), ["7:1 note config.server.slow-start-weight"]),
        (realServer("slow_start 9\nTCP_CHECK {\n}"), ["4:1 note config.server.slow-start-weight"]),
    ]

    @Test(
        "Each fault of draining, of a slow start and of who is to serve is told at its place", arguments: faultyServers)
    func serverFault(_ row: (text: String, faults: [String])) {
        #expect(serverFaults(row.text) == row.faults)
    }

    /// Below `data_plane nftables`, which is on line 2.
    static let limits: [(text: String, faults: [String])] = [
        (virtualServer("lvs_method TUN"), ["10:1 error config.plane.tunnel"]),
        (
            virtualServer("real_server 10.0.0.6 80 {\nlvs_method TUN type gre\n}"),
            ["11:1 error config.plane.tunnel"]
        ),
        (
            virtualServer("sorry_server 10.0.0.6 80\nsorry_server_lvs_method TUN"),
            ["11:1 error config.plane.tunnel"]
        ),
        (virtualServer("lvs_sched lblc"), ["10:1 error config.plane.scheduler"]),
        (virtualServer("lb_algo lblcr"), ["10:1 error config.plane.scheduler"]),
        (virtualServer("lvs_sched ovf"), ["10:1 error config.plane.scheduler"]),
        (realServer("uthreshold 5\nTCP_CHECK {\n}"), ["7:1 error config.plane.thresholds"]),
        (realServer("lthreshold 5\nuthreshold 0\nTCP_CHECK {\n}"), ["7:1 error config.plane.thresholds"]),
        (realServer("uthreshold 0\nTCP_CHECK {\n}"), []),
        (virtualServer("persistence_engine sip"), ["10:1 error config.plane.persistence-engine"]),
        (
            realServer("PING_CHECK {\n}", speaks: "protocol UDP\nops"), ["6:1 error config.plane.one-packet"]
        ),
        (virtualServer("lvs_method DR\npersistence_timeout 9\nsorry_server 10.0.0.6"), []),
    ]

    @Test("What nftables cannot do is refused where it is written, and only there", arguments: limits)
    func planeLimit(_ row: (text: String, faults: [String])) {
        let nftables = "global_defs {\ndata_plane nftables\n}\n" + row.text
        #expect(serverFaults(nftables) == row.faults)
        #expect(Configuration.load(text: nftables + instance(), leniency: .keepalived).isValid == row.faults.isEmpty)
        for plane in ["auto", "ipvs"] {
            #expect(serverFaults("global_defs {\ndata_plane \(plane)\n}\n" + row.text) == [])
        }
    }

    @Test("Every scheduler but three is there on nftables", arguments: VirtualServer.Scheduler.allCases)
    func schedulers(_ scheduler: VirtualServer.Scheduler) {
        let text = "global_defs {\ndata_plane nftables\n}\n" + virtualServer("lvs_sched \(scheduler.rawValue)")
        #expect(serverFaults(text).isEmpty == !["lblc", "lblcr", "ovf"].contains(scheduler.rawValue))
    }

    @Test("Settings of ip_vs have no effect on nftables, which is said with the place of the plane")
    func planeSettings() throws {
        let text = "global_defs {\nlvs_timeouts tcp 9\nlvs_sync_daemon eth0 A\ndata_plane nftables\n}\n"
        #expect(
            serverFaults(text + virtualServer()) == [
                "2:1 warning config.plane.timeouts", "3:1 warning config.plane.sync-daemon",
            ])
        let loaded = Configuration.load(text: text + virtualServer() + instance())
        let related = try #require(loaded.diagnostics.first?.related.first)
        #expect(loaded.sources.location(of: related.range).line == 4)
    }

    // MARK: What is shown

    @Test("Passwords and headers are in no diagnostic and no listing; what they are called is")
    func secrets() throws {
        let faulty = Self.http("header Authorization: rosebud\nheader X-A")
        let rendered = Configuration.load(text: faulty + realServer("REDIS_CHECK {\npassword rosebud x\n}"))
            .renderedDiagnostics()
        #expect(rendered.contains("config.value.missing") && rendered.contains("config.value.extra"))
        #expect(!rendered.contains("rosebud"))
        let names = ["Authorization", "Cookie", "X-Api-Key", "X-Auth-Token", "proxy-authorization", "X_SECRET"]
        let headers = names.map { "header \($0) rosebud" }.joined(separator: "\n")
        let databases = ["REDIS", "MYSQL", "PGSQL"].map { "\($0)_CHECK {\ntls\nusername a\npassword rosebud\n}\n" }
        let text = Self.http(headers + "\nheader Accept text/plain") + realServer(databases.joined()).replacing80
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
                + Self.http(check, url).replacing("protocol TCP", with: "protocol TCP\n\(server)")
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
