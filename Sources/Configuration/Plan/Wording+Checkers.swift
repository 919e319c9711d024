import Primitives

extension HealthCheck {
    /// Every keyword that has a say in it. What repeats within it, a URL or a host, is one value each.
    public var wordings: [Wording] {
        var words = [
            Wording("delay_loop", delayLoop),
            Wording("delay_before_retry", delayBeforeRetry),
            Wording("warmup", warmup),
            Wording("retry", Int(retry)),
            Wording("rise", Int(rise)),
            Wording("alpha", alpha),
            Wording("log_all_failures", logAllFailures),
        ]
        switch probe {
        case .tcp(let connection), .ping(let connection): words += connection.wordings
        case .udp(let probe): words += probe.connection.wordings + probe.wordings
        case .http(let probe), .https(let probe): words += probe.connection.wordings + probe.wordings
        case .smtp(let probe):
            words += [Wording("helo_name", probe.heloName), Wording("host", probe.hosts.map(\.text))]
        case .dns(let probe):
            words += probe.connection.wordings
            words += [Wording("type", probe.type.rawValue), Wording("name", probe.name)]
        case .command(let probe):
            words += [
                Wording("misc_path", Wording.command(probe.argv)),
                Wording("misc_timeout", probe.timeout),
                Wording("misc_dynamic", probe.isDynamic),
                Wording("user", probe.user?.wording),
            ]
        case .redis(let probe): words += probe.connection.wordings + probe.wordings
        case .mysql(let probe): words += probe.connection.wordings + probe.wordings
        case .postgres(let probe): words += probe.connection.wordings + probe.wordings
        case .grpc(let probe): words += probe.connection.wordings + probe.wordings
        // Of these only part of the rest applies.
        case .file(let name, let weight, let reverse):
            return [
                Wording("track_file", name),
                Wording("weight", weight.map { "\($0)\(reverse ? " reverse" : "")" }),
            ]
        case .bfd(let name): return [Wording("name", name), Wording("alpha", alpha)]
        }
        return words
    }
}

extension HealthCheck {
    /// What its wordings do not show, each part with an end.
    var secrets: [UInt8] { wordings.flatMap { word in (word.secret?.revealed ?? []) + [0] } }
}

extension HealthCheck.Connection {
    var wordings: [Wording] {
        [
            Wording("connect_ip", address),
            Wording("connect_port", Int(port)),
            Wording("bind_port", sourcePort.map { Int($0) }),
            Wording("bindto", source),
            Wording("bind_if", interface),
            Wording("fwmark", Int(mark)),
            Wording("connect_timeout", timeout),
        ]
    }

    /// All of it in one line.
    fileprivate var text: String {
        wordings.flatMap { word in word.values.map { "\(word.keyword) \($0)" } }.joined(separator: " ")
    }
}

extension UDPProbe {
    fileprivate var wordings: [Wording] {
        var pattern: String?
        if let reply {
            let isWhole = reply.mask.allSatisfy { $0 == 0xFF }
            pattern = Self.hexadecimal(reply.bytes) + (isWhole ? "" : "/" + Self.hexadecimal(reply.mask))
        }
        return [
            Wording("payload", payload.map(Self.hexadecimal)),
            Wording("require_reply", requiresReply ? pattern ?? "" : nil),
            Wording("min_reply_length", Int(replyLengths.lowerBound)),
            Wording("max_reply_length", Int(replyLengths.upperBound)),
        ]
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

extension HTTPProbe {
    fileprivate var wordings: [Wording] {
        [
            Wording("http_protocol", version.rawValue),
            Wording("enable_sni", enableSNI),
            Wording("sni_name", sniName),
            Wording("fast_recovery", fastRecovery),
            Wording("url", urls.map(\.text)),
        ] + ownWordings
    }

    /// Of keywords that keepalived has not.
    var ownWordings: [Wording] {
        [
            Wording("method", method),
            Wording("header", headers.map(\.text), secret: Secret(headers.flatMap { Array($0.value.utf8) + [0x0A] })),
            Wording("body", body),
            Wording("tls_verify", verification.chain),
            Wording("tls_min_days", verification.minimumDays.map { Int($0) }),
        ]
    }
}

extension HTTPProbe.Header {
    /// As it may be shown: what lets one in is not.
    var text: String { isCredential ? "\(name): \(Secret([]))" : "\(name): \(value)" }

    /// Its name is one that tokens and passwords travel under.
    private var isCredential: Bool {
        let words = ["auth", "cookie", "token", "key", "apikey", "secret", "pass", "session", "signature"]
        return name.lowercased().split { $0 == "-" || $0 == "_" }.contains { part in
            words.contains { part.hasPrefix($0) }
        }
    }
}

extension RedisProbe {
    var wordings: [Wording] {
        [
            Wording("tls", tls), Wording("username", username), Wording("password", secret: password),
            Wording("role", role?.rawValue), Wording("require_link", requiresLink), Wording("max_lag", maximumLag),
        ]
    }
}

extension MySQLProbe {
    var wordings: [Wording] {
        [
            Wording("tls", tls), Wording("username", username), Wording("password", secret: password),
            Wording("role", role?.rawValue), Wording("max_lag", maximumLag),
        ]
    }
}

extension PostgresProbe {
    var wordings: [Wording] {
        [
            Wording("tls", tls), Wording("username", username), Wording("password", secret: password),
            Wording("database", database), Wording("role", role?.rawValue), Wording("max_lag", maximumLag),
        ]
    }
}

extension HTTPProbe.URL {
    /// All of it in one line.
    fileprivate var text: String {
        var text = "path \(path)"
        if let virtualHost { text += " virtualhost \(virtualHost)" }
        let codes = statusCodes.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        text += " status_code \(codes.joined(separator: " "))"
        if let digest { text += " digest \(digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined())" }
        if tlsCompliant { text += " tls_compliant" }
        for assertion in json { text += " json \(assertion.text)" }
        guard let regex else { return text }
        text += " regex \"\(regex.pattern)\""
        if !regex.options.isEmpty { text += " regex_options \(regex.options.joined(separator: " "))" }
        if regex.isNegated { text += " regex_no_match" }
        if regex.minimumOffset != 0 { text += " regex_min_offset \(regex.minimumOffset)" }
        if let maximum = regex.maximumOffset { text += " regex_max_offset \(maximum)" }
        if let stack = regex.stack { text += " regex_stack \(stack.start) \(stack.maximum)" }
        return text
    }
}

extension GRPCProbe {
    var wordings: [Wording] {
        [Wording("tls", tls), Wording("service", service), Wording("virtualhost", authority)]
    }
}

extension HTTPProbe.JSONAssertion {
    /// As one would write it.
    var text: String { Wording.command([path] + (value.map { [$0] } ?? [])) }
}
