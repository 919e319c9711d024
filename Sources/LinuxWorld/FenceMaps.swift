import CLinux
import Primitives

/// An address that only serves while its lease does.
public struct FenceGuard: Hashable, Sendable, Comparable {
    public var interface: InterfaceIndex
    public var address: IPAddress
    public var slot: FenceSlot

    public init(interface: InterfaceIndex, address: IPAddress, slot: FenceSlot) {
        self.interface = interface
        self.address = address
        self.slot = slot
    }

    public static func < (a: FenceGuard, b: FenceGuard) -> Bool {
        (a.interface, a.address, a.slot) < (b.interface, b.address, b.slot)
    }

    /// `struct key` of fence.bpf.c.
    var key: [UInt8] { Self.key(interface: interface, address: address) }

    static func key(interface: InterfaceIndex, address: IPAddress) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(FenceMaps.keyLength)
        withUnsafeBytes(of: interface.rawValue) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: UInt32(address.family.rawValue)) { bytes.append(contentsOf: $0) }
        address.append(to: &bytes)
        bytes.append(contentsOf: repeatElement(0, count: FenceMaps.keyLength - bytes.count))
        return bytes
    }
}

/// What has been dropped since the programs were loaded, in packets.
public struct FenceDrops: Hashable, Sendable {
    /// To a closed address.
    public var incomingPackets: UInt64 = 0
    /// ARP requests and neighbour solicitations for a closed address.
    public var incomingQuestions: UInt64 = 0
    /// From a closed address.
    public var outgoingPackets: UInt64 = 0
    /// ARP and neighbour advertisements that claimed a closed address.
    public var outgoingClaims: UInt64 = 0

    public init() {}
}

/// The maps that the programs share (linux/bpf.h, BPF_MAP_TYPE_*).
struct FenceMaps: ~Copyable {
    static let keyLength = 24
    static let maximumGuards: UInt32 = 65_536

    /// slot → nanoseconds; mapped by the worker.
    let deadlines: FileDescriptor
    /// key → slot.
    let guards: FileDescriptor
    /// What was dropped, per processor.
    let drops: FileDescriptor

    /// Array (2), BPF_F_MMAPABLE (0x400). Before Linux 5.5 EINVAL.
    static func makeDeadlines() throws(SystemError) -> FileDescriptor {
        let map = aloft_bpf_map_create(2, 4, 8, FenceDeadlines.entries, 0x400, "alf_deadlines")
        return FileDescriptor(owning: try check(map, .fence, "create the deadlines of the lease fence"))
    }

    init(deadlines: borrowing FileDescriptor) throws(SystemError) {
        // A descriptor of its own, since the owner's may be given away.
        let own = try deadlines.duplicate()
        // Hash (1), BPF_F_NO_PREALLOC (1).
        let hash = aloft_bpf_map_create(1, UInt32(Self.keyLength), 4, Self.maximumGuards, 1, "alf_guards")
        let guards = FileDescriptor(owning: try check(hash, .fence, "create the addresses of the lease fence"))
        // Array per processor (6).
        let array = aloft_bpf_map_create(6, 4, 8, 4, 0, "alf_drops")
        let drops = FileDescriptor(owning: try check(array, .fence, "create the counters of the lease fence"))
        self.deadlines = own
        self.guards = guards
        self.drops = drops
    }

    borrowing func descriptor(of map: FenceProgram.Map) -> Int32 {
        switch map {
        case .deadlines: deadlines.rawValue
        case .guards: guards.rawValue
        case .drops: drops.rawValue
        }
    }

    /// Guards an address, or gives it to another slot without a moment in between.
    borrowing func put(_ key: [UInt8], _ slot: FenceSlot) throws(SystemError) {
        var value = slot.rawValue
        let result = key.withUnsafeBytes { aloft_bpf_map_update(guards.rawValue, $0.baseAddress, &value) }
        _ = try check(result, .fence, "guard an address by the lease fence")
    }

    /// Not an error when it has not been there.
    borrowing func remove(_ key: [UInt8]) throws(SystemError) {
        let result = key.withUnsafeBytes { aloft_bpf_map_delete(guards.rawValue, $0.baseAddress) }
        if result == -Errno.notFound.rawValue { return }
        _ = try check(result, .fence, "take an address out of the lease fence")
    }

    borrowing func counts() throws(SystemError) -> FenceDrops {
        // The kernel writes one value for each possible processor.
        let processors = Int(aloft_processors())
        guard processors > 0 else {
            throw SystemError(.fence, .invalid, "count the processors for the counters of the lease fence")
        }
        var sums: [UInt64] = []
        for index in UInt32(0)..<4 {
            var index = index
            var values = [UInt64](repeating: 0, count: processors)
            let read = values.withUnsafeMutableBytes {
                aloft_bpf_map_lookup(drops.rawValue, &index, $0.baseAddress)
            }
            _ = try check(read, .fence, "read the counters of the lease fence")
            sums.append(values.reduce(0, &+))
        }
        var result = FenceDrops()
        result.incomingPackets = sums[0]
        result.incomingQuestions = sums[1]
        result.outgoingPackets = sums[2]
        result.outgoingClaims = sums[3]
        return result
    }
}
