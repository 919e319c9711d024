import Primitives

extension ConfigurationDump {
    mutating func addGlobals() {
        let global = model.global
        heading("Global definitions")
        line(0, "Network namespace = (default)")
        line(0, "Network namespace ipvs = (main namespace)")
        addProcessNames(global)
        line(0, "Router ID = \(global.routerID ?? "(host name)")")
        line(0, "Default smtp_alert = unset")
        line(0, "Default smtp_alert_vrrp = unset")
        line(0, "Default smtp_alert_checker = unset")
        line(0, "Checkers log all failures = false")
        line(0, "No test config before reload")
        line(0, "Dynamic interfaces = \(global.dynamicInterfaces)")
        if global.dynamicInterfaces { line(0, "Allow interface changes = \(global.allowInterfaceChanges)") }
        line(0, "Default interface = \(global.defaultInterface)")
        line(0, "Disable local IGMP = no")
        line(0, "LVS flush = false")
        line(0, "LVS flush on stop = disabled")
        add(global.notifyFIFO, "Global notify fifo")
        add(global.vrrpNotifyFIFO, "VRRP notify fifo")
        line(0, "FIFO write vrrp states on reload = \(global.fifoWriteStatesOnReload)")
        line(0, "VRRP notify priority changes = \(global.notifyPriorityChanges)")
        line(0, "VRRP IPv4 mcast group = \(global.multicastGroup4)")
        line(0, "VRRP IPv6 mcast group = \(global.multicastGroup6)")
        addAnnouncements(global)
        line(0, "VRRP default protocol version = \(global.version?.rawValue ?? 2)")
        line(0, "VRRP check unicast_src = \(global.checkUnicastSource)")
        line(0, "VRRP skip check advert addresses = \(global.skipCheckAdvertAddresses)")
        line(0, "VRRP strict mode = \(global.strict)")
        addProcesses(global)
        addRest(global)
    }

    private mutating func addProcessNames(_ global: GlobalDefinitions) {
        if let name = global.processName { line(0, "Parent process name = \(name)") }
        let usual: [(String, String?, String)] = [
            ("VRRP", global.vrrpProcessName, "keepalived_vrrp"), ("LVS", nil, "keepalived_lvs"),
            ("BFD", nil, "keepalived_bfd"),
        ]
        for (kind, name, standard) in usual {
            guard let name = name ?? (global.processNames ? standard : nil) else { continue }
            line(0, "\(kind) process name = \(name)")
        }
    }

    private mutating func add(_ fifo: NotifyFIFO?, _ title: String) {
        guard let fifo else { return }
        let owner = fifo.user.map { ScriptUser(user: $0, group: fifo.group) }
        line(0, "\(title) = \(fifo.path), \(identity(owner))")
        if let script = fifo.script { line(0, "\(title) script = \(command(script, [fifo.path]))") }
    }

    private mutating func addAnnouncements(_ global: GlobalDefinitions) {
        let settings = global.announcements
        line(0, "Gratuitous ARP delay = \(seconds(settings.masterDelay))")
        line(0, "Gratuitous ARP repeat = \(settings.masterRepeat)")
        line(0, "Gratuitous ARP refresh timer = \(seconds(settings.masterRefresh))")
        line(0, "Gratuitous ARP refresh repeat = \(settings.refreshRepeat)")
        line(0, "Gratuitous ARP lower priority delay = \(seconds(settings.lowerPriorityDelay))")
        line(0, "Gratuitous ARP lower priority repeat = \(settings.lowerPriorityRepeat)")
        line(0, "Num adverts before down = \(global.downTimerAdverts)")
        let others = settings.elsewhere > .zero ? "i/f" : "VMAC"
        line(0, "Gratuitous ARP for each secondary \(others) = \(seconds(settings.elsewhere))s")
        line(0, "Send advert after receive lower priority advert = \(!global.lowerPriorityNoAdvert)")
        line(0, "Send advert after receive higher priority advert = \(global.higherPrioritySendAdvert)")
        line(0, "Gratuitous ARP interval = \(sixDigits(settings.garpInterval))")
        line(0, "Gratuitous NA interval = \(sixDigits(settings.gnaInterval))")
    }

    private mutating func addProcesses(_ global: GlobalDefinitions) {
        line(0, "Max auto priority = 0")
        line(0, "Min auto priority delay = 1000000 usecs")
        line(0, "VRRP process priority = \(global.niceness ?? 0)")
        line(0, "VRRP don't swap = \(global.noSwap)")
        line(0, "VRRP realtime priority = \(global.realtimePriority ?? 0)")
        if !global.cpuAffinity.isEmpty {
            line(0, "VRRP CPU Affinity = \(global.cpuAffinity.map { String($0) }.joined(separator: " "))")
        }
        let limit = global.rlimitRealtime.map { $0.nanoseconds / 1_000 } ?? 10_000
        line(0, "VRRP realtime limit = \(limit)")
        for kind in ["Checker", "BFD"] {
            line(0, "\(kind) process priority = 0")
            line(0, "\(kind) don't swap = false")
            line(0, "\(kind) realtime priority = 0")
            line(0, "\(kind) realtime limit = 10000")
        }
    }

    private mutating func addRest(_ global: GlobalDefinitions) {
        for kind in ["vrrp", "checker", "RFCv2", "RFCv3", "traps"] { line(0, "SNMP \(kind) disabled") }
        line(0, "DBus disabled")
        line(0, "Script security \(enabled(global.enableScriptSecurity))")
        line(0, "Default script \(identity(nil))")
        for kind in [
            "vrrp_netlink_cmd", "vrrp_netlink_monitor", "process_monitor", "lvs_netlink_cmd", "lvs_netlink_monitor",
        ] {
            line(0, "\(kind)_rcv_bufs = 0")
            line(0, "\(kind)_rcv_bufs_force = 0")
        }
        line(0, "rs_init_notifies = 0")
        line(0, "no_checker_emails = 0")
        line(0, "rx_bufs_multiples = 3")
        line(0, "umask = 0\(String(global.umask ?? 0o022, radix: 8))")
        if global.startupDelay > .zero { line(0, "vrrp_startup_delay = \(seconds(global.startupDelay))") }
        if global.logUnknownVRIDs { line(0, "log_unknown_vrids") }
    }
}
