import ArgumentParser

struct Keepalived: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Run the daemon with keepalived's options, signals and leniency.",
        discussion: "All arguments go to aloftd; they are keepalived's: -f -n -l -D -d -p -r -t …")

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws { try Daemon.become(["keepalived"] + arguments) }
}
