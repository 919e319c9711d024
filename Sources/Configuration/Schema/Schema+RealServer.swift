import ConfigLanguage
import Primitives

extension Schema {
    /// `virtual_server/real_server`.
    static let realServer = Block<RealServerDraft>(
        "virtual_server/real_server",
        serverKeywords
            + Keyword<RealServerDraft>.lifted(timing(retry: 1...4_294_967_295, inherited: "the virtual server's")) {
                $1(&$0.timing)
            }
            + Keyword<RealServerDraft>.lifted([connectTimeout(inherited: "the virtual server's")]) { $1(&$0.timing) }
            + checkers)

    private static let serverKeywords: [Keyword<RealServerDraft>] = [
        .integer(
            "weight", \.weight, 0...2_147_483_647, default: "the virtual server's, else 1", rule: .serverWeight,
            "Its share of the connections; 0 gets no new ones."),
        .forwarding(
            "lvs_method", \.forwarding, default: "the virtual server's", "How packets travel to this real server."),
        .integer(
            "uthreshold", \.upperThreshold, 0...4_294_967_295, default: "0",
            "No new connections from so many on; 0 is no limit."),
        .integer(
            "lthreshold", \.lowerThreshold, 0...4_294_967_295, default: "0",
            "New connections again from so few on; 0 is three quarters of uthreshold."),
        .boolean(
            "inhibit_on_failure", \.inhibitOnFailure, default: "the virtual server's",
            "When it fails it gets weight 0 and keeps its connections."),
        .seconds(
            "drain_timeout", \.drainTimeout, 0...longestDrain, default: "the virtual server's",
            "Seconds that connections may take to end when it is drained or no longer in the file."),
        .seconds(
            "slow_start", \.slowStart, 0...longestDrain, default: "the virtual server's",
            "Seconds within which it gets its weight, little by little, when it comes up."),
        .command("notify_up", \.notifyUp, "Run when it comes up."),
        .command("notify_down", \.notifyDown, "Run when it goes down."),
        .boolean("alpha", \.timing.alpha, default: "the virtual server's", "It is down until its first success."),
        .boolean(
            "smtp_alert", \.smtpAlert, default: "smtp_alert_checker, else smtp_alert, else on",
            "A mail when it comes up or goes down."),
        .word(
            "virtualhost", \.virtualHost, "host", default: "the virtual server's", "The Host header of HTTP checks."),
        .word("snmp_name", \.snmpName, "name", default: "none", "What SNMP calls it.").later(),
    ]

    private static let checkers: [Keyword<RealServerDraft>] = [
        .checker("TCP_CHECK", tcpCheck, "Up when a TCP connection can be made.") { .tcp($0) },
        .checker("HTTP_GET", httpGet, "Up when every URL answers as it should.") { .http($0) },
        .checker("SSL_GET", sslGet, "Up when every URL answers as it should over TLS.") { .https($0) },
        .checker("SMTP_CHECK", smtpCheck, "Up when the mail server greets.") { .smtp($0) },
        .checker("DNS_CHECK", dnsCheck, "Up when a DNS query over UDP is answered without an error.") { .dns($0) },
        .checker("MISC_CHECK", miscCheck, "Up when a command succeeds.") { .command($0) },
        .checker("UDP_CHECK", udpCheck, "Up when a UDP packet is not refused, or is answered.") { .udp($0) },
        .checker("PING_CHECK", pingCheck, "Up when an ICMP echo is answered.") { .ping($0) },
        .checker("FILE_CHECK", fileCheck, "Up as a track_file says.") { .file($0) },
        // Nothing speaks BFD yet.
        .checker("BFD_CHECK", bfdCheck, "Up while a BFD session is.") { .bfd($0) }.later(),
        .checker("REDIS_CHECK", redisCheck, "Up when Redis is ready, and has the role that is wanted.") { .redis($0) },
        .checker("MYSQL_CHECK", mysqlCheck, "Up when MySQL or MariaDB lets one in, and has the role that is wanted.") {
            .mysql($0)
        },
        .checker("PGSQL_CHECK", postgresCheck, "Up when PostgreSQL lets one in, and has the role that is wanted.") {
            .postgres($0)
        },
        .checker("GRPC_CHECK", grpcCheck, "Up when grpc.health.v1 says SERVING.") { .grpc($0) },
    ]

    // MARK: What several blocks say

    /// When to check: a virtual server, a real server or a checker says it, and the innermost counts.
    static func timing(retry: ClosedRange<Int>, inherited: String? = nil) -> [Keyword<TimingDraft>] {
        [
            .integer(
                "retry", \.retry, retry, default: inherited ?? "1; DNS_CHECK 3, MISC_CHECK 0",
                "Failures in a row that are forgiven."),
            .integer(
                "rise", \.rise, 1...4_294_967_295, default: inherited ?? "1",
                "Successes in a row after which a check that has failed counts as passed."),
            .seconds(
                "delay_before_retry", \.delayBeforeRetry, 0...longestDelay,
                default: inherited ?? "1; HTTP_GET and SSL_GET 3, DNS_CHECK delay_loop",
                "Seconds to the next check after a failure that is forgiven."),
            .seconds(
                "warmup", \.warmup, 0...longestDelay, default: inherited ?? "delay_loop",
                "The first check comes after a random part of so many seconds; 0 is at once."),
            .seconds(
                "delay_loop", \.delayLoop, 1...longestDelay, default: inherited ?? "60",
                "Seconds from one check to the next."),
        ]
    }

    static func connectTimeout(inherited: String? = nil) -> Keyword<TimingDraft> {
        .seconds(
            "connect_timeout", \.connectTimeout, 1...4_294_967_295, default: inherited ?? "5",
            "Seconds after which a check that hears nothing has failed.")
    }

    /// 136 years in microseconds.
    static let longestDelay = 4_294_967_295_000_000

    /// 31 days in microseconds.
    static let longestDrain = 2_678_400_000_000
}

extension Keyword where Target == RealServerDraft {
    /// The block of a checker.
    static func checker<Draft: CheckerDraft>(
        _ name: String, _ block: Block<Draft>, _ documentation: String,
        _ check: @escaping @Sendable (Draft) -> CheckDraft
    ) -> Keyword {
        Keyword(name, .block(named: false), documentation) { server, reader in
            reader.expectNoMore()
            server.checks.append(check(reader.checker(block)))
        }
    }
}

extension StatementReader {
    /// The checker of the statement at hand.
    mutating func checker<Draft: CheckerDraft>(_ block: Block<Draft>) -> Draft {
        var draft = Draft(range: keywordRange)
        draft.failed = readBlock(block, into: &draft)
        return draft
    }
}
