import CLinux
import Primitives

/// The wall that a dead, stopped or late daemon cannot climb: programs in the kernel, at the interfaces of guarded addresses, drop what is meant for
/// an address and what claims it as soon as the deadline of its lease has passed.
///
/// Who does what:
/// - the supervisor owns this value. It makes the deadlines at its start (a map of 32 kB, no right needed later), hands their descriptor
///   to the worker, says which addresses are guarded (`setGuards`), looks ten times a second whether the programs are still there (`check`,
///   `repair`) and takes them off in an orderly stop (`remove`).
/// - the worker maps the deadlines (`FenceDeadlines`) and renews by storing a word.
///
/// What is attached outlives the process, on purpose: after SIGKILL of everything the kernel still closes each address at its deadline. The next
/// daemon of the same `instance` finds those programs by name, puts its own before them and then takes them off.
///
/// A new guard is closed until its slot has a deadline ahead. Nothing here is thread-safe; calls work in the network namespace of the calling
/// thread, and needs CAP_BPF and CAP_NET_ADMIN, and CAP_SYS_ADMIN to find the programs of a former daemon.
/// What it covers and what not: docs/fence.md.
public struct LeaseFence: ~Copyable {
    /// Tells daemons of one machine apart: one only ever takes off programs of its own number.
    public let instance: UInt32
    let hook: FenceHook
    /// A descriptor of the deadlines, for the worker to inherit (it is closed on exec otherwise) and to hand to `FenceDeadlines`.
    public let deadlines: FileDescriptor
    var loaded: Loaded?
    /// What is in the map.
    var guards: [Guarded: FenceSlot] = [:]
    /// Where the programs were put: interface → whether it has no link header.
    var attached: [InterfaceIndex: Bool] = [:]
    /// Whether programs of a former daemon may still stand somewhere.
    var mayHavePredecessor = true

    /// An address at an interface.
    struct Guarded: Hashable {
        var interface: InterfaceIndex
        var address: IPAddress
        var key: [UInt8] { FenceGuard.key(interface: interface, address: address) }
    }

    /// The programs and their maps, in the kernel.
    final class Loaded {
        let maps: FenceMaps
        var programs: LoadedFencePrograms

        init(_ maps: consuming FenceMaps, named name: FenceName) throws(SystemError) {
            programs = try LoadedFencePrograms(maps, named: name)
            self.maps = maps
        }

        /// Another copy of the programs, with the same maps.
        func reload(named name: FenceName) throws(SystemError) {
            programs = try LoadedFencePrograms(maps, named: name)
        }
    }

    /// Makes the deadlines, all closed; loads and attaches nothing. EPERM or EACCES where bpf(2) is not allowed, EINVAL before Linux 5.5, ENOSYS
    /// in a kernel without it.
    public init(instance: UInt32 = 0) throws(SystemError) {
        try self.init(instance: instance, hook: FenceHook.available())
    }

    init(instance: UInt32, hook: FenceHook) throws(SystemError) {
        self.instance = instance
        self.hook = hook
        deadlines = try FenceMaps.makeDeadlines()
    }

    var name: FenceName { FenceName(instance: instance) }

    /// The interfaces that are fenced now.
    public var interfaces: [InterfaceIndex] { attached.keys.sorted() }

    /// Makes the programs ready (the kernel verifies and translates them, 20 ms); nothing the second time. `setGuards` does it when needed.
    public mutating func load() throws(SystemError) {
        if loaded != nil { return }
        loaded = try Loaded(try FenceMaps(deadlines: deadlines), named: name)
    }

    /// Makes guarded addresses and attached programs equal to the list. What is new is added before what is gone is removed, so no address of both lists is open
    /// in between.
    ///
    /// The first call also takes off what a former daemon left, after the new programs stand. An interface that does not exist is no error: call again
    /// when it has come. After an error nothing has been removed; what could be added is there.
    public mutating func setGuards(_ list: [FenceGuard]) throws(SystemError) {
        let wanted = try Self.checked(list)
        if !wanted.isEmpty { try load() }
        for (one, slot) in wanted where guards[one] != slot {
            try loaded?.maps.put(one.key, slot)
            // Known from now on, whatever fails later: the next call removes it if it is not wanted.
            guards[one] = slot
        }
        var failure: SystemError?
        let interfaces = Set(wanted.keys.map(\.interface))
        for interface in interfaces.subtracting(attached.keys).sorted() {
            do throws(SystemError) { try attach(interface) } catch { failure = failure ?? error }
        }
        if let failure { throw failure }
        if mayHavePredecessor {
            try removePredecessors()
            mayHavePredecessor = false
        }
        for interface in Set(attached.keys).subtracting(interfaces).sorted() { try detach(interface) }
        for gone in guards.keys where wanted[gone] == nil {
            try loaded?.maps.remove(gone.key)
            guards[gone] = nil
        }
    }

    /// Guards nothing any more that is not among these, where a list could not be put up whole: adds nothing, and leaves what a former daemon has at the
    /// interfaces that remain.
    public mutating func narrow(to list: Set<FenceGuard>) throws(SystemError) {
        for (one, slot) in guards
        where !list.contains(FenceGuard(interface: one.interface, address: one.address, slot: slot)) {
            try loaded?.maps.remove(one.key)
            guards[one] = nil
        }
        let left = Set(guards.keys.map(\.interface))
        for interface in Set(attached.keys).subtracting(left).sorted() { try detach(interface) }
    }

    /// Takes everything off, at an orderly stop: from here on addresses are not guarded. The deadlines stay as they are.
    public mutating func remove() throws(SystemError) { try setGuards([]) }

    /// What was dropped since the programs were loaded.
    public borrowing func drops() throws(SystemError) -> FenceDrops {
        try loaded?.maps.counts() ?? FenceDrops()
    }

    /// One slot for an address of an interface, or the list contradicts itself (EINVAL); and no more than the map holds (E2BIG).
    private static func checked(_ list: [FenceGuard]) throws(SystemError) -> [Guarded: FenceSlot] {
        var wanted: [Guarded: FenceSlot] = [:]
        for one in list {
            let guarded = Guarded(interface: one.interface, address: one.address)
            guard wanted[guarded] == nil || wanted[guarded] == one.slot else {
                throw SystemError(.fence, .invalid, "guard by two leases", "\(one.address) of \(one.interface)")
            }
            wanted[guarded] = one.slot
        }
        guard wanted.count <= Int(FenceMaps.maximumGuards) else {
            throw SystemError(.fence, Errno(7), "guard more than \(FenceMaps.maximumGuards) addresses")
        }
        return wanted
    }
}
