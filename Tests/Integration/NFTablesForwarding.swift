import Balancing
import Configuration
import DataPlanes
import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

private func key(_ port: UInt16 = 80) -> ServiceKey { .address(BalancedScene.service, port: port, .tcp) }

private func service(
    _ key: ServiceKey = key(), _ scheduler: VirtualServer.Scheduler = .roundRobin, _ weights: [UInt32] = [1, 1, 1]
) -> ForwardingService {
    var service = ForwardingService(
        key,
        weights.enumerated().map {
            let address =
                key.family == .ipv4 ? BalancedScene.server($0.offset) : BalancedScene.serverIPv6($0.offset)
            return Destination(address, port: 80, weight: $0.element)
        })
    service.scheduler = scheduler
    return service
}

/// What `aloft`'s plane does to real connections, with `nft` and the kernel as witnesses.
extension OnTheKernel {
    @Suite("Forwarding by nftables", .needsRoot) struct NFTablesForwarding {
        let scene: BalancedScene

        init() throws { scene = try BalancedScene() }

        private func plane() throws -> NFTablesPlane {
            try scene.inside(scene.director) { () throws(SystemError) in try NFTablesPlane() }
        }

        @Test("takes servers by turns, by weight, by client, and keeps a client for a while") func schedulers() throws {
            defer { scene.close() }
            var plane = try plane()
            var kept = service(key(83))
            kept.persistence = .init(timeout: .seconds(60), granularity: .mask(IPv4Address(255, 255, 255, 255)))
            let refused = try plane.apply([
                .addService(service()), .addService(service(key(81), .weightedRoundRobin, [1, 2, 3])),
                .addService(service(key(82), .sourceHash)), .addService(kept),
                .addService(service(key(84), .weightedFailover, [1, 3, 2])),
            ])
            #expect(refused == [])
            #expect(try scene.spread(30) == [10, 10, 10])
            #expect(try scene.spread(30, port: 81) == [5, 10, 15])
            #expect(try scene.spread(12, port: 82).filter { $0 == 12 }.count == 1)
            #expect(try scene.spread(12, port: 83).filter { $0 == 12 }.count == 1)
            #expect(try scene.spread(5, port: 84) == [0, 5, 0])

            // Another client is another client.
            for last in 50..<60 { try scene.client.ip("addr add 10.78.1.\(last)/24 dev eth0") }
            for port in [UInt16(82), 83] {
                var servers: Set<Int> = []
                for last in 50..<60 {
                    let counts = try scene.spread(3, port: port, source: IPAddress("10.78.1.\(last)"))
                    #expect(counts.filter { $0 == 3 }.count == 1)
                    if let server = counts.firstIndex(of: 3) { servers.insert(server) }
                }
                #expect(servers.count > 1, "all clients of port \(port) got one server")
            }
        }

        @Test("a kept client stays with a server of weight 0, and draws again when its server has gone")
        func keptClients()
            throws
        {
            defer { scene.close() }
            var plane = try plane()
            var kept = service()
            kept.persistence = .init(timeout: .seconds(60), granularity: .mask(IPv4Address(255, 255, 255, 255)))
            #expect(try plane.apply([.addService(kept)]) == [])
            let server = try #require(try scene.spread(3).firstIndex(of: 3))
            try scene.client.ip("addr add 10.78.1.50/24 dev eth0")
            let other = IPAddress("10.78.1.50")

            let quiet = Destination(BalancedScene.server(server), port: 80, weight: 0)
            #expect(try plane.apply([.editDestination(key(), quiet)]) == [])
            #expect(try scene.spread(3)[server] == 3)
            #expect(try scene.spread(3, source: other)[server] == 0)

            #expect(try plane.apply([.removeDestination(key(), quiet.key)]) == [])
            let after = try scene.spread(6)
            #expect(after[server] == 0 && after.contains(6))
        }

        @Test("balances IPv6, firewall marks, all ports, and the director's own connections") func otherKeys() throws {
            defer { scene.close() }
            var plane = try plane()
            var anyPort = service(.address(BalancedScene.service, port: 0, .tcp))
            for destination in anyPort.destinations {
                anyPort[destination.key] = nil
                let address = destination.key.address
                anyPort[DestinationKey(address, port: 0)] = Destination(address, port: 0)
            }
            let refused = try plane.apply([
                .addService(service(.address(BalancedScene.serviceIPv6, port: 80, .tcp))),
                .addService(service(.address(BalancedScene.serviceIPv6, port: 81, .tcp), .sourceHash)),
                .addService(anyPort), .addService(service(.mark(5, .ipv4), .weightedFailover, [1, 1, 9])),
            ])
            #expect(refused == [])
            #expect(try scene.spread(9, to: BalancedScene.serviceIPv6) == [3, 3, 3])
            #expect(try scene.spread(9, to: BalancedScene.serviceIPv6, port: 81).filter { $0 == 9 }.count == 1)
            #expect(try scene.spread(9) == [3, 3, 3])
            // Port 99 stays 99, and there nobody listens.
            #expect(try scene.connect(port: 99) == nil && scene.lastErrno == ECONNREFUSED)
            var own = [0, 0, 0]
            for _ in 0..<9 {
                let connection = try #require(try scene.connect(from: scene.director))
                own[connection.number] += 1
                connection.close()
            }
            #expect(own == [3, 3, 3])
            try scene.director.run([
                "nft",
                "table ip test { chain c { type filter hook prerouting priority mangle; tcp dport 7000 meta mark set 5; }; }",
            ])
            #expect(try scene.spread(3, port: 7000) == [0, 0, 3])
        }

        @Test("weight 0 keeps what is open, removal drops it") func draining() throws {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service())]) == [])
            let connections = try (0..<3).map { _ in try #require(try scene.connect()) }
            #expect(Set(connections.map(\.number)) == [0, 1, 2])
            let statistics = try plane.statistics()
            #expect(statistics.first?.destinations.map(\.statistics.active) == [1, 1, 1])
            #expect(statistics.first?.counters.connections == 3)

            let first = try #require(connections.first { $0.number == 0 })
            let second = try #require(connections.first { $0.number == 1 })
            let quiet = Destination(BalancedScene.server(0), port: 80, weight: 0)
            #expect(try plane.apply([.editDestination(key(), quiet)]) == [])
            #expect(first.works())
            #expect(try scene.spread(8) == [0, 4, 4])

            #expect(try plane.apply([.removeDestination(key(), quiet.key)]) == [])
            #expect(!first.works())
            #expect(second.works())
            #expect(try plane.apply([.removeService(key())]) == [])
            #expect(!second.works())
        }

        @Test("what goes together loses its connections, of both families, and others keep theirs") func removals()
            throws
        {
            defer { scene.close() }
            var plane = try plane()
            let ipv6 = ServiceKey.address(BalancedScene.serviceIPv6, port: 80, .tcp)
            let keys = [key(), key(81), ipv6]
            #expect(try plane.apply(keys.map { .addService(service($0)) } + [.addService(service(key(82)))]) == [])
            let going = try [
                #require(try scene.connect()), #require(try scene.connect(port: 81)),
                #require(try scene.connect(to: BalancedScene.serviceIPv6)),
            ]
            let staying = try #require(try scene.connect(port: 82))
            #expect((going + [staying]).allSatisfy { $0.works() })
            #expect(
                try plane.statistics().map { $0.destinations.compactMap(\.statistics.active).reduce(0, +) } == [
                    1, 1, 1, 1,
                ])
            #expect(try plane.apply(keys.map { .removeService($0) }) == [])
            #expect(going.allSatisfy { !$0.works() })
            #expect(staying.works())

            // One alone, of the other family.
            #expect(try plane.apply([.addService(service(ipv6))]) == [])
            let again = try #require(try scene.connect(to: BalancedScene.serviceIPv6))
            let server = DestinationKey(BalancedScene.serverIPv6(again.number), port: 80)
            #expect(try plane.apply([.removeDestination(ipv6, server)]) == [])
            #expect(!again.works() && staying.works())
        }

        @Test("a service without servers is refused, as ip_vs does it") func noServers() throws {
            defer { scene.close() }
            var plane = try plane()
            let ipv6 = ServiceKey.address(BalancedScene.serviceIPv6, port: 80, .tcp)
            #expect(
                try plane.apply([
                    .addService(service(key(), .roundRobin, [0, 0])), .addService(service(ipv6, .roundRobin, [])),
                ]) == [])
            for address in [BalancedScene.service, BalancedScene.serviceIPv6] {
                #expect(try scene.connect(to: address) == nil && scene.lastErrno == ECONNREFUSED)
            }
            #expect(try plane.apply([.addDestination(key(), Destination(BalancedScene.server(2), port: 80))]) == [])
            #expect(try scene.spread(3) == [0, 0, 3])
        }

        @Test("a successor adopts the table without touching it") func adoption() throws {
            defer { scene.close() }
            var kept = service(key(83), .weightedLeastConnections, [1, 5, 0])
            kept.persistence = .init(timeout: .seconds(60), granularity: .mask(IPv4Address(255, 255, 255, 0)))
            let ipv6 = service(.address(BalancedScene.serviceIPv6, port: 80, .tcp))
            let table = ForwardingTable([
                service(), kept, ipv6, service(key(84), .roundRobin, []), service(.mark(9, .ipv4)),
                service(key(85), .maglevHash),
            ])
            var first = try plane()
            #expect(try first.apply(ForwardingTable().changes(to: table)) == [])
            #expect(try !first.mayHaveChanged())
            let connection = try #require(try scene.connect())
            let before = try scene.director.run(["nft", "list", "ruleset"])

            var second = try plane()
            #expect(try second.read() == table)
            #expect(try second.apply(try second.read().changes(to: table)) == [])
            #expect(try !second.mayHaveChanged())
            #expect(try !first.mayHaveChanged())
            #expect(try scene.director.run(["nft", "list", "ruleset"]) == before)
            #expect(connection.works())

            // It knows whose connections are whose.
            #expect(try second.apply([.removeService(key())]) == [])
            #expect(!connection.works())
            #expect(try first.mayHaveChanged())
        }

        @Test("someone else's flush is seen and repaired") func foreignFlush() throws {
            defer { scene.close() }
            var plane = try plane()
            let table = ForwardingTable([service(), service(key(81), .sourceHash)])
            #expect(try plane.apply(ForwardingTable().changes(to: table)) == [])
            #expect(try plane.read() == table)
            let connection = try #require(try scene.connect())

            try scene.director.run(["nft", "add", "table", "ip", "another"])
            #expect(try !plane.mayHaveChanged())
            try scene.director.run(["nft", "flush", "ruleset"])
            #expect(try plane.mayHaveChanged())
            #expect(try plane.read() == ForwardingTable())
            #expect(try plane.apply(try plane.read().changes(to: table)) == [])
            #expect(try plane.read() == table)
            #expect(try scene.spread(9) == [3, 3, 3])
            // It has the mark that it had.
            #expect(connection.works())
            #expect(try plane.apply([.removeService(key())]) == [])
            #expect(!connection.works())

            // Without a look first: what is known to be wanted comes back too.
            try scene.director.run(["nft", "flush", "ruleset"])
            #expect(try plane.apply([.addService(service())]) == [])
            #expect(try plane.read() == table)
            #expect(try scene.spread(9) == [3, 3, 3])

            // Something stands in the way.
            try scene.director.run([
                "nft", "add element ip aloft services { \(BalancedScene.service) . tcp . 85 : 0x1 }",
            ])
            #expect(try plane.apply([.addService(service(key(85)))]) == [])
            #expect(try scene.spread(9, port: 85) == [3, 3, 3])
            #expect(try plane.apply([.removeService(key(85))]) == [])

            // A part of a service is not the service.
            try scene.director.run(["nft", "flush", "map", "ip", "aloft", "slots"])
            #expect(try plane.mayHaveChanged())
            #expect(try plane.read() == ForwardingTable())
            #expect(try plane.apply(try plane.read().changes(to: table)) == [])
            #expect(try scene.spread(9) == [3, 3, 3])
        }

        @Test("what it cannot do comes back with a reason, and the rest is done") func refusals() throws {
            defer { scene.close() }
            var plane = try plane()
            let direct = Destination(BalancedScene.server(1), port: 80, forwarding: .tunnel(Tunnel()))
            let refused = try plane.apply([
                .addService(service(key(), .roundRobin, [1])), .addDestination(key(), direct),
                .addService(service(key(81), .localityLeastConnections)),
                .addDestination(key(82), Destination(BalancedScene.server(1), port: 80)),
            ])
            #expect(refused.map(\.change.service) == [key(), key(81), key(82)])
            #expect(refused.allSatisfy { !$0.reason.isEmpty })
            #expect(try scene.spread(3) == [3, 0, 0])
        }

        @Test("nft can list it, and counts what passed") func listing() throws {
            defer { scene.close() }
            var plane = try plane()
            var kept = service(key(83))
            kept.persistence = .init(timeout: .seconds(60), granularity: .mask(IPv4Address(255, 255, 255, 0)))
            let ipv6 = service(.address(BalancedScene.serviceIPv6, port: 80, .tcp), .sourceHash)
            #expect(
                try plane.apply([
                    .addService(service(key(), .weightedRoundRobin)), .addService(kept), .addService(ipv6),
                ]) == [])
            #expect(try scene.spread(6, port: 83).reduce(0, +) == 6)
            let text = try scene.director.run(["nft", "list", "ruleset"])
            for expected in [
                "10.78.1.100 . tcp . 80 comment \"wrr\"", "10.78.2.10 . 80", "fd00:78:2::a . 80",
                "comment \"weight 1\"",
            ] {
                #expect(text.contains(expected), "\(expected) is not in \(text)")
            }
            // What JSON has no word for (`update` of a map), 1.0.6 says on the side, in text.
            let json = try scene.director.run(["sh", "-c", "nft -j list ruleset 2>/dev/null"])
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            #expect((object?["nftables"] as? [Any])?.isEmpty == false)
            let counters = try #require(try plane.statistics().first { $0.key == key(83) }).counters
            #expect(counters.connections == 6 && counters.packetsIn >= 18 && counters.bytesOut > 0)
        }
    }
}
