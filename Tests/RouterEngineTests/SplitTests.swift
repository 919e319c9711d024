import Arbitration
import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

/// What an operator is told of two that hold at once, and that nothing is told of what happens every day.
@Suite("Two hold at once") struct SplitTests {
    static let peer = IPAddress("10.0.0.2")!
    static let service = IPAddress("10.0.0.9")!
    static let foreign = MACAddress(bits: 0x0200_0000_0002)

    static func master(_ priority: UInt8 = 150, _ change: (inout InstanceDefinition) -> Void = { _ in }) -> Bench {
        var instance = Bench.instance(priority: priority)
        change(&instance)
        var bench = Bench([instance])
        bench.start()
        while bench.role() != .master { bench.pass(.milliseconds(10)) }
        return bench
    }

    /// An advert of the peer; all effects of it.
    static func hear(_ priority: UInt8, _ bench: inout Bench) -> [Effect] {
        HearingTests.receive(HearingTests.packet(from: peer, priority: priority), from: peer, &bench)
        return bench.effects
    }

    static func claim(
        _ bench: inout Bench, _ mac: MACAddress = foreign, address: IPAddress = service,
        on interface: InterfaceIndex = Bench.e0
    ) -> [Effect] {
        bench.handle(.claimed(AddressClaim(address: address, mac: mac), on: interface))
        return bench.effects
    }

    static func pass(_ duration: Duration, _ bench: inout Bench) -> [Effect] {
        bench.pass(duration)
        return bench.effects
    }

    // MARK: - What happens every day

    @Test("A higher router takes over, or an equal one with the higher address: no split") func preempted() {
        for priority in [UInt8(200), 150] {
            var bench = Self.master()
            var all = Self.pass(.seconds(20), &bench)
            all += Self.hear(priority, &bench)
            // It announces itself, and goes on; so does this one as backup.
            all += Self.claim(&bench)
            for _ in 0..<10 {
                all += Self.pass(.seconds(1), &bench)
                all += Self.hear(priority, &bench)
                all += Self.claim(&bench)
            }
            #expect(bench.role() == .backup)
            #expect(all.splits.isEmpty)
        }
    }

    @Test("An announcement that overtakes the advert of the one that takes over: no split") func overtaken() {
        var bench = Self.master()
        var all = Self.pass(.seconds(20), &bench)
        all += Self.claim(&bench)
        all += Self.pass(.milliseconds(400), &bench)
        all += Self.hear(200, &bench)
        all += Self.pass(.seconds(2), &bench)
        #expect(bench.role() == .backup && all.splits.isEmpty)
    }

    @Test("This router takes over from a lower one, whose last words were on their way: no split") func preempts() {
        var bench = Bench([Bench.instance(priority: 150)])
        bench.start()
        var all: [Effect] = []
        while bench.role() != .master {
            all += Self.hear(100, &bench)
            all += Self.claim(&bench)
            all += Self.pass(.milliseconds(500), &bench)
        }
        all += Self.hear(100, &bench)
        all += Self.claim(&bench)
        all += Self.pass(.milliseconds(3), &bench)
        // The network doubles it.
        all += Self.hear(100, &bench)
        all += Self.pass(.seconds(60), &bench)
        #expect(bench.role() == .master && all.splits.isEmpty)
    }

    @Test("A planned hand-over, and a pair that starts at once: no split") func handedOver() {
        var bench = Self.master(100)
        // Both became master in the same instant, and the other loses.
        var all = Self.hear(90, &bench)
        all += Self.pass(.seconds(10), &bench)
        all += Self.hear(200, &bench)
        all += Self.pass(.seconds(10), &bench)
        while bench.role() != .master { all += Self.pass(.milliseconds(10), &bench) }
        all += Self.hear(200, &bench)
        all += Self.pass(.seconds(1), &bench)
        all += Self.hear(0, &bench)
        while bench.role() != .master { all += Self.pass(.milliseconds(10), &bench) }
        all += Self.hear(0, &bench)
        all += Self.pass(.seconds(10), &bench)
        #expect(all.splits.isEmpty)
    }

    // MARK: - Adverts

    @Test(
        "vrrp.split.advert: a lower router that goes on is told of once, from its first advert on; its end, with the time, once"
    )
    func adverts() throws {
        var bench = Self.master()
        var all = Self.pass(.milliseconds(100), &bench)
        let first = bench.now
        for _ in 0..<30 {
            all += Self.hear(100, &bench)
            all += Self.pass(.seconds(1), &bench)
        }
        let last = bench.now - .seconds(1)
        let begun = try #require(all.splits.first)
        #expect(all.splits.count == 1)
        #expect(begun.rule == .splitAdvert && begun.source == Self.peer && begun.since == first && !begun.isOver)
        #expect(all.hooks(.split) == 1)
        // keepalived's hook stays one for each advert; the log has its line until the split is told of.
        #expect(all.hooks(.masterReceivedLowerPriority) == 30)
        #expect(all.count { if case .note(.heardLowerPriority) = $0 { true } else { false } } == 2)
        #expect(bench.engine.status(of: RouterID(0))?.split?.isOver == false)

        all = Self.pass(.milliseconds(3500), &bench)
        let over = try #require(all.ends.first)
        #expect(all.ends.count == 1 && over.duration == last - first)
        #expect(all.announcements == 5, "the link is told again who has the address")
        let status = try #require(bench.engine.status(of: RouterID(0)))
        #expect(status.split?.isOver == true && status.counters.splits == 1)
        #expect(status.counters.splitTime == last - first)
        #expect(Self.pass(.seconds(100), &bench).splits.isEmpty)
    }

    @Test("Who has heard a master's adverts for 3A + S becomes none: one lower advert after that is a split")
    func established() throws {
        var bench = Self.master()
        var all = Self.pass(.seconds(10), &bench)
        let at = bench.now
        all += Self.hear(100, &bench)
        #expect(all.splits.map(\.since) == [at])
        // It yields, and says so.
        all += Self.pass(.milliseconds(5), &bench)
        all += Self.hear(0, &bench)
        #expect(all.ends.map(\.duration) == [.milliseconds(5)])
        // Another time is another split.
        all = Self.pass(.seconds(30), &bench)
        all += Self.hear(100, &bench)
        #expect(all.splits.count == 1 && all.hooks(.split) == 1)
    }

    @Test("A claim of a router that advertises names its MAC, and does not make two splits one") func advertAndClaim() {
        var bench = Self.master()
        _ = Self.pass(.seconds(10), &bench)
        _ = Self.hear(100, &bench)
        var all = Self.pass(.seconds(1), &bench)
        all += Self.claim(&bench)
        all += Self.pass(.milliseconds(3900), &bench)
        #expect(all.ends.isEmpty && bench.engine.status(of: RouterID(0))?.split?.mac == Self.foreign)
        all = Self.pass(.milliseconds(200), &bench)
        #expect(all.ends.map(\.duration) == [.seconds(1)])
    }

    @Test("The one of the two that loses after all steps down, and the split is over with it") func loses() throws {
        var bench = Self.master()
        _ = Self.pass(.seconds(10), &bench)
        _ = Self.hear(100, &bench)
        _ = Self.pass(.seconds(1), &bench)
        _ = Self.hear(100, &bench)
        _ = Self.pass(.seconds(1), &bench)
        let all = Self.hear(200, &bench)
        #expect(bench.role() == .backup && all.ends.map(\.duration) == [.seconds(2)])
        #expect(all.announcements == 0)
    }

    @Test("A split that lasts is said again after a minute, two, four … an hour") func lasts() {
        var bench = Self.master()
        var reminders: [Int64] = []
        _ = Self.pass(.seconds(10), &bench)
        let begin = bench.now
        for _ in 0..<12_000 {
            var all = Self.hear(100, &bench)
            all += Self.pass(.seconds(1), &bench)
            #expect(all.ends.isEmpty)
            for effect in all {
                if case .note(.splitLasts) = effect { reminders.append((bench.now - begin).components.seconds) }
            }
        }
        #expect(reminders == [60, 180, 420, 900, 1860, 3780, 7380, 10980])
    }

    // MARK: - Claims

    @Test(
        "vrrp.split.address: a foreign MAC that claims a held address is told of within a second, and answered ever more rarely"
    )
    func claimed() throws {
        var bench = Self.master()
        var all = Self.pass(.seconds(10), &bench)
        let at = bench.now
        all = Self.claim(&bench)
        #expect(all.splits.isEmpty)
        all = Self.pass(.milliseconds(500), &bench)
        let split = try #require(all.splits.first)
        #expect(split.rule == .splitAddress && split.mac == Self.foreign && split.address == Self.service)
        #expect(split.since == at && all.hooks(.split) == 1 && all.announcements == 1)
        // A flood of them: one event, and announcements after 1, 2, 4, 8, 16 and 32 s.
        all = []
        for _ in 0..<6500 {
            all += Self.claim(&bench)
            all += Self.pass(.milliseconds(10), &bench)
        }
        #expect(all.splits.isEmpty && all.ends.isEmpty && all.announcements == 6)
        all = Self.pass(.seconds(10), &bench)
        #expect(all.ends.count == 1 && all.announcements == 5)
    }

    @Test("A claim of this node's own, of another address, on another link, or while backup is none") func noClaim() {
        var bench = Self.master()
        let own = MACAddress(bits: 0x0200_0000_0001)
        bench.handle(.link(Link(index: Bench.e1, name: "e1", isUp: true, mac: own)))
        var all = Self.pass(.seconds(10), &bench)
        all += Self.claim(&bench, own)
        bench.handle(
            .claimed(AddressClaim(address: Self.service, mac: Self.foreign, sender: own), on: Bench.e0))
        all += bench.effects
        all += Self.claim(&bench, address: Self.peer)
        all += Self.claim(&bench, on: Bench.e1)
        all += Self.pass(.seconds(2), &bench)
        all += Self.hear(200, &bench)
        all += Self.claim(&bench)
        all += Self.pass(.seconds(2), &bench)
        #expect(all.splits.isEmpty)
        #expect(bench.engine.claimable.map(\.addresses) == [[Self.service]])
    }

    @Test("A host that claims once a minute is one split after a few, not one each time") func rarely() {
        var bench = Self.master()
        _ = Self.pass(.seconds(10), &bench)
        var all: [Effect] = []
        for _ in 0..<60 {
            all += Self.claim(&bench)
            all += Self.pass(.seconds(60), &bench)
        }
        #expect(all.splits.count == 4 && all.hooks(.split) == 4)
        // An hour later it is a new one.
        all = Self.pass(.seconds(3600), &bench)
        all += Self.claim(&bench)
        all += Self.pass(.seconds(12), &bench)
        #expect(all.splits.count == 1 && all.ends.count == 2)
    }

    @Test("A flood of claims before it is certain is one claim") func burst() {
        var bench = Self.master()
        _ = Self.pass(.seconds(10), &bench)
        var all: [Effect] = []
        for number in 0..<1000 { all += Self.claim(&bench, MACAddress(bits: 0x0200_0000_1000 + UInt64(number))) }
        all += Self.pass(.seconds(1), &bench)
        #expect(all.splits.count == 1 && all.announcements == 1)
    }

    // MARK: - Greetings

    /// When each became master and let go, in seconds; nil is now, and now is 1000. The split that is told: since, for, over.
    static let tenures: [(what: String, own: (Int64, Int64?), theirs: (Int64, Int64?), told: (Int64, Int64, Bool)?)] = [
        ("a hand-over", (100, nil), (10, 100), nil),
        ("a pre-emption of this one", (100, 990), (990, nil), nil),
        ("a pre-emption that took three intervals", (100, 993), (990, nil), nil),
        ("hours ago, by clocks that run apart", (-30_000, -3000), (-3010, nil), nil),
        ("a cut that is healed, this one won", (100, nil), (600, 998), (600, 398, true)),
        ("a cut that is healed, this one lost", (600, 998), (100, nil), (600, 398, true)),
        ("it goes on", (100, nil), (600, nil), (600, 400, false)),
        ("one that was over for more than a minute", (100, nil), (600, 930), nil),
        ("never at once", (100, 200), (300, 400), nil),
    ]

    @Test("vrrp.split.greeting: by when each was master, as far as it is not a hand-over", arguments: tenures)
    func greeted(
        _ what: String, own: (Int64, Int64?), theirs: (Int64, Int64?), told: (Int64, Int64, Bool)?
    ) throws {
        func instant(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }
        let now = instant(1000)
        let name = try #require(HolderName("right"))
        var watch = SplitWatch()
        watch.becameMaster(at: instant(own.0))
        if let end = own.1 { _ = watch.leftMaster(at: instant(end)) }
        let tenure = Tenure(began: instant(theirs.0), ended: theirs.1.map(instant))
        func compare() -> SplitWatch.Comparison {
            watch.compare(tenure, of: Self.peer, name, heardAt: now, allowance: .milliseconds(3600), at: now)
        }
        let split: Split?
        switch compare() {
        case .nothing: split = nil
        case .begun: split = watch.current
        case .wasOne(let past), .over(let past): split = past
        }
        #expect(split?.since == told.map { instant($0.0) }, "\(what)")
        #expect(split?.duration == told.map { .seconds($0.1) }, "\(what)")
        #expect(split?.isOver == told.map(\.2), "\(what)")
        // The next greeting says the same, and nothing is told again.
        if case .nothing = compare() {} else { Issue.record("\(what): told twice") }
    }

    @Test("A holder that hangs is found out late, but its fence was not: no split") func fenced() throws {
        var watch = SplitWatch()
        watch.becameMaster(at: .zero)
        watch.servedUntil = .zero + .seconds(100)
        _ = watch.leftMaster(at: .zero + .seconds(160))
        #expect(watch.previousTenure == Tenure(began: .zero, ended: .zero + .seconds(100)))
        let name = try #require(HolderName("right"))
        let now = Instant.zero + .seconds(161)
        let verdict = watch.compare(
            Tenure(began: .zero + .seconds(101)), of: Self.peer, name, heardAt: now, allowance: .seconds(4), at: now)
        if case .nothing = verdict {} else { Issue.record("\(verdict)") }
    }

    @Test("A split that an advert told of has its whole time from the greeting that ends it") func both() throws {
        var watch = SplitWatch()
        watch.becameMaster(at: .zero)
        let now = Instant.zero + .seconds(1000)
        let isSplit = watch.heardRival(Self.peer, every: .seconds(1), own: .seconds(1), at: now)
        #expect(isSplit)
        let name = try #require(HolderName("right"))
        let theirs = Tenure(began: .zero + .seconds(600), ended: now)
        let verdict = watch.compare(
            theirs, of: Self.peer, name, heardAt: now + .seconds(2), allowance: .seconds(4), at: now + .seconds(2))
        guard case .over(let split?) = verdict else { return #expect(Bool(false), "\(verdict)") }
        #expect(split.duration == .seconds(400) && split.name == name && split.sign == .advert)
    }

    @Test("Both sides stand in what is said") func words() throws {
        var bench = Self.master()
        _ = Self.pass(.seconds(10), &bench)
        let split = try #require(Self.hear(100, &bench).splits.first)
        let status = try #require(bench.engine.status(of: RouterID(0)))
        let text = Narration.split(split, of: status, on: "left", at: bench.now)
        #expect(text.contains("left (10.0.0.1)") && text.contains("10.0.0.2") && text.contains("on e0"), "\(text)")
    }
}

extension [Effect] {
    var splits: [Split] {
        compactMap { if case .note(.split(_, let split)) = $0 { split } else { nil } }
    }
    var ends: [Split] {
        compactMap { if case .note(.splitOver(_, let split)) = $0 { split } else { nil } }
    }
    func hooks(_ kind: HookKind) -> Int {
        count { if case .hook(.router, kind) = $0 { true } else { false } }
    }
    var announcements: Int {
        reduce(0) { if case .announce(_, let count) = $1 { $0 + count } else { $0 } }
    }
}
