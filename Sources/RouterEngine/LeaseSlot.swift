import Arbitration
import Configuration
import Primitives

/// A lease without which routers of this node must not be master: a sync group's, or one router's. Its place in the table is
/// its slot in the fence.
struct LeaseSlot: Sendable {
    var definition: LeaseDefinition
    var arbiter: ArbiterDefinition
    var name: LeaseName
    var machine: LeaseMachine
    var members: [RouterID] = []
    var group: Int?
    /// What the fence was last told; nil is closed.
    var fencedUntil: Deadline?
    /// How the last holding began, and when it was first granted.
    var taking: LeaseTaking?
    var heldSince: Instant?
    /// Before this, nobody is handed over to who asks for it.
    var claimsFrom: Instant = .zero
    /// Those who greet and have this lease.
    var around: [MemberTag: HolderName] = [:]
    /// What the others are asked to promise, as they were last told.
    var asksFor: Duration?
    /// Names the lease in what a successor reads.
    var recordKey: UInt64

    /// Nil when the model names something that is no name: it was checked long before.
    init?(_ definition: LeaseDefinition, _ arbiter: ArbiterDefinition, _ identity: NodeIdentity, at now: Instant) {
        guard let name = LeaseName(definition.name), let terms = arbiter.terms
        else { return nil }
        self.definition = definition
        self.arbiter = arbiter
        self.name = name
        let holder = HolderName(fitting: arbiter.node ?? identity.hostName)
        machine = LeaseMachine(
            holder: holder, incarnation: identity.incarnation, terms: terms, policy: arbiter.policy,
            lastRequest: max(identity.firstRequest, UInt64(clamping: now.nanoseconds)))
        var hash = StableHash()
        hash.add(definition.name)
        hash.add(holder.description)
        recordKey = hash.value
    }
}

extension LeaseSlot {
    /// In place: reading a slot out of the table copies all of it.
    mutating func drive(_ said: inout [LeaseEffect], _ body: (inout LeaseMachine, inout [LeaseEffect]) -> Void) {
        body(&machine, &said)
    }
}

/// Who this node is to others, and which of its processes this is.
public struct NodeIdentity: Hashable, Sendable {
    /// One life of the daemon: its workers follow each other under it, one at a time. Random, never used before.
    public var incarnation: Incarnation
    /// What an arbiter calls this node, where the configuration does not say.
    public var hostName: String
    /// Above every number that an earlier worker of this incarnation used for a request.
    public var firstRequest: UInt64
    /// The program and its version, as others are told.
    public var program: String
    /// Whether there is somebody to carry greetings.
    public var greets: Bool

    public init(
        incarnation: Incarnation = Incarnation(0), hostName: String = "node", firstRequest: UInt64 = 0,
        program: String = "aloft", greets: Bool = false
    ) {
        self.program = program
        self.greets = greets
        self.incarnation = incarnation
        self.hostName = hostName
        self.firstRequest = firstRequest
    }
}

extension ArbiterDefinition {
    /// Nil for what the configuration would not have accepted.
    var terms: LeaseTerms? { try? LeaseTerms(duration: leaseDuration, drift: drift) }

    var policy: LeasePolicy {
        switch whenDown {
        case .peers: .peers
        case .drop: .drop
        case .keep: .keep
        }
    }

    /// Whether leases that were granted by this one go on under the other.
    func keepsLeases(of other: ArbiterDefinition) -> Bool {
        kind == other.kind && cluster == other.cluster && node == other.node
    }
}

/// What stops a node that no longer runs, or runs late, from serving an address.
public enum FenceStanding: Hashable, Sendable {
    /// It is not known yet.
    case pending
    /// The kernel drops from an absolute deadline on, whatever becomes of this program.
    case kernel
    /// The kernel drops when a timeout has passed that counts from when it was told: late by as long as that took. Why not better.
    case timeouts(String)
    /// Nothing but the lifetimes of the addresses; why not better.
    case lifetimes(String)
    /// It was there, and somebody removed it; it is being put back.
    case lost(String)
}

/// One address that the fence is to guard.
public struct GuardedAddress: Hashable, Sendable {
    public var interface: InterfaceIndex
    public var address: IPAddress
    /// Whose deadline counts for it.
    public var lease: LeaseID

    public init(interface: InterfaceIndex, address: IPAddress, lease: LeaseID) {
        self.interface = interface
        self.address = address
        self.lease = lease
    }

    /// What has one owner.
    struct Place: Hashable {
        var interface: InterfaceIndex
        var address: IPAddress
    }

    var place: Place { Place(interface: interface, address: address) }
}

/// What a worker leaves to its successor about a lease: the slot in the fence, and under which epoch it held. The deadline is
/// kept beside it, in one word.
public struct HeldLease: Hashable, Sendable {
    public var slot: Int
    /// Hash of the lease's name and the node's.
    public var key: UInt64
    public var epoch: Epoch
    /// `.zero` where nothing is held.
    public var until: Deadline

    public init(slot: Int, key: UInt64, epoch: Epoch, until: Deadline) {
        self.slot = slot
        self.key = key
        self.epoch = epoch
        self.until = until
    }
}

/// The bytes of it in shared memory, with a checksum.
extension HeldLease {
    public static let encodedLength = 32

    public func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: UInt64(0x414C_4F46_544C_3031))  // "ALOFTL01"
        bytes.append(bigEndian: key)
        bytes.append(bigEndian: epoch.rawValue)
        var hash = StableHash()
        hash.add(bytes.span.bytes)
        bytes.append(bigEndian: hash.value)
        return bytes
    }

    /// Nil for anything that was not written whole by `encode`.
    public static func decode(_ bytes: RawSpan, slot: Int, until: Deadline) -> HeldLease? {
        guard bytes.uint64(at: 0) == 0x414C_4F46_544C_3031, let key = bytes.uint64(at: 8),
            let epoch = bytes.uint64(at: 16), let checksum = bytes.uint64(at: 24)
        else { return nil }
        var hash = StableHash()
        for offset in 0..<24 { hash.add(bytes.uint8(at: offset) ?? 0) }
        guard hash.value == checksum else { return nil }
        return HeldLease(slot: slot, key: key, epoch: Epoch(epoch), until: until)
    }
}
