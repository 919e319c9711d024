import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

@Suite("A reload disturbs nothing that it does not change (RELOAD-1)")
struct ReloadTests {
    static func thousand() -> [InstanceDefinition] {
        (0..<1000).map { number in
            Bench.instance(
                "VI_\(number)", id: UInt8(number % 250 + 1), addresses: ["10.\(number / 250).\(number % 250).9/32"],
                interface: "e\(number / 250)")
        }
    }

    static func links() -> ([Link], [KernelAddress]) {
        let links = (0..<4).map { Link(index: InterfaceIndex(UInt32($0 + 2)), name: "e\($0)", isUp: true) }
        let hosts = (0..<4).map {
            KernelAddress(interface: InterfaceIndex(UInt32($0 + 2)), prefix: IPPrefix("10.\($0).255.1/16")!)
        }
        return (links, hosts)
    }

    /// A world that only counts, so that the input log can tell what a reload had for effects.
    struct Counting: World {
        var last: [Effect] = []
        mutating func perform(_ effects: [Effect], for engine: inout Engine, at now: Instant) { last = effects }
    }

    @Test("Of a thousand masters only the one that changed has effects, as the input log shows")
    func touchesOne() {
        var instances = Self.thousand()
        var node = Node(Engine(Model(instances: instances)), in: Counting())
        let (links, hosts) = Self.links()
        node.handle(.kernelDump(links, hosts), at: .zero)
        node.handle(.start(adopting: [], scripts: []), at: .zero)
        var now = Instant.zero
        while now < .zero + .seconds(10), let next = node.nextDeadline {
            now = next
            node.handle(.timer, at: now)
        }
        #expect(node.engine.statuses.allSatisfy { $0.role == .master })

        node.handle(.reload(Model(instances: instances)), at: now)
        #expect(node.log.all.last?.effects == 1)
        #expect(node.world.last == [.reloaded(changed: 0, added: 0, removed: 0)])

        instances[500].virtualAddresses.append(VirtualAddress(IPPrefix("10.2.0.200/32")!))
        node.handle(.reload(Model(instances: instances)), at: now)
        let effects = node.world.last
        #expect(effects.last == .reloaded(changed: 1, added: 0, removed: 0))
        #expect(node.log.all.last?.effects == effects.count)
        for effect in effects {
            switch effect {
            case .install(let id), .announce(let id, _):
                let owners = node.engine.statuses.filter {
                    $0.addresses.contains { $0.key == node.engine.address(id)?.key }
                }
                #expect(owners.map(\.name) == ["VI_500"])
            case .reloaded: break
            default: Issue.record("a reload that adds an address had the effect \(effect)")
            }
        }
    }

    @Test("A renamed instance is the same virtual router")
    func renamed() {
        var bench = Bench([Bench.instance(priority: 255)])
        bench.start()
        bench.handle(.reload(Model(instances: [Bench.instance("VI_renamed", priority: 255)])))
        #expect(bench.role("VI_renamed") == .master)
        #expect(bench.effects == [.reloaded(changed: 1, added: 0, removed: 0)])
    }

    @Test("A removed instance says priority 0 and leaves nothing; an added one starts")
    func removedAndAdded() {
        var bench = Bench([Bench.instance(priority: 255)])
        bench.start()
        bench.now = .zero + .seconds(1)
        bench.handle(.reload(Model(instances: [Bench.instance("VI_2", id: 52, addresses: ["10.0.0.10/24"])])))
        #expect(bench.effects.contains { if case .advertise(_, .releasing) = $0 { true } else { false } })
        #expect(bench.withdrawals == 1)
        #expect(bench.role("VI_1") == nil)
        #expect(bench.role("VI_2") == .backup)
    }

    @Test("An address that moves from one master to another stays in the kernel")
    func moved() {
        let pair = [
            Bench.instance("VI_1", id: 51, priority: 255, addresses: ["10.0.0.9/24", "10.0.0.10/24"]),
            Bench.instance("VI_2", id: 52, priority: 255, addresses: ["10.0.0.11/24"]),
        ]
        var bench = Bench(pair)
        bench.start()
        var moved = pair
        moved[0].virtualAddresses.removeLast()
        moved[1].virtualAddresses.append(VirtualAddress(IPPrefix("10.0.0.10/24")!))
        bench.handle(.reload(Model(instances: moved)))
        #expect(bench.withdrawals == 0)
        #expect(bench.installs("10.0.0.10/24") == 0)
    }

    @Test("A changed priority is used at once, without a change of role")
    func priority() {
        var bench = Bench([Bench.instance()])
        bench.start()
        bench.pass(.seconds(4))
        bench.handle(.reload(Model(instances: [Bench.instance(priority: 200)])))
        #expect(bench.role() == .master)
        #expect(bench.engine.statuses.first?.priority == Priority(200))
    }

    @Test("Unicast routers that share VRID, source and interface are told apart by their names")
    func sharedKeys() {
        func unicast(_ name: String, peer: String, address: String) -> InstanceDefinition {
            var instance = Bench.instance(name, priority: 255, addresses: [address])
            instance.unicastSource = IPAddress("10.0.0.1")
            instance.unicastPeers = [UnicastPeer(address: IPAddress(peer)!)]
            return instance
        }
        let pair = [
            unicast("A", peer: "10.0.0.2", address: "10.0.0.21/24"),
            unicast("B", peer: "10.0.0.3", address: "10.0.0.22/24"),
        ]
        var bench = Bench(pair)
        bench.start()
        bench.handle(.reload(Model(instances: pair)))
        #expect(bench.effects == [.reloaded(changed: 0, added: 0, removed: 0)])
        bench.handle(.reload(Model(instances: pair.reversed())))
        #expect(bench.effects == [.reloaded(changed: 0, added: 0, removed: 0)])
        let keys = Set(pair.map { Engine.recordKey($0, in: Model(instances: pair)) })
        #expect(keys.count == 2)
    }
}
