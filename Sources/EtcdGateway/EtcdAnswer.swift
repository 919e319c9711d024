import Arbitration
import Health
import Primitives

/// Who answers, and how far it is: the `header` of every answer.
public struct EtcdHeader: Hashable, Sendable {
    /// Of the cluster: what it was made of decides it.
    public var clusterID: UInt64
    /// Of the whole store; one more with each write, and never less while it is the same store.
    public var revision: UInt64

    public init(clusterID: UInt64, revision: UInt64) {
        self.clusterID = clusterID
        self.revision = revision
    }

    init(_ json: JSONValue?) throws(EtcdFault) {
        guard let json, case .object = json else { throw .field("header") }
        clusterID = try number(json, "cluster_id")
        revision = try number(json, "revision")
        // An etcd has an id, and its store begins with revision 1.
        guard clusterID > 0, revision > 0 else { throw .field("header") }
    }
}

/// What an answer of the gateway says. Total: any bytes give a value or an ``EtcdFault``.
public enum EtcdAnswer {
    /// Deeper than any of etcd's by far.
    static let maximumDepth = 24

    /// What came of each question of ``EtcdRequest/ask(_:prefix:)``, in their order.
    public static func leases(
        _ questions: [LeaseQuestion], prefix: String, in body: [UInt8]
    ) throws(EtcdFault) -> (header: EtcdHeader, answers: [LeaseAnswer]) {
        let json = try document(body)
        let header = try EtcdHeader(json["header"])
        // Nothing was compared, so that it cannot have failed.
        guard json["succeeded"]?.bool == true else { throw .field("succeeded") }
        guard let responses = json["responses"]?.array, responses.count == questions.count else {
            throw .field("responses")
        }
        var answers: [LeaseAnswer] = []
        answers.reserveCapacity(questions.count)
        for (question, response) in zip(questions, responses) {
            let key = Array((prefix + question.lease.description).utf8)
            answers.append(try answer(question, response, key))
        }
        return (header, answers)
    }

    private static func answer(
        _ question: LeaseQuestion, _ response: JSONValue, _ key: [UInt8]
    ) throws(EtcdFault) -> LeaseAnswer {
        guard case .write = question.kind else {
            guard let range = response["response_range"] else { throw .field("response_range") }
            switch try standing(range, key) {
            case .record(let record): return .found(record)
            case .unreadable: return .unreadable
            }
        }
        guard let inner = response["response_txn"] else { throw .field("response_txn") }
        guard let list = inner["responses"]?.array, list.count == 1, let only = list.first else {
            throw .field("responses")
        }
        // What is false is left out.
        switch inner["succeeded"] {
        case .bool(true)?:
            guard only["response_put"] != nil else { throw .field("response_put") }
            return .granted
        case nil, .bool(false)?:
            guard let range = only["response_range"] else { throw .field("response_range") }
            switch try standing(range, key) {
            case .record(let record): return .refused(standing: record)
            case .unreadable: return .unreadable
            }
        default: throw .field("succeeded")
        }
    }

    enum Standing: Hashable, Sendable {
        case record(LeaseRecord?)
        case unreadable
    }

    private static func standing(_ range: JSONValue, _ key: [UInt8]) throws(EtcdFault) -> Standing {
        guard case .object = range else { throw .field("response_range") }
        guard let list = range["kvs"] else { return .record(nil) }
        guard let pairs = list.array, pairs.count <= 1 else { throw .field("kvs") }
        guard let pair = pairs.first else { return .record(nil) }
        guard try bytes(pair, "key") == key else { throw .field("key") }
        return record(try bytes(pair, "value"))
    }

    static func record(_ value: [UInt8]) -> Standing {
        do throws(LeaseRecord.Unreadable) {
            return .record(try LeaseRecord(decoding: value))
        } catch { return .unreadable }
    }

    /// The token of ``EtcdRequest/authenticate(user:password:)``: printable ASCII, at most 4 KB.
    public static func token(in body: [UInt8]) throws(EtcdFault) -> [UInt8] {
        let json = try document(body)
        guard let token = json["token"]?.string, (1...4096).contains(token.utf8.count),
            token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw .field("token") }
        return Array(token.utf8)
    }

    static func document(_ body: [UInt8]) throws(EtcdFault) -> JSONValue {
        guard body.count <= EtcdResponseReader.bodyLimit else { throw .tooLong }
        guard let json = JSONValue(body, maximumDepth: maximumDepth), case .object = json else { throw .json }
        return json
    }

    /// A field of bytes; what is empty is left out.
    static func bytes(_ json: JSONValue, _ name: String) throws(EtcdFault) -> [UInt8] {
        guard let value = json[name] else { return [] }
        guard let text = value.string, let bytes = Base64.decode(text.utf8) else { throw .field(name) }
        return bytes
    }
}

/// A 64-bit number, which the gateway writes as a string (the JSON of protocol buffers); 0 is left out.
private func number(_ json: JSONValue, _ name: String) throws(EtcdFault) -> UInt64 {
    switch json[name] {
    case nil: return 0
    case .integer(let value)? where value >= 0: return UInt64(value)
    case .string(let text)?:
        guard let first = text.utf8.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-"),
            let value = UInt64(text)
        else { throw .field(name) }
        return value
    default: throw .field(name)
    }
}
