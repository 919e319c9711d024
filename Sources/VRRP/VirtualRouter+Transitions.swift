import Primitives

/// Entering each state. Nothing else assigns a state that changes the role.
extension VirtualRouter {
    mutating func enter(_ next: State, _ cause: Cause, into effects: inout [RouterEffect]) {
        let before = role
        state = next
        preemptNotBefore = nil
        wantsMaster = false
        if role != .master {
            secondBurst = nil
            nextRefresh = nil
            nextElsewhere = nil
        }
        guard before != role else { return }
        effects.append(.transition(Transition(from: before, to: role, cause: cause)))
    }

    mutating func becomeBackup(_ cause: Cause, at now: Instant, into effects: inout [RouterEffect]) {
        enter(.backup(masterDown: now + masterDownInterval), cause, into: &effects)
    }

    /// RFC 9568 §6.4.2 (365…): send an advertisement, announce the addresses, set the advertisement timer.
    /// The advertisement goes first, so that the peers know before the link does.
    public mutating func becomeMaster(_ cause: Cause, at now: Instant, into effects: inout [RouterEffect]) {
        masterInterval = settings.interval
        effects.append(.advertise(priority))
        enter(.master(nextAdvert: now + settings.interval.duration), cause, into: &effects)
        announce(
            settings.announcements.masterRepeat, again: settings.announcements.masterDelay, at: now, into: &effects)
        scheduleRefresh(at: now)
    }

    mutating func becomeFault(at now: Instant, into effects: inout [RouterEffect]) {
        if case .master = state { effects.append(.advertise(.releasing)) }
        enter(.fault(environment.faults), Cause(.faulted), into: &effects)
    }

    /// What was missing is there again. An owner waits one interval and its skew, so that a rival that took
    /// over is not met head-on in the same instant.
    mutating func recover(at now: Instant, into effects: inout [RouterEffect]) {
        masterInterval = settings.interval
        let wait = isOwner ? masterInterval.duration + skewTime : masterDownInterval
        enter(.backup(masterDown: now + wait), Cause(.recovered), into: &effects)
    }

    /// The sync group left the master role; its peers need not be told, the member that lost told its own.
    public mutating func leaveMaster(_ cause: Cause, at now: Instant, into effects: inout [RouterEffect]) {
        guard case .master = state else { return }
        becomeBackup(cause, at: now, into: &effects)
    }

    /// The lease is lost, or was given back: the peers are told, since nobody else is going to.
    public mutating func yieldMaster(_ cause: Cause, at now: Instant, into effects: inout [RouterEffect]) {
        guard case .master = state else { return }
        effects.append(.advertise(.releasing))
        becomeBackup(cause, at: now, into: &effects)
    }

    // MARK: - Announcements

    mutating func announce(_ count: Int, again delay: Duration, at now: Instant, into effects: inout [RouterEffect]) {
        guard count > 0 else { return }
        if !settings.format.bug.isPlanted(.noAnnouncement) { effects.append(.announce(count: count)) }
        // Without a delay of its own a burst leaves the one that is still due.
        if delay > .zero { secondBurst = (now + delay, count) }
    }

    mutating func scheduleRefresh(at now: Instant) {
        let (period, elsewhere) = (settings.announcements.refresh, settings.announcements.elsewhere)
        nextRefresh = period > .zero ? now + period : nil
        nextElsewhere = elsewhere > .zero ? now + elsewhere : nil
    }
}
