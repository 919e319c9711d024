import ConfigLanguage
import Primitives

extension Resolver {
    /// What the checks of one real server inherit and are asked with.
    struct CheckScope {
        let address: IPAddress
        /// Of the virtual server, which this node has; nil where it is not one address.
        let virtualAddress: IPAddress?
        /// Of the real server, or else of the virtual server; 0 where neither has one.
        let port: UInt16
        let timing: CheckTiming
        let virtualHost: String?
        let isTimeoutWritten: Bool
    }

    mutating func resolveChecks(
        _ draft: RealServerDraft, _ virtual: VirtualServerDraft, _ group: ServerScope.Group?, _ real: inout RealServer
    ) {
        guard !draft.checks.isEmpty else { return }
        var port = real.port != 0 ? real.port : draft.destination.port
        if port == 0, case .address(_, let own) = virtual.service { port = own }
        if port == 0 { port = group?.port ?? 0 }
        var virtualAddress: IPAddress?
        if case .address(let address, _) = virtual.service { virtualAddress = address }
        let scope = CheckScope(
            address: real.address, virtualAddress: virtualAddress, port: port, timing: real.timing,
            virtualHost: real.virtualHost,
            isTimeoutWritten: draft.timing.connectTimeout != nil || virtual.timing.connectTimeout != nil)
        real.checks.reserveCapacity(draft.checks.count)
        for check in draft.checks {
            if let check = resolve(check, scope) { real.checks.append(check) }
        }
    }

    /// nil when it is dropped.
    private mutating func resolve(_ draft: CheckDraft, _ scope: CheckScope) -> HealthCheck? {
        switch draft {
        case .tcp(let probe): return check(.tcp(connection(probe, scope)), probe, scope)
        case .ping(let probe): return check(.ping(connection(probe, scope, needsPort: false)), probe, scope)
        case .udp(let draft): return check(.udp(udp(draft, scope)), draft.probe, scope)
        case .http(let draft):
            guard let http = http(draft, "HTTP_GET", scope) else { return nil }
            return check(.http(http), draft.probe, scope, delayBeforeRetry: .seconds(3))
        case .https(let draft):
            guard let http = http(draft, "SSL_GET", scope) else { return nil }
            return check(.https(http), draft.probe, scope, delayBeforeRetry: .seconds(3))
        case .smtp(let draft): return check(.smtp(smtp(draft, scope)), draft.probe, scope)
        case .dns(let draft):
            var dns = DNSProbe(connection(draft.probe, scope))
            dns.type = draft.type?.value ?? .soa
            dns.name = draft.name?.value ?? "."
            let loop = timing(draft.probe.timing, over: scope.timing).delayLoop
            return check(.dns(dns), draft.probe, scope, retry: 3, delayBeforeRetry: loop)
        case .command(let draft):
            guard let command = command(draft, scope) else { return nil }
            return check(.command(command), draft.probe, scope, retry: 0)
        case .file(let draft): return file(draft, scope)
        case .bfd(let draft): return bfd(draft, scope)
        case .redis(let draft): return check(.redis(redis(draft, scope)), draft.probe, scope)
        case .mysql(let draft): return check(.mysql(mysql(draft, scope)), draft.probe, scope)
        case .postgres(let draft): return check(.postgres(postgres(draft, scope)), draft.probe, scope)
        case .grpc(let draft): return check(.grpc(grpc(draft, scope)), draft.probe, scope)
        }
    }

    /// The check around a probe: what is written, else what the real server says, else what the kind of check has.
    private mutating func check(
        _ probe: HealthCheck.Probe, _ draft: ProbeDraft, _ scope: CheckScope, retry: UInt32 = 1,
        delayBeforeRetry: Duration = .seconds(1)
    ) -> HealthCheck {
        let timing = timing(draft.timing, over: scope.timing)
        var check = HealthCheck(probe)
        check.delayLoop = timing.delayLoop
        check.delayBeforeRetry = timing.delayBeforeRetry ?? delayBeforeRetry
        check.warmup = timing.warmup ?? timing.delayLoop
        check.retry = timing.retry ?? retry
        check.rise = timing.rise ?? 1
        check.alpha = timing.alpha
        check.logAllFailures = draft.logAllFailures?.value ?? servers.logsAllFailures
        checkPatience(
            draft.timing, timing, isTimeoutWritten: scope.isTimeoutWritten || draft.timing.connectTimeout != nil)
        return check
    }

    mutating func connection(_ draft: ProbeDraft, _ scope: CheckScope, needsPort: Bool = true)
        -> HealthCheck.Connection
    {
        let written = draft.connection
        var connection = HealthCheck.Connection(
            written.address?.value ?? scope.address, port: written.port.map { UInt16(clamping: $0.value) } ?? scope.port
        )
        connection.timeout = draft.timing.connectTimeout?.value ?? scope.timing.connectTimeout
        connection.sourcePort = written.sourcePort.map { UInt16(clamping: $0.value) }
        connection.interface = written.interface?.value
        connection.mark = UInt32(clamping: written.mark?.value ?? 0)
        if let source = written.source {
            if source.value.family == connection.address.family {
                connection.source = source.value
            } else {
                report(
                    .checkSource, at: source.range,
                    "IPv\(connection.address.family.rawValue) cannot be asked from \(source.value)",
                    reason: "it is of the other family, and dropped",
                    fix: "write an address of this node in that family")
            }
        }
        if let written = written.address, written.value == scope.virtualAddress {
            report(
                .checkOwnAddress, at: written.range, "\(written.value) is the address of the virtual server",
                reason: "the director has it itself: the check asks this node, or by it any real server",
                fix: "remove `connect_ip`, or write an address that the real server alone has")
        }
        if connection.port == 0, needsPort, !draft.failed.contains("connect_port") {
            report(
                .checkPort, at: draft.range, "this check has no port to ask",
                reason: "neither the real server nor the virtual server has one", fix: "add `connect_port`")
        }
        return connection
    }

    private mutating func smtp(_ draft: SMTPDraft, _ scope: CheckScope) -> SMTPProbe {
        var hosts: [HealthCheck.Connection] = []
        if draft.hosts.isEmpty {
            hosts = [connection(draft.probe, scope)]
        } else {
            // What the checker says holds for its hosts.
            for var host in draft.hosts {
                let outer = draft.probe
                host.connection.address = host.connection.address ?? outer.connection.address
                host.connection.port = host.connection.port ?? outer.connection.port
                host.connection.source = host.connection.source ?? outer.connection.source
                host.connection.sourcePort = host.connection.sourcePort ?? outer.connection.sourcePort
                host.connection.interface = host.connection.interface ?? outer.connection.interface
                host.connection.mark = host.connection.mark ?? outer.connection.mark
                host.timing.connectTimeout = host.timing.connectTimeout ?? outer.timing.connectTimeout
                hosts.append(connection(host, scope))
            }
        }
        var smtp = SMTPProbe(hosts: hosts)
        if let name = draft.heloName?.value { smtp.heloName = name }
        return smtp
    }

    private mutating func udp(_ draft: UDPDraft, _ scope: CheckScope) -> UDPProbe {
        var udp = UDPProbe(connection(draft.probe, scope))
        udp.payload = draft.payload?.value
        udp.requiresReply = draft.requiresReply?.value ?? false
        udp.reply = draft.reply?.value
        let minimum = UInt16(clamping: draft.minimumReply?.value ?? 0)
        let maximum = UInt16(clamping: draft.maximumReply?.value ?? 255)
        if minimum > maximum, let place = draft.minimumReply?.range ?? draft.maximumReply?.range {
            report(
                .replyLength, at: place, "no answer has at least \(minimum) and at most \(maximum) bytes",
                reason: "the check would always fail", fix: "write a `max_reply_length` from \(minimum) on")
        }
        udp.replyLengths = minimum...max(minimum, maximum)
        return udp
    }

    private mutating func command(_ draft: CommandDraft, _ scope: CheckScope) -> CommandProbe? {
        guard let argv = draft.argv?.value else {
            incomplete(draft.probe.range, "MISC_CHECK", "misc_path", draft.failed, "\"/path/to/program arguments\"")
            return nil
        }
        let loop = timing(draft.probe.timing, over: scope.timing).delayLoop
        var command = CommandProbe(argv: argv, timeout: loop)
        if let timeout = draft.timeout, timeout.value > .zero {
            command.timeout = timeout.value
            if timeout.value > loop { reportSlow(timeout.range, timeout.value, loop) }
        }
        command.isDynamic = draft.isDynamic?.value ?? false
        command.user = resolve(draft.user?.value)
        return command
    }

    // MARK: Names that other blocks define

    private mutating func file(_ draft: FileDraft, _ scope: CheckScope) -> HealthCheck? {
        guard let name = draft.name else {
            incomplete(draft.range, "FILE_CHECK", "track_file", draft.failed, "NAME")
            return nil
        }
        guard
            isDefined(name.value, at: name.range, .files, .unknownTrackFile, reason: "the check is dropped")
        else { return nil }
        var check = HealthCheck(
            .file(name: name.value, weight: draft.weight?.value.value, reverse: draft.weight?.value.reverse ?? false))
        check.alpha = scope.timing.alpha
        return check
    }

    private mutating func bfd(_ draft: BFDDraft, _ scope: CheckScope) -> HealthCheck? {
        guard let name = draft.name else {
            incomplete(draft.range, "BFD_CHECK", "name", draft.failed, "NAME")
            return nil
        }
        guard
            isDefined(name.value, at: name.range, .sessions, .unknownBFD, reason: "the check is dropped")
        else { return nil }
        var check = HealthCheck(.bfd(name: name.value))
        check.alpha = draft.alpha?.value ?? scope.timing.alpha
        return check
    }

    /// A checker without what it needs, unless that is there with a fault.
    mutating func incomplete(
        _ range: SourceRange, _ checker: String, _ keyword: String, _ failed: Set<String>, _ value: String
    ) {
        guard !failed.contains(keyword) else { return }
        report(
            .incompleteCheck, at: range, "this \(checker) has no `\(keyword)`", reason: "the check is dropped",
            fix: "add `\(keyword) \(value)`")
    }
}
