import Arbitration
import Configuration
import Primitives
import RouterEngine
import Supervision
import Testing

@testable import Workers

/// An engine with one router under a lease, on a kernel that has its interface.
private struct Bench {
    var engine: Engine
    var waits = FenceWaits(at: Instant(nanoseconds: 1 << 40))
    var now = Instant(nanoseconds: 1 << 40)

    init(_ addresses: [String] = ["10.0.0.9/24"]) throws {
        var instance = InstanceDefinition(name: "VI_1", interface: "e0", virtualRouterID: 51)
        instance.virtualAddresses = try addresses.map { VirtualAddress(try #require(IPPrefix($0))) }
        instance.arbiter = "third"
        var model = Model(instances: [instance])
        model.arbiters = [
            ArbiterDefinition(
                name: "third",
                kind: .witness(
                    WitnessSettings(address: try #require(IPAddress("198.51.100.5")), key: .file("/etc/key"))))
        ]
        engine = Engine(model)
        var effects: [Effect] = []
        engine.handle(
            .kernelDump([Link(index: InterfaceIndex(2), name: "e0", isUp: true)], []), at: now, into: &effects)
        engine.handle(.start(adopting: [], scripts: []), at: now, into: &effects)
        try #require(engine.guards.count == addresses.count)
    }

    let id = AddressID(0)

    /// The list is said; answered where wanted.
    mutating func say(answered: Bool) {
        let list = waits.say(engine.guards)
        if answered { waits.learn(number: list.number) }
    }
    mutating func holds(_ kind: FenceWaits.Kind, _ id: AddressID? = nil) -> Bool {
        waits.holds(kind, id ?? self.id, engine, at: now)
    }
    mutating func take() -> [FenceWaits.Kind] { waits.take(engine, at: now).map(\.kind) }
}

@Suite("What waits for the fence")
struct FenceWaitsTests {
    @Test("An address waits until it is guarded, once, and what is announced after it does not come before it")
    func order() throws {
        var bench = try Bench()
        bench.say(answered: false)
        #expect(bench.holds(.install) == true)
        #expect(bench.waits.isWaiting(bench.id), "a refresh would install it")
        #expect(bench.holds(.install) == true, "asked for again it still waits")
        #expect(bench.holds(.announce(5)) == true)
        #expect(bench.holds(.announce(5)) == true)
        #expect(bench.take() == [])
        bench.waits.learn(number: bench.waits.say(bench.engine.guards).number)
        #expect(bench.holds(.announce(1)) == true, "it is guarded, and not installed yet")
        #expect(bench.take() == [.install, .announce(5), .announce(1)])
        #expect(bench.waits.isEmpty && !bench.waits.isWaiting(bench.id))
        #expect(bench.holds(.install) == false)
    }

    @Test("Nobody answers: it is done after a second")
    func limit() throws {
        var bench = try Bench()
        bench.say(answered: false)
        #expect(bench.holds(.install) == true)
        #expect(bench.waits.nextDeadline == bench.now + FenceWaits.guardLimit)
        bench.now = bench.now + .milliseconds(999)
        #expect(bench.take() == [])
        bench.now = bench.now + .milliseconds(1)
        #expect(bench.take() == [.install])
        #expect(bench.waits.nextDeadline == .distantFuture)
    }

    @Test("An address that goes waits for nothing, and one that comes back after it waits anew")
    func forgotten() throws {
        var bench = try Bench()
        bench.say(answered: false)
        #expect(bench.holds(.install) == true)
        #expect(bench.holds(.announce(5)) == true)
        bench.waits.forget(bench.id, bench.engine)
        #expect(bench.waits.isEmpty)
        #expect(bench.holds(.install) == true)
        bench.now = bench.now + .seconds(2)
        #expect(bench.take() == [.install])
    }

    @Test("Connections are ended of addresses that are one link's only: not of a link-local one of IPv6")
    func linkLocal() throws {
        var bench = try Bench(["10.0.0.9/24", "fe80::9/64", "169.254.7.9/24"])
        bench.say(answered: true)
        for index in 0..<3 { bench.waits.forget(AddressID(index), bench.engine) }
        #expect(bench.waits.takeChanges() == [.released([[10, 0, 0, 9], [169, 254, 7, 9]])])
        for index in 0..<3 { bench.waits.note(AddressID(index), bench.engine) }
        #expect(bench.waits.takeChanges() == [.taken([[10, 0, 0, 9], [169, 254, 7, 9]])])
    }

    @Test(
        "Eight times as many addresses that wait take about eight times as long, not sixty-four",
        .timeLimit(.minutes(1)))
    func many() throws {
        // Little of it is noise: the shortest of three.
        let times = try [500, 4000].map { count in
            try (0..<3).map { _ in try Self.spent(on: count) }.min() ?? .zero
        }
        #expect(times[1] < times[0] * 24, "\(times)")
    }

    private static func spent(on count: Int) throws -> Duration {
        var bench = try Bench((0..<count).map { "10.0.\($0 / 250).\($0 % 250 + 1)/16" })
        bench.say(answered: false)
        var held = 0
        let spent = ContinuousClock().measure {
            for index in 0..<count where bench.holds(.install, AddressID(index)) { held += 1 }
            for _ in 0..<5 { held += bench.take().count }
            for index in 0..<count { bench.waits.forget(AddressID(index), bench.engine) }
        }
        #expect(held == count && bench.waits.isEmpty)
        return spent
    }
}
