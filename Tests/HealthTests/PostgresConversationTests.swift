import Configuration
import Primitives
import Testing

@testable import Health

@Suite struct PostgresConversationTests {
    static func conversation(_ configure: (inout PostgresProbe) -> Void = { _ in }) -> PostgresConversation {
        var probe = PostgresProbe(HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 1)), port: 5432))
        probe.username = "user"
        probe.password = Secret(Array("pencil".utf8))
        configure(&probe)
        return PostgresConversation(probe, nonce: [UInt8](repeating: 7, count: 18))
    }

    static func message(_ type: Unicode.Scalar, _ body: [UInt8]) -> [UInt8] { PostgresMessages.message(type, body) }
    static let ok = message("R", [0, 0, 0, 0])
    static let ready =
        message("S", Array("a\0b\0".utf8)) + message("K", [1, 2, 3, 4, 5, 6, 7, 8]) + message("Z", [0x49])

    static func row(_ columns: [String?]) -> [UInt8] {
        var body: [UInt8] = [0, UInt8(columns.count)]
        for column in columns {
            body.append(bigEndian: column.map { UInt32($0.utf8.count) } ?? .max)
            body += Array((column ?? "").utf8)
        }
        return message("T", [0, 0]) + message("D", body) + message("C", Array("SELECT 1\0".utf8)) + message("Z", [0x49])
    }

    static func error(_ code: String, _ text: String) -> [UInt8] {
        message("E", Array("SFATAL\0VFATAL\0C\(code)\0M\(text)\0\0".utf8))
    }

    @Test("Logged in, and asked nothing more") func login() {
        let outcome = heard(Self.conversation(), Self.ok + Self.ready)
        #expect(outcome.verdict == .success)
        #expect(outcome.text.hasSuffix("X\0\0\0\u{4}") && outcome.text.contains("user\0user\0database\0postgres\0"))
    }

    @Test("MD5: md5(md5(password, user), salt)") func md5() {
        let outcome = heard(Self.conversation(), Self.message("R", [0, 0, 0, 5, 1, 2, 3, 4]) + Self.ok + Self.ready)
        // python3: 'md5' + md5((md5(b'penciluser').hexdigest()).encode() + bytes([1,2,3,4])).hexdigest()
        #expect(outcome.verdict == .success && outcome.text.contains("md5\(PostgresConversationTests.md5Digest)\0"))
    }
    static let md5Digest = "4376eb6913b38f9aaff38dc7cf19ca76"

    @Test("SCRAM-SHA-256 as in RFC 7677, 3") func scram() {
        var client = ScramClient(
            user: Array("user".utf8), password: Array("pencil".utf8),
            nonce: Base64.decode("rOprNGfwEbeRWgbNEkqO".utf8) ?? [])
        #expect(client.firstMessage == Array("n,,n=user,r=rOprNGfwEbeRWgbNEkqO".utf8))
        let first = Array("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".utf8)
        let expected =
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        #expect(client.answer(first[...]) == .reply(Array(expected.utf8)))
        #expect(client.fault(in: Array("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".utf8)[...]) == nil)
        #expect(client.fault(in: Array("v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".utf8)[...]) != nil)
        #expect(client.fault(in: []) != nil)
    }

    @Test(
        "A server's SCRAM message that is broken, foreign or wants too much is a fault",
        arguments: [
            "", "r=x", "r=other,s=QQ==,i=1", "r=AAAA,s=QQ==,i=1", "r=AAAAx,s=Q,i=1", "r=AAAAx,s=QQ==,i=0",
            "r=AAAAx,s=QQ==,i=99999999",
        ])
    func scramFaults(_ message: String) {
        var client = ScramClient(password: [1], nonce: [0, 0, 0])
        guard case .fault = client.answer(Array(message.utf8)[...]) else {
            Issue.record("it was answered")
            return
        }
    }

    @Test("A SCRAM login that the server ends without its proof fails") func proof() {
        let begin = Self.message("R", [0, 0, 0, 10] + Array("SCRAM-SHA-256\0\0".utf8))
        #expect(heard(Self.conversation(), begin + Self.ok).failure == "the server ended the login without its proof")
        let nonce = String(decoding: Base64.encode([UInt8](repeating: 7, count: 18)), as: UTF8.self)
        let first = Self.message("R", [0, 0, 0, 11] + Array("r=\(nonce)x,s=QQ==,i=2".utf8))
        let final = Self.message("R", [0, 0, 0, 12] + Array("v=QQ==".utf8))
        #expect(heard(Self.conversation(), begin + first + final).failure == "the server does not know the password")
    }

    @Test("The password in clear text goes only into TLS") func clearText() {
        let wanted = Self.message("R", [0, 0, 0, 3])
        let plain = heard(Self.conversation(), wanted)
        #expect(plain.failure == "the server wants the password in clear text, which is sent only inside TLS")
        #expect(!plain.text.contains("pencil"))
        let secure = heard(
            Self.conversation { $0.tls = true }, [0x53] + wanted + Self.ok + Self.ready, secureAt: 1)
        #expect(secure.verdict == .success && secure.secureFrom == 8 && secure.text.contains("pencil\0"))
    }

    @Test("TLS that is not offered, or that clear text runs ahead of, fails") func tls() {
        let conversation = Self.conversation { $0.tls = true }
        #expect(heard(conversation, "N").failure == "the server does not offer TLS")
        #expect(play(conversation, [[0x53, 1]]).failure == "the server sent 1 bytes ahead of the TLS handshake")
        #expect(heard(conversation, "HTTP").failure == "no PostgreSQL: the answer begins with `H`")
    }

    @Test("Role and lag") func role() {
        func verdict(_ role: DatabaseRole?, _ lag: Duration?, _ columns: [String?]) -> Outcome {
            heard(
                Self.conversation {
                    $0.role = role
                    $0.maximumLag = lag
                }, Self.ok + Self.ready + Self.row(columns))
        }
        #expect(verdict(.primary, nil, ["f", nil]).verdict == .success)
        #expect(verdict(.replica, nil, ["t", "0"]).verdict == .success)
        #expect(verdict(nil, .seconds(2), ["f", nil]).verdict == .success)
        #expect(verdict(nil, .seconds(2), ["t", "2000"]).verdict == .success)
        #expect(verdict(nil, .seconds(2), ["t", "-5"]).verdict == .success)
        #expect(verdict(.primary, nil, ["t", "0"]).failure == "the server is in recovery, wanted a primary")
        #expect(verdict(.replica, nil, ["f", nil]).failure == "the server is not in recovery, wanted a replica")
        #expect(
            verdict(nil, .seconds(2), ["t", "2345"]).failure == "the replica is 2.345 s behind, wanted 2 s at most")
        #expect(verdict(nil, .seconds(2), ["t", nil]).failure == "the replica cannot tell how far it is behind")
        #expect(verdict(.replica, nil, ["t"]).failure == "the answer to the query is broken")
    }

    @Test("Errors in the server's words, garbage and lengths that lie") func errors() {
        #expect(
            heard(Self.conversation(), Self.error("57P03", "the database system is starting up")).failure
                == "FATAL 57P03: the database system is starting up")
        #expect(
            heard(Self.conversation(), "HTTP/1.0 400 Bad\r\n").failure
                == "no PostgreSQL: the answer begins with `HTTP/`")
        for length in [[0, 0, 0, 0], [0xFF, 0xFF, 0xFF, 0xFF], [0, 1, 0, 0]] as [[UInt8]] {
            #expect(play(Self.conversation(), [[0x52] + length]).failure?.hasPrefix("no PostgreSQL") == true)
        }
        #expect(heard(Self.conversation(), Self.message("R", [0]), ends: true).failure != nil)
    }
}
