import Balancing
import Configuration
import Health
import Primitives
import Testing

@Suite struct BalancerTests {
    static func address(_ last: UInt8) -> IPAddress { .v4(IPv4Address(10, 0, 0, last)) }

    @Test("balance.server.failed: a failing server leaves the table, balance.server.recovered: a well one comes back")
    func failure() throws {
        let bench = try Bench(service())
        bench.pass(.seconds(3))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"])
        bench.sick = [Self.address(2)]
        bench.pass(.seconds(1.1))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.3:1"])
        #expect(bench.take("[10.0.0.2]") == ["[10.0.0.2]:tcp:80 of [192.0.2.1]:tcp:80 UP → DOWN"])
        #expect(bench.take("report balance.server.failed").count == 1)
        bench.sick = []
        bench.pass(.seconds(1.1))
        #expect(bench.serving.count == 3)
        #expect(bench.take("report balance.server.recovered").count == 1)
    }

    @Test("balance.check.forgiven: one glitch removes nobody (LB-1)")
    func glitch() throws {
        let bench = try Bench(service(check: "retry 2\n delay_before_retry 1\n log_all_failures"))
        bench.pass(.seconds(3))
        bench.sick = [Self.address(1)]
        bench.pass(.seconds(2.5))
        #expect(bench.serving.count == 3)
        #expect(bench.take("report balance.check.forgiven").count == 2)
        bench.sick = []
        bench.pass(.seconds(10))
        #expect(bench.take("[10").isEmpty)
    }

    @Test("inhibit_on_failure: a failed server keeps its connections, with the weight 0")
    func inhibited() throws {
        let bench = try Bench(service(each: "inhibit_on_failure"))
        bench.sick = [Self.address(2)]
        bench.pass(.seconds(3))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:0", "10.0.0.3:1"])
    }

    @Test("balance.quorum.lost: the sorry server serves alone, balance.quorum.gained: and goes")
    func sorry() throws {
        let bench = try Bench(
            service(
                "quorum 2\n hysteresis 1\n sorry_server 10.0.0.9 80\n quorum_up \"/bin/true up\"\n quorum_down /bin/false"
            ))
        bench.sick = [Self.address(1), Self.address(2)]
        bench.pass(.seconds(3))
        #expect(bench.serving == ["10.0.0.3:1"], "within the hysteresis")
        bench.sick.insert(Self.address(3))
        bench.pass(.seconds(2))
        #expect(bench.serving == ["10.0.0.9:1"])
        #expect(bench.take("hook VS") == ["hook VS [192.0.2.1]:tcp:80 DOWN /bin/false"])
        #expect(bench.take("report balance.quorum.lost").count == 1)
        bench.sick = [Self.address(1)]
        bench.pass(.seconds(2))
        #expect(bench.serving == ["10.0.0.9:1"], "two are not three")
        bench.sick = []
        bench.pass(.seconds(2))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"])
        #expect(bench.take("hook VS") == ["hook VS [192.0.2.1]:tcp:80 UP /bin/true"])
        #expect(bench.take("report balance.quorum.gained").count == 1)
    }

    @Test("alpha: a server is out until a check has passed, and nobody is told of it at the start")
    func alpha() throws {
        let bench = try Bench(service("alpha", each: "notify_up /bin/true"))
        #expect(bench.serving.isEmpty)
        #expect(bench.take("hook").isEmpty)
        bench.pass(.seconds(1))
        #expect(bench.serving.count == 3)
        #expect(bench.take("hook RS").count == 3)
    }

    @Test("omega: whoever was told that it is up is told that it goes")
    func omega() throws {
        let bench = try Bench(service("omega\n quorum_down /bin/false", servers: 1, each: "notify_down /bin/false"))
        bench.pass(.seconds(2))
        bench.give(.stop(keeping: false))
        #expect(bench.kernel.services.isEmpty)
        #expect(bench.take("hook").count == 2)
        bench.pass(.seconds(60))
        #expect(bench.take("change").count == 2)
    }

    @Test("A server that names its weight has it (misc_dynamic), and one that names 0 gets no connections")
    func dynamic() throws {
        let bench = try Bench(service())
        bench.weights = [Self.address(1): 30, Self.address(2): 0]
        bench.pass(.seconds(2))
        #expect(bench.serving == ["10.0.0.1:30", "10.0.0.2:0", "10.0.0.3:1"])
    }

    // MARK: - Draining

    @Test("balance.drain.begun: no new connections; balance.drain.done: gone with the last open one (LB-2)")
    func drain() throws {
        let bench = try Bench(service())
        bench.pass(.seconds(2))
        let key = try #require(bench.kernel.services.first?.key)
        bench.connections = [key: [DestinationKey(Self.address(2), port: 80): 5]]
        bench.give(.drain(DrainOrder(ServerSelector(Self.address(2)))))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:0", "10.0.0.3:1"])
        bench.pass(.seconds(3600))
        #expect(bench.serving.contains("10.0.0.2:0"), "an open connection was cut")
        bench.connections = [:]
        bench.pass(.seconds(2))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.3:1"])
        #expect(bench.take("report balance.drain").count == 2)
        bench.give(.undrain(ServerSelector(Self.address(2), port: 80)))
        #expect(bench.serving.count == 3)
        #expect(bench.take("report balance.drain.ended").count == 1)
    }

    @Test("A drain ends with its time, and outlives a reload and a new balancer")
    func drainLasts() throws {
        let bench = try Bench(service())
        bench.connections = [
            .address(.v4(IPv4Address(192, 0, 2, 1)), port: 80, .tcp): [DestinationKey(Self.address(2), port: 80): 5]
        ]
        bench.give(.drain(DrainOrder(ServerSelector(Self.address(2)), timeout: .seconds(10))))
        bench.pass(.seconds(9))
        #expect(bench.serving.contains("10.0.0.2:0"))
        bench.give(.reload(try Bench.model(service(servers: 4))))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:0", "10.0.0.3:1", "10.0.0.4:1"])
        bench.pass(.seconds(1.5))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.3:1", "10.0.0.4:1"])
        var next = Balancer(try Bench.model(service()), seed: 2)
        var effects: [BalancerEffect] = []
        next.handle(
            .start(kernel: bench.kernel, adopting: true, drained: bench.balancer.drainOrders), at: bench.now,
            into: &effects)
        #expect(next.desired.services.first?[DestinationKey(Self.address(2), port: 80)]?.weight != 1)
    }

    @Test("A server that this host cannot ask stays what it was; that is said once for as long as it lasts")
    func unasked() throws {
        let bench = try Bench(service())
        bench.unasked = [Self.address(1)]
        bench.pass(.seconds(10))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"])
        #expect(bench.take("report \(RuleID.checkUnasked)").count == 1)
        bench.unasked = []
        bench.sick = [Self.address(1)]
        bench.pass(.seconds(3))
        #expect(bench.serving == ["10.0.0.2:1", "10.0.0.3:1"])
        bench.unasked = [Self.address(1)]
        bench.pass(.seconds(3))
        #expect(bench.serving == ["10.0.0.2:1", "10.0.0.3:1"])
        #expect(bench.take("report \(RuleID.checkUnasked)").count == 1)
    }

    @Test("LB-3: a successor that finds every server drained has the sorry server serve at once (seed 1424)")
    func successorOfAllDrained() throws {
        let sorry = "sorry_server 10.0.0.99 80"
        let bench = try Bench(service(sorry))
        let drained = (1...3).map { DrainOrder(ServerSelector(Self.address($0))) }
        var next = Balancer(try Bench.model(service(sorry)), seed: 2)
        var effects: [BalancerEffect] = []
        next.handle(.start(kernel: bench.kernel, adopting: true, drained: drained), at: bench.now, into: &effects)
        #expect(next.desired.services.first?[DestinationKey(Self.address(99), port: 80)]?.weight == 1)
    }

    @Test("A server that a reload removes drains first, where it has a drain_timeout")
    func removedByReload() throws {
        let bench = try Bench(service()) { $0.drainTimeout = .seconds(30) }
        bench.pass(.seconds(2))
        bench.connections = [
            .address(.v4(IPv4Address(192, 0, 2, 1)), port: 80, .tcp): [DestinationKey(Self.address(3), port: 80): 1]
        ]
        bench.give(.reload(try Bench.model(service(servers: 2))))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:0"])
        bench.pass(.seconds(29))
        #expect(bench.serving.count == 3)
        bench.pass(.seconds(2))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:1"])
    }

    @Test("balance.slow-start.done: a server that comes back gets its share little by little")
    func slowStart() throws {
        let bench = try Bench(service(servers: 2)) { $0.slowStart = .seconds(20) }
        bench.sick = [Self.address(2)]
        bench.pass(.seconds(3))
        #expect(bench.serving == ["10.0.0.1:1"])
        bench.sick = []
        bench.pass(.seconds(1.5))
        #expect(bench.serving == ["10.0.0.1:20", "10.0.0.2:1"])
        bench.pass(.seconds(10))
        let half = try #require(bench.kernel.services.first?[DestinationKey(Self.address(2), port: 80)]?.weight)
        #expect((9...12).contains(half))
        bench.pass(.seconds(11))
        #expect(bench.serving == ["10.0.0.1:1", "10.0.0.2:1"])
        #expect(bench.take("report balance.slow-start.done").count == 1)
    }

    // MARK: - Reload, adoption, repair

    @Test("RELOAD-1: a reload that changes nothing has no effects, and checks that run go on")
    func sameReload() throws {
        let bench = try Bench(service())
        bench.sick = [Self.address(1)]
        bench.pass(.seconds(3))
        bench.told = []
        bench.give(.reload(try Bench.model(service())))
        #expect(bench.told.isEmpty)
        bench.pass(.seconds(5))
        #expect(bench.told.isEmpty)
        #expect(bench.serving.count == 2)
    }

    @Test("balance.server.unproved: a new checker with alpha has to pass first")
    func unproved() throws {
        let bench = try Bench(service())
        bench.pass(.seconds(2))
        bench.give(.reload(try Bench.model(service(check: "alpha\n connect_port 81"))))
        #expect(bench.serving.isEmpty)
        #expect(bench.take("report balance.server.unproved").count == 3)
        bench.pass(.seconds(2))
        #expect(bench.serving.count == 3)
    }

    @Test("A reload touches the service that changed, and nothing else")
    func oneChanged() throws {
        let old = (1...50).map { service(vip: "192.0.2.\($0)") }
        var new = old
        new[20] = service(each: "inhibit_on_failure\n weight 5", vip: "192.0.2.21")
        let bench = try Bench(old.joined())
        bench.pass(.seconds(2))
        let before = bench.kernel
        bench.give(.reload(try Bench.model(new.joined())))
        #expect(Set(before.changes(to: bench.kernel).map(\.service)).count == 1)
    }

    @Test("A successor goes on with what its predecessor had taken out, and empties nothing")
    func adoption() throws {
        let bench = try Bench(service())
        bench.sick = [Self.address(2)]
        bench.pass(.seconds(2))
        let left = bench.kernel
        let next = try Bench(service("warmup 60"), adopting: left)
        #expect(next.kernel == left)
        #expect(next.told.isEmpty)
        next.pass(.seconds(61))
        #expect(next.serving.count == 3)
    }

    @Test("balance.table.repaired: what someone else changed is put right, what belongs to others is left alone")
    func repair() throws {
        let bench = try Bench(service())
        bench.pass(.seconds(2))
        bench.told = []
        let foreign = ForwardingService(.mark(9, .ipv4), [Destination(Self.address(99), port: 1)])
        bench.kernel = ForwardingTable([foreign])
        bench.give(.tableRead(bench.kernel))
        #expect(bench.kernel.services.count == 2)
        #expect(bench.kernel[.mark(9, .ipv4)] == foreign)
        #expect(bench.take("report balance.table.repaired").count == 1)
        bench.told = []
        bench.give(.tableRead(bench.kernel))
        #expect(bench.told.isEmpty)
    }

    @Test(
        "balance.table.refused: what the kernel does not take is said once, and not tried again until something changes"
    )
    func refusal() throws {
        let bench = try Bench(service())
        let key = try #require(bench.kernel.services.first)
        for _ in 0..<2 { bench.give(.refused([.addService(key)], reasons: ["no scheduler rr"])) }
        #expect(bench.take("report balance.table.refused").count == 1)
        bench.told = []
        bench.give(.tableRead(ForwardingTable()))
        #expect(bench.told.isEmpty)
    }

    @Test(
        "balance.service.suspended: ha_suspend asks nobody while the address is elsewhere, balance.service.resumed: and soon when it comes"
    )
    func suspension() throws {
        let bench = try Bench(service("ha_suspend"))
        bench.give(.localAddresses([]))
        let count = bench.checksRun
        bench.sick = [Self.address(1)]
        bench.pass(.seconds(60))
        #expect(bench.checksRun == count)
        #expect(bench.serving.count == 3)
        bench.give(.localAddresses([.v4(IPv4Address(192, 0, 2, 1))]))
        bench.pass(.seconds(0.1))
        #expect(bench.serving.count == 2)
        #expect(bench.take("report balance.service").count == 2)
    }

    @Test("lvs_notify_fifo gets keepalived's lines")
    func fifo() throws {
        let bench = try Bench(service("quorum 3", global: "lvs_notify_fifo /tmp/fifo"))
        bench.sick = [Self.address(1)]
        bench.pass(.seconds(3))
        #expect(
            bench.take("fifo") == [
                "fifo RS [10.0.0.1]:tcp:80 [192.0.2.1]:tcp:80 DOWN", "fifo VS [192.0.2.1]:tcp:80 DOWN",
            ])
    }
}
