// `aloftd worker …` is the VRRP worker and `aloftd worker fence …` the fence process, which only the supervisor starts; everything else is the
// supervisor.

import Glibc
import LinuxWorld

// Inherited as ignored, it would have the kernel reap every child before anyone could ask how it ended.
signal(SIGCHLD, SIG_DFL)
exit(run(CommandLine.arguments))

private func run(_ arguments: [String]) -> Int32 {
    if arguments.dropFirst().prefix(2) == ["worker", "fence"] { return runFence(Array(arguments.dropFirst(3))) }
    if arguments.dropFirst().first == "worker" {
        // Executed through /proc/self/exe, the process would be called "exe". keepalived's children have its name.
        try? ThisProcess.setName(arguments[0] == "keepalived" ? "keepalived" : "aloftd-vrrp")
        return runWorker(Array(arguments.dropFirst(2)))
    }
    return runSupervisor(program: arguments.first ?? "aloftd", arguments: Array(arguments.dropFirst()))
}

/// A line on stderr, for what cannot wait for a log.
func printError(_ text: String) {
    let bytes = Array((text + "\n").utf8)
    _ = write(2, bytes, bytes.count)
}
