import Configuration
import Primitives
import Testing

@testable import Health

@Suite struct DNSConversationTests {
    static let connection = HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 53)), port: 53)

    static func conversation(_ name: String = "example.org", _ type: DNSProbe.RecordType = .a) -> DNSConversation {
        var probe = DNSProbe(connection)
        probe.name = name
        probe.type = type
        return DNSConversation(probe, id: 0x1234)
    }

    static let query: [UInt8] =
        [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7] + Array("example".utf8) + [3] + Array("org".utf8) + [
            0, 0, 1, 0, 1,
        ]

    /// The query with bytes of its header changed.
    static func answer(_ changes: [Int: UInt8] = [:]) -> [UInt8] {
        var bytes = query
        bytes[2] = 0x81
        bytes[3] = 0x80
        for (offset, byte) in changes { bytes[offset] = byte }
        return bytes
    }

    @Test("The query asks for the name and the type") func asked() {
        #expect(play(Self.conversation(), []).sent == Self.query)
        #expect(play(Self.conversation("."), []).sent.suffix(5) == [0, 0, 1, 0, 1])
        #expect(play(Self.conversation("example.org.", .aaaa), []).sent.suffix(5) == [0, 0, 28, 0, 1])
    }

    @Test(
        "A name that is none is a failure without a packet",
        arguments: ["a..b", ".a", String(repeating: "a", count: 64)])
    func badName(_ name: String) {
        let outcome = play(Self.conversation(name), [])
        #expect(outcome.sent.isEmpty && outcome.failure?.hasSuffix("is no domain name") == true)
    }

    @Test("Code 0 is a success, whatever the answer contains, truncated too") func success() {
        #expect(play(Self.conversation(), [Self.answer()]).verdict == .success)
        #expect(play(Self.conversation(), [Self.answer([2: 0x83])]).verdict == .success)
        #expect(play(Self.conversation(), [Self.answer() + [UInt8](repeating: 0xFF, count: 400)]).verdict == .success)
        #expect(play(Self.conversation("EXAMPLE.org"), [Self.answer()]).verdict == .success)
    }

    @Test("Other codes fail with their name") func codes() {
        for (code, name) in [
            (1, "FORMERR"), (2, "SERVFAIL"), (3, "NXDOMAIN"), (5, "REFUSED"), (15, "response code 15"),
        ] {
            #expect(play(Self.conversation(), [Self.answer([3: UInt8(0x80 + code)])]).failure == "DNS \(name)")
        }
    }

    @Test("An answer with another id is passed over, one to another question fails") func foreign() {
        #expect(play(Self.conversation(), [Self.answer([0: 0]), [1], Self.answer()]).verdict == .success)
        #expect(play(Self.conversation(), [Self.answer([0: 0])]).verdict == nil)
        #expect(play(Self.conversation(), [Self.answer([14: 0x79])]).failure == "the answer is to another question")
        #expect(play(Self.conversation(), [Self.answer([26: 2])]).failure == "the answer is to another question")
        #expect(play(Self.conversation(), [Self.answer([5: 0])]).failure == "the answer does not repeat the question")
        #expect(play(Self.conversation(), [Self.query]).failure == "the answer is no DNS response to a query")
    }

    @Test("Every cut and every changed byte of an answer has a verdict or is passed over") func total() {
        let answer = Self.answer()
        for end in 0..<answer.count { #expect(play(Self.conversation(), [Array(answer[..<end])]).verdict != .success) }
        for offset in answer.indices {
            for byte in [0, 1, 0x3F, 0x40, 0x80, 0xC0, 0xFF] as [UInt8] {
                _ = play(Self.conversation(), [Self.answer([offset: byte])])
            }
        }
    }

    @Test("Pointers go backwards only, so that there is no loop") func pointers() {
        let name: [UInt8] = [1, 0x41, 0, 1, 0x42, 0xC0, 0]
        #expect(DNSMessage.name(in: name, at: 3)?.name == [1, 0x62, 1, 0x61, 0])
        #expect(DNSMessage.name(in: name, at: 3)?.end == 7)
        for loop in [[0xC0, 0], [0xC0, 2, 0xC0, 0], [1, 0x41, 0xC0, 0], [0xC0, 9], [0x40, 0], [5, 1], []] as [[UInt8]] {
            #expect(DNSMessage.name(in: loop, at: 0) == nil)
        }
    }
}

@Suite struct UDPConversationTests {
    private func conversation(_ configure: (inout UDPProbe) -> Void) -> UDPConversation {
        var probe = UDPProbe(HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 1)), port: 9))
        configure(&probe)
        return UDPConversation(probe, random: [1, 2, 3])
    }

    @Test("Silence is a success unless a reply is required") func silence() {
        let lenient = conversation { _ in }
        #expect(lenient.silence() == .success)
        #expect(play(lenient, []).sent == [1, 2, 3])
        let strict = conversation {
            $0.requiresReply = true
            $0.payload = [9]
        }
        #expect(strict.silence() == nil)
        #expect(play(strict, []).sent == [9])
        #expect(play(strict, [[0]]).verdict == .success)
    }

    @Test("A reply has the right length and the right bytes where the mask says so") func reply() {
        let conversation = conversation {
            $0.requiresReply = true
            $0.replyLengths = 2...3
            $0.reply = .init(bytes: [0xAB, 0xC0], mask: [0xFF, 0xF0])
        }
        #expect(play(conversation, [[0xAB, 0xC5]]).verdict == .success)
        #expect(play(conversation, [[0xAB, 0xC5, 7]]).verdict == .success)
        #expect(play(conversation, [[0xAB, 0xD5]]).failure == "byte 1 of the reply is 0xd5, wanted 0xc0")
        #expect(play(conversation, [[0xAB]]).failure == "the reply has 1 bytes, wanted 2 to 3")
        #expect(play(conversation, [[0xAB, 0xC0, 0, 0]]).failure == "the reply has 4 bytes, wanted 2 to 3")
        var empty = conversation
        _ = empty.begin()
        #expect(empty.receive([]) == .finish(.failure("the reply has 0 bytes, wanted 2 to 3")))
    }
}

@Suite struct PingConversationTests {
    @Test("The echo of what was sent is a success, all else is passed over", arguments: [AddressFamily.ipv4, .ipv6])
    func echo(_ family: AddressFamily) throws {
        let conversation = PingConversation(family, random: [1, 2, 3, 4, 5, 6, 7, 8])
        let sent = play(conversation, []).sent
        #expect(sent[0] == (family == .ipv4 ? 8 : 128))
        var reply = sent
        reply[0] = family == .ipv4 ? 0 : 129
        reply[4] = 0xAB  // the kernel's identifier
        #expect(play(conversation, [sent, [0], Array(reply.dropLast()), reply]).verdict == .success)
        for offset in [0, 1, 6, 7, 8, sent.count - 1] {
            var other = reply
            other[offset] ^= 0x55
            #expect(play(conversation, [other]).verdict == nil)
        }
        let decoded = try #require(ICMPEcho(reply, family))
        #expect(decoded.isReply && decoded.sequence == 1 && decoded.encoded(family).dropFirst(8) == reply.dropFirst(8))
    }
}
