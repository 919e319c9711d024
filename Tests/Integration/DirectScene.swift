import NetworkLab
import Primitives

/// All stand on one network, as with LVS-DR: the servers have the service's address too, and keep silent about it.
final class DirectScene: ForwardingScene {
    static let service = IPAddress("10.79.1.100")!
    static let serviceIPv6 = IPAddress("fd00:79:1::100")!
    static func server(_ number: Int) -> IPAddress { IPAddress("10.79.1.\(10 + number)")! }
    static func serverIPv6(_ number: Int) -> IPAddress { IPAddress("fd00:79:1::\(String(10 + number, radix: 16))")! }

    init() throws {
        let lab = try Programs.lab()
        let client = try lab.makeNode("client", addresses: ["10.79.1.2/24", "fd00:79:1::2/64"], bridge: "lan")
        let director = try lab.makeNode(
            "director", addresses: ["10.79.1.1/24", "10.79.1.100/32", "fd00:79:1::1/64", "fd00:79:1::100/128"],
            bridge: "lan")
        let servers = try (0..<3).map { number in
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
        try super.init(lab, client: client, director: director, servers: servers, service: Self.service)
    }
}
