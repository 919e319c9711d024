/// What is fuzzed: a reader of bytes that others wrote, with what it promises about any of them.
///
/// Each check throws the promise that an input broke; a trap, a hang and a flood of memory are for whoever runs it to see.
public enum FuzzTarget: String, CaseIterable, Sendable {
    /// A configuration from text to diagnostics and model, under both leniencies.
    case configuration
    /// The text and its includes alone: words, statements, blocks, patterns, addresses.
    case language
    /// VRRP from the wire.
    case advertisement
    /// ARP and neighbour advertisements from the wire.
    case claim
    /// rtnetlink from the kernel.
    case netlink
    /// ip_vs from the kernel.
    case ipvs
    /// nf_tables and connection tracking from the kernel, up to what it forwards.
    case nftables
    /// The control socket's JSON, and what supervisor and worker say to each other.
    case control
    /// Answers of servers to every kind of check.
    case conversation
    /// A mail server's answers, and the mail that is made of whatever text.
    case mail
    /// Answers of an etcd, and what its watch tells.
    case etcd
    /// What members of a Corosync group send each other.
    case register
    /// What nodes of a virtual router say to each other.
    case hello
    /// What a witness and its nodes say to each other, and what a witness keeps.
    case witness

    /// Whether the input is a configuration, which `ConfigurationMutator` knows how to spoil.
    public var isText: Bool { self == .configuration || self == .language }

    /// Reads `input` and checks what came of it. Returns a digest of all that was said, which is the same in every process.
    @discardableResult
    public func check(_ input: [UInt8], _ examination: Examination = .all) throws(Violation) -> UInt64 {
        switch self {
        case .configuration: try ConfigurationTarget.check(input, examination)
        case .language: try LanguageTarget.check(input, examination)
        case .advertisement: try AdvertisementTarget.check(input)
        case .claim: try ClaimTarget.check(input)
        case .netlink: try NetlinkTarget.check(input)
        case .ipvs: try IPVSTarget.check(input)
        case .nftables: try NFTablesTarget.check(input)
        case .control: try ControlTarget.check(input)
        case .conversation: try ConversationTarget.check(input)
        case .mail: try MailTarget.check(input)
        case .etcd: try EtcdTarget.check(input)
        case .register: try RegisterTarget.check(input)
        case .hello: try HelloTarget.check(input)
        case .witness: try WitnessTarget.check(input)
        }
    }
}

/// A promise that an input broke.
public struct Violation: Error, CustomStringConvertible, Sendable {
    public var description: String

    public init(_ description: String) { self.description = description }
}

func require(_ holds: Bool, _ promise: @autoclosure () -> String) throws(Violation) {
    if !holds { throw Violation(promise()) }
}

/// FNV-1a over whatever is added.
struct Digest {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    }

    mutating func add(_ text: String) { add(text.utf8) }

    static func hash(_ bytes: [UInt8]) -> UInt64 {
        var digest = Digest()
        digest.add(bytes)
        return digest.value
    }
}

/// Of which inputs all promises are looked at, which takes many times what reading them takes.
public enum Examination: Sendable {
    case all
    /// One in sixteen; of the others it is enough that they are read to their ends.
    case some

    func includes(_ hash: UInt64) -> Bool {
        switch self {
        case .all: true
        case .some: hash >> 8 & 15 == 0
        }
    }
}
