import ConfigLanguage
import Configuration
import Testing

/// What can be wrong with keywords of servers that keepalived has not, and with what a data plane cannot do.
@Suite struct OwnKeywordFaultTests {
    /// A real server with a check of HTTP; `own` begins on line 5.
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
        (virtualServer("lvs_method DR\nlvs_sched mh\nsorry_server 10.0.0.6"), []),
        (
            virtualServer("lvs_method DR\nlvs_sched mh\nsorry_server 10.0.0.6 80\nsorry_server_lvs_method NAT"),
            ["13:1 error config.plane.nat-and-dr"]
        ),
        (
            virtualServer("real_server 10.0.0.6 80 {\nlvs_method DR\n}"),
            ["11:1 error config.plane.nat-and-dr"]
        ),
        (
            "virtual_server fwmark 5 {\nlvs_method DR\nlvs_sched mh\nreal_server 10.0.0.5 {\nPING_CHECK {\n}\n}\n}\n",
            ["5:1 error config.plane.dr-by-mark"]
        ),
    ]

    @Test("DR on nftables is by hash, which is said where the scheduler asks for something else")
    func directHash() {
        let nftables = "global_defs {\ndata_plane nftables\n}\n"
        let note = " note config.plane.dr-by-hash"
        #expect(serverFaults(nftables + virtualServer("lvs_method DR")) == ["10:1" + note])
        #expect(serverFaults(nftables + virtualServer("lvs_method DR\nlvs_sched rr")) == ["11:1" + note])
        #expect(serverFaults(nftables + virtualServer("lvs_method DR\npersistence_timeout 9")) == ["10:1" + note])
        for scheduler in ["sh", "mh", "dh", "fo"] {
            #expect(serverFaults(nftables + virtualServer("lvs_method DR\nlvs_sched \(scheduler)")) == [])
        }
        #expect(serverFaults(virtualServer("lvs_method DR")) == [])
    }

    @Test("That nftables takes turns instead of counting connections is said, once")
    func turns() {
        let nftables = "global_defs {\ndata_plane nftables\n}\n"
        let note = " note config.plane.turns"
        #expect(serverFaults(nftables + virtualServer()).filter { $0.hasSuffix(note) }.count == 1)
        for scheduler in ["lc", "wlc", "sed", "nq", "twos"] {
            #expect(serverFaults(nftables + virtualServer("lvs_sched \(scheduler)")).contains { $0.hasSuffix(note) })
        }
        for scheduler in ["rr", "wrr", "sh", "mh", "dh", "fo"] {
            #expect(serverFaults(nftables + virtualServer("lvs_sched \(scheduler)")) == [])
        }
        #expect(serverFaults(virtualServer()) == [])
        let several =
            nftables + virtualServer("lvs_sched lc")
            + virtualServer("lvs_sched lc", head: "10.0.0.2 80")
        #expect(serverFaults(several).filter { $0.hasSuffix(note) }.count == 1)
    }

    @Test("What nftables cannot do is refused where it is written, and only there", arguments: limits)
    func planeLimit(_ row: (text: String, faults: [String])) {
        let nftables = "global_defs {\ndata_plane nftables\n}\n" + row.text
        #expect(serverFaults(nftables).filter { !$0.contains(" note ") } == row.faults)
        #expect(Configuration.load(text: nftables + instance(), leniency: .keepalived).isValid == row.faults.isEmpty)
        for plane in ["auto", "ipvs"] {
            #expect(serverFaults("global_defs {\ndata_plane \(plane)\n}\n" + row.text) == [])
        }
    }

    @Test("Every scheduler but three is there on nftables", arguments: VirtualServer.Scheduler.allCases)
    func schedulers(_ scheduler: VirtualServer.Scheduler) {
        let text = "global_defs {\ndata_plane nftables\n}\n" + virtualServer("lvs_sched \(scheduler.rawValue)")
        #expect(
            serverFaults(text).allSatisfy { $0.contains(" note ") } == !["lblc", "lblcr", "ovf"].contains(
                scheduler.rawValue))
    }

    @Test("Settings of ip_vs have no effect on nftables, which is said with the place of the plane")
    func planeSettings() throws {
        let text = "global_defs {\nlvs_timeouts tcp 9\nlvs_sync_daemon eth0 A\ndata_plane nftables\n}\n"
        #expect(
            serverFaults(text + virtualServer("lvs_sched rr")) == [
                "2:1 warning config.plane.timeouts", "3:1 warning config.plane.sync-daemon",
            ])
        let loaded = Configuration.load(text: text + virtualServer() + instance())
        let related = try #require(loaded.diagnostics.first?.related.first)
        #expect(loaded.sources.location(of: related.range).line == 4)
    }
}
