import ArgumentParser

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the version.")
    static let number = "0.1.0"

    func run() { Console.say("aloft \(Version.number)") }
}
