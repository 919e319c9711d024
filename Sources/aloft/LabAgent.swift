import ArgumentParser
import NetworkLab

/// The lab's hands inside a network namespace (NetworkLab's `Agent`).
struct LabAgent: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "lab-agent", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() throws {
        do {
            try Agent.run(arguments)
        } catch {
            throw Answer.unreachable("lab-agent: \(error)")
        }
    }
}
