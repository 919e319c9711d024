import Balancing
import LinuxWorld
import Netlink
import Primitives

/// What forwards: makes a kernel's table equal to a ``ForwardingTable``, by steps.
///
/// A data plane waits for the kernel (a few milliseconds), so it has a thread, or a process, that may wait. What someone else changed is
/// found by ``read()``, and the balancer decides what to do about it.
public protocol DataPlane: ~Copyable {
    /// What the kernel forwards now, of what belongs to this plane.
    mutating func read() throws(SystemError) -> ForwardingTable

    /// Carries out steps. What the kernel refuses comes back, with its reason; the other steps are done all the same.
    mutating func apply(_ changes: [TableChange]) throws(SystemError) -> [RefusedChange]

    /// What was counted since each service and destination came, in the order of the table.
    mutating func statistics() throws(SystemError) -> [ServiceStatistics]

    /// The same, where it costs less without the connections that are open: those may be nil. It is asked every few seconds.
    mutating func counters() throws(SystemError) -> [ServiceStatistics]

    /// The same of some services. Those that are not there are left out.
    mutating func statistics(of services: Set<ServiceKey>) throws(SystemError) -> [ServiceStatistics]

    /// Whether someone else may have changed the table since the last `read` or `apply`. Cheap: it is asked every 100 ms.
    mutating func mayHaveChanged() throws(SystemError) -> Bool

    /// Ends what `apply` has left for a better moment, if it has come; `isLast`: there is no later one. Asked every 100 ms.
    mutating func settle(isLast: Bool) throws(SystemError)

    /// What people should know and no step was refused for; each once.
    mutating func takeNotices() -> [String]

    // What only ip_vs has.

    /// `lvs_timeouts`.
    mutating func setTimeouts(_ timeouts: IPVSTimeouts) throws(SystemError)
    /// Everything that the kernel forwards can be removed, whoever made it; otherwise only what is this daemon's.
    var canFlush: Bool { get }
    mutating func flush() throws(SystemError)
    /// There are daemons that tell another director of connections: `lvs_sync_daemon`.
    var hasDaemons: Bool { get }
    mutating func setDaemons(_ daemons: [IPVSDaemon]) throws(SystemError)
}

extension DataPlane where Self: ~Copyable {
    public mutating func counters() throws(SystemError) -> [ServiceStatistics] { try statistics() }
    public mutating func settle(isLast: Bool) throws(SystemError) {}
    public mutating func takeNotices() -> [String] { [] }
    public mutating func setTimeouts(_ timeouts: IPVSTimeouts) throws(SystemError) {}
    public var canFlush: Bool { false }
    public mutating func flush() throws(SystemError) {}
    public var hasDaemons: Bool { false }
    public mutating func setDaemons(_ daemons: [IPVSDaemon]) throws(SystemError) {}
    public mutating func statistics(of services: Set<ServiceKey>) throws(SystemError) -> [ServiceStatistics] {
        try statistics().filter { services.contains($0.key) }
    }
}

/// A step that the kernel did not take.
public struct RefusedChange: Hashable, Sendable {
    public var change: TableChange
    public var errno: Errno
    /// The kernel's explanation, or this plane's, for people.
    public var reason: String

    public init(_ change: TableChange, errno: Errno, reason: String) {
        self.change = change
        self.errno = errno
        self.reason = reason
    }
}

public struct DestinationStatistics: Hashable, Sendable {
    public var key: DestinationKey
    public var statistics: ServerStatistics

    public init(_ key: DestinationKey, _ statistics: ServerStatistics) {
        self.key = key
        self.statistics = statistics
    }
}

public struct ServiceStatistics: Hashable, Sendable {
    public var key: ServiceKey
    public var counters: TrafficCounters
    public var destinations: [DestinationStatistics]

    public init(_ key: ServiceKey, counters: TrafficCounters, destinations: [DestinationStatistics]) {
        self.key = key
        self.counters = counters
        self.destinations = destinations
    }
}
