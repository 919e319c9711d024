import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import Workers

/// What must not be done before the fence is ready for it, and is not dropped: it is done in its order as soon as that is, and after a limit in any case.
///
/// - An address is installed when it is known to be guarded: one that a reload adds to a master would else be served, by a node that dies just then,
///   for as long as it lives. Of an instance that takes its lease that is so long before.
/// - An address is announced when it is open. Where the kernel's programs read the deadline that is at once; where another process has to
///   tell the kernel (`FenceProcess`) a moment later, and the fence would drop the announcement.
struct FenceWaits {
    enum Kind: Hashable {
        case install
        case announce(Int)
    }

    struct Waiting {
        var address: AddressID
        var kind: Kind
        var limit: Deadline
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
    var line: MessageLine?
    /// Deadlines were stored, and the fence process does not know.
    var isPokeDue = false
    /// Lists are numbered through all workers of a daemon, so that an answer to a predecessor is none.
    private var said = UInt32(truncatingIfNeeded: BootClock.now().nanoseconds >> 20)
    private var known: UInt32
    private var guards: [Place: Guard] = [:]
    private var opened: [Int: Instant] = [:]
    private(set) var waiting: [Waiting] = []
    /// What the supervisor is to know once the kernel does.
    private(set) var released: [[UInt8]] = []
    private(set) var taken: [[UInt8]] = []

    /// How long the supervisor may take to guard an address.
    static let guardLimit = Duration.seconds(1)
    /// How long an announcement is kept until the address is open.
    static let openLimit = Duration.milliseconds(300)

    init() { known = said }

    var nextDeadline: Deadline {
        waiting.isEmpty ? .distantFuture : waiting.lazy.map(\.limit).min() ?? .distantFuture
    }

    /// The list for the supervisor.
    mutating func say(_ list: [GuardedAddress]) -> GuardedAddresses {
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
    mutating func learn(number: UInt32) {
        if Self.is(number, after: known), !Self.is(number, after: said) { known = number }
    }

    mutating func learn(_ opened: [(slot: FenceSlot, until: Instant)]) {
        for one in opened { self.opened[Int(one.slot.rawValue)] = one.until }
    }

    private static func `is`(_ a: UInt32, after b: UInt32) -> Bool { Int32(bitPattern: a &- b) > 0 }

    /// True when it waits now.
    mutating func holds(_ kind: Kind, _ id: AddressID, _ engine: borrowing Engine, at now: Instant) -> Bool {
        guard engine.isLeased(id), !isReady(kind, id, engine, at: now) else { return false }
        let limit = kind == .install ? Self.guardLimit : Self.openLimit
        waiting.append(Waiting(address: id, kind: kind, limit: now + limit))
        return true
    }

    private func isReady(_ kind: Kind, _ id: AddressID, _ engine: borrowing Engine, at now: Instant) -> Bool {
        guard let entry = engine.address(id), let interface = entry.interface else { return true }
        let place = Place(interface: interface, address: entry.key.prefix.address)
        guard let found = guards[place], !Self.is(found.number, after: known) else { return false }
        guard kind != .install, case .timeouts = engine.fence else { return true }
        return opened[found.lease.index] ?? .zero > now
    }

    /// The address goes: what waits for it is not done.
    mutating func forget(_ id: AddressID, _ engine: borrowing Engine) {
        if !waiting.isEmpty { waiting.removeAll { $0.address == id } }
        guard let address = guarded(id, engine) else { return }
        taken.removeAll { $0 == address }
        released.append(address)
    }

    /// The address comes.
    mutating func note(_ id: AddressID, _ engine: borrowing Engine) {
        guard let address = guarded(id, engine) else { return }
        released.removeAll { $0 == address }
        taken.append(address)
    }

    private func guarded(_ id: AddressID, _ engine: borrowing Engine) -> [UInt8]? {
        guard !guards.isEmpty, let entry = engine.address(id), let interface = entry.interface,
            guards[Place(interface: interface, address: entry.key.prefix.address)] != nil
        else { return nil }
        var bytes: [UInt8] = []
        entry.key.prefix.address.append(to: &bytes)
        return bytes
    }

    /// What has come and what has gone since this was asked last.
    mutating func takeChanges() -> [WorkerMessage] {
        var messages: [WorkerMessage] = []
        if !taken.isEmpty { messages.append(.taken(taken)) }
        if !released.isEmpty { messages.append(.released(released)) }
        (taken, released) = ([], [])
        return messages
    }

    /// What can be done now, and what has waited for too long; in its order.
    mutating func take(_ engine: borrowing Engine, at now: Instant) -> [Waiting] {
        var taken: [Waiting] = []
        var kept: [Waiting] = []
        for one in waiting {
            // Nothing of an address passes what waits of the same.
            let isFirst = !kept.contains { $0.address == one.address }
            let isDue = now >= one.limit || isReady(one.kind, one.address, engine, at: now)
            if isFirst, isDue { taken.append(one) } else { kept.append(one) }
        }
        waiting = kept
        return taken
    }
}

extension KernelWorld {
    /// Does what has waited for the fence.
    mutating func performWaiting(_ engine: borrowing Engine, at now: Instant) {
        guard !fenceWaits.waiting.isEmpty else { return }
        for one in fenceWaits.take(engine, at: now) {
            guard let entry = engine.address(one.address), entry.isWanted else { continue }
            if one.kind == .install, now >= one.limit {
                log(
                    .warning,
                    "\(entry.key.prefix) is installed without knowing that it is guarded: the supervisor did not say so within "
                        + "\(FenceWaits.guardLimit.formattedSeconds()) s")
            }
            perform(one.kind, one.address, engine, at: now)
        }
        flushAll()
    }

    /// What the fence process has opened.
    mutating func readFenceLine() {
        guard let line = fenceWaits.line else { return }
        for message in line.receive() { fenceWaits.learn(MessageLine.opened(message)) }
        if line.isClosed { fenceWaits.line = nil }
    }

    /// Tells the fence process that deadlines have changed; nothing where the kernel reads them.
    mutating func poke(_ standing: FenceStanding) {
        guard fenceWaits.isPokeDue else { return }
        fenceWaits.isPokeDue = false
        if case .kernel = standing { return }
        fenceWaits.line?.poke()
    }
}
