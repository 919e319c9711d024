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
    /// `alpha`, or the real server's: down until the first success.
    public var alpha: Bool = false
    /// `log_all_failures`, or the global default, or false.
    public var logAllFailures: Bool = false

    public init(_ probe: Probe) { self.probe = probe }
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
        /// `tls_compliant`, or the checker's (SSL_GET).
        public var tlsCompliant: Bool = false

        public init(path: String) { self.path = path }
    }

    public var connection: HealthCheck.Connection
    /// In the order in which they are asked; never empty.
    public var urls: [URL]
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
