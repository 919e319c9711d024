import ConfigLanguage

extension Configuration {
    /// Lays one file out as `aloft fmt` does, without reading what it includes. What is not closed is refused.
    public static func format(_ text: [UInt8], name: String) throws(FormatRefusal) -> [UInt8] {
        try SourceFormatter.format(text, name: name, rules: Schema.lexicalRules)
    }
}
