import LinuxWorld
import Primitives
import Supervision

/// The fence as the supervisor keeps it: made at the start, put where the worker says, looked at, and taken off at the end.
///
/// It belongs to the supervisor because it must stand while a worker is replaced; what opens and closes it, the deadlines, are
/// the worker's to store.
struct SupervisorFence: ~Copyable {
    private var fence: LeaseFence?
    /// Why there is none.
    private var refusal = ""
    private var guards: [FenceGuard] = []
    private var isTested = false
    private var isLost = false
    /// When it is looked at next; nil while it guards nothing.
    private(set) var nextLook: Deadline?

    /// Somebody who removes it is noticed within this time.
    static let lookInterval: Duration = .milliseconds(100)

    /// - Parameter stateDirectory: tells daemons of one machine apart.
    init(stateDirectory: String) {
        let instance = stateDirectory.utf8.reduce(UInt32(0x811C_9DC5)) { ($0 ^ UInt32($1)) &* 0x0100_0193 }
        do throws(SystemError) { fence = try LeaseFence(instance: instance) } catch { refusal = "\(error)" }
    }

    /// For the worker to inherit.
    var descriptor: Int32? {
        switch fence {
        case .some(let fence): fence.deadlines.rawValue
        case .none: nil
        }
    }

    /// What the worker should be told.
    struct Word {
        var report: FenceReport
        var text: String
    }

    /// Guards exactly these, from now on.
    mutating func guardAddresses(_ wanted: GuardedAddresses, at now: Instant) -> Word {
        guards = wanted.entries.compactMap { entry in
            guard let address = IPAddress(networkOrder: entry.address), let slot = FenceSlot(Int(entry.slot)) else {
                return nil
            }
            return FenceGuard(interface: entry.interface, address: address, slot: slot)
        }
        return put(at: now)
    }

    private mutating func put(at now: Instant) -> Word {
        nextLook = nil
        guard fence != nil else {
            return Word(report: .lifetimes, text: "BPF cannot be used here: \(refusal)")
        }
        do throws(SystemError) {
            if !isTested, !guards.isEmpty {
                if let result = try fence?.selfTest(), !result.isPassed {
                    return Word(report: .lifetimes, text: "the test of the lease fence failed: \(result)")
                }
                isTested = true
            }
            try fence?.setGuards(guards)
        } catch { return Word(report: .lifetimes, text: "the lease fence cannot be put up: \(error)") }
        isLost = false
        if !guards.isEmpty { nextLook = now + Self.lookInterval }
        return Word(report: .kernel, text: "")
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
            return [Word(report: .lost, text: text), Word(report: .kernel, text: "")]
        } catch {
            defer { isLost = true }
            return isLost ? [] : [Word(report: .lost, text: "it cannot be looked at or put back: \(error)")]
        }
    }

    /// Takes it off: nothing is guarded any more.
    mutating func remove() {
        nextLook = nil
        try? fence?.remove()
    }
}
