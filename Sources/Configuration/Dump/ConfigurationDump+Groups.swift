import Primitives

extension ConfigurationDump {
    mutating func add(_ group: SyncGroupDefinition) {
        line(0, "VRRP Sync Group = \(group.name)")
        line(1, "VRRP member instances :")
        for member in group.members { line(2, member) }
        if group.trackingWeight { line(1, "sync group tracking weight set") }
        line(1, "Using smtp notification = \(yes(group.smtpAlert))")
        if group.notifyPriorityChanges { line(1, "Notify priority changes = yes") }
        entries(
            "Tracked interfaces :", group.trackInterfaces.map { "\($0.name) \(weight($0.weight, reverse: $0.reverse))" }
        )
        entries(
            "Tracked scripts :",
            weighedScripts(group.trackScripts).map { "\($0.name) \(weight($0.weight, reverse: $0.reverse))" })
        add(group.tracked, processes: "Tracked process :")
        addScripts(group.notify)
    }

    /// Scripts that somebody tracks; others do not run.
    mutating func addScripts() {
        var users: [String: [(String, Int, Bool)]] = [:]
        for instance in model.instances {
            let group = groups[instance.name]
            let counts = group?.trackingWeight ?? true
            let tracked =
                weighedScripts(instance.trackScripts).filter { counts || $0.weight == 0 }
                + weighedScripts(group?.trackScripts ?? [])
            for script in tracked {
                users[script.name, default: []].append((instance.name, script.weight, script.reverse))
            }
        }
        let used = model.scripts.filter { users[$0.name] != nil }
        guard !used.isEmpty else { return }
        heading("VRRP Scripts")
        for script in used {
            line(0, "VRRP Script = \(script.name)")
            switch script.command {
            case .run(let argv): line(1, "Command = \(quoted(argv))")
            case .open(let path): line(1, "Command = <\(path)")
            }
            line(1, "Interval = \(seconds(script.interval)) sec")
            line(1, "Timeout = \(seconds(script.timeout)) sec")
            line(1, "Weight = \(script.weight)\(script.reverse ? " reverse" : "")")
            line(1, "Rise = \(script.rise)")
            line(1, "Fall = \(script.fall)")
            line(1, "Script uid:gid = \(names(script.user))")
            line(1, "VRRP instances :")
            entries(
                "Tracking instances :",
                (users[script.name] ?? []).map { "\($0.0), \(weight($0.1, reverse: $0.2))" })
        }
    }
}
