import Configuration
import Primitives
import Testing
import VRRP

@testable import RouterEngine

/// One engine on a kernel that does what it is told: links `e0` (10.0.0.1/24, fe80::1/64) and `e1`.
struct Bench {
    var engine: Engine
    var effects: [Effect] = []
    var now = Instant.zero

    static let e0 = InterfaceIndex(2)
    static let e1 = InterfaceIndex(3)
    static let hosts = [
        KernelAddress(interface: e0, prefix: IPPrefix("10.0.0.1/24")!),
        KernelAddress(interface: e0, prefix: IPPrefix("fe80::1/64")!),
        KernelAddress(interface: e1, prefix: IPPrefix("10.1.0.1/24")!),
    ]
    static let links = [Link(index: e0, name: "e0", isUp: true), Link(index: e1, name: "e1", isUp: true)]

    init(_ instances: [InstanceDefinition], scripts: [TrackScript] = [], groups: [SyncGroupDefinition] = []) {
        engine = Engine(Model(scripts: scripts, syncGroups: groups, instances: instances))
    }

    static func instance(
        _ name: String = "VI_1", id: UInt8 = 51, priority: UInt8 = 100, addresses: [String] = ["10.0.0.9/24"],
        interface: String = "e0"
    ) -> InstanceDefinition {
        var instance = InstanceDefinition(name: name, interface: interface, virtualRouterID: id)
        instance.basePriority = priority
        instance.virtualAddresses = addresses.map { VirtualAddress(IPPrefix($0)!) }
        return instance
    }

    mutating func handle(_ input: Input) {
        effects = []
        engine.handle(input, at: now, into: &effects)
    }

    mutating func start(adopting records: [RouterRecord] = [], extra: [KernelAddress] = []) {
        handle(.kernelDump(Self.links, Self.hosts + extra))
        handle(.start(adopting: records, scripts: []))
    }

    /// Lets time pass, deadline by deadline, and keeps all effects of it.
    mutating func pass(_ duration: Duration) {
        let end = now + duration
        var all: [Effect] = []
        while let next = engine.nextDeadline, next <= end {
            now = max(now, next)
            handle(.timer)
            all += effects
        }
        now = end
        effects = all
    }

    func role(_ name: String = "VI_1") -> Role? { engine.router(named: name).flatMap { engine.status(of: $0)?.role } }

    /// The routers that the effects speak of, directly or through an address.
    var touched: Set<String> {
        var names: Set<String> = []
        for effect in effects {
            switch effect {
            case .advertise(let id, _), .record(let id), .transition(let id, _), .hook(.router(let id), _):
                names.insert(engine.definition(of: id)?.name ?? "\(id)")
            case .announce(let id, _), .install(let id), .withdraw(let id), .refresh(let id):
                names.insert(engine.address(id)?.key.prefix.description ?? "\(id)")
            default: break
            }
        }
        return names
    }

    func installs(_ prefix: String) -> Int {
        effects.count { effect in
            if case .install(let id) = effect { engine.address(id)?.key.prefix.description == prefix } else { false }
        }
    }

    var withdrawals: Int { effects.count { if case .withdraw = $0 { true } else { false } } }
    var notes: [Note] { effects.compactMap { if case .note(let note) = $0 { note } else { nil } } }
}
