/// One keyword or option as people look it up: a row of `aloft support`, of the reference and of the manual page.
public struct KeywordEntry: Hashable, Sendable {
    /// What becomes of it.
    public enum Support: Hashable, Sendable {
        case works
        /// What it asks for is always or never so.
        case withoutEffect
        /// Read and checked, and nothing happens.
        case notYet
        /// A configuration with it is not run.
        case refused
        /// Another name of this keyword.
        case oldName(of: String)

        public var text: String {
            switch self {
            case .works: "works"
            case .withoutEffect: "without effect"
            case .notYet: "not yet"
            case .refused: "refused"
            case .oldName(let better): "old name of \(better)"
            }
        }
    }

    /// As in `vrrp_instance/authentication`; the top is empty.
    public let block: String
    public let name: String
    /// It stands in an entry or behind a keyword, not at the beginning of a line.
    public let isOption: Bool
    /// As a manual writes them; empty where there are none.
    public let arguments: String
    /// Values that are allowed; empty where the arguments say all.
    public let range: String
    /// What counts without it; empty where there is nothing to say.
    public let defaultText: String
    public let support: Support
    public let documentation: String
}

extension Schema {
    /// Every keyword and option, block by block. What stands in a block that does nothing yet does nothing either.
    public static var entries: [KeywordEntry] {
        var inherited: [String: KeywordEntry.Support] = [:]
        var entries: [KeywordEntry] = []
        for block in blocks {
            let outer = support(around: block.path, inherited)
            for keyword in block.keywords {
                let support = weaker(support(of: keyword, in: block), outer)
                let path = block.path.isEmpty ? keyword.name : block.path + "/" + keyword.name
                inherited[path] = support
                entries.append(
                    KeywordEntry(
                        block: block.path, name: keyword.name, isOption: block.isEntry,
                        arguments: keyword.argument.text, range: keyword.argument.rangeText,
                        defaultText: keyword.defaultText, support: support, documentation: keyword.documentation))
            }
        }
        return entries
    }

    private static func support(of keyword: KeywordDescription, in block: BlockDescription) -> KeywordEntry.Support {
        switch keyword.status {
        case .supported: return .works
        case .withoutEffect: return .withoutEffect
        case .notYet(let decides): return decides ? .refused : .notYet
        case .deprecated(let better): return .oldName(of: better)
        }
    }

    /// What becomes of the keywords around a block, the weakest of them.
    private static func support(
        around path: String, _ known: [String: KeywordEntry.Support]
    ) -> KeywordEntry.Support {
        var found = KeywordEntry.Support.works
        var end = path.startIndex
        while end < path.endIndex {
            end = path[end...].dropFirst().firstIndex(of: "/") ?? path.endIndex
            var support = known[String(path[..<end])] ?? .works
            // The block of an old name does what that of the new one does.
            if case .oldName(let better) = support { support = known[better] ?? .works }
            found = weaker(found, support)
        }
        return found
    }

    private static func weaker(_ a: KeywordEntry.Support, _ b: KeywordEntry.Support) -> KeywordEntry.Support {
        if case .oldName = a { return a }
        if a == .refused || b == .refused { return .refused }
        if a == .notYet || b == .notYet { return .notYet }
        return a
    }

    /// The keywords of a block that begin with `prefix`, for completion: `top` is the top, and a path may be shortened to
    /// its last part where that is clear.
    public static func completions(in block: String, prefix: String) -> [String] {
        let path = block == "top" ? "" : block
        let matching = blocks.filter { $0.path == path }
        let found = matching.isEmpty ? blocks.filter { $0.path.hasSuffix("/" + path) } : matching
        guard let block = found.first else { return [] }
        return block.keywords.map(\.name).filter { $0.hasPrefix(prefix) }.sorted()
    }
}
