import Configuration
import Health
import Primitives

/// What the balancer knows, for people and programs.
extension Balancer {
    /// An array of services, with their servers and checkers. `statistics` are of the data plane, by service and server.
    public func writeStatus(
        of name: String? = nil, at now: Instant, statistics: [ServiceKey: [DestinationKey: ServerStatistics]] = [:],
        to json: inout JSONWriter
    ) {
        json.memberArray("services") { json in
            for service in services where name == nil || matches(service, name ?? "") {
                json.object { write(service, at: now, statistics: statistics, to: &$0) }
            }
        }
        json.member("repairs", Int64(clamping: repairs))
    }

    /// Some service has `ha_suspend`: the addresses of this host matter.
    public var suspendsByAddress: Bool { model.virtualServers.contains(where: \.suspendsChecks) }
    /// `SSL { … }`.
    public var tls: TLSMaterial? { model.tls }
    /// Some server is pinged.
    public var pings: Bool {
        checks.contains { if case .ping? = $0?.check.probe { true } else { false } }
    }
    /// How many checks are due each second, when all servers are well.
    public var checksPerSecond: Double {
        checks.reduce(0) { sum, slot in
            guard let slot, slot.check.isTimed else { return sum }
            return sum + 1e9 / Double(max(slot.check.delayLoop.nanoseconds, 1_000_000))
        }
    }

    /// `lvs_notify_fifo`.
    public var hasOwnFIFO: Bool { model.global.forwarding.notifyFIFO != nil }
    /// `notify_fifo`.
    public var hasSharedFIFO: Bool { model.global.notifyFIFO != nil }

    /// The name of the service whose server a run of a check asks; empty where nobody waits for it any more.
    public func serviceName(of id: CheckID) -> String {
        guard checks.indices.contains(id.slot), let check = checks[id.slot], check.run == id.run else { return "" }
        return services[check.service].name
    }

    /// The servers that an operator means, with their services and states.
    public func servers(_ selector: ServerSelector) -> [(name: String, service: String, state: String)] {
        services.flatMap { service in
            service.servers.filter { matches(selector, $0, of: service) }
                .map { ($0.name, service.name, $0.stateName) }
        }
    }

    /// A service by keepalived's name, by `ADDRESS:PORT`, or by its address alone.
    private func matches(_ service: ServiceState, _ name: String) -> Bool {
        if service.name == name { return true }
        return service.keys.contains { key in
            if case .address(let address, let port, _) = key {
                return name == "\(address)" || name == "\(address):\(port)" || name == "[\(address)]:\(port)"
                    || name == key.description
            }
            return name == key.description
        }
    }

    private func write(
        _ service: ServiceState, at now: Instant,
        statistics: [ServiceKey: [DestinationKey: ServerStatistics]], to json: inout JSONWriter
    ) {
        json.member("name", service.name)
        json.memberArray("keys") { json in for key in service.keys.prefix(16) { json.value(key.description) } }
        json.member("state", service.hasQuorum ? "UP" : "DOWN")
        json.member("for_seconds", (now - service.since).wholeSeconds)
        json.member("scheduler", service.settings.scheduler.rawValue)
        json.member("suspended", service.isSuspended)
        json.member("weight", service.livingWeight)
        json.member("quorum", service.quorum)
        if let sorry = service.settings.sorryServer {
            json.member("sorry_server", "[\(sorry.address)]:\(sorry.port)")
            json.member("sorry_serves", !service.hasQuorum)
        }
        if let refusal = service.keys.lazy.compactMap({ refusals[$0] }).first { json.member("refused", refusal) }
        json.memberArray("servers") { json in
            for server in service.servers {
                var sum = ServerStatistics()
                for key in service.keys { if let part = statistics[key]?[server.key] { sum.add(part) } }
                json.object { write(server, sum, at: now, to: &$0) }
            }
        }
    }

    private func write(
        _ server: ServerState, _ statistics: ServerStatistics, at now: Instant, to json: inout JSONWriter
    ) {
        json.member("name", server.name)
        json.member("address", "\(server.settings.address)")
        json.member("port", Int64(server.settings.port))
        json.member("state", server.stateName)
        json.member("for_seconds", (now - (server.drain?.since ?? server.since)).wholeSeconds)
        json.member("weight", Int64(server.weight))
        json.member("forwarding", server.settings.forwarding.word)
        if server.risingSince != nil { json.member("slow_start", true) }
        if server.isLeaving { json.member("leaving", true) }
        if let deadline = server.drain?.deadline, server.drain?.isDone == false {
            json.member("drain_ends_seconds", max(deadline - now, .zero).wholeSeconds)
        }
        statistics.write(to: &json)
        json.memberArray("checks") { json in
            for slot in server.checks {
                guard let check = checks[slot] else { continue }
                json.object { write(check, at: now, to: &$0) }
            }
        }
    }

    private func write(_ check: CheckSlot, at now: Instant, to json: inout JSONWriter) {
        json.member("kind", check.check.keyword)
        json.member("passing", check.schedule.isPassing)
        json.member("answered", check.schedule.hasAnswered)
        json.member("row", Int64(check.schedule.row))
        if !check.obstacle.isEmpty { json.member("obstacle", check.obstacle) }
        if let failure = check.schedule.lastFailure {
            json.member("last_failure", failure.reason)
            json.member("last_failure_seconds", (now - failure.at).wholeSeconds)
        }
        if let success = check.schedule.lastSuccess {
            json.member("last_success_seconds", (now - success).wholeSeconds)
        }
        if let due = check.schedule.nextDeadline {
            json.member("next_seconds", max(due - now, .zero).wholeSeconds)
        }
    }

    // MARK: - In words

    /// Why a server is in or out; empty when there is none of that name. `server` is an address, or `ADDRESS:PORT`.
    public func explain(service name: String, server wanted: String?, at now: Instant) -> [String] {
        var lines: [String] = []
        for service in services where matches(service, name) {
            lines.append(explain(service))
            for server in service.servers {
                let address = "\(server.settings.address)"
                let full =
                    server.settings.address.family == .ipv4
                    ? "\(address):\(server.settings.port)" : "[\(address)]:\(server.settings.port)"
                guard wanted == nil || wanted == address || wanted == full || wanted == server.name else { continue }
                lines += explain(server, of: service, at: now)
            }
        }
        return lines
    }

    private func explain(_ service: ServiceState) -> String {
        var text = "\(service.name): its living servers weigh \(service.livingWeight), its quorum is \(service.quorum)"
        text += service.hasQuorum ? ", so it serves" : ", so it has no quorum"
        if let sorry = service.settings.sorryServer, !service.hasQuorum {
            text += " and the sorry server [\(sorry.address)]:\(sorry.port) serves alone"
        }
        if service.isSuspended { text += "; its address is not on this node (ha_suspend), so nobody asks its servers" }
        return text
    }

    private func explain(_ server: ServerState, of service: ServiceState, at now: Instant) -> [String] {
        let ago = (now - (server.drain?.since ?? server.since)).formattedSeconds(digits: 1)
        var lines: [String] = []
        switch server.stateName {
        case "DRAINING":
            var text = "\(server.name) gets no new connections since \(ago) s"
            text += server.isLeaving ? ": the configuration has it no more" : ": an operator drains it"
            if let deadline = server.drain?.deadline {
                text += "; it goes in \(max(deadline - now, .zero).formattedSeconds(digits: 1)) s at the latest"
            }
            lines.append(text)
        case "DRAINED": lines.append("\(server.name) is out: an operator drained it; `aloft undrain` takes it back")
        case "UP":
            let sorryServes = !service.hasQuorum && service.settings.sorryServer != nil
            lines.append(
                sorryServes
                    ? "\(server.name) is well, and is out all the same: the service has no quorum"
                    : "\(server.name) is in since \(ago) s, with the weight \(server.weight)")
        default:
            let kept = server.settings.inhibitOnFailure ? "keeps its connections and gets no new ones" : "is out"
            lines.append("\(server.name) \(kept) since \(ago) s")
        }
        for slot in server.checks {
            guard let check = checks[slot] else { continue }
            lines.append("  " + explain(check, at: now))
        }
        if server.checks.isEmpty, !server.isLeaving { lines.append("  it has no checker: it is taken for well") }
        return lines
    }

    private func explain(_ check: CheckSlot, at now: Instant) -> String {
        let schedule = check.schedule
        var text = check.check.keyword + (schedule.isPassing ? " passes" : " does not pass")
        if !schedule.hasAnswered {
            text +=
                schedule.isPassing
                ? ": it has not been asked yet, and counts as well until then" : ": alpha, and no success yet"
        } else if let failure = schedule.lastFailure, !schedule.isPassing || schedule.row > 0 {
            text += ": \(failure.reason), \((now - failure.at).formattedSeconds(digits: 1)) s ago"
        }
        if schedule.isPassing, schedule.row > 0 {
            text += "; \(schedule.row) of \(UInt64(check.check.retry) + 1) failures in a row that take it out"
        } else if !schedule.isPassing, check.check.rise > 1 {
            text += "; \(schedule.row) of \(check.check.rise) successes in a row that bring it back"
        }
        if !check.obstacle.isEmpty { text += "; \(check.obstacle)" }
        if let due = schedule.nextDeadline {
            text += "; asked again in \(max(due - now, .zero).formattedSeconds(digits: 1)) s"
        }
        return text
    }
}

extension ForwardingMethod {
    /// `NAT`, `DR`, `TUN`.
    public var word: String {
        switch self {
        case .nat: "NAT"
        case .directRouting: "DR"
        case .tunnel: "TUN"
        }
    }
}

extension Duration {
    fileprivate var wholeSeconds: Int64 { nanoseconds / 1_000_000_000 }
}
