import ArgumentParser
import ConfigLanguage
import Configuration
import Glibc
import LinuxWorld

/// Reads configurations and says what is wrong with them, and where.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check configuration files.",
        discussion: """
            Needs neither root nor anything of the host that the files are for. Several files that share a virtual router are \
            checked against each other, and a table says who will be master and what moves it.

            Exit code 0: nothing is refused. 1: a file has errors, or several have together. 3: a file cannot be read or written.
            """)

    @Argument(help: "Each a main file; what it includes is read with it.")
    var files: [String] = ["/etc/keepalived/keepalived.conf"]

    @Option(help: ArgumentHelp("What only keepalived accepts is a warning.", valueName: "keepalived"))
    var compat: Compatibility?

    @Option(help: "How to print: text, json or sarif.") var format: Format = .text
    @Flag(help: "The same as --format json.") var json = false

    @Flag(help: "Make the edits that can mean nothing else, in every file that was read, and show them.") var fix =
        false
    @Flag(help: "With --fix: show the edits and write nothing.") var dryRun = false

    @Flag(help: "Ask this host as well: its interfaces, addresses, programs and users. For one file.") var live = false

    @Flag(
        inversion: .prefixedNo, help: "Check several files against each other. The default where they share a router.")
    var cluster: Bool?

    enum Compatibility: String, ExpressibleByArgument, CaseIterable { case keepalived }
    enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, sarif }

    func validate() throws {
        if live, files.count > 1 { throw ValidationError("--live takes one file: the others are of other hosts.") }
        if dryRun, !fix { throw ValidationError("--dry-run belongs to --fix.") }
        if live, ids.count > 1 { throw ValidationError("--live takes one -i: the others are of other hosts.") }
        if fix, ids.count > 1 {
            throw ValidationError("--fix takes one -i: an edit for one node may be none for another.")
        }
        if cluster == true, files.count * max(1, ids.count) < 2 {
            throw ValidationError("--cluster needs the files of two nodes or more.")
        }
    }

    @Option(
        name: [.customShort("i"), .customLong("config-id")],
        help: ArgumentHelp(
            "Read the files as this node: lines behind @ID. By default this host's name. With several, each file as each.",
            valueName: "id"))
    var ids: [String] = []

    private var leniency: Leniency { compat == .keepalived ? .keepalived : .strict }

    func run() throws {
        for file in files where access(file, R_OK) != 0 {
            throw Answer.unreachable("aloft: cannot read \(file): \(String(cString: strerror(errno)))")
        }
        var result = CheckResult(
            files.flatMap { file in (ids.isEmpty ? [nil] : ids.map(Optional.some)).map { read(file, as: $0) } })
        if cluster != false { result.compare() }
        if live { result.ask(LocalHost(), leniency) }
        switch json ? .json : format {
        case .text: Console.say(result.text(isRehearsal: dryRun))
        case .json: Console.say(result.json())
        case .sarif: Console.say(result.sarif())
        }
        if fix, !dryRun { try write(result) }
        if result.isRefused { throw Answer.no("") }
        if cluster == true, result.comparison == nil {
            throw Answer.no("aloft: the files were not checked against each other")
        }
    }

    private func read(_ file: String, as id: String?) -> CheckedFile {
        let environment = TextEnvironment.here(as: id)
        let name = ids.count > 1 ? "\(file) as \(environment.id)" : file
        guard fix else {
            let loaded = Configuration.load(
                main: file, files: DiskFiles(), environment: environment, leniency: leniency)
            return CheckedFile(name: name, loaded: loaded, repair: nil)
        }
        let repair = Repair(main: file, files: DiskFiles(), environment: environment, leniency: leniency)
        return CheckedFile(name: name, loaded: repair.after, repair: repair)
    }

    /// After the difference was shown. Each file is told when it is written, so that a failure leaves no doubt.
    private func write(_ result: CheckResult) throws {
        var written: [String] = []
        for file in result.files.compactMap(\.repair).flatMap(\.files) where !written.contains(file.path) {
            do {
                try Files.replace(file.path, file.before, with: file.after)
            } catch {
                throw Answer.unreachable("aloft: \(error)")
            }
            written.append(file.path)
            if !json, format == .text { Console.say("wrote \(file.path)") }
        }
    }
}
