import ConfigLanguage
import Primitives

// Whom `global_defs` wants to tell: mail, SNMP, D-Bus. Read and checked, without effect for now.
extension Schema {
    static var mail: [Keyword<GlobalDraft>] {
        [
            .entries("notification_email", "ADDRESS", "Whom alert mails go to, one on a line.") { global, reader in
                // A display name in quotes may stand before the address.
                while let word = reader.next() {
                    guard !word.text.isEmpty else {
                        reader.report(
                            .missingValue, at: word.range, "an address is empty", fix: "write one, or remove it")
                        continue
                    }
                    global.settings.mail.recipients.append(word.text)
                }
            },
            .setWord(
                "notification_email_from", \.settings.mail.sender, "address",
                default: "keepalived@ and the host's name",
                "Whom alert mails come from."),
            .set(
                "smtp_server", \.settings.mail.server,
                .sequence([.word("host"), .optional(.integer(1...65_535, unit: ""))]), default: "none; port 25",
                "The mail server; without one no mail is sent."
            ) { reader in
                guard let host = reader.word("host") else { return .none }
                var server = MailSettings.Server(host: host)
                if reader.hasMore {
                    guard let port = reader.integer(1...65_535) else { return .none }
                    server.port = port
                }
                return .some(server)
            },
            .setWord(
                "smtp_helo_name", \.settings.mail.heloName, "name", default: "the host's name", "What to say in HELO."),
            .setWholeSeconds(
                "smtp_connect_timeout", \.settings.mail.connectTimeout, burstSeconds, default: "30",
                "Seconds that the mail server may take to answer."),
            .setBoolean(
                "smtp_alert", \.settings.mail.alert, default: "on for real servers, off for the rest",
                "Whether alert mails are sent, where nothing nearer says so."),
            .setBoolean(
                "smtp_alert_vrrp", \.settings.mail.alertVRRP, default: "smtp_alert",
                "Whether instances and groups send alert mails."),
            .setBoolean(
                "smtp_alert_checker", \.settings.mail.alertCheckers, default: "smtp_alert",
                "Whether virtual and real servers send alert mails."),
            .setFlag("no_email_faults", \.settings.mail.omitsFaults, "No mail when an instance goes to fault."),
            .setBoolean(
                "no_checker_emails", \.settings.mail.omitsCheckers,
                "A mail for each real server, and none for each of its checkers."),
        ]
    }

    static var monitoring: [Keyword<GlobalDraft>] {
        [
            .setWord(
                "snmp_socket", \.settings.snmp.socket, "socket", default: "unix:/var/agentx/master",
                "Where the AgentX master listens, such as udp:192.0.2.1:705."),
            .setFlag("enable_traps", \.settings.snmp.sendsTraps, "Send SNMP notifications."),
            .setFlag(
                "enable_snmp_vrrp", \.settings.snmp.servesVRRP, "Serve the part of KEEPALIVED-MIB about instances."),
            .setFlag("enable_snmp_rfcv2", \.settings.snmp.servesRFC2787, "Serve the MIB of RFC 2787, for version 2."),
            .setFlag("enable_snmp_rfcv3", \.settings.snmp.servesRFC6527, "Serve the MIB of RFC 6527, for version 3."),
            Keyword("enable_snmp_rfc", .none, default: "off", "Serve the MIBs of both versions.") { global, _ in
                global.settings.snmp.servesRFC2787 = true
                global.settings.snmp.servesRFC6527 = true
            },
            .setFlag(
                "enable_snmp_checker", \.settings.snmp.servesCheckers, "Serve the part of KEEPALIVED-MIB about servers."
            ),
            .setSeconds(
                "snmp_vs_stats_update_interval", \.settings.snmp.virtualServerInterval, 1_000...30_000_000,
                default: "5", "Seconds for which counters of virtual servers are good enough to serve again."),
            .setSeconds(
                "snmp_rs_stats_update_interval", \.settings.snmp.realServerInterval, 1_000...30_000_000,
                default: "snmp_vs_stats_update_interval", "The same for real servers."),
            .setFlag("enable_dbus", \.settings.dbus.isEnabled, "Offer a D-Bus service."),
            .setWord(
                "dbus_service_name", \.settings.dbus.serviceName, "name", default: "org.keepalived.Vrrp1",
                "The name of the D-Bus service."),
            .setWord(
                "dbus_no_interface_name", \.settings.dbus.noInterfaceName, "name", default: "none",
                "What stands for the interface of instances that have none."),
        ]
    }
}
