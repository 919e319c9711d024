import Arbitration
import Configuration
import LinuxWorld
import Netlink
import Primitives
import RouterEngine
import Supervision
import VRRP
import Workers

/// The world of a real node: carries the engine's effects out on the Linux kernel, in their order.
///
/// Packets, route requests and frames of one list go out in batches; a batch is flushed before anything
/// that must come after it. What concerns scripts and people goes to the supervisor as messages.
struct KernelWorld: World, ~Copyable {
    var state: SharedState
    var outgoing = OutgoingFrames()
    var scripts: ScriptIdentities
    private var commands: RouteSocket
    private var frames: PacketSocket
    private(set) var receivers: [Receiver] = []
    /// Set when `receivers` changed, so that the loop watches the new ones.
    var receiversChanged = false
    private var senders: [Sender] = []
    /// Receivers that could not be opened: the loop tells the engine, and tries again every second.
    private(set) var missingReceivers: [Engine.SocketKey] = []
    /// What was said about sockets that cannot be opened, so that it is said once.
    private var complaints: [Complaint] = []
    /// Answers of the kernel were lost: the loop reads everything again.
    var answersLost = false
    /// Route requests without an answer yet, oldest first.
    private var pending: [(sequence: UInt32, address: AddressID, operation: AddressOperation)] = []
    /// What failed at once; the loop hands it to the engine.
    var failures: [(address: AddressID, operation: AddressOperation, errno: Int32)] = []
    var hasStopped = false
    var helloPorts: [HelloPort] = []
    /// Set when `helloPorts` changed, so that the loop watches the new ones.
    var helloPortsChanged = false
    var hasMissedHelloPort = false
    /// To the arbiter worker.
    var arbiterLine: MessageLine?
    var fenceWaits = FenceWaits(at: BootClock.now())
    /// Who listens for foreign claims of addresses.
    var claims = ClaimListeners()
    /// Questions for an arbiter that have not left yet.
    private var questions: LeaseExchange.Questions?
    /// What the last reload touched.
    var reloadSummary = ""
    /// Addresses stay when the daemon stops (`--dont-release-vrrp`).
    let keepsAddresses: Bool
    /// Interfaces whose `promote_secondaries` was changed here, with what it was.
    private var promoted: [(device: String, before: String)] = []
    private var forwarding: (interface: InterfaceIndex, isRouter: Bool, readAt: Instant)?
    /// Packets the kernel did not take, since the start.
    private(set) var sendFailures: UInt64 = 0

    /// A class, because a socket has one owner and the list of them changes while one is being read.
    final class Receiver {
        let key: Engine.SocketKey
        var socket: VRRPReceiver
        init(_ key: Engine.SocketKey, _ socket: consuming VRRPReceiver) {
            self.key = key
            self.socket = socket
        }
    }

    final class Sender {
        let family: AddressFamily
        let interface: InterfaceIndex?
        var socket: VRRPSender
        init(_ family: AddressFamily, _ interface: InterfaceIndex?, _ socket: consuming VRRPSender) {
            self.family = family
            self.interface = interface
            self.socket = socket
        }
    }

    private struct Complaint: Equatable {
        var receiver: Engine.SocketKey?
        var family: AddressFamily
        var interface: InterfaceIndex?
    }

    init(
        _ state: consuming SharedState, scripts: ScriptIdentities, keepsAddresses: Bool
    ) throws(SystemError) {
        let commands = try RouteSocket.command()
        let frames = try PacketSocket()
        self.state = state
        self.scripts = scripts
        self.keepsAddresses = keepsAddresses
        self.commands = commands
        self.frames = frames
    }

    borrowing func watchCommands(_ poller: inout Poller, token: UInt64) throws(SystemError) {
        try poller.add(commands.descriptor, token: token)
    }

    // MARK: - Effects

    mutating func perform(_ effects: [Effect], for engine: inout Engine, at now: Instant) {
        let isStopping = effects.contains(.stopped)
        for effect in effects {
            switch effect {
            case .advertise(let id, let priority): advertise(id, priority, &engine, at: now)
            case .announce(let id, let count):
                if !fenceWaits.holds(.announce(count), id, engine, at: now) {
                    perform(.announce(count), id, engine, at: now)
                }
            case .install(let id):
                if let address = engine.address(id)?.key.prefix.address, !claims.cover(address) { claims.areDue = true }
                if !fenceWaits.holds(.install, id, engine, at: now) { perform(.install, id, engine, at: now) }
            // One that waits for its fence would be installed by that.
            case .refresh(let id): if !fenceWaits.isWaiting(id) { request(.refresh, id, engine, at: now) }
            case .withdraw(let id):
                fenceWaits.forget(id, engine)
                // Whoever takes the lease next must not find the address in use.
                if keepsAddresses && isStopping && !engine.isLeased(id) {
                    keep(id, engine, at: now)
                } else {
                    request(.withdraw, id, engine, at: now)
                }
            case .socketsChanged:
                openSockets(engine)
                claims.areDue = true
            case .greet(let id, let destination, let bytes):
                if helloPorts.isEmpty { openHelloPorts(engine) }
                greet(id, destination, bytes, engine)
            case .record(let id):
                flushPackets()
                flushRoutes()
                if let record = engine.record(of: id) { state.write(record, of: id) }
            case .recordScript(let id): if let record = engine.record(of: id) { state.write(record) }
            case .startScript(let id): startScript(id, engine)
            case .cancelScript(let id): send(.cancelCheck(id: id.number))
            case .transition(let id, let transition): report(transition, id, engine, at: now)
            case .groupTransition(let id, let from, let to): reportGroup(id, from, to, engine, at: now)
            case .hook(let subject, let kind):
                runHooks(subject, kind, engine)
                mail(subject, kind, engine)
            case .ensureHook(let subject, let kind):
                runHooks(subject, kind, engine, unlessRun: true)
                mail(subject, kind, engine)
            case .note(let note): report(note, engine, at: now)
            case .reloaded(let changed, let added, let removed):
                reloadSummary =
                    "\(engine.routerIDs.count) instances: \(changed) changed, \(added) added, \(removed) removed"
                repeatStates(engine)
                claims.areDue = true
            case .fence(let id, let until):
                // Before anything that follows: others may serve from here on.
                if until == nil { flushPackets() }
                state.note(deadline: until, of: id)
                fenceWaits.isPokeDue = true
                if let held = engine.held(id) { state.write(held, of: id) }
            case .guardsChanged: send(.guards(fenceWaits.say(engine.guards)))
            case .ask(let arbiter, let question):
                flushPackets()
                flushRoutes()
                ask(arbiter, question)
            case .stopped: hasStopped = true
            }
        }
        poke(engine.fence)
        sendQuestions()
        flushAll()
        if isStopping { restoreSysctls() }
    }

    mutating func perform(_ kind: FenceWaits.Kind, _ id: AddressID, _ engine: borrowing Engine, at now: Instant) {
        switch kind {
        case .install:
            fenceWaits.note(id, engine)
            promoteSecondaries(id, engine)
            request(.install, id, engine, at: now)
        case .announce(let count):
            flushPackets()
            flushRoutes()
            announce(id, count: count, engine, at: now)
        }
    }

    mutating func flushAll() {
        flushPackets()
        flushRoutes()
        frames.flush()
        for message in fenceWaits.takeChanges() { send(message) }
    }

    // MARK: - Sysctls

    /// `promote_secondaries`: without it, removing a subnet's first address removes all others of it.
    private mutating func promoteSecondaries(_ id: AddressID, _ engine: borrowing Engine) {
        guard let entry = engine.address(id), entry.promotesSecondaries else { return }
        let device = entry.key.device
        guard !promoted.contains(where: { $0.device == device }) else { return }
        let name = "net/ipv4/conf/\(device)/promote_secondaries"
        do {
            let before = try Sysctl.read(name)
            if before != "1" { try Sysctl.write(name, "1") }
            promoted.append((device, before))
        } catch {
            promoted.append((device, "1"))
            log(.warning, "\(error); removing an address of \(device) may remove others of its subnet")
        }
    }

    private mutating func restoreSysctls() {
        for item in promoted where item.before != "1" {
            try? Sysctl.write("net/ipv4/conf/\(item.device)/promote_secondaries", item.before)
        }
        promoted = []
    }

    // MARK: - Packets

    private mutating func advertise(_ id: RouterID, _ priority: Priority, _ engine: inout Engine, at now: Instant) {
        guard let packet = engine.preparePacket(of: id, priority) else { return }
        let interface = engine.interface(of: id)
        let source: IPAddress? = packet.source.family == .ipv6 ? packet.source : nil
        for copy in packet.copies {
            // A peer beyond the link is the routing table's to find.
            let isLocal =
                copy.destination.isMulticast || copy.destination.isLinkLocal || packet.source.isLinkLocal
            // Without its interface a group would be reached by the default route, which is another link.
            if isLocal, interface == nil { continue }
            guard let sender = sender(packet.source.family, isLocal ? interface : nil) else { continue }
            let hops = isLocal && copy.destination.isMulticast ? nil : engine.definition(of: id)?.unicastTTL
            sender.socket.append(to: copy.destination, from: source, hopLimit: hops) { $0 += copy.bytes }
        }
        state.noteAdvert(of: id, at: now)
    }

    private mutating func sender(_ family: AddressFamily, _ interface: InterfaceIndex?) -> Sender? {
        if let known = senders.first(where: { $0.family == family && $0.interface == interface }) { return known }
        let complaint = Complaint(receiver: nil, family: family, interface: interface)
        do {
            let sender = Sender(family, interface, try VRRPSender(family, interface: interface))
            senders.append(sender)
            withdraw(complaint)
            return sender
        } catch {
            complain(complaint, "\(error); nothing is advertised there until it can be opened, tried with each advert")
            return nil
        }
    }

    private mutating func flushPackets() {
        for sender in senders where sender.socket.pending > 0 {
            var failed: UInt64 = 0
            sender.socket.flush { _, _ in failed += 1 }
            sendFailures &+= failed
        }
    }

    private mutating func announce(_ id: AddressID, count: Int, _ engine: borrowing Engine, at now: Instant) {
        guard let entry = engine.address(id), let interface = entry.interface else { return }
        let isRouter = entry.key.prefix.address.family == .ipv6 && forwards(entry.key.device, interface, at: now)
        guard let (index, frame) = engine.announcement(of: id, isRouter: isRouter) else { return }
        for _ in 0..<min(count, 100) { frames.append(on: index) { $0 += frame } }
    }

    /// The Router flag of a neighbour advertisement, read again after five seconds.
    private mutating func forwards(_ device: String, _ index: InterfaceIndex, at now: Instant) -> Bool {
        if let known = forwarding, known.interface == index, now - known.readAt < .seconds(5) { return known.isRouter }
        let isRouter = (try? Sysctl.read("net/ipv6/conf/\(device)/forwarding")) == "1"
        forwarding = (index, isRouter, now)
        return isRouter
    }

    // MARK: - Sockets

    /// Opens and closes receivers until they are those that the engine wants.
    mutating func openSockets(_ engine: borrowing Engine) {
        let wanted = engine.sockets
        missingReceivers.removeAll()
        receivers.removeAll { receiver in !wanted.contains(receiver.key) }
        senders.removeAll { sender in
            guard let interface = sender.interface else { return false }
            return !wanted.contains { $0.interface == interface }
        }
        for key in wanted where !receivers.contains(where: { $0.key == key }) {
            let complaint = Complaint(receiver: key, family: key.family, interface: key.interface)
            do {
                let socket = try VRRPReceiver(key.family, interface: key.interface == .any ? nil : key.interface)
                for group in key.groups { try socket.join(group, on: key.interface) }
                receivers.append(Receiver(key, socket))
                withdraw(complaint)
            } catch {
                missingReceivers.append(key)
                complain(complaint, "\(error); no advertisement is heard there, tried again every second")
            }
        }
        // Of what is not wanted any more, or gone: if it comes back, it is said again.
        complaints.removeAll { complaint in
            if let key = complaint.receiver { return !wanted.contains(key) }
            return complaint.interface.map { interface in !wanted.contains { $0.interface == interface } } ?? false
        }
        receiversChanged = true
        openHelloPorts(engine)
    }

    private mutating func complain(_ complaint: Complaint, _ text: String) {
        guard !complaints.contains(complaint) else { return }
        complaints.append(complaint)
        log(.error, text)
    }

    private mutating func withdraw(_ complaint: Complaint) {
        guard let index = complaints.firstIndex(of: complaint) else { return }
        complaints.remove(at: index)
        let place = complaint.interface.map(\.description) ?? "any interface"
        log(.notice, "the socket to \(complaint.receiver == nil ? "send" : "hear") on \(place) is open now")
    }

    // MARK: - Addresses

    /// Leaves an address that is held in place for good: nobody will refresh it any more.
    private mutating func keep(_ id: AddressID, _ engine: borrowing Engine, at now: Instant) {
        guard let entry = engine.address(id), let interface = entry.interface else { return }
        var record = AddressRecord(entry, on: interface, at: now)
        if record.preferredLifetime == record.validLifetime { record.preferredLifetime = AddressRecord.forever }
        record.validLifetime = AddressRecord.forever
        let sequence = commands.append(.replaceAddress(record))
        pending.append((sequence, id, .refresh))
    }

    private mutating func request(
        _ operation: AddressOperation, _ id: AddressID, _ engine: borrowing Engine, at now: Instant
    ) {
        flushPackets()
        guard let entry = engine.address(id), let interface = entry.interface else { return }
        let record = AddressRecord(entry, on: interface, at: now)
        let sequence = commands.append(operation == .withdraw ? .deleteAddress(record) : .replaceAddress(record))
        pending.append((sequence, id, operation))
    }

    private mutating func flushRoutes() {
        do {
            try commands.flush()
        } catch {
            // None of the rest was carried out: say so for each that has no answer.
            for item in pending { failures.append((item.address, item.operation, error.errno.rawValue)) }
            pending.removeAll(keepingCapacity: true)
        }
    }

    /// Reads the kernel's answers to route requests.
    mutating func readAnswers() throws(SystemError) {
        var answers: [(sequence: UInt32, errno: Int32)] = []
        var lost = false
        try commands.drain { message in
            switch message {
            case .error(let sequence, let errno, _): answers.append((sequence, errno))
            case .overrun: lost = true
            default: break
            }
        }
        for answer in answers {
            guard let index = pending.firstIndex(where: { $0.sequence == answer.sequence }) else { continue }
            let item = pending.remove(at: index)
            if answer.errno != 0 { failures.append((item.address, item.operation, answer.errno)) }
        }
        // Without the answers nothing is known: a dump tells.
        if lost {
            pending.removeAll(keepingCapacity: true)
            answersLost = true
        }
    }

    // MARK: - Arbiters

    /// What leaves in one list for one arbiter is one request.
    private mutating func ask(_ arbiter: String, _ question: LeaseQuestion) {
        if questions?.arbiter != arbiter { sendQuestions() }
        if questions == nil { questions = LeaseExchange.Questions(arbiter: arbiter, questions: []) }
        questions?.questions.append(question)
    }

    private mutating func sendQuestions() {
        guard let questions else { return }
        self.questions = nil
        arbiterLine?.send(questions)
    }

    // MARK: - The supervisor

    mutating func send(_ message: WorkerMessage) {
        outgoing.append(message.frame, isEssential: message.isEssential)
    }

    /// The parts of one answer or dump, none without the others.
    mutating func send(parts: [WorkerMessage]) {
        if !outgoing.append(parts: parts.map(\.frame)) {
            log(.warning, "an answer of \(parts.count) parts is too long for the supervisor's socket and is not sent")
        }
    }

    mutating func log(_ level: LogLevel, _ text: String) { send(.log(level, text)) }
}

extension AddressRecord {
    /// A managed address as the kernel takes it: with its lifetime, marked as ours, usable at once.
    init(_ address: ManagedAddress, on interface: InterfaceIndex, at now: Instant) {
        let entry = address.definition
        var flags: AddressFlags = []
        if entry.prefix.address.family == .ipv6 {
            if !entry.duplicateDetection { flags.insert(.noDAD) }
            if entry.home { flags.insert(.homeAddress) }
            if entry.manageTemporary { flags.insert(.manageTemporary) }
        }
        if entry.noPrefixRoute { flags.insert(.noPrefixRoute) }
        if entry.autojoin { flags.insert(.autoJoin) }
        let seconds = address.lifetime.components.seconds
        let valid = seconds > 0 ? UInt32(clamping: seconds) : Self.forever
        let preferred: UInt32 =
            switch entry.preferredLifetime {
            case .forever: valid
            case .seconds(let seconds):
                min(valid, UInt32(clamping: Int64(seconds) - (now - (address.heldSince ?? now)).components.seconds))
            }
        self.init(
            interface: interface, prefix: entry.prefix, peer: entry.peer?.address,
            scope: AddressScope(rawValue: entry.scope), broadcast: entry.broadcastAddress, label: entry.label ?? "",
            flags: flags, validLifetime: valid, preferredLifetime: preferred, proto: Self.alofts)
    }
}

extension VirtualAddress {
    /// The broadcast address that the entry asks for (`brd +` sets the host bits, `brd -` clears them).
    var broadcastAddress: IPAddress? {
        guard case .v4(let address) = prefix.address else { return nil }
        let hostBits = prefix.length >= 32 ? 0 : UInt32.max >> UInt32(prefix.length)
        switch broadcast {
        case .none: return nil
        case .automatic: return .v4(IPv4Address(bits: address.bits | hostBits))
        case .cleared: return .v4(IPv4Address(bits: address.bits & ~hostBits))
        case .address(let address): return .v4(address)
        }
    }
}
