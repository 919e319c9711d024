import Primitives

/// What a part of the model says, in the words of the configuration: a keyword and its value, or its entries.
///
/// Defaults are there as well, and what stood in another block is where it counts: two models say the same exactly when
/// their wordings are equal, in whatever files and variables they were written.
public struct Wording: Hashable, Sendable {
    public let keyword: String
    /// One for a value, none for a value that is not set, any number for a list.
    public let values: [String]
    /// What the values are, for programs.
    public let kind: Kind
    /// What is compared and never shown.
    let secret: Secret?

    public enum Kind: UInt8, Hashable, Sendable {
        case text
        /// A whole number, or seconds with decimals.
        case number
        /// `on` or `off`.
        case boolean
        case list
    }

    private init(_ keyword: String, _ kind: Kind, _ values: [String], secret: Secret? = nil) {
        self.keyword = keyword
        self.kind = kind
        self.values = values
        self.secret = secret
    }

    init(_ keyword: String, _ entries: [String]) { self.init(keyword, .list, entries) }
    init(_ keyword: String, _ value: String?) { self.init(keyword, .text, value.map { [$0] } ?? []) }
    init(_ keyword: String, _ value: Int?) { self.init(keyword, .number, value.map { [String($0)] } ?? []) }
    init(_ keyword: String, _ value: Bool) { self.init(keyword, .boolean, [value ? "on" : "off"]) }
    init(_ keyword: String, _ value: Duration?) {
        self.init(keyword, .number, value.map { [$0.formattedSeconds(digits: 6)] } ?? [])
    }
    init(_ keyword: String, secret: Secret?) {
        self.init(keyword, .text, secret.map { ["\($0)"] } ?? [], secret: secret)
    }
    /// Values of which parts are not shown; `secret` is what tells two of them apart.
    init(_ keyword: String, _ entries: [String], secret: Secret?) {
        self.init(keyword, .list, entries, secret: secret)
    }
    init(_ keyword: String, _ value: IPAddress?) { self.init(keyword, value?.description) }
    init(_ keyword: String, _ value: HookCommand?) { self.init(keyword, value?.wording) }
}

/// A keyword that two models do not agree on.
public struct Change: Hashable, Sendable {
    public let keyword: String
    /// Values of the first that the second has not.
    public let removed: [String]
    /// Values of the second that the first has not. Where both are empty their order differs.
    public let added: [String]

    /// The differences between two lists of the same keywords.
    static func between(_ old: [Wording], _ new: [Wording]) -> [Change] {
        zip(old, new).compactMap { a, b in
            guard a != b else { return nil }
            let change = Change(
                b.keyword, Self.subtract(b.values, from: a.values), Self.subtract(a.values, from: b.values))
            // A password that changed shows as two of the same.
            let isHidden = change.removed.isEmpty && change.added.isEmpty && a.secret != b.secret
            return isHidden ? Change(b.keyword, a.values, b.values) : change
        }
    }

    /// The same, of a block within another.
    func within(_ block: String) -> Change { Change("\(block) \(keyword)", removed, added) }

    private init(_ keyword: String, _ removed: [String], _ added: [String]) {
        self.keyword = keyword
        self.removed = removed
        self.added = added
    }

    /// `values` without those of `others`, each as often as it is there.
    private static func subtract(_ others: [String], from values: [String]) -> [String] {
        var counts: [String: Int] = [:]
        for other in others { counts[other, default: 0] += 1 }
        return values.filter { value in
            guard let count = counts[value], count > 0 else { return true }
            counts[value] = count - 1
            return false
        }
    }
}

// MARK: - Values

extension HookCommand {
    /// The program and its arguments as one would type them, and whom it runs as.
    var wording: String { Wording.command(argv) + (user.map { " \($0.wording)" } ?? "") }
}

extension ScriptUser {
    var wording: String {
        guard let group else { return supplementary ? "\(user) :" : user }
        return supplementary ? "\(user) :\(group)" : "\(user) \(group)"
    }
}

extension NotifyFIFO {
    var wording: String { ([path] + [user, group].compactMap { $0 }).joined(separator: " ") }
}

extension TrackedInterface {
    var wording: String { weight == 0 && !reverse ? name : "\(name) weight \(weight)\(reverse ? " reverse" : "")" }
}

extension TrackedScript {
    var wording: String {
        guard let weight else { return name }
        return "\(name) weight \(weight)" + (reverse.map { $0 ? " reverse" : " noreverse" } ?? "")
    }
}

extension UnicastPeer {
    var wording: String {
        address.description + (minTTL.map { " min_ttl \($0)" } ?? "") + (maxTTL.map { " max_ttl \($0)" } ?? "")
    }
}

extension VirtualAddress {
    var wording: String {
        var text = prefix.description
        if let device { text += " dev \(device)" }
        switch scope {
        case 0: break
        case 200: text += " scope site"
        case 253: text += " scope link"
        case 254: text += " scope host"
        case 255: text += " scope nowhere"
        default: text += " scope \(scope)"
        }
        switch broadcast {
        case .none: break
        case .automatic: text += " brd +"
        case .cleared: text += " brd -"
        case .address(let address): text += " brd \(IPAddress.v4(address))"
        }
        if let label { text += " label \(label)" }
        if let peer { text += " peer \(peer)" }
        if home { text += " home" }
        if duplicateDetection { text += " -nodad" }
        if manageTemporary { text += " mngtmpaddr" }
        if noPrefixRoute { text += " noprefixroute" }
        if autojoin { text += " autojoin" }
        if noTrack { text += " no_track" }
        guard preferredLifetime != VirtualAddress(prefix).preferredLifetime else { return text }
        switch preferredLifetime {
        case .forever: return text + " preferred_lft forever"
        case .seconds(let seconds): return text + " preferred_lft \(seconds)"
        }
    }
}

extension Wording {
    /// A command line that reads as these words again.
    static func command(_ argv: [String]) -> String {
        argv.map { word in
            let isPlain =
                !word.isEmpty
                && word.utf8.allSatisfy {
                    $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "'") && $0 != UInt8(ascii: "\"")
                        && $0 != UInt8(ascii: "\\") && $0 != UInt8(ascii: "#") && $0 != UInt8(ascii: "!")
                        && $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "}")
                }
            return isPlain
                ? word
                : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
