import NetworkLab
import Primitives

/// The servers answer to nobody but the director: two links, IPv4 and IPv6.
final class BalancedScene: ForwardingScene {
    static let service = IPAddress("10.78.1.100")!
    static let serviceIPv6 = IPAddress("fd00:78:1::100")!
    static func server(_ number: Int) -> IPAddress { IPAddress("10.78.2.\(10 + number)")! }
    static func serverIPv6(_ number: Int) -> IPAddress { IPAddress("fd00:78:2::\(String(10 + number, radix: 16))")! }

    init() throws {
        let lab = try Programs.lab()
        let client = try lab.makeNode("client", addresses: ["10.78.1.2/24", "fd00:78:1::2/64"], bridge: "front")
        let director = try lab.makeNode(
            "director",
            addresses: ["10.78.1.1/24", "10.78.1.100/24", "fd00:78:1::1/64", "fd00:78:1::100/64"], bridge: "front")
        try lab.connect(
            director, interface: "eth1", addresses: ["10.78.2.1/24", "fd00:78:2::1/64"], bridge: "back")
        try director.run([
            "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
        ])
        let servers = try (0..<3).map { number in
            let node = try lab.makeNode(
                "server\(number)",
                addresses: ["\(Self.server(number))/24", "\(Self.serverIPv6(number))/64"], bridge: "back")
            try node.ip("route add default via 10.78.2.1", "route add default via fd00:78:2::1")
            return node
        }
        try super.init(lab, client: client, director: director, servers: servers, service: Self.service)
    }
}
