import Alerts
import Primitives
import Testing

private func mail(_ number: Int) -> MailMessage {
    MailMessage(sender: "a@b", recipients: ["c@d"], subject: "\(number)", text: "t\n", date: 0)
}

/// A queue with its driver and a server that answers as it is told.
private struct Bench {
    var queue = AlertQueue(MailRoute(host: "a", heloName: "h", timeout: .seconds(5)), limit: 4)
    var routes: [MailRoute] = []
    var now = Instant.zero
    var connections: [UInt64] = []
    var closed: [UInt64] = []
    var sent: [UInt8] = []
    var said: [RuleID] = []
    var words: [String] = []

    mutating func follow(_ body: (inout AlertQueue, Instant, inout [AlertQueue.Effect]) -> Void) {
        var effects: [AlertQueue.Effect] = []
        body(&queue, now, &effects)
        for effect in effects {
            switch effect {
            case .connect(let attempt, let route):
                routes.append(route)
                // One at a time.
                #expect(connections.count == closed.count)
                connections.append(attempt)
            case .send(let bytes, let attempt):
                #expect(attempt == connections.last)
                sent += bytes
            case .close(let attempt):
                #expect(attempt == connections.last)
                closed.append(attempt)
            case .say(let rule, let text):
                said.append(rule)
                words.append(text)
            }
        }
    }

    mutating func add(_ number: Int) { follow { $0.add(mail(number), at: $1, into: &$2) } }
    mutating func connected() {
        let attempt = connections.last ?? 0
        follow { $0.connected(attempt: attempt, at: $1, into: &$2) }
    }
    mutating func hear(_ text: String) {
        let attempt = connections.last ?? 0
        follow { $0.received(Array(text.utf8), attempt: attempt, at: $1, into: &$2) }
    }
    mutating func fail(_ reason: String?) {
        let attempt = connections.last ?? 0
        closed.append(attempt)
        follow { $0.closed(attempt: attempt, reason: reason, at: $1, into: &$2) }
        // It was closed already: a `close` for it is one too many, and harmless.
        closed = Array(Set(closed)).sorted()
    }
    mutating func pass(_ time: Duration) {
        now = now + time
        follow { $0.advance(to: $1, into: &$2) }
    }
    mutating func deliver() {
        connected()
        hear("220 a\r\n250 b\r\n250 c\r\n250 d\r\n354 e\r\n250 f\r\n221 g\r\n")
    }
    var subjects: [String] {
        text(sent).split(separator: "\r\n").filter { $0.hasPrefix("Subject: ") }.map { String($0.dropFirst(9)) }
    }
}

@Suite struct AlertQueueTests {
    @Test("Mails go out one after the other, in order") func order() {
        var bench = Bench()
        for number in 1...3 { bench.add(number) }
        #expect(bench.connections.count == 1)
        for _ in 1...3 { bench.deliver() }
        #expect(bench.subjects == ["1", "2", "3"])
        #expect(bench.queue.count == 0 && bench.queue.nextDeadline == nil && bench.said.isEmpty)
        #expect(bench.queue.counters.delivered == 3)
    }

    @Test("A server that is not there is tried twice for a mail, 30 s apart, and it is said once")
    func retry() {
        var bench = Bench()
        bench.add(1)
        bench.add(2)
        bench.fail("refused")
        #expect(bench.said == [AlertRule.failed] && bench.words[0].contains("refused"))
        bench.pass(.seconds(29))
        #expect(bench.connections.count == 1)
        bench.pass(.seconds(1))
        #expect(bench.connections.count == 2)
        bench.fail("refused")
        #expect(bench.queue.counters.failed == 1)
        bench.pass(.seconds(30))
        bench.deliver()
        #expect(bench.subjects == ["2"])
        #expect(bench.said == [AlertRule.failed, AlertRule.recovered] && bench.words[1].contains("1 were lost"))
        #expect(bench.queue.count == 0)
    }

    @Test("A server that hangs at any step is left after the time for one step")
    func hangs() {
        let answers = ["220 a\r\n", "250 b\r\n", "250 c\r\n", "250 d\r\n", "354 e\r\n"]
        for count in -1...answers.count {
            var bench = Bench()
            bench.add(1)
            if count >= 0 { bench.connected() }
            for answer in answers.prefix(max(count, 0)) {
                bench.pass(.seconds(4))
                bench.hear(answer)
                #expect(bench.closed.isEmpty)
            }
            bench.pass(.seconds(5))
            #expect(bench.closed.count == 1 && bench.said == [AlertRule.failed], "after \(count) answers")
            #expect(bench.queue.nextDeadline == bench.now + AlertQueue.retryDelay)
        }
    }

    @Test("A byte now and then buys a server no time") func trickle() {
        var bench = Bench()
        bench.add(1)
        bench.connected()
        for _ in 1...4 {
            bench.pass(.seconds(1))
            bench.hear("2")
        }
        #expect(bench.closed.isEmpty)
        bench.pass(.seconds(1))
        #expect(bench.closed.count == 1)
    }

    @Test("A server that hangs once it has taken the mail has taken it") func hangsAtTheEnd() {
        var bench = Bench()
        bench.add(1)
        bench.connected()
        bench.hear("220 a\r\n250 b\r\n250 c\r\n250 d\r\n354 e\r\n250 f\r\n")
        bench.pass(.seconds(5))
        #expect(bench.queue.counters.delivered == 1 && bench.queue.count == 0 && bench.said.isEmpty)
    }

    @Test("A full queue drops the oldest, counts them, and says so once") func full() {
        var bench = Bench()
        for number in 1...10 { bench.add(number) }
        // One is on its way, four wait.
        #expect(bench.queue.count == 5 && bench.queue.counters.dropped == 5)
        #expect(bench.said == [AlertRule.full])
        for _ in 1...5 { bench.deliver() }
        #expect(bench.subjects == ["1", "7", "8", "9", "10"])
        #expect(bench.said == [AlertRule.full, AlertRule.recovered])
    }

    @Test("A mail that the server refuses for good is not tried again, and the next goes at once") func refused() {
        var bench = Bench()
        bench.add(1)
        bench.add(2)
        bench.connected()
        bench.hear("220 a\r\n250 b\r\n550 no\r\n")
        #expect(bench.queue.counters.failed == 1 && bench.connections.count == 2)
        bench.deliver()
        #expect(bench.subjects == ["2"])
    }

    @Test("A recipient who is refused is named") func recipientRefused() {
        var bench = Bench()
        bench.follow { queue, now, effects in
            queue.add(mailForThree, at: now, into: &effects)
        }
        bench.connected()
        bench.hear("220 a\r\n250 b\r\n250 c\r\n550 who\r\n250 d\r\n250 d\r\n354 e\r\n250 f\r\n221 g\r\n")
        #expect(bench.said == [AlertRule.refused] && bench.words[0].contains("ops@example.com: 550 who"))
        #expect(bench.queue.counters.delivered == 1 && bench.queue.counters.refusedRecipients == 1)
    }

    @Test("What is heard of a connection that is over changes nothing") func stale() {
        var bench = Bench()
        bench.add(1)
        bench.pass(.seconds(5))
        bench.pass(AlertQueue.retryDelay)
        let state = (bench.queue.count, bench.queue.nextDeadline, bench.sent)
        bench.follow { queue, now, effects in
            queue.connected(attempt: 1, at: now, into: &effects)
            queue.received([0x32], attempt: 1, at: now, into: &effects)
            queue.closed(attempt: 1, reason: nil, at: now, into: &effects)
            queue.closed(attempt: 7, reason: "x", at: now, into: &effects)
        }
        #expect((bench.queue.count, bench.queue.nextDeadline) == (state.0, state.1) && bench.sent == state.2)
        bench.deliver()
        #expect(bench.subjects == ["1"])
    }

    @Test("Whatever happens in whatever order, the queue stays bounded, gets on, and counts every mail")
    func anything() {
        var random = SplitMix64(seed: 7)
        for _ in 0..<300 {
            var bench = Bench()
            var added: UInt64 = 0
            for _ in 0..<60 {
                switch Int.random(in: 0..<8, using: &random) {
                case 0, 1:
                    added += 1
                    bench.add(Int(added))
                case 2 where bench.connections.count > bench.closed.count: bench.connected()
                case 3 where bench.connections.count > bench.closed.count:
                    bench.hear(
                        ["220 a\r\n", "250 b\r\n", "354 c\r\n", "550 d\r\n", "4", "x\r\n"].randomElement(using: &random)
                            ?? "")
                case 4 where bench.connections.count > bench.closed.count:
                    bench.fail(Bool.random(using: &random) ? "gone" : nil)
                default: bench.pass(.seconds(Int.random(in: 0..<12, using: &random)))
                }
                // One on its way, one to be tried again, four that wait.
                #expect(bench.queue.count <= 6)
                #expect(bench.queue.count == 0 || bench.queue.nextDeadline != nil)
                let counters = bench.queue.counters
                #expect(counters.delivered + counters.dropped + counters.failed + UInt64(bench.queue.count) == added)
            }
            var rounds = 0
            while bench.queue.count > 0, rounds < 50 {
                rounds += 1
                bench.pass(.seconds(30))
            }
            #expect(bench.queue.count == 0)
        }
    }
}

extension AlertQueueTests {
    @Test("A server that was put right gets what waits at once, and all that wait go to it") func otherServer() {
        var bench = Bench()
        bench.add(1)
        bench.add(2)
        bench.fail("refused")
        let other = MailRoute(host: "b", port: 2525, heloName: "h", timeout: .seconds(5))
        bench.follow { $0.use(other, at: $1, into: &$2) }
        bench.deliver()
        bench.deliver()
        #expect(bench.subjects == ["1", "2"])
        #expect(bench.routes.map(\.host) == ["a", "b", "b"] && bench.routes.last?.port == 2525)
        // The same again changes nothing.
        bench.follow { $0.use(other, at: $1, into: &$2) }
        #expect(bench.connections.count == 3)
    }
}
