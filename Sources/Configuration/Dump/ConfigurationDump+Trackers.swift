import Primitives

/// Files, processes and BFD sessions that somebody tracks; and what stays on the host.
extension ConfigurationDump {
    mutating func addStatics() {
        let statics = model.statics
        if !statics.addresses.isEmpty {
            heading("Static Addresses")
            for entry in statics.addresses {
                line(2, entry.address.listing(on: model.global.defaultInterface))
            }
        }
        for (title, entries) in [("Static Routes", statics.routes), ("Static Rules", statics.rules)]
        where !entries.isEmpty {
            heading(title)
            for entry in entries { line(2, entry.wording) }
        }
        guard !statics.groups.isEmpty else { return }
        heading("Static Track groups")
        for group in statics.groups {
            line(0, "Static Track Group = \(group.name)")
            line(1, "VRRP member instances :")
            for member in group.members { line(2, member) }
        }
    }

    mutating func addTrackers() {
        let files = users { $0.files }
        let tracked = model.trackFiles.filter { files[$0.name] != nil }
        if !tracked.isEmpty { heading("VRRP Track files") }
        for file in tracked {
            line(0, "Track file = \(file.name)")
            line(1, "File = \(file.path)")
            line(1, "Weight = \(file.weight)\(file.reverse ? " reverse" : "")")
            addUsers(files[file.name], file.weight, file.reverse)
        }
        addProcessTrackers()
        let sessions = users { $0.sessions }
        let watched = model.bfdInstances.filter { sessions[$0.name] != nil }
        if !watched.isEmpty { heading("VRRP Track BFDs") }
        for session in watched {
            line(0, "VRRP Track BFD = \(session.name)")
            line(1, "Weight = \(session.weight)\(session.reverse ? " reverse" : "")")
            line(1, "Tracking VRRP instances :")
            addUsers(sessions[session.name], session.weight, session.reverse)
        }
        addBFD()
    }

    private mutating func addProcessTrackers() {
        let processes = users { $0.processes }
        let tracked = model.trackProcesses.filter { processes[$0.name] != nil }
        if !tracked.isEmpty { heading("VRRP Track processes") }
        for process in tracked {
            line(0, "VRRP Track process = \(process.name)")
            line(1, "Process = \(process.command.first ?? "")")
            if process.command.count > 1 {
                line(1, "Parameters = \(process.command.dropFirst().joined(separator: " "))")
            }
            switch process.parameterMatch {
            case .exact where process.command.count > 1: line(1, "Param match")
            case .exact: break
            case .initial: line(1, "Param match = initial")
            case .partial: line(1, "Param match = partial")
            }
            line(1, "Min processes = \(process.quorum)")
            if let most = process.quorumMaximum { line(1, "Max processes = \(most)") }
            line(1, "Weight = \(process.weight)\(process.reverse ? " reverse" : "")")
            line(1, "Terminate delay = \(sixDigits(process.terminateDelay))s")
            line(1, "Fork delay = \(sixDigits(process.forkDelay))s")
            // Parameters can only be compared where all of the command is.
            line(1, "Full command = \(process.matchesFullCommand || process.command.count > 1)")
            addUsers(processes[process.name], process.weight, process.reverse)
        }
    }

    /// Who tracks what: the instance and its entry, its own or its group's.
    private func users(_ kind: (TrackedItems) -> [TrackedItem]) -> [String: [(String, TrackedItem)]] {
        var users: [String: [(String, TrackedItem)]] = [:]
        for instance in model.instances {
            let own = kind(instance.tracked) + (groups[instance.name].map { kind($0.tracked) } ?? [])
            for item in own { users[item.name, default: []].append((instance.name, item)) }
        }
        return users
    }

    private mutating func addUsers(_ users: [(String, TrackedItem)]?, _ weight: Int, _ reverse: Bool) {
        entries(
            "Tracking instances :",
            (users ?? []).map { "\($0.0), \(self.weight($0.1.weight ?? weight, reverse: $0.1.reverse ?? reverse))" })
    }

    /// The entries of an instance or a group, under keepalived's titles.
    mutating func add(_ tracked: TrackedItems, processes title: String) {
        let files = Dictionary(model.trackFiles.map { ($0.name, ($0.weight, $0.reverse)) }) { first, _ in first }
        let processes = Dictionary(model.trackProcesses.map { ($0.name, ($0.weight, $0.reverse)) }) { first, _ in first
        }
        let sessions = Dictionary(model.bfdInstances.map { ($0.name, ($0.weight, $0.reverse)) }) { first, _ in first }
        func text(_ item: TrackedItem, _ standard: (Int, Bool)?) -> String {
            weight(item.weight ?? standard?.0 ?? 0, reverse: item.reverse ?? standard?.1 ?? false)
        }
        entries("Tracked files :", tracked.files.map { "\($0.name), \(text($0, files[$0.name]))" })
        entries(title, tracked.processes.map { "\($0.name), \(text($0, processes[$0.name]))" })
        entries("Tracked BFDs :", tracked.sessions.map { "\($0.name): \(text($0, sessions[$0.name]))" })
    }

    private mutating func addBFD() {
        guard !model.bfdInstances.isEmpty else { return }
        heading("BFD Topology")
        for session in model.bfdInstances {
            line(0, "BFD Instance = \(session.name)")
            line(1, "Neighbor IP = \(session.neighbour)")
            if let source = session.source { line(1, "Source IP = \(source)") }
            line(1, "Required min RX interval = \(session.minimumReceive.nanoseconds / 1_000) us")
            line(1, "Desired min TX interval = \(session.minimumTransmit.nanoseconds / 1_000) us")
            line(1, "Desired idle TX interval = \(session.idleTransmit.nanoseconds / 1_000) us")
            line(1, "Detection multiplier = \(session.multiplier)")
            line(1, "\(session.neighbour.family == .ipv4 ? "TTL" : "hoplimit") = \(session.ttl)")
            line(1, "max_hops = \(session.maximumHops)")
            line(1, "passive = \(session.isPassive)")
            line(1, "send event to VRRP process = \(session.tellsInstances ? "Yes" : "No")")
            line(1, "send event to checker process = \(session.tellsCheckers ? "Yes" : "No")")
        }
    }
}
