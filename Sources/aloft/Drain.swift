import ArgumentParser
import Primitives
import Supervision

/// Takes servers out of service without cutting a connection.
struct Drain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Give a real server no new connections, and take it out when those it has ended.",
        discussion: """
            It stays out through reloads and restarts of the health worker, until `aloft undrain`, or the daemon's end. \
            What is open after the time is cut.
            """)

    @Argument(help: "ADDRESS, or ADDRESS:PORT.") var server: String
    @Option(help: "Only behind this service: ADDRESS:PORT, or its name in `aloft status`.") var service: String?
    @Option(help: "Seconds that connections may take; otherwise `drain_timeout`, otherwise as long as they last.")
    var timeout: Double?
    @OptionGroup var daemon: DaemonLocation

    func validate() throws {
        if let timeout, !(timeout >= 0 && timeout < 1e9) { throw ValidationError("--timeout takes seconds, 0 or more") }
    }

    func run() throws {
        let milliseconds = timeout.map { Int64($0 * 1000) }
        try ServerOrder.give(.drain(server: server, service: service, milliseconds: milliseconds), daemon)
    }
}

struct Undrain: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take a drained real server back into service.")

    @Argument(help: "ADDRESS, or ADDRESS:PORT.") var server: String
    @Option(help: "Only behind this service: ADDRESS:PORT, or its name in `aloft status`.") var service: String?
    @OptionGroup var daemon: DaemonLocation

    func run() throws { try ServerOrder.give(.undrain(server: server, service: service), daemon) }
}

private enum ServerOrder {
    static func give(_ request: ControlRequest, _ daemon: DaemonLocation) throws {
        let result = try daemon.ask(request)
        if let error = result["error"]?.string { throw Answer.no("aloft: \(error)") }
        guard !daemon.json else { return }
        for server in result["servers"]?.array ?? [] {
            let name = "\(server["name"]?.string ?? "?") of \(server["service"]?.string ?? "?")"
            Console.say("\(name): \(server["state"]?.string ?? "?")")
        }
    }
}
