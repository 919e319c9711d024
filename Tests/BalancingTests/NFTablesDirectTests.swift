import Configuration
import Primitives
import Testing

@testable import Balancing
@testable import Netlink

/// A table of services by direct routing, and networks in which most of their servers are neighbours.
private func draw(
    _ random: inout SplitMix64, _ family: AddressFamily
) -> (table: ForwardingTable, network: NFTablesNetwork) {
    var table = ForwardingTable()
    var network = NFTablesNetwork()
    for service in NFTablesStateTests.draw(&random, family).services {
        if case .mark = service.key { continue }
        if service.destinations.isEmpty { continue }
        table[service.key] = service
        for var destination in service.destinations {
            destination.forwarding = .directRouting
            table.apply([.editDestination(service.key, destination)])
            let ways: [NFTablesNetwork.Way] = [
                .neighbour(InterfaceIndex(2)), .neighbour(InterfaceIndex(2)), .neighbour(InterfaceIndex(3)), .local,
                .none,
            ]
            network.ways[destination.key.address] =
                network.ways[destination.key.address] ?? ways.randomElement(using: &random)
        }
    }
    for name in ["eth0", "eth1", "tun0"] where Bool.random(using: &random) {
        network.devices.insert(.init(name, isEthernet: name != "tun0"))
    }
    return (table, network)
}

private func write(
    _ state: inout NFTablesState, _ desired: ForwardingTable, _ network: NFTablesNetwork, _ kernel: inout TableKernel
) -> Int {
    var batch = NFTablesBatch(sequence: 1)
    let keys = Set(state.forwarding.services.map(\.key) + desired.services.map(\.key)).sorted()
    _ = state.write(keys, of: desired, network: network, into: &batch)
    let count = batch.count
    kernel.take(batch)
    return count
}

private func direct(
    _ scheduler: VirtualServer.Scheduler, _ weights: [UInt32], flags: VirtualServer.SchedulerFlags = [],
    kept: Bool = false
) -> ForwardingService {
    var service = ForwardingService(
        .address(.v4(IPv4Address(10, 0, 0, 1)), port: 80, .tcp),
        weights.enumerated().map {
            Destination(
                .v4(IPv4Address(10, 1, 0, UInt8($0.offset))), port: 80, weight: $0.element, forwarding: .directRouting)
        })
    service.scheduler = scheduler
    service.schedulerFlags = flags
    if kept {
        service.persistence = .init(timeout: .seconds(300), granularity: .mask(IPv4Address(255, 255, 255, 255)))
    }
    return service
}

@Suite struct NFTablesDirectTests {
    @Test(arguments: [AddressFamily.ipv4, .ipv6])
    func aSuccessorReadsWhatWasWrittenAndHasNothingToDo(_ family: AddressFamily) {
        var random = SplitMix64(seed: 11)
        var kernel = TableKernel()
        var state = NFTablesState(family, .direct)
        for _ in 0..<300 {
            let (desired, network) = draw(&random, family)
            _ = write(&state, desired, network, &kernel)
            #expect(kernel.refusals == [])
            #expect(state.forwarding == desired)
            #expect(!state.lags(behind: network))
            #expect(kernel.chains.isEmpty == desired.services.isEmpty, "a table without services stays")
            let hooked = kernel.chains.filter { $0.hasPrefix("ingress-") }
            if !desired.services.isEmpty {
                #expect(hooked == Set(network.devices.map { "ingress-" + $0.name }))
            }
            var successor = NFTablesState(kernel.listing(family, .direct), network)
            #expect(successor.forwarding == desired)
            #expect(write(&successor, desired, network, &kernel) == 0)
        }
    }

    @Test func serversThatMoveToAnotherInterfaceAreFollowedWithTheirNumbers() throws {
        let table = ForwardingTable([direct(.roundRobin, [1, 1, 1])])
        var network = NFTablesNetwork()
        network.devices = [.init("eth0")]
        for destination in table.services[0].destinations {
            network.ways[destination.key.address] = .neighbour(InterfaceIndex(2))
        }
        var kernel = TableKernel()
        var state = NFTablesState(.ipv4, .direct)
        _ = write(&state, table, network, &kernel)
        let owners = kernel.elements["owners"]
        #expect(kernel.elements["links"]?.count == 3)

        let moved = table.services[0].destinations[1].key.address
        network.ways[moved] = .neighbour(InterfaceIndex(9))
        #expect(state.lags(behind: network))
        var batch = NFTablesBatch(sequence: 2)
        _ = state.write([], of: table, network: network, into: &batch)
        #expect(batch.count == 2, "one element goes, another comes")
        kernel.take(batch)

        network.ways[moved] = NFTablesNetwork.Way.none
        network.devices = [.init("eth0"), .init("ppp0", isEthernet: false)]
        _ = write(&state, table, network, &kernel)
        #expect(kernel.refusals == [])
        #expect(kernel.elements["links"]?.count == 2 && kernel.elements["owners"] == owners)
        let slots = try #require(kernel.elements["slots"]?.values)
        let mark = NFTablesMark.bytes(
            try #require(state.mark(of: DestinationKey(moved, port: 80), in: table.services[0].key)))
        #expect(!slots.contains { $0.value == .data(mark) }, "nobody can reach it")
        #expect(state.forwarding == table)
    }

    @Test func whatSomeoneTookAwayIsSeen() {
        var network = NFTablesNetwork()
        network.devices = [.init("eth0"), .init("eth1")]
        let table = ForwardingTable([direct(.roundRobin, [1, 1])])
        var kernel = TableKernel()
        var state = NFTablesState(.ipv4, .direct)
        _ = write(&state, table, network, &kernel)
        kernel.chains.remove("ingress-eth1")
        kernel.rules["ingress-eth1"] = nil
        let seen = NFTablesState(kernel.listing(.ipv4, .direct), network)
        #expect(seen.forwarding == table && seen.lags(behind: network) && seen.unhooked(of: network) == ["eth1"])
        kernel.rules["ingress-eth0"] = []
        var ruin = NFTablesState(kernel.listing(.ipv4, .direct), network)
        #expect(ruin.forwarding == ForwardingTable())
        ruin.remember(state)
        _ = write(&ruin, table, network, &kernel)
        #expect(kernel.refusals == [])
        #expect(NFTablesState(kernel.listing(.ipv4, .direct), network).forwarding == table)
    }

    @Test func aServiceGoesFromOneTableToTheOther() {
        let key = ServiceKey.address(.v4(IPv4Address(10, 0, 0, 1)), port: 80, .tcp)
        let before = ForwardingTable([direct(.roundRobin, [1, 1])])
        var after = before
        for var destination in before.services[0].destinations {
            destination.forwarding = .nat
            after.apply([.editDestination(key, destination)])
        }
        var states = [NFTablesState(.ipv4), NFTablesState(.ipv4, .direct)]
        var gone: [[UInt32]] = []
        for table in [before, after, before] {
            var batch = NFTablesBatch(sequence: 1)
            for index in states.indices {
                let isDirect = index == 1
                gone.append(states[index].write([key], of: table, where: { $0.isDirect == isDirect }, into: &batch))
            }
            #expect(states.map { $0.forwarding == table }.count { $0 } == 1)
        }
        #expect(gone.map(\.count) == [0, 0, 0, 2, 2, 0], "connections of the table that lost it")
    }

    @Test func slotsFollowSchedulerAndWeights() {
        func shares(_ service: ForwardingService) -> [Int] {
            let slots = NFTablesSlots(service)
            return service.destinations.indices.map { server in slots.servers.count { $0 == server } }
        }
        #expect(shares(direct(.roundRobin, [1, 7, 0])) == [255, 254, 0])
        #expect(shares(direct(.weightedLeastConnections, [1, 1, 2])) == [127, 127, 255])
        #expect(shares(direct(.weightedFailover, [1, 3, 2])) == [0, 1, 0])
        #expect(NFTablesSlots(direct(.weightedRoundRobin, [1])).kind == .sourcePort)
        #expect(NFTablesSlots(direct(.weightedRoundRobin, [1], kept: true)).kind == .source)
        #expect(NFTablesSlots(direct(.sourceHash, [1])).kind == .source)
        #expect(NFTablesSlots(direct(.maglevHash, [1], flags: .second)).kind == .sourcePort)
        #expect(NFTablesSlots(direct(.destinationHash, [1])).kind == .destination)
    }
}
