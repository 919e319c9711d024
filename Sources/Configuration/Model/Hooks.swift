/// Whom a script runs as. Names are not looked up here: the files may be checked on another machine.
public struct ScriptUser: Hashable, Sendable {
    /// A user's name or number.
    public var user: String
    /// A group's name or number; nil means the user's own.
    public var group: String?
    /// The supplementary groups of the user as well: `:` before the group, or `set_supplementary_groups`.
    public var supplementary: Bool

    public init(user: String, group: String? = nil, supplementary: Bool = false) {
        self.user = user
        self.group = group
        self.supplementary = supplementary
    }
}

/// A command that something calls: a program, its arguments, and whom it runs as.
public struct HookCommand: Hashable, Sendable {
    /// Never empty. No shell is involved.
    public var argv: [String]
    /// nil means `script_user`.
    public var user: ScriptUser?

    public init(argv: [String], user: ScriptUser? = nil) {
        self.argv = argv
        self.user = user
    }
}

/// Scripts that a virtual router or a sync group runs when its state changes.
public struct NotifyScripts: Hashable, Sendable {
    /// `notify_master`.
    public var master: HookCommand?
    /// `notify_backup`.
    public var backup: HookCommand?
    /// `notify_fault`.
    public var fault: HookCommand?
    /// `notify_stop`: when the daemon stops.
    public var stop: HookCommand?
    /// `notify_deleted` with a script (instances only).
    public var deleted: HookCommand?
    /// `notify_deleted`, with or without a script: a reload that removes the instance reports DELETED, not FAULT.
    public var reportsDeleted: Bool = false
    /// `notify`: after the one of the state, with INSTANCE or GROUP, name, state and priority appended.
    public var any: HookCommand?
    /// `notify_master_rx_lower_pri`: the master heard an advert of lower priority (instances only).
    public var masterReceivedLowerPriority: HookCommand?
    /// `notify_split`: another holds the addresses as well (instances only).
    public var split: HookCommand?

    public init() {}
}

/// A named pipe that receives a line per event, and its reader.
public struct NotifyFIFO: Hashable, Sendable {
    public var path: String
    /// Owner of a pipe that has to be created.
    public var user: String?
    public var group: String?
    /// `…_fifo_script`: started to read the pipe, whose path is appended to its arguments.
    public var script: HookCommand?

    public init(path: String, user: String? = nil, group: String? = nil, script: HookCommand? = nil) {
        self.path = path
        self.user = user
        self.group = group
        self.script = script
    }
}
