import Glibc
import LinuxWorld
import Supervision
import Workers

/// `-t`: reads the configuration as the worker would, says what is wrong, and ends: 0 when there is nothing
/// but notes to say; under keepalived's name 5 when it would run nevertheless and 4 when not; otherwise 0 when it
/// would run and 2 when not.
func checkConfiguration(_ options: SupervisorOptions, log: String?) -> Int32 {
    let loaded = ConfigurationLoader(WorkerOptions(mode: .start, options)).fromDisk()
    if !loaded.report.isEmpty {
        let bytes = Array((loaded.report + "\n").utf8)
        if let log {
            do { try SupervisorFile.replace(log, with: bytes, mode: 0o644) } catch { printError("\(error)") }
        } else {
            _ = write(2, bytes, bytes.count)
        }
    }
    guard loaded.model != nil else { return options.isKeepalived ? 4 : ExitCode.configuration }
    return options.isKeepalived && loaded.hasWarnings ? 5 : ExitCode.success
}
