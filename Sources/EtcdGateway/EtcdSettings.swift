import Primitives

/// Where a member of an etcd cluster serves clients: `http://ADDRESS:PORT` or `https://ADDRESS:PORT`, an IPv6 address in
/// brackets. An address, because a name would have to be looked up while leases run.
public struct EtcdEndpoint: Hashable, Sendable, CustomStringConvertible {
    public var isSecure: Bool
    public var address: IPAddress
    public var port: UInt16

    public init(_ address: IPAddress, port: UInt16, isSecure: Bool = false) {
        self.address = address
        self.port = port
        self.isSecure = isSecure
    }

    /// Why a text names no endpoint. One sentence for people.
    public struct Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        public var description: String
    }

    public init(_ text: String) throws(Refusal) {
        let bytes = Array(text.utf8)[...]
        let secure = bytes.starts(with: "https://".utf8)
        guard secure || bytes.starts(with: "http://".utf8) else {
            throw Refusal(description: "an endpoint begins with http:// or https://, as http://192.0.2.1:2379")
        }
        var rest = bytes.dropFirst(secure ? 8 : 7)
        if rest.last == UInt8(ascii: "/") { rest.removeLast() }
        guard let colon = rest.lastIndex(of: UInt8(ascii: ":")),
            rest[colon...].dropFirst().allSatisfy({ (0x30...0x39).contains($0) }),
            let port = UInt16(String(decoding: rest[colon...].dropFirst(), as: UTF8.self)), port > 0
        else {
            throw Refusal(description: "an endpoint ends with its port, 1-65535; etcd's is 2379 unless it was changed")
        }
        var host = rest[..<colon]
        let isBracketed = host.first == UInt8(ascii: "[") && host.last == UInt8(ascii: "]")
        if isBracketed { host = host.dropFirst().dropLast() }
        guard let address = IPAddress(utf8: host), isBracketed == (address.family == .ipv6) else {
            let name = String(decoding: host.prefix(60), as: UTF8.self)
            throw Refusal(
                description:
                    "`\(name)` is no address: an endpoint is written with one (an IPv6 address in brackets), because name servers are not asked while leases run"
            )
        }
        self.init(address, port: port, isSecure: secure)
    }

    /// What stands between the scheme and the path, and in the header `Host`.
    public var authority: String {
        address.family == .ipv6 ? "[\(address)]:\(port)" : "\(address):\(port)"
    }

    public var description: String { "\(isSecure ? "https" : "http")://\(authority)" }
}

/// How an etcd cluster is reached, and what of it is used.
public struct EtcdSettings: Hashable, Sendable {
    /// What is shown to `https` endpoints, and asked of them. Paths of PEM files.
    public struct TLS: Hashable, Sendable {
        /// Whom to trust; nil: the host's authorities.
        public var authority: String?
        /// The client's certificate (with its chain), and its key.
        public var certificate: String?
        public var key: String?
        /// Whom the certificate must be for; nil: the endpoint's address.
        public var name: String?

        public init(
            authority: String? = nil, certificate: String? = nil, key: String? = nil, name: String? = nil
        ) {
            self.authority = authority
            self.certificate = certificate
            self.key = key
            self.name = name
        }
    }

    /// The members, in the order in which they are tried; at least one.
    public var endpoints: [EtcdEndpoint]
    /// Keys are `PREFIX/CLUSTER/GROUP`; it ends with a slash.
    public var prefix: String
    public var tls = TLS()
    /// Whom to authenticate as; nil: nobody.
    public var user: String?
    public var password: Secret?
    /// The cluster to be spoken to; nil: the one that answers first.
    public var clusterID: UInt64?
    /// What an answer may take, before it counts as lost and another member is asked: a sixth of the lease.
    public var patience: Duration

    public static let defaultPrefix = "/aloft/v1/"

    public init(endpoints: [EtcdEndpoint], prefix: String = EtcdSettings.defaultPrefix, patience: Duration) {
        self.endpoints = endpoints
        self.prefix = prefix.utf8.last == UInt8(ascii: "/") ? prefix : prefix + "/"
        self.patience = patience
    }

    /// What `cluster_id` says: decimal as the API answers, or hexadecimal with `0x` before it, as etcd's log has it.
    public static func clusterID(_ text: String) -> UInt64? {
        let isHexadecimal = text.utf8.starts(with: "0x".utf8)
        let digits = isHexadecimal ? Array(text.utf8.dropFirst(2)) : Array(text.utf8)
        guard let first = digits.first, first != UInt8(ascii: "+"), first != UInt8(ascii: "-") else { return nil }
        return UInt64(String(decoding: digits, as: UTF8.self), radix: isHexadecimal ? 16 : 10)
    }
}
