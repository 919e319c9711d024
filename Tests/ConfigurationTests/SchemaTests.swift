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
        // keepalived has 25, 140, 8, 15, 70 and 2: address_lifetime is ours.
        #expect(
            counts == [
                "": 25, "global_defs": 141, "vrrp_script": 8, "vrrp_sync_group": 15, "vrrp_instance": 71,
                "vrrp_instance/authentication": 2,
            ])
    }

    @Test("Secret keywords are marked")
    func secrets() {
        #expect(Schema.blocks.flatMap(\.keywords).filter(\.isSecret).map(\.name) == ["auth_pass"])
    }
}
