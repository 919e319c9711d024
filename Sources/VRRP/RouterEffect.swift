import Primitives

/// What a virtual router asks of the world. The order in the list is the order to act in.
public enum RouterEffect: Hashable, Sendable {
    /// Send one advertisement with this priority, now.
    case advertise(Priority)
    /// Send this many announcements for each address (gratuitous ARP, unsolicited neighbour advertisement).
    case announce(count: Int)
    /// Send one announcement for each address that stands on another interface than the router's own.
    case announceElsewhere
    /// The role changed. What a role implies (addresses, hooks) follows from it.
    case transition(Transition)
    /// It is ready to be master and waits for consent.
    case wantsMaster
    /// A lower priority was heard while master: two masters until it yields.
    case heardLowerPriority(Priority, from: IPAddress)
    /// The interval by which the master is judged is another now (VRRPv3).
    case intervalLearnt(Centiseconds)
    /// The priority that others see changed without a change of role.
    case priorityChanged(from: Priority, to: Priority)
}

/// A change of role with its cause.
public struct Transition: Hashable, Sendable {
    public var from: Role
    public var to: Role
    public var cause: Cause

    public init(from: Role, to: Role, cause: Cause) {
        self.from = from
        self.to = to
        self.cause = cause
    }
}

/// Why something happened: the rule that decided, and what it saw.
public struct Cause: Hashable, Sendable {
    public var rule: RuleID
    /// The peer that was heard, or whose silence counted.
    public var peer: IPAddress?
    public var peerPriority: Priority?
    /// How long nothing was heard, or how long the router had waited.
    public var elapsed: Duration?

    public init(_ rule: RuleID, peer: IPAddress? = nil, peerPriority: Priority? = nil, elapsed: Duration? = nil) {
        self.rule = rule
        self.peer = peer
        self.peerPriority = peerPriority
        self.elapsed = elapsed
    }
}

/// A reason why a virtual router may not serve. The list of them is what `aloft status` shows for FAULT.
public enum FaultReason: Hashable, Sendable, Comparable {
    case noInterface(String)
    case interfaceDown(String)
    case trackedInterface(String)
    case noSourceAddress
    /// The socket that would hear other routers cannot be opened: a deaf master would never yield.
    case cannotHear(String)
    /// A tracked script has no result yet: held back, not failed.
    case scriptPending(String)
    case script(String)
    /// Somebody removes the address as often as it is put back.
    case addressFought(IPPrefix)
    /// Another member of the sync group has a fault.
    case syncGroup(group: String, member: String)

    /// Only waiting: the router has not failed, it has not begun.
    public var isPending: Bool {
        if case .scriptPending = self { true } else { false }
    }
}

extension FaultReason: CustomStringConvertible {
    public var description: String {
        switch self {
        case .noInterface(let name): "interface \(name) does not exist"
        case .interfaceDown(let name): "interface \(name) is down"
        case .trackedInterface(let name): "tracked interface \(name) is down"
        case .noSourceAddress: "no address to send from"
        case .cannotHear(let place): "no socket to hear other routers with on \(place)"
        case .scriptPending(let name): "script \(name) has not reported yet"
        case .script(let name): "script \(name) fails"
        case .addressFought(let prefix): "somebody keeps removing \(prefix)"
        case .syncGroup(let group, let member): "\(member), of the same sync group \(group), has a fault"
        }
    }
}
