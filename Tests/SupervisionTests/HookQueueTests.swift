import Primitives
import Supervision
import Testing

private func request(_ state: String, key: String = "INSTANCE VI_1", _ commands: String...) -> HookRequest {
    HookRequest(key: key, state: state, commands: commands.map { ScriptCommand(arguments: [$0]) })
}

/// Drives a queue as the shell would: remembers which token runs which command.
private struct Shell {
    var queue: HookQueue
    var now = Instant.zero
    var running: [(token: ProcessToken, command: String)] = []
    var started: [String] = []
    var ended: [String] = []
    var signals: [String] = []
    var logs: [String] = []

    init(parallel: Int = 32) { queue = HookQueue(parallel: parallel) }

    mutating func perform(_ step: (inout HookQueue, Instant, inout [HookQueue.Effect]) -> Void) {
        var effects: [HookQueue.Effect] = []
        step(&queue, now, &effects)
        for effect in effects {
            switch effect {
            case .start(let token, let command, _):
                running.append((token, command.text))
                started.append(command.text)
            case .signal(let token, let signal):
                let name = running.first { $0.token == token }?.command ?? "?"
                signals.append("\(signal == .kill ? "KILL" : "TERM") \(name)")
            case .log(_, let rule, _): logs.append(rule.description)
            }
        }
    }

    mutating func add(_ request: HookRequest) { perform { $0.enqueue(request, at: $1, into: &$2) } }

    mutating func end(_ command: String, _ status: ProcessEnd = .exited(0)) {
        guard let index = running.firstIndex(where: { $0.command == command }) else {
            Issue.record("\(command) does not run")
            return
        }
        let token = running.remove(at: index).token
        ended.append(command)
        perform { $0.ended(token, status: status, at: $1, into: &$2) }
    }

    mutating func wait(_ duration: Duration) {
        now = now + duration
        perform { $0.advance(to: $1, into: &$2) }
    }
}

@Suite struct HookQueueTests {
    @Test("NOTIFY-1: a successor's request runs only what its predecessor could not ask for any more")
    func unlessRun() {
        var shell = Shell()
        shell.add(request("BACKUP", "b"))
        shell.end("b")
        var again = request("BACKUP", "b")
        again.unlessRun = true
        shell.add(again)
        #expect(shell.started == ["b"])
        var lost = request("MASTER", "m")
        lost.unlessRun = true
        shell.add(lost)
        shell.add(lost)
        #expect(shell.started == ["b", "m"])
    }

    @Test func notifyStartsOnlyAfterNotifyMasterHasEnded() {
        var shell = Shell()
        shell.add(request("MASTER", "notify_master", "notify"))
        #expect(shell.started == ["notify_master"])
        shell.end("notify_master")
        #expect(shell.started == ["notify_master", "notify"])
        shell.end("notify")
        #expect(shell.queue.isIdle)
        #expect(shell.queue.completed == 2)
    }

    @Test func supersededStatesAreDroppedAndTheLastIsKept() {
        var shell = Shell()
        shell.add(request("MASTER", "m1", "n1"))
        shell.add(request("BACKUP", "b2", "n2"))
        shell.add(request("MASTER", "m3", "n3"))
        shell.add(request("FAULT", "f4", "n4"))
        #expect(shell.queue.superseded == 2)
        #expect(shell.logs == ["supervision.hook.superseded", "supervision.hook.superseded"])
        for command in ["m1", "n1", "f4", "n4"] { shell.end(command) }
        #expect(shell.started == ["m1", "n1", "f4", "n4"])
        #expect(shell.queue.isIdle)
    }

    /// NOTIFY-1, over random transitions, ends and failures.
    @Test(arguments: 0..<200 as Range<UInt64>) func theLastHookThatCompletedMatchesTheFinalState(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var shell = Shell(parallel: Int.random(in: 1...3, using: &random))
        let keys = ["INSTANCE a", "INSTANCE b", "GROUP g"]
        var final: [String: String] = [:]
        var step = 0
        for _ in 0..<60 {
            if Bool.random(using: &random) || shell.running.isEmpty {
                step += 1
                let key = keys[Int.random(in: 0..<keys.count, using: &random)]
                let state = ["MASTER", "BACKUP", "FAULT"][Int.random(in: 0..<3, using: &random)]
                final[key] = "\(key) \(step)"
                shell.add(request(state, key: key, "\(key) \(step) specific", "\(key) \(step)"))
            } else {
                let command = shell.running[Int.random(in: 0..<shell.running.count, using: &random)].command
                shell.end(command, Bool.random(using: &random) ? .exited(0) : .exited(1))
            }
            for key in keys { #expect(shell.running.count { $0.command.hasPrefix(key) } <= 1) }
        }
        while let command = shell.running.first?.command { shell.end(command) }
        #expect(shell.queue.isIdle)
        for key in keys {
            #expect(shell.ended.last { $0.hasPrefix(key) } == final[key])
            let order = shell.ended.filter { $0.hasPrefix(key) }
            #expect(order == shell.started.filter { $0.hasPrefix(key) })
        }
    }

    @Test func keysAreIndependentUpToTheBound() {
        var shell = Shell(parallel: 2)
        for name in ["a", "b", "c"] { shell.add(request("MASTER", key: name, name)) }
        #expect(shell.started == ["a", "b"])
        shell.end("b")
        #expect(shell.started == ["a", "b", "c"])
    }

    @Test func aHookAboveItsLimitIsTerminatedThenKilledAndTheNextRuns() {
        var shell = Shell()
        shell.add(request("MASTER", "slow", "next"))
        shell.wait(.milliseconds(29_999))
        #expect(shell.signals.isEmpty)
        shell.wait(.milliseconds(1))
        #expect(shell.signals == ["TERM slow"])
        #expect(shell.logs == ["supervision.hook.timeout"])
        shell.wait(.seconds(2))
        #expect(shell.signals == ["TERM slow", "KILL slow"])
        shell.end("slow", .signalled(9))
        #expect(shell.started == ["slow", "next"])
        #expect(shell.queue.failures == 1)
    }

    @Test func aFailedHookIsLoggedAndDoesNotKeepTheNextFromRunning() {
        var shell = Shell()
        shell.add(request("MASTER", "bad", "missing", "good"))
        shell.end("bad", .exited(3))
        let token = shell.running.removeFirst().token
        shell.perform { $0.failedToStart(token, "no such file", at: $1, into: &$2) }
        #expect(shell.logs == ["supervision.hook.failed", "supervision.hook.failed"])
        #expect(shell.started == ["bad", "missing", "good"])
    }

    @Test func atAStopHooksHaveASecond() {
        var shell = Shell()
        shell.add(request("MASTER", "slow"))
        shell.perform { queue, now, _ in queue.beginStop(at: now) }
        shell.add(request("STOP", "stop"))
        shell.wait(.seconds(1))
        shell.wait(.milliseconds(200))
        #expect(shell.signals == ["TERM slow", "KILL slow"])
        shell.end("slow", .signalled(9))
        #expect(shell.started == ["slow", "stop"])
        shell.wait(.seconds(1))
        #expect(shell.signals.last == "TERM stop")
    }

    @Test func aStateWithoutHooksSupersedesAnOlderOneThatWaits() {
        var shell = Shell()
        shell.add(request("MASTER", "m1"))
        shell.add(request("BACKUP", "b2"))
        shell.add(request("FAULT"))
        shell.end("m1")
        #expect(shell.started == ["m1"] && shell.queue.isIdle)
    }

    @Test func whatWaitsIsBounded() {
        var shell = Shell(parallel: 1)
        for number in 0..<(HookQueue.laneLimit + 10) { shell.add(request("MASTER", key: "k\(number)", "c")) }
        #expect(shell.queue.overflowed == 10)
        #expect(shell.logs == Array(repeating: "supervision.hook.overflow", count: 10))
        #expect(shell.queue.waitingCount == HookQueue.laneLimit - 1)
    }
}

@Suite struct CheckRunnerTests {
    private func check(_ id: UInt32, timeout: Duration = .seconds(5)) -> CheckRequest {
        CheckRequest(id: id, command: ScriptCommand(arguments: ["c\(id)"]), timeout: timeout)
    }

    private func withEffects(_ body: (inout [CheckRunner.Effect]) -> Void) -> [CheckRunner.Effect] {
        var effects: [CheckRunner.Effect] = []
        body(&effects)
        return effects
    }

    @Test func theResultIsReported() {
        var runner = CheckRunner()
        let started = withEffects { runner.start(check(7), at: .zero, into: &$0) }
        #expect(started == [.start(ProcessToken(1), check(7).command)])
        let ended = withEffects { runner.ended(ProcessToken(1), status: .exited(1), at: .zero, into: &$0) }
        #expect(ended == [.report(id: 7, .exited(1))])
        #expect(runner.runningCount == 0)
    }

    @Test func aTimeoutIsReportedAtOnceAndTheGroupIsEnded() {
        var runner = CheckRunner()
        _ = withEffects { runner.start(check(7), at: .zero, into: &$0) }
        #expect(runner.nextDeadline == Instant.zero + .seconds(5))
        let first = withEffects { runner.advance(to: .zero + .seconds(5), into: &$0) }
        #expect(first.first == .signal(ProcessToken(1), .terminate))
        #expect(first.contains(.log(.warning, SupervisionRule.checkTimeout, "tracked script 7 timed out")))
        #expect(first.last == .report(id: 7, .timedOut))
        let second = withEffects { runner.advance(to: .zero + .seconds(7), into: &$0) }
        #expect(second == [.signal(ProcessToken(1), .kill)])
        #expect(
            withEffects { runner.ended(ProcessToken(1), status: .signalled(9), at: .zero, into: &$0) }.isEmpty)
    }

    @Test func aScriptThatStillRunsIsNotStartedBesideItself() {
        var runner = CheckRunner()
        _ = withEffects { runner.start(check(7), at: .zero, into: &$0) }
        let again = withEffects { runner.start(check(7), at: .zero, into: &$0) }
        let text = "c7: still runs from the last time, this round is skipped"
        #expect(again == [.log(.notice, SupervisionRule.checkStillRunning, text), .report(id: 7, .stillRunning)])
        #expect(runner.runningCount == 1)
    }

    @Test("A script that timed out and is due again runs once the old process is gone, and never waits for ever")
    func aScriptThatHangsRunsAgain() {
        var runner = CheckRunner()
        _ = withEffects { runner.start(check(7), at: .zero, into: &$0) }
        let due = Instant.zero + .seconds(5)
        _ = withEffects { runner.advance(to: due, into: &$0) }
        #expect(withEffects { runner.start(check(7), at: due, into: &$0) }.isEmpty)
        let next = withEffects { runner.ended(ProcessToken(1), status: .signalled(15), at: due, into: &$0) }
        #expect(next == [.start(ProcessToken(2), check(7).command)])
        // One that cannot be killed times out again and again, instead of keeping the last verdict.
        var stuck = CheckRunner()
        _ = withEffects { stuck.start(check(7), at: .zero, into: &$0) }
        _ = withEffects { stuck.advance(to: due, into: &$0) }
        _ = withEffects { stuck.start(check(7), at: due, into: &$0) }
        let later = withEffects { stuck.advance(to: due + .seconds(5), into: &$0) }
        #expect(later.contains(.report(id: 7, .timedOut)))
        #expect(stuck.runningCount == 1)
    }

    @Test func aCancelledScriptIsEndedAndReportsNothing() {
        var runner = CheckRunner()
        _ = withEffects { runner.start(check(7), at: .zero, into: &$0) }
        let cancelled = withEffects { runner.cancel(7, at: .zero, into: &$0) }
        #expect(cancelled == [.signal(ProcessToken(1), .terminate)])
        // After a reload it may start again at once.
        let again = withEffects { runner.start(check(7), at: .zero, into: &$0) }
        #expect(again == [.start(ProcessToken(2), check(7).command)])
        #expect(withEffects { runner.ended(ProcessToken(1), status: .exited(0), at: .zero, into: &$0) }.isEmpty)
    }

    @Test func theScriptsOfADeadWorkerAreKilled() {
        var runner = CheckRunner(parallel: 2)
        for id in 1...5 as ClosedRange<UInt32> { _ = withEffects { runner.start(check(id), at: .zero, into: &$0) } }
        let effects = withEffects { runner.cancelAll(into: &$0) }
        #expect(effects == [.signal(ProcessToken(1), .kill), .signal(ProcessToken(2), .kill)])
        #expect(withEffects { runner.ended(ProcessToken(1), status: .exited(0), at: .zero, into: &$0) }.isEmpty)
    }

    @Test func aboveTheBoundScriptsWaitTheirTurn() {
        var runner = CheckRunner(parallel: 1)
        _ = withEffects { runner.start(check(1), at: .zero, into: &$0) }
        #expect(withEffects { runner.start(check(2), at: .zero, into: &$0) }.isEmpty)
        let next = withEffects { runner.ended(ProcessToken(1), status: .exited(0), at: .zero, into: &$0) }
        #expect(next == [.report(id: 1, .exited(0)), .start(ProcessToken(2), check(2).command)])
    }
}
