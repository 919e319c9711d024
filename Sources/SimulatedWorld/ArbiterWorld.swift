import Arbitration
import Primitives
import RouterEngine

/// The arbiter of a scenario, the ways to it, and the daemons' sides of the conversation.
final class ArbiterWorld {
    enum Message {
        case question(LeaseQuestion)
        case report(LeaseReport)
        case toWitness(WitnessDatagram)
        case toNode(WitnessDatagram)
    }

    /// The way between one node and the arbiter.
    struct Way {
        // Per mille of the messages
        var loss = 0
        var duplication = 0
        var slowness = 0
        /// One-way cuts.
        var cutTo = false
        var cutFrom = false
    }

    unowned let simulation: Simulation
    let plan: Scenario.ArbiterPlan
    var draw: SplitMix64
    var ways: [Way]
    private var messages: [Message?] = []
    private var free: [Int] = []

    // The register
    private var records: [LeaseName: LeaseRecord] = [:]
    /// No answers before that: its leader is lost.
    var downUntil: Int64 = 0

    // The witness
    var witness: SimulatedWitness?
    var sessions: [WitnessSession?]
    private var sessionDue: [Int64]
    private var askers: UInt64 = 0

    static let cluster = ClusterName("c") ?? { preconditionFailure("c is a name") }()

    init(_ simulation: Simulation, _ plan: Scenario.ArbiterPlan, _ draw: SplitMix64) {
        self.simulation = simulation
        self.plan = plan
        self.draw = draw
        let count = simulation.scenario.hosts.count
        ways = Array(repeating: Way(), count: count)
        sessions = Array(repeating: nil, count: count)
        sessionDue = Array(repeating: .max, count: count)
        if plan.kind == .witness {
            witness = SimulatedWitness(
                rate: plan.witnessRate, longest: plan.longest, start: self.draw.within(0...1000 * second))
            witness?.start(at: 0)
        }
    }

    var now: Int64 { simulation.trueTime }

    /// Questions and answers both arrive.
    func isReachable(_ host: Host) -> Bool { !ways[host.index].cutTo && !ways[host.index].cutFrom }

    /// Unless it is to stay down for longer.
    func startWitness() {
        guard let due = witness?.downUntil, now >= due else { return }
        witness.mutate { $0.start(at: now) }
    }

    func heal() {
        for index in ways.indices { ways[index] = Way() }
        downUntil = min(downUntil, now)
        witness?.heal(at: now)
    }

    // MARK: - The ways

    private func carry(_ message: Message, _ host: Host, toArbiter: Bool) {
        let way = ways[host.index]
        guard toArbiter ? !way.cutTo : !way.cutFrom, !draw.chance(way.loss) else { return }
        for _ in 0..<(draw.chance(way.duplication) ? 2 : 1) {
            var delay = draw.within(plan.delay)
            if draw.chance(way.slowness) { delay += draw.within(0...plan.longest / 2) }
            schedule(message, host, at: now + delay)
        }
    }

    private func schedule(_ message: Message, _ host: Host, at time: Int64) {
        let index = free.popLast() ?? messages.count
        if index == messages.count { messages.append(message) } else { messages[index] = message }
        simulation.queue.push(
            .arbiterMessage, at: time, host: host.index, argument: index,
            token: UInt32(truncatingIfNeeded: host.leases.life))
    }

    func arrive(_ index: Int, at host: Host, life: UInt32) {
        guard let message = messages[index] else { return }
        messages[index] = nil
        free.append(index)
        let isCurrent = life == UInt32(truncatingIfNeeded: host.leases.life) && host.process != .absent
        switch message {
        case .question(let question): answer(question, of: host)
        case .toWitness(let datagram): witnessReceives(datagram, from: host)
        case .report(let report): if isCurrent { deliver([report], to: host) }
        case .toNode(let datagram):
            guard isCurrent, !host.isPaused else { return }
            converse(host) { $0.receive(datagram, at: $1, into: &$2) }
        }
    }

    private func deliver(_ reports: [LeaseReport], to host: Host) {
        guard !reports.isEmpty else { return }
        simulation.handle(.leases(arbiter: Scenario.arbiterName, reports), on: host)
    }

    // MARK: - Asking

    func ask(_ question: LeaseQuestion, by host: Host) {
        guard plan.kind == .witness else {
            carry(.question(question), host, toArbiter: true)
            // A connection that is lost at once, though what was sent may yet arrive.
            if ways[host.index].loss > 0, draw.chance(40) {
                let lost = LeaseReport(lease: question.lease, kind: .answer(request: question.request, .ambiguous))
                schedule(.report(lost), host, at: now + 50_000)
            }
            return
        }
        if sessions[host.index] == nil { openSession(host) }
        converse(host) { $0.ask([question], at: $1, into: &$2) }
    }

    // MARK: - The register

    private func answer(_ question: LeaseQuestion, of host: Host) {
        if now < downUntil {
            // Lost, carried out without an answer, or carried out late.
            switch draw.below(3) {
            case 0: return
            case 1:
                if case .write(let record, let replaced) = question.kind {
                    write(record, replaced, question.lease, by: host)
                }
            default:
                schedule(.question(question), host, at: downUntil + draw.within(0...10 * millisecond))
            }
            return
        }
        let answer: LeaseAnswer
        switch question.kind {
        case .read: answer = .found(records[question.lease])
        case .write(let record, let replaced):
            answer =
                write(record, replaced, question.lease, by: host)
                ? .granted : .refused(standing: records[question.lease])
        }
        carry(
            .report(LeaseReport(lease: question.lease, kind: .answer(request: question.request, answer))), host,
            toArbiter: false)
    }

    @discardableResult
    private func write(_ record: LeaseRecord, _ replaced: LeaseRecord?, _ lease: LeaseName, by host: Host) -> Bool {
        guard records[lease] == replaced else { return false }
        records[lease] = record
        for other in simulation.hosts where other.index != host.index && draw.chance(700) {
            carry(.report(LeaseReport(lease: lease, kind: .news(record))), other, toArbiter: false)
        }
        return true
    }

    // MARK: - Sessions with a witness

    private func openSession(_ host: Host) {
        askers += 1
        sessions[host.index] = WitnessSession(
            WitnessSession.Settings(cluster: Self.cluster, patience: .nanoseconds(plan.shortest / 6)), asker: askers)
    }

    /// The daemon, or its arbiter worker, is gone.
    func forgetSession(_ host: Host) {
        sessions[host.index] = nil
        sessionDue[host.index] = .max
    }

    private func converse(
        _ host: Host, _ body: (inout WitnessSession, Instant, inout [WitnessDatagram]) -> Void
    ) {
        guard sessions[host.index] != nil else { return }
        var datagrams: [WitnessDatagram] = []
        let reading = host.clock.reading(at: now)
        sessions[host.index].mutate { body(&$0, reading, &datagrams) }
        let reports = sessions[host.index].mutate { $0.takeReports() } ?? []
        for datagram in datagrams { carry(.toWitness(datagram), host, toArbiter: true) }
        wakeSession(host)
        // Each as an input of its own: what it causes asks again.
        for report in reports { deliver([report], to: host) }
    }

    private func wakeSession(_ host: Host) {
        guard let deadline = sessions[host.index]?.nextDeadline else { return }
        let due = max(host.clock.time(of: deadline), now)
        guard due < .max, due < sessionDue[host.index] else { return }
        sessionDue[host.index] = due
        simulation.queue.push(.session, at: due, host: host.index)
    }

    func sessionIsDue(_ host: Host) {
        guard sessionDue[host.index] == now else { return }
        sessionDue[host.index] = .max
        guard let deadline = sessions[host.index]?.nextDeadline else { return }
        guard !host.isPaused else {
            sessionDue[host.index] = host.stalledUntil + millisecond
            simulation.queue.push(.session, at: sessionDue[host.index], host: host.index)
            return
        }
        guard host.clock.reading(at: now) >= deadline else { return wakeSession(host) }
        converse(host) { $0.advance(to: $1, into: &$2) }
    }

    // MARK: - The witness

    private func witnessReceives(_ datagram: WitnessDatagram, from host: Host) {
        let peer = WitnessPeer(.v4(IPv4Address(10, 0, 0, UInt8(host.index))), port: 1000)
        let answers = witness.mutate { $0.receive(datagram, from: peer, at: now, &draw) } ?? []
        for (answer, peer) in answers {
            guard case .v4(let address) = peer.address, Int(address.bits & 0xff) < simulation.hosts.count else {
                continue
            }
            carry(.toNode(answer), simulation.hosts[Int(address.bits & 0xff)], toArbiter: false)
        }
    }
}

extension Optional where Wrapped: ~Copyable {
    /// In place; nil where there is nothing.
    mutating func mutate<Result>(_ body: (inout Wrapped) -> Result) -> Result? {
        guard var value = take() else { return nil }
        let result = body(&value)
        self = .some(value)
        return result
    }
}
