import Primitives

/// What a request changes.
extension WitnessMachine {
    /// A datagram whose code was right. Of a cluster whose place is not known it says nothing.
    public mutating func receive(
        _ datagram: WitnessDatagram, from peer: WitnessPeer, at now: Instant, into effects: inout [WitnessEffect]
    ) {
        guard let place = places[datagram.cluster] else { return }
        var answer = datagram
        answer.life = life
        answer.quiet = quiet(at: now)
        answer.longest = settings.longest
        switch datagram.body {
        case .statusQuestion(let after): answer.body = .status(status(of: place, after: after, at: now))
        case .questions(let questions):
            let isIgnored = bug == .lifeIgnored && datagram.life != .unknown
            if isIgnored { answer.life = datagram.life }
            if datagram.life == life || isIgnored {
                var news: [News] = []
                answer.body = .answers(
                    questions.map {
                        self.answer($0, datagram.nonce, peer, place, at: now, into: &effects, news: &news)
                    })
                effects.append(.send(answer, to: peer))
                tell(news, of: answer, into: &effects)
                return
            }
            answer.body = .otherLife
        // Only a witness says these.
        case .answers, .otherLife, .news, .status: return
        }
        effects.append(.send(answer, to: peer))
    }

    private mutating func answer(
        _ question: WitnessQuestion, _ nonce: WitnessNonce, _ peer: WitnessPeer, _ place: Int, at now: Instant,
        into effects: inout [WitnessEffect], news: inout [News]
    ) -> WitnessAnswer {
        raise(question, place, at: now)
        let register = clusters[place].registers[question.lease]
        let standing = standing(register, at: now)
        subscribe(question, nonce, peer, place, at: now)
        guard case .write(let record, let replaced) = question.kind else {
            clusters[place].counters.reads &+= 1
            return WitnessAnswer(.found, standing: standing)
        }
        let judgement = judge(record, replacing: replaced, standing: standing, register, at: now)
        let mustStore = judgement == .granted && record != standing && needsStore(record, register)
        var outcome = judgement
        if mustStore {
            if storageError != nil { outcome = .notStored }
            if register == nil,
                clusters[place].registers.count >= settings.leasesPerCluster || leaseCount >= settings.leases
            {
                outcome = .full
            }
        }
        guard outcome == .granted else {
            clusters[place].counters.refusals &+= 1
            return WitnessAnswer(outcome, standing: standing)
        }
        // The same request again: its first answer may be lost.
        guard record != standing else { return WitnessAnswer(.granted) }
        count(record, standing, place)
        write(record, question.lease, place, register, isStored: mustStore, at: now, into: &effects)
        collect(question.lease, record, nonce, place, at: now, into: &news)
        return WitnessAnswer(.granted)
    }

    /// Whether a write may stand.
    private func judge(
        _ record: LeaseRecord, replacing replaced: LeaseStamp?, standing: LeaseRecord, _ register: Register?,
        at now: Instant
    ) -> WitnessAnswer.Outcome {
        guard record != standing else { return .granted }
        guard replaced == LeaseStamp(standing) || bug == .comparesNothing else { return .refused }
        guard record.terms.duration <= settings.longest else { return .tooLong }
        guard record.version < Self.highest.version, record.epoch < Self.highest.epoch else { return .improper }
        guard record.version == standing.version + 1 || bug == .comparesNothing else { return .improper }
        if record.epoch == standing.epoch {
            // Given back, or renewed: by the one that has it.
            let isOwn = record.incarnation == standing.incarnation && !standing.isFree
            guard isOwn, record.isFree || record.holder == standing.holder else { return .improper }
            return .granted
        }
        guard record.epoch == standing.epoch.next, !record.isFree else { return .improper }
        if bug == .renewsAnybody, !standing.isFree { return .granted }
        return now < quietUntil ? .settling : .granted
    }

    /// Whether a restart would forget more than versions.
    private func needsStore(_ record: LeaseRecord, _ register: Register?) -> Bool {
        guard let register else { return true }
        guard record.version < register.reserved else { return true }
        let stored = register.stored
        // A release that is forgotten is found out by the next quiet time.
        guard !record.isFree else { return false }
        return record.holder != stored.holder || record.incarnation != stored.incarnation
            || record.epoch != stored.epoch
            || record.terms != stored.terms || record.members != stored.members
    }

    private mutating func write(
        _ record: LeaseRecord, _ lease: LeaseName, _ place: Int, _ old: Register?, isStored: Bool, at now: Instant,
        into effects: inout [WitnessEffect]
    ) {
        var register = old ?? Register(record: record, generation: generation, since: now, stored: record, reserved: 0)
        register.record = record
        // Who gives back need not have held just now: that says nothing about what came after it. It stays from before, and its
        // epoch rises when the quiet time is over.
        if !record.isFree { register.generation = generation }
        register.since = now
        if isStored {
            undo.append(Undo(cluster: place, lease: lease, register: old))
            register.stored = record
            register.reserved = record.version + Self.reserve
            effects.append(
                .store(
                    WitnessState.Entry(
                        cluster: clusters[place].name, lease: lease, record: record, reserved: register.reserved)))
        }
        if old == nil { leaseCount += 1 }
        clusters[place].registers[lease] = register
    }

    /// A node knows more than this witness, which has forgotten something: what stands rises above it. A holder of this life stays one and
    /// hears of its new epoch with its next renewal; one from before is doubtful, and shown as free.
    private mutating func raise(_ question: WitnessQuestion, _ place: Int, at now: Instant) {
        var known = question.known
        // What a write replaces was seen; the write itself is not more than a wish.
        if case .write(_, let replaced?) = question.kind { known.version = max(known.version, replaced.version) }
        known.epoch = min(known.epoch, Self.highest.epoch)
        known.version = min(known.version, Self.highest.version)
        guard var register = clusters[place].registers[question.lease] else {
            floor.rise(to: known)
            return
        }
        guard !LeaseHeight(standing(register, at: now)).covers(known) else { return }
        if register.generation != generation {
            // Who knows more of the version need not know the last epoch: it rises to what was never given out, as after a quiet time.
            var height = LeaseHeight(register.record)
            height.epoch = max(height.epoch, floor.epoch)
            register.record = Self.free(height, after: register.record)
        }
        register.record.epoch = max(register.record.epoch, known.epoch)
        register.record.version = max(register.record.version, known.version) + 1
        register.generation = generation
        register.since = now
        clusters[place].registers[question.lease] = register
    }

    private mutating func count(_ record: LeaseRecord, _ standing: LeaseRecord, _ place: Int) {
        if record.isFree {
            clusters[place].counters.releases &+= 1
        } else if record.epoch == standing.epoch {
            clusters[place].counters.renewals &+= 1
        } else {
            clusters[place].counters.takings &+= 1
        }
    }

    // MARK: - Status

    /// One datagram of it, from the lease behind `after` on.
    private func status(of place: Int, after: LeaseName?, at now: Instant) -> WitnessStatus {
        let cluster = clusters[place]
        var status = WitnessStatus()
        status.counters = cluster.counters
        status.counters.strangers = unheard.strangers
        status.counters.forgeries = unheard.forgeries
        status.counters.malformed = unheard.malformed
        status.age = now - born
        status.total = UInt32(clamping: cluster.registers.count)
        status.storageError = storageError
        var room = WitnessDatagram.room(for: cluster.name) - WitnessStatus.fixedLength
        let names = cluster.registers.keys.filter { name in after.map { name.description > $0.description } ?? true }
        for name in names.sorted(by: { $0.description < $1.description }) {
            guard let register = cluster.registers[name] else { continue }
            let lease = WitnessStatus.Lease(
                name: name, standing: standing(register, at: now),
                age: register.generation == generation ? now - register.since : nil)
            room -= lease.room
            guard room >= 0, status.leases.count < 255 else { break }
            status.leases.append(lease)
        }
        return status
    }
}

// MARK: - Watching

extension WitnessMachine {
    /// What one subscriber is told of a request's changes.
    struct News {
        var subscriber: Subscriber
        var items: [WitnessNews]
    }

    private mutating func subscribe(
        _ question: WitnessQuestion, _ nonce: WitnessNonce, _ peer: WitnessPeer, _ place: Int, at now: Instant
    ) {
        // A lease that nothing is known of has nobody who could change it without a first taking.
        guard question.subscription > .zero, var register = clusters[place].registers[question.lease] else { return }
        let until = now + min(question.subscription, settings.longestSubscription)
        var subscribers = register.subscribers.filter { $0.until > now }
        if let index = subscribers.firstIndex(where: { $0.nonce.asker == nonce.asker }) {
            // Not by an old request that someone sends again from elsewhere.
            guard nonce.count > subscribers[index].nonce.count else { return }
            subscribers.remove(at: index)
        }
        subscribers.append(Subscriber(peer: peer, nonce: nonce, until: until))
        if subscribers.count > settings.subscribersPerLease { subscribers.removeFirst() }
        register.subscribers = subscribers
        clusters[place].registers[question.lease] = register
    }

    private func collect(
        _ lease: LeaseName, _ record: LeaseRecord, _ nonce: WitnessNonce, _ place: Int, at now: Instant,
        into news: inout [News]
    ) {
        for subscriber in clusters[place].registers[lease]?.subscribers ?? []
        where subscriber.until > now && subscriber.nonce.asker != nonce.asker {
            let item = WitnessNews(lease: lease, standing: record)
            if let index = news.firstIndex(where: { $0.subscriber.nonce.asker == subscriber.nonce.asker }) {
                news[index].items.append(item)
            } else {
                news.append(News(subscriber: subscriber, items: [item]))
            }
        }
    }

    private func tell(_ news: [News], of answer: WitnessDatagram, into effects: inout [WitnessEffect]) {
        for one in news {
            var datagram = answer
            datagram.nonce = one.subscriber.nonce
            var room = 0
            var items: [WitnessNews] = []
            func flush() {
                guard !items.isEmpty else { return }
                datagram.body = .news(items)
                effects.append(.send(datagram, to: one.subscriber.peer))
            }
            for item in one.items {
                room -= item.room
                if room < 0 {
                    flush()
                    items = []
                    room = WitnessDatagram.room(for: answer.cluster) - item.room
                }
                items.append(item)
            }
            flush()
        }
    }
}
