import Primitives
import VRRP

/// The life of an advertisement on this node: bytes from the wire to a virtual router, and back.
extension Engine {
    /// The bytes behind the IP header of one VRRP packet. Total: whatever they are, nothing traps and
    /// nothing is allocated.
    public mutating func receive(
        _ packet: RawSpan, from origin: PacketOrigin, at now: Instant, into effects: inout [Effect]
    ) {
        guard phase == .running, let number = Advertisement.routerID(of: packet) else { return }
        let key = DemuxKey(interface: origin.interface, family: origin.source.family, id: number)
        guard let id = router(for: key, from: origin.source) else {
            if model.global.logUnknownVRIDs, unknown.count < 256, unknown.insert(key).inserted {
                effects.append(.note(.unknownRouter(number, origin.interface, from: origin.source)))
            }
            return
        }
        switch slots[id.index]?.examine(packet, from: origin) {
        case nil: return
        case .rejected(let rejection, let isNew):
            if isNew { effects.append(.note(.rejected(id, rejection, from: origin.source))) }
        case .accepted(let advert, let isNewMismatch):
            if isNewMismatch { effects.append(.note(.addressesDiffer(id, from: origin.source))) }
            run(id, at: now, into: &effects) { $0.receive(advert, from: origin.source, at: now, into: &$1) }
            settleGroups(at: now, into: &effects)
        }
    }

    private func router(for key: DemuxKey, from source: IPAddress) -> RouterID? {
        guard var id = demux[key] else { return nil }
        guard sharesKeys else { return id }
        // Several unicast routers may share a VRID; their peers tell them apart.
        while let next = slots[id.index]?.sameKey,
            slots[id.index]?.router.settings.peers.contains(where: { $0.address == source }) == false
        {
            id = next
        }
        return id
    }

    // MARK: - For the world that sends

    /// The packets of a router, with `priority` in them; nil while it has nothing to send from.
    public mutating func preparePacket(of id: RouterID, _ priority: Priority) -> AdvertisementPacket? {
        guard id.index < slots.count else { return nil }
        return slots[id.index]?.prepare(priority) ?? nil
    }

    /// The interface that a router's packets leave by.
    public func interface(of id: RouterID) -> InterfaceIndex? {
        id.index < slots.count ? slots[id.index]?.interface : nil
    }

    /// A socket that should be open: where it listens, and what it joins.
    public struct SocketKey: Hashable, Comparable, Sendable {
        public var interface: InterfaceIndex
        public var family: AddressFamily
        /// The multicast group to join; nil for unicast only.
        public var group: IPAddress?

        public static func < (a: Self, b: Self) -> Bool {
            if a.interface != b.interface { return a.interface < b.interface }
            if a.family != b.family { return a.family < b.family }
            switch (a.group, b.group) {
            case (nil, nil), (_?, nil): return false
            case (nil, _?): return true
            case (let a?, let b?): return a < b
            }
        }
    }

    /// The sockets that the routers need, sorted and without repetition.
    public var sockets: [SocketKey] {
        var keys: [SocketKey] = []
        for case let slot? in slots {
            guard let interface = slot.interface else { continue }
            keys.append(
                SocketKey(
                    interface: interface, family: slot.definition.family,
                    group: slot.definition.isUnicast ? nil : slot.definition.multicastGroup))
        }
        keys.sort()
        return keys.indices.filter { $0 == 0 || keys[$0] != keys[$0 - 1] }.map { keys[$0] }
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
