import Balancing
import Configuration
import DataPlanes
import LinuxWorld
import Netlink
import Primitives

/// The data plane that this run uses, whichever it is.
class ActivePlane {
    /// `ipvs`, `nftables`, for people.
    let name: String
    /// Why not the other one, where that is worth saying.
    let reason: String

    init(name: String, reason: String) {
        self.name = name
        self.reason = reason
    }

    func read() throws(SystemError) -> ForwardingTable { ForwardingTable() }
    func apply(_ changes: [TableChange]) throws(SystemError) -> [RefusedChange] { [] }
    func statistics() throws(SystemError) -> [ServiceStatistics] { [] }
    func counters() throws(SystemError) -> [ServiceStatistics] { [] }
    func statistics(of services: Set<ServiceKey>) throws(SystemError) -> [ServiceStatistics] { [] }
    func settle(isLast: Bool) throws(SystemError) {}
    func mayHaveChanged() throws(SystemError) -> Bool { false }
    func takeNotices() -> [String] { [] }

    // What ip_vs alone has.

    func setTimeouts(_ timeouts: IPVSTimeouts) throws(SystemError) {}
    /// False: only what is this daemon's can be removed.
    var canFlush: Bool { false }
    func flush() throws(SystemError) {}
    /// False: a `lvs_sync_daemon` is without effect.
    var hasDaemons: Bool { false }
    func setDaemons(_ daemons: [IPVSDaemon]) throws(SystemError) {}
}

final class PlaneBox<Plane: DataPlane & ~Copyable>: ActivePlane {
    private var plane: Plane

    init(_ plane: consuming Plane, name: String, reason: String = "") {
        self.plane = plane
        super.init(name: name, reason: reason)
    }

    override func read() throws(SystemError) -> ForwardingTable { try plane.read() }
    override func apply(_ changes: [TableChange]) throws(SystemError) -> [RefusedChange] { try plane.apply(changes) }
    override func statistics() throws(SystemError) -> [ServiceStatistics] { try plane.statistics() }
    override func counters() throws(SystemError) -> [ServiceStatistics] { try plane.counters() }
    override func settle(isLast: Bool) throws(SystemError) { try plane.settle(isLast: isLast) }
    override func statistics(of services: Set<ServiceKey>) throws(SystemError) -> [ServiceStatistics] {
        try plane.statistics(of: services)
    }
    override func mayHaveChanged() throws(SystemError) -> Bool { try plane.mayHaveChanged() }
    override func takeNotices() -> [String] { plane.takeNotices() }
    override func setTimeouts(_ timeouts: IPVSTimeouts) throws(SystemError) { try plane.setTimeouts(timeouts) }
    override var canFlush: Bool { plane.canFlush }
    override func flush() throws(SystemError) { try plane.flush() }
    override var hasDaemons: Bool { plane.hasDaemons }
    override func setDaemons(_ daemons: [IPVSDaemon]) throws(SystemError) { try plane.setDaemons(daemons) }
}
