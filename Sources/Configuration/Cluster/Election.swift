import ConfigLanguage
import Primitives

/// One virtual router across its nodes: who is master while all is well, who follows, and what each failing check changes.
///
/// The arithmetic is the engine's: weights add to the base priority, within 1…254; 255 never changes; a backup takes over
/// from a lower priority, unless `nopreempt` says otherwise; equals are decided by the address when both ask, and never
/// move a master that is there. A check without a weight faults its node, and with it its whole sync group there.
public struct Election: Hashable, Sendable {
    public typealias Member = ClusterRouter.Member

    /// A node that can be master.
    public struct Candidate: Hashable, Sendable {
        public var member: Member
        /// The node's name.
        public var node: String
        /// The `priority` keyword.
        public var base: UInt8
        /// With all of its checks passing.
        public var priority: UInt8
        public var preempts: Bool
        /// `unicast_src_ip` or `mcast_src_ip`; nil where the interface's own address is taken.
        public var source: IPAddress?
    }

    /// A check that a node depends on.
    public struct Check: Hashable, Sendable {
        public enum Kind: String, Hashable, Sendable, CustomStringConvertible {
            case script, interface
            public var description: String { rawValue }
        }

        public var kind: Kind
        public var name: String
        /// 0 faults the node.
        public var weight: Int
        public var reverse: Bool
        public var range: SourceRange
    }

    /// One check failing on one node, with all the others passing.
    public struct Failure: Hashable, Sendable {
        public enum Verdict: Hashable, Sendable {
            /// It was master, and another node is now.
            case moved
            /// It was not master and is not now, or it was and its priority did not fall.
            case same
            /// It was not master, and becomes it.
            case gained
            /// It was and stays master, although its priority fell. The weight nearest to zero that would move it, if any.
            case unmoved(smallestWeight: Int?)
            /// It was master and is in fault, and there is nobody else.
            case nobody
        }

        public var member: Member
        public var node: String
        public var tracker: Check
        public var before: UInt8
        /// 0 is fault.
        public var after: UInt8
        /// Who is master then, by the name of the node; nil is nobody.
        public var master: String?
        public var verdict: Verdict
    }

    public var id: UInt8
    public var family: AddressFamily
    /// Of the first node.
    public var name: String
    public var addresses: [IPPrefix]
    /// The first is master.
    public var order: [Candidate]
    /// By node and in the order of the file.
    public var failures: [Failure]

    /// Nobody takes the address back: whoever has it keeps it.
    public var isSticky: Bool { order.allSatisfy { !$0.preempts && $0.priority < 255 } }

    /// Two that are equal, and no way to tell who wins.
    public var isTied: Bool {
        guard order.count > 1, order[0].priority == order[1].priority else { return false }
        return order[0].source == nil || order[1].source == nil
    }

    init(_ router: ClusterRouter, _ nodes: [ClusterNode]) {
        let contenders = router.members.map { Contender($0, nodes[$0.node]) }
        let first = contenders[0]
        id = router.id
        family = router.family
        name = first.definition.name
        addresses = first.definition.virtualAddresses.map(\.prefix)
        let ballot = Ballot(contenders)
        order = ballot.order().map { index in
            let contender = contenders[index]
            return Candidate(
                member: contender.member, node: contender.node, base: contender.definition.basePriority,
                priority: contender.priority(failing: nil), preempts: contender.definition.preempt,
                source: contender.source)
        }
        failures = contenders.indices.flatMap { index in
            contenders[index].checks.indices.map { ballot.failure(of: $0, on: index) }
        }
    }
}

/// A node in an election, with what it depends on.
struct Contender {
    let member: ClusterRouter.Member
    let node: String
    let definition: InstanceDefinition
    let checks: [Election.Check]

    var source: IPAddress? { definition.isUnicast ? definition.unicastSource : definition.multicastSource }

    init(_ member: ClusterRouter.Member, _ node: ClusterNode) {
        self.member = member
        self.node = node.name
        definition = node.model.instances[member.instance]
        let own = Self.checks(of: member.instance, node)
        guard let group = node.groupOfInstance[member.instance] else {
            checks = own
            return
        }
        let settings = node.model.syncGroups[group]
        let places = node.definitions.groupPlaces[group]
        // As the engine: members' weights count only where the group says so; its own always do.
        var all = own.filter { settings.trackingWeight || $0.weight == 0 }
        all += Self.checks(
            settings.trackScripts, settings.trackInterfaces, places.name, places.place(ofScript:),
            places.place(ofInterface:), node)
        // One member in fault is all in fault.
        for other in node.membersOfGroup[group] where other != member.instance && all.count < Self.limit {
            for check in Self.checks(of: other, node)
            where check.weight == 0 && !all.contains(where: { $0.isSame(as: check) }) {
                all.append(check)
            }
        }
        checks = Array(all.prefix(Self.limit))
    }

    /// Checks of one node that are looked at. Nobody reads a table of more, and each is tried against all.
    static let limit = 64

    private static func checks(of instance: Int, _ node: ClusterNode) -> [Election.Check] {
        let definition = node.model.instances[instance]
        let places = node.definitions.instancePlaces[instance]
        return checks(
            definition.trackScripts, definition.trackInterfaces, places.name, places.place(ofScript:),
            places.place(ofInterface:), node)
    }

    private static func checks(
        _ scripts: [TrackedScript], _ interfaces: [TrackedInterface], _ fallback: SourceRange,
        _ scriptPlace: (String) -> SourceRange?, _ interfacePlace: (String) -> SourceRange?, _ node: ClusterNode
    ) -> [Election.Check] {
        let tracked = scripts.prefix(limit).map { tracked in
            let script = node.scripts[tracked.name]
            return Election.Check(
                kind: .script, name: tracked.name, weight: tracked.weight ?? script?.weight ?? 0,
                reverse: tracked.reverse ?? script?.reverse ?? false,
                range: scriptPlace(tracked.name) ?? fallback)
        }
        let watched = interfaces.prefix(limit - tracked.count).map { tracked in
            Election.Check(
                kind: .interface, name: tracked.name, weight: tracked.weight, reverse: tracked.reverse,
                range: interfacePlace(tracked.name) ?? fallback)
        }
        return tracked + watched
    }

    /// The priority with one check failing and all others passing. `trial` replaces the weight of its like. 0 is fault.
    func priority(failing: Int?, trial: (like: Election.Check, weight: Int)? = nil) -> UInt8 {
        var sum = 0
        for (index, check) in checks.enumerated() {
            let isUp = index != failing
            var weight = check.weight
            if let trial, check.isSame(as: trial.like), check.weight == trial.like.weight { weight = trial.weight }
            if weight == 0 {
                if isUp == check.reverse { return 0 }
            } else {
                sum += PriorityRange.delta(weight, reverse: check.reverse, isUp: isUp)
            }
        }
        return PriorityRange.effective(definition.basePriority, sum)
    }
}

extension Election.Check {
    func isSame(as other: Self) -> Bool { kind == other.kind && name == other.name && reverse == other.reverse }
}

/// Finds who wins, with everything passing or one check failing.
struct Ballot {
    let contenders: [Contender]

    init(_ contenders: [Contender]) { self.contenders = contenders }

    /// Who comes before whom when all ask at once: by priority, then by address, then by file.
    private func precedes(_ a: (index: Int, priority: UInt8), _ b: (index: Int, priority: UInt8)) -> Bool {
        if a.priority != b.priority { return a.priority > b.priority }
        if let x = contenders[a.index].source, let y = contenders[b.index].source, x != y { return x > y }
        return a.index < b.index
    }

    /// All of them, the master first. One that is in fault although all is well is last.
    func order(trial: (like: Election.Check, weight: Int)? = nil) -> [Int] {
        contenders.indices.map { (index: $0, priority: contenders[$0].priority(failing: nil, trial: trial)) }
            .sorted(by: precedes).map(\.index)
    }

    /// Who is master once a check fails on a node, if all was well before. Nil is nobody.
    func winner(
        failing check: Int, on node: Int, trial: (like: Election.Check, weight: Int)? = nil
    ) -> Int? {
        guard let leader = order(trial: trial).first else { return nil }
        let now = contenders.indices.map { index in
            (
                index: index,
                priority: contenders[index].priority(failing: index == node ? check : nil, trial: trial)
            )
        }
        let able = now.filter { $0.priority > 0 }.sorted(by: precedes)
        guard now[leader].priority > 0 else { return able.first?.index }
        // The master is there: only a higher priority that preempts moves it.
        let challenger = able.first { candidate in
            candidate.priority > now[leader].priority
                && (contenders[candidate.index].definition.preempt || candidate.priority == 255)
        }
        return challenger?.index ?? leader
    }

    func failure(of check: Int, on node: Int) -> Election.Failure {
        let contender = contenders[node]
        let before = contender.priority(failing: nil)
        let after = contender.priority(failing: check)
        let leader = order().first
        let winner = winner(failing: check, on: node)
        let verdict: Election.Failure.Verdict
        if winner == nil {
            verdict = .nobody
        } else if leader == node {
            verdict =
                winner != node
                ? .moved
                : after < before && contenders.count > 1
                    ? .unmoved(smallestWeight: smallestWeight(of: check, on: node)) : .same
        } else {
            verdict = winner == node ? .gained : .same
        }
        return Election.Failure(
            member: contender.member, node: contender.node, tracker: contender.checks[check], before: before,
            after: after, master: winner.map { contenders[$0].node }, verdict: verdict)
    }

    /// The weight nearest to zero, of the same sign and on all nodes that have the same one, with which the node is
    /// master while all is well, and is not when the check fails.
    private func smallestWeight(of check: Int, on node: Int) -> Int? {
        let tracker = contenders[node].checks[check]
        let sign = tracker.weight < 0 ? -1 : 1
        return (1...253).lazy.map { $0 * sign }.first { weight in
            let trial = (like: tracker, weight: weight)
            guard order(trial: trial).first == node, let winner = winner(failing: check, on: node, trial: trial) else {
                return false
            }
            return winner != node
        }
    }
}
