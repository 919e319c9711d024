import ConfigLanguage
import Primitives

/// The parts of an HTTP request, and what its answer must say.
extension StatementReader {
    /// A method that a check can use (RFC 9110 §9).
    mutating func method() -> String? {
        guard let word = required("method") else { return nil }
        let upper = word.text.uppercased()
        guard Self.isToken(word.text), upper != "CONNECT" else {
            report(
                .checkMethod, at: word.range, "`\(word.text)` is no method that a check can use",
                reason: "a method is one word of letters, and CONNECT asks for a tunnel",
                fix: "write GET, HEAD, POST or another one")
            return nil
        }
        let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"]
        if word.text != upper, known.contains(upper) {
            report(
                .checkMethod, at: word.range, "`\(word.text)` is not `\(upper)`: methods are case-sensitive",
                reason: "servers refuse it", fix: "write `\(upper)`",
                fixIt: Diagnostic.FixIt(word.range, upper, isSafe: true))
            return nil
        }
        return word.text
    }

    /// `NAME VALUE` in words of their own, or `NAME: VALUE` in one or more. The value may be empty behind a colon, and is not shown: it
    /// may be a token.
    mutating func header() -> HTTPProbe.Header? {
        let place = statementRange
        guard let first = required("NAME VALUE") else { return nil }
        var words: [String] = []
        while let word = next() { words.append(word.text) }
        var name = first.text
        var hasColon = false
        if let colon = name.utf8.firstIndex(of: UInt8(ascii: ":")) {
            let rest = String(name[name.index(after: colon)...])
            name = String(name[..<colon])
            if !rest.isEmpty { words.insert(rest, at: 0) }
            hasColon = true
        } else if words.first == ":" {
            words.removeFirst()
            hasColon = true
        }
        guard Self.isToken(name) else {
            report(
                .checkHeader, at: place, "this header has no name that HTTP allows",
                reason: "a name is letters, digits and hyphens", fix: "write `header NAME VALUE`")
            return nil
        }
        // No message has its name: what follows the keyword is shown nowhere.
        guard hasColon || !words.isEmpty else {
            report(
                .missingValue, at: place, "this header has no value", reason: "the line is skipped",
                fix: "write `header NAME VALUE`, or `header \"NAME:\"` for an empty one")
            return nil
        }
        let value = Self.trimmed(words.joined(separator: " "))
        guard value.utf8.allSatisfy({ $0 == 0x09 || $0 >= 0x20 && $0 != 0x7F }) else {
            report(
                .checkHeader, at: place, "the value has an end of line or another control character",
                reason: "what follows would be taken for a header of its own", fix: "write one `header` for each")
            return nil
        }
        let own = ["content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer"]
        guard !own.contains(name.lowercased()) else {
            report(
                .checkHeader, at: place, "this header is one that the check writes itself",
                reason:
                    "Content-Length, Transfer-Encoding, Connection, Upgrade, Expect, TE and Trailer say how it is sent",
                fix: name.lowercased() == "connection" ? "write `http_protocol 1.0C`" : "remove it")
            return nil
        }
        return HTTPProbe.Header(name: name, value: value)
    }

    /// `PATH [VALUE]`.
    mutating func jsonAssertion() -> HTTPProbe.JSONAssertion? {
        guard let path = required("path") else { return nil }
        guard let plain = Self.plainPath(path.text) else {
            report(
                .jsonPath, at: path.range, "`\(path.text)` is no path of names and indices joined by dots",
                reason: "the line is skipped", fix: "write a path such as `status` or `checks.0.state`")
            return nil
        }
        guard plain == path.text else {
            report(
                .jsonPath, at: path.range, "`\(path.text)` is a path as other programs write it",
                reason: "here it is names and indices joined by dots", fix: "write `\(plain)`",
                fixIt: Diagnostic.FixIt(path.range, plain))
            return nil
        }
        return HTTPProbe.JSONAssertion(path: plain, value: next()?.text)
    }

    /// What is meant by `$.a`, `.a` or `a[0].b`; nil where a part is empty.
    private static func plainPath(_ text: String) -> String? {
        var bytes = Array(text.utf8)
        if bytes.first == UInt8(ascii: "$") { bytes.removeFirst() }
        if bytes.first == UInt8(ascii: ".") { bytes.removeFirst() }
        var plain: [UInt8] = []
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "["): if !plain.isEmpty { plain.append(UInt8(ascii: ".")) }
            case UInt8(ascii: "]"): break
            default: plain.append(byte)
            }
        }
        let parts = plain.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 64, parts.allSatisfy({ !$0.isEmpty }) else { return nil }
        return String(decoding: plain, as: UTF8.self)
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A
                    || "!#$%&'*+-.^_`|~".utf8.contains(byte)
            }
    }

    private static func trimmed(_ text: String) -> String {
        func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        var bytes = Array(text.utf8)[...]
        bytes = bytes.drop(while: isBlank)
        while let last = bytes.last, isBlank(last) { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}
