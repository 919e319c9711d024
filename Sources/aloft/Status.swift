import ArgumentParser
import Primitives
import Supervision

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who holds what, since when and why.",
        discussion: """
            Exit code 0: every instance and every service is well. 1: an instance is in fault, a service has no quorum, or a \
            worker does not answer just now. 3: the daemon cannot be reached.
            """)

    @Argument(help: "Only this instance, or this virtual server.") var instance: String?
    @OptionGroup var daemon: DaemonLocation

    func run() throws {
        let result = try daemon.ask(.status(instance: instance))
        guard let worker = result["worker"], let instances = worker["instances"]?.array else {
            throw Answer.no("aloft: the worker does not answer just now; the supervisor restarts it")
        }
        let services = result["health"]?["services"]?.array ?? []
        if let instance, instances.isEmpty, services.isEmpty {
            throw Answer.no("aloft: there is no instance and no virtual server \(instance)")
        }
        if !daemon.json {
            show(punctuality: worker["punctuality"])
            show(instances, groups: instance == nil ? worker["groups"]?.array ?? [] : [])
            show(services: services, result["health"])
        }
        if result["health"] == .null {
            throw Answer.no("aloft: the health worker does not answer just now; what it forwards goes on")
        }
        if instances.contains(where: { $0["state"]?.string == "FAULT" }) { throw Answer.no("") }
        if services.contains(where: { $0["state"]?.string == "DOWN" || $0["refused"] != nil }) { throw Answer.no("") }
    }

    private func show(_ instances: [JSONValue], groups: [JSONValue]) {
        for status in instances { Console.say(Portrait(status).summary) }
        for group in groups {
            let members = (group["members"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            Console.say("group \(group["name"]?.string ?? "?")  \(group["state"]?.string ?? "?")  (\(members))")
        }
    }

    /// Only where it matters: a worker that stands still loses its role.
    private func show(punctuality: JSONValue?) {
        guard let patience = punctuality?["patience_us"]?.integer,
            let late = punctuality?["late_us_last_minute"]?.integer,
            let turn = punctuality?["turn_us_last_minute"]?.integer, max(late, turn) > patience
        else { return }
        func seconds(_ microseconds: Int64) -> String { Duration.microseconds(microseconds).formattedSeconds() + " s" }
        Console.say(
            "the worker is late: in the last minute something was done \(seconds(late)) after it was due, and one turn took "
                + "\(seconds(turn)); more than \(seconds(patience)) can cost a role [worker.stalled]")
    }

    private func show(services: [JSONValue], _ health: JSONValue?) {
        guard let plane = health?["data_plane"]?.string, !services.isEmpty else { return }
        let reason = health?["data_plane_reason"]?.string.map { " (\($0))" } ?? ""
        Console.say("forwarded by \(plane)\(reason)")
        if let failure = health?["data_plane_failure"]?.string {
            Console.say("  it does not work just now: \(failure)")
        }
        for service in services { for line in ServicePortrait(service).lines { Console.say(line) } }
    }
}
