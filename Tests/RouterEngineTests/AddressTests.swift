import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

@Suite("What the kernel has equals what the roles ask for")
struct AddressTests {
    static func master() -> Bench {
        var bench = Bench([Bench.instance(priority: 255)])
        bench.start()
        return bench
    }

    @Test("Becoming master advertises, installs, records, announces, in this order")
    func order() {
        let bench = Self.master()
        let kinds = bench.effects.map { effect in
            switch effect {
            case .advertise: "advertise"
            case .install: "install"
            case .record: "record"
            case .announce: "announce"
            case .transition: "transition"
            case .hook: "hook"
            default: "other"
            }
        }
        #expect(Array(kinds.prefix(6)) == ["advertise", "install", "record", "announce", "transition", "hook"])
    }

    @Test("Leaving is recorded before anything of it happens")
    func leaving() {
        var bench = Self.master()
        bench.now = .zero + .seconds(10)
        bench.handle(.stop)
        guard case .record? = bench.effects.first else {
            Issue.record("the first effect is \(String(describing: bench.effects.first))")
            return
        }
        #expect(bench.withdrawals == 1)
        #expect(bench.effects.last == .stopped)
    }

    @Test("engine.address.repaired: a deleted address comes back at once, and the role stays")
    func repaired() {
        var bench = Self.master()
        bench.now = .zero + .seconds(1)
        bench.handle(.addressGone(KernelAddress(interface: Bench.e0, prefix: IPPrefix("10.0.0.9/24")!)))
        #expect(bench.installs("10.0.0.9/24") == 1)
        #expect(bench.notes.count == 1)
        #expect(bench.role() == .master)
    }

    @Test("engine.address.fought: ten repairs in ten seconds are a fault, which ends by itself")
    func fought() {
        var bench = Self.master()
        for round in 0..<11 {
            bench.now = .zero + .milliseconds(1000 + round * 500)
            bench.handle(.addressGone(KernelAddress(interface: Bench.e0, prefix: IPPrefix("10.0.0.9/24")!)))
        }
        #expect(bench.role() == .fault)
        #expect(bench.installs("10.0.0.9/24") == 0)
        bench.pass(.seconds(40))
        #expect(bench.role() == .master)
    }

    @Test("Ten deletions over a long time are no fight")
    func patience() {
        var bench = Self.master()
        for round in 0..<30 {
            bench.now = .zero + .seconds(2 + round * 2)
            bench.handle(.addressGone(KernelAddress(interface: Bench.e0, prefix: IPPrefix("10.0.0.9/24")!)))
            #expect(bench.role() == .master)
        }
    }

    @Test("An address that the daemon itself withdrew is not put back when the kernel reports it")
    func ownDeletion() {
        var bench = Bench([Bench.instance()])
        bench.start()
        bench.pass(.seconds(4))
        #expect(bench.role() == .master)
        bench.handle(.link(Link(index: Bench.e0, name: "e0", isUp: false)))
        #expect(bench.withdrawals == 1)
        bench.handle(.addressGone(KernelAddress(interface: Bench.e0, prefix: IPPrefix("10.0.0.9/24")!)))
        #expect(bench.effects.isEmpty)
    }

    @Test("A leftover of an earlier life is removed at start, an owner's own address is not")
    func leftovers() {
        let left = KernelAddress(interface: Bench.e0, prefix: IPPrefix("10.0.0.9/24")!, isMarked: true)
        var bench = Bench([Bench.instance()])
        bench.start(extra: [left])
        #expect(bench.withdrawals == 1)
        var owner = Bench([Bench.instance(priority: 255, addresses: ["10.0.0.1/24"])])
        owner.start()
        #expect(owner.role() == .master)
        owner.pass(.seconds(30))
        #expect(!owner.effects.contains { if case .refresh = $0 { true } else { false } })
        owner.handle(.stop)
        #expect(owner.withdrawals == 0)
    }

    @Test("engine.address.refused: what the kernel refuses is tried again every second, and said once")
    func refused() {
        var bench = Self.master()
        guard let id = bench.engine.addresses.ids.first else {
            Issue.record("no address")
            return
        }
        bench.handle(.operationFailed(id, .install, errno: 12))
        #expect(bench.notes == [.operationFailed(id, .install, errno: 12)])
        bench.pass(.milliseconds(1001))
        #expect(bench.installs("10.0.0.9/24") == 1)
        bench.handle(.operationFailed(id, .install, errno: 12))
        #expect(bench.notes.isEmpty)
    }

    @Test("A held address is refreshed three times within each lifetime")
    func refresh() {
        var bench = Self.master()
        bench.pass(.seconds(60))
        let refreshes = bench.effects.count { if case .refresh = $0 { true } else { false } }
        #expect((17...20).contains(refreshes))
    }

    @Test("After an overrun the dump decides: what is missing is repaired")
    func overrun() {
        var bench = Self.master()
        bench.now = .zero + .seconds(1)
        bench.handle(.kernelDump(Bench.links, Bench.hosts))
        #expect(bench.installs("10.0.0.9/24") == 1)
    }

    @Test("An interface that vanishes and comes back under another index is served again")
    func renumbered() {
        var bench = Bench([Bench.instance()])
        bench.start()
        bench.pass(.seconds(4))
        bench.handle(.linkGone(Bench.e0))
        #expect(bench.role() == .fault)
        let again = InterfaceIndex(9)
        bench.handle(.link(Link(index: again, name: "e0", isUp: true)))
        bench.handle(.address(KernelAddress(interface: again, prefix: IPPrefix("10.0.0.1/24")!)))
        #expect(bench.role() == .backup)
        #expect(bench.engine.sockets.map(\.interface) == [again])
        bench.pass(.seconds(4))
        #expect(bench.installs("10.0.0.9/24") == 1)
    }

    @Test("A renamed interface is another interface")
    func renamed() {
        var bench = Bench([Bench.instance()])
        bench.start()
        bench.handle(.link(Link(index: Bench.e0, name: "lan0", isUp: true)))
        #expect(bench.role() == .fault)
        bench.handle(.link(Link(index: Bench.e0, name: "e0", isUp: true)))
        #expect(bench.role() == .backup)
    }
}
