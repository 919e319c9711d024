import Primitives
import Supervision
import Testing

/// A supervisor whose workers have something to tell.
private struct Bench: KeeperBench {
    var supervisor: Supervisor
    var now = Instant(nanoseconds: 1_000_000_000)
    var effects: [SupervisorEffect] = []

    init() {
        supervisor = Supervisor(options: SupervisorOptions(program: "aloftd", arguments: []), pid: 1, at: now)
        supervisor.start(at: now, into: &effects)
        supervisor.workerStarted(pid: 2, at: now, into: &effects)
        say(.configure(SupervisorSettings()))
        say(.ready(WorkerSummary(instances: 1, groups: 0, adopted: false, text: "1 instance")))
        effects = []
    }

    static func order(_ title: String, subject: String = "", state: String = "") -> MailOrder {
        MailOrder(
            subject: subject, state: state, host: "mail.example.com", recipients: ["ops@example.com"], title: title,
            text: "=> \(title) <=\n", date: 0)
    }

    mutating func order(_ title: String, subject: String = "", state: String = "") {
        say(.mail(Self.order(title, subject: subject, state: state)))
    }
    mutating func mailSays(_ message: WorkerMessage) {
        supervisor.receive(message, from: .mail, at: now, wallClock: 0, into: &effects)
    }
    mutating func mailEnds(_ status: ProcessEnd) { supervisor.ended(.mail, status, at: now, into: &effects) }
    mutating func take() -> [SupervisorEffect] {
        defer { effects = [] }
        return effects
    }
    mutating func takeMail() -> [String] {
        take().compactMap {
            switch $0 {
            case .startHelper(.mail, .start): "start"
            case .sendHelper(.mail, .mail(let order)): order.title
            case .sendHelper(.mail, .stop): "stop"
            case .signalHelper(.mail, .kill): "kill"
            case .log(_, SupervisionRule.mailLost?, let text): "lost: " + text
            case .exit: "exit"
            default: nil
            }
        }
    }
    /// The daemon is asked to stop, and the worker does.
    mutating func stop() {
        supervisor.receive(.stop, at: now, into: &effects)
        say(.stopped)
        supervisor.workerEnded(.exited(0), at: now, into: &effects)
    }
}

@Suite struct MailKeeperTests {
    @Test("The mail process is started for the first mail, and stopped when there were none for a minute")
    func life() {
        var bench = Bench()
        #expect(bench.supervisor.nextDeadline == nil)
        bench.order("one")
        bench.order("two")
        #expect(bench.takeMail() == ["start", "one", "two"])
        bench.mailSays(.mailsSettled(delivered: 1, lost: 0))
        bench.wait(.seconds(100))
        #expect(bench.takeMail() == [])
        bench.mailSays(.mailsSettled(delivered: 1, lost: 0))
        bench.wait(.seconds(59))
        #expect(bench.takeMail() == [])
        bench.wait(.seconds(2))
        #expect(bench.takeMail() == ["stop"])
        // What comes while it leaves is for its successor.
        bench.order("three")
        #expect(bench.takeMail() == [])
        bench.mailEnds(.exited(0))
        #expect(bench.takeMail() == ["start", "three"])
    }

    @Test("An instance's state is told once, whatever happens to those who tell it")
    func once() {
        var bench = Bench()
        for state in ["BACKUP", "MASTER", "MASTER", "BACKUP"] {
            bench.order(state, subject: "INSTANCE A", state: state)
            bench.order("B " + state, subject: "INSTANCE B", state: "FAULT")
        }
        #expect(bench.takeMail() == ["start", "BACKUP", "B BACKUP", "MASTER", "BACKUP"])
        // Servers and their checkers are told of always.
        for _ in 0..<2 { bench.order("DOWN") }
        #expect(bench.takeMail() == ["DOWN", "DOWN"])
    }

    @Test("A mail process that dies loses what it had, which is said, and has a successor, later each time")
    func crash() {
        var bench = Bench()
        bench.order("one")
        bench.order("two")
        bench.mailEnds(.signalled(11))
        #expect(bench.takeMail().last?.hasSuffix("; 2 alert mails are lost") == true)
        bench.order("three")
        #expect(bench.takeMail() == ["start", "three"])
        bench.supervisor.failedToStart(.mail, "no such file", at: bench.now, into: &bench.effects)
        #expect(bench.takeMail().last?.hasSuffix("; an alert mail is lost") == true)
        bench.order("four")
        #expect(bench.takeMail() == [])
        bench.wait(.seconds(1))
        #expect(bench.takeMail() == ["start", "four"])
    }

    @Test("A mail process that says nothing any more is killed; one that waits for its server is not")
    func hung() {
        var bench = Bench()
        bench.order("one")
        for _ in 0..<30 {
            bench.wait(.seconds(10))
            bench.mailSays(.beat)
        }
        #expect(bench.takeMail() == ["start", "one"])
        bench.wait(.seconds(119))
        #expect(bench.takeMail() == [])
        bench.wait(.seconds(2))
        #expect(bench.takeMail().last == "kill")
        bench.order("two")
        #expect(bench.takeMail() == [])
        bench.mailEnds(.signalled(9))
        #expect(bench.takeMail().suffix(2) == ["start", "two"])
    }

    @Test("What a mail process that hangs does not take is bounded, and said once") func bounded() {
        var bench = Bench()
        for number in 0..<600 { bench.order("\(number)") }
        let done = bench.takeMail()
        #expect(done.filter { $0.hasPrefix("lost") }.count == 1)
        #expect(done.count == 1 + 512 + 1)
        bench.mailSays(.mailsSettled(delivered: 512, lost: 0))
        bench.order("more")
        #expect(bench.takeMail() == ["more"])
    }

    @Test("The stop waits a second for mails on their way, and not for a process that has none") func stop() {
        var bench = Bench()
        bench.order("one")
        bench.mailSays(.mailsSettled(delivered: 1, lost: 0))
        _ = bench.takeMail()
        bench.stop()
        #expect(bench.takeMail() == ["kill", "exit"])

        bench = Bench()
        bench.order("one")
        bench.stop()
        #expect(bench.takeMail() == ["start", "one"])
        bench.mailSays(.mailsSettled(delivered: 1, lost: 0))
        #expect(bench.takeMail() == ["kill", "exit"])

        bench = Bench()
        bench.order("one")
        bench.stop()
        bench.wait(.milliseconds(500))
        #expect(!bench.takeMail().contains("exit"))
        bench.wait(.milliseconds(500))
        let end = bench.takeMail()
        #expect(
            end.first?.hasPrefix("lost: the daemon stops") == true && end.dropFirst() == ["kill", "exit"], "\(end)")
    }
}
