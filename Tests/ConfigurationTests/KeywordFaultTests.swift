import ConfigLanguage
import Configuration
import Primitives
import Testing

/// What has no effect yet is read and checked like the rest, and then reported as what it is.
@Suite struct KeywordFaultTests {
    static let notYet = "warning config.keyword.not-supported-yet"
    static let refused = "error config.keyword.refused"

    /// A line of `global_defs` and what is said about it.
    static let workingGlobals: [(line: String, faults: [String])] = [
        ("notification_email_from", ["2:1 error config.value.missing"]),
        ("notification_email", ["2:1 error config.block.missing"]),
        ("notification_email {\n\"A B\" a@b.c\nd@e.f\n}", []),
        ("notification_email {\n\"\"\n}", ["3:1 error config.value.missing"]),
        ("smtp_server mail.example.org", []),
        ("smtp_server 192.0.2.1 25", []),
        ("smtp_server 192.0.2.1 0", ["2:23 error config.value.range"]),
        ("smtp_server 192.0.2.1 smtp", ["2:23 error config.value.number"]),
        ("smtp_server 192.0.2.1 25 26", ["2:26 error config.value.extra"]),
        ("smtp_connect_timeout 4295", ["2:22 error config.value.range"]),
        ("smtp_alert maybe", ["2:12 error config.value.boolean"]),
        ("smtp_alert\nsmtp_alert off", ["3:1 warning config.keyword.repeated"]),
        ("no_email_faults on", ["2:17 error config.value.extra"]),
        ("lvs_timeouts tcp 7200 udp 30", []),
        ("lvs_timeouts", ["2:1 error config.value.missing"]),
        ("lvs_timeouts tcp", ["2:14 error config.value.missing"]),
        ("lvs_timeouts tcpfni 5", ["2:14 error config.entry.option"]),
        ("lvs_timeouts udp 2678401", ["2:18 error config.value.range"]),
        ("lvs_flush_on_stop VS", []),
        ("lvs_flush_on_stop all", ["2:19 error config.value.choice"]),
        ("lvs_sync_daemon eth0 A id 7 maxlen 1400 port 8848 ttl 3 group 224.0.0.81", []),
        ("lvs_sync_daemon eth0 inst A", []),
        ("lvs_sync_daemon", ["2:1 error config.value.missing"]),
        ("lvs_sync_daemon eth0 B", ["2:1 error config.global.undefined-instance"]),
        ("lvs_sync_daemon eth0 A B", ["2:24 error config.entry.option"]),
        ("lvs_sync_daemon eth0 A prot 5", ["2:24 error config.entry.option"]),
        ("lvs_sync_daemon eth0 A id 256", ["2:27 error config.value.range"]),
        ("lvs_sync_daemon eth0 group 10.0.0.1", ["2:28 error config.instance.group-family"]),
        ("lvs_notify_fifo /run/f a b c", ["2:28 error config.value.extra"]),
        ("lvs_notify_fifo_script \"/bin/x 'y\"", ["2:24 error config.command.quoting"]),
        ("data_plane kernel", ["2:12 error config.value.choice"]),
        ("data_plane", ["2:1 error config.value.missing"]),
        ("data_plane ipvs\ndata_plane auto", ["3:1 warning config.keyword.repeated"]),
    ]

    /// A line of `global_defs` and what is said about it beside that it has no effect.
    static let globals: [(line: String, faults: [String])] = [
        ("max_auto_priority", []),
        ("max_auto_priority 100", ["2:19 error config.value.range"]),
        ("min_auto_priority_delay 0", ["2:25 error config.value.range"]),
        ("vrrp_iptables", []),
        ("vrrp_iptables IN OUT MORE", ["2:22 error config.value.extra"]),
        ("vrrp_ipsets a b c d e f", []),
        ("vrrp_ipsets a b c d e f g", ["2:25 error config.value.extra"]),
        ("nftables_priority 1.5", ["2:19 error config.value.number"]),
        ("nftables_ipvs_start_fwmark 0", ["2:28 error config.value.range"]),
        ("nftables_counters yes", ["2:19 error config.value.extra"]),
        ("checker_priority 20", ["2:18 error config.value.range"]),
        ("checker_rt_priority 0", ["2:21 error config.value.range"]),
        ("checker_cpu_affinity 0 one", ["2:24 error config.value.number"]),
        ("bfd_cpu_affinity", ["2:1 error config.value.missing"]),
        ("bfd_rlimit_rttime 0", ["2:19 error config.value.range"]),
        ("snmp_vs_stats_update_interval 31", ["2:31 error config.value.range"]),
        ("snmp_rs_stats_update_interval 0.0001", ["2:31 error config.value.range"]),
        ("dbus_service_name", ["2:1 error config.value.missing"]),
        ("process_monitor_rcv_bufs -1", ["2:26 error config.value.range"]),
        ("lvs_netlink_cmd_rcv_bufs_force perhaps", ["2:32 error config.value.boolean"]),
        ("vrrp_rx_bufs_policy advert", []),
        ("vrrp_rx_bufs_policy 65536", []),
        ("vrrp_rx_bufs_policy BIG", ["2:21 error config.value.choice"]),
        ("vrrp_rx_bufs_multiplier 0", ["2:25 error config.value.range"]),
        ("reload_time_file later", ["2:18 error config.value.path"]),
        ("reload_file", []),
        ("reload_file run/x", ["2:13 error config.value.path"]),
        ("include_check +readable -match", []),
        ("include_check readible", ["2:15 error config.value.choice"]),
        ("json_version 3", ["2:14 error config.value.range"]),
        ("random_seed x", ["2:13 error config.value.number"]),
        ("lvs_process_name x", ["2:1 warning config.keyword.deprecated"]),
        ("enable_snmp_keepalived", ["2:1 warning config.keyword.deprecated"]),
        ("vmac_prefix vmac {\n}", ["2:1 error config.block.unexpected"]),
    ]

    @Test("A setting of the node that has no effect yet is checked", arguments: globals)
    func globalFault(_ row: (line: String, faults: [String])) {
        let found = faults("global_defs {\n\(row.line)\n}\n" + instance())
        #expect(found.sorted() == (["2:1 \(Self.notYet)"] + row.faults).sorted())
    }

    @Test("A setting of mail and of forwarding is checked", arguments: workingGlobals)
    func workingGlobalFault(_ row: (line: String, faults: [String])) {
        #expect(faults("global_defs {\n\(row.line)\n}\n" + instance()).sorted() == row.faults.sorted())
    }

    /// A line of an instance that is refused or has no effect, and what else is said about it.
    static let instances: [(line: String, status: String, faults: [String])] = [
        ("use_vmac", refused, []),
        ("use_vmac vrrp.51 02:00:5e:00:01 netlink_notify_msg group 7", refused, []),
        ("use_vmac name vrrp.51 02:00:5e:00:01:33", refused, []),
        ("use_vmac vrrp.51 vrrp.52", refused, ["6:18 error config.entry.option"]),
        ("use_vmac abcdefghijklmnop", refused, ["6:10 error config.value.name-length"]),
        ("use_vmac 02:00:5e:00", refused, ["6:10 error config.value.hardware-address"]),
        ("use_vmac 02:00:5e:00:01:+1", refused, ["6:10 error config.value.hardware-address"]),
        ("use_vmac v group", refused, ["6:12 error config.value.missing"]),
        ("use_ipvlan v 10.0.0.5/24 vepa", refused, []),
        ("use_ipvlan v vepe", refused, ["6:14 error config.entry.option"]),
        ("use_vmac_addr 5", refused, ["6:15 error config.value.extra"]),
        ("vrf a/b", refused, ["6:5 error config.value.name-length"]),
        ("no_accept", refused, []),
        ("timer_expired_backup 255", notYet, ["6:22 error config.value.range"]),
        ("thread_timer_expired 5", notYet, ["6:1 warning config.keyword.deprecated"]),
        ("kernel_rx_buf_size big", notYet, ["6:20 error config.value.number"]),
        ("lvs_sync_daemon_interface", notYet, ["6:1 error config.value.missing"]),
        ("debug 5", notYet, ["6:7 error config.value.range"]),
        ("linkbeat_use_polling 5", notYet, ["6:22 error config.value.extra"]),
        (
            "track_file {\nf weight 300\n}", refused,
            ["7:1 error config.tracker.undefined", "7:10 error config.value.range"]
        ),
        (
            "track_bfd {\nb wieght 3\n}", refused,
            ["7:1 error config.tracker.undefined", "7:3 error config.value.choice"]
        ),
        ("auth_hmac {\nkey 1 hex:\(String(repeating: "0a", count: 32))\nactive_key 1\n}", refused, []),
        ("auth_hmac {\nkey 1 file:/etc/key\nactive_key 1\nmode receive-only\nanti_replay monotonic\n}", refused, []),
        ("auth_hmac {\n}", refused, ["6:1 error config.hmac.no-keys"]),
        ("auth_hmac {\nkey 1 short\nactive_key 1\n}", refused, ["7:7 error config.value.range"]),
        ("auth_hmac {\nkey 0 file:/k\nactive_key 1\n}", refused, ["7:5 error config.value.range"]),
        ("auth_hmac {\nkey 1 hex:0g\nactive_key 1\n}", refused, ["7:7 error config.value.number"]),
        ("auth_hmac {\nkey 1 file:/k\n}", refused, ["6:1 error config.hmac.active-key"]),
        ("auth_hmac {\nkey 1 file:/k\nactive_key 2\n}", refused, ["8:1 error config.hmac.active-key"]),
        (
            "auth_hmac {\nkey 1 file:/k\nkey 1 file:/l\nactive_key 1\n}", refused,
            ["8:7 error config.hmac.duplicate-key"]
        ),
        ("auth_hmac {\nkey 1 file:/k\nactive_key 1\ntime_window 0\n}", refused, ["9:13 error config.value.range"]),
        ("auth_hmac {\nkey 1 file:/k\nactive_key 1\nmode loose\n}", refused, ["9:6 error config.value.choice"]),
        (
            "auth_hmac {\nkey 1 file:/k\nactive_key 1\n}\nauthentication {\nauth_type PASS\nauth_pass x\n}", refused,
            ["10:1 error config.hmac.beside-password"]
        ),
    ]

    @Test("What an instance may not have yet is checked", arguments: instances)
    func instanceFault(_ row: (line: String, status: String, faults: [String])) {
        let found = faults(instance(row.line))
        #expect(found.sorted() == (["6:1 \(row.status)"] + row.faults).sorted())
    }

    /// Entries of `virtual_routes`, each on line 7.
    static let routes: [(entry: String, faults: [String])] = [
        ("default via 10.0.0.254", []),
        ("src 10.0.0.1 to 192.168.109.0/24 via 10.0.0.254 dev eth1", []),
        ("192.168.113.0/24 via 192.168.200.254 or 192.168.100.254 dev eth1 no_track", []),
        ("blackhole 192.168.114.0/24", []),
        ("0.0.0.0/0 gw 192.168.0.1 table 100", []),
        (
            "192.168.100.0/24 table 6909 nexthop via 192.168.101.1 dev wlan0 onlink weight 1 nexthop via 192.168.101.2",
            []
        ),
        (
            "192.168.200.0/24 dev p33p1.2 table 6909 tos 0x04 protocol bird scope link priority 12 mtu 1000 hoplimit 100 "
                + "advmss 101 rtt 102 rttvar 103 reordering 104 window 105 cwnd 106 ssthresh lock 107 realms PQA/0x14 "
                + "rto_min 108 initcwnd 109 initrwnd 110 vrf blue features ecn add", []
        ),
        ("10.0.0.0/24 encap ip id 5 dst 192.0.2.1 ttl 64 via 10.0.0.9", []),
        ("10.0.0.0/24 encap mpls 100/200 via inet6 fe80::1 dev eth0", []),
        ("2001:db8::/32 as to 2001:db8::5 quickack 1 congctl lock cubic pref low ttl-propagate enabled expires 60", []),
        ("10.0.0/24 via 10.0.0.1", ["7:1 error config.value.address"]),
        ("10.0.0.0/33 via 10.0.0.1", ["7:1 error config.value.address"]),
        ("10.0.0.0/24 vai 10.0.0.1", ["7:13 error config.entry.option"]),
        ("10.0.0.0/24 via", ["7:13 error config.value.missing"]),
        ("10.0.0.0/24 via 10.0.0", ["7:17 error config.value.address"]),
        ("10.0.0.0/24 via inet6 10.0.0.1", ["7:23 error config.value.address"]),
        ("10.0.0.0/24 10.0.1.0/24", ["7:13 error config.entry.option"]),
        ("10.0.0.0/24 to 10.0.1.0/24", ["7:16 error config.entry.option"]),
        ("10.0.0.0/24 blackhole", ["7:13 error config.entry.option"]),
        ("10.0.0.0/24 dev a/b", ["7:17 error config.value.name-length"]),
        ("10.0.0.0/24 dev eth0 table 4294967296", ["7:28 error config.value.range"]),
        ("10.0.0.0/24 dev eth0 tos 0x1ff", ["7:26 error config.value.range"]),
        ("10.0.0.0/24 dev eth0 tos 0xzz", ["7:26 error config.value.number"]),
        ("10.0.0.0/24 dev eth0 metric high", ["7:29 error config.value.number"]),
        ("10.0.0.0/24 dev eth0 mtu lock", ["7:22 error config.value.missing"]),
        ("10.0.0.0/24 dev eth0 pref hgih", ["7:27 error config.value.choice"]),
        ("10.0.0.0/24 dev eth0 realms /5", ["7:29 error config.value.number"]),
        ("10.0.0.0/24 encap", ["7:13 error config.value.missing"]),
        ("10.0.0.0/24 encap gre", ["7:19 error config.entry.option"]),
        ("10.0.0.0/24 encap ip dst here", ["7:26 error config.value.address"]),
        ("10.0.0.0/24 encap mpls 1/x", ["7:24 error config.value.number"]),
        ("10.0.0.0/24 nexthop", ["7:13 error config.value.missing"]),
        ("10.0.0.0/24 nexthop via 10.0.0.1 weight 0", ["7:41 error config.value.range"]),
        ("10.0.0.0/24 track_group g", ["7:13 error config.entry.option"]),
        ("10.0.0.0/24 dev eth0 {\n}", ["7:1 error config.block.unexpected"]),
        ("\u{0}", ["7:1 error config.syntax.nul"]),
    ]

    @Test("An entry of routes is checked word by word", arguments: routes)
    func route(_ row: (entry: String, faults: [String])) {
        let found = faults(instance("virtual_routes {\n\(row.entry)\n}"))
        #expect(found == ["6:1 \(Self.refused)"] + row.faults)
    }

    static let rules: [(entry: String, faults: [String])] = [
        ("from 192.168.2.0/24 table 1 no_track", []),
        (
            "from 192.168.28.0/24 to 192.168.29.0/26 table small iif p33p1 oif wlan0 tos 22 fwmark 24/12 preference 39 "
                + "realms 30/20 goto 40", []
        ),
        ("to 1:2:3:4:5:6:7:0/112 from 7:6:5:4:3:2::/96 table 6908 uidrange 10000-19999", []),
        ("not from all l3mdev protocol 12 ipproto udp sport 10-20 dport 20 suppress_prefixlength 0", []),
        ("form 10.0.0.0/8 table 1", ["7:1 error config.entry.option"]),
        ("from here table 1", ["7:6 error config.value.address"]),
        ("from all ip_proto udp", ["7:10 error config.entry.option"]),
        ("from all sport 20-10", ["7:16 error config.value.range"]),
        ("from all dport 65536", ["7:16 error config.value.range"]),
        ("from all uidrange x", ["7:19 error config.value.number"]),
        ("from all fwmark 1/", ["7:17 error config.value.number"]),
        ("from all fwmark 0x1ffffffff", ["7:17 error config.value.range"]),
        ("from all type blackhloe", ["7:15 error config.value.choice"]),
        ("from all sup_pl 129", ["7:17 error config.value.range"]),
        ("from all table", ["7:10 error config.value.missing"]),
        ("10.0.0.0/8", ["7:1 error config.entry.option"]),
    ]

    @Test("An entry of rules is checked word by word", arguments: rules)
    func rule(_ row: (entry: String, faults: [String])) {
        let found = faults(instance("virtual_rules {\n\(row.entry)\n}"))
        #expect(found == ["6:1 \(Self.refused)"] + row.faults)
    }

    /// Blocks of the top, with all that is said about them.
    static let tops: [(text: String, faults: [String])] = [
        ("net_namespace", ["1:1 \(refused)", "1:1 error config.value.missing"]),
        ("net_namespace red", ["1:1 \(refused)"]),
        ("net_namespace_ipvs", ["1:1 \(notYet)"]),
        ("child_wait_time soon", ["1:1 \(notYet)", "1:17 error config.value.number"]),
        ("instance a b", ["1:1 \(notYet)", "1:12 error config.value.extra"]),
        ("use_pid_dir", ["1:1 \(notYet)"]),
        (
            "track_file f {\nfile /f\nweight 255\ninit_file x\n}",
            [
                "1:12 warning config.tracker.unused", "3:8 error config.value.range", "4:1 \(notYet)",
                "4:11 error config.value.number",
            ]
        ),
        ("track_file f {\n}", ["1:12 error config.tracker.incomplete"]),
        ("track_file {\nfile /f\n}", ["1:1 error config.block.unnamed"]),
        (
            "vrrp_track_file f {\nfile /f\n}",
            ["1:1 warning config.keyword.deprecated", "1:17 warning config.tracker.unused"]
        ),
        (
            "vrrp_track_process p {\nprocess nginx\nparam_match all\nquorum 0\nquorum_max 65536\ndelay 3601\n}",
            [
                "1:1 \(notYet)", "1:20 warning config.tracker.unused", "3:13 error config.value.choice",
                "4:8 error config.value.range", "5:12 error config.value.range", "6:7 error config.value.range",
            ]
        ),
        (
            "vrrp_track_process p {\nprocess nginx\nquorum 3\nquorum_max 2\n}",
            ["1:1 \(notYet)", "1:20 warning config.tracker.unused", "4:1 error config.tracker.quorum"]
        ),
        ("vrrp_track_process p {\nprocess\n}", ["1:1 \(notYet)", "2:1 error config.value.missing"]),
        (
            "bfd_instance b {\nneighbor_ip 10.0.0.2\nsource_ip fe80::1\nmin_rx 0.5\nmin_tx 20000\nidle_tx 999\n"
                + "multiplier 11\nmax_hops -2\n}",
            [
                "1:1 \(notYet)", "1:14 warning config.tracker.unused", "3:1 error config.tracker.bfd-family",
                "4:8 error config.value.range", "5:1 warning config.tracker.bfd-slow", "6:9 error config.value.range",
                "7:1 warning config.tracker.bfd-slow", "8:10 error config.value.range",
            ]
        ),
        ("bfd_instance b {\n}", ["1:1 \(notYet)", "1:14 error config.tracker.incomplete"]),
        (
            "bfd_instance abcdefghijklmnopqrstuvwxyzabcdef {\nneighbour_ip 10.0.0.2\n}",
            ["1:1 \(notYet)", "1:14 error config.value.name-length", "1:14 warning config.tracker.unused"]
        ),
        (
            "track_file f {\nfile /f\n}\ntrack_file f {\nfile /g\n}",
            [
                "1:12 warning config.tracker.unused", "4:12 error config.tracker.duplicate-name",
            ]
        ),
        ("garp_group {\ngarp_interval 1\n}", ["1:1 \(notYet)", "1:1 error config.interface.empty-group"]),
        (
            "garp_group {\ninterfaces {\neth0\neth1 eth0\n}\ngna_interval x\n}",
            ["1:1 \(notYet)", "4:6 error config.interface.repeated", "6:14 error config.value.number"]
        ),
        (
            "interface_up_down_delays {\neth0 1 256\neth1\neth2 1 2 3\neth2 0.5\n}",
            [
                "1:1 \(notYet)", "2:8 error config.value.range", "3:1 error config.value.missing",
                "4:10 error config.value.extra", "5:1 error config.interface.repeated",
            ]
        ),
        ("linkbeat_interfaces {\neth0 MII\neth1 MIII\n}", ["1:1 \(notYet)", "3:6 error config.entry.option"]),
        (
            "static_ipaddress {\n10.0.0.5/24 dev eth1 track_group g\n10.0.0.6 no_track\n10.0.0.7/24 brd + lable x\n}",
            [
                "1:1 \(refused)", "2:34 error config.static.undefined-group", "3:10 error config.address.option",
                "4:19 error config.address.option",
            ]
        ),
        (
            "track_group g {\ngroup {\nA B\n}\n}\nstatic_rules {\nfrom all table 5 track_group g\n}",
            ["1:1 \(refused)", "3:3 error config.group.undefined-member", "6:1 \(refused)"]
        ),
        ("track_group g {\ngroup {\nA\n}\n}", ["1:1 \(refused)", "1:13 warning config.tracker.unused"]),
        ("SSL {\nca /etc/ca\n}\nsmtp_alert", ["4:1 error config.keyword.unknown"]),
    ]

    @Test("Blocks of the top that have no effect yet are checked", arguments: tops)
    func top(_ row: (text: String, faults: [String])) {
        let text = row.text + "\n" + instance()
        #expect(faults(text).sorted() == row.faults.sorted())
    }

    @Test("Under keepalived's leniency what it only logs is a warning, and what is refused stays refused")
    func leniency() {
        let text = "global_defs {\nsmtp_server a 0\n}\n" + instance("use_vmac a b")
        #expect(
            faults(text, .keepalived) == [
                "2:15 warning config.value.range", "9:1 \(Self.refused)",
                "9:12 warning config.entry.option",
            ])
    }

    @Test("A misspelt option is told what was meant, and one of another entry where it belongs")
    func spelling() {
        func fix(_ text: String) -> String {
            Configuration.load(text: text).diagnostics.first { $0.rule.description.hasSuffix(".option") }?.fix ?? ""
        }
        #expect(fix(instance("virtual_routes {\n10.0.0.0/24 metirc 5\n}")) == "did you mean `metric`?")
        #expect(fix(instance("virtual_rules {\nfrom all fwmrak 5\n}")) == "did you mean `fwmark`?")
        #expect(fix(instance("virtual_ipaddress {\n10.0.0.2 track_group x\n}")) == "it is for `static_ipaddress` only")
        #expect(fix(instance("virtual_ipaddress {\n10.0.0.2 10.0.0.3\n}")) == "write each address on a line of its own")
    }

    @Test("A key of auth_hmac is shown nowhere")
    func secretKey() {
        let key = "hunter2hunter2"
        let loaded = Configuration.load(text: instance("auth_hmac {\nkey 1 \(key)\nactive_key 1\n}"))
        #expect(loaded.renderedDiagnostics().contains("this key has 14 bytes"))
        #expect(!loaded.renderedDiagnostics().contains("hunter2"))
    }

    @Test("An entry of a megabyte and ten thousand unknown names come to an end")
    func hostile() {
        let long = "10.0.0.0/24 " + String(repeating: "nexthop via 10.0.0.1 ", count: 50_000)
        #expect(faults(instance("virtual_routes {\n\(long)\n}")) == ["6:1 \(Self.refused)"])
        let files = (0..<10_000).map { "vrrp_track_process f\($0) {\nprocess f\n}\n" }.joined()
        let names = (0..<10_000).map { "g\($0)\n" }.joined()
        let loaded = Configuration.load(text: files + instance("track_process {\n\(names)}"))
        #expect(!loaded.isValid)
        // As many as are kept, the first error beyond them, and how many more there are.
        #expect(loaded.diagnostics.count == 10_002)
    }
}
