import Primitives

/// What was understood of a configuration: in the layout in which keepalived lists its own with `-d`, and as JSON.
///
/// The lines and their order are those of keepalived 2.2.7, so that the two listings of one file can be laid side by side. What only
/// a running daemon knows (sockets, results, interfaces of the host) has no lines. Names of users are not looked up, and passwords
/// are not shown.
public struct ConfigurationDump {
    let model: Model
    /// By the names of their members.
    let groups: [String: SyncGroupDefinition]
    let scripts: [String: TrackScript]
    /// The listing, each line with its end.
    public private(set) var bytes: [UInt8] = []

    public init(_ model: Model) {
        self.init(empty: model)
        addGlobals()
        addStatics()
        if !model.instances.isEmpty {
            heading("VRRP Topology")
            for instance in model.instances { add(instance) }
        }
        if !model.syncGroups.isEmpty {
            heading("VRRP Sync groups")
            for group in model.syncGroups { add(group) }
        }
        addScripts()
        addTrackers()
        addServers()
        addExtensions()
    }

    /// Without a line yet.
    init(empty model: Model) {
        self.model = model
        var groups: [String: SyncGroupDefinition] = [:]
        for group in model.syncGroups {
            for member in group.members where groups[member] == nil { groups[member] = group }
        }
        self.groups = groups
        scripts = Dictionary(model.scripts.map { ($0.name, $0) }) { first, _ in first }
    }

    /// The first part alone: what a running daemon lists before its own state.
    public static func globalDefinitions(of model: Model) -> String {
        var dump = ConfigurationDump(empty: model)
        dump.addGlobals()
        return dump.text
    }

    /// The listing as text.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    mutating func heading(_ text: String) { raw("------< \(text) >------") }

    /// - Parameter depth: 0 for the lines right below a heading.
    mutating func line(_ depth: Int, _ text: String) {
        bytes.append(contentsOf: repeatElement(0x20, count: 1 + 2 * depth))
        raw(text)
    }

    mutating func raw(_ line: String) {
        bytes.append(contentsOf: line.utf8)
        bytes.append(0x0A)
    }

    /// All lines of another listing.
    mutating func raw(_ other: ConfigurationDump) { bytes += other.bytes }

    mutating func entries(_ title: String, _ entries: [String]) {
        guard !entries.isEmpty else { return }
        line(1, title)
        for entry in entries { line(2, entry) }
    }

    // MARK: Values

    func yes(_ value: Bool) -> String { value ? "yes" : "no" }
    func enabled(_ value: Bool) -> String { value ? "enabled" : "disabled" }
    func seconds(_ value: Duration) -> String { value.formattedSeconds(digits: 6) }

    /// Seconds with exactly six decimals.
    func sixDigits(_ value: Duration) -> String {
        let (seconds, attoseconds) = value.components
        let micro = String(attoseconds / 1_000_000_000_000)
        return "\(seconds).\(String(repeating: "0", count: max(0, 6 - micro.utf8.count)))\(micro)"
    }

    /// `'program' 'argument'`, and whom it runs as.
    func command(_ hook: HookCommand, _ more: [String] = []) -> String {
        "\(quoted(hook.argv + more)), \(identity(hook.user))"
    }

    func quoted(_ words: [String]) -> String { words.map { "'\($0)'" }.joined(separator: " ") }

    func identity(_ user: ScriptUser?) -> String { "uid:gid \(names(user))" }

    /// As they are written: which numbers they stand for is another host's affair.
    func names(_ user: ScriptUser?) -> String {
        guard let user = user ?? model.global.scriptUser else { return "default" }
        return "\(user.user):\(user.group ?? user.user)"
    }

    func weight(_ weight: Int, reverse: Bool) -> String { "weight \(weight)" + (reverse ? " reverse" : "") }
}
