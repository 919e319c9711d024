import Primitives

/// What a virtual router does with an advertisement that was decoded and accepted.
extension VirtualRouter {
    /// Judges what only the settings of this router can judge, after `Advertisement.decode`.
    public func admits(_ origin: PacketOrigin) -> Rejection? {
        if origin.source == environment.source { return .ownAddress }
        if isOwner, settings.ownerIgnoresAdverts { return .owner }
        guard settings.format.isUnicast, !settings.peers.isEmpty else { return nil }
        guard let peer = settings.peers.first(where: { $0.address == origin.source }) else {
            return settings.checksPeers ? .notAPeer : nil
        }
        return peer.timeToLive.contains(origin.timeToLive) ? nil : .peerTimeToLive
    }

    public mutating func receive(
        _ advert: Advertisement, from source: IPAddress, at now: Instant, into effects: inout [RouterEffect]
    ) {
        switch state {
        case .initialize, .fault: break
        case .backup: receiveAsBackup(advert, from: source, at: now, into: &effects)
        case .master: receiveAsMaster(advert, from: source, at: now, into: &effects)
        }
    }

    private mutating func receiveAsBackup(
        _ advert: Advertisement, from source: IPAddress, at now: Instant, into effects: inout [RouterEffect]
    ) {
        let heard = Heard(address: source, priority: advert.priority, interval: advert.interval, at: now)
        // RFC 9568 §6.4.2 (420): if the Priority is 0, set the Active_Down_Timer to Skew_Time.
        if advert.priority == .releasing, !settings.format.bug.isPlanted(.releaseIgnored) {
            lastHeard = heard
            guard settings.soleRival == source else {
                state = .backup(masterDown: now + skewTime)
                return
            }
            if settings.needsConsent {
                awaitConsent(at: now, into: &effects)
            } else {
                becomeMaster(Cause(.soleRivalReleased, peer: source), at: now, into: &effects)
            }
            return
        }
        // (435) If Preempt_Mode is False, or the Priority is not lower than ours, learn the interval, reset the timer.
        if !settings.preempts || advert.priority >= priority {
            preemptNotBefore = nil
            accept(heard, at: now, into: &effects)
        } else if isWithinPreemptDelay(at: now) {
            accept(heard, at: now, into: &effects)
        } else {
            // (450) Discard: the timer runs on, and its expiry is the pre-emption.
            lastHeard = heard
            if settings.format.bug.isPlanted(.discardRestartsTimer) { accept(heard, at: now, into: &effects) }
        }
    }

    private mutating func accept(_ heard: Heard, at now: Instant, into effects: inout [RouterEffect]) {
        lastHeard = heard
        wantsMaster = false
        if settings.format.version == .v3, masterInterval != heard.interval,
            !settings.format.bug.isPlanted(.intervalNotLearnt)
        {
            masterInterval = heard.interval
            effects.append(.intervalLearnt(heard.interval))
        }
        armMasterDown(at: now)
    }

    /// The delay begins with the first advertisement of a lower priority.
    private mutating func isWithinPreemptDelay(at now: Instant) -> Bool {
        guard settings.preemptDelay > .zero else { return false }
        let end = preemptNotBefore ?? now + settings.preemptDelay
        preemptNotBefore = end
        return now < end
    }

    private mutating func receiveAsMaster(
        _ advert: Advertisement, from source: IPAddress, at now: Instant, into effects: inout [RouterEffect]
    ) {
        // RFC 9568 §6.4.3 (705): if the Priority is 0, send an advertisement, reset the timer.
        if advert.priority == .releasing {
            effects.append(.advertise(priority))
            state = .master(nextAdvert: now + settings.interval.duration)
            return
        }
        lastHeard = Heard(address: source, priority: advert.priority, interval: advert.interval, at: now)
        // (725) Higher, or equal with a higher source address: become backup.
        if advert.priority > priority || advert.priority == priority && yieldsTie(to: source) {
            if settings.advertisesBeforeYielding { effects.append(.advertise(priority)) }
            let rule: RuleID = advert.priority > priority ? .higherPriority : .higherAddress
            if settings.format.version == .v3, !settings.format.bug.isPlanted(.intervalNotLearnt) {
                masterInterval = advert.interval
            }
            becomeBackup(Cause(rule, peer: source, peerPriority: advert.priority), at: now, into: &effects)
            return
        }
        // (755) Lower: discard, and say at once who is master, so that it yields and the link learns.
        effects.append(.heardLowerPriority(advert.priority, from: source))
        if settings.answersLowerPriority {
            effects.append(.advertise(priority))
            state = .master(nextAdvert: now + settings.interval.duration)
        }
        let schedule = settings.announcements
        announce(schedule.lowerPriorityRepeat, again: schedule.lowerPriorityDelay, at: now, into: &effects)
    }

    private func yieldsTie(to source: IPAddress) -> Bool {
        guard let own = environment.source else { return true }
        return settings.format.bug.isPlanted(.tieByWrongAddress) ? source < own : source > own
    }

    // MARK: - Time

    /// Does what is due at `now`. Nothing fires that is not due, however late or early the call.
    public mutating func advance(to now: Instant, into effects: inout [RouterEffect]) {
        switch state {
        case .initialize, .fault: break
        case .backup(let masterDown):
            if now >= masterDown { masterIsDown(at: now, into: &effects) }
        case .master(let due):
            if now >= due {
                effects.append(.advertise(priority))
                // The next follows the deadline, not the clock, or adverts drift; unless it was far too late.
                let interval = settings.interval.duration
                let base = (now - due).nanoseconds < interval.nanoseconds / 2 ? due : now
                state = .master(nextAdvert: base + interval)
            }
            if let burst = secondBurst, now >= burst.due {
                secondBurst = nil
                effects.append(.announce(count: burst.count))
            }
            if let due = nextRefresh, now >= due {
                nextRefresh = now + settings.announcements.refresh
                effects.append(.announce(count: settings.announcements.refreshRepeat))
            }
            if let due = nextElsewhere, now >= due {
                nextElsewhere = now + settings.announcements.elsewhere
                effects.append(.announceElsewhere)
            }
        }
    }

    /// The master gave up, and those who could follow have agreed on turns: this one's is at `due`, if that is sooner than its
    /// skew time. It shortens nothing but that.
    public mutating func takeOver(at due: Instant) {
        guard case .backup(let masterDown) = state, lastHeard?.priority == .releasing else { return }
        state = .backup(masterDown: min(masterDown, due))
    }

    /// RFC 9568 §6.4.2 (365): the Active_Down_Timer fired.
    private mutating func masterIsDown(at now: Instant, into effects: inout [RouterEffect]) {
        if settings.needsConsent {
            awaitConsent(at: now, into: &effects)
        } else {
            becomeMaster(causeOfTakingOver(at: now), at: now, into: &effects)
        }
    }

    private mutating func awaitConsent(at now: Instant, into effects: inout [RouterEffect]) {
        wantsMaster = true
        state = .backup(masterDown: now + masterDownInterval)
        effects.append(.wantsMaster)
    }

    /// Tells a dead master from one that released, and both from one that is pre-empted.
    func causeOfTakingOver(at now: Instant) -> Cause {
        guard let heard = lastHeard else { return Cause(.masterDown) }
        let elapsed = now - heard.at
        if heard.priority == .releasing { return Cause(.masterReleased, peer: heard.address, elapsed: elapsed) }
        let rule: RuleID = heard.priority < priority && elapsed < masterDownInterval ? .preempted : .masterDown
        return Cause(rule, peer: heard.address, peerPriority: heard.priority, elapsed: elapsed)
    }
}
