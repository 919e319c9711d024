import ConfigLanguage
import Primitives

// What is allowed of servers, and will not do what one expects.
extension Resolver {
    /// What nobody can notice, and checks of another protocol.
    mutating func checkExpectations(_ draft: VirtualServerDraft, _ server: VirtualServer) {
        let expects =
            server.sorryServer != nil || draft.quorum != nil || server.quorumUp != nil || server.quorumDown != nil
            || server.omega || server.timing.alpha
        let bare = draft.realServers.filter { box in
            let real = box.value
            return real.checks.isEmpty && real.failed.isEmpty
                && (expects || real.notifyDown != nil || real.notifyUp != nil
                    || real.inhibitOnFailure?.value ?? server.inhibitOnFailure || real.timing.alpha?.value == true)
        }
        if let first = bare.first {
            report(
                .noCheck, at: first.value.destination.range,
                "\(bare.count) of \(draft.realServers.count) real servers without a checker: this is the first",
                reason: "a server that is not checked is always taken for alive",
                fix: "add TCP_CHECK or another checker")
        }
        guard let transport = draft.transport?.value, server.transport != nil else { return }
        var first: SourceRange?
        var count = 0
        for real in draft.realServers {
            for check in real.value.checks where check.asks(otherwiseThan: transport) {
                if first == nil { first = check.range }
                count += 1
            }
        }
        if let first {
            report(
                .checkProtocol, at: first,
                "the service is \(transport.name), and " + (count == 1 ? "this check asks" : "\(count) checks ask")
                    + " over another protocol",
                reason: "the port of the service may be open in the one and closed in the other",
                fix: "write `connect_port` for what is asked, or use a checker of the protocol")
        }
    }

    // MARK: How connections are spread

    /// Weights that nobody can have a share by, a sorry server that is none, and a slow start that cannot be one.
    mutating func checkSpreading(_ draft: VirtualServerDraft, _ server: VirtualServer) {
        if let sorry = server.sorryServer, let place = draft.sorryServer?.range,
            server.realServers.contains(where: { $0.address == sorry.address && $0.port == sorry.port })
        {
            report(
                .sorryIsReal, at: place, "the sorry server is one of the real servers",
                reason: "it would serve exactly when it is down, or too few are up with it",
                fix: "write another server, or remove it")
        }
        // What a check or a file adds to a weight comes later.
        let isSteered = server.realServers.contains { $0.checks.contains(where: \.setsWeight) }
        if !isSteered, draft.quorum == nil, server.realServers.allSatisfy({ $0.weight == 0 }) {
            report(
                .noWeight, at: draft.range, "every real server has weight 0", reason: "nobody gets a new connection",
                fix: "give those a weight that should serve")
        }
        checkSlowStart(draft, server)
    }

    private mutating func checkSlowStart(_ draft: VirtualServerDraft, _ server: VirtualServer) {
        guard server.realServers.contains(where: { $0.slowStart != nil }),
            let place = draft.slowStart?.range ?? draft.realServers.lazy.compactMap(\.value.slowStart?.range).first
        else { return }
        if !server.scheduler.countsWeights {
            report(
                .slowStartScheduler, at: place,
                "the scheduler \(server.scheduler.rawValue) does not look at weights",
                reason: "`slow_start` works by them: a server gets its whole share at once",
                fix: "write `lvs_sched wrr`, wlc, or another one that counts weights")
        } else if let light = server.realServers.first(where: { $0.slowStart != nil && $0.weight == 1 }) {
            report(
                .slowStartWeight, at: place, "the real server \(light.address) has a weight of 1",
                reason: "there are no steps between 0 and 1: it gets its whole share at once",
                fix: "give the real servers of this service larger weights, such as 100 each")
        }
    }
}

extension HealthCheck {
    /// What it finds may change the server's weight.
    fileprivate var setsWeight: Bool {
        switch probe {
        case .command(let probe): probe.isDynamic
        case .file: true
        default: false
        }
    }
}

extension VirtualServer.Scheduler {
    /// Whether a weight of 10 gets more than one of 1. The kernel's rr, lc and dh only look whether it is 0.
    fileprivate var countsWeights: Bool {
        switch self {
        case .roundRobin, .leastConnections, .destinationHash: false
        default: true
        }
    }
}

extension VirtualServer.TransportProtocol {
    var name: String {
        switch self {
        case .tcp: "TCP"
        case .udp: "UDP"
        case .sctp: "SCTP"
        }
    }
}

extension CheckDraft {
    /// It asks the service's port over another protocol than the service speaks.
    func asks(otherwiseThan transport: VirtualServer.TransportProtocol) -> Bool {
        switch self {
        case .tcp(let draft): transport != .tcp && draft.connection.port == nil
        case .http(let draft), .https(let draft): transport != .tcp && draft.probe.connection.port == nil
        case .smtp(let draft):
            transport != .tcp && draft.probe.connection.port == nil
                && draft.hosts.allSatisfy { $0.connection.port == nil }
        case .udp(let draft): transport != .udp && draft.probe.connection.port == nil
        case .dns(let draft): transport != .udp && draft.probe.connection.port == nil
        case .redis(let draft), .mysql(let draft), .postgres(let draft):
            transport != .tcp && draft.probe.connection.port == nil
        case .grpc(let draft): transport != .tcp && draft.probe.connection.port == nil
        case .ping, .command, .file, .bfd: false
        }
    }

    /// Of its keyword.
    var range: SourceRange {
        switch self {
        case .tcp(let draft), .ping(let draft): draft.range
        case .http(let draft), .https(let draft): draft.probe.range
        case .smtp(let draft): draft.probe.range
        case .udp(let draft): draft.probe.range
        case .dns(let draft): draft.probe.range
        case .command(let draft): draft.probe.range
        case .file(let draft): draft.range
        case .bfd(let draft): draft.range
        case .redis(let draft), .mysql(let draft), .postgres(let draft): draft.probe.range
        case .grpc(let draft): draft.probe.range
        }
    }
}
