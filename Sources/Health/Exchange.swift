import Configuration
import Primitives

/// How a conversation is carried.
public struct Exchange: Sendable {
    public enum Transport: Hashable, Sendable { case stream, datagram, ping }

    /// What a connection that is TLS shows and asks for.
    public struct Security: Hashable, Sendable {
        /// From the first byte on; otherwise only when the conversation says so.
        public var fromStart: Bool
        /// The name in the handshake (SNI), and the one that is verified; nil is neither, and the address is verified instead.
        public var name: String?
        public var verification = HTTPProbe.Verification()
        /// ALPN; none where it is empty.
        public var protocols: [String] = []
        /// `tls_compliant`: the end is announced with close_notify.
        public var announcesEnd = false

        public init(fromStart: Bool, name: String? = nil) {
            self.fromStart = fromStart
            self.name = name
        }
    }

    public var connection: HealthCheck.Connection
    public var transport: Transport
    public var conversation: any Conversation
    /// nil: the connection never is TLS.
    public var security: Security?
    /// What `ConversationStep.match` is about.
    public var regex: HTTPProbe.Regex?
    /// Which of the exchanges of a check this is, for people: a path, a host. nil where there is only one.
    public var name: String?

    public init(
        _ connection: HealthCheck.Connection, _ conversation: any Conversation, over transport: Transport = .stream,
        security: Security? = nil
    ) {
        self.connection = connection
        self.transport = transport
        self.conversation = conversation
        self.security = security
    }
}

extension HealthCheck.Probe {
    /// How many exchanges the probe consists of: an HTTP check has one for each URL, an SMTP check one for each host, which are had in turn. 0 where
    /// nothing is asked over the network.
    public var exchangeCount: Int {
        switch self {
        case .http(let probe), .https(let probe): probe.urls.count
        case .smtp(let probe): probe.hosts.count
        case .command, .file, .bfd: 0
        default: 1
        }
    }

    /// One of the exchanges, 0 ..< `exchangeCount`; nil beyond. `random` gives 32 bytes that nobody can guess; it is called
    /// where they are needed.
    public func exchange(_ index: Int = 0, random: () -> [UInt8]) -> Exchange? {
        guard index >= 0, index < exchangeCount, var exchange = makeExchange(index, random) else { return nil }
        if exchangeCount > 1 {
            switch self {
            case .http(let probe), .https(let probe): exchange.name = probe.urls[index].path
            default: exchange.name = "\(exchange.connection.address)"
            }
        }
        return exchange
    }

    private func makeExchange(_ index: Int, _ random: () -> [UInt8]) -> Exchange? {
        switch self {
        case .tcp(let connection): return Exchange(connection, TCPConversation())
        case .ping(let connection):
            let conversation = PingConversation(connection.address.family, random: Array(random().prefix(8)))
            return Exchange(connection, conversation, over: .ping)
        case .udp(let probe):
            return Exchange(probe.connection, UDPConversation(probe, random: random()), over: .datagram)
        case .dns(let probe):
            let id = random().span.bytes.uint16(at: 0) ?? 0
            return Exchange(probe.connection, DNSConversation(probe, id: id), over: .datagram)
        case .http(let probe): return http(probe, probe.urls[index])
        case .https(let probe):
            let url = probe.urls[index]
            var exchange = http(probe, url)
            // A certificate is verified for a name, and a server with several shows the one that it is asked for.
            let isNamed = probe.enableSNI || probe.verification.chain
            var security = Exchange.Security(
                fromStart: true, name: probe.sniName ?? (isNamed ? url.virtualHost.map(Self.withoutPort) : nil))
            security.verification = probe.verification
            security.announcesEnd = url.tlsCompliant
            exchange.security = security
            return exchange
        case .smtp(let probe): return Exchange(probe.hosts[index], SMTPConversation(probe))
        case .redis(let probe):
            return Exchange(
                probe.connection, RedisConversation(probe), security: probe.tls ? .init(fromStart: true) : nil)
        case .mysql(let probe):
            return Exchange(
                probe.connection, MySQLConversation(probe), security: probe.tls ? .init(fromStart: false) : nil)
        case .postgres(let probe):
            return Exchange(
                probe.connection, PostgresConversation(probe, nonce: random()),
                security: probe.tls ? .init(fromStart: false) : nil)
        case .grpc(let probe):
            var security = Exchange.Security(fromStart: true, name: probe.authority.map(Self.withoutPort))
            security.protocols = ["h2"]
            return Exchange(probe.connection, GRPCConversation(probe), security: probe.tls ? security : nil)
        case .command, .file, .bfd: return nil
        }
    }

    private func http(_ probe: HTTPProbe, _ url: HTTPProbe.URL) -> Exchange {
        var exchange = Exchange(probe.connection, HTTPConversation(probe, url))
        exchange.regex = url.regex
        return exchange
    }

    /// A virtual host may name a port, a certificate never does.
    private static func withoutPort(_ host: String) -> String {
        guard let colon = host.utf8.lastIndex(of: 0x3A), !host.utf8[..<colon].contains(0x3A) else { return host }
        return String(host[..<colon])
    }
}
