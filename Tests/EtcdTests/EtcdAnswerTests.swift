import Arbitration
import EtcdGateway
import Primitives
import Testing

private let prefix = "/aloft/v1/"

private func record(
    _ holder: String? = "left", epoch: UInt64 = 3, version: UInt64 = 7, request: UInt64 = 5
) throws -> LeaseRecord {
    LeaseRecord(
        holder: holder.flatMap { HolderName($0) }, incarnation: Incarnation(0xA1), request: request,
        epoch: Epoch(epoch), terms: try LeaseTerms(duration: .seconds(5)), version: version)
}

private func question(_ lease: String, _ kind: LeaseQuestion.Kind = .read) throws -> LeaseQuestion {
    LeaseQuestion(lease: try #require(LeaseName(lease)), request: 5, kind: kind)
}

private let header =
    #""header":{"cluster_id":"2037210783374497686","member_id":"13195394291058371180","revision":"3","raft_term":"2"}"#

/// What etcd 3.4.23 answers, word for word but for the values.
@Suite struct EtcdAnswers {
    @Test("each question of a request has the outcome that etcd gave it") func outcomes() throws {
        let old = try record(version: 6)
        let new = try record(version: 7)
        let questions = try [
            question("c/a", .write(new, replacing: old)), question("c/b", .write(new, replacing: nil)),
            question("c/c"), question("c/d"), question("c/e", .write(new, replacing: old)),
            question("c/f", .write(new, replacing: old)),
        ]
        let put =
            #"{"response_txn":{"header":{},"succeeded":true,"responses":[{"response_put":{"header":{"revision":"3"}}}]}}"#
        func range(_ key: String, _ value: [UInt8]) -> String {
            let pair =
                #"{"key":"\#(Base64Text.encode(Array((prefix + key).utf8)))","create_revision":"2","mod_revision":"3","version":"2","value":"\#(Base64Text.encode(value))"}"#
            return #"{"response_range":{"header":{"revision":"3"},"kvs":[\#(pair)],"count":"1"}}"#
        }
        let nothing = #"{"response_range":{"header":{"revision":"3"}}}"#
        func failed(_ range: String) -> String { #"{"response_txn":{"header":{},"responses":[\#(range)]}}"# }
        let responses = [
            put, failed(range("c/b", new.encoded)), range("c/c", old.encoded), nothing, failed(nothing),
            failed(range("c/f", Array("hello".utf8))),
        ]
        let body = "{\(header),\"succeeded\":true,\"responses\":[\(responses.joined(separator: ","))]}"
        let (found, answers) = try EtcdAnswer.leases(questions, prefix: prefix, in: Array(body.utf8))
        #expect(found == EtcdHeader(clusterID: 2_037_210_783_374_497_686, revision: 3))
        #expect(
            answers == [
                .granted, .refused(standing: new), .found(old), .found(nil), .refused(standing: nil), .unreadable,
            ])
    }

    /// Each is an answer to one read, or one write, and none of etcd's.
    static let malformed: [(String, EtcdFault)] = [
        ("", .json), ("{", .json), ("[]", .json), ("null", .json), ("{}", .field("header")),
        (#"{"header":{}}"#, .field("header")), (#"{"header":7}"#, .field("header")),
        (#"{"header":{"cluster_id":"x","revision":"1"}}"#, .field("cluster_id")),
        (#"{"header":{"cluster_id":"-1","revision":"1"}}"#, .field("cluster_id")),
        (#"{"header":{"cluster_id":"+1","revision":"1"}}"#, .field("cluster_id")),
        (#"{"header":{"cluster_id":"18446744073709551616","revision":"1"}}"#, .field("cluster_id")),
        (#"{"header":{"cluster_id":1.5,"revision":"1"}}"#, .field("cluster_id")),
        (#"{"header":{"cluster_id":"1","revision":[]}}"#, .field("revision")),
        (#"{"header":{"cluster_id":"1"}}"#, .field("header")),
        (#"{"header":{"cluster_id":"1","revision":"1"}}"#, .field("succeeded")),
        (#"{"header":{"cluster_id":"1","revision":"1"},"succeeded":"true"}"#, .field("succeeded")),
        (#"{"header":{"cluster_id":"1","revision":"1"},"succeeded":true}"#, .field("responses")),
        (#"{"header":{"cluster_id":"1","revision":"1"},"succeeded":true,"responses":[]}"#, .field("responses")),
        (#"{"header":{"cluster_id":"1","revision":"1"},"succeeded":true,"responses":[{},{}]}"#, .field("responses")),
    ]

    @Test("an answer that is none of etcd's is one typed error", arguments: malformed)
    func malformedHeads(_ body: String, _ fault: EtcdFault) throws {
        let read = try question("c/a")
        #expect(throws: fault) { try EtcdAnswer.leases([read], prefix: prefix, in: Array(body.utf8)) }
    }

    /// `K` stands for the key, in base64.
    static let malformedReads: [(String, String)] = [
        ("7", "response_range"), ("{}", "response_range"), (#"{"response_put":{}}"#, "response_range"),
        (#"{"response_range":[]}"#, "response_range"), (#"{"response_range":{"kvs":{}}}"#, "kvs"),
        (#"{"response_range":{"kvs":[{"key":"K"},{"key":"K"}]}}"#, "kvs"),
        (#"{"response_range":{"kvs":[7]}}"#, "key"), (#"{"response_range":{"kvs":[{}]}}"#, "key"),
        (#"{"response_range":{"kvs":[{"key":"K="}]}}"#, "key"),
        (#"{"response_range":{"kvs":[{"key":"YQ=="}]}}"#, "key"),
        (#"{"response_range":{"kvs":[{"key":"K","value":7}]}}"#, "value"),
        (#"{"response_range":{"kvs":[{"key":"K","value":"!!!!"}]}}"#, "value"),
        (#"{"response_range":{"kvs":[{"key":"K","value":"YQ=YQ"}]}}"#, "value"),
    ]

    @Test("so is a read that shows something else than one key", arguments: malformedReads)
    func malformedRead(_ response: String, _ field: String) throws {
        let key = Base64Text.encode(Array("/aloft/v1/c/a".utf8))
        let read = try question("c/a")
        let body = "{\(header),\"succeeded\":true,\"responses\":[\(response.replacing("\"K\"", with: "\"\(key)\""))]}"
        #expect(throws: EtcdFault.field(field)) {
            try EtcdAnswer.leases([read], prefix: prefix, in: Array(body.utf8))
        }
    }

    static let malformedWrites: [(String, String)] = [
        ("{}", "response_txn"), (#"{"response_range":{}}"#, "response_txn"),
        (#"{"response_txn":{}}"#, "responses"), (#"{"response_txn":{"succeeded":true}}"#, "responses"),
        (#"{"response_txn":{"succeeded":true,"responses":[]}}"#, "responses"),
        (#"{"response_txn":{"succeeded":true,"responses":[{"response_range":{}}]}}"#, "response_put"),
        (#"{"response_txn":{"succeeded":1,"responses":[{"response_put":{}}]}}"#, "succeeded"),
        (#"{"response_txn":{"responses":[{"response_put":{}}]}}"#, "response_range"),
    ]

    @Test("so is a write whose outcome is not clear", arguments: malformedWrites)
    func malformedWrite(_ response: String, _ field: String) throws {
        let write = try question("c/a", .write(record(), replacing: nil))
        let body = "{\(header),\"succeeded\":true,\"responses\":[\(response)]}"
        #expect(throws: EtcdFault.field(field)) {
            try EtcdAnswer.leases([write], prefix: prefix, in: Array(body.utf8))
        }
    }

    @Test("what is deep or long is refused before it is built") func bounds() throws {
        let read = try question("c/a")
        let deep = "{\"header\":" + String(repeating: "[", count: 500_000)
        #expect(throws: EtcdFault.json) { try EtcdAnswer.leases([read], prefix: prefix, in: Array(deep.utf8)) }
        let long = [UInt8](repeating: 0x20, count: EtcdResponseReader.bodyLimit + 1)
        #expect(throws: EtcdFault.tooLong) { try EtcdAnswer.leases([read], prefix: prefix, in: long) }
    }

    @Test("numbers may be numbers, and what is empty may be left out") func leniency() throws {
        let key = Base64Text.encode(Array("/aloft/v1/c/a".utf8))
        let body =
            #"{"header":{"cluster_id":9,"revision":4},"succeeded":true,"responses":[{"response_range":{"kvs":[{"key":"\#(key)"}]}}]}"#
        let (found, answers) = try EtcdAnswer.leases([question("c/a")], prefix: prefix, in: Array(body.utf8))
        #expect(found == EtcdHeader(clusterID: 9, revision: 4))
        // An empty value is no record.
        #expect(answers == [.unreadable])
    }

    @Test("a token is printable, and nothing that ends a header") func tokens() throws {
        #expect(
            try EtcdAnswer.token(in: Array("{\(header),\"token\":\"lotkbGikLXpjHWKJ.2099\"}".utf8))
                == Array("lotkbGikLXpjHWKJ.2099".utf8))
        for token in [#""""#, #""a\r\nb""#, #""a b""#, "7", #""\#(String(repeating: "x", count: 4097))""#] {
            #expect(throws: EtcdFault.field("token")) {
                try EtcdAnswer.token(in: Array("{\(header),\"token\":\(token)}".utf8))
            }
        }
    }

    /// Status, body, what to do, and what people read.
    static let refusals: [(Int, String, EtcdRefusal.Kind)] = [
        (
            401, #"{"error":"etcdserver: invalid auth token","message":"etcdserver: invalid auth token","code":16}"#,
            .token
        ),
        (400, #"{"error":"etcdserver: revision of auth store is old","code":3}"#, .token),
        (
            403, #"{"error":"etcdserver: permission denied","message":"etcdserver: permission denied","code":7}"#,
            .denied
        ),
        (400, #"{"error":"etcdserver: authentication failed, invalid user ID or password","code":3}"#, .denied),
        (412, #"{"error":"etcdserver: authentication is not enabled","code":9}"#, .denied),
        (400, #"{"error":"etcdserver: user name is empty","code":3}"#, .notTaken),
        (400, #"{"error":"etcdserver: duplicate key given in txn request","code":3}"#, .notTaken),
        (429, #"{"error":"etcdserver: mvcc: database space exceeded","code":8}"#, .notTaken),
        (404, "Not Found\n", .notTaken),
        (
            503, #"{"error":"etcdserver: request timed out","message":"etcdserver: request timed out","code":14}"#,
            .unknown
        ),
        (503, #"{"error":"etcdserver: leader changed","code":14}"#, .unknown),
        (500, #"{"error":"etcdserver: not capable","code":2}"#, .unknown), (502, "<html>Bad Gateway", .unknown),
        (400, "", .unknown), (200, "{}", .unknown), (504, #"{"code":"14"}"#, .unknown),
    ]

    @Test("only what certainly was not carried out counts as that", arguments: refusals)
    func refusal(_ status: Int, _ body: String, _ kind: EtcdRefusal.Kind) {
        let refusal = EtcdRefusal(status: status, body: Array(body.utf8))
        #expect(refusal.kind == kind)
        #expect(refusal.description.utf8.allSatisfy { (0x20...0x7E).contains($0) })
    }
}

/// Base64 of the tests' own.
enum Base64Text {
    static func encode(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
        var text = ""
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let three = (0..<3).map { start + $0 < bytes.count ? Int(bytes[start + $0]) : 0 }
            let bits = three[0] << 16 | three[1] << 8 | three[2]
            for (place, shift) in [18, 12, 6, 0].enumerated() {
                text.append(place <= bytes.count - start ? alphabet[bits >> shift & 63] : "=")
            }
        }
        return text
    }
}
