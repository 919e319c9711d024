import Netlink
import Primitives

/// The lease fence where bpf(2) is not allowed, such as in a user namespace: a table of nf_tables with an ingress and an egress chain for each
/// interface (Linux 5.16), and sets of open addresses whose elements expire.
///
/// **The promise is weaker**, and `status` must say so. An element's time is relative to the kernel's commit, and the commit waits for a lock that any
/// `nft -f` holds: a renewal that waited serves that much too long, and a healthy holder may be closed while it waits. (Measured: a lease of 300 ms that
/// served 789 ms, behind a foreign commit of 20,000 chains.) The time does not count suspend. Renewing is a system call that the owner makes and waits for.
/// A gratuitous ARP of a closed address does not come in either: rules cannot compare sender and target. VLAN tags in the frame are not looked
/// through, nor interfaces without an Ethernet header told apart.
///
/// What is the same: everything is closed until renewed, what a dead owner leaves goes on closing, the next one with the same `instance` replaces it in one commit.
public struct NFTablesFence: ~Copyable {
    /// Of the element's time the kernel counts whole ticks, at most 10 ms long, and it may begin up to one late.
    public static let margin = Duration.milliseconds(20)

    public let instance: UInt32
    private var socket: NetlinkSocket
    private var guards: [FenceGuard] = []

    public init(instance: UInt32 = 0) throws(SystemError) {
        self.instance = instance
        socket = try NetlinkSocket(.netfilter, receiveBuffer: 1 << 20)
    }

    var table: NFTablesTable { NFTablesTable(.netdev, "aloft_fence_" + FenceName(instance: instance).digits) }

    /// Makes table, chains and guarded addresses those of the list, in one commit; all are closed then, until `renew`. Nothing happens when it is the same list. Interfaces that do not exist are
    /// left out.
    public mutating func setGuards(_ list: [FenceGuard]) throws(SystemError) {
        let wanted = Set(list).sorted()
        if !guards.isEmpty, wanted == guards { return }
        let names = try Self.interfaceNames()
        var batch = NFTablesBatch(sequence: socket.nextSequence())
        batch.addTable(table)
        batch.deleteTable(table)
        if !wanted.isEmpty { batch.addTable(table) }
        for interface in Set(wanted.map(\.interface)).sorted() {
            guard let device = names[interface] else { continue }
            let addresses = wanted.filter { $0.interface == interface }.map(\.address)
            addSets(interface, addresses, to: &batch)
            addChains(interface, device, to: &batch)
        }
        try commit(batch, "put the fence of nf_tables up")
        guards = wanted
    }

    /// Opens the addresses of slots until a time, less `margin`. What has passed already is not sent. Waits for the commit; returns the
    /// slots that were sent.
    @discardableResult
    public mutating func renew(_ renewals: [(slot: FenceSlot, until: Instant)]) throws(SystemError) -> [FenceSlot] {
        var sent: [FenceSlot] = []
        var batch = NFTablesBatch(sequence: socket.nextSequence())
        for (slot, until) in renewals {
            let left = (until - BootClock.now() - Self.margin).nanoseconds / 1_000_000
            guard left > 0 else { continue }
            sent.append(slot)
            for one in guards where one.slot == slot {
                var element = NFTablesElement(key: Self.bytes(one.address))
                element.timeout = UInt64(left)
                let set = Self.set("open", one.address.family, one.interface)
                // To be there, so that it can be deleted; to be new, so that its time begins again.
                batch.addElements([element], to: set, of: table)
                batch.deleteElements([element], from: set, of: table)
                batch.addElements([element], to: set, of: table)
            }
        }
        try commit(batch, "renew leases in the fence of nf_tables")
        return sent
    }

    /// Closes the addresses of a slot now.
    public mutating func close(_ slot: FenceSlot) throws(SystemError) {
        var batch = NFTablesBatch(sequence: socket.nextSequence())
        for one in guards where one.slot == slot {
            let element = NFTablesElement(key: Self.bytes(one.address))
            let set = Self.set("open", one.address.family, one.interface)
            batch.addElements([element], to: set, of: table)
            batch.deleteElements([element], from: set, of: table)
        }
        try commit(batch, "close a lease in the fence of nf_tables")
    }

    /// Takes everything off, at an orderly stop.
    public mutating func remove() throws(SystemError) { try setGuards([]) }

    private mutating func commit(_ batch: NFTablesBatch, _ action: String) throws(SystemError) {
        if batch.count == 0 { return }
        let answer = try socket.exchange(batch.finish(), sequence: batch.sequence)
        guard answer.errno == 0 else { throw SystemError(.fence, Errno(answer.errno), action, answer.text) }
    }

    private static func interfaceNames() throws(SystemError) -> [InterfaceIndex: String] {
        var names: [InterfaceIndex: String] = [:]
        var route = try RouteSocket.command()
        let answer = try route.exchange(.dumpLinks) { if case .link(let link) = $0 { names[link.index] = link.name } }
        guard answer.isSuccess else { throw SystemError(.fence, answer.errno, "list the interfaces") }
        return names
    }

    private static func bytes(_ address: IPAddress) -> [UInt8] {
        var bytes: [UInt8] = []
        address.append(to: &bytes)
        return bytes
    }

    private static func set(_ what: String, _ family: AddressFamily, _ interface: InterfaceIndex) -> String {
        "\(what)\(family.rawValue)_\(interface.rawValue)"
    }

    // MARK: The table

    private func addSets(_ interface: InterfaceIndex, _ addresses: [IPAddress], to batch: inout NFTablesBatch) {
        for family in [AddressFamily.ipv4, .ipv6] {
            let key: [NFTablesSet.Field] = [family == .ipv4 ? .ipv4Address : .ipv6Address]
            let elements = addresses.filter { $0.family == family }.map { NFTablesElement(key: Self.bytes($0)) }
            var open = NFTablesSet(Self.set("open", family, interface), key: key)
            open.expires = true
            batch.addSet(open, to: table)
            let guarded = Self.set("guarded", family, interface)
            batch.addSet(NFTablesSet(guarded, key: key), to: table)
            batch.addElements(elements, to: guarded, of: table)
        }
    }

    private func addChains(_ interface: InterfaceIndex, _ device: String, to batch: inout NFTablesBatch) {
        for way in FenceDirection.allCases {
            let chain = "\(way)_\(interface.rawValue)"
            let hook = NFTablesBatch.Hook(
                way == .ingress ? .ingress : .egress, priority: -500, type: "filter", device: device)
            batch.addChain(chain, hook: hook, to: table)
            let places: [(AddressFamily, [NFTablesExpression])] = [
                (.ipv4, Self.place(0x0800, way == .ingress ? 16 : 12, 4)),
                (.ipv4, Self.place(0x0806, way == .ingress ? 24 : 14, 4)),
                (.ipv6, Self.place(0x86DD, way == .ingress ? 24 : 8, 16)),
                (.ipv6, Self.neighbourTarget(type: way == .ingress ? 135 : 136)),
            ]
            // One frame may have two addresses that matter (a solicitation: destination and target), so an open one only ends the look at itself.
            for (number, (family, place)) in places.enumerated() {
                let one = "\(chain)_\(number)"
                batch.addChain(one, to: table)
                let open = Self.set("open", family, interface)
                let guarded = Self.set("guarded", family, interface)
                batch.addRule(
                    place + [.lookup(.word(0), set: open, into: nil), .verdict(.return)], to: one, of: table)
                batch.addRule(
                    place + [.lookup(.word(0), set: guarded, into: nil), .counter, .verdict(.drop)], to: one, of: table)
                batch.addRule([.verdict(.jump(one))], to: chain, of: table)
            }
        }
    }

    /// An address of a network header into word 0.
    private static func place(_ type: UInt16, _ offset: UInt32, _ length: UInt32) -> [NFTablesExpression] {
        [
            .loadMeta(.networkProtocol, into: .word(0)),
            .compare(.word(0), .equal, [UInt8(type >> 8), UInt8(type & 0xFF)]),
            .payload(.network, offset: offset, length: length, into: .word(0)),
        ]
    }

    /// The target of neighbour discovery into word 0.
    private static func neighbourTarget(type: UInt8) -> [NFTablesExpression] {
        [
            .loadMeta(.networkProtocol, into: .word(0)), .compare(.word(0), .equal, [0x86, 0xDD]),
            .loadMeta(.layer4Protocol, into: .word(0)), .compare(.word(0), .equal, [58]),
            .payload(.transport, offset: 0, length: 1, into: .word(0)), .compare(.word(0), .equal, [type]),
            .payload(.transport, offset: 8, length: 16, into: .word(0)),
        ]
    }
}
