import LinuxWorld
import Primitives
import RouterEngine
import Supervision
import Workers

/// `aloftd worker fence …`: keeps the fence of nf_tables where bpf(2) is not allowed. One thread, one loop, and nothing else to do: every commit waits
/// for a lock that any `nft -f` holds, and whoever adverts or watches must not.
///
/// The VRRP worker stores deadlines in memory that both have, as it does for the kernel's programs, and says that it did. A deadline is absolute until
/// just before it is sent, so one that lay here for long opens nothing.
final class FenceProcess {
    private let deadlines: FenceDeadlines
    private let line: MessageLine
    private var poller: Poller
    private var channel: SupervisorChannel
    private var outgoing = OutgoingFrames()
    private let instance: UInt32
    /// Nil where the kernel has no nf_tables to speak to.
    private var fence: NFTablesFence?
    private var tries = FenceTableTries()
    private var guards: [FenceGuard] = []
    private var slots: [FenceSlot] = []
    /// Of the list that is in force.
    private var number: UInt32 = 0
    /// What the kernel was told of each slot.
    private var told: [FenceSlot: Instant] = [:]
    private var report: FenceReport?
    private var nextBeat = Instant.zero
    private var nextLook = Instant.distantFuture
    private var hasStopped = false

    private enum Token {
        static let channel: UInt64 = 1
        static let signals: UInt64 = 2
        static let line: UInt64 = 3
    }

    static let beatInterval: Duration = .seconds(1)
    /// Somebody who removes the table is noticed within this time, and a poke that was lost is made up for.
    static let lookInterval: Duration = .milliseconds(100)
    /// Where it cannot be put up.
    static let retryInterval: Duration = .seconds(1)

    init(
        instance: UInt32, deadlines: consuming FenceDeadlines, line: MessageLine, channel: consuming SupervisorChannel
    ) throws(SystemError) {
        self.deadlines = deadlines
        self.line = line
        self.channel = channel
        poller = try Poller()
        self.instance = instance
    }

    /// Runs until the supervisor says stop, or is gone: then the table stays, and closes what it guards.
    func run(signals: consuming SignalSource) throws(SystemError) -> Int32 {
        try poller.add(signals.descriptor, token: Token.signals)
        try channel.watch(&poller, token: Token.channel)
        try line.watch(poller, token: Token.line)
        send(.ready(WorkerSummary(instances: 0, groups: 0, adopted: false, text: "")))
        while !hasStopped {
            channel.write(&outgoing, &poller, token: Token.channel)
            _ = try poller.wait(until: min(nextBeat, nextLook))
            _ = line.receive()
            if line.isClosed { line.unwatch(poller) }
            renew()
            for message in channel.read() { receive(message) }
            while let received = (try? signals.receive()) ?? nil {
                if received.signal == Signal.terminate || received.signal == Signal.interrupt { hasStopped = true }
            }
            if channel.isClosed { hasStopped = true }
            look()
            beat()
        }
        channel.write(&outgoing)
        return 0
    }

    private func receive(_ message: SupervisorMessage) {
        switch message {
        case .guards(let wanted):
            guards = wanted.fenceGuards
            slots = Set(guards.map(\.slot)).sorted()
            number = wanted.number
            put()
        case .stop:
            takeDown()
            hasStopped = true
        // What only the others hear.
        default: break
        }
    }

    /// Until when each slot may be served, of those that may be now.
    private var open: [(slot: FenceSlot, until: Instant)] {
        slots.compactMap { slot in deadlines.read(slot).map { (slot, $0) } }
    }

    /// The table as it should be, with what is open.
    private func put() {
        do throws(SystemError) {
            if fence == nil { fence = try NFTablesFence(instance: instance) }
            let open = open
            try fence?.setGuards(guards, open: open)
            told = [:]
            for one in open { told[one.slot] = one.until }
            line.send(opened: open)
            take(tries.succeeded(), "")
        } catch { take(tries.failed(stands: isTableThere), "\(error)") }
        let pause = report == .lifetimes ? Self.retryInterval : Self.lookInterval
        nextLook = guards.isEmpty ? .distantFuture : BootClock.now() + pause
    }

    private func take(_ step: FenceTableTries.Step, _ why: String) {
        switch step {
        case .say(let report): say(report, why)
        case .remove:
            do throws(SystemError) {
                try fence?.remove()
                told = [:]
                say(.lifetimes, why)
            } catch { say(.lost, "\(why); nor can it be taken off: \(error)") }
        }
    }

    /// Whether any table closes what it guards: of this process, or of one before it.
    private var isTableThere: Bool {
        if fence?.isStanding ?? false { return true }
        return (try? fence?.isPresent()) ?? false
    }

    /// Tells the kernel what has changed.
    private func renew() {
        // A table that cannot be changed now closes all the same.
        guard fence?.isStanding ?? false else { return }
        let changed = slots.filter { deadlines.read($0) != told[$0] }
        guard !changed.isEmpty else { return }
        do throws(SystemError) {
            var renewals: [(slot: FenceSlot, until: Instant)] = []
            var closed: [FenceSlot] = []
            for slot in changed {
                let until = deadlines.read(slot)
                told[slot] = until
                if let until { renewals.append((slot, until)) } else { closed.append(slot) }
            }
            if !closed.isEmpty { try fence?.close(closed) }
            if !renewals.isEmpty { try fence?.renew(renewals) }
            line.send(opened: renewals)
        } catch {
            for slot in changed { told[slot] = nil }
            guard report == .timeouts else { return }
            say(.lost, "it did not take a renewal: \(error)")
            nextLook = BootClock.now()
        }
    }

    private func look() {
        let now = BootClock.now()
        guard now >= nextLook else { return }
        nextLook = now + Self.lookInterval
        guard report == .timeouts else { return put() }
        do throws(SystemError) {
            guard let fault = try fence?.check() else { return }
            // An interface that has gone took its chains with it: nothing is lost that anybody guards.
            if case .changed(let text) = fault { say(.lost, "somebody removed or changed it: \(text)") }
            put()
        } catch { say(.lost, "it cannot be looked at: \(error)") }
    }

    /// At an orderly stop; where an address could not be taken off, the table stays and drops what is meant for it.
    private func takeDown() {
        // The supervisor looks again, and says so.
        if guards.stillPresent.isEmpty { try? fence?.remove() }
    }

    private func beat() {
        let now = BootClock.now()
        guard now >= nextBeat else { return }
        send(.beat)
        nextBeat = now + Self.beatInterval
    }

    private func say(_ report: FenceReport, _ text: String) {
        self.report = report
        send(.fenceStands(report, text, guards: number))
    }

    private func send(_ message: WorkerMessage) { outgoing.append(message.frame, isEssential: message.isEssential) }
}

/// Returns the exit code: 0 stopped, 1 failed, 2 nobody may start it like this.
func runFence(_ arguments: [String]) -> Int32 {
    guard let options = WorkerOptions(arguments: arguments) else { return WorkerExit.usage }
    return HelperMain.begin("fence", isKeepalived: options.isKeepalived) { signals throws(SystemError) in
        let deadlines = try FenceDeadlines(adopting: FileDescriptor(owning: WorkerOptions.fenceDescriptor))
        let line = try MessageLine(FileDescriptor(owning: WorkerOptions.fenceLineDescriptor))
        let channel = try SupervisorChannel(FileDescriptor(owning: WorkerOptions.messageDescriptor))
        let process = try FenceProcess(
            instance: SupervisorFence.instance(of: options.stateDirectory), deadlines: deadlines, line: line,
            channel: channel)
        ProgramCode.releasePages()
        try? ProgramCode.lockPages()
        try? Capabilities.keepOnly([.netAdmin])
        return try process.run(signals: signals)
    }
}

extension GuardedAddresses {
    /// Without what is no address or no slot.
    var fenceGuards: [FenceGuard] {
        entries.compactMap { entry in
            guard let address = IPAddress(networkOrder: entry.address), let slot = FenceSlot(Int(entry.slot)) else {
                return nil
            }
            return FenceGuard(interface: entry.interface, address: address, slot: slot)
        }
    }
}

extension [FenceGuard] {
    /// Those whose address stands at its interface now, because nobody could take it off. All of them where that cannot be read.
    var stillPresent: [FenceGuard] {
        guard !isEmpty else { return [] }
        guard let (_, present) = try? KernelDump().read() else { return self }
        return filter { one in present.contains { $0.interface == one.interface && $0.prefix.address == one.address } }
    }

    /// For the log.
    var leftBehind: String {
        let addresses = Set(map(\.address)).sorted().map(\.description).joined(separator: ", ")
        return
            "\(addresses) could not be taken off, so the lease fence stays and drops what is meant for it; the next start of this daemon goes on "
            + "from there"
    }
}
