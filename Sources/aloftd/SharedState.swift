import Arbitration
import Configuration
import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP
import Workers

/// The worker's side of the memory that it shares with the supervisor and leaves to its successor.
struct SharedState: ~Copyable {
    private var memory: SharedMemory
    private let layout = StateLayout(base: StatePage.stateOffset)
    /// The bank that this worker writes: not the predecessor's.
    private let bank: Int
    /// Sequence numbers of the records, by router.
    private var sequences: [UInt64] = []
    private var scripts: [UInt64] = []
    /// What was last written of each lease, by slot: a renewal changes the deadline only.
    private var leases: [HeldLease?] = []
    /// Where the kernel's programs read deadlines; nil where there is no fence.
    private let fence: FenceDeadlines?

    init(_ memory: consuming SharedMemory, fence: consuming FenceDeadlines?) {
        self.fence = fence
        bank = memory.load(at: layout.header) == 1 ? 0 : 1
        self.memory = memory
    }

    /// What of a configuration a successor could not adopt, for people; empty when there is room for all.
    static func shortcomings(of model: Model) -> [String] {
        var lines: [String] = []
        if model.instances.count > StateLayout.routers {
            lines.append(
                "\(model.instances.count) instances: the state of the first \(StateLayout.routers) is kept for a successor; if the worker dies, the others start as backup"
            )
        }
        if model.scripts.count > StateLayout.scripts {
            lines.append(
                "\(model.scripts.count) scripts: the results of the first \(StateLayout.scripts) are kept for a successor; if the worker dies, the others are run anew first"
            )
        }
        return lines
    }

    // MARK: - The watchdog's word

    /// Tells the supervisor by when this process will have woken.
    func promise(_ deadline: Instant) {
        memory.store(UInt64(bitPattern: deadline.nanoseconds), at: StatePage.promiseOffset)
    }

    /// This life of the daemon.
    var incarnation: Incarnation { Incarnation(memory.load(at: StatePage.incarnationOffset) ?? 0) }

    // MARK: - Records

    /// Writes the older of the router's slots, so that a torn write leaves the newer one.
    mutating func write(_ record: RouterRecord, of id: RouterID) {
        guard id.index < StateLayout.routers else { return }
        while sequences.count <= id.index { sequences.append(0) }
        sequences[id.index] += 1
        let sequence = sequences[id.index]
        noteAdvert(of: id, at: record.lastAdvert)
        let offset = layout.slot(id.index, second: sequence & 1 == 1, bank: bank)
        memory.write(record.encode(sequence: sequence).span.bytes, at: offset)
    }

    func noteAdvert(of id: RouterID, at now: Instant) {
        guard id.index < StateLayout.routers else { return }
        memory.store(UInt64(bitPattern: now.nanoseconds), at: layout.lastAdvert(id.index, bank: bank))
    }

    mutating func write(_ record: ScriptRecord) {
        let index: Int
        if let known = scripts.firstIndex(of: record.key) {
            index = known
        } else {
            guard scripts.count < StateLayout.scripts else { return }
            scripts.append(record.key)
            index = scripts.count - 1
        }
        memory.write(record.encode().span.bytes, at: layout.script(index, bank: bank))
    }

    /// Until when a lease may be served; nil is no more.
    func note(deadline: Instant?, of id: LeaseID) {
        guard id.index < StateLayout.leases else { return }
        // The kernel's word first when it closes, and last when it opens: what is recorded never claims less.
        if deadline == nil, let slot = FenceSlot(id.index) { fence?.set(slot, until: nil) }
        defer { if deadline != nil, let slot = FenceSlot(id.index) { fence?.set(slot, until: deadline) } }
        memory.store(UInt64(bitPattern: deadline?.nanoseconds ?? 0), at: layout.deadline(id.index, bank: bank))
    }

    mutating func write(_ held: HeldLease, of id: LeaseID) {
        guard id.index < StateLayout.leases else { return }
        while leases.count <= id.index { leases.append(nil) }
        var written = held
        written.until = .zero
        guard leases[id.index] != written else { return }
        leases[id.index] = written
        memory.write(held.encode().span.bytes, at: layout.lease(id.index, bank: bank))
    }

    /// What the predecessor held. The scan ends with the first slots in a row that nobody used.
    func readHeld() -> [HeldLease] {
        let old = 1 - bank
        var found: [HeldLease] = []
        var unused = 0
        for slot in 0..<StateLayout.leases where unused < 256 {
            let until = Instant(
                nanoseconds: Int64(bitPattern: memory.load(at: layout.deadline(slot, bank: old)) ?? 0))
            let held = memory.withBytes(HeldLease.encodedLength, at: layout.lease(slot, bank: old)) {
                HeldLease.decode($0, slot: slot, until: until)
            }
            if let held, let held { found.append(held) } else { unused += 1 }
        }
        return found
    }

    /// What the predecessor left. The newer whole slot of each router counts.
    func readRecords() -> (routers: [RouterRecord], scripts: [ScriptRecord]) {
        let old = 1 - bank
        var routers: [RouterRecord] = []
        for index in 0..<StateLayout.routers {
            let word = memory.load(at: layout.lastAdvert(index, bank: old)) ?? 0
            var newest: (record: RouterRecord, sequence: UInt64)?
            for second in [false, true] {
                let offset = layout.slot(index, second: second, bank: old)
                let found = memory.withBytes(RouterRecord.encodedLength, at: offset) {
                    RouterRecord.decode($0, lastAdvert: Instant(nanoseconds: Int64(bitPattern: word)))
                }
                guard let found, let found else { continue }
                if newest.map({ found.sequence > $0.sequence }) ?? true { newest = found }
            }
            guard let newest else { break }
            routers.append(newest.record)
        }
        var found: [ScriptRecord] = []
        for index in 0..<StateLayout.scripts {
            let record = memory.withBytes(ScriptRecord.encodedLength, at: layout.script(index, bank: old)) {
                ScriptRecord.decode($0)
            }
            guard let record, let record else { break }
            found.append(record)
        }
        return (routers, found)
    }

    /// Empties the bank that this worker is going to write; the predecessor's stays in force.
    func clearBank() {
        let zero = [UInt8](repeating: 0, count: StateLayout.routerStride)
        for index in 0..<StateLayout.routers {
            let offset = layout.slot(index, second: false, bank: bank)
            guard memory.load(at: offset) != 0 || memory.load(at: offset + RouterRecord.encodedLength) != 0 else {
                break
            }
            memory.write(zero.span.bytes, at: offset)
        }
        for index in 0..<StateLayout.scripts {
            let offset = layout.script(index, bank: bank)
            guard memory.load(at: offset) != 0 else { break }
            memory.write(zero.span.bytes.extracting(0..<StateLayout.scriptStride), at: offset)
        }
        for slot in 0..<StateLayout.leases {
            let offset = layout.lease(slot, bank: bank)
            guard memory.load(at: offset) != 0 else { continue }
            memory.write(zero.span.bytes.extracting(0..<StateLayout.leaseStride), at: offset)
        }
    }

    /// From here on a successor reads what this worker wrote.
    func publish() { memory.store(UInt64(bank), at: layout.header) }

    // MARK: - The accepted configuration

    /// Keeps the text of the files, for a successor. False when it does not fit.
    mutating func writeSnapshot(_ text: [UInt8]) -> Bool {
        guard layout.snapshotBytes + text.count <= memory.size else { return false }
        memory.store(0, at: layout.snapshot)
        memory.write(text.span.bytes, at: layout.snapshotBytes)
        var hash = StableHash()
        hash.add(text.span.bytes)
        memory.store(hash.value, at: layout.snapshot + 8)
        memory.store(UInt64(text.count), at: layout.snapshot)
        return true
    }

    func readSnapshot() -> [UInt8]? { ConfigurationSnapshot.read(in: memory) }
}
