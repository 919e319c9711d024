import Configuration
import Primitives

/// What a kernel forwards, or should: virtual services and the destinations behind each. A plain value: the
/// balancer says what it should be, a data plane reads what it is, and ``changes(to:)`` is the way from one to the other.
///
/// Services are in the order of their keys, each once, and so are the destinations of each.
public struct ForwardingTable: Hashable, Sendable {
    public private(set) var services: [ForwardingService] = []

    public init() {}

    /// Sorts; of services with one key the last wins.
    public init(_ services: some Sequence<ForwardingService>) {
        var byKey: [ServiceKey: ForwardingService] = [:]
        for service in services { byKey[service.key] = service }
        self.services = byKey.values.sorted { $0.key < $1.key }
    }

    public subscript(key: ServiceKey) -> ForwardingService? {
        get {
            let index = services.partitioningIndex(of: key)
            return index < services.count && services[index].key == key ? services[index] : nil
        }
        set {
            let index = services.partitioningIndex(of: key)
            let stands = index < services.count && services[index].key == key
            switch newValue {
            case let service? where stands: services[index] = service
            case let service?: services.insert(service, at: index)
            case nil: if stands { services.remove(at: index) }
            }
        }
    }
}

/// What distinguishes a virtual service in the kernel.
public enum ServiceKey: Hashable, Sendable, Comparable {
    /// Port 0 is every port.
    case address(IPAddress, port: UInt16, VirtualServer.TransportProtocol)
    /// Packets with this firewall mark; never 0.
    case mark(UInt32, AddressFamily)

    public var family: AddressFamily {
        switch self {
        case .address(let address, _, _): address.family
        case .mark(_, let family): family
        }
    }

    public static func < (a: ServiceKey, b: ServiceKey) -> Bool {
        switch (a, b) {
        case (.address(let x, let xPort, let xProtocol), .address(let y, let yPort, let yProtocol)):
            if x != y { return x < y }
            return xPort != yPort ? xPort < yPort : xProtocol.rawValue < yProtocol.rawValue
        case (.mark(let x, let xFamily), .mark(let y, let yFamily)):
            return x != y ? x < y : xFamily < yFamily
        case (.address, .mark): return true
        case (.mark, .address): return false
        }
    }
}

/// One virtual service: how connections to ``key`` are spread over ``destinations``.
public struct ForwardingService: Hashable, Sendable {
    public var key: ServiceKey
    public var scheduler: VirtualServer.Scheduler = .weightedLeastConnections
    public var schedulerFlags: VirtualServer.SchedulerFlags = []
    public var onePacket = false
    public var persistence: VirtualServer.Persistence?
    public var persistenceEngine: String?
    public private(set) var destinations: [Destination] = []

    /// Everything but the destinations.
    public struct Settings: Hashable, Sendable {
        public var scheduler: VirtualServer.Scheduler
        public var schedulerFlags: VirtualServer.SchedulerFlags
        public var onePacket: Bool
        public var persistence: VirtualServer.Persistence?
        public var persistenceEngine: String?
    }

    public init(_ key: ServiceKey, _ destinations: some Sequence<Destination> = []) {
        self.key = key
        for destination in destinations { self[destination.key] = destination }
    }

    public var settings: Settings {
        Settings(
            scheduler: scheduler, schedulerFlags: schedulerFlags, onePacket: onePacket, persistence: persistence,
            persistenceEngine: persistenceEngine)
    }

    public subscript(key: DestinationKey) -> Destination? {
        get {
            let index = destinations.partitioningIndex { $0.key >= key }
            return index < destinations.count && destinations[index].key == key ? destinations[index] : nil
        }
        set {
            let index = destinations.partitioningIndex { $0.key >= key }
            let stands = index < destinations.count && destinations[index].key == key
            switch newValue {
            case let destination? where stands: destinations[index] = destination
            case let destination?: destinations.insert(destination, at: index)
            case nil: if stands { destinations.remove(at: index) }
            }
        }
    }
}

/// What distinguishes a destination within its service.
public struct DestinationKey: Hashable, Sendable, Comparable {
    public var address: IPAddress
    /// 0 is the port that the client asked for.
    public var port: UInt16

    public init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }

    public static func < (a: DestinationKey, b: DestinationKey) -> Bool {
        a.address != b.address ? a.address < b.address : a.port < b.port
    }
}

/// A server behind a service.
public struct Destination: Hashable, Sendable {
    public var key: DestinationKey
    /// 0 keeps its connections and gets no new ones.
    public var weight: UInt32
    public var forwarding: ForwardingMethod
    /// No new connections from so many on; 0 is no limit.
    public var upperThreshold: UInt32
    /// New connections again from so few on.
    public var lowerThreshold: UInt32

    public init(
        _ address: IPAddress, port: UInt16, weight: UInt32 = 1, forwarding: ForwardingMethod = .nat,
        upperThreshold: UInt32 = 0, lowerThreshold: UInt32 = 0
    ) {
        key = DestinationKey(address, port: port)
        self.weight = weight
        self.forwarding = forwarding
        self.upperThreshold = upperThreshold
        self.lowerThreshold = lowerThreshold
    }
}

/// One step from one table to another. A data plane carries them out in the order given, or all at once.
public enum TableChange: Hashable, Sendable {
    /// With all its destinations.
    case addService(ForwardingService)
    /// Its settings change; its destinations stay.
    case editService(ServiceKey, ForwardingService.Settings)
    /// With all its destinations.
    case removeService(ServiceKey)
    case addDestination(ServiceKey, Destination)
    case editDestination(ServiceKey, Destination)
    case removeDestination(ServiceKey, DestinationKey)

    public var service: ServiceKey {
        switch self {
        case .addService(let service): service.key
        case .editService(let key, _), .removeService(let key), .addDestination(let key, _),
            .editDestination(let key, _),
            .removeDestination(let key, _):
            key
        }
    }
}

extension ForwardingTable {
    /// The steps that make this table `desired`: removals of services first, so that nothing is there twice; within a
    /// service additions before removals, so that a service which has a server never has none on the way.
    public func changes(to desired: ForwardingTable) -> [TableChange] {
        var removals: [TableChange] = []
        var others: [TableChange] = []
        var (old, new) = (0, 0)
        while old < services.count || new < desired.services.count {
            if new == desired.services.count || (old < services.count && services[old].key < desired.services[new].key)
            {
                removals.append(.removeService(services[old].key))
                old += 1
            } else if old == services.count || desired.services[new].key < services[old].key {
                others.append(.addService(desired.services[new]))
                new += 1
            } else {
                services[old].appendChanges(to: desired.services[new], into: &others)
                old += 1
                new += 1
            }
        }
        return removals + others
    }

    /// Carries out steps on this value, as a data plane does on the kernel.
    public mutating func apply(_ changes: some Sequence<TableChange>) {
        for change in changes {
            switch change {
            case .addService(let service): self[service.key] = service
            case .removeService(let key): self[key] = nil
            case .editService(let key, let settings): withService(key) { $0.apply(settings) }
            case .addDestination(let key, let destination), .editDestination(let key, let destination):
                withService(key) { $0[destination.key] = destination }
            case .removeDestination(let key, let destination): withService(key) { $0[destination] = nil }
            }
        }
    }

    private mutating func withService(_ key: ServiceKey, _ body: (inout ForwardingService) -> Void) {
        let index = services.partitioningIndex(of: key)
        guard index < services.count, services[index].key == key else { return }
        body(&services[index])
    }
}

extension ForwardingService {
    /// The steps from this service to another of the same key.
    func appendChanges(to desired: ForwardingService, into changes: inout [TableChange]) {
        if settings != desired.settings { changes.append(.editService(key, desired.settings)) }
        if destinations == desired.destinations { return }
        var removals: [TableChange] = []
        var (old, new) = (0, 0)
        while old < destinations.count || new < desired.destinations.count {
            if new == desired.destinations.count
                || (old < destinations.count && destinations[old].key < desired.destinations[new].key)
            {
                removals.append(.removeDestination(key, destinations[old].key))
                old += 1
            } else if old == destinations.count || desired.destinations[new].key < destinations[old].key {
                changes.append(.addDestination(key, desired.destinations[new]))
                new += 1
            } else {
                if destinations[old] != desired.destinations[new] {
                    changes.append(.editDestination(key, desired.destinations[new]))
                }
                old += 1
                new += 1
            }
        }
        changes += removals
    }

    public mutating func apply(_ settings: Settings) {
        scheduler = settings.scheduler
        schedulerFlags = settings.schedulerFlags
        onePacket = settings.onePacket
        persistence = settings.persistence
        persistenceEngine = settings.persistenceEngine
    }
}

extension [ForwardingService] {
    fileprivate func partitioningIndex(of key: ServiceKey) -> Int { partitioningIndex { $0.key >= key } }
}
