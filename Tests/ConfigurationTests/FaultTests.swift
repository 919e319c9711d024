import ConfigLanguage
import Configuration
import Primitives
import Testing

/// `line:column severity rule` of each diagnostic.
func faults(_ text: String, _ leniency: Leniency = .strict) -> [String] {
    describe(Configuration.load(text: text, leniency: leniency))
}

func describe(_ loaded: LoadedConfiguration) -> [String] {
    loaded.diagnostics.map {
        let place = loaded.sources.location(of: $0.range)
        return "\(place.line):\(place.column) \($0.severity) \($0.rule)"
    }
}

/// An instance without a fault: `extra` begins on line 6.
func instance(_ extra: String = "", name: String = "A", vrid: Int = 1, address: String = "10.0.0.1") -> String {
    """
    vrrp_instance \(name) {
    interface eth0
    virtual_router_id \(vrid)
    virtual_ipaddress {
    \(address) }
    \(extra)
    }

    """
}

@Suite struct FaultTests {
    /// What is an error, and under keepalived's leniency a warning or still an error.
    static let instanceFaults: [(extra: String, fault: String, lenient: String)] = [
        ("priority 300", "6:10 error config.instance.priority-range", "warning"),
        ("priority 0", "6:10 error config.instance.priority-range", "warning"),
        ("priority 99999999999999999999999", "6:10 error config.instance.priority-range", "warning"),
        ("priority 5x", "6:10 error config.value.number", "warning"),
        ("priority", "6:1 error config.value.missing", "warning"),
        ("priority 5 6", "6:12 error config.value.extra", "warning"),
        ("priority 5 {\n}", "6:1 error config.block.unexpected", "warning"),
        ("prioriti 5", "6:1 error config.keyword.unknown", "warning"),
        ("nosuch {\npriority 7\n}", "6:1 error config.keyword.unknown", "warning"),
        ("global_x", "6:1 error config.keyword.unknown", "warning"),
        ("authentication", "6:1 error config.block.missing", "warning"),
        ("virtual_ipaddress", "6:1 error config.block.missing", "warning"),
        ("state master", "6:7 error config.instance.unknown-state", "warning"),
        ("version 4", "6:9 error config.value.range", "warning"),
        ("advert_int 0", "6:12 error config.instance.interval-range", "warning"),
        ("advert_int 300", "6:12 error config.instance.interval-range", "warning"),
        ("advert_int 1s", "6:12 error config.value.number", "warning"),
        ("version 3\nadvert_int 50", "7:1 error config.instance.interval-range", "warning"),
        ("advert_int 1.5", "6:1 warning config.instance.interval-rounded", "warning"),
        ("version 3\nadvert_int 0.125", "7:1 warning config.instance.interval-rounded", "warning"),
        ("priority 5\npriority 6", "7:1 warning config.keyword.repeated", "warning"),
        ("garp_extra_if 5", "6:1 warning config.keyword.not-supported-yet", "warning"),
        ("garp_extra_if all 86401", "6:19 error config.value.range", "warning"),
        ("garp_extra_if all", "6:1 error config.value.missing", "warning"),
        ("vmac_garp_intvl all 5", "6:1 warning config.keyword.deprecated", "warning"),
        ("state MASTER", "6:1 warning config.instance.implicit-owner", "warning"),
        ("state MASTER\npriority 9\nnopreempt", "8:1 error config.instance.nopreempt-master", "warning"),
        ("priority 255\nnopreempt", "7:1 error config.instance.nopreempt-owner", "warning"),
        ("nopreempt\npreempt_delay 5", "7:1 warning config.instance.preempt-delay-ignored", "warning"),
        ("nopreempt\ntrack_interface {\neth1 weight 3\n}", "6:1 warning config.instance.nopreempt-weights", "warning"),
        ("strict_mode maybe", "6:13 error config.value.boolean", "warning"),
        ("interface a/b", "6:11 error config.value.name-length", "warning"),
        ("interface abcdefghijklmnop", "6:11 error config.value.name-length", "warning"),
        ("mcast_src_ip 1.2.3", "6:14 error config.value.address", "warning"),
        ("mcast_src_ip fe80::1", "6:1 error config.instance.source-family", "error"),
        ("mcast_dst_ip 10.0.0.9", "6:1 error config.instance.group-family", "warning"),
        ("unicast_src_ip 10.0.0.9", "6:1 warning config.instance.unused-source", "warning"),
        ("unicast_peer {\n}", "6:1 error config.instance.no-peers", "error"),
        (
            "unicast_peer {\n10.0.0.9\nfe80::1\n}\ncheck_unicast_src", "8:1 error config.instance.mixed-families",
            "warning"
        ),
        (
            "unicast_peer {\n10.0.0.9\n10.0.0.9\n}\ncheck_unicast_src", "8:1 error config.instance.duplicate-peer",
            "warning"
        ),
        (
            "unicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.8\n10.0.0.9\n}\ncheck_unicast_src",
            "9:1 error config.instance.own-source-as-peer", "warning"
        ),
        ("unicast_peer {\n10.0.0.9 min_tl 3\n}\ncheck_unicast_src", "7:10 error config.value.choice", "warning"),
        ("track_src_ip", "6:1 error config.instance.no-source-to-track", "warning"),
        ("virtual_ipaddress {\nfe80::1\n}", "7:1 error config.instance.mixed-families", "warning"),
        ("virtual_ipaddress {\n10.0.0.1/24\n}", "7:1 error config.instance.duplicate-address", "warning"),
        ("virtual_ipaddress {\n10.0.0.2 10.0.0.3\n}", "7:10 error config.address.option", "warning"),
        ("virtual_ipaddress {\n10.0.0.2 lable x\n}", "7:10 error config.address.option", "warning"),
        ("virtual_ipaddress {\n10.0.0.2/33\n}", "7:1 error config.value.address", "warning"),
        ("virtual_ipaddress {\n10.0.0.2 dev\n}", "7:10 error config.value.missing", "warning"),
        ("virtual_ipaddress {\n10.0.0.2 home\n}", "7:10 error config.address.option-family", "warning"),
        ("virtual_ipaddress {\n10.0.0.2 brd +\n}", "7:14 error config.address.option", "warning"),
        (
            "virtual_ipaddress {\n10.0.0.2 label abcdefghijklmnop\n}", "7:16 error config.address.label-length",
            "warning"
        ),
        ("virtual_ipaddress {\n10.0.0.2 {\n}\n}", "7:1 error config.block.unexpected", "warning"),
        ("virtual_ipaddress {\n10.0.0.2 use_vmac\n}", "7:10 error config.keyword.refused", "error"),
        ("authentication {\nauth_type AH\nauth_pass x\n}", "7:1 error config.keyword.refused", "error"),
        ("authentication {\nauth_type X\nauth_pass x\n}", "7:1 error config.instance.authentication-type", "warning"),
        ("authentication {\nauth_type PASS\n}", "7:1 error config.instance.password-missing", "warning"),
        (
            "authentication {\nauth_type PASS\nauth_pass 123456789\n}",
            "8:11 error config.instance.password-length", "warning"
        ),
        (
            "version 3\nauthentication {\nauth_type PASS\nauth_pass 12345678\n}",
            "8:1 error config.instance.password-version", "warning"
        ),
        ("track_interface {\neth0\n}", "7:1 error config.instance.own-interface-tracked", "warning"),
        ("track_interface {\neth1\neth1\n}", "8:1 error config.instance.duplicate-tracker", "warning"),
        ("track_interface {\neth1 weight 300\n}", "7:13 error config.value.range", "warning"),
        ("track_script {\nnope\n}", "7:1 error config.instance.undefined-script", "warning"),
        ("notify_master \"/bin/x 'y\"", "6:15 error config.command.quoting", "warning"),
        ("notify_master \"\"", "6:15 error config.value.missing", "warning"),
        ("notify_master \"/bin/x", "6:15 error config.syntax.unterminated-quote", "warning"),
        ("address_lifetime 1", "6:1 error config.value.range", "warning"),
        ("use_vmac", "6:1 error config.keyword.refused", "error"),
        ("no_accept", "6:1 error config.keyword.refused", "error"),
        ("old_unicast_checksum", "6:1 error config.keyword.refused", "error"),
        ("virtual_routes {\ndefault via 10.0.0.9\n}", "6:1 error config.keyword.refused", "error"),
        ("strict_mode\naccept\npreempt_delay 5", "8:1 error config.instance.strict", "warning"),
        ("strict_mode", "6:1 warning config.instance.strict-accept", "warning"),
        (
            "strict_mode\naccept\nunicast_peer {\n10.0.0.9\n}\ncheck_unicast_src",
            "8:1 error config.instance.strict-unicast", "error"
        ),
        ("}", "7:1 error config.syntax.extra-brace", "warning"),
    ]

    @Test("Each fault of an instance is one diagnostic at its place", arguments: instanceFaults)
    func instanceFault(_ row: (extra: String, fault: String, lenient: String)) {
        #expect(faults(instance(row.extra)) == [row.fault])
    }

    @Test("keepalived's leniency turns what it only logs into warnings", arguments: instanceFaults)
    func lenientFault(_ row: (extra: String, fault: String, lenient: String)) {
        let loaded = Configuration.load(text: instance(row.extra), leniency: .keepalived)
        let words = row.fault.split(separator: " ")
        #expect(describe(loaded) == ["\(words[0]) \(row.lenient) \(words[2])"])
        #expect(loaded.isValid == (row.lenient == "warning"))
    }

    @Test(
        "A fault between blocks is one diagnostic at its place",
        arguments: [
            (
                "vrrp_instance A {\n}\n",
                ["1:15 error config.instance.missing-interface", "1:15 error config.instance.missing-vrid"]
            ),
            ("vrrp_instance A {\ninterface e\nvirtual_router_id 0\n}\n", ["3:19 error config.instance.vrid-range"]),
            ("vrrp_instance A {\ninterface e\nvirtual_router_id 1\n}\n", ["1:15 error config.instance.no-addresses"]),
            (
                "vrrp_instance A {\ninterface e\nversion 3\nvirtual_router_id 1\n}\n",
                ["1:15 error config.instance.no-addresses-v3"]
            ),
            ("vrrp_instance {\ninterface e\n}\n", ["1:1 error config.block.unnamed"]),
            (instance() + instance(vrid: 2, address: "10.0.0.2"), ["8:15 error config.instance.duplicate-name"]),
            (instance() + instance(name: "B", address: "10.0.0.2"), ["10:1 error config.instance.duplicate-vrid"]),
            (instance() + instance(name: "B", address: "fe80::1"), []),
            (instance() + instance(name: "B", vrid: 2), ["12:1 error config.instance.shared-address"]),
            (instance(vrid: 1, address: "fe80::1") + instance(name: "B", vrid: 2, address: "fe80::1 dev eth1"), []),
            (
                instance("unicast_peer {\n10.0.0.8\n}\nauthentication {\nauth_type PASS\nauth_pass x\n}")
                    + instance("unicast_peer {\n10.0.0.9\n}", name: "B", address: "10.0.0.2"),
                ["19:1 note config.instance.open-unicast"]
            ),
            ("", ["1:1 error config.file.empty"]),
            ("global_defs {\nvrrp_priority 5\n}\n", ["1:1 warning config.global.no-instances"]),
            // One fault is one diagnostic: what is there but faulty is not missing as well.
            (
                "vrrp_instance A {\ninterfcae e\nvirtual_router_id 1\nvirtual_ipaddress {\n1.2.3\n}\n}\n",
                [
                    "2:1 error config.keyword.unknown", "5:1 error config.value.address",
                ]
            ),
            ("vrrp_script s {\nscript \"/bin/x\n}\n", ["2:8 error config.syntax.unterminated-quote"]),
            (instance("version 2", address: "fe80::1"), ["6:1 error config.instance.version-family"]),
            (
                "vrrp_sync_group G {\ngroup {\nA B\n}\n}\n" + instance(),
                [
                    "1:17 warning config.group.single-member", "3:3 error config.group.undefined-member",
                ]
            ),
            ("vrrp_sync_group G {\n}\n" + instance(), ["1:17 error config.group.empty"]),
            (
                "vrrp_sync_group G {\ngroup {\nA\nB\nA\n}\n}\n" + instance("priority 255")
                    + instance(name: "B", vrid: 2, address: "10.0.0.2"),
                ["1:17 error config.group.mixed-owners", "5:1 error config.group.duplicate-member"]
            ),
            (
                "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\n" + instance("track_interface {\neth1 weight 2\n}")
                    + instance(name: "B", vrid: 2, address: "10.0.0.2"),
                ["1:17 warning config.group.weights-ignored"]
            ),
            ("vrrp_script s {\nscript /bin/true\n}\n" + instance(), ["1:13 warning config.script.unused"]),
            (
                "vrrp_script s {\nscript /a\n}\nvrrp_script s {\nscript /b\n}\n" + instance("track_script {\ns\n}"),
                ["4:13 error config.script.duplicate-name"]
            ),
            (
                "vrrp_sync_group G {\ngroup {\nA\nB\n}\n}\nvrrp_sync_group G {\ngroup {\nA\n}\n}\n" + instance()
                    + instance(name: "B", vrid: 2, address: "10.0.0.2"),
                ["7:17 error config.group.duplicate-name"]
            ),
            ("vrrp_script s {\n}\n", ["1:13 error config.script.missing-command"]),
            (
                "vrrp_script s {\nscript /bin/sh -c x\n}\n",
                ["1:13 warning config.script.unused", "2:16 error config.command.quoting"]
            ),
            (
                "vrrp_script s {\nscript /bin/true\ntimeout 5\n}\n" + instance("track_script {\ns\n}"),
                ["3:1 warning config.script.timeout-beyond-interval"]
            ),
            ("global_defs {\nnotify_fifo /a\nvrrp_notify_fifo /a\n}\n", ["3:1 error config.global.same-fifo"]),
            ("global_defs {\nglobal_tracking\n}\n", ["2:1 error config.keyword.unknown"]),
            ("global_defs {\nvrrp_rlimit_rtime 5\n}\n" + instance(), ["2:1 warning config.keyword.deprecated"]),
            (
                "virtual_server 10.0.0.1 80 {\nnosuch {\n}\n}\n" + instance(),
                [
                    "1:16 error config.server.no-protocol", "1:16 error config.server.no-real-servers",
                    "2:1 error config.keyword.unknown",
                ]
            ),
            ("static_routes {\ndefault dev e\n}\n", ["1:1 error config.keyword.refused"]),
        ] as [(String, [String])])
    func faultsBetweenBlocks(_ text: String, _ expected: [String]) {
        #expect(faults(text) == expected)
    }

    @Test("Under keepalived's leniency the model takes the values that keepalived takes")
    func lenientValues() throws {
        func lenient(_ extra: String) throws -> InstanceDefinition {
            let loaded = Configuration.load(text: instance(extra), leniency: .keepalived)
            return try #require(loaded.model?.instances.first, "\(loaded.renderedDiagnostics())")
        }
        #expect(try lenient("priority 300").basePriority == 100)
        #expect(try lenient("state MASTER\npriority 300").basePriority == 100)
        #expect(try lenient("state MASTER").basePriority == 255)
        #expect(try lenient("state master").initialState == .backup)
        #expect(try lenient("version 3\nadvert_int 50").advertInterval == .milliseconds(40_950))
        #expect(try lenient("advert_int 0.3").advertInterval == .seconds(1))
        #expect(try lenient("advert_int 2.5").advertInterval == .seconds(3))
        #expect(try lenient("version 3\nadvert_int 0.125").advertInterval == .milliseconds(130))
        #expect(try lenient("track_script {\nnope\n}").trackScripts == [])
        #expect(try lenient("state MASTER\npriority 50\nnopreempt\npreempt_delay 9").preempt)
        #expect(
            try lenient("virtual_ipaddress {\n10.0.0.2/33\n}").virtualAddresses[1].prefix.description == "10.0.0.2/32")
        #expect(try lenient("nosuch {\npriority 7\n}").basePriority == 100)
        #expect(try lenient("virtual_ipaddress {\nfe80::1\n}").virtualAddresses.count == 1)
        #expect(try lenient("virtual_ipaddress_excluded {\nfe80::1 scope link\n}").excludedAddresses.count == 1)
        #expect(
            try lenient("authentication {\nauth_type PASS\nauth_pass 123456789\n}").authentication
                == .pass(Secret(Array("12345678".utf8))))
        #expect(try lenient("strict_mode\nstate MASTER\npriority 9\npreempt_delay 3").initialState == .backup)
    }

    @Test("A fault names its reason and what to write instead")
    func golden() {
        let text =
            "vrrp_instance VI_1{\n    interface eth0\n    virtual_router_id 51\n    prioritty 150\n"
            + "    authentication {\n        auth_type PASS\n        auth_pass hunter2hunter2\n    }\n}\n"
        let loaded = Configuration.load(text: text, name: "k.conf")
        #expect(
            loaded.renderedDiagnostics() == """
                k.conf:1:15: error: the instance `VI_1` has no virtual addresses [config.instance.no-addresses]
                   1 | vrrp_instance VI_1{
                     |               ^~~~
                    reason: there is nothing for its master to hold
                    fix: add `virtual_ipaddress { … }`, or `no_virtual_ipaddress` if that is meant

                k.conf:1:19: note: no space before `{`; read as `VI_1 {` [config.syntax.brace-space]
                   1 | vrrp_instance VI_1{
                     |                   ^
                    reason: older releases of keepalived take the brace for a part of the word
                    fix: put a space before `{`

                k.conf:4:5: error: unknown keyword `prioritty` in `vrrp_instance` [config.keyword.unknown]
                   4 |     prioritty 150
                     |     ^~~~~~~~~
                    reason: its line is skipped
                    fix: did you mean `priority`?

                k.conf:7:19: error: the password has more than 8 bytes [config.instance.password-length]
                   7 |         auth_pass **************
                     |                   ^~~~~~~~~~~~~~
                    reason: the protocol carries 8; keepalived cuts the rest off without a word on the wire
                    fix: shorten it to 8 bytes on every node: they are the ones that count today

                3 errors

                """)
    }

    @Test("A keyword in the wrong place is told where it belongs")
    func misplaced() throws {
        let inside = Configuration.load(text: instance("authentication {\nauth_type PASS\ngarp_master_delay 1\n}"))
        #expect(inside.diagnostics.last?.fix == "it belongs in the block around: is a `}` missing before it?")
        let elsewhere = Configuration.load(text: instance("lb_kind NAT"))
        #expect(elsewhere.diagnostics.first?.fix == "it belongs in `virtual_server`")
    }
}
