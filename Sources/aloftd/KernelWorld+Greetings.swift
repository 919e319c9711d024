import Greeting
import LinuxWorld
import Primitives
import RouterEngine
import Supervision

/// Greetings on their way out and in. A class, because a socket has one owner and the list of them changes while one is read.
final class HelloPort {
    let family: AddressFamily
    var socket: HelloSocket
    /// Groups that were joined, with their interfaces.
    var joined: [Joined] = []

    struct Joined: Equatable {
        var group: IPAddress
        var interface: InterfaceIndex
    }

    init(_ family: AddressFamily, _ socket: consuming HelloSocket) {
        self.family = family
        self.socket = socket
    }
}

extension KernelWorld {
    /// One socket a family, in the groups of the routers' interfaces; what cannot be opened is said once, and nothing depends on it.
    mutating func openHelloPorts(_ engine: borrowing Engine) {
        for key in engine.sockets where engine.greets(on: key) {
            guard let port = helloPort(key.family, engine.helloPort) else { continue }
            for group in key.groups where key.interface != .any {
                let joined = HelloPort.Joined(group: group, interface: key.interface)
                guard !port.joined.contains(joined) else { continue }
                // An interface that went takes its memberships along; one that comes has another number.
                if (try? port.socket.join(group, on: key.interface)) != nil { port.joined.append(joined) }
            }
        }
    }

    private mutating func helloPort(_ family: AddressFamily, _ number: UInt16) -> HelloPort? {
        if let known = helloPorts.first(where: { $0.family == family }) { return known }
        do throws(SystemError) {
            let port = HelloPort(family, try HelloSocket(family, port: number))
            helloPorts.append(port)
            helloPortsChanged = true
            return port
        } catch {
            if !hasMissedHelloPort {
                log(.warning, "\(error); this node does not greet the others: hand-overs wait for their timers")
            }
            hasMissedHelloPort = true
            return nil
        }
    }

    mutating func greet(_ id: RouterID, _ destination: IPAddress, _ bytes: [UInt8], _ engine: borrowing Engine) {
        guard let source = engine.source(of: id),
            let port = helloPorts.first(where: { $0.family == destination.family })
        else { return }
        let isLocal = destination.isMulticast || destination.isLinkLocal
        let interface = isLocal ? engine.interface(of: id) : nil
        if isLocal, interface == nil { return }
        // Weather: the next one comes soon.
        try? port.socket.send(bytes, to: destination, from: source, on: interface)
    }
}

extension Narration {
    /// A greeting's news; nil for what the log need not have.
    static func line(_ note: GreetingNote) -> (level: LogLevel, text: String)? {
        switch note {
        case .joined(let peer): (.notice, "\(peer) greets: it is Aloft too")
        case .restarted(let peer): (.notice, "\(peer) greets as a new process")
        case .lost(let peer): (.notice, "\(peer) greets no more")
        case .nameTwice(let peer):
            (
                .error,
                "\(peer) has the name of another node that lives: leases cannot tell them apart; give each its own `node` or `router_id`"
            )
        case .mismatch(let mismatch, let peer): (.warning, "\(peer) is configured otherwise: \(words(mismatch))")
        case .settled(let rule, let peer): (.notice, "what \(peer) had otherwise (\(rule)) goes together now")
        case .changed: nil
        case .departs(let peer, let namesThis):
            (.info, "\(peer) is going to stop" + (namesThis ? ", and named this node to follow" : ""))
        case .claimed(let peer): (.notice, "\(peer) ranks higher and asks for the lease")
        case .promiseAsked(let peer, _, _, _): (.info, "\(peer) asks for a promise, since its arbiter is down")
        case .promised(let peer, _, let duration):
            (.info, "\(peer) promises not to take the lease for \(duration.formattedSeconds()) s")
        case .refused(let rejection, let source):
            (
                .warning,
                "a greeting from \(source) was not listened to: \(words(rejection)); more of its kind are only counted"
            )
        }
    }

    private static func words(_ mismatch: GreetingMismatch) -> String {
        switch mismatch {
        case .version(let own, let theirs): "it speaks VRRPv\(theirs.rawValue), and this node VRRPv\(own.rawValue)"
        case .interval(let own, let theirs): "it advertises every \(theirs) s, and this node every \(own) s"
        case .addresses: "its list of addresses is another one; compare `virtual_ipaddress` on both nodes"
        case .authentication(let own, let theirs):
            own == theirs
                ? "its password is another one; compare `auth_pass`"
                : "its authentication is \(theirs), and this node's \(own); compare `authentication`"
        case .lease(let own, let theirs):
            switch (own, theirs) {
            case (nil, _?):
                "it needs a lease, and this node does not: name the `arbiter` on both nodes, or both may hold"
            case (_?, nil): "it needs no lease, and this node does: name the `arbiter` on both nodes, or both may hold"
            default: "its lease has another name, or other terms; compare `arbiter`, `lease` and `drift`"
            }
        }
    }

    private static func words(_ rejection: HelloRejection) -> String {
        switch rejection {
        case .malformed: "it cannot be understood"
        case .format: "a later version of the program wrote it"
        case .seal: "it is signed with another key, or not as this node's are; compare `authentication` on both nodes"
        case .hopLimit: "it comes from behind a router"
        case .stranger: "`unicast_peer` does not name it"
        case .otherRouter: "it is about another virtual router"
        case .own: "it is this node's own"
        case .replayed: "it was heard before"
        case .crowded: "more nodes greet than there can be"
        }
    }
}
