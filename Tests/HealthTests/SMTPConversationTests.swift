import Configuration
import Primitives
import Testing

@testable import Health

@Suite struct SMTPConversationTests {
    static let conversation = SMTPConversation(
        SMTPProbe(hosts: [HealthCheck.Connection(.v4(IPv4Address(192, 0, 2, 25)), port: 25)]))

    @Test("Greeted, HELO answered, QUIT said") func success() {
        let outcome = heard(Self.conversation, "220 mail ESMTP\r\n250 hello\r\n221 bye\r\n")
        #expect(outcome.verdict == .success)
        #expect(outcome.text == "HELO smtpchecker.keepalived.org\r\nQUIT\r\n")
        #expect(
            heard(Self.conversation, "220-one\r\n220-two\r\n220 three\r\n250-a\n250 b\n221 x\n").verdict == .success)
    }

    @Test("The verdict stands when HELO was answered, whether QUIT is or not") func quit() {
        #expect(heard(Self.conversation, "220 a\r\n250 b\r\n", ends: true).verdict == .success)
        var conversation = Self.conversation
        _ = conversation.begin()
        _ = conversation.receive(Array("220 a\r\n".utf8))
        #expect(conversation.silence() == nil && conversation.awaited == "the answer to HELO")
        _ = conversation.receive(Array("250 b\r\n".utf8))
        #expect(conversation.silence() == .success)
    }

    @Test(
        "Everything else fails with the server's words",
        arguments: [
            ("554 No SMTP service here\r\n", "SMTP banner `554 No SMTP service here`, wanted 220"),
            ("220 a\r\n502 what\u{1B}[31m?\r\n", "SMTP HELO was answered `502 what.[31m?`, wanted 250"),
            ("HTTP/1.0 400 Bad\r\n", "no SMTP: `HTTP/1.0 400 Bad`"), ("\r\n", "no SMTP: ``"),
            ("22", "the server closed the connection before the banner"),
            ("220 a\r\n", "the server closed the connection before the answer to HELO"),
        ]) func failure(_ stream: String, _ reason: String)
    {
        #expect(heard(Self.conversation, stream, ends: true).failure == reason)
    }

    @Test("A line or a banner without an end fails within its bound") func bounds() {
        let line = [UInt8](repeating: 0x32, count: 9000)
        #expect(play(Self.conversation, [line]).failure?.hasPrefix("the server sent too much") == true)
        let banner = [[UInt8]](repeating: Array("220-more\r\n".utf8), count: 10000)
        #expect(play(Self.conversation, banner).failure?.hasPrefix("the server sent too much") == true)
    }
}
