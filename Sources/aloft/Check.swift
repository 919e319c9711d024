import ArgumentParser
import ConfigLanguage
import Configuration
import Glibc
import LinuxWorld

/// Reads configurations and says what is wrong with them, and where.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check configuration files.",
        discussion: "Exit code 0: nothing is refused. 1: a file has errors. 3: a file cannot be read.")

    @Argument(help: "Each a main file; what it includes is read with it.")
    var files: [String] = ["/etc/keepalived/keepalived.conf"]

    @Option(help: ArgumentHelp("What only keepalived accepts is a warning.", valueName: "keepalived"))
    var compat: Compatibility?

    @Flag(help: "Print the findings as a JSON array.") var json = false

    enum Compatibility: String, ExpressibleByArgument, CaseIterable { case keepalived }

    func run() throws {
        var refused = 0
        for file in files {
            guard access(file, R_OK) == 0 else {
                throw Answer.unreachable("aloft: cannot read \(file): \(String(cString: strerror(errno)))")
            }
            let loaded = Configuration.load(
                main: file, files: DiskFiles(), leniency: compat == .keepalived ? .keepalived : .strict)
            if json {
                Console.say(DiagnosticRenderer(loaded.sources).renderJSON(loaded.diagnostics))
            } else if !loaded.diagnostics.isEmpty {
                Console.say(loaded.renderedDiagnostics())
            }
            if loaded.isValid {
                let count = loaded.model?.instances.count ?? 0
                if !json { Console.say("\(file): fit to run, \(count) virtual router\(count == 1 ? "" : "s")") }
            } else {
                refused += 1
                if !json { Console.say("\(file): refused") }
            }
        }
        if refused > 0 { throw Answer.no("") }
    }
}
