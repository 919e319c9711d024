import Primitives

/// A node's side of the conversation with a witness, as a machine: questions in, datagrams out; datagrams in, reports out.
///
/// **Lives.** A request names the life that was known when it was asked. When the witness turns out to have another, what was read is asked again;
/// a write is not: it is reported as ambiguous, and its machine reads back and decides anew, by its own clock. (A write that was decided in
/// the old life must not be carried out in a new one, where it might pass for one of a holder that still holds.)
///
/// **Repetitions.** The same bytes leave again twice within the patience, then they are given up, and the machine above has its own patience. A
/// witness knows a write that already stands.
///
/// **Time.** All instants are those of the machines that ask.
public struct WitnessSession: Sendable {
    public struct Settings: Hashable, Sendable {
        public var cluster: ClusterName
        /// How long an answer is waited for: a sixth of the shortest lease that is asked about.
        public var patience: Duration
        /// Whether to be told of changes.
        public var watches = true

        public init(cluster: ClusterName, patience: Duration) {
            self.cluster = cluster
            self.patience = max(patience, .milliseconds(1))
        }
    }

    /// A request without an answer.
    struct Pending: Hashable, Sendable {
        var datagram: WitnessDatagram
        var questions: [LeaseQuestion]
        var sent: Instant
        /// How often it was sent.
        var times: Int
        var next: Deadline
    }

    public let settings: Settings
    /// Random, and never used before.
    let asker: UInt64
    var count: UInt64 = 0
    public private(set) var life = WitnessLife.unknown
    public private(set) var standing = ArbiterStanding.connecting
    var pending: [Pending] = []
    /// What was seen of each lease.
    var known: [LeaseName: LeaseHeight] = [:]
    var reports: [LeaseReport] = []
    /// Since when nothing came, though something was asked.
    private var silentSince: Instant?
    /// What an operator has to know of a lease that was refused, until it is not any more.
    private var grievance: (lease: LeaseName, reason: String, since: Instant)?
    var bug: WitnessBug?

    /// As many as one patience can need; more are given up, the oldest first.
    static let mostPending = 64
    /// Leases that are known of.
    static let mostKnown = 4096

    public init(_ settings: Settings, asker: UInt64) {
        self.settings = settings
        self.asker = asker
    }

    // MARK: - Asking

    /// All questions, in as few datagrams as they fit into.
    public mutating func ask(
        _ questions: [LeaseQuestion], at now: Instant, into datagrams: inout [WitnessDatagram]
    ) {
        var rest = questions[...]
        let whole = WitnessDatagram.room(for: settings.cluster)
        while !rest.isEmpty {
            var room = whole
            var wire: [WitnessQuestion] = []
            for question in rest {
                let one = self.wire(question)
                room -= one.room
                guard room >= 0, wire.count < 255 else { break }
                wire.append(one)
            }
            // Any one question fits.
            send(wire, Array(rest.prefix(wire.count)), at: now, sent: now, into: &datagrams)
            rest = rest.dropFirst(max(wire.count, 1))
        }
        silentSince = silentSince ?? now
    }

    private func wire(_ question: LeaseQuestion) -> WitnessQuestion {
        var wire = WitnessQuestion(lease: question.lease, known: known[question.lease] ?? LeaseHeight(), kind: .read)
        switch question.kind {
        case .read:
            // Longer than from one look to the next, which is a patience.
            if settings.watches { wire.subscription = settings.patience * 3 }
        case .write(let record, let replaced): wire.kind = .write(record, replacing: replaced.map(LeaseStamp.init))
        }
        return wire
    }

    private mutating func send(
        _ wire: [WitnessQuestion], _ questions: [LeaseQuestion], at now: Instant, sent: Instant,
        into datagrams: inout [WitnessDatagram]
    ) {
        count += 1
        let datagram = WitnessDatagram(
            cluster: settings.cluster, nonce: WitnessNonce(asker: asker, count: count), life: life,
            body: .questions(wire))
        if pending.count >= Self.mostPending { pending.removeFirst() }
        pending.append(
            Pending(datagram: datagram, questions: questions, sent: sent, times: 1, next: now + settings.patience / 6))
        datagrams.append(datagram)
    }

    // MARK: - Time

    public var nextDeadline: Deadline? { pending.map(\.next).min() }

    public mutating func advance(to now: Instant, into datagrams: inout [WitnessDatagram]) {
        for index in pending.indices where now >= pending[index].next {
            switch pending[index].times {
            case ..<3:
                pending[index].times += 1
                // After a sixth and a third of the patience; then it is only listened for.
                pending[index].next =
                    pending[index].times == 3 ? pending[index].sent + settings.patience : now + settings.patience / 6
                datagrams.append(pending[index].datagram)
            default: pending[index].times = .max
            }
        }
        guard pending.contains(where: { $0.times == .max }) else { return }
        pending.removeAll { $0.times == .max }
        let since = silentSince ?? now
        if case .down = standing { return }
        standing = .down("the witness does not answer", since: since)
    }

    /// The socket said why nothing arrives, such as "Connection refused".
    public mutating func fail(_ reason: String, at now: Instant) {
        if case .down(reason, _) = standing { return }
        standing = .down(reason, since: silentSince ?? now)
    }

    // MARK: - Hearing

    public mutating func takeReports() -> [LeaseReport] {
        defer { reports = [] }
        return reports
    }

    /// A datagram whose code was right.
    public mutating func receive(
        _ datagram: WitnessDatagram, at now: Instant, into datagrams: inout [WitnessDatagram]
    ) {
        guard datagram.cluster == settings.cluster, datagram.nonce.asker == asker else { return }
        if case .news(let news) = datagram.body {
            guard datagram.life == life, datagram.nonce.count <= count else { return }
            for item in news { hear(item) }
            return
        }
        guard let index = pending.firstIndex(where: { $0.datagram.nonce == datagram.nonce }) else { return }
        let request = pending[index]
        switch datagram.body {
        case .answers(let answers):
            // The life is that of the request, or else this is no answer to it.
            guard datagram.life == request.datagram.life, answers.count == request.questions.count else { return }
            pending.remove(at: index)
            hear(answers, to: request, datagram, at: now)
        case .otherLife:
            guard datagram.life != request.datagram.life else { return }
            pending.remove(at: index)
            life = datagram.life
            askAgain(request, at: now, into: &datagrams)
        case .questions, .news, .statusQuestion, .status: break
        }
    }

    private mutating func askAgain(_ request: Pending, at now: Instant, into datagrams: inout [WitnessDatagram]) {
        guard case .questions(let wire) = request.datagram.body else { return }
        var reads: [LeaseQuestion] = []
        var wires: [WitnessQuestion] = []
        for (question, one) in zip(request.questions, wire) {
            switch question.kind {
            case .read:
                reads.append(question)
                wires.append(one)
            case .write where bug == .lifeIgnored:
                reads.append(question)
                wires.append(one)
            case .write:
                reports.append(
                    LeaseReport(lease: question.lease, kind: .answer(request: question.request, .ambiguous)))
            }
        }
        if !reads.isEmpty { send(wires, reads, at: now, sent: request.sent, into: &datagrams) }
    }

    private mutating func hear(_ item: WitnessNews) {
        guard remember(item.lease, item.standing) else { return }
        reports.append(LeaseReport(lease: item.lease, kind: .news(item.standing)))
    }

    /// False: more was seen of it already.
    private mutating func remember(_ lease: LeaseName, _ record: LeaseRecord) -> Bool {
        let height = LeaseHeight(record)
        var old = known[lease] ?? LeaseHeight()
        guard height.covers(old) else { return false }
        if known[lease] == nil, known.count >= Self.mostKnown { known = [:] }
        old.rise(to: height)
        known[lease] = old
        return true
    }

    private mutating func hear(
        _ answers: [WitnessAnswer], to request: Pending, _ datagram: WitnessDatagram, at now: Instant
    ) {
        silentSince = pending.map(\.sent).min()
        standing = .answering(roundTrip: now - request.sent)
        if datagram.quiet > .zero {
            standing = .settling(
                "the witness was started a short while ago: until everything that it may have granted before has run out, "
                    + "it only renews", until: now + datagram.quiet)
        }
        for (question, answer) in zip(request.questions, answers) {
            if let record = answer.standing { _ = remember(question.lease, record) }
            if case .write(let record, _) = question.kind, answer.outcome == .granted {
                _ = remember(question.lease, record)
            }
            if let reason = Self.explain(answer.outcome, question, datagram) {
                if grievance?.reason != reason { grievance = (question.lease, reason, request.sent) }
            } else if grievance?.lease == question.lease, question.kind != .read {
                grievance = nil
            }
            reports.append(
                LeaseReport(
                    lease: question.lease, kind: .answer(request: question.request, Self.answer(answer, to: question))))
        }
        if let grievance { standing = .down(grievance.reason, since: grievance.since) }
    }

    private static func answer(_ answer: WitnessAnswer, to question: LeaseQuestion) -> LeaseAnswer {
        switch (question.kind, answer.outcome) {
        case (.read, .found): .found(answer.standing)
        case (.write, .granted): .granted
        case (.write, .refused), (.write, .settling), (.write, .tooLong), (.write, .notStored), (.write, .full),
            (.write, .improper):
            .refused(standing: answer.standing)
        case (.read, _), (.write, .found): .ambiguous
        }
    }

    /// What an operator has to know of a refusal; nil: nothing.
    private static func explain(
        _ outcome: WitnessAnswer.Outcome, _ question: LeaseQuestion, _ datagram: WitnessDatagram
    ) -> String? {
        switch outcome {
        case .found, .granted, .refused, .settling: return nil
        case .tooLong:
            guard case .write(let record, _) = question.kind else { return nil }
            return
                "the lease \(question.lease) lasts \(record.terms.duration.formattedSeconds()) s, and the witness grants "
                + "\(datagram.longest.formattedSeconds()) s at most: shorten it, or start the witness with a larger --max-lease"
        case .notStored:
            return "the witness cannot write its state file and lets nobody take a lease: look at its log and its disk"
        case .full: return "the witness has no room for the lease \(question.lease): it keeps as many as it may"
        case .improper:
            return "the witness takes the write of \(question.lease) for a mistake: are both of one version?"
        }
    }
}
