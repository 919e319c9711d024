import Primitives

/// Questions: sent, carried out, acknowledged, answered.
extension CorosyncRegister {
    /// What stands about a lease.
    func standing(of lease: LeaseName) -> LeaseRecord {
        if let record = table[lease] { return record }
        return LeaseRecord(
            holder: nil, incarnation: Incarnation(0), request: 0, epoch: Epoch(floor), terms: Self.nobodysTerms,
            version: floor)
    }

    /// Nobody holds by them.
    private static let nobodysTerms = LeaseTerms.shortest

    /// Questions of this node's lease machines. Without a primary, quorate view nobody knows.
    public mutating func ask(_ questions: [LeaseQuestion], at now: Instant, into effects: inout [RegisterEffect]) {
        guard let view, let primaryView, quorateRing == view.ring else {
            return report(
                questions.map { _ in .ambiguous }, Pending(number: 0, questions: questions), into: &effects)
        }
        let room = (RegisterMessage.longest - RegisterMessage.headerLength - 16) / RegisterMessage.longestItem
        var rest = questions[...]
        while !rest.isEmpty {
            let some = Array(rest.prefix(room))
            rest = rest.dropFirst(room)
            requests += 1
            let items = some.map { question in
                switch question.kind {
                case .read: RegisterMessage.Item(name: question.lease, write: nil)
                case .write(let record, let replacing):
                    RegisterMessage.Item(
                        name: question.lease, write: RegisterMessage.Write(record: record, replacing: replacing))
                }
            }
            let message = RegisterMessage(view: primaryView, kind: .request(number: requests, items))
            effects.append(.multicast(message.encoded))
            if pending.count >= Self.mostPending {
                let oldest = pending.removeFirst()
                report(oldest.questions.map { _ in .ambiguous }, oldest, into: &effects)
            }
            pending.append(Pending(number: requests, questions: some))
            if bug == .answersOnSend, let last = pending.popLast() {
                let answers = last.questions.map { question -> LeaseAnswer in
                    switch question.kind {
                    case .read: .found(standing(of: question.lease))
                    case .write: .granted
                    }
                }
                report(answers, last, into: &effects)
            }
        }
    }

    /// A message of the group, in the order in which all get them.
    public mutating func receive(
        _ bytes: [UInt8], from member: RegisterMember, at now: Instant, into effects: inout [RegisterEffect]
    ) {
        let message: RegisterMessage
        do throws(RegisterMessage.Unreadable) {
            message = try RegisterMessage(decoding: bytes)
        } catch {
            return effects.append(.unreadable(from: member))
        }
        switch message.kind {
        case .state(let state):
            guard message.view == view else { return doubt(message.view, of: member, at: now, into: &effects) }
            receive(state, from: member)
        case .gather:
            guard message.view == view, members.contains(member) else { return }
            gatherAnew(into: &effects)
        case .request(let number, let items):
            guard message.view == primaryView else { return }
            carryOut(items, number, from: member, into: &effects)
        case .acknowledgement(let count):
            guard message.view == primaryView else { return }
            acknowledgements[member.node] = max(acknowledgements[member.node] ?? 0, count)
            settle(into: &effects)
        }
    }

    /// The same ring and another view: a moment of any change, or another electorate, for as long as there is one.
    private mutating func doubt(
        _ view: ViewTag, of member: RegisterMember, at now: Instant, into effects: inout [RegisterEffect]
    ) {
        guard view.ring == ring, members.contains(member), now >= (doubted ?? .zero) else { return }
        doubted = now + Self.doubtPause
        effects.append(.readElectorate)
    }

    /// One request, by every member at the same place in the order.
    private mutating func carryOut(
        _ items: [RegisterMessage.Item], _ number: UInt64, from member: RegisterMember,
        into effects: inout [RegisterEffect]
    ) {
        carriedOut &+= 1
        var answers: [LeaseAnswer] = []
        for item in items {
            let standing = standing(of: item.name)
            guard let write = item.write else {
                answers.append(.found(standing))
                continue
            }
            let hasRoom = table[item.name] != nil || table.count < Self.mostLeases
            guard write.replacing == standing, write.record.version > standing.version,
                write.record.epoch >= standing.epoch, hasRoom
            else {
                answers.append(.refused(standing: standing))
                continue
            }
            table[item.name] = write.record
            answers.append(.granted)
            if member != me, news.count < Self.mostPending {
                news.append(News(place: carriedOut, lease: item.name, record: write.record))
            }
            let needed = wanted.covering(write.record)
            if needed != wanted {
                wanted = needed
                effects.append(.remember(needed))
            }
        }
        if member == me, let index = pending.firstIndex(where: { $0.number == number }) {
            pending[index].place = carriedOut
            pending[index].answers = answers
        }
        if bug == .answersOnOwnDelivery { settle(into: &effects) }
    }

    /// Says what was carried out, once it may not be forgotten.
    mutating func acknowledge(into effects: inout [RegisterEffect]) {
        guard let view, let primaryView, acknowledged < carriedOut, memory == wanted, quorateRing == view.ring else {
            return
        }
        acknowledged = carriedOut
        let message = RegisterMessage(view: primaryView, kind: .acknowledgement(count: carriedOut))
        effects.append(.multicast(message.encoded))
    }

    /// Answers what a majority has carried out.
    private mutating func settle(into effects: inout [RegisterEffect]) {
        var certain: UInt64 = 0
        for count in Set(acknowledgements.values) where count > certain {
            let nodes = Set(acknowledgements.lazy.filter { $0.value >= count }.map(\.key))
            if electorate?.isMajority(of: nodes) == true { certain = count }
        }
        if bug == .answersOnOwnDelivery { certain = carriedOut }
        if bug == .minorityDecides { certain = acknowledgements.values.max() ?? 0 }
        while let first = pending.first, let place = first.place, place <= certain {
            report(first.answers, first, into: &effects)
            pending.removeFirst()
        }
        while let first = news.first, first.place <= certain {
            effects.append(.report(LeaseReport(lease: first.lease, kind: .news(first.record))))
            news.removeFirst()
        }
    }
}
