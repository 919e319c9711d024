import ConfigLanguage
import Primitives

extension HostCheck {
    /// Something must forward, somebody must have the addresses, and checks run commands; each command is told of once.
    mutating func checkServers() {
        guard !definitions.virtualServers.isEmpty else { return }
        checkPlane()
        checkServerAddresses()
        var seen: Set<String> = []
        for (server, range) in zip(model.virtualServers, definitions.virtualServers) {
            for check in server.realServers.lazy.flatMap(\.checks) {
                guard case .command(let probe) = check.probe, let name = probe.argv.first,
                    seen.insert(name).inserted
                else { continue }
                checkProgram(HookCommand(argv: probe.argv, user: probe.user), range)
            }
        }
    }

    /// What a kernel without ip_vs means.
    private mutating func checkPlane() {
        guard let first = definitions.virtualServers.first, !facts.hasIPVS else { return }
        switch model.global.forwarding.plane {
        case .nftables: return
        case .ipvs:
            report(
                .hostIPVS, at: first, "this kernel has no ip_vs", reason: "there is nothing that could forward",
                fix: "load or build the module ip_vs, or write `data_plane auto`")
        case .automatic:
            report(
                .hostPlane, at: first, "this kernel has no ip_vs: nftables forwards instead",
                reason: "docs/configuration.md says under Data planes what that cannot do",
                fix: "load or build the module ip_vs if it is wanted")
            if let (server, range) = zip(model.virtualServers, definitions.virtualServers).first(where: {
                $0.0.takesTurnsOnNFTables
            }) {
                report(
                    .hostPlane, at: range,
                    "connections are spread by turns here, and not by `\(server.scheduler.rawValue)`: nftables forwards",
                    reason: VirtualServer.turnsReason, fix: "load or build the module ip_vs if the scheduler matters")
            }
            for (server, range) in zip(model.virtualServers, definitions.virtualServers) {
                for limit in server.limitsOnNFTables {
                    let (what, reason) = limit.texts
                    report(
                        .hostPlaneLimit, at: range,
                        "\(what) here: this kernel has no ip_vs, and nftables forwards instead",
                        reason: "\(reason); the virtual server is not served",
                        fix: "load or build the module ip_vs, or change the virtual server")
                }
                guard server.isHashedByNFTables else { continue }
                report(
                    .hostPlane, at: range,
                    "DR picks servers by a hash here, and not by `\(server.scheduler.rawValue)`: nftables forwards",
                    reason: server.hashOnNFTables, fix: "load or build the module ip_vs if the scheduler matters")
            }
            if model.global.forwarding.syncDaemon != nil {
                report(
                    .hostPlaneLimit, at: first, "`lvs_sync_daemon` has no effect here: this kernel has no ip_vs",
                    reason: "connections that it would tell of are those of ip_vs",
                    fix: "load or build the module ip_vs")
            }
        }
    }

    /// Services whose addresses neither an instance nor an interface has: somebody else routes them here, or there is a typo. The first few
    /// are enough to find out.
    private mutating func checkServerAddresses() {
        var held: Set<IPAddress> = []
        for instance in model.instances {
            for address in instance.virtualAddresses { held.insert(address.prefix.address) }
            for address in instance.excludedAddresses { held.insert(address.prefix.address) }
        }
        var said = 0
        for (server, range) in zip(model.virtualServers, definitions.virtualServers) {
            guard case .address(let address, _) = server.service, held.insert(address).inserted,
                facts.holder(of: address) == nil
            else { continue }
            report(
                .hostServerAddress, at: range, "neither an instance nor an interface of this host has \(address)",
                reason: "packets for it come here only while something else leads them here",
                fix: "add it to an instance's `virtual_ipaddress`, unless it comes here in another way")
            said += 1
            if said == 3 { return }
        }
    }
}
