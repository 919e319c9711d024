import ConfigLanguage
import Primitives

/// The keywords of a configuration, each declared once. Reading, lint, spelling help and documentation come from here.
public enum Schema {
    /// Every block that is read, the top first, and behind the blocks every entry that has options. Made when documentation
    /// or a fault asks for it.
    public static let blocks: [BlockDescription] = readBlocks.map(\.description) + grammars.map(\.description)

    /// The blocks themselves.
    private static var readBlocks: [any KeywordBlock] {
        [
            root, global, script, group, instance, authentication, hmac, arbiter, trackFile, oldTrackFile, trackProcess,
            session,
            announcementGroup, trackGroupBlock, tls, serverGroup, virtualServer, realServer,
        ] + checkerBlocks
    }

    /// Entries and keywords that have options.
    private static var grammars: [any KeywordBlock] {
        [
            virtualAddress, staticAddress, peer, virtualRoute, nextHop, encapsulation, tunnel4, tunnel6, staticRoute,
            virtualRule, staticRule, macvlan, ipvlan, linkPolling, connectionTimeouts, syncDaemon,
        ]
    }

    /// What the language must know beforehand: derived from the blocks.
    static let lexicalRules: LexicalRules = {
        var shell: [String] = []
        var secret: [String] = []
        var top: [String] = []
        var nested: Set<String> = []
        for block in readBlocks {
            block.forEachKeyword { name, argument, isSecret in
                if argument.isShellQuoted { shell.append(name) }
                if isSecret { secret.append(name) }
                if !block.path.isEmpty {
                    nested.insert(name)
                } else if argument.wantsBlock {
                    top.append(name)
                }
            }
        }
        // `track_file` and others stand inside of blocks as well.
        return LexicalRules(shellQuoted: shell, secret: secret, topLevel: top.filter { !nested.contains($0) })
    }()

    /// The blocks and entries that know `keyword`, in the order of declaration.
    static func homes(of keyword: String) -> [String] { homesByKeyword[keyword] ?? [] }

    private static let homesByKeyword: [String: [String]] = {
        var homes: [String: [String]] = [:]
        for block in blocks {
            for keyword in block.keywords { homes[keyword.name, default: []].append(block.path) }
        }
        return homes
    }()

    /// The entries that know an option.
    static func entriesWith(_ option: String) -> [String] {
        blocks.filter { $0.isEntry && $0.keywords.contains { $0.name == option } }.map(\.path)
    }

    /// What `word` is called in the block of this path, where it has another name than elsewhere.
    static func nameHere(of word: String, in path: String) -> String? {
        word == "lb_kind" && path == realServer.path ? "lvs_method" : nil
    }

    /// The most a 32-bit number of seconds holds.
    static let anySeconds = 0...4_294_967_295
    /// The same in microseconds, where keepalived counts those.
    static let microseconds = 0...4_294_967_295

    /// A time that keepalived counts in 32 bits of microseconds, as whole seconds.
    static let burstSeconds = 0...4_294
}
