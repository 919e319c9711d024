import Configuration
import Health
import Primitives

/// Services: quorum, suspension, and the table that comes of them.
extension Balancer {
    // MARK: - Quorum

    mutating func updateQuorum(of service: Int, at now: Instant, into effects: inout [BalancerEffect]) {
        let state = services[service]
        let stands = state.quorumStands(was: state.hasQuorum)
        guard stands != state.hasQuorum else { return }
        services[service].hasQuorum = stands
        services[service].since = now
        updateTable(of: service, at: now, into: &effects)
        let rule: RuleID = stands ? .quorumGained : .quorumLost
        let weight = state.livingWeight
        var reason = "living servers weigh \(weight), the quorum is \(state.quorum)"
        if state.settings.hysteresis > 0 { reason += " with a hysteresis of \(state.settings.hysteresis)" }
        effects.append(
            .transition(
                BalancerTransition(
                    name: state.name, from: stands ? "DOWN" : "UP", to: stands ? "UP" : "DOWN", rule: rule,
                    reason: reason)))
        var text = "\(state.name) \(stands ? "has its quorum" : "lost its quorum"): \(reason)"
        if let sorry = state.settings.sorryServer {
            text += "; the sorry server [\(sorry.address)]:\(sorry.port) \(stands ? "goes" : "serves")"
        }
        report(stands ? .notice : .warning, rule, text, into: &effects)
        notifyQuorum(of: services[service], isUp: stands, into: &effects)
        alertQuorum(of: services[service], isUp: stands, isStart: false, into: &effects)
    }

    func alertQuorum(
        of service: ServiceState, isUp: Bool, isStart: Bool, into effects: inout [BalancerEffect]
    ) {
        guard service.settings.smtpAlert else { return }
        let event = BalancerAlert.Event.quorum(
            isUp: isUp, isStart: isStart, weight: service.livingWeight, quorum: service.settings.quorum,
            hysteresis: service.settings.hysteresis)
        effects.append(.alert(BalancerAlert(service: service.name, event: event)))
    }

    func notifyQuorum(of service: ServiceState, isUp: Bool, into effects: inout [BalancerEffect]) {
        let state = isUp ? "UP" : "DOWN"
        if let hook = isUp ? service.settings.quorumUp : service.settings.quorumDown {
            effects.append(.hook(key: "VS \(service.name)", state: state, hook))
        }
        if hasOwnFIFO || hasSharedFIFO {
            effects.append(.fifo("VS \(service.name) \(state)\n"))
        }
    }

    // MARK: - `ha_suspend`

    func wantsSuspension(_ service: ServiceState) -> Bool {
        guard service.settings.suspendsChecks, let localAddresses else { return false }
        let addresses = service.keys.compactMap { key -> IPAddress? in
            if case .address(let address, _, _) = key { address } else { nil }
        }
        // Of firewall marks alone nobody knows where they are.
        return !addresses.isEmpty && !addresses.contains { localAddresses.contains($0) }
    }

    mutating func updateSuspension(of service: Int, at now: Instant, into effects: inout [BalancerEffect]) {
        let wanted = wantsSuspension(services[service])
        guard wanted != services[service].isSuspended else { return }
        services[service].isSuspended = wanted
        let name = services[service].name
        if wanted {
            suspendChecks(of: service, into: &effects)
            report(.info, .serviceSuspended, "\(name) is not on this node: its servers are not checked", into: &effects)
        } else {
            startChecks(of: service, at: now, into: &effects)
            // What was last known may be old: ask soon, one after the other.
            for (order, slot) in services[service].servers.flatMap(\.checks).enumerated() {
                checks[slot]?.schedule.hurry(at: now + .milliseconds(Int64(order) * 2))
                deadlines.set(.check(slot), checks[slot]?.schedule.nextDeadline)
            }
            report(.info, .serviceResumed, "\(name) is on this node: its servers are checked", into: &effects)
        }
    }

    // MARK: - The table

    /// What the kernel should forward for a service.
    func destinations(of service: ServiceState, at now: Instant) -> [Destination] {
        let usesSorry = !service.hasQuorum && service.settings.sorryServer != nil
        let scale = service.servers.contains { $0.risingSince != nil } ? Self.slowStartSteps : 1
        var destinations: [Destination] = []
        for server in service.servers {
            guard let weight = weight(of: server, usesSorry: usesSorry, scale: scale, at: now) else { continue }
            destinations.append(
                Destination(
                    server.settings.address, port: server.settings.port, weight: UInt32(clamping: weight),
                    forwarding: server.settings.forwarding, upperThreshold: server.settings.upperThreshold,
                    lowerThreshold: server.settings.lowerThreshold))
        }
        if let sorry = service.settings.sorryServer, usesSorry || sorry.inhibit || bug.isPlanted(.sorryStays) {
            destinations.append(
                Destination(
                    sorry.address, port: sorry.port, weight: usesSorry || bug.isPlanted(.sorryStays) ? 1 : 0,
                    forwarding: sorry.forwarding))
        }
        return destinations
    }

    /// The weight of a server in the table; nil where it has no place in it.
    private func weight(of server: ServerState, usesSorry: Bool, scale: Int64, at now: Instant) -> Int64? {
        if let drain = server.drain {
            let stays = server.isLeaving && bug.isPlanted(.leavingStays)
            return drain.isDone && !stays ? nil : 0
        }
        guard server.isUp, !usesSorry else { return server.settings.inhibitOnFailure ? 0 : nil }
        let whole = Int64(server.weight) * scale
        guard let since = server.risingSince, let time = server.settings.slowStart, time > .zero, whole > 0 else {
            return whole
        }
        let steps = max((now - since).nanoseconds, 0) / max(time.nanoseconds / Self.slowStartSteps, 1)
        return max(whole * min(steps + 1, Self.slowStartSteps) / Self.slowStartSteps, 1)
    }

    func forwardingServices(of service: ServiceState, at now: Instant) -> [ForwardingService] {
        let destinations = destinations(of: service, at: now)
        return service.keys.map { key in
            var forwarding = ForwardingService(key, destinations)
            forwarding.scheduler = service.settings.scheduler
            forwarding.schedulerFlags = service.settings.schedulerFlags
            forwarding.onePacket = service.settings.onePacket
            forwarding.persistence = service.settings.persistence
            forwarding.persistenceEngine = service.settings.persistenceEngine
            return forwarding
        }
    }

    /// The table, where a service of it may have changed.
    mutating func updateTable(of service: Int, at now: Instant, into effects: inout [BalancerEffect]) {
        var changes: [TableChange] = []
        for forwarding in forwardingServices(of: services[service], at: now) {
            let old = desired[forwarding.key]
            guard old != forwarding else { continue }
            if let old {
                old.appendChanges(to: forwarding, into: &changes)
            } else {
                changes.append(.addService(forwarding))
            }
            desired[forwarding.key] = forwarding
            refusals[forwarding.key] = nil
        }
        if !changes.isEmpty { effects.append(.change(changes)) }
        scheduleService(service, at: now)
    }

    /// The whole table, from what stands in the kernel.
    mutating func rebuildTable(
        from kernel: ForwardingTable, at now: Instant, into effects: inout [BalancerEffect]
    ) {
        desired = kernel
        change(to: ForwardingTable(services.flatMap { forwardingServices(of: $0, at: now) }), into: &effects)
    }

    mutating func change(to table: ForwardingTable, into effects: inout [BalancerEffect]) {
        let changes = desired.changes(to: table)
        desired = table
        for change in changes { refusals[change.service] = nil }
        if !changes.isEmpty { effects.append(.change(changes)) }
    }

    // MARK: - What the kernel says

    /// Someone else may have been at the table: what is ours is put right, what is not is left alone.
    mutating func repair(_ kernel: ForwardingTable, into effects: inout [BalancerEffect]) {
        let changes = kernel.keeping { desired[$0] != nil }.changes(to: desired).filter { refusals[$0.service] == nil }
        guard !changes.isEmpty, !bug.isPlanted(.tableNotRepaired) else { return }
        repairs &+= 1
        let services = Set(changes.map(\.service)).count
        report(
            .warning, .tableRepaired,
            "someone else changed the forwarding of \(services) services; it is put right (\(changes.count) steps)",
            into: &effects)
        effects.append(.change(changes))
    }

    mutating func noteRefusals(_ changes: [TableChange], _ reasons: [String], into effects: inout [BalancerEffect]) {
        for (change, reason) in zip(changes, reasons) {
            let isNew = refusals[change.service] != reason
            refusals[change.service] = reason
            guard isNew else { continue }
            report(
                .error, .tableRefused, "\(change.service) is not forwarded as it should be: \(reason)", into: &effects)
        }
    }
}

extension ForwardingTable {
    func keeping(_ isWanted: (ServiceKey) -> Bool) -> ForwardingTable {
        ForwardingTable(services.filter { isWanted($0.key) })
    }
    func keeping(_ keys: Set<ServiceKey>) -> ForwardingTable { keeping { keys.contains($0) } }
}

extension ServiceKey: CustomStringConvertible {
    /// `10.0.0.1:80/tcp`, `mark 5`.
    public var description: String {
        switch self {
        case .address(.v4(let address), let port, let transport):
            "\(IPAddress.v4(address)):\(port)/\(transport.name)"
        case .address(.v6(let address), let port, let transport):
            "[\(IPAddress.v6(address))]:\(port)/\(transport.name)"
        case .mark(let mark, let family): family == .ipv4 ? "mark \(mark)" : "mark \(mark) (IPv6)"
        }
    }
}

extension DestinationKey: CustomStringConvertible {
    /// `10.0.0.1:80`, `[fd00::1]:80`.
    public var description: String {
        switch address {
        case .v4: "\(address):\(port)"
        case .v6: "[\(address)]:\(port)"
        }
    }
}
