import Arbitration
import Greeting
import Primitives
import RouterEngine
import Supervision

/// Leases, as `aloft status` and `aloft explain` show them.
extension Worker {
    /// The others as they say themselves.
    func members(of peer: GreetingPeer, at now: Instant, into json: inout JSONWriter) {
        json.member("name", peer.name.name.description)
        json.member("address", peer.address.description)
        json.member("program", peer.facts.program.description)
        json.member("state", peer.facts.role.description)
        json.member("priority", Int64(peer.facts.priority.rawValue))
        json.member("eligible", peer.facts.isEligible)
        if let obstacle = peer.facts.obstacle { json.member("obstacle", obstacle.description) }
        json.member("claims", peer.facts.claims)
        json.member("ago_ms", (now - peer.heardAt).nanoseconds / 1_000_000)
        if let roundTrip = peer.roundTrip { json.member("round_trip_us", roundTrip.nanoseconds / 1000) }
        json.memberArray("otherwise") { json in
            for mismatch in peer.mismatches { json.value(mismatch.rule.description) }
        }
    }

    func members(of lease: LeaseStatus, at now: Instant, into json: inout JSONWriter) {
        json.member("name", lease.definition.name)
        json.member("arbiter", lease.arbiter.name)
        json.member("arbiter_type", lease.arbiter.kind.name)
        json.member("node", lease.holder.description)
        json.member("wanted", lease.wants)
        json.member("lease_ms", lease.terms.duration.nanoseconds / 1_000_000)
        json.member("drift_permille", Int64(lease.terms.drift))
        switch lease.state {
        case .stopped: json.member("held", false)
        case .holding(let until, let epoch, let taking):
            json.member("held", true)
            json.member("epoch", Int64(clamping: epoch.rawValue))
            json.member("until_ns", until.nanoseconds)
            json.member("left_ms", (until - now).nanoseconds / 1_000_000)
            json.member("rule", taking.rule.description)
            json.member("reason", Narration.taking(taking))
        case .apart(let loss):
            json.member("held", false)
            json.member("rule", loss.rule.description)
            json.member("reason", Narration.loss(loss, of: lease))
        }
        json.member("arbiter_down", lease.arbiter.whenDown.rawValue)
        if let keeping = lease.keeping {
            json.memberObject("kept") { json in
                json.member("rule", keeping.rule.description)
                json.member("reason", Narration.keeping(lease) ?? "")
                json.member("since_ms", (now - keeping.since).nanoseconds / 1_000_000)
            }
        }
        if let until = lease.promisedUntil {
            json.member("promised_for_ms", max(0, (until - now).nanoseconds / 1_000_000))
        }
        if !lease.members.isEmpty { json.memberArray("members") { json in lease.members.forEach { json.value($0) } } }
        if !lease.silent.isEmpty {
            json.memberArray("not_promised") { json in lease.silent.forEach { json.value($0) } }
        }
        if let until = lease.fencedUntil { json.member("fenced_until_ns", until.nanoseconds) }
        if let sight = lease.sight {
            json.memberObject("seen") { json in
                if let record = sight.record {
                    if let holder = record.holder { json.member("holder", holder.description) }
                    json.member("epoch", Int64(clamping: record.epoch.rawValue))
                    json.member("version", Int64(clamping: record.version))
                    json.member("lease_ms", record.terms.duration.nanoseconds / 1_000_000)
                }
                json.member("unchanged_ms", (now - sight.since).nanoseconds / 1_000_000)
            }
        }
        if let takes = lease.takesAt { json.member("takes_in_ms", max(0, (takes - now).nanoseconds / 1_000_000)) }
        json.member("arbiter_state", Narration.standing(lease))
    }
}
