import Primitives

/// A checker of a real server: what is asked, when, and how often it may fail.
public struct HealthCheck: Hashable, Sendable {
    /// What is asked.
    public enum Probe: Hashable, Sendable {
        /// `TCP_CHECK`: a connection can be made.
        case tcp(Connection)
        /// `PING_CHECK`: an ICMP echo is answered. Ports have no meaning.
        case ping(Connection)
        /// `UDP_CHECK`: no ICMP error comes back, or an answer does.
        indirect case udp(UDPProbe)
        /// `HTTP_GET`: every URL answers as it should.
        indirect case http(HTTPProbe)
        /// `SSL_GET`: the same over TLS.
        indirect case https(HTTPProbe)
        /// `SMTP_CHECK`: every host greets.
        indirect case smtp(SMTPProbe)
        /// `DNS_CHECK`: a query over UDP is answered without an error.
        indirect case dns(DNSProbe)
        /// `MISC_CHECK`: a command succeeds.
        indirect case command(CommandProbe)
        /// `FILE_CHECK`: what a `track_file` of this name says. The name, and `weight` with its `reverse`; without
        /// `weight` the file's own counts. Nothing below applies.
        indirect case file(name: String, weight: Int?, reverse: Bool)
        /// `BFD_CHECK`: the session of the `bfd_instance` of this name is up. Of the fields below `alpha` applies.
        case bfd(name: String)
        /// `REDIS_CHECK`: the server is ready, and has the role that is wanted.
        indirect case redis(RedisProbe)
        /// `MYSQL_CHECK`: a login succeeds, and the server has the role that is wanted.
        indirect case mysql(MySQLProbe)
        /// `PGSQL_CHECK`: the same of PostgreSQL.
        indirect case postgres(PostgresProbe)
        /// `GRPC_CHECK`: `grpc.health.v1.Health/Check` answers SERVING.
        indirect case grpc(GRPCProbe)
    }

    /// Where a check goes to, and where it comes from.
    public struct Connection: Hashable, Sendable {
        /// `connect_ip`, or the real server's.
        public var address: IPAddress
        /// `connect_port`, or the real server's, or the virtual server's; 0 only where none of them has one.
        public var port: UInt16
        /// `bind_port`, 1…65535.
        public var sourcePort: UInt16?
        /// `bindto`: of the family of `address`.
        public var source: IPAddress?
        /// `bind_if`.
        public var interface: String?
        /// `fwmark` of the packets; 0 is none.
        public var mark: UInt32 = 0
        /// `connect_timeout`, or the real server's.
        public var timeout: Duration = .seconds(5)

        public init(_ address: IPAddress, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    public var probe: Probe
    /// `delay_loop`, or the real server's: between two checks.
    public var delayLoop: Duration = .seconds(60)
    /// `delay_before_retry`, or the real server's, or 1 s; 3 s in HTTP_GET and SSL_GET, `delayLoop` in DNS_CHECK.
    public var delayBeforeRetry: Duration = .seconds(1)
    /// `warmup`, or the real server's, or `delayLoop`: the first check comes after a random part of it.
    public var warmup: Duration = .seconds(60)
    /// `retry`, or the real server's, or 1; 3 in DNS_CHECK, 0 in MISC_CHECK. Failures that are forgiven in a row.
    public var retry: UInt32 = 1
    /// `rise`: successes in a row after which a failed check counts as passed again, at least 1.
    public var rise: UInt32 = 1
    /// `alpha`, or the real server's: down until the first success.
    public var alpha: Bool = false
    /// `log_all_failures`, or the global default, or false.
    public var logAllFailures: Bool = false

    public init(_ probe: Probe) { self.probe = probe }
}

extension HealthCheck {
    /// `FILE_CHECK`.
    public var isOfFile: Bool { if case .file = probe { true } else { false } }

    /// Runs at intervals of its own.
    public var isTimed: Bool {
        switch probe {
        case .file, .bfd: false
        default: true
        }
    }

    /// The block that it was written as.
    public var keyword: String {
        switch probe {
        case .tcp: "TCP_CHECK"
        case .ping: "PING_CHECK"
        case .udp: "UDP_CHECK"
        case .http: "HTTP_GET"
        case .https: "SSL_GET"
        case .smtp: "SMTP_CHECK"
        case .dns: "DNS_CHECK"
        case .command: "MISC_CHECK"
        case .file: "FILE_CHECK"
        case .bfd: "BFD_CHECK"
        case .redis: "REDIS_CHECK"
        case .mysql: "MYSQL_CHECK"
        case .postgres: "PGSQL_CHECK"
        case .grpc: "GRPC_CHECK"
        }
    }
}

/// `HTTP_GET` and `SSL_GET`.
public struct HTTPProbe: Hashable, Sendable {
    public enum Version: String, Hashable, Sendable, CaseIterable {
        case v1_0 = "1.0"
        /// 1.0 with `Connection: close`.
        case v1_0Close = "1.0C"
        case v1_1 = "1.1"
    }

    /// The stack of the compiled expression, in bytes.
    public struct RegexStack: Hashable, Sendable {
        public var start: UInt32
        public var maximum: UInt32

        public init(start: UInt32, maximum: UInt32) {
            self.start = start
            self.maximum = maximum
        }
    }

    /// What the body must look like.
    public struct Regex: Hashable, Sendable {
        /// `regex`: a pattern of PCRE2.
        public var pattern: String
        /// `regex_options`, by their names in PCRE2.
        public var options: [String] = []
        /// `regex_no_match`: a match is the failure.
        public var isNegated: Bool = false
        /// `regex_min_offset`: bytes of the body to skip.
        public var minimumOffset: Int = 0
        /// `regex_max_offset`: the last byte at which a match may begin; nil is no limit.
        public var maximumOffset: Int?
        /// `regex_stack`.
        public var stack: RegexStack?

        public init(pattern: String) { self.pattern = pattern }
    }

    /// One `url` block.
    public struct URL: Hashable, Sendable {
        public var path: String
        /// `virtualhost`, or the checker's, the real server's, the virtual server's; nil is the address.
        public var virtualHost: String?
        /// `status_code`: each from 100 to 999; 200…299 unless written.
        public var statusCodes: [ClosedRange<UInt16>] = [200...299]
        /// `digest`: the 16 bytes of the body's MD5.
        public var digest: [UInt8]?
        public var regex: Regex?
        /// `json`: what the body must say; all of them. None unless written.
        public var json: [JSONAssertion] = []
        /// `tls_compliant`, or the checker's (SSL_GET).
        public var tlsCompliant: Bool = false

        public init(path: String) { self.path = path }
    }

    /// `json PATH VALUE`: the value at a path of the body, read as JSON.
    public struct JSONAssertion: Hashable, Sendable {
        /// `json_path`: names and indices joined by dots, such as `status` or `checks.0.state`.
        public var path: String
        /// The value as text: a string without quotes, a number or `true`, `false`, `null` as it is written; nil asks only that there is one.
        public var value: String?

        public init(path: String, value: String? = nil) {
            self.path = path
            self.value = value
        }
    }

    /// `header NAME VALUE`.
    public struct Header: Hashable, Sendable {
        public var name: String
        public var value: String

        public init(name: String, value: String) {
            self.name = name
            self.value = value
        }
    }

    /// What SSL_GET asks of the server's certificate.
    public struct Verification: Hashable, Sendable {
        /// `tls_verify`: the chain ends in an authority that is trusted (`SSL { ca … }`, or the host's), and the name fits.
        public var chain: Bool = false
        /// `tls_min_days`: the certificate is valid for at least so many days more; nil is not asked.
        public var minimumDays: UInt32?

        public init() {}
    }

    public var connection: HealthCheck.Connection
    /// In the order in which they are asked; never empty.
    public var urls: [URL]
    /// `method`: a token such as `GET`, `HEAD`, `POST`.
    public var method: String = "GET"
    /// `header` lines, in their order, added to those that are sent anyway; `Host` and `User-Agent` take the place of those.
    public var headers: [Header] = []
    /// `body`: sent with its Content-Length; nil is none.
    public var body: String?
    /// SSL_GET only.
    public var verification = Verification()
    /// `http_protocol`.
    public var version: Version = .v1_0
    /// `enable_sni`: the virtual host is named in the TLS handshake.
    public var enableSNI: Bool = false
    /// `sni_name`: this name instead.
    public var sniName: String?
    /// `fast_recovery`: no `delay_loop` between URLs while the server is down.
    public var fastRecovery: Bool = false

    public init(_ connection: HealthCheck.Connection, urls: [URL]) {
        self.connection = connection
        self.urls = urls
    }
}

/// `SMTP_CHECK`.
public struct SMTPProbe: Hashable, Sendable {
    /// `helo_name`.
    public var heloName: String = "smtpchecker.keepalived.org"
    /// The hosts that must all greet: those of `host` blocks, or the real server alone. Never empty.
    public var hosts: [HealthCheck.Connection]

    public init(hosts: [HealthCheck.Connection]) { self.hosts = hosts }
}

/// `DNS_CHECK`.
public struct DNSProbe: Hashable, Sendable {
    public enum RecordType: String, Hashable, Sendable, CaseIterable {
        case a = "A"
        case ns = "NS"
        case cname = "CNAME"
        case soa = "SOA"
        case mx = "MX"
        case txt = "TXT"
        case aaaa = "AAAA"
    }

    public var connection: HealthCheck.Connection
    /// `type`.
    public var type: RecordType = .soa
    /// `name`; `.` is the root.
    public var name: String = "."

    public init(_ connection: HealthCheck.Connection) { self.connection = connection }
}

/// `UDP_CHECK`.
public struct UDPProbe: Hashable, Sendable {
    /// What an answer must look like: bytes that count are those with bits in the mask, which is as long.
    public struct Pattern: Hashable, Sendable {
        public var bytes: [UInt8]
        public var mask: [UInt8]

        public init(bytes: [UInt8], mask: [UInt8]) {
            self.bytes = bytes
            self.mask = mask
        }
    }

    public var connection: HealthCheck.Connection
    /// `payload`; nil is random.
    public var payload: [UInt8]?
    /// `require_reply`: silence is a failure.
    public var requiresReply: Bool = false
    /// The argument of `require_reply`.
    public var reply: Pattern?
    /// `min_reply_length` and `max_reply_length`, in bytes.
    public var replyLengths: ClosedRange<UInt16> = 0...255

    public init(_ connection: HealthCheck.Connection) { self.connection = connection }
}

/// `MISC_CHECK`.
public struct CommandProbe: Hashable, Sendable {
    /// `misc_path`: the program and its arguments, never empty. No shell is involved.
    public var argv: [String]
    /// `misc_timeout`, or `delay_loop`.
    public var timeout: Duration
    /// `misc_dynamic`: a status from 2 to 255 is a success and sets the weight to two less.
    public var isDynamic: Bool = false
    /// `user`; nil means `script_user`.
    public var user: ScriptUser?

    public init(argv: [String], timeout: Duration) {
        self.argv = argv
        self.timeout = timeout
    }
}

/// What a check of a database asks of its role.
public enum DatabaseRole: String, Hashable, Sendable, CaseIterable {
    /// Takes writes.
    case primary
    /// Follows another.
    case replica
}

/// `REDIS_CHECK`: `PING`, and `INFO replication` where a role, a link or a lag is asked for. A server that loads its data is not ready.
public struct RedisProbe: Hashable, Sendable {
    public var connection: HealthCheck.Connection
    /// `tls`: from the first byte on.
    public var tls: Bool = false
    /// `username` of an ACL user; needs a password.
    public var username: String?
    /// `password`.
    public var password: Secret?
    /// `role`; nil is either.
    public var role: DatabaseRole?
    /// `require_link`: a replica's link to its primary is up. Does not concern a primary.
    public var requiresLink: Bool = false
    /// `max_lag`: a replica heard its primary so long ago at most; nil is not asked.
    public var maximumLag: Duration?

    public init(_ connection: HealthCheck.Connection) { self.connection = connection }
}

/// `MYSQL_CHECK`.
public struct MySQLProbe: Hashable, Sendable {
    public var connection: HealthCheck.Connection
    /// `tls`: the connection becomes TLS before the login.
    public var tls: Bool = false
    /// `username`; nil: the greeting alone is looked at, and nobody logs in.
    public var username: String?
    /// `password`.
    public var password: Secret?
    /// `role`: `@@global.read_only` is 0 of a primary, 1 of a replica; nil is either. Needs a user.
    public var role: DatabaseRole?
    /// `max_lag`: `Seconds_Behind_Source` of a replica; nil is not asked. Needs a user.
    public var maximumLag: Duration?

    public init(_ connection: HealthCheck.Connection) { self.connection = connection }
}

/// `PGSQL_CHECK`.
public struct PostgresProbe: Hashable, Sendable {
    public var connection: HealthCheck.Connection
    /// `tls`: the connection becomes TLS before the login (SSLRequest).
    public var tls: Bool = false
    /// `username`.
    public var username: String = "postgres"
    /// `password`: sent as the server asks for it: in clear text (only inside TLS), MD5 or SCRAM-SHA-256.
    public var password: Secret?
    /// `database`.
    public var database: String = "postgres"
    /// `role`: `pg_is_in_recovery()` is false of a primary, true of a replica; nil is either.
    public var role: DatabaseRole?
    /// `max_lag` of a replica: `now() - pg_last_xact_replay_timestamp()`, 0 when everything received is replayed; nil is not asked.
    public var maximumLag: Duration?

    public init(_ connection: HealthCheck.Connection) { self.connection = connection }
}

/// `GRPC_CHECK`: HTTP/2, with prior knowledge or ALPN `h2`.
public struct GRPCProbe: Hashable, Sendable {
    public var connection: HealthCheck.Connection
    /// `tls`.
    public var tls: Bool = false
    /// `service` of the request; empty is the server as a whole.
    public var service: String = ""
    /// `virtualhost`: the `:authority`; nil is the address.
    public var authority: String?

    public init(_ connection: HealthCheck.Connection) { self.connection = connection }
}
