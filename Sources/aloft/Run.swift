import ArgumentParser

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the daemon (aloftd) with aloft's strict reading of the configuration.",
        discussion: "All arguments go to aloftd; see `aloftd --help`.")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws { try Daemon.become(["run"] + arguments) }
}
