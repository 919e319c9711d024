import ArgumentParser

struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the daemon (aloftd) with aloft's strict reading of the configuration.",
        discussion: """
            All arguments go to aloftd; see `aloftd --help`. With --dry-run among them nothing is started: the configuration is \
            read and checked, and what would start is printed.
            """)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        let others = arguments.filter { $0 != "--dry-run" }
        guard others.count < arguments.count else { try Daemon.become(["run"] + arguments) }
        try DryRun.run(["run"] + others, program: "aloftd")
    }
}
