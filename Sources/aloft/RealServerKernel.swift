import Balancing
import LinuxWorld
import Netlink
import Primitives
import Supervision

/// The host under `aloft realserver`: read as a value, and changed step by step.
struct RealServerKernel: ~Copyable {
    private var socket: RouteSocket
    private let links: [LinkRecord]
    let host: RealServerHost

    init(stateDirectory: String) throws(SystemError) {
        var socket = try RouteSocket.command()
        var (links, records): ([LinkRecord], [AddressRecord]) = ([], [])
        try Self.dump(&socket, .dumpLinks) { if case .link(let record) = $0 { links.append(record) } }
        try Self.dump(&socket, .dumpAddresses(nil)) { if case .address(let record) = $0 { records.append(record) } }
        var host = try Self.host(links, records)
        host.directed = Self.directed(stateDirectory)
        self.socket = socket
        self.links = links
        self.host = host
    }

    private static func host(_ links: [LinkRecord], _ records: [AddressRecord]) throws(SystemError) -> RealServerHost {
        var host = RealServerHost(interfaces: [])
        host.boot = try Sysctl.read("kernel/random/boot_id")
        host.network = try Files.linkTarget("/proc/self/ns/net")
        let hasIPv6 = try Files.status("/proc/net/if_inet6") != nil
        host.interfaces = links.map { link in
            let refuses = try? Sysctl.read("net/ipv6/conf/\(link.name)/disable_ipv6")
            return RealServerHost.Interface(
                link.name, isUp: link.flags.contains(.up), isLoopback: link.flags.contains(.loopback),
                isWithoutARP: link.flags.contains(.noARP), refusesIPv6: !hasIPv6 || refuses == "1")
        }
        host.addresses = records.compactMap { record in
            let link = links.first { $0.index == record.interface }
            return link.map { RealServerHost.Address(record.prefix, on: $0.name) }
        }
        for interface in ["all"] + links.map(\.name) {
            for setting in ARPSetting.allCases {
                let name = setting.name(of: interface)
                if let value = try? Sysctl.read(name) { host.settings[name] = value }
            }
        }
        return host
    }

    /// Repeats a dump that changed under it.
    private static func dump(
        _ socket: inout RouteSocket, _ request: RouteRequest, _ body: (RouteMessage) -> Void
    ) throws(SystemError) {
        let answer = try socket.exchange(request, body)
        guard answer.isSuccess else { throw SystemError(.netlink, answer.errno, "list interfaces and addresses") }
    }

    /// What this host's daemon and its IPVS say they direct. Neither need be there.
    private static func directed(_ stateDirectory: String) -> [IPAddress: String] {
        var found: [IPAddress: String] = [:]
        if let listing = try? Files.readText("/proc/net/ip_vs") {
            for address in IPVSListing.addresses(in: listing) { found[address] = "an IPVS service" }
        }
        let answer = try? ControlClient.ask(.status(instance: nil), socket: stateDirectory + "/control.sock")
        for instance in answer?.value["result"]?["worker"]?["instances"]?.array ?? [] {
            for entry in instance["addresses"]?.array ?? [] {
                guard let prefix = entry["address"]?.string.flatMap({ IPPrefix($0) }) else { continue }
                found[prefix.address] = "instance \(instance["name"]?.string ?? "?") of its own daemon"
            }
        }
        return found
    }

    mutating func perform(_ step: RealServerSetup.Step) throws(SystemError) {
        switch step {
        case .write(let name, _, let value): try Sysctl.write(name, value)
        case .add(let address, let interface):
            try ask(.addAddress(try record(address, interface)), "add \(address) to", interface, unless: .exists)
        case .remove(let address, let interface):
            try ask(
                .deleteAddress(try record(address, interface)), "remove \(address) from", interface,
                unless: .addressNotAvailable)
        }
    }

    /// - Parameter unless: what the kernel answers where it is so already.
    private mutating func ask(
        _ request: RouteRequest, _ action: String, _ interface: String, unless done: Errno
    ) throws(SystemError) {
        let answer = try socket.exchange(request)
        guard answer.isSuccess || answer.errno == done else {
            throw SystemError(.netlink, answer.errno, action, interface)
        }
    }

    private func record(_ address: IPAddress, _ interface: String) throws(SystemError) -> AddressRecord {
        guard let link = links.first(where: { $0.name == interface }) else {
            throw SystemError(.netlink, .noDevice, "find", interface)
        }
        // Nobody else has it on this link that could be asked: no duplicate address detection, which takes two seconds.
        return AddressRecord(
            interface: link.index, prefix: IPPrefix(host: address), flags: address.family == .ipv6 ? .noDAD : [])
    }
}
