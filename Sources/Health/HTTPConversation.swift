import Configuration
import Primitives

/// One URL of `HTTP_GET` or `SSL_GET`: HTTP/1 (RFC 9112).
///
/// It is over as soon as it is decided: a status that is not wanted needs no body, and a status that is, and is all that was asked for, neither. Kept
/// are at most 64 KB of headers, and of the body 1 MB where its text matters; a digest is computed on the way, of at most 64 MB. Nothing is ever
/// unpacked: no encoding is asked for.
public struct HTTPConversation: Conversation {
    /// Whether a body matches the URL's `regex`: nil where that cannot be told, with the reason.
    public typealias Matcher = @Sendable ([UInt8]) -> Result<Bool, MatchFailure>

    public struct MatchFailure: Error, Hashable, Sendable {
        public var reason: String
        public init(reason: String) { self.reason = reason }
    }

    enum Phase: Sendable {
        case status
        case headers
        case body(left: Int)
        case chunkSize
        case chunk(left: Int)
        case chunkEnd
        /// Until the server closes.
        case rest
    }

    public static let headerLimit = 1 << 16
    public static let textLimit = 1 << 20
    public static let bodyLimit = 64 << 20

    private let probe: HTTPProbe
    private let url: HTTPProbe.URL
    private let matcher: Matcher?
    private var phase = Phase.status
    private var line: [UInt8] = []
    private var headerBytes = 0
    private var status: UInt16 = 0
    private var contentLength: Int?
    private var isChunked = false
    private var digest = MD5()
    private var text: [UInt8] = []
    private var bodyBytes = 0

    /// - Parameter matcher: evaluates the URL's `regex`, where it has one.
    public init(_ probe: HTTPProbe, url: HTTPProbe.URL, matcher: Matcher? = nil) {
        self.probe = probe
        self.url = url
        self.matcher = matcher
    }

    private var wantsText: Bool { url.regex != nil || !url.json.isEmpty }
    private var wantsBody: Bool { wantsText || url.digest != nil }

    // MARK: - The request

    public mutating func begin() -> ConversationStep { .send(request) }

    private var request: [UInt8] {
        var text =
            "\(probe.method) \(url.path.isEmpty ? "/" : url.path) HTTP/\(probe.version == .v1_1 ? "1.1" : "1.0")\r\n"
        let own = probe.headers.map { $0.name.lowercased() }
        if !own.contains("user-agent") { text += "User-Agent: KeepAliveClient\r\n" }
        if !own.contains("host") { text += "Host: \(host)\r\n" }
        // Without it a server of HTTP/1.1 would keep the connection, and this side close it all the same.
        if probe.version != .v1_0, !own.contains("connection") { text += "Connection: close\r\n" }
        for header in probe.headers { text += "\(header.name): \(header.value)\r\n" }
        if let body = probe.body { text += "Content-Length: \(body.utf8.count)\r\n" }
        return Array((text + "\r\n" + (probe.body ?? "")).utf8)
    }

    /// keepalived's: the virtual host as it is written, or the address and its port.
    private var host: String {
        if let virtualHost = url.virtualHost { return virtualHost }
        let address = probe.connection.address
        let text = address.family == .ipv4 ? "\(address)" : "[\(address)]"
        return "\(text):\(probe.connection.port)"
    }

    // MARK: - The answer

    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
        var offset = 0
        while offset < bytes.count {
            let step: ConversationStep?
            switch phase {
            case .status, .headers, .chunkSize, .chunkEnd: step = take(line: bytes, &offset)
            case .body(let left), .chunk(let left):
                let part = bytes[offset..<min(offset + left, bytes.count)]
                offset = part.endIndex
                step = keep(part) ?? advance(left - part.count)
            case .rest:
                step = keep(bytes[offset...])
                offset = bytes.count
            }
            if let step { return step }
        }
        return .wait
    }

    public mutating func end() -> ConversationStep {
        switch phase {
        case .rest: return judge()
        case .status where headerBytes == 0: return fail("the server closed the connection without an answer")
        default: return fail("the server closed the connection in the middle of its answer")
        }
    }

    private mutating func take(line bytes: [UInt8], _ offset: inout Int) -> ConversationStep? {
        while offset < bytes.count {
            let byte = bytes[offset]
            offset += 1
            headerBytes += 1
            guard headerBytes <= Self.headerLimit else { return fail("its headers are longer than 64 KB") }
            if byte == UInt8(ascii: "\n") {
                if line.last == UInt8(ascii: "\r") { line.removeLast() }
                let whole = line
                line.removeAll(keepingCapacity: true)
                return interpret(whole)
            }
            line.append(byte)
        }
        return nil
    }

    private mutating func interpret(_ line: [UInt8]) -> ConversationStep? {
        switch phase {
        case .status: return interpretStatus(line)
        case .headers: return line.isEmpty ? beginBody() : interpretHeader(line)
        case .chunkSize:
            let digits = line.prefix { $0 != UInt8(ascii: ";") && $0 != UInt8(ascii: " ") }
            guard !digits.isEmpty, digits.count <= 8,
                let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), size >= 0
            else { return fail("its body is cut into pieces that have no size") }
            guard size > 0 else { return judge() }
            phase = .chunk(left: size)
            headerBytes = 0
            return nil
        default:
            phase = .chunkSize
            return nil
        }
    }

    private mutating func interpretStatus(_ line: [UInt8]) -> ConversationStep? {
        let words = line.split(separator: UInt8(ascii: " "), maxSplits: 2)
        guard words.count >= 2, words[0].starts(with: Array("HTTP/".utf8)), words[1].count == 3,
            let code = UInt16(String(decoding: words[1], as: UTF8.self)), (100...999).contains(code)
        else { return fail("it does not answer in HTTP/1: \(Printable.text(line))") }
        status = code
        phase = .headers
        return nil
    }

    private mutating func interpretHeader(_ line: [UInt8]) -> ConversationStep? {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let name = String(decoding: line[..<colon], as: UTF8.self).lowercased()
        let value = String(decoding: line[(colon + 1)...], as: UTF8.self).filter { $0 != " " && $0 != "\t" }
            .lowercased()
        if name == "content-length" {
            guard let length = Int(value), length >= 0 else { return fail("its Content-Length is no number") }
            contentLength = length
        } else if name == "transfer-encoding" {
            isChunked = value.hasSuffix("chunked")
        }
        return nil
    }

    private mutating func beginBody() -> ConversationStep? {
        // 100 Continue and its like come before the answer (RFC 9110 §15.2).
        if (100...199).contains(status), !url.statusCodes.contains(where: { $0.contains(status) }) {
            phase = .status
            return nil
        }
        guard url.statusCodes.contains(where: { $0.contains(status) }) else {
            return fail("status \(status), wanted \(wantedStatus)")
        }
        guard wantsBody else { return .finish(.success) }
        headerBytes = 0
        let hasNone = probe.method == "HEAD" || status == 204 || status == 304
        if hasNone || (contentLength == 0 && !isChunked) { return judge() }
        if isChunked {
            phase = .chunkSize
        } else if let contentLength {
            phase = .body(left: contentLength)
        } else {
            phase = .rest
        }
        return nil
    }

    private var wantedStatus: String {
        url.statusCodes.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(
            separator: " ")
    }

    private mutating func keep(_ part: ArraySlice<UInt8>) -> ConversationStep? {
        bodyBytes += part.count
        if url.digest != nil { digest.update(part) }
        if wantsText {
            guard text.count + part.count <= Self.textLimit else { return fail("its body is longer than 1 MB") }
            text += part
        }
        return bodyBytes > Self.bodyLimit ? fail("its body is longer than 64 MB") : nil
    }

    private mutating func advance(_ left: Int) -> ConversationStep? {
        if case .body = phase {
            if left == 0 { return judge() }
            phase = .body(left: left)
        } else {
            phase = left == 0 ? .chunkEnd : .chunk(left: left)
        }
        return nil
    }

    // MARK: - The verdict

    private mutating func judge() -> ConversationStep {
        if let wanted = url.digest {
            let found = digest.finish()
            guard found == wanted else { return fail("the digest of the body is \(Printable.hexadecimal(found))") }
        }
        if !url.json.isEmpty, let reason = JSONExpectation.failure(of: url.json, in: text) { return fail(reason) }
        guard let regex = url.regex else { return .finish(.success) }
        guard let matcher else { return fail("there is nothing to evaluate its `regex` with") }
        switch matcher(text) {
        case .success(let matches) where matches != regex.isNegated: return .finish(.success)
        case .success: return fail(regex.isNegated ? "the body matches, and must not" : "the body does not match")
        case .failure(let failure): return fail(failure.reason)
        }
    }

    private func fail(_ reason: String) -> ConversationStep { .finish(.failure("\(url.path): \(reason)")) }
}

/// What servers say, for people: printable ASCII, and not much of it.
enum Printable {
    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var text = ""
        for byte in bytes {
            guard text.utf8.count < 80 else { return text + "…" }
            text += (0x20..<0x7F).contains(byte) ? String(UnicodeScalar(byte)) : "?"
        }
        return text
    }

    static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
}

/// `json PATH [VALUE]`.
enum JSONExpectation {
    /// What is not as it should be; nil when all is.
    static func failure(of wanted: [HTTPProbe.JSONAssertion], in body: [UInt8]) -> String? {
        guard let document = JSONValue(body) else { return "the body is no JSON" }
        for assertion in wanted {
            guard let found = value(at: assertion.path, in: document) else {
                return "the JSON has no \(assertion.path)"
            }
            guard let text = assertion.value else { continue }
            guard let said = word(found) else { return "\(assertion.path) in the JSON is no single value" }
            if said != text { return "\(assertion.path) in the JSON is \(Printable.text(said.utf8)), wanted \(text)" }
        }
        return nil
    }

    private static func value(at path: String, in document: JSONValue) -> JSONValue? {
        var value = document
        for step in path.split(separator: ".") {
            if let elements = value.array {
                guard let index = Int(step), elements.indices.contains(index) else { return nil }
                value = elements[index]
            } else {
                guard let member = value[String(step)] else { return nil }
                value = member
            }
        }
        return value
    }

    private static func word(_ value: JSONValue) -> String? {
        switch value {
        case .null: "null"
        case .bool(let truth): truth ? "true" : "false"
        case .integer(let number): "\(number)"
        case .number(let number): "\(number)"
        case .string(let text): text
        case .array, .object: nil
        }
    }
}
