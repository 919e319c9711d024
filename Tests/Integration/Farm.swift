import Foundation
import NetworkLab
import Primitives
import Testing

/// A client, a director and three servers behind it, as with LVS-NAT: the servers answer through the director.
///
///     client 10.81.0.2 ── 10.81.0.1 director 10.82.0.1 ── 10.82.0.11, .12, .13 servers
///                      VIP 10.81.0.100                 (the same in fd00:81::/64, fd00:82::/64)
struct Farm {
    let lab: Lab
    let client: Node
    let director: Node
    let servers: [Node]

    static let service = "10.81.0.100"
    static let serviceIPv6 = "fd00:81::100"
    static func server(_ number: Int) -> String { "10.82.0.1\(number)" }
    static func serverIPv6(_ number: Int) -> String { "fd00:82::1\(number)" }

    /// `serving`: the servers answer on port 8080 of both families.
    init(serving: Bool = true) throws {
        lab = try Programs.lab()
        client = try lab.makeNode("client", addresses: ["10.81.0.2/24", "fd00:81::2/64"], bridge: "front")
        director = try lab.makeNode(
            "director",
            addresses: ["10.81.0.1/24", "\(Farm.service)/32", "fd00:81::1/64", "\(Farm.serviceIPv6)/128"],
            bridge: "front")
        try lab.connect(director, interface: "eth1", addresses: ["10.82.0.1/24", "fd00:82::1/64"], bridge: "back")
        try director.run([
            "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
        ])
        var nodes: [Node] = []
        for number in 1...3 {
            let node = try lab.makeNode(
                "server\(number)", addresses: ["\(Farm.server(number))/24", "\(Farm.serverIPv6(number))/64"],
                bridge: "back")
            try node.ip("route add default via 10.82.0.1", "route add ::/0 via fd00:82::1")
            nodes.append(node)
        }
        servers = nodes
        if serving { for number in 1...3 { try serve(number) } }
    }

    func close() { lab.close() }

    /// Answers HTTP on port 8080 with the server's name; a path that begins with `/slow` takes its time.
    @discardableResult
    func serve(_ number: Int) throws -> Child {
        let script = try Farm.script("farm-server.py")
        let child = try servers[number - 1].start(["python3", script, "server\(number)"], log: "server\(number)")
        _ = try LabClock.wait(upTo: .seconds(20), for: "server \(number) to listen") { () throws(LabError) in
            child.output.lines.first == "ready" ? true : nil
        }
        return child
    }

    static func script(_ name: String) throws -> String {
        let path = URL(filePath: #filePath).deletingLastPathComponent().appending(path: name).path()
        try #require(FileManager.default.isReadableFile(atPath: path), "\(path) is missing")
        return path
    }

    /// Who answered `count` connections, one after the other; `-` for each that none did.
    func ask(_ count: Int, _ address: String = Farm.service, port: Int = 8080, from source: String? = nil) throws
        -> [String: Int]
    {
        try Farm.ask(count, address, port: port, by: client, from: source)
    }

    static func ask(_ count: Int, _ address: String, port: Int, by client: Node, from source: String? = nil) throws
        -> [String: Int]
    {
        let arguments = ["python3", try script("farm-client.py"), "ask", address, "\(port)", "\(count)"]
        let output = try client.run(arguments + (source.map { [$0] } ?? []))
        var counts: [String: Int] = [:]
        for name in output.split(separator: "\n") { counts[String(name), default: 0] += 1 }
        return counts
    }

    /// One connection that stays open and asks every 20 ms. Its output has a line for each answer.
    func stay(_ address: String = Farm.service, port: Int = 8080) throws -> Child {
        let child = try client.start(
            ["python3", try Farm.script("farm-client.py"), "stay", address, "\(port)"], log: "stay")
        _ = try LabClock.wait(upTo: .seconds(20), for: "the connection to stand") { () throws(LabError) in
            child.output.lines.count > 2 ? true : nil
        }
        return child
    }
}
