import Primitives

/// What passed on the way to a server or a service, and back: since it came, or (as a rate) per second.
public struct TrafficCounters: Hashable, Sendable {
    /// Connections that were scheduled.
    public var connections: UInt64 = 0
    /// From clients.
    public var packetsIn: UInt64 = 0
    /// To clients; 0 where answers do not pass here (direct routing, tunnels).
    public var packetsOut: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0

    public init() {}

    public mutating func add(_ other: TrafficCounters) {
        connections &+= other.connections
        packetsIn &+= other.packetsIn
        packetsOut &+= other.packetsOut
        bytesIn &+= other.bytesIn
        bytesOut &+= other.bytesOut
    }

    /// How fast they grew: whole units per second. Those that fell began anew.
    func rate(since old: TrafficCounters, _ time: Duration) -> TrafficCounters {
        let milliseconds = UInt64(max(time.nanoseconds / 1_000_000, 1))
        func rate(_ before: UInt64, _ now: UInt64) -> UInt64 {
            let product = (now >= before ? now - before : now).multipliedFullWidth(by: 1000)
            // A product that has no room in 64 bits is a rate that no network has.
            return product.high >= milliseconds ? .max : milliseconds.dividingFullWidth(product).quotient
        }
        var rates = TrafficCounters()
        rates.connections = rate(old.connections, connections)
        rates.packetsIn = rate(old.packetsIn, packetsIn)
        rates.packetsOut = rate(old.packetsOut, packetsOut)
        rates.bytesIn = rate(old.bytesIn, bytesIn)
        rates.bytesOut = rate(old.bytesOut, bytesOut)
        return rates
    }

    func write(suffix: String = "", to json: inout JSONWriter) {
        json.member("connections" + suffix, Int64(clamping: connections))
        json.member("bytes_in" + suffix, Int64(clamping: bytesIn))
        json.member("bytes_out" + suffix, Int64(clamping: bytesOut))
        json.member("packets_in" + suffix, Int64(clamping: packetsIn))
        json.member("packets_out" + suffix, Int64(clamping: packetsOut))
    }
}

/// What a data plane knows of a server.
public struct ServerStatistics: Hashable, Sendable {
    public var counters: TrafficCounters
    /// Per second, of the last seconds; nil where nothing is known of them yet.
    public var rates: TrafficCounters?
    /// Connections that are open now; nil where the plane does not know.
    public var active: UInt64?
    /// Connections that are kept although nothing passes them; nil where the plane does not know.
    public var inactive: UInt64?

    public init(
        _ counters: TrafficCounters = TrafficCounters(), rates: TrafficCounters? = nil, active: UInt64? = nil,
        inactive: UInt64? = nil
    ) {
        self.counters = counters
        self.rates = rates
        self.active = active
        self.inactive = inactive
    }

    mutating func add(_ other: ServerStatistics) {
        counters.add(other.counters)
        if let part = other.active { active = (active ?? 0) &+ part }
        if let part = other.inactive { inactive = (inactive ?? 0) &+ part }
        guard let part = other.rates else { return }
        rates = rates ?? TrafficCounters()
        rates?.add(part)
    }

    func write(to json: inout JSONWriter) {
        if let active { json.member("active_connections", Int64(clamping: active)) }
        if let inactive { json.member("inactive_connections", Int64(clamping: inactive)) }
        counters.write(to: &json)
        rates?.write(suffix: "_per_second", to: &json)
    }
}
