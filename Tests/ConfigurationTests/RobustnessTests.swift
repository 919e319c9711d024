import ConfigLanguage
import Configuration
import Primitives
import Testing

/// Whatever the text is, reading it comes to an end and every diagnostic has a place.
@Suite struct RobustnessTests {
    static let seedText = """
        ! comment
        global_defs {
            router_id "node 1" # c
            script_user root :adm
            vrrp_garp_interval 0.000001
            vrrp_cpu_affinity 1 2 3
            umask IXUSR|IRWXG
            notify_fifo /run/f a b
        }
        vrrp_script s1 {
            script "/bin/sh -c 'exit \\x41'"
            interval 1.5
            weight -253 reverse
        }
        vrrp_sync_group G{
            group { A
                B }
            track_script { s1 weight 5 }
        }
        vrrp_instance A
        {
            state BACKUP
            interface eth0
            virtual_router_id 51
            priority 150
            advert_int 1.5
            authentication { auth_type PASS
                auth_pass abcdefgh }
            unicast_peer { 10.0.0.2 min_ttl 3
                10.0.0.3
            }
            virtual_ipaddress { 10.0.0.1/24 brd + dev eth0 label x scope link
                10.0.0.9
            }
            virtual_ipaddress_excluded { fe80::1/64 -nodad }
            track_interface { eth1 weight 3 }
            notify_master "/bin/x 'a b'" root
            virtual_routes { 1.2.3.0/24 via 1.2.3.4 }
        }
        vrrp_instance B { interface eth0
            version 3
            virtual_router_id 52
            virtual_ipaddress { fe80::2/64 }
        }
        virtual_server 10.0.0.1 80 { real_server 10.0.0.5 80 { weight 1 } }
        include other.conf

        """

    static let serverText = """
        virtual_server_group G { 10.0.0.1-9 80
            2001:db8::/120
            fwmark 5 inet6
        }
        virtual_server group G {
            lb_algo sh
            sh-port
            lb_kind TUN type gue port 5555 csum
            persistence_timeout
            persistence_granularity 255.255.255.0
            protocol TCP
            quorum 3
            hysteresis 1
            sorry_server 10.0.0.9 80
            sorry_server_inhibit
            real_server 10.0.0.5 80 {
                weight 3
                HTTP_GET { connect_timeout 0.5
                    url { path /
                        status_code 200 300-301
                        digest 640205b7b0fc66c1ea91c463fac6334d
                        regex "a b"'c'
                    }
                }
                UDP_CHECK { payload a1 2 3
                    require_reply X1 xx
                }
                MISC_CHECK { misc_path "/bin/x 'a b'" }
            }
            real_server 2001:db8::5 {
                SMTP_CHECK { host { connect_ip 10.0.0.7
                    }
                }
            }
        }
        virtual_server fwmark 5 { real_server 10.0.0.5 { TCP_CHECK { connect_port 80
                } } }
        SSL { password x }

        """

    func check(_ bytes: [UInt8], _ leniency: Leniency) {
        let other = ProvidedFile(path: "other.conf", bytes: Array("vrrp_script s2 {\n script </etc/x\n}\n".utf8))
        let files = MemoryFiles([ProvidedFile(path: "main", bytes: bytes), other])
        let loaded = Configuration.load(main: "main", files: files, leniency: leniency)
        let hasError = loaded.diagnostics.contains { $0.severity == .error }
        if hasError != (loaded.model == nil) { Issue.record("a model beside an error: \(bytes)") }
        for diagnostic in loaded.diagnostics where Int(diagnostic.range.end) > loaded.sources.bytes.count {
            Issue.record("\(diagnostic.rule) beyond the text: \(bytes)")
        }
    }

    @Test("A configuration that ends at any byte is read to that byte", arguments: [seedText, serverText])
    func truncations(_ text: String) {
        let bytes = Array(text.utf8)
        for length in 0...bytes.count {
            check(Array(bytes[..<length]), .strict)
            check(Array(bytes[..<length]), .keepalived)
        }
    }

    @Test("20,000 configurations with faults drawn by a seed are read to their ends", arguments: 1...4)
    func mutations(seed: Int) {
        let words = [
            "{", "}", "\"", "'", "\\", "\n", " ", "#", "!", "$", "${", "~SEQ", "@", "0", "-1", "99999999999999999999",
            "0.0000001", "1e9", "\u{0}", "é", "include main", "priority", "state", "weight", "::", "/33", "\\x", "\r\n",
            "vrrp_instance", "\u{FEFF}",
        ].map { Array($0.utf8) }
        let text = seed % 2 == 1 ? Self.seedText : Self.serverText
        let original = text.split(separator: "\n").map { Array($0.utf8) + [0x0A] }
        var random = SplitMix64(seed: UInt64(seed))
        for round in 0..<5_000 {
            // Some lines in a row: a beginning, an end, or neither.
            let first = Int.random(in: 0..<original.count, using: &random)
            let last = min(original.count, first + Int.random(in: 1...20, using: &random))
            var bytes = Array(original[first..<last].joined())
            for _ in 0...Int.random(in: 0..<4, using: &random) {
                let start = Int.random(in: 0..<bytes.count, using: &random)
                let length = Int.random(in: 0...min(12, bytes.count - start), using: &random)
                switch Int.random(in: 0..<5, using: &random) {
                case 0: bytes.removeSubrange(start..<start + length)
                case 1: bytes.insert(contentsOf: words[Int.random(in: 0..<words.count, using: &random)], at: start)
                case 2: bytes[start] = UInt8.random(in: 0...255, using: &random)
                case 3: bytes.insert(contentsOf: Array(bytes[start..<start + length]), at: start)
                default:
                    bytes.replaceSubrange(
                        start..<start + length, with: words[Int.random(in: 0..<words.count, using: &random)])
                }
                if bytes.isEmpty { bytes = [0] }
            }
            check(bytes, round % 2 == 0 ? .strict : .keepalived)
        }
    }

    @Test("Diagnostics of faulty configurations can all be shown")
    func rendering() {
        let original = Array((Self.seedText + Self.serverText).utf8)
        var random = SplitMix64(seed: 7)
        for _ in 0..<300 {
            var bytes = original
            for _ in 0..<20 {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let loaded = Configuration.load(
                main: "main", files: MemoryFiles([ProvidedFile(path: "main", bytes: bytes)]))
            let text = loaded.renderedDiagnostics()
            #expect(!text.isEmpty)
            #expect(!text.utf8.contains { $0 < 0x20 && $0 != 0x0A && $0 != 0x09 })
            #expect(DiagnosticRenderer(loaded.sources).renderJSON(loaded.diagnostics).utf8.last == UInt8(ascii: "]"))
        }
    }

    @Test("Faulty configurations can be mended, asked against a host and against each other, whatever they are")
    func followers() {
        // Without what is refused, or nothing would be left to compare.
        let lines = Self.seedText.split(separator: "\n").filter { !$0.contains("virtual_routes") }
            .map { Array($0.utf8) + [0x0A] }
        var random = SplitMix64(seed: 11)
        var compared = 0
        for round in 0..<150 {
            let texts = (0..<2).map { _ in
                var text = lines
                for _ in 0..<Int.random(in: 0..<4, using: &random) {
                    let place = Int.random(in: 0..<text.count, using: &random)
                    switch Int.random(in: 0..<3, using: &random) {
                    case 0: text.remove(at: place)
                    case 1: text.insert(lines[Int.random(in: 0..<lines.count, using: &random)], at: place)
                    default:
                        let byte = Int.random(in: 0..<text[place].count, using: &random)
                        text[place][byte] = UInt8.random(in: 0x20...0x7E, using: &random)
                    }
                }
                return Array(text.joined())
            }
            let leniency: Leniency = round % 2 == 0 ? .strict : .keepalived
            let other = ProvidedFile(path: "other.conf", bytes: Array("vrrp_script s2 {\n script </etc/x\n}\n".utf8))
            let loaded = texts.map { text in
                Repair(
                    main: "main", files: MemoryFiles([ProvidedFile(path: "main", bytes: text), other]),
                    leniency: leniency
                ).after
            }
            for one in loaded { _ = HostCheck(one, FakeHost.usual, leniency: leniency).diagnostics }
            let nodes = loaded.enumerated().compactMap { ClusterNode(name: "n\($0)", $1) }
            guard nodes.count == 2 else { continue }
            compared += 1
            let check = ClusterCheck(nodes)
            var report = Report(loaded.map(\.sources))
            report.add(check)
            #expect(report.text().isEmpty == check.findings.isEmpty)
            #expect(check.isCluster != ElectionTable(check.elections).text().isEmpty)
        }
        #expect(compared > 20)
    }

    @Test("A thousand instances and a thousand faults are read in a time that grows with the text")
    func size() {
        var text = ""
        for n in 0..<1_020 {
            text +=
                instance(
                    "notify_master /bin/x", name: "VI_\(n)", vrid: n % 255 + 1, address: "10.\(n >> 8).\(n & 255).1"
                )
                .split(separator: "\n").map { $0 == "interface eth0" ? "interface eth\(n / 255)" : String($0) }
                .joined(separator: "\n") + "\n"
        }
        let loaded = Configuration.load(text: text)
        #expect(loaded.renderedDiagnostics() == "")
        #expect(loaded.model?.instances.count == 1_020)
        let faulty = Configuration.load(text: String(repeating: "nosuch 1\n", count: 20_000))
        #expect(faulty.diagnostics.count == 10_001)
        #expect(faulty.diagnostics.last?.rule.description == "config.diagnostics.limit")
        // What is dropped still counts.
        let warnings = String(repeating: "global_defs {\nno_email_faults\n}\n", count: 10_100)
        #expect(Configuration.load(text: warnings).isValid)
        #expect(!Configuration.load(text: warnings + "nosuch\n").isValid)
    }
}
