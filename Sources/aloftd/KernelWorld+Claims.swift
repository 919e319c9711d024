import LinuxWorld
import Primitives
import RouterEngine
import VRRP

/// Listens for who else claims addresses of one family, on all interfaces. A class, because a socket has one owner and the list of
/// them changes while one is read.
final class ClaimListener {
    fileprivate(set) var addresses: Set<IPAddress>
    var socket: ClaimSocket
    let token: UInt64
    /// Not looked at until then: what a flood brings more than that is dropped in the kernel.
    var mutedUntil: Instant?

    init(_ addresses: Set<IPAddress>, _ socket: consuming ClaimSocket, token: UInt64) {
        self.addresses = addresses
        self.socket = socket
        self.token = token
    }

    /// After a full read, how long the next is put off: 1280 frames a second at most.
    static let pause = Duration.milliseconds(25)
}

/// The listeners of a world, and how they are watched: one of each family at most. None is closed, since that takes as long as some adverts.
struct ClaimListeners {
    fileprivate(set) var all: [ClaimListener] = []
    /// They may not listen for what the engine wants.
    var areDue = false
    private var hasComplained = false

    /// Listens for the addresses that the engine has, and for no others. What cannot be opened is said once, and nothing depends on it.
    mutating func settle(
        _ engine: borrowing Engine, _ poller: inout Poller, from firstToken: UInt64, log: (String) -> Void
    ) {
        areDue = false
        var claimable: Set<IPAddress> = []
        for (_, addresses) in engine.claimable { claimable.formUnion(addresses) }
        for family in [AddressFamily.ipv4, .ipv6] {
            let wanted = claimable.filter { $0.family == family }
            let known = all.first { $0.socket.family == family }
            // Without addresses a filter would let everything pass: the last ones stay, and nobody asks for them.
            guard !wanted.isEmpty, known?.addresses != wanted else { continue }
            do throws(SystemError) {
                if let known {
                    try known.socket.listen(for: wanted.sorted())
                    known.addresses = wanted
                } else {
                    let socket = try ClaimSocket(family, addresses: wanted.sorted())
                    let listener = ClaimListener(wanted, socket, token: firstToken + UInt64(all.count))
                    try poller.add(listener.socket.descriptor, token: listener.token)
                    all.append(listener)
                }
            } catch {
                if !hasComplained {
                    hasComplained = true
                    log("\(error); who else answers for the addresses is not noticed")
                }
            }
        }
    }

    /// Whether an address that comes is listened for.
    func cover(_ address: IPAddress) -> Bool { all.contains { $0.addresses.contains(address) } }
}

extension Worker {
    /// One read of each listener that has something: what is left waits for the next round, or a moment after a flood.
    mutating func readClaims(_ ready: [UInt64]) {
        for listener in node.world.claims.all where ready.contains(listener.token) && listener.mutedUntil == nil {
            var heard: [(claim: AddressClaim, interface: InterfaceIndex)] = []
            let count =
                (try? listener.socket.receive { claim, interface in
                    if !heard.contains(where: { $0 == (claim, interface) }) { heard.append((claim, interface)) }
                }) ?? 0
            for (claim, interface) in heard { node.handle(.claimed(claim, on: interface), at: BootClock.now()) }
            guard count == ClaimSocket.batch else { continue }
            listener.mutedUntil = BootClock.now() + ClaimListener.pause
            // Not only without interest: an error would be reported all the same, and not be read.
            try? poller.remove(listener.socket.descriptor)
        }
    }

    /// The first moment at which a listener is looked at again; nil where none is put off.
    var claimsResumeAt: Instant? { node.world.claims.all.lazy.compactMap(\.mutedUntil).min() }

    mutating func resumeClaims(at now: Instant) {
        for listener in node.world.claims.all where listener.mutedUntil.map({ $0 <= now }) ?? false {
            listener.mutedUntil = nil
            try? poller.add(listener.socket.descriptor, token: listener.token)
        }
    }

    mutating func settleClaims() {
        guard node.world.claims.areDue else { return }
        var lines: [String] = []
        node.world.claims.settle(node.engine, &poller, from: Token.claims) { lines.append($0) }
        for line in lines { node.world.log(.warning, line) }
    }
}
