import Primitives

/// The fence process's part of the supervisor. It runs where bpf(2) is not allowed, from when something is to be guarded on: renewing there is a call
/// of the kernel that may wait for a foreign commit, and neither the VRRP worker nor the supervisor may stand still for that.
///
/// When it dies the table goes on closing; what is renewed meanwhile is closed at its old end, so its end is a lost fence until its successor has put
/// the table up again.
extension Supervisor {
    /// The shell cannot guard these by itself. Answered to the worker by what the process says.
    public mutating func guardByProcess(
        _ guards: GuardedAddresses, because why: String, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        fenceGuards = guards
        fenceRefusal = why
        guard phase != .ended else { return }
        if fence.isRunning {
            effects.append(.sendHelper(.fence, .guards(guards)))
        } else if let restart = fence.restartAt {
            // One that comes at once is told this list.
            if restart > now { answerWithoutFence("it is started again soon", into: &effects) }
        } else {
            startFence(at: now, into: &effects)
        }
    }

    /// Nothing stands, and nobody is there to say so.
    private mutating func answerWithoutFence(_ why: String, into effects: inout [SupervisorEffect]) {
        fenceReport = .lifetimes
        effects.append(.send(.fence(.lifetimes, "\(fenceRefusal), and the fence process has ended: \(why)")))
        if let fenceGuards { effects.append(.send(.guarded(fenceGuards.number))) }
    }

    private mutating func startFence(at now: Instant, into effects: inout [SupervisorEffect]) {
        guard let fenceGuards else { return }
        fence.begin(at: now)
        effects.append(.startHelper(.fence, .start))
        effects.append(.sendHelper(.fence, .guards(fenceGuards)))
    }

    /// After the VRRP worker has taken its addresses off: the table goes as well, unless one of them is still there.
    mutating func stopFence(at now: Instant, into effects: inout [SupervisorEffect]) {
        fence.restartAt = nil
        guard fence.isRunning, fence.stopLimit == nil else { return }
        fence.stopLimit = now + Self.fenceStopLimit
        effects.append(.sendHelper(.fence, .stop))
    }

    mutating func fenceEnded(_ status: ProcessEnd, at now: Instant, into effects: inout [SupervisorEffect]) {
        guard fence.isRunning else { return }
        guard let line = fence.end(status, isWanted: phase == .running, at: now) else {
            return finishIfIdle(at: now, into: &effects)
        }
        guard let restart = fence.restartAt, restart > now else {
            log(fenceLosses.lost(line, isUrgent: true, at: now), into: &effects)
            fenceReport = .lost
            effects.append(.send(.fence(.lost, "the fence process \(status.text)")))
            return
        }
        // Its table would close what this node goes on holding, for as long as nobody renews.
        let more =
            "; until then its table is taken off, and a node that hangs is stopped by the lifetimes of its addresses only"
        log(fenceLosses.lost(line + more, isUrgent: true, at: now), into: &effects)
        effects.append(.removeFenceTable)
        answerWithoutFence("it \(status.text)", into: &effects)
    }

    func log(_ lines: [FenceLossLog.Line], into effects: inout [SupervisorEffect]) {
        for line in lines { effects.append(.log(line.level, SupervisionRule.fenceLost, line.text)) }
    }

    mutating func advanceFence(to now: Instant, into effects: inout [SupervisorEffect]) {
        log(fenceLosses.advance(to: now), into: &effects)
        while let due = fence.due(at: now) {
            switch due {
            case .restart:
                fence.restartAt = nil
                if phase == .running { startFence(at: now, into: &effects) }
            case .kill(let text): killFence(text, into: &effects)
            }
        }
    }

    mutating func killFence(_ text: String, into effects: inout [SupervisorEffect]) {
        guard fence.process?.isKilled == false else { return }
        fence.process?.isKilled = true
        effects.append(.log(.error, SupervisionRule.fenceLost, "the fence process \(text), and is killed"))
        effects.append(.signalHelper(.fence, .kill))
    }

    mutating func receiveFromFence(
        _ message: WorkerMessage, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        fence.process?.lastBeat = now
        switch message {
        case .ready:
            fence.process?.isReady = true
            fence.wasReady = true
        case .log(let level, let text):
            for line in Self.lines(text) { effects.append(.logHelper(.fence, level, line)) }
        case .fenceStands(let report, let text, let number):
            // Both stand now, and only one of them is told what is not guarded any more.
            if report == .timeouts, fenceReport != .timeouts { effects.append(.removeFencePrograms) }
            logFence(report, text, at: now, into: &effects)
            let why = report == .lost ? text : text.isEmpty ? fenceRefusal : "\(fenceRefusal); \(text)"
            effects.append(.send(.fence(report, why)))
            effects.append(.send(.guarded(number)))
        // What only the others say, and signs of life.
        default: break
        }
    }

    /// What is new about it.
    private mutating func logFence(
        _ report: FenceReport, _ text: String, at now: Instant, into effects: inout [SupervisorEffect]
    ) {
        defer { fenceReport = report }
        if report == .timeouts { log(fenceLosses.stands(at: now), into: &effects) }
        switch (report, fenceReport) {
        case (.lost, _): log(fenceLosses.lost("the lease fence is lost: \(text)", at: now), into: &effects)
        case (.timeouts, .lost?), (.timeouts, .timeouts?), (.lifetimes, .lifetimes?), (.kernel, _): break
        case (.timeouts, _):
            effects.append(
                .log(
                    .warning, SupervisionRule.fenceWeak,
                    "\(fenceRefusal); instead a table of nf_tables ends what a node that hangs serves, by timeouts that may start late"
                ))
        case (.lifetimes, _):
            effects.append(
                .log(
                    .warning, SupervisionRule.fenceWeak,
                    "\(fenceRefusal), and nf_tables cannot stand in: \(text); a node that hangs is not stopped from serving, but by the "
                        + "lifetimes of its addresses"))
        }
    }
}
