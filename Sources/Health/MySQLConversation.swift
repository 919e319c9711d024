import Configuration
import Primitives

/// `MYSQL_CHECK`: the greeting, a login where there is a user, and what is asked for: `read_only`, and how far a replica is behind. Keeps one packet of at
/// most 64 KB and one row.
///
/// A server counts a connection that ends without a login as an error of this host (`max_connect_errors`), and may block it: use a user.
public struct MySQLConversation: MessageConversation {
    private enum State: Sendable { case greeting, handshake, login, readOnly, replica, slave }

    private let probe: MySQLProbe
    private var state = State.greeting
    private var greeting: MySQLGreeting?
    private var sequence: UInt8 = 0
    private var isSecured = false
    private var plugin: [UInt8] = []
    private var result = MySQLResult()
    var input = InputBuffer()

    public init(_ probe: MySQLProbe) { self.probe = probe }

    public var awaited: String {
        switch state {
        case .greeting: "the greeting"
        case .handshake, .login: "the end of the login"
        case .readOnly: "the answer about read_only"
        case .replica, .slave: "the replica's status"
        }
    }

    public mutating func begin() -> ConversationStep { .wait }

    mutating func advance() -> ConversationStep {
        guard input.count >= 4, let low = input[0], let middle = input[1], let high = input[2], let number = input[3]
        else {
            return .wait
        }
        let length = Int(low) | Int(middle) << 8 | Int(high) << 16
        guard length > 0, length <= input.limit - 4 else {
            return .fail("no MySQL: the answer begins with `\(printable(input.unread.prefix(4)))`")
        }
        guard let packet = input.take(length + 4)?.dropFirst(4) else { return .wait }
        sequence = number &+ 1
        switch state {
        case .greeting: return greeted(packet)
        case .handshake: return .fail("the server spoke before the TLS handshake")
        case .login: return loggingIn(packet)
        case .readOnly, .replica, .slave: return answered(packet)
        }
    }

    // MARK: - Login

    private mutating func greeted(_ packet: ArraySlice<UInt8>) -> ConversationStep {
        if packet.first == 0xFF {
            return .fail("the server refuses us: \(MySQLMessages.text(ofError: packet.dropFirst()))")
        }
        guard let greeting = MySQLGreeting(packet) else {
            return .fail("no MySQL: the answer begins with `\(printable(packet, limit: 40))`")
        }
        self.greeting = greeting
        plugin = greeting.plugin
        guard probe.tls else { return probe.username == nil ? .finish(.success) : logIn() }
        guard greeting.capabilities & MySQLMessages.ssl != 0 else { return .fail("the server does not offer TLS") }
        state = .handshake
        return .startTLS(sending: MySQLMessages.packet(MySQLMessages.loginHead(capabilities), sequence))
    }

    public mutating func secured() -> ConversationStep {
        isSecured = true
        sequence &+= 1
        return probe.username == nil ? .finish(.success) : logIn()
    }

    private var capabilities: UInt32 {
        MySQLMessages.protocol41 | MySQLMessages.secureConnection | MySQLMessages.pluginAuthentication
            | MySQLMessages.longPassword | MySQLMessages.transactions | (probe.tls ? MySQLMessages.ssl : 0)
    }

    private mutating func logIn() -> ConversationStep {
        state = .login
        // The server names another way when it wants one, so ours is as good a beginning as any.
        if !Self.isKnown(plugin) { plugin = Array("mysql_native_password".utf8) }
        let proof = proof(greeting?.scramble ?? [])
        let user = oneLine(probe.username ?? "")
        return .send(
            MySQLMessages.packet(
                MySQLMessages.login(capabilities, user: user, proof: proof, plugin: plugin), sequence))
    }

    private static func isKnown(_ plugin: [UInt8]) -> Bool {
        plugin.elementsEqual("mysql_native_password".utf8) || plugin.elementsEqual("caching_sha2_password".utf8)
    }

    private var password: [UInt8] { probe.password?.revealed ?? [] }

    private func proof(_ scramble: [UInt8]) -> [UInt8] {
        plugin.elementsEqual("caching_sha2_password".utf8)
            ? MySQLMessages.cachingSHA2Password(password, scramble) : MySQLMessages.nativePassword(password, scramble)
    }

    private mutating func loggingIn(_ packet: ArraySlice<UInt8>) -> ConversationStep {
        switch packet.first {
        case 0: return loggedIn()
        case 0xFF: return .fail("the login failed: \(MySQLMessages.text(ofError: packet.dropFirst()))")
        case 0xFE: return switchPlugin(packet.dropFirst())
        case 1 where plugin.elementsEqual("caching_sha2_password".utf8): return moreOfSHA2(packet.dropFirst())
        default: return .fail("the server's answer to the login is broken")
        }
    }

    /// AuthSwitchRequest: the user has another plugin than the server's greeting.
    private mutating func switchPlugin(_ body: ArraySlice<UInt8>) -> ConversationStep {
        var reader = MySQLReader(body)
        guard let name = reader.terminated(), let scramble = reader.rest() else {
            return .fail("the server wants a login of before MySQL 4.1, which is not supported")
        }
        plugin = Array(name)
        if plugin.elementsEqual("mysql_clear_password".utf8) {
            guard isSecured else {
                return .fail("the server wants the password in clear text, which is sent only inside TLS")
            }
            return .send(MySQLMessages.packet(password + [0], sequence))
        }
        guard Self.isKnown(plugin) else {
            return .fail("the login by `\(printable(name, limit: 40))` is not supported")
        }
        return .send(MySQLMessages.packet(proof(Array(scramble.prefix(20))), sequence))
    }

    /// caching_sha2_password: 3 is done, 4 wants the password itself, because the server has no hash of it at hand.
    private mutating func moreOfSHA2(_ body: ArraySlice<UInt8>) -> ConversationStep {
        switch body.first {
        case 3: return .send([])
        case 4 where isSecured: return .send(MySQLMessages.packet(password + [0], sequence))
        case 4:
            return .fail(
                "the server wants the whole password (caching_sha2_password), which is sent only inside TLS: use `tls`, or another login of this user has to come first"
            )
        default: return .fail("the server's answer to the login is broken")
        }
    }

    // MARK: - What is asked for

    private mutating func loggedIn() -> ConversationStep {
        if probe.role != nil { return ask(.readOnly, "SELECT @@global.read_only") }
        if probe.maximumLag != nil { return ask(.replica, "SHOW REPLICA STATUS") }
        return .finish(.success, farewell: MySQLMessages.quit)
    }

    private mutating func ask(_ next: State, _ query: String) -> ConversationStep {
        (state, result) = (next, MySQLResult())
        return .send(MySQLMessages.command(query))
    }

    private mutating func answered(_ packet: ArraySlice<UInt8>) -> ConversationStep {
        switch result.read(packet) {
        case .more: return .send([])
        case .broken: return fail("the answer to a query is broken")
        case .refused(let text):
            // A server of before MySQL 8.0.22 or MariaDB 10.5 does not know the word.
            if case .replica = state { return ask(.slave, "SHOW SLAVE STATUS") }
            return fail("a query was refused: \(text)")
        case .done: break
        }
        if case .readOnly = state { return judgeRole() }
        return judgeLag()
    }

    private func fail(_ reason: String) -> ConversationStep { .fail(reason, farewell: MySQLMessages.quit) }

    private mutating func judgeRole() -> ConversationStep {
        guard let row = result.row, row.count == 1, let value = row[0] else { return fail("read_only is not known") }
        let isPrimary = value.elementsEqual("0".utf8) || value.elementsEqual("OFF".utf8)
        switch probe.role {
        case .primary where !isPrimary: return fail("read_only is `\(printable(value, limit: 20))`, wanted a primary")
        case .replica where isPrimary: return fail("read_only is `\(printable(value, limit: 20))`, wanted a replica")
        default: break
        }
        guard probe.maximumLag != nil, !(isPrimary && probe.role == .primary) else {
            return .finish(.success, farewell: MySQLMessages.quit)
        }
        return ask(.replica, "SHOW REPLICA STATUS")
    }

    private func judgeLag() -> ConversationStep {
        guard let maximum = probe.maximumLag else { return .finish(.success, farewell: MySQLMessages.quit) }
        guard result.row != nil else {
            // Nothing to follow: a primary is never behind.
            return probe.role == .replica
                ? fail("the server follows nobody, wanted a replica") : .finish(.success, farewell: MySQLMessages.quit)
        }
        guard let lag = result.value(["Seconds_Behind_Source", "Seconds_Behind_Master"]) else {
            return fail("the replica's status says nothing of how far it is behind")
        }
        guard let seconds = lag.flatMap({ decimal($0) }) else { return fail("replication does not run") }
        guard Duration.seconds(seconds) > maximum else { return .finish(.success, farewell: MySQLMessages.quit) }
        return fail("the replica is \(seconds) s behind, wanted \(maximum.formattedSeconds()) s at most")
    }
}
