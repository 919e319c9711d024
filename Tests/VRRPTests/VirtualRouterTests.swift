import Primitives
import Testing

@testable import VRRP

/// One router, driven by hand. Times are in milliseconds since the start.
struct Driven {
    var router: VirtualRouter
    var effects: [RouterEffect] = []

    init(
        _ version: Version = .v3, centiseconds: UInt16 = 100, priority: UInt8 = 100, preempts: Bool = true,
        preemptDelay: Duration = .zero, unicast: [String] = [], needsConsent: Bool = false
    ) {
        let peers = unicast.compactMap { IPAddress($0) }.map { Settings.Peer(address: $0) }
        router = VirtualRouter(
            Settings(
                id: VirtualRouterID(51)!,
                format: GoldenVectorTests.format(version, unicast: !peers.isEmpty, centiseconds: centiseconds),
                priority: Priority(priority), preempts: preempts, preemptDelay: preemptDelay, peers: peers,
                needsConsent: needsConsent))
        router.prepare(source: IPAddress("10.0.0.5"))
    }

    static func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

    mutating func start() { router.start(at: .zero, into: &effects) }

    /// Hears an advert and forgets earlier effects.
    mutating func hear(_ priority: UInt8, from source: String = "10.0.0.9", centiseconds: UInt16 = 100, at ms: Int64) {
        effects = []
        let advert = Advertisement(
            version: router.settings.format.version, id: router.settings.id, priority: Priority(priority),
            interval: Centiseconds(centiseconds))
        router.receive(advert, from: IPAddress(source)!, at: Self.at(ms), into: &effects)
    }

    mutating func advance(to ms: Int64) {
        effects = []
        router.advance(to: Self.at(ms), into: &effects)
    }

    mutating func surround(_ faults: [FaultReason] = [], delta: Int = 0, at ms: Int64) {
        effects = []
        router.update(
            .init(faults: faults, priorityDelta: delta, source: IPAddress("10.0.0.5")), at: Self.at(ms), into: &effects)
    }

    mutating func promote(at ms: Int64) {
        effects = []
        router.becomeMaster(Cause(.groupReady), at: Self.at(ms), into: &effects)
    }

    mutating func demote(at ms: Int64) {
        effects = []
        router.leaveMaster(Cause(.groupLeft), at: Self.at(ms), into: &effects)
    }

    var rule: String? {
        for case .transition(let transition) in effects { return transition.cause.rule.description }
        return nil
    }

    var adverts: [UInt8] {
        effects.compactMap { if case .advertise(let priority) = $0 { priority.rawValue } else { nil } }
    }
}

@Suite("The virtual router of RFC 9568 §6")
struct VirtualRouterTests {
    @Test("vrrp.initialize.startup: a router begins as backup and waits for a whole master-down interval")
    func startup() {
        var driven = Driven()
        driven.start()
        #expect(driven.rule == "vrrp.initialize.startup")
        #expect(driven.router.nextDeadline == Driven.at(3000) + .nanoseconds(156 * 1_000_000_000 / 256))
    }

    @Test("vrrp.initialize.owner: the owner of the addresses is master at once, and says so first")
    func owner() {
        var driven = Driven(priority: 255)
        driven.start()
        #expect(driven.rule == "vrrp.initialize.owner")
        #expect(driven.effects.first == .advertise(.owner))
        #expect(driven.effects.last == .announce(count: 5))
    }

    @Test("vrrp.backup.master-down: silence makes a master, after 3 intervals and the skew of its priority")
    func masterDown() {
        var driven = Driven()
        driven.start()
        driven.hear(200, at: 500)
        driven.advance(to: 4108)
        #expect(driven.effects.isEmpty)
        driven.advance(to: 4110)
        #expect(driven.rule == "vrrp.backup.master-down")
        #expect(driven.adverts == [100])
    }

    @Test("VRRPv2 skews by seconds, VRRPv3 by the interval")
    func skew() {
        #expect(Driven(.v2, centiseconds: 300, priority: 128).router.skewTime == .milliseconds(500))
        #expect(Driven(.v3, centiseconds: 300, priority: 128).router.skewTime == .milliseconds(1500))
    }

    @Test("vrrp.backup.master-released: priority 0 is followed by the skew time")
    func released() {
        var driven = Driven()
        driven.start()
        driven.hear(200, at: 500)
        driven.hear(0, at: 1000)
        driven.advance(to: 1609)
        #expect(driven.effects.isEmpty)
        driven.advance(to: 1610)
        #expect(driven.rule == "vrrp.backup.master-released")
    }

    @Test("vrrp.backup.sole-rival-released: with one peer there is nobody to take turns with")
    func soleRival() {
        var driven = Driven(unicast: ["10.0.0.9"])
        driven.start()
        driven.hear(200, at: 500)
        driven.hear(0, at: 1000)
        #expect(driven.rule == "vrrp.backup.sole-rival-released")
        var three = Driven(unicast: ["10.0.0.9", "10.0.0.8"])
        three.start()
        three.hear(0, at: 1000)
        #expect(three.effects.isEmpty)
        var stranger = Driven(unicast: ["10.0.0.9"])
        stranger.start()
        stranger.hear(0, from: "10.0.0.7", at: 1000)
        #expect(stranger.effects.isEmpty)
    }

    @Test("vrrp.backup.preempt: a lower master is not listened to")
    func preempt() {
        var driven = Driven()
        driven.start()
        for tick in 1...3 { driven.hear(50, at: Int64(tick) * 1000) }
        driven.advance(to: 3700)
        #expect(driven.rule == "vrrp.backup.preempt")
    }

    @Test("nopreempt: a living lower master stays")
    func nopreempt() {
        var driven = Driven(preempts: false)
        driven.start()
        for tick in 1...10 {
            driven.hear(50, at: Int64(tick) * 1000)
            driven.advance(to: Int64(tick) * 1000 + 999)
            #expect(driven.router.role == .backup)
        }
    }

    @Test("preempt_delay: the lower master is let be for as long, then pre-empted")
    func preemptDelay() {
        var driven = Driven(preemptDelay: .seconds(10))
        driven.start()
        for tick in 1...10 { driven.hear(50, at: Int64(tick) * 1000) }
        driven.advance(to: 10_900)
        #expect(driven.router.role == .backup)
        for tick in 11...13 { driven.hear(50, at: Int64(tick) * 1000) }
        driven.advance(to: 13_900)
        #expect(driven.rule == "vrrp.backup.preempt")
    }

    @Test("preempt_delay starts anew when an equal or higher master is heard")
    func preemptDelayRestarts() {
        var driven = Driven(preemptDelay: .seconds(5))
        driven.start()
        driven.hear(50, at: 1000)
        driven.hear(100, at: 2000)
        for tick in 3...7 { driven.hear(50, at: Int64(tick) * 1000) }
        driven.advance(to: 7_990)
        #expect(driven.router.role == .backup)
    }

    @Test("vrrp.master.higher-priority: a master yields to a higher priority")
    func yields() {
        var driven = Driven(priority: 255)
        driven.router = Driven(priority: 100).router
        driven.start()
        driven.advance(to: 3700)
        driven.hear(101, at: 4000)
        #expect(driven.rule == "vrrp.master.higher-priority")
        #expect(driven.adverts.isEmpty)
    }

    @Test("vrrp.master.higher-address: of equal priorities the higher address stays master")
    func ties() {
        for (source, role) in [("10.0.0.9", Role.backup), ("10.0.0.4", .master)] {
            var driven = Driven()
            driven.start()
            driven.advance(to: 3700)
            driven.hear(100, from: source, at: 4000)
            #expect(driven.router.role == role)
            if role == .backup { #expect(driven.rule == "vrrp.master.higher-address") }
        }
    }

    @Test("vrrp.master.lower-priority: a master answers a lower priority, and tells the link again")
    func lowerPriority() {
        var driven = Driven()
        driven.start()
        driven.advance(to: 3700)
        driven.hear(50, at: 4000)
        #expect(driven.adverts == [100])
        #expect(driven.effects.contains(.announce(count: 5)))
        #expect(driven.router.role == .master)
    }

    @Test("Priority 0 heard by a master is answered")
    func rivalReleased() {
        var driven = Driven()
        driven.start()
        driven.advance(to: 3700)
        driven.hear(0, at: 4000)
        #expect(driven.adverts == [100])
    }

    @Test("VRRPv3 learns the master's interval, and returns to its own as master")
    func learntInterval() {
        var driven = Driven(centiseconds: 100)
        driven.start()
        driven.hear(200, centiseconds: 400, at: 100)
        #expect(driven.router.masterDownInterval == .seconds(12) + .nanoseconds(156 * 4_000_000_000 / 256))
        driven.advance(to: 14_600)
        #expect(driven.router.role == .master)
        #expect(driven.router.masterInterval == Centiseconds(100))
    }

    @Test("The second burst of announcements follows after garp_master_delay, once")
    func announcements() {
        var driven = Driven(priority: 255)
        driven.start()
        driven.advance(to: 4_999)
        #expect(!driven.effects.contains(.announce(count: 5)))
        driven.advance(to: 5_000)
        #expect(driven.effects.contains(.announce(count: 5)))
        driven.advance(to: 20_000)
        #expect(!driven.effects.contains(.announce(count: 5)))
    }

    @Test("Adverts do not drift: the next follows the last deadline")
    func drift() {
        var driven = Driven(centiseconds: 10, priority: 255)
        driven.start()
        var sent = 0
        for ms in 1...10_000 where ms % 7 == 0 {
            driven.advance(to: Int64(ms))
            sent += driven.adverts.count
        }
        #expect(sent == 99 || sent == 100)
    }

    @Test("vrrp.fault.entered: a master that may not serve says priority 0; vrrp.fault.cleared: it waits as backup")
    func fault() {
        var driven = Driven()
        driven.start()
        driven.advance(to: 3700)
        driven.surround([.interfaceDown("eth0")], at: 4000)
        #expect(driven.rule == "vrrp.fault.entered")
        #expect(driven.adverts == [0])
        #expect(driven.router.nextDeadline == nil)
        driven.surround(at: 5000)
        #expect(driven.rule == "vrrp.fault.cleared")
        #expect(driven.router.role == .backup)
    }

    @Test("A script without a result holds a router back without declaring it broken")
    func pending() {
        var driven = Driven()
        driven.surround([.scriptPending("chk")], at: 0)
        #expect(driven.router.role == .initialize)
        driven.surround([.script("chk")], at: 500)
        #expect(driven.router.role == .fault)
        driven.surround(at: 1000)
        #expect(driven.router.role == .backup)
    }

    @Test("vrrp.priority.changed: trackers move the priority within 1…254, and a running timer follows the skew")
    func priorities() {
        var driven = Driven()
        driven.start()
        driven.surround(delta: -60, at: 0)
        #expect(driven.router.priority == Priority(40))
        #expect(driven.router.nextDeadline == Driven.at(3000) + .nanoseconds(216 * 1_000_000_000 / 256))
        driven.surround(delta: -300, at: 0)
        #expect(driven.router.priority == Priority(1))
        driven.surround(delta: 300, at: 0)
        #expect(driven.router.priority == Priority(254))
        var owner = Driven(priority: 255)
        owner.surround(delta: -200, at: 0)
        #expect(owner.router.priority == .owner)
    }

    @Test("vrrp.shutdown: a master that stops says priority 0; a backup says nothing")
    func shutdown() {
        var master = Driven(priority: 255)
        master.start()
        master.effects = []
        master.router.stop(at: Driven.at(10), into: &master.effects)
        #expect(master.adverts == [0])
        #expect(master.rule == "vrrp.shutdown")
        var backup = Driven()
        backup.start()
        backup.effects = []
        backup.router.stop(at: Driven.at(10), into: &backup.effects)
        #expect(backup.adverts.isEmpty)
    }

    @Test("vrrp.initialize.adopted: a successor advertises when the predecessor would have, and announces nothing")
    func adopts() {
        var driven = Driven()
        driven.router.adoptMaster(lastAdvert: Driven.at(900), at: Driven.at(1000), into: &driven.effects)
        #expect(driven.rule == "vrrp.initialize.adopted")
        #expect(driven.adverts.isEmpty)
        #expect(driven.router.nextDeadline == Driven.at(1900))
    }

    @Test("vrrp.backup.group-ready and vrrp.master.group-left: members of a group move together")
    func groups() {
        var members = [Driven(needsConsent: true), Driven(needsConsent: true)]
        for index in members.indices { members[index].start() }
        members[0].advance(to: 3700)
        #expect(members[0].effects.contains(.wantsMaster))
        #expect(members[0].router.role == .backup)
        #expect(SyncGroup.verdict(of: members.map(\.router)) == .settled)
        members[1].advance(to: 3700)
        #expect(SyncGroup.verdict(of: members.map(\.router)) == .promote)
        for index in members.indices {
            members[index].promote(at: 3700)
            #expect(members[index].rule == "vrrp.backup.group-ready")
        }
        #expect(SyncGroup.verdict(of: members.map(\.router)) == .settled)
        members[0].hear(200, at: 4000)
        #expect(SyncGroup.verdict(of: members.map(\.router)) == .demote)
        members[1].demote(at: 4000)
        #expect(members[1].rule == "vrrp.master.group-left")
        #expect(members[1].adverts.isEmpty)
    }
}
