import Balancing
import Configuration
import DataPlanes
import LinuxWorld
import Primitives
import Supervision
import Workers

/// What the supervisor says and asks.
extension HealthWorker {
    func readChannel() {
        for message in channel.read() {
            switch message {
            case .checkFinished(let id, let outcome): programFinished(id, outcome)
            case .reload: reload()
            case .stop: stop()
            case .query(let request, let payload):
                applyPending()
                // Half an answer would be worse than none.
                if !outgoing.append(parts: WorkerMessage.answers(request: request, answer(payload)).map(\.frame)) {
                    log(.warning, "an answer was too long to be given; ask for one service, not for all")
                    send(.answer(request: request, Array("null".utf8), isLast: true))
                }
            case .role(let instance, let state): follow(instance: instance, state: state)
            case .dumpRequested, .recall, .mail, .fence, .guarded, .guards: break
            }
        }
        // A supervisor that is gone can start no successor either.
        if channel.isClosed { stop() }
    }

    /// The VRRP worker has read and accepted it; what it read lies in the shared memory.
    private func reload() {
        guard let snapshot = ConfigurationSnapshot.read(in: memory),
            let loaded = ConfigurationLoader(options).from(snapshot: snapshot)?.model
        else {
            log(
                .error,
                "the configuration that was accepted cannot be read by the health worker; it goes on with the old one")
            return
        }
        scripts = ScriptIdentities(loaded.global)
        let (model, refused) = ScriptSecurity.secured(loaded, scripts)
        for line in refused { log(.error, line) }
        let before = balancer.model.global.forwarding
        files = TrackedFiles(model)
        for (name, value) in files.readAll() { give(.trackedFile(name, value: value)) }
        give(.reload(model))
        if model.global.forwarding.plane != before.plane {
            log(.warning, "data_plane takes effect at the next start: \(plane.name) goes on")
        }
        followSettings(since: before)
        prepareProbes()
        warnOfGaps(in: model)
        try? watchAddresses()
    }

    // MARK: - Questions

    /// JSON; docs/processes.md has its members.
    private func answer(_ payload: [UInt8]) -> [UInt8] {
        var json = JSONWriter()
        let now = BootClock.now()
        guard let request = try? ControlRequest(payload: payload) else { return Array("null".utf8) }
        switch request {
        case .status(let name):
            json.object { json in
                writePlane(to: &json)
                balancer.writeStatus(of: name, at: now, statistics: statistics(at: now), to: &json)
            }
        case .explain(let name, let server):
            json.object { json in
                writePlane(to: &json)
                json.memberArray("outlook") { json in
                    for line in balancer.explain(service: name, server: server, at: now) { json.value(line) }
                }
                balancer.writeStatus(of: name, at: now, statistics: statistics(at: now), to: &json)
            }
        case .drain(let server, let service, let milliseconds):
            let timeout = milliseconds.map { Duration.milliseconds(min(max($0, 0), 1 << 40)) }
            change(server, service, to: &json) { .drain(DrainOrder($0, timeout: timeout)) }
        case .undrain(let server, let service): change(server, service, to: &json) { .undrain($0) }
        default: json.null()
        }
        return json.bytes
    }

    private func writePlane(to json: inout JSONWriter) {
        json.member("data_plane", plane.name)
        if !plane.reason.isEmpty { json.member("data_plane_reason", plane.reason) }
        if !planeFailure.isEmpty { json.member("data_plane_failure", planeFailure) }
    }

    /// `servers`: those that are meant, in their new state; or `error`.
    private func change(
        _ server: String, _ service: String?, to json: inout JSONWriter, _ input: (ServerSelector) -> BalancerInput
    ) {
        guard let selector = ServerSelector(text: server, service: service) else {
            return json.object { $0.member("error", "\(server) is no address, and no ADDRESS:PORT") }
        }
        guard !balancer.servers(selector).isEmpty else {
            let place = service.map { " of \($0)" } ?? ""
            return json.object { $0.member("error", "the configuration has no real server \(server)\(place)") }
        }
        give(input(selector))
        applyPending()
        send(.remember(DrainMemory.encode(balancer.drainOrders)))
        json.object { json in
            json.memberArray("servers") { json in
                for found in balancer.servers(selector) {
                    json.object {
                        $0.member("name", found.name)
                        $0.member("service", found.service)
                        $0.member("state", found.state)
                    }
                }
            }
        }
    }

    /// With rates: the kernel's own, or of what the plane has counted lately.
    private func statistics(at now: Instant) -> RateMeter.Reading {
        let reading = table((try? plane.statistics()) ?? [])
        meter.note(reading, at: now)
        return meter.rated(reading, at: now)
    }

    /// Before anybody asks: rates need something to compare with. Not where reading so much would keep checks waiting.
    func sampleRates(at now: Instant) {
        guard now >= meter.nextReading else { return }
        let count = balancer.desired.services.reduce(0) { $0 + $1.destinations.count }
        guard count > 0, count <= Self.sampledDestinations else { return }
        meter.note(table((try? plane.counters()) ?? []), at: now)
    }

    private static let sampledDestinations = 1000

    private func table(_ statistics: [ServiceStatistics]) -> RateMeter.Reading {
        var table: RateMeter.Reading = [:]
        for service in statistics {
            for destination in service.destinations {
                table[service.key, default: [:]][destination.key] = destination.statistics
            }
        }
        return table
    }
}
