import ConfigLanguage
import Primitives

/// Who is master, and whether the nodes agree on how that is decided.
extension ClusterCheck {
    mutating func checkRoles(_ router: ClusterRouter) {
        checkOwners(router.members)
        checkStates(router.members)
        checkPreemption(router.members)
    }

    private mutating func checkOwners(_ members: [Member]) {
        let owners = members.filter { instance($0).isOwner }
        for other in owners.dropFirst() {
            report(
                .clusterTwoOwners, at: other, places(other).priority ?? places(other).state,
                "`\(instance(other).name)` has priority 255 here and on \(name(owners[0]))",
                reason: "255 is for the one node that owns the addresses; two owners are both master",
                fix: "write a priority up to 254 on all others",
                elsewhere: [place(owners[0], places(owners[0]).priority, "the other owner")])
        }
    }

    private mutating func checkStates(_ members: [Member]) {
        let masters = members.filter { instance($0).initialState == .master && !instance($0).isOwner }
        for other in masters.dropFirst() {
            report(
                .clusterMasters, at: other, places(other).state,
                "`\(instance(other).name)` begins as master here and on \(name(masters[0]))",
                reason: "whichever of them starts takes the addresses, if only for a moment",
                fix: "write `state BACKUP` on all others, or on every node: the priority decides",
                elsewhere: [place(masters[0], places(masters[0]).state, "the other one")])
        }
        guard masters.count == 1, let master = masters.first else { return }
        let better = members.filter { instance($0).basePriority > instance(master).basePriority }
        guard let best = better.max(by: { instance($0).basePriority < instance($1).basePriority }) else { return }
        report(
            .clusterLowMaster, at: master, places(master).state,
            "`\(instance(master).name)` begins as master here with priority \(instance(master).basePriority), "
                + "and \(name(best)) has \(instance(best).basePriority)",
            reason: "each start of this node takes the addresses, and loses them again",
            fix: "write `state BACKUP` here, or the higher priority",
            elsewhere: [place(best, places(best).priority, "the higher priority")])
    }

    private mutating func checkPreemption(_ members: [Member]) {
        let others = members.filter { !instance($0).isOwner }
        guard let (usual, odd) = odd(others, \.preempt) else { return }
        for member in odd {
            let here = instance(member).preempt ? "preempts" : "does not preempt"
            let there = instance(usual).preempt ? "does" : "does not"
            report(
                .clusterPreemption, at: member, places(member).nopreempt,
                "`\(instance(member).name)` \(here) here, and \(name(usual)) \(there)",
                reason:
                    "the node that would take over decides: the address comes back to some nodes, and not to others",
                fix: "write `nopreempt` on every node, or on none",
                elsewhere: [place(usual, places(usual).nopreempt, "the other node")])
        }
    }

    // MARK: - What weights decide

    /// Weights that change a priority and never the master; and priorities that are equal.
    mutating func checkWeights(_ election: Election) {
        if let first = election.order.first, let second = election.order.dropFirst().first,
            first.priority == second.priority, first.priority < 255
        {
            reportTie(election, first, second)
        }
        for failure in election.failures {
            guard case .unmoved(let weight) = failure.verdict, let leader = election.order.first,
                let rival = election.order.first(where: { $0.member != leader.member }),
                isFirst(failure.member.node, failure.tracker.range)
            else { continue }
            let fix: String
            let reason: String
            switch weight {
            case .some(let weight):
                reason = "the address stays on a node whose check fails"
                fix = "write \(weight) or \(weight < 0 ? "less" : "more")"
            case .none where !rival.preempts:
                reason = "`nopreempt` leaves a master in place whose weights have lowered its priority"
                fix = "track with weight 0, which faults the node"
            case .none:
                reason = "no weight from -253 to 253 would do"
                fix = "bring the priorities nearer together, or track with weight 0, which faults the node"
            }
            report(
                .clusterWeight, at: failure.member, failure.tracker.range,
                "the failing \(failure.tracker.kind) `\(failure.tracker.name)` takes `\(instance(failure.member).name)` "
                    + "from \(failure.before) to \(failure.after), and \(name(rival.member)) has \(rival.priority): "
                    + "the master never changes",
                reason: reason, fix: fix,
                elsewhere: [place(rival.member, places(rival.member).priority, "the priority that it must fall below")])
        }
    }

    /// What a group tracks stands in the elections of all of its members, and is said once.
    private func isFirst(_ node: Int, _ range: SourceRange) -> Bool {
        !findings.suffix(64).contains {
            $0.source == node && $0.diagnostic.rule == Rule.clusterWeight.id && $0.diagnostic.range == range
        }
    }

    private mutating func reportTie(_ election: Election, _ first: Election.Candidate, _ second: Election.Candidate) {
        let (early, late) = first.member.node < second.member.node ? (first, second) : (second, first)
        let winner =
            if let a = first.source, let b = second.source {
                "\(max(a, b)), which is \(name(a > b ? first.member : second.member)), wins"
            } else {
                "the higher source address wins, and the files do not say which that is"
            }
        let nobody = !early.preempts && !late.preempts
        report(
            .clusterTie, nobody ? .note : nil, at: late.member, places(late.member).priority,
            "`\(instance(late.member).name)` has the priority \(late.priority) here and on \(name(early.member))",
            reason: "between equals the address decides: \(winner)", fix: "write different priorities",
            elsewhere: [place(early.member, places(early.member).priority, "the same priority")])
    }
}
