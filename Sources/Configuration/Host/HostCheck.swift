import ConfigLanguage
import Primitives

/// A configuration against the machine that it is for: interfaces, addresses, programs and users. Whatever is missing may
/// come later, so nearly all of this is a warning.
public struct HostCheck<Facts: HostFacts> {
    let model: Model
    let definitions: Definitions
    let facts: Facts
    let leniency: Leniency
    /// In the order of the text.
    public private(set) var diagnostics: [Diagnostic] = []
    /// What leases would meet here; nil where the configuration has none.
    public internal(set) var leases: HostLeases?

    /// Nothing is said about a configuration that was refused.
    public init(_ loaded: LoadedConfiguration, _ facts: Facts, leniency: Leniency = .strict) {
        model = loaded.model ?? Model()
        definitions = loaded.definitions
        self.facts = facts
        self.leniency = leniency
        guard loaded.model != nil else { return }
        var seen: Set<String> = []
        for (instance, places) in zip(model.instances, definitions.instancePlaces) {
            checkInterfaces(instance, places, &seen)
            checkAddresses(instance, places)
            checkEnds(instance, places)
        }
        checkPrograms()
        checkServers()
        checkLeases()
        diagnostics = loaded.sources.placed(diagnostics).enumerated().sorted { a, b in
            (a.element.range.start, a.offset) < (b.element.range.start, b.offset)
        }.map(\.element)
    }

    mutating func report(
        _ rule: Rule, at range: SourceRange, _ message: String, reason: String, fix: String = ""
    ) {
        diagnostics.append(
            Diagnostic(rule.severity(under: leniency), rule.id, at: range, message, reason: reason, fix: fix))
    }

    // MARK: Interfaces

    /// Each interface is told of once, where it is named first.
    private mutating func checkInterfaces(
        _ i: InstanceDefinition, _ places: InstancePlaces, _ seen: inout Set<String>
    ) {
        if let name = i.interface, seen.insert(name).inserted {
            checkInterface(name, places.interface ?? places.name, isUnicast: i.isUnicast)
        }
        for tracked in i.trackInterfaces where seen.insert(tracked.name).inserted {
            let place = places.place(ofInterface: tracked.name) ?? places.name
            checkInterface(tracked.name, place, isUnicast: true)
        }
        for address in i.virtualAddresses + i.excludedAddresses {
            guard let name = address.device, seen.insert(name).inserted else { continue }
            checkInterface(name, places.place(of: address.prefix.address), isUnicast: true)
        }
    }

    private mutating func checkInterface(_ name: String, _ place: SourceRange, isUnicast: Bool) {
        guard let interface = facts.interface(name) else {
            report(
                .hostInterface, at: place, "there is no interface `\(name)` here",
                reason: "what needs it is in fault until it appears", fix: "check the name with `ip link`")
            return
        }
        if !interface.isUp {
            report(
                .hostInterfaceDown, at: place, "the interface `\(name)` is down",
                reason: "what needs it is in fault until it comes up", fix: "`ip link set \(name) up`, or plug it in")
        }
        if !isUnicast, !interface.hasMulticast {
            report(
                .hostMulticast, at: place, "the interface `\(name)` has no multicast",
                reason: "adverts go to a multicast group, and reach nobody",
                fix: "`ip link set \(name) multicast on`, or write `unicast_peer`")
        }
    }

    // MARK: Addresses

    private mutating func checkAddresses(_ i: InstanceDefinition, _ places: InstancePlaces) {
        if i.family == .ipv6, !facts.hasIPv6 {
            report(
                .hostIPv6, at: places.name, "this kernel has no IPv6", reason: "the instance cannot speak",
                fix: "boot without `ipv6.disable`")
            return
        }
        for address in i.virtualAddresses + i.excludedAddresses {
            let name = address.device ?? i.interface ?? model.global.defaultInterface
            guard let interface = facts.interface(name) else { continue }
            let place = places.place(of: address.prefix.address)
            if address.prefix.address.family == .ipv6, interface.refusesIPv6 {
                report(
                    .hostIPv6, at: place, "IPv6 is switched off on `\(name)`",
                    reason: "the kernel refuses the address", fix: "`sysctl net.ipv6.conf.\(name).disable_ipv6=0`")
                continue
            }
            let own = interface.addresses.filter { !$0.isManaged }
            if !i.isOwner, own.contains(where: { $0.prefix.address == address.prefix.address }) {
                report(
                    .hostOwnAddress, at: place, "\(address.prefix.address) is an address of `\(name)` already",
                    reason: "a backup would have it as well as the master, unless a daemon that runs now put it there",
                    fix: "remove it from the interface, or write priority 255 on this node alone")
                continue
            }
            checkNetwork(of: address, own, name, place)
        }
    }

    /// A host address that is in no network of its interface is reached through a router only.
    private mutating func checkNetwork(
        of address: VirtualAddress, _ own: [HostAddress], _ name: String, _ place: SourceRange
    ) {
        let prefix = address.prefix
        let same = own.filter { $0.prefix.address.family == prefix.address.family }
        guard prefix.length == prefix.address.family.addressBits, !prefix.address.isLinkLocal, !same.isEmpty,
            !same.contains(where: { $0.prefix.contains(prefix.address) })
        else { return }
        report(
            .hostNetwork, at: place, "\(prefix.address) is in no network of `\(name)`",
            reason: "hosts on the link do not look for it there",
            fix: "correct the address, or write its length, such as \(prefix.address)/24")
    }

    /// Sources and peers.
    private mutating func checkEnds(_ i: InstanceDefinition, _ places: InstancePlaces) {
        let source = i.isUnicast ? i.unicastSource : i.multicastSource
        if let source, facts.holder(of: source) == nil {
            report(
                .hostSource, at: (i.isUnicast ? places.unicastSource : places.multicastSource) ?? places.name,
                "no interface has the source \(source)",
                reason: "adverts cannot be sent from it", fix: "write an address of this node")
        }
        for peer in i.unicastPeers where peer.address != source {
            guard let holder = facts.holder(of: peer.address) else { continue }
            report(
                .hostPeer, at: places.place(ofPeer: peer.address) ?? places.name,
                "the peer \(peer.address) is this node itself: `\(holder)` has it",
                reason: "adverts to it reach no other node", fix: "write the addresses of the other nodes")
        }
    }

    // MARK: Programs

    private mutating func checkPrograms() {
        for (index, script) in model.scripts.enumerated() {
            let place = definitions.commands[index]
            switch script.command {
            case .run(let argv): checkProgram(HookCommand(argv: argv, user: script.user), place)
            case .open(let path):
                guard !facts.isReadable(path) else { continue }
                report(
                    .hostProgram, at: place, "\(path) cannot be read now",
                    reason: "the check fails until it can", fix: "create it, or correct the path")
            }
        }
        for placed in definitions.hooks { checkProgram(placed.value, placed.range) }
    }

    mutating func checkProgram(_ command: HookCommand, _ place: SourceRange) {
        guard let name = command.argv.first else { return }
        let conventional = ScriptUser(user: "keepalived_script")
        let user = command.user ?? model.global.scriptUser ?? (facts.knows(conventional) ? conventional : nil)
        if let user, !facts.knows(user) {
            report(
                .hostUser, at: place,
                "there is no user `\(user.user)`\(user.group.map { ", or no group `\($0)`" } ?? "")",
                reason: "the command runs as nobody", fix: "create it, or write another one")
        } else if user == nil, model.global.enableScriptSecurity {
            report(
                .hostUser, at: place, "nobody says whom `\(name)` runs as, and there is no user keepalived_script",
                reason: "with `enable_script_security` it is not run", fix: "add `script_user NAME`")
        }
        switch facts.program(name) {
        case .missing:
            report(
                .hostProgram, at: place, "there is no program `\(name)` here",
                reason: "the command fails each time", fix: "install it, or correct the path")
        case .notExecutable(let path):
            report(
                .hostProgram, at: place, "\(path) cannot be executed", reason: "the command fails each time",
                fix: "`chmod +x \(path)`")
        case .found(_, let writers?) where user.map(facts.isRoot) ?? true:
            report(
                .hostProgramUnsafe, at: place, "`\(name)` runs as root, and \(writers)",
                reason: model.global.enableScriptSecurity
                    ? "with `enable_script_security` it is not run" : "whoever may write there is root too",
                fix: "mend the permissions, or name a `user`")
        case .found: break
        }
    }
}

extension IPPrefix {
    /// Whether an address lies in the network.
    func contains(_ address: IPAddress) -> Bool {
        switch (self.address, address) {
        case (.v4(let network), .v4(let host)):
            return length == 0 || (network.bits ^ host.bits) >> (32 - UInt32(min(length, 32))) == 0
        case (.v6(let network), .v6(let host)):
            let high = network.high ^ host.high
            let low = network.low ^ host.low
            if length <= 64 { return length == 0 || high >> (64 - UInt64(length)) == 0 }
            return high == 0 && low >> (128 - UInt64(min(length, 128))) == 0
        default: return false
        }
    }
}
