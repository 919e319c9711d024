import ConfigLanguage
import Primitives

extension Schema {
    /// `global_defs`.
    static let global = Block<GlobalDraft>(
        "global_defs",
        parts: [
            scripting, instanceDefaults, processing, starting, events, mail, Keyword.later(monitoring), forwarding,
            Keyword.later(firewall), Keyword.later(buffers), Keyword.later(otherProcesses),
            Keyword.later(reloading), Keyword.later(filing), oldNames,
        ])

    // MARK: Identity and scripts

    private static var scripting: [Keyword<GlobalDraft>] {
        [
            .word(
                "router_id", \.routerID, "name", default: "the host's name",
                "What the subject of mails begins with, and what an arbiter calls this node."),
            .user("script_user", \.scriptUser, default: "keepalived_script, or the daemon's", "Whom scripts run as."),
            .flag(
                "enable_script_security", \.enableScriptSecurity,
                "Refuse scripts that run as root from a path others can write."),
            .boolean(
                "use_symlink_paths", \.useSymlinkPaths,
                "Accepted without effect: paths are always run as written, and script security follows their links."
            ).withoutEffect(),
            .boolean(
                "set_supplementary_groups", \.setSupplementaryGroups,
                "Scripts get the supplementary groups of their user."),
            .command("startup_script", \.startupScript, "Run once before the workers start."),
            .wholeSeconds(
                "startup_script_timeout", \.startupScriptTimeout, 1...1000, default: "10",
                "Seconds the startup script may take."),
            .command("shutdown_script", \.shutdownScript, "Run once after the workers have ended."),
            .wholeSeconds(
                "shutdown_script_timeout", \.shutdownScriptTimeout, 1...1000, default: "10",
                "Seconds the shutdown script may take."),
        ]
    }

    // MARK: Defaults of instances

    private static var instanceDefaults: [Keyword<GlobalDraft>] {
        [
            .interface(
                "default_interface", \.defaultInterface, default: "eth0",
                "The device of addresses of instances without an interface."),
            .integer("vrrp_version", \.version, 2...3, default: "2, and 3 for IPv6", "The version of the protocol."),
            .address("vrrp_mcast_group4", \.multicastGroup4, default: "224.0.0.18", "The group of IPv4 adverts."),
            .address("vrrp_mcast_group6", \.multicastGroup6, default: "ff02::12", "The group of IPv6 adverts."),
            .wholeSeconds(
                "vrrp_garp_master_delay", \.announcements.masterDelay, burstSeconds, default: "5",
                "Seconds from the first burst of announcements to the second; 0 is no second."),
            .integer(
                "vrrp_garp_master_repeat", \.announcements.masterRepeat, 0...2_147_483_647, default: "5",
                "Announcements of each address in a burst."),
            .wholeSeconds(
                "vrrp_garp_master_refresh", \.announcements.masterRefresh, anySeconds,
                "Seconds between refreshes; 0 is none."),
            .integer(
                "vrrp_garp_master_refresh_repeat", \.announcements.refreshRepeat, 0...2_147_483_647, default: "1",
                "Announcements of each address in a refresh."),
            .wholeSeconds(
                "vrrp_garp_lower_prio_delay", \.announcements.lowerPriorityDelay, burstSeconds,
                default: "vrrp_garp_master_delay", "Seconds to the second burst after an advert of lower priority."),
            .integer(
                "vrrp_garp_lower_prio_repeat", \.announcements.lowerPriorityRepeat, 0...2_147_483_647,
                default: "vrrp_garp_master_repeat", "Announcements after an advert of lower priority."),
            .extraInterfaces(
                "vrrp_garp_extra_if", \.announcements.elsewhere, 1...86_400, default: "0"),
            .extraInterfaces(
                "vrrp_vmac_garp_intvl", \.announcements.elsewhere, 1...86_400, default: "0",
                status: .deprecated("vrrp_garp_extra_if")),
            .seconds(
                "vrrp_garp_interval", \.garpInterval, microseconds,
                "Least seconds between two gratuitous ARPs on an interface."),
            .seconds(
                "vrrp_gna_interval", \.gnaInterval, microseconds,
                "Least seconds between two neighbour advertisements on an interface."),
            Keyword(
                "vrrp_min_garp", .boolean, default: "off",
                "One announcement and no second burst, where nothing else is written above."
            ) {
                global, reader in
                guard reader.boolean() == true else { return }
                global.announcements.isMinimal = true
            },
            .integer(
                "vrrp_down_timer_adverts", \.downTimerAdverts, 1...100, default: "3", "Adverts that may be missed."),
            .flag("vrrp_check_unicast_src", \.checkUnicastSource, "Hear configured peers only."),
            .flag(
                "vrrp_skip_check_adv_addr", \.skipCheckAdvertAddresses,
                "Accepted without effect: an advert's addresses are compared, and never a reason to drop it."
            ).withoutEffect(),
            .boolean("vrrp_strict", \.strict, "Check the rules of the RFC."),
            .boolean(
                "vrrp_lower_prio_no_advert", \.lowerPriorityNoAdvert, "Do not answer an advert of lower priority."),
            .boolean("vrrp_higher_prio_send_advert", \.higherPrioritySendAdvert, "Send a last advert before yielding."),
            .boolean("vrrp_owner_ignore_adverts", \.ownerIgnoreAdverts, "With priority 255, hear nobody."),
            .boolean(
                "v3_checksum_as_v2", \.checksumAsV2, "Leave the pseudo-header out of the IPv4 checksum of version 3."),
            .boolean("vrrp_hello", \.hello, default: "on", "Greet the other nodes, so that they know each other."),
            .integer(
                "vrrp_hello_port", \.helloPort, 1...65_535, default: "\(GlobalDefinitions.defaultHelloPort)",
                "The UDP port that nodes greet each other on; on all nodes the same."),
            .integerSeconds(
                "address_lifetime", \.addressLifetime, "Seconds until an address ends that nobody refreshes; 0 never."),
        ]
    }

    // MARK: The process

    private static var processing: [Keyword<GlobalDraft>] {
        [
            .integer("vrrp_priority", \.niceness, -20...19, default: "-20", "Nice value of the VRRP worker."),
            .integer(
                "vrrp_rt_priority", \.realtimePriority, 1...99, default: "none",
                "Real-time priority of the VRRP worker."),
            .flag("vrrp_no_swap", \.noSwap, "Lock the memory of the VRRP worker."),
            Keyword("vrrp_cpu_affinity", .integers(0...4095, "CPU"), default: "all", "Processors of the VRRP worker.") {
                global, reader in
                guard let processors = reader.integers(0...4095) else { return }
                reader.assign(&global.cpuAffinity, Array(Set(processors)).sorted())
            },
            .microseconds(
                "vrrp_rlimit_rttime", \.rlimitRealtime,
                "A tenth of how long, in microseconds, a real-time VRRP worker may run without a pause before it is replaced."
            ),
            .microseconds(
                "vrrp_rlimit_rtime", \.rlimitRealtime, status: .deprecated("vrrp_rlimit_rttime"),
                "Old spelling of vrrp_rlimit_rttime."),
            .flag("process_names", \.processNames, "Call the VRRP worker keepalived_vrrp in lists of processes."),
            .word("process_name", \.processName, "name", "The name of the supervisor."),
            .word("vrrp_process_name", \.vrrpProcessName, "name", "The name of the VRRP worker."),
            Keyword(
                "umask", .other("NUMBER or BITS|BITS…"), default: "022",
                "Permissions that files and the files of scripts do not get; `-u` wins."
            ) {
                global, reader in
                if let mask = reader.umask() { reader.assign(&global.umask, mask) }
            },
        ]
    }

    // MARK: Interfaces and start

    private static var starting: [Keyword<GlobalDraft>] {
        [
            Keyword(
                "dynamic_interfaces", .other("[allow_if_changes]"), default: "on",
                "Accepted without effect: interfaces may always appear later."
            ) {
                global, reader in
                reader.assign(&global.dynamicInterfaces, true)
                if let word = reader.next(), reader.choice(word, [("allow_if_changes", true)], rule: .choice) != nil {
                    reader.assign(&global.allowInterfaceChanges, true)
                }
            }.withoutEffect(),
            .seconds("vrrp_startup_delay", \.startupDelay, 0...4_294_967_295, "Seconds to do nothing after the start."),
            .seconds(
                "vrrp_delay_after_boot", \.delayAfterBoot, 0...4_294_967_295,
                "Seconds to do nothing after the machine's boot."),
            .flag("log_unknown_vrids", \.logUnknownVRIDs, "Log adverts for virtual routers that are not configured."),
        ]
    }

    // MARK: Events

    private static var events: [Keyword<GlobalDraft>] {
        [
            .fifo("notify_fifo", \.notifyFIFO, "A named pipe that receives a line for every event."),
            .command("notify_fifo_script", \.notifyFIFOScript, "Started to read notify_fifo, whose path is appended."),
            .fifo("vrrp_notify_fifo", \.vrrpNotifyFIFO, "A named pipe for events of instances and groups."),
            .command(
                "vrrp_notify_fifo_script", \.vrrpNotifyFIFOScript,
                "Started to read vrrp_notify_fifo, whose path is appended."),
            .boolean("vrrp_notify_priority_changes", \.notifyPriorityChanges, "A line for each change of priority."),
            .flag("fifo_write_vrrp_states_on_reload", \.fifoWriteStatesOnReload, "Repeat every state after a reload."),
            .word(
                "state_dump_file", \.stateDumpFile, "path", default: "/tmp/keepalived.data",
                "Where SIGUSR1 writes the state: a file, or a directory with `/` at its end."),
            .word(
                "stats_dump_file", \.statsDumpFile, "path", default: "/tmp/keepalived.stats",
                "Where SIGUSR2 writes counters: a file, or a directory with `/` at its end."),
        ]
    }
}

extension Keyword {
    /// Whole microseconds.
    static func microseconds(
        _ name: String, _ slot: Slot<Target, Duration>, status: KeywordStatus = .supported, _ documentation: String
    ) -> Keyword {
        Keyword(name, .integer(1...4_294_967_295, unit: "µs"), default: "10000", documentation, status: status) {
            target, reader in
            if let value = reader.integer(1...4_294_967_295, unit: "µs") {
                reader.assign(&target[keyPath: slot], .microseconds(value))
            }
        }
    }

    /// `PATH [USER [GROUP]]`.
    static func fifo(_ name: String, _ slot: Slot<Target, NotifyFIFO>, _ documentation: String) -> Keyword {
        Keyword(name, .other("PATH [USER [GROUP]]"), default: "none", documentation) { target, reader in
            guard let path = reader.word("path") else { return }
            let fifo = NotifyFIFO(path: path, user: reader.next()?.text, group: reader.next()?.text)
            reader.assign(&target[keyPath: slot], fifo)
        }
    }
}

extension StatementReader {
    private static let permissionBits: [(String, UInt16)] = [
        ("IRUSR", 0o400), ("IWUSR", 0o200), ("IXUSR", 0o100), ("IRWXU", 0o700),
        ("IRGRP", 0o040), ("IWGRP", 0o020), ("IXGRP", 0o010), ("IRWXG", 0o070),
        ("IROTH", 0o004), ("IWOTH", 0o002), ("IXOTH", 0o001), ("IRWXO", 0o007),
    ]

    /// A number (octal with a leading 0, hexadecimal with 0x), or names of bits joined by `|`.
    mutating func umask() -> UInt16? {
        guard let word = required("mask") else { return nil }
        var text = word.text.utf8[...]
        if let first = text.first, first >= 0x30, first <= 0x39 {
            var radix = 10
            if text.starts(with: "0x".utf8) || text.starts(with: "0X".utf8) {
                radix = 16
                text = text.dropFirst(2)
            } else if first == 0x30 {
                radix = 8
            }
            if let mask = UInt16(String(decoding: text, as: UTF8.self), radix: radix), mask <= 0o777 { return mask }
            report(
                .number, at: word.range, "`\(word.text)` is not a mask of permissions", reason: "the line is skipped",
                fix: "write an octal number from 0 to 0777")
            return nil
        }
        // The bits may be apart, as in `IXUSR | IRWXG`.
        var whole = word.text
        while let more = next() { whole += more.text }
        var mask: UInt16 = 0
        for name in whole.utf8.split(separator: UInt8(ascii: "|")) {
            let name = String(decoding: name, as: UTF8.self)
            guard let bits = choice((name, word.range), Self.permissionBits, rule: .choice) else {
                skipRest()
                return nil
            }
            mask |= bits
        }
        return mask
    }
}
