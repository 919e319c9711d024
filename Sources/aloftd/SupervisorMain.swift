import Glibc
import LinuxWorld
import Primitives
import Supervision

/// The daemon's beginning and end: the command line, the background, the lock, and then the shell's loop.
/// Returns the code to exit with.
func runSupervisor(program: String, arguments: [String]) -> Int32 {
    var options = SupervisorOptions(program: program, arguments: arguments)
    let directory = ThisProcess.workingDirectory ?? "/"
    options.resolvePaths(from: directory)
    options.configurationID = options.configurationID ?? Host.configurationID()
    switch options.action {
    case .invalid(let text):
        printError("\(program): \(text)\n\n\(SupervisorOptions.usage)")
        return SupervisorOptions.usageExitCode
    case .help:
        print(SupervisorOptions.usage, terminator: "")
        return ExitCode.success
    case .version:
        // keepalived writes its version to stderr.
        if options.isKeepalived {
            printError("Aloft v\(aloftVersion), in keepalived's place")
        } else {
            print("aloft \(aloftVersion)")
        }
        return ExitCode.success
    case .printSignal(let number):
        print(number)
        return ExitCode.success
    case .testConfiguration(let log): return checkConfiguration(options, log: log)
    case .run: break
    }
    // First of all: sockets and children are made in the namespace that this thread is in.
    if let name = options.networkNamespace {
        do { try NetworkNamespace(named: name).enter() } catch {
            printError("aloftd: cannot run in the network namespace \(name): \(error)")
            return error.errno == .notPermitted || error.errno == .accessDenied ? ExitCode.permission : ExitCode.fatal
        }
    }
    guard options.isForeground || options.readinessDescriptor != nil else {
        return detach(options, program: program, arguments: arguments, directory: directory)
    }
    return runInForeground(options)
}

private func runInForeground(_ options: SupervisorOptions) -> Int32 {
    // Executed through /proc/self/exe, the process would be called "exe".
    try? ThisProcess.setName(options.processName)
    try? Scheduling.niceness(WorkerProcess.niceness)
    try? SignalSource.ignore(Signal.pipe)
    umask(mode_t(options.umask ?? SupervisorOptions.usualUmask))
    // Not to keep a file system busy.
    if options.readinessDescriptor != nil { chdir("/") }
    let code = runLocked(options)
    if let descriptor = options.readinessDescriptor {
        // Nobody reads any more when the daemon had become ready.
        var byte = UInt8(truncatingIfNeeded: code)
        _ = write(descriptor, &byte, 1)
    }
    return code
}

private func runLocked(_ options: SupervisorOptions) -> Int32 {
    let shell: SupervisorShell
    do throws(SystemError) {
        try SupervisorFile.makeDirectories(options.stateDirectory)
        do throws(SupervisorLock.Failure) {
            let lock = try SupervisorLock.acquire(in: options.stateDirectory)
            lock.note(supervisor: ThisProcess.pid, worker: 0)
            shell = try makeShell(options, lock)
        } catch {
            switch error {
            case .held(let pid):
                printError("aloftd: a daemon runs already in \(options.stateDirectory) (process \(pid))")
                return ExitCode.fatal
            case .system(let error): throw error
            }
        }
    } catch {
        printError("aloftd: \(error)")
        let isPermission = error.errno == .accessDenied || error.errno == .notPermitted
        return isPermission ? ExitCode.permission : ExitCode.fatal
    }
    if let path = options.pidFile { shell.writePID(ThisProcess.pid, to: path) }
    let code = shell.run()
    shell.removeTraces()
    return code
}

private func makeShell(
    _ options: SupervisorOptions, _ lock: consuming SupervisorLock
) throws(SupervisorLock.Failure) -> SupervisorShell {
    do { return try SupervisorShell(options, lock: lock) } catch { throw .system(error) }
}

/// Starts the same command line again in a session of its own, waits until it is ready or has failed, and
/// ends with its code: whoever starts the daemon learns whether it runs, which a plain fork does not tell.
private func detach(
    _ options: SupervisorOptions, program: String, arguments: [String], directory: String
) -> Int32 {
    do {
        let (reading, writing) = try FileDescriptor.pipe().ends()
        let ready = FileDescriptor(owning: reading)
        var request = SpawnRequest(
            "/proc/self/exe", arguments + ["--ready-fd=3"], environment: SupervisorShell.ownEnvironment())
        request.arguments[0] = program
        request.group = .newSession
        request.directory = directory
        request.descriptors = [(3, writing)]
        // What keeps stderr open keeps `$(…)` waiting; with -l the console is wanted.
        let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
        if null >= 0, !options.logsToConsole { request.descriptors += [(1, null), (2, null)] }
        var child = try Spawner.spawn(request)
        close(writing)
        if null >= 0 { close(null) }
        var answer: [UInt8] = []
        _ = try? ready.read(into: &answer, limit: 1)
        if let code = answer.first {
            if code != 0 { printError("aloftd: the daemon did not start (code \(code)); its log says why") }
            return Int32(code)
        }
        printError("aloftd: the daemon ended before it was ready; its log says why")
        if case .exited(let code)? = child.end(), code != 0 { return code }
    } catch {
        printError("aloftd: \(error)")
    }
    return ExitCode.fatal
}
