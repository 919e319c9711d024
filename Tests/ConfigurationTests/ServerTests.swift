import ConfigLanguage
import Configuration
import Primitives
import Testing

/// Virtual servers, and what they mean.
@Suite struct ServerTests {
    func servers(_ text: String, _ leniency: Leniency = .strict) throws -> [VirtualServer] {
        let loaded = Configuration.load(text: text + instance(), leniency: leniency)
        return try #require(loaded.model, "\(loaded.renderedDiagnostics())").virtualServers
    }

    func check(_ text: String, speaks: String = "protocol TCP", outside: String = "") throws -> HealthCheck {
        let server = try servers(realServer(text, speaks: speaks) + outside)[0].realServers[0]
        return try #require(server.checks.first)
    }

    let rip = IPAddress.v4(IPv4Address(10, 0, 0, 5))
    let vip = IPAddress.v4(IPv4Address(10, 0, 0, 1))

    @Test("What is not written has keepalived's defaults")
    func defaults() throws {
        var expected = VirtualServer(.address(vip, port: 80))
        var real = RealServer(rip, port: 80)
        real.checks = [HealthCheck(.tcp(HealthCheck.Connection(rip, port: 80)))]
        expected.realServers = [real]
        #expect(try servers(virtualServer()) == [expected])
        #expect(expected.scheduler == .weightedLeastConnections && expected.forwarding == .nat && expected.quorum == 1)
        #expect(real.weight == 1 && real.smtpAlert && !expected.smtpAlert)

        func timing(_ block: String, speaks: String = "protocol TCP") throws -> [Duration] {
            let check = try check(block, speaks: speaks)
            return [check.delayLoop, check.warmup, check.delayBeforeRetry, .seconds(Int(check.retry))]
        }
        func seconds(_ list: Int...) -> [Duration] { list.map { .seconds($0) } }
        #expect(try timing("TCP_CHECK {\n}") == seconds(60, 60, 1, 1))
        #expect(try timing("PING_CHECK {\n}") == seconds(60, 60, 1, 1))
        #expect(try timing("SMTP_CHECK {\n}") == seconds(60, 60, 1, 1))
        #expect(try timing("UDP_CHECK {\n}", speaks: "protocol UDP") == seconds(60, 60, 1, 1))
        #expect(try timing("DNS_CHECK {\ndelay_loop 7\n}", speaks: "protocol UDP") == seconds(7, 7, 7, 3))
        #expect(try timing("MISC_CHECK {\nmisc_path /bin/true\n}") == seconds(60, 60, 1, 0))
        #expect(try timing("HTTP_GET {\nurl {\npath /\n}\n}") == seconds(60, 60, 3, 1))
        #expect(try timing("SSL_GET {\nurl {\npath /\n}\n}") == seconds(60, 60, 3, 1))
        let bare = HealthCheck.Connection(rip, port: 80)
        #expect(try check("SMTP_CHECK {\n}").probe == .smtp(SMTPProbe(hosts: [bare])))
        #expect(SMTPProbe(hosts: [bare]).heloName == "smtpchecker.keepalived.org")
        #expect(try check("DNS_CHECK {\n}", speaks: "protocol UDP").probe == .dns(DNSProbe(bare)))
        #expect(try check("UDP_CHECK {\n}", speaks: "protocol UDP").probe == .udp(UDPProbe(bare)))
        #expect(
            try check("MISC_CHECK {\nmisc_path /bin/true\ndelay_loop 9\n}").probe
                == .command(CommandProbe(argv: ["/bin/true"], timeout: .seconds(9))))
    }

    @Test("A virtual server has every keyword's value")
    func virtualServerWhole() throws {
        let text = """
            virtual_server 10.0.0.1 53 {
                retry 4
                delay_before_retry 2.5
                warmup 0
                connect_timeout 0.5
                delay_loop 6
                inhibit_on_failure
                lvs_sched sh
                hashed
                ops
                flag-1
                flag-3
                sh-port
                sh-fallback
                lb_kind TUN type gue port 5555 remcsum
                persistence_engine sip
                protocol udp
                ha_suspend
                smtp_alert
                virtualhost www.example.com
                snmp_name "one two"
                alpha
                omega
                quorum_up "/bin/up 'a b'" nobody
                quorum_down /bin/down
                quorum 5
                hysteresis 2
                weight 3
                sorry_server 10.0.0.9
                sorry_server_inhibit
                sorry_server_lvs_method NAT
                ip_family inet
                real_server 10.0.0.5 53 {
                    weight 7
                    lvs_method DR
                    uthreshold 900
                    lthreshold 800
                    inhibit_on_failure off
                    notify_up "/bin/n up" root
                    notify_down /bin/n
                    alpha no
                    retry 1
                    delay_before_retry 0
                    warmup 3
                    connect_timeout 1
                    delay_loop 2
                    smtp_alert false
                    virtualhost rs.example.com
                    snmp_name rs
                    PING_CHECK {
                        connect_ip 10.9.0.5
                        bindto 10.9.0.1
                        bind_port 999
                        bind_if eth9
                        connect_timeout 0.25
                        fwmark 77
                        retry 0
                        delay_before_retry 0.125
                        warmup 8
                        delay_loop 4
                        alpha
                        log_all_failures
                    }
                }
                real_server 2001:db8::5 {
                    UDP_CHECK {
                    }
                }
            }

            """
        // SNMP is all that is not served.
        let unserved = "warning config.keyword.not-supported-yet"
        #expect(serverFaults(text) == ["21:5 \(unserved)", "49:9 \(unserved)"])
        var server = VirtualServer(.address(vip, port: 53), transport: .udp)
        server.scheduler = .sourceHash
        server.schedulerFlags = [.first, .second, .third]
        server.onePacket = true
        let tunnel = ForwardingMethod.tunnel(Tunnel(.gue(port: 5555), checksum: .remote))
        server.forwarding = tunnel
        server.persistenceEngine = "sip"
        server.suspendsChecks = true
        server.smtpAlert = true
        server.virtualHost = "www.example.com"
        server.snmpName = "one two"
        server.omega = true
        server.inhibitOnFailure = true
        server.timing.delayLoop = .seconds(6)
        server.timing.connectTimeout = .milliseconds(500)
        server.timing.delayBeforeRetry = .milliseconds(2500)
        server.timing.warmup = .zero
        server.timing.retry = 4
        server.timing.alpha = true
        server.quorum = 5
        server.hysteresis = 2
        server.quorumUp = HookCommand(argv: ["/bin/up", "a b"], user: ScriptUser(user: "nobody"))
        server.quorumDown = HookCommand(argv: ["/bin/down"])
        server.sorryServer = SorryServer(.v4(IPv4Address(10, 0, 0, 9)), port: 0, forwarding: .nat, inhibit: true)
        var first = RealServer(rip, port: 53)
        first.weight = 7
        first.forwarding = .directRouting
        first.upperThreshold = 900
        first.lowerThreshold = 800
        first.notifyUp = HookCommand(argv: ["/bin/n", "up"], user: ScriptUser(user: "root"))
        first.notifyDown = HookCommand(argv: ["/bin/n"])
        first.smtpAlert = false
        first.virtualHost = "rs.example.com"
        first.snmpName = "rs"
        first.timing.retry = 1
        first.timing.delayBeforeRetry = .zero
        first.timing.warmup = .seconds(3)
        first.timing.connectTimeout = .seconds(1)
        first.timing.delayLoop = .seconds(2)
        var ping = HealthCheck.Connection(.v4(IPv4Address(10, 9, 0, 5)), port: 53)
        ping.source = .v4(IPv4Address(10, 9, 0, 1))
        ping.sourcePort = 999
        ping.interface = "eth9"
        ping.timeout = .milliseconds(250)
        ping.mark = 77
        var check = HealthCheck(.ping(ping))
        check.retry = 0
        check.delayBeforeRetry = .milliseconds(125)
        check.warmup = .seconds(8)
        check.delayLoop = .seconds(4)
        check.alpha = true
        check.logAllFailures = true
        first.checks = [check]
        var second = RealServer(try #require(IPAddress("2001:db8::5")), port: 53)
        second.weight = 3
        second.forwarding = tunnel
        second.inhibitOnFailure = true
        second.virtualHost = "www.example.com"
        second.timing = server.timing
        var udp = HealthCheck.Connection(second.address, port: 53)
        udp.timeout = .milliseconds(500)
        var inherited = HealthCheck(.udp(UDPProbe(udp)))
        inherited.retry = 4
        inherited.delayBeforeRetry = .milliseconds(2500)
        inherited.warmup = .zero
        inherited.delayLoop = .seconds(6)
        inherited.alpha = true
        second.checks = [inherited]
        server.realServers = [first, second]
        #expect(try servers(text) == [server])
    }

    @Test("Checkers have every keyword's value")
    func checkersWhole() throws {
        let bare = HealthCheck.Connection(rip, port: 80)
        var url = HTTPProbe.URL(path: "/a")
        url.virtualHost = "url.example.com"
        url.statusCodes = [200...200, 301...302]
        url.digest = [0xFF, 0x20] + Array(repeating: 0xA0, count: 14)
        url.tlsCompliant = true
        var regex = HTTPProbe.Regex(pattern: "a b\t(c)")
        regex.options = ["caseless", "multiline"]
        regex.isNegated = true
        regex.minimumOffset = 3
        regex.maximumOffset = 9
        regex.stack = HTTPProbe.RegexStack(start: 100, maximum: 200)
        url.regex = regex
        var second = HTTPProbe.URL(path: "/b")
        second.virtualHost = "check.example.com"
        second.tlsCompliant = true
        var http = HTTPProbe(bare, urls: [url, second])
        http.version = .v1_0Close
        http.enableSNI = true
        http.sniName = "sni.example.com"
        http.fastRecovery = true
        let text = """
            SSL_GET {
                virtualhost check.example.com
                http_protocol 1.0c
                enable_sni
                sni_name sni.example.com
                fast_recovery
                tls_compliant
                url {
                    path /a
                    digest ff20\(String(repeating: "A0", count: 14))
                    status_code 200 301-302
                    virtualhost url.example.com
                    regex "a b\\t"'(c)'
                    regex_no_match
                    regex_options caseless multiline caseless
                    regex_min_offset 3
                    regex_max_offset 9
                    regex_stack 100 200
                }
                url {
                    path /b
                }
            }
            """
        #expect(try check(text).probe == .https(http))
        #expect(
            try check("HTTP_GET {\nurl {\npath /\nstatus_code 200\n}\n}").probe
                == .http(
                    HTTPProbe(
                        bare,
                        urls: [
                            {
                                var url = HTTPProbe.URL(path: "/")
                                url.statusCodes = [200...200]
                                return url
                            }()
                        ])))

        var host = HealthCheck.Connection(.v4(IPv4Address(10, 0, 0, 7)), port: 587)
        host.timeout = .seconds(9)
        var smtp = SMTPProbe(hosts: [host])
        smtp.heloName = "me.example.com"
        #expect(
            try check(
                "SMTP_CHECK {\nconnect_timeout 9\nhelo_name \"me.example.com\"\nhost {\nconnect_ip 10.0.0.7\nconnect_port 587\n}\n}"
            ).probe == .smtp(smtp))

        var dns = DNSProbe(bare)
        dns.type = .aaaa
        dns.name = "example.com"
        #expect(try check("DNS_CHECK {\ntype AAAA\nname example.com\n}", speaks: "protocol UDP").probe == .dns(dns))

        var command = CommandProbe(argv: ["/bin/c", "a b"], timeout: .seconds(5))
        command.isDynamic = true
        command.user = ScriptUser(user: "nobody", group: "adm")
        let misc = "MISC_CHECK {\nmisc_path \"/bin/c 'a b'\"\nmisc_timeout 5\nmisc_dynamic\nuser nobody adm\n}"
        #expect(try check(misc).probe == .command(command))

        var udp = UDPProbe(bare)
        udp.payload = [0xAB, 0x12, 0x0F, 0x03, 0x45, 0x06, 0x54, 0x64, 0x43, 0x12, 0x03]
        udp.requiresReply = true
        udp.reply = UDPProbe.Pattern(bytes: [0x01, 0x00, 0x02], mask: [0x0F, 0x00, 0x0F])
        udp.replyLengths = 1...300
        #expect(
            try check(
                "UDP_CHECK {\npayload Ab12f 3 \"456 546443123\"\nrequire_reply X1xx x2\nmin_reply_length 1\nmax_reply_length 300\n}",
                speaks: "protocol UDP"
            ).probe == .udp(udp))

        let blocks = "track_file f {\nfile /run/f\n}\nbfd_instance b {\nneighbor_ip 10.0.0.9\n}\n"
        #expect(
            try check("FILE_CHECK {\ntrack_file f\nweight -5 reverse\n}", outside: blocks).probe
                == .file(name: "f", weight: -5, reverse: true))
        #expect(
            try check("FILE_CHECK {\ntrack_file f\n}", outside: blocks).probe
                == .file(name: "f", weight: nil, reverse: false))
        let bfd = try check("BFD_CHECK {\nname b\nalpha\n}", outside: blocks)
        #expect(bfd.probe == .bfd(name: "b") && bfd.alpha)
    }

    @Test("SSL has its files, and its password is never shown")
    func tls() throws {
        let text =
            "SSL {\npassword hunter2\nca /ca.pem\ncertificate /c.pem\nkey /k.pem\n}\n" + virtualServer() + instance()
        let loaded = Configuration.load(text: text)
        let expected = TLSMaterial(
            password: Secret(Array("hunter2".utf8)), authority: "/ca.pem", certificate: "/c.pem", key: "/k.pem")
        #expect(loaded.model?.tls == expected)
        #expect(loaded.definitions.tls.map { loaded.sources.location(of: $0).line } == 1)
        let faulty = Configuration.load(text: "SSL {\npassword hunter2 x\n}\n")
        #expect(!faulty.renderedDiagnostics().isEmpty && !faulty.renderedDiagnostics().utf8.elementsEqual("".utf8))
        #expect(faulty.renderedDiagnostics().firstRange(of: "hunter2") == nil)
    }

    @Test("Firewall marks, ports and persistence mean what keepalived means")
    func services() throws {
        let mark = try servers("virtual_server fwmark 5 {\nreal_server 10.0.0.5 {\n}\n}\n")[0]
        #expect(mark.service == .firewallMark(5) && mark.transport == nil && mark.realServers[0].port == 0)
        let every = try servers(
            virtualServer("persistence_timeout\npersistence_granularity 255.255.255.0", head: "10.0.0.1"))[0]
        #expect(every.service == .address(vip, port: 0))
        #expect(
            every.persistence
                == VirtualServer.Persistence(timeout: .seconds(360), granularity: .mask(IPv4Address(255, 255, 255, 0))))
        let exact = try servers(virtualServer("persistence_timeout 9"))[0].persistence
        #expect(exact == VirtualServer.Persistence(timeout: .seconds(9), granularity: .mask(IPv4Address(bits: .max))))
        let six = try servers(
            "virtual_server 2001:db8::1 80 {\nprotocol SCTP\npersistence_granularity 64\nreal_server 2001:db8::5 80 {\n}\n}\n"
        )[0]
        #expect(six.persistence == VirtualServer.Persistence(granularity: .prefixLength(64)))
        #expect(six.family == .ipv6 && six.transport == .sctp)
        // With DR a server without a port has the service's; a check of a server without one asks the service's.
        let direct = try servers(virtualServer("lb_kind DR\nreal_server 10.0.0.6 {\n}"))[0]
        #expect(direct.realServers.map(\.port) == [80, 80])
        let bare = try servers(realServer("TCP_CHECK {\n}", "10.0.0.5"))[0].realServers[0]
        #expect(bare.port == 0 && bare.checks == [HealthCheck(.tcp(HealthCheck.Connection(rip, port: 80)))])
    }

    @Test("Under keepalived's leniency the model takes the values that keepalived takes")
    func lenientValues() throws {
        func lenient(_ extra: String, head: String = "10.0.0.1 80", speaks: String = "protocol TCP") throws
            -> VirtualServer
        {
            try servers(virtualServer(extra, head: head, speaks: speaks), .keepalived)[0]
        }
        #expect(try lenient("lb_algo nope").scheduler == .weightedLeastConnections)
        #expect(try lenient("", speaks: "").transport == .udp)
        #expect(try lenient("quorum 9\nhysteresis 9").quorum == 1)
        #expect(try lenient("weight 6\nquorum 9\nhysteresis 9").hysteresis == 5)
        #expect(try !lenient("ops").onePacket)
        #expect(try lenient("", head: "10.0.0.1").persistence?.timeout == .seconds(360))
        #expect(try lenient("persistence_granularity 24").persistence?.granularity == .mask(IPv4Address(0, 0, 0, 24)))
        #expect(try lenient("real_server 10.0.0.6 81 {\nlvs_method DR\n}").realServers[1].port == 80)
        #expect(try lenient("real_server 2001:db8::5 80 {\n}").realServers.count == 1)
        #expect(try lenient("real_server 10.0.0.5 80 {\nweight 9\n}").realServers.map(\.weight) == [1])
        #expect(try lenient("sorry_server_inhibit\nsorry_server 10.0.0.9 80").sorryServer?.inhibit == false)
        #expect(try lenient("", head: "10.0.0.1/32 80").service == .address(vip, port: 80))
        #expect(try servers(virtualServer(head: "group nope"), .keepalived).isEmpty)
        #expect(
            try servers(virtualServer() + virtualServer("weight 9"), .keepalived).map { $0.realServers[0].weight } == [
                1
            ])
        let codes = "HTTP_GET {\nurl {\npath /\nstatus_code 99 201 600-500\n}\nurl {\nstatus_code 200\n}\n}"
        let checks = try servers(realServer(codes), .keepalived)[0].realServers[0].checks
        guard case .http(let http)? = checks.first?.probe else { return #expect(checks.count == 1) }
        #expect(http.urls.map(\.statusCodes) == [[201...201]])
        #expect(
            try servers(realServer("HTTP_GET {\n}\nTCP_CHECK {\n}"), .keepalived)[0].realServers[0].checks.count == 1)
    }

    @Test("Servers that are written as they should be have nothing said about them, with and without an instance")
    func quiet() throws {
        let many = (0..<3_000).map { virtualServer(head: "10.\($0 >> 16).\($0 >> 8 & 255).\($0 & 255) 80") }.joined()
        #expect(describe(Configuration.load(text: many + instance())) == [])
        #expect(describe(Configuration.load(text: many)) == [])
        #expect(describe(Configuration.load(text: "SSL {\n}\n" + instance())) == [])
    }

    @Test("Real servers, groups and unknown names by the thousand are read in a time that grows with the text")
    func size() throws {
        let many = (0..<20_000).map { "real_server 10.1.\($0 >> 8).\($0 & 255) 80 {\n}" }.joined(separator: "\n")
        #expect(try servers(virtualServer(many))[0].realServers.count == 20_001)
        let entries = (0..<20_000).map { "10.1.\($0 >> 8).\($0 & 255) 80" }.joined(separator: "\n")
        let users = (0..<300).map { _ in virtualServer(head: "group G") }.joined()
        let loaded = Configuration.load(text: "virtual_server_group G {\n\(entries)\n}\n" + users)
        #expect(loaded.diagnostics.filter { $0.rule.description == "config.server.duplicate" }.count == 299)
        let groups = (0..<1_000).map { "virtual_server_group group\($0) {\n10.1.\($0 >> 8).\($0 & 255) 80\n}" }
        let strangers = (0..<1_000).map { virtualServer(head: "group grou\($0)") }
        let unknown = Configuration.load(text: groups.joined(separator: "\n") + "\n" + strangers.joined())
        #expect(unknown.diagnostics.filter { $0.rule.description == "config.server.unknown-group" }.count >= 999)
    }

    @Test("A fault names its reason and what to write instead")
    func golden() {
        let text = """
            virtual_server [10.0.0.1]:80 {
            }
            virtual_server 10.0.0.2 80 {
                lb_algo rrr
                protocol TCP
                real_server 10.0.0.5 8080 {
                    lvs_method DR
                }
                real_server 10.0.0.6 80 {
                    lb_kind DR
                }
            }

            """
        let fixes = Configuration.load(text: text).diagnostics.compactMap(\.fixIt?.replacement)
        #expect(fixes == ["10.0.0.1 80", "rr", "80", "lvs_method"])
        let first = Configuration.load(text: text).renderedDiagnostics().split(separator: "\n").prefix(5)
        #expect(
            first.joined(separator: "\n") == """
                aloft.conf:1:16: error: `[10.0.0.1]:80` is not an IP address [config.value.address]
                   1 | virtual_server [10.0.0.1]:80 {
                     |                ^~~~~~~~~~~~~
                    reason: `virtual_server` takes an address without brackets, and the port behind a space
                    fix: write `10.0.0.1 80`
                """)
    }

    @Test("A keyword of servers in the wrong place is told where it belongs")
    func misplaced() {
        func fix(_ text: String) -> String? {
            Configuration.load(text: text + instance()).diagnostics.first {
                $0.rule.description == "config.keyword.unknown"
            }?.fix
        }
        #expect(fix(realServer("quorum 5")) == "it belongs in the block around: is a `}` missing before it?")
        #expect(fix(virtualServer("misc_path x")) == "it belongs in `virtual_server/real_server/MISC_CHECK`")
        #expect(fix(virtualServer("misc_path x")) != nil)
        #expect(
            fix(realServer("HTTP_GET {\nstatus_code 200\n}"))
                == "it belongs in `virtual_server/real_server/HTTP_GET/url`")
        #expect(fix("tls_compliant\n" + virtualServer()) == "it belongs in `virtual_server/real_server/SSL_GET`")
        #expect(fix(realServer("lb_kind DR")) == "here it is called `lvs_method`")
    }
}
