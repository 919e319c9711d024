import ConfigLanguage
import Primitives

/// Names, choices, and the entries of lists.
extension StatementReader {
    /// The name behind the keyword of a block.
    mutating func blockName() -> Written<String>? {
        guard let word = next(), !word.text.isEmpty else {
            report(
                .unnamedBlock, at: statementRange, "this `\(keywordText)` has no name",
                reason: "others refer to it by name",
                fix: "write `\(keywordText) NAME {`")
            return nil
        }
        expectNoMore()
        return Written(value: word.text, range: word.range)
    }

    /// From the next word to the last; nil at the end.
    var unreadRange: SourceRange? {
        var copy = self
        guard let first = copy.next() else { return nil }
        return first.range.through(statementRange)
    }

    /// One of a few words.
    mutating func choice<Value>(
        _ word: (text: String, range: SourceRange), _ choices: [(String, Value)], rule: Rule, otherwise: String? = nil
    ) -> Value? {
        for (name, value) in choices where name == word.text { return value }
        let names = choices.map(\.0)
        let meant = Spelling.nearest(to: word.text, among: names)
        report(
            rule, at: word.range, "`\(word.text)` is not a value of `\(keywordText)`",
            reason: otherwise.map { "keepalived takes it for \($0)" } ?? "it would be dropped",
            fix: meant.map { "did you mean `\($0)`?" } ?? "write " + names.joined(separator: " or "),
            fixIt: meant.map {
                // Another case of the same word can mean nothing else.
                let isSafe = $0.utf8.elementsEqual(word.text.utf8, by: { ($0 | 0x20) == ($1 | 0x20) })
                return Diagnostic.FixIt(word.range, $0, isSafe: isSafe)
            })
        return nil
    }

    /// One of a few words, from the next word; `what` describes them.
    mutating func choice<Value>(
        _ what: String, of choices: [(String, Value)], isCaseSensitive: Bool = true, rule: Rule = .choice,
        otherwise: String? = nil
    ) -> Value? {
        let fast = plain { bytes -> Value? in
            for (name, value) in choices where name.utf8.elementsEqual(bytes) { return value }
            guard !isCaseSensitive else { return nil }
            for (name, value) in choices
            where name.utf8.count == bytes.count && zip(name.utf8, bytes).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) {
                return value
            }
            return nil
        }
        if let fast { return fast }
        guard let word = required(what) else { return nil }
        return choice(word, choices, rule: rule, otherwise: otherwise)
    }

    mutating func assignSecret(_ slot: inout Written<Secret>?, _ secret: Secret, _ range: SourceRange) {
        assign(&slot, secret)
        slot?.range = range
    }

    // MARK: Trackers

    /// `N [reverse|noreverse]`; -254 and 254 are read as ±253.
    mutating func weight() -> Weight? {
        guard var weight = weight(-254...254) else { return nil }
        weight.value = min(max(weight.value, -253), 253)
        return weight
    }

    /// `N [reverse|noreverse]`.
    mutating func weight(_ range: ClosedRange<Int>) -> Weight? {
        guard let value = integer(range) else { return nil }
        var weight = Weight(value: value, reverse: nil)
        if let word = next() {
            weight.reverse = choice(word, [("reverse", true), ("noreverse", false)], rule: .choice)
        }
        return weight
    }

    /// `NAME [weight N [reverse|noreverse]]`.
    mutating func tracked() -> TrackedDraft? {
        guard let name = next() else { return nil }
        var tracked = TrackedDraft(name: name.text, weight: nil, range: name.range)
        if let option = next() {
            if choice(option, [("weight", true)], rule: .choice) != nil {
                tracked.weight = weight()
            }
            // What is wrong with the rest has been said by what is wrong with this.
            if tracked.weight == nil { skipRest() }
        }
        return tracked
    }

    mutating func trackedInterface() -> TrackedDraft? {
        guard let tracked = tracked(), checkedInterface(tracked.name, tracked.range) != nil else { return nil }
        return tracked
    }

    // MARK: Peers

    /// `IPADDR [min_ttl N] [max_ttl N]`.
    mutating func peer() -> PeerDraft? {
        guard let word = next() else { return nil }
        guard let address = checkedAddress(word.text, word.range) else {
            skipRest()
            return nil
        }
        var peer = UnicastPeer(address: address)
        while let option = next() {
            guard
                let isMinimum = choice(option, [("min_ttl", true), ("max_ttl", false)], rule: .choice),
                let number = integer(0...255)
            else {
                skipRest()
                break
            }
            if isMinimum { peer.minTTL = UInt8(clamping: number) } else { peer.maxTTL = UInt8(clamping: number) }
        }
        return PeerDraft(peer: peer, range: word.range)
    }

    // MARK: Virtual addresses

    /// `ADDRESS[/LENGTH]` and options in any order.
    mutating func virtualAddress() -> AddressDraft? {
        guard let word = next() else { return nil }
        guard let prefix = checkedPrefix(word.text, word.range) else {
            skipRest()
            return nil
        }
        var draft = AddressDraft(address: VirtualAddress(prefix), range: word.range)
        while let option = next() {
            guard apply(option: option, to: &draft.address) else {
                skipRest()
                return nil
            }
        }
        return draft
    }

    private mutating func checkedPrefix(_ text: String, _ range: SourceRange) -> IPPrefix? {
        if let prefix = IPPrefix(text) { return prefix }
        if let slash = text.utf8.firstIndex(of: UInt8(ascii: "/")), let address = IPAddress(String(text[..<slash])) {
            report(
                .address, at: range, "`\(text[text.index(after: slash)...])` is not a prefix length",
                reason: "keepalived takes the address without it",
                fix: "write 0 to \(address.family.addressBits) behind the slash")
            return leniency == .keepalived ? IPPrefix(host: address) : nil
        }
        return checkedAddress(text, range).map(IPPrefix.init(host:))
    }

    private static let flags: [(String, WritableKeyPath<VirtualAddress, Bool> & Sendable, ipv6Only: Bool)] = [
        ("home", \.home, true), ("-nodad", \.duplicateDetection, true), ("mngtmpaddr", \.manageTemporary, true),
        ("noprefixroute", \.noPrefixRoute, false), ("autojoin", \.autojoin, false), ("no_track", \.noTrack, false),
    ]

    /// False when the entry is to be dropped, which was reported.
    private mutating func apply(option: (text: String, range: SourceRange), to address: inout VirtualAddress) -> Bool {
        let family = address.prefix.address.family
        for (name, path, ipv6Only) in Self.flags where name == option.text {
            if ipv6Only, family == .ipv4 { return reject(option, belongsTo: .ipv6) }
            address[keyPath: path] = true
            return true
        }
        switch option.text {
        case "dev":
            guard let device = interfaceOption(option) else { return false }
            address.device = device
        case "scope":
            guard family == .ipv4 else { return ignoreScope(option) }
            guard let word = optionValue(option) else { return false }
            let names: [(String, UInt8)] = [
                ("global", 0), ("site", 200), ("link", 253), ("host", 254), ("nowhere", 255),
            ]
            if word.text.utf8.first.map({ $0 >= 0x30 && $0 <= 0x39 }) == true {
                guard let number = checkedInteger(word.text, word.range, 0...255) else { return false }
                address.scope = UInt8(clamping: number)
            } else {
                guard let scope = choice(word, names, rule: .choice) else { return false }
                address.scope = scope
            }
        case "broadcast", "brd":
            guard family == .ipv4 else { return reject(option, belongsTo: .ipv4) }
            guard let word = optionValue(option) else { return false }
            return applyBroadcast(word, to: &address)
        case "label":
            guard family == .ipv4 else { return reject(option, belongsTo: .ipv4) }
            guard let word = optionValue(option) else { return false }
            guard word.text.utf8.count <= 15, !word.text.isEmpty else {
                report(
                    .labelLength, at: word.range, "the label `\(word.text)` has \(word.text.utf8.count) bytes",
                    reason: "Linux allows 1 to 15; the address is dropped", fix: "shorten it")
                return false
            }
            address.label = word.text
        case "peer":
            guard let word = optionValue(option), let peer = checkedPrefix(word.text, word.range) else { return false }
            guard peer.address.family == family else {
                report(
                    .addressFamilyOption, at: word.range, "the peer's family is not that of the address",
                    fix: "write a peer of the same family")
                return false
            }
            address.peer = peer
        case "preferred_lft":
            guard let word = optionValue(option) else { return false }
            if word.text == "forever" {
                address.preferredLifetime = .forever
            } else {
                guard let number = checkedInteger(word.text, word.range, 0...4_294_967_295, unit: "s") else {
                    return false
                }
                address.preferredLifetime = number == 4_294_967_295 ? .forever : .seconds(UInt32(clamping: number))
            }
        case "use_vmac":
            report(
                .refusedKeyword, at: option.range, "`use_vmac` of an address is not supported yet",
                reason: "the address would stand on another interface than was written", fix: "remove it")
        case "track_group":
            report(
                .addressOption, at: option.range, "`track_group` is for static addresses only",
                reason: "the address is dropped", fix: "remove it")
            return false
        default:
            let known =
                Self.flags.map(\.0) + ["dev", "scope", "broadcast", "brd", "label", "peer", "preferred_lft"]
            let meant = Spelling.nearest(to: option.text, among: known)
            let isAddress = IPPrefix(option.text) != nil
            report(
                .addressOption, at: option.range, "`\(option.text)` is not an option of an address",
                reason: "the address is dropped",
                fix: isAddress
                    ? "write each address on a line of its own" : meant.map { "did you mean `\($0)`?" } ?? "remove it",
                fixIt: meant.map { Diagnostic.FixIt(option.range, $0) })
            return false
        }
        return true
    }

    private mutating func applyBroadcast(
        _ word: (text: String, range: SourceRange), to address: inout VirtualAddress
    ) -> Bool {
        switch word.text {
        case "+", "-":
            guard address.prefix.length <= 30 else {
                report(
                    .addressOption, at: word.range,
                    "a network of length \(address.prefix.length) has no broadcast address",
                    reason: "`+` and `-` fill the host bits, of which there must be two", fix: "write a length up to 30"
                )
                return false
            }
            address.broadcast = word.text == "+" ? .automatic : .cleared
            return true
        default:
            guard let broadcast = checkedAddress(word.text, word.range) else { return false }
            guard case .v4(let v4) = broadcast else { return reject(word, belongsTo: .ipv4) }
            address.broadcast = .address(v4)
            return true
        }
    }

    private mutating func optionValue(_ option: (text: String, range: SourceRange)) -> (
        text: String, range: SourceRange
    )? {
        if let word = next() { return word }
        report(
            .missingValue, at: option.range, "`\(option.text)` lacks its value", reason: "the address is dropped",
            fix: "write the value behind it")
        return nil
    }

    private mutating func interfaceOption(_ option: (text: String, range: SourceRange)) -> String? {
        guard let word = optionValue(option) else { return nil }
        return checkedInterface(word.text, word.range)
    }

    /// As keepalived: the address stays, without it. Agents write it for link-local addresses, where it says nothing.
    private mutating func ignoreScope(_ option: (text: String, range: SourceRange)) -> Bool {
        guard optionValue(option) != nil else { return false }
        report(
            .addressFamilyOption, at: option.range, "`scope` is for IPv4 only",
            reason: "the scope of an IPv6 address is in the address", fix: "remove it and its value")
        return leniency == .keepalived
    }

    private mutating func reject(_ option: (text: String, range: SourceRange), belongsTo family: AddressFamily) -> Bool
    {
        report(
            .addressFamilyOption, at: option.range, "`\(option.text)` is for IPv\(family.rawValue) only",
            reason: "the address is dropped", fix: "remove it")
        return false
    }
}
