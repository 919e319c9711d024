import Arbitration
import Primitives

/// Leases in words.
extension Narration {
    /// How this node came to hold it.
    public static func holding(_ lease: LeaseStatus) -> String {
        guard case .holding(_, let epoch, let taking) = lease.state else { return "it holds nothing" }
        return "\(Self.taking(taking)) (epoch \(epoch))"
    }

    /// By what it goes on without its arbiter; nil where it does not.
    public static func keeping(_ lease: LeaseStatus) -> String? {
        guard let keeping = lease.keeping else { return nil }
        let arbiter = "arbiter \(lease.arbiter.name) grants no renewal (\(standing(lease)))"
        switch keeping {
        case .promised:
            let others = lease.members.filter { $0 != lease.holder.description }.joined(separator: ", ")
            return "\(arbiter); lease \(lease.definition.name) is kept by promise of \(others) not to take it"
        case .anyway:
            return
                "\(arbiter); lease \(lease.definition.name) is kept anyway, as `arbiter_down keep` wants: another node may hold "
                + "it as well (SAFE-2 does not stand)"
        }
    }

    public static func taking(_ taking: LeaseTaking) -> String {
        switch taking {
        case .free: "its last holder had given it back"
        case .absent: "the arbiter knew of no holder for as long as one could have held"
        case .runOut(let holder): "\(holder) did not renew it in time"
        case .own: "it was this node's before"
        }
    }

    /// Why this node holds nothing.
    public static func loss(_ loss: LeaseLoss, of lease: LeaseStatus) -> String {
        let arbiter = "arbiter \(lease.arbiter.name)"
        switch loss {
        case .starting: return "\(arbiter) has not answered since the start"
        case .nothingThere: return "\(arbiter) has no record of lease \(lease.definition.name)"
        case .heldByAnother(let holder?): return "\(holder) holds lease \(lease.definition.name)"
        case .heldByAnother(nil): return "another node held lease \(lease.definition.name) last, and gave it back"
        case .expired:
            let silent = lease.arbiter.whenDown == .peers ? "; not every other node promised not to take it" : ""
            return "no renewal was granted in time by \(arbiter); \(standing(lease))\(silent)"
        case .released: return "this node gave lease \(lease.definition.name) back"
        case .olderRecord:
            return "\(arbiter) shows an older record than before: it was restored, lost its data, or is another one"
        case .unreadable: return "what lies at \(arbiter) under \(lease.definition.name) cannot be read"
        }
    }

    /// What a node that is ready waits for.
    public static func waiting(_ lease: LeaseStatus, at now: Instant) -> String {
        guard case .apart(let loss) = lease.state else { return "it is held; other members of the group are not ready" }
        var reason = self.loss(loss, of: lease)
        if lease.isExcluded {
            return reason
                + "; this node may not take it, because the holder has not heard its greetings: see that they arrive"
        }
        if let until = lease.promisedUntil {
            reason += "; this node promised to take nothing for \(max(.zero, until - now).formattedSeconds()) s"
        }
        guard let takesAt = lease.takesAt else { return reason }
        return "\(reason); unless that changes, this node takes it in \(max(.zero, takesAt - now).formattedSeconds()) s"
    }

    /// How its arbiter is reached.
    public static func standing(_ lease: LeaseStatus) -> String {
        switch lease.standing {
        case nil, .connecting: "it has not been reached yet"
        case .answering(let roundTrip): "it answers within \(roundTrip.formattedSeconds()) s"
        case .settling(let why, _): "it answers and grants nothing yet: \(why)"
        case .down(let why, _): "it does not answer: \(why)"
        }
    }

    /// What stands between a node that hangs and the clients it served.
    public static func fence(_ fence: FenceStanding) -> String {
        switch fence {
        case .pending: "not known yet"
        case .kernel: "the kernel stops serving at the deadline, whatever becomes of this program"
        case .timeouts(let why):
            "weaker than it could be: the kernel stops serving by timeouts, which may start late; \(why)"
        case .lifetimes(let why):
            "weak: only the lifetimes of the addresses end what a hung node serves; \(why)"
        case .lost(let why): "lost: \(why); it is being put back"
        }
    }
}
