import Primitives

/// One `arbiter`: a third party that grants leases, so that two nodes that lose sight of each other do not both hold an address.
public struct ArbiterDefinition: Hashable, Sendable {
    /// `type`, and the settings that only this type has.
    public enum Kind: Hashable, Sendable {
        case witness(WitnessSettings)
        case etcd(EtcdSettings)
        case corosync(CorosyncSettings)

        /// As `type` has it.
        public var name: String {
            switch self {
            case .witness: "witness"
            case .etcd: "etcd"
            case .corosync: "corosync"
            }
        }
    }

    /// `arbiter_down`: what becomes of a lease that cannot be renewed because the arbiter does not answer.
    public enum DownPolicy: String, Hashable, Sendable, CaseIterable {
        /// The holder goes on while every member has promised not to take.
        case peers
        /// The holder lets go.
        case drop
        /// The holder goes on in any case. Two nodes may then hold: SAFE-2 of docs/invariants.md does not stand.
        case keep
    }

    /// The block's name: unique, never empty. It is this file's own; the arbiter never hears it.
    public var name: String
    public var kind: Kind
    /// `lease`, 0.1…3600 s: L of `LeaseTerms`. 1 s unless written, 5 s for etcd.
    public var leaseDuration: Duration
    /// `drift` in parts per thousand, 1…300: Φ of `LeaseTerms`.
    public var drift: UInt16 = Self.defaultDrift
    public var whenDown: DownPolicy = .peers
    /// `cluster`: what the estate is called at the arbiter, on all nodes alike: 1…64 printable ASCII characters without space
    /// and slash. Names of leases begin with it.
    public var cluster: String = Self.defaultCluster
    /// `node`, or `router_id`: what this node is called at the arbiter, on each node otherwise: 1…64 printable ASCII characters
    /// without space. Nil is the host's name.
    public var node: String?

    public static let defaultDrift: UInt16 = 100
    public static let defaultCluster = "aloft"
    /// The most characters of `cluster` and `node`.
    public static let longestName = 64
    /// Of `lease`.
    public static let allowedLease: ClosedRange<Duration> = .milliseconds(100)...(.seconds(3600))
    /// Of `drift`, in parts per thousand.
    public static let allowedDrift: ClosedRange<UInt16> = 1...300

    public init(name: String, kind: Kind, leaseDuration: Duration? = nil) {
        self.name = name
        self.kind = kind
        self.leaseDuration = leaseDuration ?? kind.defaultLease
    }
}

extension ArbiterDefinition.Kind {
    /// Where `lease` is not written. An etcd whose leader is lost commits nothing for up to 2.7 s.
    public var defaultLease: Duration {
        switch self {
        case .witness, .corosync: .seconds(1)
        case .etcd: .seconds(5)
        }
    }
}

/// Where a witness is, and how it knows its nodes.
public struct WitnessSettings: Hashable, Sendable {
    /// What requests and answers are signed with.
    public enum Key: Hashable, Sendable {
        /// `key`: 16…256 bytes.
        case bytes(Secret)
        /// `key_file`: a path that begins with a slash. What stands in the file is read where it is used.
        case file(String)
    }

    /// `address`; never a virtual address of an instance that has its lease from here.
    public var address: IPAddress
    /// Behind `address`.
    public var port: UInt16 = Self.defaultPort
    /// `source`; nil is the kernel's choice.
    public var source: IPAddress?
    public var key: Key

    /// UDP, unless another is written.
    public static let defaultPort: UInt16 = 8694
    /// The fewest and the most bytes of a key.
    public static let keyLength = 16...256

    public init(address: IPAddress, key: Key) {
        self.address = address
        self.key = key
    }
}

/// Where an etcd cluster is, and how it knows its users.
public struct EtcdSettings: Hashable, Sendable {
    /// `endpoint`.
    public struct Endpoint: Hashable, Sendable, CustomStringConvertible {
        /// `https`.
        public var usesTLS: Bool
        public var address: IPAddress
        public var port: UInt16

        public init(usesTLS: Bool, address: IPAddress, port: UInt16) {
            self.usesTLS = usesTLS
            self.address = address
            self.port = port
        }

        /// As it is written.
        public var description: String {
            let host = address.family == .ipv6 ? "[\(address)]" : "\(address)"
            return "\(usesTLS ? "https" : "http")://\(host):\(port)"
        }
    }

    /// In the order of the file, each once; never empty. They are one cluster's.
    public var endpoints: [Endpoint]
    /// `tls_ca`: a file with the authorities that certificates are checked against; nil is the system's.
    public var authorities: String?
    /// `tls_certificate`, with `tls_key` or both nil: what this node shows.
    public var certificate: String?
    /// `tls_key`.
    public var key: String?
    /// `tls_name`: the name that the server's certificate must have; nil is the address.
    public var serverName: String?
    /// `user`, with `password` or both nil.
    public var user: String?
    public var password: Secret?
    /// `prefix`: what keys begin with; the lease's name follows.
    public var prefix: String = Self.defaultPrefix
    /// `cluster_id`: answers of any other cluster are not believed; nil takes the first that answers.
    public var clusterID: UInt64?

    public static let defaultPrefix = "/aloft/"

    public init(endpoints: [Endpoint]) { self.endpoints = endpoints }
}

/// Where leases are in a Corosync cluster that runs on this node.
public struct CorosyncSettings: Hashable, Sendable {
    /// `group`, or `aloft-` and the name of the cluster: the closed process group, 1…128 printable ASCII characters without space.
    public var group: String

    /// CPG_MAX_NAME_LENGTH of corosync/cpg.h.
    public static let longestGroup = 128

    public init(group: String) { self.group = group }
}
