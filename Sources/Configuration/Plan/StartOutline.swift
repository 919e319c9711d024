import Primitives

/// What a daemon would start with a configuration: `aloft run --dry-run`.
public struct StartOutline {
    let model: Model

    public init(_ model: Model) { self.model = model }

    /// For people, in lines.
    public var text: String {
        var sections: [(String, [String])] = [("processes", processes), ("instances", model.instances.flatMap(lines))]
        sections.append(("sync groups", model.syncGroups.map { "\($0.name): \($0.members.joined(separator: ", "))" }))
        sections.append(("leases", leases))
        sections.append(("checks that run again and again", trackedScripts))
        sections.append(("scripts that run on events", hooks))
        return sections.filter { !$0.1.isEmpty }.map { title, lines in
            ([title] + lines.map { "    " + $0 }).joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private var processes: [String] {
        let global = model.global
        var worker: [String] = []
        if let priority = global.realtimePriority { worker.append("SCHED_RR \(priority)") }
        if let niceness = global.niceness { worker.append("niceness \(niceness)") }
        if global.noSwap { worker.append("its memory locked") }
        if !global.cpuAffinity.isEmpty {
            worker.append("on processors \(global.cpuAffinity.map { String($0) }.joined(separator: " "))")
        }
        let how = worker.isEmpty ? "" : " (\(worker.joined(separator: ", ")))"
        var lines = [
            "aloftd, the supervisor: runs the scripts, answers the control socket", "aloftd, the VRRP worker\(how)",
        ]
        for fifo in [global.notifyFIFO, global.vrrpNotifyFIFO] {
            guard let reader = fifo?.script, let path = fifo?.path else { continue }
            lines.append("\(reader.wording) \(path), the reader of a named pipe")
        }
        return lines
    }

    private func lines(of instance: InstanceDefinition) -> [String] {
        let begins = instance.isOwner ? "MASTER at once: it owns its addresses" : "BACKUP"
        let via =
            instance.isUnicast
            ? "unicast to \(count(instance.unicastPeers.count, "peer"))" : "multicast to \(instance.multicastGroup)"
        var lines = [
            "\(instance.name): \(instance.interface ?? "any interface"), virtual router \(instance.virtualRouterID), "
                + "IPv\(instance.family.rawValue), version \(instance.version.rawValue), \(via)",
            "    priority \(instance.basePriority), an advert every \(instance.advertInterval.formattedSeconds()) s; begins as \(begins)",
        ]
        lines += Planner.addresses(of: instance, in: model).map { held, address in
            let silent = instance.excludedAddresses.contains(address) ? " (not advertised)" : ""
            return "    holds \(held) as master\(silent)"
        }
        return lines
    }

    private var leases: [String] {
        model.leases.compactMap { lease in
            guard let arbiter = model.arbiter(named: lease.arbiter) else { return nil }
            return
                "\(PlannedLease(name: lease.name, arbiter: arbiter).wording), \(arbiter.leaseDuration.formattedSeconds()) s, for "
                + lease.members.joined(separator: ", ")
        }
    }

    private var trackedScripts: [String] {
        let used = Set((model.instances.flatMap(\.trackScripts) + model.syncGroups.flatMap(\.trackScripts)).map(\.name))
        return model.scripts.filter { used.contains($0.name) }.map { script in
            let weight =
                script.weight == 0
                ? "a failure is a fault" : "weight \(script.weight)\(script.reverse ? " reverse" : "")"
            let user = script.user.map { ", as \($0.wording)" } ?? ""
            return "\(script.name): \(script.wordings[0].values[0]), every \(script.interval.formattedSeconds()) s, "
                + "at most \(script.effectiveTimeout.formattedSeconds()) s\(user); \(weight)"
        }
    }

    private var hooks: [String] {
        var lines: [String] = []
        if let command = model.global.startupScript { lines.append("before anything starts: \(command.wording)") }
        let owners =
            model.instances.map { ("instance \($0.name)", $0.notify) }
            + model.syncGroups.map { ("group \($0.name)", $0.notify) }
        for (owner, notify) in owners {
            for word in notify.wordings where word.values.first.map({ $0 != "on" }) ?? false {
                lines.append("\(owner), \(word.keyword): \(word.values[0])")
            }
        }
        if let command = model.global.shutdownScript { lines.append("when everything has ended: \(command.wording)") }
        return lines
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }
}
