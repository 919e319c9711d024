import Primitives
import Supervision
import Testing

@Suite struct LogLineTests {
    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000_000_000, "2000-02-29T00:00:00.000Z"),
            (1_795_437_882_123_999_999, "2026-11-23T12:44:42.123Z"), (-1, "1969-12-31T23:59:59.999Z"),
            (4_107_542_399_999_000_000, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000Z"),
        ] as [(Int64, String)])
    func theTimeIsUTC(_ nanoseconds: Int64, _ text: String) {
        #expect(LogLine.timestamp(nanoseconds) == text)
    }

    @Test func noTimeTraps() {
        for value in [Int64.min, .min + 1, .max] { #expect(!LogLine.timestamp(value).isEmpty) }
    }

    @Test func whatIsLoggedCannotForgeALine() {
        let line = LogLine.console(.warning, "a\nb\u{1b}[31m", wallClock: 0)
        #expect(String(decoding: line, as: UTF8.self) == "1970-01-01T00:00:00.000Z warning a b [31m\n")
        let datagram = LogLine.syslog(.error, "x", facility: 3, tag: "Keepalived", pid: 7)
        #expect(String(decoding: datagram, as: UTF8.self) == "<27>Keepalived[7]: x")
    }

    @Test func theLogIsBoundedAndSaysWhatItLeftOut() {
        var rate = LogRate(burst: 10, perSecond: 2, at: .zero)
        let admitted = (0..<100).count { _ in rate.admit(at: .zero).isAdmitted }
        #expect(admitted == 10)
        let next = rate.admit(at: .zero + .milliseconds(500))
        #expect(next.isAdmitted && next.suppressed == 90)
        #expect(!rate.admit(at: .zero + .milliseconds(999)).isAdmitted)
        #expect(rate.admit(at: .zero + .milliseconds(1000)).isAdmitted)
        _ = rate.admit(at: .distantFuture)
    }
}
