import ConfigLanguage
import Primitives

// Options of addresses, as ip-address(8) has them.
extension Schema {
    /// An entry of `virtual_ipaddress` and `virtual_ipaddress_excluded`.
    static let virtualAddress = EntryGrammar<AddressDraft>(
        "vrrp_instance/virtual_ipaddress", "address", rule: .addressOption,
        addressOptions + [
            .flag("no_track", "Its loss is not the instance's affair.") { $0.address.noTrack = true },
            EntryOption(
                "use_vmac", .none, default: "off", "Put it on a virtual MAC interface of its own.",
                status: .notYet(decidesHolder: true)
            ) { _, _ in true },
        ])

    /// An entry of `static_ipaddress`.
    static let staticAddress = EntryGrammar<AddressDraft>(
        "static_ipaddress", "address", rule: .addressOption, addressOptions + [trackGroup()])

    private static let addressOptions: [EntryOption<AddressDraft>] = [
        EntryOption(
            "dev", .interface, default: "the instance's interface", "The interface that it is put on."
        ) { draft, reader in
            guard let device = reader.interface() else { return false }
            draft.address.device = device
            return true
        },
        EntryOption("scope", .other("NAME|N"), default: "global", "How far it is valid; IPv4 only.") {
            $1.scope(of: &$0.address)
        },
        EntryOption(
            "broadcast", .other("ADDRESS|+|-"), default: "none",
            "The broadcast address: + sets the host bits, - clears them; IPv4 only."
        ) { $1.broadcast(of: &$0.address) },
        EntryOption("brd", .other("ADDRESS|+|-"), default: "none", "The same as broadcast.") {
            $1.broadcast(of: &$0.address)
        },
        EntryOption("label", .word("label"), default: "none", "Its label, up to 15 bytes; IPv4 only.") {
            $1.label(of: &$0.address)
        },
        EntryOption("peer", .prefix([]), default: "none", "The other end of a point-to-point link.") {
            $1.peer(of: &$0.address)
        },
        .flag6("home", "A home address of mobile IPv6.") { $0.address.home = true },
        .flag6("-nodad", "Look for duplicates first, which makes it wait; IPv6 only.") {
            $0.address.duplicateDetection = true
        },
        .flag6("mngtmpaddr", "The kernel makes temporary addresses from it; IPv6 only.") {
            $0.address.manageTemporary = true
        },
        .flag("noprefixroute", "The kernel makes no route to its network.") { $0.address.noPrefixRoute = true },
        .flag("autojoin", "The kernel joins the group that it is.") { $0.address.autojoin = true },
        EntryOption(
            "preferred_lft", .other("SECONDS|forever"), default: "forever, and 0 of an IPv6 address of length 128",
            "How long it is preferred as a source; 0 is never."
        ) { $1.preferredLifetime(of: &$0.address) },
    ]
}

extension EntryOption where Target == AddressDraft {
    /// A flag of IPv6 addresses only.
    fileprivate static func flag6(
        _ name: String, _ documentation: String, _ set: @escaping @Sendable (inout AddressDraft) -> Void
    ) -> EntryOption {
        EntryOption(name, .none, default: "off", documentation) { draft, reader in
            guard reader.optionIs(for: .ipv6, draft.address) else { return false }
            set(&draft)
            return true
        }
    }
}

extension StatementReader {
    /// `ADDRESS[/LENGTH]` and options in any order.
    mutating func addressEntry(_ grammar: EntryGrammar<AddressDraft>) -> AddressDraft? {
        guard let word = next() else { return nil }
        guard let prefix = checkedPrefix(word.text, word.range) else {
            skipRest()
            return nil
        }
        var draft = AddressDraft(address: VirtualAddress(prefix), range: word.range)
        return readOptions(grammar, into: &draft) ? draft : nil
    }

    mutating func checkedPrefix(_ text: String, _ range: SourceRange) -> IPPrefix? {
        if let prefix = IPPrefix(text) { return prefix }
        if let last = text.utf8.last, last == UInt8(ascii: ",") || last == UInt8(ascii: ";") {
            let rest = String(text.dropLast())
            if IPPrefix(rest) != nil || IPAddress(rest) != nil {
                report(
                    .address, at: range, "`\(text)` is not an IP address", reason: "nothing stands between entries",
                    fix: hasMore
                        ? "write each on a line of its own, without the `\(text.suffix(1))`" : "write `\(rest)`",
                    fixIt: hasMore ? nil : Diagnostic.FixIt(range, rest, isSafe: true))
                return nil
            }
        }
        if let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")), let address = IPAddress(String(text[..<slash])) {
            report(
                .address, at: range, "`\(text[text.index(after: slash)...])` is not a prefix length",
                reason: "keepalived takes the address without it",
                fix: "write 0 to \(address.family.addressBits) behind the slash")
            return leniency == .keepalived ? IPPrefix(host: address) : nil
        }
        return checkedAddress(text, range).map(IPPrefix.init(host:))
    }

    /// The option at hand may stand behind an address of this family; if not it is reported.
    mutating func optionIs(for family: AddressFamily, _ address: VirtualAddress) -> Bool {
        guard address.prefix.address.family != family else { return true }
        report(
            .addressFamilyOption, at: keywordRange, "`\(keywordText)` is for IPv\(family.rawValue) only",
            reason: "the address is dropped", fix: "remove it")
        return false
    }

    fileprivate mutating func scope(of address: inout VirtualAddress) -> Bool {
        guard address.prefix.address.family == .ipv4 else {
            // As keepalived: the address stays, without it. Agents write it for link-local addresses, where it says nothing.
            guard required("scope") != nil else { return false }
            report(
                .addressFamilyOption, at: keywordRange, "`scope` is for IPv4 only",
                reason: "the scope of an IPv6 address is in the address", fix: "remove it and its value")
            return leniency == .keepalived
        }
        guard let word = required("scope") else { return false }
        if word.text.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true {
            guard let number = checkedInteger(word.text, word.range, 0...255) else { return false }
            address.scope = UInt8(clamping: number)
            return true
        }
        let names: [(String, UInt8)] = [("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255)]
        guard let scope = choice(word, names, rule: .choice) else { return false }
        address.scope = scope
        return true
    }

    fileprivate mutating func broadcast(of address: inout VirtualAddress) -> Bool {
        guard optionIs(for: .ipv4, address), let word = required("address") else { return false }
        switch word.text {
        case "+", "-":
            guard address.prefix.length <= 30 else {
                report(
                    .addressOption, at: word.range,
                    "a network of length \(address.prefix.length) has no broadcast address",
                    reason: "`+` and `-` fill the host bits, of which there must be two", fix: "write a length up to 30"
                )
                return false
            }
            address.broadcast = word.text == "+" ? .automatic : .cleared
        default:
            guard let broadcast = checkedAddress(word.text, word.range) else { return false }
            guard case .v4(let v4) = broadcast else {
                report(
                    .addressFamilyOption, at: word.range, "`\(word.text)` is no broadcast address of IPv4",
                    reason: "the address is dropped", fix: "write an address of the network, or +")
                return false
            }
            address.broadcast = .address(v4)
        }
        return true
    }

    fileprivate mutating func label(of address: inout VirtualAddress) -> Bool {
        guard optionIs(for: .ipv4, address), let word = required("label") else { return false }
        guard word.text.utf8.count <= 15, !word.text.isEmpty else {
            report(
                .labelLength, at: word.range, "the label `\(word.text)` has \(word.text.utf8.count) bytes",
                reason: "Linux allows 1 to 15; the address is dropped", fix: "shorten it")
            return false
        }
        address.label = word.text
        return true
    }

    fileprivate mutating func peer(of address: inout VirtualAddress) -> Bool {
        guard let word = required("address"), let peer = checkedPrefix(word.text, word.range) else { return false }
        guard peer.address.family == address.prefix.address.family else {
            report(
                .addressFamilyOption, at: word.range, "the peer's family is not that of the address",
                fix: "write a peer of the same family")
            return false
        }
        address.peer = peer
        return true
    }

    fileprivate mutating func preferredLifetime(of address: inout VirtualAddress) -> Bool {
        guard let word = required("seconds") else { return false }
        if word.text == "forever" {
            address.preferredLifetime = .forever
            return true
        }
        guard let number = checkedInteger(word.text, word.range, 0...4_294_967_295, unit: "s") else { return false }
        address.preferredLifetime = number == 4_294_967_295 ? .forever : .seconds(UInt32(clamping: number))
        return true
    }
}
