import Configuration
import Health
import Primitives
import Testing

@Suite struct HTTPConversationTests {
    static let server = HealthCheck.Connection(.v4(IPv4Address(10, 0, 0, 1)), port: 8080)

    static func conversation(
        _ edit: (inout HTTPProbe, inout HTTPProbe.URL) -> Void = { _, _ in }, matcher: HTTPConversation.Matcher? = nil
    ) -> HTTPConversation {
        var probe = HTTPProbe(server, urls: [])
        var url = HTTPProbe.URL(path: "/health")
        edit(&probe, &url)
        return HTTPConversation(probe, url: url, matcher: matcher)
    }

    static func request(_ conversation: HTTPConversation) -> String {
        var conversation = conversation
        guard case .send(let bytes) = conversation.begin() else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test("The request is keepalived's, and what is configured comes in its place")
    func requests() {
        #expect(
            Self.request(Self.conversation())
                == "GET /health HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 10.0.0.1:8080\r\n\r\n")
        let own = Self.conversation { probe, url in
            probe.method = "POST"
            probe.version = .v1_1
            probe.headers = [.init(name: "Host", value: "x"), .init(name: "Authorization", value: "Bearer y")]
            probe.body = "{}"
            url.virtualHost = "ignored"
        }
        #expect(
            Self.request(own)
                == "POST /health HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: x\r\nAuthorization: Bearer y\r\nContent-Length: 2\r\n\r\n{}"
        )
    }

    /// An answer, what is asked of it, and what it comes to: nothing for a success, otherwise a part of the reason.
    struct Row: Sendable {
        var answer: String
        var failure: String?
        var edit: @Sendable (inout HTTPProbe, inout HTTPProbe.URL) -> Void = { _, _ in }
    }

    static let rows: [Row] = [
        Row(answer: "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", failure: nil),
        Row(answer: "HTTP/1.0 204 No Content\r\n\r\n", failure: nil),
        Row(answer: "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", failure: nil),
        Row(answer: "HTTP/1.1 503 Down\r\n\r\n", failure: "status 503, wanted 200-299"),
        Row(answer: "HTTP/1.1 301 Away\r\n\r\n", failure: nil) { $1.statusCodes = [301...302] },
        Row(answer: "SSH-2.0-OpenSSH_9.2\r\n", failure: "does not answer in HTTP/1: SSH-2.0"),
        Row(answer: "HTTP/1.1 200\u{1B}[31m\r\n\r\n", failure: "does not answer in HTTP/1"),
        Row(answer: "HTTP/1.1 200 OK\r\nContent-Le", failure: "middle of its answer"),
        Row(answer: "", failure: "without an answer"),
        Row(answer: "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", failure: nil) { $1.digest = abc },
        Row(
            answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n",
            failure: nil
        ) { $1.digest = abc },
        Row(answer: "HTTP/1.0 200 OK\r\n\r\nabc", failure: nil) { $1.digest = abc },
        Row(answer: "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd", failure: "the digest of the body is") {
            $1.digest = abc
        },
        Row(answer: "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", failure: "Content-Length is no number") {
            $1.digest = abc
        },
        Row(answer: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", failure: "no size") {
            $1.digest = abc
        },
        Row(answer: "HTTP/1.1 200 OK\r\n\r\n{\"a\":{\"b\":[1,true]}}", failure: nil) {
            $1.json = [.init(path: "a.b.1", value: "true")]
        },
        Row(answer: "HTTP/1.1 200 OK\r\n\r\n{\"a\":\"up\"}", failure: "a in the JSON is up, wanted down") {
            $1.json = [.init(path: "a", value: "down")]
        },
        Row(answer: "HTTP/1.1 200 OK\r\n\r\n<html>", failure: "no JSON") { $1.json = [.init(path: "a")] },
        Row(answer: "HTTP/1.1 200 OK\r\n\r\n{}", failure: "has no a.b") { $1.json = [.init(path: "a.b")] },
    ]

    static let abc: [UInt8] = [
        0x90, 0x01, 0x50, 0x98, 0x3C, 0xD2, 0x4F, 0xB0, 0xD6, 0x96, 0x3F, 0x7D, 0x28, 0xE1, 0x7F, 0x72,
    ]

    @Test("An answer comes to the same, however it is cut", arguments: rows.indices)
    func answers(_ index: Int) {
        let row = Self.rows[index]
        let bytes = Array(row.answer.utf8)
        let conversation = Self.conversation(row.edit)
        let whole = converse(conversation, bytes, in: bytes.count)
        for size in 1...max(bytes.count, 1) { #expect(converse(conversation, bytes, in: size) == whole) }
        switch (whole, row.failure) {
        case (.success?, nil): break
        case (.failure(let reason)?, let wanted?):
            #expect(reason.contains(wanted))
            #expect(reason.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "\(reason.debugDescription)")
        default: Issue.record("\(String(describing: whole))")
        }
    }

    @Test("An answer that is cut off at any place is a failure or decided already, and no trap")
    func cut() {
        for row in Self.rows {
            let bytes = Array(row.answer.utf8)
            for count in 0...bytes.count {
                #expect(converse(Self.conversation(row.edit), Array(bytes[..<count]), in: 7) != nil)
            }
        }
    }

    @Test("Any bytes come to a verdict")
    func garbage() {
        var random = SplitMix64(seed: 9)
        for round in 0..<3000 {
            var bytes = Array(Self.rows[round % Self.rows.count].answer.utf8)
            for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            #expect(converse(Self.conversation(Self.rows[round % Self.rows.count].edit), bytes, in: 5) != nil)
        }
    }

    @Test("A gigabyte of headers costs one failed check, and 64 KB")
    func endless() {
        var conversation = Self.conversation()
        _ = conversation.begin()
        _ = conversation.receive(Array("HTTP/1.1 200 OK\r\n".utf8))
        let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 14)
        var sent = 0
        var step = ConversationStep.wait
        while step == .wait, sent < 1 << 30 {
            step = conversation.receive(piece)
            sent += piece.count
        }
        #expect(step == .finish(.failure("/health: its headers are longer than 64 KB")))
        #expect(sent <= 1 << 17)
    }

    @Test("A body whose text matters is kept up to a megabyte")
    func longBody() {
        var conversation = Self.conversation { $1.json = [.init(path: "a")] }
        _ = conversation.begin()
        _ = conversation.receive(Array("HTTP/1.1 200 OK\r\n\r\n".utf8))
        let piece = [UInt8](repeating: UInt8(ascii: " "), count: 1 << 16)
        var step = ConversationStep.wait
        for _ in 0..<32 where step == .wait { step = conversation.receive(piece) }
        #expect(step == .finish(.failure("/health: its body is longer than 1 MB")))
    }

    @Test("A regex decides, and its negation, and what cannot be evaluated fails")
    func regex() {
        let edit: @Sendable (inout HTTPProbe, inout HTTPProbe.URL) -> Void = { $1.regex = .init(pattern: "b") }
        let answer = Array("HTTP/1.1 200 OK\r\n\r\nabc".utf8)
        func verdict(_ found: Result<Bool, HTTPConversation.MatchFailure>) -> Verdict? {
            converse(
                Self.conversation(edit, matcher: { $0 == Array("abc".utf8) ? found : .success(false) }), answer, in: 4)
        }
        #expect(verdict(.success(true)) == .success)
        #expect(verdict(.success(false)) == .failure("/health: the body does not match"))
        #expect(verdict(.failure(.init(reason: "no library"))) == .failure("/health: no library"))
    }
}
