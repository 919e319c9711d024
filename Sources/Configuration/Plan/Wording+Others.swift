import Primitives

extension SyncGroupDefinition {
    public var wordings: [Wording] {
        [
            Wording("group", members),
            Wording("track_interface", trackInterfaces.map(\.wording)),
            Wording("track_script", trackScripts.map(\.wording)),
        ] + tracked.wordings + [
            Wording("arbiter", arbiter),
            Wording("lease_name", leaseName),
            Wording("smtp_alert", smtpAlert),
            Wording("sync_group_tracking_weight", trackingWeight),
        ] + notify.wordings + [Wording("notify_priority_changes", notifyPriorityChanges)]
    }
}

extension TrackScript {
    public var wordings: [Wording] {
        let text: String
        switch command {
        case .run(let argv): text = Wording.command(argv)
        case .open(let path): text = "</" + path.drop { $0 == "/" }
        }
        return [
            Wording("script", text),
            Wording("interval", interval),
            Wording("timeout", timeout == .zero ? nil : timeout),
            Wording("weight", reverse ? "\(weight) reverse" : "\(weight)"),
            Wording("rise", rise),
            Wording("fall", fall),
            Wording("user", user?.wording),
            Wording("init_fail", initFail),
        ]
    }
}

extension GlobalDefinitions {
    /// Every keyword that has a say in it. What gives instances their defaults is among them, and in the instances.
    public var wordings: [Wording] {
        var words = [
            Wording("router_id", routerID),
            Wording("script_user", scriptUser?.wording),
            Wording("enable_script_security", enableScriptSecurity),
            Wording("use_symlink_paths", useSymlinkPaths),
            Wording("startup_script", startupScript),
            Wording("startup_script_timeout", startupScriptTimeout),
            Wording("shutdown_script", shutdownScript),
            Wording("shutdown_script_timeout", shutdownScriptTimeout),
            Wording("default_interface", defaultInterface),
            Wording("vrrp_version", version.map { Int($0.rawValue) }),
            Wording("vrrp_mcast_group4", multicastGroup4),
            Wording("vrrp_mcast_group6", multicastGroup6),
        ]
        words += announcements.wordings(prefix: "vrrp_")
        words += [
            Wording("vrrp_down_timer_adverts", downTimerAdverts),
            Wording("vrrp_check_unicast_src", checkUnicastSource),
            Wording("vrrp_skip_check_adv_addr", skipCheckAdvertAddresses),
            Wording("vrrp_strict", strict),
            Wording("vrrp_lower_prio_no_advert", lowerPriorityNoAdvert),
            Wording("vrrp_higher_prio_send_advert", higherPrioritySendAdvert),
            Wording("vrrp_owner_ignore_adverts", ownerIgnoreAdverts),
            Wording("v3_checksum_as_v2", checksumAsV2),
            Wording("vrrp_hello", hello),
            Wording("vrrp_hello_port", Int(helloPort)),
            Wording("address_lifetime", addressLifetime),
            Wording("vrrp_priority", niceness),
            Wording("vrrp_rt_priority", realtimePriority),
            Wording("vrrp_no_swap", noSwap),
            Wording("vrrp_cpu_affinity", cpuAffinity.map { String($0) }),
            Wording("vrrp_rlimit_rttime", rlimitRealtime),
            Wording("process_names", processNames),
            Wording("process_name", processName),
            Wording("vrrp_process_name", vrrpProcessName),
            Wording("umask", umask.map { "0" + String($0, radix: 8) }),
            Wording("dynamic_interfaces", dynamicInterfaces),
            Wording("dynamic_interfaces allow_if_changes", allowInterfaceChanges),
            Wording("vrrp_startup_delay", startupDelay),
            Wording("vrrp_delay_after_boot", delayAfterBoot),
            Wording("log_unknown_vrids", logUnknownVRIDs),
            Wording("notify_fifo", notifyFIFO?.wording),
            Wording("notify_fifo_script", notifyFIFO?.script),
            Wording("vrrp_notify_fifo", vrrpNotifyFIFO?.wording),
            Wording("vrrp_notify_fifo_script", vrrpNotifyFIFO?.script),
            Wording("vrrp_notify_priority_changes", notifyPriorityChanges),
            Wording("fifo_write_vrrp_states_on_reload", fifoWriteStatesOnReload),
            Wording("state_dump_file", stateDumpFile),
            Wording("stats_dump_file", statsDumpFile),
            Wording("vmac_prefix", virtualMACPrefix),
            Wording("vmac_addr_prefix", virtualMACAddressPrefix),
        ]
        words += mail.wordings + snmp.wordings + dbus.wordings + buffers.wordings + forwarding.wordings
        words += firewall.wordings + checkerProcess.wordings(of: "checker") + bfdProcess.wordings(of: "bfd")
        words += automaticPriority.wordings + reload.wordings + files.wordings + host.wordings
        return words
    }

    /// What a running daemon applies at its next start only. Everything else a reload applies.
    static let keywordsOfStart: Set<String> = [
        "startup_script", "startup_script_timeout", "vrrp_priority", "vrrp_rt_priority", "vrrp_no_swap",
        "vrrp_cpu_affinity", "vrrp_rlimit_rttime", "vrrp_startup_delay", "vrrp_delay_after_boot",
    ]

    /// The keywords that differ and that only a start applies.
    public func changesForNextStart(to next: GlobalDefinitions) -> [String] {
        Change.between(wordings, next.wordings).map(\.keyword).filter(Self.keywordsOfStart.contains)
    }
}
