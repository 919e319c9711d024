import Primitives

extension ConfigurationDump {
    mutating func addGlobals() {
        let global = model.global
        heading("Global definitions")
        addHost(global)
        addMail(global.mail)
        line(0, "Checkers log all failures = \(global.forwarding.logsAllFailures)")
        addReload(global)
        line(0, "Dynamic interfaces = \(global.dynamicInterfaces)")
        if global.dynamicInterfaces { line(0, "Allow interface changes = \(global.allowInterfaceChanges)") }
        if global.mail.omitsFaults { line(0, "Send emails for fault transitions = off") }
        addTimeouts(global.forwarding.timeouts)
        line(0, "Default interface = \(global.defaultInterface)")
        line(0, "Disable local IGMP = \(yes(global.firewall.silencesLocalGroups))")
        addForwarding(global.forwarding)
        add(global.notifyFIFO, "Global notify fifo")
        add(global.vrrpNotifyFIFO, "VRRP notify fifo")
        add(global.forwarding.notifyFIFO, "LVS notify fifo")
        line(0, "FIFO write vrrp states on reload = \(global.fifoWriteStatesOnReload)")
        line(0, "VRRP notify priority changes = \(global.notifyPriorityChanges)")
        line(0, "VRRP IPv4 mcast group = \(global.multicastGroup4)")
        line(0, "VRRP IPv6 mcast group = \(global.multicastGroup6)")
        addAnnouncements(global)
        line(0, "VRRP default protocol version = \(global.version?.rawValue ?? 2)")
        addFirewall(global.firewall)
        line(0, "VRRP check unicast_src = \(global.checkUnicastSource)")
        line(0, "VRRP skip check advert addresses = \(global.skipCheckAdvertAddresses)")
        line(0, "VRRP strict mode = \(global.strict)")
        addProcesses(global)
        addServices(global)
        addBuffers(global)
        line(0, "umask = 0\(String(global.umask ?? 0o022, radix: 8))")
        if global.startupDelay > .zero { line(0, "vrrp_startup_delay = \(seconds(global.startupDelay))") }
        if global.logUnknownVRIDs { line(0, "log_unknown_vrids") }
        if global.virtualMACPrefix != "vrrp" { line(0, "VMAC prefix = \(global.virtualMACPrefix)") }
        if let prefix = global.virtualMACAddressPrefix { line(0, "VMAC address prefix = \(prefix)") }
    }

    private mutating func addHost(_ global: GlobalDefinitions) {
        if let directory = global.reload.saveDirectory { line(0, "Config save dir = \(directory)") }
        line(0, "Network namespace = \(global.host.namespace ?? "(default)")")
        let servers = global.host.serverNamespace.map { $0.isEmpty ? "(default)" : $0 }
        line(0, "Network namespace ipvs = \(servers ?? "(main namespace)")")
        if let name = global.host.instance { line(0, "Instance name = \(name)") }
        if let name = global.processName { line(0, "Parent process name = \(name)") }
        let usual: [(String, String?, String)] = [
            ("VRRP", global.vrrpProcessName, "keepalived_vrrp"), ("LVS", global.checkerProcess.name, "keepalived_lvs"),
            ("BFD", global.bfdProcess.name, "keepalived_bfd"),
        ]
        for (kind, name, standard) in usual {
            guard let name = name ?? (global.processNames ? standard : nil) else { continue }
            line(0, "\(kind) process name = \(name)")
        }
        line(0, "Router ID = \(global.routerID ?? "(host name)")")
    }

    private mutating func addMail(_ mail: MailSettings) {
        if let server = mail.server {
            line(0, "Smtp server = \(server.host)")
            line(0, "Smtp server port = \(server.port)")
        }
        if let name = mail.heloName { line(0, "Smtp HELO name = \(name)") }
        if mail.server != nil { line(0, "Smtp server connection timeout = \(seconds(mail.connectTimeout))") }
        if let sender = mail.sender { line(0, "Email notification from = \(sender)") }
        if !mail.recipients.isEmpty { line(0, "Email notification to:") }
        for recipient in mail.recipients { line(1, recipient) }
        for (name, value) in [("", mail.alert), ("_vrrp", mail.alertVRRP), ("_checker", mail.alertCheckers)] {
            line(0, "Default smtp_alert\(name) = \(value.map { $0 ? "on" : "off" } ?? "unset")")
        }
    }

    private mutating func addReload(_ global: GlobalDefinitions) {
        let reload = global.reload
        line(
            0,
            reload.checksFirst
                ? "Test config before reload, log to \(reload.checkLog ?? "/dev/null")" : "No test config before reload"
        )
        if let file = reload.timeFile { line(0, "Reload time file = \(file)\(reload.repeats ? " (repeat)" : "")") }
        if let file = reload.lockFile { line(0, "Reload_file = \(file.isEmpty ? "(default)" : file)") }
        if let directory = reload.temporaryDirectory { line(0, "config save directory = \(directory)") }
        if global.files.namesInstance { line(0, "Use instance name in data dumps") }
    }

    private mutating func addTimeouts(_ timeouts: ForwardingSettings.Timeouts) {
        if let timeout = timeouts.tcp { line(0, "LVS TCP timeout = \(seconds(timeout))") }
        if let timeout = timeouts.tcpFin { line(0, "LVS TCP FIN timeout = \(seconds(timeout))") }
        if let timeout = timeouts.udp { line(0, "LVS UDP timeout = \(seconds(timeout))") }
    }

    private mutating func addForwarding(_ forwarding: ForwardingSettings) {
        if let daemon = forwarding.syncDaemon {
            if let instance = daemon.instance { line(0, "LVS syncd vrrp instance = \(instance)") }
            line(0, "LVS syncd interface = \(daemon.interface)")
            // That of the instance where none is written.
            let number = model.instances.first { $0.name == daemon.instance }.map { Int($0.virtualRouterID) }
            line(0, "LVS syncd syncid = \(daemon.id ?? number ?? 0)")
            if let length = daemon.maximumLength { line(0, "LVS syncd maxlen = \(length)") }
            if let group = daemon.group { line(0, "LVS mcast group \(group)") }
            if daemon.port != 8848 { line(0, "LVS syncd mcast port = \(daemon.port)") }
            if let ttl = daemon.ttl { line(0, "LVS syncd mcast ttl = \(ttl)") }
        }
        line(0, "LVS flush = \(forwarding.flushesAtStart)")
        switch forwarding.flushOnStop {
        case .off: line(0, "LVS flush on stop = disabled")
        case .all: line(0, "LVS flush on stop = full")
        case .virtualServers: line(0, "LVS flush on stop = VS")
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
}
