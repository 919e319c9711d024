import NetworkLab
import Primitives
import Supervision

/// The acts of the demo, and how they are shown.
extension DemoPlay {
    /// Three intervals and the skew of the one that takes over (RFC 9568 §6.1).
    var limit: Duration { DemoPlay.interval * 3 + DemoPlay.interval * (256 - DemoPlay.priorities.right) / 256 }

    func say(_ text: String) { narrator.say(text) }

    /// A node, its daemon not started yet.
    static func node(_ name: String, number: Int, priority: Int, in lab: Lab) throws -> DemoDaemon {
        let node = try lab.makeNode(name, addresses: ["10.77.0.\(number)/24"])
        try node.answerProbes(to: [service])
        return try DemoDaemon(
            on: node, in: lab,
            """
            global_defs {
                vrrp_version 3
            }
            vrrp_instance WEB {
                state BACKUP
                interface eth0
                virtual_router_id 51
                priority \(priority)
                advert_int \(interval.formattedSeconds())
                virtual_ipaddress {
                    \(service)/24
                }
            }
            """)
    }

    // MARK: - Acts

    /// Every process of left is killed, and its cable cut before: to the others it is a dead machine.
    func kill(_ probe: Probe) throws -> (at: Instant, outage: Duration) {
        say("left dies: its cable is cut, and all its processes are killed with -9")
        let crash = LabClock.now()
        try left.node.unplug()
        left.kill()
        try waitForService(by: right, probe)
        try LabClock.observe(for: .milliseconds(400))
        guard let gap = probe.timeline.longestGap(after: crash - .milliseconds(100)) else {
            throw LabError(.failed, "the client got no answers")
        }
        draw(probe.timeline, around: crash, until: gap.end + .milliseconds(250))
        say(
            "right took over: \(gap.duration.inMilliseconds) without an answer "
                + "(the protocol allows 3 x \(DemoPlay.interval.inMilliseconds) and a skew of \((limit - DemoPlay.interval * 3).inMilliseconds): \(limit.inMilliseconds))"
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
        say("left has the address again: \(gap.inMilliseconds) between two answers")
        return gap
    }

    func explain() throws {
        for node in [left, right] {
            let text = try Explain.text(node.ask(.explain(instance: "WEB")), of: "WEB")
            narrator.quote(
                "$ aloft explain WEB      # on \(node.name)",
                text.split(separator: "\n", omittingEmptySubsequences: false))
        }
        narrator.tell("")
    }

    mutating func report(_ outage: Duration, leftBehind: Duration, back: Duration) {
        figures = [
            ("outage_us", outage.nanoseconds / 1000), ("limit_us", limit.nanoseconds / 1000),
            ("address_left_dead_node_ms", leftBehind.nanoseconds / 1_000_000),
            ("return_gap_us", back.nanoseconds / 1000), ("probe_step_us", DemoPlay.step.nanoseconds / 1000),
        ]
        say(
            "the end: \(outage.inMilliseconds) when the master died, \(back.inMilliseconds) when it came back; cleaning up"
        )
    }

    // MARK: - Waiting

    func waitForHolder(_ node: DemoDaemon) throws {
        try LabClock.wait(upTo: .seconds(10), for: "\(node.name) to hold the address") { () throws(LabError) in
            try node.requireAlive()
            return try lab.holders(of: DemoPlay.service).map(\.name) == [node.name] ? true : nil
        }
    }

    func waitForService(by node: DemoDaemon, _ probe: Probe) throws {
        try LabClock.wait(upTo: .seconds(10), for: "\(node.name) to answer the client") { () throws(LabError) in
            try node.requireAlive()
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
        narrator.tell("")
        for node in [left, right] {
            var cells = [Bool](repeating: false, count: count)
            for answer in timeline.answers where answer.node == node.name && answer.asked >= start {
                let index = Int((answer.asked - start) / cell)
                if index < count { cells[index] = true }
            }
            let name = node.name + String(repeating: " ", count: 6 - node.name.count)
            narrator.tell("    \(name) " + cells.map { $0 ? "█" : "·" }.joined())
        }
        narrator.tell("           " + String(repeating: " ", count: 20) + "^ (a cell is \(cell.inMilliseconds))\n")
    }
}
