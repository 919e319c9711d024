import Primitives

/// The checkers of real servers.
extension ConfigurationDump {
    mutating func addCheckers() {
        guard model.virtualServers.contains(where: { $0.realServers.contains { !$0.checks.isEmpty } }) else { return }
        heading("Health checkers")
        for server in model.virtualServers {
            for real in server.realServers {
                for check in real.checks where !check.isOfFile { add(check, of: real, server) }
            }
        }
        // Those of files come last, as in keepalived.
        for server in model.virtualServers {
            for real in server.realServers {
                for check in real.checks where check.isOfFile { add(check, of: real, server) }
            }
        }
    }

    private mutating func add(_ check: HealthCheck, of real: RealServer, _ server: VirtualServer) {
        if case .smtp(let probe) = check.probe {
            // Each host has a checker of its own.
            for host in probe.hosts { add(check, host, of: real, server) { $0.line(1, "helo = \(probe.heloName)") } }
            return
        }
        switch check.probe {
        case .tcp(let connection): add(check, connection, of: real, server) { _ in }
        case .ping(let connection): add(check, connection, of: real, server) { _ in }
        case .udp(let probe): add(check, probe.connection, of: real, server) { $0.add(probe) }
        case .http(let probe), .https(let probe):
            add(check, probe.connection, of: real, server) { $0.add(probe, inherited: real.virtualHost) }
        case .dns(let probe):
            add(check, probe.connection, of: real, server) {
                $0.line(1, "Type = \(probe.type.rawValue)")
                $0.line(1, "Name = \(probe.name == "." ? "" : probe.name)")
            }
        case .command(let probe):
            add(check, nil, of: real, server) {
                $0.line(1, "script = \($0.quoted(probe.argv))")
                // As long as `delay_loop` is none of its own.
                $0.line(1, "timeout = \($0.seconds(probe.timeout == check.delayLoop ? .zero : probe.timeout))")
                $0.line(1, "dynamic = \(probe.isDynamic ? "YES" : "NO")")
                $0.line(1, "uid:gid = \($0.names(probe.user))")
            }
        case .bfd(let name):
            add(check, nil, of: real, server) {
                $0.line(1, "Name = \(name)")
                $0.line(1, "Alpha is \($0.onOff(check.alpha))")
            }
        case .file(let name, let weight, let reverse):
            add(check, nil, of: real, server) {
                $0.line(2, "Tracked file = \(name)" + (weight.map { ", \($0)\(reverse ? " reverse" : "")" } ?? ""))
            }
        // keepalived has none of these, and no layout for them.
        case .redis(let probe): add(check, probe.connection, of: real, server) { $0.add(probe.wordings) }
        case .mysql(let probe): add(check, probe.connection, of: real, server) { $0.add(probe.wordings) }
        case .postgres(let probe): add(check, probe.connection, of: real, server) { $0.add(probe.wordings) }
        case .grpc(let probe): add(check, probe.connection, of: real, server) { $0.add(probe.wordings) }
        case .smtp: break
        }
    }

    /// What all checkers have, and behind it what only this kind has.
    private mutating func add(
        _ check: HealthCheck, _ connection: HealthCheck.Connection?, of real: RealServer, _ server: VirtualServer,
        _ own: (inout ConfigurationDump) -> Void
    ) {
        line(0, "\(title(of: server)) -> \(endpoint(real.address, real.port, server))")
        if check.isTimed {
            line(1, "Alpha = \(yes(check.alpha))")
            line(1, "Delay loop = \(microseconds(check.delayLoop)) us")
            line(1, "Warmup = \(microseconds(check.warmup)) us")
            line(1, "Retries = \(check.retry)")
            if check.retry > 0 {
                line(1, "Delay before retry = \(microseconds(check.delayBeforeRetry)) us")
                line(1, "Retries iterations = \(check.retry)")
            }
        }
        line(1, "Log all failures = \(yes(check.logAllFailures))")
        if let connection { add(connection) }
        var method = "Keepalive method = \(check.keyword)"
        switch check.probe {
        case .http(let probe), .https(let probe): method += ", http protocol \(probe.version.rawValue)"
        default: break
        }
        line(1, method)
        own(&self)
    }

    func title(of server: VirtualServer) -> String {
        switch server.service {
        case .address(let address, let port): endpoint(address, port, server)
        case .firewallMark(let mark): "FWM \(mark)"
        case .group(let name): "[\(name)]:0"
        }
    }

    private func microseconds(_ duration: Duration) -> Int64 { duration.nanoseconds / 1_000 }

    private mutating func add(_ connection: HealthCheck.Connection) {
        line(1, "Connection")
        line(2, "Dest = [\(connection.address)]:\(connection.port)")
        if let source = connection.source {
            line(2, "Bind to = [\(source)]:\(connection.sourcePort ?? 0)")
        } else if let port = connection.sourcePort {
            line(2, "Bind to = []:\(port)")
        }
        if let interface = connection.interface { line(2, "Bind i/f = \(interface)") }
        if connection.mark != 0 { line(2, "Mark = \(connection.mark)") }
        line(2, "Timeout = \(sixDigits(connection.timeout))")
    }

    private mutating func add(_ probe: UDPProbe) {
        if let payload = probe.payload {
            line(1, "Payload len = \(payload.count)")
        } else {
            line(1, "Payload specified = no")
        }
        line(1, "Require reply = \(yes(probe.requiresReply))")
        guard probe.requiresReply else { return }
        line(2, "Min reply length = \(probe.replyLengths.lowerBound)")
        line(2, "Max reply length = \(probe.replyLengths.upperBound)")
        line(2, "Reply data len = \(probe.reply?.bytes.count ?? 0)")
        if let reply = probe.reply { line(2, "Reply data mask = \(yes(!reply.mask.allSatisfy { $0 == 0xFF }))") }
    }

    private mutating func add(_ probe: HTTPProbe, inherited: String?) {
        line(1, "Enable SNI \(probe.enableSNI ? "set" : "unset")")
        if let name = probe.sniName { line(1, "SNI name = \(name)") }
        line(1, "Fast recovery \(probe.fastRecovery ? "set" : "unset")")
        for url in probe.urls {
            line(1, "Checked url = \(url.path)")
            if let digest = url.digest { line(2, "digest = \(Self.hexadecimal(digest))") }
            line(2, "HTTP Status Code(s)")
            for codes in Self.joined(url.statusCodes) {
                line(3, codes.count == 1 ? "\(codes.lowerBound)" : "\(codes.lowerBound)-\(codes.upperBound)")
            }
            if let host = url.virtualHost, host != inherited { line(2, "Virtual host = \(host)") }
            if let regex = url.regex { add(regex) }
        }
    }

    private mutating func add(_ regex: HTTPProbe.Regex) {
        line(2, "Regex = \"\(regex.pattern)\"")
        if regex.isNegated { line(2, "Regex no match") }
        if regex.minimumOffset > 0 || regex.maximumOffset != nil {
            line(2, "Regex min offset = \(regex.minimumOffset), max_offset = \(regex.maximumOffset ?? 0)")
        }
        line(2, "Regex options:\(regex.options.map { " " + $0 }.joined())")
        if let stack = regex.stack { line(2, "Regex stack start \(stack.start), max \(stack.maximum)") }
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }.joined()
    }

    /// Ranges that touch are one.
    private static func joined(_ ranges: [ClosedRange<UInt16>]) -> [ClosedRange<UInt16>] {
        var result: [ClosedRange<UInt16>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, Int(range.lowerBound) <= Int(last.upperBound) + 1 {
                result[result.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }
}
