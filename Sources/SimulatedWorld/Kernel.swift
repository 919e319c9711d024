import Primitives
import RouterEngine

/// What a node's kernel knows: interfaces and addresses. It outlives the processes, not the power.
struct Kernel {
    struct Interface {
        var index: UInt32
        var name: String
        /// Which segment it is plugged into.
        let link: Int
        var mac: MACAddress
        var isPresent = true
        var hasCarrier = true
        var isEnabled = true

        var isUp: Bool { isPresent && hasCarrier && isEnabled }
    }

    struct Address {
        var interface: UInt32
        var prefix: IPPrefix
        var isMarked: Bool
        /// True time of the end of its life; `.max` for none.
        var expires: Int64
    }

    var interfaces: [Interface]
    var addresses: [Address] = []
    private var nextIndex: UInt32

    init(_ interfaces: [Interface]) {
        self.interfaces = interfaces
        nextIndex = (interfaces.map(\.index).max() ?? 0) + 1
    }

    /// The interface of a segment, whatever its name.
    func interface(onLink link: Int) -> Int? { interfaces.firstIndex { $0.link == link } }

    func interface(withIndex index: UInt32) -> Int? { interfaces.firstIndex { $0.index == index && $0.isPresent } }

    func interface(named name: String) -> Int? { interfaces.firstIndex { $0.name == name && $0.isPresent } }

    func find(_ prefix: IPPrefix, on interface: UInt32) -> Int? {
        addresses.firstIndex { $0.prefix == prefix && $0.interface == interface }
    }

    func holds(_ prefix: IPPrefix, onLink link: Int) -> Bool {
        guard let position = interface(onLink: link) else { return false }
        return find(prefix, on: interfaces[position].index) != nil
    }

    /// An index for an interface that is created; old ones do not come back.
    mutating func freshIndex() -> UInt32 {
        defer { nextIndex += 1 }
        return nextIndex
    }

    var links: [Link] { interfaces.filter(\.isPresent).map { Self.link($0) } }

    static func link(_ interface: Interface) -> Link {
        Link(
            index: InterfaceIndex(interface.index), name: interface.name, isUp: interface.isUp, mac: interface.mac)
    }

    var reported: [KernelAddress] { addresses.map { Self.report($0) } }

    static func report(_ address: Address) -> KernelAddress {
        KernelAddress(
            interface: InterfaceIndex(address.interface), prefix: address.prefix, isMarked: address.isMarked,
            isPermanent: address.expires == .max)
    }
}
