import Primitives

/// What a reload from one configuration to another does, and whom it disturbs: known before it is done.
///
/// It says what `Engine.reload` then does, part by part; a test lets both speak about the same pairs of models. What depends
/// on the moment (who is master, whether an interface is up, what a script will say) is said as a condition.
public struct Plan: Sendable {
    public internal(set) var globals: [GlobalPlan] = []
    public internal(set) var scripts: [PartPlan] = []
    public internal(set) var groups: [PartPlan] = []
    /// `virtual_server`, and their groups.
    public internal(set) var servers: [PartPlan] = []
    public internal(set) var serverGroups: [PartPlan] = []
    /// `track_file`, `vrrp_track_process` and `bfd_instance`.
    public internal(set) var files: [PartPlan] = []
    public internal(set) var processes: [PartPlan] = []
    public internal(set) var sessions: [PartPlan] = []
    /// `arbiter`.
    public internal(set) var arbiters: [PartPlan] = []
    /// `SSL`, `static_…`, and what the top says of interfaces.
    public internal(set) var tls: [Change] = []
    public internal(set) var statics: [Change] = []
    public internal(set) var interfaces: [Change] = []

    /// Blocks with names, by their keyword.
    var parts: [(keyword: String, parts: [PartPlan])] {
        [
            ("vrrp_sync_group", groups), ("vrrp_script", scripts), ("track_file", files),
            ("vrrp_track_process", processes), ("bfd_instance", sessions), ("arbiter", arbiters),
            ("virtual_server", servers),
            ("virtual_server_group", serverGroups),
        ]
    }

    /// Blocks without, and `global_defs` apart.
    var blocks: [(keyword: String, changes: [Change])] {
        [("SSL", tls), ("static", statics), ("interfaces", interfaces)]
    }
    /// In the order of the new model; behind them those that end.
    public internal(set) var instances: [InstancePlan] = []

    /// Something in it may interrupt a service, or must be done on other nodes as well.
    public var disturbs: Bool { instances.contains(where: \.disturbs) || servers.contains(where: \.disturbs) }
    /// Both configurations mean the same.
    public var isEmpty: Bool {
        globals.isEmpty && parts.allSatisfy(\.parts.isEmpty) && blocks.allSatisfy(\.changes.isEmpty)
            && instances.allSatisfy { $0.fate == .unchanged && !$0.disturbs }
    }
}

/// A keyword of `global_defs` that differs.
public struct GlobalPlan: Hashable, Sendable {
    public var change: Change
    /// A reload leaves it as it was.
    public var waitsForStart: Bool
}

/// A script or a sync group that is not the same in both.
public struct PartPlan: Hashable, Sendable {
    public enum Fate: String, Hashable, Sendable {
        case changed, added, removed
    }

    public var name: String
    public var fate: Fate
    public var changes: [Change] = []
    /// What that means, in words; may be empty.
    public var remark: String = ""
    /// Connections of clients end by it; of virtual servers alone.
    public var disturbs: Bool = false
}

/// What becomes of one instance.
public struct InstancePlan: Hashable, Sendable {
    public enum Fate: String, Hashable, Sendable {
        /// The same, and no effect of its own.
        case unchanged
        /// Goes on, in its role, with other settings or under another name.
        case changed
        /// Ends, and begins again as another virtual router.
        case restarted
        case added, removed
    }

    public var name: String
    /// Where it had another one.
    public var formerName: String?
    public var fate: Fate
    public var changes: [Change] = []
    /// What follows, in the order in which it comes.
    public var consequences: [Consequence] = []

    public var disturbs: Bool { consequences.contains(where: \.disturbs) }
}

/// An address on a device.
public struct HeldAddress: Hashable, Sendable, CustomStringConvertible {
    public var prefix: IPPrefix
    public var device: String

    public init(prefix: IPPrefix, device: String) {
        self.prefix = prefix
        self.device = device
    }

    public var description: String { "\(prefix) on \(device)" }
}

/// Something that follows from a change for one instance.
public enum Consequence: Hashable, Sendable {
    /// Added while it is master.
    case installs(HeldAddress)
    /// Removed where it is master, unless `keptBy`, which has it now, is master as well.
    case withdraws(HeldAddress, keptBy: String?)
    /// Written again in its place, with other options.
    case rewrites(HeldAddress)
    /// Its addresses are announced, each so many times, while it is master.
    case announces(count: Int)
    /// Others see another priority; before what trackers add.
    case priority(from: UInt8, to: UInt8)
    /// Begins as backup, or at once as master.
    case starts(asOwner: Bool)
    /// Says that it goes, gives up what it holds, and reports FAULT, or DELETED.
    case stops(reportsDeleted: Bool)
    /// Other nodes drop its adverts, or it theirs, until they are told the same.
    case peersMustFollow([String])
    /// Only keepalived before 2.3.3 minds: it drops adverts with other addresses than its own.
    case advertisesOtherAddresses
    /// Goes to fault if these are not well.
    case mayFault([String])
    /// Leaves a fault that these were the reason of.
    case mayRecover([String])
    /// These count otherwise towards its priority.
    case mayChangePriority([String])
    /// The group has members that are not as far: a master steps down until they are.
    case groupGains(String, members: [String])
    /// The group waits for fewer.
    case groupLoses(String)
    /// Holds by this lease from now on.
    case needsLease(String)
    /// Had this lease, and holds without one from now on.
    case needsNoLease(String)
    /// Holds by another lease than before.
    case changesLease(from: String, to: String)

    public var disturbs: Bool {
        switch self {
        case .installs, .rewrites, .announces, .advertisesOtherAddresses, .mayRecover, .groupLoses: false
        case .withdraws, .priority, .stops, .peersMustFollow, .mayFault, .mayChangePriority, .groupGains,
            .needsLease, .needsNoLease, .changesLease:
            true
        // An owner takes over from whoever holds its addresses.
        case .starts(let asOwner): asOwner
        }
    }

    public var name: String {
        switch self {
        case .installs: "installs"
        case .withdraws: "withdraws"
        case .rewrites: "rewrites"
        case .announces: "announces"
        case .priority: "priority"
        case .starts: "starts"
        case .stops: "stops"
        case .peersMustFollow: "peers_must_follow"
        case .advertisesOtherAddresses: "advertises_other_addresses"
        case .mayFault: "may_fault"
        case .mayRecover: "may_recover"
        case .mayChangePriority: "may_change_priority"
        case .groupGains: "group_gains"
        case .groupLoses: "group_loses"
        case .needsLease: "needs_lease"
        case .needsNoLease: "needs_no_lease"
        case .changesLease: "changes_lease"
        }
    }
}
