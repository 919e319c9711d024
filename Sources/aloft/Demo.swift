import ArgumentParser
import Glibc
import NetworkLab
import Primitives
import Supervision

/// Two plays on the real kernel: an address whose holder dies and returns; servers behind an address that die and are drained.
struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Watch an address fail over, and servers behind one come and go, in network namespaces.",
        discussion: """
            First two nodes and a client on one switch: the master is killed with -9 and its cable cut; later it returns.
            Then two directors before three servers: one server is killed, one is drained, and then a director is killed.
            Nothing of the host's network is touched, and nothing is left behind, also after Ctrl-C. Needs root, or user
            namespaces.
            """)

    enum Play: String, ExpressibleByArgument, CaseIterable { case address, servers }

    @Option(help: "Only one of the two plays: address or servers.") var only: Play?
    @Flag(help: "Print the measurements as JSON; what happens goes to standard error.") var json = false

    func run() throws {
        do {
            try Privilege.obtain()
            LabClock.blockSignals()
            let toStandardError = json
            let tell: (String) -> Void = { toStandardError ? Console.fail($0) : Console.say($0) }
            var figures: [(name: String, value: Int64)] = []
            if only != .servers {
                var play = try DemoPlay(tell: tell)
                defer { play.lab.close() }
                try play.perform()
                figures += play.figures
            }
            if only != .address {
                tell("")
                var play = try ServersPlay(tell: tell)
                defer { play.lab.close() }
                try play.perform()
                figures += play.figures
            }
            guard json else { return }
            var measured = JSONWriter()
            measured.object { for figure in figures { $0.member(figure.name, figure.value) } }
            Console.say(measured.text)
        } catch let error as LabError {
            switch error.code {
            case .interrupted: throw Answer(message: "\naloft: \(error); everything is cleaned up", code: 130)
            case .unavailable: throw Answer.unreachable("aloft: \(error)")
            case .failed, .late: throw Answer.no("aloft: the demo went wrong: \(error)")
            }
        }
    }
}

/// The play itself, act by act.
struct DemoPlay {
    static let service = IPAddress.v4(IPv4Address(10, 77, 0, 100))
    static let interval = Duration.milliseconds(100)
    static let step = Duration.milliseconds(2)
    static let priorities = (left: 150, right: 100)

    let lab: Lab
    let narrator: Narrator
    private let client: Node
    let left: DemoDaemon
    let right: DemoDaemon
    /// What `--json` prints.
    var figures: [(name: String, value: Int64)] = []

    init(tell: @escaping (String) -> Void) throws {
        narrator = Narrator(tell)
        lab = try Lab(agent: try Privilege.executablePath())
        left = try DemoPlay.node("left", number: 1, priority: DemoPlay.priorities.left, in: lab)
        right = try DemoPlay.node("right", number: 2, priority: DemoPlay.priorities.right, in: lab)
        client = try lab.makeNode("client", addresses: ["10.77.0.3/24"])
    }

    mutating func perform() throws {
        say("two nodes, left and right, and a client stand on one switch, each in a network namespace")
        for node in [left, right] {
            narrator.quote("# \(node.name): keepalived.conf", node.configuration.split(separator: "\n"))
        }
        narrator.tell("")
        for node in [left, right] { try node.start() }
        try waitForHolder(left)
        say("left holds \(DemoPlay.service): its priority is higher")
        let probe = try client.probe(DemoPlay.service, every: DemoPlay.step)
        try waitForService(by: left, probe)
        say("a client asks the address every 2 ms who it is; left answers")
        try LabClock.observe(for: .milliseconds(500))

        let (crash, outage) = try kill(probe)
        let leftBehind = try waitForLifetime(since: crash)
        let back = try comeBack(probe)
        try probe.stop()
        try explain()
        report(outage, leftBehind: leftBehind, back: back)
    }
}
