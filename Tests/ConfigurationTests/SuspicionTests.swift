import ConfigLanguage
import Configuration
import Testing

/// What may be written and is probably not meant.
@Suite struct SuspicionTests {
    @Test(
        "What an instance says without effect, or against itself, is told",
        arguments: [
            ("nopreempt\npreempt", ["7:1 warning config.instance.contradiction"]),
            ("no_virtual_ipaddress", ["6:1 warning config.instance.contradiction"]),
            ("unicast_ttl 3", ["6:1 warning config.instance.unused-setting"]),
            ("check_unicast_src", ["6:1 warning config.instance.unused-setting"]),
            (
                "mcast_src_ip 10.0.0.8\ncheck_unicast_src\nunicast_peer {\n10.0.0.9\n}",
                ["6:1 warning config.instance.unused-setting"]
            ),
            ("v3_checksum_as_v2", ["6:1 warning config.instance.unused-setting"]),
            ("version 3\nv3_checksum_as_v2", []),
            ("owner_ignore_adverts", ["6:1 warning config.instance.unused-setting"]),
            ("owner_ignore_adverts\npriority 255", []),
            ("garp_lower_prio_delay 3\ngarp_lower_prio_repeat 0", ["6:1 warning config.instance.unused-setting"]),
            ("garp_master_refresh_repeat 3", ["6:1 warning config.instance.unused-setting"]),
            ("garp_master_refresh_repeat 3\ngarp_master_refresh 60", []),
            ("state BACKUP\npriority 255", ["6:1 warning config.instance.owner-state"]),
            ("priority 255\ntrack_interface {\neth1 weight 9\n}", ["8:1 warning config.instance.owner-weights"]),
            ("track_interface {\neth2\neth1 weight 9\n}", ["8:1 note config.instance.weight-reach"]),
            ("interface lo", ["6:1 warning config.keyword.repeated", "6:1 error config.instance.loopback-interface"]),
            (
                "interface eth0@if3",
                ["6:1 warning config.keyword.repeated", "6:11 warning config.value.interface-suffix"]
            ),
            ("interface eth0:1", ["6:11 error config.value.name-length"]),
        ])
    func settings(_ extra: String, _ expected: [String]) {
        #expect(faults(instance(extra)).sorted() == expected.sorted())
    }

    @Test(
        "Addresses that no host has are found wherever they stand",
        arguments: [
            ("virtual_ipaddress {\n224.0.0.5\n}", ["7:1 error config.address.unusable"]),
            ("virtual_ipaddress_excluded {\n::1\n}", ["7:1 error config.address.unusable"]),
            ("virtual_ipaddress {\n127.0.0.1/8\n}", ["7:1 error config.address.unusable"]),
            (
                "virtual_ipaddress {\n10.0.2.0/23\n10.0.3.255/23\n10.0.3.0/23\n10.0.4.0/31\n10.0.5.0/32\n}",
                [
                    "7:1 warning config.address.network", "8:1 warning config.address.network",
                ]
            ),
            (
                "virtual_ipaddress_excluded {\n2001:db8::1\n2001:db8::2\nfe80::1\n}",
                ["7:1 note config.address.deprecated-host"]
            ),
            ("virtual_ipaddress_excluded {\n2001:db8::1/64\n2001:db8::2 preferred_lft forever\n}", []),
            ("check_unicast_src\nunicast_peer {\n224.0.0.18\n10.0.0.9\n}", ["8:1 error config.instance.peer-unusable"]),
            ("check_unicast_src\nunicast_peer {\n10.0.0.1\n10.0.0.9\n}", ["8:1 error config.instance.peer-is-address"]),
            (
                "check_unicast_src\nunicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.9\n}",
                ["7:1 error config.instance.source-is-address"]
            ),
            ("priority 255\ncheck_unicast_src\nunicast_src_ip 10.0.0.1\nunicast_peer {\n10.0.0.9\n}", []),
        ])
    func addresses(_ extra: String, _ expected: [String]) {
        #expect(faults(instance(extra)) == expected)
        let lenient = Configuration.load(text: instance(extra), leniency: .keepalived)
        let isRefused = expected.contains { $0.contains("error config.address.unusable") } && lenient.model == nil
        #expect(!isRefused, "keepalived keeps it")
    }

    @Test(
        "What pulls the members of a group apart is told at the group",
        arguments: [
            ("priority 9", "priority 10", "", "config.group.mixed-priorities"),
            ("advert_int 2", "", "", "config.group.mixed-timing"),
            ("down_timer_adverts 4", "", "", "config.group.mixed-timing"),
            ("nopreempt", "", "", "config.group.mixed-preemption"),
            ("preempt_delay 5", "preempt_delay 6", "", "config.group.mixed-preemption"),
            ("state MASTER\npriority 100", "state BACKUP", "", "config.group.mixed-states"),
            ("track_interface {\neth7 weight 5\n}", "", "sync_group_tracking_weight", "config.group.uneven-weights"),
        ])
    func groups(_ first: String, _ second: String, _ group: String, _ rule: String) {
        let text =
            "vrrp_sync_group G {\ngroup {\nA\nB\n}\n\(group)\n}\n" + instance(first)
            + instance(second, name: "B", vrid: 2, address: "10.0.0.2")
        let found = faults(text).filter { !$0.contains(" note ") }
        #expect(found == ["1:17 warning \(rule)"])
    }

    @Test("A tracker of both a group and its member is told where the group has it")
    func twice() {
        let text =
            "vrrp_sync_group G {\ngroup {\nA\nB\n}\ntrack_interface {\neth7\n}\n}\n"
            + instance("track_interface {\neth7\n}") + instance(name: "B", vrid: 2, address: "10.0.0.2")
        #expect(faults(text) == ["7:1 warning config.group.duplicate-tracker"])
    }

    @Test("With script security somebody must say whom scripts run as")
    func scriptUser() {
        let hook = instance("notify_master /bin/x")
        #expect(
            faults("global_defs {\nenable_script_security\n}\n" + hook) == ["2:1 note config.global.no-script-user"])
        #expect(faults("global_defs {\nenable_script_security\nscript_user root\n}\n" + hook) == [])
        #expect(faults("global_defs {\nenable_script_security\n}\n" + instance("notify_master /bin/x root")) == [])
    }

    @Test(
        "A command is told that no shell reads it, and what stands in quotes of its own is left alone",
        arguments: [
            ("\"/bin/a | /bin/b\"", true), ("\"/bin/a && /bin/b\"", true), ("\"/bin/a; /bin/b\"", true),
            ("\"/bin/a >/dev/null\"", true), ("\"/bin/a 2>&1\"", true), ("\"/bin/a $(id)\"", true),
            ("\"exit 1\"", true), ("\"sh -c id && id\"", true), ("\"/bin/a b\"", false),
            ("\"/bin/sh -c 'a | b && c > /d; e'\"", false), ("\"/bin/grep '>' /a\"", false),
            ("\"/bin/a 'b; c'\"", false), ("\"/bin/a --if=x\"", false),
        ])
    func shell(_ command: String, _ expected: Bool) {
        let found = faults(instance("notify_master \(command)"))
        #expect(found == (expected ? ["6:15 warning config.command.shell-syntax"] : []))
    }

    @Test(
        "An argument that is taken for a user is told, a user is not",
        arguments: [
            ("MASTER", true), ("--up", true), ("/etc/x", true), ("key=value", true), ("root", false), ("backup", false),
            ("\"www-data\" :adm", false),
        ])
    func user(_ word: String, _ expected: Bool) {
        #expect(
            faults(instance("notify_master /bin/a \(word)"))
                == (expected ? ["6:22 warning config.command.user"] : []))
    }

    @Test(
        "What can only mean one thing is mended without asking, what is a guess is proposed",
        arguments: [
            ("prioritty 5", "priority", true), ("Priority 5", "priority", true), ("prity 5", nil, false),
            ("no_peempt", "nopreempt", false),
            ("state master", "MASTER", true), ("state MASTR", "MASTER", false), ("strict_mode enabled", "on", true),
            ("lower_prio_no_advert 0", "off", true), ("priority 5;", "5", true), ("advert_int 1;", "1", true),
            ("priority = 5", "", true), ("vmac_garp_intvl all 5", "garp_extra_if", true),
            ("authentication{\nauth_type PASS\nauth_pass x\n}", " ", true), ("interface eth0@if3", "eth0", false),
            ("notify_master /bin/a MASTER 1", "\"/bin/a MASTER 1\"", false),
            ("notify_master \"a | b\"", "\"/bin/sh -c 'a | b'\"", false), ("priority 300", nil, false),
        ] as [(String, String?, Bool)])
    func fixIts(_ extra: String, _ replacement: String?, _ isSafe: Bool) {
        let fixes = Configuration.load(text: instance(extra)).diagnostics.compactMap(\.fixIt)
        #expect(fixes.map(\.replacement) == (replacement.map { [$0] } ?? []))
        #expect(fixes.map(\.isSafe) == (replacement == nil ? [] : [isSafe]))
    }

    @Test("The words of a command are put in quotes")
    func quotes() {
        let loaded = Configuration.load(
            text: "vrrp_script s {\n  script  /bin/a -0  b # c\n}\n" + instance("track_script {\ns\n}"))
        #expect(loaded.diagnostics.map(\.fixIt?.replacement) == ["\"/bin/a -0  b\""])
        #expect(loaded.diagnostics.first?.fixIt.map { loaded.sources.text(in: $0.range) } == "/bin/a -0  b")
    }
}
