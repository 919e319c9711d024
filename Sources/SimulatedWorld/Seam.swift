import Primitives
import RouterEngine
import VRRP

/// The seam on the simulated side: effects go out through it, exactly as they do in production.
struct Seam: World {
    unowned let simulation: Simulation
    unowned let host: Host

    mutating func perform(_ effects: [Effect], for engine: inout Engine, at now: Instant) {
        simulation.judge.noteEffects(effects.count, of: host)
        for (index, effect) in effects.enumerated() {
            if host.diesAfterEffects == 0 { host.isDying = true }
            if host.isDying { return }
            if host.diesAfterEffects > 0 { host.diesAfterEffects -= 1 }
            if simulation.arbiters != nil {
                if simulation.standsStill(host) {
                    host.leases.pending = Array(effects[index...])
                    host.leases.pendingAt = now
                    return
                }
                simulation.checkOrder(effect, engine, at: now, of: host)
            }
            carryOut(effect, &engine, now)
        }
        if simulation.arbiters != nil { simulation.checkMembers(engine, of: host) }
    }

    private func carryOut(_ effect: Effect, _ engine: inout Engine, _ now: Instant) {
        simulation.note(effect, of: host)
        if simulation.isWatched { simulation.watch(effect, of: host, engine) }
        switch effect {
        case .advertise(let id, let priority):
            if id.index < host.recordSlots.count, host.recordSlots[id.index] >= 0 {
                host.records[host.recordSlots[id.index]].lastAdvert = now
            } else {
                noteFirstAdvert(of: id, engine, now)
            }
            guard let packet = engine.preparePacket(of: id, priority), let interface = engine.interface(of: id)
            else { return }
            simulation.send(packet, from: host, interface: interface)
        case .announce(let id, let count):
            guard let (interface, frame) = engine.announcement(of: id, isRouter: false) else { return }
            simulation.announce(frame, count: count, from: host, interface: interface)
        case .install(let id):
            guard let entry = engine.address(id) else { return }
            guard !simulation.mustWait(entry, isLeased: engine.isLeased(id), on: host) else {
                if !host.leases.waiting.contains(id) { host.leases.waiting.append(id) }
                return
            }
            simulation.install(entry, id, isRefresh: false, on: host)
        case .refresh(let id):
            guard let entry = engine.address(id) else { return }
            simulation.install(entry, id, isRefresh: true, on: host)
        case .withdraw(let id):
            host.leases.waiting.removeAll { $0 == id }
            guard let entry = engine.address(id) else { return }
            simulation.withdraw(entry, id, on: host)
        case .socketsChanged: host.sockets = engine.sockets
        case .record(let id):
            guard let record = engine.record(of: id) else { return }
            host.store(record, of: simulation.router(id, engine))
        case .recordScript(let id):
            guard let record = engine.record(of: id) else { return }
            host.store(record)
        case .startScript(let id):
            guard let script = engine.script(id) else { return }
            simulation.startScript(id, script, on: host)
        case .cancelScript(let id): host.scriptRuns.removeAll { $0.id == id }
        case .hook(.router(let id), let kind):
            switch kind {
            case .backup, .master, .fault, .stop, .deleted:
                guard let router = simulation.router(id, engine) else { return }
                simulation.judge.hooked(host, router, kind)
                host.lastHook[router] = kind
            case .masterReceivedLowerPriority, .priorityChanged, .split: break
            }
        case .ensureHook(.router(let id), let kind):
            guard let router = simulation.router(id, engine), host.lastHook[router] != kind else { return }
            simulation.judge.hooked(host, router, kind)
            host.lastHook[router] = kind
        case .fence(let id, let until): simulation.setFence(id, until: until, engine, at: now, on: host)
        case .guardsChanged:
            host.leases.slots = nil
            simulation.guardsChanged(engine, on: host)
        case .ask(_, let question): simulation.arbiters?.ask(question, by: host)
        case .greet: break
        case .transition, .groupTransition, .hook(.group, _), .ensureHook(.group, _), .note: break
        case .reloaded:
            host.snapshot = engine.model
            host.leases.slots = nil
        case .stopped: host.isStopping = true
        }
    }

    /// Finds the place of a router's last-advert word, once.
    private func noteFirstAdvert(of id: RouterID, _ engine: Engine, _ now: Instant) {
        guard let key = engine.record(of: id)?.key else { return }
        host.noteAdvert(of: key, at: now)
        while host.recordSlots.count <= id.index { host.recordSlots.append(-1) }
        host.recordSlots[id.index] = host.records.firstIndex { $0.key == key } ?? -1
    }
}
