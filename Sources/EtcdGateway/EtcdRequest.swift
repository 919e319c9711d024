import Arbitration
import Health
import Primitives

/// A request to etcd's JSON gateway (`api_grpc_gateway` of etcd's manual; `/v3/`, etcd 3.4 and later), over HTTP/1.1.
public struct EtcdRequest: Hashable, Sendable {
    public var path: String
    /// JSON.
    public var body: [UInt8]

    init(_ path: String, _ write: (inout JSONWriter) -> Void) {
        self.path = path
        var json = JSONWriter()
        json.object(write)
        body = json.bytes
    }

    /// How many questions go into one request. etcd takes 128 operations in a transaction (`--max-txn-ops`), those inside
    /// it included.
    public static let questionsAtOnce = 64

    /// All the questions in one transaction, each with an outcome of its own: one request, and one entry in etcd's log.
    ///
    /// A write is a transaction inside it: where the value is the one that was read (or the key was never created), put, else
    /// show what stands. Of one lease there is at most one write: etcd refuses two puts to one key. Where there are only reads,
    /// etcd writes nothing; the answer is linearizable in both cases.
    public static func ask(_ questions: [LeaseQuestion], prefix: String) -> EtcdRequest {
        EtcdRequest("/v3/kv/txn") { json in
            json.memberArray("success") { list in
                for question in questions { list.object { add(question, prefix, &$0) } }
            }
        }
    }

    private static func add(_ question: LeaseQuestion, _ prefix: String, _ json: inout JSONWriter) {
        let key = base64(prefix + question.lease.description)
        guard case .write(let record, let replaced) = question.kind else {
            return json.memberObject("request_range") { $0.member("key", key) }
        }
        json.memberObject("request_txn") { json in
            json.memberArray("compare") { list in
                list.object { json in
                    json.member("key", key)
                    json.member("result", "EQUAL")
                    if let replaced {
                        json.member("target", "VALUE")
                        json.member("value", base64(replaced.encoded))
                    } else {
                        json.member("target", "CREATE")
                        json.member("create_revision", "0")
                    }
                }
            }
            json.memberArray("success") { list in
                list.object { json in
                    json.memberObject("request_put") { json in
                        json.member("key", key)
                        json.member("value", base64(record.encoded))
                    }
                }
            }
            json.memberArray("failure") { list in
                list.object { json in json.memberObject("request_range") { $0.member("key", key) } }
            }
        }
    }

    /// A token for `user`.
    public static func authenticate(user: String, password: Secret) -> EtcdRequest {
        EtcdRequest("/v3/auth/authenticate") { json in
            json.member("name", user)
            json.member("password", String(decoding: password.revealed, as: UTF8.self))
        }
    }

    /// Tells of every change below `directories`, such as `/aloft/v1/CLUSTER/`: an answer without end.
    public static func watch(_ directories: [String]) -> EtcdRequest {
        var request = EtcdRequest("/v3/watch") { _ in }
        // One JSON text behind the other: a watch is a stream in both directions.
        request.body = directories.flatMap { directory in
            EtcdRequest("") { json in
                json.memberObject("create_request") { json in
                    var end = Array(directory.utf8)
                    // Keys below a directory end where its slash would be a zero.
                    if let last = end.popLast() { end.append(last &+ 1) }
                    json.member("key", base64(directory))
                    json.member("range_end", base64(end))
                }
            }.body
        }
        return request
    }

    /// Asks nothing, and no right: whether the member is there.
    public static let ping = EtcdRequest("/v3/kv/txn") { $0.memberArray("success") { _ in } }

    /// What is sent to `endpoint`.
    public func bytes(to endpoint: EtcdEndpoint, token: [UInt8]? = nil) -> [UInt8] {
        var head = "POST \(path) HTTP/1.1\r\nHost: \(endpoint.authority)\r\n"
        head += "Content-Type: application/json\r\nContent-Length: \(body.count)\r\n"
        var bytes = Array(head.utf8)
        if let token {
            bytes += "Authorization: ".utf8
            bytes += token
            bytes += "\r\n".utf8
        }
        bytes += "\r\n".utf8
        return bytes + body
    }

    private static func base64(_ text: String) -> String { base64(Array(text.utf8)) }
    private static func base64(_ bytes: [UInt8]) -> String { String(decoding: Base64.encode(bytes), as: UTF8.self) }
}
