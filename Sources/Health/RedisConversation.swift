import Configuration
import Primitives

/// `REDIS_CHECK` in RESP2 (redis.io/docs/reference/protocol-spec): AUTH where there is a password, PING, and INFO replication where a role, a link or a
/// lag is asked for. Keeps one reply of at most 64 KB.
public struct RedisConversation: MessageConversation {
    private enum State: Sendable { case auth, ping, replication }

    private let probe: RedisProbe
    private var state = State.ping
    var input = InputBuffer()

    public init(_ probe: RedisProbe) { self.probe = probe }

    public var awaited: String {
        switch state {
        case .auth: "the answer to AUTH"
        case .ping: "the answer to PING"
        case .replication: "the answer to INFO replication"
        }
    }

    public mutating func begin() -> ConversationStep {
        guard let password = probe.password else { return ask(.ping) }
        state = .auth
        let user = probe.username.map { [Array($0.utf8)] } ?? []
        return .send(Self.command([Array("AUTH".utf8)] + user + [password.revealed]))
    }

    private mutating func ask(_ next: State) -> ConversationStep {
        state = next
        let words = next == .ping ? ["PING"] : ["INFO", "replication"]
        return .send(Self.command(words.map { Array($0.utf8) }))
    }

    /// An array of bulk strings, which may contain anything.
    static func command(_ words: [[UInt8]]) -> [UInt8] {
        var bytes = Array("*\(words.count)\r\n".utf8)
        for word in words { bytes += Array("$\(word.count)\r\n".utf8) + word + [0x0D, 0x0A] }
        return bytes
    }

    mutating func advance() -> ConversationStep {
        switch reply() {
        case nil: return .wait
        case .error(let text): return .fail("\(Self.meaning(of: text)) (\(awaited): `\(printable(text))`)")
        case .broken(let line): return .fail("no Redis: `\(printable(line))`")
        case .text(let text): return answered(text)
        }
    }

    private mutating func answered(_ text: ArraySlice<UInt8>) -> ConversationStep {
        switch state {
        case .auth: return ask(.ping)
        case .ping:
            guard text.elementsEqual("PONG".utf8) else { return .fail("PING was answered `\(printable(text))`") }
            guard probe.role != nil || probe.requiresLink || probe.maximumLag != nil else { return finished() }
            return ask(.replication)
        case .replication:
            let report = RedisReplication(text)
            if let reason = report.fault(probe) { return .fail(reason, farewell: Self.farewell) }
            return finished()
        }
    }

    private static let farewell = command([Array("QUIT".utf8)])
    private func finished() -> ConversationStep { .finish(.success, farewell: Self.farewell) }

    private static func meaning(of error: ArraySlice<UInt8>) -> String {
        let word = error.prefix { $0 != 0x20 }
        let meanings: [(StaticString, String)] = [
            ("LOADING", "the server is still loading its data"), ("NOAUTH", "the server wants a password"),
            ("WRONGPASS", "the password is wrong"), ("NOPERM", "this user may not ask"),
            ("MASTERDOWN", "the replica has lost its primary"), ("BUSY", "the server is busy with a script"),
        ]
        return meanings.first { equalIgnoringCase(word, $0.0) }?.1 ?? "the server answered with an error"
    }

    private enum Reply {
        case text(ArraySlice<UInt8>)
        case error(ArraySlice<UInt8>)
        case broken(ArraySlice<UInt8>)
    }

    /// The next whole reply: a simple string, an error, or a bulk string. No command of ours has any other.
    private mutating func reply() -> Reply? {
        guard let end = input.unread.firstIndex(of: 0x0A) else { return nil }
        let start = input.unread.startIndex
        var line = input.unread[start..<end]
        if line.last == 0x0D { line.removeLast() }
        let value = line.dropFirst()
        switch line.first {
        case UInt8(ascii: "+"):
            _ = input.takeLine()
            return .text(value)
        case UInt8(ascii: "-"):
            _ = input.takeLine()
            return .error(value)
        case UInt8(ascii: "$"):
            guard let count = decimal(value), count <= input.limit else { return .broken(line) }
            guard input.count >= end - start + 1 + count + 2 else { return nil }
            _ = input.takeLine()
            guard let text = input.take(count), let tail = input.take(2), tail.elementsEqual([0x0D, 0x0A]) else {
                return .broken(line)
            }
            return .text(text)
        default: return .broken(line)
        }
    }
}

/// What INFO replication says.
struct RedisReplication {
    private var fields: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] = []

    init(_ text: ArraySlice<UInt8>) {
        for line in text.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            guard let colon = line.firstIndex(of: 0x3A) else { continue }
            fields.append((line[..<colon], line[(colon + 1)...]))
        }
    }

    private func value(_ name: String) -> ArraySlice<UInt8>? {
        fields.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// Why this is not what is asked for; nil when it is.
    func fault(_ probe: RedisProbe) -> String? {
        guard let role = value("role") else { return "INFO replication names no role" }
        let isReplica = role.elementsEqual("slave".utf8) || role.elementsEqual("replica".utf8)
        guard isReplica || role.elementsEqual("master".utf8) else { return "the role is `\(printable(role))`" }
        switch probe.role {
        case .primary where isReplica: return "the server is a replica, wanted a primary"
        case .replica where !isReplica: return "the server is a primary, wanted a replica"
        default: break
        }
        guard isReplica else { return nil }
        let isUp = value("master_link_status").map { $0.elementsEqual("up".utf8) } ?? false
        if probe.requiresLink || probe.maximumLag != nil, !isUp {
            let since = value("master_link_down_since_seconds").flatMap { decimal($0) }
            return "the link to the primary is down" + (since.map { " for \($0) s" } ?? "")
        }
        guard let maximum = probe.maximumLag else { return nil }
        guard let lag = value("master_last_io_seconds_ago").flatMap({ decimal($0) }) else {
            return "the replica has not heard its primary"
        }
        guard Duration.seconds(lag) > maximum else { return nil }
        return "the replica heard its primary \(lag) s ago, wanted \(maximum.formattedSeconds()) s at most"
    }
}
