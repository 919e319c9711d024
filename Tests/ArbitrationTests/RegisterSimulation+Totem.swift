import Primitives

@testable import Arbitration

/// Corosync.
extension RegisterSimulation {
    /// Its members part, each with some beginning of what was sent; one keeps the token.
    mutating func breakRing(of index: Int, holder: Int? = nil) {
        guard let ring = nodes[index].ring, !rings[ring].isBroken else { return }
        rings[ring].isBroken = true
        let all = rings[ring].log.count
        for member in rings[ring].nodes where nodes[member].ring == ring {
            let received = rings[ring].received[member] ?? 0
            rings[ring].received[member] = chance(50) ? all : Int.random(in: received...all, using: &random)
        }
        let token = chance(70) ? holder : nil
        let holder = token ?? rings[ring].nodes[Int.random(in: 0..<rings[ring].nodes.count, using: &random)]
        rings[ring].holder = holder
        rings[ring].received[holder] = all
    }

    /// Every side becomes one ring of those of it that run.
    mutating func form(at now: Nanoseconds) {
        for side in Set(nodes.map(\.side)).sorted() {
            let members = nodes.indices.filter { nodes[$0].side == side && nodes[$0].isUp && !nodes[$0].isStopped }
            guard !members.isEmpty else { continue }
            let old = Set(members.map { nodes[$0].ring })
            if old.count == 1, let same = old.first, let ring = same, !rings[ring].isBroken,
                rings[ring].nodes == members
            {
                continue
            }
            for index in members { breakRing(of: index) }
            // Those that come from one ring bring each other level.
            for case let ring? in old {
                let together = members.filter { nodes[$0].ring == ring }
                let level = together.map { rings[ring].received[$0] ?? 0 }.max() ?? 0
                for index in together {
                    rings[ring].received[index] = level
                    deliver(index, at: now)
                }
            }
            let id = RingID(
                sequence: (members.map { nodes[$0].sequence }.max() ?? 0) + 4, node: nodes[members[0]].id)
            rings.append(Ring(id: id, nodes: members))
            let group = members.compactMap { nodes[$0].joined }
            let isQuorate = members.count > nodes.count / 2
            for index in members {
                nodes[index].ring = rings.count - 1
                nodes[index].read = 0
                nodes[index].sequence = id.sequence
                nodes[index].group = group
                hear(index, .members(group), at: now)
                hear(index, .ring(id), at: now)
                quorum(index, isQuorate, id, at: now)
                schedule(.pump(index), at: now + span(5))
            }
        }
    }

    mutating func quorum(_ index: Int, _ isQuorate: Bool, _ id: RingID, at now: Nanoseconds) {
        guard nodes[index].isConnected else { return }
        // In order among themselves, before or after what the other service says.
        nodes[index].quorumAt = max(nodes[index].quorumAt, now + span(chance(80) ? 1 : 40))
        schedule(.hear(index, .quorum(isQuorate, id), life: nodes[index].life), at: nodes[index].quorumAt)
    }

    /// Sends what its clients have given it, when it has the token.
    mutating func pump(_ index: Int, at now: Nanoseconds) {
        guard nodes[index].isUp, !nodes[index].isStopped, let ring = nodes[index].ring else { return }
        if rings[ring].isBroken {
            guard rings[ring].holder == index else { return }
            if !nodes[index].outbox.isEmpty { met.insert("sent in a ring that was broken") }
            rings[ring].fork += nodes[index].outbox
            rings[ring].received[index] = rings[ring].log.count + rings[ring].fork.count
            nodes[index].outbox = []
            return deliver(index, at: now)
        }
        for entry in nodes[index].outbox {
            rings[ring].log.append(entry)
            let count = rings[ring].log.count
            for member in rings[ring].nodes {
                schedule(.arrive(ring: ring, member, count: count), at: now + span(chance(95) ? 1 : 20))
            }
        }
        nodes[index].outbox = []
    }

    /// What has arrived in order goes to the client.
    mutating func deliver(_ index: Int, at now: Nanoseconds) {
        guard nodes[index].isUp, !nodes[index].isStopped, let ring = nodes[index].ring else { return }
        while nodes[index].read < rings[ring].received[index] ?? 0 {
            let entry = rings[ring].entry(nodes[index].read)
            nodes[index].read += 1
            switch entry {
            case .data(let bytes, let member): hear(index, .data(bytes, from: member), at: now)
            case .join(let member):
                nodes[index].group.append(member)
                if member == nodes[index].member { nodes[index].joined = member }
                hear(index, .members(nodes[index].group), at: now)
            case .leave(let member):
                nodes[index].group.removeAll { $0 == member }
                hear(index, .members(nodes[index].group), at: now)
            }
        }
    }

    private mutating func hear(_ index: Int, _ callback: Callback, at now: Nanoseconds) {
        // A client is told of the group from its own joining on.
        guard nodes[index].isConnected, nodes[index].joined == nodes[index].member else { return }
        schedule(.hear(index, callback, life: nodes[index].life), at: now)
    }

    mutating func connect(_ index: Int, at now: Nanoseconds) {
        guard nodes[index].isUp, !nodes[index].isStopped, let ring = nodes[index].ring else {
            return schedule(.connect(index, life: nodes[index].life), at: now + span(100))
        }
        // A process of this node that went leaves first.
        nodes[index].isConnected = true
        nodes[index].register.connect(as: nodes[index].member, electorate, at: nodes[index].local(now))
        nodes[index].outbox.append(.join(nodes[index].member))
        nodes[index].inbox.append(.ring(rings[ring].id))
        quorum(index, rings[ring].nodes.count > nodes.count / 2, rings[ring].id, at: now)
        pump(index, at: now)
    }

    mutating func goOn(_ index: Int, at now: Nanoseconds) {
        guard nodes[index].isStopped else { return }
        nodes[index].isStopped = false
        deliver(index, at: now)
        pump(index, at: now)
        // It hears of time that passed only after what was waiting already.
        if let ring = nodes[index].ring, rings[ring].isBroken {
            let isLate = chance(60)
            for step in 1...20 { schedule(.pump(index), at: now + Int64(step) * 2 * Self.millisecond) }
            schedule(.form, at: now + (isLate ? span(40) : span(2)))
        }
    }

    mutating func disconnect(_ index: Int, at now: Nanoseconds) {
        nodes[index].isConnected = false
        let member = nodes[index].member
        nodes[index].outbox.removeAll {
            switch $0 {
            case .data, .join: true
            case .leave: false
            }
        }
        if nodes[index].joined == member {
            nodes[index].joined = nil
            if nodes[index].isUp { nodes[index].outbox.append(.leave(member)) }
        } else if nodes[index].isUp {
            nodes[index].outbox.append(.leave(member))
        }
        schedule(.pump(index), at: now)
    }
}
