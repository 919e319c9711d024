import Balancing
import LinuxWorld
import Netlink
import Primitives

/// Forwards with nf_tables: destination NAT by maps, for kernels without ip_vs. What lies where says ``NFTablesLayout``.
///
/// A change is one batch, which takes effect at once or not at all; a whole table of thousands of services is several, each with whole services.
/// The table `inet aloft` is this plane's alone; what is in it and is not asked for goes.
///
/// Unlike ip_vs: schedulers that count connections go by weight (`ForwardingService.shares`); an answer must come back through this node; the
/// mark of a connection names its server (`ct mark`, 0x41…).
public struct NFTablesPlane: ~Copyable, DataPlane {
    private var socket: NetlinkSocket
    private var monitor: NetlinkSocket
    private var layout = NFTablesLayout()
    /// Chains and rules are written with the next batch.
    private var needsRules = true
    /// Of servers that are gone, and whose connections are still to be ended.
    private var goneMarks: Set<UInt32> = []
    private var isSuspect = false
    /// Of `socket`, as the kernel knows it: what it says with this number is about this plane's own doing.
    private var port: UInt32 = 0

    /// Services in one batch.
    static let portion = 500

    /// Throws where this process may not change firewall tables, or the kernel has no nf_tables.
    public init() throws(SystemError) {
        let asking = try NetlinkSocket(.netfilter)
        try asking.setSendBuffer(64 << 20)
        // NFNLGRP_NFTABLES.
        let listening = try NetlinkSocket(.netfilter, groups: 1 << 6, receiveBuffer: 32 << 20)
        socket = asking
        monitor = listening
    }

    // MARK: - Reading

    public mutating func read() throws(SystemError) -> ForwardingTable {
        isSuspect = false
        drainMonitor()
        var sets: [String] = []
        let sequence = socket.nextSequence()
        let answer = try socket.exchange(
            NFTablesRequest.dumpSets(.inet, table: NFTablesLayout.tableName, sequence: sequence), sequence: sequence
        ) { message, datagram in
            if let name = NFTablesRecord.setName(message, in: datagram) { sets.append(name) }
        }
        guard answer.errno == 0, !sets.isEmpty else {
            guard answer.errno == 0 || answer.errno == 2 else {
                throw SystemError(.netlink, Errno(answer.errno), "read the firewall table", NFTablesLayout.tableName)
            }
            layout = NFTablesLayout()
            needsRules = true
            return ForwardingTable()
        }
        var services: [(set: String, NFTablesRecord.Element)] = []
        for set in sets where NFTablesLayout.isServiceMap(set) {
            for element in try elements(of: set) { services.append((set, element)) }
        }
        var servers: [NFTablesRecord.Element] = []
        for set in NFTablesLayout.serverMaps { servers += try elements(of: set) }
        let slots = try elements(of: "slots")
        layout = NFTablesLayout(services: services, servers: servers, slots: slots)
        // What was read may be of other rules than ours.
        needsRules = true
        return layout.table
    }

    private mutating func elements(of set: String) throws(SystemError) -> [NFTablesRecord.Element] {
        for _ in 0..<8 {
            var found: [NFTablesRecord.Element] = []
            var isInterrupted = false
            let sequence = socket.nextSequence()
            let request = NFTablesRequest.dumpElements(
                .inet, table: NFTablesLayout.tableName, set: set, sequence: sequence)
            let answer = try socket.exchange(request, sequence: sequence) { message, datagram in
                isInterrupted = isInterrupted || message.isInterrupted
                found += NFTablesRecord.elements(message, in: datagram) ?? []
            }
            if answer.errno == 2 { return [] }
            guard answer.errno == 0 else {
                throw SystemError(.netlink, Errno(answer.errno), "read the firewall set", set)
            }
            if !isInterrupted { return found }
        }
        throw SystemError(.netlink, .again, "read a firewall set that changes all the time", set)
    }

    // MARK: - Changing

    public mutating func apply(_ changes: [TableChange]) throws(SystemError) -> [RefusedChange] {
        var touched: [ServiceKey: [TableChange]] = [:]
        for change in changes { touched[change.service, default: []].append(change) }
        var refused: [RefusedChange] = []
        var wanted: [(ServiceKey, ForwardingService?)] = []
        for (key, steps) in touched.sorted(by: { $0.key < $1.key }) {
            var table = ForwardingTable(CollectionOfOne(layout.service(key)).compactMap { $0 })
            table.apply(steps)
            var service = table[key]
            if let reason = service.flatMap(NFTablesLayout.refusal) {
                refused += steps.map { RefusedChange($0, errno: Errno(95), reason: reason) }
                service = nil
            }
            if service != layout.service(key) { wanted.append((key, service)) }
        }
        if wanted.isEmpty, needsRules, !changes.isEmpty { try send([]) { _ in } }
        var rest = wanted[...]
        while !rest.isEmpty {
            let portion = Array(rest.prefix(Self.portion))
            rest = rest.dropFirst(Self.portion)
            try send(portion) { failed in
                for (key, reason) in failed {
                    refused += (touched[key] ?? []).map { RefusedChange($0, errno: reason.errno, reason: reason.text) }
                }
            }
        }
        return refused
    }

    private struct Reason {
        var errno: Errno
        var text: String
    }

    /// One batch; where the kernel does not take it, halves of it, so that one service that it does not take keeps back no other.
    private mutating func send(
        _ services: [(ServiceKey, ForwardingService?)], _ failed: ([(ServiceKey, Reason)]) -> Void
    ) throws(SystemError) {
        let difference = layout.update(services)
        guard !difference.isEmpty || needsRules else { return }
        var batch = layout.batch(difference, rules: needsRules, sequence: socket.nextSequence())
        let bytes = batch.finish()
        let end = batch.endSequence
        while socket.nextSequence() != end {}
        guard let reason = try commit(bytes) else {
            needsRules = false
            goneMarks.formUnion(difference.goneMarks)
            return
        }
        // What the kernel has now is what it had before.
        _ = try read()
        guard services.count > 1 else {
            if let key = services.first?.0 {
                failed([(key, reason)])
            } else {
                throw SystemError(.netlink, reason.errno, "write the firewall table: \(reason.text)")
            }
            return
        }
        try send(Array(services[..<(services.count / 2)]), failed)
        try send(Array(services[(services.count / 2)...]), failed)
    }

    /// Nil when it was taken; otherwise the first complaint.
    private mutating func commit(_ bytes: [UInt8]) throws(SystemError) -> Reason? {
        try socket.send(bytes)
        var first: Reason?
        // Each request is answered, and the answers are there when sending returns; too many for the buffer are lost, and then the
        // table is looked at.
        do {
            while try socket.receive({ message, datagram in
                guard let answer = message.answer(in: datagram) else { return }
                port = message.port
                guard answer.errno != 0 else { return }
                let errno = Errno(answer.errno)
                first =
                    first ?? Reason(errno: errno, text: answer.text.isEmpty ? "\(errno)" : "\(errno): \(answer.text)")
            }) {}
        } catch  where error.errno == .noBuffers {
            _ = try read()
        }
        drainMonitor()
        return first
    }

    /// Ends the connections of servers that are gone: together, and only where there are any, because each search goes through all
    /// connections that the kernel tracks.
    private mutating func cut() throws(SystemError) {
        guard !goneMarks.isEmpty else { return }
        let gone = goneMarks
        goneMarks = []
        for mark in try connections().keys.sorted() where gone.contains(mark) {
            let sequence = socket.nextSequence()
            _ = try socket.exchange(
                ConntrackRecord.delete(mark: mark, mask: .max, sequence: sequence), sequence: sequence)
        }
    }

    /// Takes the whole table away, and ends its connections.
    public mutating func remove() throws(SystemError) {
        var batch = NFTablesBatch(.inet, table: NFTablesLayout.tableName, sequence: socket.nextSequence())
        batch.deleteTable()
        _ = try commit(batch.finish())
        layout = NFTablesLayout()
        needsRules = true
    }

    // MARK: - Others

    /// Ends what `apply` left to be ended, too.
    public mutating func mayHaveChanged() throws(SystemError) -> Bool {
        try cut()
        drainMonitor()
        return isSuspect
    }

    /// The last message of each batch says whose it was.
    private mutating func drainMonitor() {
        let own = port
        var foreign = false
        do {
            while try monitor.receive({ message, _ in
                if NFTablesRecord.isGeneration(message), message.port != own { foreign = true }
            }) {}
        } catch {
            // Lost messages may have been anyone's.
            foreign = true
        }
        if foreign { isSuspect = true }
    }

    // MARK: - Counters

    public mutating func statistics() throws(SystemError) -> [ServiceStatistics] {
        var counters: [UInt32: ForwardingCounters] = [:]
        for element in try elements(of: "passed") {
            guard let mark = element.key.span.bytes.hostUInt32(at: 0), element.key.count == 8 else { continue }
            if element.key[4] == 0 {
                counters[mark, default: .init()].packetsIn = element.packets
                counters[mark, default: .init()].bytesIn = element.byteCount
            } else {
                counters[mark, default: .init()].packetsOut = element.packets
                counters[mark, default: .init()].bytesOut = element.byteCount
            }
        }
        for set in NFTablesLayout.serverMaps {
            for element in try elements(of: set) {
                guard let mark = element.key.span.bytes.hostUInt32(at: 0) else { continue }
                counters[mark, default: .init()].connections = element.packets
            }
        }
        let open = try connections()
        return layout.table.services.map { service in
            let marks = layout.marks(of: service.key)
            var sum = ForwardingCounters()
            let destinations = service.destinations.map { destination in
                let mark = marks[destination.key] ?? 0
                let counted = counters[mark] ?? ForwardingCounters()
                sum.add(counted)
                return DestinationStatistics(
                    destination.key, counters: counted, active: open[mark]?.active ?? 0,
                    inactive: open[mark]?.inactive ?? 0)
            }
            return ServiceStatistics(service.key, counters: sum, destinations: destinations)
        }
    }

    /// Connections that conntrack knows, by mark.
    private mutating func connections() throws(SystemError) -> [UInt32: (active: UInt64, inactive: UInt64)] {
        var found: [UInt32: (active: UInt64, inactive: UInt64)] = [:]
        let sequence = socket.nextSequence()
        let request = ConntrackRecord.dump(
            mark: NFTablesLayout.markBase, mask: NFTablesLayout.markMask, sequence: sequence)
        _ = try socket.exchange(request, sequence: sequence) { message, datagram in
            guard let record = ConntrackRecord(message, in: datagram) else { return }
            if record.isActive {
                found[record.mark, default: (0, 0)].active += 1
            } else {
                found[record.mark, default: (0, 0)].inactive += 1
            }
        }
        return found
    }
}

extension ForwardingCounters {
    mutating func add(_ other: ForwardingCounters) {
        connections &+= other.connections
        packetsIn &+= other.packetsIn
        packetsOut &+= other.packetsOut
        bytesIn &+= other.bytesIn
        bytesOut &+= other.bytesOut
    }
}
