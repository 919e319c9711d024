import Primitives
import Testing

@testable import Arbitration

@Suite struct WitnessDatagramTests {
    static let key = HMAC(key: Array("correct-horse-battery".utf8))

    static func examples() throws -> [WitnessDatagram] {
        let lease = try #require(LeaseName("web/VI_1"))
        let record = try Bench.record("lb1", epoch: 1 << 50, version: 1 << 60)
        let free = try Bench.record(nil)
        let stamp = LeaseStamp(record)
        var status = WitnessStatus()
        status.counters.reads = 7
        status.counters.malformed = 9
        status.age = .seconds(5)
        status.total = 2
        status.storageError = 28
        status.leases = [
            WitnessStatus.Lease(name: lease, standing: record, age: .milliseconds(3)),
            WitnessStatus.Lease(name: lease, standing: free, age: nil),
        ]
        let bodies: [WitnessDatagram.Body] = [
            .questions([]),
            .questions([
                WitnessQuestion(
                    lease: lease, known: LeaseHeight(epoch: Epoch(3), version: 4), subscription: .milliseconds(1500),
                    kind: .read),
                WitnessQuestion(lease: lease, kind: .write(record, replacing: stamp)),
                WitnessQuestion(lease: lease, kind: .write(free, replacing: nil)),
            ]),
            .answers(WitnessAnswer.Outcome.allCases.map { WitnessAnswer($0, standing: $0 == .granted ? nil : record) }),
            .otherLife, .news([WitnessNews(lease: lease, standing: record)]), .statusQuestion(after: nil),
            .statusQuestion(after: lease), .status(status),
        ]
        return try bodies.map {
            WitnessDatagram(
                cluster: try #require(ClusterName("web")), nonce: WitnessNonce(asker: .max, count: 5),
                life: WitnessLife(high: 1, low: .max), quiet: .milliseconds(1234), longest: .seconds(3), body: $0)
        }
    }

    private func refusal(_ bytes: [UInt8], _ key: HMAC = WitnessDatagramTests.key) -> WitnessDatagram.Unreadable? {
        do throws(WitnessDatagram.Unreadable) {
            _ = try WitnessDatagram(decoding: bytes, key: key)
            return nil
        } catch { return error }
    }

    @Test("What is written is read, and cut off or changed it is not") func roundTrip() throws {
        for datagram in try Self.examples() {
            let bytes = datagram.encoded(with: Self.key)
            #expect(try WitnessDatagram(decoding: bytes, key: Self.key) == datagram)
            #expect(WitnessDatagram.cluster(of: bytes.span.bytes) == datagram.cluster)
            for length in stride(from: 0, to: bytes.count, by: 7) {
                #expect(refusal(Array(bytes.prefix(length))) != nil)
            }
            // Every byte counts: the direction, the nonce, the life as much as the record.
            for index in stride(from: 0, to: bytes.count, by: index(in: bytes)) {
                var changed = bytes
                changed[index] ^= 0x40
                #expect(refusal(changed) != nil)
            }
            #expect(refusal(bytes + [0]) != nil)
            #expect(refusal(bytes, HMAC(key: [1])) == .code)
        }
    }

    /// All of a short one, some of a long one.
    private func index(in bytes: [UInt8]) -> Int { bytes.count > 300 ? 13 : 1 }

    @Test("A right code over nonsense is still nonsense") func malformed() throws {
        let datagram = try Self.examples()[1]
        let good = datagram.encoded(with: Self.key).dropLast(32)
        func with(_ changes: [Int: UInt8], cut: Int = 0) -> [UInt8] {
            var bytes = Array(good.dropLast(cut))
            for (index, value) in changes { bytes[index] = value }
            return bytes + Self.key.code(of: bytes)
        }
        #expect(refusal(with([:])) == nil)
        #expect(refusal(with([0: 0])) == .foreign)
        #expect(refusal(with([4: 2])) == .foreign)
        #expect(refusal(with([6: 65])) == .foreign)
        #expect(refusal(with([6: 0])) == .foreign)
        #expect(refusal(with([48: 0x20])) == .foreign, "no name of a cluster")
        #expect(refusal(with([5: 0])) == .malformed)
        #expect(refusal(with([5: 7])) == .malformed)
        #expect(refusal(with([7: 2])) == .malformed, "an entry is left over")
        #expect(refusal(with([7: 4])) == .malformed, "an entry is missing")
        #expect(refusal(with([51: 3])) == .malformed, "a kind of question that there is not")
        #expect(refusal(with([52: 0])) == .malformed, "a lease without a name")
        #expect(refusal(with([52: 255])) == .malformed)
        #expect(refusal(with([5: 2])) == .malformed, "a question is no answer")
    }

    @Test("An answer is never longer than its request, and fits, whatever it says") func lengths() throws {
        let cluster = try #require(ClusterName(String(repeating: "c", count: 64)))
        let lease = try #require(LeaseName(String(repeating: "l", count: 160)))
        let long = try Bench.record(String(repeating: "h", count: 64))
        let short = try #require(LeaseName("s"))
        for kind in [
            WitnessQuestion.Kind.read, .write(long, replacing: LeaseStamp(long)),
            .write(try Bench.record(nil), replacing: nil),
        ] {
            for name in [lease, short] {
                var questions: [WitnessQuestion] = []
                var room = WitnessDatagram.room(for: cluster)
                let question = WitnessQuestion(lease: name, kind: kind)
                while room >= question.room {
                    questions.append(question)
                    room -= question.room
                }
                let nonce = WitnessNonce(asker: 1, count: 1)
                let request = WitnessDatagram(
                    cluster: cluster, nonce: nonce, life: .unknown, body: .questions(questions))
                let answers = questions.map { _ in WitnessAnswer(.refused, standing: long) }
                let answer = WitnessDatagram(cluster: cluster, nonce: nonce, life: .unknown, body: .answers(answers))
                let length = request.encoded(with: Self.key).count
                #expect(!questions.isEmpty && length <= WitnessDatagram.largest)
                #expect(answer.encoded(with: Self.key).count <= length)
            }
        }
    }
}

@Suite struct WitnessLogTests {
    static func state(_ count: Int) throws -> WitnessState {
        var state = WitnessState(floor: LeaseHeight(epoch: Epoch(5), version: 6), longest: .seconds(3))
        for index in 0..<count {
            state.entries.append(
                WitnessState.Entry(
                    cluster: try #require(ClusterName("web")), lease: try #require(LeaseName("web/\(index)")),
                    record: try Bench.record(index % 2 == 0 ? "lb1" : nil, epoch: UInt64(100 + index)),
                    reserved: UInt64(1000 + index)))
        }
        return state
    }

    @Test("What is written is read") func roundTrip() throws {
        let state = try Self.state(5)
        let reading = WitnessLog.read(WitnessLog.file(of: state))
        #expect(reading.state == state && reading.torn == 0 && reading.damage == nil)
        #expect(reading.floor == LeaseHeight(epoch: Epoch(104), version: 1004))
    }

    @Test("A torn end is dropped, wherever it was torn, and also where zeros stand for what was not written")
    func torn() throws {
        let file = WitnessLog.file(of: try Self.state(3))
        let whole = WitnessLog.file(of: try Self.state(2)).count
        for length in whole..<file.count {
            let reading = WitnessLog.read(Array(file.prefix(length)))
            #expect(reading.state?.entries.count == 2 && reading.torn == length - whole && reading.length == whole)
            let padded = WitnessLog.read(Array(file.prefix(whole)) + [UInt8](repeating: 0, count: length - whole))
            #expect(padded.state?.entries.count == 2)
        }
        // The last sectors of one write need not come in order.
        var late = file
        late[whole + 20] ^= 0xff
        #expect(WitnessLog.read(late).state?.entries.count == 2)
    }

    @Test("Damage before the end makes all of it unbelievable, and is located; heights are kept") func damaged() throws
    {
        let state = try Self.state(3)
        let file = WitnessLog.file(of: state)
        let first = WitnessLog.file(of: try Self.state(1)).count
        let second = WitnessLog.file(of: try Self.state(2)).count
        for index in first..<second {
            var bytes = file
            bytes[index] ^= 0x11
            let reading = WitnessLog.read(bytes)
            #expect(reading.state == nil && reading.damage?.offset == first && reading.floor.epoch == Epoch(100))
        }
        for index in 0..<WitnessLog.headLength {
            var bytes = file
            bytes[index] ^= 0x11
            #expect(WitnessLog.read(bytes).state == nil && WitnessLog.read(bytes).damage?.offset == 0)
        }
        #expect(WitnessLog.read([]).damage != nil)
    }

    @Test("A start from a file that was damaged begins above what it had") func floors() throws {
        let reading = WitnessLog.read(Array(WitnessLog.file(of: try Self.state(3)).dropLast(3)) + [1, 2, 3, 4])
        let state = WitnessState(floor: reading.floor, longest: .zero)
        let bench = try WitnessBench(state: state, wallClock: 0)
        #expect(bench.machine.floor.epoch >= Epoch(101))
    }
}

@Suite struct WitnessSessionTests {
    struct Pair {
        var witness: WitnessBench
        var session: WitnessSession
        var toWitness: [WitnessDatagram] = []

        init(patience: Int = 160) throws {
            witness = try WitnessBench()
            session = WitnessSession(
                WitnessSession.Settings(cluster: witness.cluster, patience: .milliseconds(patience)), asker: 77)
        }

        mutating func ask(_ kinds: [LeaseQuestion.Kind], at time: Int) {
            session.ask(
                kinds.enumerated().map {
                    LeaseQuestion(lease: witness.lease, request: UInt64($0.offset + 1), kind: $0.element)
                }, at: Bench.at(time), into: &toWitness)
        }

        /// Everything there and back, until nobody says anything more.
        mutating func exchange(at time: Int) -> [LeaseReport] {
            while !toWitness.isEmpty {
                let datagrams = toWitness
                toWitness = []
                for datagram in datagrams { witness.deliver(datagram, at: time) }
                hear(at: time)
            }
            return session.takeReports()
        }

        mutating func hear(at time: Int) {
            let answers = witness.sent.map(\.datagram)
            witness.sent = []
            for answer in answers { session.receive(answer, at: Bench.at(time), into: &toWitness) }
        }
    }

    private func answers(_ reports: [LeaseReport]) -> [LeaseAnswer] {
        reports.compactMap { if case .answer(_, let answer) = $0.kind { answer } else { nil } }
    }

    @Test("It learns the life with the first question, and asks again by itself") func learns() throws {
        var pair = try Pair()
        #expect(pair.session.standing == .connecting)
        pair.ask([.read], at: 5000)
        guard case .found(let free?) = try #require(answers(pair.exchange(at: 5000)).first) else {
            Issue.record("nothing found")
            return
        }
        #expect(free.isFree && pair.session.life == pair.witness.life)
        #expect(pair.session.standing == .answering(roundTrip: .zero))
        let mine = try WitnessBench.next(free, "a", takes: true)
        pair.ask([.write(mine, replacing: free)], at: 5010)
        #expect(answers(pair.exchange(at: 5010)) == [.granted])
    }

    @Test("A write of an old life is never sent again in a new one: its machine reads back; a read is")
    func changesLives() throws {
        var pair = try Pair()
        pair.ask([.read], at: 5000)
        let reports = pair.exchange(at: 5000)
        guard case .found(let free?) = try #require(answers(reports).first) else { return }
        pair.witness = try WitnessBench(life: 9)
        pair.ask([.write(try WitnessBench.next(free, "a", takes: true), replacing: free), .read], at: 5100)
        let after = answers(pair.exchange(at: 5100))
        #expect(after.count == 2 && after[0] == .ambiguous)
        #expect(pair.witness.stored.isEmpty)
        guard case .found = after[1] else {
            Issue.record("the read was not asked again")
            return
        }
    }

    @Test("What has no answer is sent twice more within the patience, the same bytes; then the witness is down")
    func repeats() throws {
        var pair = try Pair(patience: 600)
        pair.ask([.read], at: 5000)
        let first = pair.toWitness
        pair.toWitness = []
        var times: [Int] = []
        for time in 5001...5700 {
            pair.session.advance(to: Bench.at(time), into: &pair.toWitness)
            if !pair.toWitness.isEmpty {
                #expect(pair.toWitness == first)
                times.append(time)
            }
            pair.toWitness = []
        }
        #expect(times == [5100, 5200])
        #expect(pair.session.standing == .down("the witness does not answer", since: Bench.at(5000)))
        #expect(pair.session.nextDeadline == nil)
        pair.session.fail("Connection refused", at: Bench.at(5800))
        #expect(pair.session.standing == .down("Connection refused", since: Bench.at(5000)))
        pair.ask([.read], at: 6000)
        _ = pair.exchange(at: 6000)
        #expect(pair.session.standing == .answering(roundTrip: .zero))
    }

    @Test("An answer to another request, twice, or of another asker is not listened to") func answersOnce() throws {
        var pair = try Pair()
        pair.ask([.read], at: 5000)
        _ = pair.exchange(at: 5000)
        pair.ask([.read], at: 5100)
        for datagram in pair.toWitness { pair.witness.deliver(datagram, at: 5100) }
        pair.toWitness = []
        let answer = try #require(pair.witness.sent.first).datagram
        var foreign = answer
        foreign.nonce.asker = 1
        var old = answer
        old.nonce.count -= 1
        var otherLife = answer
        otherLife.life = WitnessLife(high: 3, low: 3)
        for datagram in [foreign, old, otherLife, answer, answer] {
            pair.session.receive(datagram, at: Bench.at(5101), into: &pair.toWitness)
        }
        #expect(pair.session.takeReports().count == 1 && pair.toWitness.isEmpty)
    }

    @Test("Refusals reach the operator: a lease too long, a disk that is full, a quiet time") func standing() throws {
        var pair = try Pair()
        pair.ask([.read], at: WitnessBench.start)
        let reports = pair.exchange(at: WitnessBench.start)
        guard case .found(let free?) = try #require(answers(reports).first),
            case .settling(_, let until) = pair.session.standing
        else {
            Issue.record("\(pair.session.standing)")
            return
        }
        #expect(until == Bench.at(WitnessBench.settled))
        pair.ask([.write(try WitnessBench.next(free, "a", takes: true, milliseconds: 5000), replacing: free)], at: 5000)
        #expect(answers(pair.exchange(at: 5000)) == [.refused(standing: free)])
        guard case .down(let reason, _) = pair.session.standing else { return }
        #expect(reason.contains("lasts 5 s") && reason.contains("1 s at most") && reason.contains("--max-lease"))
        // It stays so while the witness answers everything else.
        pair.ask([.read], at: 5050)
        _ = pair.exchange(at: 5050)
        #expect(pair.session.standing == .down(reason, since: Bench.at(5000)))
        pair.witness.machine.storageError = 28
        pair.ask([.write(try WitnessBench.next(free, "a", takes: true), replacing: free)], at: 5100)
        _ = pair.exchange(at: 5100)
        guard case .down(let disk, _) = pair.session.standing else { return }
        #expect(disk.contains("cannot write its state file"))
        pair.witness.machine.storageError = nil
        pair.ask([.write(try WitnessBench.next(free, "a", takes: true), replacing: free)], at: 5200)
        _ = pair.exchange(at: 5200)
        #expect(pair.session.standing == .answering(roundTrip: .zero))
    }

    @Test("News are told when they are new, and of this life") func news() throws {
        var pair = try Pair()
        pair.ask([.read], at: 5000)
        guard case .found(let free?) = try #require(answers(pair.exchange(at: 5000)).first) else { return }
        let taken = try WitnessBench.next(free, "b", takes: true)
        pair.witness.send(.write(taken, replacing: LeaseStamp(free)), at: 5001)
        pair.witness.sent = []
        pair.ask([.read], at: 5010)
        _ = pair.exchange(at: 5010)
        let renewed = try WitnessBench.next(taken, "b")
        pair.witness.send(.write(renewed, replacing: LeaseStamp(taken)), at: 5020)
        let news = try #require(pair.witness.sent.map(\.datagram).first { $0.nonce.asker == 77 })
        pair.hear(at: 5020)
        #expect(pair.session.takeReports().map(\.kind) == [.news(renewed)])
        var old = news
        old.body = .news([WitnessNews(lease: pair.witness.lease, standing: taken)])
        var other = news
        other.life = .unknown
        for datagram in [old, other] { pair.session.receive(datagram, at: Bench.at(5030), into: &pair.toWitness) }
        #expect(pair.session.takeReports().isEmpty)
    }

    @Test("Many questions go in as few datagrams as they fit into, and all are answered") func many() throws {
        var pair = try Pair()
        var datagrams: [WitnessDatagram] = []
        let questions = try (0..<40).map {
            LeaseQuestion(lease: try #require(LeaseName("web/VI_\($0)")), request: UInt64($0 + 1), kind: .read)
        }
        pair.session.ask(questions, at: Bench.at(5000), into: &datagrams)
        #expect(datagrams.count == 10)
        #expect(datagrams.allSatisfy { $0.encoded(with: WitnessDatagramTests.key).count <= WitnessDatagram.largest })
        pair.toWitness = datagrams
        #expect(pair.exchange(at: 5000).count == 40)
    }
}
