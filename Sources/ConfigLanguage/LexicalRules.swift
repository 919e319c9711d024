/// What the reader must know of keywords before it knows what they mean. `Configuration` derives it from its schema.
public struct LexicalRules: Sendable {
    let table: KeywordTable
    let traits: [Traits]

    struct Traits: OptionSet, Sendable {
        let rawValue: UInt8
        static let shell = Traits(rawValue: 1)
        static let secret = Traits(rawValue: 2)
        static let top = Traits(rawValue: 4)
    }

    /// - Parameters:
    ///   - shellQuoted: keywords whose words follow `ShellWords`.
    ///   - secret: keywords whose arguments no renderer may show.
    ///   - topLevel: keywords that open a block at the top and mean nothing anywhere else. One that is met inside of
    ///     another block shows that a `}` is missing before it.
    public init(shellQuoted: [String] = [], secret: [String] = [], topLevel: [String] = []) {
        let names = shellQuoted + secret + topLevel
        let table = KeywordTable(names)
        var traits = Array(repeating: Traits(), count: names.count)
        func mark(_ list: [String], _ trait: Traits) {
            for name in list {
                let bytes = Array(name.utf8)
                if let number = table[bytes[...]] { traits[number].insert(trait) }
            }
        }
        mark(shellQuoted, .shell)
        mark(secret, .secret)
        mark(topLevel, .top)
        self.table = table
        self.traits = traits
    }

    func traits(of word: ArraySlice<UInt8>) -> Traits {
        guard let number = table[word] else { return [] }
        return traits[number]
    }
}

/// How much text a configuration may be made of.
public struct IncludeLimits: Sendable {
    /// Files within files.
    public var depth = 32
    /// Files in all.
    public var files = 4_096
    /// Bytes in all; below 4 GiB.
    public var bytes = 16 << 20

    public init() {}
}
