import Arbitration
import Corosync
import LinuxWorld
import Primitives

// One node that wants one lease of a Corosync cluster, for the tests: says on standard output when it holds, by boot time. It also
// asks about another lease a hundred times a second, as a node with many would.
// usage: corosync-holder CLUSTER MEMORY NAME MILLISECONDS

struct Usage: Error {}

func say(_ text: String) {
    let line = Array("\(BootClock.now().nanoseconds) \(text)\n".utf8)
    let output = FileDescriptor(owning: 1)
    _ = try? output.write(line.span.bytes)
    _ = output.release()
}

func incarnation() throws(SystemError) -> Incarnation {
    // A process id and the time it began: no two lives on this machine have both.
    Incarnation(UInt64(bitPattern: BootClock.now().nanoseconds) << 22 ^ UInt64(ThisProcess.pid))
}

let arguments = CommandLine.arguments
guard arguments.count == 5, let settings = CorosyncSettings(cluster: arguments[1], memoryPath: arguments[2]),
    let name = HolderName(arguments[3]), let milliseconds = Int64(arguments[4]), let lease = LeaseName("test/group"),
    let other = LeaseName("test/other")
else { throw Usage() }

let client = try CorosyncClient(settings)
var poller = try Poller()
try client.watch(by: poller, token: 1)
var machine = LeaseMachine(
    holder: name, incarnation: try incarnation(), terms: try LeaseTerms(duration: .milliseconds(milliseconds)))
var effects: [LeaseEffect] = []
machine.update(wants: true, at: BootClock.now(), into: &effects)
machine.start(at: BootClock.now(), into: &effects)
var standing = ""
var nextQuestion = BootClock.now()
var asked: UInt64 = 0
var answered: [Duration] = []
var askedAt = BootClock.now()

while true {
    let began = BootClock.now()
    client.turn(at: BootClock.now())
    // Answers come of questions, and questions of answers.
    while true {
        var questions: [LeaseQuestion] = []
        for effect in effects {
            switch effect {
            case .read(let request): questions.append(LeaseQuestion(lease: lease, request: request, kind: .read))
            case .write(let request, let record, let replaced):
                questions.append(
                    LeaseQuestion(lease: lease, request: request, kind: .write(record, replacing: replaced)))
            case .mayHold(let until, let epoch): say("hold \(until.nanoseconds) \(epoch)")
            case .mustNotHold(let loss): say("lost \(loss.rule)")
            }
        }
        effects = []
        if BootClock.now() >= nextQuestion {
            asked += 1
            askedAt = BootClock.now()
            nextQuestion = askedAt + .milliseconds(10)
            questions.append(LeaseQuestion(lease: other, request: asked, kind: .read))
        }
        if !questions.isEmpty { client.ask(questions, at: BootClock.now()) }
        for report in client.takeReports() {
            guard case .answer(let request, let answer) = report.kind else { continue }
            if report.lease == other {
                if request == asked, answer != .ambiguous { answered.append(BootClock.now() - askedAt) }
                continue
            }
            machine.receive(answer, to: request, at: BootClock.now(), into: &effects)
        }
        if let deadline = machine.nextDeadline, deadline <= BootClock.now() {
            machine.advance(to: BootClock.now(), into: &effects)
        }
        if effects.isEmpty { break }
    }
    for note in client.takeNotes() { say("note \(note)") }
    let now: String
    switch client.standing {
    case .answering: now = "ready"
    case .connecting: now = "connecting"
    case .settling(let why, _): now = "settling: \(why)"
    case .down(let why, _): now = "down: \(why)"
    }
    if now != standing { say("standing \(now)") }
    standing = now
    if answered.count == 500 {
        answered.sort()
        say("roundtrip \(answered[250].nanoseconds / 1000) \(answered[495].nanoseconds / 1000)")
        answered = []
    }
    let took = BootClock.now() - began
    if took > .milliseconds(200) { say("late \(took.nanoseconds / 1_000_000)") }
    _ = try poller.wait(
        until: min(nextQuestion, machine.nextDeadline ?? .distantFuture, client.nextDeadline ?? .distantFuture))
}
