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
            key, counters: ForwardingCounters(service.statistics),
            destinations: destinations.map { DestinationStatistics($0, isUDP: isUDP) }.sorted { $0.key < $1.key })
        rates = ForwardingRates(service.statistics)
    }
}

extension DestinationStatistics {
    fileprivate init(_ destination: IPVSDestination, isUDP: Bool) {
        let (active, inactive) = (UInt64(destination.activeConnections), UInt64(destination.inactiveConnections))
        self.init(
            DestinationKey(destination.address, port: destination.port),
            counters: ForwardingCounters(destination.statistics), active: isUDP ? active + inactive : active,
            inactive: isUDP ? 0 : inactive)
        rates = ForwardingRates(destination.statistics)
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
