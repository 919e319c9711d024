import Primitives
import Testing

@testable import Arbitration

/// One machine, driven by hand. L is one second and Φ 10 %, unless said otherwise; times are milliseconds.
struct Bench {
    var machine: LeaseMachine
    var effects: [LeaseEffect] = []

    static let me = Incarnation(1)

    init(_ incarnation: Incarnation = Bench.me, predecessor: Incarnation? = nil, milliseconds: Int = 1000) throws {
        machine = LeaseMachine(
            holder: try #require(HolderName("a")), incarnation: incarnation, terms: try Self.terms(milliseconds),
            predecessor: predecessor)
    }

    static func terms(_ milliseconds: Int, drift: UInt16 = 100) throws -> LeaseTerms {
        try LeaseTerms(duration: .milliseconds(milliseconds), drift: drift)
    }

    static func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: Int64(milliseconds) * 1_000_000) }

    /// A record of `holder`'s, nil for a free one.
    static func record(
        _ holder: String?, incarnation: UInt64 = 9, request: UInt64 = 1, epoch: UInt64 = 1, version: UInt64 = 1,
        milliseconds: Int = 1000, drift: UInt16 = 100
    ) throws -> LeaseRecord {
        LeaseRecord(
            holder: holder.flatMap(HolderName.init), incarnation: Incarnation(incarnation), request: request,
            epoch: Epoch(epoch), terms: try terms(milliseconds, drift: drift), version: version)
    }

    mutating func take() -> [LeaseEffect] {
        defer { effects = [] }
        return effects
    }

    mutating func start(wants: Bool = true, at time: Int = 0) -> [LeaseEffect] {
        machine.update(wants: wants, at: Self.at(time), into: &effects)
        machine.start(at: Self.at(time), into: &effects)
        return take()
    }

    mutating func want(_ wants: Bool, at time: Int) -> [LeaseEffect] {
        machine.update(wants: wants, at: Self.at(time), into: &effects)
        return take()
    }

    mutating func advance(to time: Int) -> [LeaseEffect] {
        machine.advance(to: Self.at(time), into: &effects)
        return take()
    }

    mutating func answer(_ answer: LeaseAnswer, to request: UInt64, at time: Int) -> [LeaseEffect] {
        machine.receive(answer, to: request, at: Self.at(time), into: &effects)
        return take()
    }

    /// Holds epoch 2 from a write sent at 10 and granted at 20; request 2, version 2.
    static func holding() throws -> (Bench, LeaseRecord) {
        var bench = try Bench()
        let free = try record(nil)
        _ = bench.start()
        let written = try #require(bench.answer(.found(free), to: 1, at: 10).first)
        let mine = try record("a", incarnation: 1, request: 2, epoch: 2, version: 2)
        #expect(written == .write(request: 2, mine, replacing: free))
        #expect(bench.answer(.granted, to: 2, at: 20) == [.mayHold(until: at(910), epoch: Epoch(2))])
        return (bench, mine)
    }
}

@Suite struct LeaseMachineTests {
    @Test("It holds nothing before the arbiter has answered") func starts() throws {
        var bench = try Bench()
        #expect(bench.start() == [.mustNotHold(.starting), .read(request: 1)])
        #expect(bench.machine.holdsUntil == nil)
    }

    @Test("A reload to a longer lease while a renewal is under way does not renew too late for the shorter one")
    func longerTermsBetween() throws {
        var (bench, _) = try Bench.holding()
        _ = bench.advance(to: 344)
        var effects: [LeaseEffect] = []
        bench.machine.reconfigure(try Bench.terms(9000), at: Bench.at(345), into: &effects)
        #expect(bench.answer(.granted, to: 3, at: 350) == [.mayHold(until: Bench.at(1244), epoch: Epoch(2))])
        let due = try #require(bench.machine.nextDeadline)
        #expect(due <= Bench.at(344 + 334))
        guard case .write = try #require(bench.advance(to: 344 + 334).first) else {
            Issue.record("nothing is renewed")
            return
        }
    }

    @Test("A lease that nobody knows is taken when a holder that is forgotten would have run out") func absent() throws
    {
        var bench = try Bench()
        _ = bench.start()
        #expect(bench.answer(.found(nil), to: 1, at: 5) == [])
        #expect(bench.machine.state == .apart(.nothingThere))
        var request: UInt64 = 1
        for time in stride(from: 5, to: 1105, by: 10) {
            for effect in bench.advance(to: time) {
                request += 1
                #expect(effect == .read(request: request))
                #expect(bench.answer(.found(nil), to: request, at: time) == [])
            }
        }
        let mine = try Bench.record("a", incarnation: 1, request: request + 1)
        #expect(bench.advance(to: 1105) == [.write(request: request + 1, mine, replacing: nil)])
        #expect(bench.answer(.granted, to: request + 1, at: 1150) == [.mayHold(until: Bench.at(2005), epoch: Epoch(1))])
        #expect(bench.machine.state == .holding(until: Bench.at(2005), epoch: Epoch(1), .absent))
    }

    @Test("The holder renews after a third, and counts from the sending") func renews() throws {
        var (bench, mine) = try Bench.holding()
        #expect(bench.machine.nextDeadline == Bench.at(10) + .seconds(1) / 3)
        var renewed = mine
        renewed.request = 3
        renewed.version = 3
        #expect(bench.advance(to: 344) == [.write(request: 3, renewed, replacing: mine)])
        #expect(bench.answer(.granted, to: 3, at: 500) == [.mayHold(until: Bench.at(1244), epoch: Epoch(2))])
    }

    @Test("An answer that did not come is read back, and counts from the sending of its own request") func ambiguous()
        throws
    {
        var (bench, mine) = try Bench.holding()
        var renewed = mine
        renewed.request = 3
        renewed.version = 3
        _ = bench.advance(to: 344)
        #expect(bench.answer(.ambiguous, to: 3, at: 400) == [.read(request: 4)])
        #expect(bench.answer(.found(renewed), to: 4, at: 500) == [.mayHold(until: Bench.at(1244), epoch: Epoch(2))])

        // And again, with no answer at all: a sixth of the lease, and it counts as lost.
        #expect(bench.advance(to: 678).count == 1)
        #expect(bench.advance(to: 844) == [])
        #expect(bench.advance(to: 845) == [.read(request: 6)])
        // It had not been carried out: written anew, on what was read.
        var again = renewed
        again.request = 7
        again.version = 4
        #expect(bench.answer(.found(renewed), to: 6, at: 850) == [.write(request: 7, again, replacing: renewed)])
        // Meanwhile the first of the two came to stand, and counts from its own sending.
        var late = renewed
        late.request = 5
        late.version = 4
        #expect(
            bench.answer(.refused(standing: late), to: 7, at: 860) == [.mayHold(until: Bench.at(1578), epoch: Epoch(2))]
        )
    }

    @Test("An answer that comes when it is no longer waited for counts from the sending of its own request") func late()
        throws
    {
        var (bench, mine) = try Bench.holding()
        var renewed = mine
        renewed.request = 3
        renewed.version = 3
        #expect(bench.advance(to: 344) == [.write(request: 3, renewed, replacing: mine)])
        #expect(bench.advance(to: 511) == [.read(request: 4)])
        #expect(bench.answer(.granted, to: 3, at: 520) == [.mayHold(until: Bench.at(1244), epoch: Epoch(2))])
        #expect(bench.answer(.granted, to: 3, at: 530) == [], "it came twice")
        #expect(bench.answer(.found(mine), to: 1, at: 540) == [], "what stood before it")
        #expect(bench.answer(.granted, to: 99, at: 550) == [], "nobody asked")
        #expect(bench.machine.holdsUntil == Bench.at(1244))
        var next = renewed
        next.request = 5
        next.version = 4
        #expect(bench.answer(.found(renewed), to: 4, at: 690) == [.write(request: 5, next, replacing: renewed)])
        let other = try Bench.record("b", incarnation: 2, request: 9, epoch: 3, version: 5)
        #expect(bench.advance(to: 857) == [.read(request: 6)])
        #expect(bench.answer(.refused(standing: other), to: 5, at: 900) == [.mustNotHold(.heldByAnother(other.holder))])
    }

    @Test("Who hears that the holder is going looks every few milliseconds, for a sixth of the lease") func looksOften()
        throws
    {
        var bench = try Bench()
        _ = bench.start(wants: false)
        let held = try Bench.record("b")
        #expect(bench.answer(.found(held), to: 1, at: 10) == [])
        _ = bench.want(true, at: 100)
        bench.machine.hurry(at: Bench.at(100), into: &bench.effects)
        #expect(bench.take() == [.read(request: 2)])
        #expect(bench.answer(.found(held), to: 2, at: 102) == [])
        #expect(bench.advance(to: 106) == [])
        #expect(bench.advance(to: 107) == [.read(request: 3)])
        let free = try Bench.record(nil, version: 2)
        #expect(bench.answer(.found(free), to: 3, at: 108).count == 1, "taken at once")
        // Who was wrong goes back to its usual pace.
        var other = try Bench()
        _ = other.start()
        _ = other.answer(.found(held), to: 1, at: 10)
        other.machine.hurry(at: Bench.at(100), into: &other.effects)
        #expect(other.take() == [.read(request: 2)])
        #expect(other.answer(.found(held), to: 2, at: 267) == [])
        #expect(other.machine.nextDeadline == Bench.at(267) + .seconds(1) / 6)
    }

    @Test("It steps down before the end, and takes what it lost under a new epoch") func expires() throws {
        var (bench, mine) = try Bench.holding()
        _ = bench.advance(to: 344)
        _ = bench.answer(.ambiguous, to: 3, at: 400)
        _ = bench.answer(.ambiguous, to: 4, at: 800)
        #expect(bench.machine.nextDeadline == Bench.at(860))
        #expect(bench.advance(to: 860) == [.mustNotHold(.expired)])
        #expect(bench.advance(to: 884) == [.read(request: 5)])
        let anew = try Bench.record("a", incarnation: 1, request: 6, epoch: 3, version: 3)
        #expect(bench.answer(.found(mine), to: 5, at: 890) == [.write(request: 6, anew, replacing: mine)])
        #expect(bench.answer(.granted, to: 6, at: 900) == [.mayHold(until: Bench.at(1790), epoch: Epoch(3))])
        #expect(bench.machine.state == .holding(until: Bench.at(1790), epoch: Epoch(3), .own))
    }

    @Test("After a pause the clock comes before a grant that lay waiting") func pauses() throws {
        var (bench, _) = try Bench.holding()
        _ = bench.advance(to: 344)
        let effects = bench.answer(.granted, to: 3, at: 5000)
        #expect(effects.first == .mustNotHold(.expired))
        #expect(bench.machine.holdsUntil == nil)
    }

    @Test("A holder that finds another's record stops at once") func taken() throws {
        var (bench, _) = try Bench.holding()
        _ = bench.advance(to: 344)
        let other = try Bench.record("b", epoch: 3, version: 3)
        #expect(
            bench.answer(.refused(standing: other), to: 3, at: 350) == [.mustNotHold(.heldByAnother(HolderName("b")))])
    }

    @Test(
        "A taker waits L(1+Φ) from the last change it saw, by the larger of both",
        arguments: [(1000, 100, 1100), (500, 100, 1100), (3000, 100, 3300), (1000, 300, 1300), (2000, 50, 2200)])
    func waits(_ milliseconds: Int, _ drift: Int, _ expected: Int) throws {
        var bench = try Bench()
        _ = bench.start()
        var record = try Bench.record("b", milliseconds: milliseconds, drift: UInt16(drift))
        #expect(bench.answer(.found(record), to: 1, at: 50) == [])
        // A renewal, asked for at 217 and seen at 250, starts the waiting anew.
        record.version = 2
        record.request = 2
        #expect(bench.advance(to: 217) == [.read(request: 2)])
        #expect(bench.answer(.found(record), to: 2, at: 250) == [])
        var request: UInt64 = 2
        for time in 251..<(250 + expected) {
            for effect in bench.advance(to: time) {
                request += 1
                #expect(effect == .read(request: request))
                #expect(bench.answer(.found(record), to: request, at: time) == [])
            }
        }
        let mine = try Bench.record("a", incarnation: 1, request: request + 1, epoch: 2, version: 3)
        #expect(bench.advance(to: 250 + expected) == [.write(request: request + 1, mine, replacing: record)])
    }

    @Test("It serves no more before it gives back; the epoch stays, and the next is at once the other's")
    func releases() throws {
        var (bench, mine) = try Bench.holding()
        let free = try Bench.record(nil, incarnation: 1, request: 3, epoch: 2, version: 3)
        #expect(
            bench.want(false, at: 100) == [.mustNotHold(.released), .write(request: 3, free, replacing: mine)])
        #expect(!bench.machine.isSettled)
        #expect(bench.answer(.granted, to: 3, at: 110) == [])
        #expect(bench.machine.isSettled)

        // A release without an answer is read back and repeated.
        var (second, _) = try Bench.holding()
        _ = second.want(false, at: 100)
        #expect(second.answer(.ambiguous, to: 3, at: 110) == [.read(request: 4)])
        let again = try Bench.record(nil, incarnation: 1, request: 5, epoch: 2, version: 3)
        #expect(second.answer(.found(mine), to: 4, at: 120) == [.write(request: 5, again, replacing: mine)])
    }

    @Test("A taking that is granted when nobody wants it any more is given back") func changesItsMind() throws {
        var bench = try Bench()
        _ = bench.start()
        _ = try bench.answer(.found(Bench.record(nil)), to: 1, at: 10)
        #expect(bench.want(false, at: 15) == [])
        let mine = try Bench.record("a", incarnation: 1, request: 2, epoch: 2, version: 2)
        let free = try Bench.record(nil, incarnation: 1, request: 3, epoch: 2, version: 3)
        #expect(bench.answer(.granted, to: 2, at: 20) == [.write(request: 3, free, replacing: mine)])
    }

    @Test("A node that does not want to hold watches, so that its waiting has begun") func watches() throws {
        var bench = try Bench()
        _ = bench.start(wants: false)
        let record = try Bench.record("b")
        _ = bench.answer(.found(record), to: 1, at: 0)
        for (index, time) in stride(from: 167, through: 1169, by: 167).enumerated() {
            let request = UInt64(index + 2)
            #expect(bench.advance(to: time) == [.read(request: request)])
            _ = bench.answer(.found(record), to: request, at: time)
        }
        let mine = try Bench.record("a", incarnation: 1, request: 9, epoch: 2, version: 2)
        #expect(bench.want(true, at: 1170) == [.write(request: 9, mine, replacing: record)])
    }

    @Test("It looks at once when told that the holder goes") func hurries() throws {
        var bench = try Bench()
        _ = bench.start()
        _ = try bench.answer(.found(Bench.record("b")), to: 1, at: 0)
        var effects: [LeaseEffect] = []
        bench.machine.hurry(at: Bench.at(20), into: &effects)
        #expect(effects == [.read(request: 2)])
    }

    @Test("What shows less than was seen before is not believed: a restored arbiter") func restored() throws {
        for (epoch, version) in [(UInt64(4), UInt64(9)), (5, 6), (0, 0)] {
            var bench = try Bench()
            _ = bench.start()
            _ = try bench.answer(.found(Bench.record("b", epoch: 5, version: 7)), to: 1, at: 0)
            _ = bench.advance(to: 167)
            let old = epoch == 0 ? nil : try Bench.record(nil, epoch: epoch, version: version)
            #expect(bench.answer(.found(old), to: 2, at: 170) == [])
            #expect(bench.machine.state == .apart(.olderRecord))
            #expect(bench.advance(to: 337) == [.read(request: 3)], "it asks again, and takes nothing")
        }
        var (bench, _) = try Bench.holding()
        _ = bench.advance(to: 344)
        #expect(bench.answer(.refused(standing: nil), to: 3, at: 350) == [.mustNotHold(.olderRecord)])
    }

    @Test("What cannot be read is not written over") func unreadable() throws {
        var (bench, _) = try Bench.holding()
        _ = bench.advance(to: 344)
        #expect(bench.answer(.unreadable, to: 3, at: 350) == [.mustNotHold(.unreadable)])
        #expect(bench.advance(to: 517) == [.read(request: 4)])
    }

    @Test("A successor goes on where a process that is gone stopped, without a gap, under a new epoch") func succeeds()
        throws
    {
        var bench = try Bench(Incarnation(2), predecessor: Bench.me, milliseconds: 500)
        #expect(bench.start() == [.read(request: 1)], "the predecessor's deadline stands")
        let record = try Bench.record("a", incarnation: 1, request: 77, epoch: 5, version: 80, milliseconds: 1000)
        // Its own lease is shorter, but others must wait for the predecessor's as long as that may stand in the kernel.
        let widened = try Bench.record(
            "a", incarnation: 2, request: 2, epoch: 6, version: 81, milliseconds: 1000)
        #expect(bench.answer(.found(record), to: 1, at: 10) == [.write(request: 2, widened, replacing: record)])
        #expect(bench.answer(.granted, to: 2, at: 20) == [.mayHold(until: Bench.at(460), epoch: Epoch(6))])
        // From there on its own terms are enough.
        let renewed = try Bench.record("a", incarnation: 2, request: 3, epoch: 6, version: 82, milliseconds: 500)
        #expect(bench.advance(to: 177) == [.write(request: 3, renewed, replacing: widened)])
    }

    @Test("A record of this node's by a process that may live is waited out: it might be a copy's") func twin() throws {
        var bench = try Bench(Incarnation(2))
        _ = bench.start()
        #expect(try bench.answer(.found(Bench.record("a", incarnation: 1)), to: 1, at: 10) == [])
        #expect(bench.machine.state == .apart(.heldByAnother(HolderName("a"))))
    }

    @Test("A successor that does not want to hold closes first, and gives back") func successorReleases() throws {
        var bench = try Bench(Incarnation(2), predecessor: Bench.me)
        #expect(bench.start(wants: false) == [.mustNotHold(.starting), .read(request: 1)])
        let record = try Bench.record("a", incarnation: 1, epoch: 5, version: 80)
        let free = try Bench.record(nil, incarnation: 2, request: 2, epoch: 5, version: 81)
        #expect(bench.answer(.found(record), to: 1, at: 10) == [.write(request: 2, free, replacing: record)])
    }

    @Test("An arbiter that grants nothing for a while is not asked without end") func quietArbiter() throws {
        var bench = try Bench()
        _ = bench.start()
        let free = try Bench.record(nil)
        _ = bench.answer(.found(free), to: 1, at: 0)
        #expect(bench.answer(.refused(standing: free), to: 2, at: 1) == [])
        #expect(bench.machine.nextDeadline == Bench.at(1) + .seconds(1) / 12)
    }

    @Test("From the last number nothing is taken", arguments: [(UInt64.max, UInt64(1)), (1, .max)])
    func lastNumber(_ epoch: UInt64, _ version: UInt64) throws {
        var bench = try Bench()
        _ = bench.start()
        #expect(try bench.answer(.found(Bench.record(nil, epoch: epoch, version: version)), to: 1, at: 0) == [])
        #expect(bench.advance(to: 100) == [])
        #expect(bench.advance(to: 167) == [.read(request: 2)])
    }

    @Test("Each cause has its rule") func rules() throws {
        let b = try #require(HolderName("b"))
        let takings: [(LeaseTaking, String)] = [
            (.free, "lease.take.free"), (.absent, "lease.take.absent"), (.runOut(b), "lease.take.run-out"),
            (.own, "lease.take.own"),
        ]
        for (taking, rule) in takings { #expect(taking.rule.description == rule) }
        let losses: [(LeaseLoss, String)] = [
            (.starting, "lease.apart.starting"), (.nothingThere, "lease.apart.nothing-there"),
            (.heldByAnother(b), "lease.apart.held-by-another"), (.expired, "lease.apart.expired"),
            (.released, "lease.apart.released"), (.olderRecord, "lease.apart.older-record"),
            (.unreadable, "lease.apart.unreadable"),
        ]
        for (loss, rule) in losses { #expect(loss.rule.description == rule) }
    }
}
