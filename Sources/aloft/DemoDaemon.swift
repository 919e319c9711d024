import NetworkLab
import Primitives
import Supervision

/// A node of the demo and the daemon on it.
final class DemoDaemon {
    let node: Node
    let configuration: String
    private var child: Child?
    private let directory: String

    init(on node: Node, in lab: Lab, _ configuration: String) throws {
        self.node = node
        self.configuration = configuration
        directory = try lab.makeDirectory(node.name)
        try File.write(configuration + "\n", to: directory + "/keepalived.conf")
    }

    var name: String { node.name }

    func start() throws {
        child = try node.start(
            [
                try Daemon.path(), "keepalived", "-n", "-l", "-G", "-f", directory + "/keepalived.conf", "-p",
                directory + "/main.pid", "-r", directory + "/vrrp.pid", "-c", directory + "/checkers.pid",
                "--state-dir", directory,
            ], log: name)
    }

    func kill() { child?.killAll() }
    var log: String { child?.output.text ?? "" }

    /// Throws where the daemon ended by itself, and was not killed.
    func requireAlive() throws(LabError) {
        guard let child, !child.isRunning, child.status != 128 + 9 else { return }
        throw LabError(.failed, "the daemon on \(name) ended:\n\(child.output.text)")
    }

    /// The result of what is asked.
    func ask(_ request: ControlRequest) throws -> JSONValue {
        let answer = try ControlClient.ask(request, socket: directory + "/control.sock")
        guard let result = answer.value["result"], result["error"] == nil else { throw LabError(.failed, answer.text) }
        return result
    }
}

/// Tells what happens, with the seconds since the beginning.
struct Narrator {
    let tell: (String) -> Void
    private let started = LabClock.now()

    init(_ tell: @escaping (String) -> Void) { self.tell = tell }

    func say(_ text: String) {
        tell("[\((LabClock.now() - started).formattedSeconds(digits: 1)) s] \(text)")
    }

    /// A command or a file, and what it says, set apart.
    func quote(_ head: String, _ lines: some Sequence<some StringProtocol>) {
        tell("\n    \(head)")
        for line in lines { tell("    \(line)") }
    }
}

extension Duration {
    /// `310 ms`, `4.8 ms`.
    var inMilliseconds: String {
        let tenths = (nanoseconds + 50_000) / 100_000
        return tenths % 10 == 0 || tenths >= 1000 ? "\((tenths + 5) / 10) ms" : "\(tenths / 10).\(tenths % 10) ms"
    }
}
