import Balancing
import Configuration
import Health
import Primitives

/// Judges a balancer by the kernel's table, the connections and the hooks (docs/simulation.md, services).
struct ServiceJudge {
    struct Broken {
        var invariant: String
        var expected: String
        var seen: String
    }

    private struct Drain {
        /// When open connections may be cut; nil: never.
        var limit: Int64?
        var since: Int64
    }

    private var plan: ServicePlan
    /// Since when a server is what it is.
    private var wellSince: [IPAddress: Int64] = [:]
    private var sickSince: [IPAddress: Int64] = [:]
    /// Failures in a row that the balancer heard from each server, by service.
    private var failures: [String: [IPAddress: Int]] = [:]
    /// The weight that a server last named; it holds until it names another.
    private var named: [String: [IPAddress: Int]] = [:]
    private var drains: [IPAddress: Drain] = [:]
    private var hooks: [String: String] = [:]
    /// Before this time bounds do not hold: the worker was away, the configuration is new, somebody was at the table.
    private var quietUntil: Int64 = 0
    private var vandalisedAt: Int64?
    /// Removed by a reload: they drain, or go at once.
    private var left: [ServiceKey: [IPAddress: Int64]] = [:]
    private static let sorry = IPAddress.v4(IPv4Address(10, 9, 9, 9))

    init(_ plan: ServicePlan) {
        self.plan = plan
        quietUntil = Int64(plan.patience.interval) * 2 * second + plan.longestRecovery
    }

    // MARK: - What happens

    mutating func heard(_ verdict: Verdict, from server: IPAddress, of service: String) {
        if case .failure = verdict {
            failures[service, default: [:]][server, default: 0] += 1
        } else {
            failures[service]?[server] = 0
        }
        if case .weight(let weight) = verdict { named[service, default: [:]][server] = weight }
    }

    mutating func changed(_ server: IPAddress, isWell: Bool, at now: Int64) {
        if isWell {
            sickSince[server] = nil
            if wellSince[server] == nil { wellSince[server] = now }
        } else {
            wellSince[server] = nil
            if sickSince[server] == nil { sickSince[server] = now }
        }
    }

    mutating func reloaded(_ plan: ServicePlan, at now: Int64) {
        for (old, new) in zip(self.plan.model.virtualServers, plan.model.virtualServers) {
            guard case .address(let vip, let port) = old.service else { continue }
            let kept = Set(new.realServers.map(\.address))
            for server in old.realServers where !kept.contains(server.address) {
                left[.address(vip, port: port, .tcp), default: [:]][server.address] = now
                // If it comes again it is a new one.
                hooks["RS [\(server.address)]:tcp:80 [\(vip)]:tcp:\(port)"] = nil
                named["[\(vip)]:tcp:\(port)"]?[server.address] = nil
            }
            for server in kept { left[.address(vip, port: port, .tcp)]?[server] = nil }
        }
        self.plan = plan
        quietUntil = max(
            quietUntil, now + Int64(plan.patience.interval) * second + max(plan.longestRecovery, plan.longestFailure))
    }

    mutating func restarted(at now: Int64) {
        hooks = [:]
        failures = [:]
        named = [:]
        // A successor knows no failures of its own; those that were out have to pass again.
        let warm = Int64(plan.patience.interval) * second
        quietUntil = max(quietUntil, now + warm + max(plan.longestRecovery, plan.longestFailure))
    }

    mutating func vandalised(at now: Int64) { vandalisedAt = vandalisedAt ?? now }

    mutating func drained(_ server: IPAddress, limit: Int64?, at now: Int64) {
        drains[server] = Drain(limit: limit.map { now + $0 * second }, since: now)
    }
    mutating func undrained(_ server: IPAddress, at now: Int64) {
        drains[server] = nil
        quietUntil = max(quietUntil, now + second)
    }
    func anyDrained(_ random: inout SplitMix64) -> IPAddress? {
        let servers = drains.keys.sorted()
        return servers.isEmpty ? nil : random.pick(servers)
    }

    // MARK: - What is judged

    /// After each input: the table is what it should be, unless somebody was at it just now.
    mutating func settled(_ world: ServiceSimulation) -> Broken? {
        if !world.isRepairPending { vandalisedAt = nil }
        if let at = vandalisedAt, world.isAlive, world.time - at > 200 * millisecond {
            return Broken(invariant: "KERN-1", expected: "the table put right within 200 ms", seen: "not yet")
        }
        guard !world.isRepairPending else { return nil }
        guard world.kernel == world.balancer.desired else {
            return Broken(
                invariant: "KERN-1", expected: "the kernel's table as it was asked for",
                seen: "\(world.kernel.changes(to: world.balancer.desired).count) steps away")
        }
        for service in world.kernel.services {
            let serving = service.destinations.filter { $0.weight > 0 }
            if serving.contains(where: { $0.key.address == Self.sorry }), serving.count > 1 {
                return Broken(
                    invariant: "LB-3", expected: "a sorry server that serves alone", seen: "\(serving.count) serve")
            }
            if serving.isEmpty, plan.hasSorry {
                return Broken(
                    invariant: "LB-3", expected: "the sorry server of \(service.key), as nobody else serves",
                    seen: "it does not serve")
            }
            for destination in serving where drains[destination.key.address] != nil {
                return Broken(
                    invariant: "LB-2", expected: "no new connections to \(destination.key.address), which is drained",
                    seen: "weight \(destination.weight)")
            }
        }
        return nil
    }

    /// A destination went, with so many connections open.
    func removed(_ destination: DestinationKey, of service: ServiceKey, open: Int, _ world: ServiceSimulation)
        -> Broken?
    {
        let server = destination.address
        guard server != Self.sorry, isConfigured(server, behind: service) else { return nil }
        if let drain = drains[server], open > 0, drain.limit.map({ world.time < $0 }) ?? true, sickSince[server] == nil,
            failuresInARow(server, behind: service) <= Int(plan.patience.retries), !plan.hasSorry
        {
            return Broken(
                invariant: "LB-2", expected: "open connections of \(server) left alone while it drains",
                seen: "\(open) cut")
        }
        // Who is out without a drain must have failed often enough, unless the quorum is what took it out.
        guard drains[server] == nil, world.time > quietUntil, !plan.hasSorry else { return nil }
        let heard = failuresInARow(server, behind: service)
        guard heard <= Int(plan.patience.retries) else { return nil }
        return Broken(
            invariant: "LB-1",
            expected: "\(server) in the table until \(plan.patience.retries + 1) checks failed in a row",
            seen: "out after \(heard)")
    }

    private func failuresInARow(_ server: IPAddress, behind service: ServiceKey) -> Int {
        guard case .address(let vip, let port, _) = service else { return 0 }
        return failures["[\(vip)]:tcp:\(port)"]?[server] ?? 0
    }

    private func isConfigured(_ server: IPAddress, behind service: ServiceKey) -> Bool {
        plan.model.virtualServers.contains { candidate in
            guard case .address(let vip, let port) = candidate.service, .address(vip, port: port, .tcp) == service
            else {
                return false
            }
            return candidate.realServers.contains { $0.address == server }
        }
    }

    /// Once a second: who has been ill for long is out, who has been well for long is in.
    func tick(_ world: ServiceSimulation) -> Broken? {
        guard world.isAlive, !world.isRepairPending, world.time > quietUntil else { return nil }
        for definition in plan.model.virtualServers {
            guard case .address(let vip, let port) = definition.service else { continue }
            let service = world.kernel[.address(vip, port: port, .tcp)]
            let sorryServes = service?.destinations.contains { $0.key.address == Self.sorry && $0.weight > 0 } ?? false
            var living = 0
            for server in definition.realServers {
                let weight = service?[DestinationKey(server.address, port: 80)]?.weight ?? 0
                if let since = sickSince[server.address], world.time - since > plan.longestFailure, weight > 0 {
                    return Broken(
                        invariant: "LB-1",
                        expected: "\(server.address) out of \(vip) after \(seconds(plan.longestFailure)) s",
                        seen: "ill for \(seconds(world.time - since)) s and weight \(weight)")
                }
                let since = wellSince[server.address] ?? (sickSince[server.address] == nil ? 0 : .max)
                let isLongWell = since != .max && world.time - since > plan.longestRecovery
                if isLongWell, drains[server.address] == nil {
                    living += named["[\(vip)]:tcp:\(port)"]?[server.address] ?? server.weight
                }
                if isLongWell, drains[server.address] == nil, weight == 0, !sorryServes {
                    return Broken(
                        invariant: "LB-1",
                        expected: "\(server.address) back in \(vip) after \(seconds(plan.longestRecovery)) s",
                        seen: "well for \(seconds(world.time - since)) s and out")
                }
            }
            if sorryServes, living >= Int(definition.quorum + definition.hysteresis) {
                return Broken(
                    invariant: "LB-3",
                    expected: "the quorum of \(vip): \(definition.quorum), hysteresis \(definition.hysteresis)",
                    seen: "living servers weigh \(living), and the sorry server serves")
            }
        }
        return checkGone(world)
    }

    /// Who left the configuration, and drains, is gone after its time.
    private func checkGone(_ world: ServiceSimulation) -> Broken? {
        for (service, servers) in left.sorted(by: { $0.key < $1.key }) {
            for (server, since) in servers.sorted(by: { $0.key < $1.key }) {
                let limit = (plan.drainSeconds ?? 0) * second + second
                if world.time - since > limit, world.kernel[service]?[DestinationKey(server, port: 80)] != nil {
                    return Broken(
                        invariant: "LB-2",
                        expected: "\(server) gone \(seconds(limit)) s after it left the configuration",
                        seen: "still in the table")
                }
            }
        }
        return nil
    }

    /// A reload touches what it changed.
    func reload(
        from before: ForwardingTable, to after: ForwardingTable, changed: ServiceKey?, _ world: ServiceSimulation
    ) -> Broken? {
        // A slow start goes on meanwhile.
        guard plan.slowStart == nil else { return nil }
        for service in Set(before.changes(to: after).map(\.service)).sorted() where service != changed {
            return Broken(
                invariant: "RELOAD-1",
                expected: "only \(changed.map(\.description) ?? "nothing") touched by the reload",
                seen: "\(service) changed")
        }
        return nil
    }

    /// Up and down come in turn.
    mutating func hook(_ key: String, _ state: String) -> Broken? {
        defer { hooks[key] = state }
        guard hooks[key] == state else { return nil }
        return Broken(invariant: "NOTIFY-1", expected: "the hooks of \(key) in turn", seen: "\(state) twice in a row")
    }
}
