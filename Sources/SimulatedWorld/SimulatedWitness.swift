import Arbitration
import Primitives

/// A `WitnessMachine` with a disk that survives it, a clock of its own, and accidents.
struct SimulatedWitness {
    private struct Snapshot {
        var machine: WitnessMachine
        var file: [UInt8]?
        var local: Int64
    }

    private(set) var machine: WitnessMachine?
    /// What is on disk; nil: nothing.
    private var file: [UInt8]?
    /// Older files, each valid.
    private var copies: [[UInt8]] = []
    private var snapshot: Snapshot?
    private var offset: Int64
    /// Thousandths of true time.
    private let rate: Int64
    private let longest: Int64
    private var lives: UInt64 = 0
    private var diskIsFull = false
    /// When it is started again.
    private(set) var downUntil: Int64 = 0

    init(rate: Int64, longest: Int64, start: Int64) {
        (self.rate, self.longest, offset) = (rate, longest, start)
    }

    private func local(_ time: Int64) -> Instant { Instant(nanoseconds: offset + time * rate / 1000) }
    /// It never goes back: what a witness rests on when it has lost its file.
    private func wallClock(_ time: Int64) -> Int64 { 1_700_000_000 * second + time }

    mutating func start(at now: Int64) {
        guard machine == nil else { return }
        lives += 1
        let reading = file.map(WitnessLog.read)
        var state = reading?.state
        if state == nil, let floor = reading?.floor { state = WitnessState(floor: floor, longest: .zero) }
        var machine = WitnessMachine(
            WitnessMachine.Settings(longest: .nanoseconds(longest)), life: WitnessLife(high: 7, low: lives),
            state: state,
            wallClock: wallClock(now), at: local(now))
        machine.place(of: ArbiterWorld.cluster)
        diskIsFull = false
        file = WitnessLog.file(of: machine.state(at: local(now)))
        keepCopy()
        self.machine = machine
    }

    private mutating func keepCopy() {
        guard let file else { return }
        if copies.count >= 12 { copies.removeFirst(6) }
        copies.append(file)
    }

    /// What it sends for one datagram.
    mutating func receive(
        _ datagram: WitnessDatagram, from peer: WitnessPeer, at now: Int64, _ draw: inout SplitMix64
    ) -> [(WitnessDatagram, WitnessPeer)] {
        guard var machine = machine.take() else { return [] }
        defer { self.machine = machine }
        var effects: [WitnessEffect] = []
        machine.receive(datagram, from: peer, at: local(now), into: &effects)
        var entries = effects.compactMap { if case .store(let entry) = $0 { entry } else { nil } }
        if !entries.isEmpty, diskIsFull {
            machine.rollBack()
            machine.storageError = 28
            (effects, entries) = ([], [])
            machine.receive(datagram, from: peer, at: local(now), into: &effects)
        }
        for entry in entries { _ = file.mutate { WitnessLog.append(entry, to: &$0) } }
        if !entries.isEmpty, draw.chance(300) { keepCopy() }
        // Renewals with other terms, and takings: the file is written anew before it grows without end.
        if let count = file?.count, count > 20_000 { file = WitnessLog.file(of: machine.state(at: local(now))) }
        machine.commit()
        return effects.compactMap { if case .send(let answer, let peer) = $0 { (answer, peer) } else { nil } }
    }

    enum Loss: CaseIterable { case nothing, torn, lost, damaged, older }

    /// It is killed, and its disk with it.
    mutating func crash(_ loss: Loss, until start: Int64, at now: Int64, _ draw: inout SplitMix64) {
        if loss == .torn, let entry = machine?.state(at: local(now)).entries.first {
            var bytes: [UInt8] = []
            WitnessLog.append(entry, to: &bytes)
            file? += bytes.prefix(draw.below(bytes.count))
        }
        machine = nil
        downUntil = max(downUntil, start)
        switch loss {
        case .lost: file = nil
        case .damaged: if let count = file?.count { file?[draw.below(count)] ^= UInt8(1 + draw.below(255)) }
        case .older: if !copies.isEmpty { file = draw.pick(copies) }
        case .nothing, .torn: break
        }
    }

    mutating func takeSnapshot(at now: Int64) {
        guard let machine else { return }
        snapshot = Snapshot(machine: machine, file: file, local: local(now).nanoseconds)
    }

    /// The virtual machine goes on from its snapshot.
    mutating func restore(at now: Int64) {
        guard let snapshot, machine != nil else { return }
        lives += 1
        offset = snapshot.local - now * rate / 1000
        var machine = snapshot.machine
        machine.becomeAnother(life: WitnessLife(high: 8, low: lives), wallClock: wallClock(now), at: local(now))
        file = WitnessLog.file(of: machine.state(at: local(now)))
        self.machine = machine
    }

    mutating func fillDisk(_ isFull: Bool) {
        diskIsFull = isFull
        if !isFull { machine?.storageError = nil }
    }

    mutating func heal(at now: Int64) {
        fillDisk(false)
        downUntil = min(downUntil, now)
        start(at: now)
    }
}
