import Configuration
import Glibc
import LinuxWorld
import Netlink
import Primitives

// A build for planted bugs has only what the simulator needs (Package.swift).
#if canImport(ArbiterWorker)
    import ArbiterWorker
#endif

/// This machine, as `aloft check --live` asks about it: read once, without privileges.
struct LocalHost: HostFacts {
    private var interfaces: [String: HostInterface] = [:]
    private var holders: [IPAddress: String] = [:]
    private let users: UserDatabase?
    let hasIPv6: Bool
    let hasIPVS: Bool

    init() {
        users = try? UserDatabase.load()
        hasIPv6 = access("/proc/net/if_inet6", F_OK) == 0
        hasIPVS = access("/proc/net/ip_vs", F_OK) == 0 || Self.canLoad("ip_vs")
        // Without an answer of the kernel every interface is missing, and that is said.
        do { try readKernel() } catch {}
    }

    private mutating func readKernel() throws(SystemError) {
        var socket = try RouteSocket.command()
        var links: [LinkRecord] = []
        var addresses: [AddressRecord] = []
        _ = try socket.exchange(.dumpLinks) { if case .link(let record) = $0 { links.append(record) } }
        _ = try socket.exchange(.dumpAddresses(nil)) { if case .address(let record) = $0 { addresses.append(record) } }
        for link in links {
            let refusal = try? Sysctl.read("net/ipv6/conf/\(link.name)/disable_ipv6")
            let own = addresses.filter { $0.interface == link.index }
            interfaces[link.name] = HostInterface(
                isUp: link.isUp, hasMulticast: link.flags.contains(.multicast), refusesIPv6: refusal == "1",
                addresses: own.map { HostAddress($0.prefix, isManaged: Self.isManaged($0)) })
            for address in own { holders[address.prefix.address] = link.name }
        }
    }

    /// Whether a module lies where modprobe looks for it (modules.dep(5)), or is built in.
    private static func canLoad(_ module: String) -> Bool {
        guard let release = try? Sysctl.read("kernel/osrelease") else { return false }
        return ["dep", "builtin"].contains { list in
            let text = try? Files.readText("/lib/modules/\(release)/modules.\(list)")
            return text?.contains("/\(module).ko") == true
        }
    }

    /// keepalived and Aloft mark their addresses; what ends by itself is nobody's own either.
    private static func isManaged(_ address: AddressRecord) -> Bool {
        address.proto == AddressRecord.alofts || address.validLifetime != AddressRecord.forever
    }

    func interface(_ name: String) -> HostInterface? { interfaces[name] }
    func holder(of address: IPAddress) -> String? { holders[address] }

    func program(_ name: String) -> HostProgram {
        guard let path = ScriptPath.find(name), let status = try? Files.status(path), status.isRegular else {
            return .missing
        }
        // Root may execute what anybody may.
        guard status.mode & 0o111 != 0 else { return .notExecutable(path: path) }
        return .found(path: path, writers: PathSafety.fault(of: path))
    }

    func knows(_ user: ScriptUser) -> Bool { users?.identity(user: user.user, group: user.group) != nil }
    func isRoot(_ user: ScriptUser) -> Bool { users?.identity(user: user.user)?.uid == 0 }
    func isReadable(_ path: String) -> Bool { access(path, R_OK) == 0 }

    /// The programs are loaded and tried on frames that no interface has; nothing is attached.
    func fence() -> HostFence {
        let why: String
        do throws(SystemError) {
            // Of a number that no daemon's is: those are hashes of paths.
            var fence = try LeaseFence(instance: .max)
            switch try fence.selfTest() {
            case .passed(let time): return .kernel(tested: time)
            case .failed(let failure): why = "\(FenceSelfTest.failed(failure))"
            }
        } catch {
            guard geteuid() == 0 else { return .unknown("only root, as whom the daemon runs, can try it (\(error))") }
            why = "\(error)"
        }
        if let obstacle = Self.obstacleToNFTables { return .lifetimes("\(why); \(obstacle)") }
        return .timeouts(why)
    }

    /// Why there can be no table, of an address that nobody has, at `lo`, for a moment; nil where there can.
    private static var obstacleToNFTables: SystemError? {
        do throws(SystemError) {
            guard let slot = FenceSlot(0), let address = IPAddress("240.0.0.1") else { return nil }
            var fence = try NFTablesFence(instance: .max)
            try fence.setGuards([FenceGuard(interface: InterfaceIndex(1), address: address, slot: slot)])
            try fence.setGuards([])
            return nil
        } catch { return error }
    }

    func ask(_ arbiter: ArbiterDefinition, about lease: LeaseDefinition) -> HostArbiter {
        #if canImport(ArbiterWorker)
            return switch ArbiterInquiry.ask(arbiter, about: lease) {
            case .answered(let roundTrip, let words): .answers(within: roundTrip, words)
            case .refused(let why): .refuses(why)
            case .silent(let why): .silent(why)
            case .unusable(let why): .unusable(why)
            }
        #else
            return .unusable("this build cannot ask arbiters")
        #endif
    }
}
