import ConfigLanguage
import Primitives

// Whom `global_defs` wants to tell: mail, SNMP, D-Bus. The last two are read and checked, without effect for now.
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
                "notification_email_from", "address",
                default: "root@ and the host's name",
                "Whom alert mails come from."
            ) { $0.settings.mail.sender = $1 },
            .set(
                "smtp_server", .sequence([.word("host"), .optional(.integer(1...65_535, unit: ""))]),
                default: "none; port 25",
                "The mail server; without one no mail is sent.", set: { $0.settings.mail.server = $1 }
            ) { reader in
                guard let host = reader.word("host") else { return nil }
                var server = MailSettings.Server(host: host)
                if reader.hasMore {
                    guard let port = reader.integer(1...65_535) else { return nil }
                    server.port = port
                }
                return server
            },
            .setWord(
                "smtp_helo_name", "name", default: "the host's name", "What to say in HELO."
            ) { $0.settings.mail.heloName = $1 },
            .setWholeSeconds(
                "smtp_connect_timeout", burstSeconds, default: "30",
                "Seconds that the mail server may take to answer."
            ) { $0.settings.mail.connectTimeout = $1 },
            .setBoolean(
                "smtp_alert", default: "on for real servers, off for the rest",
                "Whether alert mails are sent, where nothing nearer says so."
            ) { $0.settings.mail.alert = $1 },
            .setBoolean(
                "smtp_alert_vrrp", default: "smtp_alert",
                "Whether instances and groups send alert mails."
            ) { $0.settings.mail.alertVRRP = $1 },
            .setBoolean(
                "smtp_alert_checker", default: "smtp_alert",
                "Whether virtual and real servers send alert mails."
            ) { $0.settings.mail.alertCheckers = $1 },
            .setFlag("no_email_faults", "No mail when an instance goes to fault.") {
                $0.settings.mail.omitsFaults = true
            },
            .setBoolean(
                "no_checker_emails", "A mail for each real server, and none for each of its checkers."
            ) { $0.settings.mail.omitsCheckers = $1 },
        ]
    }

    static var monitoring: [Keyword<GlobalDraft>] {
        [
            .setWord(
                "snmp_socket", "socket", default: "unix:/var/agentx/master",
                "Where the AgentX master listens, such as udp:192.0.2.1:705."
            ) { $0.settings.snmp.socket = $1 },
            .setFlag("enable_traps", "Send SNMP notifications.") { $0.settings.snmp.sendsTraps = true },
            .setFlag(
                "enable_snmp_vrrp", "Serve the part of KEEPALIVED-MIB about instances."
            ) { $0.settings.snmp.servesVRRP = true },
            .setFlag("enable_snmp_rfcv2", "Serve the MIB of RFC 2787, for version 2.") {
                $0.settings.snmp.servesRFC2787 = true
            },
            .setFlag("enable_snmp_rfcv3", "Serve the MIB of RFC 6527, for version 3.") {
                $0.settings.snmp.servesRFC6527 = true
            },
            Keyword("enable_snmp_rfc", .none, default: "off", "Serve the MIBs of both versions.") { global, _ in
                global.settings.snmp.servesRFC2787 = true
                global.settings.snmp.servesRFC6527 = true
            },
            .setFlag(
                "enable_snmp_checker", "Serve the part of KEEPALIVED-MIB about servers."
            ) { $0.settings.snmp.servesCheckers = true },
            .setSeconds(
                "snmp_vs_stats_update_interval", 1_000...30_000_000,
                default: "5", "Seconds for which counters of virtual servers are good enough to serve again."
            ) { $0.settings.snmp.virtualServerInterval = $1 },
            .setSeconds(
                "snmp_rs_stats_update_interval", 1_000...30_000_000,
                default: "snmp_vs_stats_update_interval", "The same for real servers."
            ) { $0.settings.snmp.realServerInterval = $1 },
            .setFlag("enable_dbus", "Offer a D-Bus service.") { $0.settings.dbus.isEnabled = true },
            .setWord(
                "dbus_service_name", "name", default: "org.keepalived.Vrrp1",
                "The name of the D-Bus service."
            ) { $0.settings.dbus.serviceName = $1 },
            .setWord(
                "dbus_no_interface_name", "name", default: "none",
                "What stands for the interface of instances that have none."
            ) { $0.settings.dbus.noInterfaceName = $1 },
        ]
    }
}
