import Balancing
import Configuration
import DataPlanes
import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

/// The data plane of nf_tables, with real connections through a director.
extension OnTheKernel {
    @Suite("nftables", .needsRoot) struct NFTables {
        static func service(
            _ address: String = Farm.service, port: UInt16 = 8080, _ scheduler: VirtualServer.Scheduler = .roundRobin,
            weights: [UInt32] = [1, 1, 1], persistence: Duration? = nil
        ) throws -> ForwardingService {
            let vip = try #require(IPAddress(address))
            var service = ForwardingService(.address(vip, port: port, .tcp))
            service.scheduler = scheduler
            if let persistence {
                service.persistence = .init(timeout: persistence, granularity: .mask(IPv4Address(255, 255, 255, 255)))
            }
            for (index, weight) in weights.enumerated() {
                let text = vip.family == .ipv4 ? Farm.server(index + 1) : Farm.serverIPv6(index + 1)
                let destination = Destination(try #require(IPAddress(text)), port: 8080, weight: weight)
                service[destination.key] = destination
            }
            return service
        }

        /// A plane in the director's namespace.
        static func plane(in farm: Farm) throws -> NFTablesPlane {
            try NetworkNamespace(named: farm.director.namespace).run { () throws(SystemError) in try NFTablesPlane() }
        }

        /// Makes the kernel's table this one.
        static func set(_ plane: inout NFTablesPlane, _ services: ForwardingService...) throws {
            let table = try plane.read()
            let refused = try plane.apply(table.changes(to: ForwardingTable(services)))
            #expect(refused.isEmpty)
        }

        @Test("rr gives each server its turn, wrr as the weights say, weight 0 nothing")
        func shares() throws {
            let farm = try Farm()
            defer { farm.close() }
            var plane = try Self.plane(in: farm)
            try Self.set(&plane, try Self.service(), try Self.service(Farm.serviceIPv6))
            #expect(try farm.ask(30) == ["server1": 10, "server2": 10, "server3": 10])
            #expect(try farm.ask(30, Farm.serviceIPv6) == ["server1": 10, "server2": 10, "server3": 10])
            try Self.set(&plane, try Self.service(Farm.service, .weightedRoundRobin, weights: [1, 2, 3]))
            #expect(try farm.ask(36) == ["server1": 6, "server2": 12, "server3": 18])
            try Self.set(&plane, try Self.service(weights: [1, 0, 1]))
            #expect(try farm.ask(20) == ["server1": 10, "server3": 10])
            #expect(try farm.ask(2, Farm.serviceIPv6) == ["-": 2], "a service that is gone still forwards")
        }

        @Test("sh and persistence keep a client with its server")
        func affinity() throws {
            let farm = try Farm()
            defer { farm.close() }
            try farm.client.ip("addr add 10.81.0.3/24 dev eth0", "addr add 10.81.0.4/24 dev eth0")
            var plane = try Self.plane(in: farm)
            try Self.set(&plane, try Self.service(Farm.service, .sourceHash))
            for source in ["10.81.0.2", "10.81.0.3", "10.81.0.4"] { #expect(try farm.ask(6, from: source).count == 1) }
            try Self.set(&plane, try Self.service(persistence: .seconds(60)))
            let first = try farm.ask(6, from: "10.81.0.2")
            #expect(first.count == 1)
            #expect(try farm.ask(6, from: "10.81.0.2") == first)
            // When the time is over nothing is known of the client.
            try Self.set(&plane, try Self.service(persistence: .seconds(1)))
            _ = try farm.ask(1, from: "10.81.0.3")
            let forgotten = try LabClock.poll(upTo: .seconds(10)) { () throws(LabError) in
                try farm.director.run(["nft", "list", "map", "inet", "aloft", "keep4-1000-32"]).contains("elements")
                    ? nil : true
            }
            #expect(forgotten == true)
        }

        @Test("a client that stays with a server that is gone stays with another from then on")
        func persistenceAfterRemoval() throws {
            let farm = try Farm()
            defer { farm.close() }
            var plane = try Self.plane(in: farm)
            var service = try Self.service(persistence: .seconds(60))
            try Self.set(&plane, service)
            for _ in 0..<2 {
                let first = try #require(try farm.ask(1).keys.first)
                #expect(try farm.ask(4) == [first: 4])
                let number = try #require(first.last.flatMap { Int(String($0)) })
                service[DestinationKey(try #require(IPAddress(Farm.server(number))), port: 8080)] = nil
                try Self.set(&plane, service)
                let second = try #require(try farm.ask(1).keys.first)
                #expect(second != first && second != "-")
                #expect(try farm.ask(8) == [second: 8])
            }
        }

        @Test("LB-2: weight 0 leaves open connections alone, removal ends them, and neither touches another service")
        func removal() throws {
            let farm = try Farm()
            defer { farm.close() }
            var plane = try Self.plane(in: farm)
            let other = try Self.service(Farm.serviceIPv6)
            try Self.set(&plane, try Self.service(weights: [1]), other)
            let connection = try farm.stay()
            let bystander = try farm.stay(Farm.serviceIPv6)
            var quiet = try Self.service(weights: [0, 1])
            try Self.set(&plane, quiet, other)
            #expect(try farm.ask(6) == ["server2": 6])
            let count = connection.output.lines.count
            _ = try LabClock.wait(upTo: .seconds(5), for: "the open connection to go on") { () throws(LabError) in
                connection.output.lines.count > count + 10 ? true : nil
            }
            #expect(connection.output.lines.last == "server1")
            quiet[DestinationKey(try #require(IPAddress(Farm.server(1))), port: 8080)] = nil
            try Self.set(&plane, quiet, other)
            _ = try plane.mayHaveChanged()
            try connection.wait(upTo: .seconds(10))
            #expect(connection.output.lines.last?.hasPrefix("broken") == true)
            let later = bystander.output.lines.count
            _ = try LabClock.wait(upTo: .seconds(5), for: "the other service to go on") { () throws(LabError) in
                bystander.output.lines.count > later + 5 ? true : nil
            }
        }

        @Test("a service without a server answers as a closed port does, and what is refused keeps back nothing else")
        func refusal() throws {
            let farm = try Farm()
            defer { farm.close() }
            var plane = try Self.plane(in: farm)
            var tunnelled = try Self.service(port: 8081)
            for var destination in tunnelled.destinations {
                destination.forwarding = .tunnel(Tunnel())
                tunnelled[destination.key] = destination
            }
            let table = ForwardingTable([try Self.service(weights: [0]), tunnelled, try Self.service(Farm.serviceIPv6)])
            let refused = try plane.apply(ForwardingTable().changes(to: table))
            #expect(Set(refused.map(\.change.service)) == [tunnelled.key])
            #expect(refused.first?.reason.contains("TUN") == true)
            let start = LabClock.now()
            #expect(try farm.ask(3) == ["-": 3])
            #expect(LabClock.now() - start < .seconds(5), "nobody said no")
            #expect(try farm.ask(3, Farm.serviceIPv6).values.reduce(0, +) == 3)
        }

        @Test("KERN-1: what someone else flushes is seen and put right; a successor adopts and changes nothing")
        func repair() throws {
            let farm = try Farm()
            defer { farm.close() }
            var plane = try Self.plane(in: farm)
            let table = ForwardingTable([
                try Self.service(Farm.service, .weightedRoundRobin, weights: [1, 2, 0], persistence: .seconds(50)),
                try Self.service(Farm.serviceIPv6, .sourceHash),
            ])
            #expect(try plane.apply(ForwardingTable().changes(to: table)).isEmpty)
            #expect(try !plane.mayHaveChanged(), "the own change is taken for someone else's")
            #expect(try farm.ask(4).count == 1)
            var successor = try Self.plane(in: farm)
            #expect(try successor.read() == table)
            try farm.director.run(["nft", "flush", "ruleset"])
            #expect(try successor.mayHaveChanged())
            let left = try successor.read()
            #expect(left == ForwardingTable())
            #expect(try successor.apply(left.changes(to: table)).isEmpty)
            #expect(try farm.ask(4).count == 1)
            #expect(try successor.read() == table)
        }

        @Test("connections, packets and bytes are counted by server, and open connections are known")
        func counters() throws {
            let farm = try Farm()
            defer { farm.close() }
            var plane = try Self.plane(in: farm)
            try Self.set(&plane, try Self.service())
            _ = try farm.ask(9)
            let connection = try farm.stay()
            let statistics = try #require(try plane.statistics().first)
            #expect(statistics.counters.connections == 10)
            #expect(statistics.destinations.allSatisfy { (3...4).contains($0.counters.connections) })
            #expect(statistics.destinations.allSatisfy { $0.counters.bytesIn > 100 && $0.counters.bytesOut > 100 })
            #expect(statistics.destinations.compactMap(\.active).reduce(0, +) == 1)
            connection.signal(SIGKILL)
        }
    }
}
