import Primitives

/// What a check asks of the machine that the configuration is for. Pure rooms cannot look: whoever calls the check does.
public protocol HostFacts {
    /// Nil when there is none of this name.
    func interface(_ name: String) -> HostInterface?
    /// The interface that has an address; nil when none has.
    func holder(of address: IPAddress) -> String?
    /// What a command's first word comes to.
    func program(_ name: String) -> HostProgram
    /// Whether a user, and the group named with it, exist here.
    func knows(_ user: ScriptUser) -> Bool
    /// Whether a user of this name or number is root.
    func isRoot(_ user: ScriptUser) -> Bool
    /// Whether a file can be read by whoever asks.
    func isReadable(_ path: String) -> Bool
    /// Whether the kernel speaks IPv6 at all.
    var hasIPv6: Bool { get }
    /// Whether the kernel has ip_vs, or can load it.
    var hasIPVS: Bool { get }
    /// What would end serving at the end of a lease here. It is tried, not looked up.
    func fence() -> HostFence
    /// Asks an arbiter once about a lease; waits a second at most.
    func ask(_ arbiter: ArbiterDefinition, about lease: LeaseDefinition) -> HostArbiter
}

/// What ends serving at the end of a lease, when the daemon itself hangs or is dead.
public enum HostFence: Hashable, Sendable {
    /// The kernel's programs load, and passed their test in this time.
    case kernel(tested: Duration)
    /// A table of nf_tables, by timeouts. Why not better.
    case timeouts(String)
    /// Nothing but the lifetimes of addresses. Why not better.
    case lifetimes(String)
    /// Whoever asks may not try: why.
    case unknown(String)
}

/// What an arbiter said to one question.
public enum HostArbiter: Hashable, Sendable {
    /// How long the answer took, nil where that says nothing; and what it said, in words.
    case answers(within: Duration?, String)
    /// It answers, and no lease could be had from it: why.
    case refuses(String)
    /// No answer: why.
    case silent(String)
    /// It cannot be asked from here: why.
    case unusable(String)
}

/// A network interface as it is now.
public struct HostInterface: Hashable, Sendable {
    public var isUp: Bool
    public var hasMulticast: Bool
    /// `disable_ipv6` is set.
    public var refusesIPv6: Bool
    public var addresses: [HostAddress]

    public init(isUp: Bool = true, hasMulticast: Bool = true, refusesIPv6: Bool = false, addresses: [HostAddress] = [])
    {
        self.isUp = isUp
        self.hasMulticast = hasMulticast
        self.refusesIPv6 = refusesIPv6
        self.addresses = addresses
    }
}

/// An address of an interface.
public struct HostAddress: Hashable, Sendable {
    public var prefix: IPPrefix
    /// A VRRP daemon put it there, or it will end by itself.
    public var isManaged: Bool

    public init(_ prefix: IPPrefix, isManaged: Bool = false) {
        self.prefix = prefix
        self.isManaged = isManaged
    }
}

/// What a command's program is on this machine.
public enum HostProgram: Hashable, Sendable {
    /// It can be run. `writers` says who besides root could put something else there; nil is nobody.
    case found(path: String, writers: String?)
    /// There, but nobody may execute it.
    case notExecutable(path: String)
    case missing
}
