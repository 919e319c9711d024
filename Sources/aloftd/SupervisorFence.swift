import LinuxWorld
import Primitives
import Supervision

/// The fence as the supervisor keeps it: made at the start, put where the worker says, looked at, and taken off at the end.
///
/// It belongs to the supervisor because it must stand while a worker is replaced; what opens and closes it, the deadlines, are
/// the worker's to store.
struct SupervisorFence: ~Copyable {
    private var fence: LeaseFence?
    /// Where deadlines lie where there is none.
    private let deadlines: SharedMemory?
    private let instance: UInt32
    /// Why the kernel's programs do not do it, and another process does.
    private var refusal: String?
    private var guards: [FenceGuard] = []
    private var isTested = false
    private var isLost = false
    /// When it is looked at next; nil while it guards nothing.
    private(set) var nextLook: Deadline?

    /// Somebody who removes it is noticed within this time.
    static let lookInterval: Duration = .milliseconds(100)

    /// - Parameter stateDirectory: tells daemons of one machine apart.
    init(stateDirectory: String) throws(SystemError) {
        instance = Self.instance(of: stateDirectory)
        do throws(SystemError) {
            fence = try LeaseFence(instance: instance)
            deadlines = nil
        } catch {
            refusal = "BPF cannot be used here: \(error)"
            deadlines = try SharedMemory(name: "aloft-deadlines", size: FenceDeadlines.size)
        }
    }

    static func instance(of stateDirectory: String) -> UInt32 {
        stateDirectory.utf8.reduce(UInt32(0x811C_9DC5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
    }

    /// The deadlines, for the worker and the fence process to inherit.
    var descriptor: Int32? {
        switch fence {
        case .some(let fence): return fence.deadlines.rawValue
        case .none: break
        }
        switch deadlines {
        case .some(let deadlines): return deadlines.descriptor.rawValue
        case .none: return nil
        }
    }

    /// What the worker should be told.
    struct Word {
        var report: FenceReport
        var text: String
    }

    /// Guards exactly these from now on. Nil when it stands; otherwise why it does not, which is for good: what is there already goes by the same
    /// deadlines until another fence stands (`removePrograms`), as far as it is still to be guarded.
    mutating func guardAddresses(_ wanted: GuardedAddresses, at now: Instant) -> String? {
        guards = wanted.fenceGuards
        nextLook = nil
        if refusal == nil {
            do throws(SystemError) { try put() } catch {
                refusal = "the lease fence of BPF cannot be put up: \(error)"
            }
        }
        if refusal != nil {
            // An address that is guarded no more would be closed for ever by programs that were refused after they stood.
            try? fence?.narrow(to: Set(guards))
        } else if !guards.isEmpty {
            nextLook = now + Self.lookInterval
        }
        return refusal
    }

    /// Another fence stands, so that none of the kernel's programs is needed.
    mutating func removePrograms() {
        if refusal != nil { try? fence?.remove() }
    }

    private mutating func put() throws(SystemError) {
        if !isTested, !guards.isEmpty {
            if let result = try fence?.selfTest(), !result.isPassed {
                refusal = "the test of the lease fence failed: \(result)"
                return
            }
            try removeTable()
            isTested = true
        }
        try fence?.setGuards(guards)
        isLost = false
    }

    /// What a former daemon left that was not allowed to use BPF would never be opened again. Only where there is one something is committed.
    func removeTable() throws(SystemError) {
        var old = try NFTablesFence(instance: instance)
        if try old.isPresent() { try old.remove() }
    }

    /// Nothing is under a lease. What a daemon that was killed left of a fence would close its addresses for ever.
    mutating func clear() {
        try? fence?.remove()
        try? removeTable()
    }

    /// Looks whether it still stands, and puts it back. Returns what changed.
    mutating func look(at now: Instant) -> [Word] {
        guard let due = nextLook, now >= due else { return [] }
        nextLook = now + Self.lookInterval
        do throws(SystemError) {
            let faults = try fence?.repair() ?? []
            guard !faults.isEmpty else {
                defer { isLost = false }
                return isLost ? [Word(report: .kernel, text: "")] : []
            }
            let text = faults.map(\.description).joined(separator: "; ")
            let blame = "somebody removed or changed it: \(text)"
            return [Word(report: .lost, text: blame), Word(report: .kernel, text: "")]
        } catch {
            defer { isLost = true }
            return isLost ? [] : [Word(report: .lost, text: "it cannot be looked at or put back: \(error)")]
        }
    }

    /// Takes it off: nothing is guarded any more. Where an address still stands, because nobody could take it off, the fence stays as well: its lease
    /// is given back or runs out, and somebody else serves then. Returns those addresses.
    ///
    /// Both kinds of fence: programs that were refused may stand, and a fence process that died or was killed has left its table.
    mutating func remove() -> [FenceGuard] {
        nextLook = nil
        let left = guards.stillPresent
        if left.isEmpty { clear() }
        return left
    }
}
