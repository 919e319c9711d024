import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP

/// What SIGUSR1 and SIGUSR2 write: keepalived's files, with its labels, since scripts of operators read them.
extension Worker {
    func dumpText(_ kind: DumpKind, at now: Instant) -> [UInt8] {
        switch kind {
        case .json: return answer(Array(#"{"command":"status"}"#.utf8), at: now)
        case .state: return Array(stateText(at: now).utf8)
        case .statistics, .statisticsClear: return Array(statisticsText().utf8)
        }
    }

    private func stateText(at now: Instant) -> String {
        var lines: [String] = ["------< VRRP Topology >------"]
        for status in node.engine.statuses { describe(status, at: now, into: &lines) }
        if !node.engine.groupIDs.isEmpty {
            lines.append("------< VRRP Sync groups >------")
            for id in node.engine.groupIDs { describe(id, into: &lines) }
        }
        let scripts = node.engine.scriptStatuses
        if !scripts.isEmpty {
            lines.append("------< VRRP Scripts >------")
            for script in scripts { describe(script, into: &lines) }
        }
        lines.append("------< Interfaces >------")
        for link in node.engine.allLinks { describe(link, into: &lines) }
        return ConfigurationDump.globalDefinitions(of: node.engine.model) + lines.joined(separator: "\n") + "\n"
    }

    // MARK: - Instances

    private func describe(_ status: RouterStatus, at now: Instant, into lines: inout [String]) {
        let definition = status.definition
        let settings = status.settings
        lines.append(" VRRP Instance = \(status.name)")
        lines.append("   VRRP Version = \(settings.format.version.rawValue)")
        if let group = status.group { lines.append("   Sync group = \(group)") }
        lines.append("   State = \(status.role)")
        if definition.isUnicast { lines += ["   Flags:", "     Using unicast"] }
        for fault in status.faults { lines.append("   Fault: \(fault)") }
        lines.append("   Wantstate = \(definition.initialState == .master ? "MASTER" : "BACKUP")")
        lines.append("   Number of interface and track script faults = \(status.faults.count { !$0.isPending })")
        lines.append("   Number of track scripts init = \(status.faults.count(where: \.isPending))")
        let since = BootClock.wallClockNanoseconds() - (now - status.since).nanoseconds
        lines.append("   Last transition = \(Duration.nanoseconds(since).formattedSeconds(digits: 6))")
        if let transition = status.lastTransition {
            lines.append("   Because of = \(Narration.reason(transition, of: status)) [\(transition.cause.rule)]")
        }
        if status.role == .backup {
            if let heard = status.lastHeard {
                lines.append("   Master router = \(heard.address)")
                lines.append("   Master priority = \(heard.priority)")
                lines.append("   Master advert interval = \(milliseconds(heard.interval.duration)) milli-sec")
            }
        }
        lines.append("   Master down timer = \(status.masterDownInterval.nanoseconds / 1000) usecs")
        lines.append("   Interface = \(status.interface ?? "(none)")")
        if let source = status.source {
            let configured = definition.isUnicast ? definition.unicastSource : definition.multicastSource
            lines.append("   Using src_ip = \(source)\(configured == nil ? "" : " (from configuration)")")
        }
        if !definition.isUnicast { lines.append("   Multicast address \(definition.multicastGroup)") }
        describe(definition.announcements, into: &lines)
        lines.append("   Down timer adverts = \(definition.downTimerAdverts)")
        lines.append("   Send advert after receive lower priority advert = \(!definition.lowerPriorityNoAdvert)")
        lines.append("   Send advert after receive higher priority advert = \(definition.higherPrioritySendAdvert)")
        lines.append("   Virtual Router ID = \(settings.id)")
        lines.append("   Priority = \(settings.priority)")
        lines.append("   Effective priority = \(status.priority)")
        let total = Int(settings.priority.rawValue) + status.terms.reduce(0) { $0 + $1.delta }
        lines.append("   Total priority = \(total)")
        lines.append("   Advert interval = \(milliseconds(settings.interval.duration)) milli-sec")
        lines.append("   Preempt = \(definition.preempt ? "enabled" : "disabled")")
        if definition.preemptDelay > .zero {
            lines.append("   Preempt delay = \(definition.preemptDelay.formattedSeconds()) secs")
        }
        lines.append("   Promote_secondaries = \(definition.promoteSecondaries ? "enabled" : "disabled")")
        if case .pass = definition.authentication { lines.append("   Authentication type = SIMPLE_PASSWORD") }
        describe(status, addresses: definition.virtualAddresses.count, into: &lines)
        describe(status.terms, into: &lines)
        lines.append("   Notify priority changes = \(definition.notifyPriorityChanges)")
    }

    private func describe(_ status: RouterStatus, addresses advertised: Int, into lines: inout [String]) {
        func entry(_ address: ManagedAddress) -> String {
            "     \(address.key.prefix) dev \(address.key.device)\(address.isPresent ? " set" : "")"
        }
        lines.append("   Virtual IP (\(advertised)):")
        lines += status.addresses.prefix(advertised).map(entry)
        if status.addresses.count > advertised {
            lines.append("   Virtual IP Excluded (\(status.addresses.count - advertised)):")
            lines += status.addresses.dropFirst(advertised).map(entry)
        }
        guard status.definition.isUnicast else { return }
        lines.append("   Unicast TTL = \(status.definition.unicastTTL ?? 255)")
        lines.append("   Check unicast src : \(status.definition.checkUnicastSource ? "yes" : "no")")
        lines.append("   Unicast Peer :")
        for peer in status.definition.unicastPeers {
            lines.append("     \(peer.address) min_ttl \(peer.minTTL ?? 0) max_ttl \(peer.maxTTL ?? 255)")
        }
    }

    private func describe(_ announcements: AnnouncementSettings, into lines: inout [String]) {
        lines.append("   Gratuitous ARP delay = \(announcements.masterDelay.components.seconds)")
        lines.append("   Gratuitous ARP repeat = \(announcements.masterRepeat)")
        lines.append("   Gratuitous ARP refresh = \(announcements.masterRefresh.components.seconds)")
        lines.append("   Gratuitous ARP refresh repeat = \(announcements.refreshRepeat)")
        lines.append("   Gratuitous ARP lower priority delay = \(announcements.lowerPriorityDelay.components.seconds)")
        lines.append("   Gratuitous ARP lower priority repeat = \(announcements.lowerPriorityRepeat)")
    }

    private func describe(_ terms: [PriorityTerm], into lines: inout [String]) {
        func section(_ title: String, _ terms: [PriorityTerm]) {
            guard !terms.isEmpty else { return }
            lines.append("   \(title) :")
            for term in terms {
                lines.append("     \(term.name) weight \(term.weight)\(term.reverse ? " reverse" : "")")
            }
        }
        section("Tracked interfaces", terms.filter { !$0.isScript })
        section("Tracked scripts", terms.filter(\.isScript))
    }

    private func milliseconds(_ duration: Duration) -> Int64 { duration.nanoseconds / 1_000_000 }

    // MARK: - Groups, scripts, interfaces

    private func describe(_ id: GroupID, into lines: inout [String]) {
        guard let group = node.engine.group(id) else { return }
        lines.append(" VRRP Sync Group = \(group.name), \(group.role)")
        lines.append("   VRRP member instances :")
        lines += group.members.map { "     \($0)" }
        let hooks: [(String, HookCommand?)] = [
            ("Backup", group.notify.backup), ("Master", group.notify.master), ("Fault", group.notify.fault),
            ("Stop", group.notify.stop), ("Generic", group.notify.any),
        ]
        for (state, hook) in hooks {
            guard let hook else { continue }
            lines.append("   \(state) state transition script = '\(hook.argv.joined(separator: " "))'")
        }
    }

    private func describe(_ script: ScriptStatus, into lines: inout [String]) {
        let definition = script.definition
        let command =
            switch definition.command {
            case .run(let argv): argv.joined(separator: " ")
            case .open(let path): "</\(path)"
            }
        lines += [
            " VRRP Script = \(definition.name)", "   Command = '\(command)'",
            "   Interval = \(definition.interval.formattedSeconds(digits: 6)) sec",
            "   Timeout = \(definition.timeout.formattedSeconds(digits: 6)) sec",
            "   Weight = \(definition.weight)\(definition.reverse ? " reverse" : "")", "   Rise = \(definition.rise)",
            "   Fall = \(definition.fall)", "   Result = \(script.result)",
            "   Init state = \(definition.initFail ? "failed" : "unknown")",
            "   Status = \(script.isUp.map { $0 ? "GOOD" : "BAD" } ?? "INIT")", "   Tracking instances :",
        ]
        lines += script.users.map { "     \($0)" }
        lines.append("   State = \(script.isRunning ? "running" : "idle")")
    }

    private func describe(_ link: Link, into lines: inout [String]) {
        lines += [" Name = \(link.name)", "   index = \(link.index)"]
        lines += node.engine.kernelAddresses(on: link.index).map { address in
            "   \(address.prefix.address.family == .ipv4 ? "IPv4" : "IPv6") address = \(address.prefix.address)"
        }
        lines += [
            "   MAC = \(link.mac)", "   State = \(link.isUp ? "UP, RUNNING" : "DOWN")", "   MTU = \(link.mtu)",
        ]
    }

    // MARK: - Counters

    private func statisticsText() -> String {
        var lines: [String] = []
        for status in node.engine.statuses {
            let counters = status.counters
            func count(_ rejection: Rejection) -> UInt64 { counters.rejected[Int(rejection.rawValue)] }
            lines += [
                "VRRP Instance: \(status.name)", "  Advertisements:", "    Received: \(counters.received)",
                "    Sent: \(counters.sent)", "  Became master: \(counters.becameMaster)",
                "  Released master: \(counters.leftMaster)", "  Packet Errors:",
                "    Length: \(count(.length) + count(.truncated))", "    TTL: \(count(.timeToLive))",
                "    Invalid Type: \(count(.type))", "    Advertisement Interval: \(count(.interval))",
                "    Address List: \(counters.addressMismatch)", "  Authentication Errors:",
                // A type that VRRP does not know is not told from one that is merely another than here.
                "    Invalid Type: 0", "    Type Mismatch: \(count(.authenticationType))",
                "    Failure: \(count(.authentication))", "  Priority Zero:",
                "    Received: \(counters.releasedHeard)", "    Sent: \(counters.released)",
            ]
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
