import Balancing
import Primitives

/// What operators drained, as the supervisor keeps it for a successor: a JSON array of orders.
enum DrainMemory {
    static func encode(_ orders: [DrainOrder]) -> [UInt8] {
        var json = JSONWriter()
        json.array { json in
            for order in orders {
                json.object {
                    $0.member("address", "\(order.servers.address)")
                    if let port = order.servers.port { $0.member("port", Int64(port)) }
                    if let service = order.servers.service { $0.member("service", service) }
                    if let timeout = order.timeout { $0.member("timeout_ns", timeout.nanoseconds) }
                }
            }
        }
        return json.bytes
    }

    /// What is no order is left out.
    static func decode(_ bytes: [UInt8]) -> [DrainOrder] {
        guard let entries = JSONValue(bytes)?.array else { return [] }
        return entries.compactMap { entry in
            guard let address = entry["address"]?.string.flatMap({ IPAddress($0) }) else { return nil }
            let port = entry["port"]?.integer.flatMap { UInt16(exactly: $0) }
            let servers = ServerSelector(address, port: port, service: entry["service"]?.string)
            return DrainOrder(servers, timeout: entry["timeout_ns"]?.integer.map { .nanoseconds($0) })
        }
    }
}

extension ServerSelector {
    /// `ADDRESS`, `ADDRESS:PORT`, `[ADDRESS]:PORT`, or keepalived's `[ADDRESS]:tcp:PORT`; nil for what is none of them.
    init?(text: String, service: String?) {
        if let address = IPAddress(text) {
            self.init(address, service: service)
            return
        }
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            return nil
        }
        var host = String(text[..<colon])
        for transport in [":tcp", ":udp", ":sctp"] where host.hasSuffix(transport) { host.removeLast(transport.count) }
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        guard let address = IPAddress(host) else { return nil }
        self.init(address, port: port, service: service)
    }
}
