import Configuration
import Primitives
import Testing

@testable import Health

@Suite struct MySQLConversationTests {
    static func conversation(_ configure: (inout MySQLProbe) -> Void = { _ in }) -> MySQLConversation {
        var probe = MySQLProbe(HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 1)), port: 3306))
        probe.username = "checker"
        probe.password = Secret(Array("secret".utf8))
        configure(&probe)
        return MySQLConversation(probe)
    }

    static let scramble = (1...20).map { UInt8($0) }

    /// What MySQL 8 says first. `capabilities`: with TLS.
    static func greeting(_ plugin: String = "caching_sha2_password", capabilities: UInt32 = 0xDFFF_FFFF) -> [UInt8] {
        let low = [UInt8(capabilities & 255), UInt8(capabilities >> 8 & 255)]
        let high = [UInt8(capabilities >> 16 & 255), UInt8(capabilities >> 24)]
        let head =
            [10] + Array("8.0.36\0".utf8) + [9, 0, 0, 0] + scramble[..<8] + [0] + low + [255, 2, 0] + high + [21]
        let rest = [UInt8](repeating: 0, count: 10) + scramble[8...] + [0] + Array(plugin.utf8) + [0]
        return MySQLMessages.packet(head + rest, 0)
    }

    static let ok = [0, 0, 0, 2, 0, 0, 0] as [UInt8]
    static func error(_ code: UInt16, _ text: String) -> [UInt8] {
        [0xFF, UInt8(code & 255), UInt8(code >> 8)] + Array("#42000\(text)".utf8)
    }

    /// A result of one row; no row where there are no values.
    static func result(_ names: [String], _ values: [String?]?, from sequence: UInt8 = 1) -> [UInt8] {
        func text(_ value: String?) -> [UInt8] { value.map { [UInt8($0.utf8.count)] + Array($0.utf8) } ?? [0xFB] }
        let end = [0xFE, 0, 0, 2, 0] as [UInt8]
        var packets: [[UInt8]] = [[UInt8(names.count)]]
        for name in names {
            packets.append(
                text("def") + text("") + text("") + text("") + text(name) + text(name) + [12]
                    + [UInt8](repeating: 0, count: 12))
        }
        packets.append(end)
        if let values { packets.append(values.flatMap(text)) }
        packets.append(end)
        return packets.enumerated().flatMap { MySQLMessages.packet($1, sequence &+ UInt8($0)) }
    }

    @Test("Without a user the greeting is enough") func greeting() {
        let outcome = heard(Self.conversation { $0.username = nil }, Self.greeting())
        #expect(outcome.verdict == .success && outcome.sent.isEmpty)
    }

    @Test("A server that refuses this host says why") func refused() {
        let body: [UInt8] = [0xFF, 0x69, 0x04] + Array("Host '192.0.2.9' is blocked".utf8)
        #expect(
            heard(Self.conversation(), MySQLMessages.packet(body, 0)).failure
                == "the server refuses us: 1129: Host '192.0.2.9' is blocked")
    }

    @Test("mysql_native_password: the proof that the protocol's documentation asks for") func native() {
        let stream = Self.greeting("mysql_native_password") + MySQLMessages.packet(Self.ok, 2)
        let outcome = heard(Self.conversation(), stream)
        #expect(outcome.verdict == .success)
        // python3, hashlib: sha1(b'secret') xor sha1(bytes(range(1, 21)) + sha1(sha1(b'secret')))
        #expect(
            MySQLMessages.nativePassword(Array("secret".utf8), Self.scramble).hexadecimal
                == "b32bb3a583e1340c0a1108d58b1be49781ad8c2f")
        #expect(outcome.sent.suffix(5) == [1, 0, 0, 0, 1])
    }

    @Test("caching_sha2_password: known to the server, or only inside TLS") func sha2() {
        // python3, hashlib: sha256(b'secret') xor sha256(sha256(sha256(b'secret')) + bytes(range(1, 21)))
        #expect(
            MySQLMessages.cachingSHA2Password(Array("secret".utf8), Self.scramble).hexadecimal
                == "746ebe205d56a0707acb3e796e834e0dd7b1d61743b26bd5202c7a623230c7c9")
        let fast = Self.greeting() + MySQLMessages.packet([1, 3], 2) + MySQLMessages.packet(Self.ok, 3)
        #expect(heard(Self.conversation(), fast).verdict == .success)
        let whole = MySQLMessages.packet([1, 4], 2)
        let plain = heard(Self.conversation(), Self.greeting() + whole)
        #expect(plain.failure?.hasPrefix("the server wants the whole password (caching_sha2_password)") == true)
        #expect(!plain.text.contains("secret"))
        let hello = Self.greeting()
        let secure = heard(
            Self.conversation { $0.tls = true },
            hello + MySQLMessages.packet([1, 4], 3) + MySQLMessages.packet(Self.ok, 5),
            secureAt: hello.count)
        #expect(secure.verdict == .success && secure.secureFrom == 36 && secure.text.contains("secret\0"))
    }

    @Test("Another way to log in is taken where it is known, and named where it is not") func switched() {
        let native = [0xFE] + Array("mysql_native_password\0".utf8) + Self.scramble + [0]
        let stream = Self.greeting() + MySQLMessages.packet(native, 2) + MySQLMessages.packet(Self.ok, 4)
        #expect(heard(Self.conversation(), stream).verdict == .success)
        let ed25519 = [0xFE] + Array("client_ed25519\0".utf8) + Self.scramble
        #expect(
            heard(Self.conversation(), Self.greeting() + MySQLMessages.packet(ed25519, 2)).failure
                == "the login by `client_ed25519` is not supported")
        let clear = [0xFE] + Array("mysql_clear_password\0".utf8)
        #expect(
            heard(Self.conversation(), Self.greeting() + MySQLMessages.packet(clear, 2)).failure
                == "the server wants the password in clear text, which is sent only inside TLS")
        #expect(
            heard(Self.conversation(), Self.greeting() + MySQLMessages.packet([0xFE], 2)).failure
                == "the server wants a login of before MySQL 4.1, which is not supported")
    }

    @Test("TLS that is not offered, or that clear text runs ahead of, fails") func tls() {
        let conversation = Self.conversation { $0.tls = true }
        #expect(
            heard(conversation, Self.greeting(capabilities: 0xDFFF_F7FF)).failure == "the server does not offer TLS")
        #expect(
            play(conversation, [Self.greeting() + [1]]).failure == "the server sent 1 bytes ahead of the TLS handshake")
    }

    private func verdict(_ stream: [UInt8], _ configure: (inout MySQLProbe) -> Void) -> Outcome {
        heard(
            Self.conversation(configure),
            Self.greeting("mysql_native_password") + MySQLMessages.packet(Self.ok, 2) + stream)
    }

    @Test("read_only says the role") func role() {
        for (value, isPrimary) in [("0", true), ("OFF", true), ("1", false), ("ON", false)] {
            let stream = Self.result(["@@global.read_only"], [value])
            #expect((verdict(stream) { $0.role = .primary }.verdict == .success) == isPrimary)
            #expect((verdict(stream) { $0.role = .replica }.verdict == .success) == !isPrimary)
        }
        #expect(verdict(Self.result(["x"], nil)) { $0.role = .primary }.failure == "read_only is not known")
        #expect(
            verdict(MySQLMessages.packet(Self.error(1142, "no"), 1)) { $0.role = .primary }.failure
                == "a query was refused: 1142: no")
    }

    @Test("The lag of a replica, under the old names and the new") func lag() {
        func lag(_ stream: [UInt8], _ role: DatabaseRole? = nil) -> Outcome {
            verdict(stream) {
                $0.maximumLag = .seconds(5)
                $0.role = role
            }
        }
        #expect(lag(Self.result(["A", "Seconds_Behind_Source"], ["x", "5"])).verdict == .success)
        #expect(
            lag(Self.result(["Seconds_Behind_Source"], ["6"])).failure
                == "the replica is 6 s behind, wanted 5 s at most")
        #expect(lag(Self.result(["Seconds_Behind_Source"], [nil])).failure == "replication does not run")
        let unknown = MySQLMessages.packet(Self.error(1064, "syntax"), 1)
        #expect(lag(unknown + Self.result(["Seconds_Behind_Master"], ["1"])).verdict == .success)
        #expect(lag(unknown + unknown).failure == "a query was refused: 1064: syntax")
        let readOnly = Self.result(["@@global.read_only"], ["1"])
        #expect(
            lag(readOnly + Self.result(["A"], nil), .replica).failure == "the server follows nobody, wanted a replica")
        #expect(lag(Self.result(["A"], nil)).verdict == .success)
        #expect(
            lag(Self.result(["A"], ["x"])).failure
                == "the replica's status says nothing of how far it is behind")
    }

    @Test("Garbage, lengths that lie and rows without an end fail within their bounds") func garbage() {
        #expect(heard(Self.conversation(), "SSH-2.0-x\r\n").failure == "no MySQL: the answer begins with `SSH-`")
        #expect(play(Self.conversation(), [[0, 0, 0, 0]]).failure == "no MySQL: the answer begins with `....`")
        #expect(play(Self.conversation(), [MySQLMessages.packet([9, 1, 2], 0)]).failure != nil)
        let greeting = Self.greeting()
        for end in 5..<greeting.count {
            let cut = MySQLMessages.packet(Array(greeting[4..<end]), 0)
            _ = heard(Self.conversation(), cut)
        }
        let row = MySQLMessages.packet([3, 0x61, 0x62, 0x63], 4)
        let login = Self.greeting("mysql_native_password") + MySQLMessages.packet(Self.ok, 2)
        let endless = [login + Self.result(["a"], ["x"]).dropLast(9)] + [[UInt8]](repeating: row, count: 200_000)
        #expect(
            play(Self.conversation { $0.role = .primary }, endless).failure?.hasPrefix("the server sent too much")
                == true)
    }
}
