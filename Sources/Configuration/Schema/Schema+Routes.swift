import ConfigLanguage
import Primitives

/// A route or a rule as it is written.
struct EntryDraft: TrackGroupNaming {
    var range: SourceRange
    var trackGroup: Written<String>?
    var hasDestination = false
    var hasType = false
}

/// An entry that may name a `track_group`.
protocol TrackGroupNaming: Sendable {
    var trackGroup: Written<String>? { get set }
}

// Options of routes, as ip-route(8) has them, without its abbreviations. Built when the first route is read.
extension Schema {
    /// An entry of `virtual_routes`.
    static let virtualRoute = EntryGrammar<EntryDraft>(
        "vrrp_instance/virtual_routes", "route", routeOptions() + [noTrack], foreign: destination)

    /// An entry of `static_routes`.
    static let staticRoute = EntryGrammar<EntryDraft>(
        "static_routes", "route", routeOptions() + [noTrack, trackGroup()], foreign: destination)

    private static let noTrack = EntryOption<EntryDraft>.checked(
        "no_track", .none, default: "off", "Its loss is not the instance's affair.")

    /// `track_group NAME` of what is static.
    static func trackGroup<Target: TrackGroupNaming>() -> EntryOption<Target> {
        EntryOption("track_group", .word("name"), default: "none", "Instances of this group fault when it is lost.") {
            target, reader in
            let place = reader.nextRange
            guard let name = reader.word("name"), let place else { return false }
            target.trackGroup = Written(value: name, range: place)
            return true
        }
    }

    private static let unsigned = 0...4_294_967_295

    private static func routeOptions() -> [EntryOption<EntryDraft>] {
        [destinations(), distinctions(), metrics(), behaviour(), types()].flatMap { $0 }
    }

    /// Where packets go.
    private static func destinations() -> [EntryOption<EntryDraft>] {
        [
            EntryOption("to", .prefix(["default"]), "The destination; the word itself may be left out.") {
                draft, reader in
                reader.destination(of: &draft, isMarked: true)
            },
            EntryOption("via", .other("[inet|inet6] ADDRESS"), "The gateway.") { $1.gateway(&$0) },
            EntryOption("gw", .other("[inet|inet6] ADDRESS"), "The same as via.") { $1.gateway(&$0) },
            .checked("or", .address, "A second gateway, in the old way of writing two."),
            .checked("dev", .interface, default: "default_interface", "The interface that packets leave through."),
            .checked("oif", .interface, "The same as dev."),
            .checked("src", .address, "The source that packets of this node get."),
            .checked("from", .prefix(["default"]), "The sources that it is for; IPv6 only."),
            EntryOption("as", .other("[to] ADDRESS"), "The destination that packets get.") { _, reader in
                if reader.peek() == "to" { reader.skipWord() }
                return reader.check(.address)
            },
            EntryOption("nexthop", .other("OPTIONS"), "One of several ways; its options follow.") { draft, reader in
                guard reader.hasMore else { return reader.required("via ADDRESS") != nil }
                return reader.readOptions(nextHop, into: &draft)
            },
            encap,
        ]
    }

    /// Which route it is among those to its destination.
    private static func distinctions() -> [EntryOption<EntryDraft>] {
        [
            .checked("tos", .numberOrName(0...255), default: "0", "The type of service that it is for."),
            .checked("dsfield", .numberOrName(0...255), default: "0", "The same as tos."),
            .checked("table", .numberOrName(unsigned), default: "main", "The table that it is in."),
            .checked("vrf", .word("name"), "The VRF whose table it is in."),
            .checked("protocol", .numberOrName(0...255), default: "keepalived", "Who made it."),
            .checked(
                "scope", .numberOrName(0...255), default: "link without a gateway, else global", "How far it goes."),
            .checked("metric", .integer(unsigned, unit: ""), default: "0", "The least is taken."),
            .checked("priority", .integer(unsigned, unit: ""), default: "0", "The same as metric."),
            .checked("preference", .integer(unsigned, unit: ""), default: "0", "The same as metric."),
            .checked("pref", .choice(["low", "medium", "high"]), default: "medium", "The preference of RFC 4191."),
            .checked("realms", .realms, "The realms of its packets."),
            .checked("inet", .none, "It is IPv4, where nothing else says so."),
            .checked("inet6", .none, "It is IPv6, where nothing else says so."),
            .checked("add", .none, default: "off", "An error where there is one like it."),
            .checked("prepend", .none, default: "on", "It comes before those like it."),
            .checked("append", .none, default: "off", "It comes behind those like it."),
        ]
    }

    /// What TCP is told.
    private static func metrics() -> [EntryOption<EntryDraft>] {
        [
            .lockable("mtu", "The largest packet; `lock` forbids path MTU discovery."),
            .lockable("advmss", "The largest segment that is offered."),
            .lockable("rtt", "The first guess at the round-trip time, in ms."),
            .lockable("rttvar", "Its variance, in ms."),
            .lockable("reordering", "How far packets may overtake each other."),
            .lockable("cwnd", "The most that the congestion window grows to."),
            .lockable("ssthresh", "The slow start threshold."),
            .lockable("rto_min", "The least retransmission time, in ms."),
            .checked("hoplimit", .integer(0...255, unit: ""), "The hop limit; 0 is the system's."),
            .checked("window", .integer(unsigned, unit: ""), "The largest window that is offered."),
            .checked("initcwnd", .integer(unsigned, unit: ""), "The congestion window at the start."),
            .checked("initrwnd", .integer(unsigned, unit: ""), "The receive window at the start."),
            .checked("features", .choice(["ecn"]), "Explicit congestion notification."),
            .checked("quickack", .integer(0...1, unit: ""), "Acknowledge at once."),
            .checked("fastopen_no_cookie", .integer(0...1, unit: ""), "TCP fast open without a cookie."),
            EntryOption("congctl", .other("[lock] NAME"), "The congestion control.") { _, reader in
                if reader.peek() == "lock" { reader.skipWord() }
                return reader.check(.word("name"))
            },
        ]
    }

    private static func behaviour() -> [EntryOption<EntryDraft>] {
        [
            .checked("onlink", .none, "The gateway is on the link, whatever the addresses say."),
            .checked("expires", .integer(unsigned, unit: "s"), default: "never", "When it ends; IPv6 only."),
            .checked("ttl-propagate", .choice(["enabled", "disabled"]), "Whether MPLS copies the TTL."),
        ]
    }

    /// What becomes of packets: one of these stands before the destination.
    private static func types() -> [EntryOption<EntryDraft>] {
        [
            .type("unicast", "They go where the route says; the default."),
            .type("local", "They are for this node."),
            .type("broadcast", "They are for everyone on the link."),
            .type("brd", "The same as broadcast."),
            .type("anycast", "They are for this node, among others."),
            .type("multicast", "They are for a group."),
            .type("throw", "Look in the next table."),
            .type("unreachable", "They come back as unreachable."),
            .type("prohibit", "They come back as forbidden."),
            .type("blackhole", "They vanish."),
            .type("nat", "Old: the kernel does not know it any more."),
            .type("xresolve", "Old: the kernel does not know it any more."),
        ]
    }

    private static let destination: @Sendable (inout EntryDraft, inout StatementReader) -> ForeignWord = {
        draft, reader in
        // Only what looks like an address is one: the rest is a misspelt option.
        guard !draft.hasDestination, let word = reader.peek(), Self.looksLikeAddress(word) else { return .unknown }
        return reader.destination(of: &draft, isMarked: false) ? .taken : .rejected
    }

    private static func looksLikeAddress(_ word: String) -> Bool {
        word == "default" || word.utf8.first.map { $0 >= 0x30 && $0 <= 0x39 } == true
            || word.utf8.contains(UInt8(ascii: ":"))
    }
}

extension EntryOption where Target == EntryDraft {
    /// `NAME [lock] N`: with `lock` the kernel does not learn another value.
    fileprivate static func lockable(_ name: String, _ documentation: String) -> EntryOption {
        EntryOption(name, .other("[lock] N"), documentation) { _, reader in
            if reader.peek() == "lock" { reader.skipWord() }
            return reader.check(.integer(0...4_294_967_295, unit: ""))
        }
    }

    /// What becomes of packets, before the destination.
    fileprivate static func type(_ name: String, _ documentation: String) -> EntryOption {
        EntryOption(name, .none, documentation) { draft, reader in
            guard !draft.hasType, !draft.hasDestination else {
                reader.report(
                    .entryOption, at: reader.keywordRange, "`\(name)` stands in the wrong place",
                    reason: "a route has one type, before its destination", fix: "write it first, or remove it")
                return false
            }
            draft.hasType = true
            return true
        }
    }
}

extension StatementReader {
    /// The words of a route or a rule, once they are checked.
    mutating func entry(_ grammar: EntryGrammar<EntryDraft>) -> Written<WrittenEntry>? {
        var draft = EntryDraft(range: statementRange)
        let words = entryWords
        guard readOptions(grammar, into: &draft) else { return nil }
        return Written(value: WrittenEntry(words: words, trackGroup: draft.trackGroup?.value), range: draft.range)
    }

    /// A destination; `isMarked` behind the word `to`.
    mutating func destination(of draft: inout EntryDraft, isMarked: Bool) -> Bool {
        let place = nextRange
        guard check(.prefix(["default"])) else { return false }
        guard !draft.hasDestination else {
            report(
                .entryOption, at: place ?? statementRange, "this route has a destination already",
                reason: "a route leads to one", fix: "write each route on a line of its own")
            return false
        }
        draft.hasDestination = true
        return true
    }

    /// `[inet|inet6] ADDRESS`.
    mutating func gateway(_ draft: inout EntryDraft) -> Bool {
        let family: AddressFamily? =
            switch peek() {
            case "inet": .ipv4
            case "inet6": .ipv6
            default: nil
            }
        if family != nil { skipWord() }
        let place = nextRange
        guard let address = address() else { return false }
        guard let family, address.family != family, let place else { return true }
        report(
            .address, at: place, "\(address) is not an address of IPv\(family.rawValue)",
            reason: "the word before it says so", fix: "remove that word, or write another address")
        return false
    }
}
