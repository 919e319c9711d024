import Configuration
import Health
import Primitives

/// Another configuration: what did not change goes on, checks that run included.
extension Balancer {
    /// What makes two virtual servers the same one.
    private struct Identity: Hashable {
        var service: VirtualServer.Service
        var transport: VirtualServer.TransportProtocol?
        var family: AddressFamily

        init(_ settings: VirtualServer) {
            service = settings.service
            transport = settings.transport
            family = settings.family
        }
    }

    mutating func reload(_ new: Model, at now: Instant, into effects: inout [BalancerEffect]) {
        let old = services
        model = new
        // A slot that no server took over is given back at the end.
        var left = Set(checks.indices.filter { checks[$0] != nil })
        let places = Dictionary(
            old.enumerated().map { (Identity($1.settings), $0) }, uniquingKeysWith: { first, _ in first })
        services = []
        services.reserveCapacity(new.virtualServers.count)
        for settings in new.virtualServers {
            let before = places[Identity(settings)].map { old[$0] }
            var state = ServiceState(settings, groups: new.virtualServerGroups, at: now)
            if let before {
                (state.hasQuorum, state.since, state.isSuspended) = (before.hasQuorum, before.since, before.isSuspended)
            }
            services.append(state)
            carryServers(from: before, at: now, keeping: &left)
        }
        for index in services.indices.upperBound..<max(services.count, old.count) {
            deadlines.set(.service(index), nil)
        }
        for slot in left.sorted() { remove(slot: slot, into: &effects) }
        for order in drainOrders { markDrained(order, at: now) }
        change(to: ForwardingTable(services.flatMap { forwardingServices(of: $0, at: now) }), into: &effects)
        for service in services.indices {
            updateSuspension(of: service, at: now, into: &effects)
            startChecks(of: service, at: now, into: &effects)
            scheduleService(service, at: now)
            let before = places[Identity(services[service].settings)].map { old[$0] }
            tellChanges(of: service, since: before, into: &effects)
            if before == nil {
                services[service].hasQuorum = services[service].quorumStands(was: true)
                if !services[service].hasQuorum { updateTable(of: service, at: now, into: &effects) }
            } else {
                updateQuorum(of: service, at: now, into: &effects)
            }
        }
        scheduleCount(at: now)
    }

    /// The servers of the service that was added last.
    private mutating func carryServers(from before: ServiceState?, at now: Instant, keeping left: inout Set<Int>) {
        let service = services.count - 1
        let wanted = services[service].settings.realServers
        for settings in wanted {
            let key = DestinationKey(settings.address, port: settings.port)
            let predecessor = before?.servers.first { $0.key == key }
            var server = ServerState(
                settings: settings, since: predecessor?.since ?? now, weight: settings.weight,
                name: "[\(settings.address)]:\((services[service].settings.transport ?? .udp).name):\(settings.port)")
            let index = services[service].servers.count
            var candidates = predecessor?.checks ?? []
            for check in settings.checks {
                server.checks.append(
                    carry(check, from: &candidates, service: service, server: index, at: now, keeping: &left))
            }
            server.isUp = server.checks.allSatisfy { checks[$0]?.schedule.isPassing ?? true }
            if let predecessor {
                if server.isUp != predecessor.isUp { server.since = now }
                // One that was leaving has come back.
                server.drain = predecessor.isLeaving ? nil : predecessor.drain
                server.risingSince = server.isUp && settings.slowStart != nil ? predecessor.risingSince : nil
            }
            services[service].servers.append(server)
            services[service].servers[index].weight = weight(of: server)
        }
        let keys = Set(wanted.map { DestinationKey($0.address, port: $0.port) })
        for var server in before?.servers ?? [] where !keys.contains(server.key) {
            guard let limit = server.settings.drainTimeout, server.isUp || server.isLeaving,
                server.drain?.isDone != true
            else { continue }
            server.isLeaving = true
            server.checks = []
            // Whoever drained it before meant no longer time than this.
            var drain = server.drain ?? ServerState.Drain(since: now)
            drain.deadline = min(drain.deadline ?? .distantFuture, now + limit)
            server.drain = drain
            services[service].servers.append(server)
        }
    }

    /// A checker goes on where there was the same one; one that asks the same with other patience keeps what it knows.
    private mutating func carry(
        _ check: HealthCheck, from candidates: inout [Int], service: Int, server: Int, at now: Instant,
        keeping left: inout Set<Int>
    ) -> Int {
        if let place = candidates.firstIndex(where: { checks[$0]?.check == check }) {
            let slot = candidates.remove(at: place)
            left.remove(slot)
            checks[slot]?.service = service
            checks[slot]?.server = server
            return slot
        }
        let similar = candidates.firstIndex { checks[$0]?.check.probe == check.probe }.map { candidates.remove(at: $0) }
        let slot = addCheck(check, passing: !check.alpha, service: service, server: server)
        if let similar, let old = checks[similar]?.schedule { checks[slot]?.schedule.adopt(old) }
        if case .file(let name, let weight, _) = check.probe {
            let verdict = verdict(ofFile: name, weight: weight)
            _ = checks[slot]?.schedule.note(verdict, at: now)
        }
        return slot
    }

    /// A server whose failing check is gone from the configuration is up again; one with a new unproved check is down.
    private func tellChanges(of service: Int, since before: ServiceState?, into effects: inout [BalancerEffect]) {
        guard let before else { return }
        for server in services[service].servers {
            guard let old = before.servers.first(where: { $0.key == server.key }), old.isUp != server.isUp else {
                continue
            }
            let rule: RuleID = server.isUp ? .serverRecovered : .serverUnproved
            let name = "\(server.name) of \(services[service].name)"
            let reason = "the checkers changed with the configuration"
            effects.append(
                .transition(
                    BalancerTransition(
                        name: name, from: old.isUp ? "UP" : "DOWN", to: server.isUp ? "UP" : "DOWN", rule: rule,
                        reason: reason)))
            report(.notice, rule, "\(name) is \(server.isUp ? "back" : "out"): \(reason)", into: &effects)
            notify(server, of: services[service], isUp: server.isUp, into: &effects)
            alert(server, of: services[service], isUp: server.isUp, reason, into: &effects)
        }
    }
}
