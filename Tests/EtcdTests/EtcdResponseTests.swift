import Arbitration
import EtcdGateway
import Primitives
import Testing

/// Answers on the wire.
@Suite struct EtcdResponses {
    /// A refusal as etcd 3.4.23 sends it: chunked, with a trailer; and behind it an answer with a length.
    static let stream = Array(
        """
        HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nTrailer: Grpc-Trailer-Content-Type\r\n\
        Transfer-Encoding: chunked\r\n\r\n6\r\n{"code\r\n6\r\n":16}x\r\n0\r\nGrpc-Trailer-Content-Type: application/grpc\r\n\r\n\
        HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}\
        HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n
        """.utf8)
    static let events: [EtcdResponseReader.Event] = [
        .response(status: 401, body: Array(#"{"code":16}x"#.utf8), isLast: false),
        .response(status: 200, body: Array("{}".utf8), isLast: false), .response(status: 200, body: [], isLast: true),
    ]

    @Test("answers follow one another on a connection, however they are cut", arguments: [1, 2, 3, 7, 64, 4096])
    func cut(_ portion: Int) throws {
        var reader = EtcdResponseReader()
        var events: [EtcdResponseReader.Event] = []
        for start in stride(from: 0, to: Self.stream.count, by: portion) {
            events += try reader.receive(Array(Self.stream[start..<min(start + portion, Self.stream.count)]))
        }
        #expect(events == Self.events)
        #expect(try reader.end() == [])
    }

    @Test("a body that ends with the connection is complete then") func closing() throws {
        var reader = EtcdResponseReader()
        #expect(try reader.receive(Array("HTTP/1.0 200 OK\r\n\r\n{}".utf8)) == [])
        #expect(try reader.end() == [.response(status: 200, body: Array("{}".utf8), isLast: true)])
    }

    @Test(
        "an answer that breaks off is none",
        arguments: [
            "H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n",
        ])
    func brokenOff(_ text: String) throws {
        var reader = EtcdResponseReader()
        #expect(try reader.receive(Array(text.utf8)) == [])
        #expect(reader.isWithinAnswer)
        #expect(throws: EtcdFault.http("the connection was closed within an answer")) { try reader.end() }
    }

    @Test(
        "what is no HTTP, or too long, stays an error for good",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n", "\u{15}\u{3}\u{1}\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1048577\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: EtcdResponseReader.headLimit),
            String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 1000),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\nHTTP",
        ])
    func wrong(_ text: String) throws {
        var reader = EtcdResponseReader()
        #expect(throws: EtcdFault.self) { try reader.receive(Array(text.utf8)) }
        #expect(throws: EtcdFault.self) {
            try reader.receive(Array("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n".utf8))
        }
        #expect(throws: EtcdFault.self) { try reader.end() }
    }

    @Test("a body longer than 1 MB is refused before it is kept") func tooLong() throws {
        for head in ["Transfer-Encoding: chunked\r\n\r\n", "\r\n"] {
            var reader = EtcdResponseReader()
            _ = try reader.receive(Array("HTTP/1.1 200 OK\r\n\(head)".utf8))
            let chunk = [UInt8](repeating: 0x20, count: 0x10000)
            let portion = head.isEmpty || head == "\r\n" ? chunk : Array("10000\r\n".utf8) + chunk + Array("\r\n".utf8)
            #expect(throws: EtcdFault.tooLong) { for _ in 0..<17 { _ = try reader.receive(portion) } }
        }
    }

    @Test("a watch is handed on in parts; its refusal is an answer like others") func streaming() throws {
        var reader = EtcdResponseReader(streams: true)
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        #expect(
            try reader.receive(Array("\(head)3\r\nabc\r\n2\r\nde".utf8)) == [
                .part(Array("abc".utf8)), .part(Array("de".utf8)),
            ])
        var other = EtcdResponseReader(streams: true)
        #expect(
            try other.receive(Array("HTTP/1.1 401 No\r\nContent-Length: 2\r\n\r\n{}".utf8)) == [
                .response(status: 401, body: Array("{}".utf8), isLast: false)
            ])
    }
}

/// The stream of a watch, as etcd 3.4.23 sends it.
@Suite struct EtcdWatches {
    static let header =
        #""header":{"cluster_id":"2037210783374497686","member_id":"13195394291058371180","revision":"2085","raft_term":"2"}"#

    @Test("puts and deletions are news of their lease, however they are cut", arguments: [1, 5, 100, 10000])
    func news(_ portion: Int) throws {
        let lease = try #require(LeaseName("c/z"))
        let record = LeaseRecord(
            holder: HolderName("left"), incarnation: Incarnation(1), request: 2, epoch: Epoch(3),
            terms: try LeaseTerms(duration: .seconds(5)), version: 4)
        let value = Base64Text.encode(record.encoded)
        let lines = [
            #"{"result":{\#(Self.header),"created":true}}"#,
            #"{"result":{\#(Self.header),"watch_id":"1","created":true}}"#,
            #"{"result":{\#(Self.header),"events":[{"kv":{"key":"L2Fsb2Z0L3YxL2Mveg==","create_revision":"2085","value":"\#(value)"}}]}}"#,
            // No record, and no lease.
            #"{"result":{\#(Self.header),"events":[{"kv":{"key":"L2Fsb2Z0L3YxL2Mveg==","value":"MQ=="}},{"kv":{"key":"L290aGVy"}}]}}"#,
            #"{"result":{\#(Self.header),"watch_id":"1","events":[{"type":"DELETE","kv":{"key":"L2Fsb2Z0L3YxL2Mveg==","mod_revision":"2087"}}]}}"#,
        ]
        let bytes = lines.flatMap { Array(($0 + "\n").utf8) }
        var reader = EtcdWatchReader(prefix: "/aloft/v1/")
        var reports: [LeaseReport] = []
        for start in stride(from: 0, to: bytes.count, by: portion) {
            reports += try reader.receive(Array(bytes[start..<min(start + portion, bytes.count)]))
        }
        #expect(
            reports == [LeaseReport(lease: lease, kind: .news(record)), LeaseReport(lease: lease, kind: .news(nil))])
        #expect(reader.clusterID == 2_037_210_783_374_497_686)
    }

    static let broken: [(String, EtcdFault)] = [
        ("{}", .field("result")), ("x", .json), (#"{"error":{"code":7}}"#, .field("result")),
        (#"{"result":{"created":true}}"#, .field("header")),
        (
            #"{"result":{\#(header),"watch_id":"-1","created":true,"canceled":true,"cancel_reason":"permission denied"}}"#,
            .field("canceled")
        ),
        (#"{"result":{\#(header),"events":{}}}"#, .field("events")),
        (#"{"result":{\#(header),"events":[{}]}}"#, .field("kv")),
        (#"{"result":{\#(header),"events":[{"type":"X","kv":{"key":"L2Fsb2Z0L3YxL2Mveg=="}}]}}"#, .field("type")),
        (String(repeating: "x", count: EtcdResponseReader.bodyLimit + 1), .tooLong),
    ]

    @Test("a watch that ends, or is none, is an error", arguments: broken)
    func ends(_ line: String, _ fault: EtcdFault) throws {
        var reader = EtcdWatchReader(prefix: "/aloft/v1/")
        #expect(throws: fault) { try reader.receive(Array((line + "\n").utf8)) }
    }
}
