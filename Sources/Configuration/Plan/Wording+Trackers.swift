import Primitives

extension TrackFile {
    public var wordings: [Wording] {
        [
            Wording("file", path),
            Wording("weight", "\(weight)\(reverse ? " reverse" : "")"),
            Wording("init_file", initial.map { "\($0.value)\($0.overwrites ? " overwrite" : "")" }),
        ]
    }
}

extension TrackProcess {
    public var wordings: [Wording] {
        let match: String?
        switch parameterMatch {
        case .exact: match = nil
        case .initial: match = "initial"
        case .partial: match = "partial"
        }
        return [
            Wording("process", Wording.command(command)),
            Wording("param_match", match),
            Wording("weight", "\(weight)\(reverse ? " reverse" : "")"),
            Wording("quorum", quorum),
            Wording("quorum_max", quorumMaximum),
            Wording("terminate_delay", terminateDelay),
            Wording("fork_delay", forkDelay),
            Wording("full_command", matchesFullCommand),
        ]
    }
}

extension BFDInstance {
    public var wordings: [Wording] {
        [
            Wording("neighbor_ip", neighbour),
            Wording("source_ip", source),
            // Milliseconds in the configuration.
            Wording("min_rx", Self.milliseconds(minimumReceive)),
            Wording("min_tx", Self.milliseconds(minimumTransmit)),
            Wording("idle_tx", Self.milliseconds(idleTransmit)),
            Wording("multiplier", multiplier),
            Wording("passive", isPassive),
            Wording("ttl", ttl),
            Wording("max_hops", maximumHops),
            Wording("multihop", isMultihop),
            Wording("weight", "\(weight)\(reverse ? " reverse" : "")"),
            Wording("vrrp", tellsInstances),
            Wording("checker", tellsCheckers),
        ]
    }

    private static func milliseconds(_ duration: Duration) -> String {
        Duration.nanoseconds(duration.nanoseconds * 1_000).formattedSeconds(digits: 3)
    }
}

extension TrackedItem {
    var wording: String {
        guard let weight else { return name }
        return "\(name) weight \(weight)" + (reverse.map { $0 ? " reverse" : " noreverse" } ?? "")
    }
}

extension TrackedItems {
    var wordings: [Wording] {
        [
            Wording("track_file", files.map(\.wording)),
            Wording("track_process", processes.map(\.wording)),
            Wording("track_bfd", sessions.map(\.wording)),
        ]
    }
}

extension StaticDefinitions {
    public var wordings: [Wording] {
        [
            Wording(
                "static_ipaddress",
                addresses.map { $0.address.wording + ($0.trackGroup.map { " track_group \($0)" } ?? "") }),
            Wording("static_routes", routes.map(\.wording)),
            Wording("static_rules", rules.map(\.wording)),
            Wording("track_group", groups.map { "\($0.name) { \($0.members.joined(separator: " ")) }" }),
        ]
    }
}

extension WrittenEntry {
    var wording: String { words.joined(separator: " ") + (trackGroup.map { " track_group \($0)" } ?? "") }
}

extension InterfaceSettings {
    public var wordings: [Wording] {
        [
            Wording(
                "garp_group",
                announcementGroups.map {
                    "\($0.interfaces.joined(separator: " ")) garp_interval \($0.garpInterval.formattedSeconds(digits: 6)) "
                        + "gna_interval \($0.gnaInterval.formattedSeconds(digits: 6))"
                }),
            Wording(
                "interface_up_down_delays",
                delays.map { "\($0.interface) \($0.down.formattedSeconds()) \($0.up.formattedSeconds())" }),
            Wording(
                "linkbeat_interfaces", polled.map { $0.interface + ($0.method.map { " \($0.rawValue)" } ?? "") }),
        ]
    }
}

extension VirtualInterface {
    /// The keyword and what stands behind it.
    var wordings: (keyword: String, text: String) {
        var words = name.map { [$0] } ?? []
        let keyword: String
        switch kind {
        case .macvlan(let address):
            keyword = "use_vmac"
            if !address.isEmpty {
                words.append(address.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":"))
            }
        case .ipvlan(let address, let mode):
            keyword = "use_ipvlan"
            if let address { words.append(address.description) }
            words.append(mode.rawValue)
        }
        if let group { words += ["group", group] }
        if notifiesNetlink { words.append("netlink_notify_msg") }
        return (keyword, words.isEmpty ? "on" : words.joined(separator: " "))
    }
}

extension HMACAuthentication {
    /// Without its keys, which are compared and not shown.
    var wording: String {
        let names = keys.map { key in
            switch key.value {
            case .bytes: "\(key.id)"
            case .file(let path): "\(key.id) file:\(path)"
            }
        }
        var text = "keys \(names.joined(separator: ", ")) active_key \(activeKey)"
        if let timeWindow { text += " time_window \(timeWindow.formattedSeconds())" }
        text += replayProtection == .time ? " anti_replay time" : " anti_replay monotonic"
        switch mode {
        case .enforce: text += " mode enforce"
        case .permissive: text += " mode permissive"
        case .receiveOnly: text += " mode receive_only"
        }
        return text
    }

    /// All keys in one, to be compared.
    var secret: Secret {
        var bytes: [UInt8] = []
        for key in keys {
            if case .bytes(let secret) = key.value { bytes += [UInt8(clamping: key.id)] + secret.revealed + [0] }
        }
        return Secret(bytes)
    }
}
