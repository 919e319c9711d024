import Primitives

extension ConfigurationDump {
    mutating func add(_ instance: InstanceDefinition) {
        let group = groups[instance.name]
        line(0, "VRRP Instance = \(instance.name)")
        line(1, "VRRP Version = \(instance.version.rawValue)")
        if instance.family == .ipv6 { line(1, "Using Native IPv6") }
        if let group { line(1, "Sync group = \(group.name)") }
        if instance.isUnicast {
            entries("Flags:", ["Using unicast"])
        } else {
            line(1, "Flags: none")
        }
        line(1, "Wantstate = \(wantsMaster(instance) && group == nil ? "MASTER" : "BACKUP")")
        line(1, "Number of config faults = 0")
        addInterface(of: instance)
        if instance.dontTrackPrimary { line(1, "VRRP interface tracking disabled") }
        if instance.skipCheckAdvertAddresses { line(1, "Skip checking advert IP addresses") }
        if instance.strict { line(1, "Enforcing strict VRRP compliance") }
        addSource(of: instance)
        addSchedule(of: instance)
        addAuthentication(of: instance)
        if let size = instance.receiveBuffer { line(1, "Kernel rx buffer size = \(size)") }
        if instance.debugLevel > 0 { line(1, "Debug level = \(instance.debugLevel)") }
        addAddresses(of: instance)
        if instance.isUnicast { addPeers(of: instance) }
        let (interfaces, scripts) = trackers(of: instance)
        entries("Virtual Routes :", instance.virtualRoutes.map(\.wording))
        entries("Virtual Rules :", instance.virtualRules.map(\.wording))
        entries("Tracked interfaces :", interfaces)
        entries("Tracked scripts :", scripts)
        add(instance.tracked, processes: "Tracked processes :")
        line(1, "Using smtp notification = \(yes(instance.smtpAlert))")
        line(1, "Notify deleted = \(instance.notify.reportsDeleted ? "Deleted" : "Fault")")
        addScripts(instance.notify)
        line(1, "Notify priority changes = \(instance.notifyPriorityChanges)")
    }

    /// What the members of a group want is the group's affair.
    private func wantsMaster(_ instance: InstanceDefinition) -> Bool {
        instance.initialState == .master || instance.initialState == nil && instance.isOwner
    }

    /// With a virtual one in front of it, where there is one.
    private mutating func addInterface(of instance: InstanceDefinition) {
        guard let virtual = instance.virtualInterface else {
            if let interface = instance.interface { line(1, "Interface = \(interface)") }
            return
        }
        let name = name(of: virtual, instance)
        let kind = virtual.wordings.keyword == "use_vmac" ? "VMAC" : "IPVLAN"
        line(1, "Use \(kind), i/f name \(name), xmit_base = \(instance.sendsThroughBase)")
        let base = instance.interface ?? model.global.defaultInterface
        line(
            1,
            "Interface = \(name), \(kind.lowercased()) on \(base)\(instance.sendsThroughBase ? ", xmit base i/f" : "")")
    }

    private func name(of virtual: VirtualInterface, _ instance: InstanceDefinition) -> String {
        virtual.name ?? "\(model.global.virtualMACPrefix).\(instance.virtualRouterID)"
    }

    private mutating func addSource(of instance: InstanceDefinition) {
        let source = instance.isUnicast ? instance.unicastSource : instance.multicastSource
        line(1, "Using src_ip = \(source.map { "\($0) (from configuration)" } ?? "(the interface's)")")
        if !instance.isUnicast { line(1, "Multicast address \(instance.multicastGroup)") }
    }

    private mutating func addSchedule(of instance: InstanceDefinition) {
        let settings = instance.announcements
        line(1, "Gratuitous ARP delay = \(seconds(settings.masterDelay))")
        line(1, "Gratuitous ARP repeat = \(settings.masterRepeat)")
        line(1, "Gratuitous ARP refresh = \(seconds(settings.masterRefresh))")
        line(1, "Gratuitous ARP refresh repeat = \(settings.refreshRepeat)")
        line(1, "Gratuitous ARP lower priority delay = \(seconds(settings.lowerPriorityDelay))")
        line(1, "Gratuitous ARP lower priority repeat = \(settings.lowerPriorityRepeat)")
        line(1, "Down timer adverts = \(instance.downTimerAdverts)")
        let isElsewhere = (instance.virtualAddresses + instance.excludedAddresses).contains {
            $0.device != nil && $0.device != instance.interface
        }
        if isElsewhere, settings.elsewhere > .zero {
            line(1, "Gratuitous ARP for each secondary i/f = \(seconds(settings.elsewhere))")
        }
        line(1, "Send advert after receive lower priority advert = \(!instance.lowerPriorityNoAdvert)")
        line(1, "Send advert after receive higher priority advert = \(instance.higherPrioritySendAdvert)")
        line(1, "Virtual Router ID = \(instance.virtualRouterID)")
        line(1, "Priority = \(instance.basePriority)")
        let interval = instance.advertInterval
        line(
            1,
            "Advert interval = "
                + (instance.version == .v2
                    ? "\(seconds(interval)) sec" : "\(interval.nanoseconds / 1_000_000) milli-sec"))
        line(1, "Accept = \(enabled(instance.acceptPackets))")
        line(1, "Preempt = \(enabled(instance.preempt))")
        if instance.preemptDelay > .zero { line(1, "Preempt delay = \(seconds(instance.preemptDelay)) secs") }
        line(1, "Promote_secondaries = \(enabled(instance.promoteSecondaries))")
    }

    private mutating func addAuthentication(of instance: InstanceDefinition) {
        guard instance.version == .v2 else { return }
        switch instance.authentication {
        case .none: line(1, "Authentication type = none")
        case .pass(let password):
            line(1, "Authentication type = SIMPLE_PASSWORD")
            line(1, "Password = \(password)")
        }
    }

    private mutating func addAddresses(of instance: InstanceDefinition) {
        var device = instance.interface ?? model.global.defaultInterface
        if let virtual = instance.virtualInterface { device = "\(name(of: virtual, instance))@\(device)" }
        if !instance.virtualAddresses.isEmpty {
            entries(
                "Virtual IP (\(instance.virtualAddresses.count)):",
                instance.virtualAddresses.map { $0.listing(on: device) })
        }
        entries("Virtual IP Excluded :", instance.excludedAddresses.map { $0.listing(on: device) })
    }

    private mutating func addPeers(of instance: InstanceDefinition) {
        line(1, "Unicast TTL = \(instance.unicastTTL ?? 255)")
        line(1, "Check unicast src : \(yes(instance.checkUnicastSource))")
        entries(
            "Unicast Peer :",
            instance.unicastPeers.map { "\($0.address) min_ttl \($0.minTTL ?? 0) max_ttl \($0.maxTTL ?? 255)" })
        line(1, "Unicast checksum compatibility = \(instance.oldUnicastChecksum == .never ? "never" : "no")")
    }

    /// Those that count: with a weight only outside of a group, or in one that lets them.
    private func trackers(of instance: InstanceDefinition) -> (interfaces: [String], scripts: [String]) {
        let counts = groups[instance.name]?.trackingWeight ?? true
        let interfaces = instance.trackInterfaces.filter { counts || $0.weight == 0 }
        let scripts = weighedScripts(instance.trackScripts).filter { counts || $0.weight == 0 }
        return (
            interfaces.map { "\($0.name) \(weight($0.weight, reverse: $0.reverse))" },
            scripts.map { "\($0.name) \(weight($0.weight, reverse: $0.reverse))" }
        )
    }

    /// With the script's own weight where the entry has none.
    func weighedScripts(_ tracked: [TrackedScript]) -> [(name: String, weight: Int, reverse: Bool)] {
        tracked.compactMap { entry in
            scripts[entry.name].map { (entry.name, entry.weight ?? $0.weight, entry.reverse ?? $0.reverse) }
        }
    }

    mutating func addScripts(_ notify: NotifyScripts) {
        let kinds: [(String, HookCommand?)] = [
            ("Backup", notify.backup), ("Master", notify.master), ("Fault", notify.fault), ("Stop", notify.stop),
            ("Deleted", notify.deleted), ("Generic", notify.any),
            ("Master rx lower pri", notify.masterReceivedLowerPriority),
        ]
        for (kind, hook) in kinds {
            if let hook { line(1, "\(kind) state transition script = \(command(hook))") }
        }
    }
}

extension VirtualAddress {
    /// An address as `ip` would list it.
    func listing(on standard: String) -> String {
        let isHost = prefix == IPPrefix(host: prefix.address)
        var text = isHost ? prefix.address.description : prefix.description
        if let broadcast = broadcastAddress { text += " brd \(broadcast)" }
        text += " dev \(device ?? standard) scope \(scopeName)"
        if let label { text += " label \(label)" }
        if let peer { text += " peer \(peer)" }
        if home { text += " home" }
        if duplicateDetection { text += " -nodad" }
        if manageTemporary { text += " mngtmpaddr" }
        if noPrefixRoute { text += " noprefixroute" }
        if autojoin { text += " autojoin" }
        if noTrack { text += " no_track" }
        guard prefix.address.family == .ipv6 else { return text }
        switch preferredLifetime {
        case .forever: return text + " preferred_lft forever"
        case .seconds(0): return text + " deprecated"
        case .seconds(let seconds): return text + " preferred_lft \(seconds)"
        }
    }

    private var scopeName: String {
        switch scope {
        case 0: "global"
        case 200: "site"
        case 253: "link"
        case 254: "host"
        case 255: "nowhere"
        default: String(scope)
        }
    }

    private var broadcastAddress: IPAddress? {
        guard case .v4(let address) = prefix.address else { return nil }
        let host =
            prefix.length == 0 ? UInt32.max : UInt32.max >> UInt32(prefix.length) & (prefix.length >= 32 ? 0 : .max)
        switch broadcast {
        case .none: return nil
        case .automatic: return .v4(IPv4Address(bits: address.bits | host))
        case .cleared: return .v4(IPv4Address(bits: address.bits & ~host))
        case .address(let given): return .v4(given)
        }
    }
}
