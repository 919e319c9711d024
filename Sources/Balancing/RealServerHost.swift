import Primitives

/// What a host looks like to one who sets it up as a real server: read once, a plain value.
public struct RealServerHost: Hashable, Sendable {
    /// A network interface.
    public struct Interface: Hashable, Sendable {
        public var name: String
        public var isUp: Bool
        public var isLoopback: Bool
        /// IFF_NOARP: it asks and answers nobody (a dummy, a tunnel).
        public var isWithoutARP: Bool
        /// `disable_ipv6`.
        public var refusesIPv6: Bool

        public init(
            _ name: String, isUp: Bool = true, isLoopback: Bool = false, isWithoutARP: Bool = false,
            refusesIPv6: Bool = false
        ) {
            self.name = name
            self.isUp = isUp
            self.isLoopback = isLoopback
            self.isWithoutARP = isWithoutARP
            self.refusesIPv6 = refusesIPv6
        }

        /// Whether others learn addresses by asking on it.
        public var isAsked: Bool { !isLoopback && !isWithoutARP }
    }

    /// An address on an interface.
    public struct Address: Hashable, Sendable {
        public var prefix: IPPrefix
        public var interface: String

        public init(_ prefix: IPPrefix, on interface: String) {
            self.prefix = prefix
            self.interface = interface
        }
    }

    public var interfaces: [Interface]
    public var addresses: [Address]
    /// The kernel's settings that matter here, by their names below /proc/sys: ``ARPSetting`` of `all` and of every interface.
    public var settings: [String: String]
    /// What this host directs itself, with what says so, such as `instance VI_1 of this host's daemon`.
    public var directed: [IPAddress: String]
    /// The kernel's id of this boot: what was changed before it is gone.
    public var boot: String
    /// The network namespace, as /proc names it.
    public var network: String

    public init(
        interfaces: [Interface], addresses: [Address] = [], settings: [String: String] = [:],
        directed: [IPAddress: String] = [:], boot: String = "", network: String = ""
    ) {
        self.interfaces = interfaces
        self.addresses = addresses
        self.settings = settings
        self.directed = directed
        self.boot = boot
        self.network = network
    }

    public func interface(_ name: String) -> Interface? { interfaces.first { $0.name == name } }

    /// Where `address` stands, in the order of the interfaces.
    public func places(of address: IPAddress) -> [Address] {
        addresses.filter { $0.prefix.address == address }
    }
}

/// The two settings that keep a real server silent about its virtual addresses (Documentation/networking/ip-sysctl.rst).
public enum ARPSetting: String, Hashable, Sendable, CaseIterable {
    /// Which requests are answered. 1: only those for an address of the interface that hears them.
    case ignore = "arp_ignore"
    /// Which source requests carry. 2: never an address of another interface, where one of its own will do.
    case announce = "arp_announce"

    /// What makes a real server of a host.
    public var wanted: String { self == .ignore ? "1" : "2" }

    /// `net/ipv4/conf/INTERFACE/arp_…`; `all` is an interface here.
    public func name(of interface: String) -> String { "net/ipv4/conf/\(interface)/\(rawValue)" }

    /// Whether a value keeps the host silent. The kernel takes the greater of `all` and the interface's own, and 3 answers for
    /// addresses of other interfaces again, as do the numbers that mean nothing yet.
    public func suffices(_ value: String) -> Bool {
        switch self {
        case .ignore: ["1", "2", "8"].contains(value)
        case .announce: value == "2"
        }
    }

    /// The value that counts on `interface`; nil when one of the two cannot be read.
    public func effective(on interface: String, _ settings: [String: String]) -> String? {
        guard let all = settings[name(of: "all")].flatMap({ Int($0) }),
            let own = settings[name(of: interface)].flatMap({ Int($0) })
        else { return nil }
        return String(max(all, own))
    }
}

/// The virtual services of /proc/net/ip_vs.
public enum IPVSListing {
    /// Their addresses, each once. Lines that are not understood are passed over.
    public static func addresses(in text: String) -> [IPAddress] {
        var found: [IPAddress] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count > 1, ["TCP", "UDP", "SCTP"].contains(words[0]) else { continue }
            let service = words[1].utf8
            let address: IPAddress?
            if service.first == UInt8(ascii: "[") {
                address = IPAddress(utf8: Array(service.dropFirst().prefix { $0 != UInt8(ascii: "]") })[...])
            } else {
                let digits = service.prefix { $0 != UInt8(ascii: ":") }
                address =
                    digits.count == 8
                    ? UInt32(String(Substring(digits)), radix: 16).map { .v4(IPv4Address(bits: $0)) } : nil
            }
            if let address, !found.contains(address) { found.append(address) }
        }
        return found
    }
}
