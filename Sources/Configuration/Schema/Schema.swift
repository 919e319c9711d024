import ConfigLanguage
import Primitives

/// The keywords of a configuration, each declared once. Reading, lint, spelling help and documentation come from here.
public enum Schema {
    /// Every block that is read, the top first.
    public static let blocks: [BlockDescription] = [
        root.description, global.description, script.description, group.description, instance.description,
        authentication.description,
    ]

    /// What the language must know beforehand: derived from the blocks.
    static let lexicalRules: LexicalRules = {
        var shell = [
            "notify_up", "notify_down", "quorum_up", "quorum_down", "misc_path", "notify_fifo_script",
            "lvs_notify_fifo_script",
        ]
        var secret = ["password", "key"]
        var top: [String] = []
        for block in blocks {
            for keyword in block.keywords {
                if keyword.argument == .command { shell.append(keyword.name) }
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
    static func homes(of keyword: String) -> [String] {
        blocks.filter { $0.keywords.contains { $0.name == keyword } }.map(\.path)
            + LaterKeywords.blocks.filter { $0.names.contains(keyword) }.map(\.path)
    }

    /// The most a 32-bit number of seconds holds.
    static let anySeconds = 0...4_294_967_295
    /// The same in microseconds, where keepalived counts those.
    static let microseconds = 0...4_294_967_295

    /// A time that keepalived counts in 32 bits of microseconds, as whole seconds.
    static let burstSeconds = 0...4_294
}
