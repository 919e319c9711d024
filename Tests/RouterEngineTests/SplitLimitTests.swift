import Arbitration
import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

/// One split is told of once, also where more than two hold, where somebody forges, and where what is greeted is old.
@Suite("One split is one split") struct SplitLimitTests {
    static let left = IPAddress("10.0.0.2")!
    static let right = IPAddress("10.0.0.3")!

    static func at(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }

    /// A router that has been master since 0.
    static func watch() -> SplitWatch {
        var watch = SplitWatch()
        watch.becameMaster(at: .zero)
        return watch
    }

    /// A greeting of `source` at `now`: master from `from` until `until`, in seconds.
    static func greet(
        _ watch: inout SplitWatch, _ source: IPAddress, _ from: Int64, _ until: Int64?, at now: Int64
    ) throws -> SplitWatch.Comparison {
        let name = try #require(HolderName(source == left ? "left" : "right"))
        return watch.compare(
            Tenure(began: at(from), ended: until.map(at)), of: source, name, heardAt: at(now),
            allowance: .milliseconds(3600), at: at(now))
    }

    static func isNothing(_ comparison: SplitWatch.Comparison) -> Bool {
        if case .nothing = comparison { true } else { false }
    }

    @Test("Three nodes were master, and each greeting tells of all the others: one split of each, told once")
    func three() throws {
        var watch = Self.watch()
        var told: [IPAddress?] = []
        for now in Int64(1000)..<1080 {
            for source in [Self.left, Self.right] {
                switch try Self.greet(&watch, source, 600, 998, at: now) {
                case .nothing: break
                case .wasOne(let split): told.append(split?.source)
                case .begun, .over: Issue.record("no split is going on")
                }
            }
        }
        #expect(told == [Self.left, Self.right])
    }

    @Test("As many others as greetings know: one split of each")
    func many() throws {
        var watch = Self.watch()
        let name = try #require(HolderName("other"))
        var told = 0
        for now in Int64(1000)..<1010 {
            for number in UInt32(0)..<16 {
                let source = IPAddress.v4(IPv4Address(bits: 0x0A00_0100 + number))
                let verdict = watch.compare(
                    Tenure(began: Self.at(600), ended: Self.at(998)), of: source, name, heardAt: Self.at(now),
                    allowance: .milliseconds(3600), at: Self.at(now))
                if case .wasOne = verdict { told += 1 }
            }
        }
        #expect(told == 16)
    }

    @Test("A host that claims an address is not ended by what another node greets of a time that is over")
    func hindsight() throws {
        var watch = Self.watch()
        let claim = AddressClaim(address: SplitTests.service, mac: SplitTests.foreign)
        _ = watch.heardClaim(claim, own: .seconds(1), at: Self.at(999))
        _ = watch.confirmClaim(at: Self.at(1000))
        guard case .wasOne(let past?) = try Self.greet(&watch, Self.left, 600, 998, at: 1001) else {
            Issue.record("the past one is told of by itself")
            return
        }
        #expect(past.sign == .greeting && past.source == Self.left && past.duration == .seconds(398))
        #expect(watch.current?.sign == .address && watch.current?.source == nil)
        let isNothing = Self.isNothing(try Self.greet(&watch, Self.left, 600, 998, at: 1002))
        #expect(isNothing)
    }

    @Test("What another was master before says nothing of the split that has just begun") func stale() throws {
        var watch = Self.watch()
        let isSplit = watch.heardRival(Self.left, every: .seconds(1), own: .seconds(1), at: Self.at(1000))
        #expect(isSplit)
        let isNothing = Self.isNothing(try Self.greet(&watch, Self.left, 600, 700, at: 1001))
        #expect(isNothing && watch.current != nil)
        // It was master for less than a hand-over takes, and says that it let go.
        guard case .over(let split?) = try Self.greet(&watch, Self.left, 999, 1002, at: 1003) else {
            Issue.record("it let go")
            return
        }
        #expect(split.duration == .seconds(2))
    }

    @Test("One that goes on after its end was believed is told of again, from there on") func goesOn() throws {
        var watch = Self.watch()
        guard case .begun = try Self.greet(&watch, Self.left, 600, nil, at: 1000) else {
            Issue.record("it holds")
            return
        }
        _ = watch.end(at: Self.at(1000))
        let isNothing = Self.isNothing(try Self.greet(&watch, Self.left, 600, nil, at: 1002))
        #expect(isNothing)
        guard case .begun = try Self.greet(&watch, Self.left, 600, nil, at: 1020) else {
            Issue.record("it still holds")
            return
        }
        #expect(watch.current?.since == Self.at(1000))
    }

    @Test("A lower advert with a priority 0 behind it, again and again, is one split; it is said again that it goes on")
    func forged() throws {
        var bench = SplitTests.master()
        var all = SplitTests.pass(.seconds(10), &bench)
        let first = bench.now
        var last = first
        for _ in 0..<50 {
            last = bench.now
            all += SplitTests.hear(100, &bench)
            all += SplitTests.hear(0, &bench)
            all += SplitTests.pass(.seconds(1), &bench)
        }
        #expect(all.splits.count == 1 && all.hooks(.split) == 1 && all.ends.count == 1)
        let reminders = all.count { if case .note(.splitLasts) = $0 { true } else { false } }
        #expect(reminders == 1)
        all = SplitTests.pass(.seconds(11), &bench)
        #expect(all.ends.map(\.duration) == [last - first])
        let status = try #require(bench.engine.status(of: RouterID(0)))
        #expect(status.counters.splits == 1 && status.counters.splitTime == last - first)
    }

    @Test("Two forgers in turns are no more than that") func turns() {
        var bench = SplitTests.master()
        var all = SplitTests.pass(.seconds(10), &bench)
        for _ in 0..<50 {
            for source in [Self.left, Self.right] {
                for priority in [UInt8(100), 0] {
                    HearingTests.receive(
                        HearingTests.packet(from: source, priority: priority), from: source, &bench)
                    all += bench.effects
                }
                all += SplitTests.pass(.milliseconds(500), &bench)
            }
        }
        #expect(all.splits.count == 2 && all.ends.count == 1)
    }

    @Test("A host that claims ten addresses is answered for each") func everyAddress() {
        let addresses = (20..<30).map { "10.0.0.\($0)/24" }
        var bench = Bench([Bench.instance(priority: 150, addresses: addresses)])
        bench.start()
        while bench.role() != .master { bench.pass(.milliseconds(10)) }
        var all = SplitTests.pass(.seconds(10), &bench)
        func claimAll() -> [Effect] {
            addresses.flatMap { text in
                SplitTests.claim(&bench, address: IPPrefix(text)?.address ?? SplitTests.service)
            }
        }
        all = claimAll()
        all += SplitTests.pass(.seconds(2), &bench)
        #expect(all.splits.count == 1 && Self.announced(all) == 10 && all.announcements == 10)
        all = claimAll()
        all += SplitTests.pass(.seconds(1), &bench)
        #expect(all.splits.isEmpty && Self.announced(all) == 10 && all.announcements == 10)
        // And each ever more rarely.
        all = claimAll()
        #expect(all.announcements == 0)
    }

    static func announced(_ effects: [Effect]) -> Int {
        Set(effects.compactMap { if case .announce(let id, _) = $0 { id } else { nil } }).count
    }

    @Test("What is said fits: two hold while they do, and that it was answered where it was") func words() throws {
        var bench = SplitTests.master()
        _ = SplitTests.pass(.seconds(10), &bench)
        let status = try #require(bench.engine.status(of: RouterID(0)))
        var watch = Self.watch()
        _ = try Self.greet(&watch, Self.left, 600, nil, at: 1000)
        let going = try #require(watch.current)
        let text = Narration.split(going, of: status, on: "here", at: Self.at(1000))
        #expect(
            text.hasPrefix("two hold on e0, for 400 s: here (10.0.0.1) is master, and so is left (10.0.0.2)"), "\(text)"
        )
        _ = watch.end(at: Self.at(1000))
        let over = try #require(watch.last)
        let past = Narration.split(over, of: status, on: "here", at: Self.at(1000))
        #expect(past.contains("were master at once for 400 s"), "\(past)")
        _ = SplitTests.claim(&bench)
        let claimed = try #require(SplitTests.pass(.seconds(1), &bench).splits.first)
        let claim = Narration.split(claimed, of: status, on: "here", at: bench.now)
        #expect(claim.contains("says that it has 10.0.0.9; announced again"), "\(claim)")
        var silent = watch
        silent.becameMaster(at: .zero)
        _ = silent.heardClaim(
            AddressClaim(address: SplitTests.service, mac: SplitTests.foreign), own: .seconds(1), at: Self.at(1100))
        _ = silent.confirmClaim(at: Self.at(1101))
        let unanswered = try #require(silent.current)
        let other = Narration.split(unanswered, of: status, on: "here", at: Self.at(1101))
        #expect(!other.contains("announced again"), "\(other)")
    }
}
