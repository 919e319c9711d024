import ConfigLanguage
import Primitives

// Blocks of the top that instances, groups and servers refer to by name.
extension Schema {
    /// `track_file`.
    static let trackFile = Block<TrackFileDraft>("track_file", trackFileKeywords)
    /// `vrrp_track_file`, its old name.
    static let oldTrackFile = Block<TrackFileDraft>("vrrp_track_file", trackFileKeywords)

    private static let trackFileKeywords: [Keyword<TrackFileDraft>] = [
        .word("file", \.path, "path", "The file; its first number counts."),
        .weight(
            "weight", \.weight, default: "1", isWide: true,
            "What the number is multiplied with; 0 faults unless it is 0."),
        Keyword(
            "init_file", .other("[VALUE] [overwrite]"), default: "none; 0 where no value follows",
            "Write this value into the file at the start, where there is none or `overwrite` follows."
        ) { file, reader in
            var initial = TrackFile.Initial()
            if reader.hasMore, reader.peek() != "overwrite" {
                guard let value = reader.integer(-2_147_483_648...2_147_483_647) else { return reader.skipRest() }
                initial.value = value
            }
            if let word = reader.next() {
                guard reader.choice(word, [("overwrite", true)], rule: .choice) != nil else { return }
                initial.overwrites = true
            }
            reader.assign(&file.initial, initial)
        }.later(),
    ]

    /// `vrrp_track_process`.
    static let trackProcess = Block<TrackProcessDraft>(
        "vrrp_track_process",
        [
            Keyword("process", .words("command"), "The command, and the parameters that it must have.") {
                process, reader in
                if let words = reader.words("command") { reader.assign(&process.command, words) }
            },
            .choice(
                "param_match", \.match, [("initial", .initial), ("partial", .partial)], default: "exact",
                "Parameters may go on: the last one (initial), or with more behind (partial)."),
            .weight("weight", \.weight, default: "0", isWide: true, "What the result adds to the priority; 0 faults."),
            .integer("quorum", \.quorum, 1...65_535, default: "1", "How many must be there."),
            .integer("quorum_max", \.quorumMaximum, 0...65_535, default: "none", "How many may be there."),
            .seconds("delay", \.delay, 1...3_600_000_000, "Seconds of both delays."),
            .seconds(
                "terminate_delay", \.terminateDelay, 1...3_600_000_000, default: "delay",
                "Seconds from one too few to the failure."),
            .seconds(
                "fork_delay", \.forkDelay, 1...3_600_000_000, default: "delay",
                "Seconds from enough of them to the success."),
            .flag("full_command", \.fullCommand, "Compare the whole command line."),
        ])

    /// `bfd_instance`.
    static let session = Block<SessionDraft>(
        "bfd_instance",
        [
            .address("neighbor_ip", \.neighbour, "The neighbour."),
            .address("neighbour_ip", \.neighbour, "The same as neighbor_ip."),
            .address("source_ip", \.source, default: "the kernel's choice", "The address to speak from."),
            .milliseconds(
                "min_rx", \.minimumReceive, milliseconds, default: "10", "The least interval at which it can hear."),
            .milliseconds(
                "min_tx", \.minimumTransmit, milliseconds, default: "10",
                "The least interval at which it wants to send."),
            .milliseconds(
                "idle_tx", \.idleTransmit, 1_000_000...4_294_967_000, default: "1000",
                "The interval while the session is not up."),
            .integer("multiplier", \.multiplier, 1...255, default: "5", "Packets that may be missed."),
            .flag("passive", \.passive, "Silent until the neighbour is heard."),
            .integer("ttl", \.ttl, 1...255, default: "255", "The TTL of IPv4 packets."),
            .integer("hoplimit", \.ttl, 1...255, default: "64", "The hop limit of IPv6 packets."),
            .integer(
                "max_hops", \.maximumHops, -1...255, default: "0",
                "How much less than ttl may arrive; 255 checks nothing."),
            .boolean("multihop", \.multihop, "The neighbour is not on the link: port 4784, RFC 5883."),
            .weight("weight", \.weight, default: "0", "What the result adds to the priority; 0 faults."),
            .flag("vrrp", \.forInstances, "Only instances hear of it, unless `checker` is written too."),
            .flag("checker", \.forCheckers, "Only checkers hear of it, unless `vrrp` is written too."),
        ])

    /// 1 to 4294967 ms, in microseconds.
    private static let milliseconds = 1_000...4_294_967_000

    /// `garp_group`.
    static let announcementGroup = Block<AnnouncementGroupDraft>(
        "garp_group",
        [
            .seconds("garp_interval", \.garpInterval, microseconds, "Least seconds between two gratuitous ARPs."),
            .seconds(
                "gna_interval", \.gnaInterval, microseconds, "Least seconds between two neighbour advertisements."),
            .interface("interface", \.interface, "The interface that it is for."),
            .entries("interfaces", "INTERFACE", "Interfaces that share the intervals.") { group, reader in
                while reader.hasMore {
                    let place = reader.nextRange
                    guard let name = reader.interface(), let place else { return reader.skipRest() }
                    group.interfaces.append(Written(value: name, range: place))
                }
            },
        ])

    /// `track_group`.
    static let trackGroupBlock = Block<TrackGroupDraft>(
        "track_group",
        [
            .entries("group", "INSTANCE", "Instances that fault when something static of this group is lost.") {
                group, reader in
                while let word = reader.next() { group.members.append(Written(value: word.text, range: word.range)) }
            }
        ])

    /// An entry of `linkbeat_interfaces`, behind the interface.
    static let linkPolling = EntryGrammar<InterfaceSettings.LinkPolling>(
        "linkbeat_interfaces", "polled interface", consequence: "the interface is not polled",
        [
            .method("MII", .mii, "Ask the MII first; the default."),
            .method("ETHTOOL", .ethtool, "Ask ethtool first."),
            .method("IOCTL", .ioctl, "Ask for the flags of the interface first."),
        ])
}

extension EntryOption where Target == InterfaceSettings.LinkPolling {
    fileprivate static func method(_ name: String, _ method: Target.Method, _ documentation: String) -> EntryOption {
        EntryOption(name, .none, documentation) { polling, _ in
            polling.method = method
            return true
        }
    }
}

extension Keyword {
    /// `weight N [reverse]`: up to ±253, or ±254 where a value is multiplied.
    static func weight(
        _ name: String, _ slot: Slot<Target, Weight>, default text: String, isWide: Bool = false,
        _ documentation: String
    ) -> Keyword {
        Keyword(
            name, .other(isWide ? "-254…254 [reverse]" : "-253…253 [reverse]"), default: text, documentation
        ) { target, reader in
            if let weight = isWide ? reader.weight(-254...254) : reader.weight() {
                reader.assign(&target[keyPath: slot], weight)
            }
        }
    }

    /// Milliseconds with decimals; `range` is in microseconds.
    static func milliseconds(
        _ name: String, _ slot: Slot<Target, Duration>, _ range: ClosedRange<Int>, default text: String,
        _ documentation: String
    ) -> Keyword {
        Keyword(name, .milliseconds(range), default: text, documentation) { target, reader in
            if let value = reader.milliseconds(range) { reader.assign(&target[keyPath: slot], value) }
        }
    }
}
