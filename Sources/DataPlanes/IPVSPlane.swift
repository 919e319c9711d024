import Balancing
import LinuxWorld
import Netlink
import Primitives

/// Forwards by the kernel's own balancer, ip_vs: by NAT, directly, or through tunnels.
///
/// Changes go one by one, but many in one message to the kernel, which answers only what it refuses. A change that finds the table other than
/// it was known (someone else was there) makes its service be read again and brought to what it should be; what is refused then is told.
///
/// The kernel does not say who made a service, nor when somebody changes one. So ``read()`` has all services, and ``mayHaveChanged()`` looks: how
/// many services of IPv4 there are (one call, whatever their number), and whether the next ``sampleSize`` services that are known stand as
/// they did. A table that was emptied, and one of up to ``sampleSize`` services that was touched anywhere, is seen by the first look;
/// of larger ones an edited service is seen when its turn comes.
public struct IPVSPlane: ~Copyable, DataPlane {
    var socket: NetlinkSocket
    private let census: IPVSCensus
    /// The number of the generic netlink family.
    let family: UInt16
    /// What stands in the kernel, as far as this plane knows.
    var known: [ServiceKey: ForwardingService] = [:]
    /// False until the kernel was asked what stands there.
    private var isKnown = false
    /// Someone else may have changed something.
    private var isSuspect = false
    /// How many services of IPv4 there should be; nil where the kernel does not say.
    private var expectedCount: UInt32?
    /// The order of looks; empty when it is to be made anew.
    private var rounds: [ServiceKey] = []
    private var nextInRound = 0
    /// Where each service stands in the kernel's own order; see ``inOrderOfRevival(_:)``.
    private var ranks: [ServiceKey: Int] = [:]
    private var ranksAreStale = true

    /// How many services a look reads.
    public static let sampleSize = 32
    /// So many requests are one message to the kernel: were all refused, the answers would fit into a socket's queue of the usual size.
    static let chunk = 256

    /// Throws where the kernel has no ip_vs and can load none, or where CAP_NET_ADMIN is missing.
    public init() throws(SystemError) {
        var socket = try NetlinkSocket(.generic)
        let family = try Self.findFamily(&socket)
        // Whoever may not change the table may not ask either.
        let sequence = socket.nextSequence()
        var request: [UInt8] = []
        IPVSRequest.getInformation.append(to: &request, sequence: sequence, family: family)
        let answer = try socket.exchange(request, sequence: sequence)
        if answer.errno != 0 {
            throw SystemError(.netlink, Errno(answer.errno), "ask ip_vs")
        }
        census = try IPVSCensus()
        self.socket = socket
        self.family = family
    }

    private static func findFamily(_ socket: inout NetlinkSocket) throws(SystemError) -> UInt16 {
        let sequence = socket.nextSequence()
        var request: [UInt8] = []
        GenericNetlink.appendFamilyRequest(IPVSRequest.familyName, to: &request, sequence: sequence)
        var found: UInt16?
        // The kernel may have to load the module first.
        let answer = try socket.exchange(request, sequence: sequence, timeout: .seconds(30)) { message, datagram in
            found = found ?? GenericNetlink.familyNumber(message, in: datagram)
        }
        guard let found else {
            let errno = answer.errno == 0 ? Errno.notFound : Errno(answer.errno)
            throw SystemError(.netlink, errno, "find ip_vs in this kernel")
        }
        return found
    }

    public mutating func read() throws(SystemError) -> ForwardingTable {
        isSuspect = true
        // Before the rest: what is changed meanwhile is a difference at the next look.
        let count = census.services()
        var read: [ServiceKey: ForwardingService] = [:]
        try forEachService { service, destinations in
            guard let forwarding = ForwardingService(service, destinations) else { return }
            read[forwarding.key] = forwarding
        }
        known = read
        expectedCount = count
        rounds = []
        isKnown = true
        isSuspect = false
        return ForwardingTable(known.values)
    }

    public mutating func mayHaveChanged() throws(SystemError) -> Bool {
        if isSuspect || !isKnown { return true }
        if let expectedCount, let count = census.services(), count != expectedCount, try !onlyOthersCame(count) {
            isSuspect = true
        } else if try !sampleStands() {
            isSuspect = true
        } else if ranksAreStale {
            try learnRanks()
        }
        return isSuspect
    }

    /// After the number of services changed: whether all that are known stand with their settings. Then others made some for themselves, which
    /// need not make the whole table be read.
    private mutating func onlyOthersCame(_ count: UInt32) throws(SystemError) -> Bool {
        var found: [ServiceKey: IPVSService] = [:]
        try dump(.dumpServices) {
            if case .service(let service) = $0, let key = ServiceKey(service.id) { found[key] = service }
        }
        for (key, service) in known {
            guard let settings = found[key].flatMap({ ForwardingService($0, []) })?.settings,
                settings == service.settings
            else { return false }
        }
        for (key, service) in found where known[key] == nil {
            known[key] = ForwardingService(service, try destinations(of: service.id))
        }
        expectedCount = count
        ranksAreStale = true
        return true
    }

    /// Whether the next few services stand as they are known.
    private mutating func sampleStands() throws(SystemError) -> Bool {
        if nextInRound >= rounds.count {
            rounds = Array(known.keys)
            nextInRound = 0
        }
        let sample = rounds[nextInRound..<min(nextInRound + Self.sampleSize, rounds.count)].filter { known[$0] != nil }
        nextInRound += Self.sampleSize
        if sample.isEmpty { return true }
        var settings: [ServiceKey: IPVSService] = [:]
        let missing = try execute(sample.map { .getService($0.ipvs) }) { record in
            guard case .service(let service) = record, let key = ServiceKey(service.id) else { return }
            settings[key] = service
        }
        guard missing.isEmpty else { return false }
        for key in sample {
            guard let service = settings[key] else { return false }
            if ForwardingService(service, try destinations(of: service.id)) != known[key] { return false }
        }
        return true
    }

    public mutating func apply(_ changes: [TableChange]) throws(SystemError) -> [RefusedChange] {
        if !isKnown { _ = try read() }
        var refused: [RefusedChange] = []
        var steps: [IPVSStep] = []
        for change in inOrderOfRevival(changes) {
            if let reason = change.refusalByIPVS {
                refused.append(RefusedChange(change, errno: .invalid, reason: reason))
            } else {
                steps += IPVSStep.steps(of: change)
            }
        }
        var before: [ServiceKey: ForwardingService] = [:]
        for change in changes { before[change.service] = known[change.service] }
        let failures = try carryOut(steps)
        if failures.isEmpty { return refused }

        var astray: Set<ServiceKey> = []
        var told: Set<TableChange> = []
        for (index, answer) in failures.sorted(by: { $0.key < $1.key }) {
            let step = steps[index]
            // What is gone already need not be removed.
            if step.isRemoval, Errno(answer.errno).isAbsence { continue }
            if step.findsOtherTable(Errno(answer.errno)) {
                astray.insert(step.effect.service)
            } else if told.insert(step.change).inserted {
                refused.append(step.refusal(answer))
            }
        }
        // Of a service that was refused whole, its servers are no news.
        let withoutService = Set(
            refused.compactMap { if case .addService(let service) = $0.change { service.key } else { nil } })
        for key in astray.subtracting(withoutService).sorted() {
            var trial = ForwardingTable(before[key].map { [$0] } ?? [])
            let own = changes.filter { $0.service == key && $0.refusalByIPVS == nil }
            trial.apply(own)
            if let (errno, reason) = try reconcile(key, to: trial[key]), let last = own.last {
                refused.append(RefusedChange(last, errno: errno, reason: reason))
            }
        }
        return refused
    }

    /// Brings a service that is not as it was known to what it should be; what is refused, or nil.
    private mutating func reconcile(
        _ key: ServiceKey, to desired: ForwardingService?
    ) throws(SystemError) -> (Errno, String)? {
        let current = try service(key)
        known[key] = current
        // Its neighbours may have changed as well.
        isSuspect = true
        let changes = ForwardingTable(current.map { [$0] } ?? []).changes(
            to: ForwardingTable(desired.map { [$0] } ?? []))
        let steps = changes.flatMap { IPVSStep.steps(of: $0) }
        guard let (index, answer) = try carryOut(steps).min(by: { $0.key < $1.key }) else { return nil }
        let refusal = steps[index].refusal(answer)
        return (refusal.errno, refusal.reason)
    }

    /// Sends steps and notes those that were taken. Returns what the others were answered, by their places.
    private mutating func carryOut(_ steps: [IPVSStep]) throws(SystemError) -> [Int: NetlinkAnswer] {
        let wasSuspect = isSuspect
        isSuspect = true
        let failures = try execute(steps.map(\.request)) { _ in }
        isSuspect = wasSuspect
        for (index, step) in steps.enumerated() where failures[index] == nil { note(step.effect) }
        return failures
    }

    private mutating func note(_ effect: TableChange) {
        let key = effect.service
        switch effect {
        case .addService(let service):
            known[key] = service
            ranksAreStale = true
            count(key, 1)
        case .removeService:
            known[key] = nil
            ranksAreStale = true
            count(key, -1)
        case .editService(_, let settings): known[key]?.apply(settings)
        case .addDestination(_, let destination), .editDestination(_, let destination):
            known[key]?[destination.key] = destination
        case .removeDestination(_, let destination): known[key]?[destination] = nil
        }
    }

    /// The kernel counts those of IPv4 alone.
    private mutating func count(_ key: ServiceKey, _ difference: Int32) {
        guard key.family == .ipv4, let expectedCount else { return }
        self.expectedCount = expectedCount &+ UInt32(bitPattern: difference)
    }
}

// MARK: - Many services

extension IPVSPlane {
    /// From so many services on their order in the kernel is learnt.
    private static let many = 256

    /// The kernel keeps servers that were removed for two minutes, the last one first, and looks through them for each that is added. When all
    /// services were removed by somebody (`ipvsadm -C`, which goes through them in the kernel's order), those that are added again in the
    /// opposite order are found at once; in any other order 10,000 services with three servers each take twenty times as long.
    private func inOrderOfRevival(_ changes: [TableChange]) -> [TableChange] {
        guard changes.count > Self.many, !ranks.isEmpty else { return changes }
        var ordered: [TableChange] = []
        var run: [(rank: Int, change: TableChange)] = []
        func take(_ run: [(rank: Int, change: TableChange)]) {
            ordered += run.sorted { $0.rank > $1.rank }.map(\.change)
        }
        for change in changes {
            if case .addService(let service) = change {
                run.append((ranks[service.key] ?? -1, change))
            } else {
                take(run)
                run.removeAll()
                ordered.append(change)
            }
        }
        take(run)
        return ordered
    }

    private mutating func learnRanks() throws(SystemError) {
        ranksAreStale = false
        ranks = [:]
        guard known.count > Self.many else { return }
        var order: [ServiceKey: Int] = [:]
        try dump(.dumpServices) {
            if case .service(let service) = $0, let key = ServiceKey(service.id) { order[key] = order.count }
        }
        ranks = order
    }
}

// MARK: - The kernel

extension IPVSPlane {
    /// Sends requests, many at a time; what they are answered with goes to `body`. Returns those that failed, by their places.
    mutating func execute(
        _ requests: [IPVSRequest], _ body: (IPVSRecord) -> Void
    ) throws(SystemError) -> [Int: NetlinkAnswer] {
        var failures: [Int: NetlinkAnswer] = [:]
        let family = self.family
        var start = 0
        while start < requests.count {
            let end = min(start + Self.chunk, requests.count)
            var bytes: [UInt8] = []
            var sequences: [UInt32] = []
            for index in start..<end {
                let sequence = socket.nextSequence()
                sequences.append(sequence)
                // The last answer comes after all others.
                requests[index].append(
                    to: &bytes, sequence: sequence, family: family, acknowledged: index == end - 1)
            }
            let last = sequences[sequences.count - 1]
            // A scheduler's module may have to be loaded.
            let answer = try socket.exchange(bytes, sequence: last, timeout: .seconds(60)) { message, datagram in
                if message.isAnswer, let answer = message.answer(in: datagram) {
                    guard answer.errno != 0, let place = sequences.firstIndex(of: message.sequence) else { return }
                    failures[start + place] = answer
                } else if let record = IPVSRecord(message, in: datagram, family: family) {
                    body(record)
                }
            }
            if answer.errno != 0 { failures[end - 1] = answer }
            start = end
        }
        return failures
    }

    /// One dump; requests of a dump are never sent while another runs on the socket.
    mutating func dump(_ request: IPVSRequest, _ body: (IPVSRecord) -> Void) throws(SystemError) {
        let sequence = socket.nextSequence()
        let family = self.family
        var bytes: [UInt8] = []
        request.append(to: &bytes, sequence: sequence, family: family)
        let answer = try socket.exchange(bytes, sequence: sequence, timeout: .seconds(30)) { message, datagram in
            guard message.sequence == sequence, let record = IPVSRecord(message, in: datagram, family: family) else {
                return
            }
            body(record)
        }
        if answer.errno != 0 {
            throw SystemError(.netlink, Errno(answer.errno), "list the table of ip_vs", answer.text)
        }
    }

    mutating func destinations(of id: IPVSServiceID) throws(SystemError) -> [IPVSDestination] {
        var all: [IPVSDestination] = []
        try dump(.dumpDestinations(id)) { if case .destination(let destination) = $0 { all.append(destination) } }
        return all
    }

    /// All services with their destinations, whoever made them.
    mutating func forEachService(
        _ body: (IPVSService, [IPVSDestination]) -> Void
    ) throws(SystemError) {
        var services: [IPVSService] = []
        try dump(.dumpServices) { if case .service(let service) = $0 { services.append(service) } }
        for service in services { body(service, try destinations(of: service.id)) }
    }

    /// One service; nil where it is not there.
    private mutating func service(_ key: ServiceKey) throws(SystemError) -> ForwardingService? {
        var found: IPVSService?
        let failures = try execute([.getService(key.ipvs)]) { if case .service(let service) = $0 { found = service } }
        if let answer = failures[0], !Errno(answer.errno).isAbsence {
            throw SystemError(.netlink, Errno(answer.errno), "ask ip_vs for a service")
        }
        guard let found else { return nil }
        return ForwardingService(found, try destinations(of: found.id))
    }
}
