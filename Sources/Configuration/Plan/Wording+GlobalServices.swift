import Primitives

// What `global_defs` and the top say of mail, SNMP, D-Bus, IPVS, firewalls, buffers and the host.

extension MailSettings {
    var wordings: [Wording] {
        [
            Wording("notification_email", recipients),
            Wording("notification_email_from", sender),
            Wording("smtp_server", server.map { "\($0.host) \($0.port)" }),
            Wording("smtp_helo_name", heloName),
            Wording("smtp_connect_timeout", connectTimeout),
            Wording("smtp_alert", alert.map { $0 ? "on" : "off" }),
            Wording("smtp_alert_vrrp", alertVRRP.map { $0 ? "on" : "off" }),
            Wording("smtp_alert_checker", alertCheckers.map { $0 ? "on" : "off" }),
            Wording("no_email_faults", omitsFaults),
            Wording("no_checker_emails", omitsCheckers),
        ]
    }
}

extension SNMPSettings {
    var wordings: [Wording] {
        [
            Wording("snmp_socket", socket),
            Wording("enable_traps", sendsTraps),
            Wording("enable_snmp_vrrp", servesVRRP),
            Wording("enable_snmp_rfcv2", servesRFC2787),
            Wording("enable_snmp_rfcv3", servesRFC6527),
            Wording("enable_snmp_checker", servesCheckers),
            Wording("snmp_vs_stats_update_interval", virtualServerInterval),
            Wording("snmp_rs_stats_update_interval", realServerInterval),
        ]
    }
}

extension DBusSettings {
    var wordings: [Wording] {
        [
            Wording("enable_dbus", isEnabled),
            Wording("dbus_service_name", serviceName),
            Wording("dbus_no_interface_name", noInterfaceName),
        ]
    }
}

extension SocketBufferSettings {
    var wordings: [Wording] {
        let buffers: [(String, Buffer)] = [
            ("vrrp_netlink_cmd_rcv_bufs", vrrpCommands), ("vrrp_netlink_monitor_rcv_bufs", vrrpMonitor),
            ("lvs_netlink_cmd_rcv_bufs", lvsCommands), ("lvs_netlink_monitor_rcv_bufs", lvsMonitor),
            ("process_monitor_rcv_bufs", processMonitor),
        ]
        let words = buffers.flatMap { name, buffer in
            [Wording(name, buffer.size), Wording(name + "_force", buffer.isForced)]
        }
        let policy: String?
        switch self.policy {
        case nil: policy = nil
        case .mtu: policy = "MTU"
        case .advert: policy = "ADVERT"
        case .bytes(let count): policy = String(count)
        }
        return words + [Wording("vrrp_rx_bufs_policy", policy), Wording("vrrp_rx_bufs_multiplier", multiplier)]
    }
}

extension ForwardingSettings {
    var wordings: [Wording] {
        let stop: String
        switch flushOnStop {
        case .off: stop = "off"
        case .all: stop = "on"
        case .virtualServers: stop = "VS"
        }
        return [
            Wording("data_plane", plane.rawValue),
            Wording("lvs_timeouts tcp", timeouts.tcp),
            Wording("lvs_timeouts tcpfin", timeouts.tcpFin),
            Wording("lvs_timeouts udp", timeouts.udp),
            Wording("lvs_flush", flushesAtStart),
            Wording("lvs_flush_on_stop", stop),
            Wording("lvs_sync_daemon", syncDaemon?.wording),
            Wording("lvs_notify_fifo", notifyFIFO?.wording),
            Wording("lvs_notify_fifo_script", notifyFIFO?.script),
            Wording("checker_log_all_failures", logsAllFailures),
            Wording("rs_init_notifies", notifiesAtStart),
        ]
    }
}

extension ForwardingSettings.SyncDaemon {
    var wording: String {
        var text = interface
        if let instance { text += " inst \(instance)" }
        if let id { text += " id \(id)" }
        if let maximumLength { text += " maxlen \(maximumLength)" }
        text += " port \(port)"
        if let ttl { text += " ttl \(ttl)" }
        if let group { text += " group \(group)" }
        return text
    }
}

extension FirewallSettings {
    var wordings: [Wording] {
        [
            Wording("nftables", table),
            Wording("nftables_priority", priority),
            Wording("nftables_ifindex", usesInterfaceIndex),
            Wording("nftables_counters", counts),
            Wording("nftables_ipvs", serverTable),
            Wording("nftables_ipvs_priority", serverPriority),
            Wording("nftables_ipvs_start_fwmark", firstMark),
            Wording("vrrp_iptables", chains.map { [$0.input, $0.output].compactMap(\.self).joined(separator: " ") }),
            Wording("vrrp_ipsets", sets.map { $0.isEmpty ? "no" : $0.joined(separator: " ") }),
            Wording("disable_local_igmp", silencesLocalGroups),
        ]
    }
}

extension ProcessSettings {
    /// - Parameter kind: `checker` or `bfd`.
    func wordings(of kind: String) -> [Wording] {
        [
            Wording("\(kind)_process_name", name),
            Wording("\(kind)_priority", niceness),
            Wording("\(kind)_rt_priority", realtimePriority),
            Wording("\(kind)_no_swap", noSwap),
            Wording("\(kind)_cpu_affinity", cpuAffinity.map { String($0) }),
            Wording("\(kind)_rlimit_rttime", rlimitRealtime),
        ]
    }
}

extension AutomaticPriority {
    var wordings: [Wording] { [Wording("max_auto_priority", highest), Wording("min_auto_priority_delay", delay)] }
}

extension ReloadSettings {
    var wordings: [Wording] {
        [
            Wording("reload_check_config", checksFirst ? checkLog ?? "on" : nil),
            Wording("reload_time_file", timeFile),
            Wording("reload_repeat", repeats),
            Wording("reload_file", lockFile),
            Wording("include_check", includeChecks?.words ?? []),
            Wording("config_save_dir", saveDirectory),
            Wording("tmp_config_directory", temporaryDirectory),
            Wording("random_seed", randomSeed),
        ]
    }
}

extension ReloadSettings.IncludeChecks {
    fileprivate var words: [String] {
        let names: [(ReloadSettings.IncludeChecks, String)] = [
            (.readable, "readable"), (.match, "match"), (.wildcardMatch, "wildcard_match"),
            (.braceMatch, "brace_match"),
        ]
        let found = names.filter { contains($0.0) }.map(\.1)
        return found.isEmpty ? ["none"] : found
    }
}

extension FileSettings {
    var wordings: [Wording] {
        [
            Wording("data_use_instance", namesInstance),
            Wording("json_version", jsonVersion),
            Wording("json_dump_file", jsonDump),
            Wording("iproute_usr_dir", iprouteShared),
            Wording("iproute_etc_dir", iprouteLocal),
        ]
    }
}

extension HostSettings {
    var wordings: [Wording] {
        [
            Wording("net_namespace", namespace),
            Wording("net_namespace_ipvs", serverNamespace),
            Wording("namespace_with_ipsets", usesSetsInNamespace),
            Wording("instance", instance),
            Wording("use_pid_dir", usesPidDirectory),
            Wording("child_wait_time", childWait),
            Wording("linkbeat_use_polling", pollsLinks),
        ]
    }
}
