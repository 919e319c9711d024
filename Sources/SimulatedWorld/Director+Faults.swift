import Configuration
import Primitives
import RouterEngine
import VRRP

/// Single faults: of interfaces, of addresses, and packets that nobody may believe.
extension Director {
    func setCarrier(_ host: Host, _ link: Int, _ isUp: Bool) {
        guard let position = host.kernel.interface(onLink: link), host.kernel.interfaces[position].hasCarrier != isUp
        else { return }
        host.kernel.interfaces[position].hasCarrier = isUp
        changed(host, position)
    }

    func changed(_ host: Host, _ position: Int) {
        judge.touchedAt[host.index] = now
        let interface = host.kernel.interfaces[position]
        simulation.tell(host.index, "kernel: \(interface.name) is \(interface.isUp ? "up" : "down")")
        if interface.isPresent { simulation.notify(.link(Kernel.link(interface)), host) }
    }

    /// `ip link set down` takes IPv6 addresses away, the node's own as well.
    func setEnabled(_ host: Host, _ link: Int, _ isEnabled: Bool) {
        guard let position = host.kernel.interface(onLink: link),
            host.kernel.interfaces[position].isEnabled != isEnabled
        else { return }
        host.kernel.interfaces[position].isEnabled = isEnabled
        changed(host, position)
        if isEnabled {
            simulation.addOwnAddress(host, host.kernel.interfaces[position], .ipv6)
        } else {
            remove(host, host.kernel.interfaces[position], where: { $0.address.family == .ipv6 })
        }
    }

    func remove(_ host: Host, _ interface: Kernel.Interface, where matches: (IPPrefix) -> Bool) {
        while let at = host.kernel.addresses.firstIndex(where: { $0.interface == interface.index && matches($0.prefix) }
        ) {
            simulation.removeAddress(at, of: host, link: interface.link, .outage)
        }
    }

    func removeInterface(_ host: Host, _ link: Int) {
        guard let position = host.kernel.interface(onLink: link), host.kernel.interfaces[position].isPresent else {
            return
        }
        remove(host, host.kernel.interfaces[position]) { _ in true }
        host.kernel.interfaces[position].isPresent = false
        changed(host, position)
        simulation.notify(.linkGone(InterfaceIndex(host.kernel.interfaces[position].index)), host)
    }

    func createInterface(_ host: Host, _ link: Int) {
        guard let position = host.kernel.interface(onLink: link), !host.kernel.interfaces[position].isPresent else {
            return
        }
        host.kernel.interfaces[position].isPresent = true
        host.kernel.interfaces[position].index = host.kernel.freshIndex()
        changed(host, position)
        for family in [AddressFamily.ipv4, .ipv6] {
            simulation.addOwnAddress(host, host.kernel.interfaces[position], family)
        }
    }

    func rename(_ host: Host, _ link: Int, to name: String) {
        guard let position = host.kernel.interface(onLink: link), host.kernel.interfaces[position].isPresent,
            host.kernel.interfaces[position].name != name
        else { return }
        host.kernel.interfaces[position].name = name
        changed(host, position)
    }

    func deleteAddress(of router: Int, on host: Host) {
        let plan = scenario.routers[router]
        guard let position = host.kernel.interface(onLink: plan.link) else { return }
        let index = host.kernel.interfaces[position].index
        for prefix in plan.addresses where draw.flip() || prefix == plan.addresses[0] {
            if let at = host.kernel.find(prefix, on: index) {
                simulation.removeAddress(at, of: host, link: plan.link, .somebody)
            }
        }
    }

    /// Packets that nobody may believe: from too far away, from no peer, broken, or noise.
    func inject() {
        let router = draw.below(scenario.routers.count)
        let plan = scenario.routers[router]
        guard let definition = hosts[0].definitions[router], let id = VirtualRouterID(plan.id) else { return }
        let source = Scenario.hostAddress(plan.family, link: plan.link, octet: 250)
        let format = PacketFormat(
            version: definition.version == .v2 ? .v2 : .v3, family: plan.family, isUnicast: definition.isUnicast,
            interval: Centiseconds(
                rounding: definition.advertInterval, for: definition.version == .v2 ? .v2 : .v3))
        let priority = Priority(UInt8(draw.pick([0, 1, 200, 255])))
        for host in hosts {
            let destination =
                definition.isUnicast
                ? Scenario.hostAddress(plan.family, link: plan.link, octet: Scenario.octet(of: host.index))
                : definition.multicastGroup
            let packet = AdvertisementPacket(
                format: format, id: id, priority: priority, source: source, destinations: [destination],
                addresses: definition.virtualAddresses.map(\.prefix.address))
            guard let copy = packet.copies.first else { return }
            var bytes = copy.bytes
            let offset = plan.family == .ipv4 ? 20 : 0
            var timeToLive: UInt8 = 255
            switch draw.below(4) {
            case 0:  // from behind a router
                if definition.isUnicast { continue }
                timeToLive = UInt8(draw.below(255))
            case 1:  // no peer
                guard definition.isUnicast, definition.checkUnicastSource else { continue }
            case 2:  // cut short or too long
                if draw.flip() {
                    bytes.removeLast(draw.within(1...min(8, bytes.count - offset - 1)))
                } else {
                    bytes.append(0)
                }
            default:  // noise
                for at in offset..<bytes.count { bytes[at] = UInt8(truncatingIfNeeded: draw.next()) }
                bytes[offset + 2] = priority.rawValue
                // Noise that is right by chance would be an advertisement.
                if plan.family == .ipv6 || draw.flip() { bytes[offset] = UInt8(draw.pick([0x11, 0x41, 0x22, 0x3F])) }
            }
            let origin = PacketOrigin(
                interface: InterfaceIndex(0), source: source, destination: destination, timeToLive: timeToLive)
            simulation.convey(
                Delivery(bytes: bytes, offset: offset, origin: origin, sender: nil, isSound: false, link: plan.link),
                to: host)
        }
    }
}
