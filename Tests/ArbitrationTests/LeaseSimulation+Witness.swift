import Primitives

@testable import Arbitration

/// What befalls a witness.
enum WitnessFault {
    /// It is killed; `isTorn`: in the middle of a write.
    case crash(isTorn: Bool)
    case start
    /// While it is down: its file is gone, damaged, or an older one.
    case lose
    case damage
    case restoreFile
    /// A snapshot of the whole machine: memory, disk, clock.
    case snapshot
    case restoreMachine
    /// For a while the disk takes nothing.
    case fillDisk(Bool)
    /// Of a planted bug: what was answered already is made durable.
    case storeLate(life: WitnessLife, [WitnessState.Entry])
    case kill(actor: Int)
    case disturb
}

/// The arbiter of a `LeaseSimulation`: a `WitnessMachine` with a disk that survives it, a clock of its own, and accidents.
struct SimulatedWitness {
    struct Snapshot {
        var machine: WitnessMachine
        var file: [UInt8]?
        var local: Int64
    }

    var machine: WitnessMachine?
    /// What is on disk; nil: nothing.
    var file: [UInt8]?
    /// Older files, each valid.
    var copies: [[UInt8]] = []
    var snapshot: Snapshot?
    var offset: Int64
    /// Thousandths of true time: at most the largest Φ wrong.
    var rate: Int64
    var lives: UInt64 = 0
    var diskIsFull = false
    /// Its wall clock stands still.
    var clockIsBroken: Bool
    /// Its disk has what was written, whole or torn at the end, and its machine never goes back.
    var diskIsFaithful: Bool
    /// Where both are wrong, epochs may come again; two holders there must not be even so.
    var forgets: Bool { clockIsBroken && !diskIsFaithful }
    let bug: WitnessBug?
    /// What was on the wire, for whoever sends it again.
    var recorded: [(datagram: WitnessDatagram, actor: Int)] = []
    var starts = 0
    var renewedInQuiet = 0
    var refusedByLife = 0

    func local(_ time: Int64) -> Instant { Instant(nanoseconds: offset + time * rate / 1000) }
    func wallClock(_ time: Int64) -> Int64 { clockIsBroken ? 0 : 1_700_000_000_000_000_000 + time }
}

extension LeaseSimulation {
    static let cluster = ClusterName("c") ?? { preconditionFailure("c is a name") }()
    static let lease = LeaseName("c/VI") ?? { preconditionFailure("c/VI is a name") }()

    mutating func addWitness(bug: WitnessBug?) {
        witness = SimulatedWitness(
            offset: Int64.random(in: 0...(1000 * Self.second), using: &random),
            rate: pick([1000, 1000, 1300, 700, Int64.random(in: 700...1300, using: &random)]),
            clockIsBroken: chance(40), diskIsFaithful: chance(50), bug: bug)
        startWitness(at: 0)
        schedule(.witness(.disturb), 0, life: 0, at: Int64.random(in: 0...(2 * longest), using: &random))
    }

    mutating func addSession(_ actor: Int) {
        lives += 1
        var session = WitnessSession(
            WitnessSession.Settings(cluster: Self.cluster, patience: actors[actor].machine.patience), asker: lives)
        session.bug = witness?.bug
        actors[actor].session = session
    }

    // MARK: - Nodes

    mutating func ask(_ kind: LeaseQuestion.Kind, _ request: UInt64, _ actor: Int, at now: Nanoseconds) {
        var datagrams: [WitnessDatagram] = []
        let local = actors[actor].local(now)
        actors[actor].session?.ask(
            [LeaseQuestion(lease: Self.lease, request: request, kind: kind)], at: local, into: &datagrams)
        post(datagrams, actor, at: now)
    }

    private mutating func post(_ datagrams: [WitnessDatagram], _ actor: Int, at now: Nanoseconds) {
        for datagram in datagrams {
            for _ in 0..<(now < calm && chance(5) ? 2 : 1) {
                if let delay = delay(actor, at: now) { schedule(.toWitness(datagram), actor, at: now + delay) }
            }
            if now < calm, chance(10) { witness?.recorded.append((datagram, actor)) }
        }
        guard let deadline = actors[actor].session?.nextDeadline else { return }
        schedule(.sessionWake, actor, at: max(actors[actor].trueTime(deadline), now))
    }

    mutating func sessionReceives(_ datagram: WitnessDatagram, _ actor: Int, at now: Nanoseconds) {
        var datagrams: [WitnessDatagram] = []
        let local = actors[actor].local(now)
        actors[actor].session?.receive(datagram, at: local, into: &datagrams)
        post(datagrams, actor, at: now)
        deliver(actor, at: now)
    }

    mutating func sessionAdvances(_ actor: Int, at now: Nanoseconds) {
        var datagrams: [WitnessDatagram] = []
        guard let deadline = actors[actor].session?.nextDeadline, actors[actor].local(now) >= deadline else { return }
        let local = actors[actor].local(now)
        actors[actor].session?.advance(to: local, into: &datagrams)
        post(datagrams, actor, at: now)
        deliver(actor, at: now)
    }

    /// Each report as an event of its own: the machine may not be ready.
    private mutating func deliver(_ actor: Int, at now: Nanoseconds) {
        for report in actors[actor].session?.takeReports() ?? [] {
            switch report.kind {
            case .answer(let request, let answer): schedule(.answer(answer, to: request), actor, at: now)
            case .news:
                input(actor, at: max(now, actors[actor].readyAt)) { $0.hurry(at: $1, into: &$2) }
            }
        }
    }

    // MARK: - The witness

    mutating func witnessReceives(_ datagram: WitnessDatagram, from actor: Int, at now: Nanoseconds) {
        guard var witness, var machine = witness.machine else { return }
        let local = witness.local(now)
        let peer = WitnessPeer(.v4(IPv4Address(10, 0, 0, UInt8(actor))), port: 1000)
        let renewals = machine.clusters[0].counters.renewals
        var effects: [WitnessEffect] = []
        machine.receive(datagram, from: peer, at: local, into: &effects)
        var entries = effects.compactMap { if case .store(let entry) = $0 { entry } else { nil } }
        if !entries.isEmpty {
            if witness.diskIsFull {
                machine.rollBack()
                machine.storageError = 28
                effects = []
                machine.receive(datagram, from: peer, at: local, into: &effects)
                entries = []
            } else if now < calm, chance(4) {
                // Killed between any two steps of it.
                if chance(50) { witness.append(entries) }
                witness.machine = nil
                self.witness = witness
                return schedule(.witness(.start), 0, at: now + Int64.random(in: 0...longest, using: &random))
            } else if witness.bug == .grantsBeforeStoring {
                let late = WitnessFault.storeLate(life: machine.life, entries)
                schedule(.witness(late), 0, at: now + Int64.random(in: 0...(longest / 5), using: &random))
            } else {
                witness.append(entries)
            }
        }
        machine.commit()
        if machine.quiet(at: local) > .zero, machine.clusters[0].counters.renewals > renewals {
            witness.renewedInQuiet += 1
        }
        if datagram.life != machine.life, datagram.life != .unknown { witness.refusedByLife += 1 }
        witness.machine = machine
        self.witness = witness
        for case .send(let answer, let peer) in effects { reply(answer, peer, at: now) }
        if !entries.isEmpty, now < calm, chance(15) { strikeAfterTaking(actor, at: now) }
    }

    /// A taking, and before anybody else has seen it the witness is gone, and perhaps its taker.
    private mutating func strikeAfterTaking(_ actor: Int, at now: Nanoseconds) {
        let crash = now + Int64.random(in: 0...(longest / 20), using: &random)
        schedule(.witness(.crash(isTorn: chance(30))), 0, at: crash)
        schedule(.witness(.start), 0, at: crash + Int64.random(in: 0...longest, using: &random))
        if chance(60) { schedule(.witness(.kill(actor: actor)), 0, at: crash + longest / 20) }
    }

    private mutating func reply(_ answer: WitnessDatagram, _ peer: WitnessPeer, at now: Nanoseconds) {
        guard case .v4(let address) = peer.address else { return }
        let actor = Int(address.bits & 0xff)
        for _ in 0..<(now < calm && chance(5) ? 2 : 1) {
            if let delay = delay(actor, at: now) { schedule(.toNode(answer), actor, at: now + delay) }
        }
    }

    private mutating func startWitness(at now: Nanoseconds) {
        guard var witness, witness.machine == nil else { return }
        witness.lives += 1
        witness.starts += 1
        let reading = witness.file.map(WitnessLog.read)
        var state = reading?.state
        if state == nil, let floor = reading?.floor { state = WitnessState(floor: floor, longest: .zero) }
        var machine = WitnessMachine(
            WitnessMachine.Settings(longest: .nanoseconds(longest)), life: WitnessLife(high: 7, low: witness.lives),
            state: state, wallClock: witness.wallClock(now), at: witness.local(now), bug: witness.bug)
        machine.place(of: Self.cluster)
        witness.diskIsFull = false
        witness.file = WitnessLog.file(of: machine.state(at: witness.local(now)))
        if let file = witness.file, chance(50) { witness.copies.append(file) }
        witness.machine = machine
        self.witness = witness
    }

    mutating func suffer(_ fault: WitnessFault, at now: Nanoseconds) throws {
        guard var witness else { return }
        if witness.diskIsFaithful {
            switch fault {
            case .lose, .damage, .restoreFile, .restoreMachine: return
            default: break
            }
        }
        switch fault {
        case .disturb:
            guard now < calm else {
                // From here on all is well.
                witness.diskIsFull = false
                witness.machine?.storageError = nil
                self.witness = witness
                return startWitness(at: now)
            }
            let next = now + Int64.random(in: 0...between, using: &random)
            schedule(.witness(.disturb), 0, at: min(next, calm))
            replay(at: now)
            return try disturbWitness(at: now)
        case .start: return startWitness(at: now)
        case .crash(let isTorn):
            if isTorn, let machine = witness.machine, let entry = machine.state(at: witness.local(now)).entries.first {
                var bytes: [UInt8] = []
                WitnessLog.append(entry, to: &bytes)
                witness.file? += bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))
            }
            witness.machine = nil
        case .lose: witness.file = nil
        case .damage:
            if let count = witness.file?.count {
                witness.file?[Int.random(in: 0..<count, using: &random)] ^= UInt8.random(in: 1...255, using: &random)
            }
        case .restoreFile: if !witness.copies.isEmpty { witness.file = pick(witness.copies) }
        case .snapshot:
            guard let machine = witness.machine else { return }
            witness.snapshot = SimulatedWitness.Snapshot(
                machine: machine, file: witness.file, local: witness.local(now).nanoseconds)
        case .restoreMachine:
            guard let snapshot = witness.snapshot, witness.machine != nil else { return }
            witness.lives += 1
            witness.file = snapshot.file
            witness.offset = snapshot.local - now * witness.rate / 1000
            var machine = snapshot.machine
            machine.becomeAnother(
                life: WitnessLife(high: 8, low: witness.lives), wallClock: witness.wallClock(now),
                at: witness.local(now))
            if witness.bug == .noQuietTime { machine.endQuiet(at: witness.local(now)) }
            witness.file = WitnessLog.file(of: machine.state(at: witness.local(now)))
            witness.machine = machine
        case .fillDisk(let isFull):
            witness.diskIsFull = isFull
            if !isFull { witness.machine?.storageError = nil }
        case .kill(let actor):
            guard actors[actor].isAlive, now < calm else { return }
            actors[actor].isAlive = false
            return schedule(.restart, actor, at: now + Int64.random(in: 0...longest, using: &random))
        case .storeLate(let life, let entries):
            guard witness.machine?.life == life else { return }
            witness.append(entries)
        }
        self.witness = witness
    }

    private mutating func disturbWitness(at now: Nanoseconds) throws {
        func soon(_ simulation: inout LeaseSimulation, upTo limit: Nanoseconds) -> Nanoseconds {
            now + Int64.random(in: 0...limit, using: &simulation.random)
        }
        switch Int.random(in: 0..<100, using: &random) {
        case ..<50:
            try suffer(.crash(isTorn: chance(30)), at: now)
            switch Int.random(in: 0..<100, using: &random) {
            case ..<25: try suffer(.lose, at: now)
            case ..<40: try suffer(.damage, at: now)
            case ..<60: try suffer(.restoreFile, at: now)
            default: break
            }
            schedule(.witness(.start), 0, at: soon(&self, upTo: chance(50) ? longest / 20 : 2 * longest))
        case ..<70: try suffer(.snapshot, at: now)
        case ..<85: try suffer(.restoreMachine, at: now)
        case ..<93:
            try suffer(.fillDisk(true), at: now)
            schedule(.witness(.fillDisk(false)), 0, at: soon(&self, upTo: 2 * longest))
        default: break
        }
    }

    /// Somebody on the way sends again what he saw, at any later time.
    private mutating func replay(at now: Nanoseconds) {
        for (datagram, actor) in witness?.recorded.suffix(10) ?? [] {
            let later = now + Int64.random(in: 0...(2 * longest), using: &random)
            if later < calm { schedule(.toWitness(datagram), actor, at: later) }
        }
    }
}

extension SimulatedWitness {
    mutating func append(_ entries: [WitnessState.Entry]) {
        for entry in entries { file.map { file = appended(entry, to: $0) } ?? () }
        if let file, copies.count < 20 { copies.append(file) }
    }

    private func appended(_ entry: WitnessState.Entry, to file: [UInt8]) -> [UInt8] {
        var file = file
        WitnessLog.append(entry, to: &file)
        return file
    }
}
