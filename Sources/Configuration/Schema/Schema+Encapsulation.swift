import ConfigLanguage
import Primitives

// Parts of routes that have options of their own.
extension Schema {
    /// The option of routes and of their next hops.
    static let encap = EntryOption<EntryDraft>(
        "encap", .other("ip|ip6|mpls|ila …"), "How packets are wrapped up; its options follow."
    ) { draft, reader in
        reader.readOneOption(encapsulation, into: &draft)
    }

    /// `nexthop`.
    static let nextHop = EntryGrammar<EntryDraft>(
        "vrrp_instance/virtual_routes/nexthop", "next hop", isNested: true,
        [
            EntryOption("via", .other("[inet|inet6] ADDRESS"), "The gateway.") { $1.gateway(&$0) },
            .checked("dev", .interface, "The interface."),
            .checked("weight", .integer(1...256, unit: ""), default: "1", "Its share."),
            .checked("onlink", .none, default: "off", "The gateway is on the link, whatever the addresses say."),
            encap,
            .checked("realms", .realms, "The realms of its packets."),
        ])

    /// What follows `encap`.
    static let encapsulation = EntryGrammar<EntryDraft>(
        "vrrp_instance/virtual_routes/encap", "encapsulation",
        [
            EntryOption("ip", .other("OPTIONS"), "A tunnel of IPv4.") { $1.readOptions(tunnel4, into: &$0) },
            EntryOption("ip6", .other("OPTIONS"), "A tunnel of IPv6.") { $1.readOptions(tunnel6, into: &$0) },
            EntryOption("mpls", .other("LABEL[/LABEL…]"), "MPLS, its labels from the outermost on.") {
                $1.labels()
            },
            .checked("ila", .word("locator"), "Identifier locator addressing."),
        ])

    static let tunnel4 = EntryGrammar<EntryDraft>(
        "vrrp_instance/virtual_routes/encap/ip", "tunnel", isNested: true,
        [
            .checked("id", .integer(tunnelNumber, unit: ""), "The number of the tunnel."),
            .checked("dst", .address, "Where it leads to."),
            .checked("src", .address, "Where it comes from."),
            .checked("tos", .numberOrName(0...255), "The type of service."),
            .checked("ttl", .integer(0...255, unit: ""), "The TTL."),
            .checked("flags", .numberOrName(0...65_535), "Flags of the tunnel."),
        ])

    static let tunnel6 = EntryGrammar<EntryDraft>(
        "vrrp_instance/virtual_routes/encap/ip6", "tunnel", isNested: true,
        [
            .checked("id", .integer(tunnelNumber, unit: ""), "The number of the tunnel."),
            .checked("dst", .address, "Where it leads to."),
            .checked("src", .address, "Where it comes from."),
            .checked("tc", .numberOrName(0...255), "The traffic class."),
            .checked("hoplimit", .integer(0...255, unit: ""), "The hop limit."),
            .checked("flags", .numberOrName(0...65_535), "Flags of the tunnel."),
        ])

    private static let tunnelNumber = 0...Int(Int64.max)
}

extension StatementReader {
    /// `LABEL[/LABEL…]`, each of 20 bits.
    fileprivate mutating func labels() -> Bool {
        guard let word = required("label") else { return false }
        for label in word.text.split(separator: "/", omittingEmptySubsequences: false)
        where checkedInteger(String(label), word.range, 0...1_048_575) == nil { return false }
        return true
    }
}
