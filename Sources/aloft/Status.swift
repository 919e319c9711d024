import ArgumentParser
import Primitives
import Supervision

struct Status: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who holds what, since when and why.",
        discussion: """
            Exit code 0: every instance is healthy. 1: one is in fault, or the worker does not answer just now. \
            3: the daemon cannot be reached.
            """)

    @Argument(help: "Only this instance.") var instance: String?
    @OptionGroup var daemon: DaemonLocation

    func run() throws {
        let result = try daemon.ask(.status(instance: instance))
        guard let worker = result["worker"], let instances = worker["instances"]?.array else {
            throw Answer.no("aloft: the worker does not answer just now; the supervisor restarts it")
        }
        if let instance, instances.isEmpty { throw Answer.no("aloft: there is no instance \(instance)") }
        if !daemon.json { show(instances, groups: worker["groups"]?.array ?? []) }
        if instances.contains(where: { $0["state"]?.string == "FAULT" }) { throw Answer.no("") }
    }

    private func show(_ instances: [JSONValue], groups: [JSONValue]) {
        for status in instances { Console.say(Portrait(status).summary) }
        for group in groups {
            let members = (group["members"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            Console.say("group \(group["name"]?.string ?? "?")  \(group["state"]?.string ?? "?")  (\(members))")
        }
    }
}
