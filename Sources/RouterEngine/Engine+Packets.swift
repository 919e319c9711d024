import Primitives
import VRRP

/// The life of an advertisement on this node: bytes from the wire to a virtual router, and back.
extension Engine {
    /// The bytes behind the IP header of one VRRP packet. Total: whatever they are, nothing traps and
    /// nothing is allocated.
    public mutating func receive(
        _ packet: RawSpan, from origin: PacketOrigin, at now: Instant, into effects: inout [Effect]
    ) {
        if now >= earliestStepDown, !bug.isPlanted(.clockNotFirst) { expireLeases(at: now, into: &effects) }
        guard phase == .running, let number = Advertisement.routerID(of: packet) else { return }
        let key = DemuxKey(interface: origin.interface, family: origin.source.family, id: number)
        guard let id = router(for: key, from: origin) else {
            if model.global.logUnknownVRIDs, unknown.count < 256, unknown.insert(key).inserted {
                effects.append(.note(.unknownRouter(number, origin.interface, from: origin.source)))
            }
            return
        }
        switch slots[id.index]?.examine(packet, from: origin, at: now) {
        case nil: return
        case .rejected(let rejection, let isNew):
            if isNew { effects.append(.note(.rejected(id, rejection, from: origin.source))) }
        case .accepted(let advert, let isNewMismatch):
            if isNewMismatch { effects.append(.note(.addressesDiffer(id, from: origin.source))) }
            run(id, at: now, into: &effects) { $0.receive(advert, from: origin.source, at: now, into: &$1) }
            settleGroups(at: now, into: &effects)
            if advert.priority == .releasing { rivalReleased(id, origin.source, at: now, into: &effects) }
            if advert.priority == .releasing { takeTurn(id, after: origin.source, at: now, into: &effects) }
            settleGreetings(at: now, into: &effects)
        }
    }

    private func router(for key: DemuxKey, from origin: PacketOrigin) -> RouterID? {
        if let found = demux[key] {
            guard sharesKeys else { return found }
            if let match = match(found, origin) { return match }
        }
        guard !roaming.isEmpty else { return nil }
        let anywhere = DemuxKey(interface: .any, family: key.family, id: key.id)
        return demux[anywhere].flatMap { match($0, origin) }
    }

    /// Several routers may share a VRID: unicast ones with different peers, and one of the group's. The packet's
    /// destination and source tell them apart; when none fits, the last says why not.
    private func match(_ first: RouterID, _ origin: PacketOrigin) -> RouterID? {
        var id = first
        while let settings = slots[id.index]?.router.settings {
            let fits =
                settings.format.isUnicast
                ? !origin.destination.isMulticast && settings.peers.contains { $0.address == origin.source }
                : origin.destination.isMulticast
            if fits { return id }
            guard let next = slots[id.index]?.sameKey else { return id }
            id = next
        }
        return nil
    }

    // MARK: - For the world that sends

    /// The packets of a router, with `priority` in them; nil while it has nothing to send from.
    public mutating func preparePacket(of id: RouterID, _ priority: Priority) -> AdvertisementPacket? {
        guard id.index < slots.count else { return nil }
        return slots[id.index]?.prepare(priority) ?? nil
    }

    /// What a router sends from; nil while it has nothing to.
    public func source(of id: RouterID) -> IPAddress? {
        id.index < slots.count ? slots[id.index]?.router.environment.source : nil
    }

    /// The interface that a router's packets leave by.
    public func interface(of id: RouterID) -> InterfaceIndex? {
        id.index < slots.count ? slots[id.index]?.interface : nil
    }

    /// A socket that should be open: where it listens (`InterfaceIndex.any` for everywhere), and what it joins. There is one for each interface and
    /// family, because every raw socket gets a copy of each packet.
    public struct SocketKey: Hashable, Sendable {
        public var interface: InterfaceIndex
        public var family: AddressFamily
        /// The multicast groups to join, ascending; none where all routers are unicast.
        public var groups: [IPAddress]
    }

    /// The sockets that the routers need, by interface and family.
    public var sockets: [SocketKey] {
        var keys: [SocketKey] = []
        for id in routerIDs {
            guard let slot = slots[id.index], let interface = slot.listensOn else { continue }
            let group = slot.definition.isUnicast ? nil : slot.definition.multicastGroup
            if let known = keys.firstIndex(where: { $0.interface == interface && $0.family == slot.definition.family })
            {
                if let group, !keys[known].groups.contains(group) { keys[known].groups.append(group) }
            } else {
                keys.append(
                    SocketKey(interface: interface, family: slot.definition.family, groups: group.map { [$0] } ?? []))
            }
        }
        for index in keys.indices { keys[index].groups.sort() }
        return keys.sorted { ($0.interface, $0.family) < ($1.interface, $1.family) }
    }

    /// An announcement of an address: the frame, and where to send it. Nil where there is nobody to tell.
    public func announcement(of id: AddressID, isRouter: Bool) -> (interface: InterfaceIndex, frame: [UInt8])? {
        guard let entry = addresses[id], let index = entry.interface, let link = links[index], !link.isWithoutARP
        else { return nil }
        return (
            index, AnnouncementFrame.bytes(for: entry.key.prefix.address, from: link.mac, isRouter: isRouter)
        )
    }

    /// An address that effects speak of.
    public func address(_ id: AddressID) -> ManagedAddress? { addresses[id] }
}
