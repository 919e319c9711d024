import Primitives

/// Virtual routers that are master together or not at all (keepalived's `vrrp_sync_group`).
///
/// Level-triggered: after every input the group is compared with its rule, so it does not matter which
/// member moved first.
public struct SyncGroup: Hashable, Sendable {
    /// What the group asks of its members now.
    public enum Verdict: Hashable, Sendable {
        /// Every member is master, or none is and not all are ready.
        case settled
        /// All are ready: those that are not master become it.
        case promote
        /// One is not ready: those that are master step down.
        case demote
    }

    public static func verdict(of members: some Sequence<VirtualRouter>) -> Verdict {
        var masters = 0
        var ready = 0
        var count = 0
        for member in members {
            count += 1
            if member.role == .master {
                masters += 1
            } else if member.wantsMaster {
                ready += 1
            }
        }
        if masters == count { return .settled }
        if masters + ready == count { return .promote }
        return masters > 0 ? .demote : .settled
    }

    /// The role the group shows: MASTER when all are, FAULT when one is, else BACKUP.
    public static func role(of members: some Sequence<VirtualRouter>) -> Role {
        var allMasters = true
        var anyInitialize = false
        for member in members {
            if member.role == .fault { return .fault }
            if member.role != .master { allMasters = false }
            if member.role == .initialize { anyInitialize = true }
        }
        return allMasters ? .master : anyInitialize ? .initialize : .backup
    }
}
