import Configuration
import Primitives

/// One URL of `HTTP_GET` or `SSL_GET`: one request on a connection of its own, and what its answer means.
///
/// The body is read to its end, so that an answer that breaks off is a failure whatever its status. Nothing is ever decompressed, and no coding is
/// asked for. Bounds: 64 KB of headers; a body of 64 MB; of the body at most 1 MB is kept, and only where a regular expression or JSON needs it.
public struct HTTPConversation: Conversation {
    public static let headerLimit = 1 << 16
    public static let bodyLimit = 1 << 26
    public static let keptLimit = 1 << 20

    private enum State: Sendable { case status, headers, length(Int), chunked, close, matching, over }

    private let probe: HTTPProbe
    private let url: HTTPProbe.URL
    private var state = State.status
    private var head = HTTPResponseHead()
    private var line: [UInt8] = []
    private var headerBytes = 0
    private var chunks = ChunkedBody()
    private var digest: MD5?
    private var body: [UInt8] = []
    private var bodyBytes = 0
    private var keepsBody: Bool

    public init(_ probe: HTTPProbe, _ url: HTTPProbe.URL) {
        self.probe = probe
        self.url = url
        digest = url.digest == nil ? nil : MD5()
        keepsBody = url.regex != nil || !url.json.isEmpty
    }

    public var awaited: String {
        switch state {
        case .status: "the status line"
        case .headers: "the end of the headers"
        case .length, .chunked, .close, .matching, .over: "the end of the body (\(bodyBytes) bytes so far)"
        }
    }

    public mutating func begin() -> ConversationStep { .send(HTTPRequest.bytes(probe, url)) }

    public mutating func receive(_ bytes: [UInt8]) -> ConversationStep {
        var offset = 0
        while offset < bytes.count {
            let step: ConversationStep?
            switch state {
            case .status, .headers: step = readHead(bytes, &offset)
            case .length(let left):
                let count = min(left, bytes.count - offset)
                step = add(bytes[offset..<(offset + count)])
                offset += count
                state = .length(left - count)
                if step == nil, left == count { return judge() }
            case .close:
                step = add(bytes[offset...])
                offset = bytes.count
            case .chunked:
                switch chunks.next(bytes, &offset) {
                case .body(let range): step = add(bytes[range])
                case .done: return judge()
                case .wait: return .wait
                case .broken(let reason): step = .fail(reason)
                }
            // What follows the answer concerns nobody.
            case .matching, .over: return .wait
            }
            if let step { return step }
        }
        return .wait
    }

    public mutating func end() -> ConversationStep {
        switch state {
        case .status where headerBytes == 0: .fail("the server closed the connection without an answer")
        case .status, .headers: .fail("the server closed the connection within the headers, after \(headerBytes) bytes")
        case .length(let left): .fail("the body ended after \(bodyBytes) of \(bodyBytes + left) bytes")
        case .chunked: .fail("the body ended within a chunk, after \(bodyBytes) bytes")
        case .close: judge()
        case .matching, .over: .fail("the server closed the connection early")
        }
    }

    /// One line of the head, or what there is of it. nil: go on.
    private mutating func readHead(_ bytes: [UInt8], _ offset: inout Int) -> ConversationStep? {
        let end = bytes[offset...].firstIndex(of: 0x0A) ?? bytes.count
        headerBytes += min(end + 1, bytes.count) - offset
        guard headerBytes <= HTTPConversation.headerLimit else {
            return .fail("the headers are longer than \(HTTPConversation.headerLimit) bytes")
        }
        line.append(contentsOf: bytes[offset..<end])
        offset = min(end + 1, bytes.count)
        guard end < bytes.count else { return nil }
        if line.last == 0x0D { line.removeLast() }
        defer { line.removeAll(keepingCapacity: true) }
        if case .status = state {
            state = .headers
            return head.readStatus(line[...]).map { .fail($0) }
        }
        guard line.isEmpty else { return head.readHeader(line[...]).map { .fail($0) } }
        if head.isInterim {
            (state, head) = (.status, HTTPResponseHead())
            return nil
        }
        return endHead()
    }

    private mutating func endHead() -> ConversationStep? {
        let status = head.status ?? 0
        guard url.statusCodes.contains(where: { $0.contains(UInt16(clamping: status)) }) else {
            let wanted = url.statusCodes.map {
                $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
            }
            return .fail("HTTP status \(status), wanted \(wanted.joined(separator: ", "))")
        }
        switch head.framing(method: probe.method) {
        case .length(0): return judge()
        case .length(let count):
            if count > HTTPConversation.bodyLimit { return tooLong() }
            state = .length(count)
        case .chunked: state = .chunked
        case .close: state = .close
        case nil: return .fail("the body comes as `\(head.codingText)`, which was not asked for")
        }
        return nil
    }

    private func tooLong() -> ConversationStep {
        .fail("the body is longer than \(HTTPConversation.bodyLimit >> 20) MB")
    }

    private mutating func add(_ bytes: ArraySlice<UInt8>) -> ConversationStep? {
        bodyBytes += bytes.count
        guard bodyBytes <= HTTPConversation.bodyLimit else { return tooLong() }
        digest?.update(bytes)
        guard keepsBody else { return nil }
        guard bodyBytes <= HTTPConversation.keptLimit else {
            return .fail(
                "the body is longer than \(HTTPConversation.keptLimit >> 20) MB, too long for \(url.regex != nil ? "a regular expression" : "JSON")"
            )
        }
        body.append(contentsOf: bytes)
        return nil
    }

    /// The whole body is there.
    private mutating func judge() -> ConversationStep {
        state = .over
        if let wanted = url.digest, let found = digest?.finish(), found != wanted {
            return .fail("the body's MD5 is \(found.hexadecimal), wanted \(wanted.hexadecimal)")
        }
        for assertion in url.json {
            if let reason = JSONExpectation(assertion).fault(in: body) { return .fail(reason) }
        }
        guard url.regex != nil else { return .finish(.success) }
        state = .matching
        defer { body = [] }
        return .match(body)
    }

    public mutating func matched(_ result: PatternResult) -> ConversationStep {
        state = .over
        switch (result, url.regex?.isNegated ?? false) {
        case (.match, false), (.noMatch, true): return .finish(.success)
        case (.match, true): return .fail("the body matches what it must not match")
        case (.noMatch, false): return .fail("the body does not match")
        case (.failed(let reason), _): return .fail("the regular expression could not be tried: \(reason)")
        }
    }
}
