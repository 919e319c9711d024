import Balancing
import ConfigLanguage
import Configuration
import Health
import Primitives
import Testing

/// A balancer on a bench: a configuration, a clock, servers that are well or not, and a kernel that does as it is told.
final class Bench {
    var balancer: Balancer
    var now = Instant(nanoseconds: 1_000_000_000)
    /// What stands in the kernel.
    var kernel = ForwardingTable()
    /// Addresses of servers that fail every check.
    var sick: Set<IPAddress> = []
    /// Addresses that this host cannot ask.
    var unasked: Set<IPAddress> = []
    /// Weights that servers name.
    var weights: [IPAddress: Int] = [:]
    var connections: [ServiceKey: [DestinationKey: UInt64]] = [:]
    /// Everything but checks, as text.
    var told: [String] = []
    var checksRun = 0

    init(
        _ text: String, adopting: ForwardingTable? = nil, kernel: ForwardingTable = ForwardingTable(), seed: UInt64 = 1,
        each: (inout RealServer) -> Void = { _ in }
    ) throws {
        balancer = Balancer(try Self.model(text, each: each), seed: seed)
        self.kernel = adopting ?? kernel
        give(.start(kernel: self.kernel, adopting: adopting != nil, drained: []))
    }

    static func model(_ text: String, each: (inout RealServer) -> Void = { _ in }) throws -> Model {
        let loaded = Configuration.load(
            main: "/test.conf", files: MemoryFiles([ProvidedFile(path: "/test.conf", bytes: Array(text.utf8))]),
            environment: TextEnvironment(id: "test"), leniency: .strict)
        var model = try #require(loaded.model, "\(loaded.renderedDiagnostics())")
        for service in model.virtualServers.indices {
            for server in model.virtualServers[service].realServers.indices {
                each(&model.virtualServers[service].realServers[server])
            }
        }
        return model
    }

    func give(_ input: BalancerInput) {
        var effects: [BalancerEffect] = []
        balancer.handle(input, at: now, into: &effects)
        var answers: [BalancerInput] = []
        for effect in effects {
            switch effect {
            case .check(let id, let probe):
                checksRun += 1
                answers.append(.checkFinished(id, verdict(probe)))
            case .change(let changes):
                kernel.apply(changes)
                told.append("change \(changes.count)")
            case .countConnections: answers.append(.connections(connections))
            case .cancel: break
            case .hook(let key, let state, let command): told.append("hook \(key) \(state) \(command.argv[0])")
            case .fifo(let line): told.append("fifo \(line.dropLast())")
            case .alert(let alert): told.append("alert " + Self.words(alert.event))
            case .report(let report): told.append("report \(report.rule)")
            case .transition(let change): told.append("\(change.name) \(change.from) → \(change.to)")
            }
        }
        for answer in answers { give(answer) }
    }

    func verdict(_ probe: HealthCheck.Probe) -> Verdict {
        guard case .tcp(let connection) = probe else { return .success }
        if unasked.contains(connection.address) { return .inconclusive("no descriptors") }
        if sick.contains(connection.address) { return .failure("connection refused") }
        return weights[connection.address].map { .weight($0) } ?? .success
    }

    private static func words(_ event: BalancerAlert.Event) -> String {
        switch event {
        case .server(let name, let isUp, let reason): "\(name) \(isUp ? "UP" : "DOWN"): \(reason)"
        case .checker(let name, let keyword, let isUp, _): "\(name) \(isUp ? "UP" : "DOWN") by \(keyword)"
        case .quorum(let isUp, let isStart, let weight, let quorum, let hysteresis):
            "quorum \(isUp ? "UP" : "DOWN")\(isStart ? " at the start" : ""): \(weight) of \(quorum)±\(hysteresis)"
        }
    }

    /// Lets time pass, each deadline at its time.
    func pass(_ duration: Duration) {
        let end = now + duration
        while let due = balancer.nextDeadline, due <= end {
            now = max(now, due)
            give(.timer)
        }
        now = end
    }

    /// `ADDRESS:WEIGHT` of the destinations of the first service.
    var serving: [String] {
        (kernel.services.first?.destinations ?? []).map { "\($0.key.address):\($0.weight)" }
    }

    func take(_ prefix: String) -> [String] {
        let found = told.filter { $0.hasPrefix(prefix) }
        told.removeAll { $0.hasPrefix(prefix) }
        return found
    }
}

/// The text of one service with checked servers 10.0.0.1, 10.0.0.2, …
func service(
    _ extra: String = "", servers: Int = 3, each: String = "", check: String = "", vip: String = "192.0.2.1",
    global: String = ""
) -> String {
    var text =
        "global_defs {\n\(global)\n}\nvirtual_server \(vip) 80 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n delay_loop 1\n warmup 0\n\(extra)\n"
    for number in 1...servers {
        text +=
            " real_server 10.0.0.\(number) 80 {\n weight 1\n \(each)\n TCP_CHECK {\n connect_timeout 1\n retry 0\n \(check)\n }\n }\n"
    }
    return text + "}\n"
}
