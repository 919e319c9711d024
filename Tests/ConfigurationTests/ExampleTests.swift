import ConfigLanguage
import Configuration
import Foundation
import Primitives
import Testing

/// Configurations as articles and manuals give them, and what they mean.
@Suite struct ExampleTests {
    func model(_ text: String, _ leniency: Leniency = .strict) throws -> Model {
        let loaded = Configuration.load(text: text, leniency: leniency)
        return try #require(loaded.model, "\(loaded.renderedDiagnostics())")
    }

    @Test("A simple pair means what it says, with the defaults filled in")
    func simplePair() throws {
        let loaded = Configuration.load(
            text: """
                ! Configuration File for keepalived
                global_defs {
                    router_id node1
                }
                vrrp_instance VI_1 {
                    state BACKUP
                    interface eth0
                    virtual_router_id 51
                    priority 150
                    advert_int 1
                    authentication {
                        auth_type PASS
                        auth_pass secret
                    }
                    virtual_ipaddress {
                        192.168.1.100/24 dev eth0 label eth0:vip
                    }
                }
                """)
        #expect(loaded.renderedDiagnostics() == "")
        let model = try #require(loaded.model)
        var instance = InstanceDefinition(name: "VI_1", interface: "eth0", virtualRouterID: 51)
        instance.initialState = .backup
        instance.basePriority = 150
        instance.authentication = .pass(Secret(Array("secret".utf8)))
        var address = VirtualAddress(try #require(IPPrefix("192.168.1.100/24")), device: "eth0")
        address.label = "eth0:vip"
        instance.virtualAddresses = [address]
        #expect(model.instances == [instance])
        #expect(model.global.routerID == "node1")
        #expect(loaded.definitions.instances.map { loaded.sources.location(of: $0).line } == [5])
    }

    @Test("nopreempt, with a delay that has no effect beside it, is kept on a backup")
    func nopreempt() throws {
        let a = try model(instance("state BACKUP\npriority 100\nnopreempt")).instances[0]
        #expect(!a.preempt)
        let b = try model(instance("state BACKUP\npreempt_delay 300")).instances[0]
        #expect(b.preempt && b.preemptDelay == .seconds(300))
        #expect(try model(instance("nopreempt\npreempt")).instances[0].preempt)
    }

    @Test("A tracked script has its command in words, and its weight where the instance gives none")
    func trackScript() throws {
        let model = try model(
            """
            vrrp_script chk_haproxy {
                script "/usr/bin/killall -0 'ha proxy'"
                interval 2.5
                timeout 1
                weight -20 reverse
                fall 3
                rise 2
                user nobody :adm
                init_fail
            }
            vrrp_script "drained here" {
                script "</run/drain"
            }

            """ + instance("track_script {\nchk_haproxy\n\"drained here\" weight 10 noreverse\n}"))
        var script = TrackScript(name: "chk_haproxy", command: .run(["/usr/bin/killall", "-0", "ha proxy"]))
        script.interval = .milliseconds(2500)
        script.timeout = .seconds(1)
        script.weight = -20
        script.reverse = true
        script.fall = 3
        script.rise = 2
        script.user = ScriptUser(user: "nobody", group: "adm", supplementary: true)
        script.initFail = true
        #expect(model.scripts == [script, TrackScript(name: "drained here", command: .open(path: "/run/drain"))])
        #expect(model.scripts[1].effectiveTimeout == .seconds(1))
        #expect(
            model.instances[0].trackScripts == [
                TrackedScript(name: "chk_haproxy"), TrackedScript(name: "drained here", weight: 10, reverse: false),
            ])
    }

    @Test("A sync group holds its members in order, on one line or several, wherever it stands")
    func syncGroup() throws {
        let group = """
            vrrp_sync_group VG1 {
                group { outside
                    inside }
                notify_master "/etc/k/up.sh VG1"
                track_interface { eth9 weight -5 }
                sync_group_tracking_weight
                notify_priority_changes
            }

            """
        let instances = instance(name: "outside") + instance(name: "inside", vrid: 2, address: "10.0.0.2")
        let model = try model(group + instances)
        var expected = SyncGroupDefinition(name: "VG1", members: ["outside", "inside"])
        expected.notify.master = HookCommand(argv: ["/etc/k/up.sh", "VG1"])
        expected.trackInterfaces = [TrackedInterface(name: "eth9", weight: -5)]
        expected.trackingWeight = true
        expected.notifyPriorityChanges = true
        #expect(model.syncGroups == [expected])
        #expect(model.instances.map(\.notifyPriorityChanges) == [true, true])
        #expect(try self.model(instances + group) == model)
    }

    @Test("Notify scripts have a program, its arguments, and a user")
    func notifyScripts() throws {
        let notify = try model(
            "global_defs {\nset_supplementary_groups\n}\n"
                + instance(
                    """
                    notify_master "/bin/a 'b c'" root
                    notify_backup /bin/b nobody nogroup
                    notify_fault '/bin/f'
                    notify_stop "/bin/s"
                    notify_deleted
                    notify "/bin/n x"
                    notify_master_rx_lower_pri /bin/l
                    """)
        ).instances[0].notify
        var expected = NotifyScripts()
        expected.master = HookCommand(argv: ["/bin/a", "b c"], user: ScriptUser(user: "root", supplementary: true))
        expected.backup = HookCommand(
            argv: ["/bin/b"], user: ScriptUser(user: "nobody", group: "nogroup", supplementary: true))
        expected.fault = HookCommand(argv: ["/bin/f"])
        expected.stop = HookCommand(argv: ["/bin/s"])
        expected.reportsDeleted = true
        expected.any = HookCommand(argv: ["/bin/n", "x"])
        expected.masterReceivedLowerPriority = HookCommand(argv: ["/bin/l"])
        #expect(notify == expected)
    }

    @Test("Globals are the defaults of instances, wherever they stand")
    func defaults() throws {
        let globals = """
            global_defs {
                vrrp_version 3
                vrrp_mcast_group4 224.0.0.19
                vrrp_garp_master_delay 2
                vrrp_garp_master_repeat 3
                vrrp_garp_interval 0.001
                vrrp_down_timer_adverts 4
                vrrp_lower_prio_no_advert
                address_lifetime 30
                vrrp_cpu_affinity 3 1 3
                umask IXUSR | IRWXG|IRWXO
                script_user root
                notify_fifo /run/f root
                notify_fifo_script "/bin/r x"
            }

            """
        let text = instance("garp_master_repeat 9\nadvert_int 0.05")
        let model = try model(text + globals)
        let i = model.instances[0]
        #expect(i.version == .v3 && i.advertInterval == .milliseconds(50))
        #expect(i.multicastGroup == .v4(IPv4Address(224, 0, 0, 19)))
        #expect(i.announcements.masterDelay == .seconds(2) && i.announcements.lowerPriorityDelay == .seconds(2))
        #expect(i.announcements.masterRepeat == 9 && i.announcements.lowerPriorityRepeat == 3)
        #expect(i.announcements.garpInterval == .milliseconds(1))
        #expect(i.downTimerAdverts == 4 && i.lowerPriorityNoAdvert && i.addressLifetime == .seconds(30))
        #expect(model.global.cpuAffinity == [1, 3] && model.global.umask == 0o177)
        #expect(
            model.global.notifyFIFO
                == NotifyFIFO(path: "/run/f", user: "root", script: HookCommand(argv: ["/bin/r", "x"])))
        #expect(try self.model(globals + text) == model)
        let quiet = try self.model("global_defs {\nvrrp_min_garp\n}\n" + instance()).instances[0].announcements
        #expect(quiet.masterRepeat == 1 && quiet.masterDelay == .zero && quiet.refreshRepeat == 0)
    }

    @Test("A refresh of no announcements is one of one, as in keepalived; vrrp_min_garp alone makes it none")
    func refreshes() throws {
        func repeats(_ globals: String, _ own: String = "") throws -> Int {
            try model("global_defs {\n\(globals)\n}\n" + instance(own)).instances[0].announcements.refreshRepeat
        }
        #expect(try repeats("vrrp_garp_master_refresh_repeat 0") == 1)
        #expect(try repeats("", "garp_master_refresh_repeat 0") == 1)
        #expect(try repeats("vrrp_min_garp") == 0)
        #expect(try repeats("vrrp_min_garp\nvrrp_garp_master_refresh_repeat 2") == 2)
    }

    @Test("Addresses carry their options")
    func addresses() throws {
        let v4 = try model(
            instance(
                "virtual_ipaddress {\n10.0.0.2/24 brd + dev eth1 scope link label l no_track\n10.0.0.3 scope 7\n}\n"
                    + "virtual_ipaddress_excluded {\n2001:db8::1/64 -nodad home preferred_lft 60\n2001:db8::2\n}")
        ).instances[0]
        #expect(v4.family == .ipv4)
        let a = v4.virtualAddresses[1]
        #expect(a.broadcast == .automatic && a.device == "eth1" && a.scope == 253 && a.label == "l" && a.noTrack)
        #expect(a.preferredLifetime == .forever)
        #expect(v4.virtualAddresses[2].scope == 7)
        #expect(v4.excludedAddresses[0].duplicateDetection && v4.excludedAddresses[0].home)
        #expect(v4.excludedAddresses.map(\.preferredLifetime) == [.seconds(60), .seconds(0)])
        let v6 = try model(instance(address: "fe80::1/64")).instances[0]
        #expect(v6.family == .ipv6 && v6.version == .v3 && v6.multicastGroup.description == "ff02::12")
    }

    @Test("Unicast peers with TTL bounds check the source, and need no interface where the source is named")
    func unicast() throws {
        let text = """
            vrrp_instance A {
                virtual_router_id 9
                unicast_src_ip 10.0.0.8
                unicast_ttl 1
                unicast_peer {
                    10.0.0.9 min_ttl 254 max_ttl 255
                }
                virtual_ipaddress { 10.0.0.1 }
            }
            """
        let i = try model(text).instances[0]
        #expect(i.interface == nil && i.isUnicast && i.checkUnicastSource && i.unicastTTL == 1)
        #expect(i.unicastPeers == [UnicastPeer(address: .v4(IPv4Address(10, 0, 0, 9)), minTTL: 254, maxTTL: 255)])
    }

    @Test("Addresses beyond 255 are held in silence")
    func manyAddresses() throws {
        let more = (0..<300).map { "10.1.\($0 / 250).\($0 % 250)" }.joined(separator: "\n")
        let loaded = Configuration.load(text: instance("virtual_ipaddress {\n\(more)\n}"))
        #expect(describe(loaded) == ["5:1 warning config.instance.too-many-addresses"])
        let i = try #require(loaded.model).instances[0]
        #expect(i.virtualAddresses.count == 255 && i.excludedAddresses.count == 46)
    }

    @Test("What keepalived's own strict mode of the tutorials says is warned about, and runs under leniency")
    func strictTutorial() throws {
        let text =
            "global_defs {\nvrrp_strict\nvrrp_garp_interval 0\nnotification_email {\na@b.c\n}\n}\n"
            + instance("state MASTER\npriority 100")
        let i = try model(text, .keepalived).instances[0]
        #expect(i.strict && i.initialState == .backup && i.announcements.lowerPriorityRepeat == 0)
        #expect(!Configuration.load(text: text).isValid)
    }

    // MARK: Examples

    /// Both directors of an example: nothing is said about either, nor about both together.
    private func directors(_ example: String) throws -> [Model] {
        let root = Corpus.root.deletingLastPathComponent().deletingLastPathComponent().appending(path: "Examples")
        let loaded = try ["left.conf", "right.conf"].map { name in
            let text = try String(contentsOf: root.appending(path: "\(example)/\(name)"), encoding: .utf8)
            for leniency in [Leniency.strict, .keepalived] {
                #expect(Configuration.load(text: text, leniency: leniency).renderedDiagnostics() == "", "\(name)")
            }
            return (name, Configuration.load(text: text))
        }
        let nodes = try loaded.map { name, one in try #require(ClusterNode(name: name, one)) }
        let check = ClusterCheck(nodes)
        #expect(check.isCluster && check.findings.isEmpty)
        return try loaded.map { try #require($0.1.model) }
    }

    @Test("Examples/lvs-dr: 192.168.1.10 and three machines by direct routing, the same on both directors")
    func directRouting() throws {
        let models = try directors("lvs-dr")
        #expect(models[0].virtualServers == models[1].virtualServers && models[0].virtualServers.count == 1)
        #expect(models.map { $0.instances[0].basePriority } == [150, 100])
        let server = models[0].virtualServers[0]
        #expect(models[0].instances[0].virtualAddresses.map(\.prefix.description) == ["192.168.1.10/24"])
        #expect(server.service == .address(try #require(IPAddress("192.168.1.10")), port: 80))
        #expect(
            server.realServers.map(\.address.description) == ["192.168.1.11", "192.168.1.12", "192.168.1.13"])
        #expect(
            server.realServers.allSatisfy { $0.forwarding == .directRouting && $0.port == 80 && $0.checks.count == 1 })
        #expect(server.limitsOnNFTables == [])
    }

    @Test("Examples/split-brain: both nodes want one lease from one witness, under names of their own and one secret")
    func splitBrain() throws {
        let models = try directors("split-brain")
        #expect(models[0].leases == models[1].leases && models[0].leases.map(\.name) == ["web/WEB"])
        #expect(models.map { $0.arbiters.map(\.node) } == [["left"], ["right"]])
        #expect(models.allSatisfy { $0.arbiters[0].leaseDuration == .seconds(1) && $0.arbiters[0].drift == 100 })
        let root = Corpus.root.deletingLastPathComponent().deletingLastPathComponent()
        func text(_ path: String) throws -> String {
            try String(contentsOf: root.appending(path: path), encoding: .utf8)
        }
        let key = try text("Examples/split-brain/witness.key").split(separator: "\n")
        let keys = try text("Examples/split-brain/witness.keys").split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(key.count == 1 && keys.map { $0.split(separator: " ") } == [["web", key[0]]])
        let block = try text("Examples/split-brain/left.conf").split(separator: "\n").drop { $0.hasPrefix("#") }
            .joined(separator: "\n")
        #expect(try text("README.md").contains(block), "README.md shows it as it is")
    }

    @Test("Examples/lvs-nat: VI_1 and VI_GATEWAY in VG1, 192.168.1.11:22 to 10.20.40.11:22, rr, NAT, TCP_CHECK")
    func addressTranslation() throws {
        let models = try directors("lvs-nat")
        let model = models[0]
        #expect(model.virtualServers == models[1].virtualServers && model.virtualServers.count == 1)
        #expect(model.syncGroups.map(\.name) == ["VG1"] && model.syncGroups[0].members == ["VI_1", "VI_GATEWAY"])
        #expect(model.instances.map(\.interface) == ["eth0", "eth1"])
        let server = model.virtualServers[0]
        let real = try #require(server.realServers.first)
        #expect(server.service == .address(try #require(IPAddress("192.168.1.11")), port: 22))
        #expect(server.scheduler == .roundRobin && server.transport == .tcp && server.realServers.count == 1)
        #expect(real.address.description == "10.20.40.11" && real.port == 22 && real.forwarding == .nat)
        var connection = HealthCheck.Connection(real.address, port: 22)
        connection.timeout = .seconds(1)
        #expect(real.checks.map(\.probe) == [.tcp(connection)])
        #expect(server.limitsOnNFTables == [])
    }
}
