import Primitives

/// A `vrrp_script`: a command that is run again and again, and whose exit status decides.
public struct TrackScript: Hashable, Sendable {
    /// What a check does.
    public enum Command: Hashable, Sendable {
        /// The program and its arguments, never empty. No shell is involved.
        case run([String])
        /// `script "</path"`: succeeds when the file can be opened for reading. No process is started.
        case open(path: String)
    }

    public var name: String
    /// `script`.
    public var command: Command
    /// `interval`: from start to start; 1 ms…4294 s.
    public var interval: Duration = .seconds(1)
    /// `timeout`: the check has failed when it takes longer. Zero means as long as `interval`.
    public var timeout: Duration = .zero
    /// `weight`, -253…253: 0 faults the instance on failure, more is added on success, less subtracted on failure.
    public var weight: Int = 0
    /// `weight N reverse`: success and failure change places.
    public var reverse: Bool = false
    /// `rise`: successes in a row to become good; at least 1.
    public var rise: Int = 1
    /// `fall`: failures in a row to become bad; at least 1.
    public var fall: Int = 1
    /// `user`; nil means `script_user`.
    public var user: ScriptUser?
    /// `init_fail`: failed until it succeeds once.
    public var initFail: Bool = false

    public init(name: String, command: Command) {
        self.name = name
        self.command = command
    }

    /// `timeout`, or `interval` when it is zero.
    public var effectiveTimeout: Duration { timeout == .zero ? interval : timeout }
}

/// An entry of `track_interface`.
public struct TrackedInterface: Hashable, Sendable {
    public var name: String
    /// -253…253: 0 faults while it is down, more is added while it is up, less subtracted while it is down.
    public var weight: Int
    /// `reverse`: up and down change places.
    public var reverse: Bool

    public init(name: String, weight: Int = 0, reverse: Bool = false) {
        self.name = name
        self.weight = weight
        self.reverse = reverse
    }
}

/// An entry of `track_script`; its name is that of a `TrackScript` of the model.
public struct TrackedScript: Hashable, Sendable {
    public var name: String
    /// -253…253; nil means the script's own.
    public var weight: Int?
    /// `reverse` or `noreverse`; nil means the script's own.
    public var reverse: Bool?

    public init(name: String, weight: Int? = nil, reverse: Bool? = nil) {
        self.name = name
        self.weight = weight
        self.reverse = reverse
    }
}

/// An entry of `track_file`, `track_process` or `track_bfd`; its name is that of a definition of the model.
public struct TrackedItem: Hashable, Sendable {
    public var name: String
    /// nil means the definition's own.
    public var weight: Int?
    /// `reverse` or `noreverse`; nil means the definition's own.
    public var reverse: Bool?

    public init(name: String, weight: Int? = nil, reverse: Bool? = nil) {
        self.name = name
        self.weight = weight
        self.reverse = reverse
    }
}

/// What an instance or a group tracks beside interfaces and scripts.
public struct TrackedItems: Hashable, Sendable {
    /// `track_file`; weights -254…254.
    public var files: [TrackedItem] = []
    /// `track_process`; weights -254…254.
    public var processes: [TrackedItem] = []
    /// `track_bfd`; weights -253…253.
    public var sessions: [TrackedItem] = []

    public init() {}
}
