import LinuxWorld
import Primitives
import RouterEngine
import VRRP

/// Listens for who else claims addresses of one family on one interface. A class, because a socket has one owner and the list of
/// them changes while one is read.
final class ClaimListener {
    var addresses: [IPAddress]
    var socket: ClaimSocket
    let token: UInt64
    /// Not looked at until then: what a flood brings more than that is dropped in the kernel.
    var mutedUntil: Instant?

    init(_ addresses: [IPAddress], _ socket: consuming ClaimSocket, token: UInt64) {
        self.addresses = addresses
        self.socket = socket
        self.token = token
    }

    /// After a full read, how long the next is put off: 320 frames a second and listener at most.
    static let pause = Duration.milliseconds(100)
}

/// The listeners of a world, and how they are watched.
struct ClaimListeners {
    fileprivate(set) var all: [ClaimListener] = []
    /// They may not be those that the engine wants.
    var areDue = false
    private var nextToken: UInt64 = 0
    private var complained: [InterfaceIndex] = []

    /// Listens where the engine has addresses, and nowhere else. What cannot be opened is said once, and nothing depends on it.
    mutating func settle(
        _ engine: borrowing Engine, _ poller: inout Poller, from firstToken: UInt64, log: (String) -> Void
    ) {
        areDue = false
        var wanted: [(interface: InterfaceIndex, family: AddressFamily, addresses: [IPAddress])] = []
        for (interface, addresses) in engine.claimable {
            for family in [AddressFamily.ipv4, .ipv6] {
                let own = addresses.filter { $0.family == family }
                if !own.isEmpty { wanted.append((interface, family, own)) }
            }
        }
        all.removeAll { listener in
            !wanted.contains { $0.interface == listener.socket.interface && $0.family == listener.socket.family }
        }
        for item in wanted {
            do throws(SystemError) {
                if let known = all.first(where: {
                    $0.socket.interface == item.interface && $0.socket.family == item.family
                }) {
                    guard known.addresses != item.addresses else { continue }
                    try known.socket.listen(for: item.addresses)
                    known.addresses = item.addresses
                } else {
                    let socket = try ClaimSocket(item.family, interface: item.interface, addresses: item.addresses)
                    let listener = ClaimListener(item.addresses, socket, token: firstToken + nextToken)
                    try poller.add(listener.socket.descriptor, token: listener.token)
                    nextToken += 1
                    all.append(listener)
                }
            } catch {
                if !complained.contains(item.interface) {
                    complained.append(item.interface)
                    log("\(error); who else answers for the addresses there is not noticed")
                }
            }
        }
    }

    /// Whether an address that comes to an interface is listened for there.
    func cover(_ interface: InterfaceIndex) -> Bool { all.contains { $0.socket.interface == interface } }
}

extension Worker {
    /// One read of each listener that has something: what is left waits for the next round, or a tenth of a second after a flood.
    mutating func readClaims(_ ready: [UInt64]) {
        for listener in node.world.claims.all where ready.contains(listener.token) && listener.mutedUntil == nil {
            var heard: [AddressClaim] = []
            let count = (try? listener.socket.receive { if !heard.contains($0) { heard.append($0) } }) ?? 0
            for claim in heard {
                node.handle(.claimed(claim, on: listener.socket.interface), at: BootClock.now())
            }
            guard count == ClaimSocket.batch else { continue }
            listener.mutedUntil = BootClock.now() + ClaimListener.pause
            try? poller.modify(listener.socket.descriptor, token: listener.token, interest: [])
        }
    }

    /// The first moment at which a listener is looked at again; nil where none is put off.
    var claimsResumeAt: Instant? { node.world.claims.all.lazy.compactMap(\.mutedUntil).min() }

    mutating func resumeClaims(at now: Instant) {
        for listener in node.world.claims.all where listener.mutedUntil.map({ $0 <= now }) ?? false {
            listener.mutedUntil = nil
            try? poller.modify(listener.socket.descriptor, token: listener.token, interest: .read)
        }
    }

    mutating func settleClaims() {
        guard node.world.claims.areDue else { return }
        var lines: [String] = []
        node.world.claims.settle(node.engine, &poller, from: Token.claims) { lines.append($0) }
        for line in lines { node.world.log(.warning, line) }
    }
}
