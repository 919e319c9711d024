import Configuration
import Glibc
import Health
import LinuxWorld
import Primitives
import Probes

// usage: probe-bench tcp|http|https|nio-tcp|nio-http PORT CHECKS_PER_SECOND SECONDS
//
// Asks the server at 127.0.0.1:PORT at a steady rate, and says what that took of this process.

let words = CommandLine.arguments
guard words.count == 5, let port = UInt16(words[2]), let rate = Int(words[3]), let seconds = Int(words[4]), rate > 0 else {
    print("usage: probe-bench tcp|http|https|nio-tcp|nio-http PORT CHECKS_PER_SECOND SECONDS")
    exit(2)
}
var connection = HealthCheck.Connection(.v4(IPv4Address(127, 0, 0, 1)), port: port)
connection.timeout = .seconds(2)
let http = HTTPProbe(connection, urls: [HTTPProbe.URL(path: "/")])
let probe: HealthCheck.Probe =
    switch words[1] {
    case "http": .http(http)
    case "https": .https(http)
    default: .tcp(connection)
    }

func cpuSeconds() -> (user: Double, system: Double) {
    var usage = rusage()
    getrusage(0, &usage)
    func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
    return (seconds(usage.ru_utime), seconds(usage.ru_stime))
}

final class Tally {
    var good = 0
    var bad: [String: Int] = [:]
    func add(_ verdict: Verdict) {
        if case .failure(let reason) = verdict { bad[reason, default: 0] += 1 } else { good += 1 }
    }
}

let tally = Tally()
let prober = try Prober()
let start = BootClock.now()
let total = rate * seconds
let interval = 1_000_000_000 / Int64(rate)
var begun = 0
let before = cpuSeconds()
if words[1].hasPrefix("nio-") {
    let checks = ChannelChecks(port: Int(port), isHTTP: words[1] == "nio-http")
    tally.good = try checks.run(total: total, rate: rate)
    begun = total
}
while begun < total || prober.count > 0 {
    let now = BootClock.now()
    // As a schedule would: all that are due, on a tick of a millisecond.
    while begun < total, start + .nanoseconds(Int64(begun) * interval) <= now {
        begun += 1
        prober.start(probe, at: now) { tally.add($0) }
    }
    // The next whole millisecond, so that the timer is set once for it however often something is ready before.
    let tick = (now - start).nanoseconds / 1_000_000 + 1
    let next = begun < total ? start + .milliseconds(tick) : now + .seconds(1)
    try prober.wait(until: next)
}
let elapsed = Double((BootClock.now() - start).nanoseconds) / 1e9
let after = cpuSeconds()
let (user, system) = (after.user - before.user, after.system - before.system)
func rounded(_ number: Double) -> Double { (number * 10).rounded() / 10 }
let status = try String(decoding: Files.read("/proc/self/status", limit: 65536), as: UTF8.self)
let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM") } ?? ""
print(
    """
    \(words[1]): \(rounded(Double(total) / elapsed)) checks/s, \(rounded((user + system) / elapsed * 100)) % of a core, \
    \(rounded((user + system) / Double(total) * 1e6)) µs each (\(rounded(user / Double(total) * 1e6)) user), \
    \(tally.good) good, bad: \(tally.bad), \(peak)
    """)
