import Netlink
import Primitives

/// The lease fence where bpf(2) is not allowed, such as in a user namespace: a table of nf_tables with an ingress and an egress chain for each
/// interface (Linux 5.16), and sets of open addresses whose elements expire.
///
/// **The promise is weaker**, and `status` must say so. An element's time is relative to the kernel's commit, and the commit waits for a lock that any
/// `nft -f` holds: a renewal that waited serves that much too long, and a healthy holder may be closed while it waits. (Measured: a lease of 300 ms that
/// served 789 ms, behind a foreign commit of 20,000 chains; an owner that runs then corrects it in the next commit.) The time does not count suspend.
/// Renewing is a system call that the owner makes and waits for.
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
    private var bySlot: [FenceSlot: [FenceGuard]] = [:]
    /// The interfaces that have chains, with their names.
    private var placed: [InterfaceIndex: String] = [:]
    /// That of nf_tables when the table was last looked at and whole, and the commits made here since.
    private var generation: UInt32?
    private var commits: UInt32 = 0

    /// The most leases of one commit of renewals.
    static let portion = 256

    public init(instance: UInt32 = 0) throws(SystemError) {
        let socket = try NetlinkSocket(.netfilter, receiveBuffer: 1 << 20)
        // A list that is whole goes in one commit.
        try socket.setSendBuffer(8 << 20)
        self.instance = instance
        self.socket = socket
    }

    var table: NFTablesTable { NFTablesTable(.netdev, "aloft_fence_" + FenceName(instance: instance).digits) }

    /// Makes table, chains and guarded addresses those of the list, in one commit; all but those of `open` are closed then, until `renew`. Interfaces that do
    /// not exist are left out.
    public mutating func setGuards(
        _ list: [FenceGuard], open: [(slot: FenceSlot, until: Instant)] = []
    ) throws(SystemError) {
        let wanted = Set(list).sorted()
        let names = wanted.isEmpty ? [:] : try Self.interfaceNames()
        var until: [FenceSlot: Instant] = [:]
        for one in open { until[one.slot] = one.until }
        var placed: [InterfaceIndex: String] = [:]
        var batch = NFTablesBatch(sequence: socket.nextSequence())
        batch.addTable(table)
        batch.deleteTable(table)
        if !wanted.isEmpty { batch.addTable(table) }
        for interface in Set(wanted.map(\.interface)).sorted() {
            guard let device = names[interface] else { continue }
            placed[interface] = device
            addSets(interface, wanted.filter { $0.interface == interface }, until, to: &batch)
            addChains(interface, device, to: &batch)
        }
        let begun = BootClock.now()
        try commit(batch, "put the fence of nf_tables up")
        guards = wanted
        bySlot = Dictionary(grouping: wanted, by: \.slot)
        self.placed = placed
        generation = nil
        // What was open for longer than it should be, because the commit waited.
        if BootClock.now() - begun > Self.margin, !open.isEmpty { try renew(open) }
    }

    /// Whether this value has put a table up, whoever has taken it off since.
    public var isStanding: Bool { !guards.isEmpty }

    /// Opens the addresses of slots until a time, less `margin`. What has passed already is not sent. Waits for the commits, of which each has
    /// 256 leases at most; returns the slots that were sent.
    @discardableResult
    public mutating func renew(_ renewals: [(slot: FenceSlot, until: Instant)]) throws(SystemError) -> [FenceSlot] {
        var sent: [FenceSlot] = []
        var start = 0
        while start < renewals.count {
            let end = min(start + Self.portion, renewals.count)
            sent += try renew(portion: renewals[start..<end])
            start = end
        }
        return sent
    }

    private mutating func renew(
        portion: ArraySlice<(slot: FenceSlot, until: Instant)>
    ) throws(SystemError) -> [FenceSlot] {
        var sent: [FenceSlot] = []
        for attempt in 0..<3 {
            let begun = BootClock.now()
            var batch = NFTablesBatch(sequence: socket.nextSequence())
            for (slot, until) in portion {
                let left = Self.left(until, at: begun)
                // Open by a commit that came late: closed by the next.
                guard left != nil || attempt > 0 else { continue }
                if left != nil, attempt == 0 { sent.append(slot) }
                addRenewal(of: slot, left, to: &batch)
            }
            try commit(batch, "renew leases in the fence of nf_tables")
            // The kernel counts from when it took it in: later by as long as that took.
            if BootClock.now() - begun <= Self.margin { break }
        }
        return sent
    }

    /// Closes the addresses of slots now.
    public mutating func close(_ slots: [FenceSlot]) throws(SystemError) {
        var batch = NFTablesBatch(sequence: socket.nextSequence())
        for slot in slots { addRenewal(of: slot, nil, to: &batch) }
        try commit(batch, "close leases in the fence of nf_tables")
    }

    /// How long an element may stand, in milliseconds; nil of a time that has passed.
    private static func left(_ until: Instant, at now: Instant) -> UInt64? {
        let left = (until - now - margin).nanoseconds / 1_000_000
        return left > 0 ? UInt64(left) : nil
    }

    private func addRenewal(of slot: FenceSlot, _ left: UInt64?, to batch: inout NFTablesBatch) {
        for one in bySlot[slot] ?? [] where placed[one.interface] != nil {
            var element = NFTablesElement(key: Self.bytes(one.address))
            element.timeout = left ?? 0
            let set = Self.set("open", one.address.family, one.interface)
            // To be there, so that it can be deleted; to be new, so that its time begins again.
            batch.addElements([element], to: set, of: table)
            batch.deleteElements([element], from: set, of: table)
            if left != nil { batch.addElements([element], to: set, of: table) }
        }
    }

    /// Takes everything off, at an orderly stop.
    public mutating func remove() throws(SystemError) { try setGuards([]) }

    private mutating func commit(_ batch: NFTablesBatch, _ action: String) throws(SystemError) {
        if batch.count == 0 { return }
        let answer = try socket.exchange(batch.finish(), sequence: batch.sequence)
        guard answer.errno == 0 else { throw SystemError(.fence, Errno(answer.errno), action, answer.text) }
        commits &+= 1
    }

    // MARK: - Whether it is still there

    public enum Fault: Hashable, Sendable {
        /// Somebody removed the table, or some of it.
        case changed(String)
        /// An interface came, went or has another name: what it had went with it.
        case interfaces
    }

    /// What is wrong; nil when all is well. One question as long as nobody but this value has committed anything to nf_tables; otherwise the table is
    /// counted. No commit of others is waited for.
    public mutating func check() throws(SystemError) -> Fault? {
        guard !guards.isEmpty else { return nil }
        let found = try readGeneration()
        if let generation, found == generation &+ commits {
            (self.generation, commits) = (found, 0)
            return nil
        }
        generation = nil
        let names = try Self.interfaceNames()
        let wanted = Set(guards.map(\.interface)).filter { names[$0] != nil }
        guard wanted == Set(placed.keys), placed.allSatisfy({ names[$0.key] == $0.value }) else { return .interfaces }
        if let text = try difference() { return .changed(text) }
        (generation, commits) = (found, 0)
        return nil
    }

    /// Whether there is a table of this name.
    public mutating func isPresent() throws(SystemError) -> Bool {
        let table = table
        return try count(.dumpChains(.netdev)) { $0.table == table ? 1 : 0 } > 0
    }

    private mutating func difference() throws(SystemError) -> String? {
        let table = table
        let chains = try count(.dumpChains(.netdev)) { if case .chain(table, _) = $0 { 1 } else { 0 } }
        guard chains == placed.count * 10 else {
            return chains == 0
                ? "\(table.name) is gone" : "\(table.name) has \(chains) chains, not \(placed.count * 10)"
        }
        let rules = try count(.dumpRules(table)) { if case .rule = $0 { 1 } else { 0 } }
        guard rules == placed.count * 24 else {
            return "\(table.name) has \(rules) rules, not \(placed.count * 24)"
        }
        for (interface, name) in placed {
            for family in [AddressFamily.ipv4, .ipv6] {
                let own = Set(guards.filter { $0.interface == interface && $0.address.family == family }.map(\.address))
                let set = Self.set("guarded", family, interface)
                let elements = try count(.dumpElements(table, set: set)) {
                    if case .elements(_, _, let list) = $0 { list.count } else { 0 }
                }
                guard elements == own.count else {
                    return "\(elements) addresses are guarded on \(name), not \(own.count)"
                }
            }
        }
        return nil
    }

    private mutating func readGeneration() throws(SystemError) -> UInt32 {
        var found: UInt32?
        let sequence = socket.nextSequence()
        var bytes: [UInt8] = []
        NFTablesRequest.generation.append(to: &bytes, sequence: sequence)
        let answer = try socket.exchange(bytes, sequence: sequence) { message, datagram in
            if case .generation(let number)? = NFTablesRecord(message, in: datagram) { found = number }
        }
        guard answer.errno == 0, let found else {
            throw SystemError(.fence, Errno(answer.errno), "ask for the generation of nf_tables")
        }
        return found
    }

    /// How much of something a dump has; nothing of what is not there.
    private mutating func count(
        _ request: NFTablesRequest, _ each: (NFTablesRecord) -> Int
    ) throws(SystemError) -> Int {
        var total = 0
        let sequence = socket.nextSequence()
        var bytes: [UInt8] = []
        request.append(to: &bytes, sequence: sequence)
        let answer = try socket.exchange(bytes, sequence: sequence) { message, datagram in
            if let record = NFTablesRecord(message, in: datagram) { total += each(record) }
        }
        guard answer.errno == 0 || answer.errno == Errno.notFound.rawValue else {
            throw SystemError(.fence, Errno(answer.errno), "read the fence of nf_tables")
        }
        return total
    }

    static func interfaceNames() throws(SystemError) -> [InterfaceIndex: String] {
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

    private func addSets(
        _ interface: InterfaceIndex, _ guards: [FenceGuard], _ until: [FenceSlot: Instant],
        to batch: inout NFTablesBatch
    ) {
        let now = BootClock.now()
        for family in [AddressFamily.ipv4, .ipv6] {
            let key: [NFTablesSet.Field] = [family == .ipv4 ? .ipv4Address : .ipv6Address]
            let own = guards.filter { $0.address.family == family }
            let elements = Set(own.map(\.address)).sorted().map { NFTablesElement(key: Self.bytes($0)) }
            let set = Self.set("open", family, interface)
            var open = NFTablesSet(set, key: key)
            open.expires = true
            batch.addSet(open, to: table)
            for one in own {
                guard let end = until[one.slot], let left = Self.left(end, at: now) else { continue }
                var element = NFTablesElement(key: Self.bytes(one.address))
                element.timeout = left
                batch.addElements([element], to: set, of: table)
            }
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
