import ConfigLanguage
import Primitives

/// The keywords of a configuration, each declared once. Reading, lint, spelling help and documentation come from here.
public enum Schema {
    /// Every block that is read, the top first.
    public static let blocks: [BlockDescription] =
        [
            root.description, global.description, script.description, group.description, instance.description,
            authentication.description, tls.description, serverGroup.description, virtualServer.description,
            realServer.description,
        ] + checkerBlocks

    /// What the language must know beforehand: derived from the blocks.
    static let lexicalRules: LexicalRules = {
        var shell: [String] = []
        // The key of auth_hmac.
        var secret = ["key"]
        var top: [String] = []
        for block in blocks {
            for keyword in block.keywords {
                if keyword.isShellQuoted { shell.append(keyword.name) }
                if keyword.isSecret { secret.append(keyword.name) }
            }
        }
        // `track_file` and others stand inside of blocks as well.
        let nested = Set(blocks.dropFirst().flatMap(\.keywords).map(\.name))
        for keyword in blocks[0].keywords where !nested.contains(keyword.name) {
            switch keyword.argument {
            case .block, .list: top.append(keyword.name)
            default: break
            }
        }
        return LexicalRules(shellQuoted: shell, secret: secret, topLevel: top)
    }()

    /// The blocks that know `keyword`, in the order of declaration.
    static func homes(of keyword: String) -> [String] { homesByKeyword[keyword] ?? [] }

    private static let homesByKeyword: [String: [String]] = {
        var homes: [String: [String]] = [:]
        for block in blocks {
            for keyword in block.keywords { homes[keyword.name, default: []].append(block.path) }
        }
        for block in LaterKeywords.blocks {
            for name in block.names { homes[name, default: []].append(block.path) }
        }
        return homes
    }()

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
