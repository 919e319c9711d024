/// Status and what says where the body ends, out of the lines of a response (RFC 9112 §4, §6). Keeps no line but the one it is in.
public struct HTTPResponseHead: Sendable {
    public init() {}

    /// How the body ends.
    public enum Framing: Hashable, Sendable {
        case length(Int)
        case chunked
        case close
    }

    /// 100…999; nil before the status line.
    public private(set) var status: Int?
    /// No other answer follows on this connection: HTTP/1.0, or `Connection: close`.
    public private(set) var isLast = false
    private var length: Int?
    private var coding: [UInt8]?

    /// nil when the status line is none: what is wrong with it.
    public mutating func readStatus(_ line: ArraySlice<UInt8>) -> String? {
        // "HTTP/1.1 200 OK", and without a reason.
        let words = line.split(separator: 0x20, maxSplits: 2)
        guard words.count >= 2, words[0].starts(with: "HTTP/".utf8), words[1].count == 3, let code = decimal(words[1]),
            code >= 100
        else { return "no HTTP: the answer begins with `\(printable(line, limit: 60))`" }
        status = code
        isLast = !words[0].elementsEqual("HTTP/1.1".utf8)
        return nil
    }

    /// What is wrong with the line; nil when nothing is.
    public mutating func readHeader(_ line: ArraySlice<UInt8>) -> String? {
        guard let colon = line.firstIndex(of: 0x3A) else {
            return "a header without a colon: `\(printable(line, limit: 60))`"
        }
        let name = line[..<colon]
        let value = trimmed(line[(colon + 1)...])
        if equalIgnoringCase(name, "content-length") {
            guard let count = decimal(value) else { return "Content-Length is `\(printable(value, limit: 60))`" }
            // Two different lengths are how requests are smuggled (RFC 9112 §6.3).
            if let length, length != count { return "Content-Length is both \(length) and \(count)" }
            length = count
        } else if equalIgnoringCase(name, "transfer-encoding") {
            coding = value.map(lowercased)
        } else if equalIgnoringCase(name, "connection"), equalIgnoringCase(value, "close") {
            isLast = true
        }
        return nil
    }

    /// nil when the coding is none that we asked for.
    public func framing(method: String) -> Framing? {
        let hasNone = method == "HEAD" || status == 204 || status == 304
        if hasNone { return .length(0) }
        if let coding {
            if coding.elementsEqual("chunked".utf8) { return .chunked }
            return coding.elementsEqual("identity".utf8) ? length.map { .length($0) } ?? .close : nil
        }
        return length.map { .length($0) } ?? .close
    }

    var codingText: String { printable(coding ?? [], limit: 60) }
    /// 100…199, but for 101, which ends HTTP: another head follows.
    public var isInterim: Bool { status.map { $0 < 200 && $0 != 101 } ?? false }

    private func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var text = text
        while let first = text.first, first == 0x20 || first == 0x09 { text.removeFirst() }
        while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
        return text
    }
}
