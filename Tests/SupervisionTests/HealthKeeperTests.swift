import Primitives
import Supervision
import Testing

/// A supervisor whose configuration has virtual servers.
private struct Bench: KeeperBench {
    var supervisor: Supervisor
    var now = Instant(nanoseconds: 1_000_000_000)
    var effects: [SupervisorEffect] = []

    init() {
        supervisor = Supervisor(options: SupervisorOptions(program: "aloftd", arguments: []), pid: 1, at: now)
        supervisor.start(at: now, into: &effects)
        supervisor.workerStarted(pid: 2, at: now, into: &effects)
        say(.configure(SupervisorSettings(needsHealth: true)))
        say(.ready(WorkerSummary(instances: 1, groups: 0, adopted: false, text: "1 instance")))
        supervisor.started(.health, pid: 3)
    }

    /// The health worker of the first start is ready.
    static func ready() -> Bench {
        var bench = Bench()
        bench.healthSays(.ready(WorkerSummary(instances: 1, groups: 0, adopted: false, text: "1 service")))
        bench.effects = []
        return bench
    }

    mutating func healthSays(_ message: WorkerMessage) {
        supervisor.receive(message, from: .health, at: now, wallClock: 0, into: &effects)
    }
}

@Suite struct HealthKeeperTests {
    @Test("The health worker hears of the role of the instance that its sync daemon follows, and of no other")
    func role() {
        func become(_ name: String, _ state: String, _ bench: inout Bench) {
            bench.say(
                .transition(
                    TransitionRecord(
                        name: name, from: "INIT", to: state, rule: "r", reason: "", priority: 1, at: bench.now)))
        }
        func roles(_ effects: [SupervisorEffect]) -> [SupervisorMessage] {
            effects.compactMap {
                if case .sendHelper(.health, let message) = $0, case .role = message { message } else { nil }
            }
        }
        var bench = Bench.ready()
        become("A", "MASTER", &bench)
        #expect(roles(bench.take()).isEmpty)
        // A configuration that follows it comes later.
        bench.say(.configure(SupervisorSettings(needsHealth: true, followedInstance: "A")))
        #expect(roles(bench.take()) == [.role(instance: "A", state: "MASTER")])
        become("B", "MASTER", &bench)
        become("A", "FAULT", &bench)
        #expect(roles(bench.take()) == [.role(instance: "A", state: "FAULT")])
        // A successor is told at once, behind what it is to remember.
        bench.supervisor.ended(.health, .signalled(9), at: bench.now, into: &bench.effects)
        bench.wait(.seconds(1))
        let sent = bench.take().compactMap { if case .sendHelper(.health, let message) = $0 { message } else { nil } }
        #expect(sent == [.recall([]), .role(instance: "A", state: "FAULT")])
    }

    @Test("A health worker runs exactly where there are virtual servers")
    func wanted() {
        var bench = Bench()
        #expect(bench.take().contains(.startHelper(.health, .start)))
        bench.say(.configure(SupervisorSettings(needsHealth: false)))
        #expect(bench.take().contains(.sendHelper(.health, .stop)))
        bench.supervisor.ended(.health, .exited(0), at: bench.now, into: &bench.effects)
        bench.wait(.seconds(60))
        #expect(bench.take().isEmpty)
        bench.say(.configure(SupervisorSettings(needsHealth: true)))
        #expect(bench.take().contains(.startHelper(.health, .start)))
    }

    @Test(
        "supervision.health.restart: one that dies is followed by one that adopts and gets what was to be remembered; the VRRP worker is not touched"
    )
    func restart() {
        var bench = Bench.ready()
        bench.healthSays(.remember([1, 2, 3]))
        bench.supervisor.ended(.health, .signalled(9), at: bench.now, into: &bench.effects)
        bench.wait(.milliseconds(1))
        #expect(bench.take() == [.startHelper(.health, .adopt), .sendHelper(.health, .recall([1, 2, 3]))])
    }

    @Test("One that dies again and again is started with growing pauses, for ever, and the daemon goes on")
    func backOff() {
        var bench = Bench.ready()
        var starts: [Instant] = []
        for _ in 0..<8 {
            bench.supervisor.ended(.health, .signalled(11), at: bench.now, into: &bench.effects)
            while !bench.take().contains(.startHelper(.health, .adopt)) { bench.wait(.milliseconds(500)) }
            starts.append(bench.now)
        }
        let pauses = zip(starts, starts.dropFirst()).map { $1 - $0 }
        #expect(pauses == [1, 2, 4, 8, 16, 30, 30].map { .seconds($0) })
        #expect(bench.supervisor.phase == .running)
    }

    @Test("supervision.health.hung: one that says nothing for ten seconds is killed and replaced")
    func hung() {
        var bench = Bench.ready()
        for _ in 0..<20 {
            bench.wait(.seconds(1))
            bench.healthSays(.beat)
        }
        #expect(bench.take().isEmpty)
        bench.wait(.seconds(11))
        #expect(bench.take() == [.signalHelper(.health, .kill)])
        bench.supervisor.ended(.health, .signalled(9), at: bench.now, into: &bench.effects)
        bench.wait(.milliseconds(1))
        #expect(bench.take() == [.startHelper(.health, .adopt), .sendHelper(.health, .recall([]))])
    }

    @Test("A stop takes the addresses first, and the services then")
    func stop() {
        var bench = Bench.ready()
        bench.supervisor.receive(.stop, at: bench.now, into: &bench.effects)
        #expect(!bench.take().contains(.sendHelper(.health, .stop)))
        bench.say(.stopped)
        bench.supervisor.workerEnded(.exited(0), at: bench.now, into: &bench.effects)
        #expect(bench.take().contains(.sendHelper(.health, .stop)))
        bench.supervisor.ended(.health, .exited(0), at: bench.now, into: &bench.effects)
        #expect(bench.take().contains(.exit(0)))
    }

    @Test("A health worker that does not stop is killed, and the daemon ends all the same")
    func stubborn() {
        var bench = Bench.ready()
        bench.supervisor.receive(.stop, at: bench.now, into: &bench.effects)
        bench.say(.stopped)
        bench.supervisor.workerEnded(.exited(0), at: bench.now, into: &bench.effects)
        bench.effects = []
        // A table of 10,000 services takes its time.
        bench.wait(.seconds(4))
        #expect(bench.take().isEmpty)
        bench.wait(.seconds(2))
        let effects = bench.take()
        #expect(effects.contains(.signalHelper(.health, .kill)))
        #expect(effects.contains(.exit(0)))
    }

    @Test("status has a part of each worker, and waits for none that does not answer")
    func status() throws {
        var bench = Bench.ready()
        bench.supervisor.receive(ControlRequest.status(instance: nil), client: 7, at: bench.now, into: &bench.effects)
        bench.say(.answer(request: 1, Array(#"{"instances":[]}"#.utf8), isLast: true))
        #expect(!bench.effects.contains { if case .answer = $0 { true } else { false } })
        bench.wait(.seconds(2))
        let answer = try #require(bench.answer)
        #expect(answer["result"]?["worker"]?["instances"] == .array([]))
        #expect(answer["result"]?["health"] == .null)
    }

    @Test("drain goes to the health worker alone, and is refused where there is none")
    func drain() throws {
        var bench = Bench.ready()
        let request = ControlRequest.drain(server: "10.0.0.1", service: nil, milliseconds: 5000)
        bench.supervisor.receive(request, client: 7, at: bench.now, into: &bench.effects)
        #expect(bench.take() == [.sendHelper(.health, .query(request: 1, request.payload))])
        bench.healthSays(.answer(request: 1, Array(#"{"servers":[]}"#.utf8), isLast: true))
        #expect(try #require(bench.answer)["result"]?["servers"] == .array([]))
        bench.effects = []
        bench.supervisor.ended(.health, .signalled(9), at: bench.now, into: &bench.effects)
        bench.supervisor.receive(request, client: 7, at: bench.now, into: &bench.effects)
        #expect(try #require(bench.answer)["ok"]?.bool == false)
    }

    @Test("An accepted reload is passed on, a rejected one is not")
    func reload() {
        var bench = Bench.ready()
        for accepted in [false, true] {
            bench.supervisor.receive(.reload, at: bench.now, into: &bench.effects)
            bench.effects = []
            bench.say(.reloadFinished(accepted: accepted, ""))
            #expect(bench.take().contains(.sendHelper(.health, .reload)) == accepted)
        }
    }
}

extension Bench {
    /// The last answer to a client.
    fileprivate var answer: JSONValue? {
        for effect in effects.reversed() { if case .answer(_, let bytes) = effect { return JSONValue(bytes) } }
        return nil
    }
}
