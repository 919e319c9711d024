import ConfigLanguage
import Testing

@testable import Configuration

@Suite struct SchemaTests {
    @Test("Every keyword and every option has a line of documentation")
    func documentation() {
        for block in Schema.blocks {
            for keyword in block.keywords {
                let name = "\(block.path) \(keyword.name)"
                #expect(keyword.documentation.hasSuffix(".") && keyword.documentation.count > 5, "\(name)")
                #expect(!keyword.documentation.contains("\n"), "\(name)")
                #expect(keyword.documentation.utf8.count <= 150, "\(name)")
                #expect(keyword.argument != .other(""), "\(name)")
            }
        }
    }

    @Test("A keyword is declared once in its block, and a block once")
    func once() {
        let paths = Schema.blocks.map(\.path)
        #expect(Set(paths).count == paths.count)
        for block in Schema.blocks {
            let names = block.keywords.map(\.name)
            #expect(Set(names).count == names.count, "\(block.path)")
        }
    }

    @Test("Every keyword and option of keepalived is declared, in its block", arguments: KeepalivedKeywords.blocks)
    func complete(_ block: (path: String, names: String)) throws {
        let declared = try #require(Schema.blocks.first { $0.path == block.path }, "\(block.path)")
        let names = Set(declared.keywords.map(\.name))
        let missing = block.names.split(whereSeparator: \.isWhitespace).filter { !names.contains(String($0)) }
        #expect(missing.isEmpty, "\(block.path)")
    }

    @Test("What is declared beyond keepalived's keywords is known by name")
    func beyond() {
        let known = Dictionary(uniqueKeysWithValues: KeepalivedKeywords.blocks.map { ($0.path, $0.names) })
        var own: [String] = []
        for block in Schema.blocks {
            let names = Set((known[block.path] ?? "").split(whereSeparator: \.isWhitespace).map(String.init))
            // Parts of arguments, which keepalived's list describes and does not name.
            guard !names.isEmpty else { continue }
            own += block.keywords.map(\.name).filter { !names.contains($0) }.map { "\(block.path) \($0)" }
        }
        let checkers = [
            "TCP_CHECK", "HTTP_GET", "SSL_GET", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK", "UDP_CHECK",
            "PING_CHECK",
        ]
        let server = ["drain_timeout", "slow_start", "rise"]
        var expected = ["global_defs address_lifetime", "global_defs data_plane", "vrrp_instance address_lifetime"]
        expected += [" arbiter", "global_defs vrrp_hello", "global_defs vrrp_hello_port"]
        expected += ["vrrp_instance", "vrrp_sync_group"].flatMap { ["\($0) arbiter", "\($0) lease_name"] }
        expected += ["vrrp_instance hello", "vrrp_instance notify_split"]
        expected += server.map { "virtual_server " + $0 }
        let real = "virtual_server/real_server"
        expected += (server + ["REDIS_CHECK", "MYSQL_CHECK", "PGSQL_CHECK", "GRPC_CHECK"]).map { "\(real) \($0)" }
        expected += checkers.map { "\(real)/\($0) rise" }
        for checker in ["HTTP_GET", "SSL_GET"] {
            expected +=
                ["method", "header", "body"].map { "\(real)/\(checker) \($0)" } + ["\(real)/\(checker)/url json"]
        }
        expected += ["tls_verify", "tls_min_days"].map { "\(real)/SSL_GET \($0)" }
        #expect(own.sorted() == expected.sorted())
    }

    @Test("An old name stands beside the one that it is the name of")
    func oldNames() {
        for block in Schema.blocks {
            for keyword in block.keywords {
                guard case .deprecated(let better) = keyword.status else { continue }
                #expect(block.keywords.contains { $0.name == better }, "\(keyword.name)")
            }
        }
    }

    @Test("Commands follow the shell's quoting, and regular expressions do")
    func shellQuoting() {
        let quoted = Schema.blocks.flatMap(\.keywords).filter { $0.argument.isShellQuoted }
        let servers = ["quorum_up", "quorum_down", "notify_up", "notify_down", "misc_path"]
        #expect(servers.allSatisfy { name in quoted.contains { $0.name == name } })
        let others = quoted.filter { $0.argument != .command && $0.argument != .program }.map(\.name)
        #expect(Set(others) == ["notify_deleted", "regex", "header", "body", "json"])
    }

    @Test("Secret keywords are marked")
    func secrets() {
        let secret = Schema.blocks.flatMap(\.keywords).filter(\.isSecret).map(\.name)
        #expect(Set(secret) == ["auth_pass", "key", "password", "header"])
        // `SSL`, the three databases and etcd; HTTP_GET and SSL_GET; `auth_hmac` and witnesses.
        #expect(secret.count { $0 == "password" } == 5 && secret.count { $0 == "key" } == 2)
        #expect(secret.count { $0 == "header" } == 2)
    }

    @Test("Keywords of the top that open a block close what is open before them; those that stand elsewhere too do not")
    func topLevel() {
        let text = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.1\n"
        #expect(
            faults(text + "}\nbfd_instance b {\nneighbor_ip 10.0.0.9\n}\n").contains(
                "7:1 error config.syntax.missing-brace"))
        #expect(!faults(text + "}\ntrack_file {\nf\n}\n}\n").contains { $0.hasSuffix("missing-brace") })
    }

    @Test("What stands in a block that does nothing yet does nothing either")
    func inheritance() throws {
        func support(_ block: String, _ name: String) throws -> KeywordEntry.Support {
            try #require(Schema.entries.first { $0.block == block && $0.name == name }).support
        }
        #expect(try support("vrrp_instance", "priority") == .works)
        #expect(try support("vrrp_instance", "unicast_fault_no_peer") == .withoutEffect)
        #expect(try support("vrrp_instance", "virtual_routes") == .refused)
        #expect(try support("vrrp_instance/virtual_routes/encap/ip", "dst") == .refused)
        #expect(try support("vrrp_instance/virtual_ipaddress", "dev") == .works)
        #expect(try support("vrrp_instance/virtual_ipaddress", "use_vmac") == .refused)
        #expect(try support("vrrp_instance/auth_hmac", "key") == .refused)
        #expect(try support("global_defs", "smtp_server") == .works)
        #expect(try support("global_defs/lvs_sync_daemon", "id") == .works)
        #expect(try support("global_defs", "enable_snmp_checker") == .notYet)
        #expect(try support("track_file", "file") == .works)
        #expect(try support("track_file", "init_file") == .notYet)
        #expect(try support("vrrp_track_file", "file") == .works)
        #expect(try support("bfd_instance", "neighbor_ip") == .notYet)
        #expect(try support("virtual_server/real_server/HTTP_GET/url", "path") == .works)
        #expect(try support("virtual_server/real_server/HTTP_GET/url", "regex_stack") == .withoutEffect)
        #expect(try support("virtual_server/real_server/BFD_CHECK", "name") == .notYet)
        #expect(try support("virtual_server", "snmp_name") == .notYet)
        #expect(try support("", "vrrp_track_file") == .oldName(of: "track_file"))
        #expect(try support("static_routes", "via") == .refused)
    }
}
