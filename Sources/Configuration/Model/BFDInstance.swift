import Primitives

/// A `bfd_instance`: a session of RFC 5880 with a neighbour.
public struct BFDInstance: Hashable, Sendable {
    /// At most 31 bytes.
    public var name: String
    /// `neighbor_ip`.
    public var neighbour: IPAddress
    /// `source_ip`; nil means the kernel's choice.
    public var source: IPAddress?
    /// `min_rx`: the least interval at which it can hear; microseconds, 1…4294967 ms.
    public var minimumReceive: Duration = .milliseconds(10)
    /// `min_tx`: the least interval at which it wants to send.
    public var minimumTransmit: Duration = .milliseconds(10)
    /// `idle_tx`: the interval while the session is not up, at least 1 s.
    public var idleTransmit: Duration = .seconds(1)
    /// `multiplier`, 1…255: packets that may be missed.
    public var multiplier: Int = 5
    /// `passive`: silent until the neighbour is heard.
    public var isPassive: Bool = false
    /// `ttl` or `hoplimit`, 1…255: 255 in IPv4 and 64 in IPv6 unless written.
    public var ttl: Int
    /// `max_hops`, -1…255: how much less than `ttl` may arrive; 255 checks nothing.
    public var maximumHops: Int = 0
    /// `multihop`: port 4784, RFC 5883.
    public var isMultihop: Bool = false
    /// `weight`, -253…253, where it is tracked without one.
    public var weight: Int = 0
    /// `weight N reverse`.
    public var reverse: Bool = false
    /// Instances hear of it: false only with `checker` alone.
    public var tellsInstances: Bool = true
    /// Checkers hear of it: false only with `vrrp` alone.
    public var tellsCheckers: Bool = true

    public init(name: String, neighbour: IPAddress) {
        self.name = name
        self.neighbour = neighbour
        ttl = neighbour.family == .ipv4 ? 255 : 64
    }
}
