import Arbitration
import Primitives
import VRRP

/// What one node holds true of itself and its virtual router: what it tells the others.
public struct GreetingFacts: Hashable, Sendable {
    /// The node. Different nodes have different names.
    public var name: HolderName
    /// The program and its version, for people.
    public var program: HelloText
    public var role: Role
    /// The effective one.
    public var priority: Priority
    /// The first reason why it may not be master now; nil: it may.
    public var obstacle: HelloText?
    /// A backup that wants to be master, and asks the holder to hand over.
    public var claims: Bool
    /// A master that is about to stop, or any node that will take no more.
    public var isDeparting: Bool
    public var version: Version
    public var interval: Centiseconds
    public var preempts: Bool
    /// Of the virtual addresses, in any order: `Advertisement.addressDigest(of:)`.
    public var addresses: UInt64
    public var authentication: Authentication
    public var lease: Lease?
    /// The highest epoch it knows of the lease.
    public var epoch: Epoch
    /// Who holds, as far as it knows.
    public var holder: HolderName?

    /// How adverts are authenticated.
    public struct Authentication: Hashable, Sendable {
        public enum Kind: UInt8, Hashable, Sendable, CustomStringConvertible {
            case none = 0
            case password = 1
            case hmac = 2

            public var description: String {
                switch self {
                case .none: "none"
                case .password: "a password"
                case .hmac: "HMAC"
                }
            }
        }

        public var kind: Kind
        /// `HelloSeal.digest(of:)` of the secret; 0 where hellos have no key, since any other digest would help to guess it.
        public var digest: UInt64

        public init(_ kind: Kind, digest: UInt64 = 0) {
            self.kind = kind
            self.digest = digest
        }
    }

    /// The lease that the router needs.
    public struct Lease: Hashable, Sendable {
        /// Of its name: ``digest(of:)``.
        public var digest: UInt64
        public var terms: LeaseTerms

        public init(digest: UInt64, terms: LeaseTerms) {
            self.digest = digest
            self.terms = terms
        }

        /// The first 64 bits of the SHA-256 of a name, which is no secret.
        public static func digest(of name: String) -> UInt64 {
            SHA256.hash(Array(name.utf8)).span.bytes.uint64(at: 0) ?? 0
        }
    }

    public init(
        name: HolderName, program: HelloText = HelloText("aloft"), role: Role = .initialize,
        priority: Priority = Priority(100), obstacle: HelloText? = nil, claims: Bool = false, isDeparting: Bool = false,
        version: Version = .v3, interval: Centiseconds = Centiseconds(100), preempts: Bool = true,
        addresses: UInt64 = 0,
        authentication: Authentication = Authentication(.none), lease: Lease? = nil, epoch: Epoch = .none,
        holder: HolderName? = nil
    ) {
        self.name = name
        self.program = program
        self.role = role
        self.priority = priority
        self.obstacle = obstacle
        self.claims = claims
        self.isDeparting = isDeparting
        self.version = version
        self.interval = interval
        self.preempts = preempts
        self.addresses = addresses
        self.authentication = authentication
        self.lease = lease
        self.epoch = epoch
        self.holder = holder
    }

    /// Whether it may be master now, and will stay.
    public var isEligible: Bool { obstacle == nil && !isDeparting && priority != .releasing }
}

/// Words for people: 1…64 printable ASCII characters. Others become `?`, and what is too long is cut.
public struct HelloText: Hashable, Sendable, CustomStringConvertible {
    public static let longest = 64
    public let description: String

    public init(_ text: String) {
        let bytes = text.utf8.prefix(Self.longest).map { (0x20...0x7e).contains($0) ? $0 : UInt8(ascii: "?") }
        description = bytes.isEmpty ? "?" : String(decoding: bytes, as: UTF8.self)
    }
}
