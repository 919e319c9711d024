import Configuration
import Primitives
import Testing

@testable import Balancing
@testable import Netlink

/// A kernel that keeps elements, chains and rules as a batch says, and refuses what nf_tables refuses of them.
struct TableKernel {
    var elements: [String: [[UInt8]: NFTablesElement]] = [:]
    var chains: Set<String> = []
    var rules: [String: [String]] = [:]
    var refusals: [String] = []

    mutating func take(_ batch: consuming NFTablesBatch) {
        var bytes = batch.finish()
        var offset = 0
        while offset < bytes.count {
            let type = bytes.span.bytes.hostUInt16(at: offset + 4) ?? 0
            let length = Int(bytes.span.bytes.hostUInt32(at: offset) ?? 16)
            if type == NFTablesType.deleteTable { (elements, chains, rules) = ([:], [], [:]) }
            // A removal reads like an addition.
            if type == NFTablesType.deleteElement { bytes[offset + 4] = 12 }
            if type == NFTablesType.deleteChain { bytes[offset + 4] = 3 }
            var walk = NetlinkMessages()
            walk.offset = offset
            if let message = walk.next(in: bytes.span.bytes),
                let record = NFTablesRecord(message, in: bytes.span.bytes)
            {
                take(record, removes: type == NFTablesType.deleteElement || type == NFTablesType.deleteChain)
            }
            offset += aligned(max(length, 16))
        }
    }

    private mutating func take(_ record: NFTablesRecord, removes: Bool) {
        switch record {
        case .chain(_, let name):
            if removes {
                if chains.remove(name) == nil { refusals.append("no chain \(name)") }
                rules[name] = nil
            } else {
                chains.insert(name)
            }
        case .rule(_, let chain, let comment):
            if !chains.contains(chain) { refusals.append("no chain \(chain)") }
            rules[chain, default: []].append(comment)
        case .elements(_, let set, let list):
            for element in list.map(\.element) {
                let stands = elements[set, default: [:]][element.key]
                if removes {
                    if stands == nil { refusals.append("\(set) has no \(element.key)") }
                    elements[set]?[element.key] = nil
                } else {
                    if let stands, stands != element { refusals.append("\(set) has another \(element.key)") }
                    elements[set, default: [:]][element.key] = element
                }
            }
        default: break
        }
    }

    func listing(_ family: AddressFamily, _ path: NFTablesPath = .translated) -> NFTablesListing {
        var listing = NFTablesListing(family, path)
        for chain in chains { listing.add(.chain(listing.table, name: chain)) }
        for (chain, comments) in rules {
            for comment in comments { listing.add(.rule(listing.table, chain: chain, comment: comment)) }
        }
        for (set, list) in elements {
            listing.add(.elements(listing.table, set: set, list.values.map { NFTablesListedElement(element: $0) }))
        }
        return listing
    }
}

private func service(
    _ scheduler: VirtualServer.Scheduler, _ weights: [UInt32], flags: VirtualServer.SchedulerFlags = []
) -> ForwardingService {
    var service = ForwardingService(
        .address(.v4(IPv4Address(10, 0, 0, 1)), port: 80, .tcp),
        weights.enumerated().map {
            Destination(.v4(IPv4Address(10, 1, 0, UInt8($0.offset))), port: 80, weight: $0.element)
        })
    service.scheduler = scheduler
    service.schedulerFlags = flags
    return service
}

/// How many slots each server has.
private func shares(_ service: ForwardingService) -> [Int] {
    let slots = NFTablesSlots(service)
    return service.destinations.indices.map { server in slots.servers.count { $0 == server } }
}

@Suite struct NFTablesSlotTests {
    @Test func serversGetSlotsByTheirSchedulerAndTheirWeight() {
        #expect(shares(service(.roundRobin, [1, 5, 3])) == [1, 1, 1])
        #expect(shares(service(.leastConnections, [1, 0, 3])) == [1, 0, 1])
        #expect(shares(service(.weightedRoundRobin, [1, 2, 3])) == [1, 2, 3])
        #expect(shares(service(.weightedLeastConnections, [100, 200, 300])) == [1, 2, 3])
        #expect(shares(service(.weightedRoundRobin, [1000, 1, 1])) == [126, 1, 1])
        #expect(shares(service(.weightedFailover, [1, 7, 7])) == [0, 1, 0])
        #expect(shares(service(.roundRobin, [0, 0])) == [0, 0])
        #expect(shares(service(.sourceHash, [1, 1, 2])) == [63, 63, 125])
    }

    @Test func turnsOfOneServerAreSpreadOut() {
        #expect(NFTablesSlots(service(.weightedRoundRobin, [1, 2, 1])).servers.count == 4)
        let four = MaglevTable.interleaved([2, 4, 2])
        #expect(zip(four, four.dropFirst()).count { $0 == $1 } <= 1)
    }

    @Test func whatIsHashedFollowsTheFlags() {
        #expect(NFTablesSlots(service(.sourceHash, [1])).kind == .source)
        #expect(NFTablesSlots(service(.maglevHash, [1], flags: .second)).kind == .sourcePort)
        #expect(NFTablesSlots(service(.destinationHash, [1])).kind == .destination)
    }

    /// A server that leaves takes its own slots along, and few others.
    @Test func fewClientsMoveWhenAServerLeaves() {
        let before = NFTablesSlots(service(.maglevHash, [1, 1, 1, 1, 1])).servers
        let after = NFTablesSlots(service(.maglevHash, [1, 1, 0, 1, 1])).servers
        let moved = zip(before, after).count { $0 != 2 && $0 != $1 }
        #expect(!after.contains(2))
        #expect(moved * 5 < before.count, "\(moved) of \(before.count) slots moved although their server stayed")
    }
}

@Suite struct NFTablesStateTests {
    static let schedulers: [VirtualServer.Scheduler] = [
        .roundRobin, .weightedRoundRobin, .sourceHash, .weightedFailover,
    ]

    /// Any table of a few services.
    static func draw(_ random: inout SplitMix64, _ family: AddressFamily) -> ForwardingTable {
        func address(_ last: UInt64) -> IPAddress {
            family == .ipv4 ? .v4(IPv4Address(bits: UInt32(last))) : .v6(IPv6Address(high: 1, low: last))
        }
        var services: [ForwardingService] = []
        for number in 0..<UInt64(6) where Bool.random(using: &random) {
            let key: ServiceKey =
                number == 5 ? .mark(7, family) : .address(address(number), port: number == 4 ? 0 : 80, .tcp)
            var service = ForwardingService(key)
            service.scheduler = Self.schedulers.randomElement(using: &random) ?? .roundRobin
            if Bool.random(using: &random) {
                service.persistence = .init(
                    timeout: .seconds(300),
                    granularity: family == .ipv4 ? .mask(IPv4Address(255, 255, 255, 0)) : .prefixLength(64))
            }
            for last in UInt64(100)..<104 where Bool.random(using: &random) {
                let destination = Destination(
                    address(last), port: number == 4 ? 0 : 80, weight: UInt32.random(in: 0...2, using: &random))
                service[destination.key] = destination
            }
            services.append(service)
        }
        return ForwardingTable(services)
    }

    private static func write(_ state: inout NFTablesState, _ desired: ForwardingTable, _ kernel: inout TableKernel)
        -> Int
    {
        var batch = NFTablesBatch(sequence: 1)
        let keys = Set(state.forwarding.services.map(\.key) + desired.services.map(\.key)).sorted()
        _ = state.write(keys, of: desired, into: &batch)
        let count = batch.count
        kernel.take(batch)
        return count
    }

    @Test(arguments: [AddressFamily.ipv4, .ipv6])
    func aSuccessorReadsWhatWasWrittenAndHasNothingToDo(_ family: AddressFamily) {
        var random = SplitMix64(seed: 3)
        var kernel = TableKernel()
        var state = NFTablesState(family)
        for _ in 0..<300 {
            let desired = Self.draw(&random, family)
            _ = Self.write(&state, desired, &kernel)
            #expect(kernel.refusals == [])
            #expect(state.forwarding == desired)
            if kernel.chains.isEmpty { continue }
            var successor = NFTablesState(kernel.listing(family))
            #expect(successor.forwarding == desired)
            #expect(Self.write(&successor, desired, &kernel) == 0)
        }
    }

    @Test func aServiceThatSomeoneDamagedIsSeenAsGoneAndIsMadeWhole() {
        var random = SplitMix64(seed: 5)
        var damaged = 0
        for _ in 0..<200 {
            let desired = Self.draw(&random, .ipv4)
            var kernel = TableKernel()
            var state = NFTablesState(.ipv4)
            _ = Self.write(&state, desired, &kernel)
            guard let map = ["slots", "owners", "endpoints", "draws", "services"].randomElement(using: &random),
                let key = kernel.elements[map]?.keys.sorted(by: { $0.lexicographicallyPrecedes($1) })
                    .randomElement(using: &random)
            else { continue }
            damaged += 1
            kernel.elements[map]?[key] = nil
            var successor = NFTablesState(kernel.listing(.ipv4))
            successor.remember(state)
            #expect(successor.forwarding != desired)
            _ = Self.write(&successor, desired, &kernel)
            #expect(kernel.refusals == [])
            #expect(NFTablesState(kernel.listing(.ipv4)).forwarding == desired)
        }
        #expect(damaged > 50)
    }

    @Test func aTableWithoutItsRulesIsMadeAnew() {
        var random = SplitMix64(seed: 6)
        var desired = Self.draw(&random, .ipv4)
        while desired.services.isEmpty { desired = Self.draw(&random, .ipv4) }
        var kernel = TableKernel()
        var state = NFTablesState(.ipv4)
        _ = Self.write(&state, desired, &kernel)
        kernel.rules["select"] = []
        var successor = NFTablesState(kernel.listing(.ipv4))
        #expect(successor.forwarding == ForwardingTable())
        successor.remember(state)
        _ = Self.write(&successor, desired, &kernel)
        #expect(kernel.refusals == [])
        let service = desired.services[0]
        for destination in service.destinations {
            #expect(
                successor.mark(of: destination.key, in: service.key) == state.mark(of: destination.key, in: service.key)
            )
        }
        #expect(NFTablesState(kernel.listing(.ipv4)).forwarding == desired)
    }

    @Test func aWeightTouchesOnlyItsService() {
        var table = ForwardingTable([service(.weightedRoundRobin, [1, 1, 1])])
        var other = service(.roundRobin, [1, 1])
        other.key = .address(.v4(IPv4Address(10, 0, 0, 2)), port: 80, .tcp)
        table[other.key] = other
        var kernel = TableKernel()
        var state = NFTablesState(.ipv4)
        _ = Self.write(&state, table, &kernel)
        let before = kernel.elements
        let key = table.services[0].key
        var changed = table.services[0].destinations[0]
        changed.weight = 2
        table.apply([.editDestination(key, changed)])
        _ = Self.write(&state, table, &kernel)
        let ownMark = state.mark(of: changed.key, in: key)
        for destination in other.destinations {
            let mark = NFTablesMark.bytes(state.mark(of: destination.key, in: other.key) ?? 0)
            #expect(kernel.elements["owners"]?[mark] == before["owners"]?[mark])
        }
        #expect(ownMark != nil && kernel.elements["endpoints"] == before["endpoints"])
        #expect(kernel.elements["slots"]?.count == 6)
    }

    @Test func theServersOfWhatIsRemovedAreNamedByTheirMarks() {
        let table = ForwardingTable([service(.roundRobin, [1, 1, 0])])
        var state = NFTablesState(.ipv4)
        var kernel = TableKernel()
        _ = Self.write(&state, table, &kernel)
        let key = table.services[0].key
        let marks = table.services[0].destinations.compactMap { state.mark(of: $0.key, in: key) }
        var batch = NFTablesBatch(sequence: 2)
        #expect(state.write([key], of: ForwardingTable(), into: &batch) == marks.sorted())
        kernel.take(batch)
        for (map, elements) in kernel.elements where !["choices", "transports", "numbers"].contains(map) {
            #expect(elements.isEmpty, "left in \(map)")
        }
    }

    @Test func whatNftablesCannotDoIsRefusedWithAReason() {
        #expect(service(.roundRobin, [1]).refusalByNFTables == nil)
        #expect(service(.localityLeastConnections, [1]).refusalByNFTables != nil)
        var odd = service(.roundRobin, [1])
        odd.onePacket = true
        #expect(odd.refusalByNFTables != nil)
        odd = service(.roundRobin, [])
        let server = DestinationKey(.v4(IPv4Address(10, 1, 0, 1)), port: 80)
        odd[server] = Destination(server.address, port: 80, forwarding: .tunnel(Tunnel()))
        #expect(odd.refusalByNFTables != nil)
        odd[server]?.forwarding = .directRouting
        #expect(odd.refusalByNFTables == nil)
        odd[DestinationKey(server.address, port: 81)] = Destination(server.address, port: 81)
        #expect(odd.refusalByNFTables?.contains("not by both") == true)
        odd = ForwardingService(.mark(5, .ipv4), [Destination(server.address, port: 80, forwarding: .directRouting)])
        #expect(odd.refusalByNFTables?.contains("mark") == true)
        odd = service(.roundRobin, [])
        let key = DestinationKey(.v6(IPv6Address(high: 1, low: 1)), port: 80)
        odd[key] = Destination(key.address, port: 80)
        #expect(odd.refusalByNFTables != nil)
    }
}
