import NetworkLab
import Primitives
import Supervision

/// The acts of the demo, and how they are shown.
extension DemoPlay {
    /// Three intervals and the skew of the one that takes over (RFC 9568 §6.1).
    var limit: Duration { DemoPlay.interval * 3 + DemoPlay.interval * (256 - right.priority) / 256 }

    func say(_ text: String) {
        tell("[\((LabClock.now() - started).formattedSeconds(digits: 1)) s] \(text)")
    }

    func show(_ node: DemoNode) {
        tell("\n    # \(node.name): keepalived.conf")
        for line in node.configuration.split(separator: "\n") { tell("    \(line)") }
        if node.name == right.name { tell("") }
    }

    // MARK: - Acts

    /// Every process of left is killed, and its cable cut before: to the others it is a dead machine.
    func kill(_ probe: Probe) throws -> (at: Instant, outage: Duration) {
        say("left dies: its cable is cut, and all its processes are killed with -9")
        let crash = LabClock.now()
        try left.node.unplug()
        left.daemon?.killAll()
        try waitForService(by: right, probe)
        try LabClock.observe(for: .milliseconds(400))
        guard let gap = probe.timeline.longestGap(after: crash - .milliseconds(100)) else {
            throw LabError(.failed, "the client got no answers")
        }
        draw(probe.timeline, around: crash, until: gap.end + .milliseconds(250))
        say(
            "right took over: \(ms(gap.duration)) without an answer "
                + "(the protocol allows 3 x \(ms(DemoPlay.interval)) and a skew of \(ms(limit - DemoPlay.interval * 3)): \(ms(limit)))"
        )
        return (crash, gap.duration)
    }

    /// Nobody is left on the dead node to withdraw the address. The kernel does, when its lifetime ends.
    func waitForLifetime(since crash: Instant) throws -> Duration {
        say("nobody lives on left to withdraw the address there; its lifetime will end by itself, within 10 s")
        var told = LabClock.now()
        try LabClock.wait(upTo: .seconds(15), for: "left's kernel to let go of the address") { () throws(LabError) in
            if LabClock.now() - told >= .seconds(2) {
                told = LabClock.now()
                say("    … still there")
            }
            return try left.node.holds(DemoPlay.service) ? nil : true
        }
        let time = LabClock.now() - crash
        say("left's kernel let go, \(time.formattedSeconds(digits: 1)) s after the crash: two holders cannot last")
        return time
    }

    /// The machine comes back, with its higher priority.
    func comeBack(_ probe: Probe) throws -> Duration {
        say("left returns: the cable is plugged in, the daemon starts")
        try left.node.plug()
        try left.start()
        try waitForService(by: left, probe)
        try LabClock.observe(for: .milliseconds(400))
        let answers = probe.timeline
        // From the last answer of right to the first of left.
        guard let first = answers.answers.lastIndex(where: { $0.node == right.name }),
            answers.answers.indices.contains(first + 1)
        else { throw LabError(.failed, "left never answered") }
        let change = answers.answers[first + 1].asked
        let gap = answers.longestGap(after: change - .milliseconds(200))?.duration ?? .zero
        draw(answers, around: change, until: change + .milliseconds(250))
        say("left has the address again: \(ms(gap)) between two answers")
        return gap
    }

    func explain() throws {
        for node in [left, right] {
            tell("\n    $ aloft explain WEB      # on \(node.name)")
            for line in try node.explain().split(separator: "\n", omittingEmptySubsequences: false) {
                tell("    \(line)")
            }
        }
        tell("")
    }

    mutating func report(_ outage: Duration, leftBehind: Duration, back: Duration) {
        figures = [
            ("outage_us", outage.nanoseconds / 1000), ("limit_us", limit.nanoseconds / 1000),
            ("address_left_dead_node_ms", leftBehind.nanoseconds / 1_000_000),
            ("return_gap_us", back.nanoseconds / 1000), ("probe_step_us", DemoPlay.step.nanoseconds / 1000),
        ]
        say("the end: \(ms(outage)) when the master died, \(ms(back)) when it came back; cleaning up")
    }

    // MARK: - Waiting

    func waitForHolder(_ node: DemoNode) throws {
        try LabClock.wait(upTo: .seconds(10), for: "\(node.name) to hold the address") { () throws(LabError) in
            if let log = node.endedWith { throw LabError(.failed, "the daemon on \(node.name) ended:\n\(log)") }
            return try lab.holders(of: DemoPlay.service).map(\.name) == [node.name] ? true : nil
        }
    }

    func waitForService(by node: DemoNode, _ probe: Probe) throws {
        try LabClock.wait(upTo: .seconds(10), for: "\(node.name) to answer the client") { () throws(LabError) in
            if let log = node.endedWith { throw LabError(.failed, "the daemon on \(node.name) ended:\n\(log)") }
            let last = probe.timeline.answers.suffix(20)
            return last.count == 20 && last.allSatisfy { $0.node == node.name } ? true : nil
        }
    }

    // MARK: - Drawing

    /// A row for each node: a cell is filled when it answered in that slice of time.
    func draw(_ timeline: ClientTimeline, around event: Instant, until end: Instant) {
        let start = event - .milliseconds(200)
        let cell = Duration.milliseconds(10)
        let count = min(90, max(1, Int((end - start) / cell)))
        tell("")
        for node in [left, right] {
            var cells = [Bool](repeating: false, count: count)
            for answer in timeline.answers where answer.node == node.name && answer.asked >= start {
                let index = Int((answer.asked - start) / cell)
                if index < count { cells[index] = true }
            }
            let name = node.name + String(repeating: " ", count: 6 - node.name.count)
            tell("    \(name) " + cells.map { $0 ? "█" : "·" }.joined())
        }
        tell("           " + String(repeating: " ", count: 20) + "^ (a cell is \(ms(cell)))\n")
    }

    func ms(_ duration: Duration) -> String {
        let tenths = (duration.nanoseconds + 50_000) / 100_000
        return tenths % 10 == 0 || tenths >= 1000 ? "\((tenths + 5) / 10) ms" : "\(tenths / 10).\(tenths % 10) ms"
    }
}

/// One node of the demo and the daemon on it.
final class DemoNode {
    let name: String
    let node: Node
    let priority: Int
    let configuration: String
    private(set) var daemon: Child?
    private let directory: String

    init(_ name: String, number: Int, priority: Int, in lab: Lab) throws {
        self.name = name
        self.priority = priority
        node = try lab.makeNode(name, addresses: ["10.77.0.\(number)/24"])
        try node.answerProbes(to: [DemoPlay.service])
        directory = try lab.makeDirectory(name)
        configuration = """
            global_defs {
                vrrp_version 3
            }
            vrrp_instance WEB {
                state BACKUP
                interface eth0
                virtual_router_id 51
                priority \(priority)
                advert_int \(DemoPlay.interval.formattedSeconds())
                virtual_ipaddress {
                    \(DemoPlay.service)/24
                }
            }
            """
        try File.write(configuration + "\n", to: directory + "/keepalived.conf")
    }

    func start() throws {
        daemon = try node.start(
            [
                try Daemon.path(), "keepalived", "-n", "-l", "-G", "-f", directory + "/keepalived.conf", "-p",
                directory + "/main.pid", "-r", directory + "/vrrp.pid", "--state-dir", directory,
            ], log: name)
    }

    /// The log of a daemon that ended by itself; nil while it runs, or was killed.
    var endedWith: String? {
        guard let daemon, !daemon.isRunning, daemon.status != 128 + 9 else { return nil }
        return daemon.output.text
    }

    func explain() throws -> String {
        let answer = try ControlClient.ask(.explain(instance: "WEB"), socket: directory + "/control.sock")
        guard let result = answer.value["result"] else { throw LabError(.failed, answer.text) }
        return try Explain.text(result, of: "WEB")
    }
}
