import ConfigLanguage
import Primitives
import Testing

@testable import Configuration

/// A witness without a fault: `extra` begins on line 5 and the block ends on the line behind it.
func witness(_ extra: String = "type witness", name: String = "w") -> String {
    "arbiter \(name) {\naddress 198.51.100.5\nkey 0123456789abcdef\n\n\(extra)\n}\n"
}

/// Arbiters, leases and greetings: keywords that keepalived has not.
@Suite struct ArbiterTests {
    func model(_ text: String) throws -> Model {
        let loaded = Configuration.load(text: text)
        return try #require(loaded.model, "\(loaded.renderedDiagnostics())")
    }

    @Test("A witness has what is written, and the defaults of the rest")
    func witnesses() throws {
        var expected = ArbiterDefinition(
            name: "w",
            kind: .witness(
                WitnessSettings(
                    address: IPAddress("198.51.100.5")!, key: .bytes(Secret(Array("0123456789abcdef".utf8))))))
        #expect(expected.leaseDuration == .seconds(1) && expected.drift == 100 && expected.cluster == "aloft")
        #expect(try model(witness() + instance("arbiter w")).arbiters == [expected])

        var settings = WitnessSettings(
            address: IPAddress("2001:db8::5")!, key: .bytes(Secret(Array(repeating: 0xAB, count: 16))))
        settings.port = 99
        settings.source = IPAddress("2001:db8::1")
        expected.kind = .witness(settings)
        expected.leaseDuration = .milliseconds(300)
        expected.drift = 85
        expected.whenDown = .drop
        expected.cluster = "shop"
        expected.node = "left/1"
        let text = """
            arbiter w {
            type witness
            lease 0.3
            drift 8.5
            arbiter_down drop
            cluster shop
            node left/1
            address 2001:db8::5 99
            source 2001:db8::1
            key hex:\(String(repeating: "aB", count: 16))
            }

            """
        #expect(try model(text + instance("arbiter w")).arbiters == [expected])
        settings.key = .file("/etc/key")
        expected.kind = .witness(settings)
        let file = text.replacing("key hex:\(String(repeating: "aB", count: 16))", with: "key_file /etc/key")
        #expect(try model(file + instance("arbiter w")).arbiters == [expected])
    }

    @Test("etcd has what is written, a longer lease, and each endpoint once")
    func etcd() throws {
        var settings = EtcdSettings(endpoints: [
            EtcdSettings.Endpoint(usesTLS: true, address: IPAddress("2001:db8::5")!, port: 2379),
            EtcdSettings.Endpoint(usesTLS: false, address: IPAddress("127.0.0.1")!, port: 1),
        ])
        #expect(settings.endpoints.map(\.description) == ["https://[2001:db8::5]:2379", "http://127.0.0.1:1"])
        settings.authorities = "/ca"
        settings.certificate = "/cert"
        settings.key = "/key"
        settings.serverName = "etcd.example.org"
        settings.user = "aloft"
        settings.password = Secret(Array("of the user".utf8))
        settings.prefix = "/ha/"
        settings.clusterID = 0xCDF8_1819_4E3A_8C32
        let expected = ArbiterDefinition(name: "e", kind: .etcd(settings))
        #expect(expected.leaseDuration == .seconds(5))
        let text = """
            arbiter e {
            type etcd
            endpoint https://[2001:db8::5]:2379
            endpoint http://127.0.0.1:1/
            tls_ca /ca
            tls_certificate /cert
            tls_key /key
            tls_name etcd.example.org
            user aloft
            password "of the user"
            prefix /ha/
            cluster_id cdf818194e3a8c32
            }

            """
        #expect(try model(text + instance("arbiter e")).arbiters == [expected])
        let bare = "arbiter e {\ntype etcd\nendpoint https://192.0.2.9:2379\n}\n" + instance("arbiter e")
        guard case .etcd(let plain) = try model(bare).arbiters[0].kind else {
            Issue.record("not etcd")
            return
        }
        #expect(plain.prefix == "/aloft/" && plain.clusterID == nil && plain.user == nil)
    }

    @Test("Corosync's group is named after the cluster unless it is written")
    func corosync() throws {
        func group(_ extra: String) throws -> ArbiterDefinition {
            try model("arbiter c {\ntype corosync\n\(extra)\n}\n" + instance("arbiter c")).arbiters[0]
        }
        #expect(try group("").kind == .corosync(CorosyncSettings(group: "aloft-aloft")))
        #expect(try group("cluster dc1").kind == .corosync(CorosyncSettings(group: "aloft-dc1")))
        #expect(try group("cluster dc1\ngroup x").kind == .corosync(CorosyncSettings(group: "x")))
        #expect(try group("").leaseDuration == .seconds(1))
    }

    @Test("A node is called by its `node`, else by its router_id, else by the host, which the file does not know")
    func nodeNames() throws {
        let global = "global_defs {\nrouter_id left\n}\n"
        #expect(try model(witness() + instance("arbiter w")).arbiters[0].node == nil)
        #expect(try model(global + witness() + instance("arbiter w")).arbiters[0].node == "left")
        let both = global + witness("type witness\nnode right") + instance("arbiter w")
        #expect(try model(both).arbiters[0].node == "right")
        // What is free text elsewhere is none where another name is written.
        let text = "global_defs {\nrouter_id \"left node\"\n}\n" + witness("type witness\nnode right")
        #expect(try model(text + instance("arbiter w")).arbiters[0].node == "right")
    }

    // MARK: Leases

    static let group = "vrrp_sync_group G {\ngroup {\nA\nB\n}\narbiter w\n}\n"
    static let pair = instance() + instance(name: "B", vrid: 2, address: "10.0.0.2")

    @Test("A group has one lease for all of its members, and an instance in none has its own")
    func leases() throws {
        let loner = instance("arbiter w\nlease_name web", name: "C", vrid: 3, address: "10.0.0.3")
        let other = instance("", name: "D", vrid: 4, address: "10.0.0.4")
        let model = try model(witness("type witness\ncluster dc1") + Self.group + Self.pair + loner + other)
        #expect(
            model.leases == [
                LeaseDefinition(name: "dc1/G", arbiter: "w", group: "G", members: ["A", "B"]),
                LeaseDefinition(name: "dc1/web", arbiter: "w", members: ["C"]),
            ])
        #expect(model.instances.map(\.arbiter) == ["w", "w", "w", nil])
        #expect(model.syncGroups[0].arbiter == "w")
        // One that names what its group names says nothing new.
        let again = Self.group + instance("arbiter w") + instance(name: "B", vrid: 2, address: "10.0.0.2")
        #expect(try self.model(witness() + again).leases.map(\.members) == [["A", "B"]])
        let named = Self.group.replacing("arbiter w", with: "arbiter w\nlease_name gw")
        #expect(try self.model(witness() + named + Self.pair).leases.map(\.name) == ["aloft/gw"])
    }

    @Test("A member that names an arbiter which its group does not name is an error that says where it belongs")
    func members() {
        let bare = Self.group.replacing("arbiter w\n", with: "")
        let member = instance("arbiter w") + instance(name: "B", vrid: 2, address: "10.0.0.2")
        let loaded = Configuration.load(text: witness() + bare + member)
        #expect(describe(loaded) == ["18:1 error config.arbiter.member"])
        #expect(loaded.diagnostics[0].fix.contains("in the group"))
        let other = witness() + witness(name: "v") + Self.group
        #expect(
            faults(other + member.replacing("arbiter w", with: "arbiter v")) == ["25:1 error config.arbiter.member"])
        let named = instance("lease_name x") + instance(name: "B", vrid: 2, address: "10.0.0.2")
        #expect(faults(witness() + Self.group + named) == ["19:1 error config.arbiter.member"])
    }

    @Test("Two holders of one lease are an error, also through two blocks of one arbiter, and not at two arbiters")
    func sameLease() {
        func text(_ second: String) -> String {
            witness() + second + instance("arbiter w")
                + instance("arbiter v\nlease_name A", name: "B", vrid: 2, address: "10.0.0.2")
        }
        #expect(faults(text(witness(name: "v"))) == ["26:1 error config.arbiter.lease-twice"])
        #expect(faults(text(witness("type witness\ncluster other", name: "v"))) == [])
        #expect(faults(text(witness(name: "v").replacing("100.5", with: "100.6"))) == [])
        // A group and an instance may have one name.
        let group = Self.group.replacing("group G", with: "group C")
        let clash = witness() + group + Self.pair + instance("arbiter w", name: "C", vrid: 3, address: "10.0.0.3")
        #expect(faults(clash) == ["28:15 error config.arbiter.lease-twice"])
    }

    // MARK: What can be wrong

    /// Lines in an arbiter of the type witness, and what is said about them.
    static let lines: [(line: String, faults: [String])] = [
        ("lease 0.1", ["6:1 note config.arbiter.short-lease"]), ("lease 0.3", []), ("lease 3600", []),
        ("lease 0.09", ["6:7 error config.value.range"]), ("lease 3600.1", ["6:7 error config.value.range"]),
        ("lease x", ["6:7 error config.value.number"]), ("drift 0.1", []), ("drift 30", []),
        ("drift 0", ["6:7 error config.value.range"]), ("drift 0.15", ["6:7 error config.value.range"]),
        ("drift 10%", ["6:7 error config.value.number"]), ("drift", ["6:1 error config.value.missing"]),
        ("arbiter_down hold", ["6:14 error config.value.choice"]), ("arbiter_down drop", []),
        ("cluster \(String(repeating: "c", count: 64))", []),
        ("cluster \(String(repeating: "c", count: 65))", ["6:9 error config.arbiter.name"]),
        ("cluster a/b", ["6:9 error config.arbiter.name"]), ("cluster ä", ["6:9 error config.arbiter.name"]),
        ("cluster", ["6:1 error config.arbiter.name"]), ("cluster \"\"", ["6:1 error config.arbiter.name"]),
        ("node \"a b\"", ["6:6 error config.arbiter.name"]),
        ("source 2001:db8::1", ["6:1 error config.arbiter.endpoint"]),
        ("source 127.0.0.1", []), ("source 0.0.0.0", ["6:1 error config.arbiter.endpoint"]),
        ("source 10.0.0.1", ["6:1 error config.arbiter.guarded-address"]),
        ("group x", ["6:1 error config.arbiter.other-type"]),
        ("lease 2\nlease 3", ["7:1 warning config.keyword.repeated"]),
        ("endpint http://1.2.3.4:1", ["6:1 error config.keyword.unknown"]),
    ]

    @Test("What is wrong in an arbiter is one diagnostic at its place", arguments: lines)
    func arbiterFaults(_ row: (line: String, faults: [String])) {
        #expect(faults(witness("type witness\n\(row.line)") + instance("arbiter w")) == row.faults)
    }

    /// Endpoints, and what is said about them.
    static let endpoints: [(text: String, isFine: Bool)] = [
        ("https://192.0.2.1:2379", true), ("http://[::1]:65535", true), ("http://192.0.2.1:2379/", true),
        ("192.0.2.1:2379", false), ("https://192.0.2.1", false), ("https://192.0.2.1:0", false),
        ("https://192.0.2.1:65536", false), ("https://2001:db8::1:2379", false), ("https://[192.0.2.1]:2379", false),
        ("https://[]:1", false), ("https://:1", false), ("https://", false), ("https://192.0.2.1:2379/v3", false),
        ("etcd://192.0.2.1:2379", false), ("https://0.0.0.0:1", false), ("https://[ff02::1]:1", false),
    ]

    @Test("An endpoint is a numeric address and a port", arguments: endpoints)
    func endpoint(_ row: (text: String, isFine: Bool)) {
        let found = faults("arbiter e {\ntype etcd\nendpoint \(row.text)\n}\n" + instance("arbiter e"))
        #expect(row.isFine ? found == [] : found.count == 1 && found[0].hasSuffix("error config.arbiter.endpoint"))
    }

    @Test("A key has 16 to 256 bytes, in hexadecimal or as text, and no message shows it")
    func keys() {
        func key(_ text: String) -> [String] {
            faults("arbiter w {\ntype witness\naddress 198.51.100.5\nkey \(text)\n}\n" + instance("arbiter w"))
        }
        let wrong = ["4:5 error config.arbiter.key"]
        #expect(key("0123456789abcdef") == [] && key("0123456789abcde") == wrong)
        #expect(key("hex:" + String(repeating: "0f", count: 16)) == [])
        #expect(key("hex:" + String(repeating: "0f", count: 15)) == wrong)
        #expect(key("hex:" + String(repeating: "0", count: 33)) == wrong)
        #expect(key(String(repeating: "k", count: 256)) == [] && key(String(repeating: "k", count: 257)) == wrong)
        let loaded = Configuration.load(
            text: "arbiter w {\ntype witness\naddress 198.51.100.5 x\nkey hunter2\n}\n" + instance("arbiter w"))
        #expect(!loaded.isValid && !loaded.renderedDiagnostics().contains("hunter2"))
    }

    @Test("What is only worth a note is a note")
    func notes() {
        #expect(faults(witness() + instance()) == ["1:9 note config.arbiter.unused"])
        // Two links, one lease: most likely a router.
        let router =
            witness() + Self.group + instance()
            + instance(name: "B", vrid: 2, address: "10.0.0.2").replacing("eth0", with: "eth1")
        #expect(faults(router) == ["12:1 note config.arbiter.forwarding"])
        #expect(faults(witness() + Self.group + Self.pair) == [])
    }

    @Test("An arbiter with a fault of its own is told of once, and not again by who names it")
    func once() {
        #expect(
            faults("arbiter w {\ntype witness\n}\n" + instance("arbiter w"))
                == ["2:1 error config.arbiter.incomplete", "2:1 error config.arbiter.incomplete"])
        #expect(faults("arbiter w {\ntyp etcd\n}\n" + instance("arbiter w")) == ["2:1 error config.keyword.unknown"])
    }

    @Test("keepalived's leniency lets nothing pass that would leave an instance without its lease")
    func leniency() {
        for text in [
            instance("arbiter w"), instance("arbiter"), witness("") + instance("arbiter w"),
            witness("type witness\ncluster a/b") + instance("arbiter w"),
            witness("type witness\ngroup x") + instance("arbiter w"),
        ] {
            #expect(!Configuration.load(text: text, leniency: .keepalived).isValid, "\(text)")
        }
    }

    // MARK: Greetings

    @Test("Instances greet unless they, or all, are told not to")
    func hello() throws {
        func hello(_ global: String, _ extra: String) throws -> Bool {
            try model("global_defs {\n\(global)\n}\n" + instance(extra)).instances[0].hello
        }
        #expect(try hello("", "") && hello("vrrp_hello", "") && hello("vrrp_hello off", "hello on"))
        #expect(try !hello("vrrp_hello off", "") && !hello("", "hello off"))
        #expect(try model(instance()).global.helloPort == 7947)
        #expect(try model("global_defs {\nvrrp_hello_port 99\n}\n" + instance()).global.helloPort == 99)
        #expect(
            faults("global_defs {\nvrrp_hello_port 0\n}\n" + instance()) == ["2:17 error config.value.range"])
        let split = try model(instance("notify_split \"/bin/page now\" nobody")).instances[0].notify.split
        #expect(split == HookCommand(argv: ["/bin/page", "now"], user: ScriptUser(user: "nobody")))
    }
}
