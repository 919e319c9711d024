import Arbitration
import Greeting
import Primitives
import VRRP

/// What the engine asks of the world. The order in the list is the order to act in, and part of the
/// contract:
///
/// - becoming master: advertise, install, record, announce, then transition and hooks;
/// - leaving it: record, advertise priority 0 (where the role asks for it), withdraw, then transition and hooks.
///
/// So what is recorded never claims more than what stands: taking is written after the address is there,
/// releasing before it goes. Trivial: a list of effects that keeps its capacity allocates nothing.
public enum Effect: Hashable, Sendable {
    // Packets
    case advertise(RouterID, Priority)
    /// Gratuitous ARP or unsolicited neighbour advertisement, `count` times.
    case announce(AddressID, count: Int)
    /// A greeting, from the router's source; to a group with hop limit 255.
    case greet(RouterID, to: IPAddress, [UInt8])
    // The kernel
    case install(AddressID)
    case withdraw(AddressID)
    /// Give the address a new lifetime.
    case refresh(AddressID)
    /// `Engine.sockets` says which sockets should be open now.
    case socketsChanged
    // Leases
    /// The addresses under this lease may be served until then (nil: no more), whatever becomes of this process. Comes before
    /// everything that makes others serve, and before everything that serves.
    case fence(LeaseID, until: Deadline?)
    /// `Engine.guards` says what the fence should guard now.
    case guardsChanged
    /// Ask an arbiter. Questions that follow each other go in one request.
    case ask(String, LeaseQuestion)
    // What outlives this process
    case record(RouterID)
    case recordScript(ScriptID)
    // Scripts, people
    case startScript(ScriptID)
    case cancelScript(ScriptID)
    case transition(RouterID, Transition)
    case groupTransition(GroupID, from: Role, to: Role)
    case hook(HookSubject, HookKind)
    /// A predecessor reported this role; should its hook have been lost with it, run it now. Not otherwise.
    case ensureHook(HookSubject, HookKind)
    case note(Note)
    /// The configuration that `reload` brought is in force.
    case reloaded(changed: Int, added: Int, removed: Int)
    /// Every address is released; the process may end.
    case stopped
}

public enum HookSubject: Hashable, Sendable {
    case router(RouterID)
    case group(GroupID)
}

/// Which of the configured hooks is due.
public enum HookKind: UInt8, Hashable, Sendable {
    case backup, master, fault, stop, deleted, masterReceivedLowerPriority, priorityChanged, split
}

/// Something an operator may want to read, that is no change of role.
public enum Note: Hashable, Sendable {
    case heardLowerPriority(RouterID, Priority, from: IPAddress)
    case priorityChanged(RouterID, from: Priority, to: Priority)
    /// The first of its kind since the role changed; more are only counted.
    case rejected(RouterID, Rejection, from: IPAddress)
    /// The master's list of addresses is not this router's.
    case addressesDiffer(RouterID, from: IPAddress)
    case unknownRouter(VirtualRouterID, InterfaceIndex, from: IPAddress)
    /// An address that should be there was missing and is put back.
    case repaired(AddressID)
    case fought(AddressID)
    case operationFailed(AddressID, AddressOperation, errno: Int32)
    case scriptChanged(ScriptID, isUp: Bool)
    case scriptSkipped(ScriptID)
    /// The record of a predecessor was too old to go on with.
    case tooLateToAdopt(RouterID, since: Duration)
    /// This node holds the lease.
    case leaseTaken(LeaseID)
    /// It held the lease, and does not any more.
    case leaseLost(LeaseID, LeaseLoss)
    /// Another holds as well.
    case split(RouterID, Split)
    /// It still does; said ever more rarely.
    case splitLasts(RouterID, Split)
    /// One of the two let go.
    case splitOver(RouterID, Split)
    /// The arbiter does not answer, and it goes on.
    case leaseKept(LeaseID, LeaseKeeping)
    /// The arbiter has granted a renewal again.
    case leaseKeptNoMore(LeaseID)
    /// Another node said so, or was not listened to.
    case greeting(RouterID, GreetingNote)
}

extension Note {
    /// The rule behind it: its name in logs and documents.
    public var rule: RuleID {
        switch self {
        case .heardLowerPriority: .lowerPriority
        case .priorityChanged: .priorityChanged
        case .rejected(_, let rejection, _): rejection.rule
        case .addressesDiffer: .addressesDiffer
        case .unknownRouter: .unknownRouter
        case .repaired: .addressRepaired
        case .fought: .addressFought
        case .operationFailed: .addressRefused
        case .scriptChanged(_, let isUp): isUp ? .scriptRose : .scriptFell
        case .scriptSkipped: .scriptOverrun
        case .tooLateToAdopt: .adoptionTooLate
        case .leaseTaken: .leaseHeld
        case .leaseLost(_, let loss): loss.rule
        case .split(_, let split), .splitLasts(_, let split): split.rule
        case .splitOver: .splitOver
        case .leaseKept(_, let keeping): keeping.rule
        case .leaseKeptNoMore: .leaseKeptNoMore
        case .greeting(_, let note): note.rule
        }
    }
}
