import ArgumentParser
import Supervision

struct History: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List the changes of role, of services and of servers since the daemon started.")

    @Argument(help: "Only this instance, group or service.") var instance: String?
    @OptionGroup var daemon: DaemonLocation

    func run() throws {
        let records = try daemon.ask(.history(instance: instance)).array ?? []
        if daemon.json { return }
        for record in records {
            let name = record["instance"]?.string ?? record["group"]?.string ?? record["service"]?.string ?? "?"
            let change = "\(record["from"]?.string ?? "?") → \(record["to"]?.string ?? "?")"
            Console.say("\(name)  \(change)  \(record["reason"]?.string ?? "") [\(record["rule"]?.string ?? "?")]")
        }
    }
}
