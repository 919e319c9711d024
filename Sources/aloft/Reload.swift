import ArgumentParser
import Supervision

struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let the daemon read its configuration again.", discussion: "Exit code 1: it was rejected.")

    @OptionGroup var daemon: DaemonLocation

    func run() throws {
        let result = try daemon.ask(.reload)
        let text = result["text"]?.string ?? ""
        guard result["accepted"]?.bool == true else { throw Answer.no(daemon.json ? "" : text) }
        if !daemon.json { Console.say(text) }
    }
}
