import Configuration
import Health
import Primitives
import Testing

@Suite struct SimpleProtocolTests {
    static let server = HealthCheck.Connection(.v4(IPv4Address(10, 0, 0, 1)), port: 25)

    @Test(
        "SMTP: greeted, answered, however it is cut",
        arguments: [
            ("220 mail\r\n250 hello\r\n", nil), ("220-mail\r\n220 really\r\n250-hello\r\n250 SIZE\r\n", nil),
            ("554 no\r\n", "greets with 554 no, wanted 220"),
            ("220 mail\r\n501 who?\r\n", "answers HELO with 501 who?, wanted 250"),
            ("220 mail\r\n", "closed the connection early"), (String(repeating: "x", count: 2000), "too long"),
            (String(repeating: "220-x\r\n", count: 200), "does not end"),
        ] as [(String, String?)])
    func smtp(_ answer: String, _ failure: String?) {
        let bytes = Array(answer.utf8)
        let conversation = SMTPConversation(SMTPProbe(hosts: [Self.server]))
        for size in [1, 2, 3, 7, bytes.count] {
            let verdict = converse(conversation, bytes, in: size)
            switch (verdict, failure) {
            case (.success?, nil): break
            case (.failure(let reason)?, let wanted?): #expect(reason.contains(wanted))
            default: Issue.record("\(String(describing: verdict))")
            }
        }
    }

    @Test("DNS: the query is what RFC 1035 says, and only its own answer counts")
    func dns() {
        var probe = DNSProbe(Self.server)
        probe.name = "example.org"
        probe.type = .aaaa
        var exchange = DNSExchange(probe, id: 0x1234)
        let query = exchange.request()
        #expect(
            query == [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7] + Array("example".utf8) + [3] + Array("org".utf8) + [
                0, 0, 28, 0, 1,
            ])
        #expect(exchange.receive(query) == nil, "a query is no answer")
        #expect(exchange.receive([0x12, 0x35, 0x81, 0x80]) == nil, "another's answer")
        #expect(exchange.receive([0x12, 0x34, 0x81, 0x80]) == .success)
        #expect(exchange.receive([0x12, 0x34, 0x81, 0x82]) == .failure("answers with the error SERVFAIL"))
        for count in 0..<4 { #expect(exchange.receive(Array([0x12, 0x34, 0x81, 0x80][..<count])) == nil) }
    }

    @Test("UDP: silence is good unless an answer is asked for; an answer must look like it")
    func udp() {
        var probe = UDPProbe(Self.server)
        var exchange = UDPExchange(probe, seed: 1)
        #expect(exchange.request().count == 32)
        #expect(exchange.silence("1") == .success)
        probe.requiresReply = true
        probe.reply = .init(bytes: [1, 2, 3], mask: [0xFF, 0x0F, 0])
        probe.replyLengths = 3...4
        exchange = UDPExchange(probe, seed: 1)
        #expect(exchange.silence("1") == .failure("no answer within 1 s"))
        #expect(exchange.receive([1, 0xF2, 9]) == .success)
        #expect(exchange.receive([1, 3, 3]) == .failure("answers with other bytes than are asked for"))
        #expect(exchange.receive([1]) == .failure("answers with 1 bytes, wanted 3-4"))
        #expect(
            exchange.receive([UInt8](repeating: 0, count: 70_000)) == .failure("answers with 70000 bytes, wanted 3-4"))
    }

    @Test("ping: only the answer to this echo counts", arguments: [AddressFamily.ipv4, .ipv6])
    func ping(_ family: AddressFamily) {
        var echo = ICMPEcho(family, sequence: 7)
        let request = echo.request()
        #expect(request[0] == (family == .ipv4 ? 8 : 128) && request[6] == 0 && request[7] == 7)
        let answer: UInt8 = family == .ipv4 ? 0 : 129
        #expect(echo.receive(request) == nil)
        #expect(echo.receive([answer, 0, 0, 0, 0, 0, 0, 6]) == nil)
        #expect(echo.receive([answer, 0, 0, 0, 0, 0, 0, 7]) == .success)
        #expect(echo.receive([answer]) == nil)
    }
}
