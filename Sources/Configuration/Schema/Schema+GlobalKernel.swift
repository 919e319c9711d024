import ConfigLanguage
import Primitives

// What `global_defs` wants of the kernel: forwarding, firewalls, buffers. The last two are read and checked, without effect for now.
extension Schema {
    static var forwarding: [Keyword<GlobalDraft>] {
        [
            .set(
                "data_plane", .choice(ForwardingSettings.Plane.allCases.map(\.rawValue)), default: "auto",
                "What forwards: ipvs, nftables, or with auto nftables where the kernel has no ip_vs.",
                set: { $0.settings.forwarding.plane = $1 }
            ) { reader in
                reader.choice("auto|ipvs|nftables", of: ForwardingSettings.Plane.allCases.map { ($0.rawValue, $0) })
            },
            Keyword(
                "lvs_timeouts", .other("[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]"), default: "the kernel's",
                "How long IPVS remembers connections; without effect on nftables."
            ) { global, reader in
                guard reader.hasMore else { return _ = reader.required("tcp, tcpfin or udp") }
                var timeouts = global.settings.forwarding.timeouts
                guard reader.readOptions(connectionTimeouts, into: &timeouts) else { return }
                global.settings.forwarding.timeouts = timeouts
                reader.remember("lvs_timeouts", in: &global)
            },
            .setFlag("lvs_flush", "Empty the table of IPVS at the start.") {
                $0.settings.forwarding.flushesAtStart = true
            },
            .flushOnStop("lvs_flush_on_stop"),
            Keyword(
                "lvs_sync_daemon",
                .other("INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]"),
                default: "off",
                "Tell connections to the other director, through this interface; without effect on nftables."
            ) { global, reader in
                guard let interface = reader.interface() else { return reader.skipRest() }
                var daemon = ForwardingSettings.SyncDaemon(interface: interface)
                guard reader.readOptions(syncDaemon, into: &daemon) else { return }
                global.settings.forwarding.syncDaemon = daemon
                reader.remember("lvs_sync_daemon", in: &global)
            },
            .fifo("lvs_notify_fifo", \.lvsNotifyFIFO, "A named pipe for events of virtual and real servers."),
            .command(
                "lvs_notify_fifo_script", \.lvsNotifyFIFOScript,
                "Started to read lvs_notify_fifo, whose path is appended."),
            .setBoolean(
                "checker_log_all_failures", "Log failures that are forgiven too."
            ) { $0.settings.forwarding.logsAllFailures = $1 },
            .setBoolean(
                "rs_init_notifies", "Run notify_up for real servers that are up at the start."
            ) { $0.settings.forwarding.notifiesAtStart = $1 },
        ]
    }

    /// What follows `lvs_timeouts`.
    static let connectionTimeouts = EntryGrammar<ForwardingSettings.Timeouts>(
        "global_defs/lvs_timeouts", "timeout", consequence: "the line is skipped",
        [
            .timeout("tcp", "Of TCP connections.") { $0.tcp = $1 },
            .timeout("tcpfin", "Of TCP connections that are being closed.") { $0.tcpFin = $1 },
            .timeout("udp", "Of UDP.") { $0.udp = $1 },
        ])

    /// What follows the interface of `lvs_sync_daemon`.
    static let syncDaemon = EntryGrammar<ForwardingSettings.SyncDaemon>(
        "global_defs/lvs_sync_daemon", "sync daemon", consequence: "the line is skipped",
        [
            EntryOption(
                "inst", .word("instance"), default: "none",
                "The instance whose role it follows; the word itself may be left out."
            ) { daemon, reader in
                guard let name = reader.word("instance") else { return false }
                daemon.instance = name
                return true
            },
            .number("id", 0...255, default: "the virtual router id, or 0", "Its number.") { $0.id = $1 },
            .number("maxlen", 1...65_507, default: "the kernel's", "Bytes of a packet.") { $0.maximumLength = $1 },
            .number("port", 1...65_535, default: "8848", "Its port.") { $0.port = $1 },
            .number("ttl", 1...255, default: "the kernel's", "The TTL of its packets.") { $0.ttl = $1 },
            EntryOption("group", .address, default: "224.0.0.81", "The group that it sends to.") { daemon, reader in
                let place = reader.nextRange
                guard let address = reader.address(), let place else { return false }
                guard address.isMulticast else {
                    reader.report(
                        .groupFamily, at: place, "\(address) is not a multicast group",
                        reason: "it would reach nobody else", fix: "write a group such as 224.0.0.81")
                    return false
                }
                daemon.group = address
                return true
            },
        ],
        foreign: { daemon, reader in
            guard daemon.instance == nil, let word = reader.peek(), !word.isEmpty else { return .unknown }
            // A number is no name: an option before it is misspelt.
            guard word.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == false else { return .unknown }
            if Spelling.nearest(to: word, among: ["inst", "id", "maxlen", "port", "ttl", "group"]) != nil {
                return .unknown
            }
            reader.skipWord()
            daemon.instance = word
            return .taken
        })

    static var firewall: [Keyword<GlobalDraft>] {
        [
            .set(
                "nftables", .optional(.word("table")),
                default: "off; keepalived without a name",
                "Make rules with nftables, in a table that is nobody else's.", set: { $0.settings.firewall.table = $1 }
            ) { reader in reader.next()?.text ?? "keepalived" },
            .setInteger(
                "nftables_priority", signed, default: "-1", "The priority of its chains."
            ) { $0.settings.firewall.priority = $1 },
            .setFlag(
                "nftables_ifindex", "Sets hold numbers of interfaces, not names."
            ) { $0.settings.firewall.usesInterfaceIndex = true },
            .setFlag("nftables_counters", "Rules have counters.") { $0.settings.firewall.counts = true },
            .set(
                "nftables_ipvs", .optional(.word("table")),
                default: "off; keepalived_ipvs without a name",
                "Mark packets for groups of virtual servers with nftables.",
                set: { $0.settings.firewall.serverTable = $1 }
            ) { reader in reader.next()?.text ?? "keepalived_ipvs" },
            .setInteger(
                "nftables_ipvs_priority", signed, default: "-1",
                "The priority of its chains."
            ) { $0.settings.firewall.serverPriority = $1 },
            .setInteger(
                "nftables_ipvs_start_fwmark", 1...4_294_967_295, default: "1000",
                "The first mark."
            ) { $0.settings.firewall.firstMark = $1 },
            .set(
                "vrrp_iptables", .optional(.other("IN [OUT]")),
                default: "off; INPUT and OUTPUT without names", "Make rules with iptables, in these chains.",
                set: { $0.settings.firewall.chains = $1 }
            ) { reader in
                guard let input = reader.next()?.text else {
                    return FirewallSettings.Chains(output: "OUTPUT")
                }
                return FirewallSettings.Chains(input: input, output: reader.next()?.text)
            },
            .set(
                "vrrp_ipsets", .optional(.words("set")), default: "keepalived and others",
                "The names of up to six ipsets: IPv4, IPv6, interfaces, IGMP, MLD, ND; without names none are used.",
                set: { $0.settings.firewall.sets = $1 }
            ) { reader in
                var sets: [String] = []
                while sets.count < 6, let word = reader.next() { sets.append(word.text) }
                return sets
            },
            .setFlag(
                "disable_local_igmp", "No IGMP reports for groups of the link."
            ) { $0.settings.firewall.silencesLocalGroups = true },
            .setWord(
                "vmac_prefix", "prefix", default: "vrrp",
                "How names of virtual MAC interfaces begin."
            ) { $0.settings.virtualMACPrefix = $1 },
            .setWord(
                "vmac_addr_prefix", "prefix", default: "vmac_prefix",
                "How names of those for addresses on other interfaces begin."
            ) { $0.settings.virtualMACAddressPrefix = $1 },
        ]
    }

    private static let signed = -2_147_483_648...2_147_483_647

    static var buffers: [Keyword<GlobalDraft>] {
        [
            .bytes(
                "vrrp_netlink_cmd_rcv_bufs", "Of the socket that changes addresses."
            ) { $0.settings.buffers.vrrpCommands.size = $1 },
            .force("vrrp_netlink_cmd_rcv_bufs_force") { $0.settings.buffers.vrrpCommands.isForced = $1 },
            .bytes(
                "vrrp_netlink_monitor_rcv_bufs", "Of the socket that hears of changes."
            ) { $0.settings.buffers.vrrpMonitor.size = $1 },
            .force("vrrp_netlink_monitor_rcv_bufs_force") { $0.settings.buffers.vrrpMonitor.isForced = $1 },
            .bytes("lvs_netlink_cmd_rcv_bufs", "Of the checkers' first socket.") {
                $0.settings.buffers.lvsCommands.size = $1
            },
            .force("lvs_netlink_cmd_rcv_bufs_force") { $0.settings.buffers.lvsCommands.isForced = $1 },
            .bytes(
                "lvs_netlink_monitor_rcv_bufs", "Of the checkers' socket that hears of changes."
            ) { $0.settings.buffers.lvsMonitor.size = $1 },
            .force("lvs_netlink_monitor_rcv_bufs_force") { $0.settings.buffers.lvsMonitor.isForced = $1 },
            .bytes(
                "process_monitor_rcv_bufs", "Of the socket that hears of processes."
            ) { $0.settings.buffers.processMonitor.size = $1 },
            .force("process_monitor_rcv_bufs_force") { $0.settings.buffers.processMonitor.isForced = $1 },
            .set(
                "vrrp_rx_bufs_policy", .other("MTU|ADVERT|BYTES"), default: "the kernel's",
                "How the receive buffers of adverts are sized.", set: { $0.settings.buffers.policy = $1 }
            ) { reader in reader.bufferPolicy() },
            .setInteger(
                "vrrp_rx_bufs_multiplier", 1...4_294_967_295, default: "3",
                "How many packets of that size they hold."
            ) { $0.settings.buffers.multiplier = $1 },
        ]
    }
}

extension Keyword where Target == GlobalDraft {
    /// `[VS]`.
    static func flushOnStop(_ name: String) -> Keyword {
        .set(
            name, .optional(.choice(["VS"])), default: "off",
            "Empty the table of IPVS at the end; with VS each virtual server on its own.",
            set: { $0.settings.forwarding.flushOnStop = $1 }
        ) { reader in
            guard let word = reader.next() else { return .all }
            return reader.choice(word, [("VS", .virtualServers)], rule: .choice)
        }
    }

    fileprivate static func bytes(_ name: String, _ documentation: String, _ set: @escaping Setter<Int>) -> Keyword {
        .setInteger(name, 0...4_294_967_295, unit: "bytes", default: "the kernel's", documentation, set)
    }

    fileprivate static func force(_ name: String, _ set: @escaping Setter<Bool>) -> Keyword {
        .setBoolean(name, "Its size may be beyond the kernel's limit.", set)
    }
}

extension EntryOption where Target == ForwardingSettings.Timeouts {
    fileprivate static func timeout(
        _ name: String, _ documentation: String, _ set: @escaping @Sendable (inout Target, Duration) -> Void
    ) -> EntryOption {
        EntryOption(name, .integer(0...2_678_400, unit: "s"), default: "the kernel's", documentation) {
            timeouts, reader in
            guard let seconds = reader.integer(0...2_678_400, unit: "s") else { return false }
            set(&timeouts, .seconds(seconds))
            return true
        }
    }
}

extension EntryOption where Target == ForwardingSettings.SyncDaemon {
    fileprivate static func number(
        _ name: String, _ range: ClosedRange<Int>, default text: String, _ documentation: String,
        _ set: @escaping @Sendable (inout Target, Int) -> Void
    ) -> EntryOption {
        EntryOption(name, .integer(range, unit: ""), default: text, documentation) { daemon, reader in
            guard let value = reader.integer(range) else { return false }
            set(&daemon, value)
            return true
        }
    }
}

extension StatementReader {
    /// `MTU`, `ADVERT`, in any case, or a number of bytes.
    fileprivate mutating func bufferPolicy() -> SocketBufferSettings.Policy? {
        guard let word = required("MTU, ADVERT or a number of bytes") else { return nil }
        if word.text.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true {
            return checkedInteger(word.text, word.range, 0...4_294_967_295, unit: "bytes").map { .bytes($0) }
        }
        let policies: [(String, SocketBufferSettings.Policy)] = [("MTU", .mtu), ("ADVERT", .advert)]
        return choice((word.text.uppercased(), word.range), policies, rule: .choice)
    }
}
