import ConfigLanguage
import Configuration
import Testing

@Suite struct SchemaTests {
    @Test("Every keyword that does something has a line of documentation")
    func documentation() {
        for block in Schema.blocks {
            for keyword in block.keywords {
                if case .notYet = keyword.status { continue }
                #expect(!keyword.documentation.isEmpty && keyword.documentation.hasSuffix("."), "\(keyword.name)")
                #expect(!keyword.documentation.contains("\n"), "\(keyword.name)")
            }
        }
    }

    @Test("A keyword is declared once in its block")
    func once() {
        for block in Schema.blocks {
            let names = block.keywords.map(\.name)
            #expect(Set(names).count == names.count, "\(block.path)")
        }
    }

    @Test("keepalived's keywords are all known: as many as its reference lists for each block")
    func complete() {
        let counts = Dictionary(uniqueKeysWithValues: Schema.blocks.map { ($0.path, $0.keywords.count) })
        // keepalived has 140 and 70 of the global and of an instance: address_lifetime is ours.
        let checker = "virtual_server/real_server/"
        #expect(
            counts == [
                "": 25, "global_defs": 141, "vrrp_script": 8, "vrrp_sync_group": 15, "vrrp_instance": 71,
                "vrrp_instance/authentication": 2, "SSL": 4, "virtual_server_group": 2, "virtual_server": 39,
                "virtual_server/real_server": 26, checker + "TCP_CHECK": 13, checker + "PING_CHECK": 13,
                checker + "UDP_CHECK": 17, checker + "SMTP_CHECK": 15, checker + "SMTP_CHECK/host": 13,
                checker + "DNS_CHECK": 15, checker + "MISC_CHECK": 10, checker + "FILE_CHECK": 2,
                checker + "BFD_CHECK": 2, checker + "HTTP_GET": 20, checker + "HTTP_GET/url": 10,
                checker + "SSL_GET": 21, checker + "SSL_GET/url": 11,
            ])
    }

    @Test("Commands follow the shell's quoting, and regular expressions do")
    func shellQuoting() {
        let quoted = Schema.blocks.flatMap(\.keywords).filter(\.isShellQuoted)
        let servers = ["quorum_up", "quorum_down", "notify_up", "notify_down", "misc_path"]
        #expect(servers.allSatisfy { name in quoted.contains { $0.name == name } })
        #expect(Set(quoted.filter { $0.argument != .command }.map(\.name)) == ["regex"])
    }

    @Test("Secret keywords are marked")
    func secrets() {
        #expect(Schema.blocks.flatMap(\.keywords).filter(\.isSecret).map(\.name) == ["auth_pass", "password"])
    }
}
