import Configuration
import Health
import Primitives

/// A run of a check: which checker, and which of its runs. A result that comes after its run was called off fits none.
public struct CheckID: Hashable, Sendable {
    public var slot: Int
    public var run: UInt64

    public init(slot: Int, run: UInt64) {
        self.slot = slot
        self.run = run
    }
}

/// Everything that can happen to a balancer.
public enum BalancerInput: Hashable, Sendable {
    /// Begin. `kernel` is what stands in the kernel; it is made what it should be by steps, so that what can stay stays. After a predecessor
    /// that died, `adopting`, servers that it had taken out count as failed until a check passes. `drained` are those an operator had drained.
    case start(kernel: ForwardingTable, adopting: Bool, drained: [DrainOrder])
    /// A deadline may have passed.
    case timer
    case checkFinished(CheckID, Verdict)
    /// The addresses of this host: all of them, each time they change.
    case localAddresses(Set<IPAddress>)
    /// What a `track_file` says; 0 where it cannot be read.
    case trackedFile(String, value: Int)
    /// A session of a `bfd_instance` came up or went down.
    case session(String, isUp: Bool)
    /// What stands in the kernel: it may differ from what was asked for.
    case tableRead(ForwardingTable)
    /// Steps that the kernel did not take, each with the reason.
    case refused([TableChange], reasons: [String])
    /// Open connections of each destination; asked for by ``BalancerEffect/countConnections``. A destination that is not named has none.
    case connections([ServiceKey: [DestinationKey: UInt64]])
    case drain(DrainOrder)
    case undrain(ServerSelector)
    /// A configuration that was checked and found good.
    case reload(Model)
    /// Take everything out. `keeping`: leave the table to the kernel (`-I`).
    case stop(keeping: Bool)
}

/// Servers that an operator means: an address, or one port of it; of one service, or of all.
public struct ServerSelector: Hashable, Sendable {
    public var address: IPAddress
    public var port: UInt16?
    /// As ``ServiceState/name`` says it; nil is every service.
    public var service: String?

    public init(_ address: IPAddress, port: UInt16? = nil, service: String? = nil) {
        self.address = address
        self.port = port
        self.service = service
    }
}

public struct DrainOrder: Hashable, Sendable {
    public var servers: ServerSelector
    /// How long connections may take to end; nil: as `drain_timeout` says, or without limit.
    public var timeout: Duration?

    public init(_ servers: ServerSelector, timeout: Duration? = nil) {
        self.servers = servers
        self.timeout = timeout
    }
}

/// What the balancer wants done, in this order.
public enum BalancerEffect: Hashable, Sendable {
    /// Ask, and answer with ``BalancerInput/checkFinished(_:_:)``.
    case check(CheckID, HealthCheck.Probe)
    /// Nobody waits for the result any more.
    case cancel(CheckID)
    /// The kernel is to take these steps; what it refuses comes back.
    case change([TableChange])
    /// Run a script; of one key only one at a time, and of those that wait only the newest.
    case hook(key: String, state: String, HookCommand)
    /// A line for `lvs_notify_fifo`, with its newline.
    case fifo(String)
    case alert(BalancerAlert)
    case report(BalancerReport)
    /// For the history, and for people.
    case transition(BalancerTransition)
    /// Answer with ``BalancerInput/connections(_:)``, of ``Balancer/drainingServices`` at least.
    case countConnections
}

/// What a mail may be sent for.
public struct BalancerAlert: Hashable, Sendable {
    public enum Event: Hashable, Sendable {
        /// A server, for another reason than what a checker found.
        case server(String, isUp: Bool, reason: String)
        /// One of its checkers: its keyword, and what it found.
        case checker(String, keyword: String, isUp: Bool, reason: String)
        /// The quorum of a service: the weight of living servers, the quorum, its hysteresis. `isStart`: so it begins.
        case quorum(isUp: Bool, isStart: Bool, weight: Int64, quorum: UInt32, hysteresis: UInt32)
    }

    /// As ``ServiceState/name``.
    public var service: String
    public var event: Event
}

/// A line for the log.
public struct BalancerReport: Hashable, Sendable {
    public enum Severity: Hashable, Sendable { case info, notice, warning, error }
    public var severity: Severity
    public var rule: RuleID
    public var text: String
}

/// A change of state of a service or a server.
public struct BalancerTransition: Hashable, Sendable {
    /// `SERVICE`, or `SERVER of SERVICE`.
    public var name: String
    public var from: String
    public var to: String
    public var rule: RuleID
    public var reason: String
}
