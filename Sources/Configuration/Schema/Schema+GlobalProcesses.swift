import ConfigLanguage
import Primitives

// What `global_defs` says of other processes, of reloads and of files. Read and checked, without effect for now.
extension Schema {
    static var otherProcesses: [Keyword<GlobalDraft>] {
        [
            .setWord(
                "checker_process_name", "name", default: "none",
                "The name of the process that checks servers."
            ) { $0.settings.checkerProcess.name = $1 },
            .setInteger(
                "checker_priority", -20...19, default: "none", "Its nice value."
            ) { $0.settings.checkerProcess.niceness = $1 },
            .setInteger(
                "checker_rt_priority", 1...99, default: "none",
                "Its real-time priority."
            ) { $0.settings.checkerProcess.realtimePriority = $1 },
            .setFlag("checker_no_swap", "Lock its memory.") { $0.settings.checkerProcess.noSwap = true },
            .setProcessors("checker_cpu_affinity", "Its processors.") { $0.settings.checkerProcess.cpuAffinity = $1 },
            .setMicroseconds(
                "checker_rlimit_rttime", 1...4_294_967_295, default: "10000",
                "How long it may run without a pause where it is real-time."
            ) { $0.settings.checkerProcess.rlimitRealtime = $1 },
            .setWord(
                "bfd_process_name", "name", default: "none",
                "The name of the process that speaks BFD."
            ) { $0.settings.bfdProcess.name = $1 },
            .setInteger("bfd_priority", -20...19, default: "none", "Its nice value.") {
                $0.settings.bfdProcess.niceness = $1
            },
            .setInteger(
                "bfd_rt_priority", 1...99, default: "none",
                "Its real-time priority."
            ) { $0.settings.bfdProcess.realtimePriority = $1 },
            .setFlag("bfd_no_swap", "Lock its memory.") { $0.settings.bfdProcess.noSwap = true },
            .setProcessors("bfd_cpu_affinity", "Its processors.") { $0.settings.bfdProcess.cpuAffinity = $1 },
            .setMicroseconds(
                "bfd_rlimit_rttime", 1...4_294_967_295, default: "10000",
                "How long it may run without a pause where it is real-time."
            ) { $0.settings.bfdProcess.rlimitRealtime = $1 },
            .set(
                "max_auto_priority", .optional(.integer(-1...99, unit: "")),
                default: "0; 99 where no number follows",
                "The highest real-time priority that a process gives itself when it is late; 0 and -1 are off.",
                set: { $0.settings.automaticPriority.highest = $1 }
            ) { reader in
                guard reader.hasMore else { return 99 }
                return reader.integer(-1...99)
            },
            .setMicroseconds(
                "min_auto_priority_delay", 1...10_000_000, default: "1000000",
                "How late it must be."
            ) { $0.settings.automaticPriority.delay = $1 },
        ]
    }

    static var reloading: [Keyword<GlobalDraft>] {
        [
            Keyword(
                "reload_check_config", .optional(.word("file")), default: "off",
                "Check a new configuration in a process of its own before a reload, with its findings in this file."
            ) { global, reader in
                global.settings.reload.checksFirst = true
                global.settings.reload.checkLog = reader.next()?.text
                reader.remember("reload_check_config", in: &global)
            },
            .setPath(
                "reload_time_file", default: "none", "A file that says when to reload next."
            ) { $0.settings.reload.timeFile = $1 },
            .setFlag("reload_repeat", "Keep that file: reload every day.") { $0.settings.reload.repeats = true },
            .set(
                "reload_file", .optional(.path),
                default: "off; keepalived.reload without a path",
                "A file that is there while the configuration is read.", set: { $0.settings.reload.lockFile = $1 }
            ) { reader in
                guard reader.hasMore else { return "" }
                return reader.path()
            },
            .set(
                "include_check", .optional(.other("[+|-]readable|match|wildcard_match|brace_match …")),
                default: "none; all without a word", "What an include must be, from here on.",
                set: { $0.settings.reload.includeChecks = $1 }
            ) { reader in reader.includeChecks() },
            .setWord(
                "config_save_dir", "directory", default: "none",
                "Where the configuration and the state go before and after a reload."
            ) { $0.settings.reload.saveDirectory = $1 },
            .setWord(
                "tmp_config_directory", "directory", default: "memory",
                "Where the configuration goes when it has been read."
            ) { $0.settings.reload.temporaryDirectory = $1 },
            .setInteger(
                "random_seed", 0...4_294_967_295, default: "the time",
                "Where the random numbers of the configuration begin."
            ) { $0.settings.reload.randomSeed = $1 },
        ]
    }

    static var filing: [Keyword<GlobalDraft>] {
        [
            .setBoolean(
                "data_use_instance", "Names of dumps have those of the instance and the namespace in them."
            ) { $0.settings.files.namesInstance = $1 },
            .setInteger(
                "json_version", 1...2, default: "1", "The layout of the JSON dump."
            ) { $0.settings.files.jsonVersion = $1 },
            .setWord(
                "json_dump_file", "path", default: "/tmp/keepalived.json",
                "Where the JSON dump goes."
            ) { $0.settings.files.jsonDump = $1 },
            .setWord(
                "iproute_usr_dir", "directory", default: "/usr/share/iproute2",
                "Where the tables of names of iproute2 are."
            ) { $0.settings.files.iprouteShared = $1 },
            .setWord(
                "iproute_etc_dir", "directory", default: "/etc/iproute2",
                "Where those are that override them."
            ) { $0.settings.files.iprouteLocal = $1 },
        ]
    }

    /// Old names of what has no effect yet.
    static var oldNames: [Keyword<GlobalDraft>] {
        [
            .setWord(
                "lvs_process_name", "name", default: "none",
                "Old name of checker_process_name."
            ) { $0.settings.checkerProcess.name = $1 }.old("checker_process_name"),
            .setMicroseconds(
                "checker_rlimit_rtime", 1...4_294_967_295, default: "10000",
                "Old spelling of checker_rlimit_rttime."
            ) { $0.settings.checkerProcess.rlimitRealtime = $1 }.old("checker_rlimit_rttime"),
            .setMicroseconds(
                "bfd_rlimit_rtime", 1...4_294_967_295, default: "10000",
                "Old spelling of bfd_rlimit_rttime."
            ) { $0.settings.bfdProcess.rlimitRealtime = $1 }.old("bfd_rlimit_rttime"),
            .setFlag("enable_snmp_keepalived", "Old name of enable_snmp_vrrp.") { $0.settings.snmp.servesVRRP = true }
                .old(
                    "enable_snmp_vrrp"),
            .flushOnStop("lvs_flush_onstop").old("lvs_flush_on_stop"),
        ]
    }
}

extension StatementReader {
    /// Words with a sign or none: a first one without a sign begins from nothing.
    fileprivate mutating func includeChecks() -> ReloadSettings.IncludeChecks? {
        guard hasMore else { return .all }
        let names: [(String, ReloadSettings.IncludeChecks)] = [
            ("readable", .readable), ("match", .match), ("wildcard_match", .wildcardMatch),
            ("brace_match", .braceMatch),
        ]
        var checks: ReloadSettings.IncludeChecks = []
        while let word = next() {
            let sign = word.text.utf8.first
            let isSigned = sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")
            let name = isSigned ? String(word.text.dropFirst()) : word.text
            guard let check = choice((name, word.range), names, rule: .choice) else { return nil }
            if sign == UInt8(ascii: "-") { checks.remove(check) } else { checks.insert(check) }
        }
        return checks
    }
}
