import ArgumentParser
import Glibc
import Primitives
import SimulatedWorld

/// Runs the production node in the simulated world, seed by seed (docs/simulation.md).
struct Simulate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run virtual routers in a simulated world, judge promises, and tell the story of a failure.",
        discussion: """
            A seed decides everything: nodes, configuration, faults and their times. Each is one simulated hour. \
            Exit code 1 when a promise was broken, or when a planted bug was not found.
            """)

    @Option(help: "One seed.") var seed: UInt64?
    @Option(help: "A range of seeds, such as 1..2000.") var seeds: String = "1..200"
    @Option(help: "Plant this bug; the run succeeds when it is found. Needs a build with ALOFT_CANARIES=1.")
    var canary: String?
    @Flag(help: "Plant every bug, one after the other.") var canaries = false
    @Flag(help: "Print what happened before a failure, one line an event.") var story = false
    @Option(help: "How many seconds of story.") var storySeconds: Double = 20
    @Option(help: "Simulated seconds of each seed.") var duration = 3600
    @Flag(help: "Print one JSON object for each failure and one for the end.") var json = false
    @Flag(help: "Only scenarios with an arbiter, advertisements a second apart or more, and no balancer beside them.")
    var arbiters = false
    @Flag(help: "The same with long leases and advertisements five seconds apart or more: a tenth of the events.")
    var sparse = false
    @Option(help: "How many seeds run at the same time.") var jobs = 0

    private var which: Scenario.Arbiters { sparse ? .sparse : arbiters ? .always : .drawn }

    private func range() throws -> ClosedRange<UInt64> {
        if let seed { return seed...seed }
        let bounds = seeds.split(separator: ".", omittingEmptySubsequences: true).compactMap { UInt64($0) }
        guard bounds.count == 2, bounds[0] <= bounds[1] else { throw Answer.usage("aloft: --seeds takes FIRST..LAST") }
        return bounds[0]...bounds[1]
    }

    func run() throws {
        let range = try range()
        if canaries || canary != nil {
            guard PlantedBug.isAvailable else {
                throw Answer.usage("aloft: this build carries no planted bugs; build with ALOFT_CANARIES=1")
            }
            if let canary, Canary(rawValue: canary) == nil {
                let names = Canary.allCases.map(\.rawValue).joined(separator: ", ")
                throw Answer.usage("aloft: no planted bug named \(canary); there are: \(names)")
            }
            try findCanaries(canary.flatMap(Canary.init).map { [$0] } ?? Canary.allCases, range)
        } else {
            try passAll(range)
        }
    }

    private func passAll(_ range: ClosedRange<UInt64>) throws {
        let began = Clock.now
        let sweep = Sweep(
            Campaign(duration: duration, arbiters: which), range, stopsAtFirst: false, jobs: jobs)
        let isVerbose = Console.isTerminal && !json
        sweep.run { done in
            if isVerbose { Self.overwrite("\(done) of \(range.count) seeds ") }
        }
        if isVerbose { Self.overwrite("") }
        for failure in sweep.failures { report(failure, nil) }
        let rate = Double(sweep.passed + sweep.failures.count) / max(Clock.now - began, 0.001) * 60
        if json {
            Console.say(
                #"{"passed":\#(sweep.passed),"failed":\#(sweep.failures.count),"events":\#(sweep.events),"#
                    + #""with_arbiters":\#(sweep.withArbiters),"excused_overlaps":\#(sweep.excusedOverlaps)}"#)
        } else {
            Console.say(
                "\(sweep.withArbiters) of \(range.count) seeds had arbiters, \(duration) simulated seconds each; after a pause of "
                    + "the whole machine the rest of a lease overlapped another's \(sweep.excusedOverlaps) times")
            Console.say(
                "\(sweep.passed) passed, \(sweep.failures.count) failed (\(Int(rate)) seeds a minute, \(sweep.events) events)"
            )
        }
        if !sweep.failures.isEmpty { throw Answer.no("") }
    }

    /// Progress, on the line where the last progress stood.
    private static func overwrite(_ text: String) {
        let bytes = Array(("\r" + text).utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    private func findCanaries(_ list: [Canary], _ range: ClosedRange<UInt64>) throws {
        var survivors = 0
        for canary in list {
            let sweep = Sweep(
                Campaign(canary: canary, duration: duration, arbiters: which), range,
                stopsAtFirst: true, jobs: jobs)
            sweep.run { _ in }
            if let failure = sweep.failures.first {
                if json {
                    report(failure, canary)
                } else {
                    Console.say(
                        "\(canary.rawValue): found after \(failure.seed - range.lowerBound + 1) seeds: \(failure.summary)"
                    )
                    if story { tellStory(failure, canary) }
                }
            } else {
                survivors += 1
                Console.say(
                    json
                        ? #"{"canary":"\#(canary.rawValue)","found":false}"#
                        : "\(canary.rawValue): NOT FOUND in \(range.count) seeds")
            }
        }
        if !json { Console.say("\(list.count - survivors) passed, \(survivors) failed (planted bugs found)") }
        if survivors > 0 { throw Answer.no("") }
    }

    private func report(_ failure: Failure, _ canary: Canary?) {
        guard json else {
            Console.say(failure.summary)
            if story { tellStory(failure, canary) }
            return
        }
        let planted = canary.map { #""canary":\#(quoted($0.rawValue)),"# } ?? ""
        Console.say(
            "{\(planted)\"seed\":\(failure.seed),\"time\":\(Double(failure.time) / 1e9),\"invariant\":\(quoted(failure.invariant)),"
                + "\"expected\":\(quoted(failure.expected)),\"seen\":\(quoted(failure.seen))}")
    }

    private func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// The same seed again, this time with every event written down.
    private func tellStory(_ failure: Failure, _ canary: Canary?) {
        let again = Campaign(canary: canary, duration: duration, arbiters: which).run(
            seed: failure.seed, tellsStory: true)
        let since = Double(failure.time) / 1e9 - storySeconds
        for line in again.failure?.story ?? [] {
            guard let stamp = line.split(separator: " ").first.flatMap({ Double($0) }), stamp >= since else { continue }
            Console.say("  " + line)
        }
    }
}

/// Monotonic seconds.
private enum Clock {
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// A range of seeds, run by a few threads that take the next one each.
private final class Sweep {
    // All of it behind `lock`, but for what is constant.
    private let campaign: Campaign
    private let range: ClosedRange<UInt64>
    private let stopsAtFirst: Bool
    private let jobs: Int
    private var lock = pthread_mutex_t()
    private var next: UInt64
    private var limit: UInt64
    private(set) var passed = 0
    private(set) var events = 0
    private(set) var withArbiters = 0
    private(set) var excusedOverlaps = 0
    private(set) var failures: [Failure] = []
    private var progress: ((Int) -> Void)?

    init(_ campaign: Campaign, _ range: ClosedRange<UInt64>, stopsAtFirst: Bool, jobs: Int) {
        self.campaign = campaign
        self.range = range
        self.stopsAtFirst = stopsAtFirst
        self.jobs = jobs > 0 ? jobs : max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        next = range.lowerBound
        limit = range.upperBound
        pthread_mutex_init(&lock, nil)
    }

    func run(_ progress: @escaping (Int) -> Void) {
        self.progress = progress
        var threads: [pthread_t] = []
        for _ in 1..<max(2, min(jobs, range.count)) where jobs > 1 {
            var thread = pthread_t()
            let box = Unmanaged.passRetained(self).toOpaque()
            let status = pthread_create(
                &thread, nil,
                { argument in
                    if let argument { Unmanaged<Sweep>.fromOpaque(argument).takeRetainedValue().work() }
                    return nil
                }, box)
            if status == 0 { threads.append(thread) } else { Unmanaged<Sweep>.fromOpaque(box).release() }
        }
        work()
        for thread in threads { pthread_join(thread, nil) }
        failures.sort { $0.seed < $1.seed }
    }

    private func take() -> UInt64? {
        pthread_mutex_lock(&lock)
        defer { pthread_mutex_unlock(&lock) }
        guard next <= limit else { return nil }
        defer { next += 1 }
        return next
    }

    private func work() {
        while let seed = take() {
            let result = campaign.run(seed: seed)
            pthread_mutex_lock(&lock)
            events += result.events
            withArbiters += result.hadArbiter ? 1 : 0
            excusedOverlaps += result.excusedOverlaps
            if let failure = result.failure {
                failures.append(failure)
                // Lower seeds that are still running may fail too; the lowest is what a single thread would find.
                if stopsAtFirst { limit = min(limit, seed) }
            } else {
                passed += 1
            }
            progress?(passed + failures.count)
            pthread_mutex_unlock(&lock)
        }
    }
}
