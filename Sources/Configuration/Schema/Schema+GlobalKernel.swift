import ConfigLanguage
import Primitives

// What `global_defs` wants of the kernel: IPVS, firewalls, buffers. Read and checked, without effect for now.
extension Schema {
    static var forwarding: [Keyword<GlobalDraft>] {
        [
            Keyword(
                "lvs_timeouts", .other("[tcp SECONDS] [tcpfin SECONDS] [udp SECONDS]"), default: "the kernel's",
                "How long IPVS remembers connections."
            ) { global, reader in
                guard reader.hasMore else { return _ = reader.required("tcp, tcpfin or udp") }
                var timeouts = global.settings.forwarding.timeouts
                guard reader.readOptions(connectionTimeouts, into: &timeouts) else { return }
                global.settings.forwarding.timeouts = timeouts
                reader.remember("lvs_timeouts", in: &global)
            },
            .setFlag("lvs_flush", \.settings.forwarding.flushesAtStart, "Empty the table of IPVS at the start."),
            .flushOnStop("lvs_flush_on_stop"),
            Keyword(
                "lvs_sync_daemon",
                .other("INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]"),
                default: "off", "Tell connections to the other director, through this interface."
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
                "checker_log_all_failures", \.settings.forwarding.logsAllFailures, "Log failures that are forgiven too."
            ),
            .setBoolean(
                "rs_init_notifies", \.settings.forwarding.notifiesAtStart,
                "Run notify_up for real servers that are up at the start."),
        ]
    }

    /// What follows `lvs_timeouts`.
    static let connectionTimeouts = EntryGrammar<ForwardingSettings.Timeouts>(
        "global_defs/lvs_timeouts", "timeout", consequence: "the line is skipped",
        [
            .timeout("tcp", \.tcp, "Of TCP connections."),
            .timeout("tcpfin", \.tcpFin, "Of TCP connections that are being closed."),
            .timeout("udp", \.udp, "Of UDP."),
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
            .number("id", \.id, 0...255, default: "the virtual router id, or 0", "Its number."),
            .number("maxlen", \.maximumLength, 1...65_507, default: "the kernel's", "Bytes of a packet."),
            .number("port", \.port, 1...65_535, default: "8848", "Its port."),
            .number("ttl", \.ttl, 1...255, default: "the kernel's", "The TTL of its packets."),
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
                "nftables", \.settings.firewall.table, .optional(.word("table")),
                default: "off; keepalived without a name",
                "Make rules with nftables, in a table that is nobody else's."
            ) { reader in .some(reader.next()?.text ?? "keepalived") },
            .setInteger(
                "nftables_priority", \.settings.firewall.priority, signed, default: "-1", "The priority of its chains."),
            .setFlag(
                "nftables_ifindex", \.settings.firewall.usesInterfaceIndex,
                "Sets hold numbers of interfaces, not names."),
            .setFlag("nftables_counters", \.settings.firewall.counts, "Rules have counters."),
            .set(
                "nftables_ipvs", \.settings.firewall.serverTable, .optional(.word("table")),
                default: "off; keepalived_ipvs without a name",
                "Mark packets for groups of virtual servers with nftables."
            ) { reader in .some(reader.next()?.text ?? "keepalived_ipvs") },
            .setInteger(
                "nftables_ipvs_priority", \.settings.firewall.serverPriority, signed, default: "-1",
                "The priority of its chains."),
            .setInteger(
                "nftables_ipvs_start_fwmark", \.settings.firewall.firstMark, 1...4_294_967_295, default: "1000",
                "The first mark."),
            .set(
                "vrrp_iptables", \.settings.firewall.chains, .optional(.other("IN [OUT]")),
                default: "off; INPUT and OUTPUT without names", "Make rules with iptables, in these chains."
            ) { reader in
                guard let input = reader.next()?.text else {
                    return .some(FirewallSettings.Chains(output: "OUTPUT"))
                }
                return .some(FirewallSettings.Chains(input: input, output: reader.next()?.text))
            },
            .set(
                "vrrp_ipsets", \.settings.firewall.sets, .optional(.words("set")), default: "keepalived and others",
                "The names of up to six ipsets: IPv4, IPv6, interfaces, IGMP, MLD, ND; without names none are used."
            ) { reader in
                var sets: [String] = []
                while sets.count < 6, let word = reader.next() { sets.append(word.text) }
                return .some(sets)
            },
            .setFlag(
                "disable_local_igmp", \.settings.firewall.silencesLocalGroups, "No IGMP reports for groups of the link."
            ),
            .setWord(
                "vmac_prefix", \.settings.virtualMACPrefix, "prefix", default: "vrrp",
                "How names of virtual MAC interfaces begin."),
            .setWord(
                "vmac_addr_prefix", \.settings.virtualMACAddressPrefix, "prefix", default: "vmac_prefix",
                "How names of those for addresses on other interfaces begin."),
        ]
    }

    private static let signed = -2_147_483_648...2_147_483_647

    static var buffers: [Keyword<GlobalDraft>] {
        [
            .bytes(
                "vrrp_netlink_cmd_rcv_bufs", \.settings.buffers.vrrpCommands.size,
                "Of the socket that changes addresses."),
            .force("vrrp_netlink_cmd_rcv_bufs_force", \.settings.buffers.vrrpCommands.isForced),
            .bytes(
                "vrrp_netlink_monitor_rcv_bufs", \.settings.buffers.vrrpMonitor.size,
                "Of the socket that hears of changes."),
            .force("vrrp_netlink_monitor_rcv_bufs_force", \.settings.buffers.vrrpMonitor.isForced),
            .bytes("lvs_netlink_cmd_rcv_bufs", \.settings.buffers.lvsCommands.size, "Of the checkers' first socket."),
            .force("lvs_netlink_cmd_rcv_bufs_force", \.settings.buffers.lvsCommands.isForced),
            .bytes(
                "lvs_netlink_monitor_rcv_bufs", \.settings.buffers.lvsMonitor.size,
                "Of the checkers' socket that hears of changes."),
            .force("lvs_netlink_monitor_rcv_bufs_force", \.settings.buffers.lvsMonitor.isForced),
            .bytes(
                "process_monitor_rcv_bufs", \.settings.buffers.processMonitor.size,
                "Of the socket that hears of processes."),
            .force("process_monitor_rcv_bufs_force", \.settings.buffers.processMonitor.isForced),
            .set(
                "vrrp_rx_bufs_policy", \.settings.buffers.policy, .other("MTU|ADVERT|BYTES"), default: "the kernel's",
                "How the receive buffers of adverts are sized."
            ) { reader in reader.bufferPolicy().map { .some($0) } },
            .setInteger(
                "vrrp_rx_bufs_multiplier", \.settings.buffers.multiplier, 1...4_294_967_295, default: "3",
                "How many packets of that size they hold."),
        ]
    }
}

extension Keyword where Target == GlobalDraft {
    /// `[VS]`.
    static func flushOnStop(_ name: String) -> Keyword {
        .set(
            name, \.settings.forwarding.flushOnStop, .optional(.choice(["VS"])), default: "off",
            "Empty the table of IPVS at the end; with VS each virtual server on its own."
        ) { reader in
            guard let word = reader.next() else { return .all }
            return reader.choice(word, [("VS", .virtualServers)], rule: .choice)
        }
    }

    fileprivate static func bytes(_ name: String, _ place: Place<GlobalDraft, Int?>, _ documentation: String) -> Keyword
    {
        .setInteger(name, place, 0...4_294_967_295, unit: "bytes", default: "the kernel's", documentation)
    }

    fileprivate static func force(_ name: String, _ place: Place<GlobalDraft, Bool>) -> Keyword {
        .setBoolean(name, place, "Its size may be beyond the kernel's limit.")
    }
}

extension EntryOption where Target == ForwardingSettings.Timeouts {
    fileprivate static func timeout(_ name: String, _ place: Place<Target, Duration?>, _ documentation: String)
        -> EntryOption
    {
        EntryOption(name, .integer(0...2_678_400, unit: "s"), default: "the kernel's", documentation) {
            timeouts, reader in
            guard let seconds = reader.integer(0...2_678_400, unit: "s") else { return false }
            timeouts[keyPath: place] = .seconds(seconds)
            return true
        }
    }
}

extension EntryOption where Target == ForwardingSettings.SyncDaemon {
    fileprivate static func number<Value: Holding<Int>>(
        _ name: String, _ place: Place<Target, Value>, _ range: ClosedRange<Int>, default text: String,
        _ documentation: String
    ) -> EntryOption {
        EntryOption(name, .integer(range, unit: ""), default: text, documentation) { daemon, reader in
            guard let value = reader.integer(range) else { return false }
            daemon[keyPath: place] = Value(holding: value)
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
