import Primitives
import RouterEngine
import Supervision

extension GuardedAddresses {
    public init(_ guards: [GuardedAddress], number: UInt32) {
        self.init(
            guards.map { item in
                var address: [UInt8] = []
                item.address.append(to: &address)
                return Entry(interface: item.interface, address: address, slot: UInt32(clamping: item.lease.index))
            }, number: number)
    }
}
