import ConfigLanguage
import Configuration
import Glibc
import LinuxWorld
import Supervision

/// `aloft run --dry-run …`: reads and checks as the daemon would with these options, and says what it would start.
/// Exit codes are those of `aloft check`.
enum DryRun {
    static func run(_ arguments: [String], program: String) throws {
        let options = SupervisorOptions(program: program, arguments: arguments)
        switch options.action {
        case .run, .testConfiguration: break
        case .invalid(let problem): throw Answer.usage("aloft: \(problem)")
        default: throw Answer.usage("aloft: --dry-run goes with what runs the daemon")
        }
        let path = options.configurationPath
        guard access(path, R_OK) == 0 else {
            throw Answer.unreachable("aloft: cannot read \(path): \(String(cString: strerror(errno)))")
        }
        let loaded = Configuration.load(
            main: path, files: DiskFiles(),
            environment: .here(as: options.configurationID),
            leniency: options.isKeepalived ? .keepalived : .strict)
        if !loaded.diagnostics.isEmpty { Console.fail(loaded.renderedDiagnostics()) }
        guard let model = loaded.model else { throw Answer.no("\(path): refused; nothing would start") }
        Console.say("\(path): fit to run; this would start, with its state in \(options.stateDirectory)")
        Console.say(StartOutline(model).text)
    }
}
