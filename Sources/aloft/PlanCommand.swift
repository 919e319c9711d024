import ArgumentParser
import ConfigLanguage
import Configuration
import LinuxWorld
import Primitives
import Supervision

/// Says what a reload would do, before it is done.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say what a reload would change, and whom it would disturb.",
        discussion: """
            aloft plan OLD NEW compares two files; aloft plan NEW compares a file with what the daemon runs with; aloft plan \
            compares the daemon's own file, as it is on disk now, with that. A line with ! may interrupt a service, or must be \
            done on other nodes too.
            Exit code 0: nothing is disturbed. 1: something is. 3: a file cannot be read or would be refused, or the daemon \
            cannot be reached.
            """)

    @Argument(help: "Main files; what they include is read with them.") var files: [String] = []
    @Option(
        help: ArgumentHelp(
            "Read with keepalived's leniency, as the daemon does under that name.", valueName: "keepalived"))
    var compat: Check.Compatibility?
    @Option(
        name: [.customShort("i"), .customLong("config-id")],
        help: ArgumentHelp(
            "Read the files as this node: lines behind @ID. By default the daemon's, or this host's name.",
            valueName: "id"))
    var id: String?
    @Option(help: "The daemon's state directory.") var stateDir = "/run/aloft"
    @Flag(help: "Print the plan as JSON.") var json = false

    func validate() throws {
        if files.count > 2 { throw ValidationError("two files at most: OLD and NEW") }
    }

    func run() throws {
        let leniency: Leniency = compat == .keepalived ? .keepalived : .strict
        let plan: Plan
        var roles: [String: String] = [:]
        if files.count == 2 {
            plan = Plan(
                from: try model(files[0], DiskFiles(), leniency, id), to: try model(files[1], DiskFiles(), leniency, id)
            )
        } else {
            let running = try askDaemon()
            let own: Leniency = running.isKeepalived ? .keepalived : leniency
            let provided = running.files.map { ProvidedFile(path: $0.path, bytes: $0.bytes) }
            let old = try model(running.main, MemoryFiles(provided), own, running.id)
            plan = Plan(from: old, to: try model(files.first ?? running.main, DiskFiles(), own, id ?? running.id))
            roles = try askRoles()
        }
        if json {
            var writer = JSONWriter()
            plan.write(to: &writer)
            Console.say(writer.text)
        } else {
            Console.say(plan.text(roles: roles))
        }
        if plan.disturbs { throw Answer.no("") }
    }

    private func model(
        _ path: String, _ files: some FileProvider, _ leniency: Leniency, _ id: String?
    ) throws -> Model {
        let loaded = Configuration.load(
            main: path, files: files, environment: .here(as: id), leniency: leniency)
        guard let model = loaded.model else {
            let faults = loaded.diagnostics.filter { $0.severity == .error }
            Console.fail(DiagnosticRenderer(loaded.sources).render(faults))
            throw Answer.unreachable("aloft: \(path) would be refused, and change nothing")
        }
        return model
    }

    private func askDaemon() throws -> RunningConfiguration {
        let answer = try ControlClient.ask(.configuration, socket: stateDir + "/control.sock")
        guard answer.value["ok"]?.bool == true, let result = answer.value["result"],
            let running = RunningConfiguration(result)
        else {
            throw Answer.unreachable("aloft: \(answer.value["error"]?.string ?? "the daemon gave no answer")")
        }
        return running
    }

    private func askRoles() throws -> [String: String] {
        let answer = try ControlClient.ask(.status(instance: nil), socket: stateDir + "/control.sock")
        var roles: [String: String] = [:]
        for instance in answer.value["result"]?["worker"]?["instances"]?.array ?? [] {
            guard let name = instance["name"]?.string, let state = instance["state"]?.string else { continue }
            roles[name] = state
        }
        return roles
    }
}
