import NetworkLab
import Primitives
import Supervision

/// The second play: two directors before three servers. One server is killed, one is drained, and then the director is killed.
struct ServersPlay {
    static let service = IPAddress.v4(IPv4Address(10, 78, 0, 100))
    static let gateway = IPAddress.v4(IPv4Address(10, 79, 0, 100))
    static let port: UInt16 = 80
    static let step = Duration.milliseconds(10)
    static let serverNames = ["one", "two", "three"]

    let lab: Lab
    private let narrator: Narrator
    private let client: Node
    private let left: DemoDaemon
    private let right: DemoDaemon
    private var servers: [Node] = []
    private var programs: [Child] = []
    /// What `--json` prints of it: milliseconds.
    private(set) var figures: [(name: String, value: Int64)] = []

    init(tell: @escaping (String) -> Void) throws {
        narrator = Narrator(tell)
        lab = try Lab(agent: try Privilege.executablePath())
        client = try lab.makeNode("client", addresses: ["10.78.0.9/24"], bridge: "front")
        left = try ServersPlay.director("left", number: 1, priority: 150, in: lab)
        right = try ServersPlay.director("right", number: 2, priority: 100, in: lab)
        for (index, name) in ServersPlay.serverNames.enumerated() {
            let node = try lab.makeNode(name, addresses: ["10.79.0.\(11 + index)/24"], bridge: "back")
            try node.ip("route add default via \(ServersPlay.gateway)")
            servers.append(node)
            programs.append(try node.serveConnections(port: ServersPlay.port))
        }
    }

    mutating func perform() throws {
        say("two directors, left and right, stand before three servers: one, two and three")
        narrator.quote(
            "# left: keepalived.conf (right's has another priority)", left.configuration.split(separator: "\n"))
        tell("")
        for director in [left, right] { try director.start() }
        let probe = try client.call(ServersPlay.service, port: ServersPlay.port, every: ServersPlay.step)
        try waitForAnswers(of: ServersPlay.serverNames, probe)
        say("a client connects to \(ServersPlay.service) every 10 ms; the servers answer in turn")
        show(probe)
        try killServer(probe)
        try drainServer(probe)
        try killDirector(probe)
        try probe.stop()
        say("the end; cleaning up")
    }

    // MARK: - Acts

    private mutating func killServer(_ probe: Probe) throws {
        say("server two dies: its program is killed with -9")
        let event = LabClock.now()
        programs[1].signal(9)
        try LabClock.wait(upTo: .seconds(10), for: "two to leave the table") { () throws(LabError) in
            left.log.contains("[10.79.0.12]:tcp:80 of [10.78.0.100]:tcp:80 is out") ? true : nil
        }
        let time = LabClock.now() - event
        note("server_out", time)
        try LabClock.observe(for: .milliseconds(500))
        let lost = probe.timeline.missing(from: event - .milliseconds(20), to: LabClock.now() - .milliseconds(100))
        say(
            "two is out after \(time.inMilliseconds), as two checks in a row found nobody; \(lost) connections in all were refused"
        )
        show(probe)
        tell("    $ aloft explain \(ServersPlay.service):80 10.79.0.12")
        let request = ControlRequest.explain(
            instance: "\(ServersPlay.service):\(ServersPlay.port)", server: "10.79.0.12")
        for line in try left.ask(request)["health"]?["outlook"]?.array ?? [] { tell("    \(line.string ?? "")") }
        tell("")
    }

    private mutating func drainServer(_ probe: Probe) throws {
        let held = try client.holdConnection(to: ServersPlay.service, port: ServersPlay.port, every: .milliseconds(20))
        let name = try LabClock.wait(upTo: .seconds(5), for: "a connection that stays") { () throws(LabError) in
            held.timeline.answers.last?.node
        }
        let number = ServersPlay.serverNames.firstIndex(of: name) ?? 0
        say("another client keeps one connection open; \(name) has it")
        tell("\n    $ aloft drain 10.79.0.\(11 + number)\n")
        _ = try left.ask(.drain(server: "10.79.0.\(11 + number)", service: nil, milliseconds: nil))
        let event = LabClock.now()
        try LabClock.observe(for: .seconds(1))
        let new = Set(probe.timeline.answers.filter { $0.asked > event + .milliseconds(50) }.map(\.node))
        guard !new.contains(name) else { throw LabError(.failed, "\(name) still gets new connections") }
        let kept = held.timeline.answers.filter { $0.asked > event }.count
        guard kept > 10 else { throw LabError(.failed, "the open connection was cut") }
        say("\(name) gets no new connections, and the open one goes on: \(kept) answers since")
        show(probe)
        try held.stop()
        try LabClock.wait(upTo: .seconds(10), for: "\(name) to be out") { () throws(LabError) in
            left.log.contains("out: its last connection has ended") ? true : nil
        }
        say("the connection ends, and so \(name) is out: it can be mended")
        _ = try left.ask(.undrain(server: "10.79.0.\(11 + number)", service: nil))
        programs[1] = try servers[1].serveConnections(port: ServersPlay.port)
        try waitForAnswers(of: ServersPlay.serverNames, probe)
        say("it is taken back (aloft undrain), and two is started again: all three answer")
        show(probe)
    }

    private mutating func killDirector(_ probe: Probe) throws {
        say("left dies: both its cables are cut, and all its processes are killed with -9")
        let event = LabClock.now()
        try left.node.unplug("eth0")
        try left.node.unplug("eth1")
        left.kill()
        try LabClock.wait(upTo: .seconds(10), for: "right to forward") { () throws(LabError) in
            probe.timeline.answers.last.map { $0.asked > event + .milliseconds(100) } == true ? true : nil
        }
        try LabClock.observe(for: .milliseconds(500))
        guard let gap = probe.timeline.longestGap(after: event - .milliseconds(100)) else {
            throw LabError(.failed, "the client got no answers")
        }
        note("director_outage", gap.duration)
        say("right forwards: \(gap.duration.inMilliseconds) without an answer")
        show(probe)
    }

    // MARK: - What is said

    private func say(_ text: String) { narrator.say(text) }
    private func tell(_ text: String) { narrator.tell(text) }

    private mutating func note(_ name: String, _ time: Duration) {
        figures.append((name + "_ms", time.nanoseconds / 1_000_000))
    }

    /// Who had the last answers: a row for each server.
    private func show(_ probe: Probe) {
        let answers = probe.timeline.answers.suffix(48)
        tell("")
        for name in ServersPlay.serverNames {
            let pad = String(repeating: " ", count: 6 - name.count)
            tell("    \(name)\(pad) " + answers.map { $0.node == name ? "█" : "·" }.joined())
        }
        tell("")
    }

    /// Until just these answer.
    private func waitForAnswers(of names: [String], _ probe: Probe) throws {
        try LabClock.wait(upTo: .seconds(15), for: "\(names.joined(separator: ", ")) to answer") {
            () throws(LabError) in
            for director in [left, right] { try director.requireAlive() }
            let last = probe.timeline.answers.suffix(48)
            // In turn: the last three are three.
            return last.count == 48
                && stride(from: 0, to: 48, by: 3).allSatisfy { start in
                    Set(last.dropFirst(start).prefix(3).map(\.node)) == Set(names)
                } ? true : nil
        }
    }
}

extension ClientTimeline {
    /// How many questions of a stretch of time had no answer.
    fileprivate func missing(from start: Instant, to end: Instant) -> Int {
        let asked = answers.filter { $0.asked >= start && $0.asked < end }.count
        return max(0, Int((end - start) / step) - asked)
    }
}

extension ServersPlay {
    /// A director, its daemon not started yet.
    private static func director(_ name: String, number: Int, priority: Int, in lab: Lab) throws -> DemoDaemon {
        let node = try lab.makeNode(name, addresses: ["10.78.0.\(number)/24"], bridge: "front")
        try lab.connect(node, interface: "eth1", addresses: ["10.79.0.\(number)/24"], bridge: "back")
        try node.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"])
        return try DemoDaemon(on: node, in: lab, configuration(priority: priority))
    }

    private static func configuration(priority: Int) -> String {
        var text = """
            global_defs {
                vrrp_version 3
                data_plane nftables
            }
            vrrp_sync_group BOTH {
                group {
                    OUTSIDE
                    INSIDE
                }
            }

            """
        for (name, interface, number, address) in [
            ("OUTSIDE", "eth0", 51, ServersPlay.service), ("INSIDE", "eth1", 52, ServersPlay.gateway),
        ] {
            text += """
                vrrp_instance \(name) {
                    state BACKUP
                    interface \(interface)
                    virtual_router_id \(number)
                    priority \(priority)
                    advert_int 0.1
                    virtual_ipaddress {
                        \(address)/24
                    }
                }

                """
        }
        text += """
            virtual_server \(ServersPlay.service) \(ServersPlay.port) {
                lvs_sched rr
                lvs_method NAT
                protocol TCP
                delay_loop 0.2
                warmup 0

            """
        for number in 11...13 {
            text += """
                    real_server 10.79.0.\(number) \(ServersPlay.port) {
                        TCP_CHECK {
                            connect_timeout 1
                            retry 1
                            delay_before_retry 0.1
                        }
                    }

                """
        }
        return text + "}"
    }
}
