import Configuration
import Health
import Primitives
import Testing

@Suite struct CheckScheduleTests {
    static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: Int64(seconds * 1e9)) }

    static func check(
        interval: Double = 10, retry: UInt32 = 0, retryDelay: Double = 1, rise: UInt32 = 1, warmup: Double = 0
    )
        -> HealthCheck
    {
        var check = HealthCheck(.tcp(.init(.v4(IPv4Address(10, 0, 0, 1)), port: 80)))
        check.delayLoop = .seconds(interval)
        check.retry = retry
        check.delayBeforeRetry = .seconds(retryDelay)
        check.rise = rise
        check.warmup = .seconds(warmup)
        return check
    }

    /// Runs one check that takes `took` seconds, when it is due.
    func run(_ schedule: inout CheckSchedule, _ verdict: Verdict, took: Double = 0) -> (Instant, CheckSchedule.Turn) {
        let due = schedule.nextDeadline ?? .distantFuture
        let early = schedule.advance(to: due - .nanoseconds(1))
        let starts = schedule.advance(to: due)
        #expect(!early && starts)
        #expect(schedule.nextDeadline == nil, "two checks of one schedule overlap")
        return (due, schedule.finish(verdict, at: due + .seconds(took)))
    }

    /// Runs one check: when it is due, and what its answer changes; nil is not looked at.
    func expect(
        _ schedule: inout CheckSchedule, _ verdict: Verdict, took: Double = 0, _ due: Instant?,
        _ turn: CheckSchedule.Turn?,
        at line: SourceLocation = #_sourceLocation
    ) {
        let found = run(&schedule, verdict, took: took)
        if let due { #expect(found.0 == due, sourceLocation: line) }
        if let turn { #expect(found.1 == turn, sourceLocation: line) }
    }

    @Test("A check fails after its retries, not before, and they come at their own pace")
    func retries() {
        var schedule = CheckSchedule(Self.check(retry: 2), isPassing: true)
        schedule.start(at: .zero, share: 0)
        expect(&schedule, .success, Self.at(0), .unchanged)
        expect(&schedule, .failure("x"), took: 0.5, Self.at(10), .forgiven(left: 2))
        expect(&schedule, .failure("x"), took: 0.5, Self.at(11.5), .forgiven(left: 1))
        #expect(schedule.isPassing)
        expect(&schedule, .failure("x"), took: 0.5, Self.at(13), .failed)
        expect(&schedule, .failure("y"), Self.at(23), .unchanged)
        expect(&schedule, .success, Self.at(33), .recovered)
    }

    @Test("A success takes back what was counted")
    func glitch() {
        var schedule = CheckSchedule(Self.check(retry: 1), isPassing: true)
        schedule.start(at: .zero, share: 0)
        for _ in 0..<5 {
            expect(&schedule, .failure("x"), nil, .forgiven(left: 1))
            expect(&schedule, .success, nil, .unchanged)
        }
        #expect(schedule.isPassing)
    }

    @Test("A server that failed is back after as many successes in a row as rise says")
    func rise() {
        var schedule = CheckSchedule(Self.check(rise: 3), isPassing: false)
        schedule.start(at: .zero, share: 0)
        expect(&schedule, .success, nil, .unchanged)
        expect(&schedule, .success, nil, .unchanged)
        expect(&schedule, .failure("x"), nil, .unchanged)
        expect(&schedule, .success, nil, .unchanged)
        expect(&schedule, .success, nil, .unchanged)
        expect(&schedule, .success, nil, .recovered)
    }

    @Test("The rate is what was configured, however long the answers take")
    func rate() {
        var schedule = CheckSchedule(Self.check(interval: 1), isPassing: true)
        schedule.start(at: .zero, share: 0)
        for number in 0..<100 { expect(&schedule, .success, took: 0.9, Self.at(Double(number)), nil) }
        // One that takes longer is followed at once, and the rhythm begins anew.
        expect(&schedule, .success, took: 2.5, Self.at(100), nil)
        expect(&schedule, .success, Self.at(102.5), nil)
        expect(&schedule, .success, Self.at(103.5), nil)
    }

    @Test("First checks spread over the warm-up", arguments: [0, 1, 1 << 31, UInt32.max])
    func warmup(share: UInt32) {
        var schedule = CheckSchedule(Self.check(warmup: 60), isPassing: true)
        schedule.start(at: Self.at(5), share: share)
        let due = (schedule.nextDeadline ?? .zero) - Self.at(5)
        #expect(abs(due.nanoseconds - Int64(60e9 * Double(share) / 4294967296)) <= 1)
    }

    @Test("Nothing is asked while it is suspended, and what was known stays")
    func suspended() {
        var schedule = CheckSchedule(Self.check(), isPassing: true)
        schedule.start(at: .zero, share: 0)
        expect(&schedule, .failure("x"), nil, .failed)
        schedule.suspend()
        #expect(schedule.nextDeadline == nil)
        let starts = schedule.advance(to: Self.at(1000))
        let turn = schedule.finish(.success, at: Self.at(1000))
        #expect(!starts && turn == .unchanged)
        #expect(!schedule.isPassing)
    }

    @Test("A check that this host could not make changes nothing, and is made again at its time")
    func unasked() {
        var schedule = CheckSchedule(Self.check(interval: 2), isPassing: true)
        schedule.start(at: .zero, share: 0)
        for number in 0..<9 {
            expect(&schedule, .inconclusive("no descriptors"), Self.at(2 * Double(number)), .unasked)
        }
        #expect(schedule.isPassing && !schedule.hasAnswered && schedule.row == 0)
        expect(&schedule, .failure("x"), nil, .failed)
        expect(&schedule, .inconclusive("no descriptors"), nil, .unasked)
        #expect(!schedule.isPassing)
    }
}
