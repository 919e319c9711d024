import Balancing
import LinuxWorld
import Netlink
import Primitives

/// Forwards by nftables, with tables of its own: NAT by connection tracking (`aloft`, of the families `ip` and `ip6`), and direct routing (`aloft`
/// and `aloft6`, of the family `netdev`).
///
/// How a connection goes is told by `NFTablesSkeleton`; what stands in the kernel, and how it is changed, by ``Balancing/NFTablesState``. Here is what
/// speaks to the kernel: one atomic batch for all changes, dumps for whoever comes after, and notifications to see what others do.
///
/// A server that is removed loses its connections: the kernel forgets them, and what a client sends next is answered by a server that
/// does not know it. With weight 0 a server keeps them. `TUN`, thresholds and what else ``Balancing/ForwardingService`` cannot have here
/// comes back as refused.
public struct NFTablesPlane: ~Copyable, DataPlane {
    var socket: NetlinkSocket
    private var events: NetlinkSocket
    /// This socket's name: what it caused is not news.
    private let port: UInt32
    var states = [
        NFTablesState(.ipv4), NFTablesState(.ipv6), NFTablesState(.ipv4, .direct), NFTablesState(.ipv6, .direct),
    ]
    /// Asks for interfaces and routes, and hears of changes.
    var routes: RouteSocket
    var routeEvents: RouteSocket
    /// What direct routing goes by. Unknown until a service needs it.
    var network = NFTablesNetwork()
    var isNetworkStale = true
    var notices: [String] = []
    /// False until the kernel was asked what stands there.
    var isKnown = false
    /// Servers that are gone and whose connections the kernel still tracks.
    var doomed: [UInt32] = []
    var nextForgetting = Instant.zero
    /// Someone else may have changed one of our tables.
    var isSuspect = false

    /// NFNLGRP_NFTABLES is 7.
    private static let group: UInt32 = 1 << 6

    /// Throws where the kernel has no nf_tables or no ctnetlink, or where CAP_NET_ADMIN is missing.
    public init() throws(SystemError) {
        var requests = try NetlinkSocket(.netfilter)
        let own = try Self.generation(&requests).port
        try Self.askForConnections(&requests)
        let changes = try NetlinkSocket(.netfilter, groups: Self.group)
        let commands = try RouteSocket.command()
        // What overflows while no service needs it means only that everything is asked again.
        let news = try RouteSocket(groups: [.links, .routes], receiveBuffer: 1 << 16)
        events = consume changes
        routes = consume commands
        routeEvents = consume news
        socket = requests
        port = own
    }

    /// What can wake whoever waits: readable when a table changed, ours or another.
    public var descriptor: Int32 { events.descriptor.rawValue }

    public mutating func read() throws(SystemError) -> ForwardingTable {
        isSuspect = false
        _ = try drainEvents()
        isSuspect = false
        var listings: [NFTablesListing] = []
        for state in states { listings.append(try list(state, maps: nil)) }
        let direct = listings.filter { $0.isDirect && !$0.chains.isEmpty }
        if !direct.isEmpty || !network.ways.isEmpty {
            // Those that are about to be written, too.
            try lookAround(for: direct.reduce(into: Set(network.ways.keys)) { $0.formUnion($1.servers) })
        }
        states = zip(states, listings).map { state, listing in
            var next = NFTablesState(listing, network)
            next.remember(state)
            return next
        }
        for name in Set(states.flatMap { $0.unhooked(of: network) }).sorted() where isKnown {
            notices.append("packets at \(name) were not looked at for DR: there was no chain for it, and is now")
        }
        isKnown = true
        try catchUp()
        return forwarding
    }

    public mutating func takeNotices() -> [String] {
        defer { notices = [] }
        return notices
    }

    public mutating func apply(_ changes: [TableChange]) throws(SystemError) -> [RefusedChange] {
        if !isKnown { _ = try read() }
        var (refused, accepted) = ([RefusedChange](), [TableChange]())
        var desired = forwarding
        try prepare(for: changes)
        // A service may pass through what it cannot be: by NAT and by DR, on the way from one to the other.
        var last = desired
        last.apply(changes)
        for change in changes {
            let isSound = last[change.service].map { refusal($0) == nil && desired[$0.key] != nil } ?? false
            if !isSound, let reason = refusal(of: change, on: desired) {
                refused.append(reason)
            } else {
                desired.apply(CollectionOfOne(change))
                accepted.append(change)
            }
        }
        let touched = Set(accepted.map(\.service)).sorted()
        if try commit(touched, of: desired).errno == 0 { return refused }

        // Someone else changed the table under us, or the kernel does not take one of the changes. Look again, and try each alone.
        _ = try read()
        let all = Set(touched + desired.services.map(\.key)).sorted()
        if try commit(all, of: desired).errno == 0 { return refused }
        var partial = forwarding
        for key in all {
            let former = partial[key]
            partial[key] = desired[key]
            let answer = try commit([key], of: partial)
            if answer.errno == 0 { continue }
            partial[key] = former
            let reason = answer.text.isEmpty ? "nf_tables does not take it" : answer.text
            refused += accepted.filter { $0.service == key }.map {
                RefusedChange($0, errno: Errno(answer.errno), reason: reason)
            }
        }
        return refused
    }

    public mutating func mayHaveChanged() throws(SystemError) -> Bool {
        if try drainEvents() { isSuspect = true }
        if !isSuspect, isDirectInUse { try followNetwork() }
        return isSuspect
    }

    /// All tables in one.
    var forwarding: ForwardingTable {
        let used = states.filter { !$0.forwarding.services.isEmpty }
        return used.count < 2
            ? used.first?.forwarding ?? ForwardingTable() : ForwardingTable(used.flatMap(\.forwarding.services))
    }

    private func refusal(of change: TableChange, on table: ForwardingTable) -> RefusedChange? {
        var trial = ForwardingTable()
        if case .addService = change {
        } else {
            guard let service = table[change.service] else {
                if case .removeService = change { return nil }
                return RefusedChange(change, errno: .notFound, reason: "there is no such service")
            }
            trial[service.key] = service
        }
        trial.apply(CollectionOfOne(change))
        guard let reason = trial[change.service].flatMap({ refusal($0) }) else { return nil }
        return RefusedChange(change, errno: Errno(95), reason: reason)  // EOPNOTSUPP
    }
}

// MARK: - The kernel

extension NFTablesPlane {
    /// One batch. Only if the kernel takes it is it what this plane knows.
    mutating func commit(
        _ keys: [ServiceKey], of desired: ForwardingTable
    ) throws(SystemError) -> NetlinkAnswer {
        var next = states
        let sequence = socket.nextSequence()
        var batch = NFTablesBatch(sequence: sequence)
        var gone: [UInt32] = []
        for index in next.indices {
            let marks = next[index].write(keys, of: desired, network: network, where: takes(index), into: &batch)
            // Those of direct routing are nobody's connections.
            if next[index].path == .translated { gone += marks }
        }
        if batch.count == 0 { return NetlinkAnswer(errno: 0) }
        if try drainEvents() { isSuspect = true }
        let before = try generation()
        let answer: NetlinkAnswer
        do {
            answer = try socket.exchange(batch.finish(), sequence: sequence, timeout: .seconds(60))
        } catch let error where error.errno == .messageSize {
            // Without CAP_NET_ADMIN in the first user namespace a message has a limit; smaller ones pass.
            return NetlinkAnswer(errno: error.errno.rawValue, text: "more than one netlink message may hold")
        }
        if answer.errno != 0 { return answer }
        states = next
        // Many changes are more than the queue of events holds. What was lost was ours if no generation came between.
        let isLost = try drainEvents()
        if isLost, try generation() != before &+ 1 { isSuspect = true }
        doomed += gone
        try settle(isLast: false)
        return answer
    }

    private mutating func generation() throws(SystemError) -> UInt32 { try Self.generation(&socket).number }

    /// The number of the present generation, and what the kernel calls the socket that asked.
    private static func generation(
        _ socket: inout NetlinkSocket
    ) throws(SystemError) -> (number: UInt32, port: UInt32) {
        let sequence = socket.nextSequence()
        var request: [UInt8] = []
        NFTablesRequest.generation.append(to: &request, sequence: sequence)
        var found: (number: UInt32, port: UInt32)?
        let answer = try socket.exchange(request, sequence: sequence) { message, datagram in
            guard message.sequence == sequence, case .generation(let number)? = NFTablesRecord(message, in: datagram)
            else { return }
            found = (number, message.port)
        }
        guard answer.errno == 0, let found else {
            throw SystemError(.netlink, Errno(answer.errno == 0 ? 71 : answer.errno), "ask nf_tables")
        }
        return found
    }

    private static func askForConnections(_ socket: inout NetlinkSocket) throws(SystemError) {
        let sequence = socket.nextSequence()
        var request: [UInt8] = []
        ConntrackRequest.dump(.ipv4, mark: .max, mask: .max).append(to: &request, sequence: sequence)
        let answer = try socket.exchange(request, sequence: sequence)
        if answer.errno != 0 { throw SystemError(.netlink, Errno(answer.errno), "ask for tracked connections") }
    }

    /// Takes what was notified. True where someone else changed one of our tables, or where events were lost.
    private mutating func drainEvents() throws(SystemError) -> Bool {
        var isNews = false
        let own = port
        let tables = states.map(\.table)
        while true {
            do {
                let any = try events.receive { message, datagram in
                    guard message.port != own, !isNews, let record = NFTablesRecord(message, in: datagram),
                        let table = record.table
                    else { return }
                    isNews = tables.contains(table)
                }
                if !any { return isNews }
            } catch let error where error.errno == .noBuffers {
                isNews = true
            }
        }
    }

    /// What the kernel says of a table: all, or the named maps of it. Consistent: no generation came between.
    mutating func list(_ state: NFTablesState, maps: [String]?) throws(SystemError) -> NFTablesListing {
        for _ in 0..<20 {
            let before = try generation()
            var listing = NFTablesListing(state.family, state.path)
            var isWhole = try dump(.dumpChains(listing.table.family), into: &listing)
            if !listing.chains.isEmpty {
                var requests = maps == nil ? [NFTablesRequest.dumpRules(listing.table)] : []
                requests += (maps ?? listing.maps).map { .dumpElements(listing.table, set: $0) }
                for request in requests where isWhole { isWhole = try dump(request, into: &listing) }
            }
            if isWhole, try generation() == before { return listing }
        }
        throw SystemError(.netlink, .busy, "read the table aloft: others change tables all the time")
    }

    /// False where the dump was interrupted. What is not there is empty.
    private mutating func dump(
        _ request: NFTablesRequest, into listing: inout NFTablesListing
    ) throws(SystemError) -> Bool {
        try dump(request) { listing.add($0) }
    }

    mutating func dump(
        _ request: NFTablesRequest, _ body: (NFTablesRecord) -> Void
    ) throws(SystemError) -> Bool {
        let sequence = socket.nextSequence()
        var bytes: [UInt8] = []
        request.append(to: &bytes, sequence: sequence)
        var isWhole = true
        let answer = try socket.exchange(bytes, sequence: sequence, timeout: .seconds(30)) { message, datagram in
            guard message.sequence == sequence else { return }
            if message.isInterrupted { isWhole = false }
            if let record = NFTablesRecord(message, in: datagram) { body(record) }
        }
        guard answer.errno == 0 || answer.errno == Errno.notFound.rawValue || answer.errno == 4 else {
            throw SystemError(.netlink, Errno(answer.errno), "list the table aloft", answer.text)
        }
        return isWhole && answer.errno != 4
    }
}
