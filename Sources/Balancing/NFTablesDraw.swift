import Configuration
import Primitives

/// How a connection draws one of its service's slots: by turns, or by a hash. One chain of one rule does it for all services that
/// draw alike, so the number of rules does not grow with the number of services.
///
/// `numgen` and `jhash` have their modulus in the rule: a chain belongs to one modulus. A `numgen` counts for all who use it, and two
/// services that share one and are asked by turns would each get the same servers again and again: hence the lanes. With
/// up to ``lanes`` services each has a counter of its own, and turns are exact; with more, those that share one disturb each other
/// only as far as their clients come in lockstep.
struct NFTablesDraw: Hashable, Sendable {
    enum Kind: UInt8, CaseIterable, Sendable {
        case turn = 1
        case source, sourcePort, destination

        var name: String {
            switch self {
            case .turn: "turn"
            case .source: "source"
            case .sourcePort: "source-port"
            case .destination: "destination"
            }
        }
    }

    static let lanes: UInt32 = 64
    /// What of a ``state(of:)`` says how to draw.
    static let mask: UInt32 = 0xFFFE_003F

    var kind: Kind
    var lane: UInt32
    /// The number of slots, 1…4095.
    var modulus: UInt32

    init(_ kind: Kind, service: UInt32, slots: Int) {
        self.kind = kind
        lane = Self.index(service) % Self.lanes
        modulus = UInt32(min(max(slots, 1), 4095))
    }

    /// As it stands in the kernel's map; nil of what this type never wrote.
    init?(rawValue: UInt32) {
        guard rawValue & Self.mask == rawValue, rawValue >> 31 == 1,
            let kind = Kind(rawValue: UInt8(rawValue >> 29 & 3) + 1), rawValue >> 17 & 0xFFF != 0
        else { return nil }
        self.kind = kind
        lane = rawValue & (Self.lanes - 1)
        modulus = rawValue >> 17 & 0xFFF
    }

    var rawValue: UInt32 { 1 << 31 | UInt32(kind.rawValue - 1) << 29 | modulus << 17 | lane }

    /// The mark of a connection while it draws: how, and for which service.
    func state(of service: UInt32) -> UInt32 { rawValue & ~(Self.lanes - 1) | Self.index(service) }

    /// The 17 bits in which the numbers of services differ.
    private static func index(_ service: UInt32) -> UInt32 { service >> 10 & 0x1FFFF }

    var chain: String { kind == .turn ? "turn-\(modulus)-\(lane)" : "\(kind.name)-\(modulus)" }
}

/// Which server each slot of a service is: positions in `ForwardingService.destinations`.
struct NFTablesSlots: Hashable, Sendable {
    var kind: NFTablesDraw.Kind
    var servers: [Int]

    /// Empty where no server may get a new connection.
    ///
    /// `rr` and `lc` take servers by turns, whatever their weights; `wrr`, `wlc`, `sed`, `nq` and `twos` take as many turns as their weights
    /// say: this plane does not see connections at the moment of choice. `fo` takes the server with the highest weight. `sh` and `mh` hash
    /// the client, `dh` the address that it asked for, into slots that few leave when a server comes or goes.
    ///
    /// Direct routing hashes for all schedulers: see ``direct(_:)``.
    init(_ service: ForwardingService) {
        if service.isDirect {
            self = Self.direct(service)
            return
        }
        let usable = service.destinations.indices.filter { service.destinations[$0].weight > 0 }
        let weights = usable.map { UInt64(service.destinations[$0].weight) }
        switch service.scheduler {
        case .roundRobin, .leastConnections:
            kind = .turn
            servers = usable
        case .weightedFailover:
            kind = .turn
            // The first of those with the highest weight.
            let best = usable.indices.max { weights[$0] != weights[$1] ? weights[$0] < weights[$1] : $0 > $1 }
            servers = best.map { [usable[$0]] } ?? []
        case .sourceHash, .maglevHash:
            kind = service.schedulerFlags.contains(.second) ? .sourcePort : .source
            servers = MaglevTable(usable.map { service.destinations[$0].key }, weights).owners.map { usable[$0] }
        case .destinationHash:
            kind = .destination
            servers = MaglevTable(usable.map { service.destinations[$0].key }, weights).owners.map { usable[$0] }
        default:
            kind = .turn
            servers = Self.turns(weights).map { usable[$0] }
        }
    }

    /// Slots of a service by direct routing. Which server a client gets must be the same on another director, which has seen none of its packets:
    /// so it is a hash of address and port, whatever the scheduler, except for those that ask for less: the address for `sh` and `mh` (without
    /// `sh-port`, `mh-port`) and where clients are kept, what was asked for with `dh`, and the server with the highest weight with `fo`.
    /// `rr` and `lc` do not look at weights.
    private static func direct(_ service: ForwardingService) -> NFTablesSlots {
        var usable = service.destinations.indices.filter { service.destinations[$0].weight > 0 }
        var kind = service.persistence == nil ? NFTablesDraw.Kind.sourcePort : .source
        var isWeighted = true
        switch service.scheduler {
        case .roundRobin, .leastConnections: isWeighted = false
        case .weightedFailover:
            let highest = usable.map { service.destinations[$0].weight }.max()
            usable = usable.first { service.destinations[$0].weight == highest }.map { [$0] } ?? []
            return NFTablesSlots(kind: .turn, servers: usable)
        case .sourceHash, .maglevHash: if !service.schedulerFlags.contains(.second) { kind = .source }
        case .destinationHash: kind = .destination
        default: break
        }
        let weights = usable.map { isWeighted ? UInt64(service.destinations[$0].weight) : 1 }
        let table = MaglevTable(usable.map { service.destinations[$0].key }, weights, size: directSize)
        return NFTablesSlots(kind: kind, servers: table.owners.map { usable[$0] })
    }

    /// More slots than for clients alone: connections are many, and their parts should be even.
    static let directSize = 509

    private init(kind: NFTablesDraw.Kind, servers: [Int]) {
        self.kind = kind
        self.servers = servers
    }

    /// Exact where the weights, divided by what they have in common, need up to 128 slots; else to within half a slot in 128, each
    /// server having one at least.
    static func turns(_ weights: [UInt64]) -> [Int] {
        let divisor = weights.reduce(0, greatestCommonDivisor)
        guard divisor > 0 else { return [] }
        let reduced = weights.map { $0 / divisor }
        let total = reduced.reduce(0, &+)
        let count =
            total <= 128 || total == weights.count ? Int(total) : max(128, min(weights.count * 4, MaglevTable.largest))
        return MaglevTable.interleaved(MaglevTable.apportioned(reduced, count))
    }

    private static func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var (a, b) = (a, b)
        while b != 0 { (a, b) = (b, a % b) }
        return a
    }
}
