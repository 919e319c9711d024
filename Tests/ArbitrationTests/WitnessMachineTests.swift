import Primitives
import Testing

@testable import Arbitration

/// One witness, driven by hand. Leases of up to a second; times are milliseconds.
struct WitnessBench {
    var machine: WitnessMachine
    var stored: [WitnessState.Entry] = []
    var sent: [(datagram: WitnessDatagram, peer: WitnessPeer)] = []
    var count: UInt64 = 0
    var life: WitnessLife { machine.life }

    static let wallClock: Int64 = 1_800_000_000_000_000_000
    static let start = 1000
    /// When the quiet time is over.
    static let settled = start + 1300

    let cluster: ClusterName
    let lease: LeaseName

    init(
        state: WitnessState? = nil, life: UInt64 = 1, wallClock: Int64 = wallClock,
        settings: WitnessMachine.Settings? = nil
    ) throws {
        cluster = try #require(ClusterName("web"))
        lease = try #require(LeaseName("web/VI_1"))
        machine = WitnessMachine(
            settings ?? WitnessMachine.Settings(longest: .seconds(1)), life: WitnessLife(high: 0, low: life),
            state: state,
            wallClock: wallClock, at: Bench.at(Self.start))
        machine.place(of: cluster)
    }

    static let peer = WitnessPeer(.v4(IPv4Address(192, 0, 2, 1)), port: 4000)
    static let other = WitnessPeer(.v4(IPv4Address(192, 0, 2, 2)), port: 4000)

    mutating func send(
        _ kind: WitnessQuestion.Kind, known: LeaseHeight = LeaseHeight(), subscription: Duration = .zero,
        life: WitnessLife? = nil,
        asker: UInt64 = 1, peer: WitnessPeer = peer, lease: LeaseName? = nil, at time: Int
    ) {
        count += 1
        let question = WitnessQuestion(lease: lease ?? self.lease, known: known, subscription: subscription, kind: kind)
        let datagram = WitnessDatagram(
            cluster: cluster, nonce: WitnessNonce(asker: asker, count: count), life: life ?? machine.life,
            body: .questions([question]))
        deliver(datagram, peer: peer, at: time)
    }

    mutating func deliver(_ datagram: WitnessDatagram, peer: WitnessPeer = peer, at time: Int) {
        var effects: [WitnessEffect] = []
        machine.receive(datagram, from: peer, at: Bench.at(time), into: &effects)
        for effect in effects {
            switch effect {
            case .store(let entry): stored.append(entry)
            case .send(let datagram, let peer): sent.append((datagram, peer))
            }
        }
    }

    /// The answer to a question; the datagram has but one.
    mutating func ask(
        _ kind: WitnessQuestion.Kind, known: LeaseHeight = LeaseHeight(), life: WitnessLife? = nil,
        lease: LeaseName? = nil,
        at time: Int
    ) throws -> WitnessAnswer {
        sent = []
        send(kind, known: known, life: life, lease: lease, at: time)
        guard case .answers(let answers) = try #require(sent.first).datagram.body else {
            Issue.record("no answer")
            return WitnessAnswer(.improper)
        }
        return try #require(answers.first)
    }

    mutating func read(at time: Int) throws -> LeaseRecord { try #require(try ask(.read, at: time).standing) }

    /// The record after `record` as `holder` writes it.
    static func next(
        _ record: LeaseRecord, _ holder: String?, incarnation: UInt64 = 1, takes: Bool = false, milliseconds: Int = 1000
    ) throws -> LeaseRecord {
        LeaseRecord(
            holder: holder.flatMap(HolderName.init), incarnation: Incarnation(incarnation), request: record.request + 1,
            epoch: takes ? try #require(record.epoch.next) : record.epoch, terms: try Bench.terms(milliseconds),
            version: record.version + 1)
    }

    /// Writes it over what it was made from.
    mutating func write(_ record: LeaseRecord, over old: LeaseRecord, at time: Int) throws -> WitnessAnswer {
        try ask(.write(record, replacing: LeaseStamp(old)), at: time)
    }

    /// Settled, and "a" has taken the lease.
    static func held() throws -> (WitnessBench, LeaseRecord) {
        var bench = try WitnessBench()
        let free = try bench.read(at: settled)
        let mine = try next(free, "a", takes: true)
        #expect(try bench.write(mine, over: free, at: settled).outcome == .granted)
        return (bench, mine)
    }

    /// What its state file says.
    func file() throws -> WitnessState? {
        var bytes = WitnessLog.head(of: WitnessState(floor: LeaseHeight(), longest: .seconds(1)))
        for entry in stored { WitnessLog.append(entry, to: &bytes) }
        return WitnessLog.read(bytes).state
    }

    /// Another process with the file of this one.
    func restarted(wallClock: Int64 = wallClock + 1_000_000_000) throws -> WitnessBench {
        try WitnessBench(state: file(), life: 2, wallClock: wallClock)
    }
}

@Suite struct WitnessMachineTests {
    @Test(
        "A lease that nothing is known of is shown free, at the height of the wall clock, and taken after the quiet time"
    )
    func first() throws {
        var bench = try WitnessBench()
        let free = try bench.read(at: WitnessBench.start)
        #expect(free.isFree && free.epoch == Epoch(1_800_000_000_000 << 8) && free.version == 1_800_000_000_000 << 20)
        #expect(bench.sent.first?.datagram.quiet == .milliseconds(1300))
        let mine = try WitnessBench.next(free, "a", takes: true)
        let early = try bench.write(mine, over: free, at: WitnessBench.settled - 1)
        #expect(early == WitnessAnswer(.settling, standing: free) && bench.stored.isEmpty)
        #expect(try bench.write(mine, over: free, at: WitnessBench.settled).outcome == .granted)
        #expect(bench.stored.map(\.record) == [mine])
        #expect(bench.stored.first?.reserved == mine.version + 1 << 20)
        #expect(try bench.read(at: WitnessBench.settled) == mine)
    }

    @Test(
        "A write stands only where what it replaces stands; the same again is granted again; a replayed one changes nothing"
    )
    func compares() throws {
        var (bench, mine) = try WitnessBench.held()
        let other = try WitnessBench.next(mine, "b", incarnation: 2, takes: true)
        let renewed = try WitnessBench.next(mine, "a")
        bench.sent = []
        bench.send(.write(renewed, replacing: LeaseStamp(mine)), at: 2400)
        let replayed = WitnessDatagram(
            cluster: bench.cluster, nonce: WitnessNonce(asker: 1, count: bench.count), life: bench.life,
            body: .questions([WitnessQuestion(lease: bench.lease, kind: .write(renewed, replacing: LeaseStamp(mine)))]))
        #expect(bench.sent.first?.datagram.body == .answers([WitnessAnswer(.granted)]))
        #expect(try bench.write(other, over: mine, at: 2401) == WitnessAnswer(.refused, standing: renewed))
        #expect(try bench.write(renewed, over: mine, at: 2402) == WitnessAnswer(.granted))
        let again = try WitnessBench.next(renewed, "a")
        #expect(try bench.write(again, over: renewed, at: 2500).outcome == .granted)
        bench.sent = []
        bench.deliver(replayed, peer: WitnessBench.other, at: 2600)
        #expect(bench.sent.first?.datagram.body == .answers([WitnessAnswer(.refused, standing: again)]))
        #expect(try bench.read(at: 2600) == again)
        // Not even where nothing is said to have been there.
        #expect(try bench.ask(.write(other, replacing: nil), at: 2700).outcome == .refused)
        #expect(bench.stored.count == 1, "renewals need no disk")
    }

    @Test("A request of another life changes nothing, and is told the life") func lives() throws {
        var (bench, mine) = try WitnessBench.held()
        for life in [WitnessLife.unknown, WitnessLife(high: 9, low: 9)] {
            bench.sent = []
            bench.send(.write(try WitnessBench.next(mine, "a"), replacing: LeaseStamp(mine)), life: life, at: 2400)
            #expect(bench.sent.map(\.datagram.body) == [.otherLife])
            #expect(bench.sent.first?.datagram.life == bench.life)
            #expect(try bench.read(at: 2400) == mine)
        }
    }

    @Test(
        "A restart costs the holder nothing: it renews on a higher version; a taking waits for the end of the quiet time"
    )
    func restart() throws {
        let (first, mine) = try WitnessBench.held()
        var bench = try first.restarted()
        var shown = try bench.read(at: WitnessBench.start)
        #expect(shown.holder == mine.holder && shown.epoch > mine.epoch && shown.version >= mine.version + 1 << 20)
        let taken = try WitnessBench.next(shown, "b", incarnation: 2, takes: true)
        #expect(try bench.write(taken, over: shown, at: WitnessBench.start).outcome == .settling)
        for time in [WitnessBench.start, WitnessBench.start + 500, WitnessBench.settled, WitnessBench.settled + 300] {
            let renewed = try WitnessBench.next(shown, "a")
            #expect(try bench.write(renewed, over: shown, at: time).outcome == .granted)
            shown = renewed
        }
        #expect(try bench.read(at: WitnessBench.settled + 300) == shown)
    }

    @Test("The machines themselves cope with a version that jumps, as holder and as taker") func machines() throws {
        var (holder, mine) = try Bench.holding()
        _ = holder.advance(to: 344)
        #expect(holder.answer(.ambiguous, to: 3, at: 400) == [.read(request: 4)])
        var jumped = mine
        jumped.version += 1 << 20
        let renewed = try Bench.record("a", incarnation: 1, request: 5, epoch: 2, version: jumped.version + 1)
        #expect(holder.answer(.found(jumped), to: 4, at: 450) == [.write(request: 5, renewed, replacing: jumped)])
        #expect(holder.answer(.granted, to: 5, at: 460) == [.mayHold(until: Bench.at(1350), epoch: Epoch(2))])

        var taker = try Bench()
        _ = taker.start()
        _ = try taker.answer(.found(Bench.record("b")), to: 1, at: 0)
        _ = taker.advance(to: 167)
        // The waiting begins anew: nobody knows when this was written.
        #expect(try taker.answer(.found(Bench.record("b", version: 1 + 1 << 20)), to: 2, at: 200) == [])
        for time in 201..<1300 {
            for case .read(let request) in taker.advance(to: time) {
                _ = try taker.answer(.found(Bench.record("b", version: 1 + 1 << 20)), to: request, at: time)
            }
        }
        #expect(taker.advance(to: 1300).count == 1)
    }

    @Test(
        "Who did not renew during the quiet time holds no more: the lease is free, above every epoch that was given out"
    )
    func forgotten() throws {
        let (first, mine) = try WitnessBench.held()
        var bench = try first.restarted()
        let shown = try bench.read(at: WitnessBench.settled - 1)
        let free = try bench.read(at: WitnessBench.settled)
        #expect(free.isFree && free.version == shown.version + 1 && free.epoch > mine.epoch)
        #expect(free.epoch == LeaseHeight(unixNanoseconds: WitnessBench.wallClock + 1_000_000_000).epoch)
        // A renewal that comes too late is none.
        #expect(
            try bench.write(try WitnessBench.next(shown, "a"), over: shown, at: WitnessBench.settled).outcome
                == .refused)
        let taken = try WitnessBench.next(free, "b", incarnation: 2, takes: true)
        #expect(try bench.write(taken, over: free, at: WitnessBench.settled).outcome == .granted)
    }

    @Test("Who gives back what stood before the start proves nothing: the epoch rises all the same") func givenBack()
        throws
    {
        let (first, mine) = try WitnessBench.held()
        var bench = try first.restarted()
        let shown = try bench.read(at: WitnessBench.start)
        let free = try WitnessBench.next(shown, nil)
        #expect(try bench.write(free, over: shown, at: WitnessBench.start).outcome == .granted)
        #expect(try bench.read(at: WitnessBench.start).epoch > mine.epoch)
        #expect(try bench.read(at: WitnessBench.settled).epoch > mine.epoch)
    }

    @Test("Where the wall clock went back and the file is old, what a node remembers counts") func remembered() throws {
        var bench = try WitnessBench(wallClock: 0)
        let known = LeaseHeight(epoch: Epoch(70), version: 900)
        let free = try #require(try bench.ask(.read, known: known, at: WitnessBench.start).standing)
        #expect(free.isFree && free.epoch == Epoch(70) && free.version == 900)
        // A holder of this life keeps its lease, under a higher epoch.
        let mine = try WitnessBench.next(free, "a", takes: true)
        #expect(try bench.write(mine, over: free, at: WitnessBench.settled).outcome == .granted)
        let raised = try #require(
            try bench.ask(.read, known: LeaseHeight(epoch: Epoch(99), version: 5), at: WitnessBench.settled).standing)
        #expect(raised.holder == mine.holder && raised.epoch == Epoch(99) && raised.version == mine.version + 1)
        // Numbers near the end are nobody's.
        let mad = LeaseHeight(epoch: Epoch(.max), version: .max)
        let bounded = try #require(try bench.ask(.read, known: mad, at: WitnessBench.settled).standing)
        #expect(bounded.epoch.next != nil && bounded.version < .max)
    }

    @Test("A machine that goes on from a snapshot has a new life, is quiet again, and shows higher versions")
    func generations() throws {
        var (bench, mine) = try WitnessBench.held()
        bench.machine.becomeAnother(
            life: WitnessLife(high: 5, low: 5), wallClock: WitnessBench.wallClock + 8_000_000_000, at: Bench.at(9000))
        #expect(bench.machine.quiet(at: Bench.at(9000)) == .milliseconds(1300))
        let shown = try bench.read(at: 9000)
        #expect(shown.holder == mine.holder && shown.version > mine.version && shown.epoch > mine.epoch)
        #expect(bench.machine.state(at: Bench.at(9000)).entries.first?.reserved ?? 0 > shown.version)
        let taken = try WitnessBench.next(shown, "b", incarnation: 2, takes: true)
        #expect(try bench.write(taken, over: shown, at: 9500).outcome == .settling)
        #expect(try bench.write(try WitnessBench.next(shown, "a"), over: shown, at: 9500).outcome == .granted)
    }

    @Test("An old file gives no epoch out again, whoever asks first, and knows of a higher version or not")
    func oldFiles() throws {
        let (first, mine) = try WitnessBench.held()
        for known in [LeaseHeight(), LeaseHeight(epoch: mine.epoch, version: mine.version + 5 << 20)] {
            // It has nothing of an epoch that was granted after `mine`, which ended before the start.
            var bench = try first.restarted()
            let granted = Epoch(mine.epoch.rawValue + 200)
            _ = try bench.ask(.read, known: known, at: WitnessBench.start)
            let free = try bench.read(at: WitnessBench.settled)
            let taken = try WitnessBench.next(free, "b", incarnation: 2, takes: true)
            #expect(try bench.write(taken, over: free, at: WitnessBench.settled).outcome == .granted)
            #expect(taken.epoch > granted)
        }
    }

    @Test("A lease that is longer than the quiet time allows is refused, and so is a write that no machine makes")
    func refusals()
        throws
    {
        var (bench, mine) = try WitnessBench.held()
        let long = try WitnessBench.next(mine, "a", milliseconds: 1001)
        #expect(try bench.write(long, over: mine, at: 2400) == WitnessAnswer(.tooLong, standing: mine))
        #expect(bench.sent.first?.datagram.longest == .seconds(1))
        var skipped = try WitnessBench.next(mine, "a")
        skipped.version += 1
        var foreign = try WitnessBench.next(mine, "b", incarnation: 2)
        #expect(try bench.write(skipped, over: mine, at: 2400).outcome == .improper)
        #expect(try bench.write(foreign, over: mine, at: 2400).outcome == .improper)
        foreign.epoch = Epoch(mine.epoch.rawValue + 2)
        #expect(try bench.write(foreign, over: mine, at: 2400).outcome == .improper)
        #expect(try bench.read(at: 2400) == mine)
    }

    @Test("The quiet time is that of the longest lease there may have been, also after a shorter one was configured")
    func shortened()
        throws
    {
        let state = WitnessState(floor: LeaseHeight(), longest: .seconds(10))
        let bench = try WitnessBench(state: state)
        #expect(bench.machine.quiet(at: Bench.at(WitnessBench.start)) == .seconds(13))
        // A crash during it must not forget that.
        #expect(bench.machine.state(at: Bench.at(WitnessBench.start + 5000)).longest == .seconds(10))
        #expect(bench.machine.state(at: Bench.at(WitnessBench.start + 13000)).longest == .seconds(1))
    }

    @Test("A disk that fails: all is as before, nobody takes, holders renew and give back") func disk() throws {
        var (bench, mine) = try WitnessBench.held()
        bench.machine.commit()
        let free = try WitnessBench.next(mine, nil)
        #expect(try bench.write(free, over: mine, at: 2400).outcome == .granted)
        bench.machine.commit()
        let taken = try WitnessBench.next(free, "b", incarnation: 2, takes: true)
        #expect(try bench.write(taken, over: free, at: 2500).outcome == .granted)
        bench.machine.rollBack()
        #expect(try bench.read(at: 2500) == free)
        bench.machine.storageError = 28
        #expect(try bench.write(taken, over: free, at: 2500) == WitnessAnswer(.notStored, standing: free))

        var (second, held) = try WitnessBench.held()
        second.machine.storageError = 28
        let renewed = try WitnessBench.next(held, "a")
        #expect(try second.write(renewed, over: held, at: 2500).outcome == .granted)
        // With other terms a restart would show the wrong ones.
        #expect(
            try second.write(try WitnessBench.next(renewed, "a", milliseconds: 900), over: renewed, at: 2600).outcome
                == .notStored)
        // A lease that is new is forgotten whole.
        var third = try WitnessBench()
        let absent = try third.read(at: WitnessBench.settled)
        #expect(
            try third.write(try WitnessBench.next(absent, "a", takes: true), over: absent, at: WitnessBench.settled)
                .outcome == .granted)
        third.machine.rollBack()
        #expect(third.machine.leaseCount == 0)
        #expect(try third.read(at: WitnessBench.settled) == absent)
    }

    @Test("Versions are reserved anew before they run out") func reserves() throws {
        var (bench, mine) = try WitnessBench.held()
        bench.machine.clusters[0].registers[bench.lease]?.reserved = mine.version + 2
        let first = try WitnessBench.next(mine, "a")
        let second = try WitnessBench.next(first, "a")
        #expect(try bench.write(first, over: mine, at: 2400).outcome == .granted)
        #expect(bench.stored.count == 1)
        #expect(try bench.write(second, over: first, at: 2500).outcome == .granted)
        #expect(bench.stored.last?.reserved == second.version + 1 << 20 && bench.stored.count == 2)
    }

    @Test("Leases are bounded") func bounds() throws {
        var settings = WitnessMachine.Settings(longest: .seconds(1))
        settings.leasesPerCluster = 2
        var bench = try WitnessBench(settings: settings)
        for index in 0..<3 {
            let lease = try #require(LeaseName("web/\(index)"))
            let free = try #require(try bench.ask(.read, lease: lease, at: WitnessBench.settled).standing)
            let taken = try WitnessBench.next(free, "a", takes: true)
            let answer = try bench.ask(
                .write(taken, replacing: LeaseStamp(free)), lease: lease, at: WitnessBench.settled)
            #expect(answer.outcome == (index < 2 ? .granted : .full))
        }
    }

    @Test("Who subscribed is told of the next changes, but not of its own; sixteen at most, and not for ever")
    func news() throws {
        var (bench, mine) = try WitnessBench.held()
        for asker in 10..<30 as Range<UInt64> {
            bench.send(.read, subscription: .seconds(2), asker: asker, peer: WitnessBench.other, at: 2400)
        }
        // An old request that is sent again from elsewhere does not turn the news away.
        let nonce = WitnessNonce(asker: 29, count: bench.count)
        bench.deliver(
            WitnessDatagram(
                cluster: bench.cluster, nonce: nonce, life: bench.life,
                body: .questions([WitnessQuestion(lease: bench.lease, subscription: .seconds(2), kind: .read)])),
            at: 2401)
        bench.sent = []
        let renewed = try WitnessBench.next(mine, "a")
        bench.send(.write(renewed, replacing: LeaseStamp(mine)), asker: 20, at: 2500)
        let news = bench.sent.filter { if case .news = $0.datagram.body { true } else { false } }
        #expect(news.map(\.datagram.nonce.asker) == Array(14..<20) + Array(21..<30))
        #expect(news.allSatisfy { $0.peer == WitnessBench.other && $0.datagram.life == bench.life })
        #expect(news.first?.datagram.body == .news([WitnessNews(lease: bench.lease, standing: renewed)]))
        bench.sent = []
        bench.send(.write(try WitnessBench.next(renewed, "a"), replacing: LeaseStamp(renewed)), at: 4401)
        #expect(bench.sent.count == 1, "after two seconds they are forgotten")
    }

    @Test("Its status names every lease, in parts") func status() throws {
        var bench = try WitnessBench()
        for index in 0..<40 {
            let lease = try #require(LeaseName("web/instance-number-\(index)"))
            let free = try #require(try bench.ask(.read, lease: lease, at: WitnessBench.settled).standing)
            let taken = try WitnessBench.next(free, "a", takes: true)
            _ = try bench.ask(.write(taken, replacing: LeaseStamp(free)), lease: lease, at: WitnessBench.settled)
        }
        let key = HMAC(key: [1])
        var names: [String] = []
        var after: LeaseName?
        repeat {
            bench.sent = []
            let question = WitnessDatagram(
                cluster: bench.cluster, nonce: WitnessNonce(asker: 1, count: 1), life: .unknown,
                body: .statusQuestion(after: after))
            bench.deliver(question, at: 5000)
            let answer = try #require(bench.sent.first).datagram
            guard case .status(let status) = answer.body else { break }
            #expect(answer.encoded(with: key).count <= question.encoded(with: key).count)
            #expect(status.total == 40 && status.counters.takings == 40)
            names += status.leases.map(\.name.description)
            after = status.leases.last?.name
        } while after != nil
        #expect(names.count == 40 && names == names.sorted())
    }
}
