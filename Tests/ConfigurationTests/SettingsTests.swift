import ConfigLanguage
import Configuration
import Primitives
import Testing

/// What has no effect yet has its place in the model, with its default.
@Suite struct SettingsTests {
    func model(_ text: String) throws -> Model {
        let loaded = Configuration.load(text: text + "\n" + instance())
        return try #require(loaded.model, "\(loaded.renderedDiagnostics())")
    }

    func globals(_ text: String) throws -> GlobalDefinitions { try model("global_defs {\n\(text)\n}").global }

    @Test("Nothing written is every default")
    func defaults() throws {
        let model = try model("")
        #expect(model.global == GlobalDefinitions())
        #expect(model.statics == StaticDefinitions() && model.interfaces == InterfaceSettings())
        let g = model.global
        #expect(g.mail.connectTimeout == .seconds(30) && g.mail.alert == nil && g.mail.server == nil)
        #expect(g.snmp.virtualServerInterval == .seconds(5) && g.snmp.realServerInterval == nil)
        #expect(g.dbus.serviceName == "org.keepalived.Vrrp1")
        #expect(g.buffers.multiplier == 3 && g.buffers.policy == nil)
        #expect(g.firewall.priority == -1 && g.firewall.firstMark == 1_000 && g.firewall.table == nil)
        #expect(g.automaticPriority.delay == .seconds(1) && g.host.childWait == .seconds(5))
        #expect(g.virtualMACPrefix == "vrrp" && g.files.jsonVersion == 1)
        let i = model.instances[0]
        #expect(!i.smtpAlert && i.acceptPackets && i.tracked == TrackedItems() && i.virtualInterface == nil)
    }

    @Test("Mail settings are kept, and instances and groups take their alerts from the nearest")
    func mail() throws {
        let mail = try globals(
            """
            notification_email {
                "Ops Team <ops@example.org>"
                a@example.org
            }
            notification_email_from k@example.org
            smtp_server 192.0.2.25 587
            smtp_helo_name lb1
            smtp_connect_timeout 7
            smtp_alert on
            smtp_alert_checker no
            no_email_faults
            no_checker_emails
            """
        ).mail
        var expected = MailSettings()
        expected.recipients = ["Ops Team <ops@example.org>", "a@example.org"]
        expected.sender = "k@example.org"
        expected.server = MailSettings.Server(host: "192.0.2.25", port: 587)
        expected.heloName = "lb1"
        expected.connectTimeout = .seconds(7)
        expected.alert = true
        expected.alertCheckers = false
        expected.omitsFaults = true
        expected.omitsCheckers = true
        #expect(mail == expected)
        #expect(try globals("smtp_server mx").mail.server?.port == 25)
        let text = "global_defs {\nsmtp_alert\nsmtp_alert_vrrp off\n}\n"
        #expect(try !model(text).instances[0].smtpAlert)
        #expect(try model("global_defs {\nsmtp_alert\n}").instances[0].smtpAlert)
        let own = Configuration.load(text: text + instance("smtp_alert"))
        #expect(own.model?.instances[0].smtpAlert == true)
    }

    @Test("SNMP and D-Bus switches are kept")
    func monitoring() throws {
        let g = try globals(
            """
            snmp_socket udp:192.0.2.1:705
            enable_traps
            enable_snmp_rfc
            enable_snmp_checker
            snmp_vs_stats_update_interval 0.5
            enable_dbus
            dbus_no_interface_name none
            """)
        #expect(g.snmp.socket == "udp:192.0.2.1:705" && g.snmp.sendsTraps && g.snmp.servesCheckers)
        #expect(g.snmp.servesRFC2787 && g.snmp.servesRFC6527 && !g.snmp.servesVRRP)
        #expect(g.snmp.virtualServerInterval == .milliseconds(500))
        #expect(g.dbus.isEnabled && g.dbus.noInterfaceName == "none")
    }

    @Test("Settings of IPVS and of firewalls are kept")
    func kernel() throws {
        let g = try globals(
            """
            lvs_timeouts tcp 7200 tcpfin 120
            lvs_flush
            lvs_flush_on_stop VS
            lvs_sync_daemon eth1 A id 9 ttl 3 group 224.0.0.99
            lvs_notify_fifo /run/lvs root
            lvs_notify_fifo_script "/bin/r x"
            checker_log_all_failures
            nftables
            nftables_ipvs mine
            nftables_priority -5
            vrrp_iptables MYIN
            vrrp_ipsets a b
            """)
        #expect(g.forwarding.timeouts.tcp == .seconds(7200) && g.forwarding.timeouts.udp == nil)
        #expect(g.forwarding.flushesAtStart && g.forwarding.flushOnStop == .virtualServers)
        var daemon = ForwardingSettings.SyncDaemon(interface: "eth1")
        daemon.instance = "A"
        daemon.id = 9
        daemon.ttl = 3
        daemon.group = .v4(IPv4Address(224, 0, 0, 99))
        #expect(g.forwarding.syncDaemon == daemon && daemon.port == 8848)
        #expect(
            g.forwarding.notifyFIFO
                == NotifyFIFO(path: "/run/lvs", user: "root", script: HookCommand(argv: ["/bin/r", "x"])))
        #expect(g.forwarding.logsAllFailures)
        #expect(g.firewall.table == "keepalived" && g.firewall.serverTable == "mine" && g.firewall.priority == -5)
        #expect(g.firewall.chains == FirewallSettings.Chains(input: "MYIN", output: nil))
        #expect(g.firewall.sets == ["a", "b"])
        #expect(try globals("vrrp_iptables").firewall.chains == FirewallSettings.Chains(output: "OUTPUT"))
        #expect(try globals("vrrp_ipsets").firewall.sets == [])
        #expect(try globals("lvs_flush_on_stop").forwarding.flushOnStop == .all)
    }

    @Test("Settings of processes, buffers, reloads and files are kept")
    func processes() throws {
        let g = try globals(
            """
            checker_priority -5
            checker_cpu_affinity 3 1 3
            checker_rlimit_rttime 200
            bfd_rt_priority 50
            bfd_no_swap
            max_auto_priority
            min_auto_priority_delay 5000
            vrrp_netlink_cmd_rcv_bufs 1000000
            vrrp_netlink_cmd_rcv_bufs_force
            vrrp_rx_bufs_policy mtu
            reload_check_config /var/log/check
            reload_file
            include_check +readable match -readable
            json_version 2
            data_use_instance
            vmac_addr_prefix va
            """)
        #expect(g.checkerProcess.niceness == -5 && g.checkerProcess.cpuAffinity == [1, 3])
        #expect(g.checkerProcess.rlimitRealtime == .microseconds(200))
        #expect(g.bfdProcess.realtimePriority == 50 && g.bfdProcess.noSwap && !g.checkerProcess.noSwap)
        #expect(g.automaticPriority.highest == 99 && g.automaticPriority.delay == .milliseconds(5))
        #expect(g.buffers.vrrpCommands.size == 1_000_000 && g.buffers.vrrpCommands.isForced)
        #expect(g.buffers.policy == .mtu && g.buffers.lvsCommands == SocketBufferSettings.Buffer())
        #expect(g.reload.checksFirst && g.reload.checkLog == "/var/log/check" && g.reload.lockFile == "")
        #expect(g.reload.includeChecks == .match)
        #expect(try globals("include_check").reload.includeChecks == .all)
        #expect(g.files.jsonVersion == 2 && g.files.namesInstance && g.virtualMACAddressPrefix == "va")
        let old = try globals("lvs_process_name c\nenable_snmp_keepalived\nbfd_rlimit_rtime 7")
        #expect(old.checkerProcess.name == "c" && old.snmp.servesVRRP)
        #expect(old.bfdProcess.rlimitRealtime == .microseconds(7))
        let host = try model("instance blue\nuse_pid_dir\nchild_wait_time 9\nnet_namespace_ipvs red").global.host
        #expect(host.instance == "blue" && host.usesPidDirectory && host.childWait == .seconds(9))
        #expect(host.serverNamespace == "red" && host.namespace == nil)
    }

    @Test("Files, processes and sessions to track are kept, with their defaults")
    func trackers() throws {
        let model = try model(
            """
            track_file plain { file /run/plain }
            track_file f {
                file "/run/a b"
                weight -5 reverse
                init_file 3 overwrite
            }
            vrrp_track_process p {
                process "my server" -x
                param_match initial
                quorum 2
                delay 0.5
                fork_delay 1
            }
            bfd_instance b {
                neighbor_ip 10.0.0.2
                min_tx 250.5
                checker
            }
            bfd_instance six {
                neighbor_ip fe80::2
                min_rx 50
                multihop
            }
            """)
        var file = TrackFile(name: "f", path: "/run/a b")
        file.weight = -5
        file.reverse = true
        file.initial = TrackFile.Initial(value: 3, overwrites: true)
        #expect(model.trackFiles == [TrackFile(name: "plain", path: "/run/plain"), file])
        #expect(model.trackFiles[0].weight == 1)
        var process = TrackProcess(name: "p", command: ["my server", "-x"])
        process.parameterMatch = .initial
        process.quorum = 2
        process.terminateDelay = .milliseconds(500)
        process.forkDelay = .seconds(1)
        #expect(model.trackProcesses == [process])
        var session = BFDInstance(name: "b", neighbour: .v4(IPv4Address(10, 0, 0, 2)))
        session.minimumTransmit = .microseconds(250_500)
        session.tellsInstances = false
        #expect(model.bfdInstances[0] == session && session.ttl == 255 && session.multiplier == 5)
        #expect(model.bfdInstances[1].ttl == 64 && model.bfdInstances[1].isMultihop)
        #expect(model.bfdInstances[1].tellsInstances && model.bfdInstances[1].tellsCheckers)
    }

    @Test("Limits of interfaces are kept; where a group says nothing the global limit counts")
    func interfaces() throws {
        let interfaces = try model(
            """
            global_defs {
                vrrp_gna_interval 2
            }
            garp_group {
                garp_interval 0.001
                interfaces {
                    eth0 eth1
                    eth2
                }
            }
            interface_up_down_delays {
                eth0 1.5
                eth1 1 2
            }
            linkbeat_interfaces {
                eth2
                eth3 ETHTOOL
            }
            """
        ).interfaces
        var group = InterfaceSettings.AnnouncementGroup(interfaces: ["eth0", "eth1", "eth2"])
        group.garpInterval = .milliseconds(1)
        group.gnaInterval = .seconds(2)
        #expect(interfaces.announcementGroups == [group])
        #expect(
            interfaces.delays == [
                InterfaceSettings.Delays(interface: "eth0", down: .milliseconds(1500), up: .milliseconds(1500)),
                InterfaceSettings.Delays(interface: "eth1", down: .seconds(1), up: .seconds(2)),
            ])
        #expect(
            interfaces.polled == [
                InterfaceSettings.LinkPolling(interface: "eth2"),
                InterfaceSettings.LinkPolling(interface: "eth3", method: .ethtool),
            ])
    }
}
