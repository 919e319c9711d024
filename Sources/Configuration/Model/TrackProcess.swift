/// A `vrrp_track_process`: whether processes of a name are there.
public struct TrackProcess: Hashable, Sendable {
    /// `param_match`.
    public enum ParameterMatch: UInt8, Hashable, Sendable {
        /// Not written: the parameters that are written, or any where none are.
        case exact
        /// The last parameter may go on.
        case initial
        /// More parameters may follow.
        case partial
    }

    public var name: String
    /// `process`: the command and its parameters; never empty.
    public var command: [String]
    public var parameterMatch: ParameterMatch = .exact
    /// `weight`, -254…254: 0 faults, as for scripts.
    public var weight: Int = 0
    /// `weight N reverse`.
    public var reverse: Bool = false
    /// `quorum`: how many must be there, 1…65535.
    public var quorum: Int = 1
    /// `quorum_max`: how many may be there, 0…65535; nil is no limit.
    public var quorumMaximum: Int?
    /// `terminate_delay`, or `delay`: from one too few to the fault.
    public var terminateDelay: Duration = .zero
    /// `fork_delay`, or `delay`: from enough to good.
    public var forkDelay: Duration = .zero
    /// `full_command`: the whole command line is compared, not only the name.
    public var matchesFullCommand: Bool = false

    public init(name: String, command: [String]) {
        self.name = name
        self.command = command
    }
}
