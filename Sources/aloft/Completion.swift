import ArgumentParser

/// Prints what a shell needs to complete commands and options.
struct Completion: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the completion script of a shell.",
        discussion: """
            For bash: aloft completion bash > /etc/bash_completion.d/aloft. `make install` installs it. Keywords of a \
            configuration come from `aloft support --complete BLOCK PREFIX`.
            """)

    enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

    @Argument(help: "bash, zsh or fish.") var shell: Shell

    func run() {
        let shell: CompletionShell =
            switch shell {
            case .bash: .bash
            case .zsh: .zsh
            case .fish: .fish
            }
        Console.say(Aloft.completionScript(for: shell))
    }
}
