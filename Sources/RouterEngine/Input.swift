import Arbitration
import Configuration
import Primitives
import VRRP

/// Everything that can happen to a node, but for packets (`Engine.receive`), which come too often to be
/// wrapped. The driver writes each to the input log before the engine sees it.
public enum Input: Hashable, Sendable {
    /// Start the virtual routers, going on with what a predecessor recorded. Comes once, after the first dump.
    case start(adopting: [RouterRecord], scripts: [ScriptRecord], leases: [HeldLease] = [])
    /// A deadline may have passed.
    case timer
    /// All links and addresses as the kernel has them: at start and after an overrun.
    case kernelDump([Link], [KernelAddress])
    case link(Link)
    case linkGone(InterfaceIndex)
    case address(KernelAddress)
    case addressGone(KernelAddress)
    /// The kernel refused an operation that an effect asked for.
    case operationFailed(AddressID, AddressOperation, errno: Int32)
    /// Which of `Engine.sockets` are not open: all of them, each time it changes. The world tries again by itself.
    case socketsMissing([Engine.SocketKey])
    case scriptFinished(ScriptID, ScriptOutcome)
    /// A configuration that was checked and found good.
    indirect case reload(Model)
    /// What an arbiter says of leases.
    case leases(arbiter: String, [LeaseReport])
    /// How an arbiter is reached.
    case arbiter(String, ArbiterStanding)
    /// What stands between a stalled node and those it served. Leases wait for the first.
    case fence(FenceStanding)
    /// A greeting of another node.
    case hello(HelloDatagram)
    /// A frame that arrived on the interface says that a MAC address has an address of `Engine.claimable`.
    case claimed(AddressClaim, on: InterfaceIndex)
    case stop
    /// A predecessor cannot be kept alive: give up what it recorded as held, and remove what it left. Comes
    /// instead of `start`, after the first dump.
    case release([RouterRecord])
}

/// What the kernel says of a network interface.
public struct Link: Hashable, Sendable {
    public var index: InterfaceIndex
    public var name: String
    /// Administratively up and with carrier (IFF_UP and IFF_RUNNING).
    public var isUp: Bool
    public var mac: MACAddress
    public var mtu: UInt32
    /// Has no ARP (IFF_NOARP): loopback, tunnels. Nothing is announced on it.
    public var isWithoutARP: Bool

    public init(
        index: InterfaceIndex, name: String, isUp: Bool, mac: MACAddress = .zero, mtu: UInt32 = 1500,
        isWithoutARP: Bool = false
    ) {
        self.index = index
        self.name = name
        self.isUp = isUp
        self.mac = mac
        self.mtu = mtu
        self.isWithoutARP = isWithoutARP
    }
}

/// What the kernel says of an address.
public struct KernelAddress: Hashable, Sendable {
    public var interface: InterfaceIndex
    public var prefix: IPPrefix
    /// Carries the mark of this program (IFA_PROTO).
    public var isMarked: Bool
    /// Cannot be sent from yet: duplicate address detection has not ended, or failed.
    public var isTentative: Bool
    /// Has no end of life.
    public var isPermanent: Bool

    public init(
        interface: InterfaceIndex, prefix: IPPrefix, isMarked: Bool = false, isTentative: Bool = false,
        isPermanent: Bool = false
    ) {
        self.interface = interface
        self.prefix = prefix
        self.isMarked = isMarked
        self.isTentative = isTentative
        self.isPermanent = isPermanent
    }
}

public enum AddressOperation: UInt8, Hashable, Sendable {
    case install, withdraw, refresh
}

/// How a tracked script ended.
public enum ScriptOutcome: Hashable, Sendable {
    case exited(Int32)
    case signalled(Int32)
    case timedOut
    case failedToStart(Int32)

    public var isSuccess: Bool { self == .exited(0) }
}
