import Primitives
import Supervision
import Testing

/// A supervisor whose configuration names an arbiter.
private struct Bench: KeeperBench {
    var supervisor: Supervisor
    var now = Instant(nanoseconds: 1_000_000_000)
    var effects: [SupervisorEffect] = []

    init() {
        supervisor = Supervisor(options: SupervisorOptions(program: "aloftd", arguments: []), pid: 1, at: now)
        supervisor.start(at: now, into: &effects)
        supervisor.workerStarted(pid: 2, at: now, into: &effects)
        say(.configure(SupervisorSettings(needsArbiter: true)))
        say(.ready(WorkerSummary(instances: 1, groups: 0, adopted: false, text: "1 instance")))
        supervisor.started(.arbiter, pid: 3)
    }

    /// The arbiter worker of the first start is ready.
    static func ready() -> Bench {
        var bench = Bench()
        bench.arbiterSays(.ready(WorkerSummary(instances: 0, groups: 0, adopted: false, text: "arbiters: third")))
        bench.effects = []
        return bench
    }

    mutating func arbiterSays(_ message: WorkerMessage) {
        supervisor.receive(message, from: .arbiter, at: now, wallClock: 0, into: &effects)
    }
    mutating func arbiterEnds(_ status: ProcessEnd) { supervisor.ended(.arbiter, status, at: now, into: &effects) }
    func logged(_ rule: RuleID) -> Bool {
        effects.contains { if case .log(.error, rule, _) = $0 { true } else { false } }
    }
    /// The daemon is asked to stop, and the VRRP worker has.
    mutating func stop() {
        supervisor.receive(.stop, at: now, into: &effects)
        say(.stopped)
        supervisor.workerEnded(.exited(0), at: now, into: &effects)
    }
}

@Suite struct ArbiterKeeperTests {
    @Test("An arbiter worker runs exactly where the configuration names an arbiter")
    func wanted() {
        var bench = Bench()
        #expect(bench.take().contains(.startHelper(.arbiter, .start)))
        bench.say(.configure(SupervisorSettings(needsArbiter: false)))
        #expect(bench.take().contains(.sendHelper(.arbiter, .stop)))
        bench.arbiterEnds(.exited(0))
        bench.wait(.seconds(60))
        #expect(bench.take() == [])
        bench.say(.configure(SupervisorSettings(needsArbiter: true)))
        #expect(bench.take().contains(.startHelper(.arbiter, .start)))
    }

    @Test("What only the VRRP worker says is nothing when it comes from the arbiter worker")
    func speaksOutOfTurn() {
        var bench = Bench.ready()
        bench.arbiterSays(.guards(GuardedAddresses([])))
        bench.arbiterSays(.stopped)
        #expect(bench.take() == [])
        #expect(bench.supervisor.phase == .running)
    }

    @Test("What the fence is to guard is asked of the shell")
    func guards() {
        var bench = Bench.ready()
        let guards = GuardedAddresses([.init(interface: InterfaceIndex(2), address: [192, 0, 2, 1], slot: 3)])
        bench.say(.guards(guards))
        #expect(bench.take() == [.guardAddresses(guards)])
    }

    @Test("supervision.arbiter.restart: one that dies is started again at once, and the VRRP worker is not touched")
    func restart() {
        var bench = Bench.ready()
        bench.arbiterEnds(.signalled(11))
        #expect(bench.logged(SupervisionRule.arbiterRestart))
        bench.wait(.milliseconds(1))
        #expect(bench.take() == [.startHelper(.arbiter, .start)])
    }

    @Test("One that dies again and again is started with growing pauses, for ever, and the daemon goes on")
    func backOff() {
        var bench = Bench.ready()
        var starts: [Instant] = []
        for _ in 0..<8 {
            bench.arbiterEnds(.exited(1))
            while !bench.take().contains(.startHelper(.arbiter, .start)) { bench.wait(.milliseconds(500)) }
            starts.append(bench.now)
        }
        let pauses = zip(starts, starts.dropFirst()).map { $1 - $0 }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
        #expect(bench.supervisor.phase == .running)
    }

    @Test("One that cannot even be started is tried again like one that died")
    func unstartable() {
        var bench = Bench()
        bench.effects = []
        bench.supervisor.failedToStart(.arbiter, "no such file", at: bench.now, into: &bench.effects)
        #expect(bench.logged(SupervisionRule.arbiterRestart))
        bench.wait(.milliseconds(1))
        #expect(bench.take() == [.startHelper(.arbiter, .start)])
    }

    @Test("supervision.arbiter.hung: one that says nothing for ten seconds is killed, and replaced when it is gone")
    func hung() {
        var bench = Bench.ready()
        for _ in 0..<20 {
            bench.wait(.seconds(1))
            bench.arbiterSays(.beat)
        }
        #expect(bench.take() == [])
        bench.wait(.milliseconds(9_500))
        #expect(bench.take() == [])
        bench.wait(.milliseconds(500))
        #expect(bench.logged(SupervisionRule.arbiterHung))
        #expect(bench.take() == [.signalHelper(.arbiter, .kill)])
        bench.arbiterEnds(.signalled(9))
        bench.wait(.milliseconds(1))
        #expect(bench.take() == [.startHelper(.arbiter, .start)])
    }

    @Test("A look that comes late itself proves nothing: a machine that was paused kills nobody")
    func paused() {
        var bench = Bench.ready()
        bench.now = bench.now + .seconds(60)
        bench.supervisor.advance(to: bench.now, into: &bench.effects)
        #expect(bench.take() == [])
    }

    @Test("One that sends what is no message is killed, once")
    func garbage() {
        var bench = Bench.ready()
        for _ in 0..<3 { bench.supervisor.receiveGarbage(from: .arbiter, at: bench.now, into: &bench.effects) }
        #expect(bench.logged(SupervisionRule.arbiterHung))
        #expect(bench.take() == [.signalHelper(.arbiter, .kill)])
    }

    @Test("At a stop it stays until the VRRP worker has said its last")
    func stop() {
        var bench = Bench.ready()
        bench.supervisor.receive(.stop, at: bench.now, into: &bench.effects)
        #expect(!bench.take().contains(.sendHelper(.arbiter, .stop)))
        bench.say(.stopped)
        bench.supervisor.workerEnded(.exited(0), at: bench.now, into: &bench.effects)
        let effects = bench.take()
        #expect(effects.contains(.sendHelper(.arbiter, .stop)))
        #expect(!effects.contains(.exit(0)))
        bench.arbiterEnds(.exited(0))
        #expect(bench.take().contains(.exit(0)))
    }

    @Test("One that does not stop within a second is killed, and the daemon ends all the same")
    func stubborn() {
        var bench = Bench.ready()
        bench.stop()
        bench.effects = []
        bench.wait(.milliseconds(500))
        #expect(bench.take() == [])
        bench.wait(.milliseconds(500))
        #expect(bench.take() == [.signalHelper(.arbiter, .kill)])
        bench.arbiterEnds(.signalled(9))
        #expect(bench.take().contains(.exit(0)))
        bench.wait(.seconds(60))
        #expect(bench.take() == [], "it is not started again")
    }

    @Test("An accepted reload is passed on, a rejected one is not")
    func reload() {
        var bench = Bench.ready()
        for accepted in [false, true] {
            bench.supervisor.receive(.reload, at: bench.now, into: &bench.effects)
            bench.effects = []
            bench.say(.reloadFinished(accepted: accepted, ""))
            #expect(bench.take().contains(.sendHelper(.arbiter, .reload)) == accepted)
        }
    }
}
