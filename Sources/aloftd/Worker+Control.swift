import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP

/// What the worker answers to `aloft status` and `aloft explain`.
extension Worker {
    /// JSON; docs/processes.md has its members.
    func answer(_ payload: [UInt8], at now: Instant) -> [UInt8] {
        var json = JSONWriter()
        guard let request = try? ControlRequest(payload: payload) else { return Array("null".utf8) }
        switch request {
        case .explain(let name, _): explain(name, at: now, into: &json)
        case .status(let name):
            json.object { json in
                json.member("now_ns", now.nanoseconds)
                json.member("send_failures", Int64(clamping: node.world.sendFailures))
                json.memberObject("punctuality") { members(of: punctuality, at: now, into: &$0) }
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

    /// In microseconds. A stall is what took longer than `patience_us`.
    private func members(of punctuality: Punctuality, at now: Instant, into json: inout JSONWriter) {
        func microseconds(_ duration: Duration) -> Int64 { duration.nanoseconds / 1000 }
        let recent = punctuality.lastMinute(at: now)
        json.member("patience_us", microseconds(patience))
        json.member("late_us_last_minute", microseconds(recent.late))
        json.member("turn_us_last_minute", microseconds(recent.turn))
        json.member("late_us_since_start", microseconds(punctuality.sinceStart.late))
        json.member("turn_us_since_start", microseconds(punctuality.sinceStart.turn))
        json.member("stalls", Int64(clamping: punctuality.stalls))
    }

    private func members(of split: Split, _ status: RouterStatus, at now: Instant, into json: inout JSONWriter) {
        json.member("is_over", split.isOver)
        json.member("rule", split.rule.description)
        json.member("reason", Narration.split(split, of: status, on: node.engine.nodeName, at: now))
        if let source = split.source { json.member("source", source.description) }
        if let name = split.name { json.member("node", name.description) }
        if let mac = split.mac { json.member("mac", mac.description) }
        if let address = split.address { json.member("address", address.description) }
        json.member("interface", status.interface ?? "")
        json.member("since_ns", split.since.nanoseconds)
        json.member("last_seen_ns", split.lastSeen.nanoseconds)
        json.member("for_ms", split.duration.nanoseconds / 1_000_000)
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
        if let lease = status.lease {
            json.memberObject("lease") { members(of: lease, at: now, into: &$0) }
            json.member("fence", Narration.fence(node.engine.fence))
        }
        if let split = status.split { json.memberObject("split") { members(of: split, status, at: now, into: &$0) } }
        if let heard = status.lastHeard {
            json.memberObject("master_heard") { json in
                json.member("address", heard.address.description)
                json.member("priority", Int64(heard.priority.rawValue))
                json.member("interval_ms", heard.interval.duration.nanoseconds / 1_000_000)
                json.member("ago_ms", (now - heard.at).nanoseconds / 1_000_000)
            }
        }
        let greeted = node.engine.greeted(named: status.name)
        if !greeted.isEmpty {
            json.memberArray("greeted") { json in
                for peer in greeted { json.object { members(of: peer, at: now, into: &$0) } }
            }
        }
        json.memberArray("peers") { json in
            for neighbour in status.neighbours {
                json.object { json in
                    json.member("address", neighbour.address.description)
                    json.member("ago_ms", (now - neighbour.lastHeard).nanoseconds / 1_000_000)
                    json.member("accepted", Int64(clamping: neighbour.accepted))
                    json.member("rejected", Int64(clamping: neighbour.rejected))
                    if let advert = neighbour.advert {
                        json.member("priority", Int64(advert.priority.rawValue))
                        json.member("interval_ms", advert.interval.duration.nanoseconds / 1_000_000)
                        json.member("advert_ago_ms", (now - advert.at).nanoseconds / 1_000_000)
                    }
                    if let rejection = neighbour.lastRejection {
                        json.member("rejection", rejection.rule.description)
                        json.member("rejection_reason", Narration.rejection(rejection, of: status))
                    }
                }
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
            json.member("splits", Int64(clamping: status.counters.splits))
            json.member("split_seconds", status.counters.splitTime.components.seconds)
            for rejection in Rejection.allCases {
                let count = status.counters.rejected[Int(rejection.rawValue)]
                if count > 0 { json.member("rejected." + rejection.rule.description, Int64(clamping: count)) }
            }
        }
    }
}
