import Primitives
import Supervision
import Testing

/// A supervisor whose shell cannot use bpf(2).
private struct Bench: KeeperBench {
    var supervisor: Supervisor
    var now = Instant(nanoseconds: 1_000_000_000)
    var effects: [SupervisorEffect] = []
    static let guards = GuardedAddresses(
        [.init(interface: InterfaceIndex(2), address: [192, 0, 2, 1], slot: 0)], number: 7)
    static let refusal = "BPF cannot be used here: EPERM"

    init() {
        supervisor = Supervisor(options: SupervisorOptions(program: "aloftd", arguments: []), pid: 1, at: now)
        supervisor.start(at: now, into: &effects)
        supervisor.workerStarted(pid: 2, at: now, into: &effects)
        supervisor.receive(
            .ready(WorkerSummary(instances: 1, groups: 0, adopted: false, text: "")), at: now, wallClock: 0,
            promise: now + .seconds(1), into: &effects)
        effects = []
        put(Self.guards)
    }

    /// The fence process runs, and has put its table up.
    static func ready() -> Bench {
        var bench = Bench()
        bench.supervisor.started(.fence, pid: 5)
        bench.says(.ready(WorkerSummary(instances: 0, groups: 0, adopted: false, text: "")))
        bench.says(.fenceStands(.timeouts, "", guards: 7))
        bench.effects = []
        return bench
    }

    mutating func put(_ guards: GuardedAddresses) {
        supervisor.guardByProcess(guards, because: Self.refusal, at: now, into: &effects)
    }
    mutating func says(_ message: WorkerMessage) {
        supervisor.receive(message, from: .fence, at: now, wallClock: 0, into: &effects)
    }
    mutating func ends(_ status: ProcessEnd) { supervisor.ended(.fence, status, at: now, into: &effects) }
    mutating func wait(_ duration: Duration) {
        now = now + duration
        supervisor.advance(to: now, into: &effects)
    }
    func logged(_ level: LogLevel, _ rule: RuleID) -> Bool {
        effects.contains { if case .log(level, rule, _) = $0 { true } else { false } }
    }
}

@Suite struct FenceKeeperTests {
    @Test("The process is started with the first list, and gets each that follows")
    func starts() {
        var bench = Bench()
        #expect(bench.take() == [.startHelper(.fence, .start), .sendHelper(.fence, .guards(Bench.guards))])
        let more = GuardedAddresses(Bench.guards.entries + Bench.guards.entries, number: 8)
        bench.put(more)
        #expect(bench.take() == [.sendHelper(.fence, .guards(more))])
    }

    @Test("supervision.fence.weak: what stands is told to the worker with its reason, and to people once")
    func weak() {
        var bench = Bench()
        _ = bench.take()
        bench.says(.fenceStands(.timeouts, "", guards: 7))
        #expect(bench.logged(.warning, SupervisionRule.fenceWeak))
        #expect(
            bench.take() == [.removeFencePrograms, .send(.fence(.timeouts, Bench.refusal)), .send(.guarded(7))])
        bench.says(.fenceStands(.timeouts, "", guards: 8))
        #expect(!bench.logged(.warning, SupervisionRule.fenceWeak))
        bench.says(.fenceStands(.lifetimes, "EOPNOTSUPP", guards: 9))
        #expect(bench.logged(.warning, SupervisionRule.fenceWeak))
        let why = Bench.refusal + "; EOPNOTSUPP"
        #expect(Array(bench.take().suffix(2)) == [.send(.fence(.lifetimes, why)), .send(.guarded(9))])
    }

    @Test("supervision.fence.lost: a table that somebody removed is lost until the process says that it stands again")
    func lost() {
        var bench = Bench.ready()
        bench.says(.fenceStands(.lost, "the table is gone", guards: 7))
        #expect(bench.logged(.error, SupervisionRule.fenceLost))
        #expect(bench.take().first == .send(.fence(.lost, "the table is gone")))
        bench.says(.fenceStands(.timeouts, "", guards: 7))
        #expect(bench.logged(.notice, SupervisionRule.fenceLost))
        #expect(bench.take().contains(.send(.fence(.timeouts, Bench.refusal))))
    }

    @Test("One that dies is a lost fence; its successor is started at once and told what to guard")
    func restart() {
        var bench = Bench.ready()
        bench.ends(.signalled(9))
        #expect(bench.logged(.error, SupervisionRule.fenceLost))
        #expect(bench.take() == [.send(.fence(.lost, "the fence process was ended by signal 9"))])
        bench.wait(.zero)
        #expect(bench.take() == [.startHelper(.fence, .start), .sendHelper(.fence, .guards(Bench.guards))])
        bench.says(.fenceStands(.timeouts, "", guards: 7))
        #expect(bench.logged(.notice, SupervisionRule.fenceLost))
    }

    @Test("One that does not come back: its table is taken off, and nothing but lifetimes is promised until it does")
    func absent() {
        var bench = Bench.ready()
        bench.ends(.signalled(9))
        bench.wait(.zero)
        bench.effects = []
        // A second time: it is not started again at once.
        bench.ends(.exited(1))
        let told = bench.take()
        #expect(told.first == .removeFenceTable)
        guard told.count == 3, case .send(.fence(.lifetimes, let why)) = told[1] else {
            Issue.record("\(told)")
            return
        }
        #expect(why.contains("exited with code 1") && why.contains(Bench.refusal), "\(why)")
        #expect(told[2] == .send(.guarded(7)))
        // Each list is answered meanwhile.
        let more = GuardedAddresses(Bench.guards.entries, number: 8)
        bench.put(more)
        let answer = bench.take()
        #expect(answer.last == .send(.guarded(8)), "\(answer)")
        bench.wait(.seconds(1))
        #expect(bench.take() == [.startHelper(.fence, .start), .sendHelper(.fence, .guards(more))])
        bench.says(.fenceStands(.timeouts, "", guards: 8))
        #expect(bench.take().contains(.send(.fence(.timeouts, Bench.refusal))))
    }

    @Test("When its table stands the kernel's programs go, which nobody would tell what is guarded no more")
    func programsGo() {
        var bench = Bench()
        _ = bench.take()
        bench.says(.fenceStands(.lifetimes, "EOPNOTSUPP", guards: 7))
        #expect(!bench.take().contains(.removeFencePrograms), "they are all there is")
        bench.says(.fenceStands(.timeouts, "", guards: 7))
        #expect(bench.take().first == .removeFencePrograms)
        bench.says(.fenceStands(.timeouts, "", guards: 8))
        #expect(!bench.take().contains(.removeFencePrograms))
    }

    @Test("supervision.fence.lost: a fight for the fence is told at once, and then once a second, with how often")
    func fight() {
        var bench = Bench.ready()
        for _ in 0..<35 {
            bench.says(.fenceStands(.lost, "somebody removed or changed it: gone", guards: 7))
            bench.says(.fenceStands(.timeouts, "", guards: 7))
            bench.wait(.milliseconds(100))
        }
        let lines = bench.effects.compactMap { effect -> String? in
            if case .log(_, SupervisionRule.fenceLost, let text) = effect { text } else { nil }
        }
        #expect(lines.count == 8, "\(lines)")
        #expect(lines.first == "the lease fence is lost: somebody removed or changed it: gone")
        #expect(lines[1] == "the lease fence stands again" && lines.last == lines[1])
        #expect(lines[4].hasSuffix("(10 times since it was said last)"), "\(lines)")
        // The worker hears each.
        #expect(bench.take().filter { $0 == .send(.fence(.timeouts, Bench.refusal)) }.count == 35)
    }

    @Test("A table that was lost within a second of the last word, and stays so, is told when the second is over")
    func lateLoss() {
        var losses = FenceLossLog()
        var now = Instant(nanoseconds: 5)
        var lines = losses.lost("a", at: now) + losses.stands(at: now)
        #expect(lines.map(\.level) == [.error, .notice])
        now = now + .milliseconds(500)
        lines = losses.lost("b", at: now)
        #expect(lines == [])
        now = now + .milliseconds(500)
        lines = losses.advance(to: now) + losses.advance(to: now + .seconds(9))
        #expect(lines.map(\.text) == ["b"])
        lines = losses.stands(at: now + .seconds(9))
        #expect(lines.map(\.level) == [.notice])
    }

    @Test("A table that cannot be changed is renewed and said to be lost, then taken off before lifetimes are all")
    func tries() {
        var tries = FenceTableTries()
        // None stands, as where the kernel has no nfnetlink.
        var steps = [tries.failed(stands: false), tries.failed(stands: false), tries.succeeded()]
        #expect(steps == [.say(.lifetimes), .say(.lifetimes), .say(.timeouts)])
        // The last but one: it could not be taken off.
        steps = (0..<3).map { _ in tries.failed(stands: true) } + [tries.succeeded(), tries.failed(stands: true)]
        #expect(steps == [.say(.lost), .remove, .remove, .say(.timeouts), .say(.lost)])
    }

    @Test("One that says nothing for ten seconds, or what is no message, is killed")
    func hung() {
        var bench = Bench.ready()
        for _ in 0..<21 { bench.wait(.milliseconds(500)) }
        #expect(bench.take() == [.signalHelper(.fence, .kill)])
        bench = Bench.ready()
        bench.supervisor.receiveGarbage(from: .fence, at: bench.now, into: &bench.effects)
        #expect(bench.take() == [.signalHelper(.fence, .kill)])
    }

    @Test("At a stop it goes last, when the worker and the hooks are through, and the daemon waits for it")
    func stop() {
        var bench = Bench.ready()
        bench.supervisor.receive(.stop, at: bench.now, into: &bench.effects)
        #expect(!bench.take().contains(.sendHelper(.fence, .stop)))
        bench.supervisor.receive(
            .stopped, at: bench.now, wallClock: 0, promise: bench.now, into: &bench.effects)
        bench.supervisor.workerEnded(.exited(0), at: bench.now, into: &bench.effects)
        let effects = bench.take()
        #expect(effects.contains(.sendHelper(.fence, .stop)) && !effects.contains(.exit(0)))
        bench.ends(.exited(0))
        #expect(bench.take().contains(.exit(0)))
    }

    @Test("One that does not stop is killed, and the daemon ends all the same")
    func stubborn() {
        var bench = Bench.ready()
        bench.supervisor.receive(.stop, at: bench.now, into: &bench.effects)
        bench.supervisor.receive(
            .stopped, at: bench.now, wallClock: 0, promise: bench.now, into: &bench.effects)
        bench.supervisor.workerEnded(.exited(0), at: bench.now, into: &bench.effects)
        for _ in 0..<12 { bench.wait(.milliseconds(500)) }
        let effects = bench.take()
        #expect(effects.contains(.signalHelper(.fence, .kill)) && effects.contains(.exit(0)))
    }

    @Test("Asked late, because a hook takes its time, it has its two seconds all the same; killed, the log says so")
    func lateStop() throws {
        var bench = Bench.ready()
        bench.supervisor.receive(
            .hook(HookRequest(key: "VI", state: "STOP", commands: [ScriptCommand(arguments: ["/bin/slow"])])),
            at: bench.now, wallClock: 0, promise: bench.now, into: &bench.effects)
        bench.supervisor.receive(.stop, at: bench.now, into: &bench.effects)
        bench.supervisor.receive(
            .stopped, at: bench.now, wallClock: 0, promise: bench.now, into: &bench.effects)
        bench.supervisor.workerEnded(.exited(0), at: bench.now, into: &bench.effects)
        let hook = try #require(
            bench.effects.lazy.compactMap { effect -> ProcessOwner? in
                if case .start(let owner, _, _) = effect { owner } else { nil }
            }.first)
        bench.wait(.milliseconds(2400))
        #expect(!bench.take().contains(.sendHelper(.fence, .stop)))
        bench.supervisor.processEnded(hook, status: .exited(0), at: bench.now, into: &bench.effects)
        #expect(bench.take().contains(.sendHelper(.fence, .stop)))
        for _ in 0..<19 { bench.wait(.milliseconds(100)) }
        let early = bench.take()
        #expect(!early.contains(.exit(0)) && !early.contains(.signalHelper(.fence, .kill)), "\(early)")
        bench.wait(.milliseconds(100))
        #expect(bench.logged(.error, SupervisionRule.fenceLost))
        let late = bench.take()
        #expect(late.contains(.exit(0)) && late.contains(.signalHelper(.fence, .kill)), "\(late)")
    }

    @Test("Where nothing is under a lease, what a former daemon left of a fence goes, once")
    func cleared() {
        var bench = Bench.ready()
        for needed in [false, true, false] {
            bench.supervisor.receive(
                .configure(SupervisorSettings(needsArbiter: needed)), at: bench.now, wallClock: 0, promise: bench.now,
                into: &bench.effects)
        }
        #expect(bench.take().filter { $0 == .clearFence }.count == 1)
        bench = Bench.ready()
        for needed in [true, false] {
            bench.supervisor.receive(
                .configure(SupervisorSettings(needsArbiter: needed)), at: bench.now, wallClock: 0, promise: bench.now,
                into: &bench.effects)
        }
        #expect(!bench.take().contains(.clearFence), "the worker says what is to be guarded, which is nothing")
    }

    @Test("Addresses whose connections are to end, or to stay, are passed on; what is no address is not")
    func connections() {
        var bench = Bench.ready()
        bench.supervisor.receive(
            .released([[192, 0, 2, 1], [1, 2]]), at: bench.now, wallClock: 0, promise: bench.now, into: &bench.effects)
        #expect(bench.take() == [.endConnections([IPAddress(networkOrder: [192, 0, 2, 1])].compactMap(\.self))])
        bench.supervisor.receive(
            .taken([[192, 0, 2, 1]]), at: bench.now, wallClock: 0, promise: bench.now, into: &bench.effects)
        #expect(bench.take() == [.keepConnections([IPAddress(networkOrder: [192, 0, 2, 1])].compactMap(\.self))])
    }
}
