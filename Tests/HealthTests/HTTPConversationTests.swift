import Configuration
import Primitives
import Testing

@testable import Health

@Suite struct HTTPConversationTests {
    static let server = HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 1)), port: 80)

    static func conversation(
        _ configure: (inout HTTPProbe.URL) -> Void = { _ in },
        probe configureProbe: (inout HTTPProbe) -> Void = { _ in }
    ) -> HTTPConversation {
        var url = HTTPProbe.URL(path: "/health")
        configure(&url)
        var probe = HTTPProbe(server, urls: [url])
        configureProbe(&probe)
        return HTTPConversation(probe, url)
    }

    @Test("The request is keepalived's")
    func request() {
        #expect(
            play(Self.conversation(), []).text
                == "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 192.0.2.1:80\r\n\r\n")
        #expect(
            play(Self.conversation({ $0.virtualHost = "www.example.org" }, probe: { $0.version = .v1_0Close }), []).text
                == "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: www.example.org\r\n\r\n"
        )
        let ipv6 = Self.conversation(probe: {
            $0.version = .v1_1
            $0.connection.address = .v6(IPv6Address(high: 0x2001_0db8 << 32, low: 1))
        })
        #expect(play(ipv6, []).text.contains("GET /health HTTP/1.1\r\n"))
        #expect(play(ipv6, []).text.contains("Connection: close\r\nHost: [2001:db8::1]:80\r\n"))
    }

    @Test("Method, headers and body are sent, and cannot begin another line")
    func ownRequest() {
        let sent = play(
            Self.conversation(
                { $0.path = "/a b\r\nX: y" },
                probe: {
                    $0.method = "POST"
                    $0.body = "ping"
                    $0.headers = [.init(name: "Host", value: "a"), .init(name: "X-Token", value: "b\r\nEvil: c")]
                }), []
        ).text
        #expect(
            sent
                == "POST /a%20b%0d%0aX:%20y HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: a\r\nX-Token: bEvil: c\r\n"
                + "Content-Length: 4\r\n\r\nping")
    }

    struct Answer: Sendable, CustomTestStringConvertible {
        var stream: String
        var ends = true
        /// nil is a success.
        var fault: String?
        var testDescription: String { String(stream.prefix(60)) }
    }

    static let answers: [Answer] = [
        Answer(stream: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", ends: false),
        Answer(stream: "HTTP/1.0 204\r\n\r\n", ends: false),
        Answer(stream: "HTTP/1.1 200 OK\nContent-Length:0\n\n", ends: false),
        Answer(
            stream: "HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", ends: false),
        Answer(stream: "HTTP/1.0 200 OK\r\n\r\nuntil it closes"),
        Answer(
            stream:
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\nT: u\r\n\r\n",
            ends: false),
        Answer(
            stream: "HTTP/1.1 503 Nope\r\n",
            fault: "the server closed the connection within the headers, after 19 bytes"),
        Answer(stream: "HTTP/1.1 503 Nope\r\n\r\n", ends: false, fault: "HTTP status 503, wanted 200-299"),
        Answer(stream: "", fault: "the server closed the connection without an answer"),
        Answer(stream: "SSH-2.0-OpenSSH\r\n", fault: "no HTTP: the answer begins with `SSH-2.0-OpenSSH`"),
        Answer(stream: "\u{16}\u{3}\u{1}\n", fault: "no HTTP: the answer begins with `...`"),
        Answer(stream: "HTTP/1.1 2000 OK\r\n", fault: "no HTTP: the answer begins with `HTTP/1.1 2000 OK`"),
        Answer(stream: "HTTP/1.1 200 OK\r\nno colon\r\n", fault: "a header without a colon: `no colon`"),
        Answer(stream: "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhi", fault: "the body ended after 2 of 10 bytes"),
        Answer(stream: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", fault: "Content-Length is `-1`"),
        Answer(
            stream: "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            fault: "Content-Length is both 1 and 2"),
        Answer(
            stream: "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
            fault: "Content-Length is `99999999999999999999999`"),
        Answer(stream: "HTTP/1.1 200 OK\r\nContent-Length: 67108865\r\n\r\n", fault: "the body is longer than 64 MB"),
        Answer(
            stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            fault: "the body comes as `gzip`, which was not asked for"),
        Answer(
            stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
            fault: "the body ended within a chunk, after 3 bytes"),
        Answer(
            stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFF\r\n",
            fault: "a chunk's size is `FFFFFFFFF`"),
        Answer(stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", fault: "a chunk's size is `-1`"),
        Answer(
            stream: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
            fault: "a chunk is longer than its size"),
    ]

    @Test("What an answer means does not depend on how it is cut", arguments: answers)
    func verdict(_ answer: Answer) {
        let outcome = heard(Self.conversation(), answer.stream, ends: answer.ends)
        #expect(outcome.verdict == answer.fault.map { .failure($0) } ?? .success)
    }

    @Test("A body is not waited for where there is none")
    func noBody() {
        let head = Self.conversation(probe: { $0.method = "HEAD" })
        #expect(heard(head, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n").verdict == .success)
    }

    @Test("Status codes are those that are written")
    func statusCodes() {
        let conversation = Self.conversation { $0.statusCodes = [200...200, 401...403] }
        #expect(heard(conversation, "HTTP/1.1 402 Pay\r\nContent-Length: 0\r\n\r\n").verdict == .success)
        #expect(heard(conversation, "HTTP/1.1 204 No\r\n\r\n").failure == "HTTP status 204, wanted 200, 401-403")
    }

    @Test("The digest is the MD5 of the body, however it comes")
    func digest() {
        // md5sum of "hello"
        let digest: [UInt8] = [
            0x5D, 0x41, 0x40, 0x2A, 0xBC, 0x4B, 0x2A, 0x76, 0xB9, 0x71, 0x9D, 0x91, 0x10, 0x17, 0xC5, 0x92,
        ]
        let conversation = Self.conversation { $0.digest = digest }
        #expect(heard(conversation, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello").verdict == .success)
        #expect(heard(conversation, "HTTP/1.0 200 OK\r\n\r\nhello", ends: true).verdict == .success)
        #expect(
            heard(conversation, "HTTP/1.0 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
                .verdict
                == .success)
        #expect(
            heard(conversation, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhell").failure
                == "the body's MD5 is 4229d691b07b13341da53f17ab9f2416, wanted 5d41402abc4b2a76b9719d911017c592")
    }

    @Test("A regular expression is tried on the whole body by whoever can")
    func regex() {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
        let wanted = Self.conversation { $0.regex = .init(pattern: "h.") }
        #expect(heard(wanted, answer, pattern: .match).verdict == .success)
        #expect(heard(wanted, answer, pattern: .noMatch).failure == "the body does not match")
        #expect(
            heard(wanted, answer, pattern: .failed("no PCRE2")).failure
                == "the regular expression could not be tried: no PCRE2")
        let unwanted = Self.conversation {
            $0.regex = .init(pattern: "h.")
            $0.regex?.isNegated = true
        }
        #expect(heard(unwanted, answer, pattern: .noMatch).verdict == .success)
        #expect(heard(unwanted, answer, pattern: .match).failure == "the body matches what it must not match")
        #expect(heard(unwanted, answer, pattern: .failed("no PCRE2")).failure != nil)
    }

    @Test("Endless headers, an endless body and an endless trailer each end the check within their bounds")
    func bounds() {
        func bytes(_ head: String, _ repeated: String, _ conversation: HTTPConversation) -> (Int, String?) {
            var conversation = conversation
            _ = conversation.begin()
            _ = conversation.receive(Array(head.utf8))
            let piece = Array(String(repeating: repeated, count: 16384 / repeated.utf8.count).utf8)
            var sent = 0
            while sent < 1 << 28 {
                sent += piece.count
                if case .finish(.failure(let reason), _) = conversation.receive(piece) { return (sent, reason) }
            }
            return (sent, nil)
        }
        let plain = Self.conversation()
        let (headers, headersFault) = bytes("HTTP/1.1 200 OK\r\n", "A: bbb\r\n", plain)
        #expect(headers <= 1 << 17 && headersFault == "the headers are longer than 65536 bytes")
        let (line, lineFault) = bytes("HTTP/1.1 200 OK\r\nX: ", "a", plain)
        #expect(line <= 1 << 17 && lineFault == "the headers are longer than 65536 bytes")
        let (interim, interimFault) = bytes("", "HTTP/1.1 100 Continue\r\n\r\n", plain)
        #expect(interim <= 1 << 17 && interimFault == "the headers are longer than 65536 bytes")
        let (body, bodyFault) = bytes("HTTP/1.1 200 OK\r\n\r\n", "a", plain)
        #expect(body <= (1 << 26) + 16384 && bodyFault == "the body is longer than 64 MB")
        let kept = Self.conversation { $0.json = [.init(path: "a")] }
        let (json, jsonFault) = bytes("HTTP/1.1 200 OK\r\n\r\n", "[", kept)
        #expect(json <= (1 << 20) + 16384 && jsonFault == "the body is longer than 1 MB, too long for JSON")
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        let (trailer, trailerFault) = bytes(chunked + "0\r\n", "A: bbb\r\n", plain)
        #expect(trailer <= 1 << 17 && trailerFault == "the trailer is longer than 65536 bytes")
        let (size, sizeFault) = bytes(chunked, "1", plain)
        #expect(size <= 16384 && sizeFault == "a chunk's line is longer than 4096 bytes")
    }
}

@Suite struct JSONExpectationTests {
    static let body =
        #"{"status":"up", "n": 1.50, "ok":true,"none":null,"checks":[{"state":"a\"\u00e9\ud83d\ude00"},[2]],"status":"down","":{"x":0}}"#

    private func fault(_ path: String, _ value: String?, _ body: String = body) -> String? {
        JSONExpectation(.init(path: path, value: value)).fault(in: Array(body.utf8))
    }

    @Test("A value is found by names and indices, and compared as it is written")
    func found() {
        #expect(fault("status", "up") == nil)
        #expect(fault("n", "1.50") == nil)
        #expect(fault("ok", "true") == nil)
        #expect(fault("none", "null") == nil)
        #expect(fault("none", nil) == nil)
        #expect(fault("checks.0.state", "a\"é😀") == nil)
        #expect(fault("checks.1.0", "2") == nil)
        #expect(fault("checks", nil) == nil)
        #expect(fault("status", "down") == "JSON: `status` is `up`, wanted `down`")
        #expect(fault("checks", "x") == "JSON: `checks` is an array, wanted `x`")
        #expect(fault("checks.0", "x") == "JSON: `checks.0` is an object, wanted `x`")
        #expect(fault("checks.2", nil) == "JSON: there is nothing at `checks.2`")
        #expect(fault("status.up", nil) == "JSON: there is nothing at `status.up`")
        #expect(fault("", "7", " 7 ") == nil)
    }

    @Test(
        "What is no JSON is a failure, also behind the value",
        arguments: [
            "", "{", "{\"a\":1", "{\"a\":1}x", "{\"a\":1,}", "{\"a\":01}", "{\"a\":1.}", "{\"a\":\"\n\"}",
            "{\"a\":1,\"b\":tru}", "{\"a\":\"\\u12\"}",
            "<html>", "{'a':1}", "[1 2]", String(repeating: "[", count: 100_000),
            String(repeating: "[", count: 65) + String(repeating: "]", count: 65),
        ])
    func broken(_ body: String) {
        #expect(fault("a", nil, body)?.hasPrefix("the body is no JSON (at byte ") == true)
    }

    @Test("Every cut of a good text is no JSON")
    func cut() {
        let bytes = Array(Self.body.utf8)
        for end in bytes.indices {
            #expect(JSONExpectation(.init(path: "status", value: "up")).fault(in: Array(bytes[..<end])) != nil)
        }
    }
}
