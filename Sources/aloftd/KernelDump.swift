import LinuxWorld
import Netlink
import Primitives
import RouterEngine

/// All links and addresses of the kernel, read over a socket of its own, so that what the monitor hears
/// meanwhile is not lost.
struct KernelDump {
    /// Dumps that were interrupted by a change are repeated; after this many the last one is believed.
    static let attempts = 5

    func read() throws(SystemError) -> ([Link], [KernelAddress]) {
        var socket = try RouteSocket.command()
        var links: [Link] = []
        var addresses: [KernelAddress] = []
        for _ in 0..<Self.attempts {
            links = []
            addresses = []
            var answer = try socket.exchange(.dumpLinks) {
                if case .link(let record) = $0 { links.append(Link(record)) }
            }
            let interrupted = answer.isInterrupted
            answer = try socket.exchange(.dumpAddresses(nil)) {
                if case .address(let record) = $0 { addresses.append(KernelAddress(record)) }
            }
            if !interrupted, !answer.isInterrupted { break }
        }
        return (links, addresses)
    }
}
