import Primitives
import Supervision
import Testing

/// A supervisor and a worker on one clock. The worker beats every `interval` unless something happens to it;
/// the supervisor looks when the watchdog says so, unless it is late itself.
private struct SimulatedPair {
    var interval: Duration
    var watchdog: Watchdog
    var now = Instant(nanoseconds: 1_000_000_000)
    var promise = Watchdog.noPromise
    var processorTime: Duration = .zero
    var runState = RunState.sleeping
    /// The worker does not come back to its loop before this.
    var workerStuckUntil = Instant.zero
    /// The supervisor does not run before this.
    var supervisorStuckUntil = Instant.zero
    /// Processor time the worker gets per second while it is stuck.
    var usage = 0.0
    var checks = 0

    init(interval: Duration) {
        self.interval = interval
        watchdog = Watchdog(startedAt: now, advertInterval: interval)
        promise = now + interval
        watchdog.noteReady(promise: promise, at: now)
    }

    /// Runs for `duration` in steps of a millisecond; when and why the worker was declared hung.
    mutating func run(_ duration: Duration) -> (at: Instant, rule: String)? {
        let end = now + duration
        while now < end {
            now = now + .milliseconds(1)
            if now >= workerStuckUntil {
                if now >= promise { promise = now + interval }
                runState = .sleeping
            } else {
                processorTime += .nanoseconds(Int64(usage * 1_000_000))
            }
            guard now >= supervisorStuckUntil, now >= watchdog.nextDeadline else { continue }
            checks += 1
            let evidence =
                watchdog.needsEvidence(promise: promise, at: now)
                ? Watchdog.Evidence(runState: runState, processorTime: processorTime) : nil
            if case .hung(let rule, _) = watchdog.check(at: now, promise: promise, evidence: evidence) {
                return (now, rule.description)
            }
        }
        return nil
    }

    mutating func stickWorker(_ state: RunState, for duration: Duration, usage: Double = 0) {
        runState = state
        workerStuckUntil = now + duration
        self.usage = usage
    }
}

@Suite struct WatchdogTests {
    @Test(arguments: [10, 100, 1000, 40_000]) func aHealthyWorkerIsLeftAlone(_ milliseconds: Int) {
        var pair = SimulatedPair(interval: .milliseconds(milliseconds))
        #expect(pair.run(.seconds(60)) == nil)
        // Looking costs less than three wake-ups for two beats.
        #expect(pair.checks <= 60 * 1000 / milliseconds * 3 / 2 + 7)
    }

    @Test(arguments: [
        (RunState.stopped, "supervision.worker.stopped"), (.sleeping, "supervision.worker.hung"),
    ])
    func aWorkerThatStandsStillIsFoundWithin1_3IntervalsAndAFewMilliseconds(_ state: RunState, _ rule: String) throws {
        var pair = SimulatedPair(interval: .milliseconds(100))
        _ = pair.run(.milliseconds(317))
        pair.stickWorker(state, for: .seconds(100))
        let start = pair.now
        let result = pair.run(.seconds(5))
        let hung = try #require(result)
        #expect(hung.at - start <= .milliseconds(138))
        #expect(hung.rule == rule)
    }

    @Test func aWorkerThatSpinsIsFoundByItsProcessorTime() throws {
        var pair = SimulatedPair(interval: .milliseconds(100))
        _ = pair.run(.milliseconds(317))
        pair.stickWorker(.running, for: .seconds(100), usage: 1)
        let start = pair.now
        let result = pair.run(.seconds(5))
        let hung = try #require(result)
        #expect(hung.at - start <= .milliseconds(200))
        #expect(hung.rule == "supervision.worker.spinning")
    }

    /// Other processes hold both cores: it is runnable and gets next to nothing.
    @Test func aStarvedWorkerGetsThreeIntervals() throws {
        var pair = SimulatedPair(interval: .milliseconds(100))
        _ = pair.run(.milliseconds(317))
        pair.stickWorker(.running, for: .milliseconds(290), usage: 0.01)
        #expect(pair.run(.seconds(5)) == nil)
        pair.stickWorker(.running, for: .seconds(100), usage: 0.01)
        let start = pair.now
        let result = pair.run(.seconds(5))
        let hung = try #require(result)
        #expect(hung.rule == "supervision.worker.starved")
        #expect(hung.at - start >= .milliseconds(300))
        #expect(hung.at - start <= .milliseconds(450))
    }

    @Test func aWorkerInAnUninterruptibleCallGetsThreeIntervals() throws {
        var pair = SimulatedPair(interval: .milliseconds(100))
        pair.stickWorker(.blocked, for: .milliseconds(290))
        #expect(pair.run(.seconds(1)) == nil)
        pair.stickWorker(.blocked, for: .seconds(100))
        let result = pair.run(.seconds(5))
        let hung = try #require(result)
        #expect(hung.rule == "supervision.worker.blocked")
    }

    @Test(arguments: [100, 1000]) func aSupervisorThatWasStoppedDoesNotRestartAHealthyWorker(_ milliseconds: Int) {
        for offset in stride(from: 0, to: 200, by: 7) {
            var pair = SimulatedPair(interval: .milliseconds(milliseconds))
            _ = pair.run(.milliseconds(1000 + offset))
            pair.supervisorStuckUntil = pair.now + .seconds(5)
            #expect(pair.run(.seconds(20)) == nil)
        }
    }

    /// The whole machine was paused, and the worker runs some milliseconds after the supervisor.
    @Test func aBeatMissedWhileTheSupervisorWasLateDoesNotCount() {
        for offset in stride(from: 0, to: 200, by: 7) {
            var pair = SimulatedPair(interval: .milliseconds(100))
            _ = pair.run(.milliseconds(1000 + offset))
            pair.supervisorStuckUntil = pair.now + .seconds(5)
            pair.stickWorker(.sleeping, for: .milliseconds(5020))
            #expect(pair.run(.seconds(20)) == nil)
        }
    }

    /// Late by 40 ms each time, for ever: the fourth late look at the latest counts.
    @Test func lastingLoadDoesNotPutTheWatchdogOutOfAction() throws {
        var watchdog = Watchdog(startedAt: .zero, advertInterval: .milliseconds(100))
        var now = Instant(nanoseconds: 1_000_000_000)
        let promise = now + .milliseconds(100)
        watchdog.noteReady(promise: promise, at: now)
        for look in 0..<8 {
            now = watchdog.nextDeadline + .milliseconds(40)
            let verdict = watchdog.check(
                at: now, promise: promise, evidence: .init(runState: .stopped, processorTime: .zero))
            if case .hung = verdict {
                #expect(look >= 1 && look <= 4)
                return
            }
        }
        Issue.record("the watchdog never concluded")
    }

    @Test func aWorkerThatNeverPromisesAnythingHasTenSeconds() {
        var watchdog = Watchdog(startedAt: .zero)
        #expect(watchdog.nextDeadline == Instant.zero + .seconds(10))
        let verdict = watchdog.check(at: watchdog.nextDeadline, promise: Watchdog.noPromise, evidence: nil)
        guard case .hung(let rule, _) = verdict else {
            Issue.record("not hung: \(verdict)")
            return
        }
        #expect(rule.description == "supervision.worker.start-timeout")
    }

    /// `ready` may be read before the worker's first promise is written.
    @Test func aWorkerThatIsStoppedRightAfterItGotReadyIsFound() {
        var watchdog = Watchdog(startedAt: .zero, advertInterval: .milliseconds(100))
        watchdog.noteReady(promise: Watchdog.noPromise, at: .zero)
        let first = watchdog.nextDeadline
        #expect(first == Instant.zero + .milliseconds(30))
        #expect(watchdog.check(at: first, promise: Watchdog.noPromise, evidence: nil) == .healthy)
        let promise = Instant.zero + .milliseconds(100)
        let second = watchdog.nextDeadline
        #expect(watchdog.check(at: second, promise: promise, evidence: nil) == .healthy)
        #expect(watchdog.nextDeadline == Instant.zero + .milliseconds(130))
    }

    @Test func aWorkerThatEndedIsNotCalledHung() {
        var watchdog = Watchdog(startedAt: .zero, advertInterval: .milliseconds(100))
        let promise = Instant(nanoseconds: 1_000_000)
        watchdog.noteReady(promise: promise, at: .zero)
        let now = watchdog.nextDeadline
        #expect(
            watchdog.check(at: now, promise: promise, evidence: .init(runState: .ended, processorTime: .zero))
                == .suspicious)
    }

    @Test func absurdPromisesAndIntervalsDoNotTrap() {
        var random = SplitMix64(seed: 3)
        var watchdog = Watchdog(startedAt: .zero)
        for _ in 0..<20_000 {
            let shift = UInt64.random(in: 0..<64, using: &random)
            let promise = Instant(nanoseconds: Int64(bitPattern: random.next()) >> shift)
            let now = Instant(nanoseconds: Int64(bitPattern: random.next()) >> shift)
            watchdog.update(advertInterval: .nanoseconds(Int64(bitPattern: random.next()) >> shift))
            watchdog.noteReady(promise: promise, at: now)
            _ = watchdog.needsEvidence(promise: promise, at: now)
            _ = watchdog.check(
                at: now, promise: promise, evidence: .init(runState: .running, processorTime: .seconds(1)))
        }
    }
}

@Suite struct RestartPolicyTests {
    @Test func aWorkerThatDiesIsReplacedAtOnce() {
        var policy = RestartPolicy()
        for second in 0..<100 {
            let decision = policy.workerEnded(
                .signalled(9), wasReady: true, advertInterval: .seconds(1),
                at: Instant(nanoseconds: Int64(second) * 4_000_000_000))
            #expect(decision == .respawn)
        }
        #expect(policy.restarts == 100)
    }

    @Test(arguments: [(100, 9), (1000, 9), (5000, 49)]) func threeRestartsInTheWindowEndInRelease(
        _ milliseconds: Int, _ seconds: Int
    ) {
        var policy = RestartPolicy()
        let interval = Duration.milliseconds(milliseconds)
        var decisions: [RestartPolicy.Decision] = []
        for step in 0..<4 {
            let at = Instant.zero + .milliseconds(seconds * 1000 * step / 3)
            decisions.append(policy.workerEnded(.signalled(11), wasReady: true, advertInterval: interval, at: at))
        }
        #expect(decisions[..<3] == [.respawn, .respawn, .respawn])
        #expect(decisions[3] == .release(thenExit: 1, SupervisionRule.workerGiveUp))
    }

    @Test(arguments: [2, 4] as [Int32]) func aPermanentCodeEndsTheDaemonWithIt(_ code: Int32) {
        var policy = RestartPolicy()
        #expect(
            policy.workerEnded(.exited(code), wasReady: false, advertInterval: .seconds(1), at: .zero)
                == .exit(code, SupervisionRule.workerPermanent))
        #expect(
            policy.workerEnded(.exited(code), wasReady: true, advertInterval: .seconds(1), at: .zero)
                == .release(thenExit: code, SupervisionRule.workerPermanent))
    }

    @Test func withoutRespawnTheFirstDeathReleases() {
        var policy = RestartPolicy(respawns: false)
        #expect(
            policy.workerEnded(.signalled(9), wasReady: true, advertInterval: .seconds(1), at: .zero)
                == .release(thenExit: 1, SupervisionRule.workerGiveUp))
    }
}
