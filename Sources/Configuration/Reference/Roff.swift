/// Text for man(7).
public enum Roff {
    /// Backslashes are roff's own, and a hyphen is a minus that can be copied.
    public static func escaped(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "\\": result += "\\e"
            case "-": result += "\\-"
            case "\"": result += "\\(dq"
            default: result.append(character)
            }
        }
        return result
    }

    /// A line of text: one that begins with a dot or a quote would be a request.
    public static func line(_ text: String) -> String {
        let line = escaped(text)
        return line.utf8.first == UInt8(ascii: ".") || line.utf8.first == UInt8(ascii: "'") ? "\\&" + line : line
    }

    /// One argument of a request.
    public static func argument(_ text: String) -> String { "\"\(escaped(text))\"" }
}
