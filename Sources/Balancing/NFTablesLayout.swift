import Configuration
import Netlink
import Primitives

/// What nf_tables holds for a ``ForwardingTable``: numbers of services, marks of servers, slots. It remembers what it gave, so that a
/// change of one service changes the elements of that service and no others.
public struct NFTablesLayout: Sendable {
    /// Elements that come and go, by set; what goes, goes first.
    public struct Difference: Sendable {
        /// Classes that have no sets and rules yet.
        var classes: [NFTablesClass] = []
        var removed: [String: [NFTablesBatch.Element]] = [:]
        var added: [String: [NFTablesBatch.Element]] = [:]
        /// Marks of servers that are gone: their connections end.
        public var goneMarks: [UInt32] = []

        public var isEmpty: Bool { classes.isEmpty && removed.isEmpty && added.isEmpty }
        /// Elements that come and go.
        public var count: Int {
            removed.values.reduce(0) { $0 + $1.count } + added.values.reduce(0) { $0 + $1.count }
        }
    }

    /// A service as it lies in the sets.
    struct Placed: Hashable, Sendable {
        var service: ForwardingService
        var number: UInt32
        var type: NFTablesClass
        var marks: [DestinationKey: UInt32]
        var slots: [UInt32]
    }

    private(set) var placed: [ServiceKey: Placed] = [:]
    private var classes: Set<NFTablesClass> = []
    var allClasses: Set<NFTablesClass> { classes }
    private var lastNumber: UInt32 = 0
    private var lastMark: UInt32 = 0
    private var freeNumbers: [UInt32] = []

    /// Marks of connections are this and a number below 2²⁴: other marks are left alone.
    public static let markBase: UInt32 = 0x4100_0000
    public static let markMask: UInt32 = 0xFF00_0000

    public init() {}

    /// What is laid out, as a table.
    public var table: ForwardingTable { ForwardingTable(placed.values.map(\.service)) }

    /// As it is laid out; nil where it is not.
    public func service(_ key: ServiceKey) -> ForwardingService? { placed[key]?.service }

    /// The marks of a service's connections, by server.
    public func marks(of key: ServiceKey) -> [DestinationKey: UInt32] { placed[key]?.marks ?? [:] }

    // MARK: - What cannot be

    /// Why a service cannot be served by nf_tables; nil where it can.
    public static func refusal(_ service: ForwardingService) -> String? {
        if service.onePacket { return "nftables cannot schedule each packet on its own (`ops`): use `data_plane ipvs`" }
        if let engine = service.persistenceEngine {
            return "nftables has no persistence engine `\(engine)`: use `data_plane ipvs`"
        }
        if service.scheduler.needsIPVS {
            return "nftables has no scheduler `\(service.scheduler.rawValue)`: choose another, or use `data_plane ipvs`"
        }
        for destination in service.destinations {
            if destination.forwarding != .nat {
                return
                    "nftables cannot forward by \(destination.forwarding.word) yet: use `lvs_method NAT`, or `data_plane ipvs`"
            }
            if destination.key.address.family != service.key.family {
                return "a server of the other family cannot be reached by NAT"
            }
        }
        let open = service.destinations.filter { $0.key.port == 0 }.count
        if open > 0, open < service.destinations.count {
            return "servers with a port and without one cannot stand behind one service"
        }
        return nil
    }

    // MARK: - Change

    /// Lays services out anew; nil takes one away. What is refused must not be given.
    public mutating func update(_ changes: [(ServiceKey, ForwardingService?)]) -> Difference {
        var difference = Difference()
        for (key, service) in changes {
            let old = placed[key]
            let new = service.map { place($0, over: old) }
            if let type = new?.type, classes.insert(type).inserted { difference.classes.append(type) }
            Self.compare(old, new, into: &difference)
            release(old, keeping: new)
            placed[key] = new
        }
        return difference
    }

    private mutating func place(_ service: ForwardingService, over old: Placed?) -> Placed {
        var marks: [DestinationKey: UInt32] = [:]
        for destination in service.destinations { marks[destination.key] = old?.marks[destination.key] ?? takeMark() }
        let number = old?.number ?? takeNumber()
        let shares = service.shares.map { (mark: marks[$0.key] ?? 0, weight: $0.weight) }
        let least: UInt32 = service.pickOfNFTables == .counting ? 0 : 60
        let size = NFTablesSlots.size(for: shares.map(\.weight), atLeast: least)
        let slots = NFTablesSlots.assign(shares, size: size, old: old?.slots ?? [], seed: UInt64(number))
        let persistence = service.persistence
        let type = NFTablesClass(
            family: service.key.family, match: service.key.match, pick: service.pickOfNFTables, slots: size,
            keepsPort: service.key.keepsPort(service),
            persistence: UInt64(clamping: (persistence?.timeout ?? .zero).nanoseconds / 1_000_000),
            granularity: persistence?.granularity.bits(service.key.family) ?? service.key.family.addressBits)
        return Placed(service: service, number: number, type: type, marks: marks, slots: slots)
    }

    private mutating func takeNumber() -> UInt32 {
        if let free = freeNumbers.popLast() { return free }
        lastNumber += 1
        return lastNumber
    }

    private mutating func takeMark() -> UInt32 {
        // Not given out again for 16 million servers: connections of one that is gone may still be there.
        lastMark &+= 1
        return Self.markBase | lastMark & ~Self.markMask
    }

    private mutating func release(_ old: Placed?, keeping new: Placed?) {
        guard let old else { return }
        if new == nil { freeNumbers.append(old.number) }
    }

    // MARK: - Elements

    /// What differs between two states of a service.
    private static func compare(_ old: Placed?, _ new: Placed?, into difference: inout Difference) {
        compare(old?.head, new?.head, into: &difference)
        compareSlots(old, new, into: &difference)
        let family = (new ?? old)?.type.family ?? .ipv4
        let keys = Set(old?.marks.keys.map { $0 } ?? []).union(new?.marks.keys.map { $0 } ?? [])
        for key in keys.sorted() {
            let (before, after) = (old?.end(key), new?.end(key))
            guard before != after else { continue }
            if let before { difference.removed[NFTablesClass.endsName(family), default: []].append(before) }
            if let after { difference.added[NFTablesClass.endsName(family), default: []].append(after) }
            let (was, now) = (old?.marks[key], new?.marks[key])
            guard was != now else { continue }
            if let was { difference.removed["passed", default: []] += Placed.passed(was) }
            if let now { difference.added["passed", default: []] += Placed.passed(now) }
        }
        let kept = Set((new?.marks ?? [:]).values)
        difference.goneMarks += (old?.marks.values.filter { !kept.contains($0) } ?? []).sorted()
    }

    /// The element that finds the service, and the one that says that it has no server; by their sets.
    private static func compare(
        _ old: [String: NFTablesBatch.Element]?, _ new: [String: NFTablesBatch.Element]?,
        into difference: inout Difference
    ) {
        for (set, element) in (old ?? [:]).sorted(by: { $0.key < $1.key }) where new?[set] != element {
            difference.removed[set, default: []].append(element)
        }
        for (set, element) in (new ?? [:]).sorted(by: { $0.key < $1.key }) where old?[set] != element {
            difference.added[set, default: []].append(element)
        }
    }

    private static func compareSlots(_ old: Placed?, _ new: Placed?, into difference: inout Difference) {
        let (before, after) = (old?.slots ?? [], new?.slots ?? [])
        let number = (new ?? old)?.number ?? 0
        for index in 0..<max(before.count, after.count) {
            let was = index < before.count ? before[index] : nil
            let now = index < after.count ? after[index] : nil
            guard was != now else { continue }
            let key = number.hostBytes + UInt32(index).hostBytes
            if let was { difference.removed["slots", default: []].append(.init(key, data: was.hostBytes)) }
            if let now { difference.added["slots", default: []].append(.init(key, data: now.hostBytes)) }
        }
    }

    // MARK: - Reading back

    /// A layout as it was found in the kernel. What does not fit together is left out, and so is laid out anew.
    public init(
        services: [(set: String, NFTablesRecord.Element)], servers: [NFTablesRecord.Element],
        slots: [NFTablesRecord.Element]
    ) {
        var keys: [UInt32: ForwardingService] = [:]
        for (_, element) in services {
            guard let number = element.data.hostUInt32(at: 0), let service = ServiceMemo.decode(element.memo) else {
                continue
            }
            keys[number] = service
        }
        var marks: [UInt32: [DestinationKey: UInt32]] = [:]
        for element in servers {
            guard let mark = element.key.hostUInt32(at: 0), let (number, destination) = ServerMemo.decode(element.memo)
            else { continue }
            keys[number]?[destination.key] = destination
            marks[number, default: [:]][destination.key] = mark
            lastMark = max(lastMark, mark & ~Self.markMask)
        }
        var placesOfSlots: [UInt32: [UInt32: UInt32]] = [:]
        for element in slots {
            guard let number = element.key.hostUInt32(at: 0), let slot = element.key.hostUInt32(at: 4),
                let mark = element.data.hostUInt32(at: 0)
            else { continue }
            placesOfSlots[number, default: [:]][slot] = mark
        }
        for (number, service) in keys.sorted(by: { $0.key < $1.key }) {
            lastNumber = max(lastNumber, number)
            guard Self.refusal(service) == nil else { continue }
            var found = Placed(
                service: service, number: number,
                type: NFTablesClass(
                    family: service.key.family, match: service.key.match, pick: service.pickOfNFTables, slots: 0,
                    keepsPort: false,
                    persistence: 0, granularity: 0), marks: marks[number] ?? [:], slots: [])
            let places = placesOfSlots[number] ?? [:]
            found.slots = (0..<UInt32(places.count)).map { places[$0] ?? 0 }
            let whole = place(service, over: found)
            placed[service.key] = whole
            classes.insert(whole.type)
        }
    }
}

extension NFTablesLayout.Placed {
    /// The element that finds the service; and the one that says that none of its servers may get connections. By their sets.
    var head: [String: NFTablesBatch.Element] {
        let key = service.key.elementKey
        var elements = [
            type.name: NFTablesBatch.Element(key, data: number.hostBytes, memo: ServiceMemo.encode(service))
        ]
        if slots.isEmpty, case .address = service.key, type.match == .port {
            elements[NFTablesClass.deadName(type.family)] = .init(key)
        }
        return elements
    }

    /// Where a server is.
    func end(_ key: DestinationKey) -> NFTablesBatch.Element? {
        guard let mark = marks[key], let destination = service[key] else { return nil }
        var data: [UInt8] = []
        key.address.append(to: &data)
        data.append(bigEndian: key.port != 0 ? key.port : service.key.port)
        return .init(mark.hostBytes, data: data + [0, 0], memo: ServerMemo.encode(number, destination))
    }

    /// What counts its packets: IP_CT_DIR_ORIGINAL and IP_CT_DIR_REPLY.
    static func passed(_ mark: UInt32) -> [NFTablesBatch.Element] {
        [UInt8(0), 1].map { .init(mark.hostBytes + [$0, 0, 0, 0]) }
    }
}

extension UInt32 {
    /// As the kernel computes with it.
    var hostBytes: [UInt8] { Swift.withUnsafeBytes(of: self) { Array($0) } }
}

extension [UInt8] {
    func hostUInt32(at offset: Int) -> UInt32? { span.bytes.hostUInt32(at: offset) }
}

extension ServiceKey {
    var match: NFTablesClass.Match {
        switch self {
        case .mark: .mark
        case .address(_, let port, _): port == 0 ? .any : .port
        }
    }

    var port: UInt16 { if case .address(_, let port, _) = self { port } else { 0 } }

    /// No port is written into packets: the servers have none, and the service has none either.
    func keepsPort(_ service: ForwardingService) -> Bool {
        port == 0 && service.destinations.allSatisfy { $0.key.port == 0 }
    }

    var elementKey: [UInt8] {
        switch self {
        case .mark(let mark, _): return mark.hostBytes
        case .address(let address, let port, let transport):
            var bytes: [UInt8] = []
            address.append(to: &bytes)
            bytes += [transport.rawValue, 0, 0, 0]
            guard port != 0 else { return bytes }
            bytes.append(bigEndian: port)
            return bytes + [0, 0]
        }
    }
}

extension VirtualServer.Granularity {
    /// How many bits of an address count; those of a mask with holes are counted.
    func bits(_ family: AddressFamily) -> UInt8 {
        switch self {
        case .mask(let mask):
            UInt8(clamping: mask.bits.leadingZeroBitCount == 32 ? 0 : (~mask.bits).leadingZeroBitCount)
        case .prefixLength(let length): min(length, family.addressBits)
        }
    }
}

extension ForwardingService {
    /// What the scheduler makes of the weights. nf_tables does not know how many connections are open, so that those which go by
    /// them (lc, wlc, sed, nq, twos) go by weight, which comes to the same where connections last equally long.
    var shares: [(key: DestinationKey, weight: UInt32)] {
        switch scheduler {
        case .roundRobin, .leastConnections: return destinations.map { ($0.key, min($0.weight, 1)) }
        case .weightedFailover:
            let best = destinations.max { ($0.weight, $1.key) < ($1.weight, $0.key) }
            return destinations.map { ($0.key, $0.key == best?.key ? min($0.weight, 1) : 0) }
        default: return destinations.map { ($0.key, $0.weight) }
        }
    }

    var pickOfNFTables: NFTablesClass.Pick {
        switch scheduler {
        case .sourceHash, .maglevHash: schedulerFlags.contains(.second) ? .sourceAndPort : .source
        case .destinationHash: .destination
        default: .counting
        }
    }
}
