import ConfigLanguage
import Configuration
import Primitives
import Testing

/// `virtual_server_group`, and what only shows between several blocks.
@Suite struct ServerGroupTests {
    /// Groups of these entries, each beginning on line 2, with a virtual server behind it.
    func group(_ entries: String, _ extra: String = "persistence_timeout") -> String {
        "virtual_server_group G {\n\(entries)\n}\n" + virtualServer(extra, head: "group G")
    }

    @Test("A group holds addresses, ranges and firewall marks")
    func entries() throws {
        let text = group(
            """
            10.0.0.1 80
            10.0.0.10-20 80
            10.0.1.250-10.0.2.9
            10.0.3.0/24 443
            fwmark 7
            fwmark 8 inet
            """)
        #expect(serverFaults(text) == [])
        let loaded = Configuration.load(text: text + instance())
        let model = try #require(loaded.model)
        func range(_ first: String, _ last: String, _ port: UInt16) throws -> VirtualServerGroup.Entry {
            .addresses(first: try #require(IPAddress(first)), last: try #require(IPAddress(last)), port: port)
        }
        #expect(
            model.virtualServerGroups == [
                VirtualServerGroup(
                    name: "G",
                    entries: [
                        try range("10.0.0.1", "10.0.0.1", 80), try range("10.0.0.10", "10.0.0.20", 80),
                        try range("10.0.1.250", "10.0.2.9", 0), try range("10.0.3.0", "10.0.3.255", 443),
                        .firewallMark(7, nil), .firewallMark(8, .ipv4),
                    ])
            ])
        #expect(model.virtualServers[0].service == .group("G") && model.virtualServers[0].family == .ipv4)
        #expect(loaded.definitions.virtualServerGroups.map { loaded.sources.location(of: $0).line } == [1])
        #expect(loaded.definitions.virtualServers.map { loaded.sources.location(of: $0).line } == [9])
        let v6 =
            group("2001:db8::10-1f 80\n2001:db8:1::/64 80\n2001:db8::1-2001:db8::2 80").split(separator: "\n")
            .map { $0 == "real_server 10.0.0.5 80 {" ? "real_server 2001:db8::5 80 {" : String($0) }
            .joined(separator: "\n") + "\n"
        #expect(serverFaults(v6) == ["3:1 warning config.server.group-size"])
        let entries = try #require(Configuration.load(text: v6 + instance()).model).virtualServerGroups[0].entries
        #expect(
            entries == [
                try range("2001:db8::10", "2001:db8::1f", 80),
                try range("2001:db8:1::", "2001:db8:1::ffff:ffff:ffff:ffff", 80),
                try range("2001:db8::1", "2001:db8::2", 80),
            ])
    }

    @Test(
        "Each fault of an entry is one diagnostic at its place",
        arguments: [
            ("10.0.0.9-3 80", "2:1 error config.server.group-range"),
            ("10.0.0.9-9 80", "2:1 error config.server.group-range"),
            ("10.0.0.1-+9 80", "2:1 error config.server.group-range"),
            ("10.0.0.1-300 80", "2:1 error config.server.group-range"),
            ("10.0.0.9-10.0.0.3 80", "2:1 error config.server.group-range"),
            ("10.0.0.9-2001:db8::1 80", "2:1 error config.server.group-range"),
            ("10.0.3.1/24 80", "2:1 error config.server.group-range"),
            ("10.0.0.0/8 80", "2:1 warning config.server.group-size"),
            ("10.0.0 80", "2:1 error config.value.address"),
            ("fwmrk 5", "2:1 error config.value.address"),
            ("10.0.0.1 99999", "2:10 error config.value.range"),
            ("10.0.0.1 80 90", "2:13 error config.value.extra"),
            ("fwmark", "2:1 error config.value.missing"),
            ("fwmark 0", "2:8 error config.server.mark-zero"),
            ("fwmark 5 inet4", "2:10 error config.value.choice"),
            ("10.0.0.1 80\n10.0.0.1-9 80", "3:1 error config.server.overlap"),
            ("10.0.0.1 80\n2001:db8::1 80", "5:16 error config.server.group-families"),
            ("10.0.0.1 80\nfwmark 5 inet6", "5:16 error config.server.group-families"),
            ("fwmark 4 inet\nfwmark 5 inet6", "5:16 error config.server.group-families"),
            ("", "1:22 error config.server.empty-group"),
        ])
    func faultOfEntry(_ entries: String, _ fault: String) {
        let isAddress = entries.hasPrefix("1") || entries.hasPrefix("fwmrk")
        let text =
            isAddress
            ? group(entries)
            : "virtual_server_group G {\n\(entries)\n}\n" + virtualServer(head: "group G", speaks: "")
        #expect(serverFaults(text) == [fault])
        let words = fault.split(separator: " ")
        #expect(serverFaults(text, .keepalived).contains("\(words[0]) warning \(words[2])"))
    }

    @Test("Groups are unique, used, and of one port where packets keep theirs")
    func betweenGroups() {
        let one = "virtual_server_group G {\n10.0.0.1 80\n}\n"
        #expect(serverFaults(one) == ["1:22 warning config.server.unused-group"])
        #expect(
            serverFaults(one + one + virtualServer(head: "group G")) == ["4:22 error config.server.duplicate-group"])
        #expect(serverFaults(one + virtualServer("lb_kind DR", head: "group G")) == [])
        #expect(
            serverFaults("virtual_server_group G {\n10.0.0.1 81\n}\n" + virtualServer("lb_kind DR", head: "group G"))
                == ["6:22 error config.server.port-mismatch"])
        #expect(
            serverFaults(
                "virtual_server_group G {\n10.0.0.1 80\n10.0.0.2 81\n}\n" + virtualServer("lb_kind DR", head: "group G")
            )
                == ["7:22 error config.server.port-mismatch"])
        #expect(
            serverFaults("virtual_server_group G {\n10.0.0.1\n}\n" + virtualServer(head: "group G"))
                == ["4:16 error config.server.port-zero"])
        #expect(
            serverFaults("virtual_server_group G {\nfwmark 5\n}\n" + virtualServer(head: "group G"))
                == ["5:1 warning config.server.mark-protocol"])
        // A range that holds another server's address, in either order; another protocol or port is another service.
        let range = "virtual_server_group G {\n10.0.0.0/28 80\n}\n" + virtualServer(head: "group G")
        #expect(serverFaults(range + virtualServer()) == ["12:16 error config.server.overlap"])
        #expect(serverFaults(virtualServer() + range) == ["12:16 error config.server.overlap"])
        #expect(serverFaults(range + virtualServer(head: "10.0.0.1 81")) == [])
        #expect(
            serverFaults(range + virtualServer(head: "group G")) == ["12:16 error config.server.duplicate"])
        let ping = virtualServer(speaks: "protocol UDP").split(separator: "\n", omittingEmptySubsequences: false)
            .map { $0 == "TCP_CHECK {" ? "PING_CHECK {" : $0 }.joined(separator: "\n")
        #expect(serverFaults(range + ping) == [])
    }

    @Test("Only tunnels lead to servers of the other family")
    func families() throws {
        let mixed = "real_server 2001:db8::5 80 {\nPING_CHECK {\n}\n}"
        #expect(serverFaults(virtualServer("lvs_method TUN\n" + mixed)) == [])
        #expect(serverFaults(virtualServer(mixed)) == ["7:13 error config.server.mixed-families"])
        #expect(
            serverFaults(virtualServer("sorry_server 2001:db8::9 80\nsorry_server_lvs_method TUN")) == [])
        let group = "virtual_server_group G {\n10.0.0.1 80\n2001:db8::1 80\n}\n"
        #expect(serverFaults(group + virtualServer("lvs_method TUN", head: "group G")) == [])
        // The family of a mark is that of its servers, unless all are tunnelled to.
        func family(_ extra: String) throws -> AddressFamily {
            let text = "virtual_server fwmark 5 {\n\(extra)\n}\n"
            #expect(serverFaults(text) == [])
            return try #require(Configuration.load(text: text + instance()).model).virtualServers[0].family
        }
        #expect(try family("real_server 10.0.0.5 {\n}") == .ipv4)
        #expect(try family("real_server 2001:db8::5 {\n}") == .ipv6)
        #expect(try family("lb_kind TUN\nreal_server 2001:db8::5 {\n}") == .ipv6)
        #expect(try family("lb_kind TUN\nreal_server 2001:db8::5 {\n}\nreal_server 10.0.0.5 {\n}") == .ipv4)
        #expect(try family("lb_kind TUN\nip_family inet6\nreal_server 10.0.0.5 {\n}") == .ipv6)
        #expect(try family("persistence_granularity 64\nreal_server 2001:db8::5 {\n}") == .ipv6)
    }

    @Test("A check that has no port is told so, unless it needs none")
    func checkPorts() {
        func mark(_ check: String, _ port: String = "") -> [String] {
            serverFaults("virtual_server fwmark 5 {\nreal_server 10.0.0.5\(port) {\n\(check)\n}\n}\n")
        }
        #expect(mark("TCP_CHECK {\n}") == ["3:1 error config.server.check-port"])
        #expect(mark("TCP_CHECK {\nconnect_port 80\n}") == [])
        #expect(mark("TCP_CHECK {\n}", " 80") == [])
        #expect(mark("PING_CHECK {\n}") == [])
        #expect(mark("SMTP_CHECK {\n}") == ["3:1 error config.server.check-port"])
        #expect(serverFaults(realServer("TCP_CHECK {\n}", "10.0.0.5")) == [])
        // A port is no port of a mark where packets keep theirs.
        #expect(mark("PING_CHECK {\n}\nlvs_method DR", " 80") == ["2:22 error config.server.port-mismatch"])
    }

    @Test("Names of files and sessions are those of other blocks, wherever they stand")
    func names() {
        let text = realServer("FILE_CHECK {\ntrack_file f\n}\nBFD_CHECK {\nname b\n}")
        let blocks = "track_file f {\nfile /run/f\n}\nbfd_instance b {\nneighbor_ip 10.0.0.9\n}\n"
        let faults = [faults(text + blocks + instance()), faults(blocks + text + instance())]
        for one in faults { #expect(one.allSatisfy { $0.hasSuffix("not-supported-yet") } && one.count == 2) }
        let loaded = Configuration.load(text: text + blocks.replacingOccurrences("f {", "ff {") + instance())
        #expect(loaded.diagnostics.contains { $0.rule.description == "config.server.unknown-track-file" })
    }
}

extension String {
    fileprivate func replacingOccurrences(_ word: String, _ other: String) -> String {
        guard let range = firstRange(of: word) else { return self }
        return String(self[..<range.lowerBound]) + other + String(self[range.upperBound...])
    }
}
