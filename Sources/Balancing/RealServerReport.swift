import Primitives

/// Whether a host is the real server it should be: what `aloft realserver status` says.
public struct RealServerReport: Hashable, Sendable {
    /// One thing that was looked at.
    public struct Finding: Hashable, Sendable {
        /// An address, or `arp_ignore on eth0`.
        public var subject: String
        public var isRight: Bool
        /// What was found.
        public var text: String
        /// What to do about it; nil where nothing is wrong.
        public var remedy: String?
    }

    public private(set) var findings: [Finding] = []
    public private(set) var notes: [String] = []

    public var isRight: Bool { !findings.isEmpty && findings.allSatisfy(\.isRight) }

    /// - Parameter addresses: empty means all that were set up.
    public init(_ addresses: [IPAddress], interface: String, host: RealServerHost, ledger: RealServerLedger?) {
        var known: [RealServerLedger.Address] = []
        if let ledger, ledger.boot == host.boot, ledger.network == host.network {
            known = ledger.addresses
        } else if ledger != nil {
            notes.append("the ledger is of an earlier boot or another network namespace: void")
        }
        let asked = addresses.isEmpty ? known.map(\.address) : addresses
        for address in asked {
            let carrier = known.first { $0.address == address }?.interface ?? interface
            judge(address, on: carrier, host)
            if let directed = host.directed[address] {
                notes.append("\(address) is directed here too, by \(directed)")
            }
        }
        if asked.contains(where: { $0.family == .ipv4 }) { judgeARP(asked, host) }
    }

    private mutating func right(_ subject: String, _ text: String) {
        findings.append(Finding(subject: subject, isRight: true, text: text))
    }

    private mutating func wrong(_ subject: String, _ text: String, _ remedy: String) {
        findings.append(Finding(subject: subject, isRight: false, text: text, remedy: remedy))
    }

    private mutating func judge(_ address: IPAddress, on interface: String, _ host: RealServerHost) {
        let subject = "\(address)"
        let places = host.places(of: address)
        let elsewhere = places.filter { $0.interface != interface }
        for place in elsewhere {
            let isAsked = host.interface(place.interface)?.isAsked ?? true
            wrong(
                subject, "stands on \(place.interface)" + (isAsked ? ", where neighbours are told of it" : ""),
                host.directed[address] != nil
                    ? "this host is its director, and master: hand it over first"
                    : "ip addr del \(place.prefix) dev \(place.interface)")
        }
        guard let place = places.first(where: { $0.interface == interface }) else {
            if elsewhere.isEmpty {
                wrong(
                    subject, "does not stand on \(interface): what the director sends is not taken",
                    "aloft realserver up \(address)")
            }
            return
        }
        if place.prefix != IPPrefix(host: address) {
            wrong(
                subject, "stands on \(interface) as /\(place.prefix.length): the whole network is this host's own",
                "ip addr del \(place.prefix) dev \(interface), then aloft realserver up \(address)")
        } else if host.interface(interface)?.isUp != true {
            wrong(subject, "stands on \(interface), which is down", "ip link set \(interface) up")
        } else if elsewhere.isEmpty {
            right(
                subject,
                "stands on \(interface)"
                    + (address.family == .ipv6 ? ", where no neighbour solicitation is answered for it" : ""))
        }
    }

    private mutating func judgeARP(_ addresses: [IPAddress], _ host: RealServerHost) {
        let again = addresses.filter { $0.family == .ipv4 }.map(\.description).joined(separator: " ")
        for setting in ARPSetting.allCases {
            for interface in host.interfaces where interface.isAsked {
                let subject = "\(setting.rawValue) on \(interface.name)"
                let value = setting.effective(on: interface.name, host.settings)
                switch value {
                case let value? where setting.suffices(value): right(subject, value)
                case let value?:
                    wrong(
                        subject,
                        setting == .ignore
                            ? "\(value): requests for an address of another interface are answered"
                            : "\(value): requests go out with an address of another interface",
                        "aloft realserver up \(again)")
                case nil: wrong(subject, "cannot be read", "look at /proc/sys/\(setting.name(of: interface.name))")
                }
            }
        }
    }
}
