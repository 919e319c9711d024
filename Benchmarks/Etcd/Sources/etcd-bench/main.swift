import Arbitration
import Etcd
import EtcdGateway
import Glibc
import LinuxWorld
import Primitives

// Renews leases at a steady rate, and says what an answer takes and what that costs this process.
// usage: etcd-bench ENDPOINT LEASES TICKS-PER-SECOND SECONDS        each tick renews all LEASES at once
let words = CommandLine.arguments
guard words.count == 5, let count = Int(words[2]), let rate = Int(words[3]), let seconds = Int(words[4]), rate > 0
else {
    print("usage: etcd-bench ENDPOINT LEASES TICKS-PER-SECOND SECONDS")
    exit(2)
}

func processorTime() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    let whole = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
    return whole + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6
}

let client = try EtcdClient(EtcdSettings(endpoints: [EtcdEndpoint(words[1])], patience: .seconds(2)))
var poller = try Poller()
try client.watch(by: poller, token: 1)
let terms = try LeaseTerms(duration: .seconds(5))
let leases = (0..<count).compactMap { LeaseName("bench/\($0)") }
var standing: [LeaseRecord?] = Array(repeating: nil, count: count)
var asked: [LeaseRecord?] = Array(repeating: nil, count: count)
var sent: [Instant] = Array(repeating: .zero, count: count)
var times: [Duration] = []
var others = 0
var numbers: UInt64 = 0
let incarnation = Incarnation(UInt64(truncatingIfNeeded: BootClock.wallClockNanoseconds()))
let names = Dictionary(uniqueKeysWithValues: leases.enumerated().map { ($1, $0) })

@MainActor func ask(_ reads: Bool) {
    let now = BootClock.now()
    var questions: [LeaseQuestion] = []
    for index in 0..<count {
        numbers += 1
        sent[index] = now
        if reads {
            questions.append(LeaseQuestion(lease: leases[index], request: numbers, kind: .read))
            continue
        }
        let next = LeaseRecord(
            holder: HolderName("bench"), incarnation: incarnation, request: numbers, epoch: Epoch(1), terms: terms,
            version: (standing[index]?.version ?? 0) + 1)
        asked[index] = next
        questions.append(
            LeaseQuestion(lease: leases[index], request: numbers, kind: .write(next, replacing: standing[index])))
    }
    client.ask(questions, at: now)
}

@MainActor func turn(until limit: Instant) throws {
    _ = try poller.wait(until: min(limit, client.nextDeadline ?? .distantFuture))
    let now = BootClock.now()
    client.turn(at: now)
    for report in client.takeReports() {
        guard case .answer(_, let answer) = report.kind, let index = names[report.lease] else { continue }
        switch answer {
        case .granted:
            standing[index] = asked[index]
            times.append(now - sent[index])
        case .found(let record), .refused(let record): standing[index] = record
        default: others += 1
        }
    }
}

ask(true)
var end = BootClock.now() + .seconds(1)
while BootClock.now() < end { try turn(until: end) }
let began = processorTime()
let period = Duration.nanoseconds(1_000_000_000 / Int64(rate))
var tick = BootClock.now()
for _ in 0..<(rate * seconds) {
    ask(false)
    tick = tick + period
    while BootClock.now() < tick { try turn(until: tick) }
}
let used = processorTime() - began
times.sort()
guard !times.isEmpty else {
    print("nothing was granted: \(client.standing)")
    exit(1)
}
var usage = rusage()
getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
func milliseconds(_ duration: Duration) -> String { (duration * 1000).formattedSeconds() }
print(
    "\(times.count) renewals, \(others) others: p50 \(milliseconds(times[times.count / 2])) ms, p99 \(milliseconds(times[times.count * 99 / 100])) ms;"
        + " CPU \(Int(used / Double(times.count) * 1e6)) µs a renewal; peak \(usage.ru_maxrss) KB")
