import ConfigLanguage
import Primitives

extension Schema {
    /// What stands at the top of a configuration.
    static let root = Block<RootDraft>(
        "", parts: [mainBlocks, Keyword.refused(statics), trackers, Keyword.later(ofInterfaces), ofHost])

    private static var mainBlocks: [Keyword<RootDraft>] {
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
            arbiterBlock,
            Keyword("SSL", .block(named: false), "What to show to servers that are asked over TLS.") {
                root, reader in
                reader.expectNoMore()
                var draft = TLSDraft()
                reader.readBlock(tls, into: &draft)
                reader.assign(&root.tls, draft)
            },
            Keyword(
                "virtual_server_group", .block(named: true), "Addresses and firewall marks with the same real servers."
            ) { root, reader in
                guard let name = reader.blockName() else { return }
                var draft = ServerGroupDraft(name: name)
                reader.forEachEntry { reader in reader.groupEntry(into: &draft) }
                root.serverGroups.append(draft)
            },
            Keyword(
                "virtual_server", .headedBlock("ADDRESS [PORT]|fwmark N|group NAME"),
                "A service that real servers share."
            ) { root, reader in
                root.virtualServers.append(UInt32(reader.statement))
            },
        ]
    }

    /// What stays on this node whoever is master.
    private static var statics: [Keyword<RootDraft>] {
        [
            Keyword(
                "track_group", .block(named: true), "Instances that fault when something static is lost."
            ) { root, reader in
                guard let name = reader.blockName() else { return }
                var draft = TrackGroupDraft(name: name)
                draft.failed = reader.readBlock(trackGroupBlock, into: &draft)
                root.trackGroups.append(draft)
            },
            .entries("static_ipaddress", "ADDRESS[/LENGTH] [OPTIONS]", "Addresses that stay on this node.") {
                if let address = $1.addressEntry(staticAddress) { $0.staticAddresses.append(address) }
            },
            .entries("static_routes", "ROUTE", "Routes that stay on this node.") {
                if let route = $1.entry(staticRoute) { $0.staticRoutes.append(route) }
            },
            .entries("static_rules", "RULE", "Rules that stay on this node.") {
                if let rule = $1.entry(staticRule) { $0.staticRules.append(rule) }
            },
        ]
    }

    private static var trackers: [Keyword<RootDraft>] {
        [
            .trackFile("track_file", trackFile, "A file whose number instances, groups and servers track."),
            Keyword(
                "vrrp_track_process", .block(named: true),
                "Processes that must be there, for instances and groups to track."
            ) { root, reader in
                guard let name = reader.blockName() else { return }
                var draft = TrackProcessDraft(name: name)
                draft.failed = reader.readBlock(trackProcess, into: &draft)
                root.trackProcesses.append(draft)
            }.later(),
            Keyword(
                "bfd_instance", .block(named: true), "A BFD session, for instances, groups and servers to track."
            ) { root, reader in
                guard let name = reader.blockName(atMost: 31) else { return }
                var draft = SessionDraft(name: name)
                draft.failed = reader.readBlock(session, into: &draft)
                root.sessions.append(draft)
            }.later(),
        ]
    }

    private static var ofInterfaces: [Keyword<RootDraft>] {
        [
            Keyword("garp_group", .block(named: false), "Interfaces that share a limit of announcements.") {
                root, reader in
                reader.expectNoMore()
                var draft = AnnouncementGroupDraft(range: reader.keywordRange)
                draft.failed = reader.readBlock(announcementGroup, into: &draft)
                root.announcementGroups.append(draft)
            },
            .entries(
                "interface_up_down_delays", "INTERFACE DOWN [UP]",
                "Seconds, 0 to 255, that a link must be down or up to count as that; UP is DOWN unless it is written."
            ) { root, reader in
                let place = reader.keywordRange
                guard let interface = reader.interface(), let down = reader.seconds(0...255_000_000) else {
                    return reader.skipRest()
                }
                guard let up = reader.hasMore ? reader.seconds(0...255_000_000) : down else { return }
                root.delays.append(
                    Written(value: InterfaceSettings.Delays(interface: interface, down: down, up: up), range: place))
            },
            .entries(
                "linkbeat_interfaces", "INTERFACE [MII|ETHTOOL|IOCTL]",
                "Interfaces whose link is polled, and the way that is tried first."
            ) { root, reader in
                let place = reader.keywordRange
                guard let interface = reader.interface() else { return reader.skipRest() }
                var polling = InterfaceSettings.LinkPolling(interface: interface)
                guard reader.readOptions(linkPolling, into: &polling) else { return }
                root.polled.append(Written(value: polling, range: place))
            },
        ]
    }

    /// Where the daemon runs and what it is called.
    private static var ofHost: [Keyword<RootDraft>] {
        [
            .setWord(
                "net_namespace", "name", default: "the one that it is started in",
                "The network namespace that all processes run in."
            ) { $0.global.settings.host.namespace = $1 }.refused(),
            .trackFile("vrrp_track_file", oldTrackFile, "The old name of track_file.").old("track_file"),
            .set(
                "net_namespace_ipvs", .optional(.word("name")),
                default: "net_namespace", "The network namespace of IPVS; without a name the default one.",
                set: { $0.global.settings.host.serverNamespace = $1 }
            ) { reader in reader.next()?.text ?? "" }.later(),
            .setFlag(
                "namespace_with_ipsets", "Use ipsets in a namespace too."
            ) { $0.global.settings.host.usesSetsInNamespace = true }.later(),
            .setFlag(
                "linkbeat_use_polling", "Poll the link of every interface: linkbeat_interfaces is the better way."
            ) { $0.global.settings.host.pollsLinks = true }.later(),
            .setFlag(
                "use_pid_dir", "Keep pid files in a directory of their own."
            ) { $0.global.settings.host.usesPidDirectory = true }.later(),
            .setWord(
                "instance", "name", default: "none",
                "The name of this daemon, where there are several."
            ) { $0.global.settings.host.instance = $1 }.later(),
            .setWholeSeconds(
                "child_wait_time", anySeconds, default: "5",
                "Seconds that processes may take to end."
            ) { $0.global.settings.host.childWait = $1 }.later(),
        ]
    }

    /// `vrrp_script`.
    static let script = Block<ScriptDraft>(
        "vrrp_script",
        [
            Keyword(
                "script", .program, "The command as one word, in quotes where it has arguments; `</path` opens a file."
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
            .weight("weight", \.weight, default: "0", "What the result adds to the priority; 0 faults."),
            .integer("rise", \.rise, 1...2_147_483_647, default: "1", "Successes in a row to be good."),
            .integer("fall", \.fall, 1...2_147_483_647, default: "1", "Failures in a row to be bad."),
            .user("user", \.user, default: "script_user", "Whom the command runs as."),
            .flag("init_fail", \.initFail, "Failed until the first success."),
        ])

    /// `vrrp_sync_group`.
    static let group = Block<GroupDraft>(
        "vrrp_sync_group",
        parts: [ofGroup, leaseKeywords("the group") { $1(&$0.lease) }, trackedItems { $1(&$0.tracked) }])

    private static var ofGroup: [Keyword<GroupDraft>] {
        [
            .entries("group", "INSTANCE", "The members, by name.") { group, reader in
                while let word = reader.next() { group.members.append(Written(value: word.text, range: word.range)) }
            },
            .entries("track_interface", "INTERFACE [weight N [reverse]]", "Interfaces that every member tracks.") {
                if let tracked = $1.trackedInterface() { $0.trackInterfaces.append(tracked) }
            },
            .entries("track_script", "NAME [weight N [reverse|noreverse]]", "Scripts that every member tracks.") {
                if let tracked = $1.tracked() { $0.trackScripts.append(tracked) }
            },
            .command("notify_master", \.notify.master, "Run when the group becomes master."),
            .command("notify_backup", \.notify.backup, "Run when the group becomes backup."),
            .command("notify_fault", \.notify.fault, "Run when the group goes to fault."),
            .command("notify_stop", \.notify.stop, "Run when the daemon stops."),
            .command("notify", \.notify.any, "Run on every change, with GROUP, name, state and 0 appended."),
            .flag(
                "global_tracking", \.trackingWeight, status: .deprecated("sync_group_tracking_weight"),
                "Old name of sync_group_tracking_weight."),
            .flag("sync_group_tracking_weight", \.trackingWeight, "Weights of the members' trackers count."),
            .boolean(
                "notify_priority_changes", \.notifyPriorityChanges, "A line in the FIFOs for each change of priority."),
            .boolean(
                "smtp_alert", \.smtpAlert, default: "smtp_alert_vrrp, else smtp_alert, else off",
                "A mail when the group changes."
            ),
        ]
    }

    /// `track_file`, `track_process` and `track_bfd` of an instance or a group.
    static func trackedItems<Draft>(
        _ access: @escaping @Sendable (inout Draft, (inout TrackedItemsDraft) -> Void) -> Void
    ) -> [Keyword<Draft>] {
        let entry = "NAME [weight N [reverse|noreverse]]"
        return [
            .entries("track_file", entry, "Files to track, as track_file defines them.") { draft, reader in
                guard let tracked = reader.tracked(isWide: true) else { return }
                access(&draft) { $0.files.append(tracked) }
            }.refused(),
            .entries("track_process", entry, "Processes to track, as vrrp_track_process defines them.") {
                draft, reader in
                guard let tracked = reader.tracked(isWide: true) else { return }
                access(&draft) { $0.processes.append(tracked) }
            }.refused(),
            .entries("track_bfd", entry, "BFD sessions to track, as bfd_instance defines them.") { draft, reader in
                guard let tracked = reader.tracked() else { return }
                access(&draft) { $0.sessions.append(tracked) }
            }.refused(),
        ]
    }
}

extension Keyword where Target == RootDraft {
    fileprivate static func trackFile(_ name: String, _ block: Block<TrackFileDraft>, _ documentation: String)
        -> Keyword
    {
        Keyword(name, .block(named: true), documentation) { root, reader in
            guard let name = reader.blockName() else { return }
            var draft = TrackFileDraft(name: name)
            draft.failed = reader.readBlock(block, into: &draft)
            root.trackFiles.append(draft)
        }
    }
}
