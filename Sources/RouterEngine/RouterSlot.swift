import Configuration
import Primitives
import VRRP

/// A virtual router with what surrounds it on this node.
struct RouterSlot: Sendable {
    var definition: InstanceDefinition
    var router: VirtualRouter
    /// Virtual and excluded addresses, in configuration order.
    var addresses: [AddressID] = []
    /// The bytes it sends; nil while it has nothing to send from.
    var packet: AdvertisementPacket?
    var interface: InterfaceIndex?
    var group: Int?
    /// The lease without which it must not be master; a group's members have the same.
    var lease: LeaseID?
    var trackers: [Tracker] = []
    /// Another router with the same key in `Engine.demux`, told apart by its peers.
    var sameKey: RouterID?
    /// Digest of the addresses that the peers' advertisements should list.
    var addressDigest: UInt64
    var recordKey: UInt64
    /// Faults of its own, before those that its group adds.
    var ownFaults: [FaultReason] = []
    var counters = RouterCounters()
    var neighbours = Neighbours()
    /// Bit set of the rejections that were noted since the last change of role.
    var loggedRejections: UInt32 = 0
    var since: Instant = .zero
    var lastTransition: Transition?
    var lastAdvert: Instant = .zero
    /// What the predecessor was, until the first transition.
    var adoptedRole: Role?
    /// Whether somebody else holds as well.
    var splits = SplitWatch()
}

/// What happens with every advertisement happens in place: reading a slot out of the table copies all of it.
extension RouterSlot {
    /// Lets the router handle something. What decides with it (group, lease) is dirty when its role, or wish for one, changed.
    mutating func run(
        into effects: inout [RouterEffect], _ body: (inout VirtualRouter, inout [RouterEffect]) -> Void
    ) -> (deadline: Deadline?, isDirty: Bool) {
        let (role, wanted) = (router.role, router.wantsMaster)
        body(&router, &effects)
        return (router.nextDeadline, router.role != role || router.wantsMaster != wanted)
    }

    enum Examined {
        case accepted(Advertisement, isNewMismatch: Bool)
        case rejected(Rejection, isNew: Bool)
    }

    /// Decodes, judges and counts a packet. What is new since the last change of role is worth a note.
    mutating func examine(_ packet: RawSpan, from origin: PacketOrigin, at now: Instant) -> Examined {
        let advert: Advertisement
        do {
            advert = try Advertisement.decode(packet, from: origin, for: router.settings.format)
        } catch {
            return reject(error, origin, at: now)
        }
        if let rejection = router.admits(origin) { return reject(rejection, origin, at: now) }
        counters.received &+= 1
        neighbours.accepted(advert, from: origin.source, at: now)
        if advert.priority == .releasing { counters.releasedHeard &+= 1 }
        // A master that serves other addresses is worth a word, but no reason to drop it: two masters would follow.
        guard advert.addressDigest != addressDigest else { return .accepted(advert, isNewMismatch: false) }
        counters.addressMismatch &+= 1
        return .accepted(advert, isNewMismatch: note(bit: 31))
    }

    private mutating func reject(_ rejection: Rejection, _ origin: PacketOrigin, at now: Instant) -> Examined {
        counters.rejected[Int(rejection.rawValue)] &+= 1
        neighbours.rejected(rejection, from: origin.source, at: now)
        return .rejected(rejection, isNew: note(bit: UInt32(rejection.rawValue)))
    }

    private mutating func note(bit: UInt32) -> Bool {
        defer { loggedRejections |= 1 << bit }
        return loggedRejections & 1 << bit == 0
    }

    mutating func prepare(_ priority: Priority) -> AdvertisementPacket? {
        packet?.prepare(priority: priority)
        return packet
    }
}

/// What a router's serving depends on beside its own interface.
enum Tracker: Hashable, Sendable {
    case interface(String, weight: Int, reverse: Bool)
    case script(ScriptID, weight: Int, reverse: Bool)
}

/// What a virtual router counted since the daemon started.
public struct RouterCounters: Hashable, Sendable {
    public internal(set) var sent: UInt64 = 0
    public internal(set) var received: UInt64 = 0
    public internal(set) var releasedHeard: UInt64 = 0
    public internal(set) var released: UInt64 = 0
    public internal(set) var becameMaster: UInt64 = 0
    public internal(set) var leftMaster: UInt64 = 0
    public internal(set) var rejected: [UInt64] = Array(repeating: 0, count: Rejection.allCases.count)
    public internal(set) var addressMismatch: UInt64 = 0
    /// Times in which another held as well, and how long those that are over were.
    public internal(set) var splits: UInt64 = 0
    public internal(set) var splitTime = Duration.zero
}

extension InterfaceIndex {
    /// Stands for every interface.
    public static let any = InterfaceIndex(0)
}

extension RouterSlot {
    /// Where its peers' packets arrive: its interface, or any for a router that has none of its own and whose
    /// source address may lie on a loopback. Nil while it has no interface.
    var listensOn: InterfaceIndex? { definition.interface == nil ? interface.map { _ in .any } : interface }
}

extension Engine {
    /// The routers of the configuration, in its order as far as slots were not reused.
    public var routerIDs: [RouterID] {
        slots.indices.filter { slots[$0] != nil }.map { RouterID($0) }.filter { !retired.contains($0) }
    }

    /// `definition` as VRRP wants it.
    func settings(of definition: InstanceDefinition, needsConsent: Bool) -> Settings? {
        guard let id = VirtualRouterID(definition.virtualRouterID) else { return nil }
        var password: Secret?
        if case .pass(let secret) = definition.authentication { password = secret }
        let format = PacketFormat(
            version: definition.version == .v2 ? .v2 : .v3, family: definition.family, isUnicast: definition.isUnicast,
            interval: Centiseconds(
                rounding: definition.advertInterval, for: definition.version == .v2 ? .v2 : .v3), password: password,
            checksumWithoutPseudoHeader: definition.checksumAsV2, bug: bug)
        let announcements = definition.announcements
        let peers = definition.unicastPeers.map {
            Settings.Peer(
                address: $0.address, timeToLive: ($0.minTTL ?? 0)...max($0.maxTTL ?? 255, $0.minTTL ?? 0))
        }
        return Settings(
            id: id, format: format, priority: Priority(definition.basePriority), preempts: definition.preempt,
            preemptDelay: definition.preemptDelay, downTimerAdverts: definition.downTimerAdverts,
            answersLowerPriority: !definition.lowerPriorityNoAdvert,
            advertisesBeforeYielding: definition.higherPrioritySendAdvert,
            ownerIgnoresAdverts: definition.ownerIgnoreAdverts, peers: peers,
            checksPeers: definition.checkUnicastSource, needsConsent: needsConsent,
            announcements: AnnouncementSchedule(
                masterRepeat: announcements.masterRepeat, masterDelay: announcements.masterDelay,
                refresh: announcements.masterRefresh, refreshRepeat: announcements.refreshRepeat,
                lowerPriorityRepeat: announcements.lowerPriorityRepeat,
                lowerPriorityDelay: announcements.lowerPriorityDelay, elsewhere: announcements.elsewhere))
    }

    /// What makes two definitions the same router, whatever else changed: VRID, family, interface, and
    /// for unicast its source, so that a reload that renames an instance disturbs nothing.
    static func baseKey(_ definition: InstanceDefinition) -> UInt64 {
        var hash = StableHash()
        hash.add(definition.virtualRouterID)
        hash.add(definition.family.rawValue)
        hash.add(definition.interface ?? "")
        hash.add(definition.isUnicast ? 1 : 0)
        if definition.isUnicast { hash.add(definition.unicastSource?.description ?? "") }
        return hash.value
    }

    /// The base key, and the name where several routers of the model share it.
    static func recordKey(_ definition: InstanceDefinition, in model: Model) -> UInt64 {
        let base = baseKey(definition)
        guard definition.isUnicast else { return base }
        let sharing = model.instances.count { other in
            other.virtualRouterID == definition.virtualRouterID && other.isUnicast && baseKey(other) == base
        }
        guard sharing > 1 else { return base }
        var hash = StableHash()
        hash.add(definition.name)
        return base ^ hash.value
    }

    mutating func rebuildPacket(of id: RouterID) {
        guard let slot = slots[id.index] else { return }
        guard let source = slot.router.environment.source else {
            slots[id.index]?.packet = nil
            return
        }
        let definition = slot.definition
        let destinations =
            definition.isUnicast ? definition.unicastPeers.map(\.address) : [definition.multicastGroup]
        slots[id.index]?.packet = AdvertisementPacket(
            format: slot.router.settings.format, id: slot.router.settings.id, priority: slot.router.priority,
            source: source, destinations: destinations.filter { $0.family == source.family },
            addresses: definition.virtualAddresses.map(\.prefix.address),
            timeToLive: definition.isUnicast ? definition.unicastTTL ?? 255 : 255)
    }
}
