import Configuration
import Health
import Primitives

/// What servers say in answer to checks. The first byte of an input says which check is asked, the second how the stream arrives in portions, the third
/// whether the server closes behind it; the rest is the stream.
enum ConversationTarget {
    static func check(_ input: [UInt8]) throws(Violation) -> UInt64 {
        guard input.count >= 3 else { return 0 }
        let probe = probes[Int(input[0]) % probes.count]
        let stream = Array(input[3...])
        let ends = input[2] & 1 == 1
        let isStream = probe.exchange(random: { random })?.transport == .stream
        let pieces = try hear(probe, stream, portion: Int(input[1]) + 1, ends: ends)
        if isStream, !isSecured(probe) {
            let whole = try hear(probe, stream, portion: max(stream.count, 1), ends: ends)
            try require(whole == pieces, "\(probe): the verdict depends on how the stream is cut: \(pieces), \(whole)")
        }
        var digest = Digest()
        digest.add("\(pieces)")
        return digest.value
    }

    /// What came of it, so far as it must not depend on the portions.
    private struct Outcome: Equatable {
        var verdict: Verdict?
        var sent: [UInt8] = []
        var isSecured = false
    }

    private static func hear(_ probe: HealthCheck.Probe, _ stream: [UInt8], portion: Int, ends: Bool) throws(Violation)
        -> Outcome
    {
        guard var conversation = probe.exchange(random: { random })?.conversation else { return Outcome() }
        var outcome = Outcome()
        try take(conversation.begin(), &conversation, &outcome)
        var start = 0
        while start < stream.count, outcome.verdict == nil {
            let end = min(start + portion, stream.count)
            try take(conversation.receive(Array(stream[start..<end])), &conversation, &outcome)
            start = end
        }
        if outcome.verdict == nil {
            try require(printable(conversation.awaited), "what is awaited shows the server's bytes")
            if case .failure(let reason)? = conversation.silence() { try require(printable(reason), "silence") }
            if ends {
                try take(conversation.end(), &conversation, &outcome)
                try require(outcome.verdict != nil, "\(probe): the server has closed, and there is no verdict")
            }
        }
        return outcome
    }

    private static func take(
        _ first: ConversationStep, _ conversation: inout any Conversation, _ outcome: inout Outcome
    ) throws(Violation) {
        var step = first
        for _ in 0..<4 {
            switch step {
            case .wait: return
            case .send(let bytes):
                outcome.sent += bytes
                try require(outcome.sent.count <= 1 << 20, "\(outcome.sent.count) bytes are sent")
                return
            case .startTLS(let bytes):
                try require(!outcome.isSecured, "TLS begins twice")
                outcome.isSecured = true
                outcome.sent += bytes
                step = conversation.secured()
            case .match: step = conversation.matched(outcome.sent.count % 2 == 0 ? .match : .noMatch)
            case .finish(let verdict, let farewell):
                outcome.sent += farewell
                outcome.verdict = verdict
                guard case .failure(let reason) = verdict else { return }
                try require(!reason.isEmpty && reason.utf8.count <= 400, "a reason of \(reason.utf8.count) bytes")
                try require(printable(reason), "a reason shows the server's bytes: \(reason)")
                return
            }
        }
        throw Violation("one step leads to another without end")
    }

    /// What is secured has a place in the stream that no portion may cross, so it is heard in one way only.
    private static func isSecured(_ probe: HealthCheck.Probe) -> Bool {
        switch probe {
        case .postgres(let probe): probe.tls
        case .mysql(let probe): probe.tls
        default: false
        }
    }

    private static func printable(_ text: String) -> Bool {
        // Names in our own sentences are ASCII too.
        text.utf8.allSatisfy { (0x20...0x7E).contains($0) }
    }

    private static let random = [UInt8](repeating: 7, count: 32)

    static let probes: [HealthCheck.Probe] = {
        let connection = HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 1)), port: 80)
        var http = HTTPProbe.URL(path: "/")
        var probes: [HealthCheck.Probe] = [.http(HTTPProbe(connection, urls: [http]))]
        http.json = [.init(path: "a.0.b", value: "x"), .init(path: "c")]
        http.digest = [UInt8](repeating: 0, count: 16)
        probes.append(.http(HTTPProbe(connection, urls: [http])))
        http.digest = nil
        http.regex = .init(pattern: "x")
        probes.append(.http(HTTPProbe(connection, urls: [http])))
        http.json = []
        probes.append(.http(HTTPProbe(connection, urls: [http])))
        probes.append(.smtp(SMTPProbe(hosts: [connection])))
        probes.append(.dns(DNSProbe(connection)))
        var udp = UDPProbe(connection)
        udp.requiresReply = true
        udp.reply = .init(bytes: [1, 2], mask: [0xFF, 0x0F])
        probes += [.udp(udp), .ping(connection)]
        var redis = RedisProbe(connection)
        redis.password = Secret([1])
        redis.role = .replica
        redis.maximumLag = .seconds(1)
        probes.append(.redis(redis))
        var mysql = MySQLProbe(connection)
        mysql.username = "u"
        mysql.password = Secret([1])
        mysql.role = .replica
        mysql.maximumLag = .seconds(1)
        probes.append(.mysql(mysql))
        mysql.tls = true
        probes.append(.mysql(mysql))
        var postgres = PostgresProbe(connection)
        postgres.password = Secret([1])
        postgres.role = .replica
        postgres.maximumLag = .seconds(1)
        probes.append(.postgres(postgres))
        postgres.tls = true
        probes += [.postgres(postgres), .grpc(GRPCProbe(connection))]
        return probes
    }()
}
