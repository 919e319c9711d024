import ConfigLanguage
import Primitives

extension Resolver {
    /// nil when it is dropped.
    mutating func resolve(_ draft: VirtualServerDraft) -> VirtualServer? {
        var group: ServerScope.Group?
        if case .group(let name) = draft.service {
            group = serverGroup(name, draft.lastRange)
            guard group != nil else { return nil }
        }
        var server = VirtualServer(draft.service, transport: nil)
        server.forwarding = draft.forwarding?.value ?? .nat
        server.family = family(of: draft, group)
        resolveService(draft, group, &server)
        resolvePersistence(draft, group, &server)
        server.smtpAlert = draft.smtpAlert?.value ?? servers.alertsOfVirtualServers
        server.virtualHost = draft.virtualHost?.value
        server.snmpName = draft.snmpName?.value
        server.omega = draft.omega?.value ?? false
        server.inhibitOnFailure = draft.inhibitOnFailure?.value ?? false
        server.drainTimeout = draft.drainTimeout?.value.unlessZero
        server.slowStart = draft.slowStart?.value.unlessZero
        server.quorumUp = resolve(draft.quorumUp)
        server.quorumDown = resolve(draft.quorumDown)
        server.timing = timing(draft.timing, over: CheckTiming())
        checkPatience(draft.timing, server.timing, isTimeoutWritten: draft.timing.connectTimeout != nil)
        if let sorry = draft.sorryServer {
            server.sorryServer = resolve(sorry, draft, group, server)
        }
        let dropped = resolveRealServers(draft, group, &server)
        guard !server.realServers.isEmpty else {
            if !dropped && !draft.failed.contains("real_server") || leniency == .keepalived {
                report(
                    .noRealServers, at: draft.range, "this virtual server has no real servers",
                    reason: "keepalived drops it: nobody would answer", fix: "add `real_server ADDRESS PORT { … }`")
            }
            return nil
        }
        if !dropped || leniency == .keepalived { resolveQuorum(draft, &server) }
        checkExpectations(draft, server)
        checkSpreading(draft, server)
        checkPlane(draft, server)
        return server
    }

    /// The family of the service. What is written may not contradict its addresses.
    private mutating func family(of draft: VirtualServerDraft, _ group: ServerScope.Group?) -> AddressFamily {
        let known: AddressFamily
        if case .address(let address, _) = draft.service {
            known = address.family
        } else if let families = group?.families, let first = families.min() {
            known = first
            if families.count > 1 || group?.markFamilies.isSubset(of: families) == false {
                checkGroupFamilies(draft, group)
            }
        } else {
            if let family = draft.family?.value { return family }
            switch draft.granularity?.value {
            case .mask: return .ipv4
            case .prefixLength: return .ipv6
            case nil: break
            }
            if let marks = group?.markFamilies, let first = marks.min() {
                if marks.count > 1 { checkGroupFamilies(draft, group) }
                return first
            }
            return familyOfServers(draft)
        }
        if let written = draft.family, written.value != known {
            report(
                .serverFamily, at: written.range, "the addresses are IPv\(known.rawValue)",
                reason: "`ip_family` is for firewall marks, whose family cannot be seen", fix: "remove it")
        }
        return known
    }

    /// A firewall mark has the family of the servers that packets are not tunnelled to; else the one of all, or IPv4.
    private func familyOfServers(_ draft: VirtualServerDraft) -> AddressFamily {
        let standard = draft.forwarding?.value ?? .nat
        var families: Set<AddressFamily> = []
        for server in draft.realServers {
            let family = server.value.destination.address.family
            if !(server.value.forwarding?.value ?? standard).mixesFamilies { return family }
            families.insert(family)
        }
        return families == [.ipv6] ? .ipv6 : .ipv4
    }

    private mutating func checkGroupFamilies(_ draft: VirtualServerDraft, _ group: ServerScope.Group?) {
        let standard = draft.forwarding?.value ?? .nat
        let isTunnelled = draft.realServers.allSatisfy { ($0.value.forwarding?.value ?? standard).mixesFamilies }
        guard !isTunnelled, let group else { return }
        report(
            .groupFamilies, at: draft.range, "the group `\(group.name.value)` has IPv4 and IPv6",
            reason: "a real server is of one family, and only a tunnel leads from one to the other",
            fix: "write a group for each family, or `lvs_method TUN`",
            related: [Diagnostic.Related(group.name.range, "the group")])
    }

    // MARK: The service

    /// Protocol and scheduler.
    private mutating func resolveService(
        _ draft: VirtualServerDraft, _ group: ServerScope.Group?, _ server: inout VirtualServer
    ) {
        var isMark = false
        if case .firewallMark = draft.service { isMark = true }
        if let group, !group.hasAddresses { isMark = true }
        server.scheduler = draft.scheduler?.value ?? .weightedLeastConnections
        server.schedulerFlags = draft.schedulerFlags
        server.onePacket = draft.onePacket?.value ?? false
        server.suspendsChecks = draft.suspendsChecks?.value ?? false
        if isMark {
            if let transport = draft.transport {
                report(
                    .markProtocol, at: transport.range, "a firewall mark has no protocol",
                    reason: "every packet with the mark is served, whatever it speaks", fix: "remove the line")
            }
            if let suspend = draft.suspendsChecks {
                report(
                    .markSuspend, at: suspend.range, "`ha_suspend` cannot go with a firewall mark",
                    reason: "there is no address to wait for", fix: "remove it")
                server.suspendsChecks = false
            }
            return
        }
        server.transport = draft.transport?.value ?? .udp
        if draft.transport == nil, !draft.failed.contains("protocol") {
            report(
                .noProtocol, at: draft.range, "this virtual server has no `protocol`",
                reason: "keepalived takes UDP, which is seldom meant", fix: "add `protocol TCP`, or `protocol UDP`")
        }
        if let onePacket = draft.onePacket, server.transport != .udp {
            report(
                .onePacket, at: onePacket.range, "`ops` is for UDP only",
                reason: "a connection cannot be spread over several real servers", fix: "remove it")
            server.onePacket = false
        }
    }

    private mutating func resolvePersistence(
        _ draft: VirtualServerDraft, _ group: ServerScope.Group?, _ server: inout VirtualServer
    ) {
        server.persistenceEngine = draft.persistenceEngine?.value
        let exact: VirtualServer.Granularity =
            server.family == .ipv4 ? .mask(IPv4Address(bits: .max)) : .prefixLength(128)
        if draft.persistenceTimeout != nil || draft.granularity != nil {
            var persistence = VirtualServer.Persistence(granularity: exact)
            if let timeout = draft.persistenceTimeout { persistence.timeout = timeout.value }
            if let granularity = draft.granularity {
                persistence.granularity = checked(granularity, server.family) ?? exact
            }
            server.persistence = persistence
            if server.onePacket, let place = draft.persistenceTimeout?.range ?? draft.granularity?.range {
                report(
                    .onePacketPersistence, at: place, "persistence undoes `ops`",
                    reason: "each packet is scheduled on its own, and then goes where the client's first went",
                    fix: "remove one of them")
            }
            return
        }
        var hasPortZero = group?.hasPortZero ?? false
        if case .address(_, port: 0) = draft.service { hasPortZero = true }
        guard hasPortZero, !draft.failed.contains("persistence_timeout"),
            !draft.failed.contains("persistence_granularity")
        else { return }
        report(
            .portZero, at: draft.range,
            group == nil ? "this virtual server has no port" : "an entry of the group has no port",
            reason: "only a persistent service can have every port; keepalived makes it so for 360 s",
            fix: "write the port, or `persistence_timeout 360`")
        server.persistence = VirtualServer.Persistence(granularity: exact)
    }

    private mutating func checked(
        _ written: Written<VirtualServer.Granularity>, _ family: AddressFamily
    ) -> VirtualServer.Granularity? {
        switch (written.value, family) {
        case (.mask, .ipv4), (.prefixLength, .ipv6): return written.value
        case (.prefixLength(let length), .ipv4):
            let mask = IPv4Address(bits: length >= 32 ? .max : ~(UInt32.max >> UInt32(length)))
            report(
                .granularity, at: written.range, "the granularity of IPv4 is a mask, and not a length",
                reason: "keepalived takes \(length) for the mask 0.0.0.\(length)",
                fix: "write `persistence_granularity \(mask)`")
            return .mask(IPv4Address(bits: UInt32(length)))
        case (.mask, .ipv6):
            report(
                .granularity, at: written.range, "the granularity of IPv6 is a length, and not a mask",
                reason: "it is dropped", fix: "write a number of bits, such as 64")
            return nil
        }
    }

    // MARK: The quorum

    private mutating func resolveQuorum(_ draft: VirtualServerDraft, _ server: inout VirtualServer) {
        let sum = server.realServers.reduce(0) { $0 + $1.weight }
        var quorum = draft.quorum?.value ?? 1
        if let written = draft.quorum, written.value > sum {
            report(
                .quorum, at: written.range, "a quorum of \(written.value) cannot be reached",
                reason: "the weights of all real servers are \(sum) together; keepalived takes that",
                fix: sum > 0 ? "write at most \(sum)" : "give the real servers a weight")
            if leniency == .keepalived { quorum = max(1, sum) }
        }
        server.quorum = UInt32(clamping: quorum)
        let hysteresis = draft.hysteresis?.value ?? 0
        server.hysteresis = UInt32(clamping: min(hysteresis, quorum - 1))
        if let written = draft.hysteresis, written.value >= quorum, written.value > 0 {
            report(
                .hysteresis, at: written.range,
                "a hysteresis of \(written.value) is not below the quorum of \(quorum)",
                reason: "the quorum would never be lost; keepalived takes \(quorum - 1)",
                fix: quorum > 1 ? "write at most \(quorum - 1)" : "remove it, or write a greater `quorum`")
        }
    }
}
