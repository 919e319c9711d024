import Arbitration
import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

@Suite("A router that names an arbiter is master only by a lease")
struct LeaseTests {
    // MARK: - Taking

    @Test("Nothing is taken before it is known what stands between a stalled node and its clients")
    func waitsForTheFence() throws {
        var bench = LeaseBench.started(fence: nil)
        bench.records[LeaseBench.lease] = try bench.record(nil)
        bench.pass(.seconds(20))
        #expect(bench.role() == .backup)
        #expect(bench.writes == [], "it watches, and takes nothing")
        #expect(!bench.questions.isEmpty)
        bench.handle(.fence(.lifetimes("bpf(2) is not allowed")))
        bench.pass(.milliseconds(20))
        #expect(bench.role() == .master, "weak, but known")
    }

    @Test(
        "engine.lease.held, lease.take.free: a lease that was given back is taken when the master is down, and the fence opens first"
    )
    func takesFree() throws {
        var bench = LeaseBench(LeaseBench.model())
        bench.records[LeaseBench.lease] = try bench.record(nil)
        bench.start()
        bench.handle(.fence(.kernel))
        let began = bench.now
        let became = bench.pass(atMost: .seconds(5)) { $0.role() == .master }
        try #require(became)
        // 3A + S of priority 100, then one read and one write at most.
        #expect(bench.now - began < .milliseconds(3610 + 25))
        #expect(bench.now - began >= .milliseconds(3609))
        #expect(bench.cause() == .leaseTakenFree)
        let opens = try bench.place(\.opensFence)
        let advert = try bench.place(\.isAdvert)
        let install = try bench.place(\.isInstall)
        #expect(opens < advert && advert < install)
        #expect(bench.bench.notes.contains { $0.rule == .leaseHeld })
        let (sent, _) = try #require(bench.questions.last)
        #expect(bench.until() == sent + LeaseBench.holding, "it counts from the sending")
        #expect(bench.records[LeaseBench.lease]?.epoch == Epoch(4))
        #expect(bench.records[LeaseBench.lease]?.holder == HolderName("left"))
    }

    @Test("lease.take.run-out: another's lease is taken when it stood unchanged for L(1+Φ), not before")
    func takesWhatRanOut() throws {
        var bench = LeaseBench(LeaseBench.model())
        bench.records[LeaseBench.lease] = try bench.record("right")
        bench.start()
        bench.handle(.fence(.kernel))
        // Renewed for as long as it takes to want it, and a little longer.
        for version in 6..<24 as Range<UInt64> {
            bench.pass(.milliseconds(300))
            #expect(bench.role() == .backup)
            #expect(bench.writes == [])
            bench.records[LeaseBench.lease] = try bench.record("right", version: version)
        }
        let renewed = bench.now
        let became = bench.pass(atMost: .seconds(5)) { $0.role() == .master }
        try #require(became)
        #expect(bench.cause() == .leaseTakenRunOut)
        #expect(bench.now - renewed >= LeaseBench.waiting)
        // It looks every L/6.
        #expect(bench.now - renewed <= LeaseBench.waiting + .milliseconds(167 + 30))
    }

    @Test("lease.take.absent: what the arbiter knows nothing of is taken after L(1+Φ)")
    func takesAbsent() throws {
        var bench = LeaseBench.started()
        let became = bench.pass(atMost: .seconds(6)) { $0.role() == .master }
        try #require(became)
        #expect(bench.cause() == .leaseTakenAbsent)
    }

    @Test("News from the arbiter that the lease was given back shortens the wait: it is not asked first")
    func newsShortens() throws {
        var bench = LeaseBench(LeaseBench.model())
        bench.records[LeaseBench.lease] = try bench.record("right")
        bench.start()
        bench.handle(.fence(.kernel))
        for version in 6..<24 as Range<UInt64> {
            bench.pass(.milliseconds(300))
            bench.records[LeaseBench.lease] = try bench.record("right", version: version)
        }
        bench.pass(.milliseconds(200))
        let free = try bench.record(nil, version: 99)
        bench.records[LeaseBench.lease] = free
        bench.handle(.leases(arbiter: "third", [LeaseReport(lease: LeaseBench.lease, kind: .news(free))]))
        bench.pass(bench.roundTrip)
        #expect(bench.role() == .master)
        #expect(bench.cause() == .leaseTakenFree)
    }

    @Test("What another arbiter says of a lease is not heard")
    func otherArbiter() throws {
        var bench = LeaseBench(LeaseBench.model())
        bench.records[LeaseBench.lease] = try bench.record("right")
        bench.start()
        bench.pass(.milliseconds(100))
        let seen = try #require(bench.bench.engine.lease(LeaseID(0))?.sight)
        let free = try bench.record(nil, version: 99)
        bench.handle(.leases(arbiter: "fourth", [LeaseReport(lease: LeaseBench.lease, kind: .news(free))]))
        #expect(bench.bench.engine.lease(LeaseID(0))?.sight == seen)
        bench.handle(.leases(arbiter: "third", [LeaseReport(lease: LeaseBench.lease, kind: .news(free))]))
        #expect(bench.bench.engine.lease(LeaseID(0))?.sight?.record == free)
    }

    @Test("A lease is asked for only by who would be master: a backup that hears its master writes nothing")
    func backup() throws {
        var bench = LeaseBench(LeaseBench.model([LeaseBench.instance()]))
        bench.records[LeaseBench.lease] = try bench.record(nil)
        bench.start()
        bench.handle(.fence(.kernel))
        bench.pass(.seconds(3))
        #expect(bench.writes == [])
    }

    // MARK: - Losing

    @Test("lease.apart.expired: without a renewal the fence closes first, then priority 0, then the addresses go")
    func expires() throws {
        var bench = try LeaseBench.master()
        bench.isSilent = true
        let until = try #require(bench.until())
        bench.pass(until - LeaseBench.lead - bench.now - .milliseconds(1))
        #expect(bench.role() == .master)
        bench.pass(.milliseconds(1))
        #expect(bench.role() == .backup)
        #expect(bench.cause() == .leaseExpired)
        let closes = try bench.place(\.closesFence)
        let release = try bench.place(\.isRelease)
        let withdrawal = try bench.place(\.isWithdrawal)
        #expect(closes < release && release < withdrawal)
        let isFirst = effectsBefore(closes, in: bench).allSatisfy(\.isQuestion)
        #expect(isFirst, "nothing comes before it: \(bench.effects)")
        #expect(bench.bench.notes.contains { $0.rule == .leaseExpired })
    }

    private func effectsBefore(_ index: Int, in bench: LeaseBench) -> ArraySlice<Effect> { bench.effects[..<index] }

    @Test("Renewals move the deadline on, and nothing else is seen of them")
    func renews() throws {
        var bench = try LeaseBench.master()
        // The second burst of announcements.
        bench.pass(.seconds(6))
        for _ in 0..<50 {
            let before = try #require(bench.until())
            bench.pass(.milliseconds(400))
            let after = try #require(bench.until())
            #expect(after > before)
            #expect(!bench.effects.contains { $0.closesFence || $0.isInstall || $0.isAnnouncement })
        }
        #expect(bench.bench.notes.isEmpty)
    }

    @Test("After a pause the clock comes first: a grant that lay waiting keeps nobody master")
    func pause() throws {
        var bench = try LeaseBench.master()
        bench.isSilent = true
        bench.pass(.milliseconds(400))
        let (_, question) = try #require(bench.questions.last)
        guard case .write(let record, _) = question.kind else { return #expect(Bool(false), "\(question)") }
        bench.bench.now = bench.now + .seconds(60)
        bench.handle(
            .leases(
                arbiter: "third",
                [LeaseReport(lease: LeaseBench.lease, kind: .answer(request: question.request, .granted))]))
        #expect(record.holder == HolderName("left"))
        #expect(bench.effects.first?.closesFence == true, "\(bench.effects)")
        let opens = bench.effects.contains { $0.opensFence }
        #expect(!opens)
        #expect(bench.role() == .backup)
    }

    @Test("The same after a pause that ends with a packet, a link or the clock", arguments: 0..<3)
    func pauseThen(_ what: Int) throws {
        var bench = try LeaseBench.master()
        bench.bench.now = bench.now + .seconds(60)
        switch what {
        case 0: bench.handle(.timer)
        case 1: bench.handle(.link(Bench.links[1]))
        default: bench.handle(.arbiter("third", .connecting))
        }
        #expect(bench.effects.first?.closesFence == true, "\(bench.effects)")
        #expect(bench.role() == .backup)
    }

    @Test("Another holder's record ends holding at once, with the fence first")
    func robbed() throws {
        var bench = try LeaseBench.master()
        let other = try bench.record("right", version: 1000, epoch: 50)
        bench.handle(.leases(arbiter: "third", [LeaseReport(lease: LeaseBench.lease, kind: .news(other))]))
        #expect(bench.effects.first?.closesFence == true, "\(bench.effects)")
        #expect(bench.cause() == .leaseHeldByAnother)
    }

    // MARK: - Groups

    private static func group() -> Model {
        var group = SyncGroupDefinition(name: "VG", members: ["VI_1", "VI_2"])
        group.arbiter = "third"
        var instances = [LeaseBench.instance(), LeaseBench.instance("VI_2", id: 52, addresses: ["10.0.0.10/24"])]
        for index in instances.indices { instances[index].arbiter = nil }
        return LeaseBench.model(instances, groups: [group])
    }

    @Test("A sync group has one lease: all become master by it in one step, and leave together")
    func groups() throws {
        var bench = LeaseBench(Self.group())
        let name = try #require(LeaseName("aloft/VG"))
        bench.records[name] = try bench.record(nil)
        bench.start()
        bench.handle(.fence(.kernel))
        let became = bench.pass(atMost: .seconds(5)) { $0.role("VI_1") == .master || $0.role("VI_2") == .master }
        try #require(became)
        #expect(bench.role("VI_1") == .master && bench.role("VI_2") == .master)
        #expect(Set(bench.questions.map(\.question.lease)) == [name])
        #expect(bench.bench.engine.leaseIDs.count == 1)
        #expect(bench.bench.engine.guards.map(\.lease) == [LeaseID(0), LeaseID(0)])
        bench.isSilent = true
        let left = bench.pass(atMost: .seconds(2)) { $0.role("VI_1") != .master || $0.role("VI_2") != .master }
        try #require(left)
        #expect(bench.role("VI_1") == .backup && bench.role("VI_2") == .backup)
        #expect(bench.cause("VI_1") == .leaseExpired && bench.cause("VI_2") == .leaseExpired)
    }

    @Test("A member in fault takes the group down, and the lease is given back after the fence has closed")
    func groupFault() throws {
        var bench = try LeaseBench.master(Self.group())
        var link = Bench.links[0]
        link.isUp = false
        bench.handle(.link(link))
        #expect(bench.role("VI_1") != .master && bench.role("VI_2") != .master)
        let closes = try bench.place(\.closesFence)
        let gives = try bench.place(\.isQuestion)
        #expect(closes < gives)
        #expect(bench.writes.last?.isFree == true)
    }

    // MARK: - An interface renamed while nobody looked

    static let stray = KernelAddress(
        interface: InterfaceIndex(2), prefix: IPPrefix("10.0.0.9/24")!, isMarked: true)

    /// Interface 2 has another name than the configuration says, and what a predecessor installed is still there.
    static func renamed() throws -> LeaseBench {
        var bench = LeaseBench(LeaseBench.model())
        var links = Bench.links
        let index = try #require(links.firstIndex { $0.index == stray.interface })
        links[index].name = "lan0"
        bench.handle(.kernelDump(links, Bench.hosts + [stray]))
        return bench
    }

    @Test("An address left on an interface that was renamed is guarded until it is gone, and taken off at a start")
    func strayAtStart() throws {
        var bench = try Self.renamed()
        bench.handle(.start(adopting: [], scripts: []))
        let guarded = bench.bench.engine.guards
        #expect(guarded.contains { $0.interface == Self.stray.interface && $0.address == Self.stray.prefix.address })
        #expect(try bench.place(\.isWithdrawal) >= 0)
    }

    @Test("… and where its worker is only to release") func strayAtRelease() throws {
        var bench = try Self.renamed()
        bench.handle(.release([]))
        #expect(try bench.place(\.isWithdrawal) >= 0)
    }

    /// The same link-local address on two links, under a lease each.
    static func twins() throws -> LeaseBench {
        var instances = [
            LeaseBench.instance(addresses: ["10.0.0.9/24", "fe80::99/64"]),
            LeaseBench.instance("VI_2", id: 52, addresses: ["10.1.0.9/24", "fe80::99/64"]),
        ]
        instances[1].interface = "e1"
        let model = LeaseBench.model(instances)
        try #require(model.leases.count == 2)
        return try LeaseBench.master(model)
    }

    static func places(_ bench: LeaseBench) -> Set<[UInt32]> {
        Set(bench.bench.engine.guards.map { [$0.interface.rawValue, UInt32($0.lease.index)] })
    }

    @Test("One link-local address on two links is guarded on each by its own lease, and by no other")
    func twinsAreGuarded() throws {
        var bench = try Self.twins()
        for (index, link) in Bench.links.enumerated() {
            let address = KernelAddress(
                interface: link.index, prefix: try #require(IPPrefix("fe80::99/64")), isMarked: true)
            bench.handle(.address(address))
            #expect(bench.bench.engine.guards.count == 4, "\(index): \(bench.bench.engine.guards)")
        }
        #expect(Self.places(bench) == [[Bench.e0.rawValue, 0], [Bench.e1.rawValue, 1]])
    }

    @Test("… and where its interface is renamed, by the lease that guarded it there")
    func twinIsRenamed() throws {
        var bench = try Self.twins()
        bench.handle(
            .address(
                KernelAddress(interface: Bench.e0, prefix: try #require(IPPrefix("fe80::99/64")), isMarked: true)))
        bench.handle(.link(Link(index: Bench.e0, name: "lan0", isUp: true)))
        // The name is another's now, and so is the router's address.
        bench.handle(.link(Link(index: InterfaceIndex(9), name: "e0", isUp: true)))
        #expect(bench.bench.engine.guards.contains { $0.interface == InterfaceIndex(9) && $0.lease == LeaseID(0) })
        let left = bench.bench.engine.guards.filter { $0.interface == Bench.e0 }
        #expect(left.contains { $0.address == IPAddress("fe80::99") && $0.lease == LeaseID(0) }, "\(left)")
        #expect(!left.contains { $0.lease == LeaseID(1) })
        // It stays so for as long as the address does.
        bench.handle(.link(Link(index: Bench.e0, name: "lan0", isUp: false)))
        #expect(bench.bench.engine.guards.filter { $0.interface == Bench.e0 } == left)
    }

    // MARK: - Stopping

    @Test("A stop withdraws, closes the fence, gives the lease back, and ends when that was granted")
    func stops() throws {
        var bench = try LeaseBench.master()
        bench.handle(.stop)
        let release = try bench.place(\.isRelease)
        let withdrawal = try bench.place(\.isWithdrawal)
        let closes = try bench.place(\.closesFence)
        let gives = try bench.place(\.isQuestion)
        #expect(release < withdrawal && withdrawal < gives && closes < gives)
        #expect(bench.writes.last?.isFree == true)
        #expect(!bench.effects.contains(.stopped))
        bench.pass(bench.roundTrip)
        #expect(bench.effects.contains(.stopped))
        #expect(bench.records[LeaseBench.lease]?.isFree == true)
    }

    @Test("A stop waits half a second for an arbiter that does not answer, and ends once")
    func stopsAlone() throws {
        var bench = try LeaseBench.master()
        bench.isSilent = true
        bench.handle(.stop)
        bench.pass(.milliseconds(499))
        #expect(!bench.effects.contains(.stopped))
        bench.pass(.milliseconds(1))
        #expect(bench.effects.contains(.stopped))
        bench.pass(.seconds(10))
        #expect(!bench.effects.contains(.stopped))
    }

    @Test("A backup that holds nothing ends at once")
    func backupStops() throws {
        var bench = LeaseBench(LeaseBench.model())
        bench.records[LeaseBench.lease] = try bench.record("right")
        bench.start()
        bench.handle(.fence(.kernel))
        bench.pass(.milliseconds(100))
        bench.handle(.stop)
        #expect(bench.effects.last == .stopped)
    }

    // MARK: - Successors

    /// Two instances with a lease each; the predecessor had them the other way round.
    private static func successor(left: Duration, swapped: Bool = true) throws -> (LeaseBench, HeldLease) {
        let first = LeaseBench.instance()
        let second = LeaseBench.instance("VI_2", id: 52, addresses: ["10.0.0.10/24"])
        let reference = Engine(
            LeaseBench.model([first, second]), as: NodeIdentity(incarnation: Incarnation(77), hostName: "left"))
        let key = reference.held(LeaseID(0))?.key ?? 0
        let other = reference.held(LeaseID(1))?.key ?? 0
        var bench = LeaseBench(LeaseBench.model([first, second]))
        let held = HeldLease(slot: swapped ? 1 : 0, key: key, epoch: Epoch(9), until: bench.now + left)
        bench.records[LeaseBench.lease] = LeaseRecord(
            holder: HolderName("left"), incarnation: Incarnation(77), request: 0, epoch: Epoch(9),
            terms: try LeaseTerms(duration: .seconds(1)), version: 40)
        let rest = HeldLease(slot: swapped ? 0 : 1, key: other, epoch: .none, until: .zero)
        let routers = [
            RouterRecord(
                key: Engine.baseKey(first), role: .master, since: .zero, lastAdvert: bench.now - .milliseconds(300))
        ]
        bench.start(
            adopting: routers, leases: [rest, held],
            extra: [KernelAddress(interface: Bench.e0, prefix: IPPrefix("10.0.0.9/24")!, isMarked: true)])
        return (bench, held)
    }

    @Test(
        "A successor goes on under the lease of its predecessor, in the same slot of the fence, and renews it at once")
    func resumes() throws {
        var (bench, held) = try Self.successor(left: .milliseconds(500))
        #expect(bench.role() == .master)
        #expect(bench.bench.withdrawals == 0)
        #expect(!bench.effects.contains(.fence(LeaseID(1), until: nil)))
        #expect(bench.effects.contains(.fence(LeaseID(0), until: nil)), "of the other nothing is held")
        #expect(bench.until(LeaseID(1)) == held.until)
        #expect(bench.bench.engine.held(LeaseID(1)) == held)
        // The fence is said again to a new worker; until then nobody is told to leave.
        bench.handle(.fence(.kernel))
        bench.pass(.milliseconds(400))
        #expect(bench.role() == .master)
        #expect(!bench.effects.contains(.fence(LeaseID(1), until: nil)))
        let renewed = try #require(bench.until(LeaseID(1)))
        #expect(renewed > held.until)
        #expect(bench.records[LeaseBench.lease]?.epoch == Epoch(9), "the same holding, so the same epoch")
    }

    @Test("A successor that comes after the lease ran out has nothing of it")
    func tooLate() throws {
        let (bench, _) = try Self.successor(left: .milliseconds(-1))
        #expect(bench.role() == .backup)
        #expect(bench.until(LeaseID(1)) == nil)
        #expect(bench.effects.contains(.fence(LeaseID(1), until: nil)))
    }

    @Test("What a worker leaves of a lease is whole, or it is none")
    func torn() {
        let held = HeldLease(slot: 3, key: 99, epoch: Epoch(8), until: .zero + .seconds(4))
        let bytes = held.encode()
        #expect(bytes.count == HeldLease.encodedLength)
        #expect(HeldLease.decode(bytes.span.bytes, slot: 3, until: held.until) == held)
        for index in bytes.indices {
            var damaged = bytes
            damaged[index] ^= 0x40
            #expect(HeldLease.decode(damaged.span.bytes, slot: 3, until: held.until) == nil)
            #expect(HeldLease.decode(Array(bytes[..<index]).span.bytes, slot: 3, until: held.until) == nil)
        }
        let empty = [UInt8](repeating: 0, count: 32)
        #expect(HeldLease.decode(empty.span.bytes, slot: 0, until: .zero) == nil)
    }

    // MARK: - Reload

    @Test("lease.apart.starting: a reload that names an arbiter makes a master step down until it has the lease")
    func reloadNames() throws {
        var plain = LeaseBench.instance()
        plain.arbiter = nil
        var bench = LeaseBench(LeaseBench.model([plain]))
        bench.start()
        bench.pass(.seconds(5))
        try #require(bench.role() == .master)
        bench.records[LeaseBench.lease] = try bench.record(nil)
        bench.handle(.reload(LeaseBench.model()))
        #expect(bench.role() == .backup)
        #expect(bench.cause() == .leaseStarting)
        let closes = try bench.place(\.closesFence)
        let withdrawal = try bench.place(\.isWithdrawal)
        #expect(closes < withdrawal)
        bench.handle(.fence(.kernel))
        bench.pass(.seconds(5))
        #expect(bench.role() == .master)
        #expect(bench.bench.engine.guards.count == 1)
    }

    @Test("RELOAD-1: a reload that changes nothing leaves leases, fence and master alone")
    func reloadSame() throws {
        var bench = try LeaseBench.master()
        let until = bench.until()
        bench.handle(.reload(LeaseBench.model()))
        #expect(bench.until() == until)
        #expect(!bench.effects.contains { $0.closesFence || $0.isWithdrawal || $0.isQuestion })
    }

    @Test("A reload that drops the arbiter closes the slot, guards nothing, and gives the lease back")
    func reloadDrops() throws {
        var bench = try LeaseBench.master()
        var plain = LeaseBench.instance()
        plain.arbiter = nil
        bench.handle(.reload(LeaseBench.model([plain])))
        #expect(bench.effects.contains(.fence(LeaseID(0), until: nil)))
        #expect(bench.effects.contains(.guardsChanged))
        #expect(bench.bench.engine.guards.isEmpty)
        #expect(bench.writes.last?.isFree == true)
    }

    @Test("Other terms keep the lease: what is held stands, and the next renewal has them")
    func reloadTerms() throws {
        var bench = try LeaseBench.master()
        var model = LeaseBench.model()
        model.arbiters[0].leaseDuration = .seconds(2)
        bench.handle(.reload(model))
        #expect(!bench.effects.contains { $0.closesFence || $0.isWithdrawal })
        bench.pass(.milliseconds(50))
        #expect(bench.role() == .master)
        #expect(bench.records[LeaseBench.lease]?.terms.duration == .seconds(2))
    }
}
