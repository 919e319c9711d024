import ArgumentParser
import ConfigLanguage
import Configuration
import Glibc
import LinuxWorld
import Primitives

/// Lists what was understood of a configuration.
struct Dump: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List what was understood of a configuration, as keepalived -d does.",
        discussion: """
            Exit code 0: done. 1: the file has errors; if these are only keywords that are not supported yet, it is listed \
            nevertheless. 3: it cannot be read.
            """)

    @Argument(help: "A main file; what it includes is read with it.") var file: String
    @Option(help: ArgumentHelp("What only keepalived accepts is a warning.", valueName: "keepalived"))
    var compat: Check.Compatibility?
    @Option(
        name: [.customShort("i"), .customLong("config-id")],
        help: ArgumentHelp("Read it as this node: lines behind @ID. By default this host's name.", valueName: "id"))
    var id: String?
    @Flag(help: "Print the configuration as JSON, in its own words.") var json = false

    func run() throws {
        guard access(file, R_OK) == 0 else {
            throw Answer.unreachable("aloft: cannot read \(file): \(String(cString: strerror(errno)))")
        }
        let loaded = Configuration.load(
            main: file, files: DiskFiles(), environment: .here(as: id),
            leniency: compat == .keepalived ? .keepalived : .strict)
        let faults = loaded.diagnostics.filter { $0.severity == .error }
        let report = DiagnosticRenderer(loaded.sources).render(faults)
        guard let model = loaded.understood else { throw Answer.no(report) }
        let dump = ConfigurationDump(model)
        if json {
            var writer = JSONWriter()
            dump.write(to: &writer)
            Console.say(writer.text)
        } else {
            Console.write(dump.bytes)
        }
        // What is not supported yet was understood all the same.
        if !faults.isEmpty { throw Answer.no(report) }
    }
}
