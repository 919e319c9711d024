import ConfigLanguage
import Primitives

// What few instances have, and none may use yet.
extension Schema {
    /// Interfaces of their own.
    static let virtualInterfaces: [Keyword<InstanceDraft>] = Keyword.refused([
        Keyword(
            "use_vmac", .other("[[name] INTERFACE] [MAC] [netlink_notify_msg] [group ID]"), default: "off",
            "Hold the addresses on a macvlan with the RFC's hardware address."
        ) { instance, reader in
            var draft = VirtualInterface(.macvlan(address: []))
            if reader.readOptions(macvlan, into: &draft) { reader.assign(&instance.rare.virtualInterface, draft) }
        },
        .flag(
            "use_vmac_addr", \.rare.forAddresses, "One more for each other interface that an address is put on."),
        .flag("vmac_xmit_base", \.rare.throughBase, "Adverts go through the interface below."),
        Keyword(
            "use_ipvlan", .other("[[name] INTERFACE] [ADDRESS[/LENGTH]] [bridge|private|vepa] [group ID]"),
            default: "off", "Hold the addresses on an ipvlan."
        ) { instance, reader in
            var draft = VirtualInterface(.ipvlan(address: nil, .bridge))
            if reader.readOptions(ipvlan, into: &draft) { reader.assign(&instance.rare.virtualInterface, draft) }
        },
        .interface(
            "vrf", \.rare.vrf, default: "none", "The VRF that sockets are bound to, where there is no interface."),
    ])

    /// What is read, and only lacks its effect.
    static let laterOfInstances: [Keyword<InstanceDraft>] =
        Keyword.later([
            .flag("linkbeat_use_polling", \.rare.pollsLink, "Poll the link: linkbeat_interfaces is the better way."),
            .expiredPriority("timer_expired_backup"),
            .integer(
                "kernel_rx_buf_size", \.rare.receiveBuffer, 0...4_294_967_295, unit: "bytes",
                default: "as vrrp_rx_bufs_policy says", "Its part of the receive buffer of the socket."),
            .interface(
                "lvs_sync_daemon_interface", \.rare.syncDaemonInterface, default: "none",
                "The old way to say lvs_sync_daemon."),
            .integer("debug", \.rare.debugLevel, 0...4, default: "0", "Nothing: keepalived never had it."),
        ]) + [Keyword.expiredPriority("thread_timer_expired").old("timer_expired_backup")]

    /// What follows `use_vmac`.
    static let macvlan = EntryGrammar<VirtualInterface>(
        "vrrp_instance/use_vmac", "virtual MAC interface",
        [
            interfaceName(default: "vmac_prefix and the virtual router id"), interfaceGroup,
            .flag("netlink_notify_msg", "The kernel tells others when it comes up.") { $0.notifiesNetlink = true },
        ],
        foreign: { draft, reader in
            guard let word = reader.peek() else { return .unknown }
            guard word.utf8.contains(UInt8(ascii: ":")) else { return reader.interfaceName(of: &draft) }
            guard let address = reader.hardwareAddress() else { return .rejected }
            draft.kind = .macvlan(address: address)
            return .taken
        })

    /// What follows `use_ipvlan`.
    static let ipvlan = EntryGrammar<VirtualInterface>(
        "vrrp_instance/use_ipvlan", "ipvlan",
        [
            interfaceName(default: "as of use_vmac"), interfaceGroup,
            .mode(.bridge, "All ipvlans of a link hear each other; the default."),
            .mode(.private, "They do not hear each other."),
            .mode(.vepa, "They hear each other through the switch."),
        ],
        foreign: { draft, reader in
            guard let word = reader.peek() else { return .unknown }
            guard let prefix = IPPrefix(word), case .ipvlan(_, let mode) = draft.kind else {
                return reader.interfaceName(of: &draft)
            }
            reader.skipWord()
            draft.kind = .ipvlan(address: prefix, mode)
            return .taken
        })

    private static func interfaceName(default text: String) -> EntryOption<VirtualInterface> {
        EntryOption("name", .interface, default: text, "Its name; the word itself may be left out.") { draft, reader in
            guard let name = reader.interface() else { return false }
            draft.name = name
            return true
        }
    }

    private static let interfaceGroup = EntryOption<VirtualInterface>(
        "group", .word("group"), default: "that of the interface below", "The group of interfaces that it is in."
    ) { draft, reader in
        guard let group = reader.word("group") else { return false }
        draft.group = group
        return true
    }

    /// `auth_hmac`.
    static let hmac = Block<HMACDraft>(
        "vrrp_instance/auth_hmac",
        [
            {
                var keyword = Keyword<HMACDraft>(
                    "key", .other("ID hex:DIGITS|file:PATH|TEXT"),
                    "A key of 32 to 64 bytes and its number, 1 to 255; there may be several."
                ) { hmac, reader in
                    guard let key = reader.hmacKey() else { return reader.skipRest() }
                    hmac.keys.append(key)
                }
                keyword.isSecret = true
                return keyword
            }(),
            .integer("active_key", \.activeKey, 1...255, "The key that adverts are signed with."),
            .wholeSeconds(
                "time_window", \.timeWindow, 1...300, default: "three intervals, at least 5",
                "How old an advert may be."),
            .choice(
                "anti_replay", \.replayProtection, [("time", .time), ("monotonic", .monotonic)], default: "time",
                "How an advert that is sent again is known."),
            .choice(
                "mode", \.mode,
                [("enforce", .enforce), ("permissive", .permissive), ("receive-only", .receiveOnly)],
                default: "enforce", "What becomes of adverts that are not signed."),
        ])
}

extension Keyword where Target == InstanceDraft {
    /// `[PRIORITY]`, the highest of the others.
    fileprivate static func expiredPriority(_ name: String) -> Keyword {
        Keyword(
            name, .optional(.integer(1...254, unit: "")), default: "off; 254 where no number follows",
            "Yield after a stall in which another, of at most this priority, may have taken over."
        ) { instance, reader in
            guard reader.hasMore else { return reader.assign(&instance.rare.timerExpiredBackup, 254) }
            if let value = reader.integer(1...254) { reader.assign(&instance.rare.timerExpiredBackup, value) }
        }
    }
}

extension EntryOption where Target == VirtualInterface {
    fileprivate static func mode(_ mode: VirtualInterface.Mode, _ documentation: String) -> EntryOption {
        EntryOption(mode.rawValue, .none, documentation) { draft, _ in
            if case .ipvlan(let address, _) = draft.kind { draft.kind = .ipvlan(address: address, mode) }
            return true
        }
    }
}

extension StatementReader {
    /// A name without the word `name` before it, once.
    fileprivate mutating func interfaceName(of draft: inout VirtualInterface) -> ForeignWord {
        guard draft.name == nil else { return .unknown }
        guard let name = interface() else { return .rejected }
        draft.name = name
        return .taken
    }

    /// Five or six bytes in hexadecimal, with colons.
    fileprivate mutating func hardwareAddress() -> [UInt8]? {
        guard let word = next() else { return nil }
        let parts = word.text.split(separator: ":", omittingEmptySubsequences: false)
        let bytes = parts.compactMap { part in
            part.utf8.count <= 2 && part.utf8.allSatisfy(Self.isHexadecimalDigit) ? UInt8(part, radix: 16) : nil
        }
        if bytes.count == parts.count, bytes.count == 5 || bytes.count == 6 { return bytes }
        report(
            .hardwareAddress, at: word.range, "`\(word.text)` is not a hardware address", reason: "the line is skipped",
            fix: "write six bytes such as 00:00:5e:00:01:33, or five to have the virtual router id as the last")
        return nil
    }

    /// `ID VALUE`. No message may hold the value.
    fileprivate mutating func hmacKey() -> Written<HMACAuthentication.Key>? {
        guard let id = integer(1...255) else { return nil }
        guard let (bytes, range) = nextBytes() else {
            _ = required("key")
            return nil
        }
        let filePrefix = Array("file:".utf8)
        let hexPrefix = Array("hex:".utf8)
        if bytes.starts(with: filePrefix) {
            let path = String(decoding: bytes[filePrefix.count...], as: UTF8.self)
            return Written(value: HMACAuthentication.Key(id: id, value: .file(path)), range: range)
        }
        var key = bytes
        if bytes.starts(with: hexPrefix) {
            guard let decoded = Self.decodeHexadecimal(bytes[hexPrefix.count...]) else {
                report(
                    .number, at: range, "this key is not in hexadecimal digits", reason: "`hex:` stands before it",
                    fix: "write pairs of the digits 0 to 9 and a to f")
                return nil
            }
            key = decoded
        }
        guard (32...64).contains(key.count) else {
            report(
                .range, at: range, "this key has \(key.count) bytes", reason: "a key has 32 to 64",
                fix: "make one with `openssl rand -hex 32`, and write `hex:` before it")
            return nil
        }
        return Written(value: HMACAuthentication.Key(id: id, value: .bytes(Secret(key))), range: range)
    }

    static func decodeHexadecimal(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard digits.count % 2 == 0, digits.allSatisfy(isHexadecimalDigit) else { return nil }
        var bytes: [UInt8] = []
        var index = digits.startIndex
        while index < digits.endIndex {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
            index += 2
        }
        return bytes
    }
}
