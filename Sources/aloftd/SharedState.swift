import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import VRRP

/// The worker's side of the memory that it shares with the supervisor and leaves to its successor.
struct SharedState: ~Copyable {
    private var memory: SharedMemory
    private let layout = StateLayout(base: StatePage.stateOffset)
    /// Which of a router's two slots was written last, and its sequence number.
    private var sequences: [UInt64]
    private var scripts: [UInt64] = []

    init(_ memory: consuming SharedMemory) {
        self.memory = memory
        sequences = Array(repeating: 0, count: StateLayout.routers)
    }

    // MARK: - The watchdog's word

    /// Tells the supervisor by when this process will have woken.
    func promise(_ deadline: Instant) {
        memory.store(UInt64(bitPattern: deadline.nanoseconds), at: StatePage.promiseOffset)
    }

    // MARK: - Records

    /// Writes the older of the router's slots, so that a torn write leaves the newer one.
    mutating func write(_ record: RouterRecord, of id: RouterID) {
        guard id.index < StateLayout.routers else { return }
        sequences[id.index] += 1
        let sequence = sequences[id.index]
        memory.write(record.encode(sequence: sequence).span.bytes, at: layout.slot(id.index, sequence & 1 == 1))
    }

    func noteAdvert(of id: RouterID, at now: Instant) {
        guard id.index < StateLayout.routers else { return }
        memory.store(UInt64(bitPattern: now.nanoseconds), at: layout.lastAdvert(id.index))
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
        memory.write(record.encode().span.bytes, at: layout.script(index))
    }

    /// What the predecessor left. The newer whole slot of each router counts.
    mutating func readRecords() -> (routers: [RouterRecord], scripts: [ScriptRecord]) {
        var routers: [RouterRecord] = []
        for index in 0..<StateLayout.routers {
            let last = Instant(nanoseconds: Int64(bitPattern: memory.load(at: layout.lastAdvert(index)) ?? 0))
            var newest: (record: RouterRecord, sequence: UInt64)?
            for second in [false, true] {
                let offset = layout.slot(index, second)
                let found = memory.withBytes(RouterRecord.encodedLength, at: offset) {
                    RouterRecord.decode($0, lastAdvert: last)
                }
                guard let found, let found else { continue }
                if newest.map({ found.sequence > $0.sequence }) ?? true { newest = found }
            }
            guard let newest else { break }
            routers.append(newest.record)
        }
        var found: [ScriptRecord] = []
        for index in 0..<StateLayout.scripts {
            let record = memory.withBytes(ScriptRecord.encodedLength, at: layout.script(index)) {
                ScriptRecord.decode($0)
            }
            guard let record, let record else { break }
            found.append(record)
        }
        return (routers, found)
    }

    /// Makes room for this worker's own records; called once the predecessor's are read.
    mutating func clearRecords(_ count: Int) {
        let zero = [UInt8](repeating: 0, count: StateLayout.routerStride)
        for index in 0..<min(count, StateLayout.routers) { memory.write(zero.span.bytes, at: layout.slot(index, false)) }
        for index in 0..<StateLayout.scripts {
            guard let first = memory.load(at: layout.script(index)), first != 0 else { break }
            memory.write(zero.span.bytes.extracting(0..<StateLayout.scriptStride), at: layout.script(index))
        }
    }

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

    func readSnapshot() -> [UInt8]? {
        guard let count = memory.load(at: layout.snapshot), count > 0,
            let text = memory.read(Int(min(count, UInt64(memory.size))), at: layout.snapshotBytes)
        else { return nil }
        var hash = StableHash()
        hash.add(text.span.bytes)
        return hash.value == memory.load(at: layout.snapshot + 8) ? text : nil
    }
}
