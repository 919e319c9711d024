import Primitives

/// Why bytes of a server are no answer of etcd's. Whatever was asked may have been carried out.
public enum EtcdFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// No HTTP/1.1, or HTTP that was not asked for: a clause for people.
    case http(String)
    /// Longer than ``EtcdResponseReader/bodyLimit``.
    case tooLong
    /// No JSON, or too deep.
    case json
    /// A field is missing, or is something else than it should be.
    case field(String)

    public var description: String {
        switch self {
        case .http(let reason): "the answer cannot be read: \(reason)"
        case .tooLong:
            "the answer is longer than \(EtcdResponseReader.bodyLimit >> 20) MB: something else than leases lies under the prefix"
        case .json: "the answer is no JSON"
        case .field(let name):
            "the answer is none of etcd's: its `\(name)` is missing, or something else than it should be"
        }
    }
}

/// etcd answered with an error (the gateway's `error`, `message` and `code`).
public struct EtcdRefusal: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is to be done about it.
    public enum Kind: Hashable, Sendable {
        /// The token is unknown, has run out, or is from before users were changed: authenticate and ask again. Nothing was
        /// carried out.
        case token
        /// The user may not, or the password is wrong: an operator's business. Nothing was carried out.
        case denied
        /// Nothing was carried out, and nothing of it ever will be: etcd did not take the request.
        case notTaken
        /// Nobody knows: no quorum, no leader, or something between that answers for etcd.
        case unknown
    }

    public var status: Int
    /// The code of gRPC; nil where the answer is not the gateway's.
    public var code: Int64?
    /// etcd's words, printable, at most 160 bytes.
    public var message: String

    public init(status: Int, body: [UInt8]) {
        self.status = status
        let json = JSONValue(body)
        code = json?["code"]?.integer
        let text = json?["message"]?.string ?? json?["error"]?.string
        let words = Array((text.map { Array($0.utf8) } ?? body).prefix(160))
        message = String(
            decoding: words.map { (0x20...0x7E).contains($0) ? $0 : UInt8(ascii: ".") }, as: UTF8.self)
    }

    public var kind: Kind {
        guard let code else { return status == 404 ? .notTaken : .unknown }
        // The codes are gRPC's; etcd's errors stand in its api/v3rpc/rpctypes.
        switch code {
        case 16: return .token
        case 7: return .denied
        case 3 where message.utf8.contains(words: "revision of auth store is old"): return .token
        case 3 where message.utf8.contains(words: "authentication failed"): return .denied
        case 9 where message.utf8.contains(words: "authentication is not enabled"): return .denied
        // Invalid, over a limit (database, requests), unknown to this version: all said before anything is written to the log.
        case 3, 8, 12: return .notTaken
        default: return .unknown
        }
    }

    public var description: String {
        if code == nil, status == 404 {
            return
                "etcd's JSON gateway does not answer (HTTP 404): it wants etcd 3.4 or later, with --enable-grpc-gateway"
        }
        return message.isEmpty ? "HTTP status \(status)" : "\(message) (HTTP \(status))"
    }
}

extension Collection<UInt8> {
    /// Whether `words` stand in it.
    func contains(words: String) -> Bool {
        let wanted = Array(words.utf8)
        var rest = self[...]
        while rest.count >= wanted.count {
            if rest.starts(with: wanted) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
