import Primitives

/// The control socket, reloads and dumps.
extension Supervisor {
    /// A client's request; the answer comes as an effect, at once or within ``queryLimit`` (a reload's when it
    /// is finished).
    public mutating func receive(
        _ request: ControlRequest, client: UInt32, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        switch request {
        case .version:
            var json = JSONWriter()
            json.object {
                $0.member("name", "aloft")
                $0.member("version", aloftVersion)
            }
            effects.append(.answer(client: client, ControlAnswer.success(json.bytes)))
        case .history(let instance):
            var json = JSONWriter()
            history.write(of: instance, to: &json)
            effects.append(.answer(client: client, ControlAnswer.success(json.bytes)))
        case .configuration: effects.append(.answerConfiguration(client: client))
        case .status, .explain, .drain, .undrain: query(request, client: client, at: now, into: &effects)
        case .reload:
            guard phase == .running else { return refuse(client, "the daemon stops", into: &effects) }
            guard reloadClients.count + queuedReloadClients.count < Self.clientLimit else {
                return refuse(client, "too many requests wait", into: &effects)
            }
            reload(client: client, into: &effects)
        case .stop:
            effects.append(.answer(client: client, ControlAnswer.success("{\"stopping\":true}".utf8)))
            stop(at: now, into: &effects)
        }
    }

    /// A client closed its connection.
    public mutating func clientGone(_ client: UInt32) {
        queries.removeAll { $0.client == client }
        reloadClients.removeAll { $0 == client }
        queuedReloadClients.removeAll { $0 == client }
    }

    private func refuse(_ client: UInt32, _ text: String, into effects: inout [SupervisorEffect]) {
        effects.append(.answer(client: client, ControlAnswer.failure(text)))
    }

    // MARK: - Queries

    private mutating func query(
        _ request: ControlRequest, client: UInt32, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        guard queries.count < Self.clientLimit else {
            return refuse(client, "too many requests wait", into: &effects)
        }
        lastQuery &+= 1
        var query = Query(
            number: lastQuery, client: client, request: request, limit: now + Self.queryLimit,
            worker: Part(isAwaited: request.asksWorker && worker?.isReady == true && worker?.isKilled == false),
            health: Part(isAwaited: health.isReady))
        if query.worker.isAwaited { effects.append(.send(.query(request: query.number, request.payload))) }
        if query.health.isAwaited {
            effects.append(.sendHelper(.health, .query(request: query.number, request.payload)))
        }
        if query.isComplete { return answer(&query, at: now, into: &effects) }
        queries.append(query)
    }

    mutating func receiveAnswer(
        _ number: UInt32, _ part: WritableKeyPath<Query, Part>, _ bytes: [UInt8], isLast: Bool, at now: Instant,
        into effects: inout [SupervisorEffect]
    ) {
        // One that came too late, or whose client is gone, has no query any more.
        guard let index = queries.firstIndex(where: { $0.number == number }) else { return }
        guard queries[index][keyPath: part].bytes.count + bytes.count <= ControlRequest.answerLimit / 2 else {
            let query = queries.remove(at: index)
            return refuse(query.client, "the worker's answer is too long", into: &effects)
        }
        queries[index][keyPath: part].bytes += bytes
        guard isLast else { return }
        queries[index][keyPath: part].isAwaited = false
        guard queries[index].isComplete else { return }
        var query = queries.remove(at: index)
        answer(&query, at: now, into: &effects)
    }

    /// `status` and `explain` are answered without a worker as well: then its part is null.
    private func answer(_ query: inout Query, at now: Instant, into effects: inout [SupervisorEffect]) {
        guard query.request.asksWorker else {
            // What the health worker says is the whole answer.
            if let json = query.health.json {
                effects.append(.answer(client: query.client, ControlAnswer.success(json)))
            } else {
                let reason =
                    settings.needsHealth
                    ? "the health worker does not answer just now; the supervisor restarts it"
                    : "the configuration has no virtual_server"
                refuse(query.client, reason, into: &effects)
            }
            return
        }
        var json = JSONWriter()
        json.object { json in
            writeSupervisor(at: now, to: &json)
            json.member("worker", raw: query.worker.json ?? Array("null".utf8))
            if settings.needsHealth { json.member("health", raw: query.health.json ?? Array("null".utf8)) }
            if case .explain(let instance, _) = query.request {
                var transitions = JSONWriter()
                history.write(of: instance, to: &transitions)
                json.member("history", raw: transitions.bytes)
            }
        }
        effects.append(.answer(client: query.client, ControlAnswer.success(json.bytes)))
    }

    private func writeSupervisor(at now: Instant, to json: inout JSONWriter) {
        json.memberObject("supervisor") { json in
            json.member("version", aloftVersion)
            json.member("pid", Int64(pid))
            json.member("worker_pid", Int64(worker?.pid ?? 0))
            json.member("worker_ready", worker?.isReady ?? false)
            if settings.needsHealth {
                json.member("health_pid", Int64(health.pid))
                json.member("health_ready", health.isReady)
                json.member("health_restarts", Int64(clamping: health.restarts))
            }
            if settings.needsArbiter {
                json.member("arbiter_pid", Int64(arbiter.pid))
                json.member("arbiter_ready", arbiter.isReady)
                json.member("arbiter_restarts", Int64(clamping: arbiter.restarts))
            }
            json.member("phase", phase.name)
            json.member("uptime_ns", (now - startedAt).nanoseconds)
            json.member("now_ns", now.nanoseconds)
            json.member("restarts", Int64(clamping: policy.restarts))
            json.member("transitions", Int64(clamping: history.total))
            json.memberObject("hooks") {
                $0.member("running", Int64(hooks.runningCount))
                $0.member("completed", Int64(clamping: hooks.completed))
                $0.member("failed", Int64(clamping: hooks.failures))
                $0.member("superseded", Int64(clamping: hooks.superseded))
                $0.member("overflowed", Int64(clamping: hooks.overflowed))
            }
            json.memberObject("mails") {
                $0.member("pid", Int64(mail.process?.pid ?? 0))
                $0.member("waiting", Int64(mail.count))
                $0.member("delivered", Int64(clamping: mail.delivered))
                $0.member("lost", Int64(clamping: mail.lost))
            }
            json.memberObject("checks") {
                $0.member("running", Int64(checks.runningCount))
                $0.member("timeouts", Int64(clamping: checks.timeouts))
                $0.member("overruns", Int64(clamping: checks.overruns))
            }
        }
    }

    mutating func expireQueries(at now: Instant, into effects: inout [SupervisorEffect]) {
        for var query in queries where now >= query.limit { answer(&query, at: now, into: &effects) }
        queries.removeAll { now >= $0.limit }
    }

    /// Answers those that wait for nothing more.
    mutating func finishQueries(at now: Instant, into effects: inout [SupervisorEffect]) {
        for var query in queries where query.isComplete { answer(&query, at: now, into: &effects) }
        queries.removeAll(where: \.isComplete)
    }

    mutating func failQueries(_ text: String, into effects: inout [SupervisorEffect]) {
        for query in queries where query.worker.isAwaited { refuse(query.client, text, into: &effects) }
        queries.removeAll { $0.worker.isAwaited }
    }

    // MARK: - Reload

    /// One reload runs at a time, and one more waits; whoever asks meanwhile shares that one's answer.
    mutating func reload(client: UInt32?, into effects: inout [SupervisorEffect]) {
        guard !isReloading, worker?.isReady == true else {
            isReloadQueued = true
            if let client { queuedReloadClients.append(client) }
            return
        }
        isReloading = true
        if let client { reloadClients.append(client) }
        effects.append(.notify(.reloading))
        effects.append(.send(.reload))
    }

    mutating func startQueuedReload(into effects: inout [SupervisorEffect]) {
        isReloadQueued = false
        reloadClients += queuedReloadClients
        queuedReloadClients = []
        reload(client: nil, into: &effects)
    }

    mutating func reloadFinished(accepted: Bool, _ text: String, into effects: inout [SupervisorEffect]) {
        guard isReloading else { return }
        isReloading = false
        if accepted, health.isRunning { effects.append(.sendHelper(.health, .reload)) }
        if accepted, arbiter.isRunning { effects.append(.sendHelper(.arbiter, .reload)) }
        let outcome = accepted ? "reloaded" : "the reload is rejected"
        for line in Self.lines(text.isEmpty ? outcome : "\(outcome): \(text)") {
            effects.append(.log(accepted ? .notice : .error, nil, line))
        }
        var json = JSONWriter()
        json.object {
            $0.member("accepted", accepted)
            $0.member("text", text)
        }
        for client in reloadClients {
            effects.append(.answer(client: client, ControlAnswer.success(json.bytes)))
        }
        reloadClients = []
        guard phase == .running else { return }
        effects.append(.notify(.ready(status: Self.lines(text).first ?? "")))
        if isReloadQueued { startQueuedReload(into: &effects) }
    }

    /// The lines of a text, each for a line of the log; at most 100.
    static func lines(_ text: String) -> [String] {
        text.split(separator: "\n", maxSplits: 99).map(String.init)
    }

    /// The reload that runs will not finish. One that waits still comes.
    mutating func failReload(_ text: String, into effects: inout [SupervisorEffect]) {
        isReloading = false
        for client in reloadClients { refuse(client, text, into: &effects) }
        reloadClients = []
    }

    /// Nor will one that waits.
    mutating func failReloads(_ text: String, into effects: inout [SupervisorEffect]) {
        reloadClients += queuedReloadClients
        queuedReloadClients = []
        isReloadQueued = false
        failReload(text, into: &effects)
    }

    // MARK: - Dumps

    mutating func receiveDump(
        _ kind: DumpKind, _ bytes: [UInt8], isLast: Bool, into effects: inout [SupervisorEffect]
    ) {
        var text = dumps[kind] ?? []
        guard text.count + bytes.count <= ControlRequest.answerLimit else {
            dumps[kind] = nil
            return
        }
        text += bytes
        dumps[kind] = isLast ? nil : text
        if isLast { effects.append(.writeFile(path: path(of: kind), text)) }
    }

    private func path(of kind: DumpKind) -> String {
        let (configured, keepalived, native) =
            switch kind {
            case .state: (settings.statePath, "/tmp/keepalived.data", "state.txt")
            case .statistics, .statisticsClear: (settings.statisticsPath, "/tmp/keepalived.stats", "statistics.txt")
            case .json: (settings.jsonPath, "/tmp/keepalived.json", "state.json")
            }
        let standard = isKeepalived ? keepalived : stateDirectory + "/" + native
        guard configured.utf8.last == UInt8(ascii: "/") else { return configured.isEmpty ? standard : configured }
        return configured + (standard.split(separator: "/").last ?? "")
    }
}

extension Supervisor.Phase {
    /// The word in `status`.
    public var name: String {
        switch self {
        case .running: "running"
        case .stopping: "stopping"
        case .releasing: "releasing"
        case .finishing, .closing: "finishing"
        case .ended: "ended"
        }
    }
}
