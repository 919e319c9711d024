import Balancing
import Configuration
import Health
import LinuxWorld
import Primitives
import Supervision

/// What the balancer wants, done.
extension HealthWorker {
    func perform(_ effect: BalancerEffect) {
        switch effect {
        case .check(let id, let probe): start(id, probe)
        case .cancel(let id): cancel(id)
        case .change(let changes): pending += changes
        case .hook(let key, let state, let command):
            send(.hook(HookRequest(key: key, state: state, commands: [scripts.command(command)])))
        case .fifo(let line):
            if balancer.hasOwnFIFO { send(.fifo(.lvs, line)) }
            if balancer.hasSharedFIFO { send(.fifo(.all, line)) }
        case .alert(let alert): mail(alert)
        case .report(let report): log(report.severity.level, "\(report.text) [\(report.rule)]")
        case .transition(let change):
            send(
                .transition(
                    TransitionRecord(
                        name: change.name, subject: .service, from: change.from, to: change.to,
                        rule: change.rule.description, reason: change.reason, priority: 0, at: BootClock.now())))
        case .countConnections: countConnections()
        }
    }

    private func start(_ id: CheckID, _ probe: HealthCheck.Probe) {
        guard case .command(let command) = probe else { return ask(id, probe) }
        let number = UInt32(clamping: id.slot)
        programs[number] = (id, command)
        let script = scripts.command(HookCommand(argv: command.argv, user: command.user))
        send(.startCheck(CheckRequest(id: number, command: script, timeout: command.timeout)))
    }

    private func ask(_ id: CheckID, _ probe: HealthCheck.Probe) {
        while probes.count <= id.slot { probes.append(nil) }
        // What asks nothing over the network is never due.
        probes[id.slot] = prober.start(probe, at: BootClock.now()) { [unowned self] verdict in finished(id, verdict) }
    }

    private func cancel(_ id: CheckID) {
        let number = UInt32(clamping: id.slot)
        guard let program = programs[number] else {
            // A handle whose probe has ended means nothing any more.
            if let handle = probes.indices.contains(id.slot) ? probes[id.slot] : nil { prober.cancel(handle) }
            return
        }
        guard program.id == id else { return }
        programs[number] = nil
        send(.cancelCheck(id: number))
    }

    /// A program of `MISC_CHECK` ended.
    func programFinished(_ number: UInt32, _ outcome: CheckOutcome) {
        guard let program = programs[number] else { return }
        programs[number] = nil
        finished(program.id, program.probe.verdict(outcome))
    }

    private func countConnections() {
        var counts: [ServiceKey: [DestinationKey: UInt64]] = [:]
        guard let statistics = try? plane.statistics(of: balancer.drainingServices) else { return }
        for service in statistics {
            for destination in service.destinations {
                // Where it is not known, the time decides, and not a 0 that nobody counted.
                counts[service.key, default: [:]][destination.key] = destination.statistics.active ?? 1
            }
        }
        give(.connections(counts))
    }
}

extension BalancerReport.Severity {
    var level: LogLevel {
        switch self {
        case .info: .info
        case .notice: .notice
        case .warning: .warning
        case .error: .error
        }
    }
}

extension CommandProbe {
    /// keepalived's: 0 is a success; with `misc_dynamic` 2…255 is one too, and names the weight, two less.
    func verdict(_ outcome: CheckOutcome) -> Verdict {
        switch outcome {
        case .exited(0): .success
        case .exited(let code) where isDynamic && (2...255).contains(code): .weight(Int(code) - 2)
        case .exited(let code): .failure("\(argv[0]) exited with \(code)")
        case .signalled(let signal): .failure("\(argv[0]) was ended by signal \(signal)")
        case .timedOut: .failure("\(argv[0]) did not end within \(timeout.formattedSeconds()) s")
        case .stillRunning: .failure("\(argv[0]) still runs from the last time")
        case .failedToStart(_, let text): .failure("\(argv[0]) could not be started: \(text)")
        }
    }
}
