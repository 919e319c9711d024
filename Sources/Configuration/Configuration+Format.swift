import ConfigLanguage

extension Configuration {
    /// Lays one file out as `aloft fmt` does, without reading what it includes. What is not closed is refused.
    public static func format(_ text: [UInt8], name: String) throws(FormatRefusal) -> [UInt8] {
        try SourceFormatter.format(text, name: name, rules: Schema.lexicalRules)
    }

    /// One file as it may be shown: with a star for each byte of a password.
    public static func masked(_ text: [UInt8]) -> [UInt8] { SourceFormatter.masked(text, rules: Schema.lexicalRules) }
}
