import ArgumentParser
import Supervision

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")

    func run() { Console.say("aloft \(aloftVersion)") }
}
