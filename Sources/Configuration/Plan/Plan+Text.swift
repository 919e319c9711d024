import Primitives

extension Plan {
    /// For people.
    ///
    /// - Parameter roles: what the instances are now (`MASTER`, …), where that is known.
    public func text(roles: [String: String] = [:]) -> String {
        var lines: [String] = []
        for instance in instances where instance.fate != .unchanged || instance.disturbs {
            lines += self.lines(of: instance, role: roles[instance.formerName ?? instance.name])
        }
        let untouched = instances.count { $0.fate == .unchanged && !$0.disturbs }
        if untouched > 0 {
            lines.append(untouched == 1 ? "1 instance stays as it is" : "\(untouched) instances stay as they are")
        }
        for (kind, parts) in parts {
            for part in parts {
                lines.append(
                    "\(kind) \(part.name): \(part.fate.rawValue)" + (part.remark.isEmpty ? "" : "; \(part.remark)"))
                lines += part.changes.flatMap(self.lines)
            }
        }
        for (keyword, changes) in blocks where !changes.isEmpty {
            lines.append("\(keyword): changed")
            lines += changes.flatMap(self.lines)
        }
        if !globals.isEmpty { lines.append("global_defs: changed") }
        for global in globals {
            var change = self.lines(of: global.change)
            if global.waitsForStart { change[change.count - 1] += "   at the next start only" }
            lines += change
        }
        lines.append(
            isEmpty ? "Nothing changes." : disturbs ? "This disturbs: \(disturbedNames)." : "This disturbs nothing.")
        return lines.joined(separator: "\n")
    }

    private var disturbedNames: String {
        let names =
            instances.filter(\.disturbs).map(\.name)
            + servers.filter(\.disturbs).map { "virtual_server \($0.name)" }
        return names.prefix(8).joined(separator: ", ") + (names.count > 8 ? " and \(names.count - 8) more" : "")
    }

    private func lines(of instance: InstancePlan, role: String?) -> [String] {
        var fate: String
        switch instance.fate {
        case .unchanged: fate = "stays as it is"
        case .changed: fate = "changed"
        case .restarted: fate = "ends and begins again"
        case .added: fate = "added"
        case .removed: fate = "removed"
        }
        if let former = instance.formerName {
            fate = "renamed, was \(former)" + (instance.changes.isEmpty ? "" : "; \(fate)")
        }
        let now = role.map { " (\($0) now)" } ?? ""
        var lines = ["vrrp_instance \(instance.name)\(now): \(fate)"] + instance.changes.flatMap(self.lines)
        lines += instance.consequences.map { "    \($0.disturbs ? "!" : "-") \($0)" }
        if instance.consequences.isEmpty { lines.append("    - nothing else happens") }
        return lines
    }

    private func lines(of change: Change) -> [String] {
        switch (change.removed.count, change.added.count) {
        case (0, 0): ["      \(change.keyword): in another order"]
        case (1, 1): ["      \(change.keyword): \(change.removed[0]) → \(change.added[0])"]
        default:
            change.removed.map { "      \(change.keyword): - \($0)" }
                + change.added.map { "      \(change.keyword): + \($0)" }
        }
    }
}

extension Consequence: CustomStringConvertible {
    public var description: String {
        switch self {
        case .installs(let address): "\(address) is added while it is master; clients notice nothing"
        case .withdraws(let address, nil): "\(address) is removed where it is master: its clients lose it"
        case .withdraws(let address, let keeper?):
            "\(address) moves to \(keeper): it stays where both are master, and is removed where only this one is"
        case .rewrites(let address): "\(address) is written again in its place; clients notice nothing"
        case .announces(let count):
            "its addresses are announced \(count) \(count == 1 ? "time" : "times") while it is master"
        case .priority(let from, let to):
            "others see priority \(to) for \(from): "
                + (to > from ? "it may take over from another node" : "another node may take over")
        case .starts(asOwner: true): "it begins as master: it owns its addresses"
        case .starts(asOwner: false): "it begins as backup, and takes over when it hears no better one"
        case .stops(let reportsDeleted):
            "a master says that it goes and gives up what it holds; the hook of \(reportsDeleted ? "DELETED" : "FAULT") runs"
        case .peersMustFollow(let words):
            "other nodes must have the same \(words.joined(separator: ", ")): until then there may be two masters"
        case .advertisesOtherAddresses:
            "adverts list other addresses: keepalived before 2.3.3 on another node drops them until its list is the same"
        case .mayFault(let reasons): "it goes to fault if one of these is not well: \(reasons.joined(separator: ", "))"
        case .mayRecover(let reasons): "it no longer depends on \(reasons.joined(separator: ", "))"
        case .mayChangePriority(let reasons): "its priority may change, by \(reasons.joined(separator: ", "))"
        case .groupGains(let group, let members):
            "group \(group) has other members (\(members.prefix(4).joined(separator: ", "))"
                + "\(members.count > 4 ? ", …" : "")): a master steps down until all can be master"
        case .groupLoses(let group): "group \(group) has fewer members: what it waited for may be gone"
        case .needsLease(let lease):
            "it holds by the lease \(lease) from now on: a master lets go until it has it, and a node without an arbiter does "
                + "not wait for it"
        case .needsNoLease(let lease):
            "it no longer needs the lease \(lease): two nodes that lose sight of each other both hold its addresses"
        case .changesLease(let from, let to):
            "it holds by the lease \(to), and no longer by \(from): until other nodes do the same there may be two masters"
        }
    }
}
