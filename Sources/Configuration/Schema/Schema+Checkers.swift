import ConfigLanguage
import Primitives

extension Schema {
    // MARK: What most checkers have

    /// Where a check goes to and comes from.
    private static let connection: [Keyword<ConnectionDraft>] = [
        .address("connect_ip", \.address, default: "the real server's", "The address to ask."),
        .integer("connect_port", \.port, 1...65_535, default: "the real server's", "The port to ask."),
        .address("bindto", \.source, default: "the kernel's choice", "The address to ask from."),
        .integer("bind_port", \.sourcePort, 1...65_535, default: "the kernel's choice", "The port to ask from."),
        .interface("bind_if", \.interface, default: "the kernel's choice", "The interface to ask through."),
        .integer("fwmark", \.mark, 0...4_294_967_295, default: "0", "The firewall mark of the packets."),
    ]

    /// When to ask.
    private static let asking: [Keyword<ProbeDraft>] =
        Keyword<ProbeDraft>.lifted(timing(retry: 0...4_294_967_295, inherited: "the real server's")) { $1(&$0.timing) }
        + [
            .boolean("alpha", \.timing.alpha, default: "the real server's", "The check has failed until it succeeds."),
            .boolean(
                "log_all_failures", \.logAllFailures, default: "checker_log_all_failures",
                "Log failures that are forgiven too."),
        ]

    static let probing: [Keyword<ProbeDraft>] =
        Keyword<ProbeDraft>.lifted(connection) { $1(&$0.connection) }
        + Keyword<ProbeDraft>.lifted([connectTimeout(inherited: "the real server's")]) { $1(&$0.timing) }
        + asking

    // MARK: The checkers

    static let tcpCheck = Block<ProbeDraft>("virtual_server/real_server/TCP_CHECK", probing)
    static let pingCheck = Block<ProbeDraft>("virtual_server/real_server/PING_CHECK", probing)

    static let udpCheck = Block<UDPDraft>(
        "virtual_server/real_server/UDP_CHECK",
        Keyword<UDPDraft>.lifted(probing) { $1(&$0.probe) } + [
            Keyword("payload", .other("HEX"), default: "random", "What to send, in hexadecimal digits.") {
                udp, reader in
                if let pattern = reader.hexadecimal(wildcards: false) { reader.assign(&udp.payload, pattern.bytes) }
            },
            Keyword(
                "require_reply", .other("[HEX]"), default: "off",
                "Silence is a failure, and an answer that does not begin like this; X is any digit."
            ) { udp, reader in
                reader.assign(&udp.requiresReply, true)
                guard reader.hasMore else { return }
                if let pattern = reader.hexadecimal(wildcards: true) { reader.assign(&udp.reply, pattern) }
            },
            .integer("min_reply_length", \.minimumReply, 0...65_535, default: "0", "The shortest answer, in bytes."),
            .integer("max_reply_length", \.maximumReply, 0...65_535, default: "255", "The longest answer, in bytes."),
        ])

    static let smtpCheck = Block<SMTPDraft>(
        "virtual_server/real_server/SMTP_CHECK",
        Keyword<SMTPDraft>.lifted(probing) { $1(&$0.probe) } + [
            .word("helo_name", \.heloName, "name", default: "smtpchecker.keepalived.org", "What to say in HELO."),
            Keyword("host", .block(named: false), "Old: one of several hosts to ask.") { smtp, reader in
                reader.expectNoMore()
                reader.report(
                    .deprecatedKeyword, at: reader.keywordRange, "`host` is an old way to ask several hosts",
                    fix: "write a SMTP_CHECK with `connect_ip` for each")
                smtp.hosts.append(reader.checker(smtpHost))
            },
        ])

    static let smtpHost = Block<ProbeDraft>("virtual_server/real_server/SMTP_CHECK/host", probing)

    static let dnsCheck = Block<DNSDraft>(
        "virtual_server/real_server/DNS_CHECK",
        Keyword<DNSDraft>.lifted(probing) { $1(&$0.probe) } + [
            .choice(
                "type", \.type, DNSProbe.RecordType.allCases.map { ($0.rawValue, $0) }, default: "SOA",
                "The type of record to ask for."),
            .word("name", \.name, "name", default: ".", "The name to ask for."),
        ])

    static let miscCheck = Block<CommandDraft>(
        "virtual_server/real_server/MISC_CHECK",
        Keyword<CommandDraft>.lifted(asking) { $1(&$0.probe) } + [
            Keyword("misc_path", .program, "The command as one word, in quotes where it has arguments.") {
                misc, reader in
                if let argv = reader.wholeCommand() { reader.assign(&misc.argv, argv) }
            },
            .wholeSeconds(
                "misc_timeout", \.timeout, burstSeconds, default: "delay_loop",
                "Seconds after which a run has failed."),
            .flag(
                "misc_dynamic", \.isDynamic,
                "A status from 2 to 255 is a success too, and sets the weight to two less."),
            .user("user", \.user, default: "script_user", "Whom the command runs as."),
        ])

    static let fileCheck = Block<FileDraft>(
        "virtual_server/real_server/FILE_CHECK",
        [
            .word("track_file", \.name, "name", "The track_file whose content decides."),
            Keyword(
                "weight", .other("-2147483647…2147483647 [reverse]"), default: "the track_file's",
                "What the content is multiplied with and adds to the weight; 0 is down while it is not 0."
            ) { file, reader in
                if let weight = reader.weight(-2_147_483_647...2_147_483_647) { reader.assign(&file.weight, weight) }
            },
        ])

    static let bfdCheck = Block<BFDDraft>(
        "virtual_server/real_server/BFD_CHECK",
        [
            .word("name", \.name, "name", "The bfd_instance whose session decides."),
            .boolean("alpha", \.alpha, default: "the real server's", "The check has failed until the session is up."),
        ])

    /// Every block of a checker, for documentation and completion.
    static var checkerBlocks: [any KeywordBlock] {
        [
            tcpCheck, httpGet, httpURL, sslGet, sslURL, smtpCheck, smtpHost, dnsCheck, miscCheck, udpCheck, pingCheck,
            fileCheck, bfdCheck, redisCheck, mysqlCheck, postgresCheck, grpcCheck,
        ]
    }
}
