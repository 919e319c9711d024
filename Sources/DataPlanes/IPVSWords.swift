import Balancing
import Configuration
import Netlink
import Primitives

// A table in the words of ip_vs, and back. What stands in the kernel and no configuration can ask for (somebody else's scheduler, a way of
// forwarding that is not ours) is read as something that no configuration asks for either, so that it is seen as a difference and put right.

extension ServiceKey {
    var ipvs: IPVSServiceID {
        switch self {
        case .address(let address, let port, let transport):
            .address(address, port: port, protocolNumber: UInt16(transport.rawValue))
        case .mark(let mark, let family): .mark(mark, family)
        }
    }

    /// Nil of a protocol that is none of ours (AH, ESP).
    init?(_ id: IPVSServiceID) {
        switch id {
        case .mark(let mark, let family): self = .mark(mark, family)
        case .address(let address, let port, let number):
            guard let transport = UInt8(exactly: number).flatMap({ VirtualServer.TransportProtocol(rawValue: $0) })
            else { return nil }
            self = .address(address, port: port, transport)
        }
    }
}

extension IPVSService {
    init(_ key: ServiceKey, _ settings: ForwardingService.Settings) {
        self.init(key.ipvs, scheduler: settings.scheduler.rawValue, engine: settings.persistenceEngine ?? "")
        flags = Flags(rawValue: UInt32(settings.schedulerFlags.rawValue & 7) << 3)
        if settings.onePacket { flags.insert(.onePacket) }
        guard let persistence = settings.persistence else { return }
        flags.insert(.persistent)
        timeout = UInt32(clamping: persistence.timeout.components.seconds)
        switch persistence.granularity {
        case .mask(let mask): netmask = mask.bits
        case .prefixLength(let length): netmask = UInt32(length)
        }
    }
}

extension ForwardingService {
    /// Nil where the service is none that a table can name.
    init?(_ service: IPVSService, _ destinations: [IPVSDestination]) {
        guard let key = ServiceKey(service.id) else { return nil }
        self.init(key, destinations.lazy.map { Destination($0) })
        schedulerFlags = VirtualServer.SchedulerFlags(rawValue: UInt8(service.flags.rawValue >> 3 & 7))
        if let scheduler = VirtualServer.Scheduler(rawValue: service.scheduler) {
            self.scheduler = scheduler
        } else {
            schedulerFlags = Self.unknownScheduler
        }
        onePacket = service.flags.contains(.onePacket)
        persistenceEngine = service.engine.isEmpty ? nil : service.engine
        guard service.flags.contains(.persistent) else { return }
        persistence = VirtualServer.Persistence(
            timeout: .seconds(Int64(service.timeout)),
            granularity: key.family == .ipv4
                ? .mask(IPv4Address(bits: service.netmask)) : .prefixLength(UInt8(clamping: service.netmask)))
    }

    /// There is no such flag.
    private static let unknownScheduler = VirtualServer.SchedulerFlags(rawValue: 0x80)
}

extension IPVSDestination {
    init(_ destination: Destination) {
        self.init(
            destination.key.address, port: destination.key.port, weight: destination.weight,
            upperThreshold: destination.upperThreshold, lowerThreshold: destination.lowerThreshold)
        switch destination.forwarding {
        case .nat: method = Method.masquerade
        case .directRouting: method = Method.directRouting
        case .tunnel(let tunnel):
            method = Method.tunnel
            tunnelFlags = UInt16(tunnel.checksum.rawValue)
            switch tunnel.encapsulation {
            case .ipip: tunnelType = 0
            case .gue(let port): (tunnelType, tunnelPort) = (1, port)
            case .gre: tunnelType = 2
            }
        }
    }
}

extension Destination {
    init(_ destination: IPVSDestination) {
        self.init(
            destination.address, port: destination.port, weight: destination.weight,
            upperThreshold: destination.upperThreshold, lowerThreshold: destination.lowerThreshold)
        switch destination.method {
        case IPVSDestination.Method.masquerade: forwarding = .nat
        case IPVSDestination.Method.directRouting: forwarding = .directRouting
        case IPVSDestination.Method.tunnel:
            let checksum = UInt8(exactly: destination.tunnelFlags).flatMap { Tunnel.Checksum(rawValue: $0) }
            let encapsulation: Tunnel.Encapsulation? =
                switch destination.tunnelType {
                case 0: .ipip
                case 1: .gue(port: destination.tunnelPort)
                case 2: .gre
                default: nil
                }
            guard let checksum, let encapsulation else {
                weight = Self.unknownForwarding
                return
            }
            forwarding = .tunnel(Tunnel(encapsulation, checksum: checksum))
        default: weight = Self.unknownForwarding
        }
    }

    /// No weight is so high.
    private static let unknownForwarding = UInt32.max
}
