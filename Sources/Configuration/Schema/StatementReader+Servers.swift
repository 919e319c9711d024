import ConfigLanguage
import Primitives

/// The values of servers: services, destinations, forwarding methods, and the entries of groups.
extension StatementReader {
    // MARK: Services and destinations

    /// What follows `virtual_server`: `IP [PORT]`, `fwmark N` or `group NAME`.
    mutating func service() -> VirtualServerDraft? {
        guard let word = next() else {
            report(
                .missingValue, at: statementRange, "this `virtual_server` has no address",
                reason: "the block is skipped",
                fix: "write `virtual_server ADDRESS PORT {`, `fwmark N {` or `group NAME {`")
            return nil
        }
        let service: VirtualServer.Service
        var end = word.range
        switch word.text {
        case "fwmark":
            guard let number = next() else { return missingHead("a number", word.range) }
            guard let mark = checkedMark(number.text, number.range) else { return nil }
            (service, end) = (.firewallMark(mark), number.range)
        case "group":
            guard let name = next(), !name.text.isEmpty else { return missingHead("the name of a group", word.range) }
            (service, end) = (.group(name.text), name.range)
        default:
            guard let (address, length) = serverAddress(word.text, word.range) else { return nil }
            guard length == nil || leniency == .keepalived else { return nil }
            guard let port = port() else { return nil }
            service = .address(address, port: port.value)
            end = port.range ?? end
        }
        expectNoMore()
        return VirtualServerDraft(service: service, range: word.range.through(end))
    }

    private mutating func missingHead(_ what: String, _ range: SourceRange) -> VirtualServerDraft? {
        report(.missingValue, at: range, "\(what) is missing here", reason: "the block is skipped", fix: "write it")
        return nil
    }

    /// `IP [PORT]`.
    mutating func destination() -> DestinationDraft? {
        let range: SourceRange
        let address: IPAddress
        if let place = nextRange, let plain = plain({ IPAddress(utf8: $0) }) {
            (address, range) = (plain, place)
        } else {
            guard let word = required("address") else { return nil }
            guard let (written, length) = serverAddress(word.text, word.range), length == nil else {
                skipRest()
                return nil
            }
            (address, range) = (written, word.range)
        }
        guard let port = port() else {
            skipRest()
            return nil
        }
        return DestinationDraft(address: address, port: port.value, range: range, portRange: port.range ?? range)
    }

    /// The port, where there is one; 0 is none as well. nil is a fault.
    private mutating func port() -> (value: UInt16, range: SourceRange?)? {
        guard let range = nextRange else { return (0, nil) }
        guard let port = integer(0...65_535) else { return nil }
        return (UInt16(clamping: port), range)
    }

    /// An address. What is written around it in other places has no room here; a length is reported and given.
    private mutating func serverAddress(_ text: String, _ range: SourceRange) -> (IPAddress, length: UInt8?)? {
        if let address = IPAddress(text) { return (address, nil) }
        if let prefix = IPPrefix(text) {
            report(
                .address, at: range, "`\(text)` has a length: a server is one address",
                reason: "keepalived takes the address without it", fix: "write `\(prefix.address)`",
                fixIt: Diagnostic.FixIt(range, prefix.address.description))
            return (prefix.address, prefix.length)
        }
        let inner = text.utf8.first == UInt8(ascii: "[") ? text.dropFirst() : text[...]
        let colon = inner.utf8.lastIndex(of: UInt8(ascii: ":"))
        var fix: String?
        if let bracket = inner.utf8.firstIndex(of: UInt8(ascii: "]")), IPAddress(String(inner[..<bracket])) != nil {
            let rest = inner[inner.index(after: bracket)...].drop { $0 == ":" }
            fix = String(inner[..<bracket]) + (rest.isEmpty ? "" : " \(rest)")
        } else if let colon, IPAddress(String(inner[..<colon])) != nil, !inner[colon...].dropFirst().isEmpty {
            fix = "\(inner[..<colon]) \(inner[inner.index(after: colon)...])"
        }
        report(
            .address, at: range, "`\(text)` is not an IP address",
            reason: "`\(keywordText)` takes an address without brackets, and the port behind a space",
            fix: fix.map { "write `\($0)`" } ?? "write an address such as 192.0.2.1 or 2001:db8::1",
            fixIt: fix.map { Diagnostic.FixIt(range, $0) })
        return nil
    }

    private mutating func checkedMark(_ text: String, _ range: SourceRange) -> UInt32? {
        guard let value = checkedInteger(text, range, 0...4_294_967_295) else { return nil }
        guard value > 0 else {
            report(
                .markZero, at: range, "0 is no firewall mark",
                reason: "it is what packets have that nobody marked, and the kernel refuses it",
                fix: "write the mark that the firewall sets")
            return nil
        }
        return UInt32(clamping: value)
    }

    // MARK: Forwarding

    /// `NAT|DR|TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]`.
    mutating func forwarding() -> ForwardingMethod? {
        let start = nextRange
        let kinds: [(String, ForwardingMethod)] = [
            ("NAT", .nat), ("DR", .directRouting), ("TUN", .tunnel(Tunnel())),
        ]
        guard let method = choice("NAT, DR or TUN", of: kinds) else {
            skipRest()
            return nil
        }
        guard case .tunnel = method, let start else { return method }
        var type: (name: String, range: SourceRange) = ("ipip", start)
        var port: (value: Int, range: SourceRange)?
        var checksum: (value: Tunnel.Checksum, range: SourceRange)?
        while let option = next() {
            switch option.text {
            case "type":
                guard let word = required("ipip, gue or gre"),
                    let name = choice(word, [("ipip", "ipip"), ("gue", "gue"), ("gre", "gre")], rule: .choice)
                else { return skipRest(nil) }
                type = (name, word.range)
            case "port":
                let place = nextRange
                guard let number = integer(1...65_535), let place else { return skipRest(nil) }
                port = (number, place)
            default:
                let sums: [(String, Tunnel.Checksum?)] = [
                    ("nocsum", Tunnel.Checksum.none), ("csum", .full), ("remcsum", .remote), ("type", nil),
                    ("port", nil),
                ]
                guard case .some(.some(let sum)) = choice(option, sums, rule: .choice) else { return skipRest(nil) }
                checksum = (sum, option.range)
            }
        }
        return tunnel(type, port, checksum)
    }

    private mutating func skipRest<Value>(_ value: Value?) -> Value? {
        skipRest()
        return value
    }

    /// The options of a tunnel that go together.
    private mutating func tunnel(
        _ type: (name: String, range: SourceRange), _ port: (value: Int, range: SourceRange)?,
        _ checksum: (value: Tunnel.Checksum, range: SourceRange)?
    ) -> ForwardingMethod? {
        func wrong(_ self: inout StatementReader, _ range: SourceRange, _ what: String, _ fix: String)
            -> ForwardingMethod?
        {
            self.report(.tunnelOption, at: range, what, reason: "the line is skipped", fix: fix)
            return nil
        }
        let encapsulation: Tunnel.Encapsulation
        switch (type.name, port) {
        case ("gue", let port?): encapsulation = .gue(port: UInt16(clamping: port.value))
        case ("gue", nil): return wrong(&self, type.range, "a gue tunnel needs a port", "write `type gue port N`")
        case (_, let port?):
            return wrong(&self, port.range, "a tunnel of type \(type.name) has no port", "remove `port \(port.value)`")
        case ("gre", _): encapsulation = .gre
        default: encapsulation = .ipip
        }
        if let checksum, checksum.value != .none {
            if encapsulation == .ipip {
                return wrong(
                    &self, checksum.range, "an ipip tunnel has no checksum", "remove it, or write `type gue port N`")
            }
            if encapsulation == .gre, checksum.value == .remote {
                return wrong(&self, checksum.range, "a gre tunnel has no remote checksum", "write `csum`")
            }
        }
        return .tunnel(Tunnel(encapsulation, checksum: checksum?.value ?? .none))
    }

    /// A mask of IPv4, or a number of bits of IPv6.
    mutating func granularity() -> VirtualServer.Granularity? {
        guard let word = required("mask or length") else { return nil }
        if word.text.utf8.contains(UInt8(ascii: ".")) {
            guard case .v4(let mask)? = checkedAddress(word.text, word.range) else { return nil }
            return .mask(mask)
        }
        return checkedInteger(word.text, word.range, 1...128).map { .prefixLength(UInt8(clamping: $0)) }
    }

    // MARK: Entries of groups

    /// An entry of `virtual_server_group`, with its first word still to be read.
    mutating func groupEntry(into group: inout ServerGroupDraft) {
        let before = group.entries.count
        if peek() == "fwmark" {
            _ = next()
            groupMark(into: &group)
        } else {
            groupAddresses(into: &group)
        }
        if group.entries.count == before { group.hadFaults = true }
    }

    /// `fwmark N [inet|inet6]`, from the number on.
    mutating func groupMark(into group: inout ServerGroupDraft) {
        guard let number = required("number"), let mark = checkedMark(number.text, number.range) else {
            return skipRest()
        }
        var family: AddressFamily?
        if let word = next() {
            let families: [(String, AddressFamily)] = [("inet", .ipv4), ("inet6", .ipv6)]
            family = choice(word, families, rule: .choice)
        }
        group.entries.append(Written(value: .firewallMark(mark, family), range: statementRange))
    }

    /// `IP[-LAST|-IP2|/LEN] [PORT]`.
    mutating func groupAddresses(into group: inout ServerGroupDraft) {
        guard let word = next() else { return }
        guard let range = addressRange(word.text, word.range), let port = port() else { return skipRest() }
        if range.first.isFar(from: range.last, by: 65_536) {
            report(
                .groupSize, at: word.range, "`\(word.text)` is more than 65,536 addresses",
                reason: "each is a service of its own in the kernel", fix: "write a firewall mark instead")
        }
        group.entries.append(
            Written(
                value: .addresses(first: range.first, last: range.last, port: port.value), range: statementRange))
    }

    private mutating func addressRange(_ text: String, _ range: SourceRange) -> (first: IPAddress, last: IPAddress)? {
        if let address = IPAddress(text) { return (address, address) }
        if let prefix = IPPrefix(text) {
            let bounds = prefix.bounds
            guard bounds.first == prefix.address else {
                report(
                    .groupRange, at: range,
                    "\(prefix.address) is not the first address of a network of length \(prefix.length)",
                    reason: "the entry is skipped", fix: "write `\(bounds.first)/\(prefix.length)`",
                    fixIt: Diagnostic.FixIt(range, "\(bounds.first)/\(prefix.length)"))
                return nil
            }
            return bounds
        }
        guard let dash = text.utf8.lastIndex(of: UInt8(ascii: "-")), let first = IPAddress(String(text[..<dash])) else {
            let meant = Spelling.nearest(to: text, among: ["fwmark"])
            report(
                .address, at: range, "`\(text)` is neither an address nor a range of them",
                reason: "the entry is skipped",
                fix: meant.map { "did you mean `\($0)`?" }
                    ?? "write 192.0.2.1, 192.0.2.1-9, 192.0.2.0/28, or `fwmark N`",
                fixIt: meant.map { Diagnostic.FixIt(range, $0) })
            return nil
        }
        let end = text[text.index(after: dash)...]
        guard let last = IPAddress(String(end)) ?? first.replacingLastPart(with: end.utf8), last.family == first.family,
            last > first
        else {
            report(
                .groupRange, at: range, "`\(text)` is not a range: its end must lie behind its beginning",
                reason: "the entry is skipped",
                fix: "write the last address, or the last part of it, behind the `-`")
            return nil
        }
        return (first, last)
    }
}

extension IPPrefix {
    /// The first and the last address of the network.
    var bounds: (first: IPAddress, last: IPAddress) {
        switch address {
        case .v4(let v4):
            let host: UInt32 = length == 0 ? .max : UInt32((UInt64(1) << (32 - UInt64(length))) - 1)
            return (.v4(IPv4Address(bits: v4.bits & ~host)), .v4(IPv4Address(bits: v4.bits | host)))
        case .v6(let v6):
            let high: UInt64 = length >= 64 ? 0 : .max >> UInt64(length)
            let low: UInt64 = length >= 128 ? 0 : length <= 64 ? .max : .max >> UInt64(length - 64)
            return (
                .v6(IPv6Address(high: v6.high & ~high, low: v6.low & ~low)),
                .v6(IPv6Address(high: v6.high | high, low: v6.low | low))
            )
        }
    }
}

extension IPAddress {
    /// The same but for the last part: a decimal byte in IPv4, up to four hexadecimal digits in IPv6.
    func replacingLastPart(with text: Substring.UTF8View) -> IPAddress? {
        let digits = Array(text)
        guard !digits.isEmpty, digits.count <= 4 else { return nil }
        let radix = family == .ipv4 ? 10 : 16
        guard let value = Int(String(decoding: digits, as: UTF8.self), radix: radix), value >= 0 else { return nil }
        switch self {
        case .v4(let v4):
            guard value <= 255 else { return nil }
            return .v4(IPv4Address(bits: v4.bits & ~255 | UInt32(clamping: value)))
        case .v6(let v6):
            return .v6(IPv6Address(high: v6.high, low: v6.low & ~0xFFFF | UInt64(clamping: value)))
        }
    }

    /// From this address to `last`, both included, there are more than `count`.
    func isFar(from last: IPAddress, by count: UInt64) -> Bool {
        switch (self, last) {
        case (.v4(let a), .v4(let b)): UInt64(b.bits) >= UInt64(a.bits) + count
        case (.v6(let a), .v6(let b)): a.high != b.high || b.low - a.low >= count
        default: false
        }
    }
}

extension Keyword {
    /// A forwarding method.
    static func forwarding(
        _ name: String, _ slot: Slot<Target, ForwardingMethod>, default text: String, _ documentation: String
    ) -> Keyword {
        Keyword(
            name, .other("NAT|DR|TUN [type ipip|gue port N|gre] [nocsum|csum|remcsum]"), default: text, documentation
        ) { target, reader in
            if let value = reader.forwarding() { reader.assign(&target[keyPath: slot], value) }
        }
    }
}
