import ArgumentParser
import Primitives
import Supervision

struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say why an instance is what it is, or why a real server is in or out, and what would change it.",
        discussion: """
            Exit code 1: there is no such instance or service, it is in fault or has no quorum, or the worker does not answer \
            just now. 3: the daemon cannot be reached.
            """)

    @Argument(help: "The instance's name, or the virtual server's: ADDRESS, ADDRESS:PORT, or as in `aloft status`.")
    var instance: String
    @Argument(help: "Only this real server of the virtual server: ADDRESS or ADDRESS:PORT.") var server: String?
    @OptionGroup var daemon: DaemonLocation

    func run() throws {
        let result = try daemon.ask(.explain(instance: instance, server: server))
        let outlook = (result["health"]?["outlook"]?.array ?? []).compactMap(\.string)
        if !outlook.isEmpty {
            if !daemon.json { for line in outlook { Console.say(line) } }
            let services = result["health"]?["services"]?.array ?? []
            if services.contains(where: { $0["state"]?.string == "DOWN" }) { throw Answer.no("") }
            return
        }
        let text = try Explain.text(result, of: instance)
        if !daemon.json { Console.say(text) }
        if result["worker"]?["instance"]?["state"]?.string == "FAULT" { throw Answer.no("") }
    }

    /// The answer of the daemon as text.
    static func text(_ result: JSONValue, of name: String) throws -> String {
        guard let worker = result["worker"], worker != .null else {
            if result["supervisor"]?["worker_ready"]?.bool == true {
                throw Answer.no("aloft: there is no instance \(name)")
            }
            throw Answer.no("aloft: the worker does not answer just now; the supervisor restarts it")
        }
        guard let instance = worker["instance"] else { throw Answer.no("aloft: there is no instance \(name)") }
        var lines = Portrait(instance).paragraph
        let outlook = (worker["outlook"]?.array ?? []).compactMap(\.string)
        if !outlook.isEmpty { lines += ["", "What would change it:"] + outlook.map { "  - " + $0 } }
        let history = result["history"]?.array ?? []
        if !history.isEmpty {
            lines += ["", "What happened:"]
            let now = result["supervisor"]?["now_ns"]?.integer ?? 0
            for record in history {
                let ago = Duration.nanoseconds(now - (record["boot_ns"]?.integer ?? now)).formattedSeconds(digits: 1)
                let change = "\(record["from"]?.string ?? "?") → \(record["to"]?.string ?? "?")"
                let because = "\(record["reason"]?.string ?? "?") [\(record["rule"]?.string ?? "?")]"
                lines.append("  \(pad(ago, 8)) s ago  \(change): \(because)")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
