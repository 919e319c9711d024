import Configuration
import Health
import Primitives

/// A virtual server as it stands.
struct ServiceState: Hashable, Sendable {
    var settings: VirtualServer
    /// What of it the kernel knows: one, or those of its group.
    var keys: [ServiceKey]
    var servers: [ServerState] = []
    var hasQuorum = true
    var since: Instant
    /// `ha_suspend`, and its address is elsewhere.
    var isSuspended = false
    /// keepalived's name: `[10.0.0.1]:tcp:80`, `FWM 5`, `[group]:0`.
    var name: String

    init(_ settings: VirtualServer, groups: [VirtualServerGroup], at now: Instant) {
        self.settings = settings
        since = now
        name = settings.keepalivedName
        keys = settings.serviceKeys(groups)
    }

    /// What all servers weigh together that may get connections.
    var livingWeight: Int64 {
        var sum: Int64 = 0
        for server in servers where server.serves { sum += Int64(server.weight) }
        return sum
    }

    /// The quorum, or what all servers weigh where that is less: it could never be reached.
    var quorum: Int64 {
        var sum: Int64 = 0
        for server in servers where !server.isLeaving { sum += Int64(max(server.settings.weight, 0)) }
        return min(Int64(settings.quorum), max(sum, 1))
    }

    /// Whether the quorum stands, with the hysteresis on the side where it is: what it was must change by more than that.
    func quorumStands(was: Bool) -> Bool {
        let weight = livingWeight
        let slack = min(Int64(settings.hysteresis), quorum - 1)
        if was { return weight > 0 && weight >= quorum - slack }
        return weight > 0 && weight >= quorum + Int64(settings.hysteresis)
            || servers.allSatisfy(\.serves) && weight >= quorum
    }
}

/// A real server as it stands.
struct ServerState: Hashable, Sendable {
    /// Connections run out: no new ones, and then it goes.
    struct Drain: Hashable, Sendable {
        var since: Instant
        /// When it goes at the latest; nil: when the last connection has ended.
        var deadline: Deadline?
        /// It is out.
        var isDone = false
    }

    var settings: RealServer
    /// Slots of its checkers.
    var checks: [Int] = []
    /// All its checkers pass.
    var isUp = true
    var since: Instant
    /// What it weighs as far as its checkers and files have a say in it.
    var weight: Int
    var drain: Drain?
    /// It is in the configuration no more.
    var isLeaving = false
    /// When its `slow_start` began; nil where its weight is whole.
    var risingSince: Instant?
    /// keepalived's name: `[10.0.0.11]:tcp:80`.
    var name: String

    /// Gets new connections.
    var serves: Bool { isUp && drain == nil && weight > 0 }
    var key: DestinationKey { DestinationKey(settings.address, port: settings.port) }

    /// The words of `status`.
    var stateName: String {
        if let drain { return drain.isDone ? "DRAINED" : "DRAINING" }
        return isUp ? "UP" : "DOWN"
    }
}

/// A checker of one server.
struct CheckSlot: Hashable, Sendable {
    var check: HealthCheck
    var schedule: CheckSchedule
    var service: Int
    var server: Int
    /// The run that is awaited; 0 is none.
    var run: UInt64 = 0
    /// Why this host could not ask the last time; empty where it could.
    var obstacle = ""
}

extension VirtualServer {
    /// At most so many services come of one group: a prefix of IPv6 may have more addresses than there is memory.
    static let groupLimit = 65_536

    func serviceKeys(_ groups: [VirtualServerGroup]) -> [ServiceKey] {
        switch service {
        case .address(let address, let port): return [.address(address, port: port, transport ?? .udp)]
        case .firewallMark(let mark): return [.mark(mark, family)]
        case .group(let name):
            guard let group = groups.first(where: { $0.name == name }) else { return [] }
            var keys: [ServiceKey] = []
            for entry in group.entries {
                switch entry {
                case .firewallMark(let mark, let family): keys.append(.mark(mark, family ?? self.family))
                case .addresses(let first, let last, let port):
                    var address = first
                    while address <= last, keys.count < Self.groupLimit {
                        keys.append(.address(address, port: port, transport ?? .udp))
                        guard address < last, let next = address.successor else { break }
                        address = next
                    }
                }
            }
            return keys
        }
    }

    /// The name that keepalived writes to its FIFO and its log.
    public var keepalivedName: String {
        switch service {
        case .address(let address, let port): "[\(address)]:\((transport ?? .udp).name):\(port)"
        case .firewallMark(let mark): "FWM \(mark)"
        case .group(let name): "[\(name)]:0"
        }
    }
}

extension VirtualServer.TransportProtocol {
    /// `tcp`, `udp`, `sctp`.
    public var name: String {
        switch self {
        case .tcp: "tcp"
        case .udp: "udp"
        case .sctp: "sctp"
        }
    }
}

extension IPAddress {
    /// The address behind this one; nil behind the last.
    var successor: IPAddress? {
        switch self {
        case .v4(let address): address.bits == .max ? nil : .v4(IPv4Address(bits: address.bits + 1))
        case .v6(let address):
            if address.low < .max {
                .v6(IPv6Address(high: address.high, low: address.low + 1))
            } else {
                address.high == .max ? nil : .v6(IPv6Address(high: address.high + 1, low: 0))
            }
        }
    }
}
