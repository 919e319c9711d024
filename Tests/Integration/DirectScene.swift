import Foundation
import LinuxWorld
import NetworkLab
import Primitives
import Testing

/// A client, a director and three servers on one network, as with LVS-DR: the servers have the service's address too, and keep silent about it.
final class DirectScene {
    let lab: Lab
    let client: Node
    let director: Node
    let servers: [Node]
    private var listeners: [Int32] = []
    private(set) var lastErrno: Int32 = 0

    static let service = IPAddress("10.79.1.100")!
    static let serviceIPv6 = IPAddress("fd00:79:1::100")!
    static func server(_ number: Int) -> IPAddress { IPAddress("10.79.1.\(10 + number)")! }
    static func serverIPv6(_ number: Int) -> IPAddress { IPAddress("fd00:79:1::\(String(10 + number, radix: 16))")! }

    init() throws {
        let lab = try Programs.lab()
        self.lab = lab
        client = try lab.makeNode("client", addresses: ["10.79.1.2/24", "fd00:79:1::2/64"], bridge: "lan")
        director = try lab.makeNode(
            "director", addresses: ["10.79.1.1/24", "10.79.1.100/32", "fd00:79:1::1/64", "fd00:79:1::100/128"],
            bridge: "lan")
        servers = try (0..<3).map { number in
            let node = try lab.makeNode(
                "server\(number)", addresses: ["\(Self.server(number))/24", "\(Self.serverIPv6(number))/64"],
                bridge: "lan")
            try node.run([
                "sh", "-c",
                "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore; echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce",
            ])
            try node.ip("addr add 10.79.1.100/32 dev lo", "addr add fd00:79:1::100/128 dev lo")
            return node
        }
        for server in servers { listeners.append(try inside(server) { BalancedScene.listen(80) }) }
        #expect(listeners.allSatisfy { $0 >= 0 })
    }

    func close() {
        for listener in listeners { Glibc.close(listener) }
        lab.close()
    }

    /// Sockets that `body` opens are the node's.
    func inside<Value: ~Copyable>(
        _ node: Node, _ body: () throws(SystemError) -> Value
    ) throws(SystemError) -> Value {
        try NetworkNamespace(named: node.namespace).run(body)
    }

    /// Connects; nil where nobody accepts within a second, or the connection is refused (`lastErrno`).
    func connect(
        to address: IPAddress = DirectScene.service, port: UInt16 = 80, source: IPAddress? = nil,
        sourcePort: UInt16 = 0
    ) throws -> BalancedScene.Connection? {
        let socket = try inside(client) {
            BalancedScene.connect(to: address, port: port, source: source, sourcePort: sourcePort)
        }
        if socket < 0 {
            lastErrno = -socket
            return nil
        }
        for (number, listener) in listeners.enumerated() {
            let accepted = accept(listener, nil, nil)
            if accepted >= 0 { return BalancedScene.Connection(client: socket, server: accepted, number: number) }
        }
        Glibc.close(socket)
        return nil
    }

    /// Connections that stay open.
    func connections(_ count: Int, to address: IPAddress = DirectScene.service) throws -> [BalancedScene.Connection] {
        try (0..<count).map { _ in try #require(try connect(to: address)) }
    }

    /// How many of `count` connections each server got.
    func spread(
        _ count: Int, to address: IPAddress = DirectScene.service, port: UInt16 = 80, source: IPAddress? = nil
    ) throws -> [Int] {
        var counts = [0, 0, 0]
        for _ in 0..<count {
            guard let connection = try connect(to: address, port: port, source: source) else { continue }
            counts[connection.number] += 1
            connection.close()
        }
        return counts
    }
}
