/// One option of a command line, as `getopt_long` knows it.
struct OptionRow<Key: Equatable & Sendable>: Sendable {
    enum Argument: Sendable {
        case none
        case required
        /// Attached only: `-tFILE`, `--config-test=FILE`.
        case optional
    }
    var key: Key
    /// The letter after one dash, or nil.
    var letter: Unicode.Scalar?
    var name: String
    var argument: Argument = .none
}

/// Reads a command line by `getopt_long`'s rules: clustered letters (`-nlD`), arguments attached or
/// following, unique beginnings of long names, `--` before what is not an option. Total: it yields an option,
/// an operand, the end, or a text that says what is wrong.
struct OptionReader<Key: Equatable & Sendable> {
    enum Item: Equatable {
        case option(Key, String?)
        case operand(String)
        case invalid(String)
    }

    private let rows: [OptionRow<Key>]
    private var arguments: ArraySlice<String>
    private var cluster: Substring.UnicodeScalarView = Substring().unicodeScalars
    private var onlyOperands = false

    init(_ rows: [OptionRow<Key>], arguments: ArraySlice<String>) {
        self.rows = rows
        self.arguments = arguments
    }

    mutating func next() -> Item? {
        if let letter = cluster.popFirst() { return short(letter) }
        guard let argument = arguments.popFirst() else { return nil }
        if onlyOperands || argument == "-" || argument.utf8.first != UInt8(ascii: "-") { return .operand(argument) }
        if argument == "--" {
            onlyOperands = true
            return next()
        }
        if argument.hasPrefix("--") { return long(argument.dropFirst(2)) }
        cluster = argument.dropFirst().unicodeScalars
        return next()
    }

    private mutating func short(_ letter: Unicode.Scalar) -> Item {
        guard let row = rows.first(where: { $0.letter == letter }) else {
            cluster = Substring().unicodeScalars
            return .invalid("unknown option -\(letter)")
        }
        let attached = Substring(cluster)
        switch row.argument {
        case .none: return .option(row.key, nil)
        case .optional:
            cluster = Substring().unicodeScalars
            return .option(row.key, attached.isEmpty ? nil : String(attached))
        case .required:
            cluster = Substring().unicodeScalars
            if !attached.isEmpty { return .option(row.key, String(attached)) }
            guard let value = arguments.popFirst() else { return .invalid("option -\(letter) needs an argument") }
            return .option(row.key, value)
        }
    }

    private mutating func long(_ text: Substring) -> Item {
        let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.first ?? ""
        let value = parts.count > 1 ? String(parts[1]) : nil
        var found = rows.filter { $0.name == name }
        if found.isEmpty, !name.isEmpty { found = rows.filter { $0.name.hasPrefix(name) } }
        // Several spellings of one option are not ambiguous.
        guard let row = found.first, found.allSatisfy({ $0.key == row.key }) else {
            return .invalid(found.isEmpty ? "unknown option --\(name)" : "option --\(name) is ambiguous")
        }
        switch row.argument {
        case .none: return value == nil ? .option(row.key, nil) : .invalid("option --\(row.name) takes no argument")
        case .optional: return .option(row.key, value)
        case .required:
            guard let value = value ?? arguments.popFirst() else {
                return .invalid("option --\(row.name) needs an argument")
            }
            return .option(row.key, value)
        }
    }
}
