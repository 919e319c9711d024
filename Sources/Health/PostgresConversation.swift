import Configuration
import Primitives

/// `PGSQL_CHECK`: a login, and one question where a role or a lag is asked for. Keeps one message of at most 64 KB.
///
/// The password goes as the server asks for it: in clear text only inside TLS, as MD5, or by SCRAM-SHA-256, at whose end the server proves that it knows
/// the password too. TLS is what the configuration says: a server that does not offer it fails.
public struct PostgresConversation: MessageConversation {
    private enum State: Sendable { case offer, login, proof, ready, answer, over }

    private let probe: PostgresProbe
    private let nonce: [UInt8]
    private var state = State.login
    private var scram: ScramClient?
    private var isSecured = false
    /// recovery and lag in milliseconds, of the row.
    private var row: (recovery: ArraySlice<UInt8>?, lag: ArraySlice<UInt8>?)?
    var input = InputBuffer()

    /// `nonce`: bytes that nobody can guess.
    public init(_ probe: PostgresProbe, nonce: [UInt8]) {
        self.probe = probe
        self.nonce = nonce
    }

    public var awaited: String {
        switch state {
        case .offer: "the answer to the request for TLS"
        case .login, .proof: "the end of the login"
        case .ready: "the server to be ready"
        case .answer, .over: "the answer to the query"
        }
    }

    public mutating func begin() -> ConversationStep {
        guard !probe.tls else {
            state = .offer
            return .send(PostgresMessages.sslRequest)
        }
        return .send(PostgresMessages.startup(user: probe.username, database: probe.database))
    }

    public mutating func secured() -> ConversationStep {
        isSecured = true
        state = .login
        return .send(PostgresMessages.startup(user: probe.username, database: probe.database))
    }

    mutating func advance() -> ConversationStep {
        if case .offer = state {
            switch input[0] {
            case nil: return .wait
            case UInt8(ascii: "S"):
                _ = input.take(1)
                return .startTLS()
            case UInt8(ascii: "N"): return .fail("the server does not offer TLS")
            // An old server answers with an error.
            case UInt8(ascii: "E"): break
            default: return .fail("no PostgreSQL: the answer begins with `\(printable(input.unread.prefix(1)))`")
            }
        }
        guard input.count >= 5, let type = input[0] else { return .wait }
        let length = (1...4).reduce(0) { $0 << 8 | Int(input[$1] ?? 0) }
        guard (4...(input.limit - 1)).contains(length) else {
            return .fail("no PostgreSQL: the answer begins with `\(printable(input.unread.prefix(5)))`")
        }
        guard let message = input.take(length + 1) else { return .wait }
        return heard(Unicode.Scalar(type), message.dropFirst(5))
    }

    private mutating func heard(_ type: Unicode.Scalar, _ body: ArraySlice<UInt8>) -> ConversationStep {
        switch (type, state) {
        case ("E", _): return .fail(PostgresMessages.text(ofError: body), farewell: farewell)
        // NoticeResponse, ParameterStatus, BackendKeyData, NegotiateProtocolVersion, RowDescription, CommandComplete: nothing to do.
        case ("N", _), ("S", _), ("K", _), ("v", _), ("T", .answer), ("C", .answer): return .send([])
        case ("R", .login), ("R", .proof): return authenticate(body)
        case ("Z", .ready): return ready()
        case ("D", .answer):
            guard let columns = PostgresMessages.columns(body), columns.count == 2 else {
                return .fail("the answer to the query is broken", farewell: PostgresMessages.terminate)
            }
            row = (columns[0], columns[1])
            return .send([])
        case ("Z", .answer):
            state = .over
            return .finish(judge().map { .failure($0) } ?? .success, farewell: PostgresMessages.terminate)
        default:
            return .fail("the server said `\(printable(String(type).utf8))` where it should not", farewell: farewell)
        }
    }

    /// Terminate is for those who are logged in.
    private var farewell: [UInt8] {
        switch state {
        case .ready, .answer: PostgresMessages.terminate
        default: []
        }
    }

    // MARK: - Login

    private mutating func authenticate(_ body: ArraySlice<UInt8>) -> ConversationStep {
        let bytes = Array(body)
        guard let code = bytes.span.bytes.uint32(at: 0) else {
            return .fail("the server's request for a password is broken")
        }
        let rest = bytes[4...]
        // AuthenticationOk without any proof of the server, where SCRAM had begun, is not its end.
        if code == 0 {
            guard scram == nil || state == .login else { return .fail("the server ended the login without its proof") }
            state = .ready
            return .send([])
        }
        guard let password = probe.password?.revealed else {
            return .fail("the server wants a password, and none is configured")
        }
        switch code {
        case 3:
            guard isSecured else {
                return .fail("the server wants the password in clear text, which is sent only inside TLS")
            }
            return .send(PostgresMessages.message("p", password + [0]))
        case 5:
            guard rest.count == 4 else { return .fail("the server's request for a password is broken") }
            let inner = MD5.hash(password + oneLine(probe.username)).hexadecimal
            let outer = MD5.hash(Array(inner.utf8) + rest).hexadecimal
            return .send(PostgresMessages.message("p", Array("md5\(outer)".utf8) + [0]))
        case 10: return beginScram(password, mechanisms: rest)
        case 11:
            guard var scram, state == .proof else { return .fail("the server goes on with a login that did not begin") }
            defer { self.scram = scram }
            switch scram.answer(rest) {
            case .reply(let bytes): return .send(PostgresMessages.message("p", bytes))
            case .fault(let reason): return .fail(reason)
            }
        case 12:
            guard let scram, state == .proof else { return .fail("the server goes on with a login that did not begin") }
            if let reason = scram.fault(in: rest) { return .fail(reason) }
            state = .login
            return .send([])
        default: return .fail("the server wants a login of kind \(code), which is not supported")
        }
    }

    private mutating func beginScram(_ password: [UInt8], mechanisms: ArraySlice<UInt8>) -> ConversationStep {
        let name = Array("SCRAM-SHA-256".utf8)
        guard scram == nil, mechanisms.split(separator: 0).contains(where: { $0.elementsEqual(name) }) else {
            return .fail("the server offers `\(printable(mechanisms))`, wanted SCRAM-SHA-256")
        }
        let scram = ScramClient(password: password, nonce: Array(nonce.prefix(18)))
        self.scram = scram
        state = .proof
        let first = scram.firstMessage
        var body = name + [0]
        body.append(bigEndian: UInt32(truncatingIfNeeded: first.count))
        return .send(PostgresMessages.message("p", body + first))
    }

    // MARK: - The question

    /// Whether it follows another, and how far behind it is, in milliseconds: 0 when all it received is replayed.
    static let query = """
        SELECT pg_is_in_recovery(), CASE WHEN NOT pg_is_in_recovery() THEN NULL \
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
        ELSE (EXTRACT(EPOCH FROM now() - pg_last_xact_replay_timestamp()) * 1000)::bigint END
        """

    private mutating func ready() -> ConversationStep {
        guard probe.role != nil || probe.maximumLag != nil else {
            state = .over
            return .finish(.success, farewell: PostgresMessages.terminate)
        }
        state = .answer
        return .send(PostgresMessages.message("Q", Array(Self.query.utf8) + [0]))
    }

    /// What the row says against what is asked for; nil when it fits.
    private func judge() -> String? {
        guard let row, let recovery = row.recovery else { return "the query was answered without a row" }
        let isReplica = recovery.elementsEqual("t".utf8)
        switch probe.role {
        case .primary where isReplica: return "the server is in recovery, wanted a primary"
        case .replica where !isReplica: return "the server is not in recovery, wanted a replica"
        default: break
        }
        guard isReplica, let maximum = probe.maximumLag else { return nil }
        // Negative where the clocks differ.
        guard let text = row.lag, let lag = decimal(text.first == 0x2D ? text.dropFirst() : text) else {
            return "the replica cannot tell how far it is behind"
        }
        let behind = Duration.milliseconds(text.first == 0x2D ? 0 : lag)
        guard behind > maximum else { return nil }
        return "the replica is \(behind.formattedSeconds()) s behind, wanted \(maximum.formattedSeconds()) s at most"
    }
}
