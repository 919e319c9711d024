import ConfigLanguage
import Primitives

// Options of rules, as ip-rule(8) has them, without its abbreviations. Built when the first rule is read.
extension Schema {
    /// An entry of `virtual_rules`.
    static let virtualRule = EntryGrammar<EntryDraft>(
        "vrrp_instance/virtual_rules", "rule", ruleOptions() + [ruleIsUntracked])

    /// An entry of `static_rules`.
    static let staticRule = EntryGrammar<EntryDraft>(
        "static_rules", "rule", ruleOptions() + [ruleIsUntracked, trackGroup()])

    private static let ruleIsUntracked = EntryOption<EntryDraft>.checked(
        "no_track", .none, default: "off", "Its loss is not the instance's affair.")

    private static let number = ArgumentShape.integer(0...4_294_967_295, unit: "")

    private static func ruleOptions() -> [EntryOption<EntryDraft>] { selectors() + actions() }

    /// Which packets it is for.
    private static func selectors() -> [EntryOption<EntryDraft>] {
        [
            .checked("from", .prefix(["all", "default", "any"]), default: "all", "Where they come from."),
            .checked("to", .prefix(["all", "default", "any"]), default: "all", "Where they go to."),
            .checked("not", .none, default: "off", "The packets that the rest does not describe."),
            .checked("tos", .numberOrName(0...255), "Their type of service."),
            .checked("dsfield", .numberOrName(0...255), "The same as tos."),
            .checked("fwmark", .masked, "Their firewall mark, and which bits of it."),
            .checked("dev", .interface, "The interface that they came in by."),
            .checked("iif", .interface, "The same as dev."),
            .checked("oif", .interface, "The interface that they would leave by."),
            .checked("tunnel-id", .integer(0...Int(Int64.max), unit: ""), "The tunnel that they came through."),
            .checked("uidrange", .interval(0...4_294_967_294), "Whose they are."),
            .checked("ipproto", .numberOrName(0...255), "Their protocol."),
            .checked("sport", .interval(0...65_535), "Their source port."),
            .checked("dport", .interval(0...65_535), "Their destination port."),
            .checked("inet", .none, "IPv4, where nothing else says so."),
            .checked("inet6", .none, "IPv6, where nothing else says so."),
        ]
    }

    /// What it does with them.
    private static func actions() -> [EntryOption<EntryDraft>] {
        [
            .checked("table", .numberOrName(0...4_294_967_295), "The table to look in."),
            .checked("lookup", .numberOrName(0...4_294_967_295), "The same as table."),
            .checked("l3mdev", .none, default: "off", "The table of the packet's VRF."),
            .checked("preference", number, default: "one below the last", "Its place among the rules."),
            .checked("order", number, "The same as preference."),
            .checked("priority", number, "The same as preference."),
            .checked("goto", number, "The rule to go on with."),
            .checked("nop", .none, default: "off", "Nothing happens."),
            .checked(
                "type", .choice(["unicast", "blackhole", "unreachable", "prohibit", "nat"]),
                "What becomes of the packets."),
            .checked("realms", .realms, "The realms that they get."),
            .checked("protocol", .numberOrName(0...255), default: "keepalived", "Who made it."),
            .checked("suppress_prefixlength", .integer(0...128, unit: ""), "Routes up to this length do not count."),
            .checked("sup_pl", .integer(0...128, unit: ""), "The same as suppress_prefixlength."),
            .checked(
                "suppress_ifgroup", .numberOrName(0...4_294_967_295), "Routes out of this interface group do not count."
            ),
            .checked("sup_group", .numberOrName(0...4_294_967_295), "The same as suppress_ifgroup."),
        ]
    }
}
