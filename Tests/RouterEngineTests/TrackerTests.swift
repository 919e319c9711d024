import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

@Suite("Trackers: keepalived's table of weights")
struct TrackerTests {
    static func bench(weight: Int = 0, reverse: Bool = false, rise: Int = 1, fall: Int = 1, initFail: Bool = false)
        -> Bench
    {
        var script = TrackScript(name: "chk", command: .run(["/bin/true"]))
        (script.weight, script.reverse, script.rise, script.fall) = (weight, reverse, rise, fall)
        script.initFail = initFail
        var instance = Bench.instance()
        instance.trackScripts = [TrackedScript(name: "chk")]
        var bench = Bench([instance], scripts: [script])
        bench.start()
        return bench
    }

    static func finish(_ bench: inout Bench, _ code: Int32) {
        bench.pass(.seconds(1))
        let started = bench.effects.compactMap { if case .startScript(let id) = $0 { id } else { nil } }
        guard let id = started.last ?? bench.engine.scripts.first?.id else { return }
        bench.handle(.scriptFinished(id, .exited(code)))
    }

    @Test("Without a weight the first result decides; until then the router waits")
    func unweighted() {
        var bench = Self.bench()
        #expect(bench.role() == .initialize)
        Self.finish(&bench, 0)
        #expect(bench.role() == .backup)
        Self.finish(&bench, 1)
        #expect(bench.role() == .fault)
        Self.finish(&bench, 0)
        #expect(bench.role() == .backup)
    }

    @Test("A first failure is a fault; init_fail is one from the start")
    func failing() {
        var bench = Self.bench()
        Self.finish(&bench, 1)
        #expect(bench.role() == .fault)
        #expect(Self.bench(initFail: true).role() == .fault)
    }

    @Test(
        "The weight is added or subtracted as keepalived does",
        arguments: [
            (10, false, 110, 100), (-10, false, 100, 90), (10, true, 90, 100), (-10, true, 100, 110),
        ])
    func weights(weight: Int, reverse: Bool, up: UInt8, down: UInt8) {
        var bench = Self.bench(weight: weight, reverse: reverse)
        Self.finish(&bench, 0)
        #expect(bench.engine.statuses.first?.priority == Priority(up))
        Self.finish(&bench, 1)
        #expect(bench.engine.statuses.first?.priority == Priority(down))
    }

    @Test("engine.script.fell after `fall` failures, engine.script.rose after `rise` successes")
    func riseAndFall() {
        var bench = Self.bench(weight: 10, rise: 3, fall: 2)
        Self.finish(&bench, 0)
        #expect(bench.engine.statuses.first?.priority == Priority(110), "one success is enough at first")
        Self.finish(&bench, 1)
        #expect(bench.engine.statuses.first?.priority == Priority(110))
        Self.finish(&bench, 1)
        #expect(bench.engine.statuses.first?.priority == Priority(100))
        for expected in [100, 100, 110] as [UInt8] {
            Self.finish(&bench, 0)
            #expect(bench.engine.statuses.first?.priority == Priority(expected))
        }
    }

    @Test("engine.script.overrun: a script that still runs is not started again")
    func overrun() {
        var bench = Self.bench(weight: 10)
        bench.pass(.seconds(3))
        #expect(bench.notes.count { if case .scriptSkipped = $0 { true } else { false } } == 3)
        #expect(!bench.effects.contains { if case .startScript = $0 { true } else { false } })
    }

    @Test("A tracked interface without a weight is a fault, with one a term of the priority")
    func interfaces() {
        var plain = Bench.instance()
        plain.trackInterfaces = [TrackedInterface(name: "e1")]
        var weighted = Bench.instance("VI_2", id: 52)
        weighted.trackInterfaces = [TrackedInterface(name: "e1", weight: -20)]
        var bench = Bench([plain, weighted])
        bench.start()
        bench.handle(.link(Link(index: Bench.e1, name: "e1", isUp: false)))
        #expect(bench.role("VI_1") == .fault)
        #expect(bench.role("VI_2") == .backup)
        #expect(bench.engine.statuses.last?.priority == Priority(80))
    }

    @Test("engine.group.role: a fault of one member is the whole group's, and the group comes back together")
    func groups() {
        let members = [
            Bench.instance("A", id: 1), Bench.instance("B", id: 2, addresses: ["10.1.0.9/24"], interface: "e1"),
        ]
        var bench = Bench(members, groups: [SyncGroupDefinition(name: "G", members: ["A", "B"])])
        bench.start()
        bench.pass(.seconds(4))
        #expect(bench.role("A") == .master && bench.role("B") == .master)
        bench.handle(.link(Link(index: Bench.e1, name: "e1", isUp: false)))
        #expect(bench.role("A") == .fault && bench.role("B") == .fault)
        #expect(bench.effects.contains(.groupTransition(GroupID(0), from: .master, to: .fault)))
        bench.handle(.link(Link(index: Bench.e1, name: "e1", isUp: true)))
        bench.pass(.seconds(5))
        #expect(bench.role("A") == .master && bench.role("B") == .master)
    }

    @Test("engine.receive.unknown-router and engine.receive.addresses-differ are said once")
    func strangers() {
        var bench = Bench([Bench.instance()])
        bench.engine.model.global.logUnknownVRIDs = true
        bench.start()
        let origin = PacketOrigin(
            interface: Bench.e0, source: IPAddress("10.0.0.2")!, destination: IPAddress("224.0.0.18")!, timeToLive: 255)
        func packet(_ id: UInt8, _ address: String) -> [UInt8] {
            let format = PacketFormat(version: .v2, family: .ipv4, isUnicast: false, interval: Centiseconds(100))
            let packet = AdvertisementPacket(
                format: format, id: VirtualRouterID(id)!, priority: Priority(200), source: origin.source,
                destinations: [origin.destination], addresses: [IPAddress(address)!])
            return Array(packet.copies[0].bytes[20...])
        }
        for round in 0..<3 {
            bench.effects = []
            bench.engine.receive(packet(99, "10.0.0.9").span.bytes, from: origin, at: bench.now, into: &bench.effects)
            bench.engine.receive(packet(51, "10.0.0.77").span.bytes, from: origin, at: bench.now, into: &bench.effects)
            #expect(bench.notes.count == (round == 0 ? 2 : 0))
        }
    }

    @Test("A weighted tracker of a group's member does not count, unless sync_group_tracking_weight says so")
    func weightsInGroups() {
        for counts in [false, true] {
            var script = TrackScript(name: "chk", command: .run(["/bin/false"]))
            script.weight = -20
            var member = Bench.instance("A", id: 1)
            member.trackScripts = [TrackedScript(name: "chk")]
            let other = Bench.instance("B", id: 2, addresses: ["10.0.0.10/24"])
            var group = SyncGroupDefinition(name: "G", members: ["A", "B"])
            group.trackingWeight = counts
            var bench = Bench([member, other], scripts: [script], groups: [group])
            bench.start()
            Self.finish(&bench, 1)
            #expect(bench.role("A") == .backup)
            #expect(bench.engine.statuses.first?.priority == Priority(counts ? 80 : 100))
        }
    }
}
