import Primitives
import Supervision

/// One instance as the daemon describes it, in words.
struct Portrait {
    let name: String
    let state: String
    let since: String
    let because: String?
    let faults: [String]
    let priority: String
    let addresses: [String]
    let peers: [String]
    let wire: String
    let group: String?
    let lease: [String]
    /// By what a lease goes on without its arbiter.
    let kept: String?
    let greeted: [String]
    /// Another that holds or held as well; `isSplit`: now.
    let split: String?
    let isSplit: Bool

    init(_ json: JSONValue) {
        name = json["name"]?.string ?? "?"
        state = json["state"]?.string ?? "?"
        since = Portrait.age(json["for_seconds"]?.integer ?? 0)
        because = json["reason"]?.string.map { reason in "\(reason) [\(json["rule"]?.string ?? "?")]" }
        faults = (json["faults"]?.array ?? []).compactMap(\.string)
        priority = Portrait.sum(json)
        addresses = (json["addresses"]?.array ?? []).map { address in
            let held = address["held"]?.bool == true
            let wanted = address["wanted"]?.bool == true
            let note =
                switch (held, wanted) {
                case (true, true): ""
                case (false, false): " (not held here)"
                case (true, false): " (leaving)"
                case (false, true): " (missing)"
                }
            return "\(address["address"]?.string ?? "?") on \(address["device"]?.string ?? "?")\(note)"
        }
        peers = (json["peers"]?.array ?? []).map(Portrait.peer)
        let interval = json["advert_interval_ms"]?.integer ?? 0
        let source = json["source"]?.string ?? ""
        wire =
            "VRRPv\(json["version"]?.integer ?? 0), id \(json["virtual_router_id"]?.integer ?? 0), every \(interval) ms"
            + " on \(json["interface"]?.string ?? "?")" + (source.isEmpty ? "" : " from \(source)")
        group = json["sync_group"]?.string
        lease = Portrait.lease(json)
        kept = json["lease"]?["kept"]?["reason"]?.string
        greeted = (json["greeted"]?.array ?? []).map(Portrait.greeted)
        split = json["split"]?["reason"]?.string.map { "\($0) [\(json["split"]?["rule"]?.string ?? "?")]" }
        isSplit = json["split"]?["is_over"]?.bool == false
    }

    /// A line or two, for `status`.
    var summary: String {
        var text = "\(name)  \(state) for \(since)  priority \(priority)  \(addresses.joined(separator: ", "))"
        for fault in faults { text += "\n    \(fault)" }
        if faults.isEmpty, let because { text += "\n    because \(because)" }
        if isSplit, let split { text += "\n    SPLIT: \(split)" }
        if let first = lease.first { text += "\n    lease \(first)" }
        if let kept { text += "\n    lease \(kept)" }
        return text
    }

    /// What `explain` begins with.
    var paragraph: [String] {
        var lines = ["\(name) is \(state), for \(since)."]
        if let because { lines.append("  because    \(because)") }
        lines += faults.map { "  missing    \($0)" }
        if let split { lines.append("  \(isSplit ? "SPLIT     " : "was split ") \(split)") }
        lines.append("  priority   \(priority)")
        lines += addresses.map { "  address    \($0)" }
        lines.append("  speaks     \(wire)")
        if let group { lines.append("  sync group \(group)") }
        lines += lease.map { "  lease      \($0)" }
        lines += greeted.map { "  node       \($0)" }
        lines += peers.map { "  peer       \($0)" }
        return lines
    }

    /// `10.0.0.2: priority 100, 12 ms ago, 530 adverts`, and what of it was turned away.
    private static func peer(_ json: JSONValue) -> String {
        var parts: [String] = []
        if let priority = json["priority"]?.integer {
            let accepted = json["accepted"]?.integer ?? 0
            parts.append(
                "\(priority == 0 ? "gave up" : "priority \(priority)") \(json["advert_ago_ms"]?.integer ?? 0) ms ago, "
                    + "\(accepted) advert\(accepted == 1 ? "" : "s")")
        }
        if let rejected = json["rejected"]?.integer, rejected > 0 {
            parts.append(
                "\(rejected) turned away: the last \(json["rejection_reason"]?.string ?? "?") "
                    + "[\(json["rejection"]?.string ?? "?")]")
        }
        return "\(json["address"]?.string ?? "?"): \(parts.joined(separator: "; "))"
    }

    /// `web1 (10.0.0.2): MASTER, priority 150, aloft 0.1.0`, and what it has otherwise.
    private static func greeted(_ json: JSONValue) -> String {
        var text =
            "\(json["name"]?.string ?? "?") (\(json["address"]?.string ?? "?")): \(json["state"]?.string ?? "?"), "
            + "priority \(json["priority"]?.integer ?? 0), \(json["program"]?.string ?? "?")"
        if let obstacle = json["obstacle"]?.string { text += "; cannot serve: \(obstacle)" }
        if json["claims"]?.bool == true { text += "; asks for the lease" }
        let rules = (json["otherwise"]?.array ?? []).compactMap(\.string)
        if !rules.isEmpty { text += "; configured otherwise: \(rules.joined(separator: ", "))" }
        return text
    }

    /// Who holds, by what, and what guards it.
    private static func lease(_ json: JSONValue) -> [String] {
        guard let lease = json["lease"] else { return [] }
        let name = lease["name"]?.string ?? "?"
        let reason = "\(lease["reason"]?.string ?? "it has not begun") [\(lease["rule"]?.string ?? "-")]"
        var lines: [String] = []
        if lease["held"]?.bool == true {
            lines.append(
                "\(name): held by this node under epoch \(lease["epoch"]?.integer ?? 0) for \(lease["left_ms"]?.integer ?? 0) ms more: \(reason)"
            )
        } else {
            lines.append("\(name): not held: \(reason)")
            if let takes = lease["takes_in_ms"]?.integer {
                lines.append("unless that changes, this node takes it in \(takes) ms")
            }
        }
        if let kept = lease["kept"] {
            lines.append("\(kept["reason"]?.string ?? "?") [\(kept["rule"]?.string ?? "-")]")
        }
        let silent = (lease["not_promised"]?.array ?? []).compactMap(\.string)
        if !silent.isEmpty { lines.append("asked, and not promised yet: \(silent.joined(separator: ", "))") }
        if let promised = lease["promised_for_ms"]?.integer {
            lines.append("this node promised to take nothing for \(promised) ms")
        }
        if let seen = lease["seen"] {
            let holder = seen["holder"]?.string.map { "\($0) holds" } ?? "nobody holds"
            let epoch = seen["epoch"]?.integer.map { " (epoch \($0))" } ?? ""
            lines.append("the arbiter was seen to say: \(holder)\(epoch), for \(seen["unchanged_ms"]?.integer ?? 0) ms")
        }
        lines.append(
            "arbiter \(lease["arbiter"]?.string ?? "?") (\(lease["arbiter_type"]?.string ?? "?")): \(lease["arbiter_state"]?.string ?? "?")"
        )
        if let fence = json["fence"]?.string { lines.append("fence: \(fence)") }
        return lines
    }

    /// `90 (150, web_answers -60)`.
    private static func sum(_ json: JSONValue) -> String {
        let priority = json["priority"]?.integer ?? 0
        let base = json["base_priority"]?.integer ?? 0
        let terms = (json["priority_terms"]?.array ?? []).compactMap { term -> String? in
            guard let counts = term["counts"]?.integer, counts != 0 else { return nil }
            let name = term["script"]?.string ?? term["interface"]?.string ?? "?"
            return "\(name) \(counts > 0 ? "+" : "")\(counts)"
        }
        return terms.isEmpty ? "\(priority)" : "\(priority) (\(([String(base)] + terms).joined(separator: ", ")))"
    }

    /// `12 s`, `3 min`, `5 h`, `2 d`.
    static func age(_ seconds: Int64) -> String {
        switch seconds {
        case ..<120: "\(seconds) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86400) d"
        }
    }
}
