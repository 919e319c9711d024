import LinuxWorld
import Primitives
import RouterEngine
import Supervision

/// What must not be done before the fence is ready for it, and is not dropped: it is done in its order as soon as that is, and after a limit in any case.
///
/// - An address is installed when it is known to be guarded: one that a reload adds to a master would else be served, by a node that dies just then,
///   for as long as it lives. Of an instance that takes its lease that is so long before.
/// - An address is announced when it is open. Where the kernel's programs read the deadline that is at once; where another process has to
///   tell the kernel a moment later, and the fence would drop the announcement.
public struct FenceWaits {
    public enum Kind: Hashable {
        case install
        case announce(Int)
    }

    public struct Waiting: Equatable {
        public var address: AddressID
        public var kind: Kind
        public var limit: Deadline
        /// In which order they came.
        var number: UInt64
    }

    private struct Place: Hashable {
        var interface: InterfaceIndex
        var address: IPAddress
    }

    private struct Guard {
        var lease: LeaseID
        /// Of the list in which it was first.
        var number: UInt32
    }

    /// To the fence process, where there is one.
    public var line: MessageLine?
    /// Deadlines were stored, and the fence process does not know.
    public var isPokeDue = false
    /// Lists are numbered through all workers of a daemon, so that an answer to a predecessor is none.
    private var said: UInt32
    private var known: UInt32
    private var guards: [Place: Guard] = [:]
    private var opened: [Int: Instant] = [:]
    /// What waits of each address, oldest first; none is empty.
    private var queues: [AddressID: [Waiting]] = [:]
    private var last: UInt64 = 0
    /// What the supervisor is to know once the kernel does.
    private var released: [[UInt8]] = []
    private var taken: [[UInt8]] = []

    /// How long the supervisor may take to guard an address.
    public static let guardLimit = Duration.seconds(1)
    /// How long an announcement is kept until the address is open.
    public static let openLimit = Duration.milliseconds(300)

    /// - Parameter now: later than that of every earlier worker of the daemon.
    public init(at now: Instant) {
        said = UInt32(truncatingIfNeeded: now.nanoseconds >> 20)
        known = said
    }

    public var isEmpty: Bool { queues.isEmpty }

    public var nextDeadline: Deadline {
        queues.isEmpty
            ? .distantFuture : queues.values.lazy.compactMap { $0.map(\.limit).min() }.min() ?? .distantFuture
    }

    /// The list for the supervisor.
    public mutating func say(_ list: [GuardedAddress]) -> GuardedAddresses {
        said &+= 1
        var next: [Place: Guard] = [:]
        for one in list {
            let place = Place(interface: one.interface, address: one.address)
            let old = guards[place]
            next[place] = old?.lease == one.lease ? old : Guard(lease: one.lease, number: said)
        }
        guards = next
        return GuardedAddresses(list, number: said)
    }

    /// The list with this number is guarded, and those before it.
    public mutating func learn(number: UInt32) {
        if Self.is(number, after: known), !Self.is(number, after: said) { known = number }
    }

    public mutating func learn(_ opened: [(slot: FenceSlot, until: Instant)]) {
        for one in opened { self.opened[Int(one.slot.rawValue)] = one.until }
    }

    private static func `is`(_ a: UInt32, after b: UInt32) -> Bool { Int32(bitPattern: a &- b) > 0 }

    /// True when it waits now, or did before.
    public mutating func holds(_ kind: Kind, _ id: AddressID, _ engine: borrowing Engine, at now: Instant) -> Bool {
        guard engine.isLeased(id) else { return false }
        // Nothing of an address passes what waits of the same.
        guard isWaiting(id) || !isReady(kind, id, engine, at: now) else { return false }
        if queues[id]?.contains(where: { $0.kind == kind }) == true { return true }
        let limit = kind == .install ? Self.guardLimit : Self.openLimit
        last += 1
        queues[id, default: []].append(Waiting(address: id, kind: kind, limit: now + limit, number: last))
        return true
    }

    /// Whether something of this address waits: what comes after it is not to be done before it.
    public func isWaiting(_ id: AddressID) -> Bool { queues[id] != nil }

    private func isReady(_ kind: Kind, _ id: AddressID, _ engine: borrowing Engine, at now: Instant) -> Bool {
        guard let entry = engine.address(id), let interface = entry.interface else { return true }
        let place = Place(interface: interface, address: entry.key.prefix.address)
        guard let found = guards[place], !Self.is(found.number, after: known) else { return false }
        guard kind != .install, case .timeouts = engine.fence else { return true }
        return opened[found.lease.index] ?? .zero > now
    }

    /// The address goes: what waits for it is not done.
    public mutating func forget(_ id: AddressID, _ engine: borrowing Engine) {
        queues[id] = nil
        guard let address = guarded(id, engine) else { return }
        taken.removeAll { $0 == address }
        released.append(address)
    }

    /// The address comes.
    public mutating func note(_ id: AddressID, _ engine: borrowing Engine) {
        guard let address = guarded(id, engine) else { return }
        released.removeAll { $0 == address }
        taken.append(address)
    }

    /// Nil of a link-local one of IPv6 too: another link may have the same, and its connections are not this lease's to end.
    private func guarded(_ id: AddressID, _ engine: borrowing Engine) -> [UInt8]? {
        guard !guards.isEmpty, let entry = engine.address(id), let interface = entry.interface,
            guards[Place(interface: interface, address: entry.key.prefix.address)] != nil
        else { return nil }
        let address = entry.key.prefix.address
        if address.family == .ipv6, address.isLinkLocal { return nil }
        var bytes: [UInt8] = []
        address.append(to: &bytes)
        return bytes
    }

    /// What has come and what has gone since this was asked last.
    public mutating func takeChanges() -> [WorkerMessage] {
        var messages: [WorkerMessage] = []
        if !taken.isEmpty { messages.append(.taken(taken)) }
        if !released.isEmpty { messages.append(.released(released)) }
        (taken, released) = ([], [])
        return messages
    }

    /// What can be done now, and what has waited for too long; in its order.
    public mutating func take(_ engine: borrowing Engine, at now: Instant) -> [Waiting] {
        var taken: [Waiting] = []
        for id in Array(queues.keys) {
            while let first = queues[id]?.first, now >= first.limit || isReady(first.kind, id, engine, at: now) {
                taken.append(first)
                queues[id]?.removeFirst()
            }
            if queues[id]?.isEmpty == true { queues[id] = nil }
        }
        return taken.sorted { $0.number < $1.number }
    }
}
