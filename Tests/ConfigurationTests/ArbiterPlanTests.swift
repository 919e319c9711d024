import ConfigLanguage
import Primitives
import Testing

@testable import Configuration

/// What listings and plans say of arbiters and leases.
@Suite struct ArbiterPlanTests {
    func model(_ text: String) throws -> Model {
        let loaded = Configuration.load(text: text)
        return try #require(loaded.model, "\(loaded.renderedDiagnostics())")
    }

    func plan(_ old: String, _ new: String) throws -> Plan { Plan(from: try model(old), to: try model(new)) }

    /// What follows for the first instance.
    func consequences(_ old: String, _ new: String) throws -> [Consequence] {
        try #require(try plan(old, new).instances.first).consequences
    }

    @Test("Arbiters and leases are listed behind the rest, without keys, and leave the rest as it was")
    func listing() throws {
        let plain = ConfigurationDump(try model(instance())).text
        #expect(!plain.contains("Beyond"))
        let global = "global_defs {\nvrrp_hello_port 99\n}\n"
        let text = global + witness() + instance("arbiter w\nhello off\nnotify_split /bin/x")
        let loaded = Configuration.load(text: text)
        let dump = ConfigurationDump(try #require(loaded.understood))
        #expect(
            dump.text.hasSuffix(
                """
                ------< Beyond keepalived >------
                 vrrp_hello_port = 99
                 Arbiter = w
                   type = witness
                   lease = 1
                   drift = 10
                   arbiter_down = peers
                   cluster = aloft
                   address = 198.51.100.5 8694
                   key = •••
                 Lease = aloft/A
                   arbiter = w
                   vrrp_instance = A
                 VRRP Instance = A
                   hello = off
                   notify_split = /bin/x

                """), "\(dump.text)")
        var json = JSONWriter()
        dump.write(to: &json)
        let words = String(decoding: json.bytes, as: UTF8.self)
        #expect(words.contains(#""lease":[{"name":"aloft/A","arbiter":"w","vrrp_instance":["A"]}]"#), "\(words)")
        #expect(!words.contains("0123456789abcdef") && !dump.text.contains("0123456789abcdef"))
    }

    @Test("What a start would hold by is in the outline of the start")
    func outline() throws {
        let text = StartOutline(try model(witness() + ArbiterTests.group + ArbiterTests.pair)).text
        #expect(text.contains("leases\n    `aloft/G` of witness 198.51.100.5, 1 s, for A, B"), "\(text)")
        #expect(!StartOutline(try model(instance())).text.contains("leases"))
    }

    @Test("Who comes to need a lease, or no longer needs it, is disturbed, and so is who takes another one")
    func leases() throws {
        let none = instance()
        let has = witness() + instance("arbiter w")
        #expect(
            try consequences(witness() + none, has) == [.needsLease("`aloft/A` of witness 198.51.100.5")])
        #expect(try consequences(has, none) == [.needsNoLease("`aloft/A` of witness 198.51.100.5")])
        #expect(try plan(none, has).disturbs && plan(has, none).disturbs)
        let moved = has.replacing("100.5", with: "100.6 99")
        #expect(
            try consequences(has, moved) == [
                .changesLease(
                    from: "`aloft/A` of witness 198.51.100.5", to: "`aloft/A` of witness 198.51.100.6 port 99")
            ])
        let renamed = witness() + instance("arbiter w\nlease_name web")
        #expect(
            try consequences(has, renamed) == [
                .changesLease(from: "`aloft/A` of witness 198.51.100.5", to: "`aloft/web` of witness 198.51.100.5")
            ])
        let called = witness("type witness\nnode left") + instance("arbiter w")
        #expect(try plan(has, called).disturbs)
        let text = try plan(none, has).text()
        #expect(text.contains("arbiter: w") == false && text.contains("a master lets go until it has it"), "\(text)")
        #expect(text.contains("arbiter w: added"), "\(text)")
    }

    @Test("Another key, another time, another endpoint of the same cluster or another name of the block disturb nobody")
    func undisturbed() throws {
        let has = witness() + instance("arbiter w")
        for other in [
            has.replacing("0123456789abcdef", with: "fedcba9876543210"),
            witness("type witness\nlease 2\ndrift 5\narbiter_down drop") + instance("arbiter w"),
            witness(name: "v") + instance("arbiter v"),
        ] {
            let plan = try plan(has, other)
            #expect(!plan.disturbs && !plan.isEmpty, "\(plan.text())")
        }
        func etcd(_ members: String...) -> String {
            "arbiter e {\ntype etcd\n" + members.map { "endpoint https://10.9.0.\($0):2379\n" }.joined() + "}\n"
                + instance("arbiter e")
        }
        #expect(try !plan(etcd("1", "2"), etcd("2", "3")).disturbs)
        #expect(try plan(etcd("1"), etcd("2")).disturbs)
        // A key that changed shows as a change, and not as what it is.
        let text = try plan(has, has.replacing("0123456789abcdef", with: "fedcba9876543210")).text()
        #expect(text.contains("key: ••• → •••") && !text.contains("fedcba"), "\(text)")
    }

    @Test(
        "Nodes whose arbiters cannot be the same are told so, whatever the type",
        arguments: [
            ("type corosync\ngroup a", "type corosync\ngroup b"),
            ("type corosync", "type corosync\ncluster b\ngroup b"),
            (
                "type etcd\nendpoint https://10.9.0.1:1\ncluster_id 1",
                "type etcd\nendpoint https://10.9.0.1:1\ncluster_id 2"
            ),
            ("type etcd\nendpoint https://10.9.0.1:1", "type etcd\nendpoint https://10.9.0.1:1\nprefix /b/"),
            ("type etcd\nendpoint https://10.9.0.1:1", "type etcd\nendpoint https://10.9.0.2:1"),
            ("type etcd\nendpoint https://10.9.0.1:1", "type corosync"),
        ])
    func otherArbiters(_ a: String, _ b: String) throws {
        let nodes = [a, b].enumerated().compactMap { number, text in
            ClusterNode(
                name: "\(number)",
                Configuration.load(
                    text: "arbiter x {\n\(text)\n}\n" + instance("arbiter x\npriority \(100 + number)")))
        }
        #expect(nodes.count == 2)
        let rules = ClusterCheck(nodes).findings.map(\.diagnostic.rule.description)
        #expect(rules.contains("config.cluster.other-arbiter"), "\(rules)")
        // One id says what endpoints do not.
        let same = ["1", "2"].compactMap { member in
            ClusterNode(
                name: member,
                Configuration.load(
                    text: "arbiter x {\ntype etcd\nendpoint https://10.9.0.\(member):1\ncluster_id 7\n}\n"
                        + instance("arbiter x\npriority 10\(member)")))
        }
        #expect(ClusterCheck(same).findings.isEmpty)
    }
}
