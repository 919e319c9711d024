import Balancing
import LinuxWorld
import Netlink
import Primitives

extension IPVSPlane {
    /// As the kernel counts them; what it sends to clients is known of NAT alone. Active is TCP that is established and what has no states;
    /// inactive is all else that is remembered.
    public mutating func statistics() throws(SystemError) -> [ServiceStatistics] {
        var all: [ServiceStatistics] = []
        try forEachService { service, destinations in
            guard let key = ServiceKey(service.id) else { return }
            var statistics = ServiceStatistics(
                key, counters: ForwardingCounters(service.statistics),
                destinations: destinations.map { destination in
                    var one = DestinationStatistics(
                        DestinationKey(destination.address, port: destination.port),
                        counters: ForwardingCounters(destination.statistics),
                        active: UInt64(destination.activeConnections),
                        inactive: UInt64(destination.inactiveConnections))
                    one.rates = ForwardingRates(destination.statistics)
                    return one
                }.sorted { $0.key < $1.key })
            statistics.rates = ForwardingRates(service.statistics)
            all.append(statistics)
        }
        return all.sorted { $0.key < $1.key }
    }
}

extension ForwardingCounters {
    fileprivate init(_ statistics: IPVSStatistics) {
        self.init()
        connections = statistics.connections
        packetsIn = statistics.packetsIn
        packetsOut = statistics.packetsOut
        bytesIn = statistics.bytesIn
        bytesOut = statistics.bytesOut
    }
}

extension ForwardingRates {
    fileprivate init(_ statistics: IPVSStatistics) {
        self.init(
            connections: statistics.connectionRate, packetsIn: statistics.packetRateIn,
            packetsOut: statistics.packetRateOut, bytesIn: statistics.byteRateIn, bytesOut: statistics.byteRateOut)
    }
}
