import Balancing
import Configuration
import DataPlanes
import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

private let key = ServiceKey.address(DirectScene.service, port: 80, .tcp)
private let keyIPv6 = ServiceKey.address(DirectScene.serviceIPv6, port: 80, .tcp)

private func destination(_ number: Int, _ family: AddressFamily = .ipv4, weight: UInt32 = 1) -> Destination {
    Destination(
        family == .ipv4 ? DirectScene.server(number) : DirectScene.serverIPv6(number), port: 80, weight: weight,
        forwarding: .directRouting)
}

private func service(
    _ key: ServiceKey = key, _ scheduler: VirtualServer.Scheduler = .weightedLeastConnections,
    _ weights: [UInt32] = [1, 1, 1]
) -> ForwardingService {
    var service = ForwardingService(
        key, weights.enumerated().map { destination($0.offset, key.family, weight: $0.element) })
    service.scheduler = scheduler
    return service
}

/// What `aloft`'s plane does to real connections by direct routing, with `nft` and the kernel as witnesses.
extension OnTheKernel {
    @Suite("Direct routing by nftables", .needsRoot) struct NFTablesDirect {
        let scene: DirectScene

        init() throws { scene = try DirectScene() }

        private func plane() throws -> NFTablesPlane {
            try scene.inside(scene.director) { () throws(SystemError) in try NFTablesPlane() }
        }

        /// The counters of a service, once they satisfy `isReached`: packets may still be on their way when whoever sent them goes on.
        private func statistics(
            of key: ServiceKey, _ plane: inout NFTablesPlane, until isReached: (ServiceStatistics) -> Bool
        ) throws -> ServiceStatistics {
            let deadline = LabClock.now() + .seconds(5)
            while true {
                let statistics = try #require(try plane.statistics().first { $0.key == key })
                if isReached(statistics) || LabClock.now() > deadline { return statistics }
                usleep(10_000)
            }
        }

        private func nft(_ arguments: String...) throws -> String { try scene.director.run(["nft"] + arguments) }

        @Test("spreads connections by weight, IPv4 and IPv6, and servers answer past the director") func spread() throws
        {
            defer { scene.close() }
            var plane = try plane()
            #expect(
                try plane.apply([
                    .addService(service()), .addService(service(keyIPv6, .weightedRoundRobin, [1, 1, 2])),
                ]) == [])
            for (address, weights) in [(DirectScene.service, [1, 1, 1]), (DirectScene.serviceIPv6, [1, 1, 2])] {
                let counts = try scene.spread(240, to: address)
                let part = 240 / weights.reduce(0, +)
                #expect(counts.reduce(0, +) == 240)
                // Four standard deviations.
                for (count, weight) in zip(counts, weights) { #expect(abs(count - part * weight) < 33, "\(counts)") }
            }
            // The client's frames go to the director, what comes back is the servers' own.
            let connection = try #require(try scene.connect())
            let neighbours = try scene.client.run(["ip", "neigh", "show", "\(DirectScene.service)"])
            let mac = try scene.director.run(["cat", "/sys/class/net/eth0/address"])
            #expect(neighbours.contains(mac.trimmingCharacters(in: .whitespacesAndNewlines)))
            #expect(connection.works())

            let statistics = try statistics(of: key, &plane) {
                $0.destinations.compactMap(\.statistics.inactive).reduce(0, +) == 240
            }
            #expect(statistics.counters.connections == 241 && statistics.counters.packetsOut == 0)
            #expect(statistics.counters.packetsIn > 241 * 3 && statistics.counters.bytesIn > 241 * 3 * 40)
            #expect(statistics.destinations.compactMap(\.statistics.active).reduce(0, +) == 1)
            #expect(statistics.destinations.compactMap(\.statistics.inactive).reduce(0, +) == 240)
        }

        @Test("a server that leaves takes its own connections along, and nobody else's") func leaving() throws {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service())]) == [])
            let connections = try scene.connections(36)
            #expect(Set(connections.map(\.number)) == [0, 1, 2])
            #expect(try plane.apply([.removeDestination(key, destination(1).key)]) == [])
            #expect(connections.filter { $0.number != 1 }.allSatisfy { $0.works() })
            #expect(try !#require(connections.first { $0.number == 1 }).works())
            let counts = try scene.spread(30)
            #expect(counts[1] == 0 && counts.reduce(0, +) == 30)
            // Back again: who went elsewhere meanwhile stays there.
            let others = try scene.connections(20)
            #expect(try plane.apply([.addDestination(key, destination(1))]) == [])
            #expect(others.allSatisfy { $0.works() })
            #expect(try scene.spread(60)[1] > 0)
        }

        @Test("weight 0 keeps what is open, and what has ended is not kept") func draining() throws {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service())]) == [])
            let connections = try scene.connections(40)
            #expect(try plane.apply([.editDestination(key, destination(0, weight: 0))]) == [])
            #expect(connections.allSatisfy { $0.works() })
            let counts = try scene.spread(40)
            #expect(counts[0] == 0 && counts.reduce(0, +) == 40)
            let open = connections.count { $0.number == 0 }
            func active(_ count: Int) throws -> UInt64? {
                func part(_ statistics: ServiceStatistics) -> UInt64? {
                    statistics.destinations.first { $0.key == destination(0).key }?.statistics.active
                }
                return part(try statistics(of: key, &plane) { part($0) == UInt64(count) })
            }
            #expect(try active(open) == UInt64(open))
            for connection in connections { connection.close() }
            #expect(try active(0) == 0)

            // No server at all: refused, as ip_vs does it.
            #expect(
                try plane.apply([1, 2].map { .editDestination(key, destination($0, weight: 0)) }) == [])
            #expect(try scene.connect() == nil && scene.lastErrno == ECONNREFUSED)
        }

        @Test("a port that is used again begins another connection, wherever the last one went") func portReuse() throws
        {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service())]) == [])
            let client = IPAddress("10.79.1.2")
            let first = try #require(try scene.connect(source: client, sourcePort: 5555))
            let weightless = destination(first.number, weight: 0)
            #expect(try plane.apply([.editDestination(key, weightless)]) == [])
            #expect(first.works())
            // The server ends it: the client's port is free at once.
            Glibc.close(first.server)
            #expect(ForwardingScene.waitFor(first.client, POLLIN))
            Glibc.close(first.client)
            let second = try #require(try scene.connect(source: client, sourcePort: 5555))
            #expect(second.number != first.number && second.works())
            // What does not begin a connection stays with it.
            #expect(try plane.apply([.editDestination(key, destination(first.number))]) == [])
            #expect(second.works())
        }

        @Test("packets that come in at a bridge are met at the bridge") func bridge() throws {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service())]) == [])
            let connections = try scene.connections(10)
            try scene.director.run(["ip", "link", "add", "br9", "type", "bridge"])
            try scene.director.run([
                "sh", "-c",
                """
                ip link set br9 address $(cat /sys/class/net/eth0/address) && ip link set eth0 master br9 && ip link set br9 up &&
                ip addr flush dev eth0 && ip addr add 10.79.1.1/24 dev br9 && ip addr add 10.79.1.100/32 dev br9
                """,
            ])
            if try plane.mayHaveChanged() { _ = try plane.read() }
            let text = try nft("list", "table", "netdev", "aloft")
            #expect(text.contains("ingress-br9") && !text.contains("ingress-eth0"))
            #expect(text.contains(": \"br9\""), "\(text)")
            #expect(connections.allSatisfy { $0.works() })
            #expect(try scene.spread(20).reduce(0, +) == 20)
        }

        @Test("another director with the same servers goes on with connections that it has never seen") func failover()
            throws
        {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service()), .addService(service(keyIPv6))]) == [])
            let connections = try scene.connections(30) + scene.connections(30, to: DirectScene.serviceIPv6)
            try scene.director.run(["nft", "flush", "ruleset"])
            let (read, table) = (try plane.read(), ForwardingTable([service(), service(keyIPv6)]))
            #expect(read == ForwardingTable())
            #expect(try plane.apply(read.changes(to: table)) == [])
            #expect(connections.allSatisfy { $0.works() })
        }

        @Test("clients are kept, by address or for a while") func keptClients() throws {
            defer { scene.close() }
            var plane = try plane()
            var kept = service()
            kept.persistence = .init(timeout: .seconds(60), granularity: .mask(IPv4Address(255, 255, 255, 255)))
            #expect(try plane.apply([.addService(kept), .addService(service(keyIPv6, .sourceHash))]) == [])
            #expect(try scene.spread(9, to: DirectScene.serviceIPv6).contains(9))
            let server = try #require(try scene.spread(9).firstIndex(of: 9))
            #expect(try plane.apply([.editDestination(key, destination(server, weight: 0))]) == [])
            #expect(try scene.spread(3)[server] == 3)
            for last in 50..<70 { try scene.client.ip("addr add 10.79.1.\(last)/24 dev eth0") }
            var servers: Set<Int> = []
            for last in 50..<70 {
                let counts = try scene.spread(3, source: IPAddress("10.79.1.\(last)"))
                #expect(counts[server] == 0 && counts.contains(3))
                servers.insert(counts.firstIndex(of: 3) ?? -1)
            }
            #expect(servers.count == 2)
            #expect(try plane.apply([.removeDestination(key, destination(server).key)]) == [])
            let counts = try scene.spread(3)
            #expect(counts[server] == 0 && counts.contains(3))
        }

        @Test("clients of one network that is kept together come to one server, on another director too")
        func keptNetworks() throws {
            defer { scene.close() }
            var plane = try plane()
            var kept = service()
            kept.persistence = .init(timeout: .seconds(60), granularity: .mask(IPv4Address(255, 255, 255, 0)))
            var keptIPv6 = service(keyIPv6)
            keptIPv6.persistence = .init(timeout: .seconds(60), granularity: .prefixLength(64))
            let table = ForwardingTable([kept, keptIPv6])
            #expect(try plane.apply(ForwardingTable().changes(to: table)) == [])
            let server = try #require(try scene.spread(3).firstIndex(of: 3))
            let serverIPv6 = try #require(try scene.spread(3, to: DirectScene.serviceIPv6).firstIndex(of: 3))
            for last in 50..<56 {
                try scene.client.ip(
                    "addr add 10.79.1.\(last)/24 dev eth0", "addr add fd00:79:1::\(last)/64 dev eth0 nodad")
                // As another director, which has seen nobody yet.
                _ = try nft("flush", "ruleset")
                #expect(try plane.apply(try plane.read().changes(to: table)) == [])
                #expect(try scene.spread(2, source: IPAddress("10.79.1.\(last)"))[server] == 2)
                let counts = try scene.spread(2, to: DirectScene.serviceIPv6, source: IPAddress("fd00:79:1::\(last)"))
                #expect(counts[serverIPv6] == 2)
            }
            #expect(try nft("list", "ruleset").contains("jhash"))
        }

        @Test("a server that is this host gets its packets here") func localServer() throws {
            defer { scene.close() }
            var plane = try plane()
            let own = Destination(IPAddress("127.0.0.1")!, port: 80, forwarding: .directRouting)
            #expect(try plane.apply([.addService(ForwardingService(key, [own]))]) == [])
            #expect(plane.takeNotices() == [])
            #expect(try scene.connect() == nil && scene.lastErrno == ECONNREFUSED)
            let listener = try scene.inside(scene.director) { ForwardingScene.listen(80) }
            defer { Glibc.close(listener) }
            let client = try scene.inside(scene.client) {
                ForwardingScene.connect(to: DirectScene.service, port: 80, source: nil)
            }
            #expect(client >= 0 && accept(listener, nil, nil) >= 0)
            #expect(try plane.statistics().first?.counters.connections == 2)
            Glibc.close(client)
        }

        @Test("UDP, all ports, and what routers say of a connection") func otherPackets() throws {
            defer { scene.close() }
            var plane = try plane()
            var every = ForwardingService(.address(DirectScene.service, port: 0, .tcp))
            for number in 0..<3 {
                every[DestinationKey(DirectScene.server(number), port: 0)] = Destination(
                    DirectScene.server(number), port: 0, forwarding: .directRouting)
            }
            let udp = ServiceKey.address(DirectScene.service, port: 53, .udp)
            #expect(try plane.apply([.addService(every), .addService(service(udp))]) == [])
            #expect(try scene.spread(12).reduce(0, +) == 12)
            #expect(try scene.connect(port: 99) == nil && scene.lastErrno == ECONNREFUSED, "a server says that")
            try scene.client.run([
                "bash", "-c", "for i in 1 2 3 4 5 6; do echo x >/dev/udp/\(DirectScene.service)/53; done",
            ])
            let counters = try statistics(of: udp, &plane) { $0.counters.packetsIn == 6 }.counters
            #expect(counters.connections == 6 && counters.packetsIn == 6, "\(counters)")
            // They arrive, and nobody listens.
            _ = try LabClock.wait(upTo: .seconds(5), for: "servers to get them") { () throws(LabError) in
                var unheard = 0
                for server in scene.servers {
                    unheard += Int(try server.run(["awk", "/^Udp: [0-9]/ { printf $3 }", "/proc/net/snmp"])) ?? 0
                }
                return unheard == 6 ? true : nil
            }

            // A router's "fragmentation needed" for a packet of the server that has the connection.
            func heard(_ node: Node) throws(LabError) -> String {
                try node.run(["awk", "/^Icmp: [0-9]/ { printf $5 }", "/proc/net/snmp"])
            }
            let nodes = scene.servers + [scene.director]
            let before = try nodes.map(heard)
            let connection = try #require(try scene.connect())
            try scene.client.run([
                "python3", try Farm.script("packet-too-big.py"), "10.79.1.100", "80", "10.79.1.2",
                "\(connection.clientPort)", "900",
            ])
            let number = connection.number
            _ = try LabClock.wait(upTo: .seconds(5), for: "the server to hear of it") { () throws(LabError) in
                try heard(nodes[number]) != before[number] ? true : nil
            }
            let after = try nodes.map(heard)
            #expect(nodes.indices.filter { before[$0] != after[$0] } == [number])
        }

        @Test("frames for other MAC addresses are not its business, however they come to be heard") func promiscuous()
            throws
        {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service())]) == [])
            try scene.director.ip("link set eth0 promisc on")
            try scene.client.ip("neigh replace \(DirectScene.service) lladdr 02:00:00:00:00:99 dev eth0")
            #expect(try scene.connect() == nil)
            #expect(try plane.statistics().first?.counters.packetsIn == 0)
            try scene.client.ip("neigh del \(DirectScene.service) dev eth0")
            #expect(try scene.connect() != nil)
        }

        @Test("a successor adopts the tables without touching them") func adoption() throws {
            defer { scene.close() }
            let nat = ForwardingService(
                .address(DirectScene.service, port: 81, .tcp), [Destination(DirectScene.server(0), port: 80)])
            var kept = service(.address(DirectScene.service, port: 82, .tcp), .roundRobin, [1, 0, 3])
            kept.persistence = .init(timeout: .seconds(60), granularity: .mask(IPv4Address(255, 255, 255, 0)))
            let table = ForwardingTable([service(), nat, kept, service(keyIPv6, .sourceHash)])
            var first = try plane()
            #expect(try first.apply(ForwardingTable().changes(to: table)) == [])
            let connections = try scene.connections(10)
            let before = try nft("-s", "list", "ruleset")
            var second = try plane()
            #expect(try second.read() == table)
            #expect(try second.apply(try second.read().changes(to: table)) == [])
            #expect(try !second.mayHaveChanged() && !first.mayHaveChanged())
            #expect(
                try nft("-s", "list", "ruleset").split(separator: "\n").filter { !$0.contains("expires") }
                    == before.split(separator: "\n").filter { !$0.contains("expires") })
            #expect(connections.allSatisfy { $0.works() })
            #expect(second.takeNotices() == [])
            #expect(try second.apply(table.changes(to: ForwardingTable())) == [])
            #expect(try !nft("list", "tables").contains("netdev"), "tables of DR stay for nobody")
        }

        @Test("what someone else takes away is seen and put right") func repair() throws {
            defer { scene.close() }
            var plane = try plane()
            let table = ForwardingTable([service(), service(keyIPv6)])
            #expect(try plane.apply(ForwardingTable().changes(to: table)) == [])
            let connections = try scene.connections(20)
            #expect(try plane.apply([.editDestination(key, destination(0, weight: 0))]) == [])
            var wanted = table
            wanted.apply([.editDestination(key, destination(0, weight: 0))])

            // A part of a service; its connections are remembered.
            _ = try nft("flush", "map", "netdev", "aloft", "slots")
            #expect(try plane.mayHaveChanged())
            #expect(try plane.read() == ForwardingTable([service(keyIPv6)]))
            #expect(try plane.apply(try plane.read().changes(to: wanted)) == [])
            #expect(connections.allSatisfy { $0.works() })
            #expect(try scene.spread(20)[0] == 0)

            // The hook of the interface.
            _ = try nft("delete", "chain", "netdev", "aloft", "ingress-eth0")
            #expect(try plane.mayHaveChanged())
            #expect(try plane.read() == wanted)
            #expect(plane.takeNotices().contains { $0.contains("eth0") })
            #expect(connections.allSatisfy { $0.works() })

            // All of it.
            _ = try nft("flush", "ruleset")
            #expect(try plane.mayHaveChanged())
            #expect(try plane.read() == ForwardingTable())
            #expect(try plane.apply(try plane.read().changes(to: wanted)) == [])
            let counts = try scene.spread(20)
            #expect(counts[0] == 0 && counts.reduce(0, +) == 20)
        }

        @Test("interfaces and neighbours are followed") func network() throws {
            defer { scene.close() }
            var plane = try plane()
            #expect(try plane.apply([.addService(service())]) == [])
            let connections = try scene.connections(20)

            // Another card.
            try scene.servers[0].run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_notify"])
            try scene.servers[0].ip("link set eth0 address 02:00:00:00:77:77")
            #expect(connections.allSatisfy { $0.works() })

            // A new interface, and one that goes.
            try scene.director.ip("link add odd type veth peer name even", "link set odd up")
            #expect(try !plane.mayHaveChanged())
            #expect(try nft("list", "table", "netdev", "aloft").contains("ingress-odd"))
            try scene.director.ip("link del odd")
            if try plane.mayHaveChanged() { #expect(try plane.read() == ForwardingTable([service()])) }
            #expect(try !nft("list", "table", "netdev", "aloft").contains("ingress-odd"))
            #expect(connections.allSatisfy { $0.works() })

            // A server that is nobody's neighbour for a while.
            try scene.director.ip("route add unreachable 10.79.1.11/32")
            _ = try plane.mayHaveChanged()
            #expect(plane.takeNotices().contains { $0.contains("10.79.1.11") })
            let counts = try scene.spread(20)
            #expect(counts[1] == 0 && counts.reduce(0, +) == 20)
            try scene.director.ip("route del unreachable 10.79.1.11/32")
            _ = try plane.mayHaveChanged()
            #expect(plane.takeNotices().contains { $0.contains("10.79.1.11") })
            #expect(try scene.spread(40)[1] > 0)
            #expect(connections.filter { $0.number != 1 }.allSatisfy { $0.works() })
        }

        @Test("what it cannot do comes back with a reason, and the rest is done") func refusals() throws {
            defer { scene.close() }
            var plane = try plane()
            try scene.director.ip("route add 10.99.0.0/24 via 10.79.1.12")
            let far = Destination(IPAddress("10.99.0.5")!, port: 80, forwarding: .directRouting)
            let marked = ForwardingService(.mark(5, .ipv4), [destination(0)])
            let refused = try plane.apply([
                .addService(service()), .addDestination(key, far), .addService(marked),
                .addDestination(key, Destination(IPAddress("10.79.1.99")!, port: 80)),
            ])
            #expect(refused.map(\.change.service) == [key, .mark(5, .ipv4), key])
            #expect(refused.first?.reason.contains("10.99.0.5 is behind a router") == true)
            #expect(try scene.spread(20).reduce(0, +) == 20)

            // From one way to the other, and back.
            var nat = ForwardingTable([service()])
            for number in 0..<3 {
                nat.apply([.editDestination(key, Destination(DirectScene.server(number), port: 80))])
            }
            #expect(try plane.apply(ForwardingTable([service()]).changes(to: nat)) == [])
            #expect(try plane.read() == nat)
            #expect(try !nft("list", "tables").contains("netdev"))
            #expect(try plane.apply(nat.changes(to: ForwardingTable([service()]))) == [])
            #expect(try plane.read() == ForwardingTable([service()]))
            #expect(try scene.spread(20).reduce(0, +) == 20)
        }

        @Test("nft can list it, as text and as JSON") func listing() throws {
            defer { scene.close() }
            var plane = try plane()
            var kept = service(keyIPv6)
            kept.persistence = .init(timeout: .seconds(60), granularity: .prefixLength(64))
            #expect(try plane.apply([.addService(service()), .addService(kept)]) == [])
            _ = try scene.connections(3) + scene.connections(3, to: DirectScene.serviceIPv6)
            let text = try nft("list", "ruleset")
            for expected in [
                "10.79.1.100 . tcp . 80 comment \"wlc\"", "10.79.1.10 . 80", "fd00:79:1::a . 80", "device \"eth0\"",
                "fwd ip to meta mark map @endpoints device meta mark map @links", "fwd ip6 to", ": \"eth0\"",
            ] {
                #expect(text.contains(expected), "\(expected) is not in \(text)")
            }
            let json = try scene.director.run(["sh", "-c", "nft -j list ruleset 2>/dev/null"])
            let object = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: Any]
            let entries = try #require(object?["nftables"] as? [[String: [String: Any]]])
            let links = try #require(entries.first { $0["map"]?["name"] as? String == "links" }?["map"])
            #expect((links["elem"] as? [Any])?.count == 3 && links["family"] as? String == "netdev")
        }
    }
}
