import Primitives

/// `virtual_server` blocks, their groups and real servers.
extension ConfigurationDump {
    mutating func addServers() {
        guard !model.virtualServers.isEmpty || !model.virtualServerGroups.isEmpty else { return }
        addTLS()
        heading("LVS Topology")
        for group in model.virtualServerGroups { add(group) }
        for server in model.virtualServers { add(server) }
        addCheckers()
    }

    private mutating func addTLS() {
        let asksTLS = model.virtualServers.contains { server in
            server.realServers.contains { real in
                real.checks.contains { if case .https = $0.probe { true } else { false } }
            }
        }
        guard let tls = model.tls else {
            if asksTLS {
                heading("SSL definitions")
                line(0, "Using autogen SSL context")
            }
            return
        }
        heading("SSL definitions")
        if let password = tls.password { line(0, "Password : \(password)") }
        if let file = tls.authority { line(0, "CA-file : \(file)") }
        if let file = tls.certificate { line(0, "Certificate file : \(file)") }
        if let file = tls.key { line(0, "Key file : \(file)") }
    }

    private mutating func add(_ group: VirtualServerGroup) {
        line(0, "------< Virtual server group >------")
        var families: [AddressFamily] = []
        for entry in group.entries {
            switch entry {
            case .addresses(let first, _, _): families.append(first.family)
            case .firewallMark(_, let family): if let family { families.append(family) }
            }
        }
        // Marks alone are of the family of their real servers.
        if families.isEmpty {
            families = model.virtualServers.filter { $0.service == .group(group.name) }.map(\.family)
        }
        line(
            0,
            "Virtual Server Group = \(group.name), IPv4 = \(yes(families.contains(.ipv4))), IPv6 = \(yes(families.contains(.ipv6)))"
        )
        for entry in group.entries {
            switch entry {
            case .addresses(let first, let last, let port):
                line(1, (first == last ? "VIP = \(first)" : "VIP Range = \(first)-\(last)") + ", VPORT = \(port)")
            case .firewallMark(let mark, let family):
                line(1, "FWMARK = \(mark)" + (family.map { " IPv\($0.rawValue)" } ?? ""))
            }
        }
    }

    private mutating func add(_ server: VirtualServer) {
        line(0, "------< Virtual server >------")
        switch server.service {
        case .address(let address, let port): line(0, "VS VIP = \(address), VPORT = \(port)")
        case .firewallMark(let mark): line(0, "VS FWMARK = \(mark)")
        case .group(let name): line(0, "VS GROUP = [\(name)]:0")
        }
        if let host = server.virtualHost { line(1, "VirtualHost = \(host)") }
        if let name = server.snmpName { line(1, "SNMP name = '\(name)'") }
        line(1, "Address family = \(server.family == .ipv4 ? "inet" : "inet6")")
        line(1, "connection timeout = \(sixDigits(server.timing.connectTimeout))")
        line(1, "delay_loop = \(sixDigits(server.timing.delayLoop))")
        addScheduling(of: server)
        line(1, "alpha is \(onOff(server.timing.alpha))")
        line(1, "omega is \(onOff(server.omega))")
        addRetries(server.timing)
        line(1, "Inhibit on failure is \(onOff(server.inhibitOnFailure))")
        line(1, "quorum = \(server.quorum), hysteresis = \(server.hysteresis)")
        if let hook = server.quorumUp { line(1, "Quorum up notify script = \(command(hook))") }
        if let hook = server.quorumDown { line(1, "Quorum down notify script = \(command(hook))") }
        if server.suspendsChecks { line(1, "Using HA suspend") }
        line(1, "Using smtp notification = \(yes(server.smtpAlert))")
        line(1, "default forwarding method = \(listing(server.forwarding))")
        if let sorry = server.sorryServer {
            line(1, "sorry server = \(endpoint(sorry.address, sorry.port, server))")
            line(2, "forwarding method = \(listing(sorry.forwarding))")
            line(2, "Inhibit on failure is \(onOff(sorry.inhibit))")
        }
        for real in server.realServers { add(real, of: server) }
    }

    private mutating func addScheduling(of server: VirtualServer) {
        line(1, "lvs_sched = \(server.scheduler.rawValue)")
        line(1, "Hashed = disabled")
        let flags = server.schedulerFlags
        switch server.scheduler {
        case .sourceHash, .maglevHash:
            let prefix = server.scheduler.rawValue
            line(1, "\(prefix)-port = \(enabled(flags.contains(.second)))")
            line(1, "\(prefix)-fallback = \(enabled(flags.contains(.first)))")
        default:
            for (number, flag) in [VirtualServer.SchedulerFlags.first, .second, .third].enumerated() {
                line(1, "flag-\(number + 1) = \(enabled(flags.contains(flag)))")
            }
        }
        line(1, "One packet scheduling = \(enabled(server.onePacket))")
        if let persistence = server.persistence {
            line(1, "persistence timeout = \(seconds(persistence.timeout))")
            switch persistence.granularity {
            case .mask(let mask) where mask.bits != .max: line(1, "persistence granularity = \(IPAddress.v4(mask))")
            case .prefixLength(let length) where length != 128: line(1, "persistence granularity = \(length)")
            default: break
            }
        }
        line(1, "protocol = \(name(server.transport, none: "none").uppercased(unless: "none"))")
    }

    private mutating func add(_ real: RealServer, of server: VirtualServer) {
        line(1, "------< Real server >------")
        line(1, "RIP = \(real.address), RPORT = \(real.port), WEIGHT = \(real.weight)")
        line(1, "forwarding method = \(listing(real.forwarding))")
        line(1, "Alpha is \(onOff(real.timing.alpha))")
        line(1, "connection timeout = \(sixDigits(real.timing.connectTimeout))")
        line(1, "connection limit range = \(real.lowerThreshold) -> \(real.upperThreshold)")
        line(1, "Delay loop = \(sixDigits(real.timing.delayLoop))")
        addRetries(real.timing)
        line(1, "Inhibit on failure is \(onOff(real.inhibitOnFailure))")
        if let hook = real.notifyUp { line(2, "RS up notify script = \(command(hook))") }
        if let hook = real.notifyDown { line(2, "RS down notify script = \(command(hook))") }
        // Between two depths, as keepalived has it; what it inherits is not its own.
        if let host = real.virtualHost, host != server.virtualHost { raw("    VirtualHost = '\(host)'") }
        if let name = real.snmpName { line(1, "SNMP name = \(name)") }
        line(1, "Using smtp notification = \(yes(real.smtpAlert))")
        line(1, "initial weight = \(real.weight)")
        addTracked(of: real)
    }

    private mutating func addTracked(of real: RealServer) {
        var files: [String] = []
        var sessions: [String] = []
        for check in real.checks {
            switch check.probe {
            case .file(let name, let own, let reverse):
                let file = model.trackFiles.first { $0.name == name }
                let isReverse = own == nil ? file?.reverse ?? false : reverse
                files.append("\(name), \(weight(own ?? file?.weight ?? 0, reverse: isReverse))")
            case .bfd(let name): sessions.append(name)
            default: break
            }
        }
        entries("Tracked Files", files)
        entries("Tracked BFDs", sessions)
    }

    private mutating func addRetries(_ timing: CheckTiming) {
        if let retry = timing.retry { line(1, "Retry count = \(retry)") }
        if let delay = timing.delayBeforeRetry { line(1, "Retry delay = \(sixDigits(delay))") }
        if let warmup = timing.warmup { line(1, "Warmup = \(sixDigits(warmup))") }
    }

    // MARK: Values

    func onOff(_ value: Bool) -> String { value ? "ON" : "OFF" }

    func name(_ transport: VirtualServer.TransportProtocol?, none: String) -> String {
        switch transport {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        case nil: none
        }
    }

    /// `[10.0.0.1]:tcp:80`.
    func endpoint(_ address: IPAddress, _ port: UInt16, _ server: VirtualServer) -> String {
        "[\(address)]:\(name(server.transport, none: "none")):\(port)"
    }

    private func listing(_ method: ForwardingMethod) -> String {
        switch method {
        case .nat: return "NAT"
        case .directRouting: return "DR"
        case .tunnel(let tunnel):
            let checksum: String
            switch tunnel.checksum {
            case .none: checksum = "no checksum"
            case .full: checksum = "checksum"
            case .remote: checksum = "remote checksum"
            }
            switch tunnel.encapsulation {
            case .ipip: return "TUN, type = IPIP"
            case .gue(let port): return "TUN, type = GUE, port = \(port), \(checksum)"
            case .gre: return "TUN, type = GRE, \(checksum)"
            }
        }
    }
}

extension String {
    fileprivate func uppercased(unless word: String) -> String { self == word ? self : uppercased() }
}
