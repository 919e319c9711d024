import Configuration
import Primitives
import RouterEngine
import VRRP

/// Packets and announcements on their way.
extension Simulation {
    func send(_ packet: AdvertisementPacket, from host: Host, interface: InterfaceIndex) {
        guard let position = host.kernel.interface(withIndex: interface.rawValue),
            host.kernel.interfaces[position].isUp
        else { return }
        let link = host.kernel.interfaces[position].link
        let offset = packet.source.family == .ipv4 ? 20 : 0
        if let first = packet.copies.first { judge.sawAdvert(host, link, first.bytes, offset) }
        for copy in packet.copies {
            let timeToLive = offset > 0 ? copy.bytes[8] : 255
            let origin = PacketOrigin(
                interface: InterfaceIndex(0), source: packet.source, destination: copy.destination,
                timeToLive: timeToLive)
            for other in hosts where other.index != host.index {
                if !copy.destination.isMulticast, !isOwn(copy.destination, of: other, link) { continue }
                convey(
                    Delivery(
                        bytes: copy.bytes, offset: offset, origin: origin, sender: host.index, isSound: true, link: link
                    ),
                    to: other)
            }
        }
    }

    func isOwn(_ address: IPAddress, of host: Host, _ link: Int) -> Bool {
        address == Scenario.hostAddress(address.family, link: link, octet: Scenario.octet(of: host.index))
    }

    /// Lets the segment do its worst with one packet for one node.
    func convey(_ delivery: Delivery, to host: Host) {
        let segment = segments[delivery.link]
        if let sender = delivery.sender, !segment.reaches(sender, host.index) { return }
        if networkDraw.chance(segment.loss) { return }
        var delivery = delivery
        if segment.corruption > 0, networkDraw.chance(segment.corruption) {
            // The kernel checks IPv6 itself; of IPv4 it checks the header, which is not behind `offset`.
            if delivery.offset == 0 { return }
            let at = delivery.offset + networkDraw.below(delivery.bytes.count - delivery.offset)
            delivery.bytes[at] ^= 1 << UInt8(networkDraw.below(8))
            delivery.isSound = false
        }
        let copies = segment.duplication > 0 && networkDraw.chance(segment.duplication) ? 2 : 1
        for _ in 0..<copies {
            var arrival = now + networkDraw.within(segment.delay)
            if segment.reordering > 0, networkDraw.chance(segment.reordering) {
                arrival += networkDraw.within(0...80 * millisecond)
            } else if let sender = delivery.sender {
                // A healthy path keeps the order.
                let path = (delivery.link * hosts.count + sender) * hosts.count + host.index
                arrival = max(arrival, lastArrivals[path] + 1)
                lastArrivals[path] = arrival
            }
            queue.push(.delivery, at: arrival, host: host.index, argument: keep(delivery))
        }
    }

    func keep(_ delivery: Delivery) -> Int {
        if let free = freeDeliveries.popLast() {
            deliveries[free] = delivery
            return free
        }
        deliveries.append(delivery)
        return deliveries.count - 1
    }

    func release(_ index: Int) {
        deliveries[index] = nil
        freeDeliveries.append(index)
    }

    func arrive(_ index: Int, at host: Host) {
        guard let delivery = deliveries[index], host.process == .running,
            let position = host.kernel.interface(onLink: delivery.link), host.kernel.interfaces[position].isUp,
            hasSocket(host, host.kernel.interfaces[position].index, delivery.origin)
        else { return release(index) }
        deliveries[index]?.origin.interface = InterfaceIndex(host.kernel.interfaces[position].index)
        guard host.isRunning else {
            if host.inbox.count < 300 { host.inbox.append(index) } else { release(index) }
            return
        }
        receive(index, at: host)
    }

    func hasSocket(_ host: Host, _ interface: UInt32, _ origin: PacketOrigin) -> Bool {
        for socket in host.sockets where socket.interface.rawValue == interface && socket.family == origin.source.family
        {
            if !origin.destination.isMulticast || socket.groups.contains(origin.destination) { return true }
        }
        return false
    }

    func receive(_ index: Int, at host: Host) {
        guard let delivery = deliveries[index] else { return }
        release(index)
        // A socket dies with its interface, and what waits in it too.
        guard host.node != nil, host.kernel.interface(withIndex: delivery.origin.interface.rawValue) != nil else {
            return
        }
        judge.delivered(delivery, to: host)
        tell(host.index, Story.describe(delivery))
        let span = delivery.bytes.span.bytes
        host.node?.receive(
            span.extracting(droppingFirst: delivery.offset), from: delivery.origin, at: host.clock.reading(at: now))
        finish(host)
    }

    // MARK: - Clients

    func announce(_ frame: [UInt8], count: Int, from host: Host, interface: InterfaceIndex) {
        guard let position = host.kernel.interface(withIndex: interface.rawValue),
            host.kernel.interfaces[position].isUp, let announcement = Announcement(frame),
            // What a process says late, because it stood still, stops at the fence.
            host.leases.fence.isOpen(announcement.address, on: interface.rawValue, at: host.clock.reading(at: now))
        else { return }
        let link = host.kernel.interfaces[position].link
        for client in segments[link].clients.indices {
            guard segments[link].clients[client].sees & 1 << UInt32(host.index) != 0 else { continue }
            var arrives = segments[link].loss == 0
            for _ in 0..<count where !arrives { arrives = !networkDraw.chance(segments[link].loss) }
            guard arrives else { continue }
            announcements.append((announcement, link, host.index, 1))
            queue.push(
                .announcement, at: now + networkDraw.within(segments[link].delay), argument: announcements.count - 1,
                token: UInt32(client))
        }
    }

    func deliverAnnouncement(_ index: Int, client: Int) {
        let (announcement, link, _, _) = announcements[index]
        segments[link].learn(announcement.address, announcement.mac, client: client)
    }
}
