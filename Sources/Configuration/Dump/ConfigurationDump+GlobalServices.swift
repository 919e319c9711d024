import Primitives

extension ConfigurationDump {
    mutating func addFirewall(_ firewall: FirewallSettings) {
        if let table = firewall.table {
            line(0, "nftables table name = \(table)")
            line(0, "nftables base chain priority = \(firewall.priority)")
            line(0, "nftables \(firewall.usesInterfaceIndex ? "" : "don't ")force use ifindex for link local IPv6")
        }
        if let table = firewall.serverTable {
            line(0, "ipvs nftables table name = \(table)")
            line(0, "ipvs nftables base chain priority = \(firewall.serverPriority)")
            line(0, "ipvs nftables start fwmark = \(firewall.firstMark)")
        }
        line(0, "nftables with\(firewall.counts ? "" : "out") counters")
    }

    mutating func addProcesses(_ global: GlobalDefinitions) {
        line(0, "Max auto priority = \(global.automaticPriority.highest ?? 0)")
        line(0, "Min auto priority delay = \(global.automaticPriority.delay.nanoseconds / 1_000) usecs")
        var vrrp = ProcessSettings()
        vrrp.niceness = global.niceness
        vrrp.noSwap = global.noSwap
        vrrp.realtimePriority = global.realtimePriority
        vrrp.cpuAffinity = global.cpuAffinity
        vrrp.rlimitRealtime = global.rlimitRealtime
        add(vrrp, "VRRP")
        add(global.checkerProcess, "Checker")
        add(global.bfdProcess, "BFD")
    }

    private mutating func add(_ process: ProcessSettings, _ kind: String) {
        line(0, "\(kind) process priority = \(process.niceness ?? 0)")
        line(0, "\(kind) don't swap = \(process.noSwap)")
        line(0, "\(kind) realtime priority = \(process.realtimePriority ?? 0)")
        if !process.cpuAffinity.isEmpty {
            line(0, "\(kind) CPU Affinity = \(process.cpuAffinity.map { String($0) }.joined(separator: " "))")
        }
        line(0, "\(kind) realtime limit = \(process.rlimitRealtime.map { $0.nanoseconds / 1_000 } ?? 10_000)")
    }

    mutating func addServices(_ global: GlobalDefinitions) {
        let snmp = global.snmp
        let services: [(String, Bool)] = [
            ("vrrp", snmp.servesVRRP), ("checker", snmp.servesCheckers), ("RFCv2", snmp.servesRFC2787),
            ("RFCv3", snmp.servesRFC6527), ("traps", snmp.sendsTraps),
        ]
        for (name, isOn) in services { line(0, "SNMP \(name) \(enabled(isOn))") }
        line(0, "SNMP socket = \(snmp.socket ?? "default (unix:/var/agentx/master)")")
        line(0, "DBus \(enabled(global.dbus.isEnabled))")
        line(0, "DBus service name = \(global.dbus.serviceName)")
        line(0, "Script security \(enabled(global.enableScriptSecurity))")
        line(0, "Default script \(identity(nil))")
    }

    mutating func addBuffers(_ global: GlobalDefinitions) {
        let buffers = global.buffers
        let sockets: [(String, SocketBufferSettings.Buffer)] = [
            ("vrrp_netlink_cmd", buffers.vrrpCommands), ("vrrp_netlink_monitor", buffers.vrrpMonitor),
            ("process_monitor", buffers.processMonitor), ("lvs_netlink_cmd", buffers.lvsCommands),
            ("lvs_netlink_monitor", buffers.lvsMonitor),
        ]
        for (name, buffer) in sockets {
            line(0, "\(name)_rcv_bufs = \(buffer.size ?? 0)")
            line(0, "\(name)_rcv_bufs_force = \(buffer.isForced ? 1 : 0)")
        }
        line(0, "rs_init_notifies = \(global.forwarding.notifiesAtStart ? 1 : 0)")
        line(0, "no_checker_emails = \(global.mail.omitsCheckers ? 1 : 0)")
        switch buffers.policy {
        case nil: break
        case .mtu: line(0, "rx_bufs_policy = MTU")
        case .advert: line(0, "rx_bufs_policy = ADVERT")
        case .bytes(let size): line(0, "rx_bufs_size = \(size)")
        }
        line(0, "rx_bufs_multiples = \(buffers.multiplier)")
    }
}
