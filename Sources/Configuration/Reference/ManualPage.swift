/// aloft.conf(5), made from the schema.
public enum ManualPage {
    /// In the language of man(7).
    public static var text: String {
        let entries = Schema.entries
        var lines = [
            ".\\\" Made by `aloft reference` from the keywords that the program knows; not to be edited.",
            ".TH ALOFT.CONF 5 \"\" Aloft \"File formats\"",
            ".SH NAME",
            "aloft.conf \\- configuration of aloft",
            ".SH DESCRIPTION",
            "Aloft reads the language of keepalived.conf(5). A line is a keyword and its arguments.",
            ".B {",
            "opens a block and",
            ".B }",
            "closes it.",
            ".B #",
            "and",
            ".B !",
            "begin comments; a pair of double quotes makes one word of several.",
            ".PP",
            "Times are in seconds with up to six decimals unless something else is said.",
            "Behind a command may stand the user and the group that it runs as.",
            ".PP",
            "A keyword works unless its text says otherwise.",
            ".I Without effect",
            "means that what it asks for is always or never so.",
            ".I Not yet",
            "means that it is read and checked, that there is a warning, and that nothing happens.",
            ".I Refused",
            "means that a configuration with it is not run for now.",
        ]
        var block: String?
        for entry in entries {
            if entry.block != block {
                block = entry.block
                lines.append(".SH " + Roff.argument(title(entry)))
            }
            lines.append(".TP")
            lines.append(
                ".B " + Roff.argument(entry.name)
                    + (entry.arguments.isEmpty ? "" : " \\fR" + Roff.escaped(entry.arguments)))
            lines.append(Roff.line(entry.documentation))
            lines += remarks(entry).map { Roff.line($0) }
        }
        lines += [
            ".SH FILES", ".I /etc/keepalived/keepalived.conf", ".SH SEE ALSO",
            ".BR aloft (8),", ".BR keepalived.conf (5)",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private static func title(_ entry: KeywordEntry) -> String {
        if entry.block.isEmpty { return "AT THE TOP" }
        let path = entry.block.split(separator: "/").joined(separator: " / ")
        return entry.isOption ? "OPTIONS: \(path)" : "BLOCK: \(path)"
    }

    private static func remarks(_ entry: KeywordEntry) -> [String] {
        var remarks: [String] = []
        if !entry.range.isEmpty { remarks.append("Values: \(entry.range).") }
        if !entry.defaultText.isEmpty { remarks.append("Default: \(entry.defaultText).") }
        switch entry.support {
        case .works: break
        case .withoutEffect: remarks.append("Without effect.")
        case .notYet: remarks.append("Not yet.")
        case .refused: remarks.append("Refused.")
        case .oldName(let better): remarks.append("An old name: write \(better).")
        }
        return remarks
    }
}
