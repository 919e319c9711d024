import Configuration
import Primitives

/// `GRPC_CHECK`: `grpc.health.v1.Health/Check` over HTTP/2 with prior knowledge (the gRPC health checking protocol; "gRPC over HTTP2"). One stream, asked at
/// once and answered with a status and a message of a few bytes. Keeps one frame of at most 16 KB, 64 KB of headers and 4 KB of message, and never offers
/// more than HTTP/2's first window.
public struct GRPCConversation: MessageConversation {
    private let probe: GRPCProbe
    private var decoder = HPACKDecoder()
    private var block: [UInt8] = []
    /// Between HEADERS without its end and its last CONTINUATION nothing else may come; whether the stream ends with them.
    private var openBlock: (isOpen: Bool, endsStream: Bool) = (false, false)
    private var message: [UInt8] = []
    private var hasHeaders = false
    var input = InputBuffer()

    private static let stream: UInt32 = 1
    private static let blockLimit = 1 << 16
    private static let messageLimit = 4096

    public init(_ probe: GRPCProbe) { self.probe = probe }

    public var awaited: String { hasHeaders ? "the end of the answer" : "the answer" }

    // MARK: - The request

    public mutating func begin() -> ConversationStep {
        let connection = probe.connection
        let address =
            connection.address.family == .ipv6
            ? "[\(connection.address)]:\(connection.port)" : "\(connection.address):\(connection.port)"
        let fields: [(String, [UInt8])] = [
            (":method", Array("POST".utf8)), (":scheme", Array((probe.tls ? "https" : "http").utf8)),
            (":path", Array("/grpc.health.v1.Health/Check".utf8)), (":authority", oneLine(probe.authority ?? address)),
            ("content-type", Array("application/grpc".utf8)), ("te", Array("trailers".utf8)),
            ("user-agent", Array("KeepAliveClient".utf8)),
        ]
        let headers = fields.flatMap { HPACKReader.literal($0.0, $0.1) }
        // HealthCheckRequest: field 1, the name of the service.
        var request: [UInt8] = []
        let service = Array(probe.service.utf8.prefix(8192))
        if !service.isEmpty { request = [0x0A] + Self.variableInteger(service.count) + service }
        var data: [UInt8] = [0]
        data.append(bigEndian: UInt32(truncatingIfNeeded: request.count))
        // SETTINGS_ENABLE_PUSH 0.
        let settings = HTTP2Frame(.settings, [0, 2, 0, 0, 0, 0])
        let opening = HTTP2Frame(
            .headers, flags: HTTP2Frame.endHeaders, stream: Self.stream, Array(headers.prefix(16384)))
        let body = HTTP2Frame(.data, flags: HTTP2Frame.endStream, stream: Self.stream, data + request)
        return .send(HTTP2Frame.preface + settings.encoded + opening.encoded + body.encoded)
    }

    private static func variableInteger(_ value: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = value
        while rest >= 128 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest & 0x7F)]
    }

    // MARK: - The answer

    mutating func advance() -> ConversationStep {
        // A server of HTTP/1 answers the preface in words.
        if input.count >= 9, input.unread.starts(with: "HTTP/".utf8) {
            return .fail("no HTTP/2: the answer begins with `\(printable(input.unread.prefix(9)))`")
        }
        switch HTTP2Frame.read(&input) {
        case .more: return .wait
        case .tooLong(let length): return .fail("no HTTP/2, or a frame of \(length) bytes")
        case .frame(let frame): return read(frame)
        }
    }

    private mutating func read(_ frame: HTTP2Frame) -> ConversationStep {
        if openBlock.isOpen, frame.kind != .continuation || frame.stream != Self.stream {
            return fault("a frame within headers")
        }
        switch frame.kind {
        case .settings:
            guard frame.stream == 0, frame.payload.count % 6 == 0 else { return fault("broken settings") }
            if frame.has(HTTP2Frame.acknowledges) { return .send([]) }
            return .send(HTTP2Frame(.settings, flags: HTTP2Frame.acknowledges, []).encoded)
        case .ping:
            guard frame.payload.count == 8 else { return fault("a broken ping") }
            if frame.has(HTTP2Frame.acknowledges) { return .send([]) }
            return .send(HTTP2Frame(.ping, flags: HTTP2Frame.acknowledges, frame.payload).encoded)
        case .goAway:
            let code = frame.payload.span.bytes.uint32(at: 4) ?? 0
            let last = frame.payload.span.bytes.uint32(at: 0) ?? 0
            // A server that stops says so, and answers what was asked before.
            if code == 0, last & 0x7FFF_FFFF >= Self.stream { return .send([]) }
            return .fail(
                "the server ended the connection: HTTP/2 error \(code) `\(printable(frame.payload.dropFirst(8)))`")
        case .reset where frame.stream == Self.stream:
            return .fail("the server broke off the answer: HTTP/2 error \(frame.payload.span.bytes.uint32(at: 0) ?? 0)")
        case .headers where frame.stream == Self.stream:
            guard let content = frame.content else { return fault("broken headers") }
            block = Array(content)
            openBlock = (true, frame.has(HTTP2Frame.endStream))
            return frame.has(HTTP2Frame.endHeaders) ? endBlock() : .send([])
        case .continuation:
            guard openBlock.isOpen else { return fault("a continuation of nothing") }
            block += frame.payload
            guard block.count <= Self.blockLimit else { return fault("endless headers") }
            return frame.has(HTTP2Frame.endHeaders) ? endBlock() : .send([])
        case .data where frame.stream == Self.stream:
            guard let content = frame.content, hasHeaders else { return fault("broken data") }
            message += content
            guard message.count <= Self.messageLimit else {
                return fault("a message of more than \(Self.messageLimit) bytes")
            }
            return frame.has(HTTP2Frame.endStream) ? .fail("the answer has no grpc-status") : .send([])
        case .pushPromise: return fault("a push, which was refused")
        default: return .send([])
        }
    }

    private static let goAway = HTTP2Frame(.goAway, [0, 0, 0, 0, 0, 0, 0, 0]).encoded
    private func fault(_ what: String) -> ConversationStep { .fail("the server's HTTP/2 is broken: \(what)") }

    private mutating func endBlock() -> ConversationStep {
        guard let fields = decoder.decode(block[...]) else { return fault("headers that cannot be decoded") }
        let endsStream = openBlock.endsStream
        openBlock = (false, false)
        block = []
        if !hasHeaders {
            guard let status = value(":status", fields) else { return fault("no status") }
            // Interim answers (§8.1).
            if status.first == UInt8(ascii: "1"), !endsStream { return .send([]) }
            guard status.elementsEqual("200".utf8) else {
                return .fail("HTTP status \(printable(status, limit: 20)), wanted 200")
            }
            hasHeaders = true
            guard endsStream else { return .send([]) }
        }
        guard endsStream else { return fault("headers within the answer") }
        return judge(fields)
    }

    private func value(_ name: String, _ fields: [HPACKDecoder.Field]) -> [UInt8]? {
        fields.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// The trailers say how the call went, the message what the service is.
    private func judge(_ trailers: [HPACKDecoder.Field]) -> ConversationStep {
        guard let status = value("grpc-status", trailers) else { return .fail("the answer has no grpc-status") }
        let words = value("grpc-message", trailers).map { ": `\(printable($0))`" } ?? ""
        switch decimal(status) {
        case 0: break
        case 5:
            return .fail(
                "the server does not know the service `\(printable(probe.service.utf8, limit: 60))`\(words)",
                farewell: Self.goAway)
        case 12: return .fail("the server has no grpc.health.v1.Health\(words)", farewell: Self.goAway)
        default: return .fail("gRPC status \(printable(status, limit: 20))\(words)", farewell: Self.goAway)
        }
        guard let length = message.span.bytes.uint32(at: 1), message[0] == 0, Int(length) == message.count - 5,
            let serving = Self.servingStatus(message[5...])
        else { return .fail("the answer's message is broken", farewell: Self.goAway) }
        let names = ["UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"]
        guard serving != 1 else { return .finish(.success, farewell: Self.goAway) }
        return .fail(
            "the service is \(serving < names.count ? names[serving] : "\(serving)"), wanted SERVING",
            farewell: Self.goAway)
    }

    /// HealthCheckResponse: field 1, an enumeration; absent is 0. Fields that are not known are passed over. nil when it is broken.
    static func servingStatus(_ message: ArraySlice<UInt8>) -> Int? {
        var left = message
        func integer() -> UInt64? {
            var value: UInt64 = 0
            for shift in stride(from: UInt64(0), to: 64, by: 7) {
                guard let byte = left.popFirst() else { return nil }
                value |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
            }
            return nil
        }
        var status: UInt64 = 0
        while !left.isEmpty {
            guard let key = integer() else { return nil }
            switch (key >> 3, key & 7) {
            case (1, 0):
                guard let value = integer() else { return nil }
                status = value
            case (_, 0): guard integer() != nil else { return nil }
            case (_, 1):
                guard left.count >= 8 else { return nil }
                left = left.dropFirst(8)
            case (_, 2):
                guard let length = integer(), length <= UInt64(left.count) else { return nil }
                left = left.dropFirst(Int(length))
            case (_, 5):
                guard left.count >= 4 else { return nil }
                left = left.dropFirst(4)
            default: return nil
            }
        }
        return Int(clamping: status)
    }
}
