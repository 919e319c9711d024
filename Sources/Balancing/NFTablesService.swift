import Configuration
import Netlink
import Primitives

/// The numbers that a service and its servers go by in the kernel's maps; they never change while both stand.
///
/// A service's number ends in ten zero bits, and those of its servers fill them: a rule that has the server's knows the service's by a mask,
/// and the kernel can be told of all connections of a service at once.
struct NFTablesNumbers: Hashable, Sendable {
    static let block: UInt32 = 1024
    static let mostServers = 1000
    static let serviceMask: UInt32 = ~(block - 1)

    var service: UInt32
    private(set) var servers: [DestinationKey: UInt32]
    /// Where the next server's number is looked for, so that one that has just gone is not met again at once.
    private var nextIndex: UInt32

    init(service: UInt32, servers: [DestinationKey: UInt32] = [:]) {
        self.service = service
        self.servers = servers
        nextIndex = ((servers.values.max() ?? service) & (Self.block - 1)) + 1
    }

    /// Whether all numbers are of the block, and the block is of the range.
    func isWhole(in range: ClosedRange<UInt32>) -> Bool {
        range.contains(service) && service & Self.serviceMask == service
            && servers.values.allSatisfy { $0 & Self.serviceMask == service && $0 != service }
            && Set(servers.values).count == servers.count
    }

    /// Gives each server a number; those that have one keep it. At most ``mostServers``.
    mutating func number(_ keys: [DestinationKey]) {
        var kept: [DestinationKey: UInt32] = [:]
        var used: Set<UInt32> = []
        for key in keys {
            guard let number = servers[key] else { continue }
            kept[key] = number
            used.insert(number)
        }
        for key in keys.prefix(Self.mostServers) where kept[key] == nil {
            for _ in 0..<Self.block {
                let number = service | (nextIndex & (Self.block - 1))
                nextIndex = (nextIndex + 1) & (Self.block - 1)
                if number == service || !used.insert(number).inserted { continue }
                kept[key] = number
                break
            }
        }
        servers = kept
    }
}

/// An element, and the map that it stands in.
struct NFTablesPlacement: Hashable, Sendable {
    var map: String
    var element: NFTablesElement
}

extension ForwardingService {
    /// Whether its servers get packets by direct routing. A service without servers is what it was.
    public var isDirect: Bool {
        !destinations.isEmpty && destinations.allSatisfy { $0.forwarding == .directRouting }
    }

    /// Why the data plane `nftables` cannot forward this; nil if it can. `VirtualServer.limitsOnNFTables` refuses most of it before.
    public var refusalByNFTables: String? {
        if scheduler.needsIPVS {
            return
                "the scheduler \(scheduler.rawValue) needs what only ip_vs counts: connections at the moment of choice"
        }
        if onePacket {
            return "packets are not scheduled one by one: the kernel keeps what belongs to a connection together"
        }
        if persistenceEngine != nil {
            return "there are no persistence engines: nftables does not look into what clients say"
        }
        if let granularity = persistence?.granularity {
            let isMask = if case .mask = granularity { true } else { false }
            if isMask != (key.family == .ipv4) {
                return "persistence_granularity is of another family than the service"
            }
        }
        if destinations.count > NFTablesNumbers.mostServers {
            return "a service has at most \(NFTablesNumbers.mostServers) servers here"
        }
        let isDirect = isDirect
        for destination in destinations {
            switch destination.forwarding {
            case .nat: break
            case .directRouting:
                if !isDirect { return "a service is forwarded by NAT or by DR, not by both" }
                if case .mark = key {
                    return "DR comes before firewall marks are set: a service by mark is forwarded by NAT"
                }
            default: return "nftables has no step that wraps a packet into another"
            }
            if destination.upperThreshold > 0 || destination.lowerThreshold > 0 {
                return "there are no thresholds: nftables does not count the connections of a server"
            }
            if destination.key.address.family != key.family {
                return "\(destination.key.address) is of another family than its service"
            }
        }
        return nil
    }

    /// Its slots: with direct routing a server that cannot be reached has none.
    func slots(_ network: NFTablesNetwork) -> NFTablesSlots {
        if !isDirect || destinations.allSatisfy({ network.reaches($0.key.address) }) { return NFTablesSlots(self) }
        var reachable = self
        for destination in destinations where !network.reaches(destination.key.address) {
            reachable[destination.key]?.weight = 0
        }
        return NFTablesSlots(reachable)
    }

    /// All that stands in the kernel's maps for this service. `numbers` has one for each of its destinations.
    func placements(_ numbers: NFTablesNumbers, _ network: NFTablesNetwork) -> [NFTablesPlacement] {
        let slots = slots(network)
        let number = bytes(numbers.service)
        var all: [NFTablesPlacement] = []
        all.reserveCapacity(2 + slots.servers.count + destinations.count * 4)
        func place(_ map: String, _ key: [UInt8], _ value: [UInt8]?, _ comment: String = "") {
            let value = value.map { NFTablesElement.Value.data($0) } ?? .none
            all.append(NFTablesPlacement(map: map, element: NFTablesElement(key: key, value: value, comment: comment)))
        }
        place(key.nftablesMap, key.nftablesKey, number, settings.nftablesComment)
        if let keep = NFTablesKeep(persistence) { place(keep.members, number, nil) }
        let state = bytes(draw(slots, numbers).state(of: numbers.service))
        if !slots.servers.isEmpty { place("draws", number, state) }
        let marks = destinations.map { bytes(numbers.servers[$0.key] ?? 0) }
        for (slot, server) in slots.servers.enumerated() where marks.indices.contains(server) {
            place("slots", state + bytes(UInt32(truncatingIfNeeded: slot)), marks[server])
        }
        for (destination, mark) in zip(destinations, marks) {
            place("owners", mark, number, "weight \(destination.weight)")
            var address: [UInt8] = []
            destination.key.address.append(to: &address)
            if destination.key.port == 0 {
                place("hosts", mark, address)
            } else {
                address.append(bigEndian: destination.key.port)
                place("endpoints", mark, address + [0, 0])
            }
            place("received", mark, nil)
            guard destination.forwarding == .directRouting else {
                place("sent", mark, nil)
                continue
            }
            place("chosen", mark, nil)
            switch network.ways[destination.key.address] {
            case .neighbour(let interface): place("links", mark, bytes(interface.rawValue))
            case .local: place("locals", mark, nil)
            case .router, .none?, nil: break
            }
        }
        return all
    }

    func draw(_ slots: NFTablesSlots, _ numbers: NFTablesNumbers) -> NFTablesDraw {
        NFTablesDraw(slots.kind, service: numbers.service, slots: slots.servers.count)
    }

    private func bytes(_ number: UInt32) -> [UInt8] { NFTablesMark.bytes(number) }
}

/// Numbers in elements.
enum NFTablesMark {
    /// A mark is in the machine's order, in maps too.
    static func bytes(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number) { Array($0) } }

    static func number(_ bytes: some Collection<UInt8>) -> UInt32? {
        guard bytes.count == 4 else { return nil }
        return Array(bytes).span.bytes.hostUInt32(at: 0)
    }
}

extension ServiceKey {
    var nftablesMap: String { if case .mark = self { "firewall_marks" } else { "services" } }

    var nftablesKey: [UInt8] {
        switch self {
        case .mark(let mark, _): return NFTablesMark.bytes(mark)
        case .address(let address, let port, let transport):
            var bytes: [UInt8] = []
            address.append(to: &bytes)
            bytes += [transport.rawValue, 0, 0, 0]
            bytes.append(bigEndian: port)
            return bytes + [0, 0]
        }
    }

    /// Of an element of `services` or `firewall_marks`; nil of what is not a key.
    init?(nftablesKey bytes: [UInt8], of map: String, _ family: AddressFamily) {
        if map == "firewall_marks" {
            guard let mark = NFTablesMark.number(bytes), mark != 0 else { return nil }
            self = .mark(mark, family)
            return
        }
        let length = family.addressLength
        guard bytes.count == length + 8, let address = bytes.span.bytes.address(family, at: 0),
            let transport = VirtualServer.TransportProtocol(rawValue: bytes[length]),
            let port = bytes.span.bytes.uint16(at: length + 4)
        else { return nil }
        self = .address(address, port: port, transport)
    }
}

extension ForwardingService.Settings {
    /// What the maps do not say, as a comment that people read too: `wrr`, `sh flags 2`, `wlc persist 300 255.255.255.0`.
    var nftablesComment: String {
        var text = scheduler.rawValue
        if !schedulerFlags.isEmpty { text += " flags \(schedulerFlags.rawValue)" }
        if let persistence {
            text += " persist \(persistence.timeout.components.seconds) "
            switch persistence.granularity {
            case .mask(let mask): text += mask.description
            case .prefixLength(let length): text += "\(length)"
            }
        }
        return text
    }

    init?(nftablesComment text: String) {
        var words = text.split(separator: " ")[...]
        guard let scheduler = words.popFirst().flatMap({ VirtualServer.Scheduler(rawValue: String($0)) }) else {
            return nil
        }
        self.init(scheduler: scheduler, schedulerFlags: [], onePacket: false)
        while let word = words.popFirst() {
            switch word {
            case "flags":
                guard let flags = words.popFirst().flatMap({ UInt8($0) }) else { return nil }
                schedulerFlags = .init(rawValue: flags)
            case "persist":
                guard let seconds = words.popFirst().flatMap({ UInt32($0) }), let last = words.popFirst() else {
                    return nil
                }
                if let length = UInt8(last) {
                    persistence = .init(timeout: .seconds(Int64(seconds)), granularity: .prefixLength(length))
                } else if case .v4(let mask)? = IPAddress(String(last)) {
                    persistence = .init(timeout: .seconds(Int64(seconds)), granularity: .mask(mask))
                } else {
                    return nil
                }
            default: return nil
            }
        }
    }
}
