import Configuration
import Primitives
import VRRP

/// A sync group with its members on this node.
struct GroupSlot: Sendable {
    var definition: SyncGroupDefinition
    var members: [RouterID]
    var role: Role = .initialize
}

extension Engine {
    /// Compares the groups that something happened to with their rule, until nothing moves any more.
    mutating func settleGroups(at now: Instant, into effects: inout [Effect]) {
        guard !dirtyGroups.isEmpty || !dirtyLeases.isEmpty else { return }
        // Promoting or demoting makes a group dirty again, once; the bound is for our own mistakes.
        for _ in 0..<4 where !dirtyGroups.isEmpty || !dirtyLeases.isEmpty {
            let (dirty, leases) = (dirtyGroups, dirtyLeases)
            dirtyGroups.removeAll(keepingCapacity: true)
            dirtyLeases.removeAll(keepingCapacity: true)
            for index in leases where index < self.leases.count {
                settleLease(LeaseID(index), at: now, into: &effects)
            }
            for index in dirty where index < groups.count { settleGroup(index, at: now, into: &effects) }
        }
        dirtyGroups.removeAll(keepingCapacity: true)
        dirtyLeases.removeAll(keepingCapacity: true)
    }

    private mutating func settleGroup(_ index: Int, at now: Instant, into effects: inout [Effect]) {
        let members = groups[index].members
        // Where the group has a lease, that decides.
        if phase == .running, members.first.map({ slots[$0.index]?.lease == nil }) ?? true {
            let routers = members.compactMap { slots[$0.index]?.router }
            switch SyncGroup.verdict(of: routers) {
            case .settled: break
            case .promote:
                for member in members where slots[member.index]?.router.role == .backup {
                    run(member, at: now, into: &effects) {
                        $0.becomeMaster(Cause(.groupReady), at: now, into: &$1)
                    }
                }
            case .demote:
                for member in members {
                    run(member, at: now, into: &effects) {
                        $0.leaveMaster(Cause(.groupLeft), at: now, into: &$1)
                    }
                }
            }
        }
        noteGroupRole(index, into: &effects)
    }

    /// Whoever advertised with a lower priority may have served the other members' addresses as well: they are
    /// announced again too.
    mutating func announceGroup(of id: RouterID, at now: Instant, into effects: inout [Effect]) {
        guard let group = slots[id.index]?.group else { return }
        for member in groups[group].members where member != id && slots[member.index]?.router.role == .master {
            let count = slots[member.index]?.definition.announcements.lowerPriorityRepeat ?? 0
            announce(member, count: count, at: now, into: &effects)
        }
    }

    /// A successor's groups begin in the role that the predecessor reported, so that its hooks do not run again.
    mutating func adoptGroups(_ records: [RouterRecord], into effects: inout [Effect]) {
        for index in groups.indices {
            let roles = groups[index].members.map { member in
                records.first { $0.key == slots[member.index]?.recordKey }?.role ?? .initialize
            }
            if roles.contains(.fault) {
                groups[index].role = .fault
            } else if roles.allSatisfy({ $0 == .master }) {
                groups[index].role = .master
            } else if !roles.contains(.initialize) {
                groups[index].role = .backup
            }
            if let hook = Self.hook(of: groups[index].role) {
                effects.append(.ensureHook(.group(GroupID(index)), hook))
            }
        }
    }

    /// The hook of a role that a router or a group enters; a router that leaves them all has stopped.
    static func hook(of role: Role) -> HookKind? {
        switch role {
        case .master: .master
        case .backup: .backup
        case .fault: .fault
        case .initialize: nil
        }
    }

    /// The members' hooks come first, then the group's.
    mutating func noteGroupRole(_ index: Int, into effects: inout [Effect]) {
        let role = SyncGroup.role(of: groups[index].members.compactMap { slots[$0.index]?.router })
        let before = groups[index].role
        guard role != before else { return }
        groups[index].role = role
        effects.append(.groupTransition(GroupID(index), from: before, to: role))
        let hook = role == .initialize && phase == .stopped ? .stop : Self.hook(of: role)
        if let hook { effects.append(.hook(.group(GroupID(index)), hook)) }
    }
}
