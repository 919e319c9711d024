import ConfigLanguage
import Configuration
import Testing

/// A virtual server without a fault: `extra` begins on line 7.
func virtualServer(_ extra: String = "", head: String = "10.0.0.1 80", speaks: String = "protocol TCP") -> String {
    """
    virtual_server \(head) {
    \(speaks)
    real_server 10.0.0.5 80 {
    TCP_CHECK {
    }
    }
    \(extra)
    }

    """
}

/// A virtual server whose real server holds `extra`, which begins on line 4.
func realServer(_ extra: String, _ head: String = "10.0.0.5 80", speaks: String = "protocol TCP") -> String {
    """
    virtual_server 10.0.0.1 80 {
    \(speaks)
    real_server \(head) {
    \(extra)
    }
    }

    """
}

/// What is wrong with the servers of a text.
func serverFaults(_ text: String, _ leniency: Leniency = .strict) -> [String] { faults(text + instance(), leniency) }

@Suite struct ServerFaultTests {
    /// What is an error, and under keepalived's leniency a warning; or what is neither, in both.
    static let faultsOfVirtualServers: [(text: String, fault: String)] = [
        (virtualServer("lb_algo rrr"), "7:9 error config.server.unknown-scheduler"),
        (virtualServer("lvs_sched wcl\nsh-port"), "7:11 error config.server.unknown-scheduler"),
        (virtualServer("lb_algo rr\nsh-port"), "8:1 error config.server.scheduler-flag"),
        (virtualServer("mh-fallback\nlb_algo mh"), "7:1 error config.server.scheduler-flag"),
        (virtualServer("lb_kind nat"), "7:9 error config.value.choice"),
        (virtualServer("lvs_method TUN type gue"), "7:21 error config.server.tunnel-option"),
        (virtualServer("lvs_method TUN type gre port 5"), "7:30 error config.server.tunnel-option"),
        (virtualServer("lvs_method TUN type gre remcsum"), "7:25 error config.server.tunnel-option"),
        (virtualServer("lvs_method TUN csum"), "7:16 error config.server.tunnel-option"),
        (virtualServer("lvs_method TUN type ipx"), "7:21 error config.value.choice"),
        (virtualServer("lvs_method TUN gue port 7"), "7:16 error config.value.choice"),
        (virtualServer("lvs_method TUN type gue port 70000"), "7:30 error config.value.range"),
        (virtualServer("lvs_method DR csum"), "7:15 error config.value.extra"),
        (virtualServer("protocol XYZ", speaks: "quorum 1"), "7:10 error config.value.choice"),
        (virtualServer(speaks: ""), "1:16 error config.server.no-protocol"),
        (virtualServer("ops"), "7:1 error config.server.one-packet"),
        (virtualServer("ip_family inet6"), "7:1 error config.server.ip-family"),
        (virtualServer("persistence_timeout 0"), "7:21 error config.value.range"),
        (virtualServer("persistence_timeout 2678401"), "7:21 error config.value.range"),
        (virtualServer("persistence_granularity 24"), "7:1 error config.server.granularity"),
        (virtualServer("persistence_granularity 255.255.0"), "7:25 error config.value.address"),
        (virtualServer("persistence_granularity 129"), "7:25 error config.value.range"),
        (virtualServer("quorum 2"), "7:1 error config.server.quorum"),
        (virtualServer("quorum 0"), "7:8 error config.value.range"),
        (virtualServer("hysteresis 1"), "7:1 error config.server.hysteresis"),
        (virtualServer("weight 5\nquorum 5\nhysteresis 5"), "9:1 error config.server.hysteresis"),
        (virtualServer("weight 0"), "7:8 error config.server.weight-range"),
        (virtualServer("sorry_server_inhibit"), "7:1 error config.server.sorry-order"),
        (virtualServer("sorry_server_lvs_method DR"), "7:1 error config.server.sorry-order"),
        (
            virtualServer("sorry_server_inhibit\nsorry_server 10.0.0.9 80"), "7:1 error config.server.sorry-order"
        ),
        (virtualServer("sorry_server 10.0.0"), "7:14 error config.value.address"),
        (virtualServer("sorry_server 2001:db8::9 80"), "7:14 error config.server.mixed-families"),
        (virtualServer("lb_kind DR\nsorry_server 10.0.0.9 81"), "8:23 error config.server.port-mismatch"),
        (virtualServer("delay_loop 0"), "7:12 error config.value.range"),
        (virtualServer("retry 0"), "7:7 error config.value.range"),
        (virtualServer("connect_timeout 4295"), "7:17 error config.value.range"),
        (virtualServer("warmup -1"), "7:8 error config.value.range"),
        (virtualServer("delay_loop 2\nconnect_timeout 3"), "8:1 warning config.server.slow-check"),
        (virtualServer("alpha on"), "7:7 error config.value.extra"),
        (virtualServer("smtp_alert maybe"), "7:12 error config.value.boolean"),
        (virtualServer("quorum_up '/bin/x"), "7:11 error config.syntax.unterminated-quote"),
        (virtualServer("lb_alog rr"), "7:1 error config.keyword.unknown"),
        (virtualServer("lvs_method NAT\nlb_kind DR"), "8:1 warning config.keyword.repeated"),
        (
            virtualServer("real_server 10.0.0.5 80 {\nTCP_CHECK {\n}\n}"),
            "7:13 error config.server.duplicate-real-server"
        ),
        (virtualServer("real_server 10.0.0 80 {\n}"), "7:13 error config.value.address"),
        (virtualServer("real_server 10.0.0.6:80 {\n}"), "7:13 error config.value.address"),
        (virtualServer("real_server 10.0.0.6 80"), "7:1 error config.block.missing"),
        (virtualServer("real_server 10.0.0.6 http {\n}"), "7:22 error config.value.number"),
        (virtualServer("real_server {\n}"), "7:1 error config.value.missing"),
        (virtualServer("real_server 2001:db8::5 80 {\n}"), "7:13 error config.server.mixed-families"),
        (virtualServer("real_server 10.0.0.6 81 {\nlvs_method DR\n}"), "7:22 error config.server.port-mismatch"),
        (virtualServer(head: "10.0.0.1"), "1:16 error config.server.port-zero"),
        (virtualServer(head: "10.0.0.1 0"), "1:16 error config.server.port-zero"),
        (virtualServer("protocol TCP", head: "fwmark 5", speaks: ""), "7:1 warning config.server.mark-protocol"),
        (virtualServer("ha_suspend", head: "fwmark 5", speaks: ""), "7:1 error config.server.mark-suspend"),
        (
            virtualServer("ops\npersistence_timeout", speaks: "protocol UDP\nvirtualhost x").replacing("TCP_", "PING_"),
            "9:1 warning config.server.one-packet-persistence"
        ),
        // Heads
        ("virtual_server {\n}\n", "1:1 error config.value.missing"),
        ("virtual_server fwmark {\n}\n", "1:16 error config.value.missing"),
        ("virtual_server fwmark x {\n}\n", "1:23 error config.value.number"),
        ("virtual_server fwmark 0 {\n}\n", "1:23 error config.server.mark-zero"),
        ("virtual_server group {\n}\n", "1:16 error config.value.missing"),
        (virtualServer(head: "group nope"), "1:22 error config.server.unknown-group"),
        (virtualServer(head: "10.0.0.1:80"), "1:16 error config.value.address"),
        (virtualServer(head: "[2001:db8::1] 80"), "1:16 error config.value.address"),
        (virtualServer(head: "10.0.0.1/32 80"), "1:16 error config.value.address"),
        (virtualServer(head: "10.0.0.1 70000"), "1:25 error config.value.range"),
        (virtualServer(head: "10.0.0.1 80 90"), "1:28 error config.value.extra"),
        // Between virtual servers
        ("virtual_server 10.0.0.1 80 {\nprotocol TCP\n}\n", "1:16 error config.server.no-real-servers"),
        (virtualServer() + virtualServer(), "9:16 error config.server.duplicate"),
        (
            virtualServer(head: "fwmark 5", speaks: "") + virtualServer(head: "fwmark 5", speaks: ""),
            "9:16 error config.server.duplicate"
        ),
        ("SSL {\npassword a\n}\nSSL {\n}\n", "4:1 warning config.keyword.repeated"),
    ]

    static let faultsOfRealServers: [(text: String, fault: String)] = [
        (realServer("TCP_CHECK {\n}\nweight -1"), "6:8 error config.server.weight-range"),
        (realServer("TCP_CHECK {\n}\nweight 2147483648"), "6:8 error config.server.weight-range"),
        (realServer("TCP_CHECK {\n}\nuthreshold 3\nlthreshold 9"), "7:1 error config.server.thresholds"),
        (realServer("TCP_CHECK {\n}\nlb_kind DR"), "6:1 error config.keyword.unknown"),
        (realServer("TCP_CHECK"), "4:1 error config.block.missing"),
        (realServer("TCP_CHEK {\n}"), "4:1 error config.keyword.unknown"),
        (realServer("inhibit_on_failure"), "3:13 note config.server.no-check"),
        (realServer("connect_timeout 3\nTCP_CHECK {\ndelay_loop 2\n}"), "6:1 warning config.server.slow-check"),
        (realServer("TCP_CHECK {\nconnect_timeout 61\n}"), "5:1 warning config.server.slow-check"),
        (realServer("TCP_CHECK {\nconnect_port 0\n}"), "5:14 error config.value.range"),
        (realServer("TCP_CHECK {\nbind_port 65536\n}"), "5:11 error config.value.range"),
        (realServer("TCP_CHECK {\nconnect_timeout 0\n}"), "5:17 error config.value.range"),
        (realServer("TCP_CHECK {\nfwmark -1\n}"), "5:8 error config.value.range"),
        (realServer("TCP_CHECK {\nretry -1\n}"), "5:7 error config.value.range"),
        (realServer("TCP_CHECK {\nbind_if abcdefghijklmnopq\n}"), "5:9 error config.value.name-length"),
        (realServer("TCP_CHECK {\nconnect_ip 1.2.3\n}"), "5:12 error config.value.address"),
        (realServer("TCP_CHECK {\nbindto fe80::1\n}"), "5:1 error config.server.check-source"),
        (realServer("TCP_CHECK {\npath /\n}"), "5:1 error config.keyword.unknown"),
        (realServer("TCP_CHECK {\n}", speaks: "protocol UDP"), "4:1 note config.server.check-protocol"),
        (realServer("SMTP_CHECK {\n}", speaks: "protocol UDP"), "4:1 note config.server.check-protocol"),
        (
            realServer("HTTP_GET {\nurl {\npath /\nstatus_code 200\n}\n}", speaks: "protocol UDP"),
            "4:1 note config.server.check-protocol"
        ),
        (realServer("DNS_CHECK {\n}"), "4:1 note config.server.check-protocol"),
        (realServer("HTTP_GET {\n}"), "4:1 error config.server.incomplete-check"),
        (realServer("SSL_GET {\nurl {\nstatus_code 200\n}\n}"), "5:1 error config.server.incomplete-check"),
        (realServer("HTTP_GET {\nurl {\npath /\n}\n}"), "5:1 note config.server.url-default"),
        (realServer("HTTP_GET {\nurl {\npath x\nstatus_code 200\n}\n}"), "6:1 warning config.server.url-path"),
        (realServer("HTTP_GET {\nurl {\npath /\nstatus_code 99\n}\n}"), "7:13 error config.value.range"),
        (realServer("HTTP_GET {\nurl {\npath /\nstatus_code 200 300-200\n}\n}"), "7:17 error config.value.range"),
        (realServer("HTTP_GET {\nurl {\npath /\nstatus_code 200-\n}\n}"), "7:13 error config.value.range"),
        (realServer("HTTP_GET {\nurl {\npath /\nstatus_code\n}\n}"), "7:1 error config.value.missing"),
        (realServer("HTTP_GET {\nurl {\npath /\ndigest 12\n}\n}"), "7:8 error config.server.hexadecimal"),
        (
            realServer("HTTP_GET {\nurl {\npath /\nregex a\nregex_options casless\n}\n}"),
            "8:15 error config.value.choice"
        ),
        (
            realServer("HTTP_GET {\nurl {\npath /\nstatus_code 200\nregex_no_match\n}\n}"),
            "8:1 error config.server.regex-option"
        ),
        (
            realServer("HTTP_GET {\nurl {\npath /\nregex a\nregex_min_offset 9\nregex_max_offset 3\n}\n}"),
            "9:1 error config.server.regex-option"
        ),
        (
            realServer("HTTP_GET {\nurl {\npath /\nregex a\nregex_stack 9 3\n}\n}"),
            "8:1 error config.server.regex-option"
        ),
        (realServer("HTTP_GET {\nurl {\npath /\nregex it's\n}\n}"), "7:9 error config.syntax.unterminated-quote"),
        (realServer("HTTP_GET {\nurl {\npath /\nregex a\ntls_compliant\n}\n}"), "8:1 error config.keyword.unknown"),
        (realServer("HTTP_GET {\nhttp_protocol 2\nurl {\npath /\nregex a\n}\n}"), "5:15 error config.value.choice"),
        (
            realServer("HTTP_GET {\nnb_get_retry 2\nurl {\npath /\nregex a\n}\n}"),
            "5:1 warning config.keyword.deprecated"
        ),
        (realServer("SMTP_CHECK {\nhost {\nconnect_ip 10.0.0.7\n}\n}"), "5:1 warning config.keyword.deprecated"),
        (realServer("DNS_CHECK {\ntype XX\n}", speaks: "protocol UDP"), "5:6 error config.value.choice"),
        (realServer("MISC_CHECK {\n}"), "4:1 error config.server.incomplete-check"),
        (realServer("MISC_CHECK {\nmisc_path \"/bin/x 'y\"\n}"), "5:11 error config.command.quoting"),
        (realServer("MISC_CHECK {\nmisc_path /bin/true a b\n}"), "5:21 error config.command.quoting"),
        (realServer("MISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 61\n}"), "6:1 warning config.server.slow-check"),
        (realServer("MISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 1.5\n}"), "6:14 error config.value.number"),
        (
            realServer("UDP_CHECK {\npayload a1 2 zz\n}", speaks: "protocol UDP"),
            "5:14 error config.server.hexadecimal"
        ),
        (
            realServer("UDP_CHECK {\nrequire_reply\nmin_reply_length 300\n}", speaks: "protocol UDP"),
            "6:1 error config.server.reply-length"
        ),
        (realServer("FILE_CHECK {\n}"), "4:1 error config.server.incomplete-check"),
        (realServer("FILE_CHECK {\ntrack_file f\n}"), "5:1 error config.server.unknown-track-file"),
        (realServer("FILE_CHECK {\ntrack_file\n}"), "5:1 error config.value.missing"),
        (realServer("FILE_CHECK {\ntrack_flie f\n}"), "5:1 error config.keyword.unknown"),
    ]

    @Test("A check of a session that is not there is told beside that nothing speaks BFD yet")
    func sessions() {
        let unserved = "4:1 warning config.keyword.not-supported-yet"
        #expect(
            serverFaults(realServer("BFD_CHECK {\n}")) == [unserved, "4:1 error config.server.incomplete-check"])
        #expect(
            serverFaults(realServer("BFD_CHECK {\nname b\n}")) == [unserved, "5:1 error config.server.unknown-bfd"])
    }

    @Test("Each fault of a virtual server is one diagnostic at its place", arguments: faultsOfVirtualServers)
    func virtualServerFault(_ row: (text: String, fault: String)) {
        #expect(serverFaults(row.text) == [row.fault])
    }

    @Test("Each fault of a real server and its checkers is one diagnostic at its place", arguments: faultsOfRealServers)
    func realServerFault(_ row: (text: String, fault: String)) {
        #expect(serverFaults(row.text) == [row.fault])
    }

    @Test(
        "keepalived's leniency turns what it only logs into warnings, and the configuration is read",
        arguments: faultsOfVirtualServers + faultsOfRealServers)
    func lenientFault(_ row: (text: String, fault: String)) {
        let fault = row.fault.replacing(" error ", " warning ")
        let all = serverFaults(row.text, .keepalived)
        #expect(all.contains(fault), "\(all)")
        // Where the only real server goes, so does the virtual server; and what is skipped is missing.
        let follows = [
            "no-real-servers", "no-protocol", "incomplete-check", "sorry-order", "url-default", "scheduler-flag",
            "value.missing", "regex-option",
        ]
        #expect(all.filter { $0 != fault }.allSatisfy { one in follows.contains { one.hasSuffix($0) } }, "\(all)")
        #expect(Configuration.load(text: row.text + instance(), leniency: .keepalived).isValid)
    }
}

extension String {
    fileprivate func replacing(_ word: String, _ other: String) -> String {
        guard let range = firstRange(of: word) else { return self }
        return String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
