import Arbitration
import LinuxWorld
import Primitives

/// The state file of a witness, and the lock that keeps it to one process.
struct WitnessStore: ~Copyable {
    let path: String
    private let lock: LockFile
    /// Nil: nothing is known of what is in it, and it is replaced before anything else.
    private var file: AppendFile?
    /// Entries that were appended since the file was written whole.
    private var appended = 0
    private var wholeLength = 0

    /// What a start found.
    struct Found {
        var state: WitnessState?
        var rule: RuleID
        var message: String
    }

    enum Failure: Error {
        case inUse(String)
        case system(SystemError)
    }

    /// Takes the lock `FILE.lock`.
    init(_ path: String) throws(Failure) {
        self.path = path
        do throws(SystemError) {
            guard let lock = try LockFile.acquire(path + ".lock", mode: 0o600) else {
                let holder =
                    (try? LockFile.holder(of: path + ".lock")).flatMap { $0 }.map { "process \($0)" } ?? "a process"
                throw SystemError(.file, .busy, "use a state file that \(holder) has:", path)
            }
            self.lock = lock
        } catch {
            throw error.errno == .busy ? .inUse("\(error)") : .system(error)
        }
    }

    /// Reads what is there. A file that is damaged is kept beside it, for whoever wants to know.
    borrowing func read() throws(SystemError) -> Found {
        guard try Files.status(path) != nil else {
            return Found(
                state: nil, rule: .witnessNoState,
                message:
                    "there is no \(path): begins with no leases. If there was one, nodes keep what they have for the rest of their "
                    + "leases, and take anew when the quiet time is over")
        }
        let bytes = try Files.read(path, limit: WitnessLog.largest)
        let reading = WitnessLog.read(bytes)
        if let damage = reading.damage {
            try? Files.move(path, to: path + ".damaged")
            // Not a state, but where epochs have been.
            return Found(
                state: WitnessState(floor: reading.floor, longest: .zero), rule: .witnessDamagedState,
                message:
                    "\(path), \(damage): nothing of it is believed, begins with no leases; it is kept as \(path).damaged. Nodes take "
                    + "anew when the quiet time is over. Look after the disk")
        }
        if reading.torn > 0 {
            return Found(
                state: reading.state, rule: .witnessTornState,
                message:
                    "\(path): the last \(reading.torn) bytes were torn off by a crash and are dropped; what they said was never answered"
            )
        }
        return Found(
            state: reading.state, rule: .witnessStarted,
            message: "\(path): \(reading.state?.entries.count ?? 0) entries read")
    }

    /// Writes the whole state.
    mutating func replace(with state: WitnessState) throws(SystemError) {
        let bytes = WitnessLog.file(of: state)
        file = nil
        file = try AppendFile(replacing: path, with: bytes)
        wholeLength = bytes.count
        appended = 0
    }

    /// Whether replacing would make it a good deal smaller.
    var isLong: Bool { appended > max(1 << 16, 3 * wholeLength) }

    /// False: the file must be replaced first.
    var isWhole: Bool { file != nil }

    mutating func append(_ entries: [WitnessState.Entry]) throws(SystemError) {
        var bytes: [UInt8] = []
        for entry in entries { WitnessLog.append(entry, to: &bytes) }
        guard isWhole else { throw SystemError(.file, .invalid, "append to", path) }
        do throws(SystemError) {
            try file?.append(bytes)
        } catch {
            file = nil
            throw error
        }
        appended += bytes.count
    }
}
