import Primitives

/// The way from a host as it is to a real server of direct routing, and back.
///
/// All servers carry the virtual address and only the director may be found under it. So it stands on `lo`, where no neighbour asks,
/// and the interfaces that are asked are told to answer for their own addresses only. That is `arp_ignore` and `arp_announce` for
/// IPv4. Linux answers a neighbour solicitation only for addresses of the interface that heard it, so IPv6 needs no setting.
public struct RealServerSetup: Hashable, Sendable {
    /// One thing to do, in the order given.
    public enum Step: Hashable, Sendable, CustomStringConvertible {
        /// Below /proc/sys.
        case write(String, from: String, to: String)
        /// As /32 or /128.
        case add(IPAddress, interface: String)
        case remove(IPAddress, interface: String)

        public var description: String {
            switch self {
            case .write(let name, let old, let new):
                name.split(separator: "/").joined(separator: ".") + ": \(old) → \(new)"
            case .add(let address, let interface): "\(IPPrefix(host: address)) added to \(interface)"
            case .remove(let address, let interface): "\(IPPrefix(host: address)) removed from \(interface)"
            }
        }
    }

    public private(set) var steps: [Step] = []
    /// What the file must hold before the first step: old and new. A run that ends in between can be repeated, or undone.
    public private(set) var ledger: RealServerLedger
    /// What it holds after the last step.
    public private(set) var ledgerAfter: RealServerLedger
    /// What somebody should know, a sentence each.
    public private(set) var notes: [String] = []
    /// Why nothing may be done, a sentence each; then there are no steps.
    public private(set) var refusals: [String] = []

    private init(_ ledger: RealServerLedger?, host: RealServerHost) {
        let empty = RealServerLedger(boot: host.boot, network: host.network)
        var notes: [String] = []
        var refusals: [String] = []
        var known = ledger ?? empty
        if known.boot != host.boot {
            notes.append("the ledger is of an earlier boot: void")
            known = empty
        } else if known.network != host.network {
            refusals.append(
                "the ledger is of another network namespace, \(known.network): give another --state-dir here")
        }
        self.ledger = known
        ledgerAfter = known
        self.notes = notes
        self.refusals = refusals
    }
}

// MARK: - Up

extension RealServerSetup {
    /// The steps after which `addresses` stand on `interface` and are answered by nobody here. Settings come first, so that no request
    /// is answered in between.
    /// - Parameter ledger: what an earlier run left; nil for none.
    public static func up(
        _ addresses: [IPAddress], interface: String, host: RealServerHost, ledger: RealServerLedger?
    ) -> RealServerSetup {
        var setup = RealServerSetup(ledger, host: host)
        var seen: Set<IPAddress> = []
        let wanted = addresses.filter { seen.insert($0).inserted }
        setup.refuse(wanted, interface, host)
        guard setup.refusals.isEmpty else { return setup }

        let known = setup.ledger.addresses
        let isIPv4 = (wanted + known.map(\.address)).contains { $0.family == .ipv4 }
        if isIPv4 {
            for carrier in carriers(of: known, and: interface) { setup.silence(carrier, host) }
        }
        for address in wanted {
            if let directed = host.directed[address] {
                setup.notes.append("\(address) is directed here too, by \(directed)")
            }
            let stands = host.places(of: address).contains { $0.interface == interface }
            if !setup.ledger.addresses.contains(where: { $0.address == address }) {
                setup.ledger.addresses.append(.init(address, on: interface, wasThere: stands))
            }
            if !stands { setup.steps.append(.add(address, interface: interface)) }
        }
        setup.ledgerAfter = setup.ledger
        return setup
    }

    private static func carriers(of known: [RealServerLedger.Address], and interface: String) -> [String] {
        var found = [interface]
        for entry in known where entry.address.family == .ipv4 && !found.contains(entry.interface) {
            found.append(entry.interface)
        }
        return found
    }

    private mutating func refuse(_ addresses: [IPAddress], _ interface: String, _ host: RealServerHost) {
        guard let carrier = host.interface(interface) else {
            return refusals.append("there is no interface \(interface)")
        }
        if carrier.isAsked {
            return refusals.append(
                "\(interface) is an interface on which neighbours ask: an address on it is answered; use lo, or a dummy"
            )
        }
        if !carrier.isUp { refusals.append("\(interface) is down: ip link set \(interface) up") }
        for address in addresses {
            if let fault = Self.fault(of: address) { refusals.append("\(address) is \(fault)") }
            if address.family == .ipv6, carrier.refusesIPv6 {
                refusals.append("\(interface) takes no IPv6: sysctl net.ipv6.conf.\(interface).disable_ipv6=0")
            }
            if let entry = ledger.addresses.first(where: { $0.address == address }), entry.interface != interface {
                refusals.append(
                    "\(address) was set up on \(entry.interface): aloft realserver down \(address), then up again")
                continue
            }
            for place in host.places(of: address) {
                if place.interface != interface {
                    refusals.append(Self.isHeld(place, host))
                } else if place.prefix != IPPrefix(host: address) {
                    refusals.append(
                        "\(place.prefix) stands on \(interface), and makes the whole network this host's own: ip addr del \(place.prefix) dev \(interface)"
                    )
                }
            }
        }
    }

    static func isHeld(_ place: RealServerHost.Address, _ host: RealServerHost) -> String {
        let address = place.prefix.address
        let end =
            host.directed[address].map { "this host is its director (\($0)), and master" }
            ?? "ip addr del \(place.prefix) dev \(place.interface), if that is not meant"
        let answers = host.interface(place.interface)?.isAsked ?? true
        return
            "\(address) stands on \(place.interface)\(answers ? ", where neighbours are told of it" : ""): \(end)"
    }

    private static func fault(of address: IPAddress) -> String? {
        if address.isMulticast { return "a multicast address" }
        switch address {
        case .v4(let v4):
            if v4.bits == 0 || v4.bits == .max { return "no host's address" }
            return v4.bits >> 24 == 127 ? "this host's own, wherever it is" : nil
        case .v6(let v6):
            if v6.isLinkLocal { return "link-local, and nobody's beyond its link" }
            if v6.high == 0 && v6.low <= 1 {
                return v6.low == 0 ? "no host's address" : "this host's own, wherever it is"
            }
            return nil
        }
    }

    /// Settings for `all`, for the interface that carries the addresses, and for any other whose own setting would outweigh those.
    private mutating func silence(_ carrier: String, _ host: RealServerHost) {
        for setting in ARPSetting.allCases {
            let others = host.interfaces.filter(\.isAsked).map(\.name).filter { name in
                guard let own = host.settings[setting.name(of: name)], let number = Int(own) else { return false }
                return number > (Int(setting.wanted) ?? 0) && !setting.suffices(own)
            }
            for interface in ["all", carrier] + others {
                let name = setting.name(of: interface)
                guard let value = host.settings[name], !setting.suffices(value) else { continue }
                let step = Step.write(name, from: value, to: setting.wanted)
                guard !steps.contains(step) else { continue }
                steps.append(step)
                if !ledger.settings.contains(where: { $0.name == name }) {
                    ledger.settings.append(.init(name, before: value, written: setting.wanted))
                }
            }
        }
    }
}

// MARK: - Down

extension RealServerSetup {
    /// The steps after which `addresses` are gone, and with the last IPv4 address the settings are what they were.
    /// - Parameter addresses: empty means all that were set up.
    public static func down(
        _ addresses: [IPAddress], host: RealServerHost, ledger: RealServerLedger?
    ) -> RealServerSetup {
        var setup = RealServerSetup(ledger, host: host)
        guard setup.refusals.isEmpty else { return setup }
        let known = setup.ledger.addresses
        for address in addresses where !known.contains(where: { $0.address == address }) {
            if let place = host.places(of: address).first {
                setup.refusals.append(
                    "\(address) stands on \(place.interface), but was not put there by `realserver up`")
            }
        }
        guard setup.refusals.isEmpty else { return setup }

        let going = known.filter { addresses.isEmpty || addresses.contains($0.address) }
        let staying = known.filter { !going.contains($0) }
        for entry in going {
            let stands = host.places(of: entry.address).contains {
                $0.interface == entry.interface && $0.prefix == IPPrefix(host: entry.address)
            }
            if entry.wasThere {
                setup.notes.append("\(entry.address) stood on \(entry.interface) before: it stays")
            } else if stands {
                setup.steps.append(.remove(entry.address, interface: entry.interface))
            }
        }
        setup.ledgerAfter.addresses = staying
        setup.restore(host, going: going, staying: staying)
        return setup
    }

    private mutating func restore(
        _ host: RealServerHost, going: [RealServerLedger.Address], staying: [RealServerLedger.Address]
    ) {
        let carriers = staying.filter { $0.address.family == .ipv4 }.map(\.interface)
        let left = going.map(\.interface)
        var kept: [RealServerLedger.Setting] = []
        for entry in ledger.settings {
            if !carriers.isEmpty, carriers.contains(entry.interface) || !left.contains(entry.interface) {
                kept.append(entry)
                continue
            }
            switch host.settings[entry.name] {
            case entry.written: steps.append(.write(entry.name, from: entry.written, to: entry.before))
            case entry.before, nil: break  // as it was, or the interface is gone
            case let other?:
                notes.append("\(entry.name) is \(other) by now, which is not what was written: it stays")
            }
        }
        ledgerAfter.settings = kept
    }
}
