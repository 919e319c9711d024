import Foundation
import LinuxWorld
import Primitives
import Testing

@testable import Alerts
@testable import MailWorker

private let mailForThree = MailMessage(
    sender: "a@b", recipients: ["c@d", "e@f", "g@h"], subject: "s", text: "t\n", date: 0)

/// A carrier with a loop of its own, as the mail process has it.
private struct MailDriver: ~Copyable {
    let carrier: MailCarrier
    let route: MailRoute
    var poller: Poller
    var said: [String] = []
    var longestTurn: Duration = .zero

    var queue: AlertQueue { carrier.queue }

    init(host: String = "127.0.0.1", port: UInt16, timeout: Duration) throws {
        route = MailRoute(host: host, port: port, heloName: "test.example.com", timeout: timeout)
        carrier = MailCarrier(route)
        poller = try Poller()
    }

    mutating func add(_ mail: MailMessage) { carrier.carry(mail, route, by: poller) }

    private mutating func takeSaid() {
        said += carrier.said.map(\.text)
        carrier.said = []
    }

    /// Goes on until `end` says so; false when it is not so within `limit`.
    mutating func run(upTo limit: Duration, until end: (borrowing MailDriver) -> Bool) throws -> Bool {
        let deadline = BootClock.now() + limit
        takeSaid()
        while !end(self) {
            guard BootClock.now() < deadline else { return false }
            let count = try poller.wait(until: min(carrier.nextDeadline ?? .distantFuture, deadline))
            let start = BootClock.now()
            for index in 0..<count { carrier.handle(poller.event(index), by: poller) }
            carrier.advance(by: poller)
            takeSaid()
            longestTurn = max(longestTurn, BootClock.now() - start)
        }
        return true
    }
}

@Suite(.serialized) struct MailServerTests {
    /// Debian's aiosmtpd (scripts/setup test), with a mailbox in a directory.
    static let python = "/usr/bin/python3"
    static let isInstalled = ["/usr/lib/python3/dist-packages/aiosmtpd"].contains {
        FileManager.default.fileExists(atPath: $0)
    }

    /// A port of loopback that was free a moment ago.
    private func freePort() throws -> UInt16 {
        let probe = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(probe) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(bind(probe, $0, length) == 0 && getsockname(probe, $0, &length) == 0)
            }
            return UInt16(bigEndian: $0.pointee.sin_port)
        }
    }

    @Test(
        "A real mail server gets the mails whole, in order, and nothing waits for it",
        .enabled(if: isInstalled, "needs python3-aiosmtpd: scripts/setup test"))
    func delivered() throws {
        let port = try freePort()
        let directory = NSTemporaryDirectory() + "aloft-mail-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let server = Process()
        server.executableURL = URL(filePath: Self.python)
        server.arguments = [
            "-m", "aiosmtpd", "-n", "-l", "127.0.0.1:\(port)", "-c", "aiosmtpd.handlers.Mailbox", directory,
        ]
        server.standardInput = FileHandle.nullDevice
        server.standardOutput = FileHandle.nullDevice
        server.standardError = FileHandle.nullDevice
        try server.run()
        defer {
            // Its signals are blocked as this thread's are.
            kill(server.processIdentifier, SIGKILL)
            server.waitUntilExit()
        }
        // Until it listens.
        let deadline = BootClock.now() + .seconds(20)
        while true {
            var driver = try MailDriver(port: port, timeout: .seconds(1))
            driver.add(
                MailMessage(sender: "", recipients: ["probe@example.com"], subject: "probe", text: "", date: 0))
            if try driver.run(upTo: .seconds(5), until: { $0.queue.counters.delivered == 1 || !$0.said.isEmpty }),
                driver.queue.counters.delivered == 1
            {
                break
            }
            try #require(BootClock.now() < deadline, "aiosmtpd does not start: \(driver.said)")
            usleep(20000)
        }

        var driver = try MailDriver(port: port, timeout: .seconds(10))
        let texts = ["=> one <=\n", ".\n..\n.dot\n\nlast\n", "größer\n"]
        for (number, text) in texts.enumerated() {
            driver.add(
                MailMessage(
                    sender: "Director <director@example.com>",
                    recipients: ["On Call <oncall@example.com>", "ops@example.com"],
                    subject: "[LVS] number \(number)", text: text, date: 1_795_807_184))
        }
        #expect(try driver.run(upTo: .seconds(20)) { $0.queue.count == 0 })
        #expect(driver.queue.counters.delivered == 3 && driver.said.isEmpty, "\(driver.said)")
        let mails = try FileManager.default.contentsOfDirectory(atPath: directory + "/new").map {
            try String(contentsOfFile: directory + "/new/" + $0, encoding: .utf8)
        }
        #expect(mails.count == 4)
        for number in 0..<3 {
            let mail = try #require(mails.first { $0.contains("Subject: [LVS] number \(number)\n") })
            #expect(mail.contains("From: Director <director@example.com>\n"))
            #expect(mail.contains("To: On Call <oncall@example.com>, ops@example.com\n"))
            #expect(mail.contains("Date: Fri, 27 Nov 2026 19:19:44 +0000\n"))
            #expect(mail.contains("X-MailFrom: director@example.com\n"))
            #expect(mail.contains("X-RcptTo: oncall@example.com, ops@example.com\n"))
            if number < 2 { #expect(mail.hasSuffix("\n\n" + texts[number]), "\(mail)") }
        }
        #expect(driver.longestTurn < .milliseconds(500))
    }

    @Test("A server that takes the connection and says nothing delays nothing, and is left after its time")
    func hanging() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = try withUnsafeMutablePointer(to: &address) {
            try $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                try #require(
                    bind(listener, $0, length) == 0 && listen(listener, 4) == 0
                        && getsockname(listener, $0, &length) == 0)
            }
            return UInt16(bigEndian: $0.pointee.sin_port)
        }
        var driver = try MailDriver(port: port, timeout: .seconds(1))
        let start = BootClock.now()
        driver.add(mailForThree)
        #expect(BootClock.now() - start < .milliseconds(500))
        #expect(try driver.run(upTo: .seconds(10)) { !$0.said.isEmpty })
        let waited = BootClock.now() - start
        #expect(waited >= .seconds(1) && waited < .seconds(4))
        #expect(driver.said == ["an alert mail was not delivered: the server does not answer the connection"])
        #expect(driver.longestTurn < .milliseconds(500))
    }

    @Test("A name is looked up; one that nobody knows, and a port that nobody listens on, fail with the reason")
    func names() throws {
        #expect(
            try HostNames.addresses(of: "localhost").contains { $0 == IPAddress("127.0.0.1") || $0 == IPAddress("::1") }
        )
        #expect(try HostNames.addresses(of: "192.0.2.1") == [IPAddress("192.0.2.1")])
        #expect(throws: HostNames.Failure.self) { try HostNames.addresses(of: "no such name") }
        #expect(!HostNames.own().isEmpty)
        for (host, text) in [
            ("localhost", "cannot connect to localhost port"), ("no such name", "cannot find no such name"),
        ] {
            var driver = try MailDriver(host: host, port: try freePort(), timeout: .seconds(5))
            driver.add(mailForThree)
            #expect(try driver.run(upTo: .seconds(5)) { !$0.said.isEmpty })
            #expect(driver.said.count == 1 && driver.said[0].contains(text), "\(driver.said)")
        }
    }
}
