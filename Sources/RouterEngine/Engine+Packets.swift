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
        guard let slot = slots[id.index] else { return }
        let advert: Advertisement
        do {
            advert = try Advertisement.decode(packet, from: origin, for: slot.router.settings.format)
        } catch {
            reject(error, id, origin, into: &effects)
            return
        }
        if let rejection = slot.router.admits(origin) {
            reject(rejection, id, origin, into: &effects)
            return
        }
        slots[id.index]?.counters.received &+= 1
        if advert.priority == .releasing { slots[id.index]?.counters.releasedHeard &+= 1 }
        compareAddresses(advert, id, origin, into: &effects)
        run(id, at: now, into: &effects) { $0.receive(advert, from: origin.source, at: now, into: &$1) }
        settleGroups(at: now, into: &effects)
    }

    private func router(for key: DemuxKey, from source: IPAddress) -> RouterID? {
        guard var id = demux[key] else { return nil }
        // Several unicast routers may share a VRID; their peers tell them apart.
        while let slot = slots[id.index], let next = slot.sameKey,
            !slot.router.settings.peers.contains(where: { $0.address == source })
        {
            id = next
        }
        return id
    }

    private mutating func reject(
        _ rejection: Rejection, _ id: RouterID, _ origin: PacketOrigin, into effects: inout [Effect]
    ) {
        guard slots[id.index] != nil else { return }
        slots[id.index]?.counters.rejected[Int(rejection.rawValue)] &+= 1
        let bit = UInt32(1) << UInt32(rejection.rawValue)
        guard let logged = slots[id.index]?.loggedRejections, logged & bit == 0 else { return }
        slots[id.index]?.loggedRejections = logged | bit
        effects.append(.note(.rejected(id, rejection, from: origin.source)))
    }

    /// A master that serves other addresses is worth a word, but no reason to drop it: two masters would follow.
    private mutating func compareAddresses(
        _ advert: Advertisement, _ id: RouterID, _ origin: PacketOrigin, into effects: inout [Effect]
    ) {
        guard let slot = slots[id.index], advert.addressDigest != slot.addressDigest else { return }
        slots[id.index]?.counters.addressMismatch &+= 1
        let bit = UInt32(1) << 31
        guard slot.loggedRejections & bit == 0 else { return }
        slots[id.index]?.loggedRejections = slot.loggedRejections | bit
        effects.append(.note(.addressesDiffer(id, from: origin.source)))
    }

    // MARK: - For the world that sends

    /// The packets of a router, with `priority` in them; nil while it has nothing to send from.
    public mutating func preparePacket(of id: RouterID, _ priority: Priority) -> AdvertisementPacket? {
        guard id.index < slots.count, slots[id.index]?.packet != nil else { return nil }
        slots[id.index]?.packet?.prepare(priority: priority)
        return slots[id.index]?.packet
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
