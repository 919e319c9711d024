import ConfigLanguage
import Primitives

extension Schema {
    /// `virtual_server`.
    static let virtualServer = Block<VirtualServerDraft>(
        "virtual_server",
        spreading + persisting
            + Keyword<VirtualServerDraft>.lifted(timing(retry: 1...4_294_967_295)) { $1(&$0.timing) }
            + Keyword<VirtualServerDraft>.lifted([connectTimeout()]) { $1(&$0.timing) }
            + checking + serving)

    /// How connections are spread.
    private static let spreading: [Keyword<VirtualServerDraft>] = [
        .choice(
            "lvs_sched", \.scheduler, schedulers, default: "wlc", rule: .unknownScheduler, otherwise: "wlc",
            "How a connection finds its real server."),
        .choice(
            "lb_algo", \.scheduler, schedulers, default: "wlc", rule: .unknownScheduler, otherwise: "wlc",
            "The same as lvs_sched."),
        .schedulerFlag("flag-1", .first, "The first flag of the scheduler."),
        .schedulerFlag("flag-2", .second, "The second flag of the scheduler."),
        .schedulerFlag("flag-3", .third, "The third flag of the scheduler."),
        .schedulerFlag("sh-port", .second, of: .sourceHash, "The scheduler sh counts in the client's port."),
        .schedulerFlag("sh-fallback", .first, of: .sourceHash, "The scheduler sh passes over servers that are down."),
        .schedulerFlag("mh-port", .second, of: .maglevHash, "The scheduler mh counts in the client's port."),
        .schedulerFlag("mh-fallback", .first, of: .maglevHash, "The scheduler mh passes over servers that are down."),
        Keyword("hashed", .none, default: "off", "Accepted without effect, as in keepalived.") { _, _ in }
            .withoutEffect(),
        .flag("ops", \.onePacket, "Each packet is scheduled on its own; UDP only."),
        .forwarding("lvs_method", \.forwarding, default: "NAT", "How packets travel to the real servers."),
        .forwarding("lb_kind", \.forwarding, default: "NAT", "The same as lvs_method."),
        .choice(
            "protocol", \.transport, [("TCP", .tcp), ("UDP", .udp), ("SCTP", .sctp)], default: "UDP",
            isCaseSensitive: false, otherwise: "UDP",
            "What the service speaks; without effect on firewall marks."),
        .choice(
            "ip_family", \.family, [("inet", .ipv4), ("inet6", .ipv6)], default: "that of the addresses, else inet",
            "The family of a firewall mark whose servers are all tunnelled to."),
    ]

    private static let schedulers = VirtualServer.Scheduler.allCases.map { ($0.rawValue, $0) }

    /// Who stays where.
    private static let persisting: [Keyword<VirtualServerDraft>] = [
        Keyword(
            "persistence_timeout", .integer(1...2_678_400, unit: "s"), default: "none; 360 where no number follows",
            "Seconds for which a client stays with its real server."
        ) { server, reader in
            guard reader.hasMore else { return reader.assign(&server.persistenceTimeout, .seconds(360)) }
            if let value = reader.integer(1...2_678_400, unit: "s") {
                reader.assign(&server.persistenceTimeout, .seconds(value))
            }
        },
        Keyword(
            "persistence_granularity", .other("NETMASK or LENGTH"), default: "255.255.255.255 or 128",
            "Which clients are one: a mask in IPv4, a number of bits in IPv6. Alone it means 360 s of persistence."
        ) { server, reader in
            if let value = reader.granularity() { reader.assign(&server.granularity, value) }
        },
        .word(
            "persistence_engine", \.persistenceEngine, "name", default: "none",
            "What tells clients apart instead of their addresses, such as sip."),
    ]

    /// How its real servers are checked.
    private static let checking: [Keyword<VirtualServerDraft>] = [
        .flag("alpha", \.timing.alpha, "Real servers are down until their first success."),
        .flag("omega", \.omega, "A stop runs quorum_down and notify_down."),
        .flag("inhibit_on_failure", \.inhibitOnFailure, "A failed server gets weight 0 and keeps its connections."),
        .seconds(
            "drain_timeout", \.drainTimeout, 0...longestDrain, default: "0",
            "Seconds that connections may take to end when a real server is drained or no longer in the file."),
        .seconds(
            "slow_start", \.slowStart, 0...longestDrain, default: "0",
            "Seconds within which a real server gets its weight, little by little, when it comes up."),
        .flag("ha_suspend", \.suspendsChecks, "No checks while the service's address is not on this node."),
        .word("virtualhost", \.virtualHost, "host", default: "the address", "The Host header of HTTP checks."),
    ]

    /// Who serves, and who is told.
    private static let serving: [Keyword<VirtualServerDraft>] = [
        .integer(
            "weight", \.weight, 1...2_147_483_647, default: "1", rule: .serverWeight,
            "The weight of real servers that have none of their own."),
        .integer(
            "quorum", \.quorum, 1...4_294_967_295, default: "1", fallback: 1,
            "The least weight of living servers; with less the sorry server serves."),
        .integer(
            "hysteresis", \.hysteresis, 0...4_294_967_295, default: "0",
            "How far the weight must pass the quorum, either way."),
        Keyword("sorry_server", .other("IP [PORT]"), default: "none", "Serves while the quorum is lost.") {
            server, reader in
            if let value = reader.destination() { reader.assign(&server.sorryServer, value) }
        },
        .flag("sorry_server_inhibit", \.sorryInhibit, "The sorry server stays with weight 0 while it is not needed.")
            .afterSorryServer(),
        .forwarding(
            "sorry_server_lvs_method", \.sorryForwarding, default: "lvs_method",
            "How packets travel to the sorry server."
        ).afterSorryServer(),
        Keyword("real_server", .headedBlock("ADDRESS [PORT]"), "One that answers.") { server, reader in
            guard let destination = reader.destination() else { return reader.skipRest() }
            reader.expectNoMore()
            var draft = RealServerDraft(destination: destination)
            draft.failed = reader.readBlock(realServer, into: &draft)
            server.realServers.append(Boxed(draft))
        },
        .command("quorum_up", \.quorumUp, "Run when the quorum is gained."),
        .command("quorum_down", \.quorumDown, "Run when the quorum is lost."),
        .boolean(
            "smtp_alert", \.smtpAlert, default: "smtp_alert_checker, else smtp_alert, else off",
            "A mail when the quorum is gained or lost."),
        .word("snmp_name", \.snmpName, "name", default: "none", "What SNMP calls it.").later(),
    ]

    /// `virtual_server_group`: an entry begins with the second of these, or else is the first.
    static let serverGroup = Block<ServerGroupDraft>(
        "virtual_server_group",
        [
            Keyword("ADDRESS", .other("IP[-LAST|-IP2|/LEN] [PORT]"), "An address, or a range of them, and its port.") {
                group, reader in
                reader.groupAddresses(into: &group)
            },
            Keyword("fwmark", .other("MARK [inet|inet6]"), "Packets that the firewall marked.") { group, reader in
                reader.groupMark(into: &group)
            },
        ])

    /// `SSL`.
    static let tls = Block<TLSDraft>(
        "SSL",
        [
            {
                var keyword = Keyword<TLSDraft>("password", .word("password"), "The password of the private key.") {
                    tls, reader in
                    guard let (bytes, range) = reader.nextBytes() else {
                        _ = reader.required("password")
                        return
                    }
                    reader.assignSecret(&tls.password, Secret(bytes), range)
                }
                keyword.isSecret = true
                return keyword
            }(),
            .word("ca", \.authority, "path", default: "none", "The certificates of authorities to believe."),
            .word("certificate", \.certificate, "path", default: "none", "The certificate to show to servers."),
            .word("key", \.key, "path", default: "none", "The private key of the certificate."),
        ])
}

extension Keyword where Target == VirtualServerDraft {
    /// A flag of the scheduler; `scheduler` must be the one that is written before it.
    static func schedulerFlag(
        _ name: String, _ flag: VirtualServer.SchedulerFlags, of scheduler: VirtualServer.Scheduler? = nil,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .none, default: "off", documentation) { server, reader in
            if let scheduler, server.scheduler?.value != scheduler {
                guard !reader.hasFailed("lvs_sched"), !reader.hasFailed("lb_algo") else { return }
                return reader.report(
                    .schedulerFlag, at: reader.keywordRange,
                    "`\(name)` is for the scheduler \(scheduler.rawValue) only",
                    reason: "the flag is dropped",
                    fix: "write `lvs_sched \(scheduler.rawValue)` before it, or remove it")
            }
            server.schedulerFlags.insert(flag)
        }
    }

    /// The same keyword, which says something about the sorry server that is written before it.
    func afterSorryServer() -> Keyword {
        Keyword(name, argument, default: defaultText, documentation, status: status) { server, reader in
            guard server.sorryServer != nil else {
                reader.skipRest()
                guard !reader.hasFailed("sorry_server") else { return }
                return reader.report(
                    .sorryOrder, at: reader.statementRange, "there is no `sorry_server` before `\(name)`",
                    reason: "it would be dropped", fix: "write `sorry_server` before it, or remove it")
            }
            apply(&server, &reader)
        }
    }
}
