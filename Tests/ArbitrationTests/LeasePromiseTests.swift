import Primitives
import Testing

@testable import Arbitration

/// `arbiter_down`: what a holder does whom the arbiter does not answer. L is one second and Φ 10 %; times are milliseconds.
@Suite struct LeasePromiseTests {
    static func tag(_ name: String) throws -> MemberTag { MemberTag(try #require(HolderName(name))) }

    static func members(_ names: String...) throws -> LeaseMembers { LeaseMembers(Set(try names.map { try tag($0) })) }

    /// `a` holds epoch 2 with `names` for members, by a renewal sent at 400 and granted at 410: until 1300.
    static func holding(with names: String..., policy: LeasePolicy = .peers, bug: LeaseBug? = nil) throws -> Bench {
        var bench = try Bench()
        bench.machine = LeaseMachine(
            holder: try #require(HolderName("a")), incarnation: Bench.me, terms: try Bench.terms(1000), policy: policy)
        bench.machine.bug = bug
        bench.machine.update(around: Set(try names.map { try tag($0) }))
        _ = bench.start(at: -2000)
        _ = bench.answer(.found(try Bench.record(nil)), to: 1, at: -1990)
        // A node that was started takes nothing for L(1+Φ).
        #expect(bench.advance(to: -901).allSatisfy { if case .read = $0 { true } else { false } })
        let last = bench.machine.requests
        _ = bench.answer(.found(try Bench.record(nil)), to: last, at: -900)
        _ = bench.advance(to: 65)
        var request = bench.machine.requests
        if bench.machine.unsettled.isEmpty {
            _ = bench.answer(.found(try Bench.record(nil)), to: request, at: 66)
            request = bench.machine.requests
        }
        _ = bench.answer(.granted, to: request, at: 67)
        #expect(bench.machine.holdsUntil != nil)
        _ = bench.advance(to: 400)
        let sent = try #require(bench.machine.unsettled.last?.sent)
        _ = bench.answer(.granted, to: bench.machine.requests, at: 410)
        #expect(bench.machine.holdsUntil == sent + .milliseconds(900))
        return bench
    }

    func promise(of name: String, since: Int, at time: Int, _ bench: inout Bench) throws -> [LeaseEffect] {
        bench.machine.receive(
            promiseOf: try #require(HolderName(name)), since: Bench.at(since), duration: .seconds(1),
            at: Bench.at(time), into: &bench.effects)
        return bench.take()
    }

    func extended(_ effects: [LeaseEffect]) -> Deadline? {
        effects.lazy.compactMap { if case .mayHold(let until, _) = $0 { until } else { nil } }.first
    }

    @Test("A holder writes who may take after it, and goes on when each of them has promised, counted from the asking")
    func goesOn() throws {
        var bench = try Self.holding(with: "b", "c")
        #expect(bench.machine.sight?.record?.members == (try Self.members("a", "b", "c")))
        let sent = try #require(bench.machine.holdsUntil) - .milliseconds(900)
        #expect(bench.machine.promiseWanted == nil)
        let trouble = Int((sent - Bench.at(0)).nanoseconds / 1_000_000) + 500
        _ = bench.advance(to: trouble)
        #expect(bench.machine.promiseWanted == .seconds(1))
        #expect(bench.machine.silentMembers(at: Bench.at(trouble)).count == 2)
        #expect(extended(try promise(of: "b", since: trouble, at: trouble + 20, &bench)) == nil)
        // Somebody who is no member counts for nothing.
        #expect(extended(try promise(of: "d", since: trouble, at: trouble + 20, &bench)) == nil)
        #expect(
            extended(try promise(of: "c", since: trouble + 10, at: trouble + 30, &bench)) == Bench.at(trouble + 900))
        guard case .promised = bench.machine.keeping else { return #expect(Bool(false), "kept by promise") }
        // One of them is silent: it lets go before the other's promise ends.
        _ = try promise(of: "b", since: trouble + 500, at: trouble + 520, &bench)
        #expect(bench.advance(to: trouble + 861).contains(.mustNotHold(.expired)))
        #expect(bench.machine.keeping == nil && bench.machine.promiseWanted == nil)
    }

    @Test("A promise that comes after the end revives nothing") func tooLate() throws {
        var bench = try Self.holding(with: "b")
        let effects = try promise(of: "b", since: 1000, at: 1400, &bench)
        #expect(effects.contains(.mustNotHold(.expired)) && extended(effects) == nil)
    }

    @Test("With nobody else in the record there is nobody to ask, and the holder lets go") func alone() throws {
        var bench = try Self.holding()
        #expect(bench.machine.sight?.record?.members == .anybody)
        _ = bench.advance(to: 1000)
        #expect(bench.machine.promiseWanted == nil)
        #expect(extended(try promise(of: "b", since: 900, at: 1000, &bench)) == nil)
    }

    @Test("Where two nodes have one name, nobody is a member") func namesake() throws {
        var bench = try Self.holding(with: "b")
        bench.machine.meetNamesake()
        #expect(extended(try promise(of: "b", since: 900, at: 1000, &bench)) == nil)
    }

    @Test(
        "A renewal without an answer may have made another a member: it must promise as well",
        arguments: [nil, LeaseBug.forgetsItsWrites])
    func unanswered(_ bug: LeaseBug?) throws {
        var bench = try Self.holding(with: "b", bug: bug)
        bench.machine.update(around: [try Self.tag("b"), try Self.tag("c")])
        _ = bench.advance(to: 740)
        #expect(bench.machine.unsettled.last?.record.members == (try Self.members("a", "b", "c")))
        #expect((extended(try promise(of: "b", since: 950, at: 960, &bench)) == nil) == (bug == nil))
    }

    /// `a`, which asks its peers and is asked by them; nothing is known yet.
    static func asked(policy: LeasePolicy = .peers) throws -> Bench {
        var bench = try Bench()
        bench.machine = LeaseMachine(
            holder: try #require(HolderName("a")), incarnation: Bench.me, terms: try Bench.terms(1000), policy: policy)
        return bench
    }

    static func ask(
        _ bench: inout Bench, by asker: String = "b", _ duration: Duration = .seconds(1), epoch: UInt64 = 1,
        at time: Int
    ) throws -> Bool {
        bench.machine.promise(
            duration, to: try #require(HolderName(asker)), epoch: Epoch(epoch), at: Bench.at(time),
            into: &bench.effects)
    }

    @Test("A member that promised takes nothing for L(1+Φ) from then on, whatever stands", arguments: [nil, "b"])
    func promised(_ holder: String?) throws {
        var bench = try Self.asked()
        let record = try Bench.record(holder)
        _ = bench.start()
        if holder == nil {
            #expect(try Self.ask(&bench, epoch: record.epoch.rawValue, at: 5))
            #expect(bench.answer(.found(record), to: 1, at: 10).isEmpty)
            #expect(bench.machine.takesAt == Bench.at(1105))
        } else {
            _ = bench.answer(.found(record), to: 1, at: 10)
            #expect(try Self.ask(&bench, epoch: record.epoch.rawValue, at: 500))
            #expect(bench.machine.takesAt == Bench.at(1600))
        }
    }

    @Test("Nothing is promised to a holder that was, by one that holds, or whose taking is under way") func refused()
        throws
    {
        var bench = try Self.holding(with: "b")
        #expect(try !Self.ask(&bench, epoch: 9, at: 430))
        bench = try Self.asked()
        #expect(try !Self.ask(&bench, epoch: 9, at: 0))
        bench = try Self.asked()
        _ = bench.start()
        for time in stride(from: 10, to: 3000, by: 10) where bench.machine.unsettled.isEmpty {
            _ = bench.answer(.found(try Bench.record(nil)), to: bench.machine.requests, at: time)
            if bench.machine.unsettled.isEmpty { _ = bench.advance(to: time) }
        }
        let taking = try #require(bench.machine.unsettled.first)
        #expect(!taking.record.isFree)
        #expect(try !Self.ask(&bench, epoch: 9, at: 3000))
        bench = try Self.asked()
        _ = bench.start()
        _ = bench.answer(.found(try Bench.record("b", epoch: 5)), to: 1, at: 10)
        #expect(try !Self.ask(&bench, epoch: 4, at: 20))
        #expect(try Self.ask(&bench, epoch: 5, at: 20))
    }

    @Test("Nothing is promised beyond what a restarted process would wait for") func modest() throws {
        var bench = try Self.asked()
        _ = bench.start()
        _ = bench.answer(.found(try Bench.record("b")), to: 1, at: 10)
        #expect(try !Self.ask(&bench, .milliseconds(1001), epoch: 9, at: 20))
        #expect(try !Self.ask(&bench, .seconds(3600), epoch: .max, at: 20))
        #expect(bench.machine.hasPromised(at: Bench.at(20)) == nil)
        for policy in [LeasePolicy.drop, .keep] {
            bench = try Self.asked(policy: policy)
            _ = bench.start()
            _ = bench.answer(.found(try Bench.record("b")), to: 1, at: 10)
            #expect(try !Self.ask(&bench, epoch: 9, at: 20))
        }
    }

    @Test("Nothing is promised to whom the arbiter shows not to hold: another does, or it gave back")
    func othersAsk() throws {
        var bench = try Self.asked()
        _ = bench.start()
        _ = bench.answer(.found(try Bench.record("b", epoch: 5)), to: 1, at: 10)
        #expect(try !Self.ask(&bench, by: "c", epoch: 5, at: 20))
        #expect(try Self.ask(&bench, by: "c", epoch: 6, at: 30))
        bench = try Self.asked()
        _ = bench.start()
        _ = bench.answer(.found(try Bench.record(nil, epoch: 5)), to: 1, at: 10)
        #expect(try !Self.ask(&bench, epoch: 5, at: 20))
    }

    @Test("Who is no member does not take; a member that was started just now waits first") func membersOnly() throws {
        for (names, takesAt) in [(["b", "c"], nil), (["a", "b"], Bench.at(1110))] {
            var bench = try Bench()
            var record = try Bench.record("b")
            record.members = LeaseMembers(Set(try names.map { try Self.tag($0) }))
            _ = bench.start()
            _ = bench.answer(.found(record), to: 1, at: 10)
            #expect(bench.machine.takesAt == takesAt)
            #expect(bench.machine.isExcluded == (takesAt == nil))
            // A witness that was restarted shows it as free; what its holder was promised may stand.
            record.holder = nil
            record.version = 2
            bench.machine.observe(record, at: Bench.at(20), into: &bench.effects)
            #expect(bench.machine.takesAt == (takesAt == nil ? nil : Bench.at(1100)))
        }
    }

    @Test("Who takes leaves the members as they are; who gives back has none") func takingAndRelease() throws {
        var bench = try Bench()
        var record = try Bench.record("b")
        record.members = try Self.members("a", "b", "c")
        _ = bench.start()
        _ = bench.answer(.found(record), to: 1, at: 10)
        _ = bench.advance(to: 1112)
        if bench.machine.unsettled.isEmpty {
            _ = bench.answer(.found(record), to: bench.machine.requests, at: 1113)
        }
        #expect(bench.machine.unsettled.last?.record.members == record.members)
        bench = try Self.holding(with: "b")
        let effects = bench.want(false, at: 420)
        let released = effects.compactMap { if case .write(_, let record, _) = $0 { record } else { nil } }
        #expect(released.first?.isFree == true && released.first?.members == .anybody)
    }

    @Test("keep: the holder goes on by itself, until somebody else is seen to hold") func keep() throws {
        var bench = try Self.holding(with: "b", policy: .keep)
        #expect(bench.machine.sight?.record?.members == .anybody)
        var now = 500
        while now < 5000 {
            now += 40
            #expect(!bench.advance(to: now).contains { if case .mustNotHold = $0 { true } else { false } })
        }
        guard case .anyway = bench.machine.keeping else { return #expect(Bool(false), "kept anyway") }
        let other = try Bench.record("b", epoch: 9, version: 900)
        bench.machine.observe(other, at: Bench.at(5001), into: &bench.effects)
        #expect(bench.take().contains(.mustNotHold(.heldByAnother(other.holder))))
        #expect(bench.machine.keeping == nil)
    }

    @Test("keep: who stood still beyond its end does not go on") func keepAfterPause() throws {
        var bench = try Self.holding(with: "b", policy: .keep)
        #expect(bench.advance(to: 3000).contains(.mustNotHold(.expired)))
    }

    @Test("Shorter terms end sooner what is held by longer ones", arguments: [nil, LeaseBug.shortensNothing])
    func shortened(_ bug: LeaseBug?) throws {
        var (bench, _) = try Bench.holding()
        bench.machine.bug = bug
        bench.machine.reconfigure(try Bench.terms(400), at: Bench.at(100), into: &bench.effects)
        #expect(bench.machine.holdsUntil == Bench.at(bug == nil ? 460 : 910))
        let effects = bench.take()
        #expect(bug != nil || effects.first == .mayHold(until: Bench.at(460), epoch: Epoch(2)))
    }
}

@Suite struct LeaseMembersTests {
    @Test("Members read back as they were written, and anything else is refused") func bytes() throws {
        var record = try LeaseRecordTests.record("lb1")
        record.members = LeaseMembers(Set((1...16).map { MemberTag(UInt64($0)) }))
        #expect(record.encoded.count == record.encodedLength && record.encodedLength <= LeaseRecord.longest)
        #expect(try LeaseRecord(decoding: record.encoded) == record)
        func refusal(_ bytes: [UInt8]) -> LeaseRecord.Unreadable? {
            do {
                _ = try LeaseRecord(decoding: bytes)
                return nil
            } catch { return error }
        }
        var bytes = record.encoded
        // Twice the same, none, too many, cut off, more behind.
        bytes.replaceSubrange(bytes.count - 8..<bytes.count, with: bytes[bytes.count - 16..<bytes.count - 8])
        #expect(refusal(bytes) == .members)
        bytes = record.encoded
        #expect(refusal(Array(bytes.dropLast())) == .length && refusal(bytes + [0]) == .length)
        bytes[51] = 1
        #expect(refusal(Array(bytes.prefix(60))) == .members)
        bytes[51] = 17
        #expect(refusal(bytes + [UInt8](repeating: 255, count: 8)) == .members)
        bytes[51] = 0
        #expect(refusal(Array(bytes.prefix(52))) == .members)
    }

    @Test("What a restarted witness shows as free keeps its members, and the terms by which they may have promised")
    func doubtful()
        throws
    {
        var record = try LeaseRecordTests.record("lb1")
        #expect(WitnessMachine.free(LeaseHeight(record), after: record).terms == .shortest)
        record.members = LeaseMembers([MemberTag(1), MemberTag(2)])
        let free = WitnessMachine.free(LeaseHeight(record), after: record)
        #expect(free.isFree && free.members == record.members && free.terms == record.terms)
    }

    @Test("One member is none, and more than sixteen are anybody") func bounds() {
        #expect(LeaseMembers([MemberTag(1)]).isAnybody)
        #expect(LeaseMembers(Set((0..<17).map { MemberTag($0) })).isAnybody)
        #expect(LeaseMembers([MemberTag(1), MemberTag(2)]).allows(MemberTag(2)))
        #expect(!LeaseMembers([MemberTag(1), MemberTag(2)]).allows(MemberTag(3)))
        #expect(LeaseMembers.anybody.allows(MemberTag(3)))
    }
}
