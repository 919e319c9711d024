import Primitives

/// The name of a cluster at a witness: 1…64 printable ASCII characters without space. Each has its own key and its own leases.
public struct ClusterName: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    public static let longest = 64

    public init?(_ name: String) {
        guard (1...Self.longest).contains(name.utf8.count), name.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            return nil
        }
        description = name
    }
}

/// One life of a witness: 128 random bits, chosen at each start and whenever the kernel says that this machine is another copy of
/// itself. A request that names another life changes nothing.
public struct WitnessLife: Hashable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// That of nobody: an asker's who has not heard the witness yet.
    public static let unknown = WitnessLife(high: 0, low: 0)

    /// 32 hexadecimal digits.
    public var description: String {
        [high, low].map {
            let digits = String($0, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }
}

/// What makes an answer one to this request: never used twice.
public struct WitnessNonce: Hashable, Sendable {
    /// 64 random bits of the asking process.
    public var asker: UInt64
    /// One more with each request.
    public var count: UInt64

    public init(asker: UInt64, count: UInt64) {
        self.asker = asker
        self.count = count
    }
}

/// Which write brought a record. No two writes have the same.
public struct LeaseStamp: Hashable, Sendable {
    public var version: UInt64
    public var incarnation: Incarnation
    public var request: UInt64

    public init(version: UInt64, incarnation: Incarnation, request: UInt64) {
        self.version = version
        self.incarnation = incarnation
        self.request = request
    }

    public init(_ record: LeaseRecord) {
        self.init(version: record.version, incarnation: record.incarnation, request: record.request)
    }
}

/// The highest epoch and version that someone knows of a lease. Both only grow.
public struct LeaseHeight: Hashable, Sendable {
    public var epoch: Epoch
    public var version: UInt64

    public init(epoch: Epoch = .none, version: UInt64 = 0) {
        self.epoch = epoch
        self.version = version
    }

    public init(_ record: LeaseRecord) { self.init(epoch: record.epoch, version: record.version) }

    /// Whether `other` has nothing higher.
    public func covers(_ other: LeaseHeight) -> Bool { epoch >= other.epoch && version >= other.version }

    public mutating func rise(to other: LeaseHeight) {
        epoch = max(epoch, other.epoch)
        version = max(version, other.version)
    }

    /// Where a witness begins that may have forgotten something: above all that it gave out before, as long as its wall clock did not go
    /// back. Epochs: Unix milliseconds × 256, as no lease is taken 256 times a millisecond. Versions: milliseconds × 2²⁰, as each start of a
    /// witness raises them by 2²⁰ and renewals are far rarer. Until the year 2248 both are below 2⁶³.
    public init(unixNanoseconds: Int64) {
        let milliseconds = UInt64(clamping: max(0, unixNanoseconds) / 1_000_000)
        self.init(epoch: Epoch(milliseconds << 8), version: milliseconds << 20)
    }
}

/// Where a datagram of a witness goes to, or comes from.
public struct WitnessPeer: Hashable, Sendable {
    public var address: IPAddress
    public var port: UInt16
    /// Of a link-local address; 0 otherwise.
    public var interface: UInt32
    /// The witness's own address that was spoken to; nil where it has only one.
    public var own: IPAddress?

    public init(_ address: IPAddress, port: UInt16, interface: UInt32 = 0, own: IPAddress? = nil) {
        self.address = address
        self.port = port
        self.interface = interface
        self.own = own
    }
}
