import Configuration
import Primitives
import Testing

@testable import Health

@Suite struct RedisConversationTests {
    static func conversation(_ configure: (inout RedisProbe) -> Void = { _ in }) -> RedisConversation {
        var probe = RedisProbe(HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 1)), port: 6379))
        configure(&probe)
        return RedisConversation(probe)
    }

    private static func info(_ text: String) -> String { "+PONG\r\n$\(text.utf8.count)\r\n\(text)\r\n" }

    @Test("PING alone, with AUTH before it, and INFO behind it") func asked() {
        let plain = heard(Self.conversation(), "+PONG\r\n")
        #expect(plain.verdict == .success && plain.text == "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nQUIT\r\n")
        let user = Self.conversation {
            $0.username = "u"
            $0.password = Secret([0x70, 0x0D, 0x0A])
            $0.role = .primary
        }
        let outcome = heard(user, "+OK\r\n" + Self.info("# Replication\r\nrole:master\r\n"))
        #expect(outcome.verdict == .success)
        #expect(
            outcome.text == "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$3\r\np\r\n\r\n*1\r\n$4\r\nPING\r\n"
                + "*2\r\n$4\r\nINFO\r\n$11\r\nreplication\r\n*1\r\n$4\r\nQUIT\r\n")
    }

    static let down =
        "role:slave\r\nmaster_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nmaster_link_down_since_seconds:7\r\n"

    @Test(
        "What a server says is what it is",
        arguments: [
            (
                "-LOADING Redis is loading\r\n",
                "the server is still loading its data (the answer to PING: `LOADING Redis is loading`)"
            ),
            ("-ERR no\u{7}\r\n", "the server answered with an error (the answer to PING: `ERR no.`)"),
            ("+HELLO\r\n", "PING was answered `HELLO`"), (":1\r\n", "no Redis: `:1`"),
            ("HTTP/1.0 400\r\n", "no Redis: `HTTP/1.0 400`"),
            ("+PONG\r\n$-1\r\n", "no Redis: `$-1`"), ("+PONG\r\n$99999999999\r\n", "no Redis: `$99999999999`"),
            (info(""), "INFO replication names no role"), (info("role:sentinel\r\n"), "the role is `sentinel`"),
            (info("role:master\r\n"), "the server is a primary, wanted a replica"),
            (info(down), "the link to the primary is down for 7 s"),
            (
                info("role:slave\nmaster_link_status:up\nmaster_last_io_seconds_ago:11\n"),
                "the replica heard its primary 11 s ago, wanted 10 s at most"
            ),
            (info("role:slave\nmaster_link_status:up\n"), "the replica has not heard its primary"),
            ("+PO", "the server closed the connection before the answer to PING"),
        ]) func failure(_ stream: String, _ reason: String)
    {
        let conversation = Self.conversation {
            $0.role = .replica
            $0.requiresLink = true
            $0.maximumLag = .seconds(10)
        }
        #expect(heard(conversation, stream, ends: true).failure == reason)
    }
}
