import Primitives
import Testing

@testable import Arbitration

private func name(_ text: String) throws -> LeaseName { try #require(LeaseName(text)) }

private func record(_ holder: String?, version: UInt64 = 7) throws -> LeaseRecord {
    LeaseRecord(
        holder: holder.flatMap(HolderName.init), incarnation: Incarnation(.max), request: 12, epoch: Epoch(3),
        terms: try LeaseTerms(duration: .seconds(1), drift: 100), version: version)
}

/// One of each question.
private func questions() throws -> LeaseExchange.Questions {
    let lease = try name("web/VG")
    return LeaseExchange.Questions(
        arbiter: "third",
        questions: [
            LeaseQuestion(lease: lease, request: 1, kind: .read),
            LeaseQuestion(lease: lease, request: 2, kind: .write(try record("left"), replacing: nil)),
            LeaseQuestion(lease: lease, request: .max, kind: .write(try record(nil), replacing: try record("left"))),
        ])
}

/// One of each report, under each standing.
private func reports() throws -> [LeaseExchange.Reports] {
    let lease = try name(String(repeating: "n", count: LeaseName.longest))
    let holder = String(repeating: "h", count: HolderName.longest)
    let answers: [LeaseAnswer] = [
        .granted, .refused(standing: nil), .refused(standing: try record(holder)), .found(nil),
        .found(try record(nil)), .unreadable, .ambiguous,
    ]
    let all =
        answers.enumerated().map {
            LeaseReport(lease: lease, kind: .answer(request: UInt64($0.offset), $0.element))
        } + [
            LeaseReport(lease: lease, kind: .news(nil)),
            LeaseReport(lease: lease, kind: .news(try record("right"))),
        ]
    let standings: [ArbiterStanding] = [
        .connecting, .answering(roundTrip: .microseconds(350)), .settling("it was started again", until: nil),
        .settling("quiet", until: Instant(nanoseconds: 99)), .down("no answer", since: Instant(nanoseconds: -1)),
    ]
    return standings.map { LeaseExchange.Reports(arbiter: "third", standing: $0, reports: all) }
        + [LeaseExchange.Reports(arbiter: "", standing: .connecting, reports: [])]
}

@Suite("Questions and reports between the processes of a daemon")
struct LeaseExchangeTests {
    @Test("What was asked arrives as it was asked") func asked() throws {
        let questions = try questions()
        #expect(LeaseExchange.Questions(decoding: questions.encoded) == questions)
        let none = LeaseExchange.Questions(arbiter: "a", questions: [])
        #expect(LeaseExchange.Questions(decoding: none.encoded) == none)
    }

    @Test("What was reported arrives as it was reported") func reported() throws {
        for one in try reports() { #expect(LeaseExchange.Reports(decoding: one.encoded) == one) }
    }

    @Test("What is cut off, or has something behind it, is no message") func cut() throws {
        let asked = try questions().encoded
        for count in 0..<asked.count { #expect(LeaseExchange.Questions(decoding: Array(asked[..<count])) == nil) }
        #expect(LeaseExchange.Questions(decoding: asked + [0]) == nil)
        for said in try reports().map(\.encoded) {
            for count in 0..<said.count { #expect(LeaseExchange.Reports(decoding: Array(said[..<count])) == nil) }
            #expect(LeaseExchange.Reports(decoding: said + [0]) == nil)
        }
    }

    /// `00 01 61` is the text "a"; a count of four bytes follows in questions, a standing in reports.
    @Test(
        "Malformed questions",
        arguments: [
            ("nothing", []),
            ("a name that is longer than the message", [0xFF, 0xFF, 0x61]),
            ("four billion questions", [0, 1, 0x61, 0xFF, 0xFF, 0xFF, 0xFF]),
            ("a lease without a name", [0, 1, 0x61, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
            ("a lease with a space in its name", [0, 1, 0x61, 0, 0, 0, 1, 0, 1, 0x20, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
            ("a kind that nobody knows", [0, 1, 0x61, 0, 0, 0, 1, 0, 1, 0x62, 0, 0, 0, 0, 0, 0, 0, 1, 2]),
            ("writing nothing", [0, 1, 0x61, 0, 0, 0, 1, 0, 1, 0x62, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0]),
            (
                "writing what is no record",
                [0, 1, 0x61, 0, 0, 0, 1, 0, 1, 0x62, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0]
            ),
        ] as [(String, [UInt8])])
    func malformedQuestions(_ what: String, _ bytes: [UInt8]) {
        #expect(LeaseExchange.Questions(decoding: bytes) == nil, "\(what)")
    }

    @Test(
        "Malformed reports",
        arguments: [
            ("nothing", []),
            ("a standing that nobody knows", [0, 1, 0x61, 4, 0, 0, 0, 0]),
            ("a round trip that is cut off", [0, 1, 0x61, 1, 0, 0, 0]),
            ("four billion reports", [0, 1, 0x61, 0, 0xFF, 0xFF, 0xFF, 0xFF]),
            ("an answer that nobody knows", [0, 1, 0x61, 0, 0, 0, 0, 1, 0, 1, 0x62, 1, 0, 0, 0, 0, 0, 0, 0, 1, 5]),
            ("news of what is no record", [0, 1, 0x61, 0, 0, 0, 0, 1, 0, 1, 0x62, 0, 0, 2, 1, 1]),
            ("a kind that nobody knows", [0, 1, 0x61, 0, 0, 0, 0, 1, 0, 1, 0x62, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0]),
        ] as [(String, [UInt8])])
    func malformedReports(_ what: String, _ bytes: [UInt8]) {
        #expect(LeaseExchange.Reports(decoding: bytes) == nil, "\(what)")
    }

    @Test("Damaged bytes never trap, and what is read of them says itself again") func damaged() throws {
        var random = SplitMix64(seed: 5)
        let originals = try reports().map(\.encoded) + [try questions().encoded]
        for _ in 0..<20_000 {
            var bytes = originals[Int.random(in: 0..<originals.count, using: &random)]
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if let asked = LeaseExchange.Questions(decoding: bytes) {
                #expect(LeaseExchange.Questions(decoding: asked.encoded) == asked)
            }
            if let said = LeaseExchange.Reports(decoding: bytes) {
                #expect(LeaseExchange.Reports(decoding: said.encoded) == said)
            }
        }
    }

    @Test("A text that does not fit is cut, and the message is read all the same") func longText() throws {
        let long = LeaseExchange.Reports(
            arbiter: "a", standing: .down(String(repeating: "é", count: 40_000), since: .zero), reports: [])
        let read = try #require(LeaseExchange.Reports(decoding: long.encoded))
        guard case .down(let why, _) = read.standing else { return #expect(Bool(false), "\(read.standing)") }
        #expect(why.hasPrefix("éééé") && why.utf8.count >= 65_535)
    }
}
