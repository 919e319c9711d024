import Primitives
import Testing

@testable import Supervision

@Suite("How late a loop is") struct PunctualityTests {
    static func at(_ seconds: Double) -> Instant { .zero + .nanoseconds(Int64(seconds * 1e9)) }

    @Test("The worst of the last minute is forgotten, the worst since the start is not") func windows() {
        var punctuality = Punctuality()
        let patience = Duration.seconds(1)
        _ = punctuality.note(late: .milliseconds(40), turn: .milliseconds(2), patience: patience, at: Self.at(100))
        _ = punctuality.note(late: nil, turn: .milliseconds(7), patience: patience, at: Self.at(130))
        _ = punctuality.note(late: .milliseconds(-3), turn: .zero, patience: patience, at: Self.at(140))
        #expect(punctuality.lastMinute(at: Self.at(149)).late == .milliseconds(40))
        #expect(punctuality.lastMinute(at: Self.at(149)).turn == .milliseconds(7))
        #expect(punctuality.lastMinute(at: Self.at(161)).late == .zero)
        #expect(punctuality.lastMinute(at: Self.at(161)).turn == .milliseconds(7))
        #expect(punctuality.lastMinute(at: Self.at(1000)) == Punctuality.Worst())
        #expect(punctuality.sinceStart.late == .milliseconds(40) && punctuality.sinceStart.turn == .milliseconds(7))
        #expect(punctuality.stalls == 0)
    }

    @Test("worker.stalled: a stall has one line, and those of the next ten seconds are counted in the line after")
    func stalls() throws {
        var punctuality = Punctuality()
        let patience = Duration.milliseconds(25)
        func note(_ late: Int64, _ turn: Int64, _ seconds: Double) -> Punctuality.Stall? {
            punctuality.note(
                late: .milliseconds(late), turn: .milliseconds(turn), patience: patience, at: Self.at(seconds))
        }
        #expect(note(25, 25, 1) == nil)
        let first = try #require(note(0, 26, 2))
        #expect(first.duration == .milliseconds(26) && first.count == 1)
        for second in 3..<12 { #expect(note(300, 0, Double(second)) == nil) }
        let next = try #require(note(400, 0, 12.5))
        #expect(next.count == 10 && next.duration == .milliseconds(400))
        #expect(next.text(patience: patience).contains("0.4 s after it was due"))
        #expect(next.text(patience: patience).contains("[\(SupervisionRule.workerStalled)]"))
        #expect(punctuality.stalls == 11)
    }
}
