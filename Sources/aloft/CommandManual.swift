import ArgumentParser
import Configuration

/// aloft(8), made from the declarations of the commands.
enum CommandManual {
    static var text: String {
        var lines = [
            ".\\\" Made by `aloft reference` from the declarations of the commands; not to be edited.",
            ".TH ALOFT 8 \"\" Aloft \"System administration\"",
            ".SH NAME",
            "aloft \\- " + Roff.escaped(lowercasedFirst(Aloft.configuration.abstract)),
            ".SH SYNOPSIS",
            ".B aloft",
            ".I command",
            "[\\fIarguments\\fR]",
            ".SH DESCRIPTION",
            "aloft is the command line of Aloft: it checks configurations, starts the daemon and asks it questions.",
            "The daemon itself is aloftd; started under the name keepalived, or with",
            ".BR \"aloft keepalived\" ,",
            "it takes keepalived's options.",
            ".SH COMMANDS",
        ]
        for command in Aloft.configuration.subcommands where command.configuration.shouldDisplay {
            lines += section(command, name: "aloft \(command._commandName)")
            for inner in command.configuration.subcommands {
                lines += section(inner, name: "aloft \(command._commandName) \(inner._commandName)")
            }
        }
        lines += [
            ".SH EXIT STATUS",
            "0: done. 1: the answer is no. 2: the command line is wrong. 3: something cannot be reached or read.",
            ".SH SEE ALSO",
            ".BR aloft.conf (5),",
            ".BR keepalived (8)",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func section(_ command: any ParsableCommand.Type, name: String) -> [String] {
        let help = Aloft.helpMessage(for: command, columns: 80)
        return [".SS \"\(name)\"", ".nf"]
            + help.split(separator: "\n", omittingEmptySubsequences: false).map { Roff.line(String($0)) } + [".fi"]
    }

    private static func lowercasedFirst(_ text: String) -> String {
        let sentence = text.hasSuffix(".") ? text.dropLast() : text[...]
        return sentence.prefix(1).lowercased() + sentence.dropFirst()
    }
}
