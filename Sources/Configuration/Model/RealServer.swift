import Primitives

/// A `real_server`: one that answers for a virtual server while its checks succeed.
public struct RealServer: Hashable, Sendable {
    /// Of the virtual server's family, unless packets are tunnelled.
    public var address: IPAddress
    /// 0 is the port that the client asked for. With DR and TUN always that of the virtual server.
    public var port: UInt16
    /// `weight`, 0…2147483647: the virtual server's, or 1. 0 gets no new connections.
    public var weight: Int = 1
    /// `lvs_method`, or the virtual server's.
    public var forwarding: ForwardingMethod = .nat
    /// `uthreshold`: no new connections from so many on; 0 is no limit.
    public var upperThreshold: UInt32 = 0
    /// `lthreshold`: new connections again from so few on; 0 is three quarters of the upper one.
    public var lowerThreshold: UInt32 = 0
    /// `inhibit_on_failure`: a failed server gets weight 0 and keeps its connections, and is not removed.
    public var inhibitOnFailure: Bool = false
    /// `drain_timeout`, or the virtual server's: a server that is removed from the configuration, or drained, gets weight 0 and so long for its
    /// connections to end; then it goes. Nil: it goes at once.
    public var drainTimeout: Duration?
    /// `slow_start`, or the virtual server's: a server that comes back gets its weight little by little within this time; nil: at once.
    public var slowStart: Duration?
    /// `smtp_alert`, or the global defaults, or true.
    public var smtpAlert: Bool = true
    /// `notify_up`.
    public var notifyUp: HookCommand?
    /// `notify_down`.
    public var notifyDown: HookCommand?
    /// `virtualhost`, or the virtual server's.
    public var virtualHost: String?
    /// `snmp_name`.
    public var snmpName: String?
    /// What checks inherit: the virtual server's where the real server says nothing.
    public var timing = CheckTiming()
    /// In the order of the text. Without any the server is always taken for alive.
    public var checks: [HealthCheck] = []

    public init(_ address: IPAddress, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// A `sorry_server`.
public struct SorryServer: Hashable, Sendable {
    /// Of the virtual server's family, unless packets are tunnelled.
    public var address: IPAddress
    /// As of a real server.
    public var port: UInt16
    /// `sorry_server_lvs_method`, or the virtual server's.
    public var forwarding: ForwardingMethod
    /// `sorry_server_inhibit`: it stays with weight 0 while it is not needed.
    public var inhibit: Bool

    public init(_ address: IPAddress, port: UInt16, forwarding: ForwardingMethod = .nat, inhibit: Bool = false) {
        self.address = address
        self.port = port
        self.forwarding = forwarding
        self.inhibit = inhibit
    }
}

/// When and how patiently to check: a virtual server's counts for its real servers, theirs for their checks.
public struct CheckTiming: Hashable, Sendable {
    /// `delay_loop`: between two checks.
    public var delayLoop: Duration = .seconds(60)
    /// `connect_timeout`, 1 µs…4294.967295 s.
    public var connectTimeout: Duration = .seconds(5)
    /// `delay_before_retry`; nil is up to the kind of check.
    public var delayBeforeRetry: Duration?
    /// `warmup`; nil means as long as `delayLoop`.
    public var warmup: Duration?
    /// `retry`; nil is up to the kind of check.
    public var retry: UInt32?
    /// `rise`; nil is 1.
    public var rise: UInt32?
    /// `alpha`: down until the first success.
    public var alpha: Bool = false

    public init() {}
}
