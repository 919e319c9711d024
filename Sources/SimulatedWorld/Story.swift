import Primitives
import RouterEngine
import VRRP

/// The last events of a run, one line each: what came in, and what the node asked for because of it.
struct Story {
    private var ring: [String] = []
    private var next = 0
    private let capacity = 4000

    mutating func add(_ time: Int64, _ host: Int?, _ line: String) {
        let text = "\(seconds(time)) \(host.map { "node \($0)" } ?? "world ") \(line)"
        if ring.count < capacity { ring.append(text) } else { ring[next] = text }
        next = (next + 1) % capacity
    }

    /// Oldest first.
    var lines: [String] { ring.count < capacity ? ring : Array(ring[next...] + ring[..<next]) }

    static func describe(_ input: Input) -> String {
        switch input {
        case .start(let routers, let scripts, let held):
            "start, \(routers.count) records, \(scripts.count) scripts, \(held.count) leases"
        case .timer: "timer"
        case .kernelDump(let links, let addresses):
            "dump: \(links.map { "\($0.name) \($0.isUp ? "up" : "down")" }), \(addresses.map { "\($0.prefix)" })"
        case .link(let link): "link \(link.name) (\(link.index)) \(link.isUp ? "up" : "down")"
        case .linkGone(let index): "link \(index) gone"
        case .address(let address): "address \(address.prefix) reported"
        case .addressGone(let address): "address \(address.prefix) reported gone"
        case .operationFailed(let id, let operation, let errno): "\(operation) of \(id) failed: errno \(errno)"
        case .socketsMissing(let keys):
            keys.isEmpty
                ? "all sockets are open"
                : "no socket on \(keys.map { "\($0.interface) IPv\($0.family.rawValue)" })"
        case .scriptFinished(let id, let outcome): "\(id) \(outcome)"
        case .reload: "reload"
        case .leases(let arbiter, let reports): "\(arbiter): \(reports.map { "\($0.lease) \($0.kind)" })"
        case .arbiter(let name, let standing): "\(name) \(standing)"
        case .fence(let standing): "fence \(standing)"
        case .hello(let hello): "hello from \(hello.source)"
        case .claimed(let claim, let index): "\(claim.mac) claims \(claim.address) on \(index)"
        case .stop: "stop"
        case .release(let routers): "release of \(routers.count) records"
        }
    }

    static func describe(_ delivery: Delivery) -> String {
        let bytes = delivery.bytes
        let at = delivery.offset
        guard bytes.count >= at + 6 else { return "hears \(bytes.count) bytes from \(delivery.origin.source)" }
        let interval = UInt16(bytes[at + 4]) << 8 | UInt16(bytes[at + 5])
        let sender = delivery.sender.map { "node \($0)" } ?? "an attacker"
        return "hears vrid \(bytes[at + 1]) priority \(bytes[at + 2]) interval field \(interval) from \(sender)"
            + (delivery.isSound ? "" : " (broken)")
    }

    static func describe(_ effect: Effect, _ engine: Engine) -> String {
        func name(_ id: RouterID) -> String { engine.status(of: id)?.name ?? "\(id)" }
        func prefix(_ id: AddressID) -> String { engine.address(id).map { "\($0.key.prefix)" } ?? "\(id)" }
        return switch effect {
        case .advertise(let id, let priority): "advertise \(name(id)) \(priority)"
        case .announce(let id, let count): "announce \(prefix(id)) × \(count)"
        case .install(let id): "install \(prefix(id))"
        case .withdraw(let id): "withdraw \(prefix(id))"
        case .refresh(let id): "refresh \(prefix(id))"
        case .socketsChanged: "sockets \(engine.sockets.count)"
        case .fence(let id, let until): "fence \(id) until \(until.map { "\($0)" } ?? "now")"
        case .greet(let id, let destination, _): "greet \(destination) for \(name(id))"
        case .guardsChanged: "guards \(engine.guards.count)"
        case .ask(let arbiter, let question): "ask \(arbiter) \(question)"
        case .record(let id): "record \(name(id)) \(engine.record(of: id).map { "\($0.role)" } ?? "?")"
        case .recordScript(let id): "record \(id)"
        case .startScript(let id): "start \(id)"
        case .cancelScript(let id): "cancel \(id)"
        case .transition(let id, let transition):
            "\(name(id)) \(transition.from) → \(transition.to) because \(transition.cause.rule)"
                + (transition.to == .fault
                    ? " \(engine.status(of: id)?.faults.map(\.description) ?? [])" : "")
        case .groupTransition(let id, let from, let to): "\(id) \(from) → \(to)"
        case .hook(.router(let id), let kind): "hook \(kind) of \(name(id))"
        case .ensureHook(.router(let id), let kind): "hook \(kind) of \(name(id)), if it was not run"
        case .ensureHook(.group(let id), let kind): "hook \(kind) of \(id), if it was not run"
        case .hook(.group(let id), let kind): "hook \(kind) of \(id)"
        case .note(let note): "note \(note)"
        case .reloaded: "reloaded"
        case .stopped: "stopped"
        }
    }
}
