import Configuration
import LinuxWorld
import Netlink
import Primitives
import RouterEngine
import Supervision
import VRRP

/// A takeover that nobody sees: the code that decides, encodes and reports it runs once, on an engine of its
/// own that is thrown away.
///
/// With `ProgramCode.lockPages` its pages then stay in memory. A node whose disk hangs can so still take
/// over and give up; without it the first takeover in months might wait for a page that was evicted.
enum Rehearsal {
    static func run(_ model: Model) {
        guard var instance = model.instances.first, let name = instance.interface else { return }
        instance.trackScripts = []
        var engine = Engine(Model(global: model.global, scripts: [], syncGroups: [], instances: [instance]))
        let index = InterfaceIndex(1)
        let host: IPPrefix? = IPPrefix(instance.family == .ipv4 ? "192.0.2.1/24" : "fe80::1/64")
        guard let host else { return }
        let links = [Link(index: index, name: name, isUp: true)]
        var effects: [Effect] = []
        engine.handle(.kernelDump(links, [KernelAddress(interface: index, prefix: host)]), at: .zero, into: &effects)
        engine.handle(.start(adopting: [], scripts: []), at: .zero, into: &effects)
        var now = Instant.zero
        // Backup, then master for a few adverts, then somebody deletes an address.
        for _ in 0..<4 {
            guard let next = engine.nextDeadline else { break }
            now = max(next, now)
            engine.handle(.timer, at: now, into: &effects)
        }
        if let address = instance.virtualAddresses.first {
            engine.handle(
                .addressGone(KernelAddress(interface: index, prefix: address.prefix)), at: now, into: &effects)
        }
        hearAdvert(&engine, at: now, into: &effects)
        engine.handle(.stop, at: now, into: &effects)
        encode(effects, &engine, at: now)
    }

    private static func hearAdvert(_ engine: inout Engine, at now: Instant, into effects: inout [Effect]) {
        guard let id = engine.routerIDs.first, let packet = engine.preparePacket(of: id, Priority(1)),
            let copy = packet.copies.first, let interface = engine.interface(of: id)
        else { return }
        let origin = PacketOrigin(
            interface: interface, source: packet.source, destination: copy.destination, timeToLive: 255)
        let header = packet.source.family == .ipv4 ? 20 : 0
        engine.receive(
            copy.bytes.span.bytes.extracting(header..<copy.bytes.count), from: origin, at: now, into: &effects)
    }

    private static func encode(_ effects: [Effect], _ engine: inout Engine, at now: Instant) {
        var bytes: [UInt8] = []
        for effect in effects {
            switch effect {
            case .advertise(let id, let priority): _ = engine.preparePacket(of: id, priority)
            case .announce(let id, _): _ = engine.announcement(of: id, isRouter: false)
            case .install(let id), .withdraw(let id), .refresh(let id):
                guard let entry = engine.address(id), let interface = entry.interface else { continue }
                RouteRequest.replaceAddress(AddressRecord(entry, on: interface, at: now)).append(
                    to: &bytes, sequence: 1)
            case .transition(let id, let transition):
                guard let status = engine.status(of: id) else { continue }
                bytes += WorkerMessage.log(.notice, Narration.reason(transition, of: status)).frame
            default: break
            }
        }
    }
}
