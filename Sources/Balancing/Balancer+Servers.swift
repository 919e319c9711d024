import Configuration
import Health
import Primitives

/// Servers: coming, going, draining, and coming back slowly.
extension Balancer {
    /// A server of the configuration. Where a predecessor's table is adopted, one that is not in it had failed.
    mutating func add(
        _ settings: RealServer, to service: Int, adopting kernel: ForwardingTable?, at now: Instant
    ) {
        var server = ServerState(
            settings: settings, since: now, weight: settings.weight,
            name: "[\(settings.address)]:\((services[service].settings.transport ?? .udp).name):\(settings.port)")
        let index = services[service].servers.count
        let wasOut = kernel.map { isOut(server, of: services[service], in: $0) } ?? false
        for check in settings.checks {
            // Of one that had failed it is not known which check it was: each has to pass.
            var passing = !check.alpha && !(wasOut && check.isTimed)
            if case .file(let name, let weight, _) = check.probe {
                passing = verdict(ofFile: name, weight: weight) == .success
            }
            server.checks.append(addCheck(check, passing: passing, service: service, server: index))
        }
        server.isUp = server.checks.allSatisfy { checks[$0]?.schedule.isPassing ?? true }
        services[service].servers.append(server)
        services[service].servers[index].weight = weight(of: server)
    }

    /// Whether a predecessor had taken the server out; not where its service has no server at all in the table. Where the sorry
    /// server serves alone all are out: which of them for want of a quorum only, their checks say soon (``startCheck(_:at:)``).
    private func isOut(_ server: ServerState, of service: ServiceState, in table: ForwardingTable) -> Bool {
        for key in service.keys {
            guard let stands = table[key], !stands.destinations.isEmpty else { continue }
            guard let destination = stands[server.key] else { return true }
            return destination.weight == 0 && server.settings.weight > 0
        }
        return false
    }

    // MARK: - Draining

    func matches(_ selector: ServerSelector, _ server: ServerState, of service: ServiceState) -> Bool {
        server.settings.address == selector.address && (selector.port ?? server.settings.port) == server.settings.port
            && (selector.service ?? service.name) == service.name
    }

    /// At the start, and for servers that a reload brought: as an operator had left them.
    mutating func markDrained(_ order: DrainOrder, at now: Instant) {
        for service in services.indices {
            for server in services[service].servers.indices
            where matches(order.servers, services[service].servers[server], of: services[service]) {
                beginDrain(service, server, timeout: order.timeout, at: now)
            }
        }
    }

    private mutating func beginDrain(_ service: Int, _ server: Int, timeout: Duration?, at now: Instant) {
        guard services[service].servers[server].drain == nil else { return }
        let limit = timeout ?? services[service].servers[server].settings.drainTimeout
        services[service].servers[server].drain = ServerState.Drain(since: now, deadline: limit.map { now + $0 })
        services[service].servers[server].risingSince = nil
        scheduleService(service, at: now)
    }

    mutating func drain(_ order: DrainOrder, at now: Instant, into effects: inout [BalancerEffect]) {
        drainOrders.removeAll { $0.servers == order.servers }
        drainOrders.append(order)
        for service in services.indices {
            for server in services[service].servers.indices {
                let state = services[service].servers[server]
                guard matches(order.servers, state, of: services[service]) else { continue }
                if state.drain?.isDone == false, !state.isLeaving {
                    // Told again, perhaps with another limit.
                    let limit = order.timeout ?? state.settings.drainTimeout
                    services[service].servers[server].drain?.deadline = limit.map { now + $0 }
                    scheduleService(service, at: now)
                }
                guard state.drain == nil else { continue }
                beginDrain(service, server, timeout: order.timeout, at: now)
                transition(
                    service, server, from: state.stateName, rule: .drainBegun, "drained by an operator", into: &effects)
            }
            updateTable(of: service, at: now, into: &effects)
            updateQuorum(of: service, at: now, into: &effects)
        }
        scheduleCount(at: now)
    }

    mutating func undrain(_ selector: ServerSelector, at now: Instant, into effects: inout [BalancerEffect]) {
        drainOrders.removeAll { order in
            order.servers.address == selector.address
                && (selector.port == nil || selector.port == order.servers.port)
                && (selector.service == nil || selector.service == order.servers.service)
        }
        for service in services.indices {
            for server in services[service].servers.indices {
                let state = services[service].servers[server]
                guard matches(selector, state, of: services[service]), state.drain != nil, !state.isLeaving else {
                    continue
                }
                services[service].servers[server].drain = nil
                let rises = state.isUp && state.settings.slowStart != nil && state.drain?.isDone == true
                services[service].servers[server].risingSince = rises ? now : nil
                transition(
                    service, server, from: state.stateName, rule: .drainEnded, "taken back by an operator",
                    into: &effects)
            }
            scheduleService(service, at: now)
            updateTable(of: service, at: now, into: &effects)
            updateQuorum(of: service, at: now, into: &effects)
        }
        scheduleCount(at: now)
    }

    private mutating func transition(
        _ service: Int, _ server: Int, from: String, rule: RuleID, _ reason: String,
        into effects: inout [BalancerEffect]
    ) {
        let state = services[service].servers[server]
        let name = "\(state.name) of \(services[service].name)"
        effects.append(
            .transition(BalancerTransition(name: name, from: from, to: state.stateName, rule: rule, reason: reason)))
        report(.notice, rule, "\(name): \(reason)", into: &effects)
    }

    // MARK: - Counting connections

    mutating func scheduleCount(at now: Instant) {
        let isDraining = services.contains { service in
            service.servers.contains { $0.drain.map { !$0.isDone } ?? false }
        }
        guard isDraining else {
            nextCount = nil
            deadlines.set(.count, nil)
            return
        }
        guard nextCount == nil else { return }
        // The first count waits for what is on its way.
        nextCount = now + Self.countInterval
        deadlines.set(.count, nextCount)
    }

    /// The services with servers whose connections are to be counted.
    public var drainingServices: Set<ServiceKey> {
        Set(
            services.lazy.filter { service in service.servers.contains { $0.drain.map { !$0.isDone } ?? false } }
                .flatMap(\.keys))
    }

    mutating func noteConnections(
        _ counts: [ServiceKey: [DestinationKey: UInt64]], at now: Instant, into effects: inout [BalancerEffect]
    ) {
        for service in services.indices {
            for server in services[service].servers.indices {
                let state = services[service].servers[server]
                guard let drain = state.drain, !drain.isDone, now - drain.since >= Self.countInterval else { continue }
                let open = services[service].keys.reduce(UInt64(0)) { $0 &+ (counts[$1]?[state.key] ?? 0) }
                guard open == 0 || bug.isPlanted(.drainCutsConnections) else { continue }
                finishDrain(service, server, "its last connection has ended", at: now, into: &effects)
            }
            removeGone(service, at: now, into: &effects)
        }
        scheduleCount(at: now)
    }

    private mutating func finishDrain(
        _ service: Int, _ server: Int, _ reason: String, at now: Instant, into effects: inout [BalancerEffect]
    ) {
        services[service].servers[server].drain?.isDone = true
        transition(service, server, from: "DRAINING", rule: .drainDone, "out: \(reason)", into: &effects)
        updateTable(of: service, at: now, into: &effects)
    }

    /// Servers that left the configuration and have nothing to do any more.
    mutating func removeGone(_ service: Int, at now: Instant, into effects: inout [BalancerEffect]) {
        let isGone: (ServerState) -> Bool = { $0.isLeaving && ($0.drain?.isDone ?? true) }
        guard services[service].servers.contains(where: isGone), !bug.isPlanted(.leavingStays) else { return }
        services[service].servers.removeAll(where: isGone)
        for (server, state) in services[service].servers.enumerated() {
            for slot in state.checks { checks[slot]?.server = server }
        }
    }

    // MARK: - Time

    /// The next thing that is due for any server of a service.
    mutating func scheduleService(_ service: Int, at now: Instant) {
        var next: Deadline?
        for server in services[service].servers {
            if let drain = server.drain, !drain.isDone, let deadline = drain.deadline {
                next = min(next ?? .distantFuture, deadline)
            }
            if server.risingSince != nil, let whole = server.settings.slowStart {
                let step = max(Duration.nanoseconds(whole.nanoseconds / Self.slowStartSteps), .milliseconds(100))
                next = min(next ?? .distantFuture, now + step)
            }
        }
        deadlines.set(.service(service), next)
    }

    mutating func advance(service: Int, to now: Instant, into effects: inout [BalancerEffect]) {
        guard services.indices.contains(service) else { return }
        for server in services[service].servers.indices {
            let state = services[service].servers[server]
            if let drain = state.drain, !drain.isDone, let deadline = drain.deadline, now >= deadline {
                finishDrain(service, server, "its time is over; what was open is cut", at: now, into: &effects)
            }
            if let since = state.risingSince, let whole = state.settings.slowStart, now - since >= whole {
                services[service].servers[server].risingSince = nil
                report(
                    .info, .slowStartDone, "\(state.name) of \(services[service].name) has its whole weight again",
                    into: &effects)
            }
        }
        removeGone(service, at: now, into: &effects)
        updateTable(of: service, at: now, into: &effects)
        scheduleService(service, at: now)
        scheduleCount(at: now)
    }

    // MARK: - Telling others

    func notify(
        _ server: ServerState, of service: ServiceState, isUp: Bool, into effects: inout [BalancerEffect]
    ) {
        let key = "RS \(server.name) \(service.name)"
        let state = isUp ? "UP" : "DOWN"
        if let hook = isUp ? server.settings.notifyUp : server.settings.notifyDown {
            effects.append(.hook(key: key, state: state, hook))
        }
        if hasOwnFIFO || hasSharedFIFO {
            effects.append(.fifo("\(key) \(state)\n"))
        }
    }

    /// A mail about a server for another reason than what a checker found.
    func alert(
        _ server: ServerState, of service: ServiceState, isUp: Bool, _ reason: String,
        into effects: inout [BalancerEffect]
    ) {
        guard server.settings.smtpAlert else { return }
        let event = BalancerAlert.Event.server(server.name, isUp: isUp, reason: reason)
        effects.append(.alert(BalancerAlert(service: service.name, event: event)))
    }
}
