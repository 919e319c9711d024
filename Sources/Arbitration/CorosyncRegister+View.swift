import Primitives

/// Views: what a change of membership begins, and what ends it.
extension CorosyncRegister {
    /// Ring, members or electorate are others than before.
    mutating func enterView(into effects: inout [RegisterEffect]) {
        abandon(into: &effects)
        (view, primaryView, states, parts, gatherAt) = (nil, nil, [], [:], nil)
        // Two processes of one node would each remember half of what the node acknowledged.
        guard let me, let ring, let electorate, members.contains(me), Set(members.map(\.node)).count == members.count
        else { return }
        view = ViewTag(ring: ring, members: members, electorate: electorate)
        isStateDue = true
        if bug == .worksBeforeStates { becomePrimary(by: nil) }
    }

    /// Within a view, at the same place for all that see it.
    mutating func gatherAnew(into effects: inout [RegisterEffect]) {
        abandon(into: &effects)
        (primaryView, states, parts, gatherAt) = (nil, [], [:], nil)
        isStateDue = true
    }

    /// Whatever is not answered never will be: it may stand, or come to stand.
    mutating func abandon(into effects: inout [RegisterEffect]) {
        for entry in pending { report(entry.questions.map { _ in .ambiguous }, entry, into: &effects) }
        (pending, news) = ([], [])
    }

    func report(_ answers: [LeaseAnswer], _ entry: Pending, into effects: inout [RegisterEffect]) {
        for (question, answer) in zip(entry.questions, answers) {
            effects.append(
                .report(LeaseReport(lease: question.lease, kind: .answer(request: question.request, answer))))
        }
    }

    private func state(part: Int, of parts: Int, _ leases: [RegisterMessage.Lease]) -> RegisterMessage.State {
        RegisterMessage.State(
            serial: serial, part: UInt16(truncatingIfNeeded: part), parts: UInt16(truncatingIfNeeded: parts),
            isVoter: isVoter, primary: primary, floor: max(floor, memory.bound), leases: leases)
    }

    mutating func sendState(in view: ViewTag, into effects: inout [RegisterEffect]) {
        serial += 1
        let leases = table.sorted { $0.key.description < $1.key.description }
            .map { RegisterMessage.Lease(name: $0.key, record: $0.value) }
        let room = (RegisterMessage.longest - RegisterMessage.headerLength - 64) / RegisterMessage.longestLease
        let parts = max(1, (leases.count + room - 1) / room)
        for part in 0..<parts {
            let some = leases[(part * room)..<min(leases.count, (part + 1) * room)]
            let message = RegisterMessage(view: view, kind: .state(state(part: part, of: parts, Array(some))))
            effects.append(.multicast(message.encoded))
        }
    }

    /// A member's state, or a part of it.
    mutating func receive(_ state: RegisterMessage.State, from member: RegisterMember) {
        // Once there is a majority the rest changes nothing: all that was granted is in it.
        guard primaryView == nil, members.contains(member) else { return }
        var whole = state
        if state.part > 0 {
            // Parts come in order, or not at all.
            guard var begun = parts[member], begun.serial == state.serial, begun.part + 1 == state.part,
                begun.leases.count + state.leases.count <= Self.mostLeases
            else { return }
            begun.part = state.part
            begun.leases += state.leases
            whole = begun
        }
        guard state.part + 1 == state.parts else {
            parts[member] = whole
            return
        }
        parts[member] = nil
        // The later state of one member counts: it became a voter meanwhile.
        states.removeAll { $0.member == member }
        states.append(Gathered(member: member, state: whole))
        let hasMajority = electorate?.isMajority(of: votersHere) == true
        if hasMajority || bug == .minorityDecides && !votersHere.isEmpty { becomePrimary(by: unite()) }
    }

    /// The states of voters with a majority are there.
    private func unite() -> (table: [LeaseName: LeaseRecord], floor: UInt64) {
        let voters = states.filter(\.state.isVoter)
        let greatest = voters.map(\.state.primary).max() ?? .none
        var union: [LeaseName: LeaseRecord] = [:]
        for voter in voters where voter.state.primary == greatest || bug == .newestVersionWins {
            for lease in voter.state.leases {
                if let other = union[lease.name], other.version >= lease.record.version { continue }
                union[lease.name] = lease.record
            }
        }
        var floor = states.map(\.state.floor).max() ?? 0
        // Where the majority needs some who were restarted, what they forgot may have come after this table: nobody holds by it any
        // more, but its numbers were used. All that is known is lifted above them.
        let mindful = Set(voters.lazy.filter { !$0.state.hasForgotten }.map(\.member.node))
        if electorate?.isMajority(of: mindful) != true, bug != .numbersStay {
            let highest = union.values.map { max($0.epoch.rawValue, $0.version) }.max() ?? 0
            floor = max(floor, highest == .max ? .max : highest + 1)
            for name in union.keys {
                union[name]?.epoch = Epoch(floor)
                union[name]?.version = floor
            }
        }
        return (union, floor)
    }

    private mutating func becomePrimary(by union: (table: [LeaseName: LeaseRecord], floor: UInt64)?) {
        guard let view else { return }
        if let union { (table, floor) = (union.table, bug == .epochsFromNothing ? 0 : union.floor) }
        let ordinals = states.lazy.map(\.state.primary).filter { $0.ring == view.ring }.map(\.ordinal)
        primary = PrimaryID(ring: view.ring, ordinal: (ordinals.max() ?? 0) &+ 1)
        // Requests name what they rest on.
        var digest = view.digest
        for gathered in states {
            for number in [UInt64(gathered.member.node), UInt64(gathered.member.process), gathered.state.serial] {
                digest = (digest ^ number) &* 0x0000_0100_0000_01B3
            }
        }
        primaryView = ViewTag(ring: view.ring, digest: digest)
        isVoter = true
        (states, parts, isStateDue, gatherAt) = ([], [:], false, nil)
        (carriedOut, acknowledged, acknowledgements) = (0, 0, [:])
    }
}
