import Primitives

/// What the fence is to guard, whole: the VRRP worker says it after each start, reload and change of interfaces.
public struct GuardedAddresses: Equatable, Sendable {
    public struct Entry: Equatable, Sendable {
        public var interface: InterfaceIndex
        /// 4 or 16 bytes, in network order.
        public var address: [UInt8]
        /// Whose deadline counts: its place in the fence's table.
        public var slot: UInt32

        public init(interface: InterfaceIndex, address: [UInt8], slot: UInt32) {
            self.interface = interface
            self.address = address
            self.slot = slot
        }
    }

    public var entries: [Entry]
    /// Which list it is, for the answer; each is later than those before it.
    public var number: UInt32

    public init(_ entries: [Entry], number: UInt32 = 0) {
        self.entries = entries
        self.number = number
    }

    init(from reader: inout WireReader) {
        entries = reader.list { reader in
            Entry(
                interface: InterfaceIndex(reader.uint32()), address: reader.data(), slot: reader.uint32())
        }
        number = reader.uint32()
    }

    func write(to writer: inout WireWriter) {
        writer.put(entries) { writer, entry in
            writer.put(entry.interface.rawValue)
            writer.put(entry.address)
            writer.put(entry.slot)
        }
        writer.put(number)
    }
}

/// How well the addresses are guarded.
public enum FenceReport: UInt8, Equatable, Sendable {
    /// The kernel drops from absolute deadlines on.
    case kernel
    /// The kernel drops after timeouts, which count from when it was told.
    case timeouts
    /// Nothing but the lifetimes of addresses.
    case lifetimes
    /// Somebody removed what stood; it is being put back.
    case lost
}
