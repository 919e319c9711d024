import Balancing
import LinuxWorld
import Netlink
import Primitives

/// What the plane knows of connections: by their marks, from connection tracking.
extension NFTablesPlane {
    /// Connections are counted when a server is chosen, packets and bytes where they are forwarded: what a director's own processes send
    /// and get is not in them. Active is TCP that is established, and every UDP and SCTP flow that is tracked.
    public mutating func statistics() throws(SystemError) -> [ServiceStatistics] {
        let isTranslating = states.contains { $0.path == .translated && !$0.forwarding.services.isEmpty }
        return try statistics(isTranslating ? try connections() : [:])
    }

    /// Without a look at what the kernel tracks: `active` and `inactive` are not known.
    public mutating func counters() throws(SystemError) -> [ServiceStatistics] { try statistics(nil) }

    private mutating func statistics(
        _ tracked: [UInt32: (UInt64, UInt64)]?
    ) throws(SystemError) -> [ServiceStatistics] {
        if states.allSatisfy(\.forwarding.services.isEmpty) { return [] }
        var all: [ServiceKey: ServiceStatistics] = [:]
        for state in states where !state.forwarding.services.isEmpty {
            let isDirect = state.path == .direct
            let open = tracked == nil ? nil : isDirect ? try remembered(state) : tracked
            let listing = try list(state, maps: NFTablesListing(state.family, state.path).countingMaps)
            let received = listing.counters(of: "received")
            var chosen = listing.counters(of: isDirect ? "chosen" : "endpoints")
            chosen.merge(listing.counters(of: "hosts")) { first, _ in first }
            // Answers by direct routing do not pass here.
            let sent = listing.counters(of: "sent")
            for service in state.forwarding.services {
                var statistics = ServiceStatistics(service.key, counters: TrafficCounters(), destinations: [])
                for destination in service.destinations {
                    guard let mark = state.mark(of: destination.key, in: service.key) else { continue }
                    var counters = TrafficCounters()
                    counters.connections = chosen[mark]?.packets ?? 0
                    (counters.packetsIn, counters.bytesIn) = received[mark] ?? (0, 0)
                    (counters.packetsOut, counters.bytesOut) = sent[mark] ?? (0, 0)
                    let connections = open.map { $0[mark] ?? (0, 0) }
                    statistics.counters.add(counters)
                    statistics.destinations.append(
                        DestinationStatistics(
                            destination.key,
                            ServerStatistics(counters, active: connections?.0, inactive: connections?.1)))
                }
                all[service.key] = statistics
            }
        }
        return forwarding.services.compactMap { all[$0.key] }
    }

    /// How many connections each mark has: active, and the rest.
    private mutating func connections() throws(SystemError) -> [UInt32: (UInt64, UInt64)] {
        var counts: [UInt32: (active: UInt64, inactive: UInt64)] = [:]
        try forEachConnection { record in
            if record.isActive {
                counts[record.mark, default: (0, 0)].active += 1
            } else {
                counts[record.mark, default: (0, 0)].inactive += 1
            }
        }
        return counts
    }

    /// How many connections a table of direct routing remembers for each mark: open ones, and those that their client has ended.
    private mutating func remembered(_ state: NFTablesState) throws(SystemError) -> [UInt32: (UInt64, UInt64)] {
        var counts: [UInt32: (open: UInt64, ending: UInt64)] = [:]
        for (map, isOpen) in [
            (NFTablesListing.connectionMaps.open, true), (NFTablesListing.connectionMaps.ending, false),
        ] {
            // Packets change the map meanwhile: it is a count of the moment, more or less.
            _ = try dump(.dumpElements(state.table, set: map)) { record in
                guard case .elements(_, _, let list) = record else { return }
                for listed in list {
                    guard let mark = listed.element.mark else { continue }
                    if isOpen {
                        counts[mark, default: (0, 0)].open += 1
                    } else {
                        counts[mark, default: (0, 0)].ending += 1
                    }
                }
            }
        }
        return counts
    }

    private mutating func forEachConnection(_ body: (ConntrackRecord) -> Void) throws(SystemError) {
        for state in states
        where state.path == .translated && (!state.forwarding.services.isEmpty || state.hasNumbers) {
            let sequence = socket.nextSequence()
            var request: [UInt8] = []
            ConntrackRequest.dump(state.family, mark: NFTablesState.numberBits, mask: NFTablesState.numberMask)
                .append(to: &request, sequence: sequence)
            let answer = try socket.exchange(request, sequence: sequence, timeout: .seconds(30)) { message, datagram in
                guard message.sequence == sequence, let record = ConntrackRecord(message, in: datagram),
                    record.mark & NFTablesState.numberMask == NFTablesState.numberBits, record.family == state.family
                else { return }
                body(record)
            }
            if answer.errno != 0 { throw SystemError(.netlink, Errno(answer.errno), "list tracked connections") }
        }
    }

    /// The kernel walks through all that it tracks to find the connections of a server: with hundreds of thousands, tens of milliseconds.
    static let forgettingInterval: Duration = .milliseconds(100)

    /// Connections of servers that are gone end: at once, but where many servers go one after the other, those of all of them together.
    public mutating func settle(isLast: Bool) throws(SystemError) {
        let now = BootClock.now()
        guard !doomed.isEmpty, isLast || now >= nextForgetting else { return }
        nextForgetting = now + Self.forgettingInterval
        let marks = doomed
        doomed = []
        try forget(marks)
    }

    /// Makes the kernel forget connections. A few marks are a walk of the kernel's each; more are one dump and a message per connection.
    mutating func forget(_ marks: [UInt32]) throws(SystemError) {
        if marks.isEmpty { return }
        var requests: [ConntrackRequest] = []
        if marks.count <= 4 {
            requests = marks.map { .deleteAll(.ipv4, mark: $0, mask: .max) }
        } else {
            let marks = Set(marks)
            try forEachConnection { if marks.contains($0.mark) { requests.append(.delete($0)) } }
        }
        // The answers of a chunk fit into the socket's queue.
        var rest = requests[...]
        while !rest.isEmpty {
            var bytes: [UInt8] = []
            var sequence: UInt32 = 0
            for request in rest.prefix(200) {
                sequence = socket.nextSequence()
                request.append(to: &bytes, sequence: sequence)
            }
            // One that ended by itself meanwhile is no error, and of others there are none.
            _ = try socket.exchange(bytes, sequence: sequence)
            rest = rest.dropFirst(200)
        }
    }
}
