import Configuration
import Primitives

/// One address that the configuration names, with what should be and what is.
public struct ManagedAddress: Hashable, Sendable {
    /// What distinguishes addresses in the kernel.
    public struct Key: Hashable, Sendable {
        public var device: String
        public var prefix: IPPrefix
    }

    public let key: Key
    /// How to install it.
    public internal(set) var definition: VirtualAddress
    /// What the kernel gives it while nobody refreshes; zero is for ever.
    public internal(set) var lifetime: Duration
    /// The device's index, while it exists.
    public internal(set) var interface: InterfaceIndex?
    /// Routers that name it and are master.
    var masters = 0
    /// Whether the kernel should have it.
    public var isWanted: Bool { masters > 0 }
    /// Whether the kernel has it, as far as is known.
    public internal(set) var isPresent = false
    /// Routers of the configuration that name it.
    var users = 0
    /// Deletions of our own that the kernel has yet to report.
    var expectedDeletions = 0
    /// When such a report is not waited for any more: the kernel owes none for what it never announced.
    var deletionsExpectedUntil: Instant = .zero
    /// When an operation that failed is tried again.
    var retryAt: Instant?
    /// The last operation failed, and was reported.
    var wasRefused = false
    var nextRefresh: Instant?
    /// Since when it is held: a preferred lifetime counts from here, whatever refreshes come.
    public internal(set) var heldSince: Instant?
    /// When it was last put back, newest last; at most `Engine.repairLimit`.
    var repairs: [Instant] = []
    /// A fault until then: somebody keeps removing it.
    public internal(set) var foughtUntil: Instant?
    /// Do not remove what somebody else configured: the address is an owner's own.
    var isOwners = false
    /// `promote_secondaries` of a router that names it.
    public internal(set) var promotesSecondaries = false
    var isMarked = false
}

/// The addresses of the configuration, compared with the kernel's. Level-triggered: start, takeover,
/// adoption, repair, reload and cleaning up are the same comparison (`Engine.settle`).
struct AddressTable: Sendable {
    private(set) var entries: [ManagedAddress?] = []
    private var index: [ManagedAddress.Key: AddressID] = [:]
    private var hosts: [IPAddress: Int] = [:]
    private var free: [Int] = []

    subscript(id: AddressID) -> ManagedAddress? {
        get { id.index < entries.count ? entries[id.index] : nil }
        set { if id.index < entries.count { entries[id.index] = newValue } }
    }

    func find(_ key: ManagedAddress.Key) -> AddressID? { index[key] }

    /// Whether any router names this address as virtual.
    func isVirtual(_ address: IPAddress) -> Bool { hosts[address] != nil }

    var ids: [AddressID] { entries.indices.filter { entries[$0] != nil }.map { AddressID($0) } }

    /// The entry for `definition` on `device`, made if there is none.
    mutating func add(_ definition: VirtualAddress, device: String, lifetime: Duration) -> AddressID {
        let key = ManagedAddress.Key(device: device, prefix: definition.prefix)
        hosts[definition.prefix.address, default: 0] += 1
        if let id = index[key] {
            self[id]?.users += 1
            return id
        }
        var entry = ManagedAddress(key: key, definition: definition, lifetime: lifetime)
        entry.users = 1
        let id: AddressID
        if let slot = free.popLast() {
            entries[slot] = entry
            id = AddressID(slot)
        } else {
            entries.append(entry)
            id = AddressID(entries.count - 1)
        }
        index[key] = id
        return id
    }

    /// One router less names the entry. True when it was the last.
    mutating func drop(_ id: AddressID) -> Bool {
        guard var entry = self[id] else { return false }
        let host = entry.key.prefix.address
        if let count = hosts[host] { hosts[host] = count > 1 ? count - 1 : nil }
        entry.users -= 1
        self[id] = entry
        return entry.users == 0
    }

    /// Forgets entries that nobody names and that are not in the kernel any more.
    mutating func forget(_ id: AddressID) {
        guard let entry = self[id], entry.users == 0 else { return }
        index[entry.key] = nil
        entries[id.index] = nil
        free.append(id.index)
    }
}
