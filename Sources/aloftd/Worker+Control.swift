import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP

/// What the worker answers to `aloft status`, `aloft explain` and the dump signals.
extension Worker {
    /// JSON; docs/processes.md has its members.
    func answer(_ payload: [UInt8], at now: Instant) -> [UInt8] {
        var json = JSONWriter()
        guard let request = try? ControlRequest(payload: payload) else { return Array("null".utf8) }
        switch request {
        case .explain(let name): explain(name, at: now, into: &json)
        case .status(let name):
            json.object { json in
                json.member("now_ns", now.nanoseconds)
                json.member("send_failures", Int64(clamping: node.world.sendFailures))
                json.memberArray("instances") { json in
                    for id in node.engine.routerIDs {
                        guard let status = node.engine.status(of: id), name == nil || name == status.name else {
                            continue
                        }
                        write(status, at: now, into: &json)
                    }
                }
                json.memberArray("groups") { json in
                    for id in node.engine.groupIDs {
                        guard let group = node.engine.group(id) else { continue }
                        json.object { json in
                            json.member("name", group.name)
                            json.member("state", group.role.description)
                            json.memberArray("members") { for member in group.members { $0.value(member) } }
                        }
                    }
                }
            }
        default: json.null()
        }
        return json.bytes
    }

    private func explain(_ name: String, at now: Instant, into json: inout JSONWriter) {
        guard let id = node.engine.router(named: name), let status = node.engine.status(of: id) else {
            json.null()
            return
        }
        json.object { json in
            json.memberObject("instance") { members(of: status, at: now, into: &$0) }
            json.memberArray("outlook") { for line in Narration.outlook(status, at: now) { $0.value(line) } }
        }
    }

    private func write(_ status: RouterStatus, at now: Instant, into json: inout JSONWriter) {
        json.object { members(of: status, at: now, into: &$0) }
    }

    private func members(of status: RouterStatus, at now: Instant, into json: inout JSONWriter) {
        json.member("name", status.name)
        json.member("state", status.role.description)
        json.member("since_ns", status.since.nanoseconds)
        json.member("for_seconds", (now - status.since).components.seconds)
        if let transition = status.lastTransition {
            json.member("rule", transition.cause.rule.description)
            json.member("reason", Narration.reason(transition, of: status))
            json.member("from", transition.from.description)
        }
        json.memberArray("faults") { for fault in status.faults { $0.value(fault.description) } }
        json.member("interface", status.interface ?? "")
        json.member("source", status.source?.description ?? "")
        json.member("virtual_router_id", Int64(status.settings.id.rawValue))
        json.member("version", Int64(status.settings.format.version.rawValue))
        json.member("advert_interval_ms", status.settings.interval.duration.nanoseconds / 1_000_000)
        json.member("master_interval_ms", status.masterInterval.duration.nanoseconds / 1_000_000)
        json.member("master_down_ms", status.masterDownInterval.nanoseconds / 1_000_000)
        json.member("preempt", status.settings.preempts)
        json.member("priority", Int64(status.priority.rawValue))
        json.member("base_priority", Int64(status.settings.priority.rawValue))
        json.memberArray("priority_terms") { json in
            for term in status.terms {
                json.object { json in
                    json.member(term.isScript ? "script" : "interface", term.name)
                    json.member("weight", Int64(term.weight))
                    json.member("counts", Int64(term.delta))
                    if let isUp = term.isUp { json.member("up", isUp) }
                }
            }
        }
        if let group = status.group { json.member("sync_group", group) }
        if let heard = status.lastHeard {
            json.memberObject("master_heard") { json in
                json.member("address", heard.address.description)
                json.member("priority", Int64(heard.priority.rawValue))
                json.member("interval_ms", heard.interval.duration.nanoseconds / 1_000_000)
                json.member("ago_ms", (now - heard.at).nanoseconds / 1_000_000)
            }
        }
        json.memberArray("addresses") { json in
            for address in status.addresses {
                json.object { json in
                    json.member("address", address.key.prefix.description)
                    json.member("device", address.key.device)
                    json.member("held", address.isPresent)
                    json.member("wanted", address.isWanted)
                }
            }
        }
        json.memberObject("counters") { json in
            json.member("sent", Int64(clamping: status.counters.sent))
            json.member("received", Int64(clamping: status.counters.received))
            json.member("became_master", Int64(clamping: status.counters.becameMaster))
            json.member("left_master", Int64(clamping: status.counters.leftMaster))
            json.member("priority_zero_sent", Int64(clamping: status.counters.released))
            json.member("priority_zero_received", Int64(clamping: status.counters.releasedHeard))
            json.member("addresses_differ", Int64(clamping: status.counters.addressMismatch))
            for rejection in Rejection.allCases {
                let count = status.counters.rejected[Int(rejection.rawValue)]
                if count > 0 { json.member("rejected." + rejection.rule.description, Int64(clamping: count)) }
            }
        }
    }

    // MARK: - Dump files

    /// What SIGUSR1 and SIGUSR2 write: keepalived's files, the same facts.
    func dumpText(_ kind: DumpKind, at now: Instant) -> [UInt8] {
        switch kind {
        case .json: return answer(Array(#"{"command":"status"}"#.utf8), at: now)
        case .state: return Array(stateText(at: now).utf8)
        case .statistics, .statisticsClear: return Array(statisticsText().utf8)
        }
    }

    private func stateText(at now: Instant) -> String {
        var text = "------< VRRP Topology >------\n"
        for status in node.engine.statuses {
            let definition = status.definition
            text += " VRRP Instance = \(status.name)\n"
            text += "   VRRP Version = \(status.settings.format.version.rawValue)\n"
            text += "   State = \(status.role)\n"
            for fault in status.faults { text += "   Fault: \(fault)\n" }
            text += "   Wantstate = \(definition.initialState == .master ? "MASTER" : "BACKUP")\n"
            text += "   Interface = \(status.interface ?? "(none)")\n"
            if let source = status.source { text += "   Using src_ip = \(source)\n" }
            text += "   Virtual Router ID = \(status.settings.id)\n"
            text += "   Priority = \(status.settings.priority)\n"
            text += "   Effective priority = \(status.priority)\n"
            text += "   Advert interval = \(status.settings.interval)\n"
            if status.role == .backup, let heard = status.lastHeard {
                text += "   Master router = \(heard.address)\n   Master priority = \(heard.priority)\n"
                text += "   Master down interval = \(status.masterDownInterval.formattedSeconds()) s\n"
            }
            text += "   Preempt = \(status.settings.preempts ? "enabled" : "disabled")\n"
            text += "   Virtual IP (\(definition.virtualAddresses.count)):\n"
            for address in status.addresses {
                text += "     \(address.key.prefix) dev \(address.key.device)\(address.isPresent ? " set" : "")\n"
            }
        }
        return text
    }

    private func statisticsText() -> String {
        var text = ""
        for status in node.engine.statuses {
            let counters = status.counters
            func count(_ rejection: Rejection) -> UInt64 { counters.rejected[Int(rejection.rawValue)] }
            text += "VRRP Instance: \(status.name)\n"
            text += "  Advertisements:\n    Received: \(counters.received)\n    Sent: \(counters.sent)\n"
            text += "  Became master: \(counters.becameMaster)\n"
            text += "  Released master: \(counters.leftMaster)\n"
            text += "  Packet Errors:\n    Length: \(count(.length) + count(.truncated))\n"
            text += "    TTL: \(count(.timeToLive))\n    Invalid Type: \(count(.type))\n"
            text += "    Advertisement Interval: \(count(.interval))\n    Address List: \(counters.addressMismatch)\n"
            text += "  Authentication Errors:\n    Type Mismatch: \(count(.authenticationType))\n"
            text += "    Failure: \(count(.authentication))\n"
            text += "  Priority Zero:\n    Received: \(counters.releasedHeard)\n    Sent: \(counters.released)\n"
        }
        return text
    }
}
