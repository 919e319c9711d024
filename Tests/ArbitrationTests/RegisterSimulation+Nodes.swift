import Primitives

@testable import Arbitration

/// Registers, lease machines, and what befalls them.
extension RegisterSimulation {
    mutating func disturb(_ index: Int, at now: Nanoseconds) throws {
        guard now < calm else { return }
        schedule(.disturb(index), at: now + Int64.random(in: 0...between, using: &random))
        switch Int.random(in: 0..<100, using: &random) {
        case ..<20:
            // Cut off, alone or with others; or back.
            for other in nodes.indices where other == index || chance(25) {
                nodes[other].side = nodes[other].side == 0 ? Int.random(in: 1...2, using: &random) : 0
                breakRing(of: other)
            }
            schedule(.form, at: now + 20 * Self.millisecond + span(200))
        case ..<45:
            guard nodes[index].isUp, !nodes[index].isStopped else { return }
            nodes[index].isStopped = true
            nodes[index].stops += 1
            schedule(.detect(index, stops: nodes[index].stops), at: now + 100 * Self.millisecond)
            schedule(.goOn(index), at: now + span(chance(50) ? 3000 : 300))
            // A whole machine stops as one.
            if chance(40) { nodes[index].readyAt = now + span(3000) }
        case ..<55:
            guard nodes[index].isUp else { return }
            breakRing(of: index)
            nodes[index].isUp = false
            nodes[index].isStopped = false
            (nodes[index].ring, nodes[index].outbox, nodes[index].group) = (nil, [], [])
            if nodes[index].isConnected {
                schedule(.hear(index, .lost, life: nodes[index].life), at: now)
            }
            nodes[index].joined = nil
            schedule(.form, at: now + span(200))
            schedule(.startCorosync(index), at: now + span(1500))
        case ..<65: nodes[index].readyAt = max(nodes[index].readyAt, now + span(2000))
        case ..<85: try crash(index, at: now)
        default:
            let wants = !nodes[index].machine.wants
            machine(index, at: now) { $0.update(wants: wants, at: $1, into: &$2) }
        }
    }

    private mutating func crash(_ index: Int, at now: Nanoseconds) throws {
        guard nodes[index].isAlive else { return }
        disconnect(index, at: now)
        nodes[index].isAlive = false
        nodes[index].inbox = []
        nodes[index].readyAt = now
        schedule(.startRegister(index), at: now + span(chance(50) ? 50 : 1500))
        if chance(50) {
            let predecessor = chance(50) ? nodes[index].machine.incarnation : nil
            nodes[index].machine = try makeMachine(index, predecessor: predecessor)
        }
    }

    mutating func startRegister(_ index: Int, at now: Nanoseconds) throws {
        if nodes[index].machine.state == .stopped {
            let wants = now >= calm || chance(85)
            machine(index, at: now) { machine, now, effects in
                machine.update(wants: wants, at: now, into: &effects)
                machine.start(at: now, into: &effects)
            }
        }
        guard !nodes[index].isAlive else { return }
        nodes[index].isAlive = true
        nodes[index].life += 1
        nodes[index].inbox = []
        nodes[index].register = CorosyncRegister(memory: nodes[index].disk, at: nodes[index].local(now))
        nodes[index].register.bug = bug
        schedule(.connect(index, life: nodes[index].life), at: now + span(30))
    }

    /// One turn of the register's loop: all that it has heard, then what is due.
    mutating func turn(_ index: Int, at now: Nanoseconds) {
        guard nodes[index].isAlive else { return }
        guard now >= nodes[index].readyAt else { return schedule(.turn(index), at: nodes[index].readyAt) }
        if now < calm, chance(1) { nodes[index].readyAt = now + span(200) }
        var effects: [RegisterEffect] = []
        let local = nodes[index].local(now)
        let inbox = nodes[index].inbox
        nodes[index].inbox = []
        for callback in inbox {
            switch callback {
            case .data(let bytes, let member):
                nodes[index].register.receive(bytes, from: member, at: local, into: &effects)
            case .ring(let id): nodes[index].register.update(ring: id, at: local, into: &effects)
            case .members(let members): nodes[index].register.update(members: members, at: local, into: &effects)
            case .quorum(let isQuorate, let id):
                nodes[index].register.update(quorate: isQuorate, id, at: local, into: &effects)
            case .lost:
                nodes[index].register.disconnect(at: local, into: &effects)
                disconnect(index, at: now)
                schedule(.connect(index, life: nodes[index].life), at: now + span(100))
            }
        }
        nodes[index].register.flush(at: local, into: &effects)
        perform(effects, index, at: now)
    }

    private mutating func perform(_ effects: [RegisterEffect], _ index: Int, at now: Nanoseconds) {
        for effect in effects {
            switch effect {
            case .multicast(let bytes):
                schedule(
                    .enqueue(index, .data(bytes, from: nodes[index].member), life: nodes[index].life),
                    at: now + span(1) / 4)
            case .report(let report):
                guard case .answer(let request, let answer) = report.kind else { continue }
                if case .granted = answer { grants += 1 }
                machine(index, at: now) { $0.receive(answer, to: request, at: $1, into: &$2) }
            case .remember(let memory):
                schedule(.disk(index, memory, life: nodes[index].life), at: now + span(chance(90) ? 1 : 100))
            case .readElectorate: met.insert("doubted the electorate")
            case .unreadable: violation = "a member does not understand another"
            }
        }
        if let deadline = nodes[index].register.nextDeadline {
            schedule(.wake(index), at: max(now, nodes[index].trueTime(deadline)))
        }
    }

    mutating func wake(_ index: Int, at now: Nanoseconds) {
        let local = nodes[index].local(now)
        if let deadline = nodes[index].machine.nextDeadline, deadline <= local {
            machine(index, at: now) { $0.advance(to: $1, into: &$2) }
        }
        if nodes[index].isAlive, let deadline = nodes[index].register.nextDeadline, deadline <= local {
            guard now >= nodes[index].readyAt else { return schedule(.wake(index), at: nodes[index].readyAt) }
            var effects: [RegisterEffect] = []
            nodes[index].register.advance(to: local, into: &effects)
            nodes[index].register.flush(at: local, into: &effects)
            perform(effects, index, at: now)
        }
    }

    /// One input of the lease machine, and its effects.
    mutating func machine(
        _ index: Int, at now: Nanoseconds, _ body: (inout LeaseMachine, Instant, inout [LeaseEffect]) -> Void
    ) {
        var effects: [LeaseEffect] = []
        body(&nodes[index].machine, nodes[index].local(now), &effects)
        guard let lease = LeaseName("cluster/group") else { return }
        for effect in effects {
            switch effect {
            case .read(let request):
                ask(index, LeaseQuestion(lease: lease, request: request, kind: .read), at: now)
            case .write(let request, let record, let replaced):
                ask(
                    index, LeaseQuestion(lease: lease, request: request, kind: .write(record, replacing: replaced)),
                    at: now)
            case .mustNotHold(let loss):
                (nodes[index].fence, nodes[index].tenure) = (nil, nil)
                if now > settled { violation = violation ?? "LIVE-1: lost without a fault (\(loss.rule))" }
            case .mayHold(let until, let epoch): hold(index, until, epoch, at: now)
            }
        }
        guard let deadline = nodes[index].machine.nextDeadline, deadline != .distantFuture else { return }
        schedule(.wake(index), at: max(nodes[index].trueTime(deadline), now))
    }

    private mutating func ask(_ index: Int, _ question: LeaseQuestion, at now: Nanoseconds) {
        // A register that is stopped or dead answers nothing; patience ends that.
        guard nodes[index].isAlive, now >= nodes[index].readyAt else { return }
        var effects: [RegisterEffect] = []
        nodes[index].register.ask([question], at: nodes[index].local(now), into: &effects)
        perform(effects, index, at: now)
    }

    private mutating func hold(_ index: Int, _ until: Instant, _ epoch: Epoch, at now: Nanoseconds) {
        nodes[index].fence = (until, epoch)
        guard nodes[index].serves(at: now) else { return }
        for other in nodes.indices where other != index && nodes[other].serves(at: now) {
            violation = violation ?? "SAFE-2: nodes \(index + 1) and \(other + 1) serve at \(now / Self.millisecond) ms"
        }
        if nodes[index].tenure != epoch, epoch <= highestEpoch {
            violation = violation ?? "epoch \(epoch) again, after \(highestEpoch)"
        }
        highestEpoch = max(highestEpoch, epoch)
        nodes[index].tenure = epoch
        if case .holding(_, _, let taking) = nodes[index].machine.state { takings.insert(taking.rule) }
    }
}
