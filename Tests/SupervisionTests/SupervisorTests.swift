import Primitives
import Supervision
import Testing

/// A supervisor with its effects gathered.
private struct Bench {
    var supervisor: Supervisor
    var now = Instant(nanoseconds: 1_000_000_000)
    var effects: [SupervisorEffect] = []

    init(_ arguments: String..., program: String = "aloftd") {
        supervisor = Supervisor(
            options: SupervisorOptions(program: program, arguments: arguments), pid: 1, at: now)
        supervisor.start(at: now, into: &effects)
        supervisor.workerStarted(pid: 2, at: now, into: &effects)
    }

    static func ready(_ arguments: String..., program: String = "aloftd") -> Bench {
        var bench = Bench(program: program)
        bench.say(.configure(SupervisorSettings(advertInterval: .milliseconds(100))))
        bench.say(.ready(WorkerSummary(instances: 1, groups: 0, adopted: false, text: "1 instance")))
        bench.effects = []
        return bench
    }

    mutating func say(_ message: WorkerMessage) {
        supervisor.receive(
            message, at: now, wallClock: 1_000, promise: now + .milliseconds(100), into: &effects)
    }

    mutating func signal(_ signal: SupervisorSignal) { supervisor.receive(signal, at: now, into: &effects) }
    mutating func ask(_ request: ControlRequest, client: UInt32) {
        supervisor.receive(request, client: client, at: now, into: &effects)
    }
    mutating func end(_ status: ProcessEnd) { supervisor.workerEnded(status, at: now, into: &effects) }
    mutating func wait(_ duration: Duration) {
        now = now + duration
        supervisor.advance(to: now, into: &effects)
    }

    /// What happened since the last call, without the log.
    mutating func take() -> [SupervisorEffect] {
        defer { effects = [] }
        return effects.filter {
            if case .log = $0 { return false }
            return true
        }
    }
}

private let hook = ScriptCommand(arguments: ["/etc/notify"])

@Suite struct SupervisorTests {
    @Test func theFirstReadyReleasesWhoeverDetachedTheDaemon() {
        var bench = Bench()
        #expect(bench.take() == [.startWorker(.start)])
        bench.say(.ready(WorkerSummary(instances: 1, groups: 0, adopted: false, text: "up")))
        #expect(bench.take() == [.becomeReady, .notify(.ready(status: "up"))])
    }

    @Test func aWorkerThatDiesIsFollowedByOneThatAdopts() {
        var bench = Bench.ready()
        bench.end(.signalled(9))
        let text = "the worker was ended by signal 9 and is replaced (restart 1)"
        #expect(bench.effects.first == .log(.error, SupervisionRule.workerRestart, text))
        #expect(bench.take() == [.startWorker(.adopt)])
        bench.say(.ready(WorkerSummary(instances: 1, groups: 0, adopted: true, text: "up")))
        #expect(bench.take() == [.notify(.ready(status: "up"))])
    }

    @Test func aWorkerThatNeverGotReadyIsFollowedByOneThatStarts() {
        var bench = Bench()
        bench.effects = []
        bench.end(.signalled(11))
        #expect(bench.take() == [.startWorker(.start)])
    }

    @Test func aConfigurationErrorEndsTheDaemonWithItsCode() {
        var bench = Bench()
        bench.effects = []
        bench.end(.exited(2))
        #expect(bench.take() == [.notify(.stopping), .exit(2)])
    }

    @Test func afterThreeRestartsAHelperReleasesAndTheDaemonEnds() {
        var bench = Bench.ready()
        for _ in 0..<3 {
            bench.end(.signalled(9))
            #expect(bench.take() == [.startWorker(.adopt)])
            bench.now = bench.now + .seconds(1)
        }
        bench.end(.signalled(9))
        #expect(bench.take() == [.notify(.stopping), .startWorker(.release)])
        bench.say(.hook(HookRequest(key: "INSTANCE a", state: "STOP", commands: [hook])))
        bench.say(.stopped)
        #expect(bench.take() == [.start(.hook(ProcessToken(1)), hook, environment: [])])
        bench.end(.exited(0))
        #expect(bench.take().isEmpty)
        bench.supervisor.processEnded(
            .hook(ProcessToken(1)), status: .exited(0), at: bench.now, into: &bench.effects)
        #expect(bench.take() == [.exit(1)])
    }

    @Test func aStopReleasesRunsTheStopHooksAndEnds() {
        var bench = Bench.ready()
        bench.say(.startCheck(CheckRequest(id: 1, command: hook, timeout: .seconds(9))))
        #expect(bench.take() == [.start(.check(ProcessToken(1)), hook, environment: [])])
        bench.signal(.stop)
        #expect(bench.take() == [.notify(.stopping), .signal(.check(ProcessToken(1)), .kill), .send(.stop)])
        bench.signal(.stop)
        bench.say(.hook(HookRequest(key: "INSTANCE a", state: "STOP", commands: [hook])))
        bench.say(.stopped)
        bench.end(.exited(0))
        #expect(bench.take() == [.start(.hook(ProcessToken(1)), hook, environment: [])])
        bench.wait(.seconds(1))
        #expect(bench.take() == [.signal(.hook(ProcessToken(1)), .terminate)])
        bench.wait(.milliseconds(200))
        #expect(bench.take() == [.signal(.hook(ProcessToken(1)), .kill)])
        bench.supervisor.processEnded(
            .hook(ProcessToken(1)), status: .signalled(9), at: bench.now, into: &bench.effects)
        #expect(bench.take() == [.exit(0)])
    }

    @Test func aStopWithoutHooksEndsWithTheWorker() {
        var bench = Bench.ready()
        bench.signal(.stop)
        bench.say(.stopped)
        bench.effects = []
        bench.end(.exited(0))
        #expect(bench.take() == [.exit(0)])
    }

    @Test func aWorkerThatDoesNotReleaseIsKilledAndAHelperReleases() {
        var bench = Bench.ready()
        bench.signal(.stop)
        bench.effects = []
        bench.wait(.seconds(5))
        let text = "the worker did not release in time and is killed"
        #expect(bench.effects.first == .log(.error, SupervisionRule.stopTimeout, text))
        #expect(bench.take() == [.signalWorker(.kill)])
        bench.end(.signalled(9))
        #expect(bench.take() == [.startWorker(.release)])
        bench.wait(.seconds(5))
        #expect(bench.take() == [.signalWorker(.kill), .exit(0)])
    }

    @Test func aHungWorkerIsKilledOnceAndThenReplaced() {
        var bench = Bench.ready()
        let promise = bench.now + .milliseconds(100)
        let evidence = Watchdog.Evidence(runState: .stopped, processorTime: .zero)
        bench.now = bench.supervisor.nextWatchdogDeadline ?? .zero
        #expect(bench.now <= promise + .milliseconds(30))
        bench.supervisor.checkWorker(at: bench.now, promise: promise, evidence: evidence, into: &bench.effects)
        #expect(
            bench.effects.first
                == .log(
                    .error, SupervisionRule.workerStopped,
                    "the worker is hung: 0.03 s after it should have woken it is stopped"))
        #expect(bench.take() == [.signalWorker(.kill)])
        #expect(bench.supervisor.nextWatchdogDeadline == nil)
        bench.end(.signalled(9))
        #expect(bench.take() == [.startWorker(.adopt)])
    }

    @Test func aWorkerThatWasStoppedByItselfTakesTheDaemonWithIt() {
        var bench = Bench.ready()
        bench.say(.stopped)
        bench.end(.exited(0))
        #expect(bench.take() == [.notify(.stopping), .exit(0)])
    }

    @Test func reloadsThatComeDuringAReloadShareOneMore() {
        var bench = Bench.ready()
        bench.signal(.reload)
        #expect(bench.take() == [.notify(.reloading), .send(.reload)])
        bench.ask(.reload, client: 5)
        bench.ask(.reload, client: 6)
        #expect(bench.take().isEmpty)
        bench.say(.reloadFinished(accepted: true, "first"))
        #expect(bench.take() == [.notify(.ready(status: "first")), .notify(.reloading), .send(.reload)])
        bench.say(.reloadFinished(accepted: false, "line 3"))
        let answer = ControlAnswer.success("{\"accepted\":false,\"text\":\"line 3\"}".utf8)
        #expect(
            bench.take() == [
                .answer(client: 5, answer), .answer(client: 6, answer), .notify(.ready(status: "line 3")),
            ])
    }

    @Test func aReportOfManyLinesIsManyLinesOfTheLogAndOneOfTheStatus() {
        var bench = Bench.ready()
        bench.signal(.reload)
        bench.effects = []
        bench.say(.reloadFinished(accepted: false, "a.conf:1: no\n\nREADY=0"))
        #expect(
            bench.effects == [
                .log(.error, nil, "the reload is rejected: a.conf:1: no"), .log(.error, nil, "READY=0"),
                .notify(.ready(status: "a.conf:1: no")),
            ])
        bench.effects = []
        bench.say(.log(.info, "one\ntwo\n"))
        #expect(bench.effects == [.logWorker(.info, "one"), .logWorker(.info, "two")])
    }

    @Test func statusIsAnsweredEvenWhenTheWorkerIsNot() throws {
        var bench = Bench.ready()
        bench.ask(.status(instance: nil), client: 9)
        #expect(bench.take() == [.send(.query(request: 1, ControlRequest.status(instance: nil).payload))])
        bench.say(.answer(request: 1, Array("{\"a\":".utf8), isLast: false))
        bench.say(.answer(request: 1, Array("1}".utf8), isLast: true))
        var result = try answer(bench.take())
        #expect(result["worker"]?["a"] == .integer(1))
        bench.ask(.status(instance: nil), client: 9)
        bench.effects = []
        bench.wait(.seconds(2))
        result = try answer(bench.take())
        #expect(result["worker"] == .null)
        #expect(result["supervisor"]?["phase"] == .string("running"))
    }

    private func answer(_ effects: [SupervisorEffect]) throws -> JSONValue {
        guard case .answer(_, let bytes)? = effects.last else { throw Missing() }
        return try #require(JSONValue(bytes)?["result"])
    }
    private struct Missing: Error {}

    @Test func theHistoryOutlivesTheWorkerAndKnowsTheWallClock() throws {
        var bench = Bench.ready()
        bench.say(
            .transition(
                TransitionRecord(
                    name: "a", from: "BACKUP", to: "MASTER", rule: "r", reason: "x", priority: 1,
                    at: bench.now - .nanoseconds(400))))
        bench.end(.signalled(9))
        #expect(bench.supervisor.history.records(of: "a").map(\.wallClock) == [600])
    }

    @Test func aReaderThatEndsIsStartedAgainLessAndLessOften() {
        var bench = Bench.ready()
        let fifo = SupervisorSettings.FIFO(target: .vrrp, path: "/run/f", reader: hook)
        var settings = SupervisorSettings(fifos: [fifo])
        bench.say(.configure(settings))
        let start = SupervisorEffect.start(
            .fifoReader(.vrrp), ScriptCommand(arguments: ["/etc/notify", "/run/f"]), environment: [])
        #expect(bench.take() == [.openFIFOs([fifo]), start])
        bench.say(.configure(settings))
        #expect(bench.take().isEmpty)
        for delay in [1, 2, 4] {
            bench.supervisor.processEnded(
                .fifoReader(.vrrp), status: .exited(1), at: bench.now, into: &bench.effects)
            bench.wait(.milliseconds(delay * 1000 - 1))
            #expect(bench.take().isEmpty)
            bench.wait(.milliseconds(1))
            #expect(bench.take() == [start])
        }
        settings.fifos = []
        bench.say(.configure(settings))
        #expect(bench.take() == [.openFIFOs([]), .signal(.fifoReader(.vrrp), .terminate)])
    }

    @Test func aFullPipeIsSaidOnce() {
        var bench = Bench.ready()
        bench.supervisor.lineLost(path: "/run/f", into: &bench.effects)
        #expect(
            bench.effects == [
                .log(.warning, SupervisionRule.fifoLost, "/run/f is full: lines are lost until its reader goes on")
            ])
    }

    @Test func dumpsGoWhereTheConfigurationOrTheNameSays() {
        var bench = Bench.ready(program: "keepalived")
        bench.signal(.dump(.state))
        #expect(bench.take() == [.send(.dumpRequested(.state))])
        bench.say(.dump(.state, [65], isLast: false))
        bench.say(.dump(.state, [66], isLast: true))
        #expect(bench.take() == [.writeFile(path: "/tmp/keepalived.data", [65, 66])])
        bench.say(.configure(SupervisorSettings(statisticsPath: "/var/s")))
        bench.say(.dump(.statisticsClear, [67], isLast: true))
        #expect(bench.take() == [.writeFile(path: "/var/s", [67])])
        bench.say(.configure(SupervisorSettings(statisticsPath: "/var/d/")))
        bench.say(.dump(.statistics, [68], isLast: true))
        #expect(bench.take() == [.writeFile(path: "/var/d/keepalived.stats", [68])])
    }

    @Test func theConfigurationNamesTheSupervisorAndMasksItsFiles() {
        var bench = Bench.ready()
        bench.say(.configure(SupervisorSettings(umask: 0o77, processName: "left")))
        bench.say(.configure(SupervisorSettings(umask: 0o77, processName: "left")))
        bench.say(.configure(SupervisorSettings()))
        #expect(bench.take() == [.becomeKnown(as: "left", umask: 0o77), .becomeKnown(as: "", umask: nil)])
    }

    @Test func garbageFromTheWorkerMeansThatItIsReplaced() {
        var bench = Bench.ready()
        bench.supervisor.receiveGarbage(at: bench.now, into: &bench.effects)
        #expect(bench.take() == [.signalWorker(.kill)])
        bench.end(.signalled(9))
        #expect(bench.take() == [.startWorker(.adopt)])
    }

    @Test func theShutdownScriptRunsLast() {
        var bench = Bench.ready()
        bench.say(.configure(SupervisorSettings(shutdownScript: hook)))
        bench.signal(.stop)
        bench.say(.stopped)
        bench.effects = []
        bench.end(.exited(0))
        #expect(bench.take() == [.start(.shutdownScript, hook, environment: [])])
        bench.supervisor.processEnded(.shutdownScript, status: .exited(3), at: bench.now, into: &bench.effects)
        #expect(bench.take() == [.exit(0)])
    }
}
