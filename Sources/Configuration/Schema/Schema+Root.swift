import ConfigLanguage
import Primitives

extension Schema {
    /// What stands at the top of a configuration.
    static let root = Block<RootDraft>(
        "",
        [
            Keyword("global_defs", .block(named: false), "What holds for the whole node.") { root, reader in
                reader.expectNoMore()
                reader.readBlock(global, into: &root.global)
            },
            Keyword("vrrp_instance", .block(named: true), "One virtual router.") { root, reader in
                guard let name = reader.blockName() else { return }
                var draft = InstanceDraft(name: name)
                draft.failed = reader.readBlock(instance, into: &draft)
                root.instances.append(Boxed(draft))
            },
            Keyword("vrrp_sync_group", .block(named: true), "Instances that change state together.") { root, reader in
                guard let name = reader.blockName() else { return }
                var draft = GroupDraft(name: name)
                draft.failed = reader.readBlock(group, into: &draft)
                root.groups.append(draft)
            },
            Keyword(
                "vrrp_script", .block(named: true), "A command that is run again and again, for instances to track."
            ) {
                root, reader in
                guard let name = reader.blockName() else { return }
                var draft = ScriptDraft(name: name)
                draft.failed = reader.readBlock(script, into: &draft)
                root.scripts.append(draft)
            },
            .refused("net_namespace", .word("name")),
            .refused("track_group", .block(named: true)),
            .refused("static_ipaddress", .list("address")),
            .refused("static_routes", .list("route")),
            .refused("static_rules", .list("rule")),
            .later("net_namespace_ipvs", .word("name")),
            .later("namespace_with_ipsets", .none),
            .later("linkbeat_use_polling", .none),
            .later("use_pid_dir", .none),
            .later("instance", .word("name")),
            .later("child_wait_time"),
            .later("garp_group", .block(named: false)),
            .later("linkbeat_interfaces", .list("interface")),
            .later("vrrp_track_process", .block(named: true)),
            .later("interface_up_down_delays", .list("interface")),
            .laterNamed("track_file") { $0.trackFileNames.insert($1) },
            .laterNamed("vrrp_track_file") { $0.trackFileNames.insert($1) },
            .laterNamed("bfd_instance") { $0.bfdNames.insert($1) },
            .readLater("SSL", .block(named: false), "What to show to servers that are asked over TLS.") {
                root, reader in
                reader.expectNoMore()
                var draft = TLSDraft()
                reader.readBlock(tls, into: &draft)
                reader.assign(&root.tls, draft)
            },
            .readLater(
                "virtual_server_group", .block(named: true), "Addresses and firewall marks with the same real servers."
            ) { root, reader in
                guard let name = reader.blockName() else { return }
                var draft = ServerGroupDraft(name: name)
                reader.forEachEntry { reader in reader.groupEntry(into: &draft) }
                root.serverGroups.append(draft)
            },
            .readLater(
                "virtual_server", .block(named: true),
                "A service that real servers share: `IP [PORT]`, `fwmark N` or `group NAME`."
            ) { root, reader in
                root.virtualServers.append(UInt32(reader.statement))
            },
        ])

    /// `vrrp_script`.
    static let script = Block<ScriptDraft>(
        "vrrp_script",
        [
            Keyword(
                "script", .command, "The command as one word, in quotes where it has arguments; `</path` opens a file."
            ) {
                script, reader in
                guard let argv = reader.wholeCommand() else { return }
                if argv[0].utf8.first == UInt8(ascii: "<"), argv.count == 1, argv[0].utf8.count > 1 {
                    reader.assign(&script.command, .open(path: String(argv[0].dropFirst())))
                } else {
                    reader.assign(&script.command, .run(argv))
                }
            },
            .seconds("interval", \.interval, 0...4_294_000_000, default: "1", "Seconds from one start to the next."),
            .seconds(
                "timeout", \.timeout, 0...4_294_000_000, "Seconds after which a run has failed; 0 is the interval."),
            Keyword(
                "weight", .other("-253…253 [reverse]"), default: "0", "What the result adds to the priority; 0 faults."
            ) {
                script, reader in
                if let weight = reader.weight() { reader.assign(&script.weight, weight) }
            },
            .integer("rise", \.rise, 1...2_147_483_647, default: "1", "Successes in a row to be good."),
            .integer("fall", \.fall, 1...2_147_483_647, default: "1", "Failures in a row to be bad."),
            .user("user", \.user, default: "script_user", "Whom the command runs as."),
            .flag("init_fail", \.initFail, "Failed until the first success."),
        ])

    /// `vrrp_sync_group`.
    static let group = Block<GroupDraft>(
        "vrrp_sync_group",
        [
            .entries("group", "instance", "The members, by name.") { group, reader in
                while let word = reader.next() { group.members.append(Written(value: word.text, range: word.range)) }
            },
            .entries("track_interface", "IFNAME [weight N [reverse]]", "Interfaces that every member tracks.") {
                if let tracked = $1.trackedInterface() { $0.trackInterfaces.append(tracked) }
            },
            .entries("track_script", "NAME [weight N [reverse|noreverse]]", "Scripts that every member tracks.") {
                if let tracked = $1.tracked() { $0.trackScripts.append(tracked) }
            },
            .refused("track_file", .list("NAME")),
            .refused("track_process", .list("NAME")),
            .refused("track_bfd", .list("NAME")),
            .command("notify_master", \.notify.master, "Run when the group becomes master."),
            .command("notify_backup", \.notify.backup, "Run when the group becomes backup."),
            .command("notify_fault", \.notify.fault, "Run when the group goes to fault."),
            .command("notify_stop", \.notify.stop, "Run when the daemon stops."),
            .command("notify", \.notify.any, "Run on every change, with GROUP, name, state and 0 appended."),
            .later("smtp_alert", .boolean),
            .flag(
                "global_tracking", \.trackingWeight, status: .deprecated("sync_group_tracking_weight"),
                "Old name of sync_group_tracking_weight."),
            .flag("sync_group_tracking_weight", \.trackingWeight, "Weights of the members' trackers count."),
            .boolean(
                "notify_priority_changes", \.notifyPriorityChanges, "A line in the FIFOs for each change of priority."),
        ])
}
