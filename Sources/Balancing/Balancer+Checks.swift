import Configuration
import Health
import Primitives

/// Checkers: when they ask, and what their answers change.
extension Balancer {
    // MARK: - Slots

    /// A checker for a server. `passing` is what holds until it has answered.
    mutating func addCheck(_ check: HealthCheck, passing: Bool, service: Int, server: Int) -> Int {
        var check = check
        if bug.isPlanted(.retryIgnored) { check.retry = 0 }
        let slot = CheckSlot(
            check: check, schedule: CheckSchedule(check, isPassing: passing), service: service, server: server)
        if let free = freeSlots.popLast() {
            checks[free] = slot
            return free
        }
        checks.append(slot)
        return checks.count - 1
    }

    mutating func remove(slot: Int, into effects: inout [BalancerEffect]) {
        guard let check = checks[slot] else { return }
        if check.run != 0 { effects.append(.cancel(CheckID(slot: slot, run: check.run))) }
        deadlines.set(.check(slot), nil)
        checks[slot] = nil
        freeSlots.append(slot)
    }

    // MARK: - Running them

    mutating func startChecks(of service: Int, at now: Instant, into effects: inout [BalancerEffect]) {
        guard !services[service].isSuspended else { return }
        for server in services[service].servers.indices {
            for slot in services[service].servers[server].checks { startCheck(slot, at: now) }
        }
    }

    mutating func startCheck(_ slot: Int, at now: Instant) {
        guard let check = checks[slot]?.check, check.isTimed, checks[slot]?.schedule.phase == .suspended else { return }
        let share = UInt32(truncatingIfNeeded: random.next() >> 32)
        checks[slot]?.schedule.start(at: now, share: share)
        // Who is out waits for nothing but this: within a second, whatever the warm-up.
        if checks[slot]?.schedule.isPassing == false {
            checks[slot]?.schedule.hurry(at: now + .nanoseconds(Int64(share) * 1_000_000_000 >> 32))
        }
        deadlines.set(.check(slot), checks[slot]?.schedule.nextDeadline)
    }

    mutating func suspendChecks(of service: Int, into effects: inout [BalancerEffect]) {
        for server in services[service].servers.indices {
            for slot in services[service].servers[server].checks {
                if let run = checks[slot]?.run, run != 0 { effects.append(.cancel(CheckID(slot: slot, run: run))) }
                checks[slot]?.run = 0
                checks[slot]?.schedule.suspend()
                deadlines.set(.check(slot), nil)
            }
        }
    }

    mutating func runCheck(_ slot: Int, at now: Instant, into effects: inout [BalancerEffect]) {
        guard checks.indices.contains(slot), checks[slot]?.schedule.advance(to: now) == true, let check = checks[slot]
        else {
            deadlines.set(.check(slot), checks.indices.contains(slot) ? checks[slot]?.schedule.nextDeadline : nil)
            return
        }
        lastRun += 1
        checks[slot]?.run = lastRun
        effects.append(.check(CheckID(slot: slot, run: lastRun), check.check.probe))
    }

    // MARK: - Answers

    mutating func finish(
        _ id: CheckID, _ verdict: Verdict, at now: Instant, into effects: inout [BalancerEffect]
    ) {
        guard checks.indices.contains(id.slot), id.run != 0, checks[id.slot]?.run == id.run else { return }
        checks[id.slot]?.run = 0
        let turn = checks[id.slot]?.schedule.finish(verdict, at: now) ?? .unchanged
        deadlines.set(.check(id.slot), checks[id.slot]?.schedule.nextDeadline)
        if turn == .unasked { return noteObstacle(reason(verdict), of: id.slot, into: &effects) }
        if checks[id.slot]?.obstacle.isEmpty == false { checks[id.slot]?.obstacle = "" }
        // By far the most: nothing else is looked at.
        if turn == .unchanged, verdict == .success { return }
        apply(turn, verdict, of: id.slot, at: now, into: &effects)
    }

    /// A check's verdict may change its server's health, and its weight.
    func reason(_ verdict: Verdict) -> String {
        switch verdict {
        case .success: "it passed"
        case .weight(let weight): "it passed, with the weight \(weight)"
        case .failure(let reason), .inconclusive(let reason): reason
        }
    }

    /// Said once for as long as it lasts: what was known of the server stays.
    private mutating func noteObstacle(_ reason: String, of slot: Int, into effects: inout [BalancerEffect]) {
        guard let check = checks[slot], check.obstacle != reason else { return }
        checks[slot]?.obstacle = reason
        let state = check.schedule.isPassing ? "in" : "out"
        report(
            .warning, .checkUnasked,
            "\(fullName(check)) stays \(state), as \(check.check.keyword) says nothing: \(reason)",
            into: &effects)
    }

    mutating func apply(
        _ turn: CheckSchedule.Turn, _ verdict: Verdict, of slot: Int, at now: Instant,
        into effects: inout [BalancerEffect]
    ) {
        guard let check = checks[slot] else { return }
        let reason = "\(check.check.keyword): \(self.reason(verdict))"
        switch turn {
        case .unchanged, .unasked: updateWeight(of: check, at: now, into: &effects)
        case .forgiven(let left):
            guard check.check.logAllFailures else { return }
            let name = fullName(check)
            report(.info, .checkForgiven, "\(name): \(reason); \(left) more in a row take it out", into: &effects)
        case .failed: updateHealth(check, rule: .serverFailed, reason, at: now, into: &effects)
        case .recovered: updateHealth(check, rule: .serverRecovered, reason, at: now, into: &effects)
        }
    }

    private mutating func updateHealth(
        _ check: CheckSlot, rule: RuleID, _ reason: String, at now: Instant, into effects: inout [BalancerEffect]
    ) {
        let isUp = services[check.service].servers[check.server].checks.allSatisfy {
            checks[$0]?.schedule.isPassing ?? true
        }
        let server = services[check.service].servers[check.server]
        let passes = rule == .serverRecovered
        // As keepalived: one mail a checker, and with `no_checker_emails` only where the server changes with it.
        if server.settings.smtpAlert, isUp != server.isUp || !model.global.mail.omitsCheckers {
            effects.append(
                .alert(
                    BalancerAlert(
                        service: services[check.service].name,
                        event: .checker(server.name, keyword: check.check.keyword, isUp: passes, reason: reason))))
        }
        guard isUp != server.isUp else { return }
        services[check.service].servers[check.server].isUp = isUp
        services[check.service].servers[check.server].since = now
        let name = "\(server.name) of \(services[check.service].name)"
        let rising = isUp && server.settings.slowStart != nil
        services[check.service].servers[check.server].risingSince = rising ? now : nil
        services[check.service].servers[check.server].weight = currentWeight(check)
        updateTable(of: check.service, at: now, into: &effects)
        effects.append(
            .transition(
                BalancerTransition(
                    name: name, from: isUp ? "DOWN" : "UP", to: isUp ? "UP" : "DOWN", rule: rule, reason: reason)))
        let what = isUp ? "is back" : "is out"
        report(isUp ? .notice : .warning, rule, "\(name) \(what): \(reason)", into: &effects)
        notify(services[check.service].servers[check.server], of: services[check.service], isUp: isUp, into: &effects)
        updateQuorum(of: check.service, at: now, into: &effects)
    }

    private func fullName(_ check: CheckSlot) -> String {
        "\(services[check.service].servers[check.server].name) of \(services[check.service].name)"
    }

    // MARK: - Weight

    private mutating func updateWeight(of check: CheckSlot, at now: Instant, into effects: inout [BalancerEffect]) {
        let weight = currentWeight(check)
        guard weight != services[check.service].servers[check.server].weight else { return }
        services[check.service].servers[check.server].weight = weight
        updateTable(of: check.service, at: now, into: &effects)
        updateQuorum(of: check.service, at: now, into: &effects)
    }

    func currentWeight(_ check: CheckSlot) -> Int {
        weight(of: services[check.service].servers[check.server])
    }

    /// The configured weight and what each checker adds: a program that names a weight (`misc_dynamic`) the difference to the
    /// configured one, a tracked file its weighted value. Never negative.
    func weight(of server: ServerState) -> Int {
        var sum = server.settings.weight
        for slot in server.checks {
            guard let check = checks[slot] else { continue }
            if case .file(let name, let weight, let reverse) = check.check.probe {
                let file = model.trackFiles.first { $0.name == name }
                let factor = weight ?? file?.weight ?? 0
                let sign = weight != nil ? reverse : file?.reverse ?? false
                let (part, overflow) = (trackedFiles[name] ?? 0).multipliedReportingOverflow(
                    by: sign ? 0 - factor : factor)
                sum = sum.addingReportingOverflow(overflow ? 0 : part).partialValue
            } else if let weight = check.schedule.weight {
                sum = sum.addingReportingOverflow(weight - server.settings.weight).partialValue
            }
        }
        return min(max(sum, 0), 65_535)
    }

    // MARK: - Files and sessions

    /// A file without weight decides by being 0 or not; one with a weight only changes the server's.
    func verdict(ofFile name: String, weight: Int?) -> Verdict {
        let factor = weight ?? model.trackFiles.first { $0.name == name }?.weight ?? 0
        let value = trackedFiles[name] ?? 0
        return factor == 0 && value != 0 ? .failure("the file \(name) says \(value)") : .success
    }

    mutating func noteFile(_ name: String, value: Int, at now: Instant, into effects: inout [BalancerEffect]) {
        for slot in checks.indices {
            guard let check = checks[slot], case .file(name, let weight, _) = check.check.probe else { continue }
            let verdict = verdict(ofFile: name, weight: weight)
            let turn = checks[slot]?.schedule.note(verdict, at: now) ?? .unchanged
            apply(turn, verdict, of: slot, at: now, into: &effects)
        }
    }

    mutating func noteSession(_ name: String, isUp: Bool, at now: Instant, into effects: inout [BalancerEffect]) {
        for slot in checks.indices {
            guard let check = checks[slot], case .bfd(name) = check.check.probe else { continue }
            let verdict: Verdict = isUp ? .success : .failure("the BFD session \(name) is down")
            let turn = checks[slot]?.schedule.note(verdict, at: now) ?? .unchanged
            apply(turn, verdict, of: slot, at: now, into: &effects)
        }
    }

    func report(
        _ severity: BalancerReport.Severity, _ rule: RuleID, _ text: String, into effects: inout [BalancerEffect]
    ) {
        effects.append(.report(BalancerReport(severity: severity, rule: rule, text: text)))
    }
}
