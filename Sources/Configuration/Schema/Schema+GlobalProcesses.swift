import ConfigLanguage
import Primitives

// What `global_defs` says of other processes, of reloads and of files. Read and checked, without effect for now.
extension Schema {
    static var otherProcesses: [Keyword<GlobalDraft>] {
        [
            .setWord(
                "checker_process_name", \.settings.checkerProcess.name, "name", default: "none",
                "The name of the process that checks servers."),
            .setInteger(
                "checker_priority", \.settings.checkerProcess.niceness, -20...19, default: "none", "Its nice value."),
            .setInteger(
                "checker_rt_priority", \.settings.checkerProcess.realtimePriority, 1...99, default: "none",
                "Its real-time priority."),
            .setFlag("checker_no_swap", \.settings.checkerProcess.noSwap, "Lock its memory."),
            .setProcessors("checker_cpu_affinity", \.settings.checkerProcess.cpuAffinity, "Its processors."),
            .setMicroseconds(
                "checker_rlimit_rttime", \.settings.checkerProcess.rlimitRealtime, 1...4_294_967_295, default: "10000",
                "How long it may run without a pause where it is real-time."),
            .setWord(
                "bfd_process_name", \.settings.bfdProcess.name, "name", default: "none",
                "The name of the process that speaks BFD."),
            .setInteger("bfd_priority", \.settings.bfdProcess.niceness, -20...19, default: "none", "Its nice value."),
            .setInteger(
                "bfd_rt_priority", \.settings.bfdProcess.realtimePriority, 1...99, default: "none",
                "Its real-time priority."),
            .setFlag("bfd_no_swap", \.settings.bfdProcess.noSwap, "Lock its memory."),
            .setProcessors("bfd_cpu_affinity", \.settings.bfdProcess.cpuAffinity, "Its processors."),
            .setMicroseconds(
                "bfd_rlimit_rttime", \.settings.bfdProcess.rlimitRealtime, 1...4_294_967_295, default: "10000",
                "How long it may run without a pause where it is real-time."),
            .set(
                "max_auto_priority", \.settings.automaticPriority.highest, .optional(.integer(-1...99, unit: "")),
                default: "0; 99 where no number follows",
                "The highest real-time priority that a process gives itself when it is late; 0 and -1 are off."
            ) { reader in
                guard reader.hasMore else { return .some(99) }
                return reader.integer(-1...99).map { .some($0) }
            },
            .setMicroseconds(
                "min_auto_priority_delay", \.settings.automaticPriority.delay, 1...10_000_000, default: "1000000",
                "How late it must be."),
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
                "reload_time_file", \.settings.reload.timeFile, default: "none", "A file that says when to reload next."
            ),
            .setFlag("reload_repeat", \.settings.reload.repeats, "Keep that file: reload every day."),
            .set(
                "reload_file", \.settings.reload.lockFile, .optional(.path),
                default: "off; keepalived.reload without a path",
                "A file that is there while the configuration is read."
            ) { reader in
                guard reader.hasMore else { return .some("") }
                return reader.path().map { .some($0) }
            },
            .set(
                "include_check", \.settings.reload.includeChecks,
                .optional(.other("[+|-]readable|match|wildcard_match|brace_match …")),
                default: "none; all without a word", "What an include must be, from here on."
            ) { reader in reader.includeChecks() },
            .setWord(
                "config_save_dir", \.settings.reload.saveDirectory, "directory", default: "none",
                "Where the configuration and the state go before and after a reload."),
            .setWord(
                "tmp_config_directory", \.settings.reload.temporaryDirectory, "directory", default: "memory",
                "Where the configuration goes when it has been read."),
            .setInteger(
                "random_seed", \.settings.reload.randomSeed, 0...4_294_967_295, default: "the time",
                "Where the random numbers of the configuration begin."),
        ]
    }

    static var filing: [Keyword<GlobalDraft>] {
        [
            .setBoolean(
                "data_use_instance", \.settings.files.namesInstance,
                "Names of dumps have those of the instance and the namespace in them."),
            .setInteger(
                "json_version", \.settings.files.jsonVersion, 1...2, default: "1", "The layout of the JSON dump."),
            .setWord(
                "json_dump_file", \.settings.files.jsonDump, "path", default: "/tmp/keepalived.json",
                "Where the JSON dump goes."),
            .setWord(
                "iproute_usr_dir", \.settings.files.iprouteShared, "directory", default: "/usr/share/iproute2",
                "Where the tables of names of iproute2 are."),
            .setWord(
                "iproute_etc_dir", \.settings.files.iprouteLocal, "directory", default: "/etc/iproute2",
                "Where those are that override them."),
        ]
    }

    /// Old names of what has no effect yet.
    static var oldNames: [Keyword<GlobalDraft>] {
        [
            .setWord(
                "lvs_process_name", \.settings.checkerProcess.name, "name", default: "none",
                "Old name of checker_process_name."
            ).old("checker_process_name"),
            .setMicroseconds(
                "checker_rlimit_rtime", \.settings.checkerProcess.rlimitRealtime, 1...4_294_967_295, default: "10000",
                "Old spelling of checker_rlimit_rttime."
            ).old("checker_rlimit_rttime"),
            .setMicroseconds(
                "bfd_rlimit_rtime", \.settings.bfdProcess.rlimitRealtime, 1...4_294_967_295, default: "10000",
                "Old spelling of bfd_rlimit_rttime."
            ).old("bfd_rlimit_rttime"),
            .setFlag("enable_snmp_keepalived", \.settings.snmp.servesVRRP, "Old name of enable_snmp_vrrp.").old(
                "enable_snmp_vrrp"),
            .flushOnStop("lvs_flush_onstop").old("lvs_flush_on_stop"),
        ]
    }
}

extension StatementReader {
    /// Words with a sign or none: a first one without a sign begins from nothing.
    fileprivate mutating func includeChecks() -> ReloadSettings.IncludeChecks?? {
        guard hasMore else { return .some(.all) }
        let names: [(String, ReloadSettings.IncludeChecks)] = [
            ("readable", .readable), ("match", .match), ("wildcard_match", .wildcardMatch),
            ("brace_match", .braceMatch),
        ]
        var checks: ReloadSettings.IncludeChecks = []
        while let word = next() {
            let sign = word.text.utf8.first
            let isSigned = sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-")
            let name = isSigned ? String(word.text.dropFirst()) : word.text
            guard let check = choice((name, word.range), names, rule: .choice) else { return .none }
            if sign == UInt8(ascii: "-") { checks.remove(check) } else { checks.insert(check) }
        }
        return .some(checks)
    }
}
