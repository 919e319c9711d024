/// The planted bugs that prove the simulator would notice (docs/invariants.md). Each is one line of
/// product code, compiled only when the package is built with `ALOFT_CANARIES=1`.
public enum Canary: String, Hashable, Sendable, CaseIterable {
    /// A master-down timer that was re-armed fires at its old time.
    case staleTimer = "stale-timer"
    /// Skew time is cut to whole seconds, so every backup fires at the same moment.
    case skewTruncated = "skew-truncated"
    /// The interval field of VRRPv3 is read as seconds.
    case centisecondsAsSeconds = "centiseconds-as-seconds"
    /// Of two masters with one priority the one with the higher address yields.
    case tieByWrongAddress = "tie-by-wrong-address"
    /// No gratuitous ARP when an address is taken again.
    case noAnnouncement = "no-announcement"
    /// Addresses stay in the kernel when the router steps down.
    case addressLeft = "address-left"
    /// A deleted address is not noticed.
    case netlinkEventLost = "netlink-event-lost"
    /// A backup keeps its own interval instead of the master's.
    case intervalNotLearnt = "interval-not-learnt"
    /// A worker's successor adopts MASTER however old the last advertisement is.
    case adoptsTooLate = "adopts-too-late"
    /// A backup starts its timer anew for an advertisement that it discards.
    case discardRestartsTimer = "discard-restarts-timer"
    /// A wrong checksum is accepted.
    case checksumIgnored = "checksum-ignored"
    /// An advertisement that crossed a router is accepted.
    case timeToLiveIgnored = "time-to-live-ignored"
    /// A master's priority 0 is not answered.
    case releaseIgnored = "release-ignored"
    /// Releasing is recorded when it is done, not before: a successor claims what its predecessor gave up.
    case recordedLate = "recorded-late"
    /// A reload announces the addresses of every router, whether it changed or not.
    case reloadTouchesAll = "reload-touches-all"
    /// Who loses its lease closes the fence after it has stepped down.
    case fenceAfterYield = "fence-after-yield"
    /// A worker's successor goes on as holder, whatever its predecessor's deadline was.
    case leaseIgnoredOnAdopt = "lease-ignored-on-adopt"
    /// Each member of a group has a lease of its own.
    case twoLeasesInAGroup = "two-leases-in-a-group"
    /// After a pause packets and timers come before leases that ran out.
    case clockNotFirst = "clock-not-first"
    /// The fence's deadline counts from when it is told, as a timeout would.
    case relativeDeadline = "relative-deadline"
    /// One failed check takes a server out, whatever `retry` says.
    case retryIgnored = "retry-ignored"
    /// The sorry server goes on serving beside the others.
    case sorryStays = "sorry-stays"
    /// A server that drains goes while connections to it are open.
    case drainCutsConnections = "drain-cuts-connections"
    /// A successor does not know what operators had drained.
    case drainForgotten = "drain-forgotten"
    /// What someone else changed in the kernel's table stays as it is.
    case tableNotRepaired = "table-not-repaired"
    /// A server that left the configuration drains for ever.
    case leavingStays = "leaving-stays"
}

/// Which planted bug this build carries: none, unless it was built for the simulator's own test.
public struct PlantedBug: Hashable, Sendable {
    #if CANARIES
        let canary: Canary?
        public init(_ canary: Canary? = nil) { self.canary = canary }
        @inlinable public func isPlanted(_ canary: Canary) -> Bool { matches(canary) }
        @usableFromInline func matches(_ other: Canary) -> Bool { canary == other }
        public static let isAvailable = true
    #else
        @inlinable public init() {}
        @inlinable public init(_ canary: Canary?) {}
        @inlinable public func isPlanted(_ canary: Canary) -> Bool { false }
        public static let isAvailable = false
    #endif
}
