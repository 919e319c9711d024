import Primitives

/// A route or a rule: the words that are written, which have been checked.
public struct WrittenEntry: Hashable, Sendable {
    public var words: [String]
    /// `track_group`: who faults when it is lost. Static entries only.
    public var trackGroup: String?

    public init(words: [String], trackGroup: String? = nil) {
        self.words = words
        self.trackGroup = trackGroup
    }
}

/// An entry of `static_ipaddress`: an address that stays on this node.
public struct StaticAddress: Hashable, Sendable {
    public var address: VirtualAddress
    /// `track_group`: who faults when it is lost.
    public var trackGroup: String?

    public init(_ address: VirtualAddress, trackGroup: String? = nil) {
        self.address = address
        self.trackGroup = trackGroup
    }
}

/// A `track_group`: instances that fault when something static is lost.
public struct TrackGroup: Hashable, Sendable {
    public var name: String
    /// `group`: names of instances.
    public var members: [String]

    public init(name: String, members: [String]) {
        self.name = name
        self.members = members
    }
}

/// What stays on this node as long as the daemon runs, whoever is master.
public struct StaticDefinitions: Hashable, Sendable {
    /// `static_ipaddress`.
    public var addresses: [StaticAddress] = []
    /// `static_routes`.
    public var routes: [WrittenEntry] = []
    /// `static_rules`.
    public var rules: [WrittenEntry] = []
    /// `track_group` blocks.
    public var groups: [TrackGroup] = []

    public init() {}
}
