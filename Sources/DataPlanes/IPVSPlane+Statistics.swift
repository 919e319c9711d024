import Balancing
import LinuxWorld
import Netlink
import Primitives

extension IPVSPlane {
    /// As the kernel counts them; what it sends to clients is known of NAT alone. It adds up every two seconds.
    ///
    /// Active is what is established, of TCP and SCTP, and all of UDP, which the kernel itself counts as inactive: whoever waits until a server
    /// has no connection left means those too. Of firewall marks it is not known what is UDP.
    public mutating func statistics() throws(SystemError) -> [ServiceStatistics] {
        var all: [ServiceStatistics] = []
        try forEachService { service, destinations in
            if let statistics = ServiceStatistics(service, destinations) { all.append(statistics) }
        }
        return all.sorted { $0.key < $1.key }
    }

    public mutating func statistics(of services: Set<ServiceKey>) throws(SystemError) -> [ServiceStatistics] {
        var found: [IPVSService] = []
        _ = try execute(services.sorted().map { .getService($0.ipvs) }) {
            if case .service(let service) = $0 { found.append(service) }
        }
        var all: [ServiceStatistics] = []
        for service in found {
            if let statistics = ServiceStatistics(service, try destinations(of: service.id)) { all.append(statistics) }
        }
        return all
    }
}

extension ServiceStatistics {
    fileprivate init?(_ service: IPVSService, _ destinations: [IPVSDestination]) {
        guard let key = ServiceKey(service.id) else { return nil }
        let isUDP = if case .address(_, _, .udp) = key { true } else { false }
        self.init(
            key, counters: .counters(service.statistics),
            destinations: destinations.map { DestinationStatistics($0, isUDP: isUDP) }.sorted { $0.key < $1.key })
    }
}

extension DestinationStatistics {
    fileprivate init(_ destination: IPVSDestination, isUDP: Bool) {
        let (active, inactive) = (UInt64(destination.activeConnections), UInt64(destination.inactiveConnections))
        self.init(
            DestinationKey(destination.address, port: destination.port),
            ServerStatistics(
                .counters(destination.statistics), rates: .rates(destination.statistics),
                active: isUDP ? active + inactive : active, inactive: isUDP ? 0 : inactive))
    }
}

extension TrafficCounters {
    fileprivate static func counters(_ statistics: IPVSStatistics) -> TrafficCounters {
        var counters = TrafficCounters()
        counters.connections = statistics.connections
        counters.packetsIn = statistics.packetsIn
        counters.packetsOut = statistics.packetsOut
        counters.bytesIn = statistics.bytesIn
        counters.bytesOut = statistics.bytesOut
        return counters
    }

    fileprivate static func rates(_ statistics: IPVSStatistics) -> TrafficCounters {
        var rates = TrafficCounters()
        rates.connections = statistics.connectionRate
        rates.packetsIn = statistics.packetRateIn
        rates.packetsOut = statistics.packetRateOut
        rates.bytesIn = statistics.byteRateIn
        rates.bytesOut = statistics.byteRateOut
        return rates
    }
}
