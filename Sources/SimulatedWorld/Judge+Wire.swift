import Configuration
import Primitives
import RouterEngine
import VRRP

/// What advertisements tell: who is master, and who took over before its time.
extension Judge {
    func sawAdvert(_ host: Host, _ link: Int, _ bytes: [UInt8], _ offset: Int) {
        guard bytes.count >= offset + 8, let router = router(link, bytes[offset + 1]),
            let definition = host.definitions[router]
        else { return }
        let priority = bytes[offset + 2]
        let view = views[router][host.index]
        guard priority > 0 else {
            views[router][host.index].gaveUpAt = now
            views[router][host.index].isMaster = false
            views[router][host.index].lastSent = -1
            if let holder = expected[router], holder == host.index {
                simulation.fail(
                    "SAFE-1", expected: "\(who(holder)) stays master of \(name(router))", seen: "it releases")
            }
            return
        }
        if !view.isMaster { checkWait(host, router, definition, priority) }
        views[router][host.index].isMaster = true
        views[router][host.index].lastSent = now
        views[router][host.index].lastPriority = priority
        guard let holder = expected[router] else { return }
        if holder != host.index {
            simulation.fail(
                "SAFE-1", expected: "only \(who(holder)) advertises \(name(router))",
                seen: "node \(host.index) does, with priority \(priority)")
        } else if view.lastSent > steadySince {
            let limit = advertLimit(definition.advertInterval.nanoseconds) + allowance
            if now - view.lastSent > limit {
                simulation.fail(
                    "ADVERT-1", expected: "\(name(router)) is advertised within \(seconds(limit)) s of the last",
                    seen: "after \(seconds(now - view.lastSent)) s")
            }
        }
    }

    func router(_ link: Int, _ id: UInt8) -> Int? {
        simulation.scenario.routers.firstIndex { $0.link == link && $0.id == id }
    }

    /// The highest priority a node may show.
    func highestPriority(_ host: Host, _ router: Int, _ definition: InstanceDefinition) -> Int {
        if definition.isOwner { return 255 }
        var sum = Int(definition.basePriority)
        for tracker in trackers(host, router, definition) where tracker.weight > 0 { sum += tracker.weight }
        return min(sum, 254)
    }

    func lowestPriority(_ host: Host, _ router: Int, _ definition: InstanceDefinition) -> Int {
        var sum = Int(definition.basePriority)
        for tracker in trackers(host, router, definition) where tracker.weight < 0 { sum += tracker.weight }
        return sum
    }

    func delivered(_ delivery: Delivery, to host: Host) {
        guard delivery.isSound, delivery.sender != nil else { return }
        let (bytes, offset) = (delivery.bytes, delivery.offset)
        guard bytes.count >= offset + 8, let router = router(delivery.link, bytes[offset + 1]),
            let definition = host.definitions[router]
        else { return }
        let priority = Int(bytes[offset + 2])
        let interval =
            definition.version == .v2
            ? definition.advertInterval.nanoseconds
            : Int64(UInt16(bytes[offset + 4]) << 8 & 0x0F00 | UInt16(bytes[offset + 5])) * 10 * millisecond
        if priority == 0 {
            // A member of a group may have waited out its own time long ago.
            let isGrouped = simulation.scenario.routers[router].isGrouped
            if !views[router][host.index].isMaster {
                // One that waits for its lease has waited out its own time as well.
                views[router][host.index].wait =
                    isGrouped || simulation.isLeased(router) ? .unknown : .released(now)
            }
        } else if !definition.preempt || priority >= highestPriority(host, router, definition) {
            views[router][host.index].wait = .since(now, interval: interval)
        } else if definition.preemptDelay > .zero || priority >= lowestPriority(host, router, definition) {
            // Accepted or not, depending on what only the node knows.
            views[router][host.index].wait = .unknown
        }
    }

    /// A backup waits as long as its master told it to, whatever else happens.
    func checkWait(_ host: Host, _ router: Int, _ definition: InstanceDefinition, _ priority: UInt8) {
        guard !definition.isOwner else { return }
        let highest = highestPriority(host, router, definition)
        let span: Int64
        let begin: Int64
        switch views[router][host.index].wait {
        case .unknown: return
        case .since(let time, let interval):
            (begin, span) = (time, downTime(router, definition, interval: interval, priority: highest))
        case .released(let time):
            let isSoleRival = definition.unicastPeers.count == 1
            (begin, span) = (
                time, isSoleRival ? 0 : skew(definition, interval: shortestInterval(router), priority: highest)
            )
        }
        let tolerance = waitTolerance(span)
        if now < begin + span - tolerance {
            simulation.fail(
                "WAIT-1",
                expected:
                    "node \(host.index) waits \(seconds(span)) s from \(seconds(begin)) s before it takes \(name(router))",
                seen: "it takes over with priority \(priority) after \(seconds(now - begin)) s")
        }
    }
}
