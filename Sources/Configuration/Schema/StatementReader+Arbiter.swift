import ConfigLanguage
import Primitives

/// The values of arbiters.
extension StatementReader {
    /// A name of printable ASCII without space. What is wrong is an error in any leniency: another name is another lease.
    mutating func arbiterName(longest: Int, allowsSlash: Bool) -> String? {
        guard let word = next(), !word.text.isEmpty else {
            report(
                .arbiterName, at: statementRange, "`\(keywordText)` lacks its name",
                reason: "nodes that call one thing by two names do not meet at the arbiter",
                fix: "write a name, or remove the line")
            return nil
        }
        guard let fault = Self.fault(ofName: word.text, longest: longest, allowsSlash: allowsSlash) else {
            return word.text
        }
        report(
            .arbiterName, at: word.range, "`\(word.text)` cannot be a name at an arbiter: \(fault)",
            reason: Self.nameReason(longest: longest, allowsSlash: allowsSlash), fix: "write another name")
        skipRest()
        return nil
    }

    static func nameReason(longest: Int, allowsSlash: Bool) -> String {
        "it takes 1 to \(longest) printable ASCII characters without space\(allowsSlash ? "" : " and slash")"
    }

    /// What is wrong with a name that an arbiter keeps; nil for nothing.
    static func fault(ofName name: String, longest: Int, allowsSlash: Bool) -> String? {
        if name.utf8.count > longest { return "it has \(name.utf8.count) bytes" }
        if name.utf8.contains(0x20) { return "it has a space" }
        if !name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) { return "it has other characters" }
        if !allowsSlash, name.utf8.contains(UInt8(ascii: "/")) { return "it has a slash" }
        return nil
    }

    /// Percent with one decimal, in parts per thousand.
    mutating func permille(_ range: ClosedRange<Int>) -> Int? {
        guard let word = required("percent") else { return nil }
        let bounds = "\(Self.percent(range.lowerBound)) to \(Self.percent(range.upperBound))"
        guard let parsed = parseMicroseconds(word.text) else {
            report(
                .number, at: word.range, "`\(word.text)` is not a percentage", reason: "the line is skipped",
                fix: "write a number from \(bounds)")
            skipRest()
            return nil
        }
        // Percent in millionths are thousands of what is kept; what is finer is no number that was meant.
        guard let parsed, parsed % 100_000 == 0, range.contains(parsed / 100_000) else {
            report(
                .range, at: word.range, "\(word.text) is out of range",
                reason: "`\(keywordText)` takes \(bounds) percent, in steps of 0.1",
                fix: "write a number from \(bounds)")
            return nil
        }
        return parsed / 100_000
    }

    /// Parts per thousand as percent.
    static func percent(_ permille: Int) -> String {
        Duration.milliseconds(permille * 100).formattedSeconds(digits: 1)
    }

    /// Text, or bytes in hexadecimal behind `hex:`. No message may hold it.
    mutating func arbiterKey() -> Written<Secret>? {
        guard let (bytes, range) = nextBytes() else {
            _ = required("key")
            return nil
        }
        var key = bytes
        let hexPrefix = Array("hex:".utf8)
        if bytes.starts(with: hexPrefix) {
            guard let decoded = Self.decodeHexadecimal(bytes[hexPrefix.count...]) else {
                report(
                    .arbiterKey, at: range, "this key is not in hexadecimal digits", reason: "`hex:` stands before it",
                    fix: "write pairs of the digits 0 to 9 and a to f")
                return nil
            }
            key = decoded
        }
        guard WitnessSettings.keyLength.contains(key.count) else {
            report(
                .arbiterKey, at: range, "this key has \(key.count) bytes",
                reason: "a key has \(WitnessSettings.keyLength.lowerBound) to \(WitnessSettings.keyLength.upperBound): "
                    + "who guesses it takes the addresses",
                fix: "make one with `openssl rand -hex 32`, and write `hex:` before it")
            return nil
        }
        return Written(value: Secret(key), range: range)
    }

    /// `http://ADDRESS:PORT`, an IPv6 address in brackets.
    mutating func endpoint() -> Written<EtcdSettings.Endpoint>? {
        guard let word = required("endpoint") else { return nil }
        func refused(_ self: inout StatementReader, _ message: String, _ reason: String) {
            self.report(
                .arbiterEndpoint, at: word.range, message, reason: reason,
                fix: "write an endpoint such as https://192.0.2.1:2379 or https://[2001:db8::1]:2379")
        }
        let schemes = [("https://", true), ("http://", false)]
        guard let (scheme, usesTLS) = schemes.first(where: { word.text.hasPrefix($0.0) }) else {
            refused(&self, "`\(word.text)` is not an endpoint", "it begins with neither http:// nor https://")
            return nil
        }
        var rest = word.text.dropFirst(scheme.utf8.count)
        if rest.last == "/" { rest = rest.dropLast() }
        guard let colon = rest.lastIndex(of: ":"), let port = Self.port(rest[rest.index(after: colon)...]) else {
            refused(&self, "`\(word.text)` has no port", "a port is a number from 1 to 65535 behind a colon")
            return nil
        }
        let host = rest[..<colon]
        let isBracketed = host.first == "[" && host.last == "]"
        guard let address = IPAddress(String(isBracketed ? host.dropFirst().dropLast() : host)),
            isBracketed == (address.family == .ipv6)
        else {
            refused(
                &self, "`\(host)` is not the address of an endpoint",
                "names are not looked up: an arbiter must be found without DNS; IPv6 stands in brackets")
            return nil
        }
        return Written(
            value: EtcdSettings.Endpoint(usesTLS: usesTLS, address: address, port: port), range: statementRange)
    }

    private static func port(_ text: Substring) -> UInt16? {
        guard !text.isEmpty, text.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let port = UInt16(text), port > 0
        else { return nil }
        return port
    }

    /// Up to 16 hexadecimal digits, as `etcdctl endpoint status -w fields` and `etcdctl member list` have them.
    mutating func clusterID() -> UInt64? {
        guard let word = required("hexadecimal digits") else { return nil }
        let digits = word.text.hasPrefix("0x") ? word.text.dropFirst(2) : word.text[...]
        guard (1...16).contains(digits.utf8.count), digits.utf8.allSatisfy(Self.isHexadecimalDigit),
            let id = UInt64(digits, radix: 16)
        else {
            report(
                .arbiterClusterID, at: word.range, "`\(word.text)` is not the id of a cluster",
                reason: "it has 1 to 16 hexadecimal digits",
                fix: "write what `etcdctl endpoint status -w json` has, in hexadecimal")
            return nil
        }
        return id
    }
}
