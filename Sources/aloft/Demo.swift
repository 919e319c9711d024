import ArgumentParser
import NetworkLab

struct Demo: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Watch an address fail over, in network namespaces.")

    func run() throws { throw Answer.unreachable("aloft: the demo needs the daemon") }
}
