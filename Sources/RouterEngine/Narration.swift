import Configuration
import Greeting
import Primitives
import VRRP

/// Facts as sentences for an operator: what happened, why, and what would change it. The only place where
/// the engine's facts become words; logs, `aloft status` and `aloft explain` all come here.
public enum Narration {
    /// Why a router changed its role.
    public static func reason(_ transition: Transition, of status: RouterStatus) -> String {
        let cause = transition.cause
        let peer = cause.peer.map { "\($0)" } ?? "the master"
        let elapsed = cause.elapsed.map { " for \($0.formattedSeconds()) s" } ?? ""
        switch cause.rule {
        case .startup: return "started; listening for a master"
        case .startupOwner: return "priority 255: this node owns the addresses and does not wait"
        case .adopted: return "went on where the previous worker stopped"
        case .shutdown: return "the daemon stops or the instance was removed"
        case .masterDown:
            guard cause.peer != nil else {
                return "no master was heard within \(status.masterDownInterval.formattedSeconds()) s"
            }
            return "nothing was heard from \(peer)\(elapsed)"
        case .masterReleased: return "\(peer) gave the addresses up (priority 0)"
        case .soleRivalReleased:
            return "\(peer), the only other router, gave the addresses up (priority 0); there was nobody to wait for"
        case .preempted:
            let theirs = cause.peerPriority.map { " \($0)" } ?? ""
            return "priority \(status.priority) is higher than\(theirs) of \(peer)"
        case .helloClaimed: return "\(peer) ranks higher, and asked for the lease"
        case .leaseTakenFree, .leaseTakenAbsent, .leaseTakenRunOut, .leaseTakenOwn:
            return "it was ready, and its lease was granted: " + (status.lease.map(holding) ?? "")
        case .leaseStarting, .leaseNothingThere, .leaseHeldByAnother, .leaseExpired, .leaseReleased,
            .leaseOlderRecord, .leaseUnreadable:
            guard let lease = status.lease, case .apart(let loss) = lease.state else { return "its lease is lost" }
            return "without its lease it must not serve: " + self.loss(loss, of: lease)
        case .groupReady: return "every member of its sync group is ready"
        case .higherPriority:
            return "\(peer) has the higher priority (\(cause.peerPriority.map { "\($0)" } ?? "?"))"
        case .higherAddress: return "\(peer) has the same priority and the higher address"
        case .groupLeft: return "another member of its sync group is not master any more"
        case .faulted: return status.faults.map(\.description).joined(separator: "; ")
        case .recovered: return "what was missing is there again"
        default: return cause.rule.description
        }
    }

    /// What has to happen for the role to change, as `aloft explain` ends.
    public static func outlook(_ status: RouterStatus, at now: Instant) -> [String] {
        switch status.role {
        case .initialize:
            return status.faults.isEmpty ? ["it has not been started"] : status.faults.map { "it waits: \($0)" }
        case .fault:
            return status.faults.map { "it serves again when this is mended: \($0)" }
        case .backup:
            var lines: [String] = []
            if let deadline = status.nextDeadline {
                let left = max(.zero, deadline - now)
                lines.append("it becomes master in \(left.formattedSeconds()) s unless an advertisement arrives")
            }
            if status.wantsMaster, let lease = status.lease {
                lines.append(
                    "it could be master, and waits for lease \(lease.definition.name): \(waiting(lease, at: now))")
            } else if status.wantsMaster {
                lines.append("it could be master, and waits for its sync group")
            }
            if !status.settings.preempts { lines.append("nopreempt: a living master stays, whatever its priority") }
            if let heard = status.lastHeard, heard.priority < status.priority, status.settings.preempts {
                lines.append("priority \(status.priority) will pre-empt \(heard.priority) of \(heard.address)")
            }
            return lines
        case .master:
            var lines = [
                status.priority == .owner
                    ? "it stays master as long as it runs"
                    : "a router with a priority above \(status.priority) takes over, unless it has nopreempt"
            ]
            for term in status.terms where term.weight == 0 {
                let what = term.isScript ? "script \(term.name)" : "interface \(term.name)"
                lines.append("if \(what) \(term.reverse ? "succeeds" : "fails"), it gives the addresses up at once")
            }
            for term in status.terms where term.weight != 0 {
                let what = term.isScript ? "script \(term.name)" : "interface \(term.name)"
                lines.append(
                    "\(what) counts \(term.delta >= 0 ? "+" : "")\(term.delta) now (weight \(term.weight)\(term.reverse ? ", reversed" : ""))"
                )
            }
            return lines
        }
    }

    /// Why a packet was dropped, with what to do about it.
    public static func rejection(_ rejection: Rejection, from source: IPAddress, of status: RouterStatus) -> String {
        "an advertisement from \(source) \(Self.rejection(rejection, of: status))"
    }

    /// The same as a predicate, for where the source stands before it.
    public static func rejection(_ rejection: Rejection, of status: RouterStatus) -> String {
        switch rejection {
        case .truncated: "is too short to be an advertisement"
        case .length: "has a length that does not fit its count of addresses"
        case .timeToLive: "has a TTL other than 255: it crossed a router, or is forged"
        case .version:
            "is of another VRRP version; this instance speaks version \(status.settings.format.version.rawValue)"
        case .authenticationType: "has another authentication type; compare `authentication` on both nodes"
        case .authentication: "has another password; compare `auth_pass` on both nodes"
        case .interval:
            "has another interval; VRRPv2 needs the same `advert_int` on all nodes (\(status.settings.interval) here)"
        case .type: "is no advertisement"
        case .checksum: "has a wrong checksum; compare `v3_checksum_as_v2` on both nodes"
        case .destination:
            status.settings.format.isUnicast
                ? "was sent to a multicast group, but this instance has `unicast_peer`"
                : "was sent to this node alone, but this instance has no `unicast_peer`"
        case .ownAddress: "carries this node's own source address: two nodes have it, or the network sends back"
        case .owner: "was ignored: this node owns the addresses (`owner_ignore_adverts`)"
        case .notAPeer: "comes from a node that `unicast_peer` does not name"
        case .peerTimeToLive: "has a TTL outside `min_ttl` and `max_ttl` of its peer"
        }
    }
}
