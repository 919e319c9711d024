import ArgumentParser

// A build for planted bugs has only what the simulator needs (Package.swift).
#if canImport(HealthWorker)
    import ArbiterWorker
    import HealthWorker
    import MailWorker
#endif

/// The command line. Exit codes: 0 done, 1 the answer is no, 2 usage, 3 cannot reach or read.
@main
struct Aloft: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "aloft",
        abstract: "Keeps a service's address up.",
        subcommands: [
            Check.self, Fmt.self, PlanCommand.self, Dump.self, Support.self, Run.self, Keepalived.self, Status.self,
            Explain.self, History.self, Drain.self, Undrain.self, Reload.self, RealServer.self, WitnessCommand.self,
            Demo.self, Simulate.self, Completion.self, Version.self, LabAgent.self, LeaseAgent.self, Reference.self,
        ])

    static func main() {
        // What the supervisor starts, and nobody else.
        #if canImport(HealthWorker)
            let arguments = CommandLine.arguments
            if arguments.count > 2, arguments[1] == "worker" {
                switch arguments[2] {
                case "health": exit(withCode: HealthWorkerMain.run(Array(arguments[3...])))
                case "arbiter": exit(withCode: ArbiterWorkerMain.run(Array(arguments[3...])))
                case "mail": exit(withCode: MailWorkerMain.run(Array(arguments[3...])))
                default: break
                }
            }
        #endif
        do {
            var command = try parseAsRoot()
            try command.run()
        } catch let answer as Answer {
            Console.fail(answer.message)
            exit(withCode: answer.code)
        } catch {
            // ArgumentParser's own 64 for a wrong command line is 2 here, as in every other Unix tool.
            let code = exitCode(for: error)
            guard code == .validationFailure else { exit(withError: error) }
            Console.fail(fullMessage(for: error))
            exit(withCode: 2)
        }
    }

    private static func exit(withCode code: Int32) -> Never { exit(withError: ExitCode(code)) }
}

/// An end that is not success: what to say and the exit code.
struct Answer: Error {
    var message: String
    var code: Int32

    static func no(_ message: String) -> Answer { Answer(message: message, code: 1) }
    static func usage(_ message: String) -> Answer { Answer(message: message, code: 2) }
    static func unreachable(_ message: String) -> Answer { Answer(message: message, code: 3) }
}
