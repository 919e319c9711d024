import Arbitration
import LinuxWorld
import Primitives

/// `aloft witness`: one thread, one socket, one state file.
///
/// A turn takes up to 64 datagrams, hands them to the `WitnessMachine`, makes durable what it wants written down with one fdatasync(2), and
/// only then sends the answers. When the disk refuses, the machine is as before, the answers are forgotten, and the same datagrams are handed
/// to it again under the rule of a disk that does not work: renewals go on, and nothing is taken.
public final class WitnessServer {
    public struct Settings: Sendable {
        public var address: IPAddress
        public var port: UInt16
        public var interface: UInt32 = 0
        public var stateFile: String
        public var keyFile: String
        public var longest: Duration

        /// Not registered by anybody; 694 is Heartbeat's.
        public static let defaultPort: UInt16 = 8694

        public init(address: IPAddress, port: UInt16, stateFile: String, keyFile: String, longest: Duration) {
            self.address = address
            self.port = port
            self.stateFile = stateFile
            self.keyFile = keyFile
            self.longest = longest
        }
    }

    /// Why it does not start.
    public enum Failure: Error, CustomStringConvertible {
        case keys(WitnessKeys.Refusal)
        case inUse(String)
        case system(SystemError)

        public var description: String {
            switch self {
            case .keys(let refusal): "\(refusal)"
            case .inUse(let reason): reason
            case .system(let error): "\(error)"
            }
        }
    }

    private enum Token {
        static let socket: UInt64 = 1
        static let signals: UInt64 = 2
        static let generation: UInt64 = 3
    }

    let settings: Settings
    private let log: (String) -> Void
    private let socket: DatagramSocket
    private let signals: SignalSource
    private let generation: MachineGeneration?
    private var poller: Poller
    private var store: WitnessStore
    private var machine: WitnessMachine
    /// By the cluster's place in the machine; nil: no longer in the key file.
    private var keys: [HMAC?] = []
    private var batch = DatagramSocket.Batch()
    private var storeAgainAt: Deadline = .distantFuture
    private var unheard = RareLine(every: .seconds(30))
    private var tooLong = RareLine(every: .seconds(30))
    private var isQuiet = true

    /// - Parameter log: one line, without its end.
    public init(_ settings: Settings, log: @escaping (String) -> Void) throws(Failure) {
        self.settings = settings
        self.log = log
        // First, so that a mistake in it leaves everything else alone.
        let keyring: WitnessKeys
        do throws(WitnessKeys.Refusal) { keyring = try WitnessKeys(reading: settings.keyFile) } catch {
            throw .keys(error)
        }
        do throws(WitnessStore.Failure) { store = try WitnessStore(settings.stateFile) } catch {
            switch error {
            case .inUse(let reason): throw .inUse(reason)
            case .system(let error): throw .system(error)
            }
        }
        do throws(SystemError) {
            signals = try SignalSource([Signal.terminate, Signal.interrupt, Signal.hangUp])
            socket = try DatagramSocket(
                listeningOn: settings.address, port: settings.port, interface: settings.interface)
            let listener = Self.listenForGenerations(log)
            let found = try store.read()
            log("\(found.message) (\(found.rule))")
            let now = BootClock.now()
            machine = WitnessMachine(
                WitnessMachine.Settings(longest: settings.longest), life: try Self.newLife(), state: found.state,
                wallClock: BootClock.wallClockNanoseconds(), at: now)
            poller = try Poller()
            try poller.add(socket.descriptor, token: Token.socket)
            try poller.add(signals.descriptor, token: Token.signals)
            switch listener {
            case .some(let events): try poller.add(events.descriptor, token: Token.generation)
            case .none: break
            }
            generation = listener
            // Before anything is granted: versions are reserved anew.
            try store.replace(with: machine.state(at: now))
        } catch {
            throw .system(error)
        }
        use(keyring)
        checkWallClock()
        sayStart()
    }

    private static func listenForGenerations(_ log: (String) -> Void) -> MachineGeneration? {
        do throws(SystemError) {
            return try MachineGeneration()
        } catch {
            log(
                "\(error): a virtual machine that goes on from a snapshot is not noticed; restart the witness after restoring one "
                    + "(\(RuleID.witnessOtherMachine))")
            return nil
        }
    }

    private static func newLife() throws(SystemError) -> WitnessLife {
        WitnessLife(high: try KernelRandom.uint64(), low: try KernelRandom.uint64())
    }

    // MARK: - The loop

    /// Until SIGTERM or SIGINT.
    public func run() throws(SystemError) {
        while true {
            let now = BootClock.now()
            let settled = isQuiet ? machine.quietUntil : .distantFuture
            let count = try poller.wait(until: min(settled, storeAgainAt, unheard.nextDeadline, tooLong.nextDeadline))
            var hasDatagrams = false
            for index in 0..<count {
                switch poller.event(index).token {
                case Token.generation: try lookAtGeneration()
                case Token.signals: if try takeSignals() { return }
                default: hasDatagrams = true
                }
            }
            // After the generation: nothing is granted by a life that is over.
            if hasDatagrams { try serve() }
            advance(to: max(now, BootClock.now()))
        }
    }

    /// True: it is to end.
    private func takeSignals() throws(SystemError) -> Bool {
        while let received = try signals.receive() {
            guard received.signal == Signal.hangUp else { return true }
            do throws(WitnessKeys.Refusal) {
                use(try WitnessKeys(reading: settings.keyFile))
                log("keys of \(keys.count { $0 != nil }) clusters read (\(RuleID.witnessKeys))")
            } catch {
                log("\(error): goes on with the keys that it has (\(RuleID.witnessKeysRefused))")
            }
        }
        return false
    }

    private func lookAtGeneration() throws(SystemError) {
        let changed: Bool
        switch generation {
        case .some(let generation): changed = generation.hasChanged()
        case .none: changed = false
        }
        guard changed else { return }
        let now = BootClock.now()
        machine.becomeAnother(life: try Self.newLife(), wallClock: BootClock.wallClockNanoseconds(), at: now)
        isQuiet = true
        log(
            "this virtual machine was restored or copied: begins a new life, and lets nobody take a lease for "
                + "\(machine.quiet(at: now).formattedSeconds()) s (\(RuleID.witnessOtherMachine))")
        // Where it does not work, takings are refused until it does.
        writeWhole(at: now)
    }

    private func advance(to now: Instant) {
        if isQuiet, now >= machine.quietUntil {
            isQuiet = false
            log("the quiet time is over: leases can be taken (\(RuleID.witnessStarted))")
        }
        if now >= storeAgainAt { writeWhole(at: now) }
        if let text = unheard.due(at: now) { log(text) }
        if let text = tooLong.due(at: now) { log(text) }
    }

    private func use(_ keyring: WitnessKeys) {
        for key in keyring.all { machine.place(of: key.cluster) }
        keys = machine.clusterNames.map { name in keyring[name].map { HMAC(key: $0.revealed) } }
    }

    // MARK: - Datagrams

    private func serve() throws(SystemError) {
        var heard: [(datagram: WitnessDatagram, peer: WitnessPeer)] = []
        var strangers: [(ArraySlice<UInt8>, DatagramSocket.Peer)] = []
        let count = try socket.receive(&batch) { bytes, peer in strangers.append((bytes, peer)) }
        guard count > 0 else { return }
        for (bytes, peer) in strangers {
            if let datagram = decode(Array(bytes), from: peer) { heard.append((datagram, WitnessPeer(peer))) }
        }
        let now = BootClock.now()
        var effects = handle(heard, at: now)
        let entries = effects.compactMap { if case .store(let entry) = $0 { entry } else { nil } }
        if !entries.isEmpty, !makeDurable(entries, at: now) { effects = handle(heard, at: now) }
        machine.commit()
        for case .send(let datagram, let peer) in effects { send(datagram, to: peer) }
        _ = socket.send(&batch)
        if store.isWhole, store.isLong { writeWhole(at: now) }
    }

    private func handle(_ heard: [(datagram: WitnessDatagram, peer: WitnessPeer)], at now: Instant) -> [WitnessEffect] {
        var effects: [WitnessEffect] = []
        for (datagram, peer) in heard { machine.receive(datagram, from: peer, at: now, into: &effects) }
        return effects
    }

    private func decode(_ bytes: [UInt8], from peer: DatagramSocket.Peer) -> WitnessDatagram? {
        guard let cluster = WitnessDatagram.cluster(of: bytes.span.bytes) else {
            machine.unheard.malformed &+= 1
            return nil
        }
        guard let place = machine.place(named: cluster), place < keys.count, let key = keys[place] else {
            machine.unheard.strangers &+= 1
            unheard.add(
                "datagrams of cluster \(cluster), which is not in \(settings.keyFile), last from \(peer.address), are not "
                    + "answered (\(RuleID.witnessUnheard))")
            return nil
        }
        do throws(WitnessDatagram.Unreadable) {
            return try WitnessDatagram(decoding: bytes, key: key)
        } catch {
            if error == .code {
                machine.unheard.forgeries &+= 1
                unheard.add(
                    "datagrams of cluster \(cluster) with a wrong code, last from \(peer.address), are not answered: its nodes and "
                        + "\(settings.keyFile) have different secrets, or somebody tries some (\(RuleID.witnessUnheard))"
                )
            } else {
                machine.unheard.malformed &+= 1
            }
            return nil
        }
    }

    private func send(_ datagram: WitnessDatagram, to peer: WitnessPeer) {
        guard let place = machine.place(named: datagram.cluster), let key = keys[place] else { return }
        if case .answers(let answers) = datagram.body, answers.contains(where: { $0.outcome == .tooLong }) {
            tooLong.add(
                "cluster \(datagram.cluster) wants a lease of more than \(settings.longest.formattedSeconds()) s and is refused: "
                    + "shorten it there, or start this witness with a larger --max-lease (\(RuleID.witnessTooLong))")
        }
        batch.append(
            datagram.encoded(with: key),
            to: DatagramSocket.Peer(peer.address, port: peer.port, interface: peer.interface, own: peer.own))
    }

    // MARK: - Disk

    /// False: it did not work, and all is as before.
    private func makeDurable(_ entries: [WitnessState.Entry], at now: Instant) -> Bool {
        do throws(SystemError) {
            try store.append(entries)
            return true
        } catch {
            machine.rollBack()
            fail(error, at: now)
            return false
        }
    }

    private func fail(_ error: SystemError, at now: Instant) {
        if machine.storageError == nil {
            log(
                "\(error): leases are renewed, and nobody can take one until the file can be written; it is tried every second "
                    + "(\(RuleID.witnessNotStored))")
        }
        machine.storageError = UInt32(bitPattern: error.errno.rawValue)
        storeAgainAt = now + .seconds(1)
    }

    private func writeWhole(at now: Instant) {
        do throws(SystemError) {
            try store.replace(with: machine.state(at: now))
            storeAgainAt = .distantFuture
            if machine.storageError != nil {
                machine.storageError = nil
                log("\(settings.stateFile) can be written again: leases can be taken (\(RuleID.witnessStoredAgain))")
            }
        } catch {
            fail(error, at: now)
        }
    }

    // MARK: - Words

    /// The first of November 2026: an older clock was never set.
    private static let earliest: Int64 = 1_793_491_200_000_000_000

    private func checkWallClock() {
        guard BootClock.wallClockNanoseconds() < Self.earliest else { return }
        log(
            "this machine's clock is not set: should the state file ever be lost, epochs may come again. Let it be set before the witness starts "
                + "(time-sync.target) (\(RuleID.witnessClock))")
    }

    private func sayStart() {
        let place = settings.address.family == .ipv4 ? "\(settings.address)" : "[\(settings.address)]"
        log(
            "witness of \(keys.count { $0 != nil }) clusters on \(place):\(settings.port), leases of up to "
                + "\(settings.longest.formattedSeconds()) s; for \(machine.quiet(at: BootClock.now()).formattedSeconds()) s it lets nobody take "
                + "one, because it cannot know what was granted before (\(RuleID.witnessStarted))")
    }
}

extension WitnessPeer {
    init(_ peer: DatagramSocket.Peer) {
        self.init(peer.address, port: peer.port, interface: peer.interface, own: peer.own)
    }
}

/// A line of the log that could come a thousand times a second: said at once, and then with a count from time to time.
struct RareLine {
    let interval: Duration
    private var text = ""
    private var count = 0
    private var silentUntil: Deadline = .zero

    init(every interval: Duration) { self.interval = interval }

    mutating func add(_ text: String) {
        self.text = text
        count += 1
    }

    var nextDeadline: Deadline { count > 0 ? silentUntil : .distantFuture }

    mutating func due(at now: Instant) -> String? {
        guard count > 0, now >= silentUntil else { return nil }
        silentUntil = now + interval
        defer { count = 0 }
        return "\(count) × \(text)"
    }
}
